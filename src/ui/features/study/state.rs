//! What is known of studies: the one that is being written, the one that is asked, the run that is looked at.

use super::job::StudyCount;
use super::reading::{Listed, ReadRun};
use crate::engine::RunId;
use crate::figure::chart::{Chart, MOST_ROWS};
use crate::study::report::{Table, chart_of};
use crate::study::templates::template;
use crate::study::{Setting, Study, StudyPlan, StudyProgress, StudySummary};
use crate::ui::core::command::{
    Command, CopyCommand, ReportForm, RowFilter, StudyCommand, StudyDraft, StudyView, UNSAVED_STUDY,
};
use crate::ui::core::pane::Pane;
use crate::ui::features::study::files::{RowWish, StudyDone};
use crate::ui::features::study::sorting::{bars_column, sorted_table};
use crate::ui::features::{AppState, Effect, Severity, Until};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is known of studies.
#[derive(Debug, Clone, Default)]
pub struct StudyState {
    /// What the panel shows.
    pub view: StudyView,
    /// The study that is being written.
    pub draft: StudyDraft,
    /// Settings of the draft, or why it is no study; `None` while there is no text.
    pub checked: Option<Result<usize, String>>,
    /// Folder of the run that is looked at.
    pub folder: Option<PathBuf>,
    /// The run as it was read last.
    pub run: Option<Arc<ReadRun>>,
    /// Why it cannot be read.
    pub problem: Option<String>,
    /// The rows that the filter leaves.
    pub listed: Option<Arc<Listed>>,
    /// The row whose photo was shown last.
    pub shown_row: Option<usize>,
    /// Whether the questions are being counted.
    pub is_counting: bool,
    /// The questions that were counted last, or why they could not be.
    pub count: Option<Result<StudyCount, String>>,
    /// The study that is being asked.
    pub asking: Option<StudyAsking>,
    /// How the last one ended.
    pub ended: Option<Result<StudySummary, String>>,
    /// Whether the panel is in front.
    pub visible: bool,
    /// The word to hold when a row's answer has come.
    pub(super) awaited: Option<Awaited>,
}

/// The word of a row, to be held when its answer has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Awaited {
    pub(super) run: RunId,
    pub(super) tokens: RangeInclusive<usize>,
    /// The answer of the study: another one may have other words there.
    pub(super) answer: String,
    /// Whether it was said already why the answer may be another.
    pub(super) is_told: bool,
}

/// A study that is being asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StudyAsking {
    /// Folder of its rows.
    pub out: PathBuf,
    /// What is done before the first question.
    pub stage: String,
    /// How far it is, once questions are asked.
    pub progress: Option<StudyProgress>,
    /// Whether it ends behind the answer that is being made.
    pub is_pausing: bool,
}

/// What is to be done outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub enum StudyEffect {
    /// A dialog for the folder of a run.
    PickRun,
    /// A dialog for a study.
    PickFile,
    /// A dialog for where to save the study.
    PickSave(PathBuf),
    /// A dialog for the folder of the rows.
    PickOut,
    /// A dialog for where to save a table, with the name that is offered.
    PickTable(ReportForm, String),
    /// Find a row's photo and trace.
    FindRow(Box<RowWish>),
    /// Read a study.
    ReadFile(PathBuf),
    /// Write the study.
    WriteStudy(PathBuf, String),
    /// Write a table.
    WriteTable(PathBuf, Vec<u8>),
    /// A dialog for where to save bars as a figure, with the name that is offered.
    PickFigure(String),
    /// Write bars as a figure.
    WriteFigure(PathBuf, Box<Chart>),
    /// Count the questions of a study, and measure rows in its folder, else in that of the shown run.
    Count(Box<StudyDraft>, Option<PathBuf>),
    /// Ask.
    Start(Box<StudyPlan>),
    /// Stop behind the answer that is being made.
    Pause,
}

impl StudyState {
    /// The draft, checked.
    pub(super) fn draft(&mut self, draft: StudyDraft) {
        if draft.text != self.draft.text || draft.file != self.draft.file {
            let file = draft.base();
            let is_any = !draft.text.trim().is_empty();
            self.checked = is_any.then(|| check(&draft.text, &file));
        }
        self.draft = draft;
    }

    /// A session's run, view and draft; what is being asked goes on.
    pub(in crate::ui) fn restore(&mut self, folder: Option<PathBuf>, view: StudyView, draft: StudyDraft) {
        match folder {
            Some(folder) => self.look_at(folder),
            None => self.close(),
        }
        self.draft(draft);
        self.view = view;
    }

    fn close(&mut self) {
        (self.folder, self.run, self.listed, self.problem, self.shown_row) = (None, None, None, None, None);
    }

    /// Another text in the place of the draft.
    fn begin_with(&mut self, text: String, file: Option<PathBuf>) {
        self.view.describes = true;
        self.draft(StudyDraft { text, file, ..self.draft.clone() });
    }

    /// Looks at the run in this folder.
    pub(super) fn look_at(&mut self, folder: PathBuf) {
        if self.folder.as_ref() != Some(&folder) {
            (self.run, self.listed, self.shown_row) = (None, None, None);
            self.view.filter = RowFilter::default();
        }
        self.problem = None;
        self.folder = Some(folder);
    }

