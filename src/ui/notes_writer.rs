//! The thread that writes notes: each change is on the disk a moment after it was made, and the window never waits for the disk.

use super::link::Waker;
use crate::data::dataset::{ImageNotes, Notes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// See the module's documentation.
pub(super) struct NotesWriter {
    changes: Option<Sender<(String, ImageNotes)>>,
    failures: Receiver<String>,
    path: Option<PathBuf>,
    thread: Option<JoinHandle<()>>,
}

impl NotesWriter {
    /// Starts the thread on notes as they were opened; `wake` draws a frame.
    pub(super) fn new(mut notes: Notes, wake: &Waker) -> Self {
        let (changes, wanted) = channel::<(String, ImageNotes)>();
        let (sender, failures) = channel();
        let (wake, path) = (Arc::clone(wake), notes.path().map(Path::to_owned));
        let thread = std::thread::Builder::new().name("gazelens-notes".to_owned()).spawn(move || {
            while let Ok(first) = wanted.recv() {
                for (key, noted) in std::iter::once(first).chain(std::iter::from_fn(|| wanted.try_recv().ok())) {
                    notes.edit(&key, |notes| *notes = noted);
                }
                if let Err(why) = notes.save() {
                    sender.send(why.to_string()).ok();
                    wake();
                }
            }
        });
        Self { changes: Some(changes), failures, path, thread: thread.ok() }
    }

    /// Writes what is noted about a photo now.
    pub(super) fn write(&self, key: String, noted: ImageNotes) {
        if let Some(changes) = &self.changes {
            changes.send((key, noted)).ok();
        }
    }

    /// A sentence when the latest writing failed.
    pub(super) fn poll(&self) -> Option<String> {
        std::iter::from_fn(|| self.failures.try_recv().ok()).last()
    }

    /// The file it writes.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_on_the_disk_when_the_program_ends() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("notes.json");
        let notes = Notes::open(&path).expect("no notes yet");
        let writer = NotesWriter::new(notes, &(Arc::new(|| ()) as Waker));
        for star in [true, false, true] {
            let mut noted = ImageNotes::default();
            noted.star = star;
            writer.write("a.png".to_owned(), noted);
        }
        assert!(writer.poll().is_none(), "nothing failed");
        drop(writer);
        assert!(Notes::open(&path).expect("written").of("a.png").star, "the last change");
    }
}
