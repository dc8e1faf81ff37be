//! What a program that uses the crate can add without touching it: a family, a method, a metric, a source of maps. Each
//! is short, and goes through a question, the trace file, the overlay by shader and by twin, and a figure.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;
mod toys;

use candle_core::{Result as TensorResult, Tensor};
use gazelens::analysis::localisation::{add_metric, metrics};
use gazelens::analysis::{
    MapRequest, MapSource, Normalisation, Pick, Reduce, Selection, TokenRef, add_source, sources, split,
};
use gazelens::checkpoint::Checkpoint;
use gazelens::data::Photo;
use gazelens::decode::{Word, add_method, methods};
use gazelens::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource, OpenModel};
use gazelens::figure::recipe::{MapSpec, Show, Tokens, Truth};
use gazelens::geometry::{ImageLayout, Region};
use gazelens::ids::{HeadIdx, LayerIdx};
use gazelens::model::{BranchInput, ImagePlace, LogitRows, Positions, Probe, Site, Tower, VisionLanguageModel};
use gazelens::trace::file::write_trace;
use gazelens::trace::{Extras, Trace};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use support::{ask, brightness, decoder, kept, overlay, panel, photo, question};
use toys::family::{GRIDS, Toy};
use toys::method::{INNER, SAW};

/// Two orders of the same f32 sums.
const CLOSE: f32 = 1e-5;

fn demo() -> &'static OpenModel {
    static MODEL: OnceLock<OpenModel> = OnceLock::new();
    MODEL.get_or_init(|| {
        let (source, device, dtype) = (ModelSource::Demo, DevicePreference::Cpu, DtypePreference::F32);
        let request = LoadRequest { source, device, dtype };
        OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).unwrap()
    })
}

