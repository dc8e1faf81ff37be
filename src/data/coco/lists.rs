//! The records of a file's lists, one after another, through a window of about a megabyte.

use super::error::{CocoError, Mismatch};
use super::json::{Step, ValueEnd, excerpt, is_space, string};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Longest record: three million runs.
const MOST_RECORD_BYTES: usize = 16 << 20;
/// Broken records that are stepped over; each may cost a search through [`MOST_RECORD_BYTES`].
const MOST_BROKEN: usize = 200;

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub done_bytes: u64,
    /// Bytes of the file.
    pub total_bytes: u64,
}

/// Who watches a file being read, and who can stop it.
pub(in crate::data) struct Watch<'a> {
    pub(in crate::data) progress: &'a mut dyn FnMut(Progress),
    pub(in crate::data) cancel: &'a AtomicBool,
}

/// One element of a list.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// Which of the lists that were asked for.
    pub(super) list: usize,
    /// Its place in the list, from 0.
    pub(super) index: usize,
    /// Where it starts in the file, **units** bytes.
    pub(super) offset: u64,
    /// Its bytes, or why they could not be told apart from the next record's.
    pub(super) bytes: Result<&'a [u8], Mismatch>,
}

/// What is read, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct What<'a> {
    pub(super) expected: &'static str,
    pub(super) path: &'a Path,
    pub(super) total_bytes: u64,
}

