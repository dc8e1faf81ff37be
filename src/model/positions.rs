//! Where the tokens of a branch stand, as data of the branch: what the rotary embedding turns by.

use std::ops::Range;

/// Positions of a prompt's tokens and, by counting on, of those behind it.
///
/// A family says them with its embeddings: most count from 0; some put all tokens of an image in one place or count
/// from 1; multimodal rotary embedding has three rows (time, height, width).
///
/// **Source** of three rows: Wang et al., Qwen2-VL, arXiv:2409.12191, section 2.1; transformers,
/// `modeling_qwen2_vl.py`, `get_rope_index`. There, too, what is decoded goes on from the largest position of all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions {
    /// Of every token: time, height, width; three times the same where there is one row.
    places: Vec<[usize; 3]>,
    num_rows: usize,
    /// Of the first token behind them.
    next: usize,
}

impl Positions {
    /// 0, 1, 2, ...: the place in the sequence.
    pub fn counted(len: usize) -> Self {
        Self::one_row(0..len)
    }

    /// One position a token.
    pub fn one_row(positions: impl IntoIterator<Item = usize>) -> Self {
        Self::of(positions.into_iter().map(|position| [position; 3]).collect(), 1)
    }

    /// Three positions a token: time, height, width.
    pub fn three_rows(places: Vec<[usize; 3]>) -> Self {
        Self::of(places, 3)
    }

    fn of(places: Vec<[usize; 3]>, num_rows: usize) -> Self {
        let next = places.iter().flatten().max().map_or(0, |largest| largest.saturating_add(1));
        Self { places, num_rows, next }
    }

    /// Tokens that have a position of their own.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// 1, or 3 for multimodal rotary embedding.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Time, height and width of the token at a place in the sequence; those behind the last count on from the largest.
    pub fn at(&self, idx: usize) -> [usize; 3] {
        let behind = || [self.next.saturating_add(idx.saturating_sub(self.places.len())); 3];
        self.places.get(idx).copied().unwrap_or_else(behind)
    }

    /// Those of a part of the sequence, which may reach behind its end.
    #[must_use]
    pub fn range(&self, range: Range<usize>) -> Self {
        Self::of(range.map(|idx| self.at(idx)).collect(), self.num_rows)
    }

    /// How many of the first `most` tokens stand where another sequence's do.
    pub fn shared(&self, other: &Self, most: usize) -> usize {
        let both = self.num_rows == other.num_rows;
        if both { (0..most).take_while(|idx| self.at(*idx) == other.at(*idx)).count() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_behind_the_prompt_count_on_from_the_largest_position() {
        let plain = Positions::counted(4);
        assert_eq!((plain.at(3), plain.at(4), plain.at(6)), ([3; 3], [4; 3], [6; 3]), "the place in the sequence");
        // Two words, an image of 1 x 2 x 2, a word.
        let three = Positions::three_rows(vec![[0; 3], [1; 3], [2, 2, 2], [2, 2, 3], [2, 3, 2], [2, 3, 3], [4; 3]]);
        assert_eq!((three.at(4), three.at(7), three.at(9)), ([2, 3, 2], [5; 3], [7; 3]), "after the word");
        let ends_in_image = three.range(0..6);
        assert_eq!(ends_in_image.at(6), [4; 3], "the largest of any row");
        assert_eq!(Positions::one_row([5, 5, 9]).at(3), [10; 3], "shifted ones go on as well");
        assert_eq!(Positions::counted(0).at(2), [2; 3], "nothing before them");
    }

    #[test]
    fn a_range_is_what_is_there_and_what_would_follow() {
        let all = Positions::one_row([3, 4, 4, 8]);
        assert_eq!(all.range(2..6), Positions::one_row([4, 8, 9, 10]), "over the end");
        assert_eq!(all.range(5..6).at(0), [10; 3], "a decoded token");
        assert_eq!(all.shared(&Positions::one_row([3, 4, 5, 8]), 4), 2, "up to the first that differs");
        assert_eq!(Positions::counted(2).shared(&Positions::counted(5), 9), 9, "both count on alike");
        assert_eq!(Positions::counted(2).shared(&Positions::three_rows(vec![[0; 3], [1; 3]]), 2), 0, "other rows");
    }
}
