//! Yes/no questions about objects: POPE.
//!
//! **Source**: Li et al., *Evaluating Object Hallucination in Large Vision-Language Models*, EMNLP 2023;
//! <https://github.com/RUCAIBox/POPE>.
//!
//! - [`questions`] makes the questions of one image from its objects and the [`ObjectStatistics`] of a data set;
//! - [`questions_for_mentions`] asks about every object an answer mentions, and [`NounQuestion::verdict`] says whether
//!   the model takes it back;
//! - [`suffixes`] are the words that are said after a question;
//! - [`scorers`] are the published ways to read an answer, by name; [`Confusion`] counts their outcomes and makes
//!   figures of them;
//! - [`YesProbability`] is the answer before a word is chosen.

mod confusion;
mod generate;
mod nouns;
mod question;
mod scorers;
mod statistics;
mod suffixes;
mod yes_no;

#[cfg(test)]
mod tests;

pub use crate::data::pope::Label;
pub use confusion::{Confusion, Figures};
pub use generate::{Negatives, PopeOptions, questions};
pub use nouns::{NounQuestion, NounVerdict, questions_for_mentions};
pub use question::{PopeQuestion, Template, with_article};
pub use scorers::{Outcome, Said, Scorer, scorer, scorers};
pub use statistics::ObjectStatistics;
pub use suffixes::{Suffix, suffix, suffixes};
pub use yes_no::{YesNoIds, YesNoWords, YesProbability};
