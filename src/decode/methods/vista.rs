//! VISTA: hidden states are steered to what the photo adds, and early layers have a say in the logits.

use super::rules::{Count, WHOLE_PROMPT, end, is_ordinary, layer_range, start};
use super::steer::steered;
use crate::decode::contrast::Combined;
use crate::decode::method::{
    Acted, ActionReport, ActiveMethod, Asks, BranchContext, Encode, Method, QuestionContext, Reach, Readout, Step,
};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered,
};
use crate::model::{BranchInput, Decoder, LogitRows, ModelError, Probe, Site, Tower};
use candle_core::{DType, Result as TensorResult, Tensor};
use std::ops::Range;

const ID: &str = "vista";
/// Residual streams that differ by less than this share of their length differ by rounding.
const ROUNDING: f32 = 1e-5;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "VISTA: steering and early layers",
    help: "Steers every layer towards the difference that the photo makes, and mixes in the logits of late inner \
        layers",
    paper: "Li et al., The Hidden Life of Tokens: Reducing Hallucination of Large Vision-Language Models via Visual \
        Information Steering, ICML 2025, arXiv:2502.03628",
    acts: Acts::HiddenStates,
    cost: "two passes over the prompt for the direction; none a token",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "pope", "official"], "Published values to start from"),
        ParameterInfo::real("lambda", "0.17", (0.0, 10.0), "Strength of the steering; 0 is none").usual(0.0, 0.5),
        ParameterInfo::real("gamma", "0.3", (0.0, 1.0), "Share of the inner layers' logits; 0 is none"),
        start("25"),
        end("31"),
        ParameterInfo::choice("norm", "off", &["off", "on"], "Whether inner layers go through the final norm first"),
    ],
    presets: &[
        Preset { id: "paper", help: "lambda 0.17, as the paper's captions (CHAIR)", values: &[("lambda", "0.17")] },
        Preset { id: "pope", help: "lambda 0.01, as the paper's yes or no questions", values: &[("lambda", "0.01")] },
        Preset { id: "official", help: "lambda 0.1, the default of the authors' code", values: &[("lambda", "0.1")] },
    ],
    ..MethodInfo::NONE
};

/// VISTA, visual steering and self-logits augmentation.
///
/// `v` of a layer is the residual stream behind it at the prompt's last position, less that of the prompt without the
/// image. Every position's feed-forward output `m` becomes `|m| unit(m / |m| + lambda (1 + max(0, cos(m, -v))) v /
/// |v|)`. The logits are mixed with the mean of those of the outputs of layers `start..end`.
/// **Source**: Li et al. 2025, section 4; `llm_layers.py` lines 26-30 of the authors' code.
/// **Differs** from that code where it puts one difference through a principal component analysis, which leaves an
/// arbitrary vector in it; here it is the difference itself (golden `vista`).
pub(super) struct Vista;

impl Registered for Vista {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Vista {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (lambda, gamma) = (parameters.number("lambda")?, parameters.number("gamma")?);
        let normed = parameters.choice("norm")? == "on";
        let (directions, count) = (Vec::new(), Count::default());
        Ok(Box::new(Active { lambda, gamma, normed, layers: 0..0, directions, count }))
    }
}

#[derive(Clone)]
struct Active {
    lambda: f64,
    gamma: f64,
    normed: bool,
    layers: Range<usize>,
    /// Of every layer, f32, **shape** `[1, hidden_size]`; `None` where the photo makes no difference.
    directions: Vec<Option<Tensor>>,
    count: Count,
}

impl Active {
    fn readouts(&self) -> Vec<Readout> {
        if self.gamma == 0.0 {
            return Vec::new();
        }
        self.layers.clone().map(|layer_idx| Readout { entry: layer_idx + 1, normed: self.normed }).collect()
    }
}

/// The last row of every layer's output, of two prompts.
#[derive(Default)]
struct LastRows([Vec<Tensor>; 2]);

