//! Asking about the darkened photo, and about the original one.

use crate::engine::{Prompt, Prompting, Question, RunId};
use crate::prompting::PreOutput;
use crate::ui::core::command::PromptingCommand;
use crate::ui::features::mitigation::prompting::{Made, Subject, Then};
use crate::ui::features::{AppState, Effect, Phase, Run};
use std::sync::Arc;

impl<'a> Subject<'a> {
    pub(super) fn of(question: &'a Question) -> Self {
        let (Prompt::Templated(text) | Prompt::Raw(text)) = &question.prompt;
        Self { text: text.trim(), framing: question.framing }
    }
}

impl AppState {
    /// A photo as it would be darkened now by what was found in it.
    pub(super) fn prompting_of(&self, made: &Made) -> Arc<Prompting> {
        Arc::new(Prompting {
            attribution: Arc::clone(&made.attribution),
            model_id: made.model_id.clone(),
            weight_hash: made.weight_hash.clone(),
            query: made.request.query.clone(),
            options: self.prompting.settings.options,
        })
    }

    /// Asks a question as the settings say: about the photo as it is, or about the darkened one, for which a model may
    /// have to look first.
    pub(in crate::ui) fn ask_as_set(&mut self, mut question: Question) -> Vec<Effect> {
        question.prompted = None;
        if !self.next_is_prompted() || self.hinders_asking() {
            return self.send(question);
        }
        let made = self.made_for(&question.image, &Subject::of(&question)).map(|made| self.prompting_of(made));
        if made.is_some() {
            question.prompted = made;
            return self.send(question);
        }
        let mut effects = self.make_way(&question.image);
        effects.extend(self.find(Then::Ask(Box::new(question))));
        effects.push(Effect::ReleaseFocus);
        effects
    }

    /// Asks the shown question about the darkened photo; a model looks first unless it has. The map is shown with the
    /// flag.
    pub(super) fn ask_shown_as_set(&mut self, look: bool) -> Vec<Effect> {
        if self.current_run().is_none() {
            return Vec::new(); // the next question will be
        }
        if self.shown_is_found() { self.ask_prompted() } else { self.find(Then::AskShown(look)) }
    }

    pub(super) fn ask_prompted(&mut self) -> Vec<Effect> {
        let found = self.current_image().and_then(|image| self.made_for(image, &self.subject()));
        let (Some(made), Some(run)) = (found, self.current_run()) else { return Vec::new() };
        let prompting = self.prompting_of(made);
        // What was on its way to an answer about other darkness is of no use to anybody.
        let superseded = Some(run).filter(|run| run.phase.is_active() && run.question.prompted.is_some());
        let superseded = superseded.map(|run| run.id);
        // A forced beginning is of the answer before, not of the question.
        let question = self.with_standing_methods(run);
        let question = Question { prompted: Some(prompting), fork: None, ..question };
        let stands = !matches!(run.phase, Phase::Cancelled | Phase::Failed(_));
        if stands && self.is_of_shown_photo(run) && run.question.is_same(&question) {
            return Vec::new();
        }
        self.show_or_send_for(superseded, question)
    }

    pub(super) fn ask_plainly(&mut self) -> Vec<Effect> {
        let waiting = self.prompting.finding.as_ref().map(|finding| finding.then.clone());
        let mut effects = self.apply_prompting(PromptingCommand::Stop);
        if let Some(Then::Ask(question)) = waiting {
            effects.extend(self.send(*question));
            return effects;
        }
        let Some(run) = self.current_run().filter(|run| run.question.prompted.is_some()) else { return effects };
        let question = Question { prompted: None, fork: None, ..run.question.clone() };
        effects.extend(self.show_or_send(question));
        effects
    }

    /// The question of a run; one that failed may have done so because of its methods, and they may have been set
    /// otherwise since.
    pub(in crate::ui) fn with_standing_methods(&self, run: &Run) -> Question {
        let question = run.question.clone();
        if matches!(run.phase, Phase::Failed(_)) { self.ask.with_methods(question) } else { question }
    }

    /// The same in place of an answer that was under way: what came of it, if it is stopped for this one, goes.
    pub(in crate::ui) fn show_or_send_for(&mut self, superseded: Option<RunId>, question: Question) -> Vec<Effect> {
        let effects = self.show_or_send(question);
        if let Some(id) = superseded.filter(|id| effects.contains(&Effect::Cancel(*id))) {
            self.runs.forget(id);
        }
        effects
    }

    /// Shows the answer of the open model to this very question, or asks it.
    pub(in crate::ui) fn show_or_send(&mut self, question: Question) -> Vec<Effect> {
        let open = self.model.info.as_ref().map(|info| info.weight_hash.as_str());
        let same = |run: &&Run| {
            let by = run.trace.as_ref().map(|trace| trace.run.weight_hash.as_str());
            run.phase == Phase::Finished && by == open && self.is_of_shown_photo(run) && run.question.is_same(&question)
        };
        let earlier = self.runs.of_image(&question.image).filter(same).last().map(|run| run.id);
        let Some(earlier) = earlier else { return self.send(question) };
        // As `send` does: the latest wish wins.
        let effects = self.make_way(&question.image);
        self.runs.show(earlier);
        self.selection.clear();
        effects
    }

    /// What the source of the shown map itself thinks.
    pub fn pre_output(&self) -> Option<&PreOutput> {
        self.made()?.pre_output.as_ref()
    }
}
