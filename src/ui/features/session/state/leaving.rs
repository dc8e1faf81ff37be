//! Closing the window: answers that are in no session are not lost without a word.

use crate::ui::core::command::SessionBox;
use crate::ui::core::wording::count;
use crate::ui::features::{AppState, Effect, Run};

impl AppState {
    /// The window is to be closed: answers that are in no session are not lost without a word.
    pub(in crate::ui) fn quit(&mut self) -> Vec<Effect> {
        if self.num_unsaved() == 0 {
            return vec![Effect::Quit];
        }
        self.open.session = Some(SessionBox::Unsaved);
        Vec::new()
    }

    /// Answers that are in no session.
    pub fn num_unsaved(&self) -> usize {
        self.unsaved().count()
    }

    fn unsaved(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.id.0 > self.session.saved_until && run.has_answer())
    }

    /// "3 answers and 6 POPE answers are not saved".
    pub(in crate::ui) fn unsaved_words(&self) -> String {
        let (pope, own): (Vec<&Run>, Vec<&Run>) = self.unsaved().partition(|run| self.pope.is_run(run.id));
        let of_pope = (!pope.is_empty()).then(|| count(pope.len(), "POPE answer"));
        let own_words = (!own.is_empty() || pope.is_empty()).then(|| count(own.len(), "answer"));
        let words: Vec<String> = own_words.into_iter().chain(of_pope).collect();
        let verb = if own.len() + pope.len() == 1 { "is" } else { "are" };
        format!("{} {verb} not saved", words.join(" and "))
    }
}
