//! What a method knows of a question: before anything of it is computed, and once the photo was seen.

use crate::checkpoint::{CheckpointError, PromptIds, TextTokenizer};
use crate::decode::{DecodeError, DecoderPrompt};
use crate::geometry::ImageLayout;
use crate::ids::TokenSpan;
use crate::model::{ImageFeatures, ImagePlace, VisionLanguageModel};
use candle_core::Tensor;

/// The words of a question before the chat template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// The question, or the whole prompt with its `<image>`.
    pub text: &'a str,
    /// Whether it is a question that goes through the chat template.
    pub templated: bool,
}

/// Words that the plain model answers first, greedily and about the same photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstQuestion {
    /// The question; goes through the chat template.
    pub words: String,
    /// Most tokens of its answer.
    pub max_new_tokens: usize,
}

/// The answer to a [`FirstQuestion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Its tokens, the end token included.
    pub ids: Vec<u32>,
    /// Its text without special tokens.
    pub text: String,
}

/// A question before anything of it is computed, its photo prepared.
#[derive(Debug, Clone, Copy)]
pub struct QuestionContext<'a> {
    /// The model.
    pub model: &'a dyn VisionLanguageModel,
    /// Hash of its weights.
    pub weight_hash: &'a str,
    /// Text to ids.
    pub tokenizer: &'a TextTokenizer,
    /// The text of the ordinary branch, with its `<image>`.
    pub full_prompt: &'a str,
    /// The same as ids.
    pub prompt: &'a PromptIds,
    /// How the image tokens lie on the photo.
    pub layout: &'a ImageLayout,
    /// Shape of what the vision encoders get.
    pub input_shape: &'a [usize],
    /// Patches that the vision encoder's `[CLS]` looks at; `None` for an encoder without it.
    pub cls_patches: Option<usize>,
    /// Of everything random.
    pub seed: u64,
    /// At which tokens are drawn; 0 takes the most probable one.
    pub temperature: f64,
}

impl QuestionContext<'_> {
    /// The image tokens, or the error that there are none.
    pub fn image_span(&self, owner: &'static str) -> Result<TokenSpan, DecodeError> {
        Some(self.prompt.image_token_span).filter(|span| span.len > 0).ok_or(DecodeError::NoImage { owner })
    }

    /// Decoder layers.
    pub fn num_hidden_layers(&self) -> usize {
        self.model.decoder().config().num_hidden_layers
    }

    /// Ids of another prompt about the same photo, with its `<image>`.
    pub fn encode(&self, text: &str) -> Result<PromptIds, CheckpointError> {
        self.model.prompt(self.tokenizer, text, self.layout)
    }
}

/// What the vision encoder's `[CLS]` looked at in the layer whose output the decoder gets.
#[derive(Debug, Clone, Copy)]
pub struct ClsRow<'a> {
    /// Softmax of one head as wide as the encoder, **shape** `[patches]`.
    pub unsplit: &'a [f32],
    /// Softmax of each head, **shape** `[heads, patches]`.
    pub heads: &'a [f32],
}

/// What the branches of a question can be made from.
#[derive(Debug, Clone, Copy)]
pub struct BranchContext<'a> {
    /// The model.
    pub model: &'a dyn VisionLanguageModel,
    /// The expanded prompt.
    pub ids: &'a [u32],
    /// The image tokens in it, and what stands there.
    pub image: Option<ImagePlace<'a>>,
    /// What the vision encoders saw, in the family's own shape.
    pub pixel_values: Option<&'a Tensor>,
    /// What `[CLS]` looked at; `None` for an encoder without it.
    pub cls: Option<ClsRow<'a>>,
    /// Of everything random.
    pub seed: u64,
    /// Number that the first branch of the method gets, as its probe sees it in [`crate::model::Site::branch_idx`]; its
    /// further ones follow.
    pub first_branch_idx: usize,
}

impl<'a> BranchContext<'a> {
    /// The image and its features, or the error that there is none.
    pub fn image(&self, owner: &'static str) -> Result<ImagePlace<'a>, DecodeError> {
        self.image.ok_or(DecodeError::NoImage { owner })
    }

    /// The prompt with something else, or nothing, in the image's place.
    pub fn replace_image(
        &self,
        owner: &'static str,
        features: Option<&ImageFeatures>,
    ) -> Result<DecoderPrompt, DecodeError> {
        let ImagePlace { span, layout, .. } = self.image(owner)?;
        let before = self.ids.get(..span.start).unwrap_or_default();
        let image = self.ids.get(span.range()).unwrap_or_default();
        let after = self.ids.get(span.end()..).unwrap_or_default();
        let len = features.map_or(0, ImageFeatures::num_tokens);
        // Ids of image positions are those of the placeholder, all the same.
        let ids = [before, image.get(..len.min(image.len())).unwrap_or_default(), after].concat();
        let layout = layout.filter(|_| len == span.len);
        let span = TokenSpan { start: span.start, len };
        self.embed(ids, features.map(|features| ImagePlace { span, features, layout }))
    }

    /// Another prompt, its image in its place.
    pub fn embed(&self, ids: Vec<u32>, image: Option<ImagePlace<'_>>) -> Result<DecoderPrompt, DecodeError> {
        let embedded = self.model.embed(&ids, image)?;
        Ok(DecoderPrompt::new(ids, embedded))
    }
}

/// Runs the vision encoders on the pixel values of another branch, unless they saw the same before.
pub type Encode<'a> = dyn FnMut(&Tensor) -> Result<ImageFeatures, DecodeError> + 'a;
