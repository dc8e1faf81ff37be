//! AMBER's yes/no questions as its own script counts them, beside the tables with intervals.
//!
//! **Source**: AMBER (arXiv 2311.07397), `inference.py:95-345` and `data/metrics.txt`: the positive class is no;
//! denominators begin at 0.001; precision and recall are rounded to a decimal before F1 is made of them, with 1e-4
//! below the line, and 1e-3 for existence, which takes up to 0.05 points from it.

use super::groups::Group;
use super::table::{Cell, Table};
use crate::analysis::pope::{Said, scorer};
use crate::study::row::AnswerRow;

/// Whether a part of the set is of a kind.
type IsOf = fn(&str) -> bool;

/// Kinds of questions: the name, and which parts of the set it is.
const KINDS: [(&str, IsOf); 7] = [
    ("all", |_| true),
    ("existence", is_existence),
    ("attribute", |split| split.starts_with("attribute-")),
    ("state", |split| split == "attribute-state"),
    ("number", |split| split == "attribute-number"),
    ("action", |split| split == "attribute-action"),
    ("relation", |split| !is_existence(split) && !split.starts_with("attribute-")),
];
/// Where every denominator begins.
const BEGIN: f64 = 0.001;

fn is_existence(split: &str) -> bool {
    split == "existence"
}

/// Counts of one kind.
#[derive(Default)]
struct Counts {
    all: usize,
    right: usize,
    /// Questions with the right answer no.
    no: usize,
    said_no: usize,
    right_no: usize,
}

impl Counts {
    fn add(&mut self, row: &AnswerRow, is_no: bool) {
        let said = row.answer.as_deref().and_then(|answer| Some(scorer("s0")?.said(answer)));
        self.all += 1;
        self.no += usize::from(is_no);
        self.said_no += usize::from(said == Some(Said::No));
        self.right_no += usize::from(is_no && said == Some(Said::No));
        self.right += usize::from(said == Some(if is_no { Said::No } else { Said::Yes }));
    }

    /// Accuracy, precision, recall and F1, per cent with a decimal.
    fn official(&self, kind: &str) -> [f64; 4] {
        // So many of the script's counters are added for it.
        let parts = if kind == "attribute" { 3.0 } else { 1.0 };
        let share = |above: usize, below: usize| rounded(above as f64 / (below as f64 + parts * BEGIN) * 100.0);
        let (precision, recall) = (share(self.right_no, self.said_no), share(self.right_no, self.no));
        let (p, r) = (precision / 100.0, recall / 100.0);
        let slack = if kind == "existence" { 0.001 } else { 0.0001 };
        [share(self.right, self.all), precision, recall, rounded(2.0 * p * r / (p + r + slack) * 100.0)]
    }
}

/// To one decimal, as Python's `round`.
fn rounded(value: f64) -> f64 {
    format!("{value:.1}").parse().unwrap_or(value)
}

/// One row a setting and kind of question that there is.
pub(super) fn official(groups: &[Group<'_>]) -> Table {
    let mut rows = Vec::new();
    for group in groups {
        for (kind, is_of) in KINDS {
            let part = group.filtered(|row| is_of(row.split.as_deref().unwrap_or_default()));
            let mut counts = Counts::default();
            for (_, row) in &part.rows {
                match row.label.as_deref() {
                    Some("no") => counts.add(row, true),
                    Some("yes") => counts.add(row, false),
                    _ => {}
                }
            }
            if counts.all == 0 {
                continue;
            }
            let mut cells = vec![Cell::text(group.name), Cell::text(kind), Cell::count(counts.all)];
            cells.extend(counts.official(kind).map(|value| Cell::plain(Some(value), 1.0, 1)));
            rows.push(cells.into_iter().map(|cell| cell.about(&part.places())).collect());
        }
    }
    Table {
        id: "amber_official".to_owned(),
        title: "AMBER's yes/no questions as its own script counts them".to_owned(),
        note: "Per cent, positive class: no. An answer counts where its first word says yes or no; everything else is \
            wrong. As in the script, precision and recall are rounded before F1, and 1e-4 is added below its line, \
            1e-3 for existence: up to 0.05 points too low. Existence has no question with the right answer yes: its \
            precision is 100 by construction."
            .to_owned(),
        columns: ["setting", "kind", "n", "accuracy", "precision", "recall", "F1"].map(str::to_owned).to_vec(),
        rows,
    }
}
