//! A run as it is read from its folder, with its tables, and the rows that a filter leaves. Made in the background.

use crate::study::report::{self, ReportOptions, Table};
use crate::study::store::{RunHeader, row_files};
use crate::study::{AnswerRow, GrowingRun, MergeReport, Merged, Setting};
use crate::ui::core::command::{CellPlace, RowFilter, RowOutcome};
use crate::ui::features::study::sorting::{sort_rows, text_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A run as it was when it was read last.
#[derive(Debug)]
pub struct ReadRun {
    /// Its folder.
    pub folder: PathBuf,
    /// What its rows depend on.
    pub header: RunHeader,
    /// Every row, in the order of question and setting; shared with other readings.
    pub rows: Vec<Arc<AnswerRow>>,
    /// Whether each row is right; `None` where that cannot be said.
    pub right: Vec<Option<bool>>,
    /// What was found when the files were put together.
    pub found: MergeReport,
    /// The tables of the report, or why there are none.
    pub tables: Result<Vec<Table>, String>,
    /// Longest text of each column of each table, in characters.
    pub widths: Vec<Vec<usize>>,
    /// Every setting, spelled out, or why they cannot be.
    pub settings: Result<Vec<Setting>, String>,
}

impl ReadRun {
    /// Makes everything of the rows.
    pub fn of(folder: &Path, merged: Merged) -> Self {
        let Merged { header, rows, report: found } = merged;
        let template = header.study.template;
        let right = rows.iter().map(|row| report::is_right(template, row)).collect();
        let tables = report::report(&header, &rows, &ReportOptions::default()).map_err(|err| err.to_string());
        let widths = tables.as_deref().unwrap_or_default().iter().map(widths).collect();
        let settings = Setting::all(&header.study, folder).map_err(|err| err.to_string());
        Self { folder: folder.to_owned(), header, rows, right, found, tables, widths, settings }
    }

    /// Rows that there are to be.
    pub fn num_wanted(&self) -> usize {
        self.header.num_items * self.header.num_settings
    }

    /// The table of that name, else the first, and its place.
    pub fn table(&self, id: &str) -> Option<(usize, &Table)> {
        let tables = self.tables.as_deref().ok()?;
        let found = tables.iter().enumerate().find(|(_, table)| table.id == id);
        found.or_else(|| tables.iter().enumerate().next())
    }

    /// Right, wrong, without an answer, or not to be said.
    pub fn verdict(&self, place: usize) -> &'static str {
        match (self.rows.get(place), self.right.get(place)) {
            (Some(row), _) if row.error.is_some() => "failed",
            (_, Some(Some(true))) => "right",
            (_, Some(Some(false))) => "wrong",
            _ => "",
        }
    }

    /// Places of the rows that a cell is made of; all of its table where it does not say which, all of the run where no
    /// cell of the table does.
    fn of_cell(&self, place: &CellPlace) -> Option<Vec<usize>> {
        let (_, table) = self.table(&place.table).filter(|(_, table)| table.id == place.table)?;
        let is_named = |row: &&Vec<report::Cell>| row_name(row) == place.row_name;
        let row = table.rows.get(place.row).filter(is_named).or_else(|| table.rows.iter().find(is_named))?;
        let own = row.get(place.column).map(|cell| cell.rows.clone()).unwrap_or_default();
        if !own.is_empty() {
            return Some(own);
        }
        let mut all: Vec<usize> = table.rows.iter().flatten().flat_map(|cell| cell.rows.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() { Some((0..self.rows.len()).collect()) } else { Some(all) }
    }
}

/// What a row of a table is about: the words before its numbers, such as "greedy, dog".
pub(in crate::ui) fn row_name(row: &[report::Cell]) -> String {
    let words = row.iter().take_while(|cell| cell.value.is_none()).map(|cell| cell.text.as_str());
    words.collect::<Vec<_>>().join(", ")
}

/// Where a cell is, for the rows that it is made of.
pub(in crate::ui) fn cell_place(table: &Table, row: usize, column: usize) -> CellPlace {
    CellPlace {
        table: table.id.clone(),
        row,
        column,
        row_name: table.rows.get(row).map_or(String::new(), |cells| row_name(cells)),
        column_name: table.columns.get(column).cloned().unwrap_or_default(),
    }
}

/// Longest text of each column, its header among them.
fn widths(table: &Table) -> Vec<usize> {
    let longest = |(idx, name): (usize, &String)| {
        let cells = table.rows.iter().filter_map(|row| row.get(idx)).map(|cell| cell.text.chars().count());
        cells.max().unwrap_or(0).max(name.chars().count())
    };
    table.columns.iter().enumerate().map(longest).collect()
}

/// What a filter leaves of a run, in its order, and how many of each outcome are among it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Places in the run.
    pub rows: Vec<usize>,
    /// Right answers.
    pub right: usize,
    /// Wrong answers.
    pub wrong: usize,
    /// Rows without an answer.
    pub failed: usize,
}

