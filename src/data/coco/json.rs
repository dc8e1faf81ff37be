//! Just enough JSON to find values without reading them.
//!
//! Nearly all bytes of an annotation file are numbers that nobody looks at before a mask is asked for; finding where a
//! value ends costs a fraction of turning it into a value. What is used is read exactly: numbers by the standard
//! library (correctly rounded, as in Python), strings by `serde_json`.

use super::error::Mismatch;
use crate::json::{whole_of_f64, whole_of_text};

/// Deepest nesting of a value that is passed over: what is kept of a level is one bit.
const MOST_NESTED: usize = 1 << 24;
/// Levels whose bits fit a word.
const WORD: usize = 64;

/// Where a search for the end of a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Step {
    /// The value goes on behind these bytes.
    More,
    /// It has ended before this byte.
    End(usize),
    /// Brackets do not match.
    Broken,
}

/// Finds the end of a value whose bytes come in pieces.
#[derive(Debug, Default)]
pub(super) struct ValueEnd {
    depth: usize,
    /// A bit for each of the innermost open brackets, the innermost lowest: 1 for `{`.
    objects: u64,
    /// The bits of those around them, by the word.
    outer: Vec<u64>,
    in_string: bool,
    escaped: bool,
    scalar: bool,
}

impl ValueEnd {
    /// Looks at the next piece; the first byte of the first one is the value's first.
    pub(super) fn find(&mut self, piece: &[u8]) -> Step {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            let stop = if self.in_string {
                rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))
            } else if self.scalar {
                rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))
            } else if self.depth == 0 {
                Some(0)
            } else {
                let plain = plain_len(rest);
                let mut behind = rest.get(plain..).unwrap_or_default().iter();
                behind.position(|byte| matches!(byte, b'"' | b'[' | b']' | b'{' | b'}')).map(|found| plain + found)
            };
            let Some((stop, byte)) = stop.and_then(|stop| Some((stop, *rest.get(stop)?))) else { return Step::More };
            at += stop;
            if self.scalar {
                return Step::End(at);
            }
            at += 1;
            if !self.take(byte) {
                return Step::Broken;
            }
            if self.depth == 0 && !self.in_string && !self.scalar {
                return Step::End(at);
            }
        }
        Step::More
    }

    /// One byte that means something here; `false` where it closes what was not opened.
    fn take(&mut self, byte: u8) -> bool {
        match byte {
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' => {
                if self.depth == MOST_NESTED {
                    return false;
                }
                if self.depth > 0 && self.depth.is_multiple_of(WORD) {
                    self.outer.push(self.objects);
                }
                self.depth += 1;
                self.objects = self.objects << 1 | u64::from(byte == b'{');
            }
            b'}' | b']' => {
                if self.depth == 0 || (self.objects & 1 == 1) != (byte == b'}') {
                    return false;
                }
                self.depth -= 1;
                self.objects >>= 1;
                if self.depth > 0 && self.depth.is_multiple_of(WORD) {
                    self.objects = self.outer.pop().unwrap_or_default();
                }
            }
            _ => self.scalar = true,
        }
        true
    }
}

/// How many bytes, eight at a time, are certainly neither brackets nor quotes: vertices, mostly.
fn plain_len(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let is_plain = |eight: &&[u8]| {
        let eight = <[u8; 8]>::try_from(*eight).map_or(u64::MAX, u64::from_le_bytes);
        // Every bracket has bit 6. A byte that equals a quote is 0 behind the xor, and borrows into its bit 7.
        let quotes = eight ^ (EACH * u64::from(b'"'));
        eight & (EACH << 6) == 0 && quotes.wrapping_sub(EACH) & !quotes & (EACH << 7) == 0
    };
    8 * bytes.chunks_exact(8).take_while(is_plain).count()
}

