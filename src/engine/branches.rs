//! What all branches of a question read, and what the second one did.

use super::error::EngineError;
use super::job::{Job, Plan};
use super::open::Answerer;
use super::reuse::Seen;
use crate::checkpoint::TextTokenizer;
use crate::decode::{BranchContext, ClsRow, DecodeError, DecoderPrompt, StepAction, StepContrast};
use crate::ids::LayerIdx;
use crate::model::{ImageFeatures, ModelError, Probe};
use crate::trace::{ContrastCandidate, OutputToken, RunInfo, TokenAction, TokenContrast, VisionAttention};
use candle_core::{DType, Tensor};
use std::sync::Arc;

/// Branch whose image is not that of the question.
const OTHER_BRANCH: usize = 1;

impl Job<'_> {
    /// Runs the vision encoder, unless it saw the same before, and makes the prompts of all branches.
    pub(super) fn see(&mut self, model: &Answerer, plan: &mut Plan) -> Result<Vec<DecoderPrompt>, EngineError> {
        let changes_vision = plan.reach(0).vision;
        let features = self.look(model, plan, changes_vision)?;
        let image = Some((plan.prompt.image_token_span, &features));
        let ids = plan.prompt.ids.clone();
        let mut prompts = vec![DecoderPrompt { embeddings: model.llava.embed_prompt(&ids, image)?, ids }];
        let vision = self.trace.vision.clone();
        let context = BranchContext {
            model: &model.llava,
            ids: &plan.prompt.ids,
            image,
            pixel_values: Some(&self.pixel_values),
            cls: vision.as_deref().and_then(cls_row),
            seed: self.trace.run.seed,
            first_branch_idx: prompts.len(),
        };
        let recorder = &mut self.recorder;
        let mut encode = |pixel_values: &Tensor| encode_other(model, pixel_values, recorder);
        prompts.extend(plan.methods.branches(&context, &mut encode)?);
        self.extras.outlier_tokens = plan.methods.outlier_tokens().map(<[usize]>::to_vec);
        Ok(prompts)
    }

    /// The photo's features; what `[CLS]` looked at goes into the trace.
    fn look(&mut self, model: &Answerer, plan: &mut Plan, changes_vision: bool) -> Result<ImageFeatures, EngineError> {
        // An image that was another branch's was not looked at.
        let known = if changes_vision { None } else { model.reuse.seen(&self.values) };
        if let Some(seen) = known.filter(|seen| seen.vision.is_some()) {
            self.trace.vision = seen.vision;
            return Ok(seen.features);
        }
        let mut probe = plan.methods.chain(&mut self.recorder);
        let features = model.llava.encode_image(&self.pixel_values, &mut probe)?;
        let vision = self.recorder.take_vision().map_err(EngineError::tensor("read the vision attention back"))?;
        if let Some(layer_idx) = vision.as_ref().and_then(VisionAttention::first_layer_without_numbers) {
            return Err(EngineError::Decode(DecodeError::VisionNotFinite { layer_idx }));
        }
        self.trace.vision = vision.map(Arc::new);
        if !changes_vision {
            let (pixel_values, vision) = (Arc::clone(&self.values), self.trace.vision.clone());
            model.reuse.keep_seen(Seen { pixel_values, features: features.clone(), vision });
        }
        Ok(features)
    }
}

/// Features of another branch's image, kept like the photo's: a method that is switched off and on again pays once. No
/// other method edits them: edits are of the ordinary branch.
fn encode_other(model: &Answerer, pixel_values: &Tensor, probe: &mut dyn Probe) -> Result<ImageFeatures, DecodeError> {
    let values = pixel_values.to_dtype(DType::F32).and_then(|values| values.flatten_all()?.to_vec1::<f32>());
    let values = values.map_err(|cause| ModelError::Part { part: "Reading pixel values", cause })?;
    if let Some(seen) = model.reuse.seen(&values) {
        return Ok(seen.features);
    }
    let features = model.llava.encode_branch_image(pixel_values, OTHER_BRANCH, probe)?;
    model.reuse.keep_seen(Seen { pixel_values: values.into(), features: features.clone(), vision: None });
    Ok(features)
}

/// Attention of the layer whose output the decoder gets.
fn cls_row(vision: &VisionAttention) -> Option<ClsRow<'_>> {
    let layer_idx = LayerIdx::clamped(vision.feature_layer_idx, vision.num_hidden_layers)?;
    let values = vision.num_attention_heads * vision.num_patches;
    let start = layer_idx.get() * values;
    Some(ClsRow { unsplit: vision.unsplit(layer_idx), heads: vision.cls_attention.get(start..start + values)? })
}

/// A step's contrast with the words of its candidates.
pub(super) fn token_contrast(tokenizer: &TextTokenizer, step: &StepContrast) -> TokenContrast {
    let candidates = step.candidates.iter().map(|candidate| ContrastCandidate {
        id: candidate.id,
        text: tokenizer.piece(candidate.id),
        logprob: candidate.logprob,
        negative_logprob: candidate.negative_logprob,
        final_logprob: candidate.final_logprob,
    });
    TokenContrast {
        alpha: step.alpha,
        plain_id: step.plain_id,
        contrasted_id: step.contrasted_id,
        num_removed: step.num_removed,
        moved: step.moved,
        branches_differ: step.branches_differ,
        alpha_from: step.alpha_from,
        alpha_to: step.alpha_to,
        candidates: candidates.collect(),
    }
}

/// What a method did at a step, with the words of the tokens.
pub(super) fn token_action(tokenizer: &TextTokenizer, action: &StepAction) -> TokenAction {
    TokenAction {
        method: action.method.to_owned(),
        before_id: action.before_id,
        before: tokenizer.piece(action.before_id),
        after_id: action.after_id,
        after: tokenizer.piece(action.after_id),
        num_removed: action.num_removed,
        moved: action.moved,
        note: action.note.clone(),
    }
}

/// A warning for the trace if a contrast changed nothing anywhere.
pub(super) fn idle_contrast(run: &RunInfo, output: &[OutputToken]) -> Option<String> {
    let mut steps = output.iter().filter_map(|token| token.contrast.as_deref()).peekable();
    steps.peek()?;
    let mut branches_differ = false;
    for step in steps {
        if !step.is_idle() {
            return None;
        }
        branches_differ |= step.branches_differ;
    }
    let why = if branches_differ { "" } else { ": both branches gave the same logits" };
    let word = if run.methods.is_empty() { "strategy" } else { "method" };
    Some(format!("The {word} {} changed nothing{why}", run.decoding()))
}
