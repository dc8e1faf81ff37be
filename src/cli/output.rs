//! Standard output and standard error.

use crate::data::coco::{Cost, Problems};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;

/// One line on standard output. A reader that has seen enough (`| head`) is no error.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("Could not write to standard output"),
    }
}

/// Pretty JSON on standard output.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value).context("Could not write JSON")?)
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
    let text: String = text.chars().take(COLUMNS).collect();
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r{text:<COLUMNS$}").and_then(|()| out.flush());
}

fn stderr(text: &str) {
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Most memory this process has held, **units** bytes; `None` where the system does not say.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
