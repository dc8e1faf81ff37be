//! Rows of all shards put together, in the order of the study.

use super::StudyError;
use super::row::AnswerRow;
use super::store::{RowFile, RunHeader, row_files};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

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
    let header = RunHeader::open(folder)?;
    let files = row_files(folder)?;
    let mut report = MergeReport { num_files: files.len(), ..MergeReport::default() };
    let mut all: BTreeMap<(usize, usize), AnswerRow> = BTreeMap::new();
    let mut photos: HashMap<String, String> = HashMap::new();
    for path in &files {
        let mut file = RowFile::open(path)?;
        while let Some(row) = file.next_row()? {
            expect_same_photo(&row, &mut photos, path)?;
            let place = (row.item, row.setting_number);
            match all.get_mut(&place) {
                None => drop(all.insert(place, row)),
                Some(known) if known.error.is_some() => *known = row,
                Some(_) if row.error.is_some() => {}
                Some(known) => {
                    report.doubles += 1;
                    report.differing += usize::from(*known != row);
                }
            }
        }
        report.torn += usize::from(file.is_torn);
    }
    report.failed = all.values().filter(|row| row.error.is_some()).count();
    report.answered = all.len() - report.failed;
    report.missing = (header.num_items * header.num_settings).saturating_sub(all.len());
    Ok((header, all.into_values().collect(), report))
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
