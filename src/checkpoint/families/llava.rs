//! LLaVA in both layouts; `BakLLaVA` and its kin are the original one around another decoder, always with a
//! `model_type` of their own.

use super::{CheckpointKind, FamilyReader, Whole, unsupported};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::config::{self, Fields, LlavaConfig, ModelType};
use crate::checkpoint::files::{FileObject, Files};
use crate::checkpoint::tokenizer::PromptStyle;
use crate::checkpoint::weights::Weights;
use std::path::Path;

const EMBEDDING: &str = "language_model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

pub(super) const READER: FamilyReader = FamilyReader {
    model_types: &["llava", "llava_llama", "llava_mistral", "llava_qwen", "llava_qwen2"],
    whole: Some(whole),
    tower: None,
};

fn whole(files: &Files, fields: Fields<'_>) -> Result<Whole, CheckpointError> {
    const GENERATION: &str = "generation_config.json";
    let found = ModelType::of(fields)?;
    let original = is_original(fields, &found);
    if !original && found.model_type != "llava" {
        return Err(unsupported(fields, &found));
    }
    let generation_path = files.path(GENERATION);
    let generation_map = files.object(GENERATION)?.unwrap_or_default();
    let generation = Fields::new(&generation_map, &generation_path);
    let config = if original {
        let tower = tower_file(files, fields)?;
        let tower = tower.as_ref().map(|(map, path)| Fields::new(map, path));
        config::original(fields, generation, tower)?
    } else {
        config::llava(fields, generation)?
    };
    let (style, processor) = if original {
        (PromptStyle::Chunks, "CLIPImageProcessor")
    } else {
        (PromptStyle::Expanded, "LlavaImageProcessor")
    };
    Ok(Whole {
        style,
        embedding: (EMBEDDING, config.text.vocab_size),
        described_in: (!original).then_some("text_config"),
        image_size: config.vision.image_size,
        image_token_id: Some(config.image_token_id),
        bos_token_id: config.bos_token_id,
        processor,
        padded: original && config::image_is_padded(fields)?,
        has_template: true,
        settle: Some(settle),
        kind: CheckpointKind::Llava(config),
    })
}

/// Both layouts call themselves "llava"; only the original one names its vision tower instead of describing it.
fn is_original(fields: Fields<'_>, found: &ModelType) -> bool {
    fields.has("mm_vision_tower") || found.architecture == "LlavaLlamaForCausalLM"
}

/// The vision tower's own `config.json`, when `mm_vision_tower` is a folder: as given, or beside the checkpoint's
/// files.
fn tower_file(files: &Files, fields: Fields<'_>) -> Result<Option<FileObject>, CheckpointError> {
    const CONFIG: &str = "config.json";
    let (Files::Folder(folder), Some(name)) = (files, fields.text("mm_vision_tower")?) else { return Ok(None) };
    // `join` of an absolute path is that path.
    let tower = Files::Folder(folder.join(name));
    Ok(tower.object(CONFIG)?.map(|map| (map, tower.path(CONFIG))))
}

fn settle(kind: &mut CheckpointKind, weights: &mut Weights, path: &Path) -> Option<String> {
    match kind {
        CheckpointKind::Llava(config) => settle_head(config, weights, path),
        CheckpointKind::Clip(_) => None,
    }
}

/// Where the configuration ties the output head to the embedding, the weights have the last word: a stored head with
/// other values counts, and where only the head is stored it is the embedding too.
///
/// **Source**: transformers 5, `PreTrainedModel.tie_weights`.
fn settle_head(config: &mut LlavaConfig, weights: &mut Weights, path: &Path) -> Option<String> {
    if !config.text.tie_word_embeddings || !weights.contains(HEAD) {
        return None;
    }
    if !weights.contains(EMBEDDING) {
        weights.rename(HEAD, EMBEDDING);
        return None;
    }
    if weights.are_equal(HEAD, EMBEDDING) {
        weights.leave_out(HEAD);
        return None;
    }
    config.text.tie_word_embeddings = false;
    Some(format!(
        "tie_word_embeddings is true, but the weights hold an output head that differs from the embedding: \
         the stored head is used, as transformers does: {}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value, json};

    #[test]
    fn the_original_layout_is_told_by_its_own_names() {
        let is = |value: Value| {
            let Value::Object(map) = value else { return None };
            let map: Map<String, Value> = map;
            let fields = Fields::new(&map, Path::new("config.json"));
            Some(is_original(fields, &ModelType::of(fields).ok()?))
        };
        let tower = json!({"model_type": "llava_mistral", "mm_vision_tower": "openai/clip-vit-large-patch14-336"});
        assert_eq!(is(tower), Some(true), "it names its vision tower");
        let class = json!({"model_type": "llava", "architectures": ["LlavaLlamaForCausalLM"]});
        assert_eq!(is(class), Some(true), "its class");
        assert_eq!(is(json!({"model_type": "llava"})), Some(false), "transformers' layout");
    }
}
