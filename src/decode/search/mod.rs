//! How an answer is found among all that could be written.
//!
//! After every pass a [`Search`] says how the lines of the [`Stepper`] go on: which tokens are put behind which, what
//! forks, what is dropped or taken back. What it gives is tokens in the order in which they are told; a token may say
//! that others before it are taken back.

mod beam;
mod draw;
mod opera;
mod places;
mod ranking;

pub use beam::BeamSearch;
pub use draw::Draw;

use super::DecodeError;
use super::answer::{GenerateOptions, StopReason, TokenStep, check_beams};
use super::method::{OwnSearch, Stack};
use super::stepper::{Line, Offer, Stepper};
use opera::Opera;
use std::collections::BTreeSet;

/// What a search makes of a pass.
#[derive(Debug, Default)]
pub struct Progress {
    /// Tokens as they are told, one behind the other; none where only the search has come further.
    pub tokens: Vec<TokenStep>,
    /// Why the answer ends with them, if it does.
    pub stop: Option<StopReason>,
}

/// How an answer is found among all that could be written.
pub trait Search {
    /// Takes what a pass left of every line, moves the lines, and tells what is known of the answer.
    fn advance(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError>;

    /// The methods of the answer that stands, where they are not those of the first line.
    fn methods(&self) -> Option<&Stack> {
        None
    }

    /// Answers that it follows at once.
    fn width(&self) -> usize {
        1
    }

    /// Numbers of the rows ([`TokenStep::row_id`]) that may be told again; `None` where each is told once.
    fn live_rows(&self) -> Option<BTreeSet<u64>> {
        None
    }
}

/// The search that the options name.
pub(super) fn search(options: &GenerateOptions, methods: &Stack) -> Result<Box<dyn Search>, DecodeError> {
    check_beams(&options.sampling)?;
    methods.check_search(&options.sampling)?;
    match methods.own_search() {
        Some((owner, OwnSearch::Opera(how))) => return Ok(Box::new(Opera::new(owner, how, options)?)),
        None if options.sampling.beams > 1 => return Ok(Box::new(BeamSearch::new(options)?)),
        None => {}
    }
    Ok(Box::new(Draw::new(options)?))
}

/// Where an answer ends.
#[derive(Debug, Clone)]
struct Limits {
    stop_token_ids: Vec<u32>,
    max_new_tokens: usize,
}

impl Limits {
    fn of(options: &GenerateOptions) -> Self {
        let GenerateOptions { stop_token_ids, max_new_tokens, .. } = options;
        Self { stop_token_ids: stop_token_ids.clone(), max_new_tokens: *max_new_tokens }
    }

    fn is_stop(&self, id: u32) -> bool {
        self.stop_token_ids.contains(&id)
    }

    /// Whether an answer of `len` tokens on a line ends with its last, `id`.
    fn stop(&self, id: u32, len: usize, line: &Line) -> Option<StopReason> {
        if self.is_stop(id) {
            Some(StopReason::StopToken)
        } else if len >= self.max_new_tokens {
            Some(StopReason::MaxNewTokens)
        } else {
            line.is_full().then_some(StopReason::ContextFull)
        }
    }
}
