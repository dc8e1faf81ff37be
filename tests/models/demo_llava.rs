//! The bundled demo model computes what transformers computes, number by number.

use candle_core::{DType, Device, Result, Tensor, safetensors};
use gazelens::checkpoint::{Checkpoint, LlavaConfig};
use gazelens::decode::{DecoderPrompt, GenerateOptions, Stack, generate};
use gazelens::ids::TokenSpan;
use gazelens::model::{Embedded, Llava, Probe, Site, TensorMap, Tower};
use std::collections::HashMap;
use std::path::Path;

/// Bound of the contract for probabilities.
const PROBABILITY_BOUND: f32 = 1e-4;
/// Bound of the contract for logits, relative to the largest of a step.
const LOGIT_BOUND: f32 = 1e-3;

fn config() -> LlavaConfig {
    let demo = Checkpoint::demo().expect("the bundled model opens");
    demo.llava().expect("it is a LLaVA").clone()
}

/// The demo's tensors under canonical names.
fn weights() -> TensorMap {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava/model.safetensors");
    let rename = |name: String| {
        let name = name.replace("vision_tower.vision_model.", "vision_tower.");
        name.replace("language_model.model.", "language_model.").replace("language_model.lm_head", "lm_head")
    };
    let tensors = safetensors::load(path, &Device::Cpu).expect("the bundled weights are readable");
    TensorMap::new(tensors.into_iter().map(|(name, tensor)| (rename(name), tensor)).collect())
}

fn golden() -> HashMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/demo_llava.safetensors");
    safetensors::load(path, &Device::Cpu).expect("the golden file is readable")
}

fn ids(tensor: &Tensor) -> Vec<u32> {
    tensor.to_dtype(DType::U32).and_then(|ids| ids.to_vec1()).expect("a list of ids")
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("f32 values")
}

/// Keeps the last query row of every decoder pass and the `[CLS]` row of every vision layer.
#[derive(Default)]
struct Rows {
    decoder: Vec<Vec<Vec<f32>>>,
    cls: Vec<f32>,
}

impl Probe for Rows {
    fn wants_probs(&self, _site: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        match site.tower {
            Tower::Vision => {
                let row = probs.narrow(1, 0, 1)?.narrow(2, 1, site.key_len - 1)?;
                self.cls.extend(row.flatten_all()?.to_vec1::<f32>()?);
            }
            Tower::Decoder => {
                if site.layer_idx == 0 {
                    self.decoder.push(Vec::new());
                }
                let row = probs.narrow(1, site.query_len - 1, 1)?.squeeze(1)?;
                self.decoder.last_mut().expect("a step").extend(row.to_vec2::<f32>()?);
            }
        }
        Ok(None)
    }
}

