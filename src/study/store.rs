//! A run's folder: what it is a run of, and its rows.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `run.json` | the study, the model and the data that the rows depend on |
//! | `rows-I-of-N.jsonl` | the rows of a shard, written as they become known |
//! | `traces/KEY.safetensors` | the trace of an answer, where the study wants them |
//!
//! A line that a kill cut off is dropped when the run goes on. Rows of several shards, also of different numbers of
//! them, are rows of one run.

use super::StudyError;
use super::file::Study;
use super::row::AnswerRow;
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Name of the file that says what the rows depend on.
const RUN_FILE: &str = "run.json";
/// Longest `run.json`.
const MOST_BYTES: u64 = 16 << 20;
/// Longest line of a row: a caption with a number for each of 4,096 heads at each of 400 words.
const MOST_LINE_BYTES: u64 = 64 << 20;

/// What the rows of a run depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// `gazelens-study-run`.
    pub format: String,
    /// 1.
    pub version: u32,
    /// The study, complete.
    pub study: Study,
    /// Name of the model.
    pub model: String,
    /// SHA-256 over its weight files.
    pub weight_hash: String,
    /// The same of the model that looks for attention prompting, where another one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looker_hash: Option<String>,
    /// Type that it computes in.
    pub dtype: String,
    /// SHA-256 over names of photos, questions and labels.
    pub data_hash: String,
    /// Questions of the study.
    pub num_items: usize,
    /// Settings, one for each seed.
    pub num_settings: usize,
    /// Whether every question was asked by itself, which differs by rounding.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_by_one: bool,
    /// Version of the program that began the run.
    pub program: String,
    /// Where the study lay when the run began: what its relative paths are seen from. No row depends on it; none in
    /// older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// The folder of a study's file, from the root; none where it has no name in UTF-8.
pub(super) fn folder_of(file: &Path) -> Option<PathBuf> {
    // An empty path would be refused.
    let file = std::path::absolute(if file.as_os_str().is_empty() { Path::new(".") } else { file }).ok()?;
    file.parent().filter(|folder| folder.to_str().is_some()).map(Path::to_owned)
}

/// Format of `run.json`.
pub(super) const FORMAT: &str = "gazelens-study-run";

impl RunHeader {
    /// Reads that of a run.
    pub fn open(folder: &Path) -> Result<Self, StudyError> {
        let path = folder.join(RUN_FILE);
        let open = |found| StudyError::Open { what: "the run", found, path: path.clone() };
        let bytes = files::read(&path, MOST_BYTES).map_err(open)?;
        let unfit = |found: String| StudyError::Unfit {
            expected: "a run of a study (`gazelens study run` makes one)".to_owned(),
            found,
            path: path.clone(),
        };
        let header: Self = serde_json::from_slice(&bytes).map_err(|err| unfit(err.to_string()))?;
        match (header.format.as_str(), header.version) {
            (FORMAT, 1) => Ok(header),
            (FORMAT, version) => Err(unfit(format!("version {version}, of a later program"))),
            (other, _) => Err(unfit(format!("`{other}`"))),
        }
    }

    /// What answers depend on, as a hash.
    pub(super) fn hash(&self) -> String {
        let Self { weight_hash, looker_hash, dtype, data_hash, study, .. } = self;
        format!("{weight_hash} {} {dtype} {data_hash} {:?}", looker_hash.as_deref().unwrap_or(""), study.model.framing)
    }

    /// Writes it into a new run, or compares it with that of an older one.
    ///
    /// **Errors**: rows of another model, data or setting.
    pub(super) fn put(&self, folder: &Path) -> Result<(), StudyError> {
        let path = folder.join(RUN_FILE);
        let write = |found| StudyError::Write { what: "the run", found, path: path.clone() };
        std::fs::create_dir_all(folder).map_err(write)?;
        match std::fs::symlink_metadata(&path) {
            Err(err) if err.kind() == ErrorKind::NotFound => {
                let text = serde_json::to_vec_pretty(self).map_err(|err| write(err.into()))?;
                files::replace(&path, |file| file.write_all(&text)).map_err(write)
            }
            _ => self.expect_same(&Self::open(folder)?, folder),
        }
    }

