//! `CausalMM`: the other branch's attention is one that knows nothing of the photo.

use super::{BETA, alpha};
use crate::decode::contrast::{Combined, Contrast, keep};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, QuestionContext, Reach, Step};
use crate::decode::noise::Uniform;
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength,
};
use crate::geometry::PatchGrid;
use crate::ids::TokenSpan;
use crate::model::{EncoderInfo, ImageFeatures, Probe, Site, Tower};
use candle_core::{Result as TensorResult, Tensor};

const ID: &str = "causalmm";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "CausalMM: counterfactual attention",
    help: "Contrasts the model's prediction with one whose attention on the photo is shuffled, random, uniform or \
        reversed, and favours tokens that the model's own attention supports",
    paper: "Zhou et al., Mitigating Modality Prior-Induced Hallucinations in Multimodal Large Language Models via \
        Deciphering Attention Causality, ICLR 2025, arXiv:2410.04780",
    acts: Acts::Branch,
    cost: "a second branch for each edited part, and one more encoder pass where the encoder is edited",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::choice(
            "where",
            "vision",
            &["vision", "decoder", "both"],
            "Whose attention is another: the vision encoder's, the decoder's, or each in a branch of its own",
        ),
        ParameterInfo::choice(
            "edit",
            "shuffled",
            &["shuffled", "random", "uniform", "reversed"],
            "What becomes of it; keys that are edited keep what they have together",
        ),
        alpha("1"),
        BETA,
    ],
    presets: &[
        Preset { id: "paper", help: "The attention itself is edited", values: &[("alpha", "1")] },
        Preset {
            id: "official",
            help: "The encoder's features are multiplied with the edited attention as a map, as the authors' code",
            values: &[("alpha", "1")],
        },
    ],
    strength: Some(Strength { parameter: "alpha", none: 0.0 }),
    ..MethodInfo::NONE
};

/// `CausalMM`.
///
/// The branch of the encoder reads features for which the attention of the layer that gives them is edited, all rows
/// and keys; that of the decoder edits every layer's attention on the image, in the positions that predict. Edited keys
/// of a row keep their sum: `uniform` shares it equally, `reversed` by the row's largest value less its own, `random`
/// by draws from [0, 2), `shuffled` lets them change places. With both, `(1 + 2 alpha) l - alpha (n + n')`.
/// **Source**: Zhou et al. 2025, section 3; `cf_encoder.py` of the authors' code.
/// **Differs** from that code, where the features of every patch are multiplied with a value of the edited attention,
/// resized to the patches (preset `official`; rounding to f16 is not followed), where only shuffling can be reached,
/// and where from the second token on the branch reads the keys of the ordinary one (test
/// `methods_with_branches_compute_what_pytorch_computes`, whose reference has no keys to go stale).
pub(super) struct Causalmm;

