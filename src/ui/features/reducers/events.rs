//! What the worker says.

use crate::engine::{Event, ModelInfo, ModelSource, ModelTask, RunId, is_limit_sentence};
use crate::ui::core::command::Command;
use crate::ui::features::models::state as model;
use crate::ui::features::{AppState, Effect, Phase, Severity, Source, Until, source_label};
use std::sync::Arc;

impl AppState {
    /// Takes in an event. `now_secs` is any clock that only goes forward.
    pub fn receive(&mut self, event: Event, now_secs: f64) -> Vec<Effect> {
        let mut effects = self.take_in(event, now_secs);
        self.settle_source();
        self.settle_notices();
        effects.extend(self.follow_pope());
        effects.extend(self.follow_all_photos());
        self.follow_study_row();
        effects
    }

    fn take_in(&mut self, event: Event, now_secs: f64) -> Vec<Effect> {
        match event {
            Event::Attributed(id, attributed, info) => return self.attributed(id, &attributed, &info),
            Event::Loading { share, what } => {
                if let Some(loading) = &mut self.model.loading {
                    loading.share = share.clamp(0.0, 1.0);
                    loading.downloaded |= what.starts_with("Downloading");
                    loading.what = what;
                }
            }
            Event::Loaded(info) => self.model_loaded(info),
            Event::LoadFailed(why) => self.load_failed(why),
            Event::Stage(id, stage) => {
                if let Some(run) = self.runs.active_mut(id) {
                    run.phase = Phase::Working(stage);
                }
            }
            Event::Started(id, trace) => {
                // What is asked behind the shown question keeps its warnings to its own trace.
                let is_behind = self.is_behind(id);
                for warning in trace.warnings.iter().filter(|_| !is_behind) {
                    self.notices.push((Severity::Warning, Until::OtherAnswer(id)), warning.clone(), "", None);
                }
                if let Some(run) = self.runs.active_mut(id) {
                    run.start(*trace);
                }
            }
            Event::Token(id, token, row) => {
                if let Some(run) = self.runs.active_mut(id) {
                    run.push(*token, row, now_secs);
                }
            }
            Event::Rewind(id, to_len) => {
                if let Some(run) = self.runs.active_mut(id) {
                    run.rewind(to_len);
                }
                if self.current_run().is_some_and(|run| run.id == id) {
                    self.selection.let_go_from(to_len);
                }
                self.selection.let_go_elsewhere(|token| token.run == id && token.token_idx >= to_len);
                self.history.let_go(id, to_len);
            }
            Event::Finished { id, timings, warnings } => {
                if let Some(run) = self.runs.active_mut(id) {
                    run.phase = Phase::Finished;
                    run.timings = Some(timings);
                    if let Some(trace) = &mut run.trace {
                        trace.warnings.extend(warnings.iter().cloned());
                    }
                }
                // A line below the answer says that it came to its limit.
                let is_behind = self.is_behind(id);
                let is_said = |warning: &String| is_behind || is_limit_sentence(warning);
                let warnings: Vec<String> = warnings.into_iter().filter(|warning| !is_said(warning)).collect();
                for warning in warnings {
                    self.notices.push((Severity::Warning, Until::OtherAnswer(id)), warning, "", None);
                }
                self.say_answered(id);
            }
            Event::Attributing { id, share, what } => self.attribution_opening(id, share, what),
            Event::Cancelled(id) => {
                self.attribution_ended(id, None);
                if let Some(run) = self.runs.active_mut(id) {
                    run.phase = Phase::Cancelled;
                }
            }
            Event::Failed(id, why) => {
                if self.attribution_ended(id, Some(&why)) {
                    return Vec::new();
                }
                if let Some(run) = self.runs.active_mut(id) {
                    run.phase = Phase::Failed(why.clone());
                }
                if !self.is_behind(id) {
                    self.say_failed(id, why);
                }
            }
            Event::Outdated(id, why) => {
                self.attribution_ended(id, Some(&why));
                if let Some(run) = self.runs.active_mut(id) {
                    run.phase = Phase::Failed(why.clone());
                }
                let source = self.model.source.clone();
                let action = source.map(|source| ("Open the model again".to_owned(), Command::OpenModel(source)));
                self.notices.push((Severity::Error, Until::Dismissed), why, "", action);
            }
            Event::WorkerDied(why) => self.worker_died(&why),
        }
        Vec::new()
    }

