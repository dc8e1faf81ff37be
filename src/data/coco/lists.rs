//! The records of a file, one after another, through a window of about a megabyte.
//!
//! Records lie in lists of one object, as COCO writes them, or loose: in one array, or one a line. NUL bytes behind the
//! last of them, as copies that were broken off leave them, are passed over.

use super::error::{CocoError, Mismatch};
use super::json::{Step, ValueEnd, excerpt, is_space, members, string};
use super::source::Source;
use crate::json::other_form;
use std::io::Read;
use std::ops::Range;
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

/// How the records of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Form {
    /// In members of one object.
    Object,
    /// In one array.
    Array,
    /// One a line.
    Lines,
}

impl Form {
    /// What a record is called that has this name in a list.
    pub(in crate::data) fn kind(self, name: &'static str) -> &'static str {
        if self == Self::Lines { "line" } else { name }
    }
}

/// One element of a list.
#[derive(Debug)]
pub(in crate::data) struct Record<'a> {
    /// Which of the lists that were asked for.
    pub(in crate::data) list: usize,
    /// How the records lie.
    pub(in crate::data) form: Form,
    /// Its place in the list, from 0; its line, from 1.
    pub(in crate::data) index: usize,
    /// Its name, where the list is an object.
    pub(in crate::data) key: Option<String>,
    /// Where it starts in the file, **units** bytes.
    pub(in crate::data) offset: u64,
    /// Its bytes, or why they could not be told apart from the next record's.
    pub(in crate::data) bytes: Result<&'a [u8], Broken<'a>>,
}

/// A record whose end could not be found.
#[derive(Debug)]
pub(in crate::data) struct Broken<'a> {
    pub(in crate::data) why: Mismatch,
    /// What there is of it, and perhaps more.
    pub(in crate::data) head: &'a [u8],
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(in crate::data) struct What<'a> {
    /// The kind of file, for messages.
    pub(in crate::data) expected: &'static str,
    /// Members of the file's object that hold records.
    pub(in crate::data) lists: &'a [&'static str],
    /// Whether such a member may be an object of records as well.
    pub(in crate::data) keyed: bool,
    /// The list that records of an array, or one a line, belong to; `None` where only an object will do.
    pub(in crate::data) loose: Option<usize>,
    /// Longest file that is read, **units** bytes.
    pub(in crate::data) most_bytes: u64,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(in crate::data) struct Found {
    pub(in crate::data) form: Form,
    /// Whether each of the lists was there.
    pub(in crate::data) seen: Vec<bool>,
    /// What stood under the name of each list that was none: `an object`.
    pub(in crate::data) instead: Vec<Option<&'static str>>,
}

/// Calls `each` for every record of a file.
pub(in crate::data) fn read_lists(
    source: &Source,
    what: What<'_>,
    watch: &mut Watch<'_>,
    each: &mut dyn FnMut(Record<'_>),
) -> Result<Found, CocoError> {
    let mut input = source.reader();
    let (path, total_bytes) = (source.path(), source.len());
    let mut window = Window {
        input: &mut *input,
        what,
        path,
        total_bytes,
        watch,
        bytes: Vec::new(),
        at: 0,
        base: 0,
        ended: false,
        broken: 0,
        instead: vec![None; what.lists.len()],
    };
    window.more()?;
    if let Some(found) = other_form(&window.bytes) {
        return Err(window.refused(found.to_owned()));
    }
    if window.bytes.starts_with(b"\xef\xbb\xbf") {
        window.at += 3;
    }
    let mut seen = vec![false; what.lists.len()];
    let form = window.form()?;
    match (form, what.loose) {
        (Form::Array, Some(list)) => window.array(list, each)?,
        (Form::Lines, Some(list)) => window.lines(list, each)?,
        _ => window.object(&mut seen, each)?,
    }
    (window.watch.progress)(Progress { done_bytes: total_bytes, total_bytes });
    Ok(Found { form, seen, instead: window.instead })
}

/// A value that is no list, by its first byte.
fn kind_of_value(first: Option<u8>) -> &'static str {
    match first {
        Some(b'{') => "an object",
        Some(b'"') => "a text",
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        _ => "a number",
    }
}

