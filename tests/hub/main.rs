//! Fetching models from a hub on this machine that does what the real one does, and what it does on bad days.
#![cfg(feature = "hub")]

mod failing;
mod fetching;
mod hostile;
mod program;
mod server;

use gazelens::hub::{Endpoint, FetchEvent, HubError, HubId, HubOptions, Patience, fetch};
use server::FakeHub;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A hub, a cache, and what was told on the way.
struct Bench {
    hub: FakeHub,
    dir: tempfile::TempDir,
    options: HubOptions,
    notes: Vec<String>,
    /// File and bytes of all, as they were told.
    progress: Vec<(String, u64, u64)>,
}

impl Bench {
    fn new(hub: FakeHub) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut options = HubOptions::new(dir.path().join("hub"));
        options.endpoint = Endpoint::new(&hub.url());
        options.patience = Patience {
            stall: Duration::from_secs(5),
            attempts: 3,
            pause: Duration::from_millis(1),
            ..Patience::default()
        };
        Self { hub, dir, options, notes: Vec::new(), progress: Vec::new() }
    }

    fn fetch(&mut self, id: &str) -> Result<PathBuf, HubError> {
        let id: HubId = id.parse().expect("an id");
        let (notes, progress) = (&mut self.notes, &mut self.progress);
        let mut tell = |event: FetchEvent<'_>| match event {
            FetchEvent::Asking(whom) => notes.push(format!("Asking {whom}")),
            FetchEvent::Note(note) => notes.push(note.to_owned()),
            FetchEvent::Progress(told) => progress.push((told.file.to_owned(), told.bytes, told.total)),
        };
        fetch(&id, &self.options, &mut tell, &AtomicBool::new(false))
    }

    fn refusal(&mut self, id: &str) -> String {
        self.fetch(id).expect_err("refused").to_string()
    }

    fn blobs(&self) -> PathBuf {
        self.options.cache.join("models--org--model/blobs")
    }
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A large file whose bytes tell where they are.
fn weights(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| u8::try_from(at * 31 % 251).expect("below 251")).collect()
}