/// Whether JSON allows this between values.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// A place in the bytes of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next byte that is no space, not taken.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let spaces = self.rest.iter().position(|byte| !is_space(*byte)).unwrap_or(self.rest.len());
        self.rest = self.rest.get(spaces..).unwrap_or_default();
        self.rest.first().copied()
    }

    /// Takes the next byte that is no space if it is this one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    /// Takes the digits, signs and letters of a number, also of one in quotes; empty where there is none.
    pub(super) fn number(&mut self) -> &'a [u8] {
        let quoted = self.peek() == Some(b'"');
        let number = if quoted { self.rest.get(1..).unwrap_or_default().trim_ascii_start() } else { self.rest };
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let end = number.iter().position(|byte| !is_part(byte)).unwrap_or(number.len());
        let (number, rest) = number.split_at(end);
        let rest = if quoted { rest.trim_ascii_start().strip_prefix(b"\"") } else { Some(rest) };
        let Some(rest) = rest.filter(|_| !number.is_empty()) else { return &[] };
        self.rest = rest;
        number
    }

    /// Takes a whole value, whatever it is.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        self.peek()?;
        let end = match ValueEnd::default().find(self.rest) {
            Step::End(end) => end,
            // A number may stand at the very end.
            Step::More if matches!(self.rest.first(), Some(b'0'..=b'9' | b'-' | b't' | b'f' | b'n')) => self.rest.len(),
            Step::More | Step::Broken => return None,
        };
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(value)
    }

    /// What stands here, for a message.
    pub(super) fn found(&mut self) -> String {
        self.peek();
        excerpt(self.rest)
    }
}

/// Calls `each` with the name and the value's bytes of every member of an object.
pub(in crate::data) fn members<'a>(
    object: &'a [u8],
    mut each: impl FnMut(&str, &'a [u8]) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    let mut cursor = Cursor::new(object);
    if !cursor.take(b'{') {
        return Err(Mismatch::new("an object", excerpt(object)));
    }
    if cursor.take(b'}') {
        return Ok(());
    }
    loop {
        if cursor.peek() != Some(b'"') {
            return Err(Mismatch::new("a member's name", cursor.found()));
        }
        let name = cursor.value().unwrap_or_default();
        if !cursor.take(b':') {
            return Err(Mismatch::new("a colon behind a member's name", cursor.found()));
        }
        let Some(value) = cursor.value() else { return Err(Mismatch::new("a value", cursor.found())) };
        let plain = name.get(1..name.len().saturating_sub(1)).filter(|inner| !inner.contains(&b'\\'));
        match plain.and_then(|inner| std::str::from_utf8(inner).ok()) {
            Some(name) => each(name, value)?,
            None => each(&string(name).unwrap_or_default(), value)?,
        }
        if cursor.take(b'}') {
            return if cursor.peek().is_none() { Ok(()) } else { Err(Mismatch::new("one object", cursor.found())) };
        }
        if !cursor.take(b',') {
            return Err(Mismatch::new("a comma or the end of the object", cursor.found()));
        }
    }
}

/// The value as text; numbers and words of JSON are ASCII.
fn ascii(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().map(|text| text.trim_end_matches([' ', '\n', '\r', '\t']))
}

/// A whole number that is not negative, however it is written: `42`, `42.0`, `4.2e1`, `"42"`.
pub(in crate::data) fn whole(value: &[u8]) -> Option<u64> {
    let text = ascii(value)?;
    if text.starts_with('"') {
        return whole_of_text(&string(value)?);
    }
    // The standard library takes a plus sign, JSON does not.
    let digits = || text.parse().ok().filter(|_| !text.starts_with('+'));
    digits().or_else(|| whole_of_f64(number(value)?))
}

