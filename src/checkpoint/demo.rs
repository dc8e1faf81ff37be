//! The bundled checkpoints: small enough to live in the program.

use super::assembled::{Checkpoint, CheckpointNotes, config_file};
use super::files::Files;
use super::weights::Weights;
use super::{CheckpointError, ClipCheckpoint};
use std::sync::OnceLock;

macro_rules! demo_files {
    ($root:literal: $($name:literal),+ $(,)?) => {
        Files::Embedded {
            root: concat!("demo/", $root),
            files: &[$(($name, include_bytes!(concat!("../../assets/demo/", $root, "/", $name)))),+],
        }
    };
}

const NOTE: &str = "tiny demo model trained on drawn scenes; its numbers do not carry over to LLaVA-1.5";
const PROMPTS: [&str; 6] = [
    "Describe this image in detail.",
    "Write a short caption for this image.",
    "Is there a clock in the image?",
    "What color is the car?",
    "How many people are there?",
    "Where is the dog?",
];

const CLIP_PROMPTS: [&str; 2] =
    ["a photo of a dog\na photo of a cat\na photo of a car", "a beach\na street\na kitchen\na lake"];

static LLAVA_WEIGHTS: &[u8] = include_bytes!("../../assets/demo/llava/model.safetensors");
/// What the method `vti` steers the bundled LLaVA by, as a safetensors file; made by `assets/demo/make/directions.py`.
pub static DEMO_DIRECTIONS: &[u8] = include_bytes!("../../assets/demo/vti.safetensors");
static CLIP_WEIGHTS: &[u8] = include_bytes!("../../assets/demo/clip/model.safetensors");

impl Checkpoint {
    /// The bundled LLaVA.
    pub fn demo() -> Result<Self, CheckpointError> {
        let files = demo_files!("llava": "config.json", "generation_config.json", "preprocessor_config.json",
            "processor_config.json",
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja");
        bundled(&files, Weights::from_static("demo/llava/model.safetensors", LLAVA_WEIGHTS)?, "demo", &PROMPTS)
    }
}

/// Whether these are the weights of the bundled LLaVA, by their hash ([`Weights::weight_hash`]).
pub fn is_demo(weight_hash: &str) -> bool {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let hash = || {
        let weights = Weights::from_static("demo/llava/model.safetensors", LLAVA_WEIGHTS).ok()?;
        Some(weights.weight_hash().to_owned())
    };
    HASH.get_or_init(hash).as_deref() == Some(weight_hash)
}

impl ClipCheckpoint {
    /// The bundled CLIP, whose vision tower is the bundled LLaVA's.
    pub fn demo() -> Result<Self, CheckpointError> {
        let files =
            demo_files!("clip": "config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json");
        let checkpoint = bundled(
            &files,
            Weights::from_static("demo/clip/model.safetensors", CLIP_WEIGHTS)?,
            "demo-clip",
            &CLIP_PROMPTS,
        )?;
        Self::from_checkpoint(checkpoint)
    }
}

fn bundled(files: &Files, weights: Weights, model_id: &str, prompts: &[&str]) -> Result<Checkpoint, CheckpointError> {
    let config = config_file(files)?;
    let mut checkpoint = Checkpoint::assemble(files, &config, weights, model_id.to_owned(), &mut |_, _| {})?;
    checkpoint.notes = CheckpointNotes {
        note: NOTE.to_owned(),
        suggested_prompts: prompts.iter().map(|prompt| (*prompt).to_owned()).collect(),
    };
    Ok(checkpoint)
}
