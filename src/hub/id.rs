//! Names of models on the hub.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest owner or name that the hub allows.
const MOST_NAME_CHARS: usize = 96;
/// Longest revision that anybody writes.
const MOST_REVISION_CHARS: usize = 200;

/// `owner/name`, or `owner/name@revision` with a branch, a tag or a commit.
///
/// Both halves become names of folders: what is in here is safe as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubId {
    owner: Box<str>,
    name: Box<str>,
    revision: Option<Box<str>>,
}

/// Not a hub id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Expected a hub id such as llava-hf/llava-1.5-7b-hf, found {found}")]
pub struct BadHubId {
    /// What was given.
    pub found: String,
}

impl HubId {
    /// `owner/name`.
    pub fn repo(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The revision that was asked for.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// Its folder in the cache: `models--owner--name`.
    pub fn folder_name(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }

    /// The model of a folder in the cache.
    pub fn from_folder_name(name: &str) -> Option<Self> {
        let (owner, name) = name.strip_prefix("models--")?.split_once("--")?;
        format!("{owner}/{name}").parse().ok()
    }
}

impl FromStr for HubId {
    type Err = BadHubId;

    fn from_str(text: &str) -> Result<Self, BadHubId> {
        let bad = || BadHubId { found: text.to_owned() };
        let (repo, revision) = match text.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (text, None),
        };
        let (owner, name) = repo.split_once('/').ok_or_else(bad)?;
        if is_name(owner) && is_name(name) && revision.is_none_or(is_revision) {
            return Ok(Self { owner: owner.into(), name: name.into(), revision: revision.map(Into::into) });
        }
        Err(bad())
    }
}

impl TryFrom<String> for HubId {
    type Error = BadHubId;

    fn try_from(text: String) -> Result<Self, BadHubId> {
        text.parse()
    }
}

impl From<HubId> for String {
    fn from(id: HubId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        self.revision.as_ref().map_or(Ok(()), |revision| write!(f, "@{revision}"))
    }
}

/// **Source**: `huggingface_hub/utils/_validators.py`, `REPO_ID_REGEX` and the two rules beside it.
fn is_name(text: &str) -> bool {
    let ends = |c: char| matches!(c, '-' | '.');
    !text.is_empty()
        && text.len() <= MOST_NAME_CHARS
        && !text.starts_with(ends)
        && !text.ends_with(ends)
        && !text.contains("--")
        && !text.contains("..")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// What may be a path below `refs`.
fn is_revision(text: &str) -> bool {
    text.len() <= MOST_REVISION_CHARS
        && text.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
        })
}

/// Whether a revision is a commit: forty hexadecimal digits.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_read_and_written_alike() {
        for text in ["llava-hf/llava-1.5-7b-hf", "openai/clip-vit-base-patch32@refs/pr/15", "a/b@main", "a_b/C.d"] {
            let id: HubId = text.parse().expect("an id");
            assert_eq!(id.to_string(), text, "as it was written");
        }
        let id: HubId = "a/b@v1.0".parse().expect("an id");
        assert_eq!((id.repo().as_str(), id.revision()), ("a/b", Some("v1.0")), "in its parts");
        assert_eq!(id.folder_name(), "models--a--b", "the cache's folder");
        assert_eq!(HubId::from_folder_name("models--a--b"), "a/b".parse().ok(), "and back");
    }

    #[test]
    fn what_could_leave_the_cache_is_no_id() {
        let bad = [
            "demo",
            "",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "../b",
            "a/..",
            "./b",
            "a/b@",
            "a/b@../x",
            "a/b@/etc",
            "a/b@x//y",
            "a/b@.hidden",
            "a b/c",
            "a/b--c",
            "a\\b/c",
            "ä/b",
            "a/b.",
            "-a/b",
        ];
        for text in bad {
            assert!(text.parse::<HubId>().is_err(), "{text} is no id");
        }
        assert!(format!("a/{}", "x".repeat(97)).parse::<HubId>().is_err(), "longer than the hub allows");
        for name in ["models--a", "datasets--a--b", "models--..--b", "models--a--b--c"] {
            assert_eq!(HubId::from_folder_name(name), None, "{name} is no model's folder");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_an_id_stays_in_its_folder(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<HubId>() {
                let folder = id.folder_name();
                prop_assert!(!folder.contains(['/', '\\']) && !folder.contains(".."), "{folder}");
            }
        }
    }
}
