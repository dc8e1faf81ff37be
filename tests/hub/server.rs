//! A hub on this machine: the routes that are asked for, and everything that can go wrong on them.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Something that goes wrong with a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends after so many bytes of each answer.
    BreaksAfter(usize),
    /// One byte is another.
    Corrupt,
    /// A byte more than was promised.
    TooLong,
    /// Nothing more comes after so many bytes.
    StallsAfter(usize),
    /// Ranges are not understood.
    IgnoresRange,
    /// Status and `X-Error-Code`.
    Status(u16, &'static str),
    /// The connection ends after so many bytes, and what is asked to continue continues at another byte.
    Lies(usize),
    /// The connection ends after so many bytes, and each one begins anew.
    StartsOver(usize),
    /// The connection ends after so many bytes, and none is continued.
    RefusesRange(usize),
    /// So many bytes at a time, with this pause behind them.
    Drips(usize, Duration),
    /// Content that never ends, in chunks of a size that nobody promised.
    Endless,
    /// Content without a size.
    Unsized,
    /// `100 Continue` in place of the head, again and again, with this pause behind each.
    Hundreds(Duration),
    /// A head that never ends.
    Headers,
}

/// A repository.
#[derive(Debug, Clone)]
pub(crate) struct Repo {
    pub(crate) commit: String,
    /// Name, content, and whether it is a large file.
    pub(crate) files: BTreeMap<String, (Vec<u8>, bool)>,
    /// Whether the list gives sizes and checksums, as mirrors may not.
    pub(crate) lists_blobs: bool,
    /// Whether sizes are told when a file is asked about.
    pub(crate) tells_sizes: bool,
    /// The `ETag` of every file, as a mirror may have it.
    pub(crate) etag: Option<&'static str>,
    /// What the list gives as the sizes of these files.
    pub(crate) sizes: BTreeMap<String, u64>,
    /// Its new name.
    pub(crate) renamed_to: Option<String>,
    /// Pull requests, as JSON.
    pub(crate) discussions: String,
    /// What the list answers instead.
    pub(crate) refuses: Option<(u16, &'static str)>,
}

impl Repo {
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let large = |name: &str| [".safetensors", ".bin"].iter().any(|ending| name.ends_with(ending));
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), (bytes.to_vec(), large(name)))).collect();
        let discussions = r#"{"discussions": [], "count": 0}"#.to_owned();
        Self {
            commit: COMMIT.to_owned(),
            files,
            lists_blobs: true,
            tells_sizes: true,
            etag: None,
            sizes: BTreeMap::new(),
            renamed_to: None,
            discussions,
            refuses: None,
        }
    }

    fn size(&self, name: &str, bytes: &[u8]) -> u64 {
        self.sizes.get(name).copied().unwrap_or(bytes.len() as u64)
    }

    fn list(&self) -> String {
        let siblings: Vec<serde_json::Value> = self
            .files
            .iter()
            .map(|(name, (bytes, large))| match (self.lists_blobs, large) {
                (false, _) => serde_json::json!({ "rfilename": name }),
                (true, false) => {
                    serde_json::json!({"rfilename": name, "size": self.size(name, bytes), "blobId": git_sha1(bytes)})
                }
                (true, true) => serde_json::json!({
                    "rfilename": name, "size": self.size(name, bytes), "blobId": git_sha1(b"pointer"),
                    "lfs": {"sha256": sha256(bytes), "size": self.size(name, bytes), "pointerSize": 134},
                }),
            })
            .collect();
        serde_json::json!({"id": "x", "sha": self.commit, "siblings": siblings}).to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn git_sha1(bytes: &[u8]) -> String {
    hex(&Sha1::digest([format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat()))
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn range(&self) -> Option<&str> {
        self.headers.get("range").map(String::as_str)
    }
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// By `owner/name` or `owner/name@revision`.
    pub(crate) repos: BTreeMap<String, Repo>,
    /// By file name, `list` for the list of files, with how often it still happens.
    pub(crate) faults: BTreeMap<String, (Fault, usize)>,
    pub(crate) asked: Vec<Asked>,
    /// Where large files are sent from; the hub itself when empty.
    pub(crate) cdn: String,
    /// Paths that hold the first lead to the same path behind the second.
    pub(crate) redirects: Vec<(&'static str, String)>,
    /// Answers that were left before their end.
    pub(crate) left: usize,
    stopped: bool,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct FakeHub {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeHub {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (state, stop) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&shared)) else { continue };
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, state, stop, thread: Some(thread) }
    }

    pub(crate) fn with(id: &str, repo: Repo) -> Self {
        let hub = Self::start();
        hub.state().repos.insert(id.to_owned(), repo);
        hub
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with it")
    }

    pub(crate) fn fails(&self, file: &str, fault: Fault, times: usize) {
        self.state().faults.insert(file.to_owned(), (fault, times));
    }

    /// Requests whose path holds this.
    pub(crate) fn asked(&self, part: &str) -> Vec<Asked> {
        self.state().asked.iter().filter(|asked| asked.path.contains(part)).cloned().collect()
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut state) = self.state.lock() {
            state.stopped = true;
        }
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
            None => return Some(Asked { method, path, headers }),
        };
    }
}

