//! POPE's question for every object that an answer mentions.

use super::{Said, Template};
use crate::analysis::chair::Mention;

/// A question about an object that was mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NounQuestion {
    /// The object's category.
    pub category: &'static str,
    /// The question.
    pub text: String,
    /// Which mentions it is about, by their place among those given.
    pub mention_idxs: Vec<usize>,
}

/// Whether a model that mentions an object also says that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NounVerdict {
    /// Asked, it says yes.
    Confirmed,
    /// Asked, it says no: it disagrees with itself.
    TakenBack,
    /// It says neither.
    Unclear,
}

/// One question for each category that is mentioned, in the order of their first mentions.
pub fn questions_for_mentions(mentions: &[Mention], template: Template) -> Vec<NounQuestion> {
    let mut questions: Vec<NounQuestion> = Vec::new();
    for (idx, mention) in mentions.iter().enumerate() {
        match questions.iter_mut().find(|question| question.category == mention.category) {
            Some(question) => question.mention_idxs.push(idx),
            None => questions.push(NounQuestion {
                category: mention.category,
                text: template.question(mention.category),
                mention_idxs: vec![idx],
            }),
        }
    }
    questions
}

impl NounQuestion {
    /// What the answer to this question says about the mentions.
    pub fn verdict(said: Said) -> NounVerdict {
        match said {
            Said::Yes => NounVerdict::Confirmed,
            Said::No => NounVerdict::TakenBack,
            Said::Unknown => NounVerdict::Unclear,
        }
    }
}
