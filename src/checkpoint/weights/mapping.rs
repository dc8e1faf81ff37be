//! Files that stay on disk and are read as if they were memory. The crate's one exception from safe code.
//!
//! Reading 13 GB into memory to use it once would take minutes and twice the memory, so weight files are mapped. What
//! other programs do to a mapped file reaches this one, in two ways:
//!
//! - **It changes.** Another program writes into it, and the next product reads other numbers. They are numbers like
//!   any others, so nothing breaks, but the answer is one of two models. [`MappedFile::change`] tells.
//! - **It becomes shorter.** Its pages are gone, and the system ends a program that reads one (SIGBUS), window and all.
//!   On Unix a handler puts pages of zeros in their place and notes that it did: the product goes on with zeros, and
//!   [`MappedFile::is_lost`] ends the question behind it. Elsewhere the system refuses to shorten a file that is
//!   mapped.
//!
//! Reads that cannot fault (`pread`) would copy every weight for every token, which halves the speed of a program whose
//! limit is the memory's.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

/// A file that was opened and mapped.
#[derive(Debug)]
pub(super) struct MappedFile {
    /// Notes faults inside of the map, and is dropped before it. `None` where there is no handler.
    watch: Option<watch::Watch>,
    map: memmap2::Mmap,
    file: File,
    path: PathBuf,
    stamp: Mutex<Stamp>,
}

/// What tells whether a file is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Device and number, on Unix.
    inode: Option<(u64, u64)>,
    /// When anything about it last changed, on Unix; programs that copy times with the content cannot set this one.
    changed: Option<(i64, i64)>,
}

impl Stamp {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            inode: Some((metadata.dev(), metadata.ino())),
            changed: Some((metadata.ctime(), metadata.ctime_nsec())),
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: metadata.modified().ok(), inode: None, changed: None }
    }
}

/// What has happened to a file since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that the metadata show.
    None,
    /// Its name, rights or links, or its content by a program that set the time back: only the content tells.
    Touched,
    /// Its content.
    Written,
    /// Another file has its name; the one that is mapped is as it was.
    Replaced,
}

impl MappedFile {
    /// Maps a regular file that is not empty.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let (file, _) = crate::files::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let map = map(&file)?;
        let watch = watch::Watch::new(&map);
        Ok(Self { watch, map, file, path: path.to_owned(), stamp: Mutex::new(stamp) })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Whether a part was gone when it was read, so that zeros stand in its place.
    pub(super) fn is_lost(&self) -> bool {
        self.watch.as_ref().is_some_and(watch::Watch::is_lost)
    }

    /// Whether the file is still the one that was opened.
    pub(super) fn change(&self) -> Change {
        let Ok(before) = self.stamp.lock().map(|stamp| stamp.clone()) else { return Change::Written };
        let Ok(now) = self.file.metadata().map(|metadata| Stamp::of(&metadata)) else { return Change::Written };
        if (now.len, now.modified) != (before.len, before.modified) {
            return Change::Written;
        }
        // A file that lost its name is whole as long as it is open.
        let named = std::fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata).inode);
        if before.inode.is_some() && named.ok() != Some(before.inode) {
            return Change::Replaced;
        }
        if now.changed == before.changed { Change::None } else { Change::Touched }
    }

    /// Its content was compared and is as it was: what was touched is remembered.
    pub(super) fn accept(&self) {
        if let (Ok(mut stamp), Ok(metadata)) = (self.stamp.lock(), self.file.metadata()) {
            *stamp = Stamp::of(&metadata);
        }
    }
}

#[expect(unsafe_code, reason = "weight files are mapped; see SAFETY")]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the map is private and read-only, and its bytes are only ever read as numbers for which every pattern of
    // bits is valid, or copied before they are read as text. A file that another program rewrites meanwhile gives other
    // numbers; see the module's documentation.
    unsafe { memmap2::Mmap::map(file) }
}

/// The handler for pages that are gone.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a signal handler and its call of mmap; see SAFETY")]
mod watch {
    use std::ffi::{c_int, c_void};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// Maps that can be watched at once; published checkpoints have up to 200 files.
    const MOST_MAPS: usize = 2_048;

    /// A watched range of addresses. `start` is 0 where the place is free, and is written last and cleared first.
    struct Place {
        taken: AtomicBool,
        start: AtomicUsize,
        end: AtomicUsize,
        lost: AtomicBool,
    }

