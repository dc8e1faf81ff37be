//! Ways to choose tokens from the logits of one or more branches.

mod plain;

use super::generate::DecoderPrompt;
use super::parameters::names;
use super::{DecodeError, Parameters, Registered};
use crate::ids::TokenSpan;
use crate::model::{ImageFeatures, Llava, Probe};
use candle_core::Tensor;

/// Every strategy; the first is the default.
pub const STRATEGIES: &[&dyn Strategy] = &[&plain::Plain];

/// A registered way of decoding.
pub trait Strategy: Registered {
    /// Checks the parameters, spells out those that depend on others, and makes a decoding of one answer.
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Decoding>, DecodeError>;
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
    /// Of everything random.
    pub seed: u64,
}

/// The decoding of one answer.
pub trait Decoding {
    /// Prompts of the branches besides the ordinary one, in the order in which [`Decoding::combine`] gets their logits.
    fn branches(
        &mut self,
        _context: &BranchContext<'_>,
        _probe: &mut dyn Probe,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        Ok(Vec::new())
    }

    /// The logits that the token is chosen from, given those of every branch (the ordinary one first); `None` takes the ordinary
    /// branch's as they are. Removed candidates are minus infinity.
    fn combine(&mut self, _logits: &[Vec<f32>]) -> Result<Option<Vec<f32>>, DecodeError> {
        Ok(None)
    }
}

/// Every strategy, in the order of menus.
pub fn strategies() -> &'static [&'static dyn Strategy] {
    STRATEGIES
}

/// Makes a registered strategy; the empty name is plain decoding. The parameters come back as they are used, for the
/// trace.
pub fn build_strategy(name: &str, given: &[(String, String)]) -> Result<(Box<dyn Decoding>, Parameters), DecodeError> {
    let name = if name.is_empty() { "plain" } else { name };
    let Some(strategy) = STRATEGIES.iter().copied().find(|strategy| strategy.id() == name) else {
        let known = names(STRATEGIES.iter().map(|strategy| strategy.id()));
        return Err(DecodeError::UnknownName { kind: "strategies", known, found: name.to_owned() });
    };
    let mut parameters = Parameters::resolve(strategy, given)?;
    Ok((strategy.build(&mut parameters)?, parameters))
}
