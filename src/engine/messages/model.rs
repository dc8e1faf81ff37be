//! Which model is to be opened and how, and what an open one is.

use super::stored::{maybe_path_in_words, path_in_words};
use crate::geometry::{Framing, PatchGrid};
use crate::hub::HubId;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

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
    /// Whether it is part of the program.
    pub fn is_bundled(&self) -> bool {
        matches!(self, Self::Demo | Self::DemoClip)
    }

    /// What a text names: `demo`, `demo-clip`, a GGUF decoder, a hub id, otherwise a folder. The disk is not looked at:
    /// a folder that has the form of a hub id is told from one when it is opened.
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

/// What a model needs, **units** bytes; plain data for the window and for `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MemoryEstimate {
    /// Weights in the type they are kept in; on the CPU they are the file's own pages unless they are converted.
    pub weight_bytes: u64,
    /// Keys and values of `context` positions.
    pub cache_bytes: u64,
    /// Attention rows of an answer, at most the budget.
    pub trace_bytes: u64,
    /// What the vision encoder and the prefill hold at their widest.
    pub activation_bytes: u64,
    /// Most bytes of keys, values and image features that are kept between questions; taken from what is left, so no
    /// part of the total.
    pub kept_bytes: u64,
    /// What is free; `None` where the system does not say, as for a GPU.
    pub free_bytes: Option<u64>,
    /// Positions counted with.
    pub context: u64,
    /// The type that was chosen.
    pub dtype: String,
    /// Why it was.
    pub reason: String,
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
