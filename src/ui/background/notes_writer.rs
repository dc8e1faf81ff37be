//! The thread that writes notes: each change is on the disk a moment after it was made, and the window never waits for
//! the disk.

use crate::data::dataset::{ImageNotes, NotesChange, NotesPlaces, keep};
use crate::ui::background::link::Waker;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What became of notes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) enum NotesTold {
    /// They could not be written: one sentence. They are tried again with the next ones.
    Failed(String),
    /// A folder cannot be written: its notes lie in another file.
    Moved {
        /// The folder of the photos.
        folder: PathBuf,
        /// The file.
        to: PathBuf,
        /// Why, in a few words.
        why: String,
    },
    /// Another window had said something else about a photo: both are there now.
    Merged {
        /// The row's key.
        key: String,
        /// What this window said.
        after: Box<ImageNotes>,
        /// What is said now.
        merged: Box<ImageNotes>,
    },
}

/// The thread that writes notes: each change is on the disk a moment after it was made, and the window never waits for
/// the disk.
pub(in crate::ui) struct NotesWriter {
    changes: Option<Sender<NotesChange>>,
    told: Receiver<NotesTold>,
    thread: Option<JoinHandle<()>>,
}

impl NotesWriter {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(places: NotesPlaces, wake: &Waker) -> Self {
        let (changes, wanted) = channel::<NotesChange>();
        let (sender, told) = channel();
        let wake = Arc::clone(wake);
        let thread = std::thread::Builder::new().name("gazelens-notes".to_owned()).spawn(move || {
            let mut keeper = Keeper { places, ..Keeper::default() };
            while let Ok(first) = wanted.recv() {
                let more = std::iter::from_fn(|| wanted.try_recv().ok());
                for told in keeper.keep(std::iter::once(first).chain(more)) {
                    sender.send(told).ok();
                    wake();
                }
            }
            keeper.keep(std::iter::empty()); // what failed before
        });
        Self { changes: Some(changes), told, thread: thread.ok() }
    }

    /// Writes what is noted about a photo now.
    pub(in crate::ui) fn write(&self, change: NotesChange) {
        if let Some(changes) = &self.changes {
            changes.send(change).ok();
        }
    }

    /// What became of it since the last call.
    pub(in crate::ui) fn poll(&self) -> Vec<NotesTold> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

impl Drop for NotesWriter {
    /// Everything that was noted is written before the program ends.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Writes changes folder by folder.
#[derive(Default)]
struct Keeper {
    places: NotesPlaces,
    failed: BTreeMap<PathBuf, Vec<NotesChange>>,
    moved: BTreeSet<PathBuf>,
}

impl Keeper {
    fn keep(&mut self, changes: impl Iterator<Item = NotesChange>) -> Vec<NotesTold> {
        let mut waiting = std::mem::take(&mut self.failed);
        for change in changes {
            for folder in &change.folders {
                waiting.entry(folder.clone()).or_default().push(change.clone());
            }
        }
        let mut told = Vec::new();
        for (folder, changes) in waiting {
            match keep(&folder, &self.places, &changes.iter().collect::<Vec<_>>(), &[]) {
                Err(why) => {
                    told.push(NotesTold::Failed(why.to_string()));
                    self.failed.insert(folder, changes);
                }
                Ok(kept) => {
                    if let Some(why) = kept.moved
                        && self.moved.insert(folder.clone())
                    {
                        told.push(NotesTold::Moved { folder: folder.clone(), to: kept.path, why });
                    }
                    let said = changes.into_iter().zip(kept.said);
                    told.extend(said.filter(|(change, said)| change.after != *said).map(|(change, merged)| {
                        NotesTold::Merged { key: change.key, after: Box::new(change.after), merged: Box::new(merged) }
                    }));
                }
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::notes_in_folder;

    fn change(folder: &std::path::Path, star: [bool; 2]) -> NotesChange {
        let [before, after] = star.map(|star| {
            let mut noted = ImageNotes::default();
            noted.star = star;
            noted
        });
        NotesChange {
            key: "a.png".to_owned(),
            name: "a.png".to_owned(),
            folders: vec![folder.to_owned()],
            before,
            after,
        }
    }

    #[test]
    fn what_is_noted_is_on_the_disk_when_the_program_ends() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let writer = NotesWriter::new(NotesPlaces::default(), &(Arc::new(|| ()) as Waker));
        for star in [[false, true], [true, false], [false, true]] {
            writer.write(change(dir.path(), star));
        }
        drop(writer);
        let text = std::fs::read_to_string(notes_in_folder(dir.path())).expect("written");
        assert!(text.contains("\"a.png\"") && text.contains("\"star\": true"), "the last change: {text}");
    }

    #[test]
    fn what_could_not_be_written_is_told_and_written_later() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let obstacle = notes_in_folder(dir.path());
        std::fs::create_dir(&obstacle).expect("can be made");
        let mut keeper = Keeper::default();
        let told = keeper.keep(std::iter::once(change(dir.path(), [false, true])));
        let [NotesTold::Failed(why)] = told.as_slice() else { panic!("one sentence: {told:?}") };
        let expected = format!("Tags and notes cannot be read: it is a folder: {}", obstacle.display());
        assert_eq!(*why, expected, "why, and the file");
        std::fs::remove_dir(&obstacle).expect("is there");
        assert_eq!(keeper.keep(std::iter::empty()), [], "now it can be");
        assert!(obstacle.is_file(), "and nothing is lost");
    }

    #[test]
    fn notes_that_cannot_lie_beside_the_photos_lie_in_the_users_folder_and_it_is_said_once() {
        let (dir, own) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(notes_in_folder(dir.path())).expect("can be made");
        let places = NotesPlaces { spare: Some(own.path().join("gazelens/notes")) };
        let mut keeper = Keeper { places: places.clone(), ..Keeper::default() };
        let told = keeper.keep(std::iter::once(change(dir.path(), [false, true])));
        let to = places.spare_of(dir.path()).expect("a place");
        let folder = dir.path().to_owned();
        assert_eq!(told, [NotesTold::Moved { folder, to: to.clone(), why: "it is a folder".to_owned() }], "said");
        assert!(to.is_file(), "there");
        assert_eq!(keeper.keep(std::iter::once(change(dir.path(), [true, false]))), [], "said once");
    }
}
