//! Closing the window: answers that are in no session are not lost without a word.

use super::SessionBox;
use crate::ui::state::{AppState, Effect};

impl AppState {
    /// The window is to be closed: answers that are in no session are not lost without a word.
    pub(in crate::ui::state) fn quit(&mut self) -> Vec<Effect> {
        if self.num_unsaved() == 0 {
            return vec![Effect::Quit];
        }
        self.open.session = Some(SessionBox::Unsaved);
        Vec::new()
    }

    /// Answers that are in no session.
    pub fn num_unsaved(&self) -> usize {
        self.runs.iter().filter(|run| run.id.0 > self.session.saved_until && run.has_answer()).count()
    }
}
