//! Asking: from the prompt box to the worker, stopping, and what is done with an answer as a whole.

use crate::engine::{ImageSource, ModelTask, Prompt, Request, RunId};
use crate::prompting::Source;
use crate::ui::core::command::{Command, PromptView, PromptingCommand};
use crate::ui::core::settings::MOST_NEW_TOKENS;
use crate::ui::features::{AppState, Effect, Run, Severity, Until};

impl AppState {
    /// What the next question will be asked with, in words: decoding, photo, and what else is not as usual. Decoding
    /// and attention prompting follow one rule: each stays until it is switched, whatever answer is shown.
    pub fn next_question(&self) -> String {
        let photo = match (self.next_is_prompted(), self.prompting.settings.source) {
            (false, _) => "original photo",
            (true, Source::Clip) => "photo prompted (CLIP)",
            (true, Source::Llava) => "photo prompted (LLaVA)",
        };
        let unusual = self.ask.unusual();
        let mut parts = vec![self.ask.methods_words(), photo.to_owned()];
        parts.extend((!unusual.is_empty()).then_some(unusual));
        parts.join(", ")
    }

    /// Whether the next question is asked in the ordinary way.
    pub fn next_is_ordinary(&self) -> bool {
        self.ask.is_plain() && !self.next_is_prompted() && self.ask.unusual().is_empty()
    }

    pub(in crate::ui) fn ask(&mut self) -> Vec<Effect> {
        let task = self.model.task();
        if self.ask.text.trim().is_empty() && task != ModelTask::See {
            let (what, advice) = if task == ModelTask::Compare {
                ("There are no texts to compare", "Type some into the box above, one a line")
            } else {
                ("The question is empty", self.question_advice())
            };
            self.notices.push((Severity::Info, Until::NextQuestion), what, advice, None);
            return vec![Effect::FocusPrompt];
        }
        let Some(image) = self.current_image().cloned() else {
            let action = Some(("Open photos…".to_owned(), Command::OpenImages));
            self.notices.push((Severity::Info, Until::OtherPhoto), "There is no photo to ask about", "", action);
            return Vec::new();
        };
        self.prompting.view = PromptView::Attention; // of the new answer
        let mut question = self.ask.question(image);
        if task != ModelTask::Answer {
            // An exact prompt is for a decoder; what only sees takes no words.
            let text = if task == ModelTask::Compare { self.ask.text.trim() } else { "" };
            question.prompt = Prompt::Templated(text.to_owned());
        }
        self.ask_as_set(question)
    }

    /// Where questions come from: only a model that knows some offers them.
    pub(crate) fn question_advice(&self) -> &'static str {
        if self.model.info.as_ref().is_some_and(|info| !info.suggested_prompts.is_empty()) {
            "Take a suggested question, or type your own and press Enter"
        } else {
            "Type a question into the box above and press Enter"
        }
    }

    pub(in crate::ui) fn regenerate(&mut self) -> Vec<Effect> {
        let Some(run) = self.current_run() else { return self.ask() };
        let (prompt, image) = (run.question.prompt.clone(), run.question.image.clone());
        let mut question = self.ask.question(image);
        question.prompt = prompt;
        self.ask_as_set(question)
    }

    /// The shown question again, and those to come, with twice the tokens that it had.
    pub(in crate::ui) fn raise_limit(&mut self) -> Vec<Effect> {
        let limit = self.current_run().map_or(0, |run| run.question.max_new_tokens.saturating_mul(2));
        self.ask.max_new_tokens = self.ask.max_new_tokens.max(limit).min(MOST_NEW_TOKENS);
        self.regenerate()
    }

    /// Whether nothing can be asked now.
    pub(in crate::ui) fn hinders_asking(&self) -> bool {
        self.model.worker_dead || (self.model.info.is_none() && self.model.loading.is_none())
    }

    /// Stops what a new question about a photo takes the place of: the one about the same photo that still runs, and
    /// those of a queue, which are asked again later. An answer about another photo is waited for.
    pub(in crate::ui) fn make_way(&self, image: &ImageSource) -> Vec<Effect> {
        let gives_way = |run: &&Run| run.question.image == *image || self.is_behind(run.id);
        self.runs.active().filter(gives_way).map(|run| Effect::Cancel(run.id)).collect()
    }

    /// The latest question about a photo wins: one that still runs is stopped.
    pub(in crate::ui) fn send(&mut self, question: crate::engine::Question) -> Vec<Effect> {
        if self.model.worker_dead {
            let action = Some(("Restart".to_owned(), Command::RestartWorker));
            self.notices.push((Severity::Error, Until::Dismissed), "The model's worker is not running", "", action);
            return Vec::new();
        }
        if self.model.info.is_none() && self.model.loading.is_none() {
            let action = Some(("Open a model…".to_owned(), Command::OpenModelBox));
            self.notices.push((Severity::Info, Until::NextQuestion), "There is no model to ask", "", action);
            return Vec::new();
        }
        let mut effects = self.make_way(&question.image);
        let id = self.runs.begin(question.clone());
        self.notices.another_question();
        self.selection.clear();
        let kept: Vec<RunId> = self.compare.picked().chain(self.figure.runs()).collect();
        if self.make_room(&kept) > 0 {
            let advice = "Raise Settings, Budget to keep more";
            self.notices.push(
                (Severity::Info, Until::NextQuestion),
                "The oldest answers were forgotten to keep within the attention budget",
                advice,
                None,
            );
        }
        effects.push(Effect::Send(Request::Ask(id, Box::new(question))));
        effects.push(Effect::ReleaseFocus);
        effects
    }

    /// Stops one answer; what came of it stays.
    pub(in crate::ui) fn stop_answer(&mut self, id: RunId) -> Vec<Effect> {
        self.all_photos.skip(id);
        self.runs.active().filter(|run| run.id == id).map(|run| Effect::Cancel(run.id)).collect()
    }

    pub(in crate::ui) fn stop(&mut self) -> Vec<Effect> {
        self.pope.stop();
        let mut effects: Vec<Effect> = self.runs.active().map(|run| Effect::Cancel(run.id)).collect();
        self.stop_all_photos(); // what it asks is among the active ones
        effects.extend(self.apply_prompting(PromptingCommand::Stop));
        if self.model.loading.is_some() {
            effects.push(Effect::CancelAll);
        }
        effects
    }
}
