//! Tables of captions: CHAIR, and DAMRO's H and F.

use super::groups::{Group, PhotoNumbers};
use super::table::{Cell, Table};
use crate::analysis::statistics::{Estimate, Item, MeanError, NoEstimate, PhotoRatio, mean, ratio};
use crate::study::row::{AnswerRow, WordRow};
use crate::study::signals::{SignalValue, Signals};
use std::collections::BTreeMap;

/// Quotient of sums over photos; captions without ground truth take no part.
fn pooled(
    group: &Group<'_>,
    photos: &PhotoNumbers<'_>,
    of: impl Fn(&AnswerRow) -> (usize, usize),
) -> Result<Estimate, NoEstimate> {
    let mut sums: BTreeMap<usize, PhotoRatio> = BTreeMap::new();
    for (_, row) in group.rows.iter().filter(|(_, row)| row.hallucinated.is_some()) {
        let (above, below) = of(row);
        let sum = sums.entry(photos.get(row)).or_insert(PhotoRatio { numerator: 0.0, denominator: 0.0, num_items: 0 });
        sum.numerator += above as f64;
        sum.denominator += below as f64;
        sum.num_items += below;
    }
    ratio(&sums.into_values().collect::<Vec<_>>())
}

fn hallucinated(row: &AnswerRow) -> usize {
    row.words.iter().filter(|word| word.status == "hallucinated").count()
}

