//! From a hub id to a folder.

use super::cache::RepoCache;
use super::error::{HubError, size_label};
use super::id::{HubId, is_commit};
use super::options::HubOptions;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// How far fetching has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress<'a> {
    /// The file at hand.
    pub file: &'a str,
    /// What there is of it, **units** bytes.
    pub file_bytes: u64,
    /// Its size.
    pub file_total: u64,
    /// Which of the files it is, from 1.
    pub file_number: usize,
    /// Files to fetch.
    pub num_files: usize,
    /// What there is of all of them.
    pub bytes: u64,
    /// Their size.
    pub total: u64,
}

impl FetchProgress<'_> {
    /// 0..=1 of all bytes.
    pub fn share(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a share in 0..=1")]
        let share = (self.bytes as f64 / self.total.max(1) as f64).min(1.0) as f32;
        share
    }

    /// One line for people.
    pub fn label(&self) -> String {
        let Self { file, file_bytes, file_total, file_number, num_files, bytes, total } = *self;
        format!(
            "Downloading {file}: {} of {} (file {file_number} of {num_files}, {} of {} in all)",
            size_label(file_bytes),
            size_label(file_total),
            size_label(bytes),
            size_label(total)
        )
    }
}

/// What is told while a model is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEvent<'a> {
    /// The hub at this address is asked; nothing may come of it when everything is there.
    Asking(&'a str),
    /// Something a user should know: "The connection broke off, trying again".
    Note(&'a str),
    /// Bytes came.
    Progress(FetchProgress<'a>),
}

/// Gets what is told.
pub(super) type Tell<'a> = &'a mut dyn FnMut(FetchEvent<'_>);

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
    fn progress_is_one_line_with_the_file_and_the_whole() {
        let progress = FetchProgress {
            file: "model-00001-of-00003.safetensors",
            file_bytes: 1_200_000_000,
            file_total: 4_900_000_000,
            file_number: 5,
            num_files: 9,
            bytes: 3_500_000_000,
            total: 14_000_000_000,
        };
        assert_eq!(progress.share().to_string(), "0.25", "of all bytes");
        let label = progress.label();
        let expected = "model-00001-of-00003.safetensors: 1.2 GB of 4.9 GB (file 5 of 9, 3.5 GB of 14.0 GB in all)";
        assert!(label.ends_with(expected), "{label}");
    }

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