    static PLACES: [Place; MOST_MAPS] = [const {
        Place {
            taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }; MOST_MAPS];
    /// **Units** bytes; 0 until the handler is there.
    static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);
    /// What was done about the signal before: the standard library looks for stack overflows.
    static BEFORE: OnceLock<Option<libc::sigaction>> = OnceLock::new();

    /// A map under watch, as long as this lives.
    #[derive(Debug)]
    pub(super) struct Watch {
        place: usize,
    }

    impl Watch {
        /// `None` without a handler or a free place: then the system does what it does without one.
        pub(super) fn new(map: &[u8]) -> Option<Self> {
            (*BEFORE.get_or_init(install))?;
            let free =
                |place: &Place| place.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            let place = PLACES.iter().position(free)?;
            let range = map.as_ptr_range();
            let at = PLACES.get(place)?;
            at.lost.store(false, Ordering::Relaxed);
            at.end.store(range.end.addr(), Ordering::Relaxed);
            at.start.store(range.start.addr(), Ordering::Release);
            Some(Self { place })
        }

        pub(super) fn is_lost(&self) -> bool {
            PLACES.get(self.place).is_some_and(|place| place.lost.load(Ordering::Acquire))
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            if let Some(place) = PLACES.get(self.place) {
                place.start.store(0, Ordering::Release);
                place.taken.store(false, Ordering::Release);
            }
        }
    }

    /// Installs the handler; what there was before, `None` where the system refuses.
    fn install() -> Option<libc::sigaction> {
        // SAFETY: `sysconf` and `sigaction` are called with values of the types that they take; a zeroed `sigaction` is
        // an empty one. The handler is installed once and calls nothing but what may be called inside of a handler, see
        // there.
        unsafe {
            let page_bytes =
                usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).ok().filter(|bytes| bytes.is_power_of_two())?;
            PAGE_BYTES.store(page_bytes, Ordering::Release);
            let mut before: libc::sigaction = std::mem::zeroed();
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = (handle as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)) as usize;
            // On the stack that the standard library sets aside for it: a thread may have used up its own.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            (libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) == 0).then_some(before)
        }
    }

    /// Runs on the thread that read a page which is gone, between the read and its second try.
    extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: the system hands a valid `info` to a handler with SA_SIGINFO.
        let address = unsafe { (*info).si_addr() }.addr();
        if !fill(address) {
            // SAFETY: this is what the system would have called, with what it would have handed over.
            unsafe { hand_on(signal, info, context) }
        }
    }

    /// Puts zeros from the page of an address to the end of its map, if it is in one that is watched.
    fn fill(address: usize) -> bool {
        // Loads and stores of atomics that are never freed: nothing here waits, allocates or can be half done.
        let holds = |place: &&Place| {
            let start = place.start.load(Ordering::Acquire);
            start != 0 && (start..place.end.load(Ordering::Relaxed)).contains(&address)
        };
        let (Some(place), page_bytes) = (PLACES.iter().find(holds), PAGE_BYTES.load(Ordering::Acquire)) else {
            return false;
        };
        let from = address & !(page_bytes.wrapping_sub(1));
        let len = place.end.load(Ordering::Relaxed).wrapping_sub(from);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // The flag first: whoever reads a zero finds it raised.
        place.lost.store(true, Ordering::Release);
        // SAFETY: `from` is the beginning of a page inside of a map that its `Watch`, and so its `Mmap`, keeps alive: a
        // thread is reading it. The map was made by `map` for reading alone; from here to its end it becomes other
        // readable memory at the same addresses, which is unmapped with it. Other threads that read there see the
        // file's bytes or zeros, numbers in either case. `mmap` is one call of the system without locks of this
        // program.
        let there = unsafe { libc::mmap(std::ptr::without_provenance_mut(from), len, libc::PROT_READ, flags, -1, 0) };
        there.addr() == from
    }

    /// What was done about the signal before this handler.
    ///
    /// # Safety
    /// Only inside of a handler, with the handler's own arguments.
    unsafe fn hand_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        let before = BEFORE.get().copied().flatten();
        // SAFETY: an address in `sa_sigaction` that is none of the two marks is a function of the kind that `sa_flags`
        // says.
        unsafe {
            match before {
                Some(before) if before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != libc::SIG_IGN => {
                    if before.sa_flags & libc::SA_SIGINFO == 0 {
                        std::mem::transmute::<usize, extern "C" fn(c_int)>(before.sa_sigaction)(signal);
                    } else {
                        type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
                        std::mem::transmute::<usize, Handler>(before.sa_sigaction)(signal, info, context);
                    }
                }
                _ => {
                    // The read is tried again and ends the program, as it would have without a handler.
                    let mut default: libc::sigaction = std::mem::zeroed();
                    default.sa_sigaction = libc::SIG_DFL;
                    libc::sigaction(signal, &raw const default, std::ptr::null_mut());
                }
            }
        }
    }
}

