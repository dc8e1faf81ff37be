//! Why a model of the hub could not be had.

use super::id::HubId;
use std::path::PathBuf;

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The user asked for it.
    #[error("Stopped on request")]
    Cancelled,
    /// Offline and not there.
    #[error(
        "Expected {id} in the cache because HF_HUB_OFFLINE forbids to ask the hub, found no complete copy of it: {}",
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
        "Expected {id} in the cache, found no complete copy of it, and this program was built without downloads: build it with the default features, or fetch it with `hf download {id}`: {}",
        cache.display()
    )]
    NotBuilt {
        /// The model.
        id: HubId,
        /// The cache folder.
        cache: PathBuf,
    },
    /// The hub does not answer.
    #[error("Expected an answer from the hub about {id}, found no connection to {endpoint} ({reason})")]
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
        "Expected a model on the hub, found none of the name {id}, or a private one: a token goes into HF_TOKEN or into {}",
        token_file.display()
    )]
    NotFound {
        /// The model.
        id: HubId,
        /// Where a token would be.
        token_file: PathBuf,
    },
    /// No such branch, tag or commit.
    #[error("Expected a branch, a tag or a commit of the model, found none of the name {revision} in {}", id.repo())]
    NoRevision {
        /// The model.
        id: HubId,
        /// What was asked for.
        revision: String,
    },
    /// A licence to accept.
    #[error(
        "Expected access to {id}, found that the hub refuses it ({status}): accept the model's licence at {page}, then put a token into HF_TOKEN or into {}",
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
    #[error("Expected {what} from the hub, found the status {status}")]
    Status {
        /// "config.json of a/b".
        what: String,
        /// HTTP's.
        status: u16,
    },
    /// An answer that cannot be understood.
    #[error("Expected {what} from the hub, found {found}")]
    Response {
        /// "the list of files of a/b".
        what: String,
        /// Why not.
        found: String,
    },
    /// Weights that can run code.
    #[error(
        "Expected safetensors weights in {id}, found only pickled ones such as {example}, which can run code when they are opened: take another revision or convert them with save_pretrained"
    )]
    OnlyPickles {
        /// The model.
        id: HubId,
        /// A file.
        example: String,
    },
    /// A repository that is no checkpoint.
    #[error("Expected a checkpoint with {expected} in {id}, found {found}")]
    NoCheckpoint {
        /// "config.json".
        expected: &'static str,
        /// The model.
        id: HubId,
        /// What is there.
        found: String,
    },
    /// It broke off too often.
    #[error(
        "Expected {expected} of {file}, found that the connection broke off at {got} ({reason}): trying again continues there"
    )]
    BrokenOff {
        /// The file.
        file: String,
        /// "4.9 GB".
        expected: String,
        /// "1.2 GB".
        got: String,
        /// The last attempt's end.
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
    #[error("Expected {needed} of free disk space for {id}, found {free}: {}", cache.display())]
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
    #[error("Could not {action} ({reason}): {}", path.display())]
    Disk {
        /// "write the download".
        action: &'static str,
        /// The system's words.
        reason: std::io::Error,
        /// What.
        path: PathBuf,
    },
}

#[cfg(feature = "hub")]
impl HubError {
    pub(super) fn disk(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        move |reason| Self::Disk { action, reason, path: path.to_owned() }
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
