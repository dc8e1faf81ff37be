//! ONLY: one layer's text-heavy heads, straight to the output, are the other branch.

use super::BETA;
use crate::decode::contrast::{Combined, keep, probabilities};
use crate::decode::method::{ActiveMethod, Asks, BranchContext, Encode, HeadRows, Method, QuestionContext, Step};
use crate::decode::{Acts, DecodeError, DecoderPrompt, MethodInfo, ParameterInfo, Parameters, Registered};
use crate::ids::TokenSpan;
use crate::model::{Decoder, LayerPart, ModelError};
use candle_core::{Device, Tensor};
use std::sync::Arc;

const ID: &str = "only";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "ONLY: one layer's text",
    help: "Takes what the first layer's heads that read words most say by themselves: adds it where it agrees with the \
        model's prediction, contrasts with it where it does not",
    paper: "Wan et al., ONLY: One-Layer Intervention Sufficiently Mitigates Hallucinations in Large Vision-Language \
        Models, ICCV 2025, arXiv:2507.00898",
    acts: Acts::Branch,
    cost: "no further pass of the decoder; one layer and the head once more a token",
    parameters: &[
        ParameterInfo::real(
            "gamma",
            "0.2",
            (0.0, 2.0),
            "Distance, the sum of all differences of probability, below which both are added",
        ),
        ParameterInfo::real("residual", "0.2", (0.0, 10.0), "How much of the last layer's input the branch gets")
            .usual(0.0, 1.0),
        ParameterInfo::real("final", "0.5", (0.0, 10.0), "How much of the model's own last state the branch gets")
            .usual(0.0, 1.0),
        ParameterInfo::real("with", "3", (0.0, 10.0), "Strength where both are added; 0 is none"),
        ParameterInfo::real("against", "1", (0.0, 10.0), "Strength of the contrast elsewhere; 0 is none")
            .usual(0.0, 4.0),
        BETA,
    ],
    ..MethodInfo::NONE
};

/// ONLY.
///
/// Of the first layer's attention of the position that predicts, every head loses what exceeds the mean and the
/// standard deviation (of a sample) of its own on the image, and the same on the words, the first position aside. Heads
/// whose ratio of the entropy on the words to that on the image is below the mean of all are left out; one with a
/// single key left on the image has none. What the others
/// find goes through the last layer's first norm, `residual` times that layer's input is added, then come its
/// feed-forward part and the final norm; `final` times the model's own last state is added; the output head gives `n`.
/// Where `sum |p - p_n| < gamma` it is `l + with n`, else `(1 + against) l - against n`.
/// **Source**: Wan et al. 2025, section 3; `modeling_llama.py` and `only_utils/only_sample.py` of the authors' code.
/// **Differs** from that code in the image's place, which is fixed there, and in entropies without the 1e-6 that keeps
/// its logarithms finite (golden `only`).
pub(super) struct Only;

impl Registered for Only {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Only {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        #[expect(clippy::cast_possible_truncation, reason = "parameters of a few digits")]
        let [with, against] = [parameters.number("with")? as f32, parameters.number("against")? as f32];
        Ok(Box::new(ActiveOnly {
            gamma: parameters.number("gamma")?,
            residual: parameters.number("residual")?,
            last: parameters.number("final")?,
            strengths: [with, against],
            beta: parameters.number("beta")?,
            span: TokenSpan::default(),
            decoder: None,
            known: Vec::new(),
            values: Vec::new(),
        }))
    }
}

#[derive(Clone)]
struct ActiveOnly {
    gamma: f64,
    residual: f64,
    last: f64,
    /// Where both are added, and of the contrast.
    strengths: [f32; 2],
    beta: f64,
    span: TokenSpan,
    decoder: Option<Arc<Decoder>>,
    /// Ids of the positions whose values are known.
    known: Vec<u32>,
    /// The first layer's, **shape** `[known, num_key_value_heads * head_dim]`.
    values: Vec<f32>,
}

