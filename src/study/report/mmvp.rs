//! Pairs that are right together only.
//!
//! **Source**: MMVP (arXiv 2401.06209). **Differs**: their answers are graded by GPT-4; here a choice counts as right
//! where its letter, or its words, are what the answer says, which is the same for everybody and costs nothing.

use super::groups::{Group, PhotoNumbers};
use super::table::{Cell, Table};
use crate::analysis::statistics::{Item, MeanError, mean, wilson};
use crate::study::row::AnswerRow;
use std::collections::BTreeMap;

/// The letter of a choice such as `(a)`.
fn letter(text: &str) -> Option<char> {
    let trimmed = text.trim().trim_start_matches('(');
    let mut letters = trimmed.chars();
    let first = letters.next().filter(char::is_ascii_alphabetic)?.to_ascii_lowercase();
    // "A dog" is no choice.
    letters.next().is_none_or(|next| !next.is_alphanumeric() && !next.is_whitespace()).then_some(first)
}

/// The words of the choice with that letter in a question: `(a) Open (b) Closed`.
fn words_of(question: &str, choice: char) -> Option<String> {
    let lower = question.to_lowercase();
    let start = lower.rfind(&format!("({choice})"))? + 3;
    let rest = lower.get(start..)?;
    let end = ('a'..='h').filter_map(|other| rest.find(&format!("({other})"))).min().unwrap_or(rest.len());
    Some(rest.get(..end)?.trim().trim_end_matches(['.', '?']).to_owned()).filter(|words| !words.is_empty())
}

/// Whether an answer chooses what is expected; `None` where it chooses nothing that can be read.
pub(super) fn is_right(row: &AnswerRow) -> Option<bool> {
    let (answer, expected) = (row.answer.as_deref()?, row.expected.as_deref()?);
    let wanted = letter(expected)?;
    if let Some(found) = letter(answer) {
        return Some(found == wanted);
    }
    let lower = answer.to_lowercase();
    let says = |choice: char| words_of(&row.prompt, choice).is_some_and(|words| lower.contains(&words));
    let said: Vec<char> =
        ('a'..='h').filter(|choice| lower.contains(&format!("({choice})")) || says(*choice)).collect();
    match said.as_slice() {
        [one] => Some(*one == wanted),
        _ => None,
    }
}

/// One row a setting.
pub(super) fn pairs(groups: &[Group<'_>], photos: &PhotoNumbers<'_>) -> Table {
    let rows = groups.iter().map(|group| {
        let mut pairs: BTreeMap<(u64, u64), Vec<bool>> = BTreeMap::new();
        let mut items = Vec::new();
        let mut unread = 0;
        for (_, row) in &group.rows {
            let right = is_right(row);
            unread += usize::from(right.is_none());
            items.push(Item { score: f64::from(u8::from(right == Some(true))), photo: photos.get(row) });
            if let Some(pair) = row.pair {
                pairs.entry((pair, row.seed)).or_default().push(right == Some(true));
            }
        }
        let whole = pairs.values().filter(|answers| answers.len() == 2);
        let both = whole.clone().filter(|answers| answers.iter().all(|right| *right)).count();
        let places = group.places();
        let cells = [
            Cell::text(group.name),
            Cell::count(group.rows.len()),
            Cell::count(whole.clone().count()),
            Cell::percent(&wilson(both as u64, whole.count() as u64)),
            Cell::percent(&mean(&items, MeanError::ByPhoto)),
            Cell::count(unread),
        ];
        cells.into_iter().map(|cell| cell.about(&places)).collect()
    });
    Table {
        id: "mmvp".to_owned(),
        title: "Pairs with both answers right (MMVP)".to_owned(),
        note: "Per cent with 95 % intervals (pairs: Wilson). A choice is read from its letter or, without one, from \
            its words; an answer that chooses nothing, or several, is wrong and counted as unread. Chance: 25 % of \
            pairs."
            .to_owned(),
        columns: ["setting", "questions", "pairs", "pairs right", "answers right", "unread"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(answer: &str, expected: &str) -> AnswerRow {
        AnswerRow {
            prompt: "Are the wings open? (a) Open (b) Closed".to_owned(),
            answer: Some(answer.to_owned()),
            expected: Some(expected.to_owned()),
            ..AnswerRow::default()
        }
    }

    #[test]
    fn a_choice_is_read_from_its_letter_or_its_words() {
        for (answer, expected, right) in [
            ("(a) Open", "(a)", Some(true)),
            ("b", "(a)", Some(false)),
            ("A.", "(a)", Some(true)),
            ("The wings are closed.", "(b)", Some(true)),
            ("The answer is (b).", "(b)", Some(true)),
            ("A butterfly", "(a)", None),
            ("open or closed", "(a)", None),
        ] {
            assert_eq!(is_right(&row(answer, expected)), right, "{answer}");
        }
    }
}
