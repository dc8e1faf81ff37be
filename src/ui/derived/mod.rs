//! Numbers made from a trace for the window, kept until what they depend on changes.
//!
//! A long answer of a large model holds hundreds of millions of probabilities. [`Derived::advance`] therefore takes a slice of time: it makes
//! what is looked at first, the rest frame by frame, and says whether there is more to do.

mod caption;
mod chips;
mod grid;
mod shown;
mod token_maps;

pub use caption::{axis_label, format_share, format_value, token_label};
pub use chips::ChipColours;
pub use grid::{GridMaps, GridValues};
pub use shown::ShownMap;
pub use token_maps::{TokenMap, TokenMaps};

use crate::ui::state::{AppState, TokenPos};
use std::time::{Duration, Instant};

/// See the module's documentation.
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
}

impl Derived {
    /// Brings everything up to date within `budget`, and what is looked at in any case. Returns whether there is more to do.
    pub fn advance(&mut self, state: &AppState, budget: Duration) -> bool {
        let deadline = Instant::now() + budget;
        let Some(run) = state.current_run().filter(|run| run.trace.is_some()) else {
            *self = Self::default();
            return false;
        };
        let wanted = wanted_tokens(state);
        let more_maps = self.tokens.advance(run, &state.view, &wanted, deadline);
        let more_cells = self.grid.advance(run, &state.view, &wanted, deadline);
        self.shown = shown::update(self.shown.take(), state, run, &self.tokens, &wanted);
        self.chips = Some(chips::update(self.chips.take(), state, run, &self.tokens));
        more_maps || more_cells
    }
}

/// The tokens whose attention is shown: pointed at, held, or else every word of the answer.
pub fn wanted_tokens(state: &AppState) -> Vec<TokenPos> {
    let shown = state.selection.shown_tokens();
    if !shown.is_empty() {
        return shown;
    }
    let Some(trace) = state.current_run().and_then(|run| run.trace.as_ref()) else { return Vec::new() };
    let words = trace.output.iter().enumerate().take(trace.decoder_attention.len());
    words.filter(|(_, token)| !token.special).map(|(idx, _)| TokenPos::Output(idx)).collect()
}