impl Listed {
    /// Filters and sorts.
    pub fn of(run: &ReadRun, filter: &RowFilter) -> Self {
        let mut listed = Self::default();
        let words: Vec<String> = filter.words.split_whitespace().map(str::to_lowercase).collect();
        let places = filter.cell.as_ref().and_then(|cell| run.of_cell(cell));
        let places = places.unwrap_or_else(|| (0..run.rows.len()).collect());
        for place in places {
            let Some(row) = run.rows.get(place) else { continue };
            let verdict = run.verdict(place);
            let is_wanted = match filter.outcome {
                RowOutcome::Any => true,
                RowOutcome::Right => verdict == "right",
                RowOutcome::Wrong => verdict == "wrong",
                RowOutcome::Failed => verdict == "failed",
            };
            if !is_wanted || !has_words(row, &words) {
                continue;
            }
            listed.rows.push(place);
            listed.right += usize::from(verdict == "right");
            listed.wrong += usize::from(verdict == "wrong");
            listed.failed += usize::from(verdict == "failed");
        }
        if let Some(sort) = filter.sort {
            let text = |place: usize| {
                let row = run.rows.get(place);
                row.map_or("", |row| text_of(row, run.verdict(place), sort.column))
            };
            sort_rows(&mut listed.rows, sort.reversed, text);
        }
        listed
    }
}

