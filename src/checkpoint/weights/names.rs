//! One name per tensor, whichever of the published layouts it comes from.
//!
//! | canonical | original LLaVA | Hugging Face, older | since 4.52 | newest |
//! | --- | --- | --- | --- | --- |
//! | `vision_tower.X` | `model.vision_tower.vision_tower.vision_model.X` | `vision_tower.vision_model.X` | `model.vision_tower.vision_model.X` | `vision_tower.X`, `model.vision_tower.X` |
//! | `multi_modal_projector.linear_{1,2}` | `model.mm_projector.{0,2}` | the same | `model.multi_modal_projector.…` | the same |
//! | `language_model.X` | `model.X` | `language_model.model.X` | `model.language_model.X` | `model.language_model.X` |
//! | `lm_head.weight` | the same | `language_model.lm_head.weight` | the same | the same |
//!
//! A CLIP folder's `vision_model.X` becomes `vision_tower.X`; its other names stay.

/// The model's name for a stored tensor; a name of no known layout stays as it is, so that it is reported as unused.
pub(super) fn canonical_name(stored: &str) -> String {
    const VISION: [&str; 4] =
        ["model.vision_tower.vision_tower.", "model.vision_tower.", "vision_tower.", "vision_model."];
    const PROJECTOR: [(&str, &str); 3] = [
        ("model.mm_projector.0.", "multi_modal_projector.linear_1."),
        ("model.mm_projector.2.", "multi_modal_projector.linear_2."),
        ("model.multi_modal_projector.", "multi_modal_projector."),
    ];
    const DECODER: [(&str, &str); 6] = [
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "language_model."),
        ("model.language_model.", "language_model."),
        ("model.layers.", "language_model.layers."),
        ("model.embed_tokens.", "language_model.embed_tokens."),
        ("model.norm.", "language_model.norm."),
    ];
    // Classifiers around DINOv2 put its name in front of the encoder's tensors.
    if let Some(rest) = ["dinov2_with_registers.", "dinov2."].iter().find_map(|prefix| stored.strip_prefix(prefix)) {
        return rest.to_owned();
    }
    if let Some(rest) = VISION.iter().find_map(|prefix| stored.strip_prefix(prefix)) {
        return format!("vision_tower.{}", rest.strip_prefix("vision_model.").unwrap_or(rest));
    }
    PROJECTOR
        .iter()
        .chain(&DECODER)
        .find_map(|(from, to)| stored.strip_prefix(from).map(|rest| format!("{to}{rest}")))
        .unwrap_or_else(|| stored.to_owned())
}

/// Buffers that old versions stored beside the weights and that follow from the configuration.
pub(super) fn is_harmless(stored: &str) -> bool {
    let last = stored.rsplit('.').next().unwrap_or(stored);
    matches!(last, "inv_freq" | "position_ids")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_layout_gets_the_same_names() {
        let cases: [(&str, &[&str]); 5] = [
            (
                "vision_tower.encoder.layers.3.mlp.fc1.bias",
                &[
                    "model.vision_tower.vision_tower.vision_model.encoder.layers.3.mlp.fc1.bias",
                    "vision_tower.vision_model.encoder.layers.3.mlp.fc1.bias",
                    "model.vision_tower.vision_model.encoder.layers.3.mlp.fc1.bias",
                    "model.vision_tower.encoder.layers.3.mlp.fc1.bias",
                    "vision_tower.encoder.layers.3.mlp.fc1.bias",
                    "vision_model.encoder.layers.3.mlp.fc1.bias",
                ],
            ),
            (
                "multi_modal_projector.linear_2.weight",
                &[
                    "model.mm_projector.2.weight",
                    "model.multi_modal_projector.linear_2.weight",
                    "multi_modal_projector.linear_2.weight",
                ],
            ),
            (
                "language_model.layers.0.self_attn.q_proj.weight",
                &[
                    "model.layers.0.self_attn.q_proj.weight",
                    "language_model.model.layers.0.self_attn.q_proj.weight",
                    "model.language_model.layers.0.self_attn.q_proj.weight",
                ],
            ),
            ("language_model.norm.weight", &["model.norm.weight", "language_model.model.norm.weight"]),
            ("lm_head.weight", &["lm_head.weight", "language_model.lm_head.weight"]),
        ];
        for (canonical, stored) in cases {
            for name in stored {
                assert_eq!(canonical_name(name), canonical, "stored as {name}");
                assert_eq!(canonical_name(canonical), canonical, "canonical names are their own canonical names");
            }
        }
    }

    #[test]
    fn unknown_names_stay_so_that_they_are_reported() {
        for name in [
            "model.image_newline",
            "model.mm_projector.4.weight",
            "text_model.final_layer_norm.weight",
            "logit_scale",
            "",
        ] {
            assert_eq!(canonical_name(name), name, "no layout knows it");
        }
    }

    #[test]
    fn only_derived_buffers_are_harmless() {
        assert!(is_harmless("model.layers.0.self_attn.rotary_emb.inv_freq"), "rotary frequencies");
        assert!(is_harmless("vision_tower.vision_model.embeddings.position_ids"), "position ids");
        assert!(!is_harmless("model.image_newline"), "a weight of another family");
    }
}
