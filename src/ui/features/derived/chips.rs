//! What colours the token chips.

use crate::analysis::{base_rank, elbow_k};
use crate::engine::RunId;
use crate::ui::core::settings::{ChipQuantity, LayerHead};
use crate::ui::features::derived::token_maps::TokenMaps;
use crate::ui::features::{AppState, Direction, Normalisation, Reduce, Run, TokenPos};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq)]
struct Key {
    run: RunId,
    version: u64,
    made: usize,
    choice: LayerHead,
    suppress_sink: bool,
    quantity: ChipQuantity,
    normalisation: Normalisation,
    patches: Option<BTreeSet<usize>>,
}

/// One value for every token that has one, and what the values are.
#[derive(Debug, Clone)]
pub struct ChipColours {
    key: Key,
    /// Of the answer's tokens.
    pub output: Vec<Option<f32>>,
    /// Values at the two ends of the colour scale.
    pub range: [f32; 2],
    /// What is shown, in words, for the legend.
    pub title: String,
}

impl ChipColours {
    /// Whether the colours answer "who looked at these patches".
    pub fn is_reverse(&self) -> bool {
        self.key.patches.is_some()
    }
}

/// The values for this state; those from before if nothing changed.
pub(super) fn update(before: Option<ChipColours>, state: &AppState, run: &Run, maps: &TokenMaps) -> ChipColours {
    let patches = &state.selection.patches;
    let reverse = state.selection.direction == Direction::PatchesToTokens && !patches.is_empty();
    let key = Key {
        run: run.id,
        version: run.version,
        made: maps.made(),
        choice: state.view.decoder,
        suppress_sink: state.view.suppress_sink,
        quantity: state.chips,
        normalisation: state.view.normalisation,
        patches: reverse.then(|| patches.clone()),
    };
    match before {
        Some(before) if before.key == key => before,
        _ => make(key, run, maps),
    }
}

fn make(key: Key, run: &Run, maps: &TokenMaps) -> ChipColours {
    let tokens = run.trace.as_ref().map_or(&[][..], |trace| &trace.output);
    let of_map = |value: &dyn Fn(&super::TokenMap) -> f32| -> Vec<Option<f32>> {
        let map = |idx| maps.get(TokenPos::Output(idx)).and_then(Result::ok);
        (0..tokens.len()).map(|idx| map(idx).map(value)).collect()
    };
    let place = super::axis_label("layer", key.choice.layer);
    let place = format!("{place}, {}", super::axis_label("head", key.choice.head));
    let largest = [key.choice.layer.reduce, key.choice.head.reduce].contains(&Some(Reduce::Max));
    let (output, title, range) = if let Some(patches) = &key.patches {
        let share = key.normalisation == Normalisation::ImageShare;
        let output = of_map(&|map| {
            let sum: f64 = patches.iter().filter_map(|idx| map.values.get(*idx)).map(|value| f64::from(*value)).sum();
            let whole = f64::from(map.image_share);
            super::narrow(if share && whole > 0.0 { (sum / whole).min(1.0) } else { sum })
        });
        let count = patches.len();
        let what = match (share, largest && count > 1) {
            (true, _) => "share of the token's image attention",
            (false, true) => "largest attention of each patch, summed (no share: can exceed 1)",
            (false, false) => "attention probability",
        };
        let noun = if count == 1 { "patch" } else { "patches" };
        (output, format!("How much each token looked at the {count} selected {noun}: {what}, {place}"), Range::FromZero)
    } else {
        match key.quantity {
            ChipQuantity::ImageShare => (of_map(&|map| map.image_share), super::share_words(key.choice), Range::Tight),
            ChipQuantity::Probability => {
                let output = tokens.iter().map(|token| Some(token.logprob.exp())).collect();
                (output, "Probability of the chosen token".to_owned(), Range::Unit)
            }
            ChipQuantity::Entropy => {
                let output = tokens.iter().map(|token| Some(token.entropy_nats)).collect();
                (output, "Entropy of the choice, nats".to_owned(), Range::FromZero)
            }
            ChipQuantity::ElbowK => {
                let output = tokens.iter().map(|token| elbow_k(token).map(|k| k as f32)).collect();
                (output, "Elbow k: candidates that stand out, of the recorded ones".to_owned(), Range::FromZero)
            }
            ChipQuantity::BaseRank => {
                let output = tokens.iter().map(|token| base_rank(token).map(|rank| rank as f32)).collect();
                let title = "Base rank: of the model's choice among those of the words alone".to_owned();
                (output, title, Range::FromZero)
            }
        }
    };
    ChipColours { key, range: range.of(&output), output, title }
}

/// Where a quantity's colour scale ends.
enum Range {
    /// 0 to the largest.
    FromZero,
    /// The smallest to the largest: image attention hardly varies, and near 0 is none.
    Tight,
    /// 0 to 1.
    Unit,
}

impl Range {
    fn of(self, values: &[Option<f32>]) -> [f32; 2] {
        let max = values.iter().flatten().copied().fold(0.0_f32, f32::max);
        match self {
            Self::Unit => [0.0, 1.0],
            Self::FromZero => [0.0, max],
            Self::Tight => [values.iter().flatten().copied().fold(max, f32::min), max],
        }
    }
}
