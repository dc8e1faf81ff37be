//! What the window and the worker say to each other. Requests go in, events come out; both are plain data.

use super::attribution::{Attributed, AttributionRequest};
use super::estimate::MemoryEstimate;
use super::fork::Fork;
use super::prompting::Prompting;
use super::stored::{self, maybe_path_in_words, path_in_words};
use crate::geometry::{Framing, PatchGrid};
use crate::hub::HubId;
use crate::trace::{AttentionRow, OutputToken, RowPrecision, Sampling, Trace};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most tokens of an answer where nobody says another number, in the window and on the command line.
pub const MAX_NEW_TOKENS: usize = 256;

/// Names a question or an attribution; the asker counts up over both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u64);

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModelSource {
    /// The bundled one that answers.
    Demo,
    /// The bundled CLIP.
    DemoClip,
    /// A Hugging Face folder, a folder with a pair of GGUF files, or a GGUF decoder whose projector lies beside it.
    Folder(#[serde(serialize_with = "path_in_words")] PathBuf),
    /// A pair of GGUF files.
    Gguf {
        /// The decoder.
        #[serde(serialize_with = "path_in_words")]
        decoder: PathBuf,
        /// The projector; `None` takes the one beside the decoder.
        #[serde(default, serialize_with = "maybe_path_in_words")]
        mmproj: Option<PathBuf>,
    },
    /// A model of the hub, taken from the cache or downloaded into it when it is opened.
    Hub {
        /// Its name.
        id: HubId,
        /// Where it lies, if somebody fetched it already.
        #[serde(default, serialize_with = "maybe_path_in_words")]
        folder: Option<PathBuf>,
    },
}

impl ModelSource {
    /// What a text names: `demo`, `demo-clip`, a GGUF decoder, a hub id, otherwise a folder. The disk is not looked at: a folder that has the
    /// form of a hub id is told from one when it is opened.
    pub fn named(text: &str) -> Self {
        let is_gguf = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        match text {
            "demo" => Self::Demo,
            "demo-clip" => Self::DemoClip,
            path if is_gguf(Path::new(path)) => Self::Gguf { decoder: path.into(), mmproj: None },
            other => match other.parse() {
                Ok(id) => Self::Hub { id, folder: None },
                Err(_) => Self::Folder(other.into()),
            },
        }
    }
}

/// Where to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DevicePreference {
    /// The best that was built in and works.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA card by number.
    Cuda(usize),
    /// An Apple GPU by number.
    Metal(usize),
}

/// In which type to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DtypePreference {
    /// f32 on the CPU, the checkpoint's own on a GPU; quantised weights stay as they are.
    #[default]
    Auto,
    /// 32-bit.
    F32,
    /// 16-bit.
    F16,
    /// bfloat16.
    Bf16,
}

/// Opens a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadRequest {
    /// Which.
    pub source: ModelSource,
    /// Where to run it.
    pub device: DevicePreference,
    /// In which type.
    pub dtype: DtypePreference,
}

/// A photo for a question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageSource {
    /// A file.
    Path(#[serde(serialize_with = "path_in_words")] PathBuf),
    /// One of the bundled images, by file name.
    Bundled(String),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// Goes through the checkpoint's chat template.
    Templated(String),
    /// The exact text with one `<image>` placeholder.
    Raw(String),
}

/// `name` or `name:key=value,key=value`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spec {
    /// Registered name.
    pub name: String,
    /// Parameters that were given, in order.
    pub parameters: Vec<(String, String)>,
}

/// Which prompt positions keep their attention rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PromptRows {
    /// None: only what predicted the answer.
    #[default]
    None,
    /// The text after the image.
    AfterImage,
    /// Every position.
    All,
}

/// What of a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordOptions {
    /// Of decoder rows.
    pub precision: RowPrecision,
    /// Most bytes of attention; past it rows are left out, with a warning in the trace.
    pub budget_bytes: usize,
    /// Prompt rows besides.
    pub prompt_rows: PromptRows,
    /// Keep logits (for `--logits`).
    pub logits: bool,
    /// Keep `pixel_values` (for `--vision`).
    pub pixel_values: bool,
}