    fn expect_same(&self, other: &Self, folder: &Path) -> Result<(), StudyError> {
        let differs = |what, expected: &str, found: &str| {
            let (expected, found) = (expected.to_owned(), found.to_owned());
            Err(StudyError::OtherRun { what, expected, found, path: folder.to_owned() })
        };
        let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
        if self.weight_hash != other.weight_hash {
            let named = |header: &Self| format!("{} ({})", header.model, short(&header.weight_hash));
            return differs("model", &named(self), &named(other));
        }
        if self.looker_hash != other.looker_hash {
            let words = |hash: &Option<String>| hash.as_deref().map_or("none".to_owned(), short);
            return differs("model for attention prompting", &words(&self.looker_hash), &words(&other.looker_hash));
        }
        if self.dtype != other.dtype {
            return differs("type to compute in", &self.dtype, &other.dtype);
        }
        if self.data_hash != other.data_hash {
            return differs("photos and questions", &short(&self.data_hash), &short(&other.data_hash));
        }
        if self.one_by_one != other.one_by_one {
            let words = |one_by_one| if one_by_one { "one by one" } else { "together" };
            return differs("way to ask", words(self.one_by_one), words(other.one_by_one));
        }
        let (mine, theirs) = (&self.study, &other.study);
        if mine.settings != theirs.settings {
            let names =
                |study: &Study| study.settings.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
            let (expected, found) = (names(mine), names(theirs));
            let same = "the same names with other values".to_owned();
            return differs("settings", &expected, if expected == found { &same } else { &found });
        }
        if mine.model != theirs.model {
            return differs("[model]", &toml_of(&mine.model), &toml_of(&theirs.model));
        }
        if mine.signals != theirs.signals {
            return differs("signals", &toml_of(&mine.signals), &toml_of(&theirs.signals));
        }
        Ok(())
    }
}

fn toml_of<T: Serialize>(part: &T) -> String {
    let text = toml::to_string(part).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Part `index` of `count`, from 0. Photos are dealt out one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Below `count`.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether the photo at that place is asked about here.
    pub fn has(self, photo_rank: usize) -> bool {
        photo_rank % self.count.max(1) == self.index
    }

    fn file_name(self) -> String {
        format!("rows-{}-of-{}.jsonl", self.index, self.count)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected a part such as 0/4, counted from 0".to_owned();
        let (index, count) = text.split_once('/').ok_or_else(expected)?;
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| expected());
        let (index, count) = (number(index)?, number(count)?);
        if index < count { Ok(Self { index, count }) } else { Err(expected()) }
    }
}

/// Files of rows in a run, in the order of their names.
pub fn row_files(folder: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let open = |found| StudyError::Open { what: "the run", found, path: folder.to_owned() };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(open)? {
        let path = entry.map_err(open)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of = name.strip_prefix("rows-").and_then(|name| name.strip_suffix(".jsonl"));
        if of.is_some_and(|of| {
            of.split_once("-of-").is_some_and(|(a, b)| a.parse::<usize>().is_ok() && b.parse::<usize>().is_ok())
        }) {
            files.push(path);
        }
    }
    files.sort_by(|a, b| crate::data::library::natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

/// A place behind a whole line of a file of rows: from there it can be read on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowMark {
    /// Whole lines before it.
    line: usize,
    /// Their bytes.
    bytes: u64,
    /// The last of these bytes, to know the file again.
    before: Vec<u8>,
}

/// Bytes by which a file is known again.
const MARK_BYTES: u64 = 256;

/// Rows of one file, line by line.
#[derive(Debug)]
pub struct RowFile {
    reader: BufReader<File>,
    path: PathBuf,
    line: usize,
    /// Bytes of whole lines so far.
    whole_bytes: u64,
    /// Whether the last line has no end.
    pub is_torn: bool,
}

impl RowFile {
    /// Opens one.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let open = |found| StudyError::Open { what: "rows", found, path: path.to_owned() };
        let (file, _) = files::open(path).map_err(open)?;
        Ok(Self { reader: BufReader::new(file), path: path.to_owned(), line: 0, whole_bytes: 0, is_torn: false })
    }

    /// Opens one behind that mark; `None` where the file is not that of the mark any more.
    pub(super) fn open_at(path: &Path, mark: &RowMark) -> Result<Option<Self>, StudyError> {
        let mut rows = Self::open(path)?;
        let open = |found| StudyError::Open { what: "rows", found, path: path.to_owned() };
        let known = mark.before.len() as u64;
        rows.reader.seek(SeekFrom::Start(mark.bytes.saturating_sub(known))).map_err(open)?;
        let mut before = Vec::new();
        std::io::Read::take(&mut rows.reader, known).read_to_end(&mut before).map_err(open)?;
        (rows.line, rows.whole_bytes) = (mark.line, mark.bytes);
        Ok((before == mark.before).then_some(rows))
    }

    /// The place behind the last whole line.
    pub(super) fn mark(&mut self) -> Result<RowMark, StudyError> {
        let open = |found| StudyError::Open { what: "rows", found, path: self.path.clone() };
        let known = self.whole_bytes.min(MARK_BYTES);
        self.reader.seek(SeekFrom::Start(self.whole_bytes - known)).map_err(open)?;
        let mut before = Vec::new();
        std::io::Read::take(&mut self.reader, known).read_to_end(&mut before).map_err(open)?;
        Ok(RowMark { line: self.line - usize::from(self.is_torn), bytes: self.whole_bytes, before })
    }

    /// The next row; `None` at the end, and before a line without an end.
    pub fn next_row(&mut self) -> Result<Option<AnswerRow>, StudyError> {
        let open = |found| StudyError::Open { what: "rows", found, path: self.path.clone() };
        let mut line = Vec::new();
        let mut bounded = std::io::Read::take(&mut self.reader, MOST_LINE_BYTES);
        let len = bounded.read_until(b'\n', &mut line).map_err(open)?;
        if len == 0 {
            return Ok(None);
        }
        self.line += 1;
        if line.last() != Some(&b'\n') {
            self.is_torn = true;
            return Ok(None);
        }
        let row = serde_json::from_slice(&line).map_err(|err| StudyError::Unfit {
            expected: format!("a row of a study in line {}", self.line),
            found: err.to_string(),
            path: self.path.clone(),
        })?;
        self.whole_bytes += len as u64;
        Ok(Some(row))
    }
}

