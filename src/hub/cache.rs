//! The cache folder that Python's `huggingface_hub` fills too.
//!
//! ```text
//! models--owner--name/refs/main                 the commit
//! models--owner--name/snapshots/COMMIT/FILE     a link to
//! models--owner--name/blobs/ETAG                the content
//! models--owner--name/blobs/ETAG.incomplete     what there is of it so far
//! .locks/models--owner--name/ETAG.lock          held by who fetches it
//! ```

use super::id::{HubId, is_commit};
use super::index::{CONFIG, INDEX, SINGLE, SMALL_FILE_BYTES, shards};
use crate::files;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Forty digits, and room for what an editor adds.
const MOST_REFERENCE_BYTES: u64 = 4096;

/// A model's place in the cache.
#[derive(Debug, Clone)]
pub(super) struct RepoCache {
    pub(super) folder: PathBuf,
}

impl RepoCache {
    pub(super) fn new(cache: &Path, id: &HubId) -> Self {
        Self { folder: cache.join(id.folder_name()) }
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    pub(super) fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }

    /// The commit that a revision was when it was fetched.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = String::from_utf8(files::read(&self.reference(revision), MOST_REFERENCE_BYTES).ok()?).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// The complete snapshot of a revision; without one also the hub's conversion, where `main` holds no safetensors.
    pub(super) fn complete(&self, revision: Option<&str>) -> Option<PathBuf> {
        let of = |revision: &str| Some(self.snapshot(&self.commit(revision)?)).filter(|folder| is_complete(folder));
        of(revision.unwrap_or("main")).or_else(|| {
            let conversions = if revision.is_none() { fs::read_dir(self.reference("refs/pr")).ok() } else { None };
            let mut numbers: Vec<u64> =
                conversions?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
            numbers.sort_unstable();
            numbers.into_iter().rev().find_map(|number| of(&format!("refs/pr/{number}")))
        })
    }
}

/// The weights of a snapshot that are there; `None` when some are missing.
fn weight_files(folder: &Path) -> Option<Vec<PathBuf>> {
    let single = folder.join(SINGLE);
    let files = if single.is_file() {
        vec![single]
    } else if let Ok(index) = files::read(&folder.join(INDEX), SMALL_FILE_BYTES) {
        shards(&index).ok()?.iter().map(|shard| folder.join(shard)).collect()
    } else {
        let entries = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "safetensors")).collect()
    };
    // A link whose blob is gone is no file.
    Some(files).filter(|files: &Vec<PathBuf>| !files.is_empty() && files.iter().all(|file| file.is_file()))
}

fn is_complete(folder: &Path) -> bool {
    folder.join(CONFIG).is_file() && weight_files(folder).is_some()
}

/// A model that can be opened without asking the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedModel {
    /// Its name.
    pub id: HubId,
    /// Its snapshot.
    pub folder: PathBuf,
    /// **Units** bytes of the weights.
    pub weight_bytes: u64,
    /// `model_type` of its configuration, if it says.
    pub model_type: Option<String>,
    /// Bytes of a weight as it is stored, if the configuration says.
    pub bytes_a_weight: Option<u64>,
}

/// The models of a cache folder that are complete, by name; a cache that cannot be read holds none.
pub fn cached_models(cache: &Path) -> Vec<CachedModel> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let ids = entries.filter_map(|entry| HubId::from_folder_name(entry.ok()?.file_name().to_str()?));
    let mut models: Vec<CachedModel> = ids.filter_map(|id| cached_model(cache, id)).collect();
    models.sort_by(|a, b| a.id.cmp(&b.id));
    models
}

fn cached_model(cache: &Path, id: HubId) -> Option<CachedModel> {
    let folder = RepoCache::new(cache, &id).complete(None)?;
    let weights = weight_files(&folder)?;
    let weight_bytes = weights.iter().map(|file| fs::metadata(file).map_or(0, |meta| meta.len())).sum();
    let config: Option<Value> =
        files::read(&folder.join(CONFIG), SMALL_FILE_BYTES).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let text = |name: &str| config.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let bytes_a_weight = text("torch_dtype").or_else(|| text("dtype")).and_then(|dtype| match dtype.as_str() {
        "float32" => Some(4),
        "float16" | "bfloat16" => Some(2),
        _ => None,
    });
    Some(CachedModel { id, weight_bytes, model_type: text("model_type"), bytes_a_weight, folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn id(text: &str) -> HubId {
        text.parse().expect("an id")
    }

    fn write(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        fs::write(path, content).expect("written");
    }

    fn snapshot(cache: &Path, repo: &str, revision: &str, commit: &str, files: &[(&str, &str)]) -> PathBuf {
        let repo = RepoCache::new(cache, &id(repo));
        write(&repo.reference(revision), commit);
        for (name, content) in files {
            write(&repo.snapshot(commit).join(name), content);
        }
        repo.snapshot(commit)
    }

    #[test]
    fn only_complete_snapshots_are_models() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let cache = dir.path();
        let config = r#"{"model_type": "clip", "torch_dtype": "float32"}"#;
        let whole = snapshot(cache, "a/whole", "main", COMMIT, &[(CONFIG, config), (SINGLE, "12345")]);
        let index = r#"{"weight_map": {"x": "1.safetensors", "y": "2.safetensors"}}"#;
        snapshot(cache, "a/half", "main", COMMIT, &[(CONFIG, "{}"), (INDEX, index), ("1.safetensors", "1")]);
        snapshot(cache, "a/pickled", "main", COMMIT, &[(CONFIG, "{}"), ("pytorch_model.bin", "1")]);
        write(&cache.join("datasets--a--b/refs/main"), COMMIT);
        write(&cache.join("models--broken"), "a file");
        let found = cached_models(cache);
        let expected = CachedModel {
            id: id("a/whole"),
            folder: whole,
            weight_bytes: 5,
            model_type: Some("clip".to_owned()),
            bytes_a_weight: Some(4),
        };
        assert_eq!(found, [expected], "the one with all its files");
        assert!(cached_models(&cache.join("none")).is_empty(), "no cache, no models");
    }

    #[test]
    fn a_revision_is_found_by_name_by_commit_and_as_the_hubs_conversion() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let other = "f".repeat(40);
        let files = [(CONFIG, "{}"), (SINGLE, "1")];
        snapshot(dir.path(), "a/b", "main", COMMIT, &[(CONFIG, "{}")]);
        let converted = snapshot(dir.path(), "a/b", "refs/pr/7", &other, &files);
        let repo = RepoCache::new(dir.path(), &id("a/b"));
        assert_eq!(repo.complete(None), Some(converted.clone()), "main has no weights");
        assert_eq!(repo.complete(Some("main")), None, "as asked");
        assert_eq!(repo.complete(Some("refs/pr/7")), Some(converted.clone()), "by name");
        assert_eq!(repo.complete(Some(&other)), Some(converted), "by commit");
        write(&repo.reference("odd"), "../../../etc");
        assert_eq!(repo.complete(Some("odd")), None, "a reference that is no commit");
    }
}
