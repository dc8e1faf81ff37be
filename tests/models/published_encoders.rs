//! Folders with the configuration files of published CLIP and `DINOv2` models (their fields, sizes of patch and image,
//! buffers that old versions stored) around narrow random weights: they open, and see as many patches as they should.

use gazelens::engine::{
    Answer, DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, ModelTask, OpenModel, Prompt,
    Question, RecordOptions, RunId, Sampling, Spec, run_job,
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::AtomicBool;

const WIDTH: usize = 24;
const LAYERS: usize = 2;
const HEADS: usize = 2;
const PROJECTION: usize = 16;

/// Tensors by name; every value from a hash of its place.
#[derive(Default)]
struct Weights(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Weights {
    fn floats(&mut self, name: &str, shape: &[usize]) {
        let count: usize = shape.iter().product();
        let mut state = name.bytes().fold(1_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let value = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let uniform = (state >> 40) as f32 / 8_388_608.0 - 1.0;
            (if name.contains("norm") && name.ends_with("weight") { 1.0 + 0.1 * uniform } else { 0.2 * uniform })
                .to_le_bytes()
        };
        let bytes = std::iter::repeat_with(value).take(count).flatten().collect();
        self.0.push((name.to_owned(), Dtype::F32, shape.to_vec(), bytes));
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.floats(&format!("{name}.weight"), &[outputs, inputs]);
        self.floats(&format!("{name}.bias"), &[outputs]);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.floats(&format!("{name}.weight"), &[width]);
        self.floats(&format!("{name}.bias"), &[width]);
    }

    /// The buffer of positions that old versions of transformers stored.
    fn position_ids(&mut self, name: &str, len: usize) {
        let bytes = (0_i64..).take(len).flat_map(i64::to_le_bytes).collect();
        self.0.push((name.to_owned(), Dtype::I64, vec![1, len], bytes));
    }

    fn clip_layers(&mut self, tower: &str) {
        for layer in 0..LAYERS {
            let at = format!("{tower}.encoder.layers.{layer}");
            for part in ["k_proj", "v_proj", "q_proj", "out_proj"] {
                self.linear(&format!("{at}.self_attn.{part}"), WIDTH, WIDTH);
            }
            self.norm(&format!("{at}.layer_norm1"), WIDTH);
            self.linear(&format!("{at}.mlp.fc1"), 2 * WIDTH, WIDTH);
            self.linear(&format!("{at}.mlp.fc2"), WIDTH, 2 * WIDTH);
            self.norm(&format!("{at}.layer_norm2"), WIDTH);
        }
    }

    fn write(&self, path: &Path) {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).expect("bytes of that shape"))
        });
        safetensors::serialize_to_file(views, None, path).expect("written");
    }
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).expect("written");
}

