//! Standard output and standard error.
//!
//! Names and texts of files reach the terminal here and nowhere else. On standard error, and on standard output where
//! that is a terminal, characters that steer a terminal or turn the reading direction are written as `\u{1b}`.
//! Sentences are cut where a value in them is longer than anybody reads, never at the file that they end with.

use crate::data::coco::{Cost, Problems};
use anyhow::Context as _;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

/// One line on standard output. A reader that has seen enough (`| head`) is no error.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    let text = if std::io::stdout().is_terminal() { text_on_a_terminal(text) } else { Cow::Borrowed(text) };
    write_line(&text)
}

fn write_line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("Could not write to standard output"),
    }
}

/// Pretty JSON on standard output.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    write_json(&serde_json::to_string_pretty(value).context("Could not write JSON")?)
}

/// The same in one line.
pub(super) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    write_json(&serde_json::to_string(value).context("Could not write JSON")?)
}

fn write_json(text: &str) -> anyhow::Result<()> {
    let text = if std::io::stdout().is_terminal() { json_on_a_terminal(text) } else { Cow::Borrowed(text) };
    write_line(&text)
}

/// What the user should know besides the result.
pub(super) fn warning(text: &str) {
    stderr(&format!("warning: {text}"));
}

/// What could not be used of a file, as far as a result needs it.
pub(super) fn problems(problems: &Problems, costs: &[Cost], path: &Path) {
    for sentence in problems.sentences(costs) {
        warning(&format!("{sentence}: {}", path.display()));
    }
}

/// What went wrong, in one sentence.
pub(super) fn error(text: &str) {
    stderr(&format!("error: {text}"));
}

/// Something to know while it is going on.
pub(super) fn note(text: &str) {
    stderr(text);
}

/// Columns that every terminal has.
const COLUMNS: usize = 79;

/// A line on standard error that the next one takes the place of.
pub(super) fn changing_line(text: &str) {
    let text: String = escaped(text).chars().take(COLUMNS).collect();
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r{text:<COLUMNS$}").and_then(|()| out.flush());
}

fn stderr(text: &str) {
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{}", escaped(&cut(text)));
}

/// Whether a character moves, colours or hides what stands around it.
fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// In one line that steers nothing.
fn escaped(text: &str) -> Cow<'_, str> {
    escaped_if(text, steers, |c| c.escape_unicode().to_string())
}

/// The same, but with line ends and tabs.
fn text_on_a_terminal(text: &str) -> Cow<'_, str> {
    escaped_if(text, |c| steers(c) && !matches!(c, '\n' | '\t'), |c| c.escape_unicode().to_string())
}

/// The same as JSON has it: outside of its strings there are only line ends and spaces.
fn json_on_a_terminal(text: &str) -> Cow<'_, str> {
    escaped_if(text, |c| steers(c) && c != '\n', |c| format!("\\u{:04x}", u32::from(c)))
}