impl Probe for LastRows {
    fn wants_hidden(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> TensorResult<Option<Tensor>> {
        let last = hidden.narrow(0, site.query_len.saturating_sub(1), 1)?;
        if let Some(rows) = self.0.get_mut(site.branch_idx) {
            rows.push(last.to_dtype(DType::F32)?.force_contiguous()?.copy()?);
        }
        Ok(None)
    }
}

/// What the photo adds to the residual stream behind each layer, without any edit.
fn differences(decoder: &Decoder, prompts: [&DecoderPrompt; 2]) -> Result<Vec<Option<Tensor>>, DecodeError> {
    let mut caches = Vec::new();
    for prompt in prompts {
        caches.push(decoder.new_cache(prompt.ids.len())?);
    }
    let inputs = prompts.iter().zip(&mut caches).enumerate().map(|(branch_idx, (prompt, cache))| BranchInput {
        branch_idx,
        cache,
        embeddings: prompt.embeddings.clone(),
        positions: prompt.positions.range(0..prompt.ids.len()),
        additions: prompt.additions.clone(),
    });
    let mut rows = LastRows::default();
    decoder.forward(&mut inputs.collect::<Vec<_>>(), LogitRows::Last, &mut rows)?;
    let [with, without] = rows.0;
    let differences = with.iter().zip(&without).map(|(with, without)| difference(with, without));
    Ok(differences.collect::<TensorResult<_>>().map_err(ModelError::part("What the photo adds"))?)
}

/// `with - without`; none where it is rounding: a window may hide the whole photo from the first layers.
fn difference(with: &Tensor, without: &Tensor) -> TensorResult<Option<Tensor>> {
    let difference = (with - without)?;
    let length = |row: &Tensor| row.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>();
    let is_rounding = length(&difference)? < ROUNDING * length(with)?;
    Ok((!is_rounding).then_some(difference))
}

impl Probe for Active {
    fn wants_mlp(&self, site: &Site) -> bool {
        is_ordinary(site) && self.directions.get(site.layer_idx).is_some_and(Option::is_some)
    }

    fn mlp(&mut self, site: &Site, mlp: &Tensor) -> TensorResult<Option<Tensor>> {
        let Some(direction) = self.directions.get(site.layer_idx).and_then(Option::as_ref) else { return Ok(None) };
        let against = |cosine: &Tensor| (cosine.neg()?.relu()? + 1.0)? * self.lambda;
        let edited = steered(mlp, direction, against)?;
        self.count.add(site.query_len);
        Ok(Some(edited))
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        if self.lambda > 0.0 {
            question.image_span(ID)?;
        }
        self.layers = layer_range(parameters, question.num_hidden_layers())?;
        Ok(())
    }

    fn asks(&self) -> Asks {
        Asks { readouts: self.readouts(), ..Asks::default() }
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        if self.lambda > 0.0 {
            let with = context.embed(context.ids.to_vec(), Some(context.image(ID)?))?;
            let without = context.replace_image(ID, None)?;
            self.directions = differences(context.model.decoder(), [&with, &without])?;
        }
        Ok(Vec::new())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.lambda == 0.0 { None } else { Some(self) }
    }

    /// Every position is steered, by a direction of the whole prompt.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { WHOLE_PROMPT } else { Reach::NOTHING }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let readouts = self.readouts();
        if readouts.is_empty() {
            return Ok(None);
        }
        let mut sums = vec![0.0_f64; step.logits.len()];
        for readout in &readouts {
            let inner = step.readout(*readout)?;
            sums.iter_mut().zip(inner).for_each(|(sum, logit)| *sum += f64::from(*logit));
        }
        let mixed = |(l, sum): (&f32, f64)| {
            let mixed = (1.0 - self.gamma) * f64::from(*l) + self.gamma * sum / readouts.len() as f64;
            #[expect(clippy::cast_possible_truncation, reason = "a logit, computed in f64 for its last digits")]
            let mixed = mixed as f32;
            if *l == f32::NEG_INFINITY { *l } else { mixed }
        };
        let logits = step.logits.iter().zip(sums).map(mixed).collect();
        let note = match readouts.as_slice() {
            [one] => format!("mixed in the logits of layer {}", one.entry.saturating_sub(1)),
            _ => format!("mixed in the logits of {} layers", readouts.len()),
        };
        Ok(Some(Combined { note: Some(note), ..Combined::of(logits) }))
    }

    fn did(&mut self) -> Option<String> {
        (self.lambda > 0.0 || self.gamma == 0.0).then(|| self.count.did(Acted::OnHidden))
    }

    /// Of the steering; what the mixed logits do is told token by token.
    fn report(&self) -> Option<ActionReport> {
        (self.lambda > 0.0 || self.gamma == 0.0).then(|| self.count.report(ID, Acted::OnHidden))
    }
}
