//! Tables of yes/no questions.
//!
//! Every number is of pooled counts with an interval by photo: answers about one photo resemble each other. A setting
//! with several seeds pools them by photo.

use super::groups::{Group, PhotoNumbers};
use super::table::{Cell, Table};
use crate::analysis::pope::{Label, Outcome, Scorer, scorer};
use crate::analysis::statistics::{
    Estimate, Item, MeanError, NoEstimate, PairedItem, PhotoRatio, holm, mcnemar, mean, paired_difference, ratio,
};
use crate::study::row::AnswerRow;
use std::collections::BTreeMap;

/// Which labels count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    /// Those of the questions.
    Own,
    /// Those of the second look; questions without one are left out.
    Again,
}

/// How answers are read, and which class is the positive one.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) scorer: &'static Scorer,
    pub(super) labels: Labels,
    /// `Yes`, but for AMBER.
    pub(super) positive: Label,
    pub(super) photos: &'a PhotoNumbers<'a>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(scorer_id: &str, photos: &'a PhotoNumbers<'a>) -> Option<Self> {
        Some(Self { scorer: scorer(scorer_id)?, labels: Labels::Own, positive: Label::Yes, photos })
    }

    pub(super) fn label(&self, row: &AnswerRow) -> Option<Label> {
        let label = if self.labels == Labels::Own { &row.label } else { &row.relabel };
        match label.as_deref()? {
            "yes" => Some(Label::Yes),
            "no" => Some(Label::No),
            _ => None,
        }
    }

    /// Whether an answer is right; `None` without a label, and where the scorer leaves it out.
    pub(super) fn is_right(&self, row: &AnswerRow) -> Option<bool> {
        let label = self.label(row)?;
        self.scorer.outcome(row.answer.as_deref()?, label).is_right(label)
    }

    fn counted(&self, row: &AnswerRow) -> Option<(usize, bool, bool)> {
        let label = self.label(row)?;
        let said = match self.scorer.outcome(row.answer.as_deref()?, label) {
            Outcome::Yes => Label::Yes,
            Outcome::No => Label::No,
            Outcome::Excluded => return None,
        };
        Some((self.photos.get(row), said == self.positive, label == self.positive))
    }

    /// Counts of each photo: true positives, false positives, true negatives, false negatives.
    fn counts(&self, group: &Group<'_>) -> BTreeMap<usize, [f64; 4]> {
        let mut counts: BTreeMap<usize, [f64; 4]> = BTreeMap::new();
        for (photo, said, is) in group.rows.iter().filter_map(|(_, row)| self.counted(row)) {
            let of = counts.entry(photo).or_default();
            of[match (said, is) {
                (true, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (false, true) => 3,
            }] += 1.0;
        }
        counts
    }

    pub(super) fn scores(&self, group: &Group<'_>) -> Scores {
        let counts = self.counts(group);
        let of = |above: fn([f64; 4]) -> f64, below: fn([f64; 4]) -> f64| {
            let photos: Vec<PhotoRatio> = counts
                .values()
                .map(|of| PhotoRatio { numerator: above(*of), denominator: below(*of), num_items: count(below(*of)) })
                .collect();
            ratio(&photos)
        };
        let items: Vec<Item> = counts
            .iter()
            .flat_map(|(photo, [tp, fp, tn, fn_])| {
                let of = |score: f64, times: f64| std::iter::repeat_n(Item { score, photo: *photo }, count(times));
                of(1.0, tp + tn).chain(of(0.0, fp + fn_))
            })
            .collect();
        Scores {
            accuracy: mean(&items, MeanError::ByPhoto),
            precision: of(|[tp, ..]| tp, |[tp, fp, ..]| tp + fp),
            recall: of(|[tp, ..]| tp, |[tp, _, _, fn_]| tp + fn_),
            specificity: of(|[_, _, tn, _]| tn, |[_, fp, tn, _]| fp + tn),
            f1: of(|[tp, ..]| 2.0 * tp, |[tp, fp, _, fn_]| 2.0 * tp + fp + fn_),
            yes: of(|[tp, fp, ..]| tp + fp, |of| of.iter().sum()),
            num_items: items.len(),
            num_photos: counts.len(),
            num_left_out: group.rows.len() - items.len(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
fn count(value: f64) -> usize {
    value as usize
}

/// Scores of one setting.
pub(super) struct Scores {
    pub(super) accuracy: Result<Estimate, NoEstimate>,
    pub(super) precision: Result<Estimate, NoEstimate>,
    pub(super) recall: Result<Estimate, NoEstimate>,
    pub(super) specificity: Result<Estimate, NoEstimate>,
    pub(super) f1: Result<Estimate, NoEstimate>,
    /// Share of positive answers.
    pub(super) yes: Result<Estimate, NoEstimate>,
    pub(super) num_items: usize,
    pub(super) num_photos: usize,
    pub(super) num_left_out: usize,
}

impl Scores {
    fn cells(&self, places: &[usize]) -> Vec<Cell> {
        let mut cells = vec![Cell::count(self.num_items), Cell::count(self.num_photos)];
        let all = [&self.accuracy, &self.precision, &self.recall, &self.specificity, &self.f1, &self.yes];
        cells.extend(all.into_iter().map(Cell::percent));
        cells.push(Cell::count(self.num_left_out));
        cells.into_iter().map(|cell| cell.about(places)).collect()
    }

    /// As if there were as many of each class: what Tomita et al. report.
    pub(super) fn balanced(&self) -> [Option<f64>; 3] {
        let (Ok(recall), Ok(specificity)) = (&self.recall, &self.specificity) else { return [None; 3] };
        let (tp, tn) = (recall.value, specificity.value);
        let precision = tp / (tp + 1.0 - tn);
        [Some(f64::midpoint(tp, tn)), Some(precision), Some(2.0 * precision * tp / (precision + tp))]
    }
}

fn columns(first: &str) -> Vec<String> {
    let names = [first, "n", "photos", "accuracy", "precision", "recall", "specificity", "F1", "yes ratio", "left out"];
    names.map(str::to_owned).to_vec()
}

fn note(reading: &Reading<'_>) -> String {
    let labels = if reading.labels == Labels::Own { "labels of the questions" } else { "labels of the second look" };
    let positive = if reading.positive == Label::Yes { "yes" } else { "no" };
    format!(
        "Per cent with 95 % intervals clustered by photo (accuracy: mean; others: ratio of sums). Positive class: \
            {positive}. Scorer: {} ({}); {labels}; \"left out\": answers that the scorer or the labels leave out.",
        reading.scorer.id, reading.scorer.label
    )
}

/// One row a setting.
pub(super) fn main(groups: &[Group<'_>], reading: &Reading<'_>, id: &str, title: &str) -> Table {
    let rows = groups.iter().map(|group| {
        let mut row = vec![Cell::text(group.name).about(&group.places())];
        row.extend(reading.scores(group).cells(&group.places()));
        row
    });
    Table {
        id: id.to_owned(),
        title: title.to_owned(),
        note: note(reading),
        columns: columns("setting"),
        rows: rows.collect(),
    }
}

/// One row a setting and value of a column: split, object, size.
pub(super) fn by(
    groups: &[Group<'_>],
    reading: &Reading<'_>,
    (id, title): (&str, &str),
    of: fn(&AnswerRow) -> Option<&str>,
) -> Option<Table> {
    let mut values: Vec<&str> =
        groups.iter().flat_map(|group| group.rows.iter().filter_map(|(_, row)| of(row))).collect();
    values.sort_unstable();
    values.dedup();
    if values.is_empty() {
        return None;
    }
    let mut columns = columns("setting");
    columns.insert(1, id.rsplit('_').next().unwrap_or(id).to_owned());
    let mut rows = Vec::new();
    for group in groups {
        for value in &values {
            let part = group.filtered(|row| of(row) == Some(value));
            if part.rows.is_empty() {
                continue;
            }
            let mut row = vec![Cell::text(group.name), Cell::text(*value)];
            row.extend(reading.scores(&part).cells(&part.places()));
            rows.push(row.into_iter().map(|cell| cell.about(&part.places())).collect());
        }
    }
    Some(Table { id: id.to_owned(), title: title.to_owned(), note: note(reading), columns, rows })
}

/// Every setting against the first, on the same questions.
pub(super) fn against(groups: &[Group<'_>], reading: &Reading<'_>, id: &str) -> Option<Table> {
    let (base, others) = groups.split_first()?;
    if others.is_empty() {
        return None;
    }
    let mut known: BTreeMap<usize, Vec<(f64, bool)>> = BTreeMap::new();
    for (_, row) in &base.rows {
        if let (Some(right), Some((_, yes, _))) = (reading.is_right(row), reading.counted(row)) {
            known.entry(row.item).or_default().push((f64::from(u8::from(right)), yes));
        }
    }
    let compared: Vec<_> = others.iter().map(|group| compare(group, &known, reading)).collect();
    let raw: Vec<f64> = compared.iter().filter_map(|one| one.p).collect();
    let mut adjusted = holm(&raw).unwrap_or_default().into_iter();
    let rows = others.iter().zip(compared).map(|(group, one)| {
        let holm = one.p.and_then(|_| adjusted.next());
        let cells = vec![
            Cell::text(group.name),
            Cell::count(one.num_pairs),
            Cell::points(&one.difference),
            Cell::p(one.p),
            Cell::p(holm),
            Cell::count(one.only_base),
            Cell::count(one.only_other),
            Cell::p(Some(mcnemar(one.only_base as u64, one.only_other as u64).exact_p)),
            Cell::count(one.to_no),
            Cell::count(one.to_yes),
        ];
        cells.into_iter().map(|cell| cell.about(&one.changed)).collect()
    });
    let names = [
        "setting",
        "questions",
        "difference of accuracy",
        "p by photo",
        "p (Holm)",
        "b",
        "c",
        "McNemar p",
        "yes to no",
        "no to yes",
    ];
    Some(Table {
        id: id.to_owned(),
        title: format!("Every setting against {}, on the same questions", base.name),
        note: format!(
            "Difference in points, setting less {}: paired, clustered by photo (t), p adjusted over the settings by \
                Holm. b: right with {} only; c: right with the setting only; McNemar's exact p takes questions as \
                independent. Questions with several seeds enter with the mean of their seeds, and with the first seed \
                into b, c and the changes of answers. Scorer: {}.",
            base.name, base.name, reading.scorer.id
        ),
        columns: names.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    })
}

/// What came of two settings on the same questions.
struct Compared {
    num_pairs: usize,
    difference: Result<Estimate, NoEstimate>,
    p: Option<f64>,
    only_base: usize,
    only_other: usize,
    to_no: usize,
    to_yes: usize,
    /// Places of answers that changed sides.
    changed: Vec<usize>,
}

fn compare(group: &Group<'_>, known: &BTreeMap<usize, Vec<(f64, bool)>>, reading: &Reading<'_>) -> Compared {
    type Seen = (usize, usize, Vec<(f64, bool)>);
    let mut mine: BTreeMap<usize, Seen> = BTreeMap::new();
    for (idx, row) in &group.rows {
        if let (Some(right), Some((photo, yes, _))) = (reading.is_right(row), reading.counted(row)) {
            let of = mine.entry(row.item).or_insert_with(|| (*idx, photo, Vec::new()));
            of.2.push((f64::from(u8::from(right)), yes));
        }
    }
    let average = |all: &[(f64, bool)]| all.iter().map(|(right, _)| right).sum::<f64>() / all.len() as f64;
    let mut found = Compared {
        num_pairs: 0,
        difference: Err(NoEstimate::NoItems),
        p: None,
        only_base: 0,
        only_other: 0,
        to_no: 0,
        to_yes: 0,
        changed: Vec::new(),
    };
    let mut pairs = Vec::new();
    for (item, (idx, photo, answers)) in &mine {
        let Some(base) = known.get(item) else { continue };
        pairs.push(PairedItem { first: average(answers), second: average(base), photo: *photo });
        let (Some((right, yes)), Some((base_right, base_yes))) = (answers.first(), base.first()) else { continue };
        found.only_other += usize::from(right > base_right);
        found.only_base += usize::from(right < base_right);
        let is_yes = |positive: bool| positive == (reading.positive == Label::Yes);
        match (is_yes(*base_yes), is_yes(*yes)) {
            (true, false) => found.to_no += 1,
            (false, true) => found.to_yes += 1,
            _ => continue,
        }
        found.changed.push(*idx);
    }
    found.num_pairs = pairs.len();
    match paired_difference(&pairs) {
        Ok(paired) => {
            found.p = paired.p;
            found.difference = Ok(paired.difference);
        }
        Err(why) => found.difference = Err(why),
    }
    found
}