fn escaped_if(text: &str, wanted: impl Fn(char) -> bool, write: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(&wanted) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if wanted(c) {
            out.push_str(&write(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Most letters of a value in a sentence.
const MOST_VALUE: usize = 200;
/// Most letters before the file: lists have spaces in them.
const MOST_SENTENCE: usize = 700;
/// Longest path, and longest name in it, that a system takes.
const MOST_PATH: [usize; 2] = [4096, 255];

/// A sentence of bounded length: words, quoted values and lists are cut in their middle, the file at the end is not.
pub(super) fn cut(sentence: &str) -> String {
    let (what, file) = match sentence.rsplit_once(": ") {
        Some((what, file)) if is_path(file) => (what, Some(file)),
        _ => (sentence, None),
    };
    // Every other part stands between marks.
    let parts = what.split('`').enumerate().map(|(idx, part)| match idx % 2 {
        1 if !is_long_path(part) => middle_out(part, MOST_VALUE).into_owned(),
        _ => part.split('"').map(shortened).collect::<Vec<_>>().join("\""),
    });
    let words = parts.collect::<Vec<_>>().join("`");
    let longest = words.split([' ', '`', '"']).filter(|word| is_long_path(word)).map(str::len).max().unwrap_or(0);
    let what = middle_out(&words, MOST_SENTENCE.max(longest + MOST_VALUE)).into_owned();
    file.map_or_else(|| what.clone(), |file| format!("{what}: {file}"))
}

fn is_path(text: &str) -> bool {
    let [most_path, most_name] = MOST_PATH;
    text.len() <= most_path && text.split(['/', '\\']).all(|name| name.len() <= most_name)
}

/// With every word of a readable length; a path is told as a whole.
fn shortened(text: &str) -> String {
    let of_word = |word| if is_long_path(word) { Cow::Borrowed(word) } else { middle_out(word, MOST_VALUE) };
    let words: Vec<Cow<'_, str>> = text.split(' ').map(of_word).collect();
    words.join(" ")
}

fn is_long_path(word: &str) -> bool {
    // What steers a terminal is more often a value that was meant to be long than a path.
    word.len() > MOST_VALUE && word.contains(['/', '\\']) && is_path(word) && !word.contains(steers)
}

/// The beginning and the end of what is too long, as it is printed.
fn middle_out(text: &str, most: usize) -> Cow<'_, str> {
    let total: usize = text.chars().map(width).sum();
    if total <= most {
        return Cow::Borrowed(text);
    }
    let (head, tail) = (most * 3 / 5, most * 2 / 5);
    let begin: String = within(text.chars(), head).collect();
    let end: Vec<char> = within(text.chars().rev(), tail).collect();
    let end: String = end.into_iter().rev().collect();
    Cow::Owned(format!("{begin}…{end}"))
}

/// Letters that a character takes once it is escaped.
fn width(c: char) -> usize {
    if steers(c) { c.escape_unicode().count() } else { 1 }
}

fn within(chars: impl Iterator<Item = char>, most: usize) -> impl Iterator<Item = char> {
    chars
        .scan(0, |used, c| {
            *used += width(c);
            Some((c, *used))
        })
        .take_while(move |(_, used)| *used <= most)
        .map(|(c, _)| c)
}

/// Most memory this process has held, **units** bytes; `None` where the system does not say.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    bytes_of_status("VmHWM:")
}

/// Memory that this process holds now, **units** bytes; `None` where the system does not say.
pub(super) fn rss_bytes() -> Option<u64> {
    bytes_of_status("VmRSS:")
}

fn bytes_of_status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_steers_a_terminal() {
        let name = "a\u{1b}[31m\nb\u{9b}2J\u{202e}gpj.\u{2066}x\u{7f}";
        let plain = r"a\u{1b}[31m\u{a}b\u{9b}2J\u{202e}gpj.\u{2066}x\u{7f}";
        assert_eq!(escaped(name), plain, "in a sentence");
        assert_eq!(escaped("Grüße, 日本語 \u{1f600}"), "Grüße, 日本語 \u{1f600}", "letters stay");
        assert_eq!(text_on_a_terminal("a\n\tb\r\u{1b}c"), "a\n\tb\\u{d}\\u{1b}c", "an answer keeps its lines");
        let value = serde_json::json!({"a": "x\u{202e}\u{9b}\n"});
        let json = serde_json::to_string_pretty(&value).expect("JSON");
        let shown = json_on_a_terminal(&json);
        assert!(!shown.chars().any(|c| steers(c) && c != '\n'), "nothing steers: {shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("still JSON"), value, "the same value");
    }

    #[test]
    fn long_values_are_cut_and_the_file_is_told() {
        let short = "Expected `a`, found `b`: c.json";
        assert_eq!(cut(short), short, "as it is");
        let long = "x".repeat(100_000);
        let list = "-1, ".repeat(50_000);
        let folder = format!("{}/", "d".repeat(250)).repeat(10);
        for sentence in [
            format!("Expected a flag, found `{long}`: c.json"),
            format!("Expected a flag, found {long}: c.json"),
            format!("Expected a flag, found `{list}`: c.json"),
            format!("Expected a flag, found [{list}]: c.json"),
            format!("Cannot open \"{list}\": no such file: c.json"),
            format!("Cannot read {long}: no such file: c.json"),
        ] {
            let cut = cut(&sentence);
            assert!(cut.chars().count() < 900 && cut.ends_with(": c.json"), "{} letters: {cut}", cut.len());
            assert!(cut.contains('…') && (cut.starts_with("Expected a flag") || cut.starts_with("Cannot")), "{cut}");
        }
        for steering in ["\u{1b}", "\u{202e}", "\n", "\u{1b}/"].map(|c| c.repeat(50_000)) {
            for sentence in
                [format!("Expected a flag, found `{steering}`: c.json"), format!("Cannot read {steering}: c.json")]
            {
                let shown = escaped(&cut(&sentence)).into_owned();
                assert!(shown.chars().count() < 900 && shown.ends_with(": c.json"), "{} letters: {shown}", shown.len());
            }
        }
        let path = format!("Cannot open it: no such file: {folder}c.json");
        assert_eq!(cut(&path), path, "a path is told as a whole");
        let path = format!("Cannot open {folder}c.json: no such file");
        assert_eq!(cut(&path), path, "wherever it stands");
        assert!(cut(&format!("Cannot open it: {long}")).len() < 900, "what is no path is no path");
    }
}
