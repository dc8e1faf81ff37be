//! Requests to the hub that can be left at any moment.

use super::options::HubOptions;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use ureq::config::RedirectAuthHeaders;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, http};

/// How often the flag is looked at while nothing comes.
const GLANCE: Duration = Duration::from_millis(50);
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way from the network to the disk: some megabytes, so that neither waits for a hiccup of the other.
const MOST_CHUNKS: usize = 64;
/// Answers that are read into memory; the list of a large repository has a few megabytes.
const MOST_ANSWER_BYTES: usize = 32 << 20;
/// Relative redirects of a question for a file's size: a model that was renamed, and renamed again.
const MOST_RENAMES: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);

/// Why a request did not come to its end.
#[derive(Debug)]
pub(super) enum NetError {
    /// The user asked for it.
    Cancelled,
    /// Anything that may go away: the system's words.
    Broken(String),
}

/// Status and headers of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }
}

enum Message {
    Head(Head),
    Bytes(Vec<u8>),
    /// The end of the answer.
    End,
    Failed(String),
}

/// An answer that is coming in.
#[derive(Debug)]
pub(super) struct Incoming<'a> {
    pub(super) head: Head,
    messages: Receiver<Message>,
    cancel: &'a AtomicBool,
}

impl Incoming<'_> {
    /// The next bytes; `None` at the end.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, NetError> {
        match receive(&self.messages, self.cancel)? {
            Message::Bytes(bytes) => Ok(Some(bytes)),
            Message::Head(_) | Message::End => Ok(None),
            Message::Failed(why) => Err(NetError::Broken(why)),
        }
    }

    /// All of it.
    pub(super) fn whole(&mut self) -> Result<Vec<u8>, NetError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next_chunk()? {
            all.extend_from_slice(&bytes);
            if all.len() > MOST_ANSWER_BYTES {
                return Err(NetError::Broken(format!("an answer of more than {MOST_ANSWER_BYTES} bytes")));
            }
        }
        Ok(all)
    }
}

fn receive(messages: &Receiver<Message>, cancel: &AtomicBool) -> Result<Message, NetError> {
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(NetError::Cancelled);
        }
        match messages.recv_timeout(GLANCE) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(NetError::Broken("the thread of the connection ended".to_owned()));
            }
        }
    }
}

/// The hub, as somebody who may have a token sees it.
#[derive(Debug)]
pub(super) struct Hub {
    agent: Agent,
    endpoint: String,
    authorization: Option<String>,
}

impl Hub {
    pub(super) fn new(options: &HubOptions) -> Self {
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            // The token is for the hub, not for the servers that it sends large files from.
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .user_agent(concat!("gazelens/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(options.patience.stall))
            .timeout_per_write(Some(options.patience.stall));
        // A hub on this very machine is not behind the proxy that the rest of the world is behind.
        let builder = if is_local(&options.endpoint) { builder.proxy(None) } else { builder };
        let builder = match options.certificates.as_deref().and_then(trusted) {
            Some(roots) => builder.tls_config(TlsConfig::builder().root_certs(roots).build()),
            None => builder,
        };
        Self {
            agent: Agent::new_with_config(builder.build()),
            endpoint: options.endpoint.clone(),
            authorization: options.token.as_ref().map(|token| format!("Bearer {}", token.secret())),
        }
    }

    /// Asks for `path` below the endpoint, from this byte on.
    pub(super) fn get<'a>(&self, path: &str, from: u64, cancel: &'a AtomicBool) -> Result<Incoming<'a>, NetError> {
        let mut request = self.agent.get(format!("{}{path}", self.endpoint)).header("accept-encoding", "identity");
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        start(move || request.call(), cancel)
    }

    /// What the hub itself, not the server behind it, says about `path`.
    pub(super) fn head(&self, path: &str, cancel: &AtomicBool) -> Result<Head, NetError> {
        let mut url = format!("{}{path}", self.endpoint);
        let mut left = MOST_RENAMES;
        loop {
            let mut request = self.agent.head(&url).header("accept-encoding", "identity");
            if let Some(authorization) = &self.authorization {
                request = request.header("authorization", authorization);
            }
            let request = request.config().max_redirects(0).max_redirects_will_error(false).build();
            let head = start(move || request.call(), cancel)?.head;
            // A redirect that names the content is the answer; one that does not leads to it.
            let location = head.header("location").filter(|location| is_relative(location));
            let location = location.filter(|_| head.header("x-linked-etag").is_none());
            match location.filter(|_| (300..400).contains(&head.status) && left > 0) {
                Some(location) => url = format!("{}{location}", origin(&self.endpoint)),
                None => return Ok(head),
            }
            left -= 1;
        }
    }
}

/// The certificates of a file; `None` when there are none.
fn trusted(path: &Path) -> Option<RootCerts> {
    let pem = std::fs::read(path).ok()?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!certificates.is_empty()).then(|| RootCerts::new_with_certs(&certificates))
}

/// A path of the same server.
fn is_relative(location: &str) -> bool {
    location.starts_with('/') && !location.starts_with("//")
}

/// `https://host` of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |slash| &url[..host + slash])
}

fn is_local(endpoint: &str) -> bool {
    let host = origin(endpoint).split_once("://").map_or("", |(_, host)| host);
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|port| port.is_empty() || port.starts_with(':')))
}

/// Sends a request on a thread of its own and waits for the head of the answer.
fn start(
    call: impl FnOnce() -> Result<http::Response<ureq::Body>, ureq::Error> + Send + 'static,
    cancel: &AtomicBool,
) -> Result<Incoming<'_>, NetError> {
    let (sender, messages) = sync_channel(MOST_CHUNKS);
    std::thread::Builder::new()
        .name("gazelens-hub".to_owned())
        .spawn(move || {
            let last = match call() {
                Ok(response) => forward(response, &sender),
                Err(err) => Some(Message::Failed(err.to_string())),
            };
            // Nobody may be there any more to hear it.
            last.map(|last| sender.send(last))
        })
        .map_err(|err| NetError::Broken(format!("no thread for the connection: {err}")))?;
    match receive(&messages, cancel)? {
        Message::Head(head) => Ok(Incoming { head, messages, cancel }),
        Message::Failed(why) => Err(NetError::Broken(why)),
        Message::Bytes(_) | Message::End => Err(NetError::Broken("an answer without a head".to_owned())),
    }
}

/// Hands an answer on; the last message, or `None` when nobody listens any more.
fn forward(response: http::Response<ureq::Body>, to: &SyncSender<Message>) -> Option<Message> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    to.send(Message::Head(Head { status: response.status().as_u16(), headers })).ok()?;
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Some(Message::End),
            Ok(read) => to.send(Message::Bytes(buffer.get(..read)?.to_vec())).ok()?,
            Err(err) if err.kind() == std::io::ErrorKind::Interrupted => {}
            Err(err) => return Some(Message::Failed(err.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(origin("https://mirror.example/hf/x"), "https://mirror.example", "with a path");
        assert_eq!(origin("https://huggingface.co"), "https://huggingface.co", "without one");
        assert!(
            is_relative("/new/name") && !is_relative("//evil.example/x") && !is_relative("https://x"),
            "same server"
        );
        assert!(is_local("http://127.0.0.1:80") && is_local("http://localhost"), "this machine");
        assert!(!is_local("https://localhost.evil.example"), "another one");
    }
}
