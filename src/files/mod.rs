//! Output that is complete or not there, input that ends, and where a user's own files are.
//!
//! **Output.** [`Outputs`] is told every file that a run reads and every file that it writes. It refuses to write over
//! what is read, by whatever name or link, and to write two results to one name; it writes everything aside and puts
//! all of it in its place at the end, or nothing. [`replace`] does the same for a single file of the program's own.
//!
//! - What the user named ([`Outputs::claim`]) may replace anything but a file that the run reads, a folder, a device or
//!   a pipe. A link stays, and what it leads to is written.
//! - What the program names ([`Outputs::claim_beside`]: a recipe, maps and numbers beside a figure) replaces nothing
//!   but what the caller knows as made for that output. The very same bytes stay. A link is never followed.
//!
//! A file keeps its permissions when it is replaced; a new one gets what the umask leaves.
//!
//! **What a kill leaves.** Where the system can (Linux, most file systems), a file that is being written has no name
//! before it is whole. Elsewhere it is called `.gazelens-PID-RANDOM.part`; such files are removed when the program is
//! told to end ([`end_cleanly`]), and what a kill left is removed by the next run that writes into the folder, unless
//! its lock says that somebody is still writing it.
//!
//! **Input.** [`open`] and [`read`] take regular files only, so that nothing waits for a pipe that nobody writes to;
//! [`read`] takes a bounded number of bytes.

mod home;
mod left;
mod outputs;
mod place;
mod read;
mod signals;
mod stage;

#[cfg(test)]
mod tests;

pub use home::home;
pub use left::remove_left;
pub use outputs::{OutputError, OutputKey, Outputs};
pub use place::{is_same_file, utf8};
pub use read::{open, read, read_given, reason, text_named};
pub use signals::{end_cleanly, finish_on_signals};

use stage::Staged;
use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind};
use std::path::Path;

/// Runs `fill` on a new file and puts that in the target's place when everything is on disk.
///
/// A link stays a link: what it leads to is replaced, or made. What was there before stays as it is when anything
/// fails.
pub fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>) -> std::io::Result<()> {
    let target = place::target(path)?;
    if let Some(found) = target.obstacle() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("expected a file that can be replaced, found {found}"),
        ));
    }
    let mut staged = Staged::new(&target, true)?;
    staged.write(fill)?;
    stage::put_all(vec![staged], &mut |_| Ok(())).map_err(|not_put| not_put.found)
}
