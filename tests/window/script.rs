//! An engine that follows a script: it answers every question with the same words, whose attention moves over the photo
//! in a known way.

use gazelens::engine::{Event, ModelInfo, ModelTask, Request, RunId, Stage, Timings};
use gazelens::geometry::{Framing, ImageSize, ModelView, PatchGrid, PreprocessSpec};
use gazelens::ids::TokenSpan;
use gazelens::trace::{
    AttentionRow, Candidate, OutputToken, PromptToken, RowPrecision, RunInfo, SpecInfo, Trace, VisionAttention,
};
use gazelens::ui::{EngineLink, Waker};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What the scripted model is like.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Layers of the decoder.
    pub layers: usize,
    /// Heads a layer.
    pub heads: usize,
    /// Patches.
    pub grid: PatchGrid,
    /// The answer, token by token.
    pub answer: Vec<String>,
    /// Whether questions are answered at once; otherwise a test hands out events itself.
    pub answers: bool,
    /// Whether models open at once.
    pub opens: bool,
    /// Size of the photos.
    pub photo: ImageSize,
}

impl Default for Script {
    fn default() -> Self {
        let answer = [
            "A", " dog", " is", " sitting", " on", " the", " grass", ",", " next", " to", " a", " bench", ".", "\n",
            "The", " sky", " is", " blue", ".",
        ];
        Self {
            layers: 4,
            heads: 4,
            grid: PatchGrid { rows: 12, cols: 12 },
            answer: answer.map(str::to_owned).to_vec(),
            answers: true,
            opens: true,
            photo: ImageSize { width_px: 576, height_px: 576 },
        }
    }
}

/// What went over the wire; shared between the window's end and the test.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// Requests in order.
    pub sent: Vec<Request>,
    /// Questions that were stopped.
    pub cancelled: Vec<RunId>,
    /// How often everything was stopped.
    pub cancelled_all: usize,
    /// How often a worker was started again.
    pub restarts: usize,
    events: VecDeque<Event>,
}

/// The window's end of a scripted wire.
pub(crate) struct ScriptedLink {
    script: Script,
    wire: Arc<Mutex<Wire>>,
    wake: Option<Waker>,
}

/// The test's end.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Mutex<Wire>>);

impl Handle {
    /// Looks at the wire.
    pub(crate) fn wire<R>(&self, look: impl FnOnce(&mut Wire) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says something to the window.
    pub(crate) fn say(&self, event: Event) {
        self.wire(|wire| wire.events.push_back(event));
    }
}

impl ScriptedLink {
    /// Both ends.
    pub(crate) fn new(script: Script) -> (Self, Handle) {
        let wire = Arc::<Mutex<Wire>>::default();
        (Self { script, wire: Arc::clone(&wire), wake: None }, Handle(wire))
    }

    /// Wakes the window when something was said.
    #[allow(dead_code, reason = "the window tests draw frames themselves")]
    pub(crate) fn waking(mut self, wake: Waker) -> Self {
        self.wake = Some(wake);
        self
    }

    fn say_all(&self, events: impl IntoIterator<Item = Event>) {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        wire.events.extend(events);
        if let Some(wake) = &self.wake {
            wake();
        }
    }
}

impl EngineLink for ScriptedLink {
    fn send(&mut self, request: Request) {
        let events = match &request {
            Request::Load(_) if self.script.opens => vec![Event::Loaded(self.script.info())],
            Request::Ask(id, _) if self.script.answers => self.script.events(*id),
            _ => Vec::new(),
        };
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).sent.push(request);
        self.say_all(events);
    }

    fn try_recv(&mut self) -> Option<Event> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).events.pop_front()
    }

    fn cancel(&mut self, id: RunId) {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).cancelled.push(id);
        self.say_all([Event::Cancelled(id)]);
    }

    fn cancel_all(&mut self) {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).cancelled_all += 1;
    }

    fn restart(&mut self) {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).restarts += 1;
    }
}

impl Script {
    /// The model.
    pub(crate) fn info(&self) -> Arc<ModelInfo> {
        Arc::new(ModelInfo {
            id: "demo".to_owned(),
            family: "llava".to_owned(),
            task: ModelTask::Answer,
            summary: format!("LLaVA, {} layers × {} heads, ViT 6 × 4, 144 px", self.layers, self.heads),
            note: "tiny demo model trained on drawn scenes".to_owned(),
            warnings: Vec::new(),
            weight_hash: "scripted".to_owned(),
            device: "CPU, f32".to_owned(),
            weight_bytes: 4_500_000,
            memory: gazelens::engine::MemoryEstimate::default(),
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            vision_num_hidden_layers: 6,
            vision_num_attention_heads: 4,
            image_grid: self.grid,
            framing: Framing::Crop,
            template_before: "USER: <image>\n".to_owned(),
            template_after: " ASSISTANT:".to_owned(),
            suggested_prompts: [
                "Describe this image in detail.",
                "Describe this image briefly.",
                "Is there a clock in the image?",
                "Where is the dog?",
            ]
            .map(str::to_owned)
            .to_vec(),
        })
    }

    /// Everything that is said about one question.
    pub(crate) fn events(&self, id: RunId) -> Vec<Event> {
        let mut events = vec![Event::Stage(id, Stage::Vision), Event::Stage(id, Stage::Prefill)];
        events.push(Event::Started(id, Box::new(self.trace())));
        events.push(Event::Stage(id, Stage::Decode));
        events.extend((0..self.answer.len()).map(|idx| self.token_event(id, idx)));
        let timings = Timings {
            vision_secs: 0.02,
            prefill_secs: 0.05,
            decode_secs: 0.4,
            tokens_per_sec: 45.0,
            ..Timings::default()
        };
        events.push(Event::Finished { id, timings, warnings: Vec::new() });
        events
    }

