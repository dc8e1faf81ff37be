//! Rows of all shards put together, in the order of the study.

use super::StudyError;
use super::row::AnswerRow;
use super::store::{RowFile, RowMark, RunHeader, row_files};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was found when shards were put together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// Files of rows.
    pub num_files: usize,
    /// Rows with an answer.
    pub answered: usize,
    /// Rows that say why there is none.
    pub failed: usize,
    /// Questions and settings without a row.
    pub missing: usize,
    /// Rows that are there twice, and equal.
    pub doubles: usize,
    /// Of those: rows that differ. The first in the order of files counts.
    pub differing: usize,
    /// Lines that a kill cut off.
    pub torn: usize,
}

impl MergeReport {
    /// Whether every question has an answer.
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.failed == 0
    }

    /// In words.
    pub fn words(&self) -> String {
        let counted =
            |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
        let mut parts =
            vec![format!("{} with an answer from {}", counted(self.answered, "row"), counted(self.num_files, "file"))];
        for (count, what, rest) in [
            (self.failed, "row", " that say why there is none"),
            (self.doubles, "row", " more than once"),
            (self.differing, "row", " more than once and not equal: the first counts"),
            (self.torn, "line", " cut off by a kill"),
            (self.missing, "row", " missing"),
        ] {
            if count > 0 {
                parts.push(counted(count, what) + rest);
            }
        }
        parts.join(", ")
    }
}

/// Every row of a run, once, in the order of question and setting. An answer takes the place of a row that says why
/// there was none.
///
/// **Errors**: a file that cannot be read; a photo that had other bytes for one row than for another.
pub fn merge(folder: &Path) -> Result<(RunHeader, Vec<AnswerRow>, MergeReport), StudyError> {
    let Merged { header, rows, report } = GrowingRun::read_anew(folder)?.merged();
    Ok((header, rows.into_iter().map(Arc::unwrap_or_clone).collect(), report))
}

/// A run put together. Rows are shared with later readings of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// What the rows depend on.
    pub header: RunHeader,
    /// As [`merge()`] has them.
    pub rows: Vec<Arc<AnswerRow>>,
    /// What was found.
    pub report: MergeReport,
}

/// A run that is read again and again while it grows: of files that have only become longer, what is new. What comes of
/// it is what [`merge()`] makes of the folder.
#[derive(Debug)]
pub struct GrowingRun {
    header: RunHeader,
    files: Vec<(PathBuf, RowMark, bool)>,
    /// Rows and the places of their files, by question and setting.
    all: BTreeMap<(usize, usize), (usize, Arc<AnswerRow>)>,
    photos: HashMap<String, String>,
    doubles: usize,
    differing: usize,
}

/// Whether reading on came to what reading anew would have.
enum ReadOn {
    Done,
    /// Rows that would have counted before others: only a reading from the beginning says what counts.
    Anew,
}

impl GrowingRun {
    /// Reads a folder from the beginning.
    ///
    /// **Errors**: those of [`merge()`].
    pub fn read_anew(folder: &Path) -> Result<Self, StudyError> {
        let header = RunHeader::open(folder)?;
        let files = row_files(folder)?.into_iter().map(|path| (path, RowMark::default(), false)).collect();
        let (all, photos) = (BTreeMap::new(), HashMap::new());
        let mut run = Self { header, files, all, photos, doubles: 0, differing: 0 };
        for place in 0..run.files.len() {
            let Some((path, ..)) = run.files.get(place) else { break };
            let file = RowFile::open(path)?;
            run.take(place, file)?;
        }
        Ok(run)
    }

    /// Reads what has come since, or everything where that is not enough.
    ///
    /// **Errors**: those of [`merge()`].
    pub fn read_on(self, folder: &Path) -> Result<Self, StudyError> {
        match self.with_new_rows(folder) {
            Ok((run, ReadOn::Done)) => Ok(run),
            // A file that does not fit is named as the first reading would have named it.
            Ok((_, ReadOn::Anew)) | Err(_) => Self::read_anew(folder),
        }
    }

