//! Ways to choose tokens from the logits of one or more branches.

mod damro;
mod icd;
mod m3id;
mod pai_cfg;
mod plain;
mod vcd;

use super::contrast::Combined;
use super::generate::DecoderPrompt;
use super::parameters::names;
use super::{DecodeError, Parameters, Registered};
use crate::checkpoint::{LlavaConfig, PromptIds, TextTokenizer};
use crate::ids::TokenSpan;
use crate::model::{ImageFeatures, Llava};
use crate::names::hint;
use candle_core::Tensor;

/// Every strategy; the first is the default.
pub const STRATEGIES: &[&dyn Strategy] =
    &[&plain::Plain, &vcd::Vcd, &damro::Damro, &icd::Icd, &pai_cfg::PaiCfg, &m3id::M3id];

/// A registered way of decoding.
pub trait Strategy: Registered {
    /// Checks the parameters, spells out those that depend on others, and makes a decoding of one answer.
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Decoding>, DecodeError>;
}

/// A question before anything of it is computed.
#[derive(Debug, Clone, Copy)]
pub struct QuestionContext<'a> {
    /// The model.
    pub config: &'a LlavaConfig,
    /// Text to ids.
    pub tokenizer: &'a TextTokenizer,
    /// The text of the ordinary branch, with its `<image>`.
    pub full_prompt: &'a str,
    /// The same as ids.
    pub prompt: &'a PromptIds,
    /// Patches that the vision encoder's `[CLS]` looks at; `None` for an encoder without it.
    pub cls_patches: Option<usize>,
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
    pub model: &'a Llava,
    /// The expanded prompt.
    pub ids: &'a [u32],
    /// The image tokens in it, and what stands there.
    pub image: Option<(TokenSpan, &'a ImageFeatures)>,
    /// What the vision tower saw, **shape** `[num_channels, image_size, image_size]`.
    pub pixel_values: Option<&'a Tensor>,
    /// What `[CLS]` looked at; `None` for an encoder without it.
    pub cls: Option<ClsRow<'a>>,
    /// Of everything random.
    pub seed: u64,
}

impl<'a> BranchContext<'a> {
    /// The image and its features, or the error that there is none.
    fn image(&self, owner: &'static str) -> Result<(TokenSpan, &'a ImageFeatures), DecodeError> {
        self.image.ok_or(DecodeError::NoImage { owner })
    }

    /// The prompt with something else, or nothing, in the image's place.
    fn replace_image(
        &self,
        owner: &'static str,
        features: Option<&ImageFeatures>,
    ) -> Result<DecoderPrompt, DecodeError> {
        let (span, _) = self.image(owner)?;
        let before = self.ids.get(..span.start).unwrap_or_default();
        let image = self.ids.get(span.range()).unwrap_or_default();
        let after = self.ids.get(span.end()..).unwrap_or_default();
        let len = features.map_or(0, ImageFeatures::num_tokens);
        // Ids of image positions are those of the placeholder, all the same.
        let ids = [before, image.get(..len.min(image.len())).unwrap_or_default(), after].concat();
        let image = features.map(|features| (TokenSpan { start: span.start, len }, features));
        let embeddings = self.model.embed_prompt(&ids, image)?;
        Ok(DecoderPrompt { ids, embeddings })
    }
}

/// Runs the vision encoder and the projector on the pixel values of another branch, unless it saw the same before.
pub type Encode<'a> = dyn FnMut(&Tensor) -> Result<ImageFeatures, DecodeError> + 'a;

/// The decoding of one answer.
pub trait Decoding {
    /// Finds what cannot work with this model and question before anything is computed, and spells out the parameters that depend on them.
    fn prepare(&mut self, _parameters: &mut Parameters, _question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Prompts of the branches besides the ordinary one, in the order in which [`Decoding::combine`] gets their logits.
    fn branches(
        &mut self,
        _context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        Ok(Vec::new())
    }

    /// Patches that are left in the other branch, in its order, if it has only some.
    fn outlier_tokens(&self) -> Option<&[usize]> {
        None
    }

    /// The logits that the token is chosen from, given those of every branch (the ordinary one first); `None` takes the ordinary
    /// branch's as they are. `step_idx` counts the answer's tokens from 0.
    fn combine(&mut self, _step_idx: usize, _logits: &[Vec<f32>]) -> Result<Option<Combined>, DecodeError> {
        Ok(None)
    }
}

/// Both branches' logits.
fn two(logits: &[Vec<f32>]) -> Result<(&[f32], &[f32]), DecodeError> {
    match logits {
        [ordinary, negative] if ordinary.len() == negative.len() => Ok((ordinary, negative)),
        [ordinary, negative] => Err(DecodeError::StrategyShape { expected: ordinary.len(), found: negative.len() }),
        _ => Err(DecodeError::NumBranches { expected: 2, found: logits.len() }),
    }
}

/// Every strategy, in the order of menus.
pub fn strategies() -> &'static [&'static dyn Strategy] {
    STRATEGIES
}

/// The registered strategy of that name.
pub fn strategy_named(name: &str) -> Result<&'static dyn Strategy, DecodeError> {
    let ids = || STRATEGIES.iter().map(|strategy| strategy.id());
    let found = STRATEGIES.iter().copied().find(|strategy| strategy.id() == name);
    found.ok_or_else(|| DecodeError::UnknownName {
        kind: "strategies",
        known: names(ids()),
        found: name.to_owned(),
        hint: hint(name, ids()),
    })
}

/// Makes a registered strategy; the empty name is plain decoding. The parameters come back as they are used, for the
/// trace.
pub fn build_strategy(name: &str, given: &[(String, String)]) -> Result<(Box<dyn Decoding>, Parameters), DecodeError> {
    let strategy = strategy_named(if name.is_empty() { "plain" } else { name })?;
    let mut parameters = Parameters::resolve(strategy, given)?;
    Ok((strategy.build(&mut parameters)?, parameters))
}
