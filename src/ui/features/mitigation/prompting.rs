//! Attention prompting on the photo: where a model looked for some words, how the photo is darkened by that, and the
//! same question about the darkened photo.
//!
//! Two things are told apart. Whether the *next* question is about the darkened photo is a setting, as the strategy of
//! decoding is, and both stay until they are switched. Whether the *shown* answer is one about the photo as it would be
//! darkened now is remembered nowhere: it is read off the answer ([`AppState::shown_prompting`]), so that the switch
//! never stands for an answer of another source, other words or another kernel.

mod asking;
mod finding;
mod kept;

use crate::data::pope::Label;
use crate::engine::{AttributionRequest, ModelSource, ModelTask, Prompting, Question, RunId};
use crate::geometry::Framing;
use crate::prompting::{Attribution, PreOutput, PromptOptions, Source, object_of};
use crate::ui::core::command::{PromptView, PromptingCommand};
use crate::ui::core::settings::PromptingSettings;
use crate::ui::features::{AppState, Effect, Run};
use std::sync::Arc;

/// Attributions kept: some megabytes each for a large model.
const MOST_MADE: usize = 24;

/// What the shown answer has to do with the photo as it would be darkened now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownPrompting {
    /// It is about the original photo, or there is none.
    Original,
    /// A model is looking, and the shown question is asked then.
    Coming,
    /// It is about the photo darkened as the controls say.
    AsSet,
    /// It is about the photo darkened otherwise: by another source, for other words, or with other numbers.
    Otherwise,
}

/// What is done when it is known where a model looks.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// The map is shown.
    Look,
    /// The shown question is asked; the map is shown with the flag.
    AskShown(bool),
    /// This question is asked.
    Ask(Box<Question>),
}

/// Where a model looked.
#[derive(Debug, Clone)]
pub struct Made {
    /// What was asked.
    pub request: AttributionRequest,
    /// The encoder beside the open model, if it was one.
    pub second_model: Option<ModelSource>,
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
    second_model: Option<ModelSource>,
    /// How far opening the model is, 0..=1, and at what; `None` when that is done or not needed.
    pub opening: Option<(f32, String)>,
    /// What is done when the map is there.
    pub then: Then,
}

/// Attention prompting on the photo: where a model looked for some words, how the photo is darkened by that, and the
/// same question about the darkened photo.
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
    /// The question that waited for what failed.
    unasked: Option<Box<Question>>,
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

/// What an attribution is for: the words and the framing of a question.
struct Subject<'a> {
    text: &'a str,
    framing: Option<Framing>,
}

