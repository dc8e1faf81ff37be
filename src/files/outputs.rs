//! What a run reads and writes, so that nothing is written over what is read and everything appears together.

use super::place::{self, FileId, Target};
use super::stage::{self, Staged};
use super::{left, read, reason};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Longest file beside an output that is compared with what is to be written.
const MOST_BESIDE_BYTES: u64 = 1 << 30;

/// Why an output cannot be written. One sentence each, the file last.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The run reads it.
    #[error("Cannot write {output}, as it is the same file as {input} ({}): {}", input_path.display(), path.display())]
    IsInput {
        /// What was to be written, such as `--out`.
        output: String,
        /// What it would replace, such as `--image`.
        input: String,
        /// How that was named.
        input_path: PathBuf,
        /// How the output was named.
        path: PathBuf,
    },
    /// Two outputs of one name.
    #[error(
        "Expected different files for {first} and {second}, found one ({}): {}",
        first_path.display(), path.display()
    )]
    Twice {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// How the one was named.
        first_path: PathBuf,
        /// How the other was named.
        path: PathBuf,
    },
    /// No place for a file.
    #[error("Expected {output} as a file in a folder that exists, found {found}: {}", path.display())]
    Place {
        /// What was to be written.
        output: String,
        /// What is there.
        found: String,
        /// Where.
        path: PathBuf,
    },
    /// Something that nobody said may be replaced has the name.
    #[error("Cannot write {output}, as {found} has its name: {}", path.display())]
    Taken {
        /// What was to be written.
        output: String,
        /// What is there.
        found: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// The system refused.
    #[error("Cannot write {output}: {}: {}", reason(found), path.display())]
    Write {
        /// What was to be written.
        output: String,
        /// The system's reason.
        found: Error,
        /// Where.
        path: PathBuf,
    },
}

impl OutputError {
    /// Whether the names that the user gave are at fault.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::IsInput { .. } | Self::Twice { .. })
    }
}

/// One of the outputs of an [`Outputs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputKey(usize);

#[derive(Debug)]
struct Input {
    what: String,
    path: PathBuf,
}

#[derive(Debug)]
struct Claim {
    what: String,
    /// As it was named.
    path: PathBuf,
    target: Target,
    /// Named by the user, who may replace what is there.
    named: bool,
}

/// What a run reads and writes, so that nothing is written over what is read and everything appears together.
#[derive(Debug, Default)]
pub struct Outputs {
    inputs: Vec<Input>,
    /// Inputs by what they are, as far as anybody had to know.
    known: HashMap<FileId, usize>,
    num_known: usize,
    claims: Vec<Claim>,
    /// Claims by folder and name.
    places: HashMap<(FileId, OsString), usize>,
    /// Written aside, in the order in which they take their places.
    pub(super) staged: Vec<Staged>,
    /// Folders that were made for outputs.
    folders: Vec<PathBuf>,
}

impl Outputs {
    /// A file that the run reads; `what` is its name on the command line (`--image`) or for people ("the photo").
    pub fn reads(&mut self, what: &str, path: &Path) {
        self.inputs.push(Input { what: what.to_owned(), path: path.to_owned() });
    }

