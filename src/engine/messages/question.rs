//! A question about a photo, with everything that can be asked of it.

use super::stored::{self, path_in_words};
use crate::geometry::Framing;
use crate::prompting::{Attribution, PromptOptions};
use crate::trace::{RowPrecision, Sampling, Trace};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Most tokens of an answer where nobody says another number, in the window and on the command line.
pub const MAX_NEW_TOKENS: usize = 256;

/// What is said of an answer that came to its limit: a normal end, but one that a reader should know of.
pub(crate) fn limit_sentence(num_tokens: usize) -> String {
    format!("{LIMIT} {num_tokens} token{}", if num_tokens == 1 { "" } else { "s" })
}

/// How [`limit_sentence`] begins.
const LIMIT: &str = "Stopped at the limit of";

/// Whether a trace's warning only says that the answer came to its limit, in the words of any version.
pub fn is_limit_sentence(warning: &str) -> bool {
    let is_earlier = |text: &str| text.starts_with("The answer was cut off after ") && text.ends_with(" asked for");
    warning.starts_with(LIMIT) || is_earlier(warning)
}

/// A photo for a question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageSource {
    /// A file.
    Path(#[serde(serialize_with = "path_in_words")] PathBuf),
    /// One of the bundled images, by file name.
    Bundled(String),
}

impl ImageSource {
    /// The file is somewhere else now, if it is among these.
    pub fn relocate(&mut self, now_at: &HashMap<PathBuf, PathBuf>) {
        if let Self::Path(path) = self
            && let Some(place) = now_at.get(path)
        {
            place.clone_into(path);
        }
    }
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

/// The beginning of an answer that is given, not chosen: another answer's first tokens, the last of them perhaps
/// another one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fork {
    /// Ids that the answer begins with.
    pub ids: Vec<u32>,
    /// An answer to the same question: what it recorded of leading tokens with these ids is taken from it and not
    /// computed again. Without it, and where it is of another model, photo or prompt, they run like all others.
    #[serde(skip)]
    pub known: Option<Arc<Trace>>,
}

impl PartialEq for Fork {
    /// Where its beginning is taken from makes no other answer.
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

/// What a photo goes through before the model that answers sees it.
///
/// Not a photo of its own: the question stays one about the photo, and its trace says how that was darkened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prompting {
    /// Where a model looked; see [`crate::engine::attribute`].
    #[serde(with = "stored::shared")]
    pub attribution: Arc<Attribution>,
    /// The model that looked: `demo-clip`, a folder's path, a hub id.
    pub model_id: String,
    /// SHA-256 over its weight files.
    pub weight_hash: String,
    /// The words it looked for.
    pub query: String,
    /// From the maps to the darkened photo.
    #[serde(default)]
    pub options: PromptOptions,
}

impl PartialEq for Prompting {
    fn eq(&self, other: &Self) -> bool {
        let Self { attribution, model_id, weight_hash, query, options } = self;
        // The maps last: they are long, and most often the very same.
        (model_id, weight_hash, query) == (&other.model_id, &other.weight_hash, &other.query)
            && self.layer_idx() == other.layer_idx()
            && PromptOptions { layer_idx: None, ..*options } == PromptOptions { layer_idx: None, ..other.options }
            && (Arc::ptr_eq(attribution, &other.attribution) || attribution == &other.attribution)
    }
}

impl Prompting {
    /// The layer whose map is taken.
    pub fn layer_idx(&self) -> usize {
        self.options.layer_idx.unwrap_or_else(|| self.attribution.default_layer())
    }
}
