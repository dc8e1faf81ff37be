//! What people do with runs that are compared.

use crate::engine::{ImageSource, RunId};

/// What people do with runs that are compared.
#[derive(Debug, Clone, PartialEq)]
pub enum CompareCommand {
    /// Hold the others against this run, or against what suits best.
    Pin(Option<RunId>, ImageSource),
    /// A further run beside the reference, or not any more.
    Toggle(RunId),
    /// Take the difference of this run and the reference.
    Subtract(RunId),
    /// The list of runs, or not.
    ToggleList,
    /// Compare, with the list of runs.
    ShowAll,
    /// The pointer came to a token for which the shown run has none, or left.
    Hover(Option<Elsewhere>),
    /// A click on such a token.
    Hold(Elsewhere),
    /// Mark the choices of a run that another strength would change; `None` marks none.
    Try(Option<TriedStrength>),
    /// Ask the question of the shown run again at the tried strength, and nothing else changed.
    AskAtTried,
}

/// A token of a run that is not the shown one, and for which the shown one has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// The run.
    pub run: RunId,
    /// Number of the generated token.
    pub token_idx: usize,
}

/// A strength of the contrast that is looked at without asking again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TriedStrength {
    /// Whose choices.
    pub run: RunId,
    /// The strength; of a strategy whose strength changes from step to step, the multiple of what it was.
    pub value: f64,
}
