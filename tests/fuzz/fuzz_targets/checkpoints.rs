//! Checkpoints: the first byte says which file the others stand in for.

#![no_main]

use gazelens::checkpoint::Checkpoint;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Files of a folder of safetensors, then those of a pair of GGUF files. `tests/fuzz/run` counts in this order.
const FOLDER: [&str; 6] = [
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
    "generation_config.json",
    "model.safetensors",
];
const PAIR: [&str; 2] = ["decoder.gguf", "mmproj.gguf"];

/// Copies of the golden checkpoints, as their files are.
static FOLDERS: OnceLock<[TempDir; 2]> = OnceLock::new();

fn copy(of: &str) -> TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden").join(of);
    let into = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(from).expect("a golden checkpoint").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), into.path().join(entry.file_name())).expect("a writable folder");
        }
    }
    into
}

fuzz_target!(|bytes: &[u8]| {
    let [folder, pair] = FOLDERS.get_or_init(|| [copy("newest_list/checkpoint"), copy("gguf/old_types")]);
    let Some((&which, bytes)) = bytes.split_first() else { return };
    let which = usize::from(which) % (FOLDER.len() + PAIR.len());
    let (place, name) = match which.checked_sub(FOLDER.len()) {
        None => (folder, FOLDER[which]),
        Some(which) => (pair, PAIR[which]),
    };
    let path = place.path().join(name);
    let before = fs::read(&path).ok();
    fs::write(&path, bytes).expect("a writable folder");
    let opened = Checkpoint::open(place.path(), &mut |_, _| ());
    match before {
        Some(before) => fs::write(&path, before).expect("a writable folder"),
        None => fs::remove_file(&path).expect("a writable folder"),
    }
    match opened {
        Ok(checkpoint) => {
            let Some(template) = &checkpoint.template else { return };
            let Ok(text) = template.render("Why?") else { return };
            let _ = checkpoint.tokenizer.encode_prompt(&text, 4);
        }
        Err(err) => assert!(err.to_string().lines().count() == 1, "one sentence: {err}"),
    }
});
