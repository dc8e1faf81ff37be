//! Why a model of the hub could not be had.

use super::id::HubId;
use super::known::KNOWN_MODELS;
use crate::files::reason;
use crate::names::hint;
use std::path::PathBuf;

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The user asked for it.
    #[error("Stopped on request")]
    Cancelled,
    /// No folder for the cache.
    #[error(
        "Cannot find the folder for models of the hub: this user has no home folder; \
         set HOME to an absolute path, or HF_HOME to a folder for them"
    )]
    NoHome,
    /// A variable that cannot be used.
    #[error("Expected {expected} in {name}, found {found}")]
    Variable {
        /// `HF_HOME`.
        name: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// Offline and not there.
    #[error(
        "Cannot open {id}: HF_HUB_OFFLINE forbids asking the hub, and the cache has no complete copy of it: {}",
        cache.display()
    )]
    Offline {
        /// The model.
        id: HubId,
        /// The cache folder.
        cache: PathBuf,
    },
    /// A program without the feature.
    #[error(
        "Cannot open {id}: the cache has no complete copy of it, and this program was built without downloads \
         (build it with the default features, or run `hf download {id}`): {}",
        cache.display()
    )]
    NotBuilt {
        /// The model.
        id: HubId,
        /// The cache folder.
        cache: PathBuf,
    },
    /// No address of a hub.
    #[error("Expected an address such as https://huggingface.co in HF_ENDPOINT, found {found}")]
    Endpoint {
        /// What it is, without user and password.
        found: String,
    },
    /// The hub does not answer.
    #[error("Cannot ask {endpoint} about {id}: {reason}")]
    NoConnection {
        /// The model.
        id: HubId,
        /// The hub's address.
        endpoint: String,
        /// The system's words.
        reason: String,
    },
    /// No such model, or a private one.
    #[error(
        "Cannot find {id}{} on the hub: there is no model of that name, or it is private \
         (a token goes into HF_TOKEN or into {})",
        hint(&id.repo(), KNOWN_MODELS.iter().map(|known| known.id)), token_file.display()
    )]
    NotFound {
        /// The model.
        id: HubId,
        /// Where a token would be.
        token_file: PathBuf,
    },
    /// No such branch, tag or commit.
    #[error("Cannot find {revision} of {}: the model has no branch, tag or commit of that name", id.repo())]
    NoRevision {
        /// The model.
        id: HubId,
        /// What was asked for.
        revision: String,
    },
    /// A file that is listed and not there.
    #[error("Cannot download {file}: the hub lists it and does not have it (status 404)")]
    NoFile {
        /// "config.json of a/b".
        file: String,
    },
    /// A licence to accept.
    #[error(
        "Cannot download {id}: the hub refuses access (status {status}); accept the model's licence at {page}, \
         then put a token into HF_TOKEN or into {}",
        token_file.display()
    )]
    Gated {
        /// The model.
        id: HubId,
        /// 401 or 403.
        status: u16,
        /// The model's page.
        page: String,
        /// Where a token would be.
        token_file: PathBuf,
    },
    /// Any other refusal.
    #[error("Cannot get {what}: the hub answers with status {status}")]
    Status {
        /// "config.json of a/b".
        what: String,
        /// HTTP's.
        status: u16,
    },
    /// An answer that cannot be understood.
    #[error("Cannot use {what}: found {found}")]
    Response {
        /// "the list of files of a/b".
        what: String,
        /// What it is instead.
        found: String,
    },
    /// Weights that can run code.
    #[error(
        "Cannot open {id}: it has only pickled weights such as {example}, which can run code when they are opened; \
         take another revision or convert them with save_pretrained"
    )]
    OnlyPickles {
        /// The model.
        id: HubId,
        /// A file.
        example: String,
    },
    /// A repository that is no checkpoint.
    #[error("Cannot open {id}: expected a checkpoint with {expected}, found {found}")]
    NoCheckpoint {
        /// "config.json".
        expected: &'static str,
        /// The model.
        id: HubId,
        /// What is there.
        found: String,
    },
    /// It broke off too often, or hardly anything came.
    #[error("Cannot download {file}: {reason} at {got} of {expected}; trying again continues there")]
    BrokenOff {
        /// "model.safetensors of a/b".
        file: String,
        /// "4.9 GB".
        expected: String,
        /// "1.2 GB".
        got: String,
        /// The last attempt's end: "the connection broke off (no answer)".
        reason: String,
    },
    /// More or less than was promised.
    #[error("Expected {expected} bytes of {file}, found {found}: try again")]
    WrongSize {
        /// The file.
        file: String,
        /// Promised.
        expected: u64,
        /// Got.
        found: u64,
    },
    /// More than anybody reads.
    #[error("Cannot download {file}: it is larger than {most}, the most that is read of such a file")]
    TooLarge {
        /// "config.json of a/b".
        file: String,
        /// "268 MB".
        most: String,
    },
    /// Weights whose end nobody knows.
    #[error("Cannot download {file}: the hub does not say how large it is")]
    NoSize {
        /// "model.safetensors of a/b".
        file: String,
    },
    /// Damaged on its way.
    #[error("Expected {file} with the checksum {expected}, found {found}: what was fetched is removed, try again")]
    Checksum {
        /// The file.
        file: String,
        /// The hub's.
        expected: String,
        /// Computed.
        found: String,
    },
    /// No room.
    #[error("Cannot download {id}: it needs {needed} of disk space and {free} are free: {}", cache.display())]
    DiskSpace {
        /// The model.
        id: HubId,
        /// "14.1 GB".
        needed: String,
        /// "3.0 GB".
        free: String,
        /// The cache folder.
        cache: PathBuf,
    },
    /// The disk.
    #[error("Cannot {action}: {}: {}", reason(error), path.display())]
    Disk {
        /// "write the download".
        action: &'static str,
        /// The system's.
        error: std::io::Error,
        /// What.
        path: PathBuf,
    },
}

#[cfg(feature = "hub")]
impl HubError {
    pub(super) fn disk(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Disk { action, error, path: path.to_owned() }
    }
}

/// "4.9 GB", as the hub's pages count.
pub fn size_label(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}
