//! Yes/no questions about objects: those of the image looked at, their answers, and the queue in which they are asked.
//!
//! Every question is an ordinary run, so that its trace can be looked at; its answer is kept here too, because a run
//! may be forgotten to keep within the attention budget. [`queue`] asks one after another behind what is shown,
//! [`table`] is what people read.

mod queue;
mod table;

#[cfg(test)]
mod tests;

pub use table::{PopeRow, PopeTable};

use crate::analysis::pope::{NounQuestion, NounVerdict, YesNoWords, YesProbability, scorer};
use crate::engine::{ImageSource, ModelTask, Prompt, Question, RunId, Sampling};
use crate::trace::Trace;
use crate::ui::core::command::PopeItem;
use crate::ui::core::settings::{PopeSettings, PopeSource};
use crate::ui::features::AppState;
use crate::ui::features::answer::queue::{AskAll, Pending};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// Most tokens of an answer: POPE wants one word, a sentence says as much.
const MOST_ANSWER_TOKENS: usize = 16;

/// The scorer that says whether a model takes a word back: it alone knows answers that say neither, and reads whole
/// sentences.
const WORD_SCORER: &str = "icd";

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopeAnswer {
    /// Weights of the model that answered.
    pub model: String,
    /// The question as it was asked.
    pub question: Question,
    /// The run with its trace; it may be forgotten by now.
    pub run: RunId,
    /// The answer, or why there is none: one sentence.
    pub text: Result<String, String>,
    /// How probable yes was before the first token was chosen.
    pub yes: Option<YesProbability>,
}

/// Yes/no questions about objects: those of the image looked at, their answers, and the queue in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Pope {
    /// How questions are made and asked.
    pub settings: PopeSettings,
    /// Those of the image looked at, from the file or made; `None` while they are made.
    pub questions: Option<Arc<[PopeItem]>>,
    /// Those about the object words of an answer, and the image it is about.
    pub words: Option<(ImageSource, Arc<[PopeItem]>)>,
    answers: HashMap<ImageSource, Vec<PopeAnswer>>,
    /// Every run that was begun for one of its questions, whether its answer still counts or another took its place.
    runs: BTreeSet<RunId>,
    pending: Vec<Pending>,
    queue: Option<AskAll>,
    /// Why the last queue ended before its time.
    pub ended_early: Option<String>,
}

impl Pope {
    /// Nothing asked yet.
    pub fn new(settings: PopeSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Answers of a session, as they were given, and the runs of its questions.
    pub(in crate::ui) fn restored(settings: PopeSettings, answers: Vec<PopeAnswer>, runs: Vec<RunId>) -> Self {
        let mut pope = Self { runs: runs.into_iter().collect(), ..Self::new(settings) };
        for answer in answers {
            pope.runs.insert(answer.run);
            pope.answers.entry(answer.question.image.clone()).or_default().push(answer);
        }
        pope
    }

    /// Every answer.
    pub(in crate::ui) fn answers(&self) -> impl Iterator<Item = &PopeAnswer> {
        self.answers.values().flatten()
    }

    /// Photos are somewhere else now.
    pub(in crate::ui) fn relocate(&mut self, now_at: &HashMap<PathBuf, PathBuf>) {
        let mut answers: Vec<PopeAnswer> = std::mem::take(&mut self.answers).into_values().flatten().collect();
        for answer in &mut answers {
            answer.question.image.relocate(now_at);
        }
        self.answers = Self::restored(self.settings, answers, Vec::new()).answers;
    }

    /// The questions that are being asked, one after another.
    pub fn queue(&self) -> Option<&AskAll> {
        self.queue.as_ref()
    }

    /// Whether a question is asked behind the one that is shown.
    pub fn is_behind(&self, id: RunId) -> bool {
        self.pending.iter().any(|pending| pending.run == id && pending.behind)
    }

    /// Whether a run is one of its questions: those are no answers that people asked for one by one.
    pub fn is_run(&self, id: RunId) -> bool {
        self.runs.contains(&id)
    }

    /// The runs of all its questions.
    pub(in crate::ui) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.runs.iter().copied()
    }

    /// A question was sent.
    fn asked(&mut self, run: RunId, question: Question, behind: bool) {
        self.runs.insert(run);
        self.pending.push(Pending { run, question, behind });
    }