    fn with_new_rows(mut self, folder: &Path) -> Result<(Self, ReadOn), StudyError> {
        let paths = row_files(folder)?;
        let is_same = self.files.iter().map(|(path, ..)| path).eq(&paths);
        if !is_same || RunHeader::open(folder)? != self.header {
            return Ok((self, ReadOn::Anew));
        }
        for (place, path) in paths.iter().enumerate() {
            let Some((_, mark, _)) = self.files.get(place) else { return Ok((self, ReadOn::Anew)) };
            let Some(file) = RowFile::open_at(path, mark)? else { return Ok((self, ReadOn::Anew)) };
            if let ReadOn::Anew = self.take(place, file)? {
                return Ok((self, ReadOn::Anew));
            }
        }
        Ok((self, ReadOn::Done))
    }

    /// Takes the rest of a file's rows in.
    fn take(&mut self, place: usize, mut file: RowFile) -> Result<ReadOn, StudyError> {
        let Some((path, ..)) = self.files.get(place).cloned() else { return Ok(ReadOn::Anew) };
        while let Some(row) = file.next_row()? {
            expect_same_photo(&row, &mut self.photos, &path)?;
            match self.all.get_mut(&(row.item, row.setting_number)) {
                None => drop(self.all.insert((row.item, row.setting_number), (place, Arc::new(row)))),
                // Rows of a later file are there already: which one counts is a matter of the files' order.
                Some((of, known)) if *of > place && known.error.is_some() == row.error.is_some() => {
                    return Ok(ReadOn::Anew);
                }
                Some(known) if known.1.error.is_some() => *known = (place, Arc::new(row)),
                Some(_) if row.error.is_some() => {}
                Some((_, known)) => {
                    self.doubles += 1;
                    self.differing += usize::from(**known != row);
                }
            }
        }
        let is_torn = file.is_torn;
        let mark = file.mark()?;
        if let Some(slot) = self.files.get_mut(place) {
            *slot = (path, mark, is_torn);
        }
        Ok(ReadOn::Done)
    }

    /// Its rows as they are now.
    pub fn merged(self) -> Merged {
        let report = self.report();
        Merged { header: self.header, rows: self.all.into_values().map(|(_, row)| row).collect(), report }
    }

    /// The same, to be read on.
    pub fn merged_so_far(&self) -> Merged {
        let rows = self.all.values().map(|(_, row)| Arc::clone(row)).collect();
        Merged { header: self.header.clone(), rows, report: self.report() }
    }

    fn report(&self) -> MergeReport {
        let failed = self.all.values().filter(|(_, row)| row.error.is_some()).count();
        MergeReport {
            num_files: self.files.len(),
            answered: self.all.len() - failed,
            failed,
            missing: (self.header.num_items * self.header.num_settings).saturating_sub(self.all.len()),
            doubles: self.doubles,
            differing: self.differing,
            torn: self.files.iter().filter(|(_, _, is_torn)| *is_torn).count(),
        }
    }
}

fn expect_same_photo(row: &AnswerRow, photos: &mut HashMap<String, String>, path: &Path) -> Result<(), StudyError> {
    let Some(found) = &row.photo_sha256 else { return Ok(()) };
    match photos.get(&row.photo) {
        Some(known) if known != found => {
            let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
            Err(StudyError::OtherRun {
                what: "photos",
                expected: format!("{} with the bytes {}", row.photo, short(known)),
                found: short(found),
                path: path.to_owned(),
            })
        }
        Some(_) => Ok(()),
        None => {
            photos.insert(row.photo.clone(), found.clone());
            Ok(())
        }
    }
}

