//! Mitigations on and off, for the shown question and for those to come: an answer that was given before is shown, not
//! asked for again.

use crate::engine::{ModelTask, Question};
use crate::ui::core::command::PromptingCommand;
use crate::ui::features::{AppState, Effect};

impl AppState {
    /// The shown question and those to come about the photo darkened where a model does not look, or about the original
    /// photo.
    pub(in crate::ui) fn toggle_prompting(&mut self) -> Vec<Effect> {
        if !self.has_mitigations() {
            return Vec::new();
        }
        self.apply_prompting(PromptingCommand::Switch(!self.prompting_is_on()))
    }

    /// The shown question and those to come decoded against a second branch, or plainly.
    pub(in crate::ui) fn toggle_strategy(&mut self) -> Vec<Effect> {
        if !self.has_mitigations() {
            return Vec::new();
        }
        let shown = self.current_run().map(|run| !run.question.has_methods());
        let is_plain = shown.unwrap_or_else(|| self.ask.is_plain());
        self.ask.switch_methods(is_plain);
        self.ask_shown_with_methods()
    }

    /// A control of a method was released: the shown question is asked again where that is wanted.
    pub(in crate::ui) fn methods_settled(&mut self) -> Vec<Effect> {
        if !self.ask.live || self.model.task() != ModelTask::Answer {
            return Vec::new();
        }
        // What was on its way to an answer with other settings is of no use to anybody.
        let superseded = self.current_run().filter(|run| run.phase.is_active() && run.question.has_methods());
        let superseded = superseded.map(|run| run.id);
        self.shown_with_methods().map_or_else(Vec::new, |question| self.show_or_send_for(superseded, question))
    }

    /// The shown question with the methods as they are set; an answer that was given before is shown.
    pub(in crate::ui) fn ask_shown_with_methods(&mut self) -> Vec<Effect> {
        self.shown_with_methods().map_or_else(Vec::new, |question| self.show_or_send(question))
    }

    fn shown_with_methods(&self) -> Option<Question> {
        let run = self.current_run()?;
        // A forced beginning is of the answer before, not of the question.
        Some(self.ask.with_methods(Question { fork: None, ..run.question.clone() }))
    }

    /// Whether there is a decoder whose choices could be changed; says so where there is none.
    fn has_mitigations(&mut self) -> bool {
        let answers = self.has_decoder() && self.model.task() == ModelTask::Answer;
        if !answers {
            self.toasts.push("The open model answers no questions: nothing can be switched on");
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, Request, RunId, Timings};
    use crate::ui::core::command::Command;
    use crate::ui::features::testing::{answered, loaded};

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
        state.receive(Event::Started(id, Box::new(crate::ui::features::testing::trace())), 0.0);
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
    fn without_an_answer_they_are_switched_for_the_next_question() {
        let mut state = loaded();
        assert_eq!(state.next_question(), "plain decoding, original photo", "at first");
        for command in [Command::ToggleStrategy, Command::TogglePrompting] {
            assert!(state.apply(command).is_empty(), "nothing is asked");
        }
        assert_eq!(state.next_question(), "VCD alpha 1.00, photo prompted (CLIP)", "both stay");
        for command in [Command::ToggleStrategy, Command::TogglePrompting] {
            state.apply(command);
        }
        assert_eq!(state.next_question(), "plain decoding, original photo", "and both go");
    }

    #[test]
    fn the_menu_the_key_and_the_shown_answer_agree() {
        let mut state = answered();
        state.apply(Command::ToggleStrategy);
        assert_eq!(state.ask.spec().name, "vcd", "the menu says what the key asked with");
        finish(&mut state, RunId(2));
        state.apply(Command::ToggleStrategy);
        assert!(state.ask.is_plain(), "off for the next question, too");
        // Another one is chosen, switched off and on again.
        let mut ask = state.ask.clone();
        ask.strategy = "m3id".to_owned();
        state.apply(Command::SetAsk(Box::new(ask)));
        assert_eq!(strategy(&state.apply(Command::ToggleStrategy)).as_deref(), Some("m3id"), "the chosen one");
        finish(&mut state, RunId(3));
        state.apply(Command::ToggleStrategy);
        assert!(state.ask.is_plain() && state.current_run().map(|run| run.id) == Some(RunId(1)), "the plain answer");
        assert_eq!(strategy(&state.apply(Command::AskThis("More?".to_owned()))).as_deref(), Some(""), "asked plainly");
        let id = state.current_run().map(|run| run.id).expect("asked");
        finish(&mut state, id);
        assert_eq!(strategy(&state.apply(Command::ToggleStrategy)).as_deref(), Some("m3id"), "and on again");
    }

    #[test]
    fn a_model_without_a_decoder_has_nothing_to_switch() {
        let mut state = loaded();
        let mut info = (*crate::ui::features::testing::info(0, 0)).clone();
        info.task = ModelTask::Compare;
        state.receive(Event::Loaded(std::sync::Arc::new(info)), 0.0);
        for command in [Command::ToggleStrategy, Command::TogglePrompting] {
            assert!(state.apply(command).is_empty(), "nothing is asked");
        }
        assert!(state.ask.is_plain() && !state.prompting.settings.on, "nothing is switched");
        assert!(state.toasts.iter().any(|toast| toast.text.contains("answers no questions")), "said");
    }

    fn finish(state: &mut crate::ui::features::AppState, id: RunId) {
        state.receive(Event::Started(id, Box::new(crate::ui::features::testing::trace())), 0.0);
        state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 1.0);
    }
}
