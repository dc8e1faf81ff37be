//! What can be done now. A command that would do nothing says why, wherever it is offered.

use crate::data::demo;
use crate::engine::{ImageSource, ModelTask};
use crate::ui::core::command::{Command, ListCommand};
use crate::ui::features::{AppState, LibraryImage};

impl AppState {
    /// Why a command would do nothing now; `None` if it would do something.
    pub fn why_not(&self, command: &Command) -> Option<&'static str> {
        let unless = |is_so: bool, why: &'static str| (!is_so).then_some(why);
        let answer = || self.current_run().and_then(|run| run.trace.as_ref());
        match command {
            Command::Undo => unless(self.history.undoes().is_some(), "There is nothing to undo"),
            Command::Redo => unless(self.history.redoes().is_some(), "There is nothing to redo"),
            Command::Stop => unless(self.is_busy(), "Nothing is being answered or opened"),
            Command::StopOpening => unless(self.browse.opening.is_some(), "Nothing is being read"),
            Command::Regenerate => unless(self.current_run().is_some(), "Nothing has been asked about this photo yet"),
            Command::TogglePrompting | Command::ToggleStrategy => {
                unless(self.model.task() == ModelTask::Answer, "The open model answers no questions")
            }
            Command::CopyAnswer => unless(
                answer().is_some_and(|trace| !trace.output.is_empty()),
                "There is no answer about this photo yet",
            ),
            Command::StepWord(_) => unless(
                answer().is_some_and(|trace| !trace.output.is_empty()),
                "There is no answer about this photo yet",
            ),
            Command::List(ListCommand::AskAll) => self.why_not_all_photos(),
            Command::CloseDataset => unless(!self.is_first_day(), "Only the bundled images are open, and all of them"),
            Command::NextImage | Command::PreviousImage => {
                unless(self.library.num_listed() > 1, "There is no other image in the list")
            }
            Command::ToggleMasks | Command::ToggleNames | Command::ToggleOverlap => {
                let known = self.truth.image.as_ref();
                unless(known.is_none_or(|image| !image.categories.is_empty()), "No object is annotated on this photo")
            }
            Command::NextLayer | Command::PreviousLayer | Command::NextHead | Command::PreviousHead => {
                unless(self.shape().is_some(), "No model is open whose layers could be shown")
            }
            _ => None,
        }
    }

    /// Keys reach commands that would do nothing: it is said then. Some say it themselves, with what to do about it.
    pub(in crate::ui) fn say_why_not(&mut self, command: &Command) {
        let says_itself =
            matches!(command, Command::Regenerate | Command::TogglePrompting | Command::ToggleStrategy | Command::Stop);
        if let Some(why) = self.why_not(command).filter(|_| !says_itself) {
            self.toasts.push(why);
        }
    }

    /// Whether there is anything to stop.
    fn is_busy(&self) -> bool {
        self.runs.active().next().is_some()
            || self.model.loading.is_some()
            || self.prompting.finding.is_some()
            || self.pope.is_asking()
            || self.all_photos.queue().is_some()
    }

    /// Whether nothing was opened besides the bundled images.
    fn is_first_day(&self) -> bool {
        let bundled = |image: &LibraryImage| matches!(image.source, ImageSource::Bundled(_));
        let images = self.library.images();
        let has_all = self.browse.dataset.is_none() || images.len() == demo::IMAGES.len();
        self.browse.bundled && self.browse.waiting.is_none() && has_all && images.iter().all(bundled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::{answered, loaded};

    #[test]
    fn what_would_do_nothing_says_why() {
        let mut state = loaded();
        for command in [Command::Undo, Command::Redo, Command::Stop, Command::Regenerate, Command::CopyAnswer] {
            let why = state.why_not(&command);
            assert!(why.is_some_and(|why| !why.ends_with('.')), "{command:?}: {why:?}");
        }
        state.apply(Command::AskThis("One?".to_owned()));
        assert_eq!(state.why_not(&Command::Stop), None, "a question is being answered");
        assert_eq!(state.why_not(&Command::Regenerate), None, "and can be asked again");
    }

    #[test]
    fn a_key_that_does_nothing_says_so() {
        let mut state = loaded();
        state.apply(Command::Undo);
        let said: Vec<_> = state.toasts.iter().map(|toast| toast.text.as_str()).collect();
        assert_eq!(said, ["There is nothing to undo"], "why nothing happened");
    }

    #[test]
    fn an_answer_can_be_copied() {
        assert_eq!(answered().why_not(&Command::CopyAnswer), None, "there it is");
    }
}