/// A part of the file.
struct Window<'a, 'w> {
    input: &'a mut dyn Read,
    what: What<'a>,
    path: &'a Path,
    total_bytes: u64,
    watch: &'a mut Watch<'w>,
    bytes: Vec<u8>,
    /// The next byte that is not yet used.
    at: usize,
    /// Where `bytes` starts in the file.
    base: u64,
    ended: bool,
    broken: usize,
    /// See [`Found::instead`].
    instead: Vec<Option<&'static str>>,
}

impl Window<'_, '_> {
    /// Forgets what was used and reads on; `false` at the end of the file.
    fn more(&mut self) -> Result<bool, CocoError> {
        if self.watch.cancel.load(Ordering::Relaxed) {
            return Err(CocoError::Cancelled { path: self.path.to_owned() });
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
        read.map_err(|found| CocoError::Io { action: "read", found, path: self.path.to_owned() })?;
        self.ended = self.bytes.len() == before;
        let done_bytes = self.base + self.bytes.len() as u64;
        if done_bytes > self.what.most_bytes {
            return Err(self.refused(format!("more than {} bytes", self.what.most_bytes)));
        }
        (self.watch.progress)(Progress { done_bytes, total_bytes: self.total_bytes.max(done_bytes) });
        Ok(!self.ended)
    }

    /// The next byte that is no space, not used.
    fn peek(&mut self) -> Result<Option<u8>, CocoError> {
        self.peek_behind(is_space)
    }

    /// The next byte behind those that are passed over, not used.
    fn peek_behind(&mut self, is_passed: fn(u8) -> bool) -> Result<Option<u8>, CocoError> {
        loop {
            match self.bytes.get(self.at).copied() {
                Some(byte) if is_passed(byte) => self.at += 1,
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

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn excerpt(&self) -> String {
        excerpt(self.rest())
    }

    fn refused(&self, found: String) -> CocoError {
        CocoError::Malformed { expected: self.what.expected, found, path: self.path.to_owned() }
    }

    /// The file is not what it should be, here.
    fn malformed(&self, wanted: &str) -> CocoError {
        let at = self.base + self.at as u64;
        self.refused(match self.rest() {
            [] if at == 0 => "an empty file".to_owned(),
            [] => format!("the end of the file at byte {at} where {wanted} should be"),
            [0, ..] => format!("NUL bytes at byte {at} where {wanted} should be"),
            rest => format!("{} at byte {at} where {wanted} should be", excerpt(rest)),
        })
    }

    /// How the records lie, looking at the first of them and using nothing.
    fn form(&mut self) -> Result<Form, CocoError> {
        let first = self.peek()?;
        if self.what.loose.is_none() {
            return Ok(Form::Object);
        }
        match first {
            None | Some(0) => return Err(self.malformed("records")),
            Some(b'[') => return Ok(Form::Array),
            Some(b'{') => {}
            Some(_) => return Ok(Form::Lines),
        }
        let (mut end, mut len) = (ValueEnd::default(), 0);
        let ended = loop {
            let piece = self.bytes.get(self.at + len..).unwrap_or_default();
            match end.find(piece) {
                Step::End(more) => {
                    len += more;
                    break true;
                }
                Step::Broken => break false,
                Step::More => len += piece.len(),
            }
            if len > MOST_RECORD_BYTES || !self.more()? {
                break false;
            }
        };
        if !ended {
            return Ok(if self.starts_with_a_broken_line() { Form::Lines } else { Form::Object });
        }
        let behind = |byte: &u8| !is_filling(*byte);
        let mut looked = len;
        while !self.bytes.get(self.at + looked..).unwrap_or_default().iter().any(behind) {
            looked = self.rest().len();
            // More filling than that is not kept to look behind it.
            if looked > 2 * MOST_RECORD_BYTES || !self.more()? {
                let has_lists = has_lists(self.rest().get(..len).unwrap_or_default(), &self.what);
                return Ok(if has_lists { Form::Object } else { Form::Lines });
            }
        }
        Ok(Form::Lines)
    }

    /// Whether the first line looks like a broken record and not like the beginning of an object of several lines.
    fn starts_with_a_broken_line(&self) -> bool {
        let mut lines =
            self.rest().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
        let has = |name: &&str| first.windows(name.len()).any(|part| part == name.as_bytes());
        !first.ends_with(b"[") && first != b"{" && second.starts_with(b"{") && !self.what.lists.iter().any(has)
    }

    /// The records of the object's lists.
    fn object(&mut self, seen: &mut [bool], each: &mut dyn FnMut(Record<'_>)) -> Result<(), CocoError> {
        self.expect(b'{', "one JSON object")?;
        if self.peek()? != Some(b'}') {
            self.members(seen, each)?;
        }
        self.at += 1;
        match self.peek_behind(is_filling)? {
            None => Ok(()),
            Some(_) => Err(self.malformed("the end of the file")),
        }
    }

    /// The members of the object, up to its end.
    fn members(&mut self, seen: &mut [bool], each: &mut dyn FnMut(Record<'_>)) -> Result<(), CocoError> {
        loop {
            if self.peek()? != Some(b'"') {
                return Err(self.malformed("a member's name"));
            }
            let name = self.value()?.ok().and_then(string);
            let Some(name) = name else { return Err(self.malformed("a member's name")) };
            self.expect(b':', "a colon behind a member's name")?;
            let list = self.what.lists.iter().position(|list| *list == name);
            match (list, self.peek()?) {
                (Some(list), Some(b'[')) => {
                    self.mark(seen, list)?;
                    self.list(list, Form::Object, each)?;
                }
                (Some(list), Some(b'{')) if self.what.keyed => {
                    self.mark(seen, list)?;
                    self.keyed(list, each)?;
                }
                (Some(list), first) => {
                    if let Some(instead) = self.instead.get_mut(list) {
                        *instead = Some(kind_of_value(first));
                    }
                    self.skip()?;
                }
                _ => self.skip()?,
            }
            match self.peek()? {
                Some(b',') => self.at += 1,
                Some(b'}') => return Ok(()),
                _ => return Err(self.malformed("a comma or the end of the object")),
            }
        }
    }

    /// A list is read once: of two, nobody knows which one is meant.
    fn mark(&self, seen: &mut [bool], list: usize) -> Result<(), CocoError> {
        let Some(seen) = seen.get_mut(list) else { return Ok(()) };
        if std::mem::replace(seen, true) {
            let name = self.what.lists.get(list).copied().unwrap_or_default();
            return Err(self.refused(format!("the list `{name}` twice")));
        }
        Ok(())
    }

    /// The records of an array. One that was cut off, or that something follows, is one broken record more.
    fn array(&mut self, list: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<(), CocoError> {
        let num_records = match self.list(list, Form::Array, each) {
            Ok(num_records) => num_records,
            Err(CocoError::Malformed { .. }) if self.ended && self.broken <= MOST_BROKEN => return Ok(()),
            Err(err) => return Err(err),
        };
        if self.peek_behind(is_filling)?.is_some() {
            let why = Mismatch::new("the end of the file behind the array", self.excerpt());
            let offset = self.base + self.at as u64;
            let bytes = Err(Broken { why, head: &[] });
            each(Record { list, form: Form::Array, index: num_records, key: None, offset, bytes });
        }
        Ok(())
    }

    /// One object a line, or several.
    fn lines(&mut self, list: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<(), CocoError> {
        for index in 1.. {
            let Some(line) = self.line(index)? else { break };
            let base = self.base;
            let mut at = line.start;
            while let Some(rest) = self.bytes.get(at..line.end).filter(|rest| !rest.is_empty()) {
                let starts = rest.iter().position(|byte| !is_filling(*byte) && *byte != b',');
                let Some(rest) = starts.and_then(|start| rest.get(start..)) else { break };
                at += starts.unwrap_or_default();
                let broken = |expected| Err(Broken { why: Mismatch::new(expected, excerpt(rest)), head: rest });
                let (bytes, len) = match ValueEnd::default().find(rest) {
                    _ if !rest.starts_with(b"{") => (broken("an object"), rest.len()),
                    Step::End(len) => (Ok(rest.get(..len).unwrap_or_default()), len),
                    Step::More => (broken("the end of the object on its line"), rest.len()),
                    Step::Broken => (broken("brackets that match"), rest.len()),
                };
                each(Record { list, form: Form::Lines, index, key: None, offset: base + at as u64, bytes });
                at += len;
            }
        }
        Ok(())
    }

    /// Takes a line without its end; `None` behind the last one.
    fn line(&mut self, number: usize) -> Result<Option<Range<usize>>, CocoError> {
        let mut looked = 0;
        loop {
            let piece = self.bytes.get(self.at + looked..).unwrap_or_default();
            let found = piece.iter().position(|byte| *byte == b'\n');
            let len = looked + found.unwrap_or(piece.len());
            if len > MOST_RECORD_BYTES {
                return Err(self.refused(format!("a line {number} of more than {MOST_RECORD_BYTES} bytes")));
            }
            if found.is_some() || !self.more()? {
                let line = self.at..self.at + len;
                self.at = line.end + usize::from(found.is_some());
                return Ok(Some(line).filter(|line| found.is_some() || !line.is_empty()));
            }
            looked = len;
        }
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

    /// Passes over a value of any length.
    fn skip(&mut self) -> Result<(), CocoError> {
        let mut end = ValueEnd::default();
        loop {
            match end.find(self.rest()) {
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

    /// The elements of the array that starts here; how many.
    fn list(&mut self, list: usize, form: Form, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, CocoError> {
        self.at += 1;
        let mut num_records = 0;
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
            num_records += 1;
            let offset = self.base + self.at as u64;
            match self.value()? {
                Ok(bytes) => each(Record { list, form, index, key: None, offset, bytes: Ok(bytes) }),
                Err(why) => {
                    let bytes = Err(Broken { why, head: self.rest() });
                    each(Record { list, form, index, key: None, offset, bytes });
                    self.step_over(list, index)?;
                }
            }
        }
        self.at += 1;
        Ok(num_records)
    }

    /// The members of the object that starts here.
    fn keyed(&mut self, list: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<(), CocoError> {
        self.at += 1;
        for index in 0.. {
            if self.peek()? == Some(b'}') {
                break;
            }
            if index > 0 {
                self.expect(b',', "a comma or the end of the object")?;
            }
            if self.peek()? != Some(b'"') {
                return Err(self.malformed("a member's name"));
            }
            let key = self.value()?.ok().and_then(string);
            self.expect(b':', "a colon behind a member's name")?;
            self.peek()?;
            let offset = self.base + self.at as u64;
            match self.value()? {
                Ok(bytes) => each(Record { list, form: Form::Object, index, key, offset, bytes: Ok(bytes) }),
                Err(why) => return Err(self.malformed(why.expected)),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on at the next record or the end of the list: a record follows on `} ,` and an inner object never does.
    fn step_over(&mut self, list: usize, index: usize) -> Result<(), CocoError> {
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
        let name = self.what.lists.get(list).copied().unwrap_or("the array");
        Err(self.refused(if self.broken > MOST_BROKEN {
            format!("more than {MOST_BROKEN} broken records in `{name}`")
        } else {
            format!("the end of the file inside record {index} of `{name}`")
        }))
    }
}

/// What may lie around records and behind the last one: spaces, and the zeros of a file that was made longer than it
/// is.
fn is_filling(byte: u8) -> bool {
    is_space(byte) || byte == 0
}

/// Whether an object has members that hold records.
fn has_lists(object: &[u8], what: &What<'_>) -> bool {
    let mut found = false;
    // Damage behind such a member is looked at when it is read.
    let _ = members(object, |name, value| {
        let is_list = matches!(value.first(), Some(b'[')) || (what.keyed && matches!(value.first(), Some(b'{')));
        found |= is_list && what.lists.contains(&name);
        Ok(())
    });
    found
}
