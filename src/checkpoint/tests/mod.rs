//! Whole checkpoints, hand-made in a temporary folder.

mod demo;
mod errors;
mod fuzz;
mod hostile;
mod layouts;

use super::{Checkpoint, CheckpointError};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

const TOKENIZER: &[u8] = include_bytes!("../../../assets/demo/llava/tokenizer.json");
const TOKENIZER_CONFIG: &[u8] = include_bytes!("../../../assets/demo/llava/tokenizer_config.json");
const CLIP_TOKENIZER: &[u8] = include_bytes!("../../../assets/demo/clip/tokenizer.json");
const CLIP_TOKENIZER_CONFIG: &[u8] = include_bytes!("../../../assets/demo/clip/tokenizer_config.json");

/// The published ways to name the tensors of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Original,
    HfOld,
    HfModel,
    HfNewest,
    HfNewestModel,
}

pub(super) const LAYOUTS: [Layout; 5] =
    [Layout::Original, Layout::HfOld, Layout::HfModel, Layout::HfNewest, Layout::HfNewestModel];

impl Layout {
    /// What the layout calls a canonical tensor, written down from the layouts' own checkpoints.
    pub(super) fn stored(self, canonical: &str) -> String {
        let vision = canonical.strip_prefix("vision_tower.");
        let text = canonical.strip_prefix("language_model.");
        match self {
            Self::Original => match (vision, text) {
                (Some(rest), _) => format!("model.vision_tower.vision_tower.vision_model.{rest}"),
                (_, Some(rest)) => format!("model.{rest}"),
                _ => canonical
                    .replace("multi_modal_projector.linear_1", "model.mm_projector.0")
                    .replace("multi_modal_projector.linear_2", "model.mm_projector.2"),
            },
            Self::HfOld => match (vision, text) {
                (Some(rest), _) => format!("vision_tower.vision_model.{rest}"),
                (_, Some(rest)) => format!("language_model.model.{rest}"),
                _ => canonical.replace("lm_head", "language_model.lm_head"),
            },
            Self::HfNewest => match text {
                Some(rest) => format!("language_model.model.{rest}"),
                None => canonical.replace("lm_head", "language_model.lm_head"),
            },
            Self::HfModel | Self::HfNewestModel => match (vision, canonical == "lm_head.weight") {
                (_, true) => canonical.to_owned(),
                (Some(rest), _) if self == Self::HfModel => format!("model.vision_tower.vision_model.{rest}"),
                _ => format!("model.{canonical}"),
            },
        }
    }
}

/// Every tensor of the tiny model with its shape.
pub(super) fn llava_tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![
        ("vision_tower.embeddings.class_embedding".to_owned(), vec![8]),
        ("vision_tower.embeddings.patch_embedding.weight".to_owned(), vec![8, 3, 4, 4]),
        ("vision_tower.embeddings.position_embedding.weight".to_owned(), vec![5, 8]),
        ("language_model.embed_tokens.weight".to_owned(), vec![640, 8]),
        ("language_model.norm.weight".to_owned(), vec![8]),
        ("lm_head.weight".to_owned(), vec![640, 8]),
    ];
    let mut linear = |name: String, out: usize, input: usize, bias: bool| {
        tensors.push((format!("{name}.weight"), if input == 0 { vec![out] } else { vec![out, input] }));
        if bias {
            tensors.push((format!("{name}.bias"), vec![out]));
        }
    };
    for norm in ["pre_layrnorm", "post_layernorm"] {
        linear(format!("vision_tower.{norm}"), 8, 0, true);
    }
    for layer in 0..2 {
        let vision = format!("vision_tower.encoder.layers.{layer}");
        for (part, out, input) in [("layer_norm1", 8, 0), ("layer_norm2", 8, 0), ("mlp.fc1", 12, 8), ("mlp.fc2", 8, 12)]
        {
            linear(format!("{vision}.{part}"), out, input, true);
        }
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            linear(format!("{vision}.self_attn.{part}"), 8, 8, true);
        }
        let text = format!("language_model.layers.{layer}");
        for (part, out, input) in [
            ("self_attn.q_proj", 8, 8),
            ("self_attn.k_proj", 4, 8),
            ("self_attn.v_proj", 4, 8),
            ("self_attn.o_proj", 8, 8),
            ("mlp.gate_proj", 12, 8),
            ("mlp.up_proj", 12, 8),
            ("mlp.down_proj", 8, 12),
            ("input_layernorm", 8, 0),
            ("post_attention_layernorm", 8, 0),
        ] {
            linear(format!("{text}.{part}"), out, input, false);
        }
    }
    linear("multi_modal_projector.linear_1".to_owned(), 8, 8, true);
    linear("multi_modal_projector.linear_2".to_owned(), 8, 8, true);
    tensors
}

