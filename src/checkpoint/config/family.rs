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

/// The configurations of a family: which call themselves so, and which layout of files one is of.
#[derive(Debug)]
pub struct FamilyReader {
    /// `model_type` values of `config.json` that it reads: those of the family's entry in `model::FAMILIES`.
    pub model_types: &'static [&'static str],
    /// `None` for a layout that there is no reader for.
    kind: fn(Fields<'_>, &ModelType) -> Option<FamilyKind>,
}

impl FamilyReader {
    /// LLaVA in both layouts; `BakLLaVA` and its kin are the original one around another decoder, always with a
    /// `model_type` of their own.
    pub const LLAVA: Self = Self {
        model_types: &["llava", "llava_llama", "llava_mistral", "llava_qwen", "llava_qwen2"],
        kind: |fields, found| {
            // Both layouts call themselves "llava"; only the original one names its vision tower instead of describing
            // it.
            let original = fields.has("mm_vision_tower") || found.architecture == "LlavaLlamaForCausalLM";
            match found.model_type.as_str() {
                _ if original => Some(FamilyKind::LlavaOriginal),
                "llava" => Some(FamilyKind::Llava),
                _ => None,
            }
        },
    };
    /// CLIP, both towers or the image tower by itself.
    pub const CLIP: Self = Self {
        model_types: &["clip", "clip_vision_model"],
        kind: |_, found| Some(if found.model_type == "clip" { FamilyKind::Clip } else { FamilyKind::ClipVision }),
    };
    /// `DINOv2`, with or without registers.
    pub const DINOV2: Self = Self {
        model_types: &["dinov2", "dinov2_with_registers"],
        kind: |_, found| Some(FamilyKind::Dinov2 { registers: found.model_type != "dinov2" }),
    };
    /// `SigLIP`, both towers or the image tower by itself.
    pub const SIGLIP: Self =
        Self { model_types: &["siglip", "siglip_vision_model"], kind: |_, _| Some(FamilyKind::Siglip) };
}

const READERS: [FamilyReader; 4] =
    [FamilyReader::LLAVA, FamilyReader::CLIP, FamilyReader::DINOV2, FamilyReader::SIGLIP];

/// Tells the reader.
///
/// **Errors**: a family that has none here.
pub(in crate::checkpoint) fn family(fields: Fields<'_>) -> Result<FamilyKind, CheckpointError> {
    let found = ModelType::of(fields)?;
    let reader = READERS.iter().find(|reader| reader.model_types.contains(&found.model_type.as_str()));
    let kind = reader.and_then(|reader| (reader.kind)(fields, &found));
    kind.ok_or_else(|| fields.refuse("model_type", "a supported family", found.name()))
}
