//! The model families that can be opened, told from `config.json`.

use super::fields::Fields;
use crate::checkpoint::CheckpointError;
use serde::Serialize;

/// A family of models, as menus and `gazelens list families` show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Family {
    /// Unique name.
    pub id: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// One line.
    pub help: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
}

/// Every family that [`crate::checkpoint::Checkpoint::open`] knows.
pub fn families() -> &'static [Family] {
    &FAMILIES
}

const FAMILIES: [Family; 4] = [
    Family {
        id: "llava",
        label: "LLaVA-1.5 (Hugging Face)",
        help: "CLIP vision tower, two-layer projector, LLaMA-type decoder (llama, mistral, qwen2) in any of transformers' layouts",
        paper: "Liu et al., Improved Baselines with Visual Instruction Tuning, CVPR 2024, arXiv:2310.03744",
    },
    Family {
        id: "llava-original",
        label: "LLaVA-1.5 (original layout)",
        help: "The authors' own checkpoints (LlavaLlamaForCausalLM, BakLLaVA's LlavaMistralForCausalLM) with the vision tower's weights inside",
        paper: "Liu et al., Improved Baselines with Visual Instruction Tuning, CVPR 2024, arXiv:2310.03744",
    },
    Family {
        id: "clip",
        label: "CLIP",
        help: "Both towers of CLIP, for [CLS] maps and image-text similarity",
        paper: "Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, arXiv:2103.00020",
    },
    Family {
        id: "dinov2",
        label: "DINOv2",
        help: "Vision transformer trained without words, with or without registers, for [CLS] maps beside CLIP's",
        paper: "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024, arXiv:2304.07193",
    },
];

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
}

/// Tells the family, or refuses it by name with the list of those supported.
pub(in crate::checkpoint) fn family(fields: Fields<'_>) -> Result<FamilyKind, CheckpointError> {
    let model_type = fields.text("model_type")?.unwrap_or("");
    let architecture =
        fields.get("architectures").and_then(|list| list.get(0)).and_then(|name| name.as_str()).unwrap_or("");
    // Both layouts call themselves "llava"; only the original one names its vision tower instead of describing it.
    let original = fields.has("mm_vision_tower") || architecture == "LlavaLlamaForCausalLM";
    // BakLLaVA and its kin: the original layout around another decoder, always with its own model_type.
    match model_type {
        "llava" | "llava_llama" | "llava_mistral" | "llava_qwen" | "llava_qwen2" if original => {
            Ok(FamilyKind::LlavaOriginal)
        }
        "llava" => Ok(FamilyKind::Llava),
        "clip" => Ok(FamilyKind::Clip),
        "clip_vision_model" => Ok(FamilyKind::ClipVision),
        "dinov2" | "dinov2_with_registers" => Ok(FamilyKind::Dinov2 { registers: model_type != "dinov2" }),
        _ => {
            let found =
                [model_type, architecture, "no family"].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
            let ids: Vec<&str> = FAMILIES.iter().map(|family| family.id).collect();
            Err(fields.refuse("model_type", format!("one of the supported families {}", ids.join(", ")), found))
        }
    }
}