impl Registered for Causalmm {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Causalmm {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("alpha")?, beta: parameters.number("beta")? };
        let edit = match parameters.choice("edit")? {
            "random" => Edit::Random,
            "uniform" => Edit::Uniform,
            "reversed" => Edit::Reversed,
            _ => Edit::Shuffled,
        };
        let place = parameters.choice("where")?;
        Ok(Box::new(ActiveCausalmm {
            contrast,
            edit,
            in_vision: place != "decoder",
            in_decoder: place != "vision",
            is_map: parameters.choice(PRESET)? == "official",
            decoder: DecoderEdit { edit, seed: 0, span: TokenSpan::default(), branch_idx: 0 },
        }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Edit {
    Shuffled,
    Random,
    Uniform,
    Reversed,
}

impl Edit {
    /// The row with other values, which have the same sum.
    fn apply(self, row: &mut [f32], draws: &mut Uniform) {
        let sum: f64 = row.iter().map(|p| f64::from(*p)).sum();
        match self {
            Self::Shuffled => return shuffle(row, draws),
            Self::Uniform => row.fill(1.0),
            Self::Random => row.iter_mut().for_each(|p| *p = draws.real(2.0)),
            Self::Reversed => reverse(row),
        }
        let mut weights: f64 = row.iter().map(|p| f64::from(*p)).sum();
        if weights <= 0.0 {
            // All were equal.
            row.fill(1.0);
            weights = row.len() as f64;
        }
        for p in row {
            #[expect(clippy::cast_possible_truncation, reason = "a probability")]
            let share = (f64::from(*p) / weights * sum) as f32;
            *p = share;
        }
    }
}

/// Every order is as likely.
fn shuffle<T>(row: &mut [T], draws: &mut Uniform) {
    for last in (1..row.len()).rev() {
        row.swap(last, draws.below(last + 1));
    }
}

/// The largest less each.
fn reverse(row: &mut [f32]) {
    let max = row.iter().copied().fold(0.0, f32::max);
    for p in row {
        *p = max - *p;
    }
}

#[derive(Clone)]
struct ActiveCausalmm {
    contrast: Contrast,
    edit: Edit,
    in_vision: bool,
    in_decoder: bool,
    /// Whether features are multiplied with the edited attention as a map.
    is_map: bool,
    decoder: DecoderEdit,
}

impl ActiveCausalmm {
    /// What the projector makes of the photo under another attention.
    fn other_features(&self, context: &BranchContext<'_>) -> Result<ImageFeatures, DecodeError> {
        let no_image = || DecodeError::NoImage { owner: ID };
        let pixel_values = context.pixel_values.ok_or_else(no_image)?;
        let layout = context.image(ID)?.layout.ok_or_else(no_image)?;
        let (encoders, draws) = (context.model.encoders(), Uniform::new(context.seed));
        let mut probe = VisionEdit { edit: self.edit, encoders, is_map: self.is_map, draws, map: Vec::new() };
        Ok(context.model.see(pixel_values, layout, context.first_branch_idx, &mut probe)?)
    }
}

impl ActiveMethod for ActiveCausalmm {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, _parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        question.image_span(ID).map(drop)
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let image = context.image(ID)?;
        let mut prompts = Vec::new();
        if self.in_vision {
            prompts.push(context.replace_image(ID, Some(&self.other_features(context)?))?);
        }
        if self.in_decoder {
            let branch_idx = context.first_branch_idx + prompts.len();
            self.decoder = DecoderEdit { branch_idx, seed: context.seed, span: image.span, ..self.decoder };
            prompts.push(context.embed(context.ids.to_vec(), Some(image))?);
        }
        Ok(prompts)
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.in_decoder { Some(&mut self.decoder) } else { None }
    }

    /// Only the row that predicts.
    fn reach(&self, branch_idx: usize, prompt_len: usize) -> Reach {
        if branch_idx == 0 || branch_idx != self.decoder.branch_idx {
            return Reach::NOTHING;
        }
        Reach { vision: false, first_position: prompt_len.saturating_sub(1), by_position: false }
    }

    /// Tokens of an answer are positions that predict; as part of a prompt they would not be.
    fn keeps_state(&self) -> bool {
        self.in_decoder
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let [first, second] = step.branches else {
            let negative = step.branch()?;
            return Ok(Some(self.contrast.of(step.logits, negative)));
        };
        #[expect(clippy::cast_possible_truncation, reason = "a parameter of a few digits")]
        let alpha = self.contrast.alpha as f32;
        let score = |((l, n), other): ((&f32, &f32), &f32)| (1.0 + 2.0 * alpha) * l - alpha * (n + other);
        let scores = step.logits.iter().zip(first).zip(second).map(score).collect();
        Ok(Some(Combined::of(keep(scores, step.logits, self.contrast.beta))))
    }
}

/// Edits what the predicting positions of one branch attend to on the image.
#[derive(Clone)]
struct DecoderEdit {
    edit: Edit,
    seed: u64,
    span: TokenSpan,
    branch_idx: usize,
}

impl Probe for DecoderEdit {
    fn wants_probs(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.branch_idx == self.branch_idx && site.key_len >= self.span.end()
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        let last_idx = site.query_len.saturating_sub(1);
        let mut heads: Vec<Vec<f32>> = probs.narrow(1, last_idx, 1)?.squeeze(1)?.to_vec2()?;
        // The draws of a place are its own, whichever pass it comes in.
        let mut draws = Uniform::at(self.seed, [site.layer_idx as u64, site.key_len as u64]);
        for head in &mut heads {
            self.edit.apply(head.get_mut(self.span.range()).unwrap_or_default(), &mut draws);
        }
        let num_heads = heads.len();
        let last = Tensor::from_vec(heads.concat(), (num_heads, 1, site.key_len), probs.device())?;
        match site.query_len {
            1 => Ok(Some(last)),
            _ => Tensor::cat(&[&probs.narrow(1, 0, last_idx)?, &last], 1).map(Some),
        }
    }
}

/// Edits the attention of the layers that give the features, or multiplies the features with it.
struct VisionEdit<'a> {
    edit: Edit,
    encoders: &'a [EncoderInfo],
    is_map: bool,
    draws: Uniform,
    /// Value of every patch.
    map: Vec<f32>,
}

impl VisionEdit<'_> {
    /// The encoder, if this is the layer that gives its features.
    fn encoder(&self, site: &Site) -> Option<&EncoderInfo> {
        let encoder = self.encoders.get(site.encoder_idx).filter(|_| site.tower == Tower::Vision);
        encoder.filter(|encoder| encoder.feature_layer_idx == site.layer_idx)
    }

    /// The authors' map: edited values of all heads together, not brought back to any sum, resized to the patches.
    fn read_map(&mut self, heads: &[Vec<Vec<f32>>], grid: PatchGrid) {
        let mut mean: Vec<Vec<f64>> = Vec::new();
        for head in heads {
            let (rows, cols) = (head.len(), head.first().map_or(0, Vec::len));
            let mut values = head.concat();
            match self.edit {
                Edit::Shuffled => shuffle(&mut values, &mut self.draws),
                Edit::Random => values.iter_mut().for_each(|value| *value = self.draws.real(2.0)),
                Edit::Uniform => {
                    let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
                    #[expect(clippy::cast_possible_truncation, reason = "a mean of probabilities")]
                    values.fill((sum / (rows * cols).max(1) as f64) as f32);
                }
                Edit::Reversed => reverse(&mut values),
            }
            mean.resize(rows, vec![0.0; cols]);
            for (sums, row) in mean.iter_mut().zip(values.chunks(cols.max(1))) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(*value) / heads.len().max(1) as f64;
                }
            }
        }
        self.map = resized(&mean, grid);
    }
}

