//! The same weights in every published layout are the same model, bit for bit.

use crate::{ask, golden_folder, open, question};
use gazelens::engine::{Answer, ImageSource, ModelSource, Prompt};
use gazelens::geometry::Framing;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The golden checkpoint that is written anew; its names are those of `PREFIXED`.
const BASE: &str = "prefixed_shards";
const TOWER: &str = "clip-tower";

/// (name, what replaces the base layout's prefixes, in this order).
type Layout = (&'static str, &'static [(&'static str, &'static str)]);

const PREFIXED: Layout = ("prefixed", &[]);
const NESTED: Layout = (
    "nested",
    &[
        ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model.language_model."),
    ],
);
const NEWEST: Layout = ("newest", &[("vision_tower.vision_model.", "vision_tower.")]);
const ORIGINAL: Layout = (
    "original",
    &[
        ("vision_tower.", "model.vision_tower.vision_tower."),
        ("multi_modal_projector.linear_1.", "model.mm_projector.0."),
        ("multi_modal_projector.linear_2.", "model.mm_projector.2."),
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "model."),
    ],
);

#[test]
fn every_layout_gives_the_same_answer_bit_for_bit() {
    let base = golden_folder().join(BASE);
    let expected = run(&base.join("checkpoint"), &base);
    for layout in [PREFIXED, NESTED, NEWEST, ORIGINAL] {
        for num_shards in [1, 2] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            write(folder.path(), layout, num_shards);
            let what = format!("{} in {num_shards} files", layout.0);
            let found = run(folder.path(), &base);
            assert_eq!(bits(&found.extras.logits.concat()), bits(&expected.extras.logits.concat()), "{what}: logits");
            let rows = |answer: &Answer| -> Vec<u32> {
                answer.trace.decoder_attention.iter().flat_map(|row| bits(&row.to_f32())).collect()
            };
            assert_eq!(rows(&found), rows(&expected), "{what}: decoder attention");
            let cls = |answer: &Answer| bits(&answer.trace.vision.as_ref().expect("vision attention").cls_attention);
            assert_eq!(cls(&found), cls(&expected), "{what}: [CLS] attention");
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn run(checkpoint: &Path, base: &Path) -> Answer {
    let model = open(ModelSource::Folder(checkpoint.to_owned()));
    let prompt = Prompt::Raw("USER: <image>\nIs there a clock in the image? ASSISTANT:".to_owned());
    let mut asked = question(ImageSource::Path(base.join("photo.png")), prompt, 6);
    asked.framing = Some(Framing::Crop); // the original layout pads
    ask(&model, &asked)
}

/// Writes the base checkpoint in another layout.
fn write(folder: &Path, (name, renames): Layout, num_shards: usize) {
    let base = golden_folder().join(BASE).join("checkpoint");
    let mut shards: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(&base).expect("the base checkpoint") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            shards.push(std::fs::read(path).expect("a shard"));
        } else if path.file_name().is_some_and(|file| file != "config.json" && file != "model.safetensors.index.json") {
            std::fs::copy(&path, folder.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    let mut tensors: BTreeMap<String, TensorView<'_>> = BTreeMap::new();
    for shard in &shards {
        for (stored, view) in SafeTensors::deserialize(shard).expect("safetensors").tensors() {
            let renamed = renames.iter().find_map(|(old, new)| Some(format!("{new}{}", stored.strip_prefix(old)?)));
            tensors.insert(renamed.unwrap_or(stored), view);
        }
    }
    write_shards(folder, &tensors, num_shards);
    let config: Value =
        serde_json::from_slice(&std::fs::read(base.join("config.json")).expect("the configuration")).expect("JSON");
    let config = match name {
        "original" => original_config(folder, &config),
        "newest" => newest_config(config),
        _ => config,
    };
    write_json(&folder.join("config.json"), &config);
}

fn write_shards(folder: &Path, tensors: &BTreeMap<String, TensorView<'_>>, num_shards: usize) {
    let mut weight_map = Map::new();
    for shard_idx in 0..num_shards {
        let file = if num_shards == 1 {
            "model.safetensors".to_owned()
        } else {
            format!("model-{:05}-of-{num_shards:05}.safetensors", shard_idx + 1)
        };
        let part: Vec<_> = tensors.iter().skip(shard_idx).step_by(num_shards).collect();
        weight_map.extend(part.iter().map(|(name, _)| ((*name).clone(), json!(file))));
        safetensors::serialize_to_file(part, None, &folder.join(file)).expect("a shard is written");
    }
    if num_shards > 1 {
        let index = json!({"metadata": {"total_size": 0}, "weight_map": weight_map});
        write_json(&folder.join("model.safetensors.index.json"), &index);
    }
}

/// `rope_parameters`, `dtype` and `image_token_id` in place of the older names.
fn newest_config(mut config: Value) -> Value {
    let text = config["text_config"].as_object_mut().expect("a decoder's configuration");
    let rope_theta = text.remove("rope_theta").expect("rope_theta");
    text.remove("rope_scaling");
    text.insert("rope_parameters".to_owned(), json!({"rope_type": "default", "rope_theta": rope_theta}));
    let whole = config.as_object_mut().expect("an object");
    for (old, new) in [("torch_dtype", "dtype"), ("image_token_index", "image_token_id")] {
        let value = whole.remove(old).expect("a field of the base");
        whole.insert(new.to_owned(), value);
    }
    config
}

/// The decoder's fields at the top, LLaVA's own names, and the vision tower in a folder beside.
fn original_config(folder: &Path, config: &Value) -> Value {
    std::fs::create_dir(folder.join(TOWER)).expect("a folder");
    write_json(&folder.join(TOWER).join("config.json"), &config["vision_config"]);
    let mut flat = config["text_config"].clone();
    let own = json!({
        "architectures": ["LlavaLlamaForCausalLM"], "model_type": "llava", "image_aspect_ratio": "pad",
        "mm_hidden_size": config["vision_config"]["hidden_size"], "mm_projector_type": "mlp2x_gelu",
        "mm_use_im_patch_token": false, "mm_use_im_start_end": false, "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": config["vision_feature_layer"], "mm_vision_tower": TOWER,
        "torch_dtype": config["torch_dtype"], "use_mm_proj": true,
    });
    let fields = own.as_object().expect("an object").clone();
    flat.as_object_mut().expect("an object").extend(fields);
    flat
}

fn write_json(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).expect("a file is written");
}
