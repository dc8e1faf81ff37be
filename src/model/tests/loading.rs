//! Missing, unused and wrongly shaped tensors.

use crate::checkpoint::{Checkpoint, MappedTensor, StoredAs, Weights};
use crate::model::fixtures::{RandomWeights, clip_config, llava_config};
use crate::model::weights::{TensorMap, TensorSource};
use crate::model::{BranchInput, Clip, Decoder, Llava, LogitRows, ModelError, SourceError};
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;
use std::sync::Mutex;

/// Gives random tensors and remembers them.
#[derive(Default)]
struct Collector {
    random: RandomWeights,
    given: Mutex<HashMap<String, Tensor>>,
    optional: Mutex<Vec<String>>,
}

impl TensorSource for Collector {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        let tensor = self.random.tensor(name, shape, dtype, device)?;
        let twice = self.given.lock().unwrap().insert(name.to_owned(), tensor.clone());
        assert!(twice.is_none(), "{name} is asked for once");
        Ok(tensor)
    }

    fn optional(&self, name: &str, _: &[usize], _: DType, _: &Device) -> Result<Option<Tensor>, SourceError> {
        self.optional.lock().unwrap().push(name.to_owned());
        Ok(None)
    }
}

fn llava_tensors() -> HashMap<String, Tensor> {
    let collector = Collector::default();
    Llava::load(&collector, &llava_config(), DType::F32, &Device::Cpu).unwrap();
    collector.given.into_inner().unwrap()
}

fn load(tensors: HashMap<String, Tensor>) -> (Result<Llava, ModelError>, Vec<String>) {
    let map = TensorMap::new(tensors);
    let model = Llava::load(&map, &llava_config(), DType::F32, &Device::Cpu);
    (model, map.unused())
}

#[test]
fn every_missing_tensor_is_named() {
    let tensors = llava_tensors();
    assert_eq!(tensors.len(), 4 + 1 + 3 * 16 + 4 + 1 + 3 * 9 + 1 + 1, "vision, projector, decoder");
    for name in tensors.keys() {
        let mut without = tensors.clone();
        without.remove(name);
        let message = load(without).0.map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(&format!("tensor {name} of shape")), "{name} is missing, but: {message}");
    }
}

#[test]
fn a_wrongly_shaped_tensor_is_named_with_both_shapes() {
    let mut tensors = llava_tensors();
    let name = "language_model.layers.1.self_attn.k_proj.weight";
    tensors.insert(name.to_owned(), Tensor::zeros((24, 24), DType::F32, &Device::Cpu).unwrap());
    let message = load(tensors).0.map(|_| ()).unwrap_err().to_string();
    assert_eq!(message, format!("Expected a tensor {name} of shape [12, 24], found [24, 24]"), "both shapes");
}

#[test]
fn nothing_is_left_over_and_the_unused_norm_is_taken() {
    let mut tensors = llava_tensors();
    for name in ["weight", "bias"] {
        let norm = Tensor::zeros(16, DType::F32, &Device::Cpu).unwrap();
        tensors.insert(format!("vision_tower.post_layernorm.{name}"), norm);
    }
    let (model, unused) = load(tensors.clone());
    assert!(model.is_ok() && unused.is_empty(), "unused: {unused:?}");
    tensors.insert("image_newline".to_owned(), Tensor::zeros(16, DType::F32, &Device::Cpu).unwrap());
    assert_eq!(load(tensors).1, ["image_newline"], "a tensor nobody asked for");
}

#[test]
fn tied_embeddings_take_a_stored_copy() {
    let mut config = llava_config();
    config.text.tie_word_embeddings = true;
    let collector = Collector::default();
    Llava::load(&collector, &config, DType::F32, &Device::Cpu).unwrap();
    assert!(!collector.given.lock().unwrap().contains_key("lm_head.weight"), "not needed");
    assert!(collector.optional.lock().unwrap().contains(&"lm_head.weight".to_owned()), "but taken if it is there");
}

#[test]
fn clip_asks_for_both_towers() {
    let collector = Collector::default();
    Clip::load(&collector, &clip_config(), DType::F32, &Device::Cpu).unwrap();
    let given = collector.given.into_inner().unwrap();
    for name in [
        "vision_tower.post_layernorm.weight",
        "visual_projection.weight",
        "text_model.embeddings.token_embedding.weight",
        "text_model.encoder.layers.1.self_attn.out_proj.bias",
        "text_model.final_layer_norm.bias",
        "text_projection.weight",
        "logit_scale",
    ] {
        assert!(given.contains_key(name), "{name} is asked for");
    }
}

