//! Tables 1 and 2 of Tomita et al., and their Figure 2.
//!
//! **Source**: Tomita et al., sections 3 and 4. Their Table 1 is class-balanced without saying so: every number is that
//! of as many present as absent objects. Here both stand side by side.

use super::groups::{Group, PhotoNumbers};
use super::table::{Cell, Table};
use super::yes_no::{Reading, Scores};
use crate::analysis::statistics::{Item, MeanError, NoEstimate, mean};
use crate::study::row::AnswerRow;
use crate::study::signals::SignalValue;

/// Right, wrong or all pre-outputs.
const PARTS: [(&str, Option<bool>); 3] = [("all", None), ("right", Some(true)), ("wrong", Some(false))];

/// Whether the model that looked is right itself.
pub(super) fn pre_output(row: &AnswerRow) -> Option<bool> {
    match (row.pre_output.as_deref()?, row.label.as_deref()?) {
        ("unknown", _) => None,
        (said, label) => Some(said == label),
    }
}

/// Each setting without prompting; each with it by its pre-output.
fn parts<'a>(groups: &[Group<'a>]) -> Vec<(String, &'static str, Group<'a>)> {
    let mut all = Vec::new();
    for group in groups {
        let prompts = group.rows.iter().any(|(_, row)| row.pre_output.is_some());
        if !prompts {
            all.push((group.name.to_owned(), "-", group.clone()));
            continue;
        }
        for (name, right) in PARTS {
            let part = group.filtered(|row| right.is_none() || pre_output(row) == right);
            all.push((group.name.to_owned(), name, part));
        }
    }
    all
}

/// Table 1: accuracy by pre-output, raw and balanced.
pub(super) fn table_1(groups: &[Group<'_>], reading: &Reading<'_>) -> Table {
    let all = parts(groups);
    let rows = all.iter().map(|(setting, part, group)| {
        let scores: Scores = reading.scores(group);
        let [accuracy, precision, f1] = scores.balanced();
        let mut cells = vec![
            Cell::text(setting),
            Cell::text(*part),
            Cell::count(scores.num_items),
            Cell::percent(&scores.accuracy),
            Cell::percent(&scores.precision),
            Cell::percent(&scores.recall),
            Cell::percent(&scores.specificity),
            Cell::percent(&scores.f1),
        ];
        cells.extend([accuracy, precision, f1].map(|value| Cell::plain(value, 100.0, 1)));
        cells.into_iter().map(|cell| cell.about(&group.places())).collect()
    });
    let names = [
        "setting",
        "pre-output",
        "n",
        "accuracy",
        "precision",
        "recall",
        "TNR",
        "F1",
        "balanced accuracy",
        "balanced precision",
        "balanced F1",
    ];
    Table {
        id: "table_1".to_owned(),
        title: "Answers by what the model that looked says itself (Tomita et al., Table 1)".to_owned(),
        note: format!(
            "Per cent with 95 % intervals clustered by photo. Balanced: as if there were as many present as absent \
                objects, as their table is: accuracy (TPR + TNR) / 2, precision TPR / (TPR + FPR). Scorer: {}: the \
                first word, everything but Yes and No left out. Rows with a right and a wrong pre-output are about \
                different questions.",
            reading.scorer.id
        ),
        columns: names.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// Table 2: the prompting map against the object's mask, by pre-output; present objects only.
pub(super) fn table_2(groups: &[Group<'_>], photos: &PhotoNumbers<'_>) -> Option<Table> {
    const METRICS: [&str; 4] = ["precision", "recall", "iou", "mse"];
    let mut rows = Vec::new();
    for (setting, part, group) in parts(groups) {
        let present = group.filtered(|row| row.signals.contains_key("prompting_precision"));
        if present.rows.is_empty() {
            continue;
        }
        let mut cells = vec![Cell::text(setting), Cell::text(part), Cell::count(present.rows.len())];
        cells.extend(METRICS.map(|metric| Cell::percent(&of_signal(&present, &format!("prompting_{metric}"), photos))));
        rows.push(cells.into_iter().map(|cell| cell.about(&present.places())).collect());
    }
    (!rows.is_empty()).then(|| Table {
        id: "table_2".to_owned(),
        title: "The prompting map against the object's mask (Tomita et al., Table 2)".to_owned(),
        note: "Present objects only; per cent, mean over questions with 95 % intervals clustered by photo. The 8-bit \
            map at the photo's size, threshold at its mean."
            .to_owned(),
        columns: ["setting", "pre-output", "n", "precision", "recall", "IoU", "MSE"].map(str::to_owned).to_vec(),
        rows,
    })
}

/// The mean of a signal over the rows that have it.
pub(super) fn of_signal(
    group: &Group<'_>,
    name: &str,
    photos: &PhotoNumbers<'_>,
) -> Result<crate::analysis::statistics::Estimate, NoEstimate> {
    let items = group.rows.iter().filter_map(|(_, row)| match row.signals.get(name)? {
        SignalValue::Number(score) => Some(Item { score: *score, photo: photos.get(row) }),
        SignalValue::List(_) => None,
    });
    mean(&items.collect::<Vec<_>>(), MeanError::ByPhoto)
}
