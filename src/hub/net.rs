//! Requests to the hub that can be left at any moment, and that are left when they bring nothing.
//!
//! What an answer may cost: its head 64 KiB (with `100 Continue` before it as many bytes as come in
//! [`Patience::stall`]), ten redirects, and the time that its [`Watch`] gives it. Whatever happens in between, the
//! connection is cut when that is over.
//!
//! [`Patience::stall`]: super::Patience::stall

use super::address::{Origin, redirected};
use super::endpoint::Endpoint;
use super::options::HubOptions;
use super::watch::Watch;
use crate::files;
use base64::Engine as _;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error};

/// How often the flag is looked at while nothing comes.
const GLANCE: Duration = Duration::from_millis(50);
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way from the network to the disk: some megabytes, so that neither waits for a hiccup of the other.
const MOST_CHUNKS: usize = 64;
/// Answers that are read into memory; the list of a large repository has a few megabytes.
const MOST_ANSWER_BYTES: usize = 32 << 20;
const MOST_HEAD_BYTES: usize = 64 << 10;
const MOST_REDIRECTS: usize = 10;
/// A file of certificates: all of Mozilla's are a quarter of a megabyte.
const MOST_PEM_BYTES: u64 = 16 << 20;
const CONNECT: Duration = Duration::from_secs(10);

/// Why a request did not come to its end.
#[derive(Debug)]
pub(super) enum NetError {
    /// The user asked for it.
    Cancelled,
    /// Anything that may go away: the system's words.
    Broken(String),
    /// It would have taken for ever.
    TooSlow,
}

impl NetError {
    fn broken(why: impl Into<String>) -> Self {
        Self::Broken(why.into())
    }
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

    /// Where it leads, if it leads somewhere.
    fn redirect(&self, from: &Uri) -> Option<Result<Uri, &'static str>> {
        let is_redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        self.header("location").filter(|_| is_redirect).map(|location| redirected(from, location))
    }
}

enum Message {
    Head(Head),
    Bytes(Vec<u8>),
    /// The end of the answer.
    End,
    Failed(String),
}

/// An answer that is coming in. Leaving it before its end cuts the connection, so that its thread ends too.
pub(super) struct Incoming<'a> {
    pub(super) head: Head,
    hub: &'a Hub,
    messages: Receiver<Message>,
    cancel: &'a AtomicBool,
    is_over: bool,
}

impl Incoming<'_> {
    /// The next bytes; `None` at the end.
    pub(super) fn next_chunk(&mut self, watch: &Watch) -> Result<Option<Vec<u8>>, NetError> {
        match receive(&self.messages, self.cancel, watch.deadline())? {
            Message::Bytes(bytes) => Ok(Some(bytes)),
            Message::Head(_) | Message::End => {
                self.is_over = true;
                Ok(None)
            }
            Message::Failed(why) => {
                self.is_over = true;
                Err(NetError::Broken(why))
            }
        }
    }

    /// All of it.
    pub(super) fn whole(&mut self, watch: &mut Watch) -> Result<Vec<u8>, NetError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next_chunk(watch)? {
            all.extend_from_slice(&bytes);
            if all.len() > MOST_ANSWER_BYTES {
                return Err(NetError::broken(format!("an answer of more than {MOST_ANSWER_BYTES} bytes")));
            }
            watch.reached(all.len() as u64);
        }
        Ok(all)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.hub.hang_up();
        }
    }
}

