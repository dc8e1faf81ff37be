//! Attention in as few bytes as a page has room for.

use super::deflated;
use crate::analysis::{AnalysisError, ImageKeys};
use crate::figure::FigureError;
use crate::figure::resolve::{number_of, whole_answer};
use crate::geometry::{Combine, Flattening};
use crate::ids::{HeadIdx, LayerIdx, TokenSpan};
use crate::trace::{AttentionRow, Trace, VisionAttention};
use serde_json::{Value, json};

/// Maps of a page.
pub(super) struct Packed {
    /// Deflated part after deflated part.
    pub(super) bytes: Vec<u8>,
    /// Where each part lies and what shape it has.
    pub(super) index: Value,
    /// What was kept, in sentences.
    pub(super) kept: Vec<String>,
}

/// Maps with a scale each: value = scale * (step / 255)^2. The scale of a map with a value that is no number is none
/// either: the page leaves the map blank and says so.
#[derive(Default)]
struct Steps {
    scales: Vec<f32>,
    steps: Vec<u8>,
}

impl Steps {
    fn push(&mut self, values: &[f64]) {
        let is_map = values.iter().all(|value| value.is_finite());
        let largest = if is_map { values.iter().copied().fold(0.0, f64::max) } else { f64::NAN };
        #[expect(clippy::cast_possible_truncation, reason = "a scale of steps")]
        self.scales.push(largest as f32);
        self.steps.extend(values.iter().map(|value| step(*value, largest)));
    }

    /// What is said of maps without a scale.
    fn blank(&self, of: &str) -> Option<String> {
        let count = self.scales.iter().filter(|scale| scale.is_nan()).count();
        let (are, have) = if count == 1 { ("is", "has") } else { ("are", "have") };
        let all = self.scales.len();
        (count > 0)
            .then(|| format!("{of}: {count} of {all} maps {have} values that are no numbers and {are} left blank"))
    }

    fn bytes(&self) -> Vec<u8> {
        self.scales.iter().flat_map(|scale| scale.to_le_bytes()).chain(self.steps.iter().copied()).collect()
    }
}

/// 0..=255 of the square root of a part.
fn step(value: f64, largest: f64) -> u8 {
    let part = if largest > 0.0 && value.is_finite() { (value / largest).clamp(0.0, 1.0).sqrt() } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=255")]
    let step = (part * 255.0).round() as u8;
    step
}

/// The parts that fit, the most telling first.
struct Packer {
    room: usize,
    bytes: Vec<u8>,
    index: serde_json::Map<String, Value>,
    kept: Vec<String>,
}

impl Packer {
    /// Adds a part if there is room.
    fn add(&mut self, name: &str, shape: &[usize], bytes: &[u8]) -> bool {
        let packed = deflated(bytes);
        if self.bytes.len() + packed.len() > self.room {
            return false;
        }
        let place = json!({"at": self.bytes.len(), "bytes": packed.len(), "shape": shape});
        self.index.insert(name.to_owned(), place);
        self.bytes.extend_from_slice(&packed);
        true
    }
}

/// Packs a trace into at most `room` bytes.
pub(super) fn pack(trace: &Trace, room: usize) -> Result<Packed, FigureError> {
    let mut packer = Packer { room, bytes: Vec::new(), index: serde_json::Map::new(), kept: Vec::new() };
    if trace.has_decoder() && !trace.decoder_attention.is_empty() {
        let failed = |err: AnalysisError| FigureError::Setting {
            expected: "a trace whose image tokens lie on a grid".to_owned(),
            found: err.to_string(),
        };
        decoder(trace, &Keys::of(trace).map_err(failed)?, &mut packer)?;
    }
    if let Some(vision) = &trace.vision {
        cls(vision, &Flattening::new(&trace.encoder_layout(0), Combine::default()), &mut packer);
    }
    if trace.has_decoder() && !trace.decoder_attention.is_empty() {
        let keys = Keys::of(trace)
            .map_err(|err| FigureError::Setting { expected: "a grid".to_owned(), found: err.to_string() })?;
        heads(trace, &keys, &mut packer);
    }
    if trace.layout.overlaps() {
        packer.kept.push("Where the model saw a spot more than once: the mean by area".to_owned());
    }
    Ok(Packed { bytes: packer.bytes, index: Value::Object(packer.index), kept: packer.kept })
}

