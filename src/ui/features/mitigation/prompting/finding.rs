//! Finding out where a model looks, and what waits for it.

use crate::engine::{
    ATTRIBUTION_TOKENS, Attributed, AttributionRequest, ImageSource, ModelInfo, ModelSource, Question, Request, RunId,
};
use crate::prompting::{Source, object_of};
use crate::ui::core::command::{Command, PromptView, PromptingCommand};
use crate::ui::features::mitigation::prompting::{Finding, Made, Subject, Then};
use crate::ui::features::{AppState, Effect, Severity, Until};
use std::sync::Arc;

impl AppState {
    /// What would be looked for in a photo for a question; `None` without words.
    fn attribution_for(
        &self,
        image: &ImageSource,
        subject: &Subject<'_>,
    ) -> Option<(AttributionRequest, Option<ModelSource>)> {
        let source = self.prompting.settings.source;
        let query = self.prompting.query.as_deref().unwrap_or(subject.text).trim().to_owned();
        let is_clip = source == Source::Clip;
        let object = || self.prompting.object.clone().or_else(|| object_of(&query));
        let request = AttributionRequest {
            source,
            image: image.clone(),
            object: if is_clip { object() } else { None },
            // CLIP's own; LLaVA looks as it does when it is asked.
            framing: if is_clip { None } else { subject.framing },
            max_new_tokens: ATTRIBUTION_TOKENS,
            query,
        };
        (!request.query.is_empty()).then(|| (request, self.prompting_clip().filter(|_| is_clip)))
    }

    /// What would be looked for now in the shown photo.
    fn wanted_attribution(&self) -> Option<(AttributionRequest, Option<ModelSource>)> {
        self.attribution_for(self.current_image()?, &self.subject())
    }

    /// Whether what was found is what would be found now.
    pub fn made_is_fresh(&self) -> bool {
        let (Some(made), Some((request, second_model))) = (self.made(), self.wanted_attribution()) else {
            return false;
        };
        self.is_made_for(made, &request, second_model.as_ref()) && made.request.object == request.object
    }

    /// Whether what was found is the map of a request: what CLIP is asked about besides does not change it.
    fn is_made_for(&self, made: &Made, request: &AttributionRequest, second_model: Option<&ModelSource>) -> bool {
        let open = self.model.info.as_ref().map(|info| &info.weight_hash);
        let same = AttributionRequest { object: request.object.clone(), ..made.request.clone() } == *request;
        same && made.second_model.as_ref() == second_model
            && (second_model.is_some() || open == Some(&made.weight_hash))
    }

    /// Where the chosen model looked for the words of a question, if it has.
    pub(super) fn made_for(&self, image: &ImageSource, subject: &Subject<'_>) -> Option<&Arc<Made>> {
        let (request, second_model) = self.attribution_for(image, subject)?;
        let made = self.prompting.made.iter().rev();
        let mut fits = made.filter(|made| self.is_made_for(made, &request, second_model.as_ref()));
        fits.next()
    }

    /// Finds out where the chosen model looks for the shown question, or for the one that waits.
    pub(super) fn find(&mut self, then: Then) -> Vec<Effect> {
        self.prompting.failed = None;
        if self.model.worker_dead {
            self.prompting.failed = Some("The model's worker is not running: restart it".to_owned());
            return Vec::new();
        }
        let wanted = match &then {
            Then::Ask(question) => self.attribution_for(&question.image, &Subject::of(question)),
            Then::Look | Then::AskShown(_) => self.wanted_attribution(),
        };
        let Some((request, second_model)) = wanted else {
            self.prompting.failed = Some("There is no query: type some words to look for in the photo".to_owned());
            return Vec::new();
        };
        let id = self.runs.name();
        // The worker stops an earlier one by itself.
        self.prompting.finding =
            Some(Finding { id, request: request.clone(), second_model: second_model.clone(), opening: None, then });
        vec![Effect::Send(Request::Attribute(id, Box::new(request), second_model))]
    }

    /// How far opening the encoder is.
    pub(in crate::ui) fn attribution_opening(&mut self, id: RunId, share: f32, what: String) {
        if let Some(finding) = self.prompting.finding.as_mut().filter(|finding| finding.id == id) {
            finding.opening = Some((share.clamp(0.0, 1.0), what)).filter(|(share, _)| *share < 1.0);
        }
    }

    /// An attribution has come; the question that waited for it is asked.
    pub(in crate::ui) fn attributed(&mut self, id: RunId, attributed: &Attributed, info: &ModelInfo) -> Vec<Effect> {
        let Some(finding) = self.prompting.finding.take_if(|finding| finding.id == id) else { return Vec::new() };
        let Finding { request, second_model, then, .. } = finding;
        let about_shown = self.current_image() == Some(&request.image);
        let made = Made {
            request,
            second_model,
            attribution: Arc::clone(&attributed.attribution),
            pre_output: attributed.pre_output.clone(),
            model_id: info.id.clone(),
            weight_hash: info.weight_hash.clone(),
            photo_hash: attributed.photo.sha256.clone(),
        };
        let prompting = self.prompting_of(&made);
        let is_chosen = made.request.source == self.prompting.settings.source;
        self.prompting.keep(made);
        let is_wanted = is_chosen && about_shown && self.shown_is_found();
        let mut effects = match then {
            Then::Ask(mut question) => {
                question.prompted = Some(prompting);
                self.send(*question)
            }
            // Other words were typed since: what was found is not what would be looked for now.
            Then::AskShown(_) if !is_wanted => Vec::new(),
            Then::AskShown(look) => {
                self.show_map(look);
                self.ask_prompted()
            }
            Then::Look => {
                self.show_map(about_shown && is_chosen);
                Vec::new()
            }
        };
        for warning in &attributed.warnings {
            self.notices.push((Severity::Warning, Until::OtherMap), warning.clone(), "", None);
        }
        // Nobody pressed anything just now: what is being typed goes on.
        effects.retain(|effect| *effect != Effect::ReleaseFocus);
        effects
    }

    /// What was asked for comes into sight.
    fn show_map(&mut self, look: bool) {
        if look && self.prompting.view == PromptView::Attention {
            self.prompting.view = PromptView::Attribution;
        }
    }

    /// Whether it is known where the chosen model looks for the shown question.
    pub(super) fn shown_is_found(&self) -> bool {
        self.current_image().is_some_and(|image| self.made_for(image, &self.subject()).is_some())
    }

    /// The question that waits until it is known where a model looks.
    pub(super) fn waiting_question(&self) -> Option<&Question> {
        match &self.prompting.finding.as_ref()?.then {
            Then::Ask(question) => Some(question),
            Then::Look | Then::AskShown(_) => None,
        }
    }

    /// An attribution ended without a map. `true` if there was one of that name.
    pub(in crate::ui) fn attribution_ended(&mut self, id: RunId, why: Option<&str>) -> bool {
        let Some(finding) = self.prompting.finding.take_if(|finding| finding.id == id) else { return false };
        self.prompting.failed = why.map(str::to_owned);
        let Some(why) = why else { return true };
        let mut action = None;
        if let Then::Ask(question) = finding.then {
            self.prompting.unasked = Some(question);
            let ask = Command::Prompting(PromptingCommand::AskOriginal);
            action = Some(("Ask about the original photo".to_owned(), ask));
        }
        self.notices.push((Severity::Error, Until::NextQuestion), why, "", action);
        true
    }
}
