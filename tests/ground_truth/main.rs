//! Ground truth against goldens and real data.
//!
//! The real data lies beside the project and not in it; what cannot run without it says so.

#![expect(clippy::print_stdout, reason = "tests say what did not run")]

mod chair;
mod datasets;
mod mask_command;
mod masks;
mod metrics;
mod mutations;
mod odd_files;
mod photos;
mod pope;
mod prompt_image;
mod study_amber;
mod study_tables;

use std::path::PathBuf;

/// A file of the shared data; `None`, said on standard output, where it is not.
fn shared(name: &str) -> Option<PathBuf> {
    there("data", name)
}

/// A file or folder of the shared files of public bug reports; `None`, said on standard output, where it is not.
fn cases(name: &str) -> Option<PathBuf> {
    there("cases", name)
}

fn there(folder: &str, name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("Not run: {name} of the shared {folder} is not there");
    None
}
