//! Mitigations on and off on the shown question: an answer that was given before is shown, not made again.

use super::{AppState, Effect, PromptingCommand, Severity, Until};
use crate::engine::{Question, Spec};

/// What is switched on where no contrastive strategy was chosen.
const FIRST_STRATEGY: &str = "vcd";

impl AppState {
    /// The shown question about the photo darkened where a model does not look, or about the photo as it is.
    pub(super) fn toggle_prompting(&mut self) -> Vec<Effect> {
        if !self.can_switch() {
            return Vec::new();
        }
        let is_on = self.current_run().is_some_and(|run| run.question.prompted.is_some());
        self.apply_prompting(PromptingCommand::Switch(!is_on))
    }

    /// The shown question decoded against a second branch, or plainly.
    pub(super) fn toggle_strategy(&mut self) -> Vec<Effect> {
        if !self.can_switch() {
            return Vec::new();
        }
        let Some(run) = self.current_run() else { return Vec::new() };
        let is_plain = run.question.strategy.is_plain();
        let strategy = match (is_plain, self.ask.spec()) {
            (false, _) => Spec::default(),
            (true, chosen) if chosen != Spec::default() => chosen,
            (true, _) => Spec { name: FIRST_STRATEGY.to_owned(), parameters: Vec::new() },
        };
        // A forced beginning is of the answer before, not of the question.
        let question = Question { strategy, fork: None, ..run.question.clone() };
        self.show_or_send(question)
    }

    /// Whether there is an answer to switch anything on; says so where there is none.
    fn can_switch(&mut self) -> bool {
        let answered = self.current_run().is_some() && self.has_decoder();
        if !answered {
            let what = "There is no answer yet that a mitigation could be switched on for";
            self.notices.push((Severity::Info, Until::NextQuestion), what, self.question_advice(), None);
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answered, loaded};
    use super::*;
    use crate::engine::{Event, Request, RunId, Timings};
    use crate::ui::command::Command;

    fn strategy(effects: &[Effect]) -> Option<String> {
        effects.iter().find_map(|effect| match effect {
            Effect::Send(Request::Ask(_, question)) => Some(question.strategy.name.clone()),
            _ => None,
        })
    }

    #[test]
    fn a_strategy_is_switched_on_and_the_plain_answer_comes_back_unasked() {
        let mut state = answered();
        let plain = state.current_run().expect("answered").id;
        assert_eq!(strategy(&state.apply(Command::ToggleStrategy)).as_deref(), Some("vcd"), "nothing else was chosen");
        let id = RunId(2);
        state.receive(Event::Started(id, Box::new(super::super::testing::trace())), 0.0);
        state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 1.0);
        assert_eq!(strategy(&state.apply(Command::ToggleStrategy)), None, "the plain answer is there");
        assert_eq!(state.current_run().map(|run| run.id), Some(plain), "and shown");
        assert_eq!(strategy(&state.apply(Command::ToggleStrategy)), None, "so is the other one");
        assert_eq!(state.current_run().map(|run| run.id), Some(id), "on again");
        state.apply(Command::ToggleStrategy);
        state.ask.strategy = "damro".to_owned();
        assert_eq!(strategy(&state.apply(Command::ToggleStrategy)).as_deref(), Some("damro"), "the chosen one");
    }

    #[test]
    fn without_an_answer_it_says_so() {
        let mut state = loaded();
        for command in [Command::ToggleStrategy, Command::TogglePrompting] {
            assert!(state.apply(command).is_empty(), "nothing is asked");
        }
        assert_eq!(state.notices.iter().count(), 1, "and that is said once");
    }
}
