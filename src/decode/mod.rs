//! Branches and the choice of tokens.
//!
//! A [`Generation`] runs the branches of a [`Stack`] of methods through the decoder, one pass a token. The methods turn
//! the logits of all branches into those the token is chosen from, a [`Search`] chooses, and a [`TokenStep`] says what
//! was known: log-probability, entropy and candidates always come from the untouched logits of the ordinary branch
//! (branch 0). A search follows one answer, greedy or drawn, or several ([`BeamSearch`]); each is a [`Line`] of the
//! [`Stepper`] with caches and methods of its own, and all of them share the pass.
//!
//! Everything that changes how an answer comes about is a [`Method`] of one registry, [`METHODS`]: contrastive
//! strategies, changes of attention inside the model, and what uses several of these at once. They count how often they
//! acted, because a change that silently does nothing is the commonest defect of published code.
//!
//! | to add | do |
//! | --- | --- |
//! | a method | one file in `methods/`, one line in [`METHODS`] |

mod acts;
mod answer;
mod contrast;
mod distribution;
mod error;
mod generate;
mod line_probes;
mod method;
mod methods;
mod noise;
mod parameters;
mod prompt;
mod sampling;
mod search;
mod stepper;
#[cfg(test)]
mod tests;

pub use acts::Acts;
pub use answer::{GenerateOptions, MOST_BEAMS, StopReason, TokenStep, check_beams};
pub use contrast::Combined;
pub use distribution::{Distribution, TokenCandidate};
pub use error::DecodeError;
pub use generate::{Generated, Generation, generate};
pub use method::{
    Acted, ActionReport, ActiveMethod, Asks, BranchContext, Chosen, ClsRow, Encode, FirstAnswer, FirstQuestion,
    HeadRows, Method, OverTrust, OwnSearch, QuestionContext, Reach, Readout, Seen, Stack, Step, Verdict, Words,
};
pub use methods::{Built, METHODS, add_method, build, interventions, method_named, methods, strategies};
pub use parameters::{
    MethodInfo, PRESET, ParameterInfo, ParameterKind, Parameters, Preset, Registered, Strength, Word,
    check_parameter_names, scaled_layer,
};
pub use prompt::DecoderPrompt;
pub use sampling::Sampler;
pub use search::{BeamSearch, Draw, Progress, Search};
pub use stepper::{Line, Offer, Stepper};
