//! Which numbers are shown: source, layer, head, normalisation; and in which colours.

use crate::render::HeatStyle;
use crate::trace::{Trace, VisionAttention};
use serde::{Deserialize, Serialize};

/// Whose attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Source {
    /// The decoder, when it chose a token.
    #[default]
    Decoder,
    /// The vision encoder's `[CLS]` token.
    Vision,
    /// All queries of a vision encoder without `[CLS]`: what its patches receive.
    Received,
    /// Nobody's: how large the states of the vision encoder's patches are.
    Norms,
}

impl Source {
    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decoder => "Decoder",
            Self::Vision => "Vision [CLS]",
            Self::Received => "Received attention",
            Self::Norms => "Patch norms",
        }
    }

    /// One line about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::Decoder => "Where the decoder looked when it chose the selected tokens",
            Self::Vision => "Where the vision encoder's [CLS] token looked; the same for every token",
            Self::Received => {
                "What each patch received in the vision encoder, which has no [CLS]: the mean over all queries"
            }
            Self::Norms => {
                "L2 norms of the patches' states after a layer of the vision encoder: outliers are the large ones"
            }
        }
    }

    /// Whether it is the vision encoder's.
    pub fn is_encoder(self) -> bool {
        self != Self::Decoder
    }

    /// Whether a trace has it.
    pub fn is_in(self, trace: &Trace) -> bool {
        let vision = trace.vision.as_deref();
        match self {
            Self::Decoder => trace.has_decoder(),
            Self::Vision => vision.is_some_and(VisionAttention::has_cls),
            Self::Received => vision.is_some_and(|vision| !vision.has_cls()),
            Self::Norms => vision.is_some_and(|vision| !vision.patch_norms.is_empty()),
        }
    }
}

/// What happens along an axis (layers, heads, tokens).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Reduce {
    /// One of them.
    One,
    /// The mean of all.
    #[default]
    Mean,
    /// The largest of all, patch by patch.
    Max,
}

/// A choice along an axis. The index is kept while a mean is shown, so that switching back returns to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Axis {
    /// 0-based.
    pub idx: usize,
    /// One, mean or max.
    pub reduce: Reduce,
}

impl Axis {
    /// The index kept within `count`.
    #[must_use]
    pub fn clamped(self, count: usize) -> Self {
        Self { idx: self.idx.min(count.saturating_sub(1)), ..self }
    }

    /// The next or previous one; from a mean or max it goes to the kept index first.
    #[must_use]
    pub fn stepped(self, step: isize, count: usize) -> Self {
        let kept = self.clamped(count);
        let idx = if self.reduce == Reduce::One { kept.idx.saturating_add_signed(step) } else { kept.idx };
        Self { idx, reduce: Reduce::One }.clamped(count)
    }
}

/// Layer and head of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct LayerHead {
    /// Layers.
    pub layer: Axis,
    /// Heads.
    pub head: Axis,
}

/// What a value is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Normalisation {
    /// By nothing: the softmax probability over all keys.
    #[default]
    Raw,
    /// By the sum over all patches, after layers, heads and tokens were put together.
    ShareOfImage,
}

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewState {
    /// Whose attention.
    pub source: Source,
    /// In the decoder.
    pub decoder: LayerHead,
    /// In the vision encoder.
    pub vision: LayerHead,
    /// How several tokens are put together ([`Reduce::One`] counts as mean).
    pub tokens: Reduce,
    /// Divided by what.
    pub normalisation: Normalisation,
    /// Leave the first position's attention out and let the others sum to 1 again (decoder only).
    pub suppress_sink: bool,
}

impl ViewState {
    /// Layer and head of the shown source.
    pub fn layer_head(&self) -> LayerHead {
        match self.source {
            Source::Decoder => self.decoder,
            Source::Vision | Source::Received | Source::Norms => self.vision,
        }
    }

    /// The same, to change.
    pub fn layer_head_mut(&mut self) -> &mut LayerHead {
        match self.source {
            Source::Decoder => &mut self.decoder,
            Source::Vision | Source::Received | Source::Norms => &mut self.vision,
        }
    }
}

