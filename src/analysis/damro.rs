//! DAMRO's question: does the decoder look at the patches that the vision encoder's `[CLS]` piles its attention on?
//!
//! `H_i` and `F` ([`super::overlap`], [`super::attention_on_top`]) of the selected tokens beside those of the answer's
//! other tokens, for both readings of the encoder's attention. **Source**: DAMRO (Gong et al. 2024), section 3; the
//! decoder's layers and the reduction over heads are not published, so they are a choice here: mean over heads, mean
//! over layers from the third on.

use super::{
    AnalysisError, MapOptions, Normalisation, Pick, Reduce, Selection, TokenRef, TokenSet, attention_on_top,
    decoder_map, overlap, top_patches, vision_map,
};
use crate::ids::LayerIdx;
use crate::trace::{Trace, VisionAttention};

/// How the encoder's heads become one map of `[CLS]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClsVariant {
    /// DAMRO's code: queries and keys before they are split into heads, one head as wide as the model. Very peaked.
    Unsplit,
    /// Softmax for each head, then their mean, as the encoder itself attends.
    HeadMean,
}

impl ClsVariant {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Unsplit, Self::HeadMean];

    /// Name in output, as in the strategy's `cls`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Unsplit => "unsplit",
            Self::HeadMean => "mean",
        }
    }

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unsplit => "One unsplit head (as published)",
            Self::HeadMean => "Mean over heads",
        }
    }
}

/// What the figures are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DamroOptions {
    /// Layer of the encoder.
    pub vision_layer_idx: LayerIdx,
    /// Layers and heads of the decoder.
    pub decoder: Selection,
    /// Largest `i` of `H_i`.
    pub up_to: usize,
    /// Outliers that `F` takes.
    pub count: usize,
}

impl DamroOptions {
    /// The layer whose output the projector takes (the last but one of CLIP, as published), decoder layers from the
    /// third on with means over heads and layers, `H_1` to `H_10`, `F` of 3.
    pub fn of(trace: &Trace) -> Result<Self, AnalysisError> {
        let vision = trace.vision.as_deref().ok_or(AnalysisError::NoVision)?;
        let layer = |idx, count| LayerIdx::clamped(idx, count).ok_or(AnalysisError::NothingSelected { what: "layer" });
        let count = trace.num_hidden_layers;
        let layers = Pick::Span { first: layer(2, count)?, last: layer(usize::MAX, count)?, reduce: Reduce::Mean };
        Ok(Self {
            vision_layer_idx: layer(vision.feature_layer_idx, vision.num_hidden_layers)?,
            decoder: Selection { layers, heads: Pick::All(Reduce::Mean) },
            up_to: 10,
            count: 3,
        })
    }

    /// The decoder's part in words: "mean over heads and layers 2 to 31".
    pub fn decoder_words(&self) -> String {
        let how = |reduce: Reduce| if reduce == Reduce::Max { "max" } else { "mean" };
        let heads = match self.decoder.heads {
            Pick::One(head_idx) => format!("head {}", head_idx.get()),
            Pick::Span { first, last, reduce } => {
                format!("{} over heads {} to {}", how(reduce), first.get(), last.get())
            }
            Pick::All(reduce) => format!("{} over heads", how(reduce)),
        };
        let alike = self.decoder.heads.reduce() == self.decoder.layers.reduce();
        let also = |reduce: Reduce| if alike { " and".to_owned() } else { format!(", {} over", how(reduce)) };
        match self.decoder.layers {
            Pick::One(layer_idx) => format!("{heads}, layer {}", layer_idx.get()),
            // A decoder of one or two layers has no third.
            Pick::Span { first, last, .. } if first == last => format!("{heads}, layer {}", first.get()),
            Pick::Span { first, last, reduce } => {
                format!("{heads}{} layers {} to {}", also(reduce), first.get(), last.get())
            }
            Pick::All(reduce) => format!("{heads}{} layers", also(reduce)),
        }
    }
}

/// Mean and quartiles, linear between neighbours as `numpy.quantile`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// A quarter lies below.
    pub low: f64,
    /// Half lies below.
    pub median: f64,
    /// Three quarters lie below.
    pub high: f64,
}

impl Spread {
    /// Of at least one number.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let quantile = |part: f64| {
            let at = part * last as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between the first and the last"
            )]
            let below = at.floor() as usize;
            let (a, b) = (values.get(below)?, values.get((below + 1).min(last))?);
            Some(a + (b - a) * at.fract())
        };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(Self { mean, low: quantile(0.25)?, median: quantile(0.5)?, high: quantile(0.75)? })
    }
}

