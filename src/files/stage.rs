//! Files that are written aside and put in their places together.

use super::left::{self, Part, Parts};
use super::place::Target;
use std::fs::{File, Metadata, Permissions};
use std::io::{BufWriter, Error, Write as _};
use std::path::{Path, PathBuf};

/// A file that is written and not yet in its place.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    /// Its hidden name; `None` as long as it has no name at all.
    part: Option<Part>,
    folder: PathBuf,
    pub(super) target: PathBuf,
    /// Whether what has the target's name is replaced.
    replaces: bool,
}

impl Staged {
    /// An empty file for a target, with the permissions of what is there.
    pub(super) fn new(target: &Target, replaces: bool) -> std::io::Result<Self> {
        match unnamed::create(&target.folder) {
            Some(file) => Ok(Self::of(target, replaces, file, None)),
            None => Self::with_name(target, replaces),
        }
    }

    /// The same where the file system has no files without a name.
    pub(super) fn with_name(target: &Target, replaces: bool) -> std::io::Result<Self> {
        let permissions = target.there.as_ref().map(permissions_of);
        let made = Part::make(&mut left::parts(), &target.folder, |path| create(path, permissions.as_ref()));
        let (file, part) = made?;
        Ok(Self::of(target, replaces, file, Some(part)))
    }

    fn of(target: &Target, replaces: bool, file: File, part: Option<Part>) -> Self {
        left::remove_left_once(&target.folder);
        // Says that somebody writes it; a file system without locks has none to miss.
        file.try_lock().ok();
        if let Some(there) = &target.there {
            // Before anything is in it. Where it cannot be done, those of a new file are what there is.
            file.set_permissions(permissions_of(there)).ok();
        }
        Self { file, part, folder: target.folder.clone(), target: target.path.clone(), replaces }
    }

    /// Writes everything, to the disk.
    pub(super) fn write(
        &mut self,
        fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut writer = BufWriter::with_capacity(1 << 20, &self.file);
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        self.file.sync_all()
    }

    fn name(&mut self, parts: &mut Parts) -> std::io::Result<()> {
        if self.part.is_none() {
            let ((), part) = Part::make(parts, &self.folder, |path| unnamed::link(&self.file, path))?;
            self.part = Some(part);
        }
        Ok(())
    }
}

/// Those of owner, group and others: no program becomes another's because it was replaced.
fn permissions_of(there: &Metadata) -> Permissions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        Permissions::from_mode(there.permissions().mode() & 0o777)
    }
    #[cfg(not(unix))]
    {
        there.permissions()
    }
}

fn create(path: &Path, permissions: Option<&Permissions>) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).read(true).create_new(true);
    #[cfg(unix)]
    if let Some(permissions) = permissions {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        // Never wider than what was there, not even for a moment.
        options.mode(permissions.mode() & 0o600);
    }
    #[cfg(not(unix))]
    let _ = permissions;
    options.open(path).map_err(|err| err.raw_os_error().map_or(err, Error::from_raw_os_error))
}

/// Something that was put in its place and may have to go again.
struct Done {
    target: PathBuf,
    /// What was there before, under a hidden name, and its lock.
    before: Option<(Part, Option<File>)>,
    was_there: bool,
}

/// A file that could not be put in its place.
#[derive(Debug)]
pub(super) struct NotPut {
    pub(super) target: PathBuf,
    pub(super) found: Error,
}

/// Puts all of them in their places, in this order. If one cannot, those before it are taken back as far as the file
/// system can: what was there before is there again, what was not is gone. `check` looks at each place right before
/// something is put there.
pub(super) fn put_all(mut all: Vec<Staged>, check: &mut dyn FnMut(&Path) -> std::io::Result<()>) -> Result<(), NotPut> {
    // A part that is dropped wants the same lock, so none is dropped here.
    let mut parts = left::parts();
    let mut result = Ok(());
    for staged in &mut all {
        if let Err(found) = staged.name(&mut parts) {
            result = Err(NotPut { target: staged.target.clone(), found });
            break;
        }
    }
    let last = all.len().saturating_sub(1);
    let mut done: Vec<Done> = Vec::new();
    for (idx, staged) in all.into_iter().enumerate() {
        let Staged { part: Some(part), target, replaces, folder, .. } = staged else { continue };
        if result.is_err() {
            part.discard(&mut parts);
            continue;
        }
        if let Err(found) = check(&target) {
            part.discard(&mut parts);
            result = Err(NotPut { target, found });
            continue;
        }
        let was_there = std::fs::symlink_metadata(&target).is_ok();
        // Nothing that could fail comes after the last one.
        let before = (was_there && idx < last).then(|| keep(&mut parts, &folder, &target)).flatten();
        match part.rename(&mut parts, &target, replaces) {
            Ok(()) => done.push(Done { target, before, was_there }),
            Err(found) => {
                if let Some((before, _lock)) = before {
                    before.discard(&mut parts);
                }
                result = Err(NotPut { target, found });
            }
        }
    }
    for Done { target, before, was_there } in done.into_iter().rev() {
        match before {
            Some((before, _lock)) if result.is_err() => drop(before.rename(&mut parts, &target, true)),
            Some((before, _lock)) => before.discard(&mut parts),
            None if result.is_err() && !was_there => drop(std::fs::remove_file(&target)),
            None => {}
        }
    }
    result
}

/// A second name for what is about to be replaced; `None` where the file system has none.
fn keep(parts: &mut Parts, folder: &Path, target: &Path) -> Option<(Part, Option<File>)> {
    let ((), part) = Part::make(parts, folder, |path| std::fs::hard_link(target, path)).ok()?;
    let lock = File::open(part.path()).ok().filter(|file| file.try_lock_shared().is_ok());
    Some((part, lock))
}

/// Files without a name, which go by themselves whatever ends the program.
#[cfg(target_os = "linux")]
mod unnamed {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags};
    use std::fs::File;
    use std::os::fd::AsRawFd as _;
    use std::path::Path;

    /// Where the system gives names to open files.
    const OPEN_FILES: &str = "/proc/self/fd";

    /// `None` where the file system has no such files.
    pub(super) fn create(folder: &Path) -> Option<File> {
        if !Path::new(OPEN_FILES).is_dir() {
            return None;
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
    }

    /// Gives such a file a name.
    pub(super) fn link(file: &File, path: &Path) -> std::io::Result<()> {
        let open = format!("{OPEN_FILES}/{}", file.as_raw_fd());
        Ok(rustix::fs::linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod unnamed {
    use std::fs::File;
    use std::io::{Error, ErrorKind};
    use std::path::Path;

    pub(super) fn create(_folder: &Path) -> Option<File> {
        None
    }

    pub(super) fn link(_file: &File, _path: &Path) -> std::io::Result<()> {
        Err(Error::from(ErrorKind::Unsupported))
    }
}