/// CHAIR of every setting.
pub(super) fn chair(groups: &[Group<'_>], photos: &PhotoNumbers<'_>) -> Table {
    let rows = groups.iter().map(|group| {
        let judged = group.filtered(|row| row.hallucinated.is_some());
        let wrong = group.filtered(|row| row.hallucinated == Some(true));
        let items: Vec<Item> = judged
            .rows
            .iter()
            .map(|(_, row)| Item { score: f64::from(u8::from(row.hallucinated == Some(true))), photo: photos.get(row) })
            .collect();
        let mean_of = |of: fn(&AnswerRow) -> Option<usize>| {
            let values =
                judged.rows.iter().filter_map(|(_, row)| Some(Item { score: of(row)? as f64, photo: photos.get(row) }));
            mean(&values.collect::<Vec<_>>(), MeanError::ByPhoto)
        };
        let cells = vec![
            Cell::text(group.name),
            Cell::count(judged.rows.len()),
            Cell::percent(&mean(&items, MeanError::ByPhoto)).about(&wrong.places()),
            Cell::percent(&pooled(group, photos, |row| (hallucinated(row), row.words.len()))).about(&wrong.places()),
            Cell::percent(&pooled(group, photos, |row| row.objects.map_or((0, 0), |[all, named]| (named, all)))),
            Cell::number(&mean_of(|row| row.num_words), 1),
            Cell::number(&mean_of(|row| Some(row.words.len())), 2),
            Cell::count(group.rows.len() - judged.rows.len()),
        ];
        let places = judged.places();
        cells.into_iter().map(|cell| if cell.rows.is_empty() { cell.about(&places) } else { cell }).collect()
    });
    let names =
        ["setting", "captions", "CHAIRs", "CHAIRi", "recall", "words a caption", "mentions a caption", "without truth"];
    Table {
        id: "chair".to_owned(),
        title: "Captions by the objects that they name (CHAIR)".to_owned(),
        note: "Per cent with 95 % intervals clustered by photo. CHAIRs: captions with an object that is not there; \
            CHAIRi: mentions of such objects among all mentions; recall: objects of the photos that are named. \
            Captions of photos without ground truth take no part."
            .to_owned(),
        columns: names.map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

/// Hallucinated words by category: the commonest first.
pub(super) fn inventions(groups: &[Group<'_>]) -> Option<Table> {
    let mut rows = Vec::new();
    for group in groups {
        let mut of: BTreeMap<&str, (usize, usize, Vec<usize>)> = BTreeMap::new();
        for (idx, row) in &group.rows {
            for word in row.words.iter().filter(|word| word.status != "unknown") {
                let entry = of.entry(&word.category).or_default();
                entry.0 += 1;
                if word.status == "hallucinated" {
                    entry.1 += 1;
                    entry.2.push(*idx);
                }
            }
        }
        let mut of: Vec<_> = of.into_iter().filter(|(_, (_, wrong, _))| *wrong > 0).collect();
        of.sort_by(|a, b| b.1.1.cmp(&a.1.1).then_with(|| a.0.cmp(b.0)));
        rows.extend(of.into_iter().map(|(category, (all, wrong, places))| {
            let cells = [
                Cell::text(group.name),
                Cell::text(category),
                Cell::count(all),
                Cell::count(wrong),
                Cell::plain(Some(wrong as f64 / all as f64), 100.0, 1),
            ];
            cells.into_iter().map(|cell| cell.about(&places)).collect()
        }));
    }
    (!rows.is_empty()).then(|| Table {
        id: "inventions".to_owned(),
        title: "Objects that captions invent".to_owned(),
        note: "Mentions by category, and those of them whose object is not in the photo.".to_owned(),
        columns: ["setting", "category", "mentions", "hallucinated", "per cent"].map(str::to_owned).to_vec(),
        rows,
    })
}

fn number(signals: &Signals, name: &str, place: Option<usize>) -> Option<f64> {
    match (signals.get(name)?, place) {
        (SignalValue::Number(number), None) => Some(*number),
        (SignalValue::List(list), Some(place)) => list.get(place).map(|value| f64::from(*value)),
        _ => None,
    }
}

/// H and F of object words and of captions, hallucinated against not (DAMRO, Figure 4 and its table).
pub(super) fn damro(groups: &[Group<'_>], photos: &PhotoNumbers<'_>) -> Option<Table> {
    const RANKS: [usize; 4] = [1, 3, 5, 10];
    let mut rows = Vec::new();
    for group in groups {
        for variant in ["unsplit", "mean"] {
            for unit in ["word", "caption"] {
                for is_wrong in [true, false] {
                    let (signals, places) = units(group, unit, is_wrong);
                    if signals.is_empty() {
                        continue;
                    }
                    let of = |name: &str, place: Option<usize>| {
                        let items = signals.iter().filter_map(|(row, signals)| {
                            Some(Item { score: number(signals, name, place)?, photo: photos.get(row) })
                        });
                        mean(&items.collect::<Vec<_>>(), MeanError::ByPhoto)
                    };
                    let mut cells = vec![
                        Cell::text(group.name),
                        Cell::text(if variant == "unsplit" {
                            "one unsplit head (as published)"
                        } else {
                            "mean over heads"
                        }),
                        Cell::text(unit),
                        Cell::text(if is_wrong { "hallucinated" } else { "not" }),
                        Cell::count(signals.len()),
                    ];
                    cells.extend(RANKS.map(|rank| Cell::number(&of(&format!("h_{variant}"), Some(rank - 1)), 3)));
                    cells.push(Cell::number(&of(&format!("f_{variant}"), None), 4));
                    rows.push(cells.into_iter().map(|cell| cell.about(&places)).collect());
                }
            }
        }
    }
    let mut columns: Vec<String> = ["setting", "[CLS] attention", "unit", "class", "n"].map(str::to_owned).to_vec();
    columns.extend(RANKS.map(|rank| format!("H_{rank}")));
    columns.push("F".to_owned());
    (!rows.is_empty()).then(|| Table {
        id: "damro".to_owned(),
        title: "The decoder's attention on the encoder's outlier patches (DAMRO)".to_owned(),
        note:
            "Means with 95 % intervals clustered by photo. H_i: overlap of the i largest patches of [CLS] and of the \
            decoder; F: the decoder's attention on the three largest of [CLS], as part of its attention on the image. \
            Decoder: mean over heads and layers from the third on; a word: its tokens; a caption: all its tokens, \
            hallucinated if one of its objects is."
                .to_owned(),
        columns,
        rows,
    })
}

type Units<'a> = (Vec<(&'a AnswerRow, &'a Signals)>, Vec<usize>);

fn units<'a>(group: &Group<'a>, unit: &str, is_wrong: bool) -> Units<'a> {
    let (mut signals, mut places) = (Vec::new(), Vec::new());
    let wanted = |word: &&WordRow| word.status == if is_wrong { "hallucinated" } else { "grounded" };
    for (idx, row) in &group.rows {
        let before = signals.len();
        if unit == "word" {
            signals.extend(row.words.iter().filter(wanted).map(|word| (*row, &word.signals)));
        } else if row.hallucinated == Some(is_wrong) {
            signals.push((*row, &row.signals));
        }
        if signals.len() > before {
            places.push(*idx);
        }
    }
    (signals, places)
}
