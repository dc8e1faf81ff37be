//! One question and what came back.

use crate::engine::{Prompt, Prompting, Question, RunId, Stage, Timings, is_limit_sentence};
use crate::geometry::Framing;
use crate::prompting::PromptOptions;
use crate::trace::{AttentionRow, OutputToken, Trace};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What an answer says whose rows went.
const ROWS_GONE: &str = "The attention of this answer is gone, as all answers together were beyond the attention \
    budget: ask again to see where the model looked";

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

/// Where an answer was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkedFrom {
    /// The answer that it shares its beginning with.
    pub run: RunId,
    /// Tokens that they share.
    pub token_idx: usize,
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
    /// Counts how often tokens were taken back: what was derived of a token may be another one's.
    pub rewinds: u64,
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
            rewinds: 0,
            timings: None,
            tokens_per_sec: 0.0,
            first_token_secs: None,
            forked_from: None,
            nr: 1,
            name: String::new(),
            attention_bytes: 0,
        }
    }

    /// Just asked, with its number among the questions about its photo.
    pub(super) fn numbered(id: RunId, question: Question, nr: usize) -> Self {
        Self { nr, ..Self::new(id, question) }
    }

    /// The question's words.
    pub fn prompt_text(&self) -> &str {
        match &self.question.prompt {
            Prompt::Templated(text) | Prompt::Raw(text) => text,
        }
    }

    /// What sets this question apart from another one in the same words: model, framing, sampling; empty for the
    /// ordinary way.
    pub fn variant(&self) -> String {
        let question = &self.question;
        let mut parts = Vec::new();
        let strategy = Some(&question.strategy).filter(|strategy| !strategy.is_plain());
        for method in question.interventions.iter().chain(strategy).chain(&question.methods) {
            let given = method.parameters.iter().map(|(name, value)| format!(" {name} {value}"));
            parts.push(format!("{}{}", method.name, given.collect::<String>()));
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
        if question.sampling.beams > 1 {
            parts.push(format!("{} beams", question.sampling.beams));
            if (question.sampling.length_penalty - 1.0).abs() > f64::EPSILON {
                parts.push(format!("length penalty {}", question.sampling.length_penalty));
            }
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

    /// Whether something came back: a question that was stopped before the first token has no answer, an encoder
    /// answers without tokens.
    pub fn has_answer(&self) -> bool {
        self.phase == Phase::Finished || self.trace.as_ref().is_some_and(|trace| !trace.output.is_empty())
    }

    /// Whether the answer ended only because it came to its limit.
    pub fn stopped_at_limit(&self) -> bool {
        let warnings = self.trace.as_ref().map(|trace| trace.warnings.as_slice()).unwrap_or_default();
        self.phase == Phase::Finished && warnings.iter().any(|warning| is_limit_sentence(warning))
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

    /// Lets go of the attention of its tokens, which then have none to show; says how many bytes that were.
    pub(super) fn let_go_of_rows(&mut self) -> usize {
        let Some(trace) = &mut self.trace else { return 0 };
        if trace.decoder_attention.is_empty() && trace.prompt_attention.is_empty() {
            return 0;
        }
        trace.decoder_attention.clear();
        trace.prompt_attention.clear();
        trace.warnings.push(ROWS_GONE.to_owned());
        let before = std::mem::replace(&mut self.attention_bytes, trace.attention_bytes());
        self.version += 1;
        self.rewinds += 1; // what was derived of the rows is theirs
        before.saturating_sub(self.attention_bytes)
    }

    /// Takes back all tokens but the first `to_len`, with their rows.
    pub fn rewind(&mut self, to_len: usize) {
        let Some(trace) = &mut self.trace else { return };
        trace.output.truncate(to_len);
        let gone = trace.decoder_attention.get(to_len..).unwrap_or_default();
        self.attention_bytes = self.attention_bytes.saturating_sub(gone.iter().map(|row| row.bytes()).sum());
        trace.decoder_attention.truncate(to_len);
        self.version += 1;
        self.rewinds += 1;
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
