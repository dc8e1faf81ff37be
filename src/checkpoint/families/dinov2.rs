//! `DINOv2`, with or without registers.

use super::{FamilyReader, Tower, VisionKind};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::config::{self, Fields};
use crate::checkpoint::files::Files;
use crate::checkpoint::processor::input_size;

const PLAIN: &str = "dinov2";
const PROCESSOR: &str = "BitImageProcessor";

pub(super) const READER: FamilyReader =
    FamilyReader { model_types: &[PLAIN, "dinov2_with_registers"], whole: None, tower: Some(tower) };

fn tower(files: &Files, fields: Fields<'_>) -> Result<Tower, CheckpointError> {
    let registers = fields.text("model_type")? != Some(PLAIN);
    let class = fields.text("image_processor_type")?.unwrap_or(PROCESSOR);
    let config = config::dinov2(fields, registers, input_size(files, class)?)?;
    Ok(Tower { kind: VisionKind::Dinov2(config), processor: PROCESSOR, leave_out: &[] })
}