/// Writes rows as lines of JSON.
pub fn write_rows(rows: &[AnswerRow], out: &mut dyn Write) -> std::io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Study;
    use crate::study::store::FORMAT;

    fn header(num_items: usize) -> RunHeader {
        let text = "name = \"x\"\ntemplate = \"pope\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"pope\"\n\
            file = \"demo\"\n";
        RunHeader {
            format: FORMAT.to_owned(),
            version: 1,
            study: Study::read(text, Path::new("s.toml")).expect("a study"),
            model: "demo".to_owned(),
            weight_hash: String::new(),
            looker_hash: None,
            dtype: "f32".to_owned(),
            data_hash: String::new(),
            num_items,
            num_settings: 2,
            one_by_one: false,
            program: String::new(),
            folder: None,
        }
    }

    fn put_header(folder: &Path, num_items: usize) {
        let text = serde_json::to_vec(&header(num_items)).expect("text");
        std::fs::write(folder.join("run.json"), text).expect("written");
    }

    /// A row of question `item`; `what` is an answer, or nothing where there is none.
    fn line(item: usize, setting_number: usize, what: &str) -> String {
        let (answer, error) =
            if what.is_empty() { (None, Some("No".to_owned())) } else { (Some(what.to_owned()), None) };
        let row =
            AnswerRow { item, setting_number, photo: format!("{item}.png"), answer, error, ..AnswerRow::default() };
        serde_json::to_string(&row).expect("text") + "\n"
    }

    fn anew(folder: &Path) -> Merged {
        let (header, rows, report) = merge(folder).expect("a run");
        Merged { header, rows: rows.into_iter().map(Arc::new).collect(), report }
    }

    #[test]
    fn a_run_that_grows_in_pieces_is_read_as_one_that_was_read_at_once() {
        // A linear congruential generator: pieces end anywhere, also within a line.
        let mut state = 7_u32;
        let mut draw = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        put_header(folder.path(), 20);
        let names = ["rows-0-of-2.jsonl", "rows-1-of-2.jsonl", "rows-1-of-3.jsonl"];
        let mut texts = [const { String::new() }; 3];
        for text in &mut texts {
            for _ in 0..40 {
                let (item, setting) = (draw(20) as usize, draw(2) as usize);
                *text += &line(item, setting, ["", "Yes", "No"][draw(3) as usize]);
            }
        }
        let mut written = [0_usize; 3];
        let mut growing: Option<GrowingRun> = None;
        while written.iter().zip(&texts).any(|(written, text)| *written < text.len()) {
            let which = draw(3) as usize;
            written[which] = (written[which] + draw(900) as usize).min(texts[which].len());
            std::fs::write(folder.path().join(names[which]), &texts[which][..written[which]]).expect("written");
            let now = match growing.take() {
                Some(before) => before.read_on(folder.path()),
                None => GrowingRun::read_anew(folder.path()),
            };
            let now = now.expect("a run");
            assert_eq!(now.merged_so_far(), anew(folder.path()), "{written:?} bytes");
            growing = Some(now);
        }
        let report = growing.expect("read").merged().report;
        assert!(report.doubles > 0 && report.differing > 0 && report.torn == 0, "all of it was met: {report:?}");
    }

    #[test]
    fn only_what_is_new_is_read_and_what_was_replaced_anew() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        put_header(folder.path(), 4);
        let path = folder.path().join("rows-0-of-1.jsonl");
        let first = line(0, 0, "Yes") + &line(1, 0, "Yes");
        std::fs::write(&path, &first).expect("written");
        let run = GrowingRun::read_anew(folder.path()).expect("a run");
        let before = run.merged_so_far();
        std::fs::write(&path, first.clone() + &line(2, 0, "No")).expect("written");
        let run = run.read_on(folder.path()).expect("a run");
        let now = run.merged_so_far();
        assert_eq!(now.rows.len(), 3, "one more");
        assert!(Arc::ptr_eq(&now.rows[0], &before.rows[0]), "the first ones are those that were read before");
        // Another file of the name, longer.
        std::fs::write(&path, line(0, 0, "No") + &line(1, 1, "No") + &line(3, 0, "No") + &line(3, 1, "No"))
            .expect("written");
        let run = run.read_on(folder.path()).expect("a run");
        assert_eq!(run.merged_so_far(), anew(folder.path()), "read anew");
        // A shorter one.
        std::fs::write(&path, line(0, 1, "No")).expect("written");
        let run = run.read_on(folder.path()).expect("a run");
        assert_eq!(run.merged_so_far(), anew(folder.path()), "read anew");
        // Another header.
        put_header(folder.path(), 9);
        let run = run.read_on(folder.path()).expect("a run");
        assert_eq!(run.merged_so_far().report.missing, 17, "of the new header");
        // What is no row is said as by a reading from the beginning.
        std::fs::write(&path, line(0, 1, "No") + "[1]\n").expect("written");
        let why = run.read_on(folder.path()).expect_err("no row").to_string();
        assert_eq!(why, merge(folder.path()).expect_err("no row").to_string(), "the same sentence");
        assert!(why.contains("line 2"), "{why}");
    }
}