    /// Why asking cannot begin; `None` if it can.
    pub fn why_not_start(&self) -> Option<&'static str> {
        match (&self.asking, &self.checked) {
            (Some(_), _) => Some("A study is being asked already"),
            (None, None) => Some("There is no study yet: choose a template"),
            (None, Some(Err(_))) => Some("The text is no study yet: the sentence below it says why"),
            (None, Some(Ok(_))) if self.draft.folder().is_none() => Some("Choose the folder of the rows first"),
            (None, Some(Ok(_))) => self.draft.shard().err().or(self.draft.most().err()),
        }
    }
}

/// Settings of a study, or one sentence.
fn check(text: &str, file: &Path) -> Result<usize, String> {
    let study = Study::read(text, file).map_err(|err| err.to_string())?;
    Setting::all(&study, file).map(|settings| settings.len()).map_err(|err| err.to_string())
}

fn effect(effect: StudyEffect) -> Vec<Effect> {
    vec![Effect::Study(effect)]
}

impl AppState {
    pub(in crate::ui) fn apply_study(&mut self, command: StudyCommand) -> Vec<Effect> {
        match command {
            StudyCommand::PickRun => return effect(StudyEffect::PickRun),
            StudyCommand::Open(folder) => {
                self.study.view.describes = false;
                self.study.look_at(folder);
                return vec![Effect::BringToFront(Pane::Study)];
            }
            StudyCommand::Close => self.study.close(),
            StudyCommand::SetView(view) => self.study.view = *view,
            StudyCommand::ShowRow(place) => return self.find_study_row(place),
            StudyCommand::Copy(form) => return self.copy_report(form),
            StudyCommand::PickTable(form) => {
                let run = self.study.run.as_ref();
                let table = run.and_then(|run| run.table(&self.study.view.table)).map(|(_, table)| table);
                let name = table.map(|table| format!("{}.{}", table.id, form.ending()));
                return name.map_or_else(Vec::new, |name| effect(StudyEffect::PickTable(form, name)));
            }
            StudyCommand::SaveTable(form, path) => {
                return match self.report_text(form) {
                    Some(text) => effect(StudyEffect::WriteTable(path, text)),
                    None => Vec::new(),
                };
            }
            StudyCommand::PickFigure => {
                return match self.study_chart() {
                    Some((name, _)) => effect(StudyEffect::PickFigure(format!("{name}.pdf"))),
                    None => Vec::new(),
                };
            }
            StudyCommand::SaveFigure(path) => {
                return match self.study_chart() {
                    Some((_, chart)) => effect(StudyEffect::WriteFigure(path, Box::new(chart))),
                    None => Vec::new(),
                };
            }
            StudyCommand::SetDraft(draft) => self.study.draft(*draft),
            StudyCommand::Template(id) => {
                if let Ok(template) = template(id) {
                    self.study.begin_with(template.toml.to_owned(), None);
                }
            }
            StudyCommand::FromScreen => {
                let study = self.study_of_screen();
                self.study.begin_with(study.to_toml(), None);
            }
            StudyCommand::Continue => {
                if let Some(run) = self.study.run.clone() {
                    // Its paths are seen from where it lay, where that is on this machine.
                    let folder = run.header.folder.as_ref().filter(|folder| folder.is_dir());
                    self.study.begin_with(run.header.study.to_toml(), folder.map(|folder| folder.join(UNSAVED_STUDY)));
                    self.study.draft.out = run.folder.display().to_string();
                }
            }
            StudyCommand::PickFile => return effect(StudyEffect::PickFile),
            StudyCommand::OpenFile(path) => return effect(StudyEffect::ReadFile(path)),
            StudyCommand::PickSave => return effect(StudyEffect::PickSave(self.study.draft.base())),
            StudyCommand::Save(path) => {
                return effect(StudyEffect::WriteStudy(path, self.study.draft.text.clone()));
            }
            StudyCommand::PickOut => return effect(StudyEffect::PickOut),
            StudyCommand::SetOut(folder) => self.study.draft.out = folder.display().to_string(),
            StudyCommand::Count => {
                self.study.is_counting = true;
                let draft = Box::new(self.study.draft.clone());
                return effect(StudyEffect::Count(draft, self.study.folder.clone()));
            }
            StudyCommand::Start => return self.start_study(),
            StudyCommand::Pause => {
                if let Some(asking) = &mut self.study.asking {
                    asking.is_pausing = true;
                    return effect(StudyEffect::Pause);
                }
            }
        }
        Vec::new()
    }

    fn start_study(&mut self) -> Vec<Effect> {
        if let Some(why) = self.study.why_not_start() {
            self.toasts.push(why);
            return Vec::new();
        }
        let draft = &self.study.draft;
        let (Some(out), Ok(shard), Ok(limit)) = (draft.folder(), draft.shard(), draft.most()) else {
            return Vec::new(); // said above
        };
        let plan = StudyPlan {
            text: draft.text.clone(),
            file: draft.base(),
            out: out.clone(),
            shard,
            limit,
            device: self.model.device,
            dtype: self.model.dtype,
        };
        self.study.ended = None;
        self.study.asking = Some(StudyAsking { out, stage: "Starting".to_owned(), ..StudyAsking::default() });
        effect(StudyEffect::Start(Box::new(plan)))
    }

