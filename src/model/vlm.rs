//! What the rest of the program knows of a model, whatever its family.

use super::photo::{Framed, Prepared};
use super::{Additions, Decoder, ModelError, Positions, Probe};
use crate::checkpoint::{CheckpointError, PromptIds, TextConfig, TextTokenizer, VisionConfig};
use crate::data::{Photo, PreprocessError};
use crate::geometry::{ImageLayout, ImageSize, PatchGrid, PreprocessSpec};
use crate::ids::TokenSpan;
use candle_core::Tensor;
use std::fmt::Debug;

/// A vision encoder in the eyes of people and of the recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderInfo {
    /// What it is called: CLIP, `DINOv2`, `SigLIP`.
    pub name: &'static str,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads a layer.
    pub num_attention_heads: usize,
    /// Values of a token between layers.
    pub hidden_size: usize,
    /// Pixels along one side of its usual input.
    pub image_size: usize,
    /// Patches of its usual input.
    pub grid: PatchGrid,
    /// Tokens in front of the patches: `[CLS]`, registers.
    pub num_prefix_tokens: usize,
    /// Whether token 0 is `[CLS]`.
    pub has_cls: bool,
    /// 0-based layer whose output the decoder or the encoder's own head takes.
    pub feature_layer_idx: usize,
}

impl EncoderInfo {
    /// One without `[CLS]` and other tokens before its patches; what comes behind it takes its last layer.
    pub fn patches(
        name: &'static str,
        num_hidden_layers: usize,
        (num_attention_heads, hidden_size): (usize, usize),
        image_size: usize,
        grid: PatchGrid,
    ) -> Self {
        let feature_layer_idx = num_hidden_layers.saturating_sub(1);
        let (num_prefix_tokens, has_cls) = (0, false);
        Self {
            name,
            num_hidden_layers,
            num_attention_heads,
            hidden_size,
            image_size,
            grid,
            num_prefix_tokens,
            has_cls,
            feature_layer_idx,
        }
    }

    /// One that takes square photos; its own head reads the last layer.
    pub fn square(name: &'static str, config: &VisionConfig) -> Self {
        let side = config.image_size / config.patch_size.max(1);
        Self {
            name,
            num_hidden_layers: config.num_hidden_layers,
            num_attention_heads: config.num_attention_heads,
            hidden_size: config.hidden_size,
            image_size: config.image_size,
            grid: PatchGrid { rows: side, cols: side },
            num_prefix_tokens: 1,
            has_cls: true,
            feature_layer_idx: config.num_hidden_layers.saturating_sub(1),
        }
    }

    /// Tokens of its usual input, those in front of the patches included; `None` for an input of another shape.
    pub fn num_tokens(&self, input_shape: &[usize]) -> Option<usize> {
        let is_usual = matches!(input_shape, [_, rows, cols] if [*rows, *cols] == [self.image_size; 2]);
        is_usual.then(|| self.num_prefix_tokens + self.grid.rows * self.grid.cols)
    }
}

/// What is known of a model before its weights are read.
#[derive(Debug, Clone, Copy)]
pub struct ModelSizes<'a> {
    /// The decoder.
    pub text: &'a TextConfig,
    /// The widest of its vision encoders.
    pub vision: &'a VisionConfig,
    /// Most image tokens of a photo.
    pub image_tokens: usize,
}

/// An image as the decoder gets it.
#[derive(Debug, Clone)]
pub struct ImageFeatures {
    /// What each encoder gave, in the order of [`VisionLanguageModel::encoders`], **shape** `[tokens, width]`; for
    /// LLaVA what the projector got, `[image tokens, vision hidden_size * feature layers]`.
    pub vision: Vec<Tensor>,
    /// What the decoder gets, **shape** `[image tokens, hidden_size]`.
    pub projected: Tensor,
}

impl ImageFeatures {
    /// Number of image tokens.
    pub fn num_tokens(&self) -> usize {
        self.projected.dims().first().copied().unwrap_or(0)
    }
}

/// Image tokens in a prompt, and what stands there.
#[derive(Debug, Clone, Copy)]
pub struct ImagePlace<'a> {
    /// Where they are.
    pub span: TokenSpan,
    /// As many.
    pub features: &'a ImageFeatures,
    /// How they lie on the photo; `None` where they are only some of its tokens, one after the other.
    pub layout: Option<&'a ImageLayout>,
}

impl<'a> ImagePlace<'a> {
    /// Image tokens of no known layout.
    pub fn new(span: TokenSpan, features: &'a ImageFeatures) -> Self {
        Self { span, features, layout: None }
    }
}

/// A prompt as a decoder reads it.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// **Shape** `[ids, hidden_size]`.
    pub embeddings: Tensor,
    /// Where each stands for the rotary embedding.
    pub positions: Positions,
    /// What is added behind the first layers.
    pub additions: Additions,
}