    /// The run of a question that is being answered.
    fn pending(&self, question: &Question) -> Option<RunId> {
        self.pending.iter().find(|pending| pending.question.is_same(question)).map(|pending| pending.run)
    }

    /// What a model answered to a question.
    pub fn answer(&self, model: &str, question: &Question) -> Option<&PopeAnswer> {
        let answers = self.answers.get(&question.image)?;
        answers.iter().find(|answer| answer.model == model && answer.question.is_same(question))
    }

    fn record(&mut self, pending: Pending, model: String, text: Result<String, String>, yes: Option<YesProbability>) {
        let Pending { run, question, .. } = pending;
        let answers = self.answers.entry(question.image.clone()).or_default();
        answers.retain(|answer| answer.model != model || !answer.question.is_same(&question));
        answers.push(PopeAnswer { model, question, run, text, yes });
    }
}

/// How probable yes was, by the candidates of the first token.
pub(in crate::ui) fn yes_probability(trace: &Trace) -> Option<YesProbability> {
    YesProbability::of_token(trace.output.first()?, YesNoWords::Pair)
}

/// What a model says of an object word of its answer when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum WordSaid {
    /// It has been asked.
    Asking,
    /// It answered this.
    Answered(NounVerdict, String),
}

impl AppState {
    /// Where the shown questions come from.
    pub fn pope_source(&self) -> PopeSource {
        let words = self.pope.words.as_ref().is_some_and(|(image, _)| Some(image) == self.current_image());
        let file = self.browse.dataset.as_ref().is_some_and(|dataset| dataset.questions().is_some());
        match self.pope.settings.source {
            Some(PopeSource::Words) if words => PopeSource::Words,
            Some(PopeSource::Made) => PopeSource::Made,
            _ if file => PopeSource::File,
            _ => PopeSource::Made,
        }
    }

    /// The questions of the image looked at; `None` while they are made.
    pub fn pope_items(&self) -> Option<&[PopeItem]> {
        match self.pope_source() {
            PopeSource::Words => self.pope.words.as_ref().map(|(_, items)| &**items),
            PopeSource::File | PopeSource::Made => self.pope.questions.as_deref(),
        }
    }

    /// A question as it goes to the worker: greedy and short, else as other questions.
    pub(in crate::ui) fn pope_question(&self, image: &ImageSource, text: &str) -> Question {
        let text = self.pope.settings.suffix().map_or_else(|| text.to_owned(), |suffix| suffix.ask(text));
        Question {
            prompt: Prompt::Templated(text),
            sampling: Sampling::default(),
            max_new_tokens: MOST_ANSWER_TOKENS,
            ..self.ask.question(image.clone())
        }
    }

    /// The weights of the open model, if it can be asked.
    pub(in crate::ui) fn pope_model(&self) -> Option<&str> {
        let info = self.model.info.as_ref().filter(|info| info.task == ModelTask::Answer)?;
        Some(&info.weight_hash)
    }

    /// Why nothing can be asked now; `None` if it can.
    pub(in crate::ui) fn pope_hindrance(&self) -> Option<&'static str> {
        if self.model.worker_dead {
            Some("the model's worker is not running")
        } else if self.model.loading.is_some() {
            Some("a model is being opened")
        } else if self.model.info.is_none() {
            Some("no model is open")
        } else if self.pope_model().is_none() {
            Some("the open model has no decoder")
        } else {
            None
        }
    }

    /// What the model of the shown answer says when it is asked about a category that the answer mentions.
    pub(in crate::ui) fn word_said(&self, category: &str) -> Option<WordSaid> {
        let run = self.current_run()?;
        let text = self.pope.settings.options.template.question(category);
        let question = self.pope_question(&run.question.image, &text);
        match self.pope.answer(&run.trace.as_ref()?.run.weight_hash, &question) {
            Some(PopeAnswer { text: Ok(text), .. }) => {
                let said = scorer(WORD_SCORER)?.said(text);
                Some(WordSaid::Answered(NounQuestion::verdict(said), text.clone()))
            }
            Some(_) => None,
            None => self.pope.pending(&question).map(|_| WordSaid::Asking),
        }
    }
}
