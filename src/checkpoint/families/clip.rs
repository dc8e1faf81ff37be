//! CLIP, both towers or the image tower by itself.

use super::{CheckpointKind, FamilyReader, Tower, VisionKind, Whole, only_sees};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::config::{self, Fields};
use crate::checkpoint::files::Files;
use crate::checkpoint::tokenizer::PromptStyle;

/// The image tower by itself.
const TOWER: &str = "clip_vision_model";
const PROCESSOR: &str = "CLIPImageProcessor";

pub(super) const READER: FamilyReader =
    FamilyReader { model_types: &["clip", TOWER], whole: Some(whole), tower: Some(tower) };

fn whole(_: &Files, fields: Fields<'_>) -> Result<Whole, CheckpointError> {
    if is_tower(fields)? {
        return Err(only_sees(fields));
    }
    let config = config::clip(fields)?;
    Ok(Whole {
        style: PromptStyle::TextOnly,
        embedding: ("text_model.embeddings.token_embedding.weight", config.text_vocab_size),
        described_in: Some("text_config"),
        image_size: config.vision.image_size,
        image_token_id: None,
        bos_token_id: None,
        processor: PROCESSOR,
        padded: false,
        has_template: false,
        settle: None,
        kind: CheckpointKind::Clip(config),
    })
}

fn tower(_: &Files, fields: Fields<'_>) -> Result<Tower, CheckpointError> {
    let config = if is_tower(fields)? { config::clip_vision(fields)? } else { config::clip(fields)?.vision };
    Ok(Tower { kind: VisionKind::Clip(config), processor: PROCESSOR, leave_out: &[] })
}

fn is_tower(fields: Fields<'_>) -> Result<bool, CheckpointError> {
    Ok(fields.text("model_type")? == Some(TOWER))
}
