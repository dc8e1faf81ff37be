//! Layers and heads by how well their attention on the image tells grounded from hallucinated words.

use super::groups::{Group, PhotoNumbers};
use super::table::{Cell, Table};
use crate::analysis::statistics::{LabelledItem, auroc};
use crate::study::row::AnswerRow;
use crate::study::signals::SignalValue;
use sha2::{Digest as _, Sha256};

/// Rows of the table, from either end.
const MOST_HEADS: usize = 10;

/// A word with what every head spends on the image.
struct Word<'a> {
    row: usize,
    photo: usize,
    is_grounded: bool,
    shares: &'a [f32],
    random: f64,
}

fn words<'a>(group: &Group<'a>, photos: &PhotoNumbers<'_>) -> Vec<Word<'a>> {
    let mut all = Vec::new();
    for (idx, row) in &group.rows {
        for word in row.words.iter().filter(|word| word.status != "unknown") {
            let Some(SignalValue::List(shares)) = word.signals.get("head_image_share") else { continue };
            all.push(Word {
                row: *idx,
                photo: photos.get(row),
                is_grounded: word.status == "grounded",
                shares,
                random: random(row, word.bytes[0]),
            });
        }
    }
    all
}

/// A number that knows nothing of the word: the same in every run.
fn random(row: &AnswerRow, byte: usize) -> f64 {
    let digest = Sha256::digest(format!("{} {byte}", row.key).as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    u64::from_le_bytes(first) as f64 / u64::MAX as f64
}

/// The heads at both ends of the ranking, layers' means, and a random score. Positive class: grounded words.
pub(super) fn ranking(groups: &[Group<'_>], photos: &PhotoNumbers<'_>, layers: Option<usize>) -> Option<Table> {
    let mut rows = Vec::new();
    for group in groups {
        let words = words(group, photos);
        let Some(num_heads) = words.iter().map(|word| word.shares.len()).min().filter(|len| *len > 0) else { continue };
        let area = |score: &dyn Fn(&Word<'_>) -> f64| {
            let items: Vec<LabelledItem> = words
                .iter()
                .map(|word| LabelledItem { score: score(word), is_positive: word.is_grounded, photo: word.photo })
                .collect();
            auroc(&items)
        };
        let mut named: Vec<(String, _, Option<usize>)> = Vec::new();
        let of_layer = layers.filter(|layers| *layers > 0).map(|layers| num_heads / layers);
        for head in 0..num_heads {
            let name = match of_layer {
                Some(heads) if heads > 0 => format!("layer {}, head {}", head / heads, head % heads),
                _ => format!("head {head}"),
            };
            let found = area(&|word| word.shares.get(head).map_or(0.0, |share| f64::from(*share)));
            named.push((name, found, Some(head)));
        }
        let value = |one: &(String, Result<crate::analysis::statistics::Auroc, _>, Option<usize>)| {
            one.1.as_ref().map_or(0.5, |found| found.by_photo.value)
        };
        named.sort_by(|a, b| value(b).total_cmp(&value(a)));
        let last = named.split_off(named.len().saturating_sub(MOST_HEADS).max(named.len().min(MOST_HEADS)));
        named.truncate(MOST_HEADS);
        named.extend(last);
        let mean =
            |word: &Word<'_>| word.shares.iter().map(|share| f64::from(*share)).sum::<f64>() / word.shares.len() as f64;
        named.push(("mean of all heads".to_owned(), area(&mean), None));
        named.push(("random score".to_owned(), area(&|word| word.random), None));
        for (name, found, head) in named {
            let (positives, negatives) = found.as_ref().map_or((0, 0), |one| (one.num_positives, one.num_negatives));
            let cells = [
                Cell::text(group.name),
                Cell::text(name),
                Cell::count(positives),
                Cell::count(negatives),
                Cell::area(&found.map(|one| one.by_photo)),
            ];
            let ends = head.map_or_else(Vec::new, |head| ends(&words, head));
            rows.push(cells.into_iter().map(|cell| cell.about(&ends)).collect());
        }
    }
    (!rows.is_empty()).then(|| Table {
        id: "heads".to_owned(),
        title: "Heads by how well their attention on the image tells grounded from hallucinated words".to_owned(),
        note: format!(
            "AUROC with 95 % intervals clustered by photo; positive class: grounded words; 0.5 is chance. The \
                {MOST_HEADS} best and the {MOST_HEADS} last heads of all; the best of many heads is lucky, too: \
                compare with the random score, and on other photos."
        ),
        columns: ["setting", "score", "grounded", "hallucinated", "AUROC"].map(str::to_owned).to_vec(),
        rows,
    })
}

/// The answers whose words lie at both ends of a head's scores.
fn ends(words: &[Word<'_>], head: usize) -> Vec<usize> {
    const EACH: usize = 10;
    let mut order: Vec<&Word<'_>> = words.iter().collect();
    let share = |word: &Word<'_>| word.shares.get(head).copied().unwrap_or(0.0);
    order.sort_by(|a, b| share(b).total_cmp(&share(a)));
    let mut rows: Vec<usize> =
        order.iter().take(EACH).chain(order.iter().rev().take(EACH)).map(|word| word.row).collect();
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| seen.insert(*row));
    rows
}
