//! Whom an address belongs to, and where a redirect leads.

use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// Scheme, host and port: what a secret is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    is_secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// `None` for anything but `http` and `https` with a host.
    pub(super) fn of(address: &Uri) -> Option<Self> {
        let is_secure = match address.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let host = address.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = match address.authority()?.as_str().rsplit_once(':') {
            // A port that is none, such as 99999, is not taken for the usual one.
            Some((_, digits)) if !digits.ends_with(']') => digits.parse().ok()?,
            _ => {
                if is_secure {
                    443
                } else {
                    80
                }
            }
        };
        Some(Self { is_secure, host, port })
    }

    /// Whether this machine is meant, which no proxy leads to.
    pub(super) fn is_local(&self) -> bool {
        ["127.0.0.1", "localhost", "[::1]"].contains(&self.host.as_str())
    }
}

/// Where `Location` leads from an address; the error says why nowhere.
pub(super) fn redirected(from: &Uri, location: &str) -> Result<Uri, &'static str> {
    const NOWHERE: &str = "the hub redirects to something that is no http address";
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (from.scheme_str().unwrap_or_default(), from.authority().map_or("", |at| at.as_str()));
    let path = from.path();
    let end = location.find(['/', '?']).unwrap_or(location.len());
    let text = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.get(..end).is_some_and(|start| start.ends_with(':')) {
        location.to_owned()
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{path}{location}")
    } else {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let to = without_login(&text).parse::<Uri>().map_err(|_| NOWHERE)?;
    let (before, after) = (Origin::of(from).ok_or(NOWHERE)?, Origin::of(&to).ok_or(NOWHERE)?);
    if before.is_secure && !after.is_secure {
        return Err("the hub redirects from https to http");
    }
    Ok(to)
}

/// Nobody but the user says who logs in.
fn without_login(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    format!("{scheme}://{place}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> Option<Origin> {
        Origin::of(&text.parse().ok()?)
    }

    fn to(from: &str, location: &str) -> Result<String, &'static str> {
        redirected(&from.parse().expect("an address"), location).map(|to| to.to_string())
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same =
            [("https://a", "https://A:443/x?y"), ("http://a:80", "http://a"), ("http://[::1]:80", "http://[::1]")];
        for (a, b) in same {
            assert!(origin(a).is_some() && origin(a) == origin(b), "{a} and {b}");
        }
        let other = [
            ("https://a", "http://a"),
            ("http://a", "http://a:81"),
            ("http://a", "http://b"),
            ("http://a", "http://a.b"),
        ];
        for (a, b) in other {
            assert_ne!(origin(a), origin(b), "{a} and {b}");
        }
        for none in ["ftp://a", "/a", "http://a:99999/x"] {
            assert_eq!(origin(none), None, "{none}");
        }
        let local = |text| origin(text).is_some_and(|origin| origin.is_local());
        assert!(local("http://127.0.0.1:80") && local("http://localhost"), "this machine");
        assert!(!local("https://localhost.evil.example"), "another one");
    }

    #[test]
    fn redirects_lead_where_a_browser_goes() {
        let from = "https://hub.example/api/models/a?x=1";
        for (location, expected) in [
            ("/b/c", "https://hub.example/b/c"),
            ("b", "https://hub.example/api/models/b"),
            ("?y=2", "https://hub.example/api/models/a?y=2"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("https://cdn.example/x?sig=/#part", "https://cdn.example/x?sig=/"),
            ("https://hub.example@cdn.example/x", "https://cdn.example/x"),
            ("//me:secret@cdn.example/x@y", "https://cdn.example/x@y"),
        ] {
            assert_eq!(to(from, location).as_deref(), Ok(expected), "{location}");
        }
    }

    #[test]
    fn redirects_never_leave_http_or_give_up_encryption() {
        for location in
            ["file:///etc/passwd", "ftp://hub.example/x", "http://", "https:///x", "http://hub.example:99999/"]
        {
            assert!(to("https://hub.example/a", location).is_err(), "{location}");
        }
        assert!(
            to("https://hub.example/a", "http://hub.example/a").is_err_and(|why| why.contains("https to http")),
            "down"
        );
        assert!(to("http://hub.example/a", "https://hub.example/a").is_ok(), "up");
    }

    proptest! {
        #[test]
        fn any_location_is_read_without_panic_and_never_leads_down(location in "[a-z:/?#@.\\[\\]0-9é]{0,30}") {
            if let Ok(to) = redirected(&"https://hub.example/a/b".parse().expect("an address"), &location) {
                prop_assert!(Origin::of(&to).is_some_and(|origin| origin.is_secure), "{location} led to {to}");
                prop_assert!(!to.authority().expect("a host").as_str().contains('@'), "{location} led to {to}");
            }
        }
    }
}
