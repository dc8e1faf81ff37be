//! How much of the attention goes to the image at all, and to what the rest goes.

use super::reduce::{Accumulator, reduce_numbers};
use super::row_values::whole;
use super::{AnalysisError, ImageKeys, Normalisation, Pick, Selection, TokenRef, TokenSet, vision_layer_head_maps};
use crate::ids::{HeadIdx, LayerIdx, TokenSpan};
use crate::trace::{AttentionRow, Trace};

/// One token's attention by kind of key: parts of all keys. They sum to 1, or to a little less where rows were rounded
/// to f16; never to more.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AttentionSplit {
    /// The first position, `<s>` as a rule: where many decoders park attention. 0 when the prompt starts with the
    /// image.
    pub first_token: f64,
    /// The prompt's text before the image, without the first position.
    pub system_text: f64,
    /// The image tokens, a `[CLS]` among them included.
    pub image: f64,
    /// The prompt's text after the image.
    pub question: f64,
    /// Generated tokens.
    pub answer: f64,
}

impl AttentionSplit {
    fn from_array([first_token, system_text, image, question, answer]: [f64; 5]) -> Self {
        Self { first_token, system_text, image, question, answer }
    }

    /// The five parts, in the order of their positions.
    pub fn parts(self) -> [f64; 5] {
        [self.first_token, self.system_text, self.image, self.question, self.answer]
    }

    /// Part by part, the arithmetic mean; `None` of nothing.
    pub fn mean(splits: &[Self]) -> Option<Self> {
        let mut sums = [0.0; 5];
        for split in splits {
            for (sum, part) in sums.iter_mut().zip(split.parts()) {
                *sum += part;
            }
        }
        (!splits.is_empty()).then(|| Self::from_array(sums.map(|sum| sum / splits.len() as f64)))
    }
}

/// The five spans of keys of a row.
pub(super) fn spans(trace: &Trace, keys: &ImageKeys) -> [TokenSpan; 5] {
    let first = usize::from(keys.image.start > 0);
    let prompt_len = trace.prompt.len();
    [
        TokenSpan { start: 0, len: first },
        TokenSpan { start: first, len: keys.image.start - first },
        keys.image,
        TokenSpan { start: keys.image.end(), len: prompt_len - keys.image.end() },
        TokenSpan { start: prompt_len, len: usize::MAX - prompt_len },
    ]
}

/// Sum of a row's probabilities over a span of keys, as far as the row reaches: never above 1.
pub(super) fn span_part(probabilities: &[f32], span: TokenSpan) -> f64 {
    let len = probabilities.len();
    let inside = probabilities.get(span.start.min(len)..span.end().min(len)).unwrap_or(&[]);
    inside.iter().map(|&p| f64::from(p)).sum::<f64>() / whole(probabilities)
}

pub(super) fn finite(value: f64) -> Result<f64, AnalysisError> {
    if value.is_finite() { Ok(value) } else { Err(AnalysisError::NotFinite { found: value.to_string(), patch_idx: 0 }) }
}

/// The heads' image attention in one layer of one row, put together.
fn layer_share(
    row: &AttentionRow,
    layer_idx: LayerIdx,
    heads: &[HeadIdx],
    pick: Pick<HeadIdx>,
    image: TokenSpan,
) -> f64 {
    reduce_numbers(pick.reduce(), heads.iter().map(|&head_idx| span_part(&row.head(layer_idx, head_idx), image)))
}

/// Attention on all image tokens together, as part of all keys, layer by layer: heads first, then tokens.
///
/// **Shape**: `[num_hidden_layers]`.
pub fn image_share_per_layer(
    trace: &Trace,
    tokens: &TokenSet,
    heads: Pick<HeadIdx>,
) -> Result<Vec<f32>, AnalysisError> {
    let keys = ImageKeys::of(trace)?;
    let indices = heads.indices(trace.num_attention_heads)?;
    let mut over_tokens = Accumulator::new(tokens.reduce(), trace.num_hidden_layers);
    for (_, row) in tokens.rows(trace)? {
        let layers = LayerIdx::all(trace.num_hidden_layers);
        over_tokens.add(layers.map(|layer_idx| layer_share(row, layer_idx, &indices, heads, keys.image)));
    }
    over_tokens.finish().into_iter().map(|share| finite(share).map(narrow)).collect()
}

/// Attention on all image tokens together, as part of all keys, for every generated token: heads first, then layers.
///
/// **Shape**: one a generated token, `None` where no row was kept.
pub fn image_share_per_token(trace: &Trace, selection: Selection) -> Result<Vec<Option<f32>>, AnalysisError> {
    let keys = ImageKeys::of(trace)?;
    let layers = selection.layers.indices(trace.num_hidden_layers)?;
    let heads = selection.heads.indices(trace.num_attention_heads)?;
    let mut shares = Vec::with_capacity(trace.output.len());
    for idx in 0..trace.output.len() {
        let share = match TokenRef::Output(idx).row(trace) {
            Err(AnalysisError::NoRow { .. }) => None,
            Err(err) => return Err(err),
            Ok(row) => {
                let per_layer =
                    layers.iter().map(|&layer_idx| layer_share(row, layer_idx, &heads, selection.heads, keys.image));
                Some(narrow(finite(reduce_numbers(selection.layers.reduce(), per_layer))?))
            }
        };
        shares.push(share);
    }
    Ok(shares)
}

/// The encoder's `[CLS]` attention on all patches together, as part of all keys, layer by layer.
///
/// **Shape**: `[num_hidden_layers]` of the encoder.
pub fn cls_share_per_layer(trace: &Trace, heads: Pick<HeadIdx>) -> Result<Vec<f32>, AnalysisError> {
    let maps = vision_layer_head_maps(trace, Normalisation::Raw)?;
    let indices = heads.indices(maps.num_attention_heads)?;
    let layer = |totals: &[f64]| {
        let chosen = indices.iter().filter_map(|head_idx| totals.get(head_idx.get()).copied());
        finite(reduce_numbers(heads.reduce(), chosen)).map(narrow)
    };
    maps.totals.chunks(maps.num_attention_heads.max(1)).map(layer).collect()
}

/// One token's attention over first position, system text, image, question and answer. With means over heads and layers
/// the parts sum to 1; with maxima each part is its own maximum and they do not.
pub fn split(trace: &Trace, token: TokenRef, selection: Selection) -> Result<AttentionSplit, AnalysisError> {
    let spans = spans(trace, &ImageKeys::of(trace)?);
    let row = token.row(trace)?;
    let heads = selection.heads.indices(trace.num_attention_heads)?;
    let mut over_layers = Accumulator::new(selection.layers.reduce(), spans.len());
    for layer_idx in selection.layers.indices(trace.num_hidden_layers)? {
        let mut over_heads = Accumulator::new(selection.heads.reduce(), spans.len());
        for &head_idx in &heads {
            let probabilities = row.head(layer_idx, head_idx);
            over_heads.add(spans.map(|span| span_part(&probabilities, span)));
        }
        over_layers.add(over_heads.finish());
    }
    let mut parts = [0.0; 5];
    for (part, value) in parts.iter_mut().zip(over_layers.finish()) {
        *part = finite(value)?;
    }
    Ok(AttentionSplit::from_array(parts))
}

#[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
pub(super) fn narrow(share: f64) -> f32 {
    share as f32
}