    /// The shown table as text, sorted as it is shown.
    fn report_text(&self, form: ReportForm) -> Option<Vec<u8>> {
        let table = self.shown_study_table()?;
        match form {
            ReportForm::Markdown => Some(table.markdown().into_bytes()),
            ReportForm::Latex => Some(table.latex().into_bytes()),
            ReportForm::Csv => table.csv().ok(),
        }
    }

    /// The table that is shown, sorted as it is shown.
    pub(in crate::ui) fn shown_study_table(&self) -> Option<Table> {
        let view = &self.study.view;
        let (_, table) = self.study.run.as_ref()?.table(&view.table)?;
        Some(sorted_table(table, view.sort.as_ref()))
    }

    /// The shown bars as a figure, and the name of its file without the ending; says why there is none.
    fn study_chart(&mut self) -> Option<(String, Chart)> {
        let table = self.shown_study_table();
        let column = table.as_ref().and_then(|table| bars_column(table, &self.study.view.column));
        let named = table.as_ref().zip(column).and_then(|(table, idx)| Some((table, table.columns.get(idx)?)));
        match named.and_then(|(table, column)| chart_of(table, column)) {
            None => self.toasts.push("There are no bars of a study to save yet"),
            Some((_, chart)) if chart.rows.len() > MOST_ROWS => {
                let rows = chart.rows.len();
                self.toasts.push(format!("A figure has room for {MOST_ROWS} rows, this table has {rows}"));
            }
            found => return found,
        }
        None
    }

    fn copy_report(&mut self, form: ReportForm) -> Vec<Effect> {
        let Some(text) = self.report_text(form) else {
            self.toasts.push("There is no table of a study to copy yet");
            return Vec::new();
        };
        self.toasts.push(format!("Copied the table as {}", form.label()));
        vec![Effect::Copy(String::from_utf8_lossy(&text).into_owned())]
    }

    /// Something that studies need was done in the background.
    pub(in crate::ui) fn study_done(&mut self, done: StudyDone) -> Vec<Effect> {
        match done {
            StudyDone::Row(found) => return self.study_row_found(*found),
            StudyDone::FileRead(path, Ok(text)) => self.study.begin_with(text, Some(path)),
            StudyDone::StudyWritten(path, Ok(())) => {
                self.toasts.push(format!("Saved the study: {}", path.display()));
                let draft = StudyDraft { file: Some(path), ..self.study.draft.clone() };
                self.study.draft(draft);
            }
            StudyDone::TableWritten(path, Ok(())) => self.toasts.push(format!("Saved the table: {}", path.display())),
            StudyDone::FigureWritten(path, Ok(())) => {
                let action = Some(("Copy path".to_owned(), Command::Copy(CopyCommand::Path(path.clone()))));
                self.toasts.push_with(format!("Written: {}", path.display()), action);
            }
            StudyDone::FileRead(_, Err(why))
            | StudyDone::StudyWritten(_, Err(why))
            | StudyDone::FigureWritten(_, Err(why))
            | StudyDone::TableWritten(_, Err(why)) => {
                self.notices.push((Severity::Error, Until::Dismissed), why, "", None);
            }
            StudyDone::Counted(counted) => {
                self.study.is_counting = false;
                self.study.count = Some(counted);
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::answered;

    #[test]
    fn a_draft_says_why_it_is_no_study() {
        let mut state = AppState::default();
        state.apply(Command::Study(StudyCommand::Template("pope")));
        assert!(matches!(state.study.checked, Some(Ok(10))), "its settings: {:?}", state.study.checked);
        let draft = StudyDraft { text: state.study.draft.text.replace("[data]", "[dates]"), ..StudyDraft::default() };
        state.apply(Command::Study(StudyCommand::SetDraft(Box::new(draft))));
        let why = state.study.checked.clone().expect("checked").expect_err("no study");
        assert!(why.contains("found in line"), "{why}");
        assert_eq!(state.study.why_not_start(), Some("The text is no study yet: the sentence below it says why"), "so");
        assert!(state.apply(Command::Study(StudyCommand::Start)).is_empty(), "nothing is asked");
    }

    #[test]
    fn the_screen_makes_a_study() {
        let mut state = answered();
        "Is there a boat?".clone_into(&mut state.ask.text);
        state.ask.add_method("vcd");
        state.apply(Command::Study(StudyCommand::FromScreen));
        assert!(matches!(state.study.checked, Some(Ok(2))), "plain and VCD: {:?}", state.study.checked);
        let study = Study::read(&state.study.draft.text, Path::new("s.toml")).expect("a study");
        assert_eq!(study.questions.prompt.as_deref(), Some("Is there a boat?"), "the question");
        assert_eq!(study.settings[1].methods, ["vcd"], "the methods");
    }
}
