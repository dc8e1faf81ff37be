//! The hub's address.

use super::token::Token;
use std::fmt;

/// The public hub.
const PUBLIC: &str = "https://huggingface.co";

/// The address of a hub. A user name and a password in it are kept apart, so that nothing that is printed has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    address: String,
    login: Option<Token>,
}

impl Endpoint {
    /// As it is written in `HF_ENDPOINT`: white space around it and slashes at its end are left out.
    pub fn new(text: &str) -> Self {
        let text = text.trim().trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
        // A password may hold anything, also what would end the name of a host: all up to the last `@` is kept back.
        let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        let slashes = if scheme.is_empty() { "" } else { "://" };
        Self { address: format!("{scheme}{slashes}{place}"), login: login.and_then(Token::new) }
    }

    /// Without user and password, and without a slash at its end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `user:password`, as the address had it.
    #[cfg(feature = "hub")]
    pub(super) fn login(&self) -> Option<&Token> {
        self.login.as_ref()
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::new(PUBLIC)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_part_of_what_is_printed() {
        let odd = [
            "http://user:hunter2@mirror.example/hf/",
            "user:hunter2@mirror.example",
            "https://hunter2@mirror.example",
            "http://user:hun/ter2@hunter2@mirror.example",
            "http://:hunter2@mirror.example:80/x",
        ];
        for text in odd {
            let endpoint = Endpoint::new(text);
            for printed in [endpoint.to_string(), format!("{endpoint:?}"), endpoint.address().to_owned()] {
                assert!(!printed.contains("hunter2") && !printed.contains("ter2"), "{text}: {printed}");
                assert!(printed.contains("mirror.example"), "{text}: {printed}");
            }
        }
        assert_eq!(
            Endpoint::new(" http://user:hunter2@mirror.example/hf/ ").address(),
            "http://mirror.example/hf",
            "the rest"
        );
    }

    #[test]
    fn an_address_stays_as_it_is() {
        assert_eq!(Endpoint::new("https://mirror.example/hf").address(), "https://mirror.example/hf", "with a path");
        assert_eq!(Endpoint::new("mirror.example").address(), "mirror.example", "without a scheme");
        assert_eq!(Endpoint::default().address(), PUBLIC, "the public hub");
    }
}
