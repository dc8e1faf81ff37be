//! What a configuration calls itself, and the reader that it needs. Which families can be opened is known above
//! (`model::FAMILIES`).

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

/// Which reader a configuration needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checkpoint) enum FamilyKind {
    Llava,
    LlavaOriginal,
    Clip,
    /// The image tower by itself.
    ClipVision,
    Dinov2 {
        registers: bool,
    },
    /// The image tower, by itself or of a pair.
    Siglip,
}

/// Tells the reader.
///
/// **Errors**: a family that has none here.
pub(in crate::checkpoint) fn family(fields: Fields<'_>) -> Result<FamilyKind, CheckpointError> {
    let found = ModelType::of(fields)?;
    // Both layouts call themselves "llava"; only the original one names its vision tower instead of describing it.
    let original = fields.has("mm_vision_tower") || found.architecture == "LlavaLlamaForCausalLM";
    // BakLLaVA and its kin: the original layout around another decoder, always with its own model_type.
    match found.model_type.as_str() {
        "llava" | "llava_llama" | "llava_mistral" | "llava_qwen" | "llava_qwen2" if original => {
            Ok(FamilyKind::LlavaOriginal)
        }
        "llava" => Ok(FamilyKind::Llava),
        "clip" => Ok(FamilyKind::Clip),
        "clip_vision_model" => Ok(FamilyKind::ClipVision),
        "dinov2" | "dinov2_with_registers" => Ok(FamilyKind::Dinov2 { registers: found.model_type != "dinov2" }),
        "siglip" | "siglip_vision_model" => Ok(FamilyKind::Siglip),
        _ => Err(fields.refuse("model_type", "a supported family", found.name())),
    }
}
