//! `SigLIP`, both towers or the image tower by itself.

use super::{FamilyReader, Tower, VisionKind};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::config::{self, Fields};
use crate::checkpoint::files::Files;

pub(super) const READER: FamilyReader =
    FamilyReader { model_types: &["siglip", "siglip_vision_model"], whole: None, tower: Some(tower) };

fn tower(_: &Files, fields: Fields<'_>) -> Result<Tower, CheckpointError> {
    Ok(Tower {
        kind: VisionKind::Siglip(config::siglip(fields)?),
        processor: "SiglipImageProcessor",
        // What compares with texts: the head that pools patches among it.
        leave_out: &["head.", "vision_tower.head.", "logit_bias"],
    })
}