impl Default for RecordOptions {
    fn default() -> Self {
        Self {
            precision: RowPrecision::F16,
            budget_bytes: 1 << 30,
            prompt_rows: PromptRows::None,
            logits: false,
            pixel_values: false,
        }
    }
}

/// A question about a photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The photo.
    pub image: ImageSource,
    /// The words.
    pub prompt: Prompt,
    /// Crop or pad; `None` takes the checkpoint's own.
    #[serde(default)]
    pub framing: Option<Framing>,
    /// How tokens are chosen.
    #[serde(default)]
    pub sampling: Sampling,
    /// Most tokens to generate.
    pub max_new_tokens: usize,
    /// Decoding strategy; the empty name is plain decoding.
    #[serde(default)]
    pub strategy: Spec,
    /// Interventions, in order.
    #[serde(default)]
    pub interventions: Vec<Spec>,
    /// Methods of any kind, in order, behind the two before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Spec>,
    /// Asks about the photo darkened where a model did not look.
    #[serde(default, with = "stored::maybe_shared")]
    pub prompted: Option<Arc<Prompting>>,
    /// What the answer begins with; `None` lets the model choose every token.
    #[serde(default)]
    pub fork: Option<Fork>,
    /// What is kept.
    #[serde(default)]
    pub record: RecordOptions,
}

/// To the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Open a model in place of the present one.
    Load(LoadRequest),
    /// Ask; a later question waits for an earlier one unless that is cancelled.
    Ask(RunId, Box<Question>),
    /// Find out where a model looks; a later one takes the place of an earlier one that has not ended.
    ///
    /// The model is the open one, or the named one, which must be an encoder: it is opened beside the open model and kept until another is
    /// named.
    Attribute(RunId, Box<AttributionRequest>, Option<ModelSource>),
}

/// What a model can do with a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelTask {
    /// Answers a question.
    #[default]
    Answer,
    /// Says how well texts fit, one a line of the prompt; it has no decoder.
    Compare,
    /// Only sees; it takes no words.
    See,
}

/// What an opened model is.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// `demo`, `demo-clip`, a folder's path, a hub id.
    pub id: String,
    /// Registered family.
    pub family: String,
    /// What can be done with it.
    pub task: ModelTask,
    /// For people: "LLaVA, 32 layers x 32 heads, ViT 24 x 16, 336 px".
    pub summary: String,
    /// What the user must know about it ("tiny demo model trained on drawn scenes").
    pub note: String,
    /// What was not as expected in its files and did not matter enough to refuse it; part of `note`, too.
    pub warnings: Vec<String>,
    /// SHA-256 over the weight files.
    pub weight_hash: String,
    /// "CPU, f32".
    pub device: String,
    /// Bytes of weights in the files.
    pub weight_bytes: u64,
    /// What it was expected to need, and why its type was chosen.
    pub memory: MemoryEstimate,
    /// Decoder layers; 0 without a decoder.
    pub num_hidden_layers: usize,
    /// Decoder heads.
    pub num_attention_heads: usize,
    /// Vision layers.
    pub vision_num_hidden_layers: usize,
    /// Vision heads.
    pub vision_num_attention_heads: usize,
    /// Image tokens.
    pub image_grid: PatchGrid,
    /// The checkpoint's own framing.
    pub framing: Framing,
    /// The chat template around a question: text before it, text after it.
    pub template_before: String,
    /// See `template_before`.
    pub template_after: String,
    /// Questions worth offering (the demo's fixed prompts).
    pub suggested_prompts: Vec<String>,
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

/// Keys, values and image features that are kept between questions, see [`crate::engine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptMemory {
    /// Bytes held.
    pub held_bytes: u64,
    /// Most bytes; past them the least recently used goes.
    pub budget_bytes: u64,
    /// Images that the vision encoder need not look at again.
    pub images: usize,
    /// Prompts whose beginnings need not be read again.
    pub prompts: usize,
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
