//! Attention prompting on the photo: where a model looked for some words, how the photo is darkened by that, and the same question about the
//! darkened photo.
//!
//! Whether prompting is on is not remembered anywhere: it is on when the shown answer is one about a darkened photo. So the switch, the
//! history and the words above the photo cannot disagree.

mod asking;
mod kept;

use super::{AppState, Effect, Run, Severity, Until};
use crate::data::pope::Label;
use crate::engine::{
    ATTRIBUTION_TOKENS, Attributed, AttributionRequest, ModelInfo, ModelSource, ModelTask, Request, RunId,
};
use crate::prompting::{Attribution, PreOutput, PromptOptions, Source, object_of};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Attributions kept: some megabytes each for a large model.
const MOST_MADE: usize = 24;

/// What the photo's panel shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PromptView {
    /// The photo as it is.
    Original,
    /// Where the model looked for the words.
    Attribution,
    /// How much of each pixel stays.
    Mask,
    /// The photo that the model is asked about.
    Prompted,
    /// The attention of the shown answer, as without prompting.
    #[default]
    Attention,
}

/// How the photo is darkened; kept between days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromptingSettings {
    /// Which kind of model says where to look.
    pub source: Source,
    /// The CLIP: `demo-clip`, a folder, a hub id, as [`ModelSource::named`] reads them; empty is the open model, if it is one, else the
    /// bundled one.
    pub clip: String,
    /// From the maps to the darkened photo.
    pub options: PromptOptions,
    /// Ask again as soon as a control is let go.
    pub live: bool,
}

impl Default for PromptingSettings {
    fn default() -> Self {
        Self { source: Source::default(), clip: String::new(), options: PromptOptions::default(), live: true }
    }
}

/// What people do with it.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptingCommand {
    /// Other settings, while a control moves.
    Set(PromptingSettings),
    /// The control was let go: ask again, if that is wanted.
    Settle,
    /// Find out where the model looks.
    Find,
    /// Stop finding out.
    Stop,
    /// The words to look for; those of the question when they are the same.
    Query(String),
    /// What CLIP is asked to see or not; that of the words when it is the same.
    Object(String),
    /// What the photo's panel shows.
    View(PromptView),
    /// Ask the shown question about the darkened photo, or show the answer about the photo as it is.
    Switch(bool),
}

/// Where a model looked.
#[derive(Debug, Clone)]
pub struct Made {
    /// What was asked.
    pub request: AttributionRequest,
    /// The encoder beside the open model, if it was one.
    pub beside: Option<ModelSource>,
    /// The maps of all layers.
    pub attribution: Arc<Attribution>,
    /// What the model itself thinks.
    pub pre_output: Option<PreOutput>,
    /// The model that looked.
    pub model_id: String,
    /// SHA-256 over its weight files.
    pub weight_hash: String,
    /// SHA-256 of the photo's file.
    pub photo_hash: String,
}

/// An attribution under way.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its name.
    pub id: RunId,
    request: AttributionRequest,
    beside: Option<ModelSource>,
    /// How far opening the model is, 0..=1, and at what; `None` when that is done or not needed.
    pub opening: Option<(f32, String)>,
    /// Ask the shown question when it is there.
    pub then_ask: bool,
}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct PromptingState {
    /// How the photo is darkened.
    pub settings: PromptingSettings,
    /// What the photo's panel shows.
    pub view: PromptView,
    /// The words, if they are not those of the question.
    pub query: Option<String>,
    /// The object, if it is not that of the words.
    pub object: Option<String>,
    /// Where a model is looking now.
    pub finding: Option<Finding>,
    /// Why there is nothing: one sentence.
    pub failed: Option<String>,
    /// Latest last.
    made: Vec<Arc<Made>>,
}

impl PromptingState {
    /// As it was left.
    pub fn new(mut settings: PromptingSettings) -> Self {
        if settings.options.check().is_err() {
            settings.options = PromptOptions::default(); // edited by hand
        }
        Self { settings, ..Self::default() }
    }

