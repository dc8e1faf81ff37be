//! Which numbers are shown: source, layer, head, normalisation; and in which colours.

use crate::analysis::{MapRequest, MapSource as Source, Normalisation, Pick, Reduce};
use crate::render::HeatStyle;
use serde::{Deserialize, Serialize};

/// A choice along an axis. The index is kept while a mean is shown, so that switching back returns to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "written::Axis", into = "written::Axis")]
pub struct Axis {
    /// 0-based.
    pub idx: usize,
    /// How all become one; `None` for the one at the index.
    pub reduce: Option<Reduce>,
}

impl Default for Axis {
    fn default() -> Self {
        Self { idx: 0, reduce: Some(Reduce::Mean) }
    }
}

impl Axis {
    /// As requests have it.
    pub fn pick(self) -> Pick {
        self.reduce.map_or(Pick::One(self.idx), Pick::All)
    }

    /// The index kept within `count`.
    #[must_use]
    pub fn clamped(self, count: usize) -> Self {
        Self { idx: self.idx.min(count.saturating_sub(1)), ..self }
    }

    /// The next or previous one; from a mean or max it goes to the kept index first.
    #[must_use]
    pub fn stepped(self, step: isize, count: usize) -> Self {
        let kept = self.clamped(count);
        let idx = if self.reduce.is_none() { kept.idx.saturating_add_signed(step) } else { kept.idx };
        Self { idx, reduce: None }.clamped(count)
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

impl LayerHead {
    /// The raw map of a source with so many layers, and heads a layer; `None` where it has none of what is chosen.
    pub fn request(self, source: Source, [num_layers, num_heads]: [usize; 2]) -> Option<MapRequest> {
        let is_there = |axis: Axis, count: usize| count > 0 || axis.reduce.is_some();
        (is_there(self.layer, num_layers) && is_there(self.head, num_heads)).then(|| MapRequest {
            source,
            layers: self.layer.clamped(num_layers).pick(),
            heads: self.head.clamped(num_heads).pick(),
            ..MapRequest::default()
        })
    }
}

/// Which numbers are shown: source, layer, head, normalisation; and in which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewState {
    /// Whose attention.
    #[serde(with = "written::source")]
    pub source: Source,
    /// Which vision encoder, for a source that is one's: 0 is the first.
    #[serde(skip_serializing_if = "crate::analysis::is_first")]
    pub encoder: usize,
    /// In the decoder.
    pub decoder: LayerHead,
    /// In the vision encoder.
    pub vision: LayerHead,
    /// How several tokens are put together.
    #[serde(with = "written::Reduce")]
    pub tokens: Reduce,
    /// Divided by what.
    #[serde(with = "written::Normalisation")]
    pub normalisation: Normalisation,
    /// Leave the first position's attention out and let the others sum to 1 again (decoder only).
    pub suppress_sink: bool,
}

impl ViewState {
    /// Layer and head of the shown source.
    pub fn layer_head(&self) -> LayerHead {
        if self.source.is_encoder() { self.vision } else { self.decoder }
    }

    /// The same, to change.
    pub fn layer_head_mut(&mut self) -> &mut LayerHead {
        if self.source.is_encoder() { &mut self.vision } else { &mut self.decoder }
    }
}

/// The words of session files, which are older than those of requests.
mod written {
    use crate::analysis;
    use crate::ui::core::settings::view::{Deserialize, Serialize};

    /// `Decoder`, `Vision`: the names of sources, their first letter large.
    pub(super) mod source {
        use crate::analysis::{MapSource, SOURCES};
        use serde::{Deserialize, Deserializer, Serializer, de};

        fn with_first(text: &str, first: impl Fn(char) -> char) -> String {
            text.chars().enumerate().map(|(idx, letter)| if idx == 0 { first(letter) } else { letter }).collect()
        }

        #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
        pub(in crate::ui) fn serialize<S: Serializer>(source: &MapSource, to: S) -> Result<S::Ok, S::Error> {
            let id = source.entry().id;
            // Only the first sessions' own are written so.
            let is_old = SOURCES.iter().any(|entry| entry.id == id);
            to.serialize_str(&if is_old { with_first(id, |first| first.to_ascii_uppercase()) } else { id.to_owned() })
        }

        pub(in crate::ui) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MapSource, D::Error> {
            let written = String::deserialize(from)?;
            let id = with_first(&written, |first| first.to_ascii_lowercase());
            MapSource::by_id(&written)
                .or_else(|| MapSource::by_id(&id))
                .ok_or_else(|| de::Error::custom(format!("expected a source of maps, found {written}")))
        }
    }

    #[derive(Serialize, Deserialize)]
    #[serde(remote = "analysis::Reduce")]
    pub(super) enum Reduce {
        // One of several tokens is their mean.
        #[serde(alias = "One")]
        Mean,
        Max,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(remote = "analysis::Normalisation")]
    pub(super) enum Normalisation {
        Raw,
        #[serde(rename = "ShareOfImage")]
        ImageShare,
    }

