//! What is pointed at and what is held: tokens by position, patches by index.

use crate::analysis::TokenRef as TokenPos;
use crate::ui::core::command::{Elsewhere, Extend};
use std::collections::BTreeSet;

/// Which way the question "who looked at what" is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    /// Tokens are picked, the photo shows where they looked.
    #[default]
    TokensToPatches,
    /// Patches are picked, the tokens show how much they looked there.
    PatchesToTokens,
}

impl Direction {
    /// The other way round.
    #[must_use]
    pub fn swapped(self) -> Self {
        match self {
            Self::TokensToPatches => Self::PatchesToTokens,
            Self::PatchesToTokens => Self::TokensToPatches,
        }
    }
}

/// What is pointed at and what is held: tokens by position, patches by index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Tokens held by a click.
    pub tokens: BTreeSet<TokenPos>,
    /// The token under the pointer.
    pub hovered_token: Option<TokenPos>,
    /// A token of another run held by a click, for which the shown run has none.
    pub elsewhere: Option<Elsewhere>,
    /// Such a token under the pointer.
    pub hovered_elsewhere: Option<Elsewhere>,
    /// Patches held by a click, as row-major indices.
    pub patches: BTreeSet<usize>,
    /// Reading direction.
    pub direction: Direction,
    anchor: Option<TokenPos>,
}

impl Selection {
    /// What is held, whatever the pointer is on.
    pub(in crate::ui) fn held(&self) -> Self {
        Self { hovered_token: None, hovered_elsewhere: None, ..self.clone() }
    }

    /// Holds the same again.
    pub(in crate::ui) fn take_held(&mut self, held: &Self) {
        let (hovered_token, hovered_elsewhere) = (self.hovered_token, self.hovered_elsewhere);
        *self = Self { hovered_token, hovered_elsewhere, ..held.clone() };
    }

    /// Lets go of everything but the direction.
    pub fn clear(&mut self) {
        *self = Self { direction: self.direction, ..Self::default() };
    }

    /// Lets go of the answer's tokens from `token_idx` on: they were taken back.
    pub(in crate::ui) fn let_go_from(&mut self, token_idx: usize) {
        let stands = |pos: &TokenPos| !matches!(pos, TokenPos::Output(idx) if *idx >= token_idx);
        self.tokens.retain(stands);
        self.hovered_token = self.hovered_token.filter(stands);
        self.anchor = self.anchor.filter(stands);
    }

    /// Lets go of tokens of other answers that are gone.
    pub(in crate::ui) fn let_go_elsewhere(&mut self, is_gone: impl Fn(&Elsewhere) -> bool) {
        self.elsewhere = self.elsewhere.filter(|token| !is_gone(token));
        self.hovered_elsewhere = self.hovered_elsewhere.filter(|token| !is_gone(token));
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.patches.is_empty() && self.elsewhere.is_none()
    }

    /// A click on a token. `selectable` lists the tokens in reading order, for ranges.
    pub fn click_token(
        &mut self,
        pos: TokenPos,
        extend: Extend,
        selectable: impl Fn(TokenPos, TokenPos) -> Vec<TokenPos>,
    ) {
        self.elsewhere = None;
        match (extend, self.anchor) {
            (Extend::Range, Some(anchor)) => {
                let (first, last) = (anchor.min(pos), anchor.max(pos));
                self.tokens = selectable(first, last).into_iter().collect();
                return; // the anchor stays: another shift-click moves the other end
            }
            (Extend::Toggle, _) => {
                if !self.tokens.remove(&pos) {
                    self.tokens.insert(pos);
                }
            }
            _ => {
                let only_this = self.tokens.len() == 1 && self.tokens.contains(&pos);
                self.tokens.clear();
                if !only_this {
                    self.tokens.insert(pos);
                }
            }
        }
        self.anchor = Some(pos);
    }

    /// Holds the generated tokens of a word and nothing else; lets go if it is so already.
    pub fn hold_word(&mut self, tokens: std::ops::RangeInclusive<usize>) {
        self.elsewhere = None;
        let anchor = TokenPos::Output(*tokens.start());
        let word: BTreeSet<TokenPos> = tokens.map(TokenPos::Output).collect();
        self.tokens = if self.tokens == word { BTreeSet::new() } else { word };
        self.anchor = Some(anchor);
    }

    /// Where a range begins: the token that was clicked last without Shift.
    pub(in crate::ui) fn anchor(&self) -> Option<TokenPos> {
        self.anchor
    }

    /// Holds these generated tokens; another range may begin where this one did.
    pub(in crate::ui) fn hold_range(&mut self, tokens: std::ops::RangeInclusive<usize>) {
        self.elsewhere = None;
        self.tokens = tokens.map(TokenPos::Output).collect();
    }

