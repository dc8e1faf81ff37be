//! What a repository holds and which of it is needed. Everything here is an answer from outside: nothing of it is
//! trusted.

use super::error::HubError;
use super::id::{HubId, is_commit};
use super::index::{INDEX, SAFETENSORS, SINGLE, is_plain_name};
use serde::Deserialize;
use sha1::{Digest as _, Sha1};

/// Endings, as the hub's own tools write them.
const JSON: &str = ".json";
const JSON_INDEX: &str = ".index.json";
const JINJA: &str = ".jinja";
const GGUF: &str = ".gguf";

/// Small files besides `*.json` and `*.jinja`: vocabularies of every tokenizer.
const VOCABULARIES: [&str; 5] =
    ["merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"];
/// JSON that is of no use here and may be large.
const UNUSED_JSON: [&str; 3] = ["trainer_state.json", "all_results.json", "train_results.json"];
/// Formats of weights that may hold code.
const PICKLES: [&str; 5] = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

/// How a file's content is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContentName {
    /// SHA-256 of a large file.
    Sha256(String),
    /// Git's SHA-1 of a small one: over `blob SIZE\0` and the content.
    GitSha1(String),
    /// A mirror's own; it cannot be checked.
    Other(String),
}

impl ContentName {
    /// Of an `ETag` header; `None` when it is no safe file name.
    pub(super) fn from_etag(etag: &str) -> Option<Self> {
        let name = etag.trim().trim_start_matches("W/").trim_matches('"');
        let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let safe = !name.is_empty()
            && name.len() <= 128
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        match (safe, hex, name.len()) {
            (false, ..) => None,
            (_, true, 64) => Some(Self::Sha256(name.to_ascii_lowercase())),
            (_, true, 40) => Some(Self::GitSha1(name.to_ascii_lowercase())),
            _ => Some(Self::Other(name.to_owned())),
        }
    }

    /// The same for one file: a mirror's own name may be that of several, of one size and day.
    pub(super) fn of(self, file: &str) -> Self {
        match self {
            Self::Other(name) => {
                let digest = Sha1::digest(file.as_bytes());
                Self::Other(digest.iter().take(8).fold(name + "-", |name, byte| format!("{name}{byte:02x}")))
            }
            checked => checked,
        }
    }

    /// The name of the cache's blob.
    pub(super) fn file_name(&self) -> &str {
        match self {
            Self::Sha256(name) | Self::GitSha1(name) | Self::Other(name) => name,
        }
    }
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// A plain file name.
    pub(super) name: String,
    /// **Units** bytes; `None` where the hub does not list it.
    pub(super) size: Option<u64>,
    /// `None` where the hub does not list it.
    pub(super) content: Option<ContentName>,
}

/// A repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) commit: String,
    /// Those at the top; what lies in folders is never needed.
    pub(super) files: Vec<RemoteFile>,
}

#[derive(Deserialize)]
struct RawListing {
    sha: String,
    #[serde(default)]
    siblings: Vec<RawFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFile {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<RawLfs>,
}

#[derive(Deserialize)]
struct RawLfs {
    sha256: Option<String>,
    size: Option<u64>,
}

/// Reads the answer to `/api/models/ID/revision/REV`; the error is what was found instead.
pub(super) fn listing(bytes: &[u8]) -> Result<Listing, String> {
    let raw: RawListing = serde_json::from_slice(bytes).map_err(|err| format!("a JSON error ({err})"))?;
    if !is_commit(&raw.sha) {
        return Err("a commit that is none".to_owned());
    }
    let files = raw.siblings.into_iter().filter(|file| is_plain_name(&file.rfilename)).map(|file| {
        let (size, name) = match file.lfs {
            Some(lfs) => (lfs.size.or(file.size), lfs.sha256),
            None => (file.size, file.blob_id),
        };
        RemoteFile { name: file.rfilename, size, content: name.as_deref().and_then(ContentName::from_etag) }
    });
    Ok(Listing { commit: raw.sha.to_ascii_lowercase(), files: files.collect() })
}

/// Which files are fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Weights {
    /// These.
    Files(Vec<RemoteFile>),
    /// Those that this file names.
    Index(RemoteFile),
}

/// Everything small that a checkpoint may need, without the index of the weights; and what is called so and is too
/// large to be read.
pub(super) fn small_files(listing: &Listing, most_bytes: u64) -> (Vec<RemoteFile>, Vec<RemoteFile>) {
    let needed = |name: &str| {
        let json = name.ends_with(JSON) && !name.ends_with(JSON_INDEX) && !UNUSED_JSON.contains(&name);
        json || name.ends_with(JINJA) || VOCABULARIES.contains(&name)
    };
    let is_small = |file: &RemoteFile| file.size.is_none_or(|size| size <= most_bytes);
    listing.files.iter().filter(|file| needed(&file.name)).cloned().partition(is_small)
}

/// The weights, in the order in which a folder's are looked for.
pub(super) fn weights(id: &HubId, listing: &Listing) -> Result<Weights, HubError> {
    let named = |name: &str| listing.files.iter().find(|file| file.name == name).cloned();
    let ending =
        |endings: &[&str]| listing.files.iter().find(|file| endings.iter().any(|ending| file.name.ends_with(ending)));
    if let Some(single) = named(SINGLE) {
        return Ok(Weights::Files(vec![single]));
    }
    if let Some(index) = named(INDEX) {
        return Ok(Weights::Index(index));
    }
    let all: Vec<RemoteFile> = listing.files.iter().filter(|file| file.name.ends_with(SAFETENSORS)).cloned().collect();
    if !all.is_empty() {
        return Ok(Weights::Files(all));
    }
    let missing = |found: String| HubError::NoCheckpoint { expected: "safetensors weights", id: id.clone(), found };
    if let Some(file) = ending(&[GGUF]) {
        return Err(missing(format!(
            "GGUF files such as {} (download the decoder and its mmproj file, then open the decoder)",
            file.name
        )));
    }
    match ending(&PICKLES) {
        Some(file) => Err(HubError::OnlyPickles { id: id.clone(), example: file.name.clone() }),
        None => Err(missing("none at all".to_owned())),
    }
}

/// The newest conversion to safetensors that the hub's own bot offers, as a revision.
///
/// **Source**: transformers, `safetensors_conversion.py`, `previous_pr`.
pub(super) fn conversion(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Discussion {
        num: u64,
        #[serde(default)]
        is_pull_request: bool,
        status: Option<String>,
        author: Option<Author>,
    }
    #[derive(Deserialize)]
    struct Author {
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Raw {
        discussions: Vec<Discussion>,
    }
    let raw: Raw = serde_json::from_slice(bytes).ok()?;
    let by_the_bot = |author: &Author| author.name.as_deref() == Some("SFconvertbot");
    let offered = raw.discussions.iter().filter(|one| {
        one.is_pull_request && one.status.as_deref() == Some("open") && one.author.as_ref().is_some_and(by_the_bot)
    });
    offered.map(|one| one.num).max().map(|num| format!("refs/pr/{num}"))
}

#[cfg(test)]
mod tests;