/// What is known of the rows that are there.
#[derive(Debug, Default)]
pub struct Known {
    /// Keys; whether the answer is there, or only why there is none.
    pub keys: HashMap<String, bool>,
}

impl Known {
    /// Looks through every file of a run.
    pub fn read(folder: &Path) -> Result<Self, StudyError> {
        let mut known = Self::default();
        for path in row_files(folder)? {
            let mut file = RowFile::open(&path)?;
            while let Some(row) = file.next_row()? {
                *known.keys.entry(row.key).or_default() |= row.error.is_none();
            }
        }
        Ok(known)
    }
}

/// The end of a shard's rows, where new ones are written.
#[derive(Debug)]
pub(super) struct RowWriter {
    file: File,
    path: PathBuf,
    len: u64,
}

impl RowWriter {
    /// Opens a shard's file behind its last whole line.
    ///
    /// **Errors**: another process writes it.
    pub(super) fn open(folder: &Path, shard: Shard) -> Result<Self, StudyError> {
        let path = folder.join(shard.file_name());
        let write = |found| StudyError::Write { what: "rows", found, path: path.clone() };
        let mut file = File::options().create(true).append(true).read(true).open(&path).map_err(write)?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(StudyError::Busy { path });
        }
        let mut rows = RowFile::open(&path)?;
        while rows.next_row()?.is_some() {}
        let len = rows.whole_bytes;
        file.set_len(len).map_err(write)?;
        file.seek(SeekFrom::End(0)).map_err(write)?;
        Ok(Self { file, path, len })
    }

    /// Writes a row; on the disk when it returns. A row that did not fit is taken back.
    pub(super) fn put(&mut self, row: &AnswerRow) -> Result<(), StudyError> {
        let write = |found: std::io::Error| StudyError::Write { what: "rows", found, path: self.path.clone() };
        let mut line = serde_json::to_vec(row).map_err(|err| write(err.into()))?;
        line.push(b'\n');
        if let Err(found) = self.file.write_all(&line).and_then(|()| self.file.flush()) {
            // Where that fails too, the next run drops the line.
            let _ = self.file.set_len(self.len);
            return Err(write(found));
        }
        self.len += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str) -> AnswerRow {
        AnswerRow { key: key.to_owned(), answer: Some("Yes".to_owned()), ..AnswerRow::default() }
    }

    #[test]
    fn a_torn_line_is_dropped_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut writer = RowWriter::open(folder.path(), Shard::WHOLE).expect("a new file");
        writer.put(&row("a")).expect("written");
        let path = writer.path.clone();
        drop(writer);
        let mut torn = std::fs::read(&path).expect("the file");
        torn.extend_from_slice(b"{\"key\": \"b\", \"ans");
        std::fs::write(&path, torn).expect("can be written");
        let mut writer = RowWriter::open(folder.path(), Shard::WHOLE).expect("continued");
        writer.put(&row("c")).expect("written");
        drop(writer);
        let known = Known::read(folder.path()).expect("rows");
        let mut keys: Vec<_> = known.keys.keys().cloned().collect();
        keys.sort();
        assert_eq!(keys, ["a", "c"], "without the torn one");
    }

    #[test]
    fn two_processes_do_not_write_one_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = RowWriter::open(folder.path(), Shard::WHOLE).expect("a new file");
        let second = RowWriter::open(folder.path(), Shard::WHOLE).expect_err("it is locked");
        assert!(second.to_string().contains("another process writes them"), "{second}");
        let other = Shard { index: 1, count: 2 };
        assert!(RowWriter::open(folder.path(), other).is_ok(), "another shard is another file");
        drop(first);
    }

    #[test]
    fn shards_are_counted_from_0() {
        assert_eq!("1/4".parse(), Ok(Shard { index: 1, count: 4 }), "the second of four");
        for wrong in ["4/4", "1", "a/b", "1/0", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_is_no_row_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("rows-0-of-1.jsonl");
        std::fs::write(&path, "{\"key\": \"a\"}\n[1]\n").expect("can be written");
        let refused = Known::read(folder.path()).expect_err("no row").to_string();
        assert!(refused.contains("line 2") && refused.ends_with("rows-0-of-1.jsonl"), "{refused}");
    }
}