impl Probe for VisionEdit<'_> {
    fn wants_probs(&self, site: &Site) -> bool {
        self.encoder(site).is_some()
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        if self.is_map {
            let grid = self.encoder(site).map(|encoder| encoder.grid);
            self.read_map(&probs.to_vec3()?, grid.unwrap_or(PatchGrid { rows: 1, cols: 1 }));
            return Ok(None);
        }
        let mut values: Vec<f32> = probs.flatten_all()?.to_vec1()?;
        for row in values.chunks_mut(site.key_len.max(1)) {
            self.edit.apply(row, &mut self.draws);
        }
        Tensor::from_vec(values, probs.shape(), probs.device()).map(Some)
    }

    fn wants_hidden(&self, site: &Site) -> bool {
        self.is_map && self.encoder(site).is_some()
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> TensorResult<Option<Tensor>> {
        let prefix = self.encoder(site).map_or(0, |encoder| encoder.num_prefix_tokens);
        let patches = hidden.dim(0)?.saturating_sub(prefix);
        let mut factors = vec![1.0; prefix];
        factors.extend(self.map.iter().take(patches));
        factors.resize(prefix + patches, 1.0);
        let factors = Tensor::from_vec(factors, (prefix + patches, 1), hidden.device())?;
        hidden.broadcast_mul(&factors.to_dtype(hidden.dtype())?).map(Some)
    }
}

/// Bilinear, corners not aligned, no smoothing: `interpolate` of PyTorch. Row-major.
fn resized(values: &[Vec<f64>], grid: PatchGrid) -> Vec<f32> {
    let (rows, cols) = (values.len(), values.first().map_or(0, Vec::len));
    let at = |row: usize, col: usize| values.get(row).and_then(|row| row.get(col)).copied().unwrap_or_default();
    let cell = |idx: usize| {
        let (low, high, by) = source(idx / grid.cols, rows, grid.rows);
        let (left, right, along) = source(idx % grid.cols, cols, grid.cols);
        let mix = |row| at(row, left) * (1.0 - along) + at(row, right) * along;
        #[expect(clippy::cast_possible_truncation, reason = "a mean of probabilities")]
        let value = (mix(low) * (1.0 - by) + mix(high) * by) as f32;
        value
    };
    (0..grid.len()).map(cell).collect()
}

/// Between which two of `from` values number `idx` of `to` lies, and where.
fn source(idx: usize, from: usize, to: usize) -> (usize, usize, f64) {
    let place = ((idx as f64 + 0.5) * from as f64 / to.max(1) as f64 - 0.5).max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, below `from`")]
    let low = (place as usize).min(from.saturating_sub(1));
    (low, (low + 1).min(from.saturating_sub(1)), place - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edited_keys_keep_their_sum() {
        let row = [0.1_f32, 0.3, 0.0, 0.2];
        let edited = |edit: Edit| {
            let mut row = row;
            edit.apply(&mut row, &mut Uniform::new(3));
            row
        };
        let sum = |row: [f32; 4]| row.iter().sum::<f32>();
        for edit in [Edit::Shuffled, Edit::Random, Edit::Uniform, Edit::Reversed] {
            assert!((sum(edited(edit)) - 0.6).abs() < 1e-6, "{edit:?}: {:?}", edited(edit));
        }
        let close = |found: &[f32], expected: &[f32], what: &str| {
            let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-6, "{what}: {found:?} is not {expected:?}");
        };
        close(&edited(Edit::Uniform), &[0.15; 4], "equal shares");
        // 0.2, 0, 0.3, 0.1 of 0.6.
        close(&edited(Edit::Reversed), &[0.2, 0.0, 0.3, 0.1], "the largest less each");
        let mut sorted = edited(Edit::Shuffled);
        sorted.sort_by(f32::total_cmp);
        close(&sorted, &[0.0, 0.1, 0.2, 0.3], "the same values");
        let mut equal = [0.25_f32; 2];
        Edit::Reversed.apply(&mut equal, &mut Uniform::new(3));
        close(&equal, &[0.25; 2], "equal ones stay");
    }

    #[test]
    fn a_map_is_resized_as_pytorch_does() {
        // torch.nn.functional.interpolate of [[0, 1, 2], [3, 4, 5], [6, 7, 8]] to 2 x 2 and to 1 x 4.
        let values: Vec<Vec<f64>> = (0..3).map(|row| (0..3).map(|col| f64::from(3 * row + col)).collect()).collect();
        assert_eq!(resized(&values, PatchGrid { rows: 2, cols: 2 }), [1.0, 2.5, 5.5, 7.0], "smaller");
        assert_eq!(resized(&values, PatchGrid { rows: 1, cols: 4 }), [3.0, 3.625, 4.375, 5.0], "other sides");
    }
}