    fn model_loaded(&mut self, info: Arc<ModelInfo>) {
        if let Some(loading) = &self.model.loading {
            model::remember(&mut self.prefs.recent_models, &loading.source);
        }
        let of_session = self.model.loading.as_ref().is_some_and(|loading| loading.of_session);
        let other_model =
            !of_session && self.model.info.as_ref().is_some_and(|old| old.weight_hash != info.weight_hash);
        let clamp = |choice: &mut crate::ui::core::settings::LayerHead, layers: usize, heads: usize| {
            choice.layer = choice.layer.clamped(layers);
            choice.head = choice.head.clamped(heads);
        };
        if info.task == ModelTask::Answer {
            clamp(&mut self.view.decoder, info.num_hidden_layers, info.num_attention_heads);
            if self.model.task() != ModelTask::Answer && !of_session {
                self.view.source = Source::DECODER;
            }
        }
        clamp(&mut self.view.vision, info.vision_num_hidden_layers, info.vision_num_attention_heads);
        let mut words = match self.model.loading.as_ref() {
            Some(loading) if loading.downloaded => format!("{} was downloaded and is open", info.id),
            _ => format!("{} is open", info.id),
        };
        if other_model && self.runs.iter().next().is_some() {
            words.push_str("; earlier answers are from the previous model: ask again to compare");
        }
        if other_model && self.colour.forget_fixed_range() {
            words.push_str("; the fixed colour range is per map again");
        }
        // The demo of a window that just began is what everybody expects.
        let source = self.model.loading.as_ref().map(|loading| &loading.source);
        let is_expected = self.model.info.is_none() && matches!(source, None | Some(ModelSource::Demo));
        if !of_session && !is_expected {
            self.toasts.push(words);
        }
        self.notices.settle(&Command::OpenModelBox); // an earlier model that could not be opened
        self.model.loaded(info);
    }

    /// An answer that nobody looks at has come.
    fn say_answered(&mut self, id: RunId) {
        let Some(run) = self.runs.get(id).filter(|_| !self.is_behind(id)) else { return };
        if let Some(name) = self.elsewhere(id) {
            let text = format!("Answered about {name}: {}", run.prompt_text().trim());
            self.toasts.push_with(text, Some(("Show it".to_owned(), Command::ShowAnswer(id))));
        }
    }

    /// A question went wrong. The button asks the shown one again, so it stands only where that is this one.
    fn say_failed(&mut self, id: RunId, why: String) {
        if let Some(name) = self.elsewhere(id) {
            let text = format!("The question about {name} failed: {why}");
            return self.toasts.push_with(text, Some(("Show it".to_owned(), Command::ShowAnswer(id))));
        }
        let action = Some(("Ask again".to_owned(), Command::Regenerate));
        self.notices.push((Severity::Error, Until::OtherAnswer(id)), why, "", action);
    }

    /// The name of a question's photo, if another one is looked at.
    pub(in crate::ui) fn elsewhere(&self, id: RunId) -> Option<String> {
        let image = &self.runs.get(id)?.question.image;
        let idx = self.library.position(image).filter(|_| Some(image) != self.current_image())?;
        Some(self.library.images().get(idx)?.name.clone())
    }

    fn load_failed(&mut self, why: String) {
        let wanted = self.model.loading.take().map(|loading| loading.source);
        let advice = match (&self.model.info, wanted) {
            (Some(info), _) => format!("{} is still loaded", info.id),
            (None, Some(wanted)) => format!("No model is open; {} could not be read", source_label(&wanted)),
            (None, None) => "No model is open".to_owned(),
        };
        let action = Some(("Open another model…".to_owned(), Command::OpenModelBox));
        self.notices.push((Severity::Error, Until::Dismissed), why, advice, action);
    }

