//! Models of the hub whose layouts this program reads.

/// A model by name, with what it costs to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownModel {
    /// Its hub id.
    pub id: &'static str,
    /// For people.
    pub label: &'static str,
    /// What can be done with it.
    pub help: &'static str,
    /// Weights.
    pub parameters: u64,
    /// Bytes of a weight as the hub has it.
    pub bytes_a_weight: u64,
}

impl KnownModel {
    /// What is fetched, **units** bytes.
    pub fn download_bytes(&self) -> u64 {
        self.parameters * self.bytes_a_weight
    }
}

const ANSWERS: &str = "Answers questions about a photo";
const COMPARES: &str = "Compares texts with a photo";
const SEES: &str = "Only sees: maps of its [CLS] token";

const fn known(
    id: &'static str,
    label: &'static str,
    help: &'static str,
    parameters: u64,
    bytes_a_weight: u64,
) -> KnownModel {
    KnownModel { id, label, help, parameters, bytes_a_weight }
}

/// Known models, those that answer first.
///
/// **Source**: parameters and types as their pages on the hub give them.
pub const KNOWN_MODELS: &[KnownModel] = &[
    known("llava-hf/llava-1.5-7b-hf", "LLaVA-1.5 7B", ANSWERS, 7_063_000_000, 2),
    known("llava-hf/llava-1.5-13b-hf", "LLaVA-1.5 13B", ANSWERS, 13_351_000_000, 2),
    known("llava-hf/bakLlava-v1-hf", "BakLLaVA (Mistral 7B)", ANSWERS, 7_567_000_000, 2),
    known("openai/clip-vit-base-patch32", "CLIP ViT-B/32", COMPARES, 151_300_000, 4),
    known("openai/clip-vit-base-patch16", "CLIP ViT-B/16", COMPARES, 149_600_000, 4),
    known("openai/clip-vit-large-patch14", "CLIP ViT-L/14", COMPARES, 427_600_000, 4),
    known("openai/clip-vit-large-patch14-336", "CLIP ViT-L/14, 336 px", COMPARES, 427_900_000, 4),
    known("facebook/dinov2-small", "DINOv2 ViT-S/14", SEES, 22_100_000, 4),
    known("facebook/dinov2-base", "DINOv2 ViT-B/14", SEES, 86_600_000, 4),
    known("facebook/dinov2-large", "DINOv2 ViT-L/14", SEES, 304_400_000, 4),
    known("facebook/dinov2-with-registers-base", "DINOv2 ViT-B/14 with registers", SEES, 86_600_000, 4),
    known("facebook/dinov2-with-registers-large", "DINOv2 ViT-L/14 with registers", SEES, 304_400_000, 4),
];

/// Memory that a model takes about, **units** bytes: weights of this many bytes each, and a quarter of their 16-bit
/// size beside them for keys, values, activations and attention (a 7B model with a photo and a long answer: 3.2 of 14.1
/// GB).
pub fn memory_bytes(parameters: u64, bytes_a_weight: u64) -> u64 {
    parameters.saturating_mul(bytes_a_weight).saturating_add(parameters / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::HubId;
    use std::collections::BTreeSet;

    #[test]
    fn every_known_model_has_an_id_of_its_own_and_says_what_it_does() {
        let mut seen = BTreeSet::new();
        for model in KNOWN_MODELS {
            assert!(model.id.parse::<HubId>().is_ok(), "{} is a hub id", model.id);
            assert!(seen.insert(model.id) && seen.insert(model.label), "{} stands once", model.id);
            assert!(!model.help.is_empty() && model.download_bytes() > 0, "{} explains itself", model.id);
        }
        assert_eq!(memory_bytes(1000, 2), 2500, "weights and a quarter");
    }
}