    /// One token with its row.
    pub(crate) fn token_event(&self, id: RunId, idx: usize) -> Event {
        Event::Token(id, Box::new(self.token(idx)), Some(self.row(idx)))
    }

    /// One token of the answer.
    pub(crate) fn token(&self, idx: usize) -> OutputToken {
        let text = self.answer[idx].clone();
        let logprob = -0.05 - 0.35 * (idx % 5) as f32;
        let rank_logprob = |rank: u16| logprob - 1.0 - f32::from(rank);
        let other = |rank: u16| Candidate {
            id: 100 + u32::from(rank),
            text: format!(" word{rank}"),
            logprob: rank_logprob(rank),
        };
        let mut candidates = vec![Candidate { id: 7, text: text.clone(), logprob }];
        candidates.extend((0..19).map(other));
        OutputToken {
            id: 7,
            text,
            special: false,
            logprob,
            entropy_nats: 0.2 + 0.4 * (idx % 4) as f32,
            candidates,
            contrast: None,
            actions: Vec::new(),
        }
    }

    fn prompt(&self) -> Vec<PromptToken> {
        let text = |text: &str| PromptToken { id: 5, text: text.to_owned(), special: false, image: false };
        let mut prompt = vec![PromptToken { special: true, ..text("<s>") }, text("USER"), text(":")];
        prompt.extend(std::iter::repeat_n(PromptToken { image: true, ..text("") }, self.grid.len()));
        prompt
            .extend(["\n", "Describe", " this", " image", " in", " detail", ".", " ASS", "IST", "ANT", ":"].map(text));
        prompt
    }

    /// Token `idx` looks at one bright patch, which moves along the diagonal with the token and aside with layer and
    /// head.
    pub(crate) fn hot_patch(&self, idx: usize, layer_idx: usize, head_idx: usize) -> usize {
        let row = (2 + idx + layer_idx) % self.grid.rows;
        let col = (2 + idx + 2 * head_idx) % self.grid.cols;
        row * self.grid.cols + col
    }

    /// Its attention.
    pub(crate) fn row(&self, idx: usize) -> Arc<AttentionRow> {
        let (start, key_len) = (3, self.prompt().len() + idx);
        let mut values = Vec::with_capacity(self.layers * self.heads * key_len);
        for layer_idx in 0..self.layers {
            for head_idx in 0..self.heads {
                let hot = self.hot_patch(idx, layer_idx, head_idx);
                let (hot_row, hot_col) = (hot / self.grid.cols, hot % self.grid.cols);
                let mut row = vec![0.0_f32; key_len];
                for patch in 0..self.grid.len() {
                    let away = (patch / self.grid.cols).abs_diff(hot_row).pow(2)
                        + (patch % self.grid.cols).abs_diff(hot_col).pow(2);
                    row[start + patch] = 0.08 * (-(away as f32) / 3.0).exp() + 0.000_5;
                }
                let image: f32 = row.iter().sum();
                let strength = 0.3 + 0.5 * ((idx * 7 + layer_idx * 3 + head_idx) % 10) as f32 / 10.0;
                for value in &mut row {
                    *value *= strength / image;
                }
                row[0] = 1.0 - strength;
                values.extend(row);
            }
        }
        Arc::new(
            AttentionRow::new(self.layers, self.heads, key_len, values, RowPrecision::F16).expect("the sizes match"),
        )
    }

    /// The trace before its first token.
    pub(crate) fn trace(&self) -> Trace {
        let spec = PreprocessSpec::clip(144);
        let view = ModelView { grid: self.grid, ..ModelView::new(self.photo, &spec, 12) };
        let vision_values = (0..6 * 4 * self.grid.len()).map(|i| ((i * 37) % 101) as f32 / 7000.0).collect();
        Trace {
            run: Arc::new(RunInfo {
                model_id: "demo".to_owned(),
                weight_hash: "scripted".to_owned(),
                image_path: "demo".to_owned(),
                image_hash: String::new(),
                prompt: "Describe this image in detail.".to_owned(),
                templated: true,
                full_prompt: "USER: <image>\nDescribe this image in detail. ASSISTANT:".to_owned(),
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
                max_new_tokens: 128,
                prompting: None,
                forced_ids: Vec::new(),
                view,
                preprocessing: spec,
                device: "CPU".to_owned(),
                dtype: "f32".to_owned(),
                program_version: "0".to_owned(),
            }),
            prompt: self.prompt().into(),
            image_token_span: TokenSpan { start: 3, len: self.grid.len() },
            layout: Arc::new(view.into()),
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            output: Vec::new(),
            decoder_attention: Vec::new(),
            prompt_attention: Vec::new(),
            vision: Some(Arc::new(VisionAttention {
                num_hidden_layers: 6,
                num_attention_heads: 4,
                num_patches: self.grid.len(),
                cls_attention: vision_values,
                received_attention: Vec::new(),
                patch_norms: vec![1.0; 6 * self.grid.len()],
                cls_unsplit: vec![0.0; 6 * self.grid.len()],
                feature_layer_idx: 4,
            })),
            further_vision: Vec::new(),
            similarity: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