    /// Files that the run reads.
    pub fn reads_all<'a>(&mut self, what: &str, paths: impl IntoIterator<Item = &'a PathBuf>) {
        self.inputs.extend(paths.into_iter().map(|path| Input { what: what.to_owned(), path: path.clone() }));
    }

    /// A file that the user named as output. It may replace what has its name, but nothing that is read and no other
    /// output.
    ///
    /// The same `what` and path again is the same output.
    pub fn claim(&mut self, what: &str, path: &Path) -> Result<OutputKey, OutputError> {
        let target = named_target(what, path)?;
        self.enter(Claim { what: what.to_owned(), path: path.to_owned(), target, named: true })
    }

    /// A file that the program names. What has its name stays as it is unless `is_ours` knows its bytes; a link is
    /// never followed. `None` where these `bytes` are there already.
    pub fn claim_beside(
        &mut self,
        what: &str,
        path: &Path,
        bytes: Option<&[u8]>,
        is_ours: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<OutputKey>, OutputError> {
        let target = place::target_without_links(path).map_err(|err| no_place(what, path, &err))?;
        let taken = |found| OutputError::Taken { output: what.to_owned(), found, path: path.to_owned() };
        let mut found = None;
        if let Some(there) = &target.there {
            if there.is_symlink() {
                return Err(taken("a link"));
            } else if there.is_dir() {
                return Err(taken("a folder"));
            } else if !there.is_file() {
                return Err(taken("a device or pipe"));
            }
            let read = read(&target.path, MOST_BESIDE_BYTES);
            found = Some(read.map_err(|_| taken("another file, which cannot be read,"))?);
        }
        let same = bytes.is_some() && found.as_deref() == bytes;
        let is_ours = same || found.as_deref().is_none_or(is_ours);
        let claim = Claim { what: what.to_owned(), path: path.to_owned(), target, named: false };
        if same {
            // Nothing is replaced, so that it may be read as well; but it has the name.
            return self.place(claim).map(|_| None);
        }
        let key = self.enter(claim)?;
        if is_ours { Ok(Some(key)) } else { Err(taken("another file")) }
    }

    /// A folder for outputs, made where it is not there. It goes again if nothing comes of them.
    pub fn make_folder(&mut self, what: &str, path: &Path) -> Result<(), OutputError> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty()).collect();
        let missing: Vec<&Path> = missing.into_iter().take_while(|folder| !folder.is_dir()).collect();
        for folder in missing.into_iter().rev() {
            let mut parts = left::parts();
            match std::fs::create_dir(folder) {
                Ok(()) => {
                    parts.keep_folder(folder);
                    self.folders.push(folder.to_owned());
                }
                Err(err) if err.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(found) => {
                    return Err(OutputError::Write { output: what.to_owned(), found, path: path.to_owned() });
                }
            }
        }
        Ok(())
    }

    /// The same for a folder that the program names: a link is not followed.
    pub fn make_folder_beside(&mut self, what: &str, path: &Path) -> Result<(), OutputError> {
        match std::fs::symlink_metadata(path) {
            Ok(there) if there.is_symlink() => {
                Err(OutputError::Taken { output: what.to_owned(), found: "a link", path: path.to_owned() })
            }
            _ => self.make_folder(what, path),
        }
    }

    /// Writes an output aside. Outputs take their places in the order in which they are written.
    pub fn write(
        &mut self,
        key: OutputKey,
        fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
    ) -> Result<(), OutputError> {
        let Some(claim) = self.claims.get_mut(key.0) else { return Ok(()) };
        if claim.named {
            // The work may have taken hours.
            claim.target = named_target(&claim.what, &claim.path)?;
        }
        let replaces = claim.named || claim.target.there.is_some();
        let staged = Staged::new(&claim.target, replaces).and_then(|mut staged| staged.write(fill).map(|()| staged));
        let refused = |found| OutputError::Write { output: claim.what.clone(), found, path: claim.path.clone() };
        self.staged.push(staged.map_err(refused)?);
        Ok(())
    }

    /// The same of bytes that are there.
    pub fn write_bytes(&mut self, key: OutputKey, bytes: &[u8]) -> Result<(), OutputError> {
        self.write(key, |file| file.write_all(bytes))
    }

    /// Compares what is to be written with everything that is known to be read by now.
    pub fn check(&mut self) -> Result<(), OutputError> {
        for idx in 0..self.claims.len() {
            let Some(claim) = self.claims.get(idx) else { continue };
            let Ok(id) = FileId::of(&claim.target.path) else { continue };
            let is_written = self.staged.iter().any(|staged| staged.target == claim.target.path);
            // What stays as it is may be read.
            if (claim.named || is_written)
                && let Some(input) = self.input(&id)
                && let Some((input, claim)) = self.inputs.get(input).zip(self.claims.get(idx))
            {
                return Err(is_input(claim, input));
            }
        }
        Ok(())
    }

    /// Puts everything that was written in its place, or nothing. What was written counts as read from then on.
    pub fn commit(&mut self) -> Result<(), OutputError> {
        self.check()?;
        let staged = std::mem::take(&mut self.staged);
        let targets: Vec<PathBuf> = staged.iter().map(|staged| staged.target.clone()).collect();
        let (mut done, mut ids) = (targets.iter(), HashSet::new());
        let mut before: Option<&PathBuf> = None;
        // Names may be the same to the file system only, as large and small letters are to some.
        let mut is_new = |target: &Path| {
            ids.extend(before.and_then(|before| FileId::of(before).ok()));
            before = done.next();
            match FileId::of(target) {
                Ok(id) if ids.contains(&id) => Err(Error::from(ErrorKind::AlreadyExists)),
                _ => Ok(()),
            }
        };
        stage::put_all(staged, &mut is_new).map_err(|not_put| self.not_put(not_put))?;
        let mut parts = left::parts();
        self.folders.drain(..).for_each(|folder| parts.forget_folder(&folder));
        drop(parts);
        self.claims.clear();
        self.places.clear();
        self.reads_all("what was written before", &targets);
        Ok(())
    }

    /// Forgets what was to be written; what is read stays known.
    pub fn give_up(&mut self) {
        self.staged.clear();
        self.claims.clear();
        self.places.clear();
        let mut parts = left::parts();
        for folder in self.folders.drain(..).rev() {
            std::fs::remove_dir(&folder).ok();
            parts.forget_folder(&folder);
        }
    }

    fn not_put(&self, not_put: stage::NotPut) -> OutputError {
        let stage::NotPut { target, found } = not_put;
        let claim = self.claims.iter().find(|claim| claim.target.path == target);
        let (output, path) = claim
            .map_or_else(|| ("a file".to_owned(), target.clone()), |claim| (claim.what.clone(), claim.path.clone()));
        if found.kind() == ErrorKind::AlreadyExists {
            return OutputError::Taken { output, found: "another file", path };
        }
        OutputError::Write { output, found, path }
    }

    fn enter(&mut self, claim: Claim) -> Result<OutputKey, OutputError> {
        if let Some(input) = FileId::of(&claim.target.path).ok().and_then(|id| self.input(&id))
            && let Some(input) = self.inputs.get(input)
        {
            return Err(is_input(&claim, input));
        }
        self.place(claim)
    }

    /// Takes a folder and a name, if no other output has them.
    fn place(&mut self, claim: Claim) -> Result<OutputKey, OutputError> {
        let unknown = |err: Error| no_place(&claim.what, &claim.path, &err);
        let name = claim.target.path.file_name().unwrap_or_default();
        // These file systems take large and small letters for the same.
        let folds = cfg!(any(windows, target_os = "macos", target_os = "ios"));
        let name = if folds { name.to_string_lossy().to_lowercase().into() } else { name.to_owned() };
        let place = (FileId::of(&claim.target.folder).map_err(unknown)?, name);
        let next = self.claims.len();
        let idx = *self.places.entry(place).or_insert(next);
        match self.claims.get(idx) {
            None => self.claims.push(claim),
            Some(same) if same.what == claim.what && same.path == claim.path => {}
            Some(first) => {
                return Err(OutputError::Twice {
                    first: first.what.clone(),
                    second: claim.what,
                    first_path: first.path.clone(),
                    path: claim.path,
                });
            }
        }
        Ok(OutputKey(idx))
    }

    /// The input that is this file.
    fn input(&mut self, id: &FileId) -> Option<usize> {
        let unknown = self.inputs.iter().enumerate().skip(self.num_known);
        let found = unknown.filter_map(|(idx, input)| Some((FileId::of(&input.path).ok()?, idx)));
        for (id, idx) in found {
            self.known.entry(id).or_insert(idx);
        }
        self.num_known = self.inputs.len();
        self.known.get(id).copied()
    }
}

impl Drop for Outputs {
    /// What came to nothing leaves no folder behind.
    fn drop(&mut self) {
        self.give_up();
    }
}

fn is_input(claim: &Claim, input: &Input) -> OutputError {
    OutputError::IsInput {
        output: claim.what.clone(),
        input: input.what.clone(),
        input_path: input.path.clone(),
        path: claim.path.clone(),
    }
}

fn named_target(what: &str, path: &Path) -> Result<Target, OutputError> {
    let target = place::target(path).map_err(|err| no_place(what, path, &err))?;
    match target.obstacle() {
        None => Ok(target),
        Some(found) => {
            Err(OutputError::Place { output: what.to_owned(), found: found.to_owned(), path: path.to_owned() })
        }
    }
}

fn no_place(what: &str, path: &Path, err: &Error) -> OutputError {
    let found = match err.kind() {
        ErrorKind::NotFound => "no such folder".to_owned(),
        ErrorKind::IsADirectory => "a folder of that name".to_owned(),
        ErrorKind::NotADirectory => "a file in place of a folder".to_owned(),
        _ => reason(err),
    };
    OutputError::Place { output: what.to_owned(), found, path: path.to_owned() }
}
