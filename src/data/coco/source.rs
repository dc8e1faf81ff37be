//! Where the bytes of an annotation file are.

use super::error::CocoError;
use crate::files;
use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

#[derive(Debug)]
enum Bytes {
    /// Held open, so that a file put in its place does not mix with it.
    File(File),
    Memory(Cow<'static, [u8]>),
}

/// A file, or bytes that stand for one.
#[derive(Debug)]
pub(in crate::data) struct Source {
    bytes: Bytes,
    len: u64,
    path: PathBuf,
}

impl Source {
    /// Opens a regular file of any length.
    pub(in crate::data) fn open(path: &Path) -> Result<Self, CocoError> {
        // A pipe could not be read a second time.
        let opened = files::open(path);
        let (file, len) = opened.map_err(|found| CocoError::Io { action: "open", found, path: path.to_owned() })?;
        Ok(Self { bytes: Bytes::File(file), len, path: path.to_owned() })
    }

    pub(in crate::data) fn bytes(bytes: Cow<'static, [u8]>, name: &Path) -> Self {
        Self { len: bytes.len() as u64, bytes: Bytes::Memory(bytes), path: name.to_owned() }
    }

    pub(in crate::data) fn path(&self) -> &Path {
        &self.path
    }

    /// Length when it was opened, **units** bytes.
    pub(in crate::data) fn len(&self) -> u64 {
        self.len
    }

    /// Everything, from the start.
    pub(in crate::data) fn reader(&self) -> Box<dyn Read + '_> {
        match &self.bytes {
            Bytes::File(file) => Box::new(file),
            Bytes::Memory(bytes) => Box::new(&bytes[..]),
        }
    }

    /// A part of it.
    pub(in crate::data) fn bytes_at(&self, offset: u64, len: usize) -> std::io::Result<Cow<'_, [u8]>> {
        match &self.bytes {
            Bytes::File(file) => {
                let mut bytes = vec![0; len];
                read_at(file, &mut bytes, offset)?;
                Ok(Cow::Owned(bytes))
            }
            Bytes::Memory(bytes) => {
                let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(len)?));
                let part = range.and_then(|range| bytes.get(range));
                part.map(Cow::Borrowed).ok_or_else(|| ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

/// Reads at a place without moving where others read.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Reads at a place; every reader names its own.
#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes = bytes.get_mut(count..).unwrap_or_default();
        offset += count as u64;
    }
    Ok(())
}