fn apart(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values");
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn softmax(values: &[f32]) -> Vec<f32> {
    let exp: Vec<f32> = values.iter().map(|value| value.exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.iter().map(|value| value / sum).collect()
}

/// The last row of every decoder layer, **shape** `[layers, heads * keys]`.
#[derive(Default)]
struct Rows(Vec<Vec<f32>>);

impl Probe for Rows {
    fn wants_probs(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        self.0.push(probs.narrow(1, site.query_len - 1, 1)?.flatten_all()?.to_vec1()?);
        Ok(None)
    }
}

/// One pass of the toy over a trace's prompt: the rows that predict the first token, and its logits.
fn by_hand(photo: &Photo, trace: &Trace, counted: bool) -> (Rows, Vec<f32>) {
    let toy = Toy::new();
    let prepared = toy.prepare(photo, &Checkpoint::demo().unwrap().preprocess).unwrap();
    let features = toy.see(&prepared.pixel_values, &prepared.framed.layout, 0, &mut ()).unwrap();
    let ids: Vec<u32> = trace.prompt.iter().map(|token| token.id).collect();
    let layout = Some(&prepared.framed.layout);
    let place = ImagePlace { span: trace.image_token_span, features: &features, layout };
    let embedded = toy.embed(&ids, Some(place)).unwrap();
    let mut cache = toy.decoder().new_cache(ids.len()).unwrap();
    let places = (0..ids.len()).map(|at| [at; 3]).collect();
    let positions = if counted { Positions::three_rows(places) } else { embedded.positions };
    let input = BranchInput { positions, ..BranchInput::counted(0, &mut cache, embedded.embeddings) };
    let mut rows = Rows::default();
    let logits = toy.decoder().forward(&mut [input], LogitRows::Last, &mut rows).unwrap();
    (rows, logits[0].to_vec1().unwrap())
}

#[test]
fn a_family_of_its_own_answers_like_any_other() {
    let photo = photo();
    let model = OpenModel::own("Toy", Checkpoint::demo().unwrap(), Box::new(Toy::new())).unwrap();
    assert!(model.info().summary.starts_with("Toy, 4 layers"), "{}", model.info().summary);
    let trace = kept(&ask(&model, &question(None)).0);
    assert_eq!((trace.layout.len(), trace.layout.num_unplaced(), trace.image_token_span.len), (19, 4, 23), "tokens");

    let (rows, logits) = by_hand(&photo, &trace, false);
    let counted = by_hand(&photo, &trace, true).0;
    for (layer_idx, (row, counted)) in LayerIdx::all(4).zip(rows.0.iter().zip(&counted.0)) {
        let heads =
            HeadIdx::all(4).flat_map(|head_idx| trace.decoder_attention[0].head(layer_idx, head_idx).into_owned());
        let found: Vec<f32> = heads.collect();
        assert!(apart(&found, row) < CLOSE, "layer {layer_idx} is that of a pass by hand");
        assert!(apart(&found, counted) > 1e-3, "layer {layer_idx}: positions in three rows count");
    }
    let best = (0_u32..).zip(&logits).max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| id);
    assert_eq!(Some(trace.output[0].id), best, "so is the token");
    let parts = split(&trace, TokenRef::Output(0), Selection::default()).unwrap();
    let text = parts.first_token + parts.system_text + parts.question + parts.answer;
    assert!((parts.image + text - 1.0).abs() < 1e-5, "shares add up: {parts:?}");

    for (encoder, width_px) in [photo.width_px, photo.width_px / 2].into_iter().enumerate() {
        let bright = brightness(&photo, width_px, GRIDS[encoder]);
        let heads = [1.0, 2.0].map(|by| softmax(&bright.iter().map(|value| by * value).collect::<Vec<f32>>()));
        let mean: Vec<f32> = heads[0].iter().zip(&heads[1]).map(|(a, b)| f32::midpoint(*a, *b)).collect();
        let request = |source| MapRequest { source, encoder, ..MapRequest::default() };
        let received = request(MapSource::RECEIVED).compute(&trace).unwrap();
        assert!(apart(&received.values, &mean) < CLOSE, "encoder {encoder}: what its patches receive");
        assert!(apart(&request(MapSource::NORMS).compute(&trace).unwrap().values, &bright) < CLOSE, "their norms");
        assert_eq!(request(MapSource::VISION).compute(&trace).ok(), None, "there is no [CLS]");
        let beyond = MapRequest { encoder: 2, ..request(MapSource::NORMS) }.compute(&trace).unwrap_err().to_string();
        assert_eq!(beyond, "Expected a vision encoder below 2, found 2", "a third one there is not");
        overlay(&received, &photo);
        let (layers, heads, normalisation) = (Pick::default(), Pick::default(), Normalisation::Raw);
        let map = MapSpec::VisionCls { of: "answer".to_owned(), encoder, layers, heads, normalisation };
        let (caption, values, _) = panel(&trace, Show::Map { map, outline: None, grid_lines: false });
        assert_eq!(values, received.values, "encoder {encoder} in a figure");
        assert!(caption.starts_with("Attention received in the vision encoder"), "{caption}");
    }
    assert_eq!(
        refused_regions(&trace),
        "regions of encoders below 2, found one of encoder 7",
        "a region names an encoder that is there"
    );
    let decoder = MapRequest { tokens: vec![TokenRef::Output(0)], ..MapRequest::default() };
    let map = decoder.compute(&trace).unwrap();
    let heads = rows.0.iter().flat_map(|row| row.chunks(trace.prompt.len()));
    let mean = |cell: usize| {
        let key = trace.image_token_span.start + trace.layout.tokens().nth(cell).unwrap();
        heads.clone().map(|head| head[key]).sum::<f32>() / 16.0
    };
    assert!(apart(&map.values, &(0..19).map(mean).collect::<Vec<_>>()) < CLOSE, "separators are no patches");
    let unplaced = [0, 6, 12, 18].map(|token| trace.image_token_span.start + token);
    let unplaced: f32 = unplaced.iter().map(|key| heads.clone().map(|head| head[*key]).sum::<f32>() / 16.0).sum();
    assert!((parts.image - map.total - f64::from(unplaced)).abs() < 1e-5, "patches, and tokens without pixels");
    overlay(&map, &photo);
    let tokens = Tokens { output: vec![0], ..Tokens::default() };
    let (_, values, _) = panel(&trace, on_photo(None, tokens));
    assert_eq!(values, map.values, "the decoder's in a figure");
}

/// What is said of a trace whose second region is that of an eighth encoder.
fn refused_regions(trace: &Trace) -> String {
    let regions = trace.layout.regions().iter().map(|region| Region { encoder: 7 * region.encoder, ..*region });
    let layout = ImageLayout::new(trace.layout.image(), trace.layout.num_tokens(), regions.collect()).unwrap();
    let odd = Trace { layout: Arc::new(layout), ..trace.clone() };
    let folder = tempfile::tempdir().unwrap();
    let said = write_trace(&folder.path().join("odd.safetensors"), &odd, &Extras::default()).unwrap_err().to_string();
    let (_, said) = said.split_once("Expected ").unwrap();
    said.split(": ").next().unwrap_or_default().to_owned()
}

/// The decoder's map, or that of a source, on the photo.
fn on_photo(source: Option<MapSource>, tokens: Tokens) -> Show {
    let (of, normalisation) = ("answer".to_owned(), Normalisation::Raw);
    let (layers, heads) = (Pick::default(), Pick::default());
    let map = match source {
        None => MapSpec::Decoder { of, tokens, layers, heads, normalisation, suppress_sink: false },
        Some(name) => {
            let (encoder, suppress_sink) = (0, false);
            MapSpec::Registered { of, name, encoder, tokens, layers, heads, normalisation, suppress_sink }
        }
    };
    Show::Map { map, outline: None, grid_lines: false }
}

#[test]
fn a_method_of_its_own_acts_in_every_way() {
    add_method(&toys::method::Toy).unwrap();
    assert_eq!(add_method(&toys::method::Toy).unwrap_err().found, "toy-method", "a name is there once");
    assert!(methods(Word::Method).any(|method| method.id() == "toy-method"), "listed");
    let (answer, rewinds) = ask(demo(), &question(Some("toy-method")));
    let trace = kept(&answer);
    assert_eq!(rewinds, [1], "taken back to the first token");
    assert_eq!(trace.run.methods[0].name, "toy-method", "the trace says it");

    let saw = SAW.lock().unwrap().clone();
    let steps: Vec<usize> = saw.iter().map(|saw| saw.step_idx).collect();
    assert_eq!(steps[..5], [0, 1, 2, 1, 2], "the second token is chosen twice");
    let best = |logits: &[f32]| (0_u32..).zip(logits).max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| id).unwrap();
    let barred = best(&saw[1].made);
    for (idx, output) in trace.output.iter().enumerate() {
        let mut made = saw[if idx == 0 { 0 } else { idx + 2 }].made.clone();
        if idx == 1 {
            made[barred as usize] = f32::NEG_INFINITY;
        }
        assert_eq!(output.id, best(&made), "token {idx} is the largest of what the method made");
        assert_eq!(output.actions[0].note.as_deref(), Some("seen"), "and says so");
    }
    for saw in &saw {
        let made: Vec<f32> = saw
            .raw
            .iter()
            .zip(&saw.inner)
            .zip(&saw.branch)
            .map(|((raw, inner), branch)| raw + 0.5 * (inner - branch))
            .collect();
        assert!(apart(&saw.made, &made) < CLOSE && apart(&saw.last, &saw.raw) < 1e-3, "step {}", saw.step_idx);
    }

    // The branch of words alone and the probe, by hand.
    let decoder = decoder(&[]);
    let span = trace.image_token_span;
    let ids: Vec<u32> = trace.prompt.iter().map(|token| token.id).collect();
    let words = [&ids[..span.start], &ids[span.end()..]].concat();
    let mut cache = decoder.new_cache(words.len()).unwrap();
    let input = BranchInput::counted(0, &mut cache, decoder.embed(&words).unwrap());
    let logits = decoder.forward(&mut [input], LogitRows::Last, &mut ()).unwrap();
    assert!(apart(&saw[0].branch, &logits[0].to_vec1::<f32>().unwrap()) < 1e-4, "words alone");
    let plain = kept(&ask(demo(), &question(None)).0);
    let row = |trace: &Trace| {
        trace.decoder_attention[0].head(LayerIdx::new(1, 4).unwrap(), HeadIdx::new(0, 4).unwrap()).into_owned()
    };
    let (before, after) = (row(&plain), row(&trace));
    let raised = |at: usize| if (span.start..span.end()).contains(&at) { 1.0_f32.exp() } else { 1.0 };
    let weights: Vec<f32> = before.iter().enumerate().map(|(at, p)| p * raised(at)).collect();
    let sum: f32 = weights.iter().sum();
    assert!(
        apart(&after, &weights.iter().map(|w| w / sum).collect::<Vec<_>>()) < CLOSE,
        "scores of the image are raised"
    );
    assert!(INNER.entry == 2 && apart(&saw[0].inner, &saw[0].raw) > 0.1, "an inner layer is another");

    let map = MapRequest { tokens: vec![TokenRef::Output(0)], ..MapRequest::default() }.compute(&trace).unwrap();
    overlay(&map, &photo());
    let (_, values, _) = panel(&trace, on_photo(None, Tokens { output: vec![0], ..Tokens::default() }));
    assert_eq!(values, map.values, "in a figure");
}

