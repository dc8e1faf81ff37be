//! Where a model looks for a query: what is asked, and what came of it.

use super::ImageSource;
use crate::data::Photo;
use crate::geometry::Framing;
use crate::prompting::{Attribution, PreOutput, Source};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Answer tokens over which LLaVA's attention is averaged: as many as the authors generate.
pub const ATTRIBUTION_TOKENS: usize = 20;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributionRequest {
    /// Which kind of model has to be open.
    pub source: Source,
    /// The photo.
    pub image: ImageSource,
    /// The words. CLIP reads them as they are, LLaVA gets them as a question through its chat template.
    pub query: String,
    /// What CLIP's pre-output asks about; `None` takes it from the query, see [`crate::prompting::object_of`].
    pub object: Option<String>,
    /// Crop or pad; `None` takes the checkpoint's own. (The authors pad for LLaVA and crop for CLIP.)
    pub framing: Option<Framing>,
    /// Most tokens of LLaVA's answer.
    pub max_new_tokens: usize,
}

/// What came of it: everything that a change of [`crate::prompting::PromptOptions`] needs, so that the model is not
/// asked again.
#[derive(Debug, Clone)]
pub struct Attributed {
    /// The photo as it was read.
    pub photo: Photo,
    /// The maps of all layers.
    pub attribution: Arc<Attribution>,
    /// What the model itself thinks; `None` where CLIP was given no object.
    pub pre_output: Option<PreOutput>,
    /// What the user should know.
    pub warnings: Vec<String>,
}
