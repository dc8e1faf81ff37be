//! Questions that were asked, and what came back.

use super::forks::ForkedFrom;
use crate::engine::{ImageSource, KeptMemory, Prompt, Prompting, Question, RunId, Stage, Timings};
use crate::geometry::Framing;
use crate::prompting::PromptOptions;
use crate::trace::{AttentionRow, OutputToken, Trace};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// How far a question has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Sent, nothing heard yet.
    Waiting,
    /// The worker is at it.
    Working(Stage),
    /// Answered.
    Finished,
    /// Stopped by the user; what came before is valid.
    Cancelled,
    /// It went wrong: one sentence.
    Failed(String),
}

impl Phase {
    /// Whether more is to come.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Waiting | Self::Working(_))
    }
}

/// One question with its trace so far.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// What was asked.
    pub question: Question,
    /// How far it is.
    pub phase: Phase,
    /// What was seen so far.
    pub trace: Option<Trace>,
    /// Counts changes of the trace: what was derived from an older version is stale.
    pub version: u64,
    /// Where the time went, once it is finished.
    pub timings: Option<Timings>,
    /// Speed while it runs, tokens per second.
    pub tokens_per_sec: f64,
    first_token_secs: Option<f64>,
    /// The answer whose beginning it shares.
    pub forked_from: Option<ForkedFrom>,
    /// Its number among the questions about its photo, from 1; it keeps it when others are forgotten.
    pub nr: usize,
    /// What the user calls it.
    pub name: String,
    /// Bytes of attention held, kept up to date as rows arrive.
    pub attention_bytes: usize,
}

impl Run {
    /// Just asked.
    pub(in crate::ui) fn new(id: RunId, question: Question) -> Self {
        Self {
            id,
            question,
            phase: Phase::Waiting,
            trace: None,
            version: 0,
            timings: None,
            tokens_per_sec: 0.0,
            first_token_secs: None,
            forked_from: None,
            nr: 1,
            name: String::new(),
            attention_bytes: 0,
        }
    }

    /// The question's words.
    pub fn prompt_text(&self) -> &str {
        match &self.question.prompt {
            Prompt::Templated(text) | Prompt::Raw(text) => text,
        }
    }

    /// What sets this question apart from another one in the same words: model, framing, sampling; empty for the ordinary way.
    pub fn variant(&self) -> String {
        let question = &self.question;
        let mut parts = Vec::new();
        if !question.strategy.is_plain() {
            let given = question.strategy.parameters.iter().map(|(name, value)| format!(" {name} {value}"));
            parts.push(format!("{}{}", question.strategy.name, given.collect::<String>()));
        }
        if let Some(prompting) = &question.prompted {
            parts.push(prompting_words(prompting, self.prompt_text()));
        }
        if let Some(from) = self.forked_from {
            parts.push(format!("fork at token {}", from.token_idx));
        }
        if let Some(framing) = question.framing {
            parts.push(match framing {
                Framing::Crop => "crop".to_owned(),
                Framing::Pad => "pad".to_owned(),
            });
        }
        if question.sampling.temperature > 0.0 {
            parts.push(format!("random, T {}, seed {}", question.sampling.temperature, question.sampling.seed));
        }
        if (question.sampling.repetition_penalty - 1.0).abs() > f32::EPSILON {
            parts.push(format!("repetition {}", question.sampling.repetition_penalty));
        }
        if matches!(question.prompt, Prompt::Raw(_)) {
            parts.push("exact text".to_owned());
        }
        parts.join(", ")
    }

    /// The model that answered, once it has begun to.
    pub fn model_id(&self) -> Option<&str> {
        self.trace.as_ref().map(|trace| trace.run.model_id.as_str())
    }

    /// Whether something came back: a question that was stopped before the first token has no answer, an encoder answers without tokens.
    pub fn has_answer(&self) -> bool {
        self.phase == Phase::Finished || self.trace.as_ref().is_some_and(|trace| !trace.output.is_empty())
    }

    /// The attention row of a generated token; `None` when it was left out for the budget.
    pub fn row(&self, token_idx: usize) -> Option<&Arc<AttentionRow>> {
        self.trace.as_ref()?.decoder_attention.get(token_idx)
    }

    /// Prompt and vision are known.
    pub fn start(&mut self, trace: Trace) {
        self.attention_bytes = trace.attention_bytes();
        self.trace = Some(trace);
        self.version += 1;
    }

