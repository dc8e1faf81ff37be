//! What a program that ends without saving leaves behind.
//!
//! Each running window has a name of its own in the recovery folder: `NAME.gazelens` is its state,
//! `NAME-before-N.gazelens` what was open before a session was opened, and `NAME.lock` is locked as long as the window
//! runs, whatever ends it. A file whose lock is free was left behind.

use crate::engine::ModelSource;
use crate::files::remove_left;
use crate::session::{self, EXTENSION, Session};
use crate::ui::features::session::is_session;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Between a window's name and the number of what was open before.
const BEFORE: &str = "-before-";

/// The recovery file of this window, and those that others left behind.
#[derive(Debug)]
pub(super) struct Recovery {
    folder: PathBuf,
    name: String,
    befores: usize,
    lock: File,
}

impl Recovery {
    /// Takes a name that nobody has.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut attempt = now.as_millis();
        loop {
            let name = format!("{attempt}-{}", std::process::id());
            match OpenOptions::new().write(true).create_new(true).open(lock_path(folder, &name)) {
                Ok(lock) => {
                    lock.try_lock()?;
                    return Ok(Self { folder: folder.to_owned(), name, befores: 0, lock });
                }
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
                Err(err) => return Err(err),
            }
        }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the window's state goes.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.{EXTENSION}", self.name))
    }

    /// Where the state goes that another session takes the place of.
    pub(super) fn next_before(&mut self) -> PathBuf {
        self.befores += 1;
        self.before(self.befores)
    }

    fn before(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{}{BEFORE}{number}.{EXTENSION}", self.name))
    }
}

impl Drop for Recovery {
    /// A program that ends as it should needs no recovery.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        std::fs::remove_file(self.path()).ok();
        (1..=self.befores).for_each(|number| drop(std::fs::remove_file(self.before(number))));
        self.lock.unlock().ok();
        std::fs::remove_file(lock_path(&self.folder, &self.name)).ok();
    }
}

fn lock_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.lock"))
}

/// A window's name, of one of its files.
fn owner(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    Some(stem.split_once(BEFORE).map_or(stem, |(name, _)| name).to_owned())
}

/// A recovery file that belongs to no running window. Its lock is held, so that no other window offers it.
#[derive(Debug)]
pub(in crate::ui) struct Left {
    /// The file.
    pub(in crate::ui) path: PathBuf,
    /// Questions in it.
    pub(in crate::ui) num_answers: usize,
    /// Photos that they are about.
    pub(in crate::ui) num_photos: usize,
    /// The model that was open.
    pub(in crate::ui) model: Option<ModelSource>,
    /// How long ago it was written.
    pub(in crate::ui) age: Duration,
    /// Another file of the same window may have taken the lock already.
    lock: Option<File>,
}

impl Left {
    fn of(outline: &Session, path: PathBuf, age: Duration) -> Self {
        let pope: Vec<&Value> = outline.state["pope_runs"].as_array().into_iter().flatten().collect();
        let answers: Vec<&Value> =
            outline.answers.iter().map(|answer| &answer.about).filter(|about| !pope.contains(&&about["id"])).collect();
        let mut photos: Vec<String> = answers.iter().map(|about| about["question"]["image"].to_string()).collect();
        photos.sort();
        photos.dedup();
        let model = serde_json::from_value(outline.state["model"].clone()).ok();
        Self { path, num_answers: answers.len(), num_photos: photos.len(), model, age, lock: None }
    }

    /// Throws it away, with its lock.
    pub(in crate::ui) fn discard(self) {
        std::fs::remove_file(&self.path).ok();
        if let (Some(lock), Some(name), Some(folder)) = (self.lock, owner(&self.path), self.path.parent()) {
            lock.unlock().ok();
            let others = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let others = others.filter(|entry| is_session(&entry.path()));
            if !others.into_iter().any(|entry| owner(&entry.path()).as_ref() == Some(&name)) {
                std::fs::remove_file(lock_path(folder, &name)).ok();
            }
        }
    }
}

/// Looks for what other windows left behind, the newest first; what cannot be read is told in a sentence each.
pub(in crate::ui) fn left_behind(folder: &Path) -> (Vec<Left>, Vec<String>) {
    let (mut left, mut problems) = (Vec::new(), Vec::new());
    remove_left(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.retain(|path| is_session(path));
    paths.sort();
    let mut ours: Vec<String> = Vec::new();
    for path in paths {
        let Some(name) = owner(&path) else { continue };
        let mut lock = None;
        if !ours.contains(&name) {
            // One that is gone is free as well.
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(folder, &name));
            match file.ok().filter(|file| file.try_lock().is_ok()) {
                Some(file) => lock = Some(file),
                None => continue, // a window that runs
            }
            ours.push(name);
        }
        let age = path.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = age.and_then(|written| written.elapsed().ok()).unwrap_or_default();
        match session::outline(&path) {
            Ok(outline) => left.push(Left { lock, ..Left::of(&outline, path, age) }),
            Err(why) => problems.push(format!("What gazelens left behind cannot be opened: {why}")),
        }
    }
    left.sort_by_key(|left| left.age);
    (left, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_window_holds_is_offered_and_a_proper_end_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut running = Recovery::begin(dir.path()).expect("a name");
        let other = Recovery::begin(dir.path()).expect("another name");
        assert_ne!(running.path(), other.path(), "each its own");
        for path in [running.path(), running.next_before(), dir.path().join("1-1.gazelens")] {
            session::write(&path, &Session::default()).expect("written");
        }
        let (left, problems) = left_behind(dir.path());
        assert!(problems.is_empty(), "all can be read: {problems:?}");
        let paths: Vec<_> = left.iter().map(|left| left.path.clone()).collect();
        assert_eq!(paths, [dir.path().join("1-1.gazelens")], "the one that nobody holds");
        assert!(left_behind(dir.path()).0.is_empty(), "it is offered by one window only");
        left.into_iter().for_each(Left::discard);
        drop((running, other));
        let rest: Vec<_> = std::fs::read_dir(dir.path()).expect("readable").flatten().map(|e| e.path()).collect();
        assert!(rest.is_empty(), "nothing is left: {rest:?}");
    }
}
