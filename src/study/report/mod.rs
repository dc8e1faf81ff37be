//! Tables of a run: those of the paper that its template is named after, from the rows alone.

mod amber;
mod captions;
mod examples;
mod groups;
mod heads;
mod mmvp;
mod plots;
mod table;
mod tomita;
mod yes_no;

use super::StudyError;
use super::file::{DEMO, TemplateId};
use super::row::AnswerRow;
use super::store::RunHeader;
use crate::analysis::pope::{Label, scorer, scorers};
pub use examples::{Example, ExampleFigure, SeenExample, base_of, example_figures, example_recipe, expect_same_data};
use groups::{Group, PhotoNumbers, by_setting};
pub use plots::{chart, chart_of, charts, plotted_columns};
use std::borrow::Borrow;
use std::fmt::Write as _;
use std::path::Path;
pub use table::{Cell, Table};
use yes_no::{Labels, Reading};

/// How a report reads answers.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// Name of the scorer of yes/no answers; that of the template unless given.
    pub scorer: Option<String>,
}

/// Every table of a run.
///
/// **Errors**: a scorer that there is not.
pub fn report<R: Borrow<AnswerRow>>(
    header: &RunHeader,
    rows: &[R],
    options: &ReportOptions,
) -> Result<Vec<Table>, StudyError> {
    let photos = PhotoNumbers::of(rows);
    let groups = by_setting(rows);
    let template = header.study.template;
    let scorer_id = options.scorer.as_deref().unwrap_or(match template {
        TemplateId::Tomita => "s0",
        _ => "official",
    });
    let Some(reading) = Reading::new(scorer_id, &photos) else {
        let known: Vec<&str> = scorers().iter().map(|scorer| scorer.id).collect();
        return Err(StudyError::Unfit {
            expected: format!("a scorer among {}", known.join(", ")),
            found: scorer_id.to_owned(),
            path: Path::new("--scorer").to_owned(),
        });
    };
    let mut tables = match template {
        TemplateId::Tomita => tomita_tables(&groups, &reading),
        TemplateId::Pope => yes_no_tables(&groups, &reading, "pope", "Yes/no questions about objects (POPE)"),
        TemplateId::Repope => {
            let again = Reading { labels: Labels::Again, ..reading };
            let mut tables = yes_no_tables(&groups, &reading, "pope", "POPE's labels");
            tables.extend(yes_no_tables(&groups, &again, "repope", "RePOPE's labels"));
            tables
        }
        TemplateId::Amber => {
            let no = Reading { positive: Label::No, ..reading };
            let mut tables = yes_no_tables(&groups, &no, "amber", "AMBER's yes/no questions");
            tables.push(amber::official(&groups));
            tables
        }
        TemplateId::Chair => caption_tables(&groups, &photos),
        TemplateId::Damro => {
            let mut tables: Vec<Table> = captions::damro(&groups, &photos).into_iter().collect();
            tables.extend(caption_tables(&groups, &photos));
            tables
        }
        TemplateId::Heads => {
            let mut tables: Vec<Table> = heads::ranking(&groups, &photos, layers(rows)).into_iter().collect();
            tables.extend(caption_tables(&groups, &photos));
            tables
        }
        TemplateId::Mmvp => vec![mmvp::pairs(&groups, &photos)],
    };
    let failed = rows.iter().filter(|row| (*row).borrow().error.is_some()).count();
    let missing = (header.num_items * header.num_settings).saturating_sub(rows.len());
    for table in &mut tables {
        if failed + missing > 0 {
            let _ = write!(
                table.note,
                " Not in this table: {failed} questions without an answer, {missing} not asked yet."
            );
        }
    }
    Ok(tables)
}

/// Layers of the model, by the list of a number for each.
fn layers<R: Borrow<AnswerRow>>(rows: &[R]) -> Option<usize> {
    let of = |row: &AnswerRow| match row.signals.get("image_share_by_layer")? {
        super::SignalValue::List(list) => Some(list.len()),
        super::SignalValue::Number(_) => None,
    };
    rows.iter().map(Borrow::borrow).find_map(of)
}

fn caption_tables(groups: &[Group<'_>], photos: &PhotoNumbers<'_>) -> Vec<Table> {
    let mut tables = vec![captions::chair(groups, photos)];
    tables.extend(captions::inventions(groups));
    tables
}

fn yes_no_tables(groups: &[Group<'_>], reading: &Reading<'_>, id: &str, title: &str) -> Vec<Table> {
    let mut tables = vec![yes_no::main(groups, reading, id, title)];
    tables.extend(yes_no::against(groups, reading, &format!("{id}_against")));
    for (part, words, of) in PARTS {
        tables.extend(yes_no::by(groups, reading, (&format!("{id}_by_{part}"), &format!("{title}, by {words}")), *of));
    }
    tables
}

type Column = fn(&AnswerRow) -> Option<&str>;

/// What yes/no questions are taken apart by.
const PARTS: &[(&str, &str, Column)] = &[
    ("split", "part of the set", |row| row.split.as_deref()),
    ("size", "size of the object (present ones)", |row| row.object_size.as_deref()),
    ("object", "category", |row| row.object.as_deref()),
];

fn tomita_tables(groups: &[Group<'_>], reading: &Reading<'_>) -> Vec<Table> {
    let mut tables = vec![tomita::table_1(groups, reading)];
    tables.extend(tomita::table_2(groups, reading.photos));
    let title = ("answers_by_size", "Answers by the object's size (Tomita et al., Figure 2)");
    tables.extend(yes_no::by(groups, reading, title, |row| row.object_size.as_deref()));
    tables.extend(yes_no::against(groups, reading, "against"));
    tables
}

/// Whether an answer of a run is right, by the scorer of its template; `None` where that cannot be said.
pub fn is_right(template: TemplateId, row: &AnswerRow) -> Option<bool> {
    if template == TemplateId::Mmvp {
        return mmvp::is_right(row);
    }
    if let Some(hallucinated) = row.hallucinated {
        return Some(!hallucinated);
    }
    let label = match row.label.as_deref()? {
        "yes" => Label::Yes,
        "no" => Label::No,
        _ => return None,
    };
    let scorer = scorer(if template == TemplateId::Tomita { "s0" } else { "official" })?;
    scorer.outcome(row.answer.as_deref()?, label).is_right(label)
}