/// `config.json` as OpenAI's repositories have it: sizes also in `*_config_dict`, which wins, and the end token of old
/// versions.
fn clip(folder: &Path, patch_size: usize, image_size: usize, processor: &Value) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/clip");
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(demo.join(name), folder.join(name)).expect("a copy");
    }
    let text = json!({"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS});
    let mut vision = text.clone();
    vision["patch_size"] = json!(patch_size);
    vision["image_size"] = json!(image_size);
    let common = json!({"add_cross_attention": false, "architectures": null, "attention_dropout": 0.0,
        "bos_token_id": 0, "dropout": 0.0,
        "eos_token_id": 2, "hidden_act": "quick_gelu", "initializer_factor": 1.0, "initializer_range": 0.02,
            "layer_norm_eps": 1e-05,
        "pad_token_id": 1, "tie_word_embeddings": true, "torch_dtype": null, "use_bfloat16": false});
    let with = |more: &Value| {
        let mut fields = common.as_object().expect("an object").clone();
        fields.extend(more.as_object().expect("an object").clone());
        Value::Object(fields)
    };
    let config = json!({
        "_name_or_path": "clip-vit", "architectures": ["CLIPModel"], "initializer_factor": 1.0,
            "logit_scale_init_value": 2.6592,
        "model_type": "clip", "projection_dim": PROJECTION,
        "text_config": with(&json!({"model_type": "clip_text_model", "max_position_embeddings": 77, "vocab_size": 725,
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS})),
        "text_config_dict": if patch_size == 32 { Value::Null } else { text },
        // The nested sizes are the class's own where the dictionary says something else.
        "vision_config": with(&if patch_size == 32 { vision.clone() } else { json!({"model_type": "clip_vision_model",
            "patch_size": 32,
            "image_size": 224}) }),
        "vision_config_dict": if patch_size == 32 { Value::Null } else { vision },
        "torch_dtype": "float32", "transformers_version": "4.16.0.dev0",
    });
    write(&folder.join("config.json"), &config);
    write(&folder.join("preprocessor_config.json"), processor);
    let mut weights = Weights::default();
    let positions = 1 + (image_size / patch_size).pow(2);
    weights.floats("logit_scale", &[]);
    weights.position_ids("text_model.embeddings.position_ids", 77);
    weights.floats("text_model.embeddings.token_embedding.weight", &[725, WIDTH]);
    weights.floats("text_model.embeddings.position_embedding.weight", &[77, WIDTH]);
    weights.clip_layers("text_model");
    weights.norm("text_model.final_layer_norm", WIDTH);
    weights.position_ids("vision_model.embeddings.position_ids", positions);
    weights.floats("vision_model.embeddings.class_embedding", &[WIDTH]);
    weights.floats("vision_model.embeddings.patch_embedding.weight", &[WIDTH, 3, patch_size, patch_size]);
    weights.floats("vision_model.embeddings.position_embedding.weight", &[positions, WIDTH]);
    weights.norm("vision_model.pre_layrnorm", WIDTH);
    weights.clip_layers("vision_model");
    weights.norm("vision_model.post_layernorm", WIDTH);
    weights.floats("visual_projection.weight", &[PROJECTION, WIDTH]);
    weights.floats("text_projection.weight", &[PROJECTION, WIDTH]);
    weights.write(&folder.join("model.safetensors"));
}

fn clip_processor(size: &Value, crop: &Value) -> Value {
    json!({"crop_size": crop, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.481_454_66, 0.457_827_5, 0.408_210_73],
        "image_std": [0.268_629_54, 0.261_302_58, 0.275_777_1], "resample": 3, "size": size})
}

/// `config.json` and processor as Meta's repositories have them.
fn dinov2(folder: &Path, registers: bool, swiglu: bool) {
    let mut config = json!({
        "architectures": ["Dinov2Model"], "apply_layernorm": true, "attention_probs_dropout_prob": 0.0,
            "drop_path_rate": 0.0,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "hidden_size": WIDTH, "image_size": 518,
            "initializer_range": 0.02,
        "layer_norm_eps": 1e-06, "layerscale_value": 1.0, "mlp_ratio": 4, "model_type": "dinov2",
            "num_attention_heads": HEADS,
        "num_channels": 3, "num_hidden_layers": LAYERS, "out_features": ["stage2"], "out_indices": [2],
            "patch_size": 14, "qkv_bias": true,
        "reshape_hidden_states": true, "stage_names": ["stem", "stage1", "stage2"], "torch_dtype": "float32",
        "transformers_version": "4.31.0.dev0", "use_swiglu_ffn": swiglu,
    });
    if registers {
        config["model_type"] = json!("dinov2_with_registers");
        config["architectures"] = json!(["Dinov2WithRegistersModel"]);
        config["num_register_tokens"] = json!(4);
        config["interpolate_antialias"] = json!(true);
        config["interpolate_offset"] = json!(0.0);
    }
    write(&folder.join("config.json"), &config);
    let processor = json!({"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true,
        "do_normalize": true,
        "do_rescale": true, "do_resize": true, "image_mean": [0.485, 0.456, 0.406],
            "image_processor_type": "BitImageProcessor",
        "image_std": [0.229, 0.224, 0.225], "resample": 3, "rescale_factor": 0.003_921_568_627_450_98,
            "size": {"shortest_edge": 256}});
    write(&folder.join("preprocessor_config.json"), &processor);
    let mut weights = Weights::default();
    weights.floats("embeddings.cls_token", &[1, 1, WIDTH]);
    weights.floats("embeddings.mask_token", &[1, WIDTH]);
    if registers {
        weights.floats("embeddings.register_tokens", &[1, 4, WIDTH]);
    }
    weights.floats("embeddings.position_embeddings", &[1, 1 + 37 * 37, WIDTH]);
    weights.floats("embeddings.patch_embeddings.projection.weight", &[WIDTH, 3, 14, 14]);
    weights.floats("embeddings.patch_embeddings.projection.bias", &[WIDTH]);
    for layer in 0..LAYERS {
        let at = format!("encoder.layer.{layer}");
        weights.norm(&format!("{at}.norm1"), WIDTH);
        for part in ["query", "key", "value"] {
            weights.linear(&format!("{at}.attention.attention.{part}"), WIDTH, WIDTH);
        }
        weights.linear(&format!("{at}.attention.output.dense"), WIDTH, WIDTH);
        weights.floats(&format!("{at}.layer_scale1.lambda1"), &[WIDTH]);
        weights.norm(&format!("{at}.norm2"), WIDTH);
        if swiglu {
            weights.linear(&format!("{at}.mlp.weights_in"), 128, WIDTH);
            weights.linear(&format!("{at}.mlp.weights_out"), WIDTH, 64);
        } else {
            weights.linear(&format!("{at}.mlp.fc1"), 4 * WIDTH, WIDTH);
            weights.linear(&format!("{at}.mlp.fc2"), WIDTH, 4 * WIDTH);
        }
        weights.floats(&format!("{at}.layer_scale2.lambda1"), &[WIDTH]);
    }
    weights.norm("layernorm", WIDTH);
    weights.write(&folder.join("model.safetensors"));
}

