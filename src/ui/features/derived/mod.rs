//! Numbers made from a trace for the window, kept until what they depend on changes.
//!
//! A long answer of a large model holds hundreds of millions of probabilities. [`Derived::advance`] therefore takes a
//! slice of time: it makes what is looked at first, the rest frame by frame, and says whether there is more to do.

mod caption;
mod chips;
mod compare;
mod contrast;
mod grid;
mod shown;
mod token_maps;

pub(in crate::ui) use caption::place_and_unit;
pub use caption::{axis_label, format_share, format_value, share_words, sum_words, token_label};
pub use chips::ChipColours;
pub use compare::{ComparedColumn, Comparison, Comparisons, Difference};
pub use contrast::{ContrastMarks, FlippedChoice, Recorded};
pub use grid::{GridMaps, GridValues};
pub use shown::ShownMap;
pub(in crate::ui) use shown::{content_key, unit as unit_of};
pub(in crate::ui) use token_maps::selection_of;
pub use token_maps::{TokenMap, TokenMaps};

use crate::analysis::TokenSet;
use crate::trace::{OutputToken, Trace};
use crate::ui::features::truth::TruthNumbers;
use crate::ui::features::{AppState, TokenPos};
use std::time::{Duration, Instant};

/// Numbers made from a trace for the window, kept until what they depend on changes.
#[derive(Debug, Default)]
pub struct Derived {
    /// A map for every token.
    pub tokens: TokenMaps,
    /// Every layer and head for the shown tokens.
    pub grid: GridMaps,
    /// The map on the photo.
    pub shown: Option<ShownMap>,
    /// Colours of the chips.
    pub chips: Option<ChipColours>,
    /// What a contrastive strategy did to the shown answer.
    pub contrast: Option<ContrastMarks>,
    /// Runs side by side.
    pub compare: Comparisons,
    /// What is shown against what is known about the image.
    pub truth: TruthNumbers,
}

impl Derived {
    /// Lets go of everything but what is compared; the tables that words are looked up in stay, they are dear to make.
    fn clear(&mut self) {
        self.tokens = TokenMaps::default();
        self.grid = GridMaps::default();
        self.shown = None;
        self.chips = None;
        self.contrast = None;
        self.truth.clear();
    }

    /// Brings everything up to date within `budget`, and what is looked at in any case. Returns whether there is more
    /// to do.
    pub fn advance(&mut self, state: &AppState, budget: Duration) -> bool {
        let deadline = Instant::now() + budget;
        let Some(run) = state.current_run().filter(|run| run.trace.is_some()) else {
            self.clear();
            return self.compare.advance(state, &TokenMaps::default(), self.truth.extractor(), deadline);
        };
        let wanted = wanted_tokens(state);
        let more_maps = self.tokens.advance(run, &state.view, &wanted, deadline);
        // A slice of its own, as below: the grid must not wait for every map of the answer.
        let more_cells = self.grid.advance(run, &state.view, &wanted, deadline.max(Instant::now() + budget / 2));
        self.shown = shown::update(self.shown.take(), state, run, &self.tokens, &wanted);
        self.chips = Some(chips::update(self.chips.take(), state, run, &self.tokens));
        self.contrast = contrast::update(self.contrast.take(), state, run);
        // A slice of its own: the columns must not wait for every map of the shown answer.
        let more_columns = self.compare.advance(
            state,
            &self.tokens,
            self.truth.extractor(),
            deadline.max(Instant::now() + budget / 2),
        );
        let more_masks = self.truth.advance(state, run, self.shown.as_ref(), deadline);
        more_maps || more_cells || more_columns || more_masks
    }
}

/// The tokens whose attention is shown: pointed at, held, or else every word of the answer.
pub fn wanted_tokens(state: &AppState) -> Vec<TokenPos> {
    let shown = state.selection.shown_tokens();
    if !shown.is_empty() {
        return shown;
    }
    let Some(trace) = state.current_run().and_then(|run| run.trace.as_ref()) else { return Vec::new() };
    words_with_rows(trace)
}

/// Every word of an answer that has a map.
fn words_with_rows(trace: &Trace) -> Vec<TokenPos> {
    TokenSet::words(trace).map(TokenPos::Output).collect()
}

/// The token pointed at or the last one held; while the answer grows and nothing is held, the newest. A finished answer
/// has no such token: the photo shows all of them then, and any one here would speak of something else.
pub(in crate::ui) fn candidates_subject<'a>(state: &AppState, trace: &'a Trace) -> Option<(usize, &'a OutputToken)> {
    let shown = state.selection.shown_tokens();
    let output = |pos: &TokenPos| if let TokenPos::Output(idx) = pos { Some(*idx) } else { None };
    let growing = state.current_run().is_some_and(|run| run.phase.is_active());
    let idx = if shown.is_empty() && growing {
        trace.output.len().checked_sub(1)
    } else {
        shown.iter().filter_map(output).next_back()
    };
    idx.and_then(|idx| Some((idx, trace.output.get(idx)?)))
}

