//! Where the hub is, where its files go and who asks: the environment variables of Python's `huggingface_hub`.

use super::endpoint::Endpoint;
use super::error::HubError;
use super::index::SMALL_FILE_BYTES;
use super::token::{Token, token_in};
use crate::files;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds that `HF_HUB_DOWNLOAD_TIMEOUT` may ask for.
const TIMEOUT_SECS: std::ops::RangeInclusive<u64> = 1..=3600;

/// How long a silent, slow or failing hub is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Silence after which a connection counts as broken, and the longest that the head of an answer may take.
    pub stall: Duration,
    /// Attempts in a row that bring less than `progress_bytes` before a file is given up.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with every further one.
    pub pause: Duration,
    /// What has to come before `progress_within` is over, beyond the most that there ever was of a file: the least
    /// rate.
    /// **Units** bytes.
    pub progress_bytes: u64,
    /// See `progress_bytes`. An answer that is no file has to be there after five times as long.
    pub progress_within: Duration,
}

impl Patience {
    /// Silence of `stall` is borne, and a rate that is as good as silence for three times as long.
    fn of(stall: Duration) -> Self {
        Self {
            stall,
            attempts: 5,
            pause: Duration::from_millis(500),
            progress_bytes: 64 << 10,
            progress_within: stall * 3,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::of(Duration::from_secs(20))
    }
}

/// Whom to ask for models and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubOptions {
    /// The cache folder, shared with Python's `huggingface_hub`.
    pub cache: PathBuf,
    /// The hub's address.
    pub endpoint: Endpoint,
    /// Who asks.
    pub token: Option<Token>,
    /// Where a token would be looked for; messages name it.
    pub token_file: PathBuf,
    /// Ask nobody, take what is in the cache.
    pub offline: bool,
    /// A PEM file of the certificates to trust in place of Mozilla's, as companies have them.
    pub certificates: Option<PathBuf>,
    /// See [`Patience`].
    pub patience: Patience,
    /// Longest file of a model besides its weights: what a checkpoint reads of one at most. **Units** bytes.
    pub small_file_bytes: u64,
}

impl HubOptions {
    /// A cache folder and the public hub, without a token.
    pub fn new(cache: PathBuf) -> Self {
        let token_file = cache.join("token");
        Self {
            cache,
            endpoint: Endpoint::default(),
            token: None,
            token_file,
            offline: false,
            certificates: None,
            patience: Patience::default(),
            small_file_bytes: SMALL_FILE_BYTES,
        }
    }

    /// What this process's environment says.
    ///
    /// **Errors** [`HubError::NoHome`] where no variable names the cache and this user has no home folder,
    /// [`HubError::Variable`] for a number that is none.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from_variables(&|name| std::env::var(name).ok(), files::home().as_deref())
    }

    /// The same of any set of variables and any home folder.
    ///
    /// **Source**: `huggingface_hub/constants.py` and `utils/_auth.py`. **Differs**: an empty variable counts as none.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Result<Self, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let path = |name: &'static str| set(name).map(|text| expanded(name, &text, &set, home)).transpose();
        let first = |names: [&'static str; 2]| Ok(path(names[0])?.or(path(names[1])?));
        // Only asked for where no variable says more: without a home folder those that do are enough.
        let hf_home = || match (path("HF_HOME")?, path("XDG_CACHE_HOME")?, home) {
            (Some(hf_home), ..) => Ok(hf_home),
            (None, Some(caches), _) => Ok(caches.join("huggingface")),
            (None, None, Some(home)) => Ok(home.join(".cache").join("huggingface")),
            (None, None, None) => Err(HubError::NoHome),
        };
        let cache = match first(["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"])? {
            Some(cache) => cache,
            None => hf_home()?.join("hub"),
        };
        let token_file = match path("HF_TOKEN_PATH")? {
            Some(file) => file,
            None => hf_home().map_or_else(|_| cache.join("token"), |hf_home| hf_home.join("token")),
        };
        let flag = |name: &str| set(name).is_some_and(|value| is_true(&value));
        let token = if flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            None
        } else {
            let given = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN"));
            given.as_deref().and_then(Token::new).or_else(|| token_in(&token_file))
        };
        Ok(Self {
            token,
            token_file,
            endpoint: set("HF_ENDPOINT").map_or_else(Endpoint::default, |text| Endpoint::new(&text)),
            offline: flag("HF_HUB_OFFLINE") || flag("TRANSFORMERS_OFFLINE"),
            certificates: first(["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])?,
            patience: set("HF_HUB_DOWNLOAD_TIMEOUT").map_or_else(|| Ok(Patience::default()), |text| patience(&text))?,
            ..Self::new(cache)
        })
    }
}

fn patience(text: &str) -> Result<Patience, HubError> {
    let secs = text.trim().parse().ok().filter(|secs| TIMEOUT_SECS.contains(secs));
    secs.map(|secs| Patience::of(Duration::from_secs(secs))).ok_or_else(|| HubError::Variable {
        name: "HF_HUB_DOWNLOAD_TIMEOUT",
        expected: "1 to 3600 seconds",
        found: text.to_owned(),
    })
}

fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.trim().to_ascii_uppercase().as_str())
}