impl ActiveMethod for ActiveOnly {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, _parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.span = question.image_span(ID)?;
        self.decoder = Some(Arc::new(question.model.decoder().clone()));
        Ok(())
    }

    fn asks(&self) -> Asks {
        let Some(decoder) = &self.decoder else { return Asks::default() };
        let last = decoder.config().num_hidden_layers;
        Asks { hidden: vec![last.saturating_sub(1), last], attention: vec![0], ..Asks::default() }
    }

    /// None: the first layer's values are all that the branch needs of the prompt.
    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let embedded = context.model.embed(context.ids, Some(context.image(ID)?))?;
        self.values = read(&context.model.decoder().part(0, LayerPart::Values, &embedded.embeddings)?)?;
        self.known = context.ids.to_vec();
        Ok(Vec::new())
    }

    /// What it knows of a position depends on its id alone.
    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let negative = self.negative(step)?;
        let (p, other) = (probabilities(step.logits), probabilities(&negative));
        let distance: f64 = p.iter().zip(&other).map(|(p, other)| (p - other).abs()).sum();
        let is_near = distance < self.gamma;
        let [with, against] = self.strengths;
        let score = |(l, n): (&f32, &f32)| if is_near { l + with * n } else { (1.0 + against) * l - against * n };
        let scores = step.logits.iter().zip(&negative).map(score).collect();
        let did = if is_near { "both added" } else { "contrasted" };
        let note = Some(format!("distance {distance:.3}: {did}"));
        let combined = Combined::of(keep(scores, step.logits, self.beta));
        Ok(Some(Combined { note, negative: Some(negative), ..combined }))
    }
}

impl ActiveOnly {
    /// Logits of the branch.
    fn negative(&mut self, step: &Step<'_>) -> Result<Vec<f32>, DecodeError> {
        let Some(decoder) = self.decoder.clone() else { return Err(DecodeError::NoImage { owner: ID }) };
        self.follow(&decoder, step.ids)?;
        let config = decoder.config();
        let last = config.num_hidden_layers;
        let group = config.num_attention_heads / config.num_key_value_heads.max(1);
        let width = config.num_key_value_heads * config.head_dim;
        let mut rows = step.attention(0)?.clone();
        let kept = suppress(&mut rows, self.span);
        let mut found = vec![0.0_f64; config.num_attention_heads * config.head_dim];
        let heads = found.chunks_mut(config.head_dim.max(1)).zip(rows.heads()).zip(kept).enumerate();
        for (head_idx, ((found, row), _)) in heads.filter(|(_, (_, kept))| *kept) {
            let start = head_idx / group.max(1) * config.head_dim;
            for (p, values) in row.iter().zip(self.values.chunks_exact(width.max(1))) {
                let values = values.get(start..start + config.head_dim).unwrap_or_default();
                for (sum, value) in found.iter_mut().zip(values) {
                    *sum += f64::from(*p) * f64::from(*value);
                }
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "a mean of values, summed in f64 for its last digits")]
        let found: Vec<f32> = found.into_iter().map(|value| value as f32).collect();
        let row = |values: &[f32]| Tensor::from_slice(values, (1, values.len()), &Device::Cpu);
        let on =
            |values: &[f32]| row(values).and_then(|row| row.to_device(decoder.device())?.to_dtype(decoder.dtype()));
        let of = |values: &[f32]| on(values).map_err(ModelError::part("Computing the branch of one layer"));
        let add = |to: &Tensor, by: f64, what: &Tensor| {
            (what * by).and_then(|what| to + what).map_err(ModelError::part("Computing the branch of one layer"))
        };
        let layer_idx = last.saturating_sub(1);
        let stream = decoder.part(0, LayerPart::ProjectHeads, &of(&found)?)?;
        let stream = decoder.part(layer_idx, LayerPart::InputNorm, &stream)?;
        let stream = add(&stream, self.residual, &of(step.hidden(layer_idx)?)?)?;
        let stream = decoder.final_norm(&decoder.part(layer_idx, LayerPart::FeedForward, &stream)?)?;
        let stream = add(&stream, self.last, &of(step.hidden(last)?)?)?;
        read(&decoder.read_out(&stream)?)
    }

    /// Reads the values of new positions; those of positions that were taken back go.
    fn follow(&mut self, decoder: &Decoder, ids: &[u32]) -> Result<(), DecodeError> {
        let same = self.known.iter().zip(ids).take_while(|(known, id)| known == id).count();
        let config = decoder.config();
        self.known.truncate(same);
        self.values.truncate(same * config.num_key_value_heads * config.head_dim);
        let new = ids.get(same..).unwrap_or_default();
        if !new.is_empty() {
            self.values.extend(read(&decoder.part(0, LayerPart::Values, &decoder.embed(new)?)?)?);
            self.known.extend_from_slice(new);
        }
        Ok(())
    }
}