fn receive(messages: &Receiver<Message>, cancel: &AtomicBool, deadline: Instant) -> Result<Message, NetError> {
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(NetError::Cancelled);
        }
        // What is there already is no fault of the hub's, however long the disk took.
        match messages.recv_timeout(Duration::ZERO) {
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return Err(NetError::TooSlow),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Disconnected) => return Err(NetError::broken("the thread of the connection ended")),
        }
        match messages.recv_timeout(GLANCE) {
            Ok(message) => return Ok(message),
            // Both are looked at above.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// The hub, as somebody who may have a token sees it.
pub(super) struct Hub {
    /// Replaced when its connections are cut.
    agent: RefCell<Agent>,
    config: Config,
    endpoint: Endpoint,
    /// Whom the secret is for; without one the endpoint is no address.
    origin: Option<Origin>,
    /// The value of the header.
    authorization: Option<String>,
}

impl Hub {
    pub(super) fn new(options: &HubOptions) -> Self {
        let stall = options.patience.stall;
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            // Followed here, where the token is left behind at the first other origin.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MOST_HEAD_BYTES)
            .user_agent(concat!("gazelens/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_send_request(Some(stall))
            .timeout_recv_response(Some(stall))
            .timeout_per_read(Some(stall))
            .timeout_per_write(Some(stall));
        let origin = options.endpoint.address().parse().ok().as_ref().and_then(Origin::of);
        // A hub on this very machine is not behind the proxy that the rest of the world is behind.
        let builder = if origin.as_ref().is_some_and(Origin::is_local) { builder.proxy(None) } else { builder };
        let builder = match options.certificates.as_deref().and_then(trusted) {
            Some(roots) => builder.tls_config(TlsConfig::builder().root_certs(roots).build()),
            None => builder,
        };
        let config = builder.build();
        let basic = |login: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login));
        // One header can hold one of them. As in Python, who stands in the address is who asks.
        let authorization = match (options.endpoint.login(), &options.token) {
            (Some(login), _) => Some(basic(login.secret())),
            (None, token) => token.as_ref().map(|token| format!("Bearer {}", token.secret())),
        };
        let agent = RefCell::new(Agent::new_with_config(config.clone()));
        Self { agent, config, endpoint: options.endpoint.clone(), origin, authorization }
    }

    /// Whether it has an address at all.
    pub(super) fn has_address(&self) -> bool {
        self.origin.is_some()
    }

    /// Cuts every connection; the next request makes new ones.
    fn hang_up(&self) {
        self.agent.replace(Agent::new_with_config(self.config.clone())).shutdown();
    }

    fn address(&self, path: &str) -> Result<Uri, NetError> {
        format!("{}{path}", self.endpoint).parse().map_err(|_| NetError::broken("its address cannot be read"))
    }

    /// Asks for `path` below the endpoint, from this byte on.
    pub(super) fn get<'a>(
        &'a self,
        path: &str,
        from: u64,
        cancel: &'a AtomicBool,
        watch: &Watch,
    ) -> Result<Incoming<'a>, NetError> {
        let mut address = self.address(path)?;
        let mut knows_us = true;
        for _ in 0..=MOST_REDIRECTS {
            // Once somebody else was asked the secret stays here, also when that one redirects back.
            knows_us &= Origin::of(&address) == self.origin;
            let incoming = self.send(&Method::GET, &address, knows_us, from, cancel, watch)?;
            match incoming.head.redirect(&address) {
                None => return Ok(incoming),
                Some(next) => address = next.map_err(NetError::broken)?,
            }
        }
        Err(NetError::broken(format!("more than {MOST_REDIRECTS} redirects")))
    }

    /// What the hub itself, not the server behind it, says about `path`.
    pub(super) fn head(&self, path: &str, cancel: &AtomicBool, watch: &Watch) -> Result<Head, NetError> {
        let mut address = self.address(path)?;
        for _ in 0..=MOST_REDIRECTS {
            let head = self.send(&Method::HEAD, &address, true, 0, cancel, watch)?.head.clone();
            // A redirect that names the content is the answer; one that does not leads to it: the model was renamed.
            let next = head.redirect(&address).filter(|_| head.header("x-linked-etag").is_none());
            match next {
                Some(Ok(next)) if Origin::of(&next) == self.origin => address = next,
                _ => return Ok(head),
            }
        }
        Err(NetError::broken(format!("more than {MOST_REDIRECTS} redirects")))
    }

    /// Sends a request on a thread of its own and waits for the head of the answer.
    fn send<'a>(
        &'a self,
        method: &Method,
        address: &Uri,
        with_secret: bool,
        from: u64,
        cancel: &'a AtomicBool,
        watch: &Watch,
    ) -> Result<Incoming<'a>, NetError> {
        let mut request = Request::builder().method(method).uri(address).header("accept-encoding", "identity");
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        if let Some(authorization) = self.authorization.as_ref().filter(|_| with_secret) {
            request = request.header("authorization", authorization);
        }
        let request = request.body(()).map_err(|_| NetError::broken("its address cannot be read"))?;
        let agent = self.agent.borrow().clone();
        let (sender, messages) = sync_channel(MOST_CHUNKS);
        std::thread::Builder::new()
            .name("gazelens-hub".to_owned())
            .spawn(move || {
                let last = match agent.run(request) {
                    Ok(response) => forward(response, &sender),
                    Err(err) => Some(Message::Failed(reason(err))),
                };
                // Nobody may be there any more to hear it.
                last.map(|last| sender.send(last))
            })
            .map_err(|err| NetError::broken(format!("no thread for the connection: {err}")))?;
        let mut incoming = Incoming { head: Head::default(), hub: self, messages, cancel, is_over: false };
        match receive(&incoming.messages, cancel, watch.deadline())? {
            Message::Head(head) => {
                incoming.is_over = *method == Method::HEAD || !has_content(head.status);
                incoming.head = head;
                Ok(incoming)
            }
            Message::Failed(why) => {
                incoming.is_over = true;
                Err(NetError::Broken(why))
            }
            Message::Bytes(_) | Message::End => Err(NetError::broken("an answer without a head")),
        }
    }
}

/// The certificates of a file; `None` when there are none.
fn trusted(path: &Path) -> Option<RootCerts> {
    let pem = files::read(path, MOST_PEM_BYTES).ok()?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    (!certificates.is_empty()).then(|| RootCerts::new_with_certs(&certificates))
}

/// Of a refusal or a redirect the content is never read.
fn has_content(status: u16) -> bool {
    (200..300).contains(&status)
}

/// What went wrong on the way, in words.
fn reason(err: Error) -> String {
    use std::io::ErrorKind;
    match err {
        Error::Io(err) => match err.kind() {
            ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => "the connection was closed".to_owned(),
            _ => files::reason(&err),
        },
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::LargeResponseHeader(..) => format!("the head of the answer is longer than {MOST_HEAD_BYTES} bytes"),
        Error::Protocol(err) => format!("the answer is no HTTP: {err}"),
        Error::HostNotFound => "no such host".to_owned(),
        other => other.to_string(),
    }
}

/// Hands an answer on; the last message, or `None` when nobody listens any more.
fn forward(response: Response<Body>, to: &SyncSender<Message>) -> Option<Message> {
    let text =
        |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    let headers = response.headers().iter().filter_map(text).collect();
    let status = response.status().as_u16();
    to.send(Message::Head(Head { status, headers })).ok()?;
    if !has_content(status) {
        return Some(Message::End);
    }
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Some(Message::End),
            Ok(read) => to.send(Message::Bytes(buffer.get(..read)?.to_vec())).ok()?,
            Err(err) if err.kind() == std::io::ErrorKind::Interrupted => {}
            Err(err) => return Some(Message::Failed(reason(err.into()))),
        }
    }
}