#[test]
fn a_metric_of_its_own_is_counted_and_drawn() {
    add_metric(&toys::metric::TOY).unwrap();
    assert!(metrics().any(|metric| metric.id == "toy_cover"), "listed");
    let trace = kept(&ask(demo(), &question(None)).0);
    let map = MapRequest { tokens: vec![TokenRef::Output(0)], ..MapRequest::default() }.compute(&trace).unwrap();
    overlay(&map, &photo());
    let Show::Map { map: spec, .. } = on_photo(None, Tokens { output: vec![0], ..Tokens::default() }) else { return };
    let truth = Truth { annotations: "truth".to_owned(), image_id: None, categories: Vec::new(), no_crowd: false };
    let (_, _, found) = panel(&trace, Show::Overlap { map: spec, truth, colour_blind_safe: false });
    // All patches are alike in size, so pixels above the mean are patches above it.
    let mean = map.values.iter().sum::<f32>() / map.values.len() as f32;
    let above = map.values.iter().filter(|value| **value >= mean).count() as f64 / map.values.len() as f64;
    let cover = found["toy_cover"].unwrap();
    assert!((cover - above).abs() < 0.01, "{cover} of the pixels, {above} of the patches");
}

#[test]
fn a_source_of_its_own_is_a_map_like_any_other() {
    let source = add_source(&toys::source::TOY).unwrap();
    assert!(sources().any(|other| other == source), "listed");
    let trace = kept(&ask(demo(), &question(None)).0);
    let layers = Pick::All(Reduce::Max);
    let request = MapRequest { source, layers, tokens: vec![TokenRef::Output(1)], ..MapRequest::default() };
    let map = request.compute(&trace).unwrap();
    let row = &trace.decoder_attention[1];
    let spread = |patch: usize| {
        let key = trace.image_token_span.start + patch;
        let layer = |layer_idx| {
            let heads: Vec<f32> = HeadIdx::all(4).map(|head_idx| row.head(layer_idx, head_idx)[key]).collect();
            heads.iter().copied().fold(f32::NEG_INFINITY, f32::max) - heads.iter().sum::<f32>() / 4.0
        };
        LayerIdx::all(4).map(layer).fold(f32::NEG_INFINITY, f32::max)
    };
    let expected: Vec<f32> = (0..trace.layout.len()).map(spread).collect();
    assert!(apart(&map.values, &expected) < CLOSE, "worked by hand");
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<MapRequest>(&written).ok(), Some(request), "a request is read by its name");
    overlay(&map, &photo());
    let Show::Map { map: mut spec, .. } = on_photo(Some(source), Tokens { output: vec![1], ..Tokens::default() })
    else {
        return;
    };
    if let MapSpec::Registered { layers: all, .. } = &mut spec {
        *all = layers;
    }
    let (caption, values, _) = panel(&trace, Show::Map { map: spec, outline: None, grid_lines: false });
    assert_eq!(values, map.values, "in a figure");
    assert!(caption.contains("Spread of the decoder's heads, max"), "{caption}");
    assert!(caption.contains("attention probability above the mean"), "{caption}");
}

#[test]
fn each_of_them_is_short() {
    for (name, text) in [
        ("family", include_str!("toys/family.rs")),
        ("method", include_str!("toys/method.rs")),
        ("metric", include_str!("toys/metric.rs")),
        ("source", include_str!("toys/source.rs")),
    ] {
        let lines = text.lines().count();
        assert!(lines < 120, "a {name} takes {lines} lines");
    }
}