/// All values in f32.
fn read(tensor: &Tensor) -> Result<Vec<f32>, DecodeError> {
    let values = tensor.to_dtype(candle_core::DType::F32).and_then(|tensor| tensor.flatten_all()?.to_vec1());
    Ok(values.map_err(ModelError::part("Reading the branch of one layer"))?)
}

/// Takes what stands out from the words and from the image of every head's row; says which heads stay.
fn suppress(rows: &mut HeadRows, span: TokenSpan) -> Vec<bool> {
    let (image, key_len) = (span.range(), rows.key_len);
    let is_word = |key: usize| key > 0 && !image.contains(&key);
    let words: Vec<usize> = (0..key_len).filter(|key| is_word(*key)).collect();
    let patches: Vec<usize> = image.clone().filter(|key| *key < key_len).collect();
    let ratio = |row: &mut [f32]| {
        let (of_words, of_image) = (entropy_left(row, &words), entropy_left(row, &patches));
        of_words.unwrap_or(0.0) / of_image.unwrap_or(f64::INFINITY)
    };
    let ratios: Vec<f64> = rows.values.chunks_exact_mut(key_len.max(1)).map(ratio).collect();
    // A head with one image key left has no entropy to divide by, and so no ratio: it stays, and the others have
    // a mean of their own.
    let finite: Vec<f64> = ratios.iter().copied().filter(|ratio| ratio.is_finite()).collect();
    let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
    ratios.iter().map(|ratio| *ratio >= mean || !ratio.is_finite()).collect()
}

/// Takes what exceeds mean and deviation of some keys; the entropy of the shares that are left, if any is.
fn entropy_left(row: &mut [f32], keys: &[usize]) -> Option<f64> {
    let at = |row: &[f32], key: usize| row.get(key).copied().map_or(0.0, f64::from);
    let mean = keys.iter().map(|key| at(row, *key)).sum::<f64>() / keys.len().max(1) as f64;
    let squares: f64 = keys.iter().map(|key| (at(row, *key) - mean).powi(2)).sum();
    let limit = mean + (squares / keys.len().saturating_sub(1).max(1) as f64).sqrt();
    for key in keys {
        if let Some(p) = row.get_mut(*key).filter(|p| f64::from(**p) > limit) {
            *p = 0.0;
        }
    }
    let sum: f64 = keys.iter().map(|key| at(row, *key)).sum();
    let share = |key: &usize| at(row, *key) / sum;
    let terms = keys.iter().map(share).filter(|share| *share > 0.0).map(|share| -share * share.ln());
    (sum > 0.0).then(|| terms.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_read_the_image_are_left_out() {
        // Words are keys 1, 2, 5, the image keys 3, 4.
        let span = TokenSpan { start: 3, len: 2 };
        let values = vec![0.3, 0.1, 0.1, 0.2, 0.2, 0.1, 0.1, 0.5, 0.05, 0.15, 0.15, 0.05];
        let mut rows = HeadRows { key_len: 6, values };
        // Head 0: ln 3 / ln 2. Head 1: 0.5 is above 0.2 + 0.26: ln 2 / ln 2.
        assert_eq!(suppress(&mut rows, span), [true, false], "more spread over the words than the mean");
        let left = [0.3, 0.1, 0.1, 0.2, 0.2, 0.1, 0.1, 0.0, 0.05, 0.15, 0.15, 0.05];
        assert_eq!(rows.values, left, "the first key and what does not stand out stay");
    }

    #[test]
    fn a_head_with_one_image_key_left_has_no_ratio() {
        // Words are keys 1, 2, 6, 7, the image keys 3, 4, 5.
        let span = TokenSpan { start: 3, len: 3 };
        let values = [
            // 0.9 is above 0.33 + 0.49, the key of 0.1 is left alone.
            [0.0, 0.1, 0.1, 0.9, 0.1, 0.0, 0.1, 0.1],
            // ln 4 / ln 3.
            [0.0, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.1],
            // ln 2 / ln 3.
            [0.0, 0.1, 0.1, 0.2, 0.2, 0.2, 0.0, 0.0],
        ];
        let kept = |values: &[[f32; 8]]| suppress(&mut HeadRows { key_len: 8, values: values.concat() }, span);
        assert_eq!(kept(&values), [true, true, false], "the mean is that of the other two");
        assert_eq!(kept(&values[..1]), [true], "no ratio at all");
    }
}
