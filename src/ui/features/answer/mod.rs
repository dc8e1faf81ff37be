//! Questions and answers: runs, the queue, words walked and held, and the panels around an answer.

pub(in crate::ui) mod asking;
pub(in crate::ui) mod candidates;
pub(in crate::ui) mod detail;
pub(in crate::ui) mod forking;
pub(in crate::ui) mod forks;
pub(in crate::ui) mod legend;
pub(in crate::ui) mod limit;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod pointing;
pub(in crate::ui) mod progress;
pub(in crate::ui) mod prompt;
pub(in crate::ui) mod question;
pub(in crate::ui) mod queue;
pub(in crate::ui) mod runs;
pub(in crate::ui) mod sampling;
pub(in crate::ui) mod selection;
pub(in crate::ui) mod similarity;
pub(in crate::ui) mod template;
pub(in crate::ui) mod verdict;
pub(in crate::ui) mod words;