/// Without such signals there is nothing to watch.
#[cfg(not(unix))]
mod watch {
    #[derive(Debug)]
    pub(super) struct Watch;

    impl Watch {
        pub(super) fn new(_: &[u8]) -> Option<Self> {
            None
        }

        pub(super) fn is_lost(&self) -> bool {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, Write as _};

    fn mapped(content: &[u8]) -> (tempfile::TempDir, PathBuf, MappedFile) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("weights");
        std::fs::write(&path, content).expect("can be written");
        let mapped = MappedFile::open(&path).expect("can be mapped");
        (folder, path, mapped)
    }

    #[cfg(unix)]
    #[test]
    fn pages_that_are_gone_are_zeros_and_are_noted() {
        let content = vec![7_u8; 300_000];
        let (_folder, path, mapped) = mapped(&content);
        let (_other_folder, _, other) = super::tests::mapped(&content);
        assert_eq!((mapped.bytes()[299_999], mapped.is_lost()), (7, false), "all of it is there");
        File::options().write(true).open(&path).and_then(|file| file.set_len(10)).expect("can be cut");
        let sums: Vec<u64> = std::thread::scope(|scope| {
            let sum = || mapped.bytes()[100_000..].iter().map(|byte| u64::from(*byte)).sum::<u64>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(sum)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no thread ends")).collect()
        });
        assert_eq!(sums, [0; 4], "zeros, on every thread");
        assert_eq!(&mapped.bytes()[..4], &[7; 4], "what is still in the file is read from it");
        assert!(mapped.is_lost(), "and it is noted");
        assert_eq!(mapped.change(), Change::Written, "the length tells too");
        assert!(!other.is_lost() && other.bytes().iter().all(|byte| *byte == 7), "another file is nothing of that");
    }

    #[cfg(unix)]
    #[test]
    fn a_map_that_follows_another_is_not_lost() {
        for _ in 0..50 {
            let (_folder, path, lost) = mapped(&[7; 10_000]);
            File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("can be cut");
            assert_eq!(lost.bytes()[9_999], 0, "gone");
            drop(lost);
            let (_folder, _, whole) = mapped(&[7; 10_000]);
            assert!(!whole.is_lost() && whole.bytes()[9_999] == 7, "at the same address, perhaps");
        }
    }

    #[test]
    fn a_file_that_is_written_touched_or_replaced_says_so() {
        let (folder, path, mapped) = mapped(b"weights");
        assert_eq!(mapped.change(), Change::None, "as it was");
        let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
        let mut file = File::options().write(true).open(&path).expect("can be opened");
        file.rewind().and_then(|()| file.write_all(b"WEIGHTS")).expect("can be written");
        file.set_modified(modified + std::time::Duration::from_secs(5)).expect("can be set");
        assert_eq!(mapped.change(), Change::Written, "another time");
        file.set_modified(modified).expect("can be set");
        if cfg!(unix) {
            assert_eq!(mapped.change(), Change::Touched, "the time was set back, but not the one that nobody sets");
            mapped.accept();
        }
        assert_eq!(mapped.change(), Change::None, "compared");
        std::fs::write(folder.path().join("new"), b"weights").expect("can be written");
        std::fs::rename(folder.path().join("new"), &path).expect("can be renamed");
        if cfg!(unix) {
            assert_eq!(
                (mapped.change(), mapped.bytes()),
                (Change::Replaced, &b"WEIGHTS"[..]),
                "the one that was opened"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_files_are_mapped() {
        assert!(MappedFile::open(Path::new("/dev/zero")).is_err(), "a device has no end");
    }
}
