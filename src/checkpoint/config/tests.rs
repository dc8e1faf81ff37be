//! Every spelling of a field that was ever published, and numbers that no model has.

use super::*;
use crate::checkpoint::CheckpointError;
use serde_json::{Map, Value, json};
use std::path::Path;

const PATH: &str = "config.json";

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

fn read_with(config: Value, generation: Value) -> Result<LlavaConfig, CheckpointError> {
    let (config, generation) = (object(config), object(generation));
    llava(Fields::new(&config, Path::new(PATH)), Fields::new(&generation, Path::new("generation_config.json")))
}

fn read(config: Value) -> Result<LlavaConfig, CheckpointError> {
    read_with(config, json!({}))
}

fn read_text(text: &Value) -> Result<TextConfig, CheckpointError> {
    read(json!({"model_type": "llava", "text_config": text})).map(|config| config.text)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, CheckpointError>) -> String {
    result.expect_err("this configuration must be refused").to_string()
}

fn read_original(changes: Value) -> Result<LlavaConfig, CheckpointError> {
    // liuhaotian/llava-v1.5-7b
    let mut config = object(json!({
        "architectures": ["LlavaLlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
            "hidden_size": 4096,
        "image_aspect_ratio": "pad", "intermediate_size": 11008, "max_position_embeddings": 4096,
            "mm_hidden_size": 1024,
        "mm_projector_type": "mlp2x_gelu", "mm_use_im_patch_token": false, "mm_use_im_start_end": false,
        "mm_vision_select_feature": "patch", "mm_vision_select_layer": -2,
            "mm_vision_tower": "openai/clip-vit-large-patch14-336",
        "model_type": "llava", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
            "rms_norm_eps": 1e-5,
        "rope_scaling": null, "tie_word_embeddings": false, "vocab_size": 32000,
    }));
    config.extend(object(changes));
    let generation = Map::new();
    original(Fields::new(&config, Path::new(PATH)), Fields::new(&generation, Path::new(PATH)), None)
}

#[test]
fn llava_1_5_leaves_out_what_llama_and_clip_say_by_default() {
    // llava-hf/llava-1.5-7b-hf: its text_config has these fields only.
    let config = read_with(
        json!({
            "architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": 32000,
                "model_type": "llava",
            "pad_token_id": 32001, "projector_hidden_act": "gelu", "torch_dtype": "float16",
            "text_config": {"_name_or_path": "lmsys/vicuna-7b-v1.5", "architectures": ["LlamaForCausalLM"],
                "max_position_embeddings": 4096,
                "model_type": "llama", "rms_norm_eps": 1e-05, "torch_dtype": "float16", "vocab_size": 32064},
            "vision_config": {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
                "model_type": "clip_vision_model",
                "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768,
                    "vocab_size": 32000},
            "vision_feature_layer": -2, "vision_feature_select_strategy": "default",
        }),
        json!({"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 32001}),
    )
    .unwrap();
    let text = &config.text;
    assert_eq!(
        (text.hidden_size, text.intermediate_size, text.num_hidden_layers, text.head_dim),
        (4096, 11_008, 32, 128),
        "LLaMA 7B"
    );
    assert_eq!((text.num_attention_heads, text.num_key_value_heads, text.vocab_size), (32, 32, 32_064), "LLaMA 7B");
    assert_eq!(config.vision, parts::CLIP_L14_336, "CLIP ViT-L/14 at 336 px");
    assert_eq!(
        (config.vision_feature_layers.as_slice(), config.image_seq_length()),
        (&[23][..], 576),
        "the output of layer 22"
    );
    assert_eq!(
        (config.eos_token_ids.as_slice(), config.bos_token_id),
        (&[2][..], Some(1)),
        "from generation_config.json"
    );
    assert!(config.multimodal_projector_bias && !text.tie_word_embeddings, "defaults");
}

#[test]
fn an_empty_llava_is_llava_1_5() {
    let config = read(json!({"model_type": "llava"})).unwrap();
    assert_eq!(config.vision, parts::CLIP_L14_336, "LlavaConfig()'s own tower");
    assert_eq!(
        (config.image_token_id, config.vision_feature_layers.as_slice()),
        (32_000, &[23][..]),
        "LlavaConfig()'s own defaults"
    );
    let partial = read(json!({"model_type": "llava", "vision_config": {"patch_size": 16}})).unwrap();
    assert_eq!(
        (partial.vision.hidden_size, partial.vision.image_size),
        (768, 224),
        "what is left out is CLIPVisionConfig's"
    );
}

#[test]
fn both_layouts_of_llava_1_5_are_one_model() {
    let original = read_original(json!({})).unwrap();
    let text = json!({"max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "vocab_size": 32000});
    let hf = read(json!({"model_type": "llava", "text_config": text, "bos_token_id": 1})).unwrap();
    assert_eq!(original, hf, "the image token is the first id behind the vocabulary in both");
}

#[test]
fn rotary_bases_are_read_in_both_spellings() {
    let linear = |factor: f64| RopeScaling::Linear { factor };
    for (text, theta, scaling) in [
        (json!({}), 10_000.0, RopeScaling::None),
        (json!({"rope_theta": 5e5}), 5e5, RopeScaling::None),
        (json!({"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}), 1e6, RopeScaling::None),
        (
            json!({"rope_theta": 10_000.0, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}),
            1e6,
            RopeScaling::None,
        ),
        (json!({"rope_theta": 7.0, "rope_scaling": {"type": "linear", "factor": 4.0}}), 7.0, linear(4.0)),
        (json!({"rope_parameters": {"rope_theta": 7.0, "rope_type": "linear", "factor": 2}}), 7.0, linear(2.0)),
        (json!({"rope_scaling": null}), 10_000.0, RopeScaling::None),
        // As transformers: the older field counts where it says something.
        (
            json!({"rope_scaling": {"type": "linear", "factor": 4.0}, "rope_parameters": {"rope_theta": 7.0}}),
            10_000.0,
            linear(4.0),
        ),
        (json!({"rope_scaling": {}, "rope_parameters": {"rope_theta": 7.0}}), 7.0, RopeScaling::None),
    ] {
        let config = read_text(&text).unwrap();
        assert!((config.rope_theta - theta).abs() < 1e-9, "{text}: {}", config.rope_theta);
        assert_eq!(config.rope_scaling, scaling, "{text}");
    }
    let yarn = refusal(read_text(&json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}})));
    assert_eq!(
        yarn, "Expected one of default, linear, llama3 for text_config.rope_scaling.rope_type, found yarn: config.json",
        "by name"
    );
    for kind in ["dynamic", "longrope", "su", "mrope", "ntk"] {
        let refused = refusal(read_text(&json!({"rope_parameters": {"type": kind, "factor": 4.0}})));
        assert!(
            refused.ends_with(&format!("text_config.rope_parameters.type, found {kind}: config.json")),
            "{refused}"
        );
    }
    let partial = refusal(read_text(&json!({"rope_parameters": {"partial_rotary_factor": 0.5}})));
    assert!(partial.starts_with("Expected 1, rotary positions on all of a head"), "{partial}");
}

#[test]
fn llama3s_scaling_is_read_in_both_spellings() {
    let numbers = json!({"factor": 8.0, "low_freq_factor": 1, "high_freq_factor": 4.0});
    let with = |changes: Value| {
        let mut numbers = object(numbers.clone());
        numbers.extend(object(changes));
        numbers
    };
    let expected = |context: usize| RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: context,
    };
    for (text, context) in [
        (json!({"rope_scaling": with(json!({"rope_type": "llama3", "original_max_position_embeddings": 8192}))}), 8192),
        (json!({"rope_scaling": with(json!({"type": "llama3", "original_max_position_embeddings": 8192}))}), 8192),
        (
            json!({"rope_parameters": with(json!({"rope_type": "llama3", "original_max_position_embeddings": 8192}))}),
            8192,
        ),
        (json!({"rope_parameters": with(json!({"rope_type": "llama3"})), "max_position_embeddings": 4096}), 4096),
        (
            json!({"rope_parameters": with(json!({"rope_type": "llama3", "original_max_position_embeddings": 8192})),
                "original_max_position_embeddings": 1024}),
            1024,
        ),
        (
            json!({"rope_scaling": with(json!({"rope_type": "llama3", "type": "linear",
                "original_max_position_embeddings": 64.0}))}),
            64,
        ),
    ] {
        assert_eq!(read_text(&text).unwrap().rope_scaling, expected(context), "{text}");
    }
    for (changes, refused) in [
        (
            json!({"factor": null}),
            "Expected a number above 0 for llama3 scaling for text_config.rope_scaling.factor, found none",
        ),
        (
            json!({"low_freq_factor": 0}),
            "Expected a number above 0 for text_config.rope_scaling.low_freq_factor, found 0",
        ),
        (
            json!({"high_freq_factor": {"$number": "NaN"}}),
            "Expected a number above 0 for text_config.rope_scaling.high_freq_factor, found NaN",
        ),
        (
            json!({"high_freq_factor": 1.0}),
            "Expected another number than the low_freq_factor 1 for text_config.rope_scaling.high_freq_factor",
        ),
    ] {
        let mut scaling = with(json!({"rope_type": "llama3"}));
        scaling.extend(object(changes));
        let sentence = refusal(read_text(&json!({"rope_scaling": scaling})));
        assert!(sentence.starts_with(refused), "{sentence}");
    }
}

#[test]
fn numbers_are_read_however_they_are_written() {
    let text = read_text(
        &json!({"hidden_size": 64.0, "num_attention_heads": "4", "rms_norm_eps": "1e-5", "rope_theta": " 7 "}),
    )
    .unwrap();
    assert_eq!((text.hidden_size, text.num_attention_heads), (64, 4), "whole floats and digits in quotes");
    assert!((text.rms_norm_eps - 1e-5).abs() < 1e-12 && (text.rope_theta - 7.0).abs() < 1e-12, "numbers in quotes");
    let layer = |layer: Value| {
        read(json!({"model_type": "llava", "vision_feature_layer": layer})).unwrap().vision_feature_layers
    };
    assert_eq!((layer(json!(-2.0)), layer(json!("-2"))), (vec![23], vec![23]), "with a sign");
    for value in [json!({"$number": "NaN"}), json!("wide"), json!("6 4"), json!(true), json!([64])] {
        let sentence = refusal(read_text(&json!({"hidden_size": value})));
        assert!(
            sentence.starts_with("Expected a whole number from 1 to 1048576 for text_config.hidden_size"),
            "{sentence}"
        );
    }
    let unneeded = json!({"initializer_range": {"$number": "NaN"}, "attention_dropout": {"$number": "Infinity"}});
    assert!(read_text(&unneeded).is_ok(), "a number that nobody needs costs nothing");
    let object = refusal(read(json!({"model_type": "llava", "text_config": {"$number": "NaN"}})));
    assert!(object.starts_with("Expected an object for text_config, found a number that is none"), "{object}");
}

#[test]
fn ids_that_no_token_has_are_refused_wherever_they_stand() {
    let wrong = [
        json!("4"),
        json!({"$number": "NaN"}),
        json!(1e308),
        json!(-1),
        json!(4_294_967_295_u64),
        json!(4_294_967_296_u64),
        json!(32_000),
        json!(1.5),
        json!(true),
        json!({}),
    ];
    for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
        let list = if key == "eos_token_id" { json!([2, 32_000]) } else { json!([4]) };
        for value in wrong.iter().chain([&list]) {
            if key == "pad_token_id" && *value == json!(-1) {
                continue;
            }
            let inner = json!({"bos_token_id": 1});
            let base = json!({"model_type": "llava", "bos_token_id": 1, "eos_token_id": 2, "text_config": inner});
            let mut at_top = base.clone();
            at_top[key] = value.clone();
            let mut in_text = base.clone();
            in_text["text_config"][key] = value.clone();
            for (result, file, field) in [
                (read(at_top), "config.json", key.to_owned()),
                (read(in_text), "config.json", format!("text_config.{key}")),
                (read_with(base, json!({key: value, "bos": 1})), "generation_config.json", key.to_owned()),
                (read_original(json!({key: value})), "config.json", key.to_owned()),
            ] {
                let sentence = refusal(result);
                assert!(sentence.contains(&format!(" for {field}, found ")), "{key} {value}: {sentence}");
                assert!(sentence.ends_with(&format!(": {file}")), "{key} {value}: {sentence}");
            }
        }
    }
    let pad = json!({"model_type": "llava", "text_config": {"pad_token_id": -1, "bos_token_id": 1.0}});
    assert_eq!(read(pad).unwrap().bos_token_id, Some(1), "LLaMA's first files have no token that fills up");
    for value in [json!(32_001), json!("5"), json!([5])] {
        let sentence = refusal(read(json!({"model_type": "llava", "image_token_index": value})));
        assert!(sentence.contains("for image_token_index, found"), "{sentence}");
    }
    let clip_text = json!({"model_type": "clip", "text_config": {"eos_token_id": 49_408}});
    let sentence = refusal(clip(Fields::new(&object(clip_text), Path::new(PATH))));
    assert!(sentence.starts_with("Expected ids below the vocab_size 49408 for text_config.eos_token_id"), "{sentence}");
}

#[test]
fn heads_are_given_or_implied() {
    let text = |value: Value| read_text(&value).unwrap();
    assert_eq!(text(json!({"hidden_size": 64, "num_attention_heads": 4})).head_dim, 16, "implied");
    assert_eq!(text(json!({"hidden_size": 60, "num_attention_heads": 8, "head_dim": 16})).head_dim, 16, "given");
    let grouped = text(json!({"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2}));
    assert_eq!((grouped.num_attention_heads, grouped.num_key_value_heads), (8, 2), "grouped");
    assert_eq!(
        text(json!({"model_type": "mistral", "sliding_window": null})).num_key_value_heads,
        8,
        "Mistral's default"
    );
    assert!(text(json!({"model_type": "qwen2"})).qkv_bias, "Qwen2 has biases on q, k, v");
    assert!(!text(json!({"model_type": "qwen2"})).o_bias, "and none on o");
    assert!(text(json!({"attention_bias": true})).o_bias, "LLaMA's flag means all four");
}

#[test]
fn decoders_of_other_families_leave_out_what_transformers_has_by_default() {
    let text = |value: Value| read_text(&value).unwrap();
    let mistral = text(json!({"model_type": "mistral"}));
    assert_eq!(
        (mistral.intermediate_size, mistral.num_key_value_heads, mistral.max_position_embeddings),
        (14_336, 8, 131_072),
        "MistralConfig()"
    );
    let qwen2 = text(json!({"model_type": "qwen2", "attention_bias": true, "mlp_bias": true}));
    assert_eq!((qwen2.vocab_size, qwen2.intermediate_size), (151_936, 22_016), "Qwen2Config()");
    assert_eq!((qwen2.qkv_bias, qwen2.o_bias, qwen2.mlp_bias), (true, false, false), "Qwen2 reads no flags");
    let mistral = text(json!({"model_type": "mistral", "attention_bias": true}));
    assert!(!mistral.qkv_bias && !mistral.o_bias, "neither does Mistral");
    let wide = text(
        json!({"hidden_size": 5120, "intermediate_size": 13_824, "num_hidden_layers": 40, "num_attention_heads": 40}),
    );
    assert_eq!((wide.head_dim, wide.num_key_value_heads), (128, 40), "vicuna-13b");
}

#[test]
fn a_window_counts_where_it_is_narrower_than_the_context() {
    let window = |value: Value| read_text(&value).unwrap().sliding_window.map(|w| (w.positions, w.first_layer));
    for (text, expected) in [
        (json!({"model_type": "mistral"}), Some((4096, 0))),
        (json!({"model_type": "mistral", "sliding_window": null}), None),
        (json!({"model_type": "mistral", "sliding_window": 4096, "max_position_embeddings": 4096}), None),
        (json!({"model_type": "mistral", "sliding_window": 4096, "max_position_embeddings": 32_768}), Some((4096, 0))),
        (json!({"model_type": "qwen2", "sliding_window": 64}), None),
        (json!({"model_type": "qwen2", "sliding_window": 64, "use_sliding_window": true}), Some((64, 28))),
        (json!({"model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 32}), None),
        (
            json!({"model_type": "qwen2", "use_sliding_window": true, "num_hidden_layers": 2,
                "layer_types": ["full_attention",
                "sliding_attention"]}),
            Some((4096, 1)),
        ),
        (json!({"model_type": "llama", "sliding_window": 64}), None),
    ] {
        assert_eq!(window(text.clone()), expected, "{text}");
    }
}

#[test]
fn bakllava_is_the_original_layout_around_mistral() {
    // SkunkworksAI/BakLLaVA-1
    let config = read_original(json!({
        "architectures": ["LlavaMistralForCausalLM"], "model_type": "llava_mistral", "intermediate_size": 14336,
            "num_key_value_heads": 8,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "sliding_window": 4096, "vocab_size": 32000,
    }))
    .unwrap();
    assert_eq!((config.text.num_key_value_heads, config.text.head_dim), (8, 128), "grouped heads");
    assert_eq!(config.text.sliding_window.map(|window| window.positions), Some(4096), "as published");
}

#[test]
fn feature_layers_count_from_the_front() {
    let layers = |value: Value| {
        read(json!({"model_type": "llava", "vision_feature_layer": value})).map(|config| config.vision_feature_layers)
    };
    for (given, expected) in [
        (json!(-2), vec![23]),
        (json!(-1), vec![24]),
        (json!(0), vec![0]),
        (json!(24), vec![24]),
        (json!(-25), vec![0]),
        (json!([-2, -5, -8, 6]), vec![23, 20, 17, 6]),
    ] {
        assert_eq!(layers(given.clone()).unwrap(), expected, "{given}");
    }
    for given in [json!(25), json!(-26), json!([]), json!([1, 99]), json!(1.5), json!("last")] {
        let sentence = refusal(layers(given.clone()));
        assert!(
            sentence.starts_with("Expected a hidden state from -25 to 24, or a list of them for vision_feature_layer"),
            "{sentence}"
        );
    }
}

#[test]
fn select_strategies_are_default_and_full() {
    let full = read(json!({"model_type": "llava", "vision_feature_select_strategy": "full"})).unwrap();
    assert_eq!((full.vision_feature_select, full.image_seq_length()), (FeatureSelect::Full, 577), "[CLS] and patches");
    let cls = read_original(json!({"mm_vision_select_feature": "cls_patch"})).unwrap();
    assert_eq!(cls.vision_feature_select, FeatureSelect::Full, "the original's name for it");
    let other = refusal(read(json!({"model_type": "llava", "vision_feature_select_strategy": "mean"})));
    assert_eq!(
        other, "Expected one of default, full for vision_feature_select_strategy, found mean: config.json",
        "others by name"
    );
}

#[test]
fn end_tokens_come_from_the_first_file_that_has_them() {
    let eos = |config: Value, generation: Value| read_with(config, generation).unwrap().eos_token_ids;
    let base = |eos: Value| json!({"model_type": "llava", "text_config": {"eos_token_id": eos}});
    assert_eq!(eos(base(json!(7)), json!({"eos_token_id": [2, 3]})), [2, 3], "generation_config.json wins");
    assert_eq!(eos(base(json!([7, 8])), json!({})), [7, 8], "then the decoder's own");
    assert_eq!(eos(json!({"model_type": "llava"}), json!({"eos_token_id": null})), [2], "then LLaMA's");
    let beyond = refusal(read(base(json!(32_000))));
    assert!(
        beyond.starts_with("Expected ids below the vocab_size 32000 for text_config.eos_token_id, found 32000"),
        "{beyond}"
    );
}

#[test]
fn the_image_token_has_two_names() {
    for (config, id) in [
        (json!({"model_type": "llava", "image_token_id": 9}), 9),
        (json!({"model_type": "llava", "image_token_index": 8}), 8),
        (json!({"model_type": "llava", "image_token_index": 8, "image_token_id": 8}), 8),
    ] {
        assert_eq!(read(config).unwrap().image_token_id, id, "either name");
    }
}

#[test]
fn what_the_original_layout_cannot_be_is_refused_by_name() {
    for (changes, expected) in [
        (json!({"mm_projector_type": "linear"}), "Expected mlp2x_gelu for mm_projector_type, found linear"),
        (json!({"mm_projector_type": null}), "Expected mlp2x_gelu for mm_projector_type, found linear"),
        (json!({"image_aspect_ratio": "anyres"}), "Expected one of pad, square for image_aspect_ratio, found anyres"),
        (json!({"mm_patch_merge_type": "spatial_unpad"}), "Expected flat for mm_patch_merge_type, found spatial_unpad"),
        (json!({"mm_use_im_start_end": true}), "Expected false, as in LLaVA-1.5 for mm_use_im_start_end, found true"),
        (json!({"mm_vision_tower": "google/siglip-base"}), "Expected the name of an OpenAI CLIP"),
    ] {
        let sentence = refusal(read_original(changes));
        assert!(sentence.starts_with(expected), "{sentence}");
    }
    let base = read_original(json!({"mm_vision_tower": "/models/openai/clip-vit-base-patch16/"})).unwrap();
    assert_eq!((base.vision.hidden_size, base.vision.patch_size), (768, 16), "a path that ends in a known name");
}

#[test]
fn impossible_numbers_are_refused_with_the_field() {
    for (text, expected) in [
        (json!({"hidden_size": 0}), "Expected a whole number from 1 to 1048576 for text_config.hidden_size, found 0"),
        (json!({"hidden_size": -8}), "Expected a whole number from 1 to 1048576 for text_config.hidden_size, found -8"),
        (
            json!({"hidden_size": 8.5}),
            "Expected a whole number from 1 to 1048576 for text_config.hidden_size, found 8.5",
        ),
        (
            json!({"num_hidden_layers": 1_000_000_000_u64}),
            "Expected a whole number from 1 to 1024 for text_config.num_hidden_layers",
        ),
        (
            json!({"num_attention_heads": 3}),
            "Expected a divisor of the hidden_size 4096 for text_config.num_attention_heads, found 3",
        ),
        (
            json!({"num_key_value_heads": 5}),
            "Expected a divisor of the 32 attention heads for text_config.num_key_value_heads, found 5",
        ),
        (json!({"head_dim": 5}), "Expected an even number, for rotary positions for text_config.head_dim, found 5"),
        (json!({"rms_norm_eps": 0}), "Expected a number above 0 for text_config.rms_norm_eps, found 0"),
        (json!({"rope_theta": -1}), "Expected a number above 0 for text_config.rope_theta, found -1"),
        (
            json!({"hidden_act": "mish"}),
            "Expected one of quick_gelu, gelu, gelu_pytorch_tanh, silu, relu for text_config.hidden_act, found mish",
        ),
        (
            json!({"model_type": "gemma"}),
            "Expected one of the decoders llama, mistral, qwen2 for text_config.model_type, found gemma",
        ),
        (
            json!({"model_type": "mistral", "sliding_window": 0}),
            "Expected a whole number from 1 to 16777216 for text_config.sliding_window, found 0",
        ),
        (
            json!({"model_type": "qwen2", "use_sliding_window": true, "layer_types": ["sliding_attention",
                "full_attention"]}),
            "Expected full attention in the first layers and sliding attention in the others for \
                text_config.layer_types",
        ),
        (json!([1]), "Expected an object for text_config, found a list"),
    ] {
        let sentence = refusal(read_text(&text));
        assert!(sentence.starts_with(expected) && sentence.ends_with(": config.json"), "{sentence}");
    }
    let vision = |value: Value| refusal(read(json!({"model_type": "llava", "vision_config": value})));
    let siglip = vision(json!({"model_type": "siglip_vision_model"}));
    assert!(siglip.starts_with("Expected clip_vision_model, the vision tower with a [CLS] token"), "{siglip}");
    let patch = vision(json!({"patch_size": 500}));
    assert!(
        patch.starts_with("Expected at most the image_size 224 for vision_config.patch_size, found 500"),
        "{patch}"
    );
}

#[test]
fn clip_reads_old_and_new_configurations() {
    let read = |config: Value| clip(Fields::new(&object(config), Path::new(PATH))).unwrap();
    let default = read(json!({"model_type": "clip"}));
    assert_eq!(
        (default.text_hidden_size, default.text_max_position_embeddings, default.text_eos_token_id),
        (512, 77, 49_407),
        "defaults"
    );
    assert_eq!((default.vision.patch_size, default.projection_dim), (32, 512), "openai/clip-vit-base-patch32");
    // openai/clip-vit-large-patch14 has both; what is in the old field wins.
    let old = read(
        json!({"model_type": "clip", "projection_dim": 768, "text_config": {"hidden_size": 512, "eos_token_id": 2},
        "text_config_dict": {"hidden_size": 768, "num_attention_heads": 12}, "vision_config": {},
        "vision_config_dict": {"hidden_size": 1024, "num_attention_heads": 16, "patch_size": 14}}),
    );
    assert_eq!(
        (old.text_hidden_size, old.text_num_attention_heads, old.text_eos_token_id),
        (768, 12, 2),
        "the text tower"
    );
    assert_eq!((old.vision.hidden_size, old.vision.patch_size, old.projection_dim), (1024, 14, 768), "the image tower");
}
