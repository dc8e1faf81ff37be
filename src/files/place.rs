//! Which file a path means, whatever it is called.

use super::reason;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Links that lead to links: more than any system follows.
const MOST_LINKS: usize = 40;

/// One file or folder, by whatever name or link: its number on its device, or its full path where there are no such
/// numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    #[cfg(unix)]
    numbers: (u64, u64),
    #[cfg(not(unix))]
    path: PathBuf,
}

impl FileId {
    /// Of what is there; links are followed.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let metadata = std::fs::metadata(path)?;
            Ok(Self { numbers: (metadata.dev(), metadata.ino()) })
        }
        #[cfg(not(unix))]
        {
            Ok(Self { path: path.canonicalize()? })
        }
    }
}

/// Whether two paths mean one file that is there: the same path, another way of writing it, or a link of any kind.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((FileId::of(a), FileId::of(b)), (Ok(a), Ok(b)) if a == b)
}

/// A path as JSON can hold it; `None` where its bytes are no text, so that what is written down would be another path.
pub fn utf8(path: &Path) -> Option<&str> {
    path.to_str()
}

/// Where an output goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// In a folder that is there, behind every link.
    pub(super) path: PathBuf,
    /// The folder, which is there.
    pub(super) folder: PathBuf,
    /// What has the name now; never a link.
    pub(super) there: Option<Metadata>,
}

impl Target {
    fn new(folder: PathBuf, name: OsString) -> std::io::Result<Self> {
        let path = folder.join(name);
        let there = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => Some(metadata),
            Err(err) if err.kind() == ErrorKind::NotFound => None,
            Err(err) => return Err(err),
        };
        Ok(Self { path, folder, there })
    }

    /// What is there and cannot be replaced, in words.
    pub(super) fn obstacle(&self) -> Option<&'static str> {
        let there = self.there.as_ref()?;
        if there.is_file() {
            None
        } else if there.is_dir() {
            Some("a folder of that name")
        } else if there.is_symlink() {
            Some("a link of that name")
        } else {
            Some("a device or pipe of that name")
        }
    }
}

/// The folder of a path.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The target of a path as it is: a link of that name is what is there.
pub(super) fn target_without_links(path: &Path) -> std::io::Result<Target> {
    let no_name = || Error::new(ErrorKind::IsADirectory, "a folder");
    // A name that ends in a separator is one of a folder, there or not.
    let ends =
        path.as_os_str().as_encoded_bytes().last().is_some_and(|last| std::path::is_separator(char::from(*last)));
    let name = path.file_name().filter(|_| !ends).ok_or_else(no_name)?;
    Target::new(folder_of(path).canonicalize()?, name.to_owned())
}

/// Where writing to a path ends up: links are followed, also to a file that is not there yet.
pub(super) fn target(path: &Path) -> std::io::Result<Target> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let target = target_without_links(&path)?;
        if !target.there.as_ref().is_some_and(Metadata::is_symlink) {
            return Ok(target);
        }
        match std::fs::metadata(&target.path) {
            // Links of the system, such as `/dev/stdout`, lead to what has no name, or none any more.
            Ok(there) if !there.is_file() && !there.is_dir() => {
                return Err(Error::new(ErrorKind::InvalidInput, "a device or pipe of that name"));
            }
            Ok(_) => {
                let deleted = |_| Error::new(ErrorKind::InvalidInput, "a link to a file that was deleted");
                return target_without_links(&target.path.canonicalize().map_err(deleted)?);
            }
            Err(err) if err.kind() == ErrorKind::NotFound => {
                path = target.folder.join(std::fs::read_link(&target.path)?);
            }
            Err(err) => return Err(nowhere(&reason(&err))),
        }
    }
    Err(nowhere("it leads to itself"))
}

fn nowhere(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("a link that cannot be followed ({why})"))
}
