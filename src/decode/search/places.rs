//! Where everything else in an answer leans on one token: columns of attention, and places counted.

use crate::decode::method::{HeadRows, OverTrust};
use std::sync::Arc;

/// What one token of the answer attends to: the largest of all heads, each over the sum over all keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenRow {
    /// The answer's tokens up to itself.
    answer: Vec<f64>,
    /// All image tokens together.
    pub(super) on_image: f64,
}

impl TokenRow {
    pub(super) fn new(rows: &HeadRows, prompt_len: usize, how: &OverTrust) -> Self {
        let mut largest = vec![0.0_f64; rows.key_len];
        for head in rows.heads() {
            for (largest, p) in largest.iter_mut().zip(head) {
                *largest = largest.max(f64::from(*p));
            }
        }
        let sum: f64 = largest.iter().sum();
        let share = |p: &f64| p / sum.max(f64::MIN_POSITIVE);
        let on_image = largest.get(how.image.range()).unwrap_or_default().iter().map(share).sum();
        Self { answer: largest.get(prompt_len..).unwrap_or_default().iter().map(share).collect(), on_image }
    }

    fn at(&self, token: usize) -> f64 {
        self.answer.get(token).copied().unwrap_or_default()
    }
}

/// Logarithms of the products of the columns of an answer, from each token's own row down.
pub(super) struct Columns {
    first: usize,
    sums: Vec<f64>,
}

impl Columns {
    /// Of an answer whose next token is looked at: the columns within the window.
    pub(super) fn new(rows: &[Arc<TokenRow>], how: &OverTrust) -> Self {
        let len = rows.len() + 1;
        let first = len.saturating_sub(how.window);
        let column =
            |token: usize| -> f64 { rows.iter().skip(token).map(|row| (how.scale * row.at(token)).ln()).sum() };
        Self { first, sums: (first..len).map(column).collect() }
    }

    /// The largest product with the row of a candidate, and the token whose column it is: the first of equals.
    pub(super) fn largest(&self, candidate: &TokenRow, how: &OverTrust) -> (f64, usize) {
        let mut best = (f64::NEG_INFINITY, self.first);
        for (token, sum) in (self.first..).zip(&self.sums) {
            let sum = sum + (how.scale * candidate.at(token)).ln();
            if sum > best.0 {
                best = (sum, token);
            }
        }
        // A column's product is the logarithm's exponential; beyond every logit it is as good as the largest number. A
        // factor of 0 leaves nothing even of one that has no number.
        let product = if how.factor > 0.0 { how.factor * best.0.exp() } else { 0.0 };
        (product.min(f64::from(f32::MAX) / 4.0), best.1)
    }
}

/// The most frequent; the smallest of equals.
pub(super) fn mode(values: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(value, count)| (*count, std::cmp::Reverse(*value))).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TokenSpan;

    fn how(window: usize) -> OverTrust {
        OverTrust {
            beams: 2,
            candidates: 2,
            scale: 10.0,
            threshold: 1,
            weight: 1.0,
            warm_up: 0,
            factor: 0.5,
            window,
            by_slot: false,
            last_layer_idx: 0,
            image: TokenSpan { start: 1, len: 2 },
        }
    }

    #[test]
    fn rows_are_the_largest_heads_over_their_sum() {
        let rows = HeadRows { key_len: 4, values: vec![0.5, 0.2, 0.1, 0.2, 0.1, 0.3, 0.5, 0.1] };
        // 0.5, 0.3, 0.5, 0.2 of 1.5.
        let row = TokenRow::new(&rows, 3, &how(9));
        assert!((row.on_image - 0.8 / 1.5).abs() < 1e-6 && (row.at(0) - 0.2 / 1.5).abs() < 1e-6, "{row:?}");
    }

    #[test]
    fn columns_worked_by_hand() {
        let row = |answer: &[f64]| TokenRow { answer: answer.to_vec(), on_image: 0.0 };
        let rows = [row(&[0.1]), row(&[0.3, 0.2])].map(Arc::new);
        let candidate = row(&[0.2, 0.4, 0.3]);
        // Column 0: 1 x 3 x 2; column 1: 2 x 4; column 2: 3.
        let columns = |window| Columns::new(&rows, &how(window)).largest(&candidate, &how(window));
        let (found, place) = columns(9);
        assert!((found - 4.0).abs() < 1e-9 && place == 1, "half of 8 at token 1, found {found} at {place}");
        let (found, place) = columns(1);
        assert!((found - 1.5).abs() < 1e-9 && place == 2, "half of 3 in a window of one, found {found} at {place}");
        let none = OverTrust { scale: 0.0, ..how(2) };
        assert_eq!(Columns::new(&rows, &none).largest(&candidate, &none), (0.0, 1), "the first of equals");
    }

    #[test]
    fn a_factor_of_0_is_no_penalty_whatever_the_product() {
        // 1e4 to the 100th is no f64.
        let rows: Vec<_> = (0..99).map(|_| Arc::new(TokenRow { answer: vec![1.0], on_image: 0.0 })).collect();
        let candidate = TokenRow { answer: vec![1.0], on_image: 0.0 };
        let largest = |how: &OverTrust| Columns::new(&rows, how).largest(&candidate, how);
        let strong = OverTrust { scale: 1e4, ..how(512) };
        assert!(largest(&strong).0 > 1e30, "beyond every logit");
        assert_eq!(largest(&OverTrust { factor: 0.0, ..strong }), (0.0, 0), "nothing of it");
    }

    #[test]
    fn a_mode_is_the_smallest_of_the_most_frequent() {
        assert_eq!(mode([3, 1, 3, 1, 2].into_iter()), Some(1), "two of each");
        assert_eq!(mode([3, 1, 3].into_iter()), Some(3), "more of them");
        assert_eq!(mode(std::iter::empty()), None, "none");
    }
}
