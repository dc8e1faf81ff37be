//! Standard output and standard error.

use anyhow::Context as _;
use serde::Serialize;
use std::io::Write as _;

/// One line on standard output. A reader that has gone (`| head`) is an error like any other.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("Could not write to standard output")
}

/// Pretty JSON on standard output.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value).context("Could not write JSON")?)
}

/// What the user should know besides the result.
pub(super) fn warning(text: &str) {
    stderr(&format!("warning: {text}"));
}

/// What went wrong, in one sentence.
pub(super) fn error(text: &str) {
    stderr(&format!("error: {text}"));
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