#[expect(clippy::cast_possible_truncation, reason = "probabilities, shown with four digits")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, RunId};
    use crate::ui::core::command::{Command, Extend};
    use crate::ui::core::settings::{ChipQuantity, RangeMode};
    use crate::ui::features::Direction;
    use crate::ui::features::testing::{GRID, answered, row, token};

    const AMPLE: Duration = Duration::from_secs(20);

    fn shown(derived: &Derived) -> Vec<f32> {
        let map = derived.shown.as_ref().and_then(|shown| shown.map.as_ref().ok());
        map.map(|map| map.values.to_vec()).unwrap_or_default()
    }

    #[test]
    fn without_time_the_map_looked_at_is_made_all_the_same() {
        let mut state = answered();
        state.apply(Command::ClickToken(TokenPos::Output(2), Extend::Replace));
        let mut derived = Derived::default();
        let more = derived.advance(&state, Duration::ZERO);
        assert!(more, "the other tokens wait");
        assert_eq!(shown(&derived).len(), GRID.len(), "the held token is shown");
        while derived.advance(&state, Duration::from_millis(1)) {}
        assert_eq!(derived.tokens.answer().count(), 3, "in the end all are made");
    }

    #[test]
    fn the_mean_over_the_answer_is_the_mean_of_its_tokens() {
        let mut state = answered();
        state.apply(Command::JumpTo { layer_idx: 0, head_idx: 0 });
        let mut derived = Derived::default();
        derived.advance(&state, AMPLE);
        // Rows of 0.02, 0.04 and 0.06 times the patch's number, in layer 0 and head 0 as they are.
        for (idx, value) in shown(&derived).iter().enumerate() {
            let expected = 0.04 * (idx + 1) as f32;
            assert!((value - expected).abs() < 1e-6, "patch {idx}: expected {expected}, found {value}");
        }
    }

    #[test]
    fn unchanged_selections_keep_the_same_map() {
        let state = answered();
        let mut derived = Derived::default();
        derived.advance(&state, AMPLE);
        let key = |derived: &Derived| derived.grid.values().map(|values| values.key);
        let before = (shown(&derived), key(&derived));
        derived.advance(&state, AMPLE);
        assert_eq!((shown(&derived), key(&derived)), before, "nothing is uploaded again");
    }

    #[test]
    fn the_names_of_maps_are_never_given_to_others() {
        let mut state = answered();
        let mut derived = Derived::default();
        let mut seen: Vec<(u64, Vec<f32>)> = Vec::new();
        let mut look = |derived: &mut Derived, state: &AppState| {
            derived.advance(state, AMPLE);
            let Some(values) = derived.grid.values() else { return };
            let same = seen.iter().find(|(key, _)| *key == values.key);
            assert!(same.is_none_or(|(_, before)| before[..] == values.values[..]), "a stale texture would be drawn");
            seen.push((values.key, values.values.to_vec()));
        };
        look(&mut derived, &state);
        // A question that has no numbers yet, then the first answer again, read in another way.
        state.apply(Command::AskThis("Another?".to_owned()));
        look(&mut derived, &state);
        state.apply(Command::ShowRun(RunId(1)));
        for idx in 0..3 {
            state.apply(Command::ClickToken(TokenPos::Output(idx), Extend::Replace));
            look(&mut derived, &state);
        }
        let mut view = state.view;
        view.source = crate::ui::features::Source::VISION;
        state.apply(Command::SetView(view));
        look(&mut derived, &state);
    }

    #[test]
    fn the_grid_goes_on_as_the_answer_grows() {
        let mut state = answered();
        let mut derived = Derived::default();
        derived.advance(&state, AMPLE);
        state.receive(Event::Token(RunId(1), Box::new(token(" more")), Some(row(0.08))), 9.0);
        derived.advance(&state, AMPLE);
        let grown = derived.grid.values().map(|values| values.image_shares.clone()).unwrap_or_default();
        let mut fresh = Derived::default();
        fresh.advance(&state, AMPLE);
        let all = fresh.grid.values().map(|values| values.image_shares.clone()).unwrap_or_default();
        assert!(!grown.is_empty() && grown.len() == all.len(), "both have values");
        for (a, b) in grown.iter().zip(&all) {
            assert!((a - b).abs() < 1e-6, "going on and starting anew agree: {a} and {b}");
        }
    }

    /// A token of a model of 32 layers and 32 heads over 24 x 24 patches, and the trace that it belongs to.
    fn large() -> (Trace, std::sync::Arc<crate::trace::AttentionRow>) {
        const SIDE: usize = 32;
        let mut trace = crate::ui::features::testing::trace();
        let grid = crate::geometry::PatchGrid { rows: 24, cols: 24 };
        let text = trace.prompt[0].clone();
        let image = crate::trace::PromptToken { image: true, special: false, ..text.clone() };
        let prompt = std::iter::once(text.clone()).chain(std::iter::repeat_n(image, grid.len())).chain([text]);
        trace.prompt = prompt.collect();
        trace.image_token_span.len = grid.len();
        trace.layout = std::sync::Arc::new(crate::geometry::ModelView { grid, ..trace.run.view }.into());
        (trace.num_hidden_layers, trace.num_attention_heads) = (SIDE, SIDE);
        let keys = trace.prompt.len();
        let values = vec![1.0 / keys as f32; SIDE * SIDE * keys];
        let precision = crate::trace::RowPrecision::F16;
        let row = crate::trace::AttentionRow::new(SIDE, SIDE, keys, values, precision).expect("the sizes match");
        (trace, std::sync::Arc::new(row))
    }

    #[test]
    fn layers_and_heads_fill_while_a_large_model_answers() {
        let mut state = crate::ui::features::testing::loaded();
        let (trace, row) = large();
        state.apply(Command::AskThis("What?".to_owned()));
        state.receive(Event::Started(RunId(1), Box::new(trace)), 0.0);
        let mut derived = Derived::default();
        let mut filled_at = None;
        // A slow machine: a token a frame, and no time in any of them.
        for frame in 1..=12 {
            let token = Event::Token(RunId(1), Box::new(token(" word")), Some(std::sync::Arc::clone(&row)));
            state.receive(token, f64::from(frame));
            derived.advance(&state, Duration::ZERO);
            if derived.grid.values().is_some() {
                filled_at.get_or_insert(frame);
            }
        }
        assert!(filled_at.is_some_and(|frame| frame <= 3), "filled in the first frames, not {filled_at:?}");
        assert_eq!(derived.grid.progress(), None, "it keeps up with a token a frame");
        for frame in 13..=18 {
            let token = Event::Token(RunId(1), Box::new(token(" word")), Some(std::sync::Arc::clone(&row)));
            state.receive(token, f64::from(frame));
        }
        derived.advance(&state, Duration::ZERO);
        let (done, all) = derived.grid.progress().expect("six at once are too many for a frame");
        assert!((13..18).contains(&done) && all == 18, "it says of how many the mean is: {done} of {all}");
        while derived.advance(&state, Duration::from_millis(5)) {}
        assert_eq!(derived.grid.progress(), None, "all are in");
        let share = derived.grid.values().and_then(|values| values.image_shares.first().copied()).unwrap_or_default();
        assert!((share - 576.0 / 578.0).abs() < 1e-3, "of every head: {share}");
    }

    #[test]
    fn a_shared_range_covers_the_brightest_token() {
        let mut state = answered();
        state.apply(Command::ClickToken(TokenPos::Output(0), Extend::Replace));
        let mut derived = Derived::default();
        derived.advance(&state, AMPLE);
        let own = derived.shown.as_ref().map_or(0.0, |shown| shown.range[1]);
        state.colour.range_mode = RangeMode::SharedOverTokens;
        derived.advance(&state, AMPLE);
        let shared = derived.shown.as_ref().map_or(0.0, |shown| shown.range[1]);
        assert!((shared / own - 3.0).abs() < 1e-3, "the last token is three times as bright: {own} and {shared}");
    }

    #[test]
    fn words_are_coloured_by_what_is_asked() {
        let mut state = answered();
        state.apply(Command::JumpTo { layer_idx: 0, head_idx: 0 });
        let mut derived = Derived::default();
        let first =
            |derived: &Derived| derived.chips.as_ref().and_then(|chips| chips.output.first().copied().flatten());
        derived.advance(&state, AMPLE);
        assert!(first(&derived).is_some_and(|share| (share - 0.2).abs() < 1e-6), "0.02 times 1 + 2 + 3 + 4");
        state.apply(Command::SetChips(ChipQuantity::Probability));
        derived.advance(&state, AMPLE);
        assert!(first(&derived).is_some_and(|p| (p - (-0.5_f32).exp()).abs() < 1e-6), "the probability");
        state.apply(Command::ClickPatch(3, Extend::Replace));
        derived.advance(&state, AMPLE);
        assert_eq!(state.selection.direction, Direction::PatchesToTokens, "patches ask for words");
        assert!(first(&derived).is_some_and(|value| (value - 0.08).abs() < 1e-6), "0.02 times 4 on the last patch");
        assert!(derived.chips.as_ref().is_some_and(ChipColours::is_reverse), "and the legend says so");
    }

    #[test]
    fn a_token_without_a_row_says_what_to_do() {
        let mut state = answered();
        state.apply(Command::ClickToken(TokenPos::Prompt(5), Extend::Replace));
        let mut derived = Derived::default();
        derived.advance(&state, AMPLE);
        let why = derived.shown.and_then(|shown| shown.map.err()).unwrap_or_default();
        assert!(why.contains("ask again"), "a way out: {why}");
    }
}
