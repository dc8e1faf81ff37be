//! One file: continued where it broke off, checked, and only then named as what it is.

use super::cache::RepoCache;
use super::error::{HubError, size_label};
use super::listing::ContentName;
use super::net::{Head, Hub, NetError};
use super::options::Patience;
use super::progress::FetchEvent;
use super::store::make_folder_of;
use super::watch::Watch;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes that are hashed between two looks at the flag.
const HASHED_AT_ONCE: usize = 4 << 20;
/// How often a lock is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A file to fetch.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Its name.
    pub(super) name: String,
    /// Name and model, for messages: "config.json of a/b".
    pub(super) title: String,
    /// Below the endpoint.
    pub(super) path: String,
    /// **Units** bytes, where the hub says.
    pub(super) size: Option<u64>,
    /// Longest that it may be; `None` where the hub has to say how long it is. **Units** bytes.
    pub(super) most: Option<u64>,
    /// How its content is named.
    pub(super) content: ContentName,
}

/// What a download needs besides its task.
pub(super) struct Fetcher<'a> {
    pub(super) hub: &'a Hub,
    pub(super) cache: &'a RepoCache,
    pub(super) patience: Patience,
    pub(super) cancel: &'a AtomicBool,
    /// What a refusal means for a file of this model.
    pub(super) refusal: &'a dyn Fn(u16, Option<&str>, &Task) -> HubError,
    /// Refuses what the disk has no room for.
    pub(super) expect_room: &'a dyn Fn(u64) -> Result<(), HubError>,
}

/// Gets the file's bytes so far, and notes.
pub(super) trait Listener {
    /// So many bytes of the file are there, of so many if that is known.
    fn bytes(&mut self, got: u64, of: Option<u64>);
    /// Something to know.
    fn event(&mut self, event: FetchEvent<'_>);
}

/// Why an attempt ended.
enum Ended {
    /// It may go better next time.
    Broken(String),
    /// Hardly anything came for too long.
    TooSlow,
    /// It will not.
    For(HubError),
}

impl From<HubError> for Ended {
    fn from(err: HubError) -> Self {
        Self::For(err)
    }
}

impl From<NetError> for Ended {
    fn from(err: NetError) -> Self {
        match err {
            NetError::Cancelled => Self::For(HubError::Cancelled),
            NetError::Broken(why) => Self::Broken(why),
            NetError::TooSlow => Self::TooSlow,
        }
    }
}

/// What there is of a file.
struct Partial<'a> {
    file: File,
    path: &'a Path,
    len: u64,
    /// Of all that is there, for contents that are named by it.
    sha256: Option<Sha256>,
}

impl<'a> Partial<'a> {
    /// Opens what an earlier time left and reads it into the checksum.
    fn open(path: &'a Path, task: &Task, cancel: &AtomicBool) -> Result<Self, HubError> {
        make_folder_of(path)?;
        let disk = |err| HubError::disk("open the download", path)(err);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(disk)?;
        let len = file.metadata().map_err(disk)?.len();
        let sha256 = matches!(task.content, ContentName::Sha256(_)).then(Sha256::new);
        let mut partial = Self { file, path, len, sha256 };
        if task.size.is_some_and(|size| len > size) {
            partial.restart()?;
        }
        if let Some(mut sha256) = partial.sha256.take() {
            hash(&mut partial.file, path, cancel, &mut |bytes| sha256.update(bytes))?;
            partial.sha256 = Some(sha256);
        }
        partial.file.seek(SeekFrom::Start(partial.len)).map_err(disk)?;
        Ok(partial)
    }

    fn restart(&mut self) -> Result<(), HubError> {
        let disk = |err| HubError::disk("empty the download", self.path)(err);
        self.file.set_len(0).map_err(disk)?;
        self.file.seek(SeekFrom::Start(0)).map_err(disk)?;
        self.len = 0;
        self.sha256 = self.sha256.take().map(|_| Sha256::new());
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(HubError::disk("write the download", self.path))?;
        self.len += bytes.len() as u64;
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        Ok(())
    }