    #[derive(Clone, Serialize, Deserialize)]
    pub(super) struct Axis {
        idx: usize,
        reduce: OneOrAll,
    }

    #[derive(Clone, Copy, Serialize, Deserialize)]
    enum OneOrAll {
        One,
        Mean,
        Max,
    }

    impl From<super::Axis> for Axis {
        fn from(super::Axis { idx, reduce }: super::Axis) -> Self {
            let reduce = match reduce {
                None => OneOrAll::One,
                Some(analysis::Reduce::Mean) => OneOrAll::Mean,
                Some(analysis::Reduce::Max) => OneOrAll::Max,
            };
            Self { idx, reduce }
        }
    }

    impl From<Axis> for super::Axis {
        fn from(Axis { idx, reduce }: Axis) -> Self {
            let reduce = match reduce {
                OneOrAll::One => None,
                OneOrAll::Mean => Some(analysis::Reduce::Mean),
                OneOrAll::Max => Some(analysis::Reduce::Max),
            };
            Self { idx, reduce }
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
    /// A typed range belongs to the numbers it was typed for: of another model's it would show nothing, or everything.
    /// Returns whether there was one.
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
    /// How many candidates stand out.
    ElbowK,
    /// Rank of the model's choice among those of the words alone, where it was measured.
    BaseRank,
}

impl ChipQuantity {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] = [Self::ImageShare, Self::Probability, Self::Entropy, Self::ElbowK, Self::BaseRank];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_written_in_the_words_of_the_first_sessions() {
        let text = r#"{"source":"Vision","decoder":{"layer":{"idx":3,"reduce":"One"},"head":{"idx":0,"reduce":"Max"}},"vision":{"layer":{"idx":0,"reduce":"Mean"},"head":{"idx":1,"reduce":"Mean"}},"tokens":"Max","normalisation":"ShareOfImage","suppress_sink":true}"#;
        let view: ViewState = serde_json::from_str(text).expect("as it was written");
        let layer = Axis { idx: 3, reduce: None };
        assert_eq!((view.source, view.decoder.layer, view.tokens), (Source::VISION, layer, Reduce::Max), "read");
        assert_eq!(serde_json::to_string(&view).expect("plain data"), text, "written the same");
        let one: ViewState = serde_json::from_str(r#"{"tokens":"One"}"#).expect("an old word");
        assert_eq!(one, ViewState::default(), "one of several tokens is their mean");
    }

    #[test]
    fn stepping_leaves_a_mean_for_the_kept_index() {
        let axis = Axis { idx: 2, reduce: Some(Reduce::Mean) };
        let one = axis.stepped(1, 6);
        assert_eq!(one, Axis { idx: 2, reduce: None }, "first the kept index");
        assert_eq!(one.stepped(1, 6).idx, 3, "then on");
        assert_eq!(one.stepped(-1, 6).idx, 1, "and back");
    }

    #[test]
    fn stepping_stops_at_the_ends() {
        let last = Axis { idx: 5, reduce: None };
        assert_eq!(last.stepped(1, 6).idx, 5, "no layer beyond the last");
        assert_eq!(Axis { idx: 0, reduce: None }.stepped(-1, 6).idx, 0, "nor before the first");
        assert_eq!(last.stepped(1, 0).idx, 0, "a model without layers does not panic");
    }

    #[test]
    fn a_trace_has_the_sources_that_were_recorded() {
        let state = crate::ui::features::testing::answered();
        let mut trace = state.current_run().and_then(|run| run.trace.clone()).expect("an answer");
        let there = |trace: &crate::trace::Trace| {
            let all = [Source::DECODER, Source::VISION, Source::RECEIVED, Source::NORMS];
            all.into_iter().filter(|source| source.is_in(trace, 0)).collect::<Vec<_>>()
        };
        assert_eq!(there(&trace), [Source::DECODER, Source::VISION, Source::NORMS], "an encoder with [CLS]");
        let mut vision = (**trace.vision.as_ref().expect("recorded")).clone();
        vision.received_attention = std::mem::take(&mut vision.cls_attention);
        trace.vision = Some(std::sync::Arc::new(vision));
        assert_eq!(there(&trace), [Source::DECODER, Source::RECEIVED, Source::NORMS], "one without");
        trace.vision = None;
        assert_eq!(there(&trace), [Source::DECODER], "nothing of it recorded");
    }

    #[test]
    fn each_source_keeps_its_own_layer() {
        let mut view = ViewState::default();
        view.layer_head_mut().layer.idx = 3;
        view.source = Source::VISION;
        view.layer_head_mut().layer.idx = 5;
        assert_eq!((view.decoder.layer.idx, view.vision.layer.idx), (3, 5), "both are remembered");
    }
}
