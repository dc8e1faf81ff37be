//! Which files of a folder are a checkpoint's: what must not be written over while it is open.

use super::weights::weight_files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What names of a checkpoint's small files begin with; all of them end in `json`, `jinja`, `model` or `txt`.
const BEGINNINGS: [&str; 12] = [
    "added_tokens",
    "adapter_config",
    "chat_template",
    "config",
    "generation_config",
    "image_processor",
    "merges",
    "preprocessor_config",
    "processor_config",
    "special_tokens",
    "tokenizer",
    "vocab",
];

/// The files in a folder that opening it reads, or would read in another layout: configuration, tokenizer, template and
/// weights.
///
/// Of a file, such as a GGUF decoder: itself and the other GGUF files beside it.
pub fn files_of(path: &Path) -> Vec<PathBuf> {
    let folder = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = std::fs::read_dir(listed).into_iter().flatten().flatten().map(|entry| folder.join(entry.file_name()));
    let belongs = if path.is_file() { is_gguf } else { is_part };
    let mut files: BTreeSet<PathBuf> = names.filter(|file| belongs(file)).collect();
    if path.is_file() {
        files.insert(path.to_owned());
    } else if let Ok((weights, _)) = weight_files(folder) {
        files.extend(weights);
    }
    files.into_iter().collect()
}

fn is_gguf(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

fn is_part(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ending = Path::new(&name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match ending {
        "json" | "jinja" | "model" | "txt" => {
            name.contains("safetensors.index") || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        }
        "safetensors" => name.starts_with("model"),
        _ => is_gguf(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opening_reads_belongs_and_what_was_written_beside_it_does_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let parts = [
            "chat_template.jinja",
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "preprocessor_config.json",
            "tokenizer.json",
            "tokenizer.model",
        ];
        for name in parts.iter().chain(&["README.md", "answer.safetensors", "figure.json", "photo.png"]) {
            std::fs::write(folder.path().join(name), b"{}").expect("a writable folder");
        }
        let found: Vec<PathBuf> = files_of(folder.path());
        assert_eq!(found, parts.map(|name| folder.path().join(name)), "in the order of their names");
        // Without `model.safetensors` and an index everything of that kind is weights.
        std::fs::remove_file(folder.path().join("model.safetensors.index.json")).expect("is there");
        assert!(files_of(folder.path()).contains(&folder.path().join("answer.safetensors")), "read as weights");
        let gguf = folder.path().join("decoder.gguf");
        for name in ["decoder.gguf", "mmproj.gguf"] {
            std::fs::write(folder.path().join(name), b"GGUF").expect("a writable folder");
        }
        assert_eq!(files_of(&gguf), [gguf.clone(), folder.path().join("mmproj.gguf")], "a pair");
        assert!(files_of(Path::new("no/such/folder")).is_empty(), "nothing is nowhere");
    }
}
