//! Pairs of GGUF files (`tests/golden/gguf_pairs.py`): read as another implementation reads them, and what quantisation
//! does to attention.

use crate::compare::{expect_run, largest_difference};
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use gazelens::checkpoint::{Activation, RopeScaling, TextConfig};
use gazelens::engine::{DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, OpenModel, Prompt};
use gazelens::model::{BranchInput, Decoder, LogitRows, Probe, Site, SourceError, TensorSource};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Most that a probability may differ between products of blocks and of the same weights as floats: only sums are
/// rounded in another order.
const BLOCK_BOUND: f32 = 1e-5;
/// Most that a probability may differ from the weights before they were quantised (q of four bits, the rest of four to
/// sixteen); measured 0.42, set after that measurement: random weights make sharp attention, and with the same weights
/// transformers differs by 3e-6.
const FOUR_BIT_BOUND: f32 = 0.5;

fn pair(name: &str) -> ModelSource {
    let folder = golden_folder().join("gguf").join(name);
    ModelSource::Gguf { decoder: folder.join("decoder.gguf"), mmproj: Some(folder.join("mmproj.gguf")) }
}

#[test]
fn gguf_pairs_compute_what_transformers_computes_with_their_weights() {
    for name in ["old_types", "k_types", "qwen2_bytes", "rope_freqs"] {
        let folder = golden_folder().join("gguf").join(name);
        let golden = Golden::open(&folder.join("golden.safetensors"));
        let model = open(pair(name));
        let asked = |limit| {
            let prompt = Prompt::Raw(golden.word("raw_prompt").to_owned());
            question(ImageSource::Path(folder.join("photo.png")), prompt, limit)
        };
        let floats = ask(&model, &asked(8));
        expect_run(&floats, &golden, name);

        let request = LoadRequest { source: pair(name), device: DevicePreference::Cpu, dtype: DtypePreference::Auto };
        let kept = OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("the same pair");
        assert!(kept.info().device.ends_with("quantised weights"), "{}", kept.info().device);
        let blocks = ask(&kept, &asked(1));
        let (kept_row, float_row) =
            (blocks.trace.decoder_attention[0].to_f32(), floats.trace.decoder_attention[0].to_f32());
        let by_blocks = largest_difference(&kept_row, &float_row, name);
        println!("{name}: products of blocks change attention by {by_blocks:.1e}");
        assert!(by_blocks <= BLOCK_BOUND, "{name}: products of blocks change attention by {by_blocks}");
        if name == "old_types" {
            let (_, before) = golden.floats("float_attention");
            let four_bit = largest_difference(&float_row, &before, name);
            assert!(four_bit <= FOUR_BIT_BOUND, "{name}: quantisation changes attention by {four_bit}");
            println!("{name}: quantisation changes attention by {four_bit:.1e}");
        }
    }
}

/// Random matrices, as floats or quantised.
struct Matrices {
    kind: GgmlDType,
    keep_blocks: bool,
}

impl Matrices {
    /// A matrix as the type holds it.
    fn stored(&self, name: &str, shape: &[usize]) -> candle_core::Result<QTensor> {
        QTensor::quantize(&random(name, shape)?, self.kind)
    }
}

/// Uniform values from a hash of the name, of the size that trained matrices have.
fn random(name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
    let mut state = name
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let count: usize = shape.iter().product();
    let scale = if shape.len() > 1 { 2.0 / (shape[1] as f32).sqrt() } else { 0.0 };
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / 8_388_608.0 - 1.0) * scale
        })
        .collect();
    let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
    if shape.len() > 1 { Ok(tensor) } else { tensor + 1.0 }
}

impl TensorSource for Matrices {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        if shape.len() < 2 || name.contains("embed_tokens") {
            return Ok(random(name, shape)?.to_dtype(dtype)?);
        }
        Ok(self.stored(name, shape)?.dequantize(device)?.to_dtype(dtype)?)
    }

    fn optional(&self, _: &str, _: &[usize], _: DType, _: &Device) -> Result<Option<Tensor>, SourceError> {
        Ok(None)
    }

    fn quantised(&self, name: &str, shape: &[usize], _: &Device) -> Result<Option<Arc<QTensor>>, SourceError> {
        let blocks = self.keep_blocks && self.kind.block_size() > 1;
        if blocks { Ok(Some(Arc::new(self.stored(name, shape)?))) } else { Ok(None) }
    }
}

/// All probabilities of the last position.
#[derive(Default)]
struct LastRow(Vec<f32>);

impl Probe for LastRow {
    fn wants_probs(&self, _: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> candle_core::Result<Option<Tensor>> {
        self.0.extend(probs.narrow(1, site.query_len - 1, 1)?.flatten_all()?.to_vec1::<f32>()?);
        Ok(None)
    }
}

fn attention(kind: GgmlDType, keep_blocks: bool) -> Vec<f32> {
    let config = TextConfig {
        hidden_size: 256,
        intermediate_size: 256,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 64,
        vocab_size: 64,
        max_position_embeddings: 64,
        rms_norm_eps: 1e-5,
        rope_theta: 10000.0,
        rope_scaling: RopeScaling::None,
        rope_divisors: Vec::new(),
        rope_sections: Vec::new(),
        hidden_act: Activation::Silu,
        qkv_bias: false,
        o_bias: false,
        mlp_bias: false,
        tie_word_embeddings: true,
        sliding_window: None,
    };
    let decoder = Decoder::load(&Matrices { kind, keep_blocks }, &config, DType::F32, &Device::Cpu).expect("a decoder");
    let mut cache = decoder.new_cache(24).expect("a cache");
    let ids: Vec<u32> = (0..24).map(|i| i * 7 % 64).collect();
    let embeddings = decoder.embed(&ids).expect("embeddings");
    let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
    let mut row = LastRow::default();
    decoder.forward(&mut branches, LogitRows::Last, &mut row).expect("a pass");
    row.0
}

#[test]
fn every_type_changes_attention_by_no_more_than_its_bound() {
    // (type, most that dequantised weights change a probability); twice what was measured.
    let bounds = HashMap::from([
        (GgmlDType::F16, 0.0005),
        (GgmlDType::BF16, 0.006),
        (GgmlDType::Q8_0, 0.01),
        (GgmlDType::Q8K, 0.012),
        (GgmlDType::Q6K, 0.035),
        (GgmlDType::Q5K, 0.07),
        (GgmlDType::Q5_1, 0.08),
        (GgmlDType::Q5_0, 0.15),
        (GgmlDType::Q4K, 0.2),
        (GgmlDType::Q4_1, 0.18),
        (GgmlDType::Q4_0, 0.11),
        (GgmlDType::Q3K, 0.25),
        (GgmlDType::Q2K, 0.4),
    ]);
    let exact = attention(GgmlDType::F32, false);
    for (kind, bound) in bounds {
        let floats = attention(kind, false);
        let by_floats = largest_difference(&floats, &exact, "dequantised");
        let by_blocks = largest_difference(&attention(kind, true), &floats, "blocks");
        println!("{kind:?}: attention differs by {by_floats:.4} dequantised, by {by_blocks:.1e} more as blocks");
        assert!(by_floats <= bound && by_blocks <= BLOCK_BOUND, "{kind:?}: {by_floats} and {by_blocks}");
    }
}