/// The figures for one reading of the encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlierAgreement {
    /// Which reading.
    pub variant: ClsVariant,
    /// The layers and heads that they are made from.
    pub options: DamroOptions,
    /// The encoder's largest patches, largest first, `up_to` of them.
    pub outliers: Vec<usize>,
    /// The decoder's largest patches for the selected tokens, likewise.
    pub decoder_top: Vec<usize>,
    /// `H_i` of the selected tokens for `i` from 1.
    pub overlap: Vec<f64>,
    /// `F` of the selected tokens; `None` if they did not look at the image.
    pub on_top: Option<f64>,
    /// `F` of attention that is the same everywhere.
    pub on_top_by_chance: f64,
    /// The answer's other tokens that are counted: those with a row, without special ones.
    pub num_others: usize,
    /// Their `H_i`, in the order of [`OutlierAgreement::overlap`]; empty when there are none.
    pub others_overlap: Vec<Spread>,
    /// Their `F`.
    pub others_on_top: Option<Spread>,
}

/// Patches of the encoder's `[CLS]` in one layer.
pub fn cls_map(trace: &Trace, layer_idx: LayerIdx, variant: ClsVariant) -> Result<Vec<f32>, AnalysisError> {
    match variant {
        // Received attention is not that of [CLS].
        ClsVariant::HeadMean if !trace.vision.as_deref().is_some_and(VisionAttention::has_cls) => {
            Err(AnalysisError::NoVision)
        }
        ClsVariant::HeadMean => {
            let selection = Selection { layers: Pick::One(layer_idx), heads: Pick::All(Reduce::Mean) };
            Ok(vision_map(trace, selection, Normalisation::Raw)?.values)
        }
        ClsVariant::Unsplit => {
            let vision = trace.vision.as_deref().ok_or(AnalysisError::NoVision)?;
            let count = vision.num_hidden_layers;
            if layer_idx.get() >= count {
                return Err(AnalysisError::OutOfRange { what: "layer", count, found: layer_idx.get() });
            }
            unsplit(vision, layer_idx)
        }
    }
}

fn unsplit(vision: &VisionAttention, layer_idx: LayerIdx) -> Result<Vec<f32>, AnalysisError> {
    let row = vision.unsplit(layer_idx);
    if row.len() == vision.num_patches { Ok(row.to_vec()) } else { Err(AnalysisError::NoUnsplit) }
}

