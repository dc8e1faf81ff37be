//! How each family's files are read: a file here for each, and a line in [`READERS`]. Opening knows no family by name.

mod clip;
mod dinov2;
mod llava;
mod siglip;

use super::CheckpointError;
use super::config::{ClipConfig, Dinov2Config, Fields, LlavaConfig, ModelType, VisionConfig};
use super::files::Files;
use super::tokenizer::PromptStyle;
use super::weights::Weights;
use std::path::Path;

/// Which model a checkpoint is.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckpointKind {
    /// A vision-language model.
    Llava(LlavaConfig),
    /// A pair of image and text encoder.
    Clip(ClipConfig),
}

/// Which encoder it is.
#[derive(Debug, Clone, PartialEq)]
pub enum VisionKind {
    /// CLIP's image tower.
    Clip(VisionConfig),
    /// `DINOv2`, with or without registers.
    Dinov2(Dinov2Config),
    /// `SigLIP`'s image tower, which has no `[CLS]`.
    Siglip(VisionConfig),
}

impl VisionKind {
    /// The sizes that all encoders have.
    pub fn config(&self) -> &VisionConfig {
        match self {
            Self::Clip(config) | Self::Siglip(config) => config,
            Self::Dinov2(config) => &config.vision,
        }
    }

    /// Tokens in front of the patches: `[CLS]`, and `DINOv2`'s registers.
    pub fn num_prefix_tokens(&self) -> usize {
        match self {
            Self::Clip(_) => 1,
            Self::Dinov2(config) => 1 + config.num_register_tokens,
            Self::Siglip(_) => 0,
        }
    }
}

/// Brings configuration and weights into agreement; returns what users should know.
type Settle = fn(&mut CheckpointKind, &mut Weights, &Path) -> Option<String>;

/// A model that compares or answers: its configuration, and what opening its other files takes.
pub(super) struct Whole {
    /// Its sizes.
    pub(super) kind: CheckpointKind,
    /// How the image goes into the ids.
    pub(super) style: PromptStyle,
    /// The embedding's name, and its rows by the configuration.
    pub(super) embedding: (&'static str, usize),
    /// The object of `config.json` that names the rows; `None` for the file itself.
    pub(super) described_in: Option<&'static str>,
    /// Side of the square input, pixels.
    pub(super) image_size: usize,
    /// Stands for the photo in the ids.
    pub(super) image_token_id: Option<u32>,
    /// Begins a text.
    pub(super) bos_token_id: Option<u32>,
    /// The image processor where the folder names none.
    pub(super) processor: &'static str,
    /// Photos are padded to a square.
    pub(super) padded: bool,
    /// Questions go through a chat template.
    pub(super) has_template: bool,
    /// See [`Settle`].
    pub(super) settle: Option<Settle>,
}

/// An encoder that only sees.
pub(super) struct Tower {
    /// Which, and its sizes.
    pub(super) kind: VisionKind,
    /// The image processor where the folder names none.
    pub(super) processor: &'static str,
    /// Tensors that maps do not need.
    pub(super) leave_out: &'static [&'static str],
}

/// Reads what a configuration says; the files are those beside it.
type Read<T> = fn(&Files, Fields<'_>) -> Result<T, CheckpointError>;

/// The configurations of a family: which call themselves so, and what they say.
#[derive(Debug)]
pub struct FamilyReader {
    /// `model_type` values of `config.json` that it reads: those of the family's entry in `model::FAMILIES`.
    pub model_types: &'static [&'static str],
    /// As a model with a decoder or a text tower; `None` for families that only see.
    whole: Option<Read<Whole>>,
    /// As an encoder for maps; `None` for families that only answer.
    tower: Option<Read<Tower>>,
}

impl FamilyReader {
    /// LLaVA in both layouts.
    pub const LLAVA: Self = llava::READER;
    /// CLIP, both towers or the image tower by itself.
    pub const CLIP: Self = clip::READER;
    /// `DINOv2`, with or without registers.
    pub const DINOV2: Self = dinov2::READER;
    /// `SigLIP`, both towers or the image tower by itself.
    pub const SIGLIP: Self = siglip::READER;
}

const READERS: [FamilyReader; 4] =
    [FamilyReader::LLAVA, FamilyReader::CLIP, FamilyReader::DINOV2, FamilyReader::SIGLIP];

/// The reader of a configuration.
///
/// **Errors**: a family that has none here.
fn reader(fields: Fields<'_>) -> Result<&'static FamilyReader, CheckpointError> {
    let found = ModelType::of(fields)?;
    let reader = READERS.iter().find(|reader| reader.model_types.contains(&found.model_type.as_str()));
    reader.ok_or_else(|| unsupported(fields, &found))
}

/// A `model_type` or a layout that there is no reader for.
fn unsupported(fields: Fields<'_>, found: &ModelType) -> CheckpointError {
    fields.refuse("model_type", "a supported family", found.name())
}

/// One that only sees, where a whole model is wanted.
fn only_sees(fields: Fields<'_>) -> CheckpointError {
    match fields.text("model_type") {
        Ok(found) => {
            let found = format!("{}, which only sees", found.unwrap_or_default());
            fields.refuse("model_type", "a model with a decoder or a text tower", &found)
        }
        Err(err) => err,
    }
}

/// A configuration as that of a model with a decoder or a text tower.
///
/// **Errors**: a family that has no reader, or only sees; a number that cannot be.
pub(super) fn whole(files: &Files, fields: Fields<'_>) -> Result<Whole, CheckpointError> {
    match reader(fields)?.whole {
        Some(read) => read(files, fields),
        None => Err(only_sees(fields)),
    }
}

/// A configuration as that of an encoder.
///
/// **Errors**: a family that has no reader, or only answers; a number that cannot be.
pub(super) fn tower(files: &Files, fields: Fields<'_>) -> Result<Tower, CheckpointError> {
    if let Some(read) = reader(fields)?.tower {
        return read(files, fields);
    }
    let known = READERS.iter().filter(|reader| reader.tower.is_some()).flat_map(|reader| reader.model_types);
    let known: Vec<&str> = known.copied().collect();
    let expected = format!("an encoder that only sees: {}", known.join(", "));
    Err(fields.refuse("model_type", expected, "llava"))
}
