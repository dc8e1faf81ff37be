//! Object words of an answer, judged.

use crate::analysis::TokenRef;
use crate::analysis::chair::{Extractor, Marked, Status, mark, tokens_of};
use crate::engine::RunId;
use crate::ui::core::wording::count;
use crate::ui::features::Run;
use crate::ui::features::truth::ImageTruth;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// An object word with its tokens.
#[derive(Debug, Clone)]
pub struct MarkedWord {
    /// The word and what is said of it.
    pub marked: Marked,
    /// The generated tokens that make it.
    pub tokens: RangeInclusive<usize>,
}

/// Object words of an answer, judged.
#[derive(Debug, Default)]
pub struct Marks {
    key: Option<(RunId, u64, Option<Arc<ImageTruth>>)>,
    /// In the answer's order.
    pub words: Vec<MarkedWord>,
    /// By generated token: the word it belongs to.
    of_token: Vec<Option<usize>>,
}

impl Marks {
    /// Judges the answer as far as it has come; does nothing if nothing changed.
    pub(in crate::ui) fn update(&mut self, run: &Run, truth: Option<&Arc<ImageTruth>>, extractor: &Extractor) {
        let same = self.key.as_ref().is_some_and(|(id, version, image)| {
            let same_image = match (image, truth) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (a, b) => a.is_none() && b.is_none(),
            };
            (*id, *version) == (run.id, run.version) && same_image
        });
        let Some(trace) = run.trace.as_ref().filter(|_| !same) else { return };
        self.key = Some((run.id, run.version, truth.cloned()));
        let objects = truth.and_then(|truth| truth.chair.as_ref());
        self.of_token = vec![None; trace.output.len()];
        self.words.clear();
        for marked in mark(extractor, &trace.text(), objects) {
            let tokens = tokens_of(trace, &marked.mention.bytes);
            let output = |token: &TokenRef| if let TokenRef::Output(idx) = token { Some(*idx) } else { None };
            let places = || tokens.tokens().iter().filter_map(output);
            let (Some(first), Some(last)) = (places().min(), places().max()) else { continue };
            for place in self.of_token.iter_mut().take(last + 1).skip(first) {
                *place = Some(self.words.len());
            }
            self.words.push(MarkedWord { marked, tokens: first..=last });
        }
    }

    /// The word that a generated token belongs to.
    pub fn of_token(&self, idx: usize) -> Option<&MarkedWord> {
        self.words.get(self.of_token.get(idx).copied().flatten()?)
    }

    /// `1 of 4 object mentions hallucinated (CHAIRi 25.0 %)`: an object that is named twice counts twice, as there;
    /// `None` if no word can be judged.
    pub fn sentence(&self) -> Option<String> {
        let (bad, good) = (self.count(Status::Hallucinated), self.count(Status::Grounded));
        let share = 100.0 * bad as f64 / (bad + good) as f64;
        let mentions = count(bad + good, "object mention");
        (bad + good > 0).then(|| format!("{bad} of {mentions} hallucinated (CHAIRi {share:.1} %)"))
    }

    /// How many words have this status.
    pub fn count(&self, status: Status) -> usize {
        self.words.iter().filter(|word| word.marked.status == status).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::answered;

    #[test]
    fn words_are_judged_once_the_image_is_known() {
        let state = answered();
        let run = state.current_run().expect("answered: A dog.");
        let (extractor, mut marks) = (Extractor::default(), Marks::default());
        marks.update(run, None, &extractor);
        assert_eq!(marks.of_token(1).map(|word| word.marked.status), Some(Status::Unknown), "nobody knows yet");
        let with = |names: &[&'static str]| {
            Some(Arc::new(ImageTruth { chair: Some(names.iter().copied().collect()), ..ImageTruth::default() }))
        };
        marks.update(run, with(&["cat"]).as_ref(), &extractor);
        assert_eq!(marks.count(Status::Hallucinated), 1, "there is no dog");
        marks.update(run, with(&["dog"]).as_ref(), &extractor);
        assert_eq!(
            marks.sentence().as_deref(),
            Some("0 of 1 object mention hallucinated (CHAIRi 0.0 %)"),
            "in a sentence"
        );
        let word = marks.of_token(1).expect("a dog");
        assert_eq!((word.marked.status, word.tokens.clone()), (Status::Grounded, 1..=1), "there is one");
        assert!(marks.of_token(0).is_none() && marks.of_token(9).is_none(), "other tokens are no objects");
    }
}