impl AppState {
    /// The shown question, else the one that is typed.
    fn subject(&self) -> Subject<'_> {
        match self.current_run() {
            Some(run) => Subject { text: run.prompt_text().trim(), framing: run.question.framing },
            None => Subject { text: self.ask.text.trim(), framing: self.ask.framing },
        }
    }

    /// The words to look for unless others are typed: those of the shown question, else those in the prompt box.
    pub fn prompting_query_default(&self) -> String {
        self.subject().text.to_owned()
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

    /// The encoder that is asked; `None` is the open model.
    pub fn prompting_clip(&self) -> Option<ModelSource> {
        match self.prompting.settings.clip.trim() {
            "" if self.model.task() == ModelTask::Compare => None,
            "" => Some(ModelSource::DemoClip),
            named => Some(ModelSource::named(named)),
        }
    }

    /// What the shown answer has to do with the photo as it would be darkened now.
    pub fn shown_prompting(&self) -> ShownPrompting {
        let coming = self.prompting.finding.as_ref().is_some_and(|finding| match &finding.then {
            Then::Look => false,
            Then::AskShown(_) | Then::Ask(_) => self.current_image() == Some(&finding.request.image),
        });
        if coming {
            return ShownPrompting::Coming;
        }
        let Some(run) = self.current_run() else { return ShownPrompting::Original };
        match &run.question.prompted {
            None => ShownPrompting::Original,
            Some(prompting) if self.is_as_set(prompting) => ShownPrompting::AsSet,
            Some(_) => ShownPrompting::Otherwise,
        }
    }

    /// Whether the shown answer is about a darkened photo, or will be in a moment.
    pub fn is_prompting(&self) -> bool {
        self.shown_prompting() != ShownPrompting::Original
    }

    /// Whether the switch is on: for the shown answer, and where there is none for the next one.
    pub fn prompting_is_on(&self) -> bool {
        match self.shown_prompting() {
            ShownPrompting::Coming | ShownPrompting::AsSet => true,
            ShownPrompting::Otherwise => false,
            ShownPrompting::Original => self.current_run().is_none() && self.next_is_prompted(),
        }
    }

    /// Whether the next question is asked about the darkened photo.
    pub fn next_is_prompted(&self) -> bool {
        self.prompting.settings.on && self.model.task() == ModelTask::Answer
    }

    /// Whether a darkened photo of the shown question is the one that the controls stand for.
    fn is_as_set(&self, prompting: &Prompting) -> bool {
        let (settings, attribution) = (&self.prompting.settings, &prompting.attribution);
        let layer_idx = settings.options.layer_idx.unwrap_or_else(|| attribution.default_layer());
        let same_numbers = prompting.layer_idx() == layer_idx
            && PromptOptions { layer_idx: None, ..prompting.options }
                == PromptOptions { layer_idx: None, ..settings.options };
        attribution.source() == settings.source
            && prompting.query == self.prompting_query().trim()
            && same_numbers
            && self.is_by_chosen_model(prompting)
    }

    /// Whether the model that is chosen now looked. Which weights a CLIP has is known once it has looked at any photo;
    /// while no model is open there is none that an answer could contradict.
    fn is_by_chosen_model(&self, prompting: &Prompting) -> bool {
        let clip = self.prompting_clip().filter(|_| self.prompting.settings.source == Source::Clip);
        let Some(clip) = clip else {
            return self.model.info.as_ref().is_none_or(|info| info.weight_hash == prompting.weight_hash);
        };
        let by_it =
            |made: &&Arc<Made>| made.request.source == Source::Clip && made.second_model.as_ref() == Some(&clip);
        self.prompting.made.iter().any(|made| by_it(&made) && made.weight_hash == prompting.weight_hash)
    }

    /// Why the switch does nothing now; `None` if it does something.
    pub fn prompting_hindrance(&self) -> Option<&'static str> {
        if self.model.worker_dead {
            Some("The model's worker is not running")
        } else if self.model.info.is_none() {
            Some("No model is open")
        } else if self.model.task() != ModelTask::Answer {
            Some("The open model answers no questions")
        } else {
            None
        }
    }

    /// The right answer to what the pre-output was about, where POPE's questions know it. Objects are looked up by the
    /// panel.
    pub fn label_of_question(&self, query: &str) -> Option<Label> {
        self.pope_items()?.iter().find(|item| item.text.eq_ignore_ascii_case(query.trim()))?.label
    }

    pub(in crate::ui) fn apply_prompting(&mut self, command: PromptingCommand) -> Vec<Effect> {
        let is_prompted = |run: &Run| run.question.prompted.is_some();
        match command {
            PromptingCommand::Set(settings) => return self.set_prompting(settings),
            PromptingCommand::Clip(folder) => {
                let clip = folder.display().to_string();
                return self.set_prompting(PromptingSettings { clip, ..self.prompting.settings.clone() });
            }
            // A question that waits for a map is not lost: it waits for the one that is wanted now.
            PromptingCommand::Settle | PromptingCommand::Find if self.waiting_question().is_some() => {
                let waiting = self.waiting_question().cloned();
                return waiting.map_or_else(Vec::new, |question| self.ask_as_set(question));
            }
            PromptingCommand::Settle => {
                if self.prompting.settings.live && self.current_run().is_some_and(is_prompted) {
                    return self.ask_shown_as_set(false);
                }
            }
            PromptingCommand::Find => {
                // The answer of before must not stand beside the new map.
                let asks = self.prompting.settings.live && self.current_run().is_some_and(is_prompted);
                return self.find(if asks { Then::AskShown(true) } else { Then::Look });
            }
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
            PromptingCommand::Switch(on) => {
                self.prompting.settings.on = on;
                return if on { self.ask_shown_as_set(false) } else { self.ask_plainly() };
            }
            PromptingCommand::AskOriginal => {
                self.prompting.settings.on = false;
                let unasked = self.prompting.unasked.take();
                return unasked.map_or_else(Vec::new, |question| self.send(*question));
            }
        }
        Vec::new()
    }

    fn set_prompting(&mut self, mut settings: PromptingSettings) -> Vec<Effect> {
        let was_shown = self.shown_prompting();
        let other_source = settings.source != self.prompting.settings.source;
        if other_source {
            settings.options.layer_idx = None; // of another kind of model
            self.prompting.failed = None;
        }
        self.prompting.settings = settings;
        if !other_source {
            return Vec::new();
        }
        // What was asked of the source before is asked of this one: its answer would stand below another one's name.
        match self.prompting.finding.as_ref().map(|finding| finding.then.clone()) {
            Some(Then::AskShown(look)) => self.find(Then::AskShown(look)),
            Some(Then::Ask(question)) => self.ask_as_set(*question),
            Some(Then::Look) | None if was_shown == ShownPrompting::AsSet && self.prompting.settings.live => {
                self.ask_shown_as_set(false)
            }
            Some(Then::Look) | None => Vec::new(),
        }
    }
}

#[cfg(test)]
pub(in crate::ui) mod tests;
