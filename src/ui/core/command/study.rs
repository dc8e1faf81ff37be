//! What people do with studies.

use std::path::PathBuf;

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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StudyView {
    /// The study being written, in place of the results.
    pub describes: bool,
    /// Name of the shown table; the first one where there is none of that name.
    pub table: String,
    /// The table as bars.
    pub plot: bool,
    /// The column of the bars, by its header.
    pub column: String,
    /// Which rows are listed.
    pub filter: RowFilter,
}

/// Which rows of a run are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowFilter {
    /// Words that all occur in setting, photo, object, question or answer.
    pub words: String,
    /// By how they ended.
    pub outcome: RowOutcome,
    /// Only those that a cell is made of.
    pub cell: Option<CellPlace>,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StudyDraft {
    /// TOML.
    pub text: String,
    /// The file that it was read from or saved to; its paths are relative to that file's folder.
    pub file: Option<PathBuf>,
    /// Folder of the rows, as typed.
    pub out: String,
}
