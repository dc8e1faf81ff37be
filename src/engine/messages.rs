//! What the window and the worker say to each other. Requests go in, events come out; both are plain data.

mod attribution;
mod model;
mod question;
mod stored;

use crate::trace::{AttentionRow, Extras, OutputToken, Trace};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use attribution::{ATTRIBUTION_TOKENS, Attributed, AttributionRequest};
pub use model::{
    DevicePreference, DtypePreference, KeptMemory, LoadRequest, MemoryEstimate, ModelInfo, ModelSource, ModelTask,
};
pub(super) use question::limit_sentence;
pub use question::{
    Fork, ImageSource, MAX_NEW_TOKENS, Prompt, PromptRows, Prompting, Question, RecordOptions, Spec, is_limit_sentence,
};

/// Names a question or an attribution; the asker counts up over both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u64);

/// To the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Open a model in place of the present one.
    Load(LoadRequest),
    /// Ask; a later question waits for an earlier one unless that is cancelled.
    Ask(RunId, Box<Question>),
    /// Find out where a model looks; a later one takes the place of an earlier one that has not ended.
    ///
    /// The model is the open one, or the named one, which must be an encoder: it is opened beside the open model and
    /// kept until another is named.
    Attribute(RunId, Box<AttributionRequest>, Option<ModelSource>),
}

/// What the worker is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading and preprocessing the photo.
    Photo,
    /// The vision encoder.
    Vision,
    /// The prompt.
    Prefill,
    /// The answer.
    Decode,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Opening the model (0 if it was open).
    pub load_secs: f64,
    /// The vision encoder.
    pub vision_secs: f64,
    /// The prompt.
    pub prefill_secs: f64,
    /// All tokens but the first.
    pub decode_secs: f64,
    /// Of the decoding.
    pub tokens_per_sec: f64,
    /// Leading prompt positions whose keys and values an earlier question had left (of the ordinary branch).
    pub reused_tokens: usize,
    /// What is kept for the next question.
    pub kept: KeptMemory,
}

/// A question that was answered, or a photo that was looked at.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Everything the window shows.
    pub trace: Trace,
    /// What was kept besides, see [`RecordOptions`].
    pub extras: Extras,
    /// Where the time went.
    pub timings: Timings,
}

/// From the worker.
#[derive(Debug, Clone)]
pub enum Event {
    /// Opening: share done (0..=1) and at what.
    Loading {
        /// 0..=1.
        share: f32,
        /// "Reading weights, shard 2 of 3".
        what: String,
    },
    /// A model is open.
    Loaded(Arc<ModelInfo>),
    /// It could not be opened; the one before stays open if there was one.
    LoadFailed(String),
    /// A question has come to this stage.
    Stage(RunId, Stage),
    /// Prompt and vision are known; `output` is still empty. Rows and tokens follow.
    Started(RunId, Box<Trace>),
    /// One token and its row (`None` when past the budget).
    Token(RunId, Box<OutputToken>, Option<Arc<AttentionRow>>),
    /// Only so many of the answer's tokens stand, those it began with included: the others are taken back with their
    /// rows. A token that replaces them follows.
    Rewind(RunId, usize),
    /// The answer is complete. `run` replaces the trace's (final parameters), warnings are appended.
    Finished {
        /// Which.
        id: RunId,
        /// Where the time went.
        timings: Timings,
        /// What the user should know.
        warnings: Vec<String>,
    },
    /// Opening the model that an attribution takes.
    Attributing {
        /// Which.
        id: RunId,
        /// 0..=1.
        share: f32,
        /// "Reading weights, tensor 3 of 200".
        what: String,
    },
    /// An attribution, and the model that made it.
    Attributed(RunId, Arc<Attributed>, Arc<ModelInfo>),
    /// Stopped on request; what came before stays valid.
    Cancelled(RunId),
    /// It went wrong: one sentence.
    Failed(RunId, String),
    /// It went wrong because the model on disk is no longer the one that is open: one sentence. Opening it again helps.
    Outdated(RunId, String),
    /// The worker is gone; [`crate::engine`] can start another.
    WorkerDied(String),
}
