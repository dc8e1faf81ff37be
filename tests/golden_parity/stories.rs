//! A real LLaMA: karpathy's stories260K, whose greedy text is published with llama2.c (doc/stories260K.md).

use crate::compare::{PROBABILITY_BOUND, expect_logits, largest_difference, padded_rows};
use crate::reference::Golden;
use crate::{golden_folder, root};
use candle_core::{DType, Device, Tensor};
use gazelens::checkpoint::{Activation, RopeScaling, TextConfig};
use gazelens::decode::{DecoderPrompt, GenerateOptions, Stack, generate};
use gazelens::model::{Decoder, Probe, Site, TensorMap};
use gazelens::trace::{AttentionRow, RowPrecision};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The beginning of the published text.
const PUBLISHED: &str = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. \
    One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n\
    Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. \
    She said, \"I want to play with your ball, but I can't find it.\"\n\
    Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n\
    Lily didn't want to help her mom, so she said, \"I'm sorry, mom. I didn't know what to do.\"";

/// llama2.c's legacy file: seven i32, then f32 matrices, each kind for all layers in turn.
struct LegacyFile {
    values: Vec<f32>,
    taken: usize,
}

impl LegacyFile {
    fn take(&mut self, shape: &[usize]) -> Tensor {
        let end = self.taken + shape.iter().product::<usize>();
        let tensor = Tensor::from_slice(&self.values[self.taken..end], shape, &Device::Cpu).expect("a tensor");
        self.taken = end;
        tensor
    }
}

/// Rotary pairs are neighbours in llama2.c and halves of a head in transformers and here.
fn pairs_to_halves(weight: &Tensor, head_dim: usize) -> candle_core::Result<Tensor> {
    let (rows, cols) = weight.dims2()?;
    weight.reshape((rows / head_dim, head_dim / 2, 2, cols))?.transpose(1, 2)?.contiguous()?.reshape((rows, cols))
}

fn load(path: &Path) -> (Decoder, TensorMap) {
    let bytes = std::fs::read(path).expect("the checkpoint");
    let words = bytes.as_chunks::<4>().0;
    let header: Vec<usize> =
        words[..7].iter().map(|word| usize::try_from(i32::from_le_bytes(*word)).expect("a size")).collect();
    let [dim, hidden, layers, heads, kv_heads, vocab, positions] = header[..] else { panic!("seven sizes") };
    let head_dim = dim / heads;
    let mut file = LegacyFile { values: words[7..].iter().map(|word| f32::from_le_bytes(*word)).collect(), taken: 0 };
    let mut tensors = HashMap::new();
    tensors.insert("language_model.embed_tokens.weight".to_owned(), file.take(&[vocab, dim]));
    let parts: [(&str, &[usize]); 9] = [
        ("input_layernorm", &[dim]),
        ("self_attn.q_proj", &[dim, dim]),
        ("self_attn.k_proj", &[kv_heads * head_dim, dim]),
        ("self_attn.v_proj", &[kv_heads * head_dim, dim]),
        ("self_attn.o_proj", &[dim, dim]),
        ("post_attention_layernorm", &[dim]),
        ("mlp.gate_proj", &[hidden, dim]),
        ("mlp.down_proj", &[dim, hidden]),
        ("mlp.up_proj", &[hidden, dim]),
    ];
    for (part, shape) in parts {
        for layer in 0..layers {
            let weight = file.take(shape);
            let rotary = part.ends_with("q_proj") || part.ends_with("k_proj");
            let weight = if rotary { pairs_to_halves(&weight, head_dim).expect("whole heads") } else { weight };
            tensors.insert(format!("language_model.layers.{layer}.{part}.weight"), weight);
        }
    }
    tensors.insert("language_model.norm.weight".to_owned(), file.take(&[dim]));
    let config = TextConfig {
        hidden_size: dim,
        intermediate_size: hidden,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: kv_heads,
        head_dim,
        vocab_size: vocab,
        max_position_embeddings: positions,
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
    let tensors = TensorMap::new(tensors);
    (Decoder::load(&tensors, &config, DType::F32, &Device::Cpu).expect("the decoder loads"), tensors)
}

/// The 512 pieces: the longest length, then score, length and bytes of each.
fn pieces(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).expect("the tokenizer");
    let mut rest = &bytes[4..];
    let mut pieces = Vec::new();
    while let [_, _, _, _, a, b, c, d, tail @ ..] = rest {
        let (piece, tail) = tail.split_at(usize::try_from(i32::from_le_bytes([*a, *b, *c, *d])).expect("a length"));
        let text = std::str::from_utf8(piece).expect("UTF-8");
        let byte = text.strip_prefix("<0x").and_then(|hex| u8::from_str_radix(hex.trim_end_matches('>'), 16).ok());
        pieces.push(byte.map_or_else(|| piece.to_vec(), |byte| vec![byte]));
        rest = tail;
    }
    pieces
}