#[test]
fn impossible_configurations_are_refused() {
    let refused = |change: fn(&mut crate::checkpoint::LlavaConfig)| {
        let mut config = llava_config();
        change(&mut config);
        let model = Llava::load(&RandomWeights::default(), &config, DType::F32, &Device::Cpu);
        matches!(model, Err(ModelError::Config { .. }))
    };
    assert!(refused(|config| config.text.num_key_value_heads = 3), "4 heads in 3 groups");
    assert!(refused(|config| config.text.num_key_value_heads = 0), "no key heads");
    assert!(refused(|config| config.text.head_dim = 5), "an odd head");
    assert!(refused(|config| config.vision.num_attention_heads = 3), "16 wide, 3 heads");
    assert!(refused(|config| config.vision.patch_size = 0), "no patch");
    assert!(refused(|config| config.text.head_dim = 0), "no width of a head");
    assert!(refused(|config| config.text.hidden_size = 0), "no width");
    assert!(refused(|config| config.vision.image_size = usize::MAX), "a product that overflows");
    assert!(refused(|config| config.vision.patch_size = 13), "a patch larger than the image");
    assert!(refused(|config| config.vision_feature_layers = vec![4]), "a layer that is not there");
    assert!(refused(|config| config.vision_feature_layers = vec![]), "no layer at all");
}

/// The bundled weights, left in their file or copied out of it.
struct FromFile<'a> {
    weights: &'a Weights,
    keep: bool,
}

impl TensorSource for FromFile<'_> {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        Ok(self.weights.tensor(name, shape, dtype, device)?)
    }

    fn optional(
        &self,
        name: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, SourceError> {
        Ok(self.weights.optional(name, shape, dtype, device)?)
    }

    fn mapped(&self, name: &str, shape: &[usize], _: DType) -> Result<Option<MappedTensor>, SourceError> {
        Ok(self.weights.mapped(name, shape).filter(|_| self.keep))
    }
}

/// Logits of a prompt of many rows, of one more row, and of two.
fn demo_logits(keep: bool, dtype: DType) -> Vec<f32> {
    let checkpoint = Checkpoint::demo().unwrap();
    let source = FromFile { weights: &checkpoint.weights, keep };
    let decoder = Decoder::load(&source, &checkpoint.llava().unwrap().text, dtype, &Device::Cpu).unwrap();
    let mut cache = decoder.new_cache(32).unwrap();
    let mut all = Vec::new();
    for ids in [&[1, 5, 9, 30, 77, 120, 4, 8, 200, 301, 17, 18, 19, 20, 21, 22, 23][..], &[40], &[50, 60]] {
        let embeddings = decoder.embed(ids).unwrap();
        let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
        let logits = decoder.forward(&mut branches, LogitRows::All, &mut ()).unwrap().remove(0);
        all.extend(logits.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    }
    all
}

#[test]
fn weights_left_in_their_file_give_the_same_numbers_as_copied_ones() {
    let copied = demo_logits(false, DType::F16);
    assert_eq!(demo_logits(true, DType::F16), copied, "bit for bit: the same weights in the same type");
    let widened = demo_logits(false, DType::F32);
    let read_as_f32 = demo_logits(true, DType::F32);
    let difference = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let diff = difference(&read_as_f32, &widened);
    assert!(diff < 1e-4, "f16 weights widened while they are read, or before: logits differ by {diff}");
    let diff = difference(&copied, &widened);
    assert!((1e-6..0.05).contains(&diff), "rounded keys and values are seen, and little: {diff}");
}

#[test]
fn only_matrices_of_the_right_shape_and_type_stay_in_their_file() {
    let checkpoint = Checkpoint::demo().unwrap();
    let name = "language_model.layers.0.mlp.gate_proj.weight";
    let mapped = checkpoint.weights.mapped(name, &[352, 128]).unwrap();
    let stored = StoredAs::Floats(DType::F16);
    assert_eq!((mapped.bytes().len(), mapped.stored()), (352 * 128 * 2, &stored), "as it is stored");
    assert!(checkpoint.weights.mapped(name, &[128, 352]).is_none(), "another shape");
    assert!(checkpoint.weights.mapped("nothing", &[1]).is_none(), "not there");
}
