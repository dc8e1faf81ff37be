//! What figures of tests are made of: an answer of a model that does not exist, and a panel of every kind.

use gazelens::analysis::{Normalisation, Pick, Reduce};
use gazelens::figure::recipe::{
    Colour, GridCells, Layout, MapSpec, Mark, Panel, PlotKind, PromptSpec, Scale, Show, Tokens, Truth,
};
use gazelens::figure::{Figure, FigureError, Format, Given, Inputs, Mismatches, Recipe, demo_annotations};
use gazelens::geometry::{ImageSize, ModelView, PreprocessSpec};
use gazelens::ids::TokenSpan;
use gazelens::trace::{
    AttentionRow, Candidate, OutputToken, PromptToken, RowPrecision, RunInfo, SpecInfo, Trace, VisionAttention,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const SIDE: usize = 6;
pub(super) const LAYERS: usize = 4;
pub(super) const HEADS: usize = 3;
const BEFORE: usize = 2;
pub(super) const PHOTO: &str = "demo_01_beach.png";

/// Values between 0 and 1 that look like nothing and are always the same.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// An answer of a model that does not exist about a bundled photo.
pub(super) fn trace(words: &[&str], [layers, heads, side]: [usize; 3], seed: u64) -> Trace {
    let photo = gazelens::data::demo::image(PHOTO).expect("bundled").photo().expect("decodes");
    let preprocessing = PreprocessSpec::clip(u32::try_from(side * 14).expect("small"));
    let size = ImageSize { width_px: photo.width_px, height_px: photo.height_px };
    let view = ModelView::new(size, &preprocessing, 14);
    let prompt_len = BEFORE + side * side + 3;
    let mut draws = Draws(seed);
    let mut rows = Vec::new();
    for idx in 0..words.len() {
        let keys = prompt_len + idx;
        let mut values = Vec::with_capacity(layers * heads * keys);
        for _ in 0..layers * heads {
            let row: Vec<f32> = (0..keys).map(|_| draws.next().powi(6)).collect();
            let sum: f32 = row.iter().sum();
            values.extend(row.iter().map(|value| value / sum));
        }
        let row = AttentionRow::new(layers, heads, keys, values, RowPrecision::F16).expect("the length matches");
        rows.push(Arc::new(row));
    }
    let token = |(idx, text): (usize, &&str)| OutputToken {
        id: u32::try_from(idx).expect("small") + 10,
        text: (*text).to_owned(),
        special: text.starts_with("</"),
        logprob: -0.25,
        entropy_nats: 0.5,
        candidates: vec![
            Candidate { id: u32::try_from(idx).expect("small") + 10, text: (*text).to_owned(), logprob: -0.25 },
            Candidate { id: 5, text: " cat & <dog>".to_owned(), logprob: -1.5 },
        ],
        contrast: None,
        actions: Vec::new(),
    };
    let prompt = (0..prompt_len).map(|at| PromptToken {
        id: 3,
        text: String::new(),
        special: at == 0,
        image: (BEFORE..BEFORE + side * side).contains(&at),
    });
    let vision = VisionAttention {
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_patches: side * side,
        cls_attention: (0..layers * heads * side * side).map(|_| draws.next() / 40.0).collect(),
        received_attention: Vec::new(),
        patch_norms: Vec::new(),
        cls_unsplit: (0..layers * side * side).map(|at| 1.0 / (at + 1) as f32).collect(),
        feature_layer_idx: layers - 2,
    };
    Trace {
        run: Arc::new(run(&photo.sha256, view, preprocessing)),
        prompt: prompt.collect(),
        image_token_span: TokenSpan { start: BEFORE, len: side * side },
        layout: Arc::new(view.into()),
        num_hidden_layers: layers,
        num_attention_heads: heads,
        output: words.iter().enumerate().map(token).collect(),
        decoder_attention: rows,
        prompt_attention: Vec::new(),
        vision: Some(Arc::new(vision)),
        further_vision: Vec::new(),
        similarity: Vec::new(),
        warnings: Vec::new(),
    }
}

fn run(image_hash: &str, view: ModelView, preprocessing: PreprocessSpec) -> RunInfo {
    RunInfo {
        model_id: "made-up/model".to_owned(),
        weight_hash: "00ff".repeat(16),
        image_path: PHOTO.to_owned(),
        image_hash: image_hash.to_owned(),
        prompt: "What is in the image?".to_owned(),
        templated: true,
        full_prompt: "USER: <image>\nWhat is in the image? ASSISTANT:".to_owned(),
        template: None,
        template_date: None,
        strategy: SpecInfo { name: "plain".to_owned(), parameters: BTreeMap::new() },
        interventions: Vec::new(),
        methods: Vec::new(),
        temperature: 0.0,
        top_p: None,
        top_k: None,
        repetition_penalty: 1.1,
        seed: 42,
        beams: 1,
        length_penalty: 1.0,
        max_new_tokens: 16,
        prompting: None,
        forced_ids: Vec::new(),
        preprocessing,
        view,
        device: "cpu".to_owned(),
        dtype: "f32".to_owned(),
        program_version: "0.1.0".to_owned(),
    }
}

pub(super) const WORDS: [&str; 7] = [" A", " yellow", " um", "brella", " and sand", ".", "</s>"];

pub(super) fn decoder(tokens: Tokens) -> MapSpec {
    MapSpec::Decoder {
        of: "a".to_owned(),
        tokens,
        layers: Pick::default(),
        heads: Pick::All(Reduce::Max),
        normalisation: Normalisation::ImageShare,
        suppress_sink: false,
    }
}

/// One panel of every kind.
pub(super) fn everything() -> (Recipe, Inputs) {
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let layout = Layout { columns: 4, dpi: 110, row_labels: vec!["first row".to_owned()], ..Layout::default() };
    let mut recipe = Recipe::new(layout, Colour { scale: Scale::Shared, ..Colour::default() });
    recipe.add_trace("a", &trace, None);
    recipe.inputs.annotations.insert("truth".to_owned(), demo_annotations());
    let of = || "a".to_owned();
    let truth = Truth { annotations: "truth".to_owned(), image_id: None, categories: Vec::new(), no_crowd: false };
    let word = Tokens { word: Some("umbrella".to_owned()), ..Tokens::default() };
    let kinds = [
        Show::Photo { of: of() },
        Show::Mask { of: of(), truth: truth.clone() },
        Show::Map { map: decoder(word.clone()), outline: Some(truth.clone()), grid_lines: true },
        Show::Map { map: decoder(Tokens::default()), outline: None, grid_lines: false },
        Show::Difference { first: decoder(word.clone()), second: decoder(Tokens::default()) },
        Show::Overlap { map: decoder(word.clone()), truth, colour_blind_safe: true },
        Show::Prompted { of: of(), map: None, options: PromptSpec::default() },
        Show::Grid { of: of(), vision: true, tokens: Tokens::default(), cells: GridCells::default() },
        Show::Plot {
            of: of(),
            plot: PlotKind::ImageSharePerLayer { lines: vec![word.clone(), Tokens::default()], heads: Vec::new() },
        },
        Show::Plot { of: of(), plot: PlotKind::Candidates { token: 1, word: None, most: 5 } },
        Show::Answer {
            of: of(),
            question: true,
            marks: vec![Mark { tokens: word, label: "object".to_owned() }],
            shade: None,
        },
        Show::Map {
            map: decoder(Tokens { word: Some("zebra".to_owned()), ..Tokens::default() }),
            outline: None,
            grid_lines: false,
        },
    ];
    recipe.panels = kinds.map(Panel::new).into();
    let inputs = open(&recipe, &trace).expect("everything is there");
    (recipe, inputs)
}

pub(super) fn open(recipe: &Recipe, trace: &Trace) -> Result<Inputs, FigureError> {
    let mut given = Given::default();
    given.traces.insert("a".to_owned(), Arc::new(trace.clone()));
    Inputs::open(recipe, given, None, Mismatches::Refused)
}

pub(super) fn bytes(recipe: &Recipe, inputs: &Inputs, format: Format) -> Vec<u8> {
    Figure::new(recipe, inputs).and_then(|figure| figure.bytes(format)).expect("can be drawn")
}
