//! Trace files: what is accepted holds together.

#![no_main]

use gazelens_fuzz::trace::file::{EncodedTrace, TraceFile};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;

/// A file of this process; traces are read from files alone.
static FILE: OnceLock<PathBuf> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let path = FILE.get_or_init(|| std::env::temp_dir().join(format!("gazelens-fuzz-{}", std::process::id())));
    std::fs::write(path, bytes).expect("a writable folder");
    match TraceFile::read(path) {
        Ok(read) => {
            let again = EncodedTrace::new(path, &read.trace, &read.extras).expect("what was read can be written");
            assert!(again.len() > 8, "with its header");
            let (layout, view) = (&read.trace.layout, read.trace.run.view);
            assert!(layout.image() == view.image, "patches lie on the photo");
            assert!((0..layout.len()).all(|idx| layout.pos(idx).and_then(|pos| layout.idx(pos)) == Some(idx)));
        }
        Err(err) => assert!(err.to_string().ends_with(&*path.to_string_lossy()), "the file comes last: {err}"),
    }
});
