//! What a configuration calls itself.

use super::fields::Fields;
use crate::checkpoint::CheckpointError;
use std::path::PathBuf;

/// What a `config.json` says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelType {
    /// Its `model_type`; empty where it has none.
    pub model_type: String,
    /// The first of its `architectures`; empty where it has none.
    pub architecture: String,
    /// The file.
    pub path: PathBuf,
}

impl ModelType {
    pub(in crate::checkpoint) fn of(fields: Fields<'_>) -> Result<Self, CheckpointError> {
        let architecture = fields.get("architectures").and_then(|list| list.get(0)).and_then(|name| name.as_str());
        Ok(Self {
            model_type: fields.text("model_type")?.unwrap_or_default().to_owned(),
            architecture: architecture.unwrap_or_default().to_owned(),
            path: fields.path().to_owned(),
        })
    }

    /// What sentences call it.
    pub fn name(&self) -> &str {
        let names = [self.model_type.as_str(), self.architecture.as_str(), "no family"];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
    }
}