    fn keep(&mut self, made: Made) {
        let same = |other: &Arc<Made>| {
            (other.request.source, &other.request.image) == (made.request.source, &made.request.image)
        };
        self.made.retain(|other| !same(other));
        // A layer of another model may not be there.
        if self.settings.options.layer_idx.is_some_and(|idx| idx >= made.attribution.num_layers()) {
            self.settings.options.layer_idx = None;
        }
        self.made.push(Arc::new(made));
        if self.made.len() > MOST_MADE {
            self.made.remove(0);
        }
    }
}

impl AppState {
    /// The words to look for unless others are typed: those of the shown question, else those in the prompt box.
    pub fn prompting_query_default(&self) -> String {
        let shown = self.current_run().map(Run::prompt_text);
        shown.unwrap_or(&self.ask.text).trim().to_owned()
    }

    /// The words to look for.
    pub fn prompting_query(&self) -> String {
        self.prompting.query.clone().unwrap_or_else(|| self.prompting_query_default())
    }

    /// What CLIP is asked to see or not.
    pub fn prompting_object(&self) -> Option<String> {
        self.prompting.object.clone().or_else(|| object_of(&self.prompting_query()))
    }

    /// Where the chosen kind of model looked in the shown photo.
    pub fn made(&self) -> Option<&Arc<Made>> {
        self.made_by(self.prompting.settings.source)
    }

    /// Where that kind of model looked in the shown photo.
    pub fn made_by(&self, source: Source) -> Option<&Arc<Made>> {
        let image = self.current_image()?;
        let made = &self.prompting.made;
        made.iter().rev().find(|made| made.request.source == source && made.request.image == *image)
    }

    /// What would be asked now; `None` without a photo or words.
    fn wanted_attribution(&self) -> Option<(AttributionRequest, Option<ModelSource>)> {
        let settings = &self.prompting.settings;
        let query = self.prompting_query().trim().to_owned();
        let image = self.current_image().filter(|_| !query.is_empty())?.clone();
        let is_clip = settings.source == Source::Clip;
        let request = AttributionRequest {
            source: settings.source,
            image,
            object: if is_clip { self.prompting_object() } else { None },
            query,
            // CLIP's own; LLaVA looks as it does when it is asked.
            framing: if is_clip { None } else { self.ask.framing },
            max_new_tokens: ATTRIBUTION_TOKENS,
        };
        Some((request, self.prompting_clip().filter(|_| is_clip)))
    }

    /// The encoder that is asked; `None` is the open model.
    pub fn prompting_clip(&self) -> Option<ModelSource> {
        match self.prompting.settings.clip.trim() {
            "" if self.model.task() == ModelTask::Compare => None,
            "" => Some(ModelSource::DemoClip),
            named => Some(ModelSource::named(named)),
        }
    }

    /// Whether what was found is what would be found now.
    pub fn made_is_fresh(&self) -> bool {
        let (Some(made), Some((request, beside))) = (self.made(), self.wanted_attribution()) else { return false };
        let open = self.model.info.as_ref().map(|info| &info.weight_hash);
        made.request == request && made.beside == beside && (beside.is_some() || open == Some(&made.weight_hash))
    }

    /// Whether the shown answer is about a darkened photo, or will be in a moment.
    pub fn is_prompting(&self) -> bool {
        let asking = self.prompting.finding.as_ref().is_some_and(|finding| finding.then_ask);
        asking || self.current_run().is_some_and(|run| run.question.prompted.is_some())
    }

