//! What the vision encoders make of a photo, and what all branches of a question read.

use super::error::EngineError;
use super::job::Job;
use super::open::Answerer;
use super::plan::Plan;
use super::recorder::Recorder;
use super::reuse::Seen;
use crate::decode::{BranchContext, ClsRow, DecodeError, DecoderPrompt};
use crate::geometry::ImageLayout;
use crate::ids::LayerIdx;
use crate::model::{ImageFeatures, ImagePlace, ModelError};
use crate::trace::VisionAttention;
use candle_core::{DType, Tensor};
use std::sync::Arc;

/// Branch whose image is not that of the question.
const OTHER_BRANCH: usize = 1;

impl Job<'_> {
    /// Runs the vision encoders, unless they saw the same before, and makes the prompts of all branches.
    pub(super) fn see(&mut self, model: &Answerer, plan: &mut Plan) -> Result<Vec<DecoderPrompt>, EngineError> {
        let changes_vision = plan.reach(0).vision;
        let features = self.look(model, plan, changes_vision)?;
        let layout = Arc::clone(&self.trace.layout);
        let image = ImagePlace { layout: Some(&*layout), ..ImagePlace::new(plan.prompt.image_token_span, &features) };
        let ids = plan.prompt.ids.clone();
        let embedded = model.vlm.embed(&ids, Some(image))?;
        let mut prompts = vec![DecoderPrompt::new(ids, embedded)];
        // Edits are of the ordinary branch: others see the photo without them, and what [CLS] looks at then.
        let unedited = if changes_vision && plan.is_stack() { Some(self.look_unedited(model)?) } else { None };
        let image = unedited.as_ref().map_or(image, |seen| ImagePlace { features: &seen.features, ..image });
        let vision = match &unedited {
            Some(seen) => seen.vision.first().cloned(),
            None => self.trace.vision.clone(),
        };
        let context = BranchContext {
            model: &*model.vlm,
            ids: &plan.prompt.ids,
            image: Some(image),
            pixel_values: Some(&self.prepared.pixel_values),
            cls: vision.as_deref().and_then(cls_row),
            seed: self.trace.run.seed,
            first_branch_idx: prompts.len(),
        };
        let recorder = &mut self.recorder;
        let mut encode = |pixel_values: &Tensor| encode_other(model, pixel_values, &layout, recorder);
        prompts.extend(plan.methods.branches(&context, &mut encode)?);
        self.extras.outlier_tokens = plan.methods.outlier_tokens().map(<[usize]>::to_vec);
        Ok(prompts)
    }

    /// The photo's features; what `[CLS]` looked at goes into the trace.
    fn look(&mut self, model: &Answerer, plan: &mut Plan, changes_vision: bool) -> Result<ImageFeatures, EngineError> {
        // An image that was another branch's was not looked at.
        let known = if changes_vision { None } else { model.reuse.seen(&self.prepared.values) };
        if let Some(seen) = known.filter(|seen| !seen.vision.is_empty()) {
            self.keep_vision(&seen.vision);
            return Ok(seen.features);
        }
        let mut probe = plan.methods.chain(&mut self.recorder);
        let features = model.vlm.see(&self.prepared.pixel_values, &self.trace.layout, 0, &mut probe)?;
        let vision = self.take_vision()?;
        self.keep_vision(&vision);
        if !changes_vision {
            let pixel_values = Arc::clone(&self.prepared.values);
            model.reuse.keep_seen(Seen { pixel_values, features: features.clone(), vision });
        }
        Ok(features)
    }

    /// The same without any edit, beside the edited one that the trace has.
    fn look_unedited(&mut self, model: &Answerer) -> Result<Seen, EngineError> {
        let known = model.reuse.seen(&self.prepared.values);
        if let Some(seen) = known.filter(|seen| !seen.vision.is_empty()) {
            return Ok(seen);
        }
        let features = model.vlm.see(&self.prepared.pixel_values, &self.trace.layout, 0, &mut self.recorder)?;
        let (pixel_values, vision) = (Arc::clone(&self.prepared.values), self.take_vision()?);
        let seen = Seen { pixel_values, features, vision };
        model.reuse.keep_seen(seen.clone());
        Ok(seen)
    }

    /// What the encoders showed in the pass that just ran.
    fn take_vision(&mut self) -> Result<Vec<Arc<VisionAttention>>, EngineError> {
        let vision = self.recorder.take_vision().map_err(EngineError::tensor("read the vision attention back"))?;
        if let Some(layer_idx) = vision.iter().find_map(VisionAttention::first_layer_without_numbers) {
            return Err(EngineError::Decode(DecodeError::VisionNotFinite { layer_idx }));
        }
        Ok(vision.into_iter().map(Arc::new).collect())
    }

    fn keep_vision(&mut self, vision: &[Arc<VisionAttention>]) {
        self.trace.vision = vision.first().cloned();
        self.trace.further_vision = vision.get(1..).unwrap_or_default().to_vec();
    }
}

/// Features of another branch's image, kept like the photo's: a method that is switched off and on again pays once. No
/// other method edits them: edits are of the ordinary branch.
fn encode_other(
    model: &Answerer,
    pixel_values: &Tensor,
    layout: &ImageLayout,
    recorder: &mut Recorder<'_>,
) -> Result<ImageFeatures, DecodeError> {
    let values = pixel_values.to_dtype(DType::F32).and_then(|values| values.flatten_all()?.to_vec1::<f32>());
    let values = values.map_err(|cause| ModelError::Part { part: "Reading pixel values", cause })?;
    if let Some(seen) = model.reuse.seen(&values) {
        return Ok(seen.features);
    }
    let features = model.vlm.see(pixel_values, layout, OTHER_BRANCH, recorder)?;
    model.reuse.keep_seen(Seen { pixel_values: values.into(), features: features.clone(), vision: Vec::new() });
    Ok(features)
}

/// Attention of the layer whose output the decoder gets.
fn cls_row(vision: &VisionAttention) -> Option<ClsRow<'_>> {
    let layer_idx = LayerIdx::clamped(vision.feature_layer_idx, vision.num_hidden_layers)?;
    let values = vision.num_attention_heads * vision.num_patches;
    let start = layer_idx.get() * values;
    Some(ClsRow { unsplit: vision.unsplit(layer_idx), heads: vision.cls_attention.get(start..start + values)? })
}
