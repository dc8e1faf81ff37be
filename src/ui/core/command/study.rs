//! What people do with studies.

use crate::study::store::Shard;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Name of a study that was not saved yet: its paths are relative to the working folder.
pub const UNSAVED_STUDY: &str = "study.toml";

/// What people do with studies.
#[derive(Debug, Clone, PartialEq)]
pub enum StudyCommand {
    /// Choose the folder of a run in a dialog.
    PickRun,
    /// Show the run in this folder.
    Open(PathBuf),
    /// Let go of the shown run; one under way goes on.
    Close,
    /// What is shown of it.
    SetView(Box<StudyView>),
    /// Show the photo of the row at this place of the run, with its question and answer.
    ShowRow(usize),
    /// The shown table to the clipboard.
    Copy(ReportForm),
    /// Choose in a dialog where to save the shown table.
    PickTable(ReportForm),
    /// Choose in a dialog where to save the shown bars as a figure.
    PickFigure,
    /// Save the shown bars as a figure there, as the name's ending says.
    SaveFigure(PathBuf),
    /// Save the shown table there.
    SaveTable(ReportForm, PathBuf),
    /// The study as it is being written, and where its rows go.
    SetDraft(Box<StudyDraft>),
    /// Begin with the template of that name.
    Template(&'static str),
    /// Begin with the open photos, the question and the methods as they are set.
    FromScreen,
    /// Take the study of the shown run, and its folder.
    Continue,
    /// Choose a study to read in a dialog.
    PickFile,
    /// Read this one.
    OpenFile(PathBuf),
    /// Choose in a dialog where to save the study.
    PickSave,
    /// Save the study there.
    Save(PathBuf),
    /// Choose the folder of the rows in a dialog.
    PickOut,
    /// The rows go into this folder.
    SetOut(PathBuf),
    /// Open photos and questions and count them.
    Count,
    /// Ask what is not answered yet.
    Start,
    /// Stop behind the answer under way.
    Pause,
}

/// Forms in which a table of a report is copied and saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportForm {
    /// For a README or a note.
    Markdown,
    /// For programs, with every digit.
    Csv,
    /// For a paper.
    Latex,
}

impl ReportForm {
    /// All, in the order of menus.
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Csv, Self::Latex];

    /// In menus.
    pub fn label(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Csv => "CSV",
            Self::Latex => "LaTeX",
        }
    }

    /// Of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Latex => "tex",
        }
    }
}

/// What the panel of studies shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StudyView {
    /// The study being written, in place of the results.
    pub describes: bool,
    /// Name of the shown table; the first one where there is none of that name.
    pub table: String,
    /// The table as bars.
    pub plot: bool,
    /// The column of the bars, by its header.
    pub column: String,
    /// What a table is sorted by; in the order of the report where there is none, or none of that table.
    pub sort: Option<TableSort>,
    /// Which rows are listed.
    pub filter: RowFilter,
}

/// A column that a table is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableSort {
    /// Name of the table.
    pub table: String,
    /// Header of the column.
    pub column: String,
    /// The largest first.
    pub reversed: bool,
}

/// A column that the rows of a run are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSort {
    /// Which one.
    pub column: RowColumn,
    /// The last of the alphabet first.
    pub reversed: bool,
}

/// A column of the list of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowColumn {
    /// Right, wrong or failed.
    Result,
    /// Name of the setting.
    Setting,
    /// Name of the photo.
    Photo,
    /// Category asked about.
    Object,
    /// The right answer.
    Label,
    /// The answer, or why there is none.
    Answer,
    /// The words that were asked.
    Question,
}

impl RowColumn {
    /// All, from left to right.
    pub const ALL: [Self; 7] =
        [Self::Result, Self::Setting, Self::Photo, Self::Object, Self::Label, Self::Answer, Self::Question];

    /// Above the column.
    pub fn label(self) -> &'static str {
        match self {
            Self::Result => "Result",
            Self::Setting => "Setting",
            Self::Photo => "Photo",
            Self::Object => "Object",
            Self::Label => "Label",
            Self::Answer => "Answer",
            Self::Question => "Question",
        }
    }
}

/// Which rows of a run are listed, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RowFilter {
    /// Words that all occur in setting, photo, object, question or answer.
    pub words: String,
    /// By how they ended.
    pub outcome: RowOutcome,
    /// Only those that a cell is made of.
    pub cell: Option<CellPlace>,
    /// What they are sorted by; in the order of question and setting where there is none.
    pub sort: Option<RowSort>,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RowOutcome {
    /// Any way.
    #[default]
    Any,
    /// Answered right.
    Right,
    /// Answered wrong.
    Wrong,
    /// Without an answer.
    Failed,
}

/// A cell of a table, by what stands beside and above it: tables grow while a run does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CellPlace {
    /// Name of the table.
    pub table: String,
    /// Its row, from 0.
    pub row: usize,
    /// Its column, from 0.
    pub column: usize,
    /// What the row is about: the words before its numbers.
    pub row_name: String,
    /// Header of the column.
    pub column_name: String,
}

/// A study as it is being written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StudyDraft {
    /// TOML.
    pub text: String,
    /// The file that it was read from or saved to; its paths are relative to that file's folder.
    pub file: Option<PathBuf>,
    /// Folder of the rows, as typed.
    pub out: String,
    /// The part that is asked here, as typed, such as `0/4`; all of it where nothing is.
    pub part: String,
    /// Most questions to ask, as typed; all where nothing is.
    pub limit: String,
}

impl StudyDraft {
    /// The file that its paths are relative to.
    pub fn base(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| PathBuf::from(UNSAVED_STUDY))
    }

    /// Folder of the rows; `None` where none is typed.
    pub fn folder(&self) -> Option<PathBuf> {
        let out = self.out.trim().trim_matches('"');
        (!out.is_empty()).then(|| PathBuf::from(out))
    }

    /// The part that is asked; one sentence where the words are none.
    pub fn shard(&self) -> Result<Shard, &'static str> {
        let part = self.part.trim();
        let read = if part.is_empty() { Ok(Shard::WHOLE) } else { part.parse() };
        read.map_err(|_| "The part is written as I/N, counted from 0: 0/4 is the first of four")
    }

    /// Most questions, `None` for all; one sentence where the words are no number.
    pub fn most(&self) -> Result<Option<usize>, &'static str> {
        let limit = self.limit.trim();
        if limit.is_empty() {
            return Ok(None);
        }
        let number = limit.parse().ok().filter(|number| *number > 0);
        number.map(Some).ok_or("The most questions to ask are a number from 1; nothing stands for all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_and_limit_are_read_as_on_the_command_line() {
        let draft = |part: &str, limit: &str| StudyDraft {
            part: part.to_owned(),
            limit: limit.to_owned(),
            ..StudyDraft::default()
        };
        assert_eq!(draft("", "").shard(), Ok(Shard::WHOLE), "all of it");
        assert_eq!(draft(" 1/4 ", "").shard(), Ok(Shard { index: 1, count: 4 }), "the second of four");
        assert!(draft("4/4", "").shard().is_err() && draft("x", "").shard().is_err(), "no part");
        assert_eq!((draft("", "").most(), draft("", " 12 ").most()), (Ok(None), Ok(Some(12))), "a number or all");
        assert!(["0", "-3", "a"].iter().all(|limit| draft("", limit).most().is_err()), "no number");
    }
}
