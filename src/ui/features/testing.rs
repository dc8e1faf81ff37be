//! Small states and traces for the reducers' tests.

use crate::engine::{Event, ImageSource, ModelInfo, ModelSource, ModelTask, Question, RunId, Timings};
use crate::geometry::{Framing, ImageSize, ModelView, PatchGrid, PreprocessSpec};
use crate::ids::TokenSpan;
use crate::trace::{AttentionRow, OutputToken, PromptToken, RowPrecision, RunInfo, SpecInfo, Trace, VisionAttention};
use crate::ui::core::command::Command;
use crate::ui::core::settings::AskSettings;
use crate::ui::features::AppState;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Layers, heads and patches of the traces made here; the prompt is `<s>`, the patches, then two words.
pub(crate) const LAYERS: usize = 2;
pub(crate) const HEADS: usize = 2;
pub(crate) const GRID: PatchGrid = PatchGrid { rows: 2, cols: 2 };

pub(crate) fn question(image: &str, text: &str) -> Question {
    AskSettings { text: text.to_owned(), ..AskSettings::default() }.question(ImageSource::Bundled(image.to_owned()))
}

pub(crate) fn token(text: &str) -> OutputToken {
    OutputToken {
        id: 7,
        text: text.to_owned(),
        special: false,
        logprob: -0.5,
        entropy_nats: 1.0,
        candidates: Vec::new(),
        contrast: None,
        actions: Vec::new(),
    }
}

/// A row in which patch `i` of layer `l`, head `h` gets `base * (i + 1) / (1 + l + h)`.
pub(crate) fn row(base: f32) -> Arc<AttentionRow> {
    let key_len = 1 + GRID.len() + 2;
    let mut values = vec![0.0; LAYERS * HEADS * key_len];
    for (cell, keys) in values.chunks_mut(key_len).enumerate() {
        let scale = base / (1 + cell / HEADS + cell % HEADS) as f32;
        for patch in 0..GRID.len() {
            keys[1 + patch] = scale * (patch + 1) as f32;
        }
        keys[0] = 1.0 - keys[1..].iter().sum::<f32>();
    }
    Arc::new(AttentionRow::new(LAYERS, HEADS, key_len, values, RowPrecision::F32).expect("the sizes match"))
}

pub(crate) fn trace() -> Trace {
    let text = |text: &str| PromptToken { id: 5, text: text.to_owned(), special: false, image: false };
    let mut prompt = vec![PromptToken { special: true, ..text("<s>") }];
    prompt.extend(std::iter::repeat_n(PromptToken { image: true, ..text("") }, GRID.len()));
    prompt.extend([text(" What"), text("?")]);
    let spec = PreprocessSpec::clip(24);
    let view = ModelView::new(ImageSize { width_px: 24, height_px: 24 }, &spec, 12);
    Trace {
        run: Arc::new(RunInfo {
            model_id: "test".to_owned(),
            weight_hash: String::new(),
            image_path: "a.png".to_owned(),
            image_hash: String::new(),
            prompt: "What?".to_owned(),
            templated: true,
            full_prompt: "<image> What?".to_owned(),
            template: None,
            template_date: None,
            strategy: SpecInfo { name: String::new(), parameters: BTreeMap::new() },
            interventions: Vec::new(),
            methods: Vec::new(),
            temperature: 0.0,
            top_p: None,
            top_k: None,
            repetition_penalty: 1.0,
            seed: 42,
            beams: 1,
            length_penalty: 1.0,
            max_new_tokens: 16,
            prompting: None,
            forced_ids: Vec::new(),
            view,
            preprocessing: spec,
            device: "CPU".to_owned(),
            dtype: "f32".to_owned(),
            program_version: "0".to_owned(),
        }),
        prompt: prompt.into(),
        image_token_span: TokenSpan { start: 1, len: GRID.len() },
        layout: Arc::new(view.into()),
        num_hidden_layers: LAYERS,
        num_attention_heads: HEADS,
        output: Vec::new(),
        decoder_attention: Vec::new(),
        prompt_attention: Vec::new(),
        vision: Some(Arc::new(VisionAttention {
            num_hidden_layers: 1,
            num_attention_heads: 1,
            num_patches: GRID.len(),
            cls_attention: vec![0.1, 0.2, 0.3, 0.4],
            received_attention: Vec::new(),
            patch_norms: vec![1.0; GRID.len()],
            cls_unsplit: vec![1.0 / GRID.len() as f32; GRID.len()],
            feature_layer_idx: 0,
        })),
        further_vision: Vec::new(),
        similarity: Vec::new(),
        warnings: Vec::new(),
    }
}

pub(crate) fn info(layers: usize, heads: usize) -> Arc<ModelInfo> {
    Arc::new(ModelInfo {
        id: "test".to_owned(),
        family: "llava".to_owned(),
        task: ModelTask::Answer,
        summary: "a test model".to_owned(),
        note: String::new(),
        warnings: Vec::new(),
        weight_hash: String::new(),
        device: "CPU, f32".to_owned(),
        weight_bytes: 0,
        memory: crate::engine::MemoryEstimate::default(),
        num_hidden_layers: layers,
        num_attention_heads: heads,
        vision_num_hidden_layers: 1,
        vision_num_attention_heads: 1,
        image_grid: GRID,
        framing: Framing::Crop,
        template_before: "USER: <image>\n".to_owned(),
        template_after: " ASSISTANT:".to_owned(),
        suggested_prompts: vec!["Describe this image briefly.".to_owned()],
    })
}

/// Two images, the first current, and a model.
pub(crate) fn loaded() -> AppState {
    let mut state = AppState::default();
    state.library.add(["a.png", "b.png"].map(|name| ImageSource::Bundled(name.to_owned())));
    state.library.select(0);
    state.apply(Command::OpenModel(ModelSource::Demo));
    state.receive(Event::Loaded(info(LAYERS, HEADS)), 0.0);
    state
}

/// The same, with a question answered in three tokens.
pub(crate) fn answered() -> AppState {
    let mut state = loaded();
    state.apply(Command::AskThis("What?".to_owned()));
    let id = RunId(1);
    state.receive(Event::Started(id, Box::new(trace())), 0.0);
    for (i, text) in ["A", " dog", "."].iter().enumerate() {
        let row = row(0.02 * (i + 1) as f32);
        state.receive(Event::Token(id, Box::new(token(text)), Some(row)), i as f64);
    }
    state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 3.0);
    state
}