/// Mean over heads of every token and layer, or of every second, third .. layer where all do not fit; and every head's
/// attention on the image.
fn decoder(trace: &Trace, keys: &Keys, packer: &mut Packer) -> Result<(), FigureError> {
    let (tokens, layers, heads) = (trace.decoder_attention.len(), trace.num_hidden_layers, trace.num_attention_heads);
    let patches = keys.len();
    let mut shares = Vec::with_capacity(tokens * layers * heads);
    // One a token and layer.
    let mut no_shares = vec![0_u8; tokens * layers];
    for (token, row) in trace.decoder_attention.iter().enumerate() {
        for (layer_idx, head_idx) in cells(layers, heads) {
            let all: f64 = span(row, layer_idx, head_idx, keys.keys.image).iter().sum();
            shares.push(step(all * all, 1.0));
            if let Some(flag) = no_shares.get_mut(token * layers + layer_idx.get()).filter(|_| !all.is_finite()) {
                *flag = 1;
            }
        }
    }
    // Steps of the share itself: its square's root.
    packer.add("shares", &[tokens, layers, heads], &shares);
    if no_shares.contains(&1) {
        packer.add("no_shares", &[tokens, layers], &no_shares);
    }
    for every in 1..=layers.max(1) {
        let chosen: Vec<usize> = (0..layers).step_by(every).collect();
        let mut steps = Steps::default();
        for row in &trace.decoder_attention {
            for layer_idx in LayerIdx::all(layers).filter(|layer_idx| layer_idx.get() % every == 0) {
                let mut mean = vec![0.0; patches];
                for head_idx in HeadIdx::all(heads) {
                    for (sum, value) in mean.iter_mut().zip(keys.part(row, layer_idx, head_idx)) {
                        *sum += value / heads as f64;
                    }
                }
                steps.push(&mean);
            }
        }
        if packer.add("means", &[tokens, chosen.len(), patches], &steps.bytes()) {
            packer.index.insert("layers".to_owned(), json!(chosen));
            let of_heads = match heads {
                1 => "the only head".to_owned(),
                _ => format!("the mean over {heads} heads"),
            };
            let each = match tokens {
                1 => "the only token".to_owned(),
                _ => format!("each of {tokens} tokens"),
            };
            packer.kept.push(match every {
                1 => format!("Decoder: {of_heads} of {}, for {each}", all_of(layers, "layer")),
                _ => {
                    format!("Decoder: {of_heads} of {} of {layers} layers (every {every}th), for {each}", chosen.len())
                }
            });
            packer.kept.extend(steps.blank("Decoder"));
            return Ok(());
        }
    }
    let expected = format!("an answer whose attention fits a page of {} bytes", super::MOST_BYTES);
    Err(FigureError::Setting { expected, found: number_of(tokens, "token") })
}

/// "all 12 layers", "the only layer".
fn all_of(count: usize, noun: &str) -> String {
    if count == 1 { format!("the only {noun}") } else { format!("all {count} {noun}s") }
}

