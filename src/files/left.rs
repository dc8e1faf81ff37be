//! Files that are being written and have a name already: which there are, and what a kill left of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::{Builder, TempPath};

const PREFIX: &str = ".gazelens-";
const SUFFIX: &str = ".part";
/// Between being made and being locked a file may pass for one that nobody writes.
const LOCKED_AFTER: Duration = Duration::from_secs(10);
/// Files of versions that did not lock: nobody writes one for longer without adding to it.
const NEVER_LOCKED: Duration = Duration::from_hours(1);
/// Where the file system has no locks.
const WITHOUT_LOCKS: Duration = Duration::from_hours(24);

/// What has to go when the program is told to end: files, and folders if they are empty.
#[derive(Debug, Default)]
pub(super) struct Parts {
    files: BTreeSet<PathBuf>,
    folders: Vec<PathBuf>,
}

static PARTS: Mutex<Parts> = Mutex::new(Parts { files: BTreeSet::new(), folders: Vec::new() });
/// Folders that were looked through already.
static LOOKED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Whoever names or moves a file holds this, so that the program does not end in between.
pub(super) fn parts() -> MutexGuard<'static, Parts> {
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same without waiting.
pub(super) fn parts_at_once() -> Option<MutexGuard<'static, Parts>> {
    PARTS.try_lock().ok()
}

impl Parts {
    /// Removes everything.
    pub(super) fn remove(&mut self) {
        for file in &self.files {
            std::fs::remove_file(file).ok();
        }
        // Those inside of others were made later.
        self.folders.iter().rev().for_each(|folder| drop(std::fs::remove_dir(folder)));
    }

    /// A folder that was made for outputs.
    pub(super) fn keep_folder(&mut self, folder: &Path) {
        self.folders.push(folder.to_owned());
    }

    /// It has its files.
    pub(super) fn forget_folder(&mut self, folder: &Path) {
        self.folders.retain(|other| other != folder);
    }
}

/// The hidden name of a file; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Part(Option<TempPath>);

impl Part {
    /// Calls `make` with names in a folder until one is free.
    pub(super) fn make<R>(
        parts: &mut Parts,
        folder: &Path,
        make: impl FnMut(&Path) -> std::io::Result<R>,
    ) -> std::io::Result<(R, Self)> {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let (made, path) = Builder::new().prefix(&prefix).suffix(SUFFIX).make_in(folder, make)?.into_parts();
        parts.files.insert(path.to_path_buf());
        Ok((made, Self(Some(path))))
    }

    /// The name.
    pub(super) fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or_else(|| Path::new(""))
    }

    /// Gives the file another name. What has that name is replaced, or else it is an error.
    pub(super) fn rename(mut self, parts: &mut Parts, target: &Path, replace: bool) -> std::io::Result<()> {
        let Some(path) = self.0.take() else { return Ok(()) };
        let name = path.to_path_buf();
        let renamed = if replace { path.persist(target) } else { path.persist_noclobber(target) };
        // What failed is dropped, which removes it.
        let renamed = renamed.map_err(|err| err.error);
        parts.files.remove(&name);
        renamed
    }

    /// Removes it; who holds the list already cannot drop it.
    pub(super) fn discard(mut self, parts: &mut Parts) {
        if let Some(path) = self.0.take() {
            parts.files.remove(&path.to_path_buf());
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            parts().files.remove(&path.to_path_buf());
        }
    }
}

/// Removes what programs that were killed left in a folder; once for each folder, as folders of photos are long.
pub(super) fn remove_left_once(folder: &Path) {
    let mut looked = LOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    if looked.insert(folder.to_owned()) {
        drop(looked);
        remove_left(folder);
    }
}

/// Removes what programs that were killed left in a folder, unless somebody is still writing it.
pub fn remove_left(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(locks) = is_part(&entry.file_name()) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
        let path = entry.path();
        if metadata.is_file() && age > if locks { LOCKED_AFTER } else { NEVER_LOCKED } && is_free(&path, age) {
            std::fs::remove_file(path).ok();
        }
    }
}

/// Whether a name is one of ours; and if so, whether those who gave it lock the file.
fn is_part(name: &OsStr) -> Option<bool> {
    let inner = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let pid = inner.split_once('-').map(|(pid, _)| pid);
    Some(pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())))
}

/// Whether nobody holds the lock of a file.
fn is_free(path: &Path, age: Duration) -> bool {
    // On some network file systems only writers can lock.
    let opened = OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path));
    match opened.map(|file| file.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock)) => false,
        Ok(Err(TryLockError::Error(_))) | Err(_) => age > WITHOUT_LOCKS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn only_what_nobody_writes_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let make = |name: &str, age_secs: u64| {
            let path = folder.path().join(name);
            let file = File::create(&path).expect("a writable folder");
            file.set_modified(SystemTime::now() - Duration::from_secs(age_secs)).expect("a time");
            (path, file)
        };
        let (left, _) = make(".gazelens-4711-abcdef.part", 60);
        let (fresh, _) = make(".gazelens-4711-ghijkl.part", 0);
        let (old_version, _) = make(".gazelens-abcdef.part", 7200);
        let (old_version_now, _) = make(".gazelens-ghijkl.part", 60);
        let (held, lock) = make(".gazelens-4711-mnopqr.part", 7200);
        let (others, _) = make(".gazelens-notes.json", 7200);
        lock.try_lock().expect("nobody else has it");
        remove_left(folder.path());
        let gone = [&left, &old_version].map(|path| path.exists());
        assert_eq!(gone, [false, false], "what a kill left goes");
        let kept = [&fresh, &old_version_now, &held, &others].map(|path| path.exists());
        assert_eq!(kept, [true; 4], "what is being written, and what has another name, stays");
        drop(lock);
        remove_left(folder.path());
        assert!(!held.exists(), "its writer is gone");
    }
}