    /// The checksum by which its content should be named; `None` for a mirror's own names.
    fn checksum(&mut self, content: &ContentName, cancel: &AtomicBool) -> Result<Option<String>, HubError> {
        match content {
            ContentName::Other(_) => Ok(None),
            ContentName::Sha256(_) => Ok(self.sha256.take().map(|sha256| hex(&sha256.finalize()))),
            ContentName::GitSha1(_) => {
                let mut sha1 = Sha1::new();
                sha1.update(format!("blob {}\0", self.len).as_bytes());
                hash(&mut self.file, self.path, cancel, &mut |bytes| sha1.update(bytes))?;
                Ok(Some(hex(&sha1.finalize())))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a file from its start.
fn hash(file: &mut File, path: &Path, cancel: &AtomicBool, update: &mut dyn FnMut(&[u8])) -> Result<(), HubError> {
    let disk = |err| HubError::disk("read the download", path)(err);
    file.seek(SeekFrom::Start(0)).map_err(disk)?;
    let mut buffer = vec![0; HASHED_AT_ONCE];
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(HubError::Cancelled);
        }
        match file.read(&mut buffer).map_err(disk)? {
            0 => return Ok(()),
            read => update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

impl Fetcher<'_> {
    /// Brings a file into the cache's blobs.
    pub(super) fn fetch(&self, task: &Task, listener: &mut dyn Listener) -> Result<(), HubError> {
        let blob = self.cache.blob(task.content.file_name());
        let there = || fs::metadata(&blob).is_ok_and(|meta| task.size.is_none_or(|size| size == meta.len()));
        if there() {
            return Ok(());
        }
        let _lock = self.lock(task, listener)?;
        // Somebody else may have fetched it meanwhile.
        if there() {
            return Ok(());
        }
        let path = self.cache.partial(task.content.file_name());
        let mut partial = Partial::open(&path, task, self.cancel)?;
        if let Err(err) = self.download(task, &mut partial, listener) {
            if matches!(err, HubError::WrongSize { .. } | HubError::TooLarge { .. } | HubError::NoSize { .. }) {
                remove(&path)?;
            }
            return Err(err);
        }
        let expected = task.content.file_name();
        let found = partial.checksum(&task.content, self.cancel)?;
        if let Some(found) = found.filter(|found| found != expected) {
            drop(partial);
            remove(&path)?;
            return Err(HubError::Checksum { file: task.title.clone(), expected: expected.to_owned(), found });
        }
        partial.file.sync_all().map_err(HubError::disk("write the download", &path))?;
        drop(partial);
        fs::rename(&path, &blob).map_err(HubError::disk("name the download", &blob))
    }

    /// The lock that Python takes for the same file. Where the disk knows no locks it goes without, as there.
    fn lock(&self, task: &Task, listener: &mut dyn Listener) -> Result<Option<File>, HubError> {
        let path = self.cache.lock(task.content.file_name());
        make_folder_of(&path)?;
        let Ok(file) = File::options().create(true).truncate(false).write(true).open(&path) else { return Ok(None) };
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) => {}
            }
            if !std::mem::replace(&mut told, true) {
                let note = format!("Waiting for another program that is downloading {}", task.name);
                listener.event(FetchEvent::Note(&note));
            }
            self.wait(LOCK_PAUSE)?;
        }
    }

    /// Attempts until it is there, several in a row brought too little, or too little came for too long.
    fn download(&self, task: &Task, partial: &mut Partial<'_>, listener: &mut dyn Listener) -> Result<(), HubError> {
        let mut watch = Watch::of_file(self.patience, partial.len);
        loop {
            let reason = match self.attempt(task, partial, &mut watch, listener) {
                Ok(()) => return Ok(()),
                Err(Ended::For(err)) => return Err(err),
                Err(Ended::TooSlow) => return Err(broken_off(task, partial, watch.too_slow())),
                Err(Ended::Broken(reason)) => reason,
            };
            let in_vain = watch.broke_off();
            if in_vain >= self.patience.attempts {
                return Err(broken_off(task, partial, format!("the connection broke off ({reason})")));
            }
            if Instant::now() >= watch.deadline() {
                return Err(broken_off(task, partial, watch.too_slow()));
            }
            let note = format!(
                "The connection broke off at {} of {} ({reason}): continuing",
                size_label(partial.len),
                task.name
            );
            listener.event(FetchEvent::Note(&note));
            self.wait(self.patience.pause * 2_u32.saturating_pow(in_vain - 1))?;
        }
    }

    fn wait(&self, pause: Duration) -> Result<(), HubError> {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(HubError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(20).min(pause));
        }
        Ok(())
    }

