//! A trace small enough to work out by hand: 2 layers, 2 heads, 2 x 2 patches.
//!
//! Keys: 0 `<s>`, 1 system text, 2..6 image, 6 question, 7.. answer.

use crate::geometry::{ImageLayout, ImageSize, ModelView, PreprocessSpec};
use crate::ids::TokenSpan;
use crate::trace::{AttentionRow, OutputToken, PromptToken, RowPrecision, RunInfo, SpecInfo, Trace, VisionAttention};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const PROMPT_LEN: usize = 7;

/// Rows as `[layer][head]` probabilities over the first seven keys; answer token t gets t more keys of 0.
pub(super) type Heads = [[[f32; PROMPT_LEN]; 2]; 2];

/// Token 0, every row summing to 1.
pub(super) const FIRST: Heads = [
    [[0.5, 0.1, 0.1, 0.0, 0.2, 0.0, 0.1], [0.0, 0.0, 0.2, 0.4, 0.2, 0.2, 0.0]],
    [[0.8, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0], [0.2, 0.2, 0.3, 0.1, 0.0, 0.0, 0.2]],
];

/// Token 1: each head looks at one patch only.
pub(super) const SECOND: Heads = [
    [[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]],
    [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]],
];

pub(super) fn row(heads: &Heads, extra_keys: usize, precision: RowPrecision) -> Arc<AttentionRow> {
    let mut values = Vec::new();
    for head in heads.iter().flatten() {
        values.extend_from_slice(head);
        values.extend(std::iter::repeat_n(0.0, extra_keys));
    }
    Arc::new(AttentionRow::new(2, 2, PROMPT_LEN + extra_keys, values, precision).expect("the length matches"))
}

/// A trace with these answer tokens, f32 rows, no prompt rows.
pub(super) fn trace(tokens: &[Heads]) -> Trace {
    let rows = tokens.iter().enumerate().map(|(idx, heads)| row(heads, idx, RowPrecision::F32)).collect();
    Trace {
        run: Arc::new(run()),
        prompt: (0..PROMPT_LEN).map(prompt_token).collect(),
        image_token_span: TokenSpan { start: 2, len: 4 },
        layout: Arc::new(ImageLayout::of_view(&run().view, 0)),
        num_hidden_layers: 2,
        num_attention_heads: 2,
        output: (0..tokens.len()).map(|_| output_token()).collect(),
        decoder_attention: rows,
        prompt_attention: Vec::new(),
        vision: Some(Arc::new(vision())),
        further_vision: Vec::new(),
        similarity: Vec::new(),
        warnings: Vec::new(),
    }
}

/// 2 layers, 2 heads; norms 1..=8.
pub(super) fn vision() -> VisionAttention {
    VisionAttention {
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_patches: 4,
        cls_attention: vec![
            0.1, 0.2, 0.3, 0.4, 0.4, 0.2, 0.2, 0.0, //
            0.25, 0.25, 0.25, 0.25, 0.0, 0.5, 0.25, 0.0,
        ],
        received_attention: Vec::new(),
        patch_norms: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        cls_unsplit: Vec::new(),
        feature_layer_idx: 0,
    }
}

fn prompt_token(position: usize) -> PromptToken {
    PromptToken { id: 5, text: String::new(), special: position == 0, image: (2..6).contains(&position) }
}

fn output_token() -> OutputToken {
    OutputToken {
        id: 9,
        text: "a".into(),
        special: false,
        logprob: -0.5,
        entropy_nats: 0.7,
        candidates: Vec::new(),
        contrast: None,
        actions: Vec::new(),
    }
}

fn run() -> RunInfo {
    let preprocessing = PreprocessSpec::clip(28);
    let size = ImageSize { width_px: 28, height_px: 28 };
    RunInfo {
        model_id: "test".into(),
        weight_hash: String::new(),
        image_path: String::new(),
        image_hash: String::new(),
        prompt: String::new(),
        templated: false,
        full_prompt: String::new(),
        template: None,
        template_date: None,
        strategy: SpecInfo { name: String::new(), parameters: BTreeMap::new() },
        interventions: Vec::new(),
        methods: Vec::new(),
        temperature: 0.0,
        top_p: None,
        top_k: None,
        repetition_penalty: 1.0,
        seed: 0,
        beams: 1,
        length_penalty: 1.0,
        max_new_tokens: 1,
        prompting: None,
        forced_ids: Vec::new(),
        view: ModelView::new(size, &preprocessing, 14),
        preprocessing,
        device: String::new(),
        dtype: String::new(),
        program_version: String::new(),
    }
}
