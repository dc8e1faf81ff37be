//! From a hub id to a folder.

use super::cache::RepoCache;
use super::error::HubError;
use super::id::{HubId, is_commit};
use super::options::HubOptions;
use super::progress::{FetchEvent, Tell};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// The folder of a model: its snapshot in the cache, fetched as far as it is not there. A raised `cancel` ends it
/// within a second; what was fetched so far is kept for the next time.
///
/// The hub is asked for the present commit unless [`HubOptions::offline`] is set or the revision is a commit; where it
/// does not answer, a complete copy in the cache is taken and a note says so.
pub fn fetch(
    id: &HubId,
    options: &HubOptions,
    tell: &mut dyn FnMut(FetchEvent<'_>),
    cancel: &AtomicBool,
) -> Result<PathBuf, HubError> {
    let cached = RepoCache::new(&options.cache, id).complete(id.revision());
    match cached {
        Some(folder) if options.offline || id.revision().is_some_and(is_commit) => Ok(folder),
        None if options.offline => Err(HubError::Offline { id: id.clone(), cache: options.cache.clone() }),
        cached => ask(id, options, cached, tell, cancel),
    }
}

#[cfg(feature = "hub")]
fn ask(
    id: &HubId,
    options: &HubOptions,
    cached: Option<PathBuf>,
    tell: Tell<'_>,
    cancel: &AtomicBool,
) -> Result<PathBuf, HubError> {
    match (super::online::fetch(id, options, cached.is_some(), tell, cancel), cached) {
        (Err(err), Some(folder)) if !matches!(err, HubError::Cancelled) => {
            tell(FetchEvent::Note(&format!("{err}; the copy in the cache is taken")));
            Ok(folder)
        }
        (result, _) => result,
    }
}

#[cfg(not(feature = "hub"))]
fn ask(
    id: &HubId,
    options: &HubOptions,
    cached: Option<PathBuf>,
    _tell: Tell<'_>,
    _cancel: &AtomicBool,
) -> Result<PathBuf, HubError> {
    cached.ok_or_else(|| HubError::NotBuilt { id: id.clone(), cache: options.cache.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_only_the_cache_counts() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut options = HubOptions::new(dir.path().to_owned());
        options.offline = true;
        let id: HubId = "a/b".parse().expect("an id");
        let mut silent = |event: FetchEvent<'_>| panic!("nothing is asked: {event:?}");
        let cancel = AtomicBool::new(false);
        let refusal = fetch(&id, &options, &mut silent, &cancel).expect_err("not there").to_string();
        assert!(refusal.contains("HF_HUB_OFFLINE") && refusal.contains("a/b"), "{refusal}");
        let commit = "0".repeat(40);
        let repo = dir.path().join("models--a--b");
        let snapshot = repo.join("snapshots").join(&commit);
        std::fs::create_dir_all(&snapshot).expect("made");
        std::fs::create_dir_all(repo.join("refs")).expect("made");
        std::fs::write(repo.join("refs/main"), &commit).expect("written");
        for name in ["config.json", "model.safetensors"] {
            std::fs::write(snapshot.join(name), "{}").expect("written");
        }
        assert_eq!(fetch(&id, &options, &mut silent, &cancel).ok(), Some(snapshot), "the copy");
    }
}