    /// One more token. `now_secs` is any clock that only goes forward.
    pub fn push(&mut self, token: OutputToken, row: Option<Arc<AttentionRow>>, now_secs: f64) {
        let Some(trace) = &mut self.trace else { return };
        // Rows stop for good at the budget; one that came after a gap would be taken for another token's.
        if let Some(row) = row
            && trace.decoder_attention.len() == trace.output.len()
        {
            self.attention_bytes += row.bytes();
            trace.decoder_attention.push(row);
        }
        trace.output.push(token);
        self.version += 1;
        let first = *self.first_token_secs.get_or_insert(now_secs);
        let elapsed = now_secs - first;
        if elapsed > 0.0 {
            self.tokens_per_sec = (trace.output.len() - 1) as f64 / elapsed;
        }
    }
}

/// How the photo was darkened, in a few words: the source, the layer, and what is not as published.
fn prompting_words(prompting: &Prompting, prompt: &str) -> String {
    let (options, published) = (&prompting.options, PromptOptions::default());
    let mut words = format!("API {}, layer {}", prompting.attribution.source().id(), prompting.layer_idx());
    let mut unusual = |is_so: bool, what: String| {
        if is_so {
            words.push_str(&what);
        }
    };
    unusual(options.formula != published.formula, format!(", {} formula", options.formula.id()));
    unusual(options.geometry != published.geometry, format!(", {}", options.geometry.id()));
    unusual(options.kernel != published.kernel, format!(", kernel {}", options.kernel));
    unusual((options.enhance - published.enhance).abs() > 1e-9, format!(", enhance {:.2}", options.enhance));
    unusual(options.resample != published.resample, format!(", {:?}", options.resample).to_lowercase());
    unusual(options.grey != published.grey, format!(", grey {}", options.grey));
    unusual(prompting.query != prompt.trim(), format!(", “{}”", prompting.query));
    words
}

/// All questions, and which one is shown for each image.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    all: BTreeMap<RunId, Run>,
    shown: HashMap<ImageSource, RunId>,
    /// Questions that were asked about each photo so far.
    counts: HashMap<ImageSource, usize>,
    next_id: u64,
}

impl Runs {
    /// Answers of a session, oldest first, with the names that they had. `epoch` is another one each time: what was derived from the answers
    /// of before is not taken for theirs. Names are not given twice, whatever `last_id` says.
    pub(in crate::ui) fn restored(runs: Vec<Run>, shown: &[RunId], last_id: u64, epoch: u64) -> Self {
        let mut all = BTreeMap::new();
        let mut counts: HashMap<ImageSource, usize> = HashMap::new();
        for mut run in runs {
            run.version += epoch << 32;
            let count = counts.entry(run.question.image.clone()).or_default();
            *count = run.nr.max(*count + 1);
            run.nr = *count;
            all.insert(run.id, run);
        }
        let newest = all.keys().next_back().map_or(0, |id: &RunId| id.0);
        let mut restored = Self { all, shown: HashMap::new(), counts, next_id: last_id.max(newest) };
        // Every image with answers shows one.
        let newest: Vec<RunId> = restored.all.keys().copied().collect();
        newest.iter().chain(shown).for_each(|id| restored.show(*id));
        restored
    }

