//! What changes how an answer comes about: one trait for all of it, whatever a method uses.
//!
//! A [`Method`] is registered in [`crate::decode::METHODS`] and makes an [`ActiveMethod`] for one answer. Everything
//! that an active method may do has a default that does nothing, so that a method says only what it is about:
//!
//! | when | it may |
//! | --- | --- |
//! | before anything is computed | check and spell out its parameters, change the words, have other questions answered first |
//! | once the photo was seen | make prompts of further branches, run passes of its own |
//! | in every pass | see and edit what goes on inside the model, as a [`Probe`] |
//! | at every step | turn logits into those that the token is chosen from, take chosen tokens back |
//! | when the answer is searched | bring a search of its own |
//! | when a search follows several answers | have a copy of its state in each, or refuse |
//! | at the end | say how often it acted |
//!
//! A [`Stack`] runs several in the order given: each probe sees what those before it made, each method on logits takes
//! the logits that the one before it left.

mod context;
mod own_search;
mod report;
mod stack;
mod step;
mod watch;

pub use context::{BranchContext, ClsRow, Encode, FirstAnswer, FirstQuestion, QuestionContext, Words};
pub use own_search::{OverTrust, OwnSearch};
pub use report::{Acted, ActionReport, Reach};
pub use stack::Stack;
pub(super) use stack::{Place, action, most_probable};
pub use step::{Asks, Chosen, HeadRows, Readout, Seen, Step, Verdict};

use super::{Combined, DecodeError, DecoderPrompt, Parameters, Registered};
use crate::model::Probe;

/// A registered method.
pub trait Method: Registered {
    /// Checks the parameters by themselves, as far as that goes without a model, and makes what works on one answer.
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError>;
}

/// A method at work on one answer. What is called when is told in the module's documentation.
pub trait ActiveMethod {
    /// The words of the question in another form; `None` leaves them. Comes before the chat template.
    fn reword(&self, _words: &Words<'_>) -> Result<Option<String>, DecodeError> {
        Ok(None)
    }

    /// Questions about the same photo that the plain model answers first.
    fn first_questions(&self) -> Vec<FirstQuestion> {
        Vec::new()
    }

    /// The whole prompt in another form; `None` leaves it. `answers` are those to [`ActiveMethod::first_questions`];
    /// there are none yet when the parameters are checked.
    fn rewrite(&mut self, _full_prompt: &str, _answers: &[FirstAnswer]) -> Result<Option<String>, DecodeError> {
        Ok(None)
    }

    /// Finds what cannot work with this model and question before anything is computed, and spells out the parameters
    /// that depend on them.
    fn prepare(&mut self, _parameters: &mut Parameters, _question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        Ok(())
    }

    /// What it wants to see at every step.
    fn asks(&self) -> Asks {
        Asks::default()
    }

    /// Prompts of branches besides the ordinary one, in the order in which [`Step::branches`] has their logits.
    fn branches(
        &mut self,
        _context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        Ok(Vec::new())
    }

    /// Patches that are left in its branch, in its order, if it has only some.
    fn outlier_tokens(&self) -> Option<&[usize]> {
        None
    }

    /// What sees and edits the passes, of the vision encoder too. Edits are of the ordinary branch (0) or of the
    /// method's own branches ([`BranchContext::first_branch_idx`]).
    fn probe(&mut self) -> Option<&mut dyn Probe> {
        None
    }

    /// Which keys and values of a branch its probe changes while a prompt of `prompt_len` positions is read: the others
    /// are kept for the next question. Asked only where there is a probe; all of them, unless a method knows better.
    fn reach(&self, _branch_idx: usize, _prompt_len: usize) -> Reach {
        Reach::EVERYTHING
    }

    /// SHA-256 of a file that a parameter names and that decides what its probe does: another time the same name may
    /// stand for other bytes.
    fn file_hash(&self) -> Option<[u8; 32]> {
        None
    }

    /// Whether what it does at a step depends on what it saw at those before: then no step of an answer is taken from
    /// another answer.
    fn keeps_state(&self) -> bool {
        true
    }

    /// The logits that the token is chosen from; `None` leaves them to the methods behind it. A method on logits
    /// returns them at every step, also where it changes nothing.
    fn combine(&mut self, _step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        Ok(None)
    }

    /// How it searches, in the place of what the options of decoding name.
    fn search(&self) -> Option<OwnSearch> {
        None
    }

    /// Whether it may take tokens back. It is told which stand, see [`ActiveMethod::rewound`].
    fn may_retract(&self) -> bool {
        false
    }

    /// What becomes of a token that was chosen, not forced.
    fn judge(&mut self, _chosen: &Chosen<'_>) -> Result<Verdict, DecodeError> {
        Ok(Verdict::Keep)
    }

    /// A copy with all of its state, for another continuation of the same answer: a search that follows several at once
    /// has one for each. `None` where it has none: such a search is refused with it, before anything runs.
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        None
    }

    /// The answer was taken back to its first `to_len` tokens, whoever wanted that: what it keeps of those behind is
    /// void.
    fn rewound(&mut self, _to_len: usize) {}

    /// What it did inside the model in the pass of this step, in words; that it did nothing is one. Asked once a step.
    /// `None` if it has nothing to tell: what it does to logits is told by [`Combined::note`].
    fn did(&mut self) -> Option<String> {
        None
    }

    /// The number that a method which only measures has for this step, in its own unit. Asked behind
    /// [`ActiveMethod::did`], once a step.
    fn measured(&mut self) -> Option<f64> {
        None
    }

    /// How often it acted, if it counts that itself; what it does to logits is counted for it.
    fn report(&self) -> Option<ActionReport> {
        None
    }
}
