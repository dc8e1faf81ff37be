//! Which tensors a trace has, in which order and how large: the one place that knows the header.

use super::super::{Extras, Notes, OutputToken, PromptToken, RowPrecision, Trace, VisionAttention};
use super::{FORMAT, VERSION, regions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The metadata string `tokens`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tokens {
    pub(super) prompt: Vec<PromptToken>,
    pub(super) output: Vec<OutputToken>,
}

/// Type of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dtype {
    I64,
    F32,
    F16,
}

impl Dtype {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::I64 => "I64",
            Self::F32 => "F32",
            Self::F16 => "F16",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::I64 => 8,
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

impl From<RowPrecision> for Dtype {
    fn from(precision: RowPrecision) -> Self {
        match precision {
            RowPrecision::F16 => Self::F16,
            RowPrecision::F32 => Self::F32,
        }
    }
}

/// A tensor of the file to be.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
}

impl Entry {
    pub(super) fn new(name: &'static str, dtype: Dtype, shape: &[usize]) -> Self {
        Self { name, dtype, shape: shape.to_vec() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bytes()
    }
}

/// How the rows of this trace are kept.
pub(super) fn precision(trace: &Trace) -> RowPrecision {
    let mut rows = trace.decoder_attention.iter().chain(trace.prompt_attention.iter().map(|(_, row)| row));
    rows.next().map_or(RowPrecision::default(), |row| row.precision())
}

/// Every tensor, widest type first so that each one is aligned.
pub(super) fn entries(trace: &Trace, extras: &Extras) -> Vec<Entry> {
    let (t, p) = (trace.output.len(), trace.prompt.len());
    let (l, h) = (trace.num_hidden_layers, trace.num_attention_heads);
    let regions = trace.layout.regions().len();
    let mut all = vec![Entry::new("image_regions", Dtype::I64, &[regions, 4])];
    if regions == 1 {
        all.insert(0, Entry::new("image_grid", Dtype::I64, &[2]));
    }
    if trace.has_decoder() {
        all.insert(0, Entry::new("prompt_ids", Dtype::I64, &[p]));
        all.insert(1, Entry::new("output_ids", Dtype::I64, &[t]));
        all.insert(2, Entry::new("image_token_span", Dtype::I64, &[2]));
    }
    if let Some(tokens) = &extras.outlier_tokens {
        all.push(Entry::new("outlier_tokens", Dtype::I64, &[tokens.len()]));
    }
    let prompt_rows = trace.prompt_attention.len();
    if prompt_rows > 0 {
        all.push(Entry::new("prompt_positions", Dtype::I64, &[prompt_rows]));
    }
    all.push(Entry::new("image_region_rects", Dtype::F32, &[regions, 4]));
    for (tensors, vision) in vision_tensors(trace) {
        let (layers, patches) = (vision.num_hidden_layers, vision.num_patches);
        let rows = if vision.has_cls() { tensors.cls } else { tensors.received };
        all.push(Entry::new(rows, Dtype::F32, &[layers, vision.num_attention_heads, patches]));
        if !vision.patch_norms.is_empty() {
            all.push(Entry::new(tensors.norms, Dtype::F32, &[layers, patches]));
        }
        if !vision.cls_unsplit.is_empty() {
            all.push(Entry::new(tensors.unsplit, Dtype::F32, &[layers, patches]));
        }
    }
    if !trace.similarity.is_empty() {
        all.push(Entry::new("similarity", Dtype::F32, &[trace.similarity.len(), 3]));
    }
    for (name, rows) in logit_rows(extras) {
        if let Some(first) = rows.first() {
            all.push(Entry::new(name, Dtype::F32, &[rows.len(), first.len()]));
        }
    }
    if let Some(pixels) = &extras.pixel_values {
        all.push(Entry::new("pixel_values", Dtype::F32, &[3, pixels.height_px, pixels.width_px]));
    }
    let rows = Dtype::from(precision(trace));
    if trace.has_decoder() {
        all.push(Entry::new("decoder_attention", rows, &[t, l, h, p + t]));
    }
    if prompt_rows > 0 {
        all.push(Entry::new("prompt_attention", rows, &[prompt_rows, l, h, p]));
    }
    all
}

/// Tensors of one vision encoder.
#[derive(Debug, Clone, Copy)]
pub(super) struct VisionTensors {
    pub(super) cls: &'static str,
    pub(super) received: &'static str,
    pub(super) norms: &'static str,
    pub(super) unsplit: &'static str,
}

/// Those of every encoder that a file has room for, in the model's order.
pub(super) const VISION: [VisionTensors; 4] = [
    VisionTensors {
        cls: "vision_cls_attention",
        received: "vision_received_attention",
        norms: "vision_patch_norms",
        unsplit: "vision_cls_unsplit",
    },
    VisionTensors {
        cls: "vision_cls_attention.1",
        received: "vision_received_attention.1",
        norms: "vision_patch_norms.1",
        unsplit: "vision_cls_unsplit.1",
    },
    VisionTensors {
        cls: "vision_cls_attention.2",
        received: "vision_received_attention.2",
        norms: "vision_patch_norms.2",
        unsplit: "vision_cls_unsplit.2",
    },
    VisionTensors {
        cls: "vision_cls_attention.3",
        received: "vision_received_attention.3",
        norms: "vision_patch_norms.3",
        unsplit: "vision_cls_unsplit.3",
    },
];

/// The encoders of a trace with the names of their tensors.
pub(super) fn vision_tensors(trace: &Trace) -> impl Iterator<Item = (VisionTensors, &VisionAttention)> {
    VISION.into_iter().zip(trace.vision.iter().chain(&trace.further_vision).map(|vision| &**vision))
}

/// The three kinds of logits by tensor name.
pub(super) fn logit_rows(extras: &Extras) -> [(&'static str, &super::super::LogitRows); 3] {
    [("logits", &extras.logits), ("negative_logits", &extras.negative_logits), ("final_logits", &extras.final_logits)]
}

/// The metadata strings by name.
pub(super) fn strings(trace: &Trace) -> Result<Vec<(&'static str, String)>, serde_json::Error> {
    let tokens = Tokens { prompt: trace.prompt.to_vec(), output: trace.output.clone() };
    let notes = Notes {
        warnings: trace.warnings.clone(),
        decoder_attention_rows: trace.decoder_attention.len(),
        image_regions: regions::notes(&trace.layout),
        vision_feature_layer_idx: trace.vision.as_ref().map(|vision| vision.feature_layer_idx),
        further_feature_layer_idx: trace.further_vision.iter().map(|vision| vision.feature_layer_idx).collect(),
    };
    let mut strings = vec![
        ("format", FORMAT.to_owned()),
        ("version", VERSION.to_owned()),
        ("run", serde_json::to_string(&*trace.run)?),
        ("tokens", serde_json::to_string(&tokens)?),
        ("notes", serde_json::to_string(&notes)?),
    ];
    if !trace.similarity.is_empty() {
        let texts: Vec<&str> = trace.similarity.iter().map(|text| text.text.as_str()).collect();
        strings.push(("texts", serde_json::to_string(&texts)?));
    }
    Ok(strings)
}

/// Length and JSON of a safetensors header, padded to eight bytes. The order of its entries is fixed: same trace, same
/// bytes.
pub(super) fn header(strings: Vec<(&'static str, String)>, entries: &[Entry]) -> Result<Vec<u8>, serde_json::Error> {
    let mut map = serde_json::Map::new();
    let metadata = strings.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text)));
    map.insert("__metadata__".to_owned(), Value::Object(metadata.collect()));
    let mut offset = 0;
    for entry in entries {
        let end = offset + entry.bytes();
        let info: Value = json!({"dtype": entry.dtype.name(), "shape": entry.shape, "data_offsets": [offset, end]});
        map.insert(entry.name.to_owned(), info);
        offset = end;
    }
    let mut json = serde_json::to_vec(&map)?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    Ok(bytes)
}
