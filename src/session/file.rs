//! Session to file and back.

use super::{MAGIC, Session, SessionAnswer, SessionError, VERSION};
use crate::files::{self, replace};
use crate::trace::Extras;
use crate::trace::file::{EncodedTrace, TraceFile};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{BufReader, Read as _, Write};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// More than the words of ten thousand long answers.
const MOST_HEADER_BYTES: u64 = 1 << 30;
/// Magic, version, length of the header.
const PREFIX_BYTES: u64 = 32;

#[derive(Serialize, Deserialize)]
struct Header {
    program_version: String,
    state: Value,
    answers: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    about: Value,
    trace: Option<Place>,
}

/// Where a trace lies behind the header, **units** bytes.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Place {
    start: u64,
    len: u64,
}

/// Writes a session: the whole file is there afterwards, or what was there before.
pub fn write(path: &Path, session: &Session) -> Result<(), SessionError> {
    let encoded = EncodedSession::new(path, session)?;
    let io = |found| SessionError::Io { action: "write", found, path: path.to_owned() };
    replace(path, |file| encoded.write_to(file)).map_err(io)
}

/// A session about to be written: its traces were checked.
#[derive(Debug)]
pub struct EncodedSession<'a> {
    header: Vec<u8>,
    traces: Vec<EncodedTrace<'a>>,
}

impl<'a> EncodedSession<'a> {
    /// Checks a session; `path` is the file that errors name.
    pub fn new(path: &Path, session: &'a Session) -> Result<Self, SessionError> {
        static NOTHING_BESIDES: LazyLock<Extras> = LazyLock::new(Extras::default);
        let mut traces = Vec::with_capacity(session.answers.len());
        let (mut answers, mut start) = (Vec::with_capacity(session.answers.len()), 0);
        for answer in &session.answers {
            let encoded =
                answer.trace.as_ref().map(|trace| EncodedTrace::new(path, trace, &NOTHING_BESIDES)).transpose()?;
            let len = encoded.as_ref().map_or(0, EncodedTrace::len);
            let place = encoded.is_some().then_some(Place { start, len });
            answers.push(Entry { about: answer.about.clone(), trace: place });
            start += len;
            traces.extend(encoded);
        }
        let header = Header { program_version: session.program_version.clone(), state: session.state.clone(), answers };
        let io =
            |err: serde_json::Error| SessionError::Io { action: "write", found: err.into(), path: path.to_owned() };
        Ok(Self { header: serde_json::to_vec(&header).map_err(io)?, traces })
    }

    /// The bytes of a session file.
    pub fn write_to(&self, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&(self.header.len() as u64).to_le_bytes())?;
        out.write_all(&self.header)?;
        self.traces.iter().try_for_each(|trace| trace.write_to(out))
    }
}

/// Whether a file begins as sessions do.
pub fn is_session(path: &Path) -> bool {
    let mut magic = [0_u8; MAGIC.len()];
    files::open(path).is_ok_and(|(mut file, _)| file.read_exact(&mut magic).is_ok() && magic == *MAGIC)
}

/// Opens a session; memory use is bounded by the file's length.
pub fn read(path: &Path) -> Result<Session, SessionError> {
    let (header, body) = open(path)?;
    let answers = header.answers.into_iter().map(|Entry { about, trace }| {
        let read = |place: Place| TraceFile::read_part(path, body + place.start..body + place.start + place.len);
        Ok(SessionAnswer { about, trace: trace.map(read).transpose()?.map(|file| Arc::new(file.trace)) })
    });
    let answers = answers.collect::<Result<_, SessionError>>()?;
    Ok(Session { program_version: header.program_version, state: header.state, answers })
}

/// What a session says without its traces: quick, however much was seen.
pub fn outline(path: &Path) -> Result<Session, SessionError> {
    let (header, _) = open(path)?;
    let answers = header.answers.into_iter().map(|Entry { about, .. }| SessionAnswer { about, trace: None }).collect();
    Ok(Session { program_version: header.program_version, state: header.state, answers })
}

/// The header, and where the traces begin.
fn open(path: &Path) -> Result<(Header, u64), SessionError> {
    let io = |found| SessionError::Io { action: "read", found, path: path.to_owned() };
    let damaged = |found: String| SessionError::Damaged { found, path: path.to_owned() };
    let (file, file_len) = files::open(path).map_err(io)?;
    let mut file = BufReader::new(file);
    let mut magic = [0_u8; 16];
    if file_len < PREFIX_BYTES || file.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(SessionError::NotASession { path: path.to_owned() });
    }
    let mut number = || -> Result<u64, SessionError> {
        let mut bytes = [0_u8; 8];
        file.read_exact(&mut bytes).map_err(io)?;
        Ok(u64::from_le_bytes(bytes))
    };
    let (version, header_len) = (number()?, number()?);
    if version > VERSION {
        return Err(SessionError::Newer { found: version, path: path.to_owned() });
    }
    if version == 0 || header_len > MOST_HEADER_BYTES || header_len > file_len - PREFIX_BYTES {
        return Err(damaged(format!("a header of {header_len} bytes in a file of {file_len}")));
    }
    let mut header = vec![0_u8; usize::try_from(header_len).unwrap_or(0)];
    file.read_exact(&mut header).map_err(io)?;
    let header: Header = serde_json::from_slice(&header).map_err(|err| damaged(format!("a header with {err}")))?;
    let body = PREFIX_BYTES + header_len;
    let promised = header.answers.iter().filter_map(|entry| entry.trace).try_fold(0_u64, |end, place| {
        // One after the other: a file cannot promise more than it is long.
        (place.start == end).then(|| end.checked_add(place.len)).flatten()
    });
    if promised != Some(file_len - body) {
        let found = promised.map_or_else(|| "no order".to_owned(), |promised| format!("{promised} bytes promised"));
        return Err(damaged(format!("{} bytes of traces, {found}", file_len - body)));
    }
    Ok((header, body))
}