    /// Every question, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.all.values()
    }

    /// The question shown for each image, in order.
    pub(in crate::ui) fn shown_ids(&self) -> Vec<RunId> {
        let mut ids: Vec<RunId> = self.shown.values().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The name given last.
    pub(in crate::ui) fn last_id(&self) -> u64 {
        self.next_id
    }

    /// Photos are somewhere else now.
    pub(in crate::ui) fn relocate(&mut self, now_at: &HashMap<PathBuf, PathBuf>) {
        self.all.values_mut().for_each(|run| run.question.image.relocate(now_at));
        let shown = std::mem::take(&mut self.shown).into_iter();
        self.shown = shown
            .map(|(mut image, id)| {
                image.relocate(now_at);
                (image, id)
            })
            .collect();
    }

    /// A new question; it becomes the one shown for its image.
    pub fn begin(&mut self, question: Question) -> RunId {
        let image = question.image.clone();
        let id = self.begin_behind(question);
        self.shown.insert(image, id);
        id
    }

    /// A new question behind the one that is shown.
    pub fn begin_behind(&mut self, question: Question) -> RunId {
        let id = self.name();
        let count = self.counts.entry(question.image.clone()).or_default();
        *count += 1;
        self.all.insert(id, Run { nr: *count, ..Run::new(id, question) });
        id
    }

    /// What the engine keeps for the next question, as the latest answer told.
    pub fn kept_memory(&self) -> KeptMemory {
        self.all.values().rev().find_map(|run| run.timings).map(|timings| timings.kept).unwrap_or_default()
    }

    /// A name for something that is asked and is no question.
    pub fn name(&mut self) -> RunId {
        self.next_id += 1;
        RunId(self.next_id)
    }

    /// A question by its name.
    pub fn get(&self, id: RunId) -> Option<&Run> {
        self.all.get(&id)
    }

    /// The same, to change.
    pub fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.all.get_mut(&id)
    }

    /// A question that is not answered yet, to change: what comes late for one that ended changes nothing.
    pub fn active_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.all.get_mut(&id).filter(|run| run.phase.is_active())
    }

    /// The question shown for an image.
    pub fn shown(&self, image: &ImageSource) -> Option<&Run> {
        self.all.get(self.shown.get(image)?)
    }

    /// Shows an earlier question.
    pub fn show(&mut self, id: RunId) {
        if let Some(run) = self.all.get(&id) {
            self.shown.insert(run.question.image.clone(), id);
        }
    }

    /// Every question, oldest first.
    pub fn every(&self) -> impl Iterator<Item = &Run> {
        self.all.values()
    }

    /// Questions about an image, oldest first.
    pub fn of_image<'a>(&'a self, image: &'a ImageSource) -> impl Iterator<Item = &'a Run> {
        self.all.values().filter(move |run| run.question.image == *image)
    }

    /// Questions without an answer yet.
    pub fn active(&self) -> impl Iterator<Item = &Run> {
        self.all.values().filter(|run| run.phase.is_active())
    }

    /// Ends every question that still runs.
    pub fn end_active(&mut self, phase: &Phase) {
        for run in self.all.values_mut().filter(|run| run.phase.is_active()) {
            run.phase = phase.clone();
        }
    }

    /// Bytes of attention held by all of them.
    pub fn attention_bytes(&self) -> usize {
        self.all.values().map(|run| run.attention_bytes).sum()
    }

    /// Forgets the oldest questions until attention fits into `budget_bytes` and there are at most `most`; those that run, the newest and
    /// `kept` stay. Returns how many were forgotten.
    pub fn evict(&mut self, budget_bytes: usize, most: usize, kept: &[RunId]) -> usize {
        let newest = self.all.keys().next_back().copied();
        let mut bytes = self.attention_bytes();
        let mut count = self.all.len();
        let mut gone = Vec::new();
        for run in self.all.values() {
            if bytes <= budget_bytes && count <= most {
                break;
            }
            if run.phase.is_active() || Some(run.id) == newest || kept.contains(&run.id) {
                continue;
            }
            bytes -= run.attention_bytes;
            count -= 1;
            gone.push(run.id);
        }
        for id in &gone {
            self.forget(*id);
        }
        gone.len()
    }

    /// Forgets one question; the newest other one about its image is shown in its place.
    pub fn forget(&mut self, id: RunId) {
        let Some(run) = self.all.remove(&id) else { return };
        let image = run.question.image;
        if self.shown.get(&image) == Some(&id) {
            let other = self.of_image(&image).map(|run| run.id).last();
            match other {
                Some(other) => self.shown.insert(image, other),
                None => self.shown.remove(&image),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{question, row, token, trace};
    use super::*;

    #[test]
    fn the_newest_question_is_shown_and_an_older_one_can_be() {
        let mut runs = Runs::default();
        let first = runs.begin(question("a.png", "one"));
        let second = runs.begin(question("a.png", "two"));
        let image = question("a.png", "").image;
        assert_eq!(runs.shown(&image).map(|run| run.id), Some(second), "the newest");
        runs.show(first);
        assert_eq!(runs.shown(&image).map(|run| run.id), Some(first), "the one asked for");
    }

    #[test]
    fn a_row_after_a_gap_is_not_taken_for_another_tokens() {
        let mut runs = Runs::default();
        let id = runs.begin(question("a.png", "one"));
        let run = runs.get_mut(id).expect("just begun");
        run.start(trace());
        run.push(token("a"), Some(row(0.1)), 0.0);
        run.push(token("b"), None, 0.5);
        run.push(token("c"), Some(row(0.3)), 1.0);
        let trace = run.trace.as_ref().expect("started");
        assert_eq!((trace.output.len(), trace.decoder_attention.len()), (3, 1), "b has no row, so c has none");
        assert!((run.tokens_per_sec - 2.0).abs() < 1e-9, "two more tokens in one second");
    }

    #[test]
    fn memory_is_bounded_by_forgetting_the_oldest() {
        let mut runs = Runs::default();
        for i in 0..5 {
            let id = runs.begin(question("a.png", "q"));
            let run = runs.get_mut(id).expect("just begun");
            run.start(trace());
            run.push(token("a"), Some(row(0.1)), f64::from(i));
            run.phase = Phase::Finished;
        }
        let each = runs.attention_bytes() / 5;
        assert_eq!(runs.evict(each * 2, 100, &[]), 3, "three too many");
        assert_eq!(
            runs.of_image(&question("a.png", "").image).map(|run| run.id.0).collect::<Vec<_>>(),
            [4, 5],
            "the newest stay"
        );
    }
}