/// Values that depend on the canonical name and the position only; small enough to be exact in f16 and bf16.
pub(super) fn values(canonical: &str, len: usize) -> Vec<f32> {
    let seed = canonical.bytes().fold(7_usize, |seed, byte| (seed * 31 + usize::from(byte)) % 1009);
    (0..len).map(|i| ((seed + i * 13) % 33) as f32 / 16.0 - 1.0).collect()
}

/// One tensor for [`safetensors`]: stored name, type, shape, bytes.
pub(super) type Stored = (String, &'static str, Vec<usize>, Vec<u8>);

pub(super) fn stored(name: &str, canonical: &str, dtype: &'static str, shape: &[usize]) -> Stored {
    let values = values(canonical, shape.iter().product());
    let bytes = match dtype {
        "F16" => values.iter().flat_map(|x| f16_bits(*x).to_le_bytes()).collect(),
        "BF16" => values.iter().flat_map(|x| bits16(x.to_bits() >> 16).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
    };
    (name.to_owned(), dtype, shape.to_vec(), bytes)
}

/// Bits of a number that is exact in f16 and not subnormal there.
fn f16_bits(x: f32) -> u16 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) & 0xff;
    if exponent == 0 { 0 } else { bits16((bits >> 16) & 0x8000 | (exponent - 112) << 10 | (bits >> 13) & 0x3ff) }
}

fn bits16(bits: u32) -> u16 {
    u16::try_from(bits).unwrap()
}

/// A safetensors file's bytes.
pub(super) fn safetensors(tensors: &[Stored]) -> Vec<u8> {
    let mut header = Map::from_iter([("__metadata__".to_owned(), json!({"format": "pt"}))]);
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend_from_slice(bytes);
        header.insert(name.clone(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// transformers' configuration of the tiny model.
pub(super) fn llava_config() -> Value {
    json!({
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "image_token_index": 638,
        "vision_config": {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 8,
            "patch_size": 4, "projection_dim": 8, "model_type": "clip_vision_model"},
        "text_config": {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "vocab_size": 640, "max_position_embeddings": 64, "model_type": "llama",
                "rms_norm_eps": 1e-5},
    })
}

/// The authors' configuration of the same model.
pub(super) fn original_config() -> Value {
    json!({
        "architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava", "mm_vision_tower": "tower",
            "mm_projector_type": "mlp2x_gelu",
        "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "image_aspect_ratio": "pad",
            "hidden_size": 8,
        "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
            "vocab_size": 640,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2,
    })
}

/// A checkpoint in a temporary folder.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The tiny LLaVA in a layout.
    pub(super) fn llava(layout: Layout, dtype: &'static str) -> Self {
        let folder = Self::empty();
        let tensors: Vec<Stored> =
            llava_tensors().iter().map(|(name, shape)| stored(&layout.stored(name), name, dtype, shape)).collect();
        folder.write("model.safetensors", safetensors(&tensors));
        folder.write("tokenizer.json", TOKENIZER);
        folder.write("tokenizer_config.json", TOKENIZER_CONFIG);
        let size = json!({"height": 8, "width": 8});
        folder.write_json("preprocessor_config.json", &json!({"size": {"shortest_edge": 8}, "crop_size": size}));
        if layout == Layout::Original {
            folder.write_json("config.json", &original_config());
            folder.write_json("tower/config.json", &json!({"vision_config": llava_config()["vision_config"]}));
        } else {
            folder.write_json("config.json", &llava_config());
        }
        folder
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(super) fn write_json(&self, name: &str, value: &Value) {
        self.write(name, serde_json::to_vec(value).unwrap());
    }

    pub(super) fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).unwrap();
    }

    /// Changes one field of `config.json`, given as a JSON pointer.
    pub(super) fn set(&self, pointer: &str, value: Value) {
        let mut config: Value = serde_json::from_slice(&std::fs::read(self.file("config.json")).unwrap()).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = config.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(key.to_owned(), value);
        self.write_json("config.json", &config);
    }

    pub(super) fn open(&self) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::open(self.path(), &mut |_, _| {})
    }

    /// The sentence that opening fails with, without the folder's own path.
    pub(super) fn refusal(&self) -> String {
        let error = self.open().expect_err("this checkpoint must be refused");
        format!("{error:#}").replace(&self.path().display().to_string(), "F")
    }
}