impl Embedded {
    /// Each stands where it comes in the sequence.
    pub fn counted(embeddings: Tensor) -> Self {
        let len = embeddings.dims().first().copied().unwrap_or(0);
        Self { embeddings, positions: Positions::counted(len), additions: Additions::default() }
    }
}

/// A prompt's ids through the embedding, and the image's features in its place, **shape** `[ids, hidden_size]`. Ids at
/// image positions are not looked up, so a placeholder outside the vocabulary is fine.
///
/// **Errors**: as many features as the span is not long; ids outside the vocabulary.
pub fn embed_around(decoder: &Decoder, ids: &[u32], image: Option<ImagePlace<'_>>) -> Result<Tensor, ModelError> {
    let Some(ImagePlace { span, features, .. }) = image else { return decoder.embed(ids) };
    let refused = || {
        let (start, end, num_features) = (span.start, span.end(), features.num_tokens());
        ModelError::ImageSpan { start, end, prompt_len: ids.len(), num_features }
    };
    let (Some(before), Some(after)) = (ids.get(..span.start), ids.get(span.end()..)) else { return Err(refused()) };
    if span.len != features.num_tokens() {
        return Err(refused());
    }
    let mut parts = Vec::with_capacity(3);
    if !before.is_empty() {
        parts.push(decoder.embed(before)?);
    }
    parts.push(features.projected.clone());
    if !after.is_empty() {
        // Positions in an error count from the start of the prompt.
        parts.push(decoder.embed(after).map_err(|err| shifted(err, span.end()))?);
    }
    Tensor::cat(&parts, 0).map_err(ModelError::part("Placing the image in the prompt"))
}

fn shifted(err: ModelError, by: usize) -> ModelError {
    match err {
        ModelError::TokenOutOfRange { id, position, vocab_size } => {
            ModelError::TokenOutOfRange { id, position: position + by, vocab_size }
        }
        other => other,
    }
}

/// A model that answers questions about a photo: what the engine, decoding and measurements know of any family.
///
/// An answer calls these in the order in which they stand here: the processor decides after it has seen the photo, the
/// prompt is written once the image tokens are known.
pub trait VisionLanguageModel: Debug + Send + Sync {
    /// Its vision encoders, in the order of [`ImageFeatures::vision`] and of [`super::Site::encoder_idx`].
    fn encoders(&self) -> &[EncoderInfo];

    /// Ids that end an answer.
    fn eos_token_ids(&self) -> &[u32];

    /// What will happen to a photo of this size, `spec` being what the checkpoint's processor says with the
    /// question's framing.
    fn frame(&self, photo: ImageSize, spec: &PreprocessSpec) -> Framed;

    /// The photo as its encoders take it. Reads no weight.
    ///
    /// **Errors**: a processor that makes no such input.
    fn prepare(&self, photo: &Photo, spec: &PreprocessSpec) -> Result<Prepared, PreprocessError>;

    /// Ids of a prompt with one placeholder, which becomes the layout's image tokens.
    ///
    /// **Errors**: a text without exactly one placeholder, or that the tokenizer cannot read.
    fn prompt(
        &self,
        tokenizer: &TextTokenizer,
        text: &str,
        layout: &ImageLayout,
    ) -> Result<PromptIds, CheckpointError> {
        tokenizer.encode_prompt(text, layout.num_tokens())
    }

    /// Runs every encoder on the values of a prepared photo, or on others of the same shape for another branch; the
    /// probe sees their layers under the branch's number.
    ///
    /// **Errors**: values of another shape; what a layer or the probe says.
    fn see(
        &self,
        pixel_values: &Tensor,
        layout: &ImageLayout,
        branch_idx: usize,
        probe: &mut dyn Probe,
    ) -> Result<ImageFeatures, ModelError>;

    /// A prompt as the decoder reads it: ids through the embedding, the image's features in its place. Ids at image
    /// positions are not looked up, so a placeholder outside the vocabulary is fine.
    ///
    /// **Errors**: as many features as the span is not long; ids outside the vocabulary.
    fn embed(&self, ids: &[u32], image: Option<ImagePlace<'_>>) -> Result<Embedded, ModelError>;

    /// The decoder.
    fn decoder(&self) -> &Decoder;
}

/// An encoder that stands by itself: it only sees.
pub trait Encoder: Debug + Send + Sync {
    /// What it is.
    fn info(&self) -> EncoderInfo;

    /// Runs every layer under the eyes of a probe.
    ///
    /// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`.
    ///
    /// **Errors**: another shape; what a layer or the probe says.
    fn look(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> Result<(), ModelError>;

    /// The photo in one vector, as the encoder's authors compare photos: f32, not normalised. `None` where the weights
    /// have no such vector.
    ///
    /// **Shape**: `[num_channels, image_size, image_size]` to `[hidden_size]`.
    fn embedding(&self, _pixel_values: &Tensor, _probe: &mut dyn Probe) -> Result<Option<Tensor>, ModelError> {
        Ok(None)
    }
}