/// Whether every word occurs somewhere.
fn has_words(row: &AnswerRow, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let parts = [
        Some(row.setting.as_str()),
        Some(row.photo.as_str()),
        row.object.as_deref(),
        row.object_size.as_deref(),
        row.split.as_deref(),
        Some(row.prompt.as_str()),
        row.answer.as_deref(),
        row.error.as_deref(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().map(str::to_lowercase).collect();
    words.iter().all(|word| parts.iter().any(|part| part.contains(word)))
}

/// A reading of the run in a folder; one with a larger number looks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct ReadWish {
    pub(in crate::ui) folder: PathBuf,
    pub(in crate::ui) number: u64,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::ui) enum ReadAnswer {
    /// The files are as long as before.
    Same,
    /// The run as it is now, and the seconds that this took.
    Read(Arc<ReadRun>, f64),
    /// One sentence.
    Failed(String),
}

/// Reads runs on when their files have grown. What it read last is let go of here, not in the window's thread: a
/// hundred thousand rows take a while to go.
#[derive(Debug, Default)]
pub(in crate::ui) struct Reader {
    seen: Option<(PathBuf, Vec<(PathBuf, u64)>)>,
    growing: Option<GrowingRun>,
    read: Vec<Arc<ReadRun>>,
}

impl Reader {
    pub(in crate::ui) fn read(&mut self, wish: &ReadWish) -> ReadAnswer {
        let started = std::time::Instant::now();
        let lengths = lengths(&wish.folder);
        let now = (wish.folder.clone(), lengths);
        if wish.number > 0 && self.seen.as_ref() == Some(&now) {
            return ReadAnswer::Same;
        }
        let is_same_folder = self.seen.as_ref().is_some_and(|(folder, _)| *folder == wish.folder);
        let before = self.growing.take().filter(|_| wish.number > 0 && is_same_folder);
        self.seen = Some(now);
        let read = match before {
            Some(before) => before.read_on(&wish.folder),
            None => GrowingRun::read_anew(&wish.folder),
        };
        let growing = match read {
            Ok(growing) => growing,
            Err(why) => return ReadAnswer::Failed(why.to_string()),
        };
        let run = Arc::new(ReadRun::of(&wish.folder, growing.merged_so_far()));
        self.growing = Some(growing);
        self.read.push(Arc::clone(&run));
        if self.read.len() > 2 {
            self.read.remove(0);
        }
        ReadAnswer::Read(run, started.elapsed().as_secs_f64())
    }
}

/// Files of a run with their lengths; none where the folder cannot be read, which reading says.
fn lengths(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = row_files(folder).unwrap_or_default();
    files.push(folder.join("run.json"));
    let long = |path: PathBuf| std::fs::metadata(&path).map(|file| (path, file.len())).ok();
    files.into_iter().filter_map(long).collect()
}

/// Rows to list.
#[derive(Debug, Clone)]
pub(in crate::ui) struct ListWish {
    pub(in crate::ui) run: Arc<ReadRun>,
    pub(in crate::ui) filter: RowFilter,
}

impl PartialEq for ListWish {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.run, &other.run) && self.filter == other.filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Study;
    use crate::ui::core::command::{RowColumn, RowSort};

    fn run() -> ReadRun {
        let text = "name = \"x\"\ntemplate = \"pope\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"pope\"\n\
            file = \"demo\"\n";
        let study = Study::read(text, Path::new("s.toml")).expect("a study");
        let header = RunHeader {
            format: "gazelens-study-run".to_owned(),
            version: 1,
            study,
            model: "demo".to_owned(),
            weight_hash: String::new(),
            looker_hash: None,
            dtype: "f32".to_owned(),
            data_hash: String::new(),
            num_items: 2,
            num_settings: 2,
            one_by_one: false,
            program: String::new(),
            folder: None,
        };
        let row = |item: usize, setting: &str, answer: Option<&str>| AnswerRow {
            item,
            setting: setting.to_owned(),
            setting_number: usize::from(setting == "vcd"),
            photo: format!("photo {item}.png"),
            object: Some(if item == 0 { "boat" } else { "dog" }.to_owned()),
            label: Some("yes".to_owned()),
            answer: answer.map(str::to_owned),
            error: answer.is_none().then(|| "No memory".to_owned()),
            ..AnswerRow::default()
        };
        let rows = [
            row(0, "greedy", Some("Yes")),
            row(0, "vcd", Some("No")),
            row(1, "greedy", None),
            row(1, "vcd", Some("Yes")),
        ];
        let rows = rows.into_iter().map(Arc::new).collect();
        ReadRun::of(Path::new("run"), Merged { header, rows, report: MergeReport::default() })
    }

    #[test]
    fn rows_are_filtered_by_words_outcome_and_cell() {
        let run = run();
        let listed = |words: &str, outcome| {
            let filter = RowFilter { words: words.to_owned(), outcome, ..RowFilter::default() };
            Listed::of(&run, &filter).rows
        };
        assert_eq!(listed("", RowOutcome::Any), [0, 1, 2, 3], "all");
        assert_eq!(listed("BOAT vcd", RowOutcome::Any), [1], "every word, in any case");
        assert_eq!(listed("", RowOutcome::Wrong), [1], "wrong");
        assert_eq!(listed("memory", RowOutcome::Failed), [2], "why there is none");
        let all = Listed::of(&run, &RowFilter::default());
        assert_eq!((all.right, all.wrong, all.failed), (2, 1, 1), "counted");
        let tables = run.tables.as_ref().expect("a report");
        let cell = CellPlace {
            table: tables[0].id.clone(),
            row: 1,
            column: 1,
            row_name: tables[0].rows[1][0].text.clone(),
            column_name: tables[0].columns[1].clone(),
        };
        let filter = |cell| RowFilter { cell: Some(cell), ..RowFilter::default() };
        assert_eq!(Listed::of(&run, &filter(cell.clone())).rows, [1, 3], "the answers of vcd");
        let moved = CellPlace { row: 0, ..cell };
        assert_eq!(Listed::of(&run, &filter(moved)).rows, [1, 3], "its row by its name, wherever it stands now");
    }

    #[test]
    fn rows_are_sorted_behind_the_filter() {
        let run = run();
        let listed = |column, reversed| {
            let sort = Some(RowSort { column, reversed });
            Listed::of(&run, &RowFilter { sort, ..RowFilter::default() }).rows
        };
        assert_eq!(listed(RowColumn::Setting, false), [0, 2, 1, 3], "equal ones stay as they were");
        assert_eq!(listed(RowColumn::Setting, true), [1, 3, 0, 2], "the other way");
        assert_eq!(listed(RowColumn::Object, true), [2, 3, 0, 1], "dogs before boats");
        assert_eq!(listed(RowColumn::Answer, false), [1, 2, 0, 3], "No, No memory, Yes");
        assert_eq!(listed(RowColumn::Result, false), [2, 0, 3, 1], "failed, right, wrong");
        let sort = Some(RowSort { column: RowColumn::Photo, reversed: true });
        let filter = RowFilter { words: "vcd".to_owned(), sort, ..RowFilter::default() };
        assert_eq!(Listed::of(&run, &filter).rows, [3, 1], "of what the filter leaves");
    }
}