/// What is answered: status, headers, content, and what goes wrong with it.
type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>, Option<Fault>);

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let Some(asked) = read_request(stream) else { return };
    let answer = {
        let mut state = state.lock().expect("no test panics with it");
        state.asked.push(asked.clone());
        answer(&mut state, &asked)
    };
    if send(stream, state, &asked, answer).is_err() {
        state.lock().expect("no test panics with it").left += 1;
    }
}

fn send(
    mut stream: &TcpStream,
    state: &Mutex<State>,
    asked: &Asked,
    (status, headers, body, fault): Answer,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    for (name, value) in headers {
        let is_size = name == "Content-Length";
        match fault {
            Some(Fault::Endless) if is_size => head.push_str("Transfer-Encoding: chunked\r\n"),
            Some(Fault::Unsized) if is_size => {}
            _ => {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
    }
    let stopped = || state.lock().expect("no test panics with it").stopped;
    match fault {
        Some(Fault::Hundreds(pause)) => {
            return forever(&stopped, || {
                std::thread::sleep(pause);
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            });
        }
        Some(Fault::Headers) => {
            stream.write_all(head.as_bytes())?;
            return forever(&stopped, || stream.write_all(b"X-More: of it\r\n"));
        }
        _ => stream.write_all(format!("{head}\r\n").as_bytes())?,
    }
    if asked.method == "HEAD" {
        return Ok(());
    }
    match fault {
        Some(
            Fault::BreaksAfter(bytes) | Fault::Lies(bytes) | Fault::StartsOver(bytes) | Fault::RefusesRange(bytes),
        ) => stream.write_all(&body[..bytes.min(body.len())]),
        Some(Fault::StallsAfter(bytes)) => {
            stream.write_all(&body[..bytes.min(body.len())])?;
            forever(&stopped, || {
                std::thread::sleep(Duration::from_millis(20));
                Ok(())
            })
        }
        Some(Fault::Drips(bytes, pause)) => body.chunks(bytes).try_for_each(|piece| {
            std::thread::sleep(pause);
            if stopped() { Ok(()) } else { stream.write_all(piece) }
        }),
        Some(Fault::Endless) => {
            let chunk = [b"2000\r\n".as_slice(), &[b' '; 0x2000], b"\r\n"].concat();
            forever(&stopped, || stream.write_all(&chunk))
        }
        _ => stream.write_all(&body),
    }
}

/// Again and again until the hub is stopped or nobody listens.
fn forever(stopped: &dyn Fn() -> bool, mut again: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    while !stopped() {
        again()?;
    }
    Ok(())
}

fn plain(status: u16, text: &str) -> Answer {
    (status, vec![("Content-Length", text.len().to_string())], text.as_bytes().to_vec(), None)
}

fn refusal(status: u16, code: &str) -> Answer {
    let (status, mut headers, body, fault) = plain(status, "{}");
    if !code.is_empty() {
        headers.push(("X-Error-Code", code.to_owned()));
    }
    (status, headers, body, fault)
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    let led = state.redirects.iter().find(|(part, _)| asked.path.contains(part));
    if let Some((_, to)) = led {
        let location = format!("{to}{}", asked.path);
        return (302, vec![("Location", location), ("Content-Length", "0".to_owned())], Vec::new(), None);
    }
    let path = asked.path.split('?').next().unwrap_or_default().to_owned();
    if let Some(name) = path.strip_prefix("/cdn/") {
        let Some((id, file)) = name.split_once(':') else { return refusal(404, "") };
        let Some(bytes) = state.repos.get(&id.replace('~', "/")).and_then(|repo| repo.files.get(file)) else {
            return refusal(404, "");
        };
        let bytes = bytes.0.clone();
        return content(state, asked, file, bytes);
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api", "models", owner, name, "discussions"] => {
            let found = state.repos.get(&format!("{owner}/{name}"));
            found.map_or_else(|| refusal(404, "RepoNotFound"), |repo| plain(200, &repo.discussions))
        }
        ["api", "models", owner, name, "revision", revision] => {
            let (status, headers, body, _) = list(state, &format!("{owner}/{name}"), revision);
            (status, headers, body, fault(state, "list"))
        }
        [owner, name, "resolve", commit, file] => resolve(state, asked, &format!("{owner}/{name}"), commit, file),
        _ => refusal(404, ""),
    }
}

fn list(state: &State, id: &str, revision: &str) -> Answer {
    let key = if revision == "main" { id.to_owned() } else { format!("{id}@{}", revision.replace("%2F", "/")) };
    match (state.repos.get(&key), state.repos.contains_key(id)) {
        (Some(Repo { refuses: Some((status, code)), .. }), _) => refusal(*status, code),
        (Some(Repo { renamed_to: Some(new), .. }), _) => {
            let location = format!("/api/models/{new}/revision/{revision}?blobs=true");
            (307, vec![("Location", location), ("Content-Length", "0".to_owned())], Vec::new(), None)
        }
        (Some(repo), _) => plain(200, &repo.list()),
        (None, true) => refusal(404, "RevisionNotFound"),
        // Of strangers the hub asks who they are.
        (None, false) => refusal(401, "RepoNotFound"),
    }
}

fn resolve(state: &mut State, asked: &Asked, id: &str, commit: &str, file: &str) -> Answer {
    let of_commit = state.repos.iter().find(|(key, repo)| key.split('@').next() == Some(id) && repo.commit == commit);
    let Some((key, repo)) = of_commit.map(|(key, repo)| (key.clone(), repo.clone())) else {
        return refusal(404, "RevisionNotFound");
    };
    if let Some(new) = repo.renamed_to {
        let location = format!("/{new}/resolve/{commit}/{file}");
        return (307, vec![("Location", location), ("Content-Length", "0".to_owned())], Vec::new(), None);
    }
    if let Some((Fault::Status(status, code), _)) = state.faults.get(file) {
        return refusal(*status, code);
    }
    let tells_sizes = repo.tells_sizes;
    let etag = |checksum: String| format!("\"{}\"", repo.etag.map_or(checksum, str::to_owned));
    let Some((bytes, large)) = repo.files.get(file).cloned() else { return refusal(404, "EntryNotFound") };
    if !large {
        let mut answer = content(state, asked, file, bytes.clone());
        answer.1.extend([("ETag", etag(git_sha1(&bytes))), ("X-Repo-Commit", repo.commit)]);
        answer.1.retain(|(name, _)| tells_sizes || asked.method != "HEAD" || *name != "Content-Length");
        return answer;
    }
    let mut headers = vec![
        ("Location", format!("{}/cdn/{}:{file}", state.cdn, key.replace('/', "~"))),
        ("X-Linked-Etag", etag(sha256(&bytes))),
        ("X-Linked-Size", bytes.len().to_string()),
        ("X-Repo-Commit", repo.commit),
        ("Content-Length", "0".to_owned()),
    ];
    headers.retain(|(name, _)| tells_sizes || *name != "X-Linked-Size");
    (302, headers, Vec::new(), None)
}

/// What goes wrong with this one, this time.
fn fault(state: &mut State, of: &str) -> Option<Fault> {
    let (kind, times) = state.faults.get_mut(of).filter(|(_, times)| *times > 0)?;
    *times -= 1;
    Some(*kind)
}

/// A file's bytes, from where they are asked for, with what goes wrong.
fn content(state: &mut State, asked: &Asked, file: &str, mut bytes: Vec<u8>) -> Answer {
    let fault = if asked.method == "GET" { fault(state, file) } else { None };
    match fault {
        Some(Fault::Corrupt) => bytes[0] ^= 1,
        Some(Fault::TooLong) => bytes.push(0),
        _ => {}
    }
    let size = bytes.len();
    let from = asked.range().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from.filter(|_| !matches!(fault, Some(Fault::IgnoresRange | Fault::StartsOver(_)))) {
        Some(from) if from >= size || matches!(fault, Some(Fault::RefusesRange(_))) => refusal(416, ""),
        Some(from) => {
            let start = if matches!(fault, Some(Fault::Lies(_))) { from + 1 } else { from };
            let range = format!("bytes {start}-{}/{size}", size - 1);
            let body = bytes.split_off(from);
            (206, vec![("Content-Range", range), ("Content-Length", body.len().to_string())], body, fault)
        }
        None => (200, vec![("Content-Length", size.to_string())], bytes, fault),
    }
}