    fn worker_died(&mut self, why: &str) {
        let next = self.model.died();
        self.prompting.finding = None;
        self.runs.end_active(&Phase::Failed(why.to_owned()));
        let action = Some(("Restart".to_owned(), Command::RestartWorker));
        let advice = match &self.model.died_with {
            Some(with) => format!(
                "Answers so far are kept; restarting opens {}, not {}, with which it stopped",
                source_label(&next),
                source_label(with)
            ),
            None => "Answers so far are kept; restarting opens the model again".to_owned(),
        };
        self.notices.push(
            (Severity::Error, Until::Dismissed),
            format!("The model's worker stopped: {why}"),
            advice,
            action,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Request, Stage, Timings};
    use crate::ui::core::command::Extend;
    use crate::ui::core::settings::RangeMode;
    use crate::ui::features::TokenPos;
    use crate::ui::features::testing::{answered, info, loaded, row, token, trace};

    #[test]
    fn an_answer_streams_in() {
        let mut state = loaded();
        state.apply(Command::AskThis("What?".to_owned()));
        let id = RunId(1);
        state.receive(Event::Stage(id, Stage::Vision), 0.0);
        assert_eq!(
            state.current_run().map(|run| run.phase.clone()),
            Some(Phase::Working(Stage::Vision)),
            "at the vision encoder"
        );
        state.receive(Event::Started(id, Box::new(trace())), 0.1);
        state.receive(Event::Token(id, Box::new(token("A")), Some(row(0.1))), 0.2);
        state.receive(Event::Token(id, Box::new(token(" dog")), Some(row(0.2))), 0.3);
        let run = state.current_run().expect("asked");
        assert_eq!(run.trace.as_ref().map(crate::trace::Trace::text).as_deref(), Some("A dog"), "both tokens");
        assert_eq!(run.version, 3, "three changes");
        state.receive(
            Event::Finished { id, timings: Timings::default(), warnings: vec!["Rows were left out".to_owned()] },
            0.4,
        );
        assert_eq!(state.current_run().map(|run| run.phase.clone()), Some(Phase::Finished), "done");
        assert_eq!(state.notices.iter().count(), 1, "the warning is shown");
    }

    #[test]
    fn tokens_that_are_taken_back_go_with_their_rows_and_selection() {
        let mut state = loaded();
        state.apply(Command::AskThis("What?".to_owned()));
        let id = RunId(1);
        state.receive(Event::Started(id, Box::new(trace())), 0.1);
        let mut bytes = Vec::new();
        for (idx, text) in ["A", " dog", " runs"].into_iter().enumerate() {
            state.receive(Event::Token(id, Box::new(token(text)), Some(row(0.1))), 0.2 + idx as f64);
            bytes.push(state.runs.attention_bytes());
        }
        for idx in [0, 2] {
            state.apply(Command::ClickToken(TokenPos::Output(idx), Extend::Toggle));
        }
        state.selection.hovered_token = Some(TokenPos::Output(1));
        state.receive(Event::Rewind(id, 1), 4.0);
        let run = state.current_run().expect("asked");
        let trace = run.trace.as_ref().expect("started");
        assert_eq!((trace.text().as_str(), trace.decoder_attention.len()), ("A", 1), "one token and its row stand");
        assert!(bytes[0] < bytes[2], "rows take memory");
        assert_eq!(run.attention_bytes, bytes[0], "that of the others is given back");
        let held: Vec<_> = state.selection.tokens.iter().copied().collect();
        assert_eq!((held, state.selection.hovered_token), (vec![TokenPos::Output(0)], None), "what is gone is let go");
        state.apply(Command::Undo);
        state.apply(Command::Redo);
        let held: Vec<_> = state.selection.tokens.iter().copied().collect();
        assert!(!held.contains(&TokenPos::Output(2)), "nor does undoing bring it back: {held:?}");
        state.receive(Event::Token(id, Box::new(token(" cat")), Some(row(0.2))), 5.0);
        let text = state.current_run().and_then(|run| run.trace.as_ref()).map(crate::trace::Trace::text);
        assert_eq!(text.as_deref(), Some("A cat"), "and others follow");
    }

    #[test]
    fn a_dead_worker_offers_a_restart_and_keeps_answers() {
        let mut state = answered();
        state.apply(Command::AskThis("More?".to_owned()));
        state.receive(Event::WorkerDied("it panicked".to_owned()), 1.0);
        assert!(
            matches!(state.current_run().map(|run| &run.phase), Some(Phase::Failed(_))),
            "the open question failed"
        );
        assert!(state.apply(Command::AskThis("And now?".to_owned())).is_empty(), "nothing is sent to a dead worker");
        let effects = state.apply(Command::RestartWorker);
        assert_eq!(effects.len(), 2, "restart, then open the model again: {effects:?}");
        assert_eq!(state.notices.iter().filter(|notice| notice.action.is_some()).count(), 0, "the button is gone");
    }

    #[test]
    fn a_model_with_which_the_worker_stopped_is_not_opened_again() {
        let source = |effects: Vec<Effect>| {
            let loads = effects.into_iter().filter_map(|effect| match effect {
                Effect::Send(Request::Load(request)) => Some(request.source),
                _ => None,
            });
            loads.last().expect("a model is opened")
        };
        let broken = ModelSource::Folder("/broken".into());
        let mut state = loaded();
        state.apply(Command::OpenModel(broken.clone()));
        state.receive(Event::WorkerDied("Internal error while opening the model: /broken".to_owned()), 0.0);
        assert_eq!(source(state.apply(Command::RestartWorker)), ModelSource::Demo, "the one before opened well");
        let mut state = AppState::default();
        state.apply(Command::OpenModel(broken.clone()));
        state.receive(Event::Loaded(info(1, 1)), 0.0);
        assert_eq!(state.model.source, Some(broken.clone()), "open");
        state.receive(Event::WorkerDied("Internal error while answering: /broken".to_owned()), 0.0);
        let advice = state.notices.iter().next().map(|notice| notice.advice.clone()).unwrap_or_default();
        assert!(advice.contains("opens the demo model, not /broken"), "said before: {advice}");
        assert_eq!(source(state.apply(Command::RestartWorker)), ModelSource::Demo, "once is enough");
        assert_eq!(source(state.apply(Command::OpenModel(broken.clone()))), broken, "whoever asks for it gets it");
    }

    #[test]
    fn a_model_that_changed_on_disk_can_be_opened_again() {
        let mut state = answered();
        state.model.source = Some(ModelSource::Folder("/m".into()));
        state.apply(Command::AskThis("More?".to_owned()));
        let id = state.current_run().expect("asked").id;
        state.receive(Event::Outdated(id, "Cannot use the model: its weights have changed: /m".to_owned()), 1.0);
        assert!(matches!(state.current_run().map(|run| &run.phase), Some(Phase::Failed(_))), "no answer of two models");
        let action = state.notices.iter().find_map(|notice| notice.action.clone());
        assert_eq!(
            action.map(|(_, command)| command),
            Some(Command::OpenModel(ModelSource::Folder("/m".into()))),
            "a button"
        );
    }

    #[test]
    fn a_model_that_fails_leaves_the_old_one_open() {
        let mut state = loaded();
        state.apply(Command::OpenModel(ModelSource::Folder("/broken".into())));
        state.receive(Event::LoadFailed("Expected a config.json, found none: /broken".to_owned()), 0.0);
        assert!(
            state.model.info.is_some() && state.model.loading.is_none(),
            "the old one is there, nothing is loading"
        );
        assert_eq!(state.notices.iter().next().map(|notice| notice.severity), Some(Severity::Error), "said");
    }

    #[test]
    fn a_smaller_model_clamps_the_layer() {
        let mut state = loaded();
        state.view.decoder.layer.idx = 31;
        state.receive(Event::Loaded(info(4, 2)), 0.0);
        assert_eq!(state.view.decoder.layer.idx, 3, "the last layer of the new model");
    }

    #[test]
    fn a_fixed_range_does_not_outlive_its_model() {
        let mut state = loaded();
        state.colour.range_mode = RangeMode::Fixed;
        state.receive(Event::Loaded(info(4, 2)), 0.0);
        assert_eq!(state.colour.range_mode, RangeMode::Fixed, "the same model again");
        let mut other = (*info(4, 2)).clone();
        other.weight_hash = "other".to_owned();
        state.receive(Event::Loaded(Arc::new(other)), 0.0);
        assert_eq!(state.colour.range_mode, RangeMode::PerMap, "another model's numbers are other numbers");
        state.colour.range_mode = RangeMode::Fixed;
        let restarted = AppState::restored(state.saved());
        assert_eq!(restarted.colour.range_mode, RangeMode::PerMap, "nor does it outlive a restart");
    }

    #[test]
    fn an_answer_about_another_photo_is_said_with_a_way_to_it() {
        let mut state = loaded();
        state.library.add([crate::engine::ImageSource::Bundled("b.png".to_owned())]);
        let finished = |id| Event::Finished { id, timings: Timings::default(), warnings: Vec::new() };
        state.apply(Command::AskThis("One?".to_owned()));
        state.receive(finished(RunId(1)), 0.0);
        assert!(state.toasts.iter().next().is_none(), "it is looked at");
        state.apply(Command::AskThis("Two?".to_owned()));
        state.apply(Command::NextImage);
        state.receive(finished(RunId(2)), 0.0);
        let toast = state.toasts.iter().next().cloned().expect("it is said");
        assert!(toast.text.ends_with("Two?"), "which one: {}", toast.text);
        let (_, show) = toast.action.expect("a way to it");
        state.apply(show);
        assert_eq!(state.current_run().map(|run| run.id), Some(RunId(2)), "its photo and itself");
        assert!(state.toasts.iter().next().is_none(), "nothing is left to be done");
    }

    #[test]
    fn another_model_is_said_and_the_first_demo_is_not() {
        let mut state = AppState::default();
        state.apply(Command::OpenDemoModel);
        state.receive(Event::Loaded(info(4, 2)), 0.0);
        assert!(state.toasts.iter().next().is_none(), "everybody expects it");
        state.apply(Command::OpenModel(ModelSource::Folder("/m".into())));
        let what = "Downloading model.safetensors: 1 of 2".to_owned();
        state.receive(Event::Loading { share: 0.5, what }, 0.0);
        state.receive(Event::Loaded(info(4, 2)), 0.0);
        let said: Vec<_> = state.toasts.iter().map(|toast| toast.text.clone()).collect();
        assert!(said.len() == 1 && said.iter().all(|text| text.contains("was downloaded and is open")), "{said:?}");
    }

    #[test]
    fn an_event_for_a_forgotten_question_is_ignored() {
        let mut state = loaded();
        state.receive(Event::Token(RunId(99), Box::new(token("x")), None), 0.0);
        assert_eq!(state.runs.attention_bytes(), 0, "nothing happened");
    }
}