/// Keeps the row of the last query of every pass.
#[derive(Default)]
struct Rows {
    layers: Vec<Vec<f32>>,
    rows: Vec<Arc<AttentionRow>>,
}

impl Probe for Rows {
    fn wants_probs(&self, _site: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> candle_core::Result<Option<Tensor>> {
        if site.layer_idx == 0 {
            self.layers.clear();
        }
        let (num_heads, query_len, key_len) = probs.dims3()?;
        self.layers.push(probs.narrow(1, query_len - 1, 1)?.flatten_all()?.to_vec1()?);
        if self.layers.len() == 5 {
            let row = AttentionRow::new(5, num_heads, key_len, self.layers.concat(), RowPrecision::F32);
            self.rows.push(Arc::new(row.expect("as many values as the shape says")));
        }
        Ok(None)
    }
}

#[test]
fn stories260k_tells_the_published_story() {
    let folder = root().join("../shared/data/stories260k");
    if !folder.is_dir() {
        println!("stories260k_tells_the_published_story: not run, {} is not there", folder.display());
        return;
    }
    let golden = Golden::open(&golden_folder().join("stories260k.safetensors"));
    let (decoder, tensors) = load(&folder.join("stories260K.bin"));
    assert_eq!(tensors.unused(), Vec::<String>::new(), "every matrix of the file is used");

    let expected = golden.integers("output_ids");
    let options =
        GenerateOptions { max_new_tokens: expected.len(), stop_token_ids: vec![2], ..GenerateOptions::default() };
    let prompt = DecoderPrompt::text(&decoder, vec![1]).expect("a prompt");
    let (mut rows, mut logits) = (Rows::default(), Vec::new());
    let answer = generate(&decoder, Stack::default(), vec![prompt], options, &mut rows, &mut |step| {
        logits.push(step.branch_logits[0].clone());
    })
    .expect("a story");
    let ids: Vec<i64> = answer.ids.iter().map(|id| i64::from(*id)).collect();
    assert_eq!(ids, expected, "the greedy tokens of transformers");

    let pieces = pieces(&folder.join("stories260K_tok512.bin"));
    let bytes: Vec<u8> = answer.ids.iter().flat_map(|id| pieces[*id as usize].iter().copied()).collect();
    let story = String::from_utf8(bytes).expect("UTF-8");
    let story = story.trim_start();
    assert_eq!(story, golden.word("text"), "transformers' text");
    assert!(story.starts_with(PUBLISHED), "llama2.c's text, found {story:?}");

    let (shape, expected_logits) = golden.floats("logits");
    let (row_shape, expected_rows) = golden.floats("decoder_attention");
    let row_len: usize = row_shape[1..].iter().product();
    let (mut worst_logits, mut worst_row) = (0f32, 0f32);
    for (k, t) in golden.integers("sampled_steps").into_iter().enumerate() {
        let t = usize::try_from(t).expect("a step");
        let what = format!("stories260k, token {t}");
        worst_logits = worst_logits.max(expect_logits(&logits[t], &expected_logits[k * shape[1]..][..shape[1]], &what));
        let found = padded_rows(&rows.rows[t..=t], row_shape[3]);
        worst_row = worst_row.max(largest_difference(&found, &expected_rows[k * row_len..][..row_len], &what));
    }
    assert!(worst_row <= PROBABILITY_BOUND, "decoder attention differs by {worst_row}");
    println!("stories260k: decoder attention {worst_row:.1e}, logits {worst_logits:.1e} of their bound");
}