/// Where the ends of the colour scale come from.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum RangeMode {
    /// 0 to the largest value of the shown map.
    #[default]
    PerMap,
    /// 0 to the largest value over all tokens of the answer: maps of different tokens can be compared.
    SharedOverTokens,
    /// Typed in.
    Fixed,
}

/// Colours of the overlay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColourSettings {
    /// Colour map, gamma, opacity, alpha ramp, resampling; its range is filled in from `range_mode`.
    pub style: HeatStyle,
    /// Where the range comes from.
    pub range_mode: RangeMode,
    /// The typed range.
    pub fixed_range: [f32; 2],
    /// Whether the overlay is drawn.
    pub overlay_visible: bool,
    /// Whether the patches' borders are drawn.
    pub patch_grid_visible: bool,
}

impl Default for ColourSettings {
    fn default() -> Self {
        Self {
            // Low values clear: the photo stays legible where nobody looked.
            style: HeatStyle { alpha_ramp: 0.9, opacity: 0.85, ..HeatStyle::default() },
            range_mode: RangeMode::default(),
            fixed_range: [0.0, 0.05],
            overlay_visible: true,
            patch_grid_visible: false,
        }
    }
}

impl ColourSettings {
    /// A typed range belongs to the numbers it was typed for: of another model's it would show nothing, or everything. Returns whether there was one.
    pub fn forget_fixed_range(&mut self) -> bool {
        let fixed = self.range_mode == RangeMode::Fixed;
        if fixed {
            self.range_mode = RangeMode::PerMap;
        }
        fixed
    }
}

/// What colours the token chips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ChipQuantity {
    /// Attention on the image, summed over patches, in the shown layer and head.
    #[default]
    ImageShare,
    /// Probability of the chosen token.
    Probability,
    /// Entropy of the distribution it was chosen from.
    Entropy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stepping_leaves_a_mean_for_the_kept_index() {
        let axis = Axis { idx: 2, reduce: Reduce::Mean };
        let one = axis.stepped(1, 6);
        assert_eq!(one, Axis { idx: 2, reduce: Reduce::One }, "first the kept index");
        assert_eq!(one.stepped(1, 6).idx, 3, "then on");
        assert_eq!(one.stepped(-1, 6).idx, 1, "and back");
    }

    #[test]
    fn stepping_stops_at_the_ends() {
        let last = Axis { idx: 5, reduce: Reduce::One };
        assert_eq!(last.stepped(1, 6).idx, 5, "no layer beyond the last");
        assert_eq!(Axis { idx: 0, reduce: Reduce::One }.stepped(-1, 6).idx, 0, "nor before the first");
        assert_eq!(last.stepped(1, 0).idx, 0, "a model without layers does not panic");
    }

    #[test]
    fn a_trace_has_the_sources_that_were_recorded() {
        let state = crate::ui::state::testing::answered();
        let mut trace = state.current_run().and_then(|run| run.trace.clone()).expect("an answer");
        let there = |trace: &Trace| {
            let all = [Source::Decoder, Source::Vision, Source::Received, Source::Norms];
            all.into_iter().filter(|source| source.is_in(trace)).collect::<Vec<_>>()
        };
        assert_eq!(there(&trace), [Source::Decoder, Source::Vision, Source::Norms], "an encoder with [CLS]");
        let mut vision = (**trace.vision.as_ref().expect("recorded")).clone();
        vision.received_attention = std::mem::take(&mut vision.cls_attention);
        trace.vision = Some(std::sync::Arc::new(vision));
        assert_eq!(there(&trace), [Source::Decoder, Source::Received, Source::Norms], "one without");
        trace.vision = None;
        assert_eq!(there(&trace), [Source::Decoder], "nothing of it recorded");
    }

    #[test]
    fn each_source_keeps_its_own_layer() {
        let mut view = ViewState::default();
        view.layer_head_mut().layer.idx = 3;
        view.source = Source::Vision;
        view.layer_head_mut().layer.idx = 5;
        assert_eq!((view.decoder.layer.idx, view.vision.layer.idx), (3, 5), "both are remembered");
    }
}