#[test]
fn demo_model_agrees_with_transformers() {
    let (config, weights, golden) = (config(), weights(), golden());
    let model = Llava::load(&weights, &config, DType::F32, &Device::Cpu).expect("the demo loads");
    assert_eq!(weights.unused(), Vec::<String>::new(), "every tensor of the checkpoint is asked for");

    let mut rows = Rows::default();
    let features = model.encode_image(&golden["pixel_values"], &mut rows).expect("the vision tower runs");
    let cls_diff = largest_difference(&rows.cls, &values(&golden["vision_cls_attention"]));
    assert!(cls_diff < PROBABILITY_BOUND, "[CLS] attention differs by {cls_diff}");
    let feature_diff = largest_difference(&values(&features.projected), &values(&golden["image_features"]));
    assert!(feature_diff < 1e-3, "image features differ by {feature_diff}");

    let prompt = ids(&golden["input_ids"]);
    let start = prompt.iter().position(|id| *id == config.image_token_id).expect("an image in the prompt");
    let span = TokenSpan { start, len: config.image_seq_length() };
    let embeddings = model.embed_prompt(&prompt, Some((span, &features))).expect("the prompt is embedded");
    let expected_ids = ids(&golden["output_ids"]);
    let options = GenerateOptions {
        max_new_tokens: expected_ids.len(),
        stop_token_ids: config.eos_token_ids.clone(),
        ..GenerateOptions::default()
    };
    let mut steps = Vec::new();
    let prompts = vec![DecoderPrompt::new(prompt.clone(), Embedded::counted(embeddings))];
    let answer =
        generate(model.decoder(), Stack::default(), prompts, options, &mut rows, &mut |step| steps.push(step.clone()))
            .expect("an answer");
    assert_eq!(answer.ids, expected_ids, "the same greedy tokens");

    let expected_logits = golden["logits"].to_vec2::<f32>().expect("logits");
    let mut worst_logit = 0f32;
    for (step, expected) in steps.iter().zip(&expected_logits) {
        let scale = expected.iter().fold(0f32, |max, logit| max.max(logit.abs()));
        worst_logit = worst_logit.max(largest_difference(&step.branch_logits[0], expected) / scale);
    }
    assert!(worst_logit < LOGIT_BOUND, "logits differ by {worst_logit} of the largest");

    let worst_row = worst_attention(&rows.decoder, &golden["decoder_attention"]);
    assert!(worst_row < PROBABILITY_BOUND, "decoder attention differs by {worst_row}");
    println!(
        "largest differences: [CLS] {cls_diff:.1e}, features {feature_diff:.1e}, logits {worst_logit:.1e}, attention \
            {worst_row:.1e}"
    );
}

/// Rows as `[step][layer * heads][keys]` against `[T, L, H, P+T]`, zero beyond the keys.
fn worst_attention(found: &[Vec<Vec<f32>>], expected: &Tensor) -> f32 {
    let (num_steps, num_layers, num_heads, width) = expected.dims4().expect("four axes");
    assert_eq!(found.len(), num_steps, "one pass a token");
    let expected = values(expected);
    let mut rows = expected.chunks_exact(width);
    let mut worst = 0f32;
    for step in found {
        assert_eq!(step.len(), num_layers * num_heads, "every head of every layer");
        for row in step {
            let mut padded = row.clone();
            padded.resize(width, 0.0);
            worst = worst.max(largest_difference(&padded, rows.next().expect("as many rows")));
        }
    }
    worst
}

#[test]
fn sixteen_bit_models_run_and_stay_close() {
    let (config, weights, golden) = (config(), weights(), golden());
    let expected = golden["logits"].get(0).and_then(|row| row.to_vec1::<f32>()).expect("logits");
    for (dtype, bound) in [(DType::F16, 5e-3), (DType::BF16, 5e-2)] {
        let model = Llava::load(&weights, &config, dtype, &Device::Cpu).expect("the demo loads");
        let features = model.encode_image(&golden["pixel_values"], &mut ()).expect("the vision tower runs");
        let prompt = ids(&golden["input_ids"]);
        let start = prompt.iter().position(|id| *id == config.image_token_id).expect("an image");
        let span = TokenSpan { start, len: config.image_seq_length() };
        let embeddings = model.embed_prompt(&prompt, Some((span, &features))).expect("embeddings");
        let options = GenerateOptions { max_new_tokens: 1, ..GenerateOptions::default() };
        let prompts = vec![DecoderPrompt::new(prompt, Embedded::counted(embeddings))];
        let mut logits = Vec::new();
        generate(model.decoder(), Stack::default(), prompts, options, &mut (), &mut |step| {
            logits.clone_from(&step.branch_logits[0]);
        })
        .expect("a token");
        let scale = expected.iter().fold(0f32, |max, logit| max.max(logit.abs()));
        let diff = largest_difference(&logits, &expected) / scale;
        println!("{dtype:?}: logits differ by {diff:.1e} of the largest");
        assert!(diff < bound, "{dtype:?} logits differ by {diff} of the largest");
    }
}
