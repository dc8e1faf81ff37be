//! The bundled CLIP computes what transformers computes.

use candle_core::{DType, Device, Result, Tensor, safetensors};
use gazelens::checkpoint::{Activation, ClipConfig, VisionConfig};
use gazelens::model::{Clip, Probe, Site, TensorMap};
use std::collections::HashMap;
use std::path::Path;

fn config() -> ClipConfig {
    let vision = VisionConfig {
        hidden_size: 128,
        intermediate_size: 512,
        num_hidden_layers: 6,
        num_attention_heads: 4,
        image_size: 144,
        patch_size: 12,
        num_channels: 3,
        layer_norm_eps: 1e-5,
        hidden_act: Activation::QuickGelu,
        projection_dim: 96,
    };
    ClipConfig {
        vision,
        text_hidden_size: 96,
        text_intermediate_size: 256,
        text_num_hidden_layers: 2,
        text_num_attention_heads: 3,
        text_vocab_size: 725,
        text_max_position_embeddings: 32,
        text_layer_norm_eps: 1e-5,
        text_hidden_act: Activation::QuickGelu,
        text_eos_token_id: 724,
        projection_dim: 96,
    }
}

fn load(path: &str) -> HashMap<String, Tensor> {
    safetensors::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &Device::Cpu).expect("a readable file")
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("f32 values")
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[derive(Default)]
struct ClsRows(Vec<f32>);

impl Probe for ClsRows {
    fn wants_probs(&self, _site: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        let row = probs.narrow(1, 0, 1)?.narrow(2, 1, site.key_len - 1)?;
        self.0.extend(row.flatten_all()?.to_vec1::<f32>()?);
        Ok(None)
    }
}

#[test]
fn demo_clip_agrees_with_transformers() {
    let rename = |name: String| match name.strip_prefix("vision_model.") {
        Some(rest) => format!("vision_tower.{rest}"),
        None => name,
    };
    let tensors = load("assets/demo/clip/model.safetensors").into_iter();
    let weights = TensorMap::new(tensors.map(|(name, tensor)| (rename(name), tensor)).collect());
    let model = Clip::load(&weights, &config(), DType::F32, &Device::Cpu).expect("the demo CLIP loads");
    assert_eq!(weights.unused(), Vec::<String>::new(), "every tensor of the checkpoint is asked for");

    let golden = load("tests/golden/demo_clip.safetensors");
    let pixel_values = &load("tests/golden/demo_llava.safetensors")["pixel_values"];
    let mut cls = ClsRows::default();
    let image = model.image_embedding(pixel_values, &mut cls).expect("an image embedding");
    let diff = largest_difference(&cls.0, &values(&golden["vision_cls_attention"]));
    assert!(diff < 1e-4, "[CLS] attention differs by {diff}");
    let diff = largest_difference(&values(&image), &values(&golden["image_embedding"]));
    assert!(diff < 1e-3, "the image embedding differs by {diff}");

    let texts = golden["text_ids"].to_dtype(DType::U32).and_then(|ids| ids.to_vec2::<u32>()).expect("ids");
    let embeddings = golden["text_embeddings"].to_vec2::<f32>().expect("embeddings");
    for ((ids, embedding), logit) in texts.iter().zip(&embeddings).zip(values(&golden["logits"])) {
        let text = model.text_embedding(ids).expect("a text embedding");
        let diff = largest_difference(&values(&text), embedding);
        assert!(diff < 1e-3, "a text embedding differs by {diff}");
        let found = model.similarity(&image, &text).expect("a similarity");
        assert!((found - logit).abs() < 1e-3 * logit.abs().max(1.0), "expected a logit of {logit}, found {found}");
    }
}
