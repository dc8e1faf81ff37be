//! Reading of files that others made or named: regular ones of a bounded length, never a pipe that nobody writes to or
//! a device without end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

/// Opens a regular file; its length is the second value, **units** bytes. Folders, pipes, sockets and devices are
/// refused without waiting.
pub fn open(path: &Path) -> std::io::Result<(File, u64)> {
    // Opening a pipe waits for somebody to write, so it is looked at before; what is opened is looked at again.
    regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    let len = regular(&file.metadata()?)?;
    Ok((file, len))
}

fn regular(metadata: &std::fs::Metadata) -> std::io::Result<u64> {
    if metadata.is_file() {
        Ok(metadata.len())
    } else if metadata.is_dir() {
        Err(Error::new(ErrorKind::IsADirectory, "a folder"))
    } else {
        Err(Error::new(ErrorKind::InvalidInput, "a device, pipe or socket"))
    }
}

/// Reads a whole regular file of at most `most_bytes`.
pub fn read(path: &Path, most_bytes: u64) -> std::io::Result<Vec<u8>> {
    let (file, len) = open(path)?;
    if len > most_bytes {
        return Err(too_large(&format!("{len} bytes"), most_bytes));
    }
    // A file may grow while it is read, and those of `/proc` have no length.
    bounded(file, Vec::with_capacity(usize::try_from(len).unwrap_or_default()), most_bytes, "a file that grows")
}

fn bounded(file: File, mut bytes: Vec<u8>, most_bytes: u64, otherwise: &str) -> std::io::Result<Vec<u8>> {
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes { Err(too_large(otherwise, most_bytes)) } else { Ok(bytes) }
}

fn too_large(found: &str, most_bytes: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("{found}, more than {most_bytes}"))
}

/// Reads what the user named on the command line: a regular file, or what whoever started the program opened for it
/// (`/dev/stdin`, `/dev/fd/N`, which is what a shell makes of `<(command)`), at most `most_bytes`.
pub fn read_given(path: &Path, most_bytes: u64) -> std::io::Result<Vec<u8>> {
    let is_open = path == Path::new("/dev/stdin") || path.parent() == Some(Path::new("/dev/fd"));
    if !is_open || std::fs::metadata(path)?.is_file() {
        return read(path, most_bytes);
    }
    bounded(File::open(path)?, Vec::new(), most_bytes, "input without an end")
}

/// Longest text of a file that a value names: more than any model reads.
const MOST_TEXT_BYTES: u64 = 16 << 20;

/// The text that a value stands for where it begins with `@` and names a file; `None` where it stands for itself.
///
/// **Errors**: why the file could not be read, and its path.
pub fn text_named(value: &str) -> Result<Option<String>, String> {
    let Some(path) = value.strip_prefix('@') else { return Ok(None) };
    let bytes = read_given(Path::new(path), MOST_TEXT_BYTES).map_err(|err| format!("{}: {path}", reason(&err)))?;
    String::from_utf8(bytes).map(Some).map_err(|_| format!("it is not UTF-8 text: {path}"))
}

/// Why a file could not be read or written, as a person says it and without the system's number.
pub fn reason(err: &Error) -> String {
    let words = match err.kind() {
        ErrorKind::NotFound => "no such file",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is not a folder",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "the disk quota is used up",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::UnexpectedEof => "the file is truncated",
        ErrorKind::FileTooLarge if err.raw_os_error().is_some() => "the file grows larger than is allowed",
        ErrorKind::InvalidFilename => "the name is too long or not allowed",
        _ => {
            let text = err.to_string();
            return text.split(" (os error ").next().unwrap_or(&text).to_owned();
        }
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_a_bounded_length_are_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("in");
        std::fs::write(&path, b"twelve bytes").expect("can be written");
        assert_eq!(read(&path, 12).ok().as_deref(), Some(&b"twelve bytes"[..]), "just as long as allowed");
        let long = read(&path, 11).expect_err("too long");
        assert_eq!(reason(&long), "12 bytes, more than 11", "with both numbers");
        assert_eq!(reason(&read(folder.path(), 11).expect_err("a folder")), "it is a folder", "in words");
        assert_eq!(reason(&read(&folder.path().join("none"), 1).expect_err("nothing")), "no such file", "in words");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_pipes_are_refused_at_once() {
        let zero = read(Path::new("/dev/zero"), 1 << 40).expect_err("no end");
        assert_eq!(reason(&zero), "a device, pipe or socket", "a device");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success(), "a pipe");
        assert_eq!(reason(&open(&pipe).expect_err("nobody writes")), "a device, pipe or socket", "without waiting");
        let grown = read(Path::new("/proc/self/maps"), 16).expect_err("a file without a length");
        assert_eq!(grown.kind(), ErrorKind::FileTooLarge, "longer than it said");
    }
}