/// The figures of the selected tokens against the answer's others.
pub fn damro(
    trace: &Trace,
    tokens: &TokenSet,
    options: &DamroOptions,
    variant: ClsVariant,
) -> Result<OutlierAgreement, AnalysisError> {
    let vision = cls_map(trace, options.vision_layer_idx, variant)?;
    let selected = decoder_map(trace, tokens, options.decoder, MapOptions::default())?.values;
    if vision.len() != selected.len() {
        return Err(AnalysisError::WrongShape { what: "patches", expected: vision.len(), found: selected.len() });
    }
    let mut curves: Vec<Vec<f64>> = Vec::new();
    let mut on_tops = Vec::new();
    for (idx, token) in trace.output.iter().enumerate().take(trace.decoder_attention.len()) {
        let at = TokenRef::Output(idx);
        if token.special || tokens.tokens().contains(&at) {
            continue;
        }
        let one = TokenSet::new([at], Reduce::Mean);
        let map = decoder_map(trace, &one, options.decoder, MapOptions::default())?.values;
        curves.push(overlap(&vision, &map, options.up_to));
        on_tops.extend(attention_on_top(&vision, &map, options.count));
    }
    let curve = overlap(&vision, &selected, options.up_to);
    let of_others = |i: usize| Spread::of(curves.iter().filter_map(|curve| curve.get(i)).copied().collect());
    Ok(OutlierAgreement {
        variant,
        options: *options,
        outliers: top_patches(&vision, options.up_to),
        decoder_top: top_patches(&selected, options.up_to),
        on_top: attention_on_top(&vision, &selected, options.count),
        on_top_by_chance: options.count.min(vision.len()) as f64 / vision.len().max(1) as f64,
        num_others: curves.len(),
        others_overlap: (0..curve.len()).filter_map(of_others).collect(),
        others_on_top: Spread::of(on_tops),
        overlap: curve,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn trace() -> Trace {
        let mut trace = fixture::trace(&[fixture::FIRST, fixture::SECOND, fixture::FIRST]);
        let mut vision = fixture::vision();
        vision.cls_unsplit = vec![0.0, 0.1, 0.8, 0.1, 0.7, 0.2, 0.1, 0.0];
        trace.vision = Some(std::sync::Arc::new(vision));
        trace
    }

    #[test]
    fn the_default_is_the_feature_layer_and_decoder_layers_from_the_third_on() {
        let options = DamroOptions::of(&trace()).expect("vision and a decoder");
        assert_eq!(options.vision_layer_idx.get(), 0, "the fixture's feature layer");
        // Two decoder layers: the span is clamped to the last.
        let Pick::Span { first, last, reduce } = options.decoder.layers else { panic!("a span of layers") };
        assert_eq!((first.get(), last.get(), reduce), (1, 1, Reduce::Mean), "clamped to the layers that there are");
        assert_eq!(options.decoder_words(), "mean over heads, layer 1", "said as one layer");
    }

    #[test]
    fn the_decoders_layers_are_named_by_what_was_taken() {
        let mut options = DamroOptions::of(&trace()).expect("vision and a decoder");
        let layer = |idx| LayerIdx::new(idx, 32).expect("of 32");
        options.decoder.layers = Pick::Span { first: layer(2), last: layer(31), reduce: Reduce::Mean };
        assert_eq!(options.decoder_words(), "mean over heads and layers 2 to 31", "as in a paper");
        options.decoder.heads = Pick::All(Reduce::Max);
        assert_eq!(options.decoder_words(), "max over heads, mean over layers 2 to 31", "two ways");
        options.decoder.layers = Pick::All(Reduce::Max);
        assert_eq!(options.decoder_words(), "max over heads and layers", "every layer");
        let found = damro(&trace(), &TokenSet::output(0), &options, ClsVariant::HeadMean).expect("all there");
        assert_eq!(found.options, options, "the figures know what they were made from");
    }

    #[test]
    fn figures_of_a_token_worked_by_hand() {
        let trace = trace();
        let options = DamroOptions { up_to: 4, count: 1, ..DamroOptions::of(&trace).expect("vision and a decoder") };
        let found = damro(&trace, &TokenSet::output(1), &options, ClsVariant::Unsplit).expect("all there");
        // Layer 1 of the second token: heads look at patches 2 and 3 alone, mean 0.5 each. Unsplit order of layer 0: 2,
        // 1, 3, 0.
        assert_eq!(found.outliers, [2, 1, 3, 0], "the encoder's order");
        assert_eq!(found.decoder_top, [2, 3, 0, 1], "the decoder's order, ties by index");
        assert_eq!(found.overlap, [1.0, 0.5, 2.0 / 3.0, 1.0], "worked by hand");
        assert_eq!(found.on_top, Some(0.5), "half of the attention lies on patch 2");
        assert!((found.on_top_by_chance - 0.25).abs() < 1e-12, "one of four patches");
        // The others are two equal tokens: layer 1 has (0.15, 0.05, 0, 0.1), order 0, 3, 1, 2.
        assert_eq!(found.num_others, 2, "both other tokens");
        let means: Vec<f64> = found.others_overlap.iter().map(|spread| spread.mean).collect();
        assert_eq!(means, [0.0, 0.0, 2.0 / 3.0, 1.0], "nothing of the top two; 1 and 3 of the top three");
        assert_eq!(found.others_on_top.map(|spread| spread.median), Some(0.0), "patch 2 gets nothing");
    }

    #[test]
    fn a_trace_without_the_unsplit_row_says_so() {
        let mut trace = trace();
        trace.vision = Some(std::sync::Arc::new(fixture::vision()));
        let options = DamroOptions::of(&trace).expect("vision and a decoder");
        let of = |variant| damro(&trace, &TokenSet::output(0), &options, variant);
        assert_eq!(of(ClsVariant::Unsplit), Err(AnalysisError::NoUnsplit), "an earlier file");
        assert!(of(ClsVariant::HeadMean).is_ok(), "the other reading is there");
    }

    #[test]
    fn quartiles_are_those_of_numpy() {
        let found = Spread::of(vec![4.0, 1.0, 3.0, 2.0]).expect("four numbers");
        assert_eq!(found, Spread { mean: 2.5, low: 1.75, median: 2.5, high: 3.25 }, "np.quantile([1, 2, 3, 4], q)");
        assert_eq!(Spread::of(Vec::new()), None, "nothing of nothing");
    }
}