/// `~` and `$NAME` or `${NAME}` as Python's `expanduser` and `expandvars` read them; unknown names stay as they are.
///
/// **Differs**: a `~` that cannot be replaced is an error. Python makes a folder of that name.
fn expanded(
    name: &'static str,
    text: &str,
    set: &dyn Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> Result<PathBuf, HubError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let braced = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let plain = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
        let (name, after) = braced.unwrap_or_else(|| behind.split_at(plain));
        let value = set(name).filter(|_| !name.is_empty());
        rest = if value.is_some() { after } else { behind };
        out.push_str(value.as_deref().unwrap_or("$"));
    }
    out.push_str(rest);
    let Some(behind) = out.strip_prefix('~') else { return Ok(out.into()) };
    let below = behind.trim_start_matches(['/', '\\']);
    match home {
        Some(home) if behind.is_empty() => Ok(home.to_owned()),
        Some(home) if below.len() < behind.len() => Ok(home.join(below)),
        None if below.len() < behind.len() || behind.is_empty() => Err(HubError::NoHome),
        _ => Err(HubError::Variable { name, expected: "a folder, or one below ~", found: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], home: Option<&str>) -> Result<HubOptions, HubError> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        HubOptions::from_variables(&variable, home.map(Path::new))
    }

    fn options(variables: &[(&str, &str)]) -> HubOptions {
        read(variables, Some("/h")).expect("variables that can be read")
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| options(variables).cache;
        assert_eq!(cache(&[]), Path::new("/h/.cache/huggingface/hub"), "of the home folder");
        let xdg = [("XDG_CACHE_HOME", "/x")];
        assert_eq!(cache(&xdg), Path::new("/x/huggingface/hub"), "of the desktop's cache");
        let home = [("XDG_CACHE_HOME", "/x"), ("HF_HOME", "~/hf")];
        assert_eq!(cache(&home), Path::new("/h/hf/hub"), "of HF_HOME");
        let hub = [("HF_HOME", "/hf"), ("HF_HUB_CACHE", "${DATA}/$WHO/c"), ("DATA", "/d"), ("WHO", "me")];
        assert_eq!(cache(&hub), Path::new("/d/me/c"), "HF_HUB_CACHE before all");
        assert_eq!(cache(&[("HF_HUB_CACHE", "/c/$NOBODY/x$")]), Path::new("/c/$NOBODY/x$"), "unknown names stay");
        assert_eq!(cache(&[("HF_HOME", " ")]), cache(&[]), "an empty one is none");
    }

    #[test]
    fn without_a_home_folder_no_folder_is_named_with_a_tilde() {
        let nowhere = read(&[], None).expect_err("no folder").to_string();
        assert!(nowhere.contains("HF_HOME") && nowhere.contains("HOME"), "{nowhere}");
        let enough: [&[(&str, &str)]; 3] =
            [&[("HF_HOME", "/hf")], &[("XDG_CACHE_HOME", "/x")], &[("HF_HUB_CACHE", "/c")]];
        for variables in enough {
            assert!(read(variables, None).is_ok(), "{variables:?} says where");
        }
        for text in ["~", "~/x", "~\\x"] {
            let refusal = read(&[("HF_HOME", text)], None).expect_err("no home folder").to_string();
            assert!(refusal.contains("home folder"), "{text}: {refusal}");
        }
        for home in [None, Some("/h")] {
            let refusal = read(&[("HF_HOME", "~somebody/x")], home).expect_err("another user").to_string();
            assert!(refusal.contains("HF_HOME") && refusal.contains("~somebody/x"), "{refusal}");
        }
    }

    #[test]
    fn offline_endpoint_and_patience_are_read() {
        let given = options(&[("HF_HUB_OFFLINE", "yes"), ("HF_ENDPOINT", "https://mirror.example/")]);
        assert_eq!((given.offline, given.endpoint.address()), (true, "https://mirror.example"), "as given");
        let plain = options(&[("HF_HUB_OFFLINE", "0")]);
        assert_eq!((plain.offline, &plain.endpoint), (false, &Endpoint::default()), "the public hub");
        assert!(options(&[("TRANSFORMERS_OFFLINE", "1")]).offline, "transformers' own switch");
        assert_eq!(plain.patience.stall, Duration::from_secs(20), "unless it is set");
        let slow = options(&[("HF_HUB_DOWNLOAD_TIMEOUT", "60")]).patience;
        assert_eq!((slow.stall.as_secs(), slow.progress_within.as_secs()), (60, 180), "as on a slow line");
        for text in ["0", "-1", "1e9", "soon", "3601"] {
            let refusal = read(&[("HF_HUB_DOWNLOAD_TIMEOUT", text)], Some("/h")).expect_err("no time").to_string();
            assert!(refusal.contains("HF_HUB_DOWNLOAD_TIMEOUT") && refusal.contains(text), "{refusal}");
        }
    }

    #[test]
    fn a_token_comes_from_the_variable_or_the_file_and_is_never_printed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("token"), "hf_file\n").expect("written");
        let home = folder.path().to_string_lossy().into_owned();
        let of = |variables: &[(&str, &str)]| options(variables).token;
        assert_eq!(of(&[("HF_HOME", &home)]), Token::new("hf_file"), "of the file, without its line end");
        assert_eq!(of(&[("HF_HOME", &home), ("HF_TOKEN", "hf_env")]), Token::new("hf_env"), "the variable first");
        let silent = [("HF_HOME", home.as_str()), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")];
        assert_eq!(of(&silent), None, "switched off");
        assert_eq!(Token::new("two\r\nlines"), None, "nothing that could split a header");
        let secrets = [("HF_TOKEN", "hf_secret"), ("HF_ENDPOINT", "http://user:hunter2@mirror.example")];
        let printed = format!("{:?}", options(&secrets));
        assert!(!printed.contains("hf_secret") && !printed.contains("hunter2"), "{printed}");
    }
}