fn cls(vision: &VisionAttention, flat: &Flattening, packer: &mut Packer) {
    let (layers, heads, patches) = (vision.num_hidden_layers, vision.num_attention_heads, flat.grid().len());
    let mut steps = Steps::default();
    for (layer_idx, head_idx) in cells(layers, heads) {
        steps.push(&even(flat, vision.head(layer_idx, head_idx)));
    }
    if packer.add("cls", &[layers, heads, patches], &steps.bytes()) {
        let what = if vision.has_cls() { "[CLS]" } else { "received attention" };
        packer.kept.push(format!(
            "Vision encoder: {what} of {} and {}",
            all_of(layers, "layer"),
            all_of(heads, "head")
        ));
        packer.kept.extend(steps.blank("Vision encoder"));
    } else {
        packer.kept.push("Vision encoder: left out for room".to_owned());
    }
}

/// Single heads: of every token where that fits, else as the mean over the answer.
fn heads(trace: &Trace, keys: &Keys, packer: &mut Packer) {
    let (tokens, layers, heads) = (trace.decoder_attention.len(), trace.num_hidden_layers, trace.num_attention_heads);
    // Nothing deflates below an eighth of its size here; a gigabyte need not be tried.
    if tokens * layers * heads * keys.len() / 8 < packer.room {
        let mut steps = Steps::default();
        for row in &trace.decoder_attention {
            for (layer_idx, head_idx) in cells(layers, heads) {
                steps.push(&keys.part(row, layer_idx, head_idx));
            }
        }
        if packer.add("heads", &[tokens, layers, heads, keys.len()], &steps.bytes()) {
            packer.kept.push(format!("Decoder: each of {layers} x {heads} heads, for each token"));
            return;
        }
    }
    let mut steps = Steps::default();
    let whole = whole_answer(trace);
    for (layer_idx, head_idx) in cells(layers, heads) {
        let mut mean = vec![0.0; keys.len()];
        for row in whole.iter().filter_map(|idx| trace.decoder_attention.get(*idx)) {
            for (sum, value) in mean.iter_mut().zip(keys.part(row, layer_idx, head_idx)) {
                *sum += value / whole.len() as f64;
            }
        }
        steps.push(&mean);
    }
    if packer.add("answer_heads", &[layers, heads, keys.len()], &steps.bytes()) {
        packer.kept.push(format!("Decoder: each of {layers} x {heads} heads as the mean over the whole answer"));
    } else {
        packer.kept.push("Decoder: single heads are left out for room".to_owned());
    }
}

fn cells(layers: usize, heads: usize) -> impl Iterator<Item = (LayerIdx, HeadIdx)> {
    LayerIdx::all(layers).flat_map(move |layer_idx| HeadIdx::all(heads).map(move |head_idx| (layer_idx, head_idx)))
}

/// The cells of a trace as the page has them: one even grid.
struct Keys {
    keys: ImageKeys,
    flat: Flattening,
}

impl Keys {
    fn of(trace: &Trace) -> Result<Self, AnalysisError> {
        Ok(Self { keys: ImageKeys::of(trace)?, flat: Flattening::new(&trace.layout, Combine::default()) })
    }

    fn len(&self) -> usize {
        self.flat.grid().len()
    }

    /// A head's probabilities on the grid.
    fn part(&self, row: &AttentionRow, layer_idx: LayerIdx, head_idx: HeadIdx) -> Vec<f64> {
        let values = self.keys.values(&row.head(layer_idx, head_idx));
        #[expect(clippy::cast_possible_truncation, reason = "they were f32")]
        let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        even(&self.flat, &narrow)
    }
}

/// Where no region lies there is no attention; what is no number stays none.
fn even(flat: &Flattening, values: &[f32]) -> Vec<f64> {
    flat.without_gaps(values).into_iter().map(f64::from).collect()
}

/// A head's probabilities over a span of keys.
fn span(row: &AttentionRow, layer_idx: LayerIdx, head_idx: HeadIdx, span: TokenSpan) -> Vec<f64> {
    let all = row.head(layer_idx, head_idx);
    let found = all.get(span.start..span.end()).unwrap_or_default();
    let mut values: Vec<f64> = found.iter().map(|value| f64::from(*value)).collect();
    values.resize(span.len, 0.0);
    values
}