    /// Adds the generated tokens of a word to what is held, or takes them out if all of them are.
    pub(in crate::ui) fn toggle_word(&mut self, tokens: std::ops::RangeInclusive<usize>) {
        self.elsewhere = None;
        self.anchor = Some(TokenPos::Output(*tokens.start()));
        let word: BTreeSet<TokenPos> = tokens.map(TokenPos::Output).collect();
        if word.is_subset(&self.tokens) {
            self.tokens.retain(|token| !word.contains(token));
        } else {
            self.tokens.extend(word);
        }
    }

    /// Whether these generated tokens are held and nothing else.
    pub fn holds_word(&self, tokens: &std::ops::RangeInclusive<usize>) -> bool {
        self.tokens.iter().copied().eq(tokens.clone().map(TokenPos::Output))
    }

    /// A click on a token that the shown run does not have: nothing else is held; lets go if it is so already.
    pub fn hold_elsewhere(&mut self, token: Elsewhere) {
        self.tokens.clear();
        self.anchor = None;
        self.elsewhere = if self.elsewhere == Some(token) { None } else { Some(token) };
    }

    /// A click on a patch. Holding one asks who looked there.
    pub fn click_patch(&mut self, patch_idx: usize, extend: Extend) {
        if extend == Extend::Replace {
            let only_this = self.patches.len() == 1 && self.patches.contains(&patch_idx);
            self.patches.clear();
            if !only_this {
                self.patches.insert(patch_idx);
            }
        } else if !self.patches.remove(&patch_idx) {
            self.patches.insert(patch_idx);
        }
        if !self.patches.is_empty() {
            self.direction = Direction::PatchesToTokens;
        }
    }

    /// What the photo shows: the token under the pointer, else the tokens held. Empty means every token of the answer.
    pub fn shown_tokens(&self) -> Vec<TokenPos> {
        match self.hovered_token {
            Some(pos) => vec![pos],
            None => self.tokens.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenPos::Output;

    fn between(first: TokenPos, last: TokenPos) -> Vec<TokenPos> {
        (0..10).map(Output).filter(|pos| (first..=last).contains(pos)).collect()
    }

    fn held(selection: &Selection) -> Vec<TokenPos> {
        selection.tokens.iter().copied().collect()
    }

    #[test]
    fn a_click_holds_and_a_second_click_lets_go() {
        let mut selection = Selection::default();
        selection.click_token(Output(3), Extend::Replace, between);
        assert_eq!(held(&selection), [Output(3)], "held");
        selection.click_token(Output(5), Extend::Replace, between);
        assert_eq!(held(&selection), [Output(5)], "the other one took its place");
        selection.click_token(Output(5), Extend::Replace, between);
        assert!(selection.is_empty(), "clicked again: let go");
    }

    #[test]
    fn ctrl_toggles_and_shift_spans_from_the_last_click() {
        let mut selection = Selection::default();
        selection.click_token(Output(1), Extend::Replace, between);
        selection.click_token(Output(4), Extend::Toggle, between);
        assert_eq!(held(&selection), [Output(1), Output(4)], "both");
        selection.click_token(Output(2), Extend::Range, between);
        assert_eq!(held(&selection), [Output(2), Output(3), Output(4)], "from the anchor 4 back to 2");
        selection.click_token(Output(6), Extend::Range, between);
        assert_eq!(held(&selection), [Output(4), Output(5), Output(6)], "the anchor stayed");
    }

    #[test]
    fn a_word_is_added_and_taken_out_as_a_whole() {
        let mut selection = Selection::default();
        selection.hold_word(1..=2);
        selection.click_token(Output(5), Extend::Toggle, between);
        selection.toggle_word(4..=6);
        assert_eq!(held(&selection), [1, 2, 4, 5, 6].map(Output), "its other pieces came to the one that was held");
        selection.toggle_word(4..=6);
        assert_eq!(held(&selection), [1, 2].map(Output), "all of it taken out");
        assert_eq!(selection.anchor(), Some(Output(4)), "a range begins there");
    }

    #[test]
    fn hovering_shows_without_letting_go() {
        let mut selection = Selection::default();
        selection.click_token(Output(1), Extend::Replace, between);
        selection.hovered_token = Some(Output(7));
        assert_eq!(selection.shown_tokens(), [Output(7)], "the pointer previews");
        selection.hovered_token = None;
        assert_eq!(selection.shown_tokens(), [Output(1)], "the click is still there");
    }

    #[test]
    fn patches_toggle() {
        let mut selection = Selection::default();
        selection.click_patch(4, Extend::Replace);
        selection.click_patch(9, Extend::Toggle);
        assert_eq!(selection.patches.iter().copied().collect::<Vec<_>>(), [4, 9], "both held");
        assert_eq!(selection.direction, Direction::PatchesToTokens, "the question is who looked there");
        selection.click_patch(4, Extend::Toggle);
        assert_eq!(selection.patches.iter().copied().collect::<Vec<_>>(), [9], "one let go");
        selection.clear();
        assert!(selection.is_empty(), "escape lets go");
    }
}
