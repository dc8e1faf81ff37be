//! Sessions: what is read can be written.

#![no_main]

use gazelens::session;
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A file of this process; sessions are read from files alone.
static FILE: OnceLock<PathBuf> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let path = FILE.get_or_init(|| std::env::temp_dir().join(format!("gazelens-fuzz-{}.gazelens", std::process::id())));
    std::fs::write(path, bytes).expect("a writable folder");
    // What it says without its traces must not cost more than all of it.
    let _ = session::outline(path);
    match session::read(path) {
        Ok(read) => drop(session::EncodedSession::new(path, &read).expect("what was read can be written")),
        Err(err) => assert!(err.to_string().ends_with(&*path.to_string_lossy()), "the file comes last: {err}"),
    }
});