    /// Why the switch does nothing now; `None` if it does something.
    pub fn prompting_hindrance(&self) -> Option<&'static str> {
        if self.current_run().is_none() {
            Some("Ask something first: the same question is asked again about the darkened photo")
        } else if self.model.worker_dead {
            Some("The model's worker is not running")
        } else if self.model.info.is_none() {
            Some("No model is open")
        } else {
            None
        }
    }

    /// The right answer to what the pre-output was about, where POPE's questions know it. Objects are looked up by the panel.
    pub fn label_of_question(&self, query: &str) -> Option<Label> {
        self.pope_items()?.iter().find(|item| item.text.eq_ignore_ascii_case(query.trim()))?.label
    }

    pub(super) fn apply_prompting(&mut self, command: PromptingCommand) -> Vec<Effect> {
        match command {
            PromptingCommand::Set(settings) => self.set_prompting(settings),
            PromptingCommand::Settle => {
                if self.prompting.settings.live && self.current_run().is_some_and(|run| run.question.prompted.is_some())
                {
                    return self.ask_prompted();
                }
            }
            PromptingCommand::Find => return self.find(false),
            PromptingCommand::Stop => {
                return self.prompting.finding.take().map(|finding| Effect::Cancel(finding.id)).into_iter().collect();
            }
            PromptingCommand::Query(query) => {
                self.prompting.query = Some(query).filter(|query| *query != self.prompting_query_default());
            }
            PromptingCommand::Object(object) => {
                let own = object_of(&self.prompting_query());
                self.prompting.object =
                    Some(object).filter(|object| Some(object) != own.as_ref() && !object.trim().is_empty());
            }
            PromptingCommand::View(view) => self.prompting.view = view,
            PromptingCommand::Switch(true) if self.made_is_fresh() => return self.ask_prompted(),
            PromptingCommand::Switch(true) => return self.find(true),
            PromptingCommand::Switch(false) => return self.ask_plainly(),
        }
        Vec::new()
    }

    fn set_prompting(&mut self, mut settings: PromptingSettings) {
        if settings.source != self.prompting.settings.source {
            settings.options.layer_idx = None; // of another kind of model
            self.prompting.failed = None;
        }
        self.prompting.settings = settings;
    }

    fn find(&mut self, then_ask: bool) -> Vec<Effect> {
        self.prompting.failed = None;
        if self.model.worker_dead {
            self.prompting.failed = Some("The model's worker is not running: restart it".to_owned());
            return Vec::new();
        }
        let Some((request, beside)) = self.wanted_attribution() else {
            self.prompting.failed = Some("Expected words to look for in a photo, found none".to_owned());
            return Vec::new();
        };
        let id = self.runs.name();
        // The worker stops an earlier one by itself.
        self.prompting.finding =
            Some(Finding { id, request: request.clone(), beside: beside.clone(), opening: None, then_ask });
        vec![Effect::Send(Request::Attribute(id, Box::new(request), beside))]
    }

    /// How far opening the encoder is.
    pub(super) fn attribution_opening(&mut self, id: RunId, share: f32, what: String) {
        if let Some(finding) = self.prompting.finding.as_mut().filter(|finding| finding.id == id) {
            finding.opening = Some((share.clamp(0.0, 1.0), what)).filter(|(share, _)| *share < 1.0);
        }
    }

    /// An attribution has come; the question that waited for it is asked.
    pub(super) fn attributed(&mut self, id: RunId, attributed: &Attributed, info: &ModelInfo) -> Vec<Effect> {
        let Some(finding) = self.prompting.finding.take_if(|finding| finding.id == id) else { return Vec::new() };
        let Finding { request, beside, then_ask, .. } = finding;
        let about_shown = self.current_image() == Some(&request.image);
        for warning in &attributed.warnings {
            self.notices.push((Severity::Warning, Until::NextQuestion), warning.clone(), "", None);
        }
        self.prompting.keep(Made {
            request,
            beside,
            attribution: Arc::clone(&attributed.attribution),
            pre_output: attributed.pre_output.clone(),
            model_id: info.id.clone(),
            weight_hash: info.weight_hash.clone(),
            photo_hash: attributed.photo.sha256.clone(),
        });
        if then_ask && about_shown {
            return self.ask_prompted();
        }
        if about_shown && self.prompting.view == PromptView::Attention {
            self.prompting.view = PromptView::Attribution; // what was asked for
        }
        Vec::new()
    }

    /// An attribution ended without a map. `true` if there was one of that name.
    pub(super) fn attribution_ended(&mut self, id: RunId, why: Option<&str>) -> bool {
        let found = self.prompting.finding.take_if(|finding| finding.id == id).is_some();
        if found {
            self.prompting.failed = why.map(str::to_owned);
        }
        found
    }
}

#[cfg(test)]
pub(in crate::ui) mod tests;