fn look(folder: &Path, task: ModelTask, words: &str) -> Answer {
    let source = ModelSource::Folder(folder.to_owned());
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    let model =
        OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).unwrap_or_else(|err| panic!("{err}"));
    assert_eq!(model.info().task, task, "{}", folder.display());
    let question = Question {
        image: ImageSource::Bundled("demo_01_beach.png".to_owned()),
        prompt: Prompt::Templated(words.to_owned()),
        framing: None,
        sampling: Sampling::default(),
        max_new_tokens: 1,
        strategy: Spec::default(),
        interventions: Vec::new(),
        methods: Vec::new(),
        prompted: None,
        fork: None,
        record: RecordOptions::default(),
    };
    run_job(&model, RunId(1), &question, &mut |_| {}, &AtomicBool::new(false)).unwrap_or_else(|err| panic!("{err}"))
}

fn expect_maps(answer: &Answer, side: usize, what: &str) {
    let vision = answer.trace.vision.as_ref().expect("[CLS] rows");
    let shape = [vision.num_hidden_layers, vision.num_attention_heads, vision.num_patches];
    assert_eq!(shape, [LAYERS, HEADS, side * side], "{what}: layers, heads, patches");
    let grid = answer.trace.layout.regions()[0].grid;
    let image_grid = (grid.rows, grid.cols);
    assert_eq!(image_grid, (side, side), "{what}: the grid of patches");
    assert!(vision.cls_attention.iter().all(|value| (0.0..=1.0).contains(value)), "{what}: probabilities");
}

#[test]
fn clips_of_openai_open_at_every_patch_and_image_size() {
    let sides = |side: u32| json!({"height": side, "width": side});
    for (what, patch_size, image_size, processor) in [
        ("ViT-B/32", 32, 224, clip_processor(&json!(224), &json!(224))),
        ("ViT-B/16", 16, 224, clip_processor(&json!(224), &json!(224))),
        ("ViT-L/14", 14, 224, clip_processor(&json!({"shortest_edge": 224}), &sides(224))),
        ("ViT-L/14-336", 14, 336, clip_processor(&json!({"shortest_edge": 336}), &sides(336))),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        clip(folder.path(), patch_size, image_size, &processor);
        let answer = look(folder.path(), ModelTask::Compare, "a beach\na street");
        expect_maps(&answer, image_size / patch_size, what);
        let cosines: Vec<f64> = answer.trace.similarity.iter().map(|text| f64::from(text.cosine)).collect();
        assert!(cosines.len() == 2 && cosines.iter().all(|cosine| cosine.abs() <= 1.0), "{what}: {cosines:?}");
        assert!(answer.trace.warnings.is_empty(), "{what}: {:?}", answer.trace.warnings);
    }
}

#[test]
fn dinov2_of_meta_opens_with_and_without_registers() {
    for (registers, swiglu) in [(false, false), (true, false), (false, true), (true, true)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        dinov2(folder.path(), registers, swiglu);
        let answer = look(folder.path(), ModelTask::See, "");
        expect_maps(&answer, 16, &format!("registers {registers}, SwiGLU {swiglu}"));
    }
}
