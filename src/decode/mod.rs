//! Branches and the choice of tokens.
//!
//! A [`Generation`] runs the branches of a [`Strategy`] through the decoder, one pass a token. The strategy turns the logits of all
//! branches into those the token is chosen from, the sampler chooses, and a [`TokenStep`] says what was known: log-probability,
//! entropy and candidates always come from the untouched logits of the ordinary branch (branch 0).
//!
//! [`Intervention`]s are probes that change attention inside the model. They count how often they acted, because a change that
//! silently does nothing is the commonest defect of published code.
//!
//! | to add | do |
//! | --- | --- |
//! | a strategy | one file in `strategies/`, one line in [`STRATEGIES`] |
//! | an intervention | one file in `interventions/`, one line in [`INTERVENTIONS`] |

mod contrast;
mod distribution;
mod error;
mod generate;
mod interventions;
mod noise;
mod parameters;
mod sampling;
mod strategies;
#[cfg(test)]
mod tests;

pub use contrast::{Combined, ContrastCandidate, StepContrast};
pub use distribution::{Distribution, TokenCandidate};
pub use error::DecodeError;
pub use generate::{DecoderPrompt, GenerateOptions, Generated, Generation, StopReason, TokenStep, generate};
pub use interventions::{
    ActionReport, ActiveIntervention, INTERVENTIONS, Intervention, InterventionContext, Reach, build_intervention,
    intervention_named, interventions,
};
pub use parameters::{
    PRESET, ParameterInfo, ParameterKind, Parameters, Preset, Registered, Strength, check_parameter_names,
};
pub use sampling::{Sampler, SamplingOptions};
pub use strategies::{
    BranchContext, ClsRow, Decoding, Encode, QuestionContext, STRATEGIES, Strategy, build_strategy, strategies,
    strategy_named,
};