/// A finite number, correctly rounded, also one in quotes.
pub(super) fn number(value: &[u8]) -> Option<f64> {
    let text = ascii(value)?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map_or(text, str::trim);
    // The standard library takes words such as `inf` too.
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    if is_number { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// A string with its escapes resolved.
///
/// Half of a surrogate pair is U+FFFD: Python writes such escapes for text that was cut inside of a character, and
/// reads them.
pub(in crate::data) fn string(value: &[u8]) -> Option<String> {
    let text: Option<String> = serde_json::from_slice(value).ok();
    text.or_else(|| serde_json::from_slice(&without_halves(value)?).ok())
}

/// The string with `\ufffd` for every escape that is half of a surrogate pair; `None` where there is none.
fn without_halves(value: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = value.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut replaced = value.to_vec();
    let (mut at, mut found) = (0, false);
    while let Some(byte) = value.get(at) {
        at += match (byte, unit(at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                if let Some(digits) = replaced.get_mut(at + 2..at + 6) {
                    digits.copy_from_slice(b"fffd");
                    found = true;
                }
                6
            }
            (b'\\', _) => 2,
            _ => 1,
        };
    }
    found.then_some(replaced)
}

/// Text that is not empty; a number is the text of its digits.
pub(in crate::data) fn text(value: &[u8]) -> Option<String> {
    let text = match value.first()? {
        b'"' => string(value)?,
        _ => number(value).and_then(|_| ascii(value))?.to_owned(),
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Whether a value is `null`.
pub(in crate::data) fn is_null(value: &[u8]) -> bool {
    value.trim_ascii() == b"null"
}

/// The beginning of what was found, in quotes that messages use.
pub(in crate::data) fn excerpt(bytes: &[u8]) -> String {
    const MOST: usize = 40;
    let start = bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len());
    let bytes = bytes.get(start..).unwrap_or_default();
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let text = String::from_utf8_lossy(bytes.get(..MOST).unwrap_or(bytes));
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let dots = if bytes.len() > MOST { ".." } else { "" };
    format!("`{text}{dots}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (value, found) in [
            ("42", Some(42)),
            ("42.0", Some(42)),
            ("4.2e1", Some(42)),
            ("-0", Some(0)),
            ("\"42\"", Some(42)),
            ("\" 42.0 \"", Some(42)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("42.5", None),
            ("-1", None),
            ("+1", None),
            ("NaN", None),
            ("1e400", None),
            ("true", None),
            ("null", None),
            ("\"4 2\"", None),
            ("[42]", None),
        ] {
            assert_eq!(whole(value.as_bytes()), found, "{value}");
        }
        for (value, found) in [("\"0.5\"", Some(0.5)), ("-1e2", Some(-100.0)), ("Infinity", None), ("\"inf\"", None)] {
            assert_eq!(number(value.as_bytes()), found, "{value}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_costs_no_text() {
        let read = |text: &str| string(format!("\"{text}\"").as_bytes());
        assert_eq!(read(r"a \ud83d\ude00 b").as_deref(), Some("a \u{1f600} b"), "a pair is a character");
        assert_eq!(read(r"a \ud83d b \\ud83d").as_deref(), Some("a \u{fffd} b \\ud83d"), "half of one is none");
        assert_eq!(read(r"\ude00\ud83d\ude00\ud83d").as_deref(), Some("\u{fffd}\u{1f600}\u{fffd}"), "in any order");
        assert_eq!(read(r"\ud83").as_deref(), None, "half an escape is damage");
    }

    #[test]
    fn brackets_are_matched_at_any_depth() {
        for depth in [1, 63, 64, 65, 128, 129, 100_000] {
            let open = "[{\"a\":".repeat(depth);
            let close = "}]".repeat(depth);
            assert_eq!(
                ValueEnd::default().find(format!("{open}1{close},").as_bytes()),
                Step::End(open.len() + 1 + close.len()),
                "{depth}"
            );
            let wrong = close.replacen("}]", "]}", 1);
            assert_eq!(ValueEnd::default().find(format!("{open}1{wrong}").as_bytes()), Step::Broken, "{depth}");
        }
    }
}
