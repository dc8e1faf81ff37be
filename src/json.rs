//! JSON as people have it: what Python's `json` writes beyond the standard, numbers in quotes, and files that only look
//! like JSON.
//!
//! Python writes `NaN`, `Infinity` and `-Infinity` wherever a number may stand. A reader that stops there loses a whole
//! file for a field that nobody needs, so [`tidy`] turns these words into a value that is no number, no text and not
//! `null`: who needs the number refuses it, who does not passes over it, and nobody takes it for a field that was left
//! out.

use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;

/// Words of Python that are no JSON, the longest of those that begin alike first.
const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
/// Name of the member that stands for such a word.
const MARK: &str = "$number";

/// The bytes as `serde_json` takes them: without a byte order mark and NUL bytes at the end, and with
/// `{"$number":"NaN"}` where `NaN` stands outside of a string.
pub fn tidy(bytes: &[u8]) -> Cow<'_, [u8]> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    let mut tidied: Option<Vec<u8>> = None;
    let (mut at, mut taken) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += string_len(bytes.get(at..).unwrap_or_default()),
            b'-' | b'I' | b'N' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let Some(word) = WORDS.into_iter().find(|word| is_word(rest, word)) else {
                    at += 1;
                    continue;
                };
                let tidied = tidied.get_or_insert_default();
                tidied.extend_from_slice(bytes.get(taken..at).unwrap_or_default());
                let word_text = String::from_utf8_lossy(word);
                tidied.extend_from_slice(format!("{{\"{MARK}\":\"{word_text}\"}}").as_bytes());
                at += word.len();
                taken = at;
            }
            _ => at += 1,
        }
    }
    match tidied {
        None => Cow::Borrowed(bytes),
        Some(mut tidied) => {
            tidied.extend_from_slice(bytes.get(taken..).unwrap_or_default());
            Cow::Owned(tidied)
        }
    }
}

/// Whether a word stands here, and not the beginning of a longer one.
fn is_word(rest: &[u8], word: &[u8]) -> bool {
    rest.strip_prefix(word).is_some_and(|behind| !behind.first().is_some_and(u8::is_ascii_alphanumeric))
}

/// How many bytes the string at the start has, quotes included; all of them where it does not end.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Reads one value; see [`tidy`] for what is taken beyond the standard.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(&tidy(bytes))
}

/// The word that stands where a number should: `NaN`, `Infinity`, `-Infinity`.
pub fn no_number(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(MARK)?.as_str()
}

/// A whole number from 0, however it was written: `42`, `42.0`, `"42"`.
pub fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole_of_f64(number.as_f64()?)),
        Value::String(text) => whole_of_text(text),
        _ => None,
    }
}

/// A float that is a whole number from 0 and that a float can tell from its neighbours.
pub fn whole_of_f64(number: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0; // 2^53
    let is_whole = (0.0..=MOST).contains(&number) && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in range")]
    is_whole.then_some(number as u64)
}

/// Digits and nothing else, spaces around them aside; also `42.0`, as tables write numbers of columns with gaps.
pub fn whole_of_text(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.split_once('.').map_or(text, |(digits, zeros)| {
        if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') { digits } else { "" }
    });
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole { digits.parse().ok() } else { None }
}

/// What a file is that looks like no JSON from its first bytes, and what to do about it: gzip, UTF-16 and others.
pub fn other_form(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, ..] => Some("a gzip file: unpack it first"),
        [b'P', b'K', 3, 4, ..] => Some("a zip file: unpack it first"),
        [b'B', b'Z', b'h', ..] => Some("a bzip2 file: unpack it first"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("an xz file: unpack it first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("a zstd file: unpack it first"),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32 text: save it as UTF-8"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 text: save it as UTF-8"),
        // Without a byte order mark: every second byte of ASCII is 0.
        [b'{' | b'[' | b' ' | b'\n' | b'\r', 0, ..] | [0, b'{' | b'[' | b' ' | b'\n' | b'\r', ..] => {
            Some("UTF-16 text: save it as UTF-8")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_python_are_no_numbers_and_cost_nothing_else() {
        let text = br#"{"a": NaN, "b": [1, -Infinity, Infinity], "c\"NaN": "NaN, \\", "d": -1, "NaNa": 2}"#;
        let value: Value = from_slice(text).expect("read");
        assert_eq!(no_number(&value["a"]), Some("NaN"), "marked");
        assert_eq!(no_number(&value["b"][1]), Some("-Infinity"), "with its sign");
        assert_eq!(no_number(&value["b"][2]), Some("Infinity"), "and without");
        assert_eq!(value["c\"NaN"], "NaN, \\", "strings stay");
        assert_eq!((&value["d"], &value["NaNa"]), (&Value::from(-1), &Value::from(2)), "numbers and names stay");
        assert!(no_number(&value["d"]).is_none(), "a number is one");
        assert!(from_slice::<Value>(b"[NaNs]").is_err(), "a longer word is damage");
    }

    #[test]
    fn marks_around_the_json_cost_nothing() {
        assert_eq!(from_slice::<Vec<u8>>(b"\xef\xbb\xbf[1, 2]\0\0\0").expect("read"), [1, 2], "read");
        assert!(matches!(tidy(b"[1]"), Cow::Borrowed(_)), "nothing is copied where nothing has to be changed");
        assert!(from_slice::<Vec<u8>>(b"\0\0").is_err(), "nothing is no JSON");
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (text, number) in [
            ("42", Some(42)),
            ("42.0", Some(42)),
            ("\"42\"", Some(42)),
            ("\" 42.00 \"", Some(42)),
            ("1e2", Some(100)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-1", None),
            ("42.5", None),
            ("1e300", None),
            ("\"+42\"", None),
            ("\"42.\"", None),
            ("\"\"", None),
            ("\"4 2\"", None),
            ("null", None),
            ("true", None),
            ("[42]", None),
        ] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(whole(&value), number, "{text}");
        }
    }

    #[test]
    fn files_that_are_no_json_are_called_by_their_name() {
        assert_eq!(other_form(b"\x1f\x8b\x08"), Some("a gzip file: unpack it first"), "gzip");
        assert_eq!(other_form(b"{\0\"\0"), Some("UTF-16 text: save it as UTF-8"), "UTF-16 without a mark");
        assert_eq!(other_form(b"{\"a\""), None, "JSON");
        assert_eq!(other_form(b""), None, "nothing");
    }

    proptest! {
        #[test]
        fn standard_json_is_left_as_it_is(text in r#"[\[\]{}:, a-zA-Z0-9"\\.-]{0,60}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(from_slice::<Value>(text.as_bytes()).expect("JSON"), value, "the same value");
            }
        }

        #[test]
        fn any_bytes_are_tidied(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = tidy(&bytes);
        }
    }
}