    fn attempt(
        &self,
        task: &Task,
        partial: &mut Partial<'_>,
        watch: &mut Watch,
        listener: &mut dyn Listener,
    ) -> Result<(), Ended> {
        if task.size == Some(partial.len) {
            return Ok(());
        }
        let mut incoming = self.hub.get(&task.path, partial.len, self.cancel, watch)?;
        let promised = self.promised(task, partial, &incoming.head)?;
        let wrong = |expected, found| HubError::WrongSize { file: task.title.clone(), expected, found };
        if let (Some(size), Some(promised)) = (task.size, promised)
            && size != promised
        {
            return Err(wrong(size, promised).into());
        }
        let size = task.size.or(promised);
        self.expect_bounds(task, size)?;
        listener.bytes(partial.len, size);
        while let Some(bytes) = incoming.next_chunk(watch)? {
            let len = partial.len + bytes.len() as u64;
            match (size, task.most) {
                (Some(size), _) if len > size => {
                    // What is too long by a byte is told as such; it is not kept.
                    return Err(wrong(size, len).into());
                }
                (_, Some(most)) if len > most => return Err(too_large(task, most).into()),
                _ => partial.push(&bytes)?,
            }
            watch.reached(partial.len);
            listener.bytes(partial.len, size);
        }
        match size.filter(|size| partial.len < *size) {
            Some(size) => Err(Ended::Broken(format!("{} of {size} bytes came", partial.len))),
            None => Ok(()),
        }
    }

    /// The size that the head of an answer promises, of the whole file; what is there is emptied where the answer
    /// begins anew.
    fn promised(&self, task: &Task, partial: &mut Partial<'_>, head: &Head) -> Result<Option<u64>, Ended> {
        match head.status {
            200 => {
                // Also when it was asked to continue: not every server can.
                partial.restart()?;
                Ok(head.number("content-length"))
            }
            206 => {
                let (start, total) = head.header("content-range").and_then(content_range).unwrap_or((u64::MAX, None));
                if start != partial.len {
                    partial.restart()?;
                    return Err(Ended::Broken("the hub continued somewhere else".to_owned()));
                }
                Ok(total)
            }
            416 => {
                partial.restart()?;
                Err(Ended::Broken("the hub could not continue".to_owned()))
            }
            408 | 425 | 429 | 500..=599 => Err(Ended::Broken(format!("status {}", head.status))),
            status => Err((self.refusal)(status, head.header("x-error-code"), task).into()),
        }
    }

    /// What is too long is refused before a byte of it is written.
    fn expect_bounds(&self, task: &Task, size: Option<u64>) -> Result<(), HubError> {
        match (size, task.most) {
            (Some(size), Some(most)) if size > most => Err(too_large(task, most)),
            // Those of a known size were counted together before the first.
            (Some(size), _) if task.size.is_none() => (self.expect_room)(size),
            (None, None) => Err(HubError::NoSize { file: task.title.clone() }),
            _ => Ok(()),
        }
    }
}

fn broken_off(task: &Task, partial: &Partial<'_>, reason: String) -> HubError {
    let expected = task.size.map_or_else(|| "an unknown size".to_owned(), size_label);
    HubError::BrokenOff { file: task.title.clone(), expected, got: size_label(partial.len), reason }
}

fn too_large(task: &Task, most: u64) -> HubError {
    HubError::TooLarge { file: task.title.clone(), most: size_label(most) }
}

fn remove(path: &Path) -> Result<(), HubError> {
    fs::remove_file(path).map_err(HubError::disk("remove the download", path))
}

/// First byte and size of `bytes START-END/TOTAL`.
fn content_range(header: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = header.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))), "with a total");
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)), "without one");
        assert_eq!(content_range("items 5-9/10"), None, "another unit");
    }

    proptest! {
        #[test]
        fn any_range_is_read_without_panic(text in "\\PC{0,30}") {
            let _ = content_range(&text);
        }
    }
}