/// Calls `each` for every element of the top-level members `lists`; whether each of them was there is returned.
pub(super) fn read_lists(
    input: &mut dyn Read,
    what: What<'_>,
    lists: &[&'static str],
    watch: &mut Watch<'_>,
    each: &mut dyn FnMut(Record<'_>),
) -> Result<Vec<bool>, CocoError> {
    let mut window = Window { input, what, watch, bytes: Vec::new(), at: 0, base: 0, ended: false, broken: 0 };
    let mut seen = vec![false; lists.len()];
    if window.peek()? == Some(0xef) {
        // A byte order mark.
        window.at += 3;
    }
    window.expect(b'{', "one JSON object")?;
    if window.peek()? == Some(b'}') {
        return Ok(seen);
    }
    loop {
        if window.peek()? != Some(b'"') {
            return Err(window.malformed("a member's name"));
        }
        let name = string(window.value()?.map_err(|found| window_error(what, &found))?).unwrap_or_default();
        window.expect(b':', "a colon behind a member's name")?;
        let list = lists.iter().position(|list| *list == name);
        match (list, window.peek()?) {
            (Some(list), Some(b'[')) => {
                if let Some(seen) = seen.get_mut(list) {
                    *seen = true;
                }
                window.list(list, lists.get(list).copied().unwrap_or_default(), each)?;
            }
            _ => window.skip()?,
        }
        match window.peek()? {
            Some(b',') => window.at += 1,
            Some(b'}') => break,
            _ => return Err(window.malformed("a comma or the end of the object")),
        }
    }
    (window.watch.progress)(Progress { done_bytes: what.total_bytes, total_bytes: what.total_bytes });
    Ok(seen)
}

fn window_error(what: What<'_>, found: &Mismatch) -> CocoError {
    CocoError::Malformed { expected: what.expected, found: found.found.clone(), path: what.path.to_owned() }
}

/// A part of the file.
struct Window<'a, 'w> {
    input: &'a mut dyn Read,
    what: What<'a>,
    watch: &'a mut Watch<'w>,
    bytes: Vec<u8>,
    /// The next byte that is not yet used.
    at: usize,
    /// Where `bytes` starts in the file.
    base: u64,
    ended: bool,
    broken: usize,
}

impl Window<'_, '_> {
    /// Forgets what was used and reads on; `false` at the end of the file.
    fn more(&mut self) -> Result<bool, CocoError> {
        if self.watch.cancel.load(Ordering::Relaxed) {
            return Err(CocoError::Cancelled { path: self.what.path.to_owned() });
        }
        if self.ended {
            return Ok(false);
        }
        let used = self.at.min(self.bytes.len());
        self.bytes.drain(..used);
        self.base += used as u64;
        self.at -= used;
        let before = self.bytes.len();
        let read = (&mut *self.input).take(CHUNK_BYTES as u64).read_to_end(&mut self.bytes);
        read.map_err(|found| CocoError::Io { expected: self.what.expected, found, path: self.what.path.to_owned() })?;
        self.ended = self.bytes.len() == before;
        let done_bytes = self.base + self.bytes.len() as u64;
        (self.watch.progress)(Progress { done_bytes, total_bytes: self.what.total_bytes.max(done_bytes) });
        Ok(!self.ended)
    }

    /// The next byte that is no space, not used.
    fn peek(&mut self) -> Result<Option<u8>, CocoError> {
        loop {
            match self.bytes.get(self.at).copied() {
                Some(byte) if is_space(byte) => self.at += 1,
                Some(byte) => return Ok(Some(byte)),
                None if !self.more()? => return Ok(None),
                None => {}
            }
        }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), CocoError> {
        if self.peek()? != Some(byte) {
            return Err(self.malformed(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// The file is not what it should be, here.
    fn malformed(&self, wanted: &str) -> CocoError {
        let at = self.base + self.at as u64;
        let found = match self.bytes.get(self.at..).filter(|rest| !rest.is_empty()) {
            Some(rest) => format!("{} at byte {at} where {wanted} should be", excerpt(rest)),
            None if at == 0 => "an empty file".to_owned(),
            None => format!("the end of the file at byte {at} where {wanted} should be"),
        };
        CocoError::Malformed { expected: self.what.expected, found, path: self.what.path.to_owned() }
    }

    /// The bytes of the value that starts here, or why it has none.
    fn value(&mut self) -> Result<Result<&[u8], Mismatch>, CocoError> {
        let mut end = ValueEnd::default();
        let mut looked = 0;
        loop {
            let piece = self.bytes.get(self.at + looked..).unwrap_or_default();
            match end.find(piece) {
                Step::End(len) => {
                    let range = self.at..self.at + looked + len;
                    self.at = range.end;
                    return Ok(Ok(self.bytes.get(range).unwrap_or_default()));
                }
                Step::Broken => return Ok(Err(Mismatch::new("brackets that match", self.excerpt()))),
                Step::More => looked += piece.len(),
            }
            if looked > MOST_RECORD_BYTES {
                return Ok(Err(Mismatch::new("a record of at most 16 MiB", self.excerpt())));
            }
            if !self.more()? {
                return Ok(Err(Mismatch::new("the end of the record", self.excerpt())));
            }
        }
    }

    fn excerpt(&self) -> String {
        excerpt(self.bytes.get(self.at..).unwrap_or_default())
    }

    /// Passes over a value of any length.
    fn skip(&mut self) -> Result<(), CocoError> {
        let mut end = ValueEnd::default();
        loop {
            match end.find(self.bytes.get(self.at..).unwrap_or_default()) {
                Step::End(len) => {
                    self.at += len;
                    return Ok(());
                }
                Step::Broken => return Err(self.malformed("brackets that match")),
                Step::More => self.at = self.bytes.len(),
            }
            if !self.more()? {
                return Err(self.malformed("the end of a value"));
            }
        }
    }

    fn list(&mut self, list: usize, name: &str, each: &mut dyn FnMut(Record<'_>)) -> Result<(), CocoError> {
        self.at += 1;
        for index in 0.. {
            match self.peek()? {
                Some(b']') => break,
                Some(b',') if index > 0 => self.at += 1,
                // A missing comma is stepped over; what follows tells whether there was more amiss.
                _ => {}
            }
            if self.peek()? == Some(b']') {
                break;
            }
            let offset = self.base + self.at as u64;
            match self.value()? {
                Ok(bytes) => each(Record { list, index, offset, bytes: Ok(bytes) }),
                Err(found) => {
                    each(Record { list, index, offset, bytes: Err(found) });
                    self.step_over(name, index)?;
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on at the next record or the end of the list: a record follows on `} ,` and an inner object never does.
    fn step_over(&mut self, name: &str, index: usize) -> Result<(), CocoError> {
        self.broken += 1;
        let mut last = [0_u8; 2];
        while self.broken <= MOST_BROKEN {
            match self.peek()? {
                None => break,
                Some(b'{') if last == *b"}," => return Ok(()),
                Some(b']') if last[1] == b'}' => return Ok(()),
                Some(byte) => {
                    last = [last[1], byte];
                    self.at += 1;
                }
            }
        }
        let found = if self.broken > MOST_BROKEN {
            format!("more than {MOST_BROKEN} broken records in `{name}`")
        } else {
            format!("the end of the file inside record {index} of `{name}`")
        };
        Err(CocoError::Malformed { expected: self.what.expected, found, path: self.what.path.to_owned() })
    }
}
