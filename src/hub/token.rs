//! Who asks.

use crate::files;
use std::fmt;
use std::path::Path;

/// A token is one line; a larger file is none.
const MOST_TOKEN_BYTES: u64 = 4096;

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

/// The token that a file holds, if it holds one.
pub(super) fn token_in(path: &Path) -> Option<Token> {
    Token::new(&String::from_utf8(files::read(path, MOST_TOKEN_BYTES).ok()?).ok()?)
}
