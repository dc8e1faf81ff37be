//! Asking about the darkened photo, and about the photo as it is.

use super::PromptingCommand;
use crate::engine::Prompting;
use crate::prompting::PreOutput;
use crate::ui::state::{AppState, Effect, Phase, Run};
use std::sync::Arc;

impl AppState {
    /// The shown photo as it would be darkened now.
    pub(super) fn prompting_now(&self) -> Option<Arc<Prompting>> {
        let made = self.made()?;
        Some(Arc::new(Prompting {
            attribution: Arc::clone(&made.attribution),
            model_id: made.model_id.clone(),
            weight_hash: made.weight_hash.clone(),
            query: made.request.query.clone(),
            options: self.prompting.settings.options,
        }))
    }

    pub(super) fn ask_prompted(&mut self) -> Vec<Effect> {
        let (Some(prompting), Some(run)) = (self.prompting_now(), self.current_run()) else { return Vec::new() };
        // What was on its way to an answer about other darkness is of no use to anybody.
        let superseded = Some(run).filter(|run| run.phase.is_active() && run.question.prompted.is_some());
        let superseded = superseded.map(|run| run.id);
        // A forced beginning is of the answer before, not of the question.
        let strategy = self.standing_strategy(run);
        let question =
            crate::engine::Question { prompted: Some(prompting), fork: None, strategy, ..run.question.clone() };
        let stands = !matches!(run.phase, Phase::Cancelled | Phase::Failed(_));
        if stands && self.is_of_shown_photo(run) && run.question.is_same(&question) {
            return Vec::new();
        }
        let effects = self.show_or_send(question);
        if let Some(id) = superseded.filter(|id| effects.contains(&Effect::Cancel(*id))) {
            self.runs.forget(id);
        }
        effects
    }

    pub(super) fn ask_plainly(&mut self) -> Vec<Effect> {
        let mut effects = self.apply_prompting(PromptingCommand::Stop);
        let Some(run) = self.current_run().filter(|run| run.question.prompted.is_some()) else { return effects };
        let question = crate::engine::Question { prompted: None, fork: None, ..run.question.clone() };
        effects.extend(self.show_or_send(question));
        effects
    }

    /// The strategy of a run; one that failed may have done so because of it, and it may have been set otherwise since.
    pub(in crate::ui::state) fn standing_strategy(&self, run: &Run) -> crate::engine::Spec {
        if matches!(run.phase, Phase::Failed(_)) { self.ask.spec() } else { run.question.strategy.clone() }
    }

    /// Shows the answer of the open model to this very question, or asks it.
    pub(in crate::ui::state) fn show_or_send(&mut self, question: crate::engine::Question) -> Vec<Effect> {
        let open = self.model.info.as_ref().map(|info| info.weight_hash.as_str());
        let same = |run: &&Run| {
            let by = run.trace.as_ref().map(|trace| trace.run.weight_hash.as_str());
            run.phase == Phase::Finished && by == open && self.is_of_shown_photo(run) && run.question.is_same(&question)
        };
        let earlier = self.runs.of_image(&question.image).filter(same).last().map(|run| run.id);
        let Some(earlier) = earlier else { return self.send(question) };
        // As `send` does: the latest wish wins.
        let effects = self.runs.active().map(|run| Effect::Cancel(run.id)).collect();
        self.runs.show(earlier);
        self.selection.clear();
        effects
    }

    /// What the source of the shown map itself thinks.
    pub fn pre_output(&self) -> Option<&PreOutput> {
        self.made()?.pre_output.as_ref()
    }
}
