//! Output that is complete or not there, input that ends, and where a user's own files are.

mod home;
mod read;

pub use home::home;
pub use read::{open, read, reason};

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Write as _};
use std::path::Path;

/// Runs `fill` on a new file in the target's folder and puts that in the target's place when everything is on disk.
///
/// A link stays a link: what it points to is replaced. What was there before stays as it is when anything fails.
pub fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>) -> std::io::Result<()> {
    // A device or a pipe cannot be replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    if path.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "expected a file name, found a folder"));
    }
    if path.exists() && !path.is_file() {
        let found = "expected a file that can be replaced, found a device or a pipe";
        return Err(Error::new(ErrorKind::InvalidInput, found));
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gazelens-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The user's umask decides, as for any other file; temporary files would be for their owner alone.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temp = builder.tempfile_in(folder).map_err(|err| without_temporary_name(&err))?;
    let mut writer = BufWriter::with_capacity(1 << 20, temp.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    temp.as_file().sync_all()?;
    temp.persist(path).map_err(|err| err.error)?;
    Ok(())
}

/// The system's own error: the name of a file that nobody asked for would mislead.
fn without_temporary_name(err: &Error) -> Error {
    let inner = err.get_ref().and_then(|inner| inner.source()).and_then(|source| source.downcast_ref::<Error>());
    inner.and_then(Error::raw_os_error).map_or_else(|| err.kind().into(), Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("out");
        std::fs::write(&path, b"before").expect("can be written");
        let failed = replace(&path, |file| {
            file.write_all(b"half")?;
            Err(Error::other("stopped"))
        });
        assert!(failed.is_err(), "what went wrong is handed on");
        assert_eq!(std::fs::read(&path).ok().as_deref(), Some(&b"before"[..]), "what was there stays");
        replace(&path, |file| file.write_all(b"after")).expect("can be written");
        assert_eq!(std::fs::read(&path).ok().as_deref(), Some(&b"after"[..]), "replaced");
        let left = std::fs::read_dir(folder.path()).expect("readable").count();
        assert_eq!(left, 1, "nothing half written stays behind");
        assert!(replace(folder.path(), |_| Ok(())).is_err(), "a folder is not replaced");
        let nowhere = replace(&folder.path().join("none").join("out"), |_| Ok(())).expect_err("no such folder");
        assert_eq!(nowhere.kind(), ErrorKind::NotFound, "in the system's words");
        assert!(!nowhere.to_string().contains(".part"), "which name no other file: {nowhere}");
    }
}
