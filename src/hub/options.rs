//! Where the hub is, where its files go and who asks: the environment variables of Python's `huggingface_hub`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ENDPOINT: &str = "https://huggingface.co";

/// A secret: it is never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// Without the white space around it; `None` when nothing is left, or what cannot stand in a header.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    #[cfg(feature = "hub")]
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// How long a silent or failing hub is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Silence after which a connection counts as broken.
    pub stall: Duration,
    /// Attempts in a row that bring nothing before it is given up.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with every further one.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: Duration::from_secs(20), attempts: 5, pause: Duration::from_millis(500) }
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubOptions {
    /// The cache folder, shared with Python's `huggingface_hub`.
    pub cache: PathBuf,
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
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
}

impl HubOptions {
    /// A cache folder and the public hub, without a token.
    pub fn new(cache: PathBuf) -> Self {
        let token_file = cache.join("token");
        Self {
            cache,
            endpoint: ENDPOINT.to_owned(),
            token: None,
            token_file,
            offline: false,
            certificates: None,
            patience: Patience::default(),
        }
    }

    /// What this process's environment says.
    pub fn from_env() -> Self {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// The same of any set of variables.
    ///
    /// **Source**: `huggingface_hub/constants.py` and `utils/_auth.py`. **Differs**: an empty variable counts as none.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let path = |name: &str| set(name).map(|text| expanded(&text, &set));
        let home = path("HF_HOME").unwrap_or_else(|| {
            path("XDG_CACHE_HOME").unwrap_or_else(|| expanded("~/.cache", &set)).join("huggingface")
        });
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| home.join("hub"));
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let flag = |name: &str| set(name).is_some_and(|value| is_true(&value));
        let token = if flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            None
        } else {
            let given = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN"));
            given.as_deref().and_then(Token::new).or_else(|| token_in(&token_file))
        };
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Self {
            token,
            token_file,
            endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
            offline: flag("HF_HUB_OFFLINE") || flag("TRANSFORMERS_OFFLINE"),
            certificates: path("REQUESTS_CA_BUNDLE").or_else(|| path("SSL_CERT_FILE")),
            ..Self::new(cache)
        }
    }
}

/// A token is one line; a larger file is none.
fn token_in(path: &Path) -> Option<Token> {
    let small = std::fs::metadata(path).ok().filter(|meta| meta.is_file() && meta.len() < 4096);
    Token::new(&std::fs::read_to_string(small.map(|_| path)?).ok()?)
}

fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.trim().to_ascii_uppercase().as_str())
}

/// `~` and `$NAME` or `${NAME}` as Python's `expanduser` and `expandvars` read them; unknown names stay as they are.
fn expanded(text: &str, set: &dyn Fn(&str) -> Option<String>) -> PathBuf {
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
    let home = set("HOME").or_else(|| set("USERPROFILE"));
    match (out.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.into(),
        (Some(behind), Some(home)) if behind.starts_with(['/', '\\']) => Path::new(&home).join(&behind[1..]),
        _ => out.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> HubOptions {
        HubOptions::from_variables(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| options(variables).cache;
        assert_eq!(cache(&[("HOME", "/h")]), Path::new("/h/.cache/huggingface/hub"), "of the home folder");
        let xdg = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x")];
        assert_eq!(cache(&xdg), Path::new("/x/huggingface/hub"), "of the desktop's cache");
        let home = [("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("HF_HOME", "~/hf")];
        assert_eq!(cache(&home), Path::new("/h/hf/hub"), "of HF_HOME");
        let hub = [("HF_HOME", "/hf"), ("HF_HUB_CACHE", "${DATA}/$WHO/c"), ("DATA", "/d"), ("WHO", "me")];
        assert_eq!(cache(&hub), Path::new("/d/me/c"), "HF_HUB_CACHE before all");
        assert_eq!(cache(&[("HF_HUB_CACHE", "/c/$NOBODY/x$")]), Path::new("/c/$NOBODY/x$"), "unknown names stay");
        assert_eq!(cache(&[("HOME", "/h"), ("HF_HOME", " ")]), cache(&[("HOME", "/h")]), "an empty one is none");
    }

    #[test]
    fn offline_and_endpoint_are_read() {
        let given = options(&[("HF_HUB_OFFLINE", "yes"), ("HF_ENDPOINT", "https://mirror.example/")]);
        assert_eq!((given.offline, given.endpoint.as_str()), (true, "https://mirror.example"), "as given");
        let plain = options(&[("HF_HUB_OFFLINE", "0")]);
        assert_eq!((plain.offline, plain.endpoint.as_str()), (false, ENDPOINT), "the public hub");
        assert!(options(&[("TRANSFORMERS_OFFLINE", "1")]).offline, "transformers' own switch");
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
        let printed = format!("{:?}", options(&[("HF_TOKEN", "hf_secret")]));
        assert!(!printed.contains("hf_secret"), "{printed}");
    }
}
