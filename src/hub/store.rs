//! Writing into the cache: blobs, links to them, and which commit a revision is.

use super::cache::RepoCache;
use super::error::HubError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

impl RepoCache {
    pub(super) fn blob(&self, name: &str) -> PathBuf {
        self.folder.join("blobs").join(name)
    }

    pub(super) fn partial(&self, name: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{name}.incomplete"))
    }

    pub(super) fn lock(&self, name: &str) -> PathBuf {
        let (cache, repo) = (self.folder.parent(), self.folder.file_name());
        let locks = cache.unwrap_or(&self.folder).join(".locks").join(repo.unwrap_or_default());
        locks.join(format!("{name}.lock"))
    }

    /// Writes down which commit a revision is.
    pub(super) fn remember(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if revision == commit || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.reference(revision);
        make_folder_of(&path)?;
        fs::write(&path, commit).map_err(HubError::disk("write down the commit", &path))
    }

    /// Makes a snapshot's file of a blob.
    pub(super) fn link(&self, commit: &str, file: &str, blob: &str) -> Result<(), HubError> {
        let path = self.snapshot(commit).join(file);
        make_folder_of(&path)?;
        let target = self.blob(blob);
        if same_file(&path, &target) {
            return Ok(());
        }
        let _ = fs::remove_file(&path);
        // The way from `snapshots/COMMIT` to the blob: the cache may be moved.
        place(&Path::new("../../blobs").join(blob), &target, &path, symlink)
            .map_err(HubError::disk("link the download into its snapshot", &path))
    }
}

pub(super) fn make_folder_of(path: &Path) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(HubError::disk("make a folder of the cache", folder))
}

fn same_file(path: &Path, target: &Path) -> bool {
    matches!((path.canonicalize(), target.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// A link; a second name or a copy where the system has no links.
fn place(
    relative: &Path,
    target: &Path,
    path: &Path,
    symlink: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    symlink(relative, path).or_else(|_| fs::hard_link(target, path)).or_else(|_| fs::copy(target, path).map(|_| ()))
}

#[cfg(unix)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(windows)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::HubId;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn where_links_fail_the_content_is_there_all_the_same() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let repo = RepoCache::new(dir.path(), &"a/b".parse::<HubId>().expect("an id"));
        make_folder_of(&repo.blob("e")).expect("made");
        fs::write(repo.blob("e"), "content").expect("written");
        repo.link(COMMIT, "config.json", "e").expect("linked");
        let path = repo.snapshot(COMMIT).join("config.json");
        assert_eq!(fs::read_to_string(&path).expect("read"), "content", "through the link");
        if cfg!(unix) {
            assert_eq!(fs::read_link(&path).expect("a link"), Path::new("../../blobs/e"), "a relative one");
        }
        let plain = path.with_file_name("plain");
        let refused = |_: &Path, _: &Path| Err(io::ErrorKind::PermissionDenied.into());
        place(Path::new("x"), &repo.blob("e"), &plain, refused).expect("without links");
        assert_eq!(fs::read_to_string(&plain).expect("read"), "content", "without a link");
        assert!(!plain.symlink_metadata().expect("there").is_symlink(), "no link");
    }
}
