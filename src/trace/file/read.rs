//! File to trace. Nothing is believed before it was checked, and nothing is allocated that the file is not long enough
//! for.

use super::super::{
    AttentionRow, Extras, LogitRows, Notes, PixelValues, RowPrecision, RunInfo, TextSimilarity, Trace, VisionAttention,
};
use super::check::check;
use super::error::TraceFileError;
use super::layout::{Dtype, Tokens, VISION, VisionTensors};
use super::limits::{MOST_HEADER_BYTES, MOST_HEADS, MOST_INPUT_PX, MOST_LAYERS, MOST_STRING_BYTES};
use super::{FIRST_VERSION, FORMAT, TraceFile, VERSION, header, regions};
use crate::files;
use crate::geometry::{ImageLayout, PatchGrid};
use crate::ids::TokenSpan;
use half::f16;
use safetensors::tensor::{Dtype as FileDtype, Metadata, TensorInfo};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Values that are read at a time, so that bytes are not held beside the values that they become.
const BLOCK: usize = 1 << 16;

type Result<T> = std::result::Result<T, TraceFileError>;

pub(super) fn read(path: &Path, part: Option<Range<u64>>) -> Result<TraceFile> {
    let mut source = Source::open(path, part)?;
    source.identity()?;
    let run: RunInfo = source.json("run")?;
    let tokens: Tokens = source.json("tokens")?;
    let notes: Notes = source.json("notes")?;
    if tokens.prompt.is_empty() && tokens.output.is_empty() && !source.has("decoder_attention") {
        return without_decoder(source, run, notes);
    }
    let (t, p) = (tokens.output.len(), tokens.prompt.len());
    source.ids("output_ids", tokens.output.iter().map(|token| token.id))?;
    source.ids("prompt_ids", tokens.prompt.iter().map(|token| token.id))?;
    let image_token_span = source.span(p)?;
    let layout = source.layout(&run, &notes, Some(image_token_span))?;

    let (_, shape) = source.require("decoder_attention")?;
    let &[_, l, h, _] = shape.as_slice() else {
        return Err(source.shape_error("decoder_attention", "four dimensions"));
    };
    source.bounded("decoder_attention", [l, h])?;
    if notes.decoder_attention_rows > t {
        return Err(source.inconsistent(
            format!("at most {t} rows of attention"),
            format!("{} in the notes", notes.decoder_attention_rows),
        ));
    }
    let kept = |idx: usize| if idx < notes.decoder_attention_rows { p + idx } else { 0 };
    let decoder_attention = source.attention("decoder_attention", [t, l, h, p + t], kept)?;
    let prompt_attention = source.prompt_rows(l, h, p)?;
    let (vision, further_vision) = source.encoders(&notes)?;
    let trace = Trace {
        run: Arc::new(run),
        prompt: tokens.prompt.into(),
        image_token_span,
        layout: Arc::new(layout),
        num_hidden_layers: l,
        num_attention_heads: h,
        output: tokens.output,
        decoder_attention,
        prompt_attention,
        vision,
        further_vision,
        similarity: source.similarity()?,
        warnings: notes.warnings,
    };
    let extras = source.extras(t)?;
    source.checked(trace, extras)
}

/// What an encoder looked at.
type Vision = Arc<VisionAttention>;

/// A trace of an encoder: no token and no row of one.
fn without_decoder(mut source: Source<'_>, run: RunInfo, notes: Notes) -> Result<TraceFile> {
    let decoders = ["prompt_ids", "output_ids", "image_token_span", "prompt_attention", "prompt_positions"];
    if let Some(found) = decoders.into_iter().find(|tensor| source.has(tensor)) {
        let expected = "`decoder_attention` and tokens, or no tensor of a decoder".to_owned();
        return Err(source.inconsistent(expected, format!("`{found}` alone")));
    }
    let layout = source.layout(&run, &notes, None)?;
    let (vision, further_vision) = source.encoders(&notes)?;
    let trace = Trace {
        run: Arc::new(run),
        prompt: Vec::new().into(),
        image_token_span: TokenSpan { start: 0, len: 0 },
        layout: Arc::new(layout),
        num_hidden_layers: 0,
        num_attention_heads: 0,
        output: Vec::new(),
        decoder_attention: Vec::new(),
        prompt_attention: Vec::new(),
        vision,
        further_vision,
        similarity: source.similarity()?,
        warnings: notes.warnings,
    };
    let extras = source.extras(0)?;
    source.checked(trace, extras)
}

/// An open file with its header.
struct Source<'a> {
    path: &'a Path,
    file: BufReader<File>,
    metadata: Metadata,
    body_start: u64,
}

impl<'a> Source<'a> {
    fn open(path: &'a Path, part: Option<Range<u64>>) -> Result<Self> {
        let io = |found| TraceFileError::Io { action: "read", found, path: path.to_owned() };
        let damaged = |found: String| TraceFileError::NotSafetensors { found, path: path.to_owned() };
        let (file, whole) = files::open(path).map_err(io)?;
        let Range { start, end } = part.unwrap_or(0..whole);
        let file_len = end.min(whole).saturating_sub(start);
        let mut file = BufReader::with_capacity(1 << 20, file);
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        if file_len < 8 {
            return Err(damaged(format!("only {file_len} bytes")));
        }
        let mut len = [0_u8; 8];
        file.read_exact(&mut len).map_err(io)?;
        let header_len = u64::from_le_bytes(len);
        if header_len > MOST_HEADER_BYTES || header_len > file_len - 8 {
            return Err(damaged(format!("a header of {header_len} bytes in a file of {file_len}")));
        }
        let mut header = vec![0_u8; usize::try_from(header_len).unwrap_or(0)];
        file.read_exact(&mut header).map_err(io)?;
        let metadata = header::parse(&header).map_err(damaged)?;
        let (expected, found) = (metadata.data_len() as u64, file_len - 8 - header_len);
        if expected != found {
            return Err(damaged(format!("{found} bytes of values where its header promises {expected}")));
        }
        Ok(Self { path, file, metadata, body_start: start + 8 + header_len })
    }

    /// The parts together, if they agree.
    fn checked(&self, trace: Trace, extras: Extras) -> Result<TraceFile> {
        check(&trace, &extras)
            .map_err(|contradiction| self.inconsistent(contradiction.expected, contradiction.found))?;
        Ok(TraceFile { trace, extras })
    }

    fn string(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    fn identity(&self) -> Result<()> {
        let (format, version) = (self.string("format"), self.string("version"));
        if format == Some(FORMAT) && [VERSION, FIRST_VERSION].map(Some).contains(&version) {
            return Ok(());
        }
        let shown = |value: Option<&str>| value.map_or("none".to_owned(), |value| value.chars().take(40).collect());
        Err(TraceFileError::NotATrace { format: shown(format), version: shown(version), path: self.path.to_owned() })
    }

    fn json<T: DeserializeOwned>(&self, key: &'static str) -> Result<T> {
        let error = |found| TraceFileError::Metadata { key, found, path: self.path.to_owned() };
        let text = self.string(key).ok_or_else(|| error("none".to_owned()))?;
        // Few bytes of text can be many of memory; the words of an answer are what may be long.
        if key != "tokens" && text.len() > MOST_STRING_BYTES {
            return Err(error(format!("{} bytes, more than {MOST_STRING_BYTES}", text.len())));
        }
        serde_json::from_str(text).map_err(|err| error(err.to_string()))
    }

    fn inconsistent(&self, expected: String, found: String) -> TraceFileError {
        TraceFileError::Inconsistent { expected, found, path: self.path.to_owned() }
    }

    fn shape_error(&self, tensor: &'static str, expected: &str) -> TraceFileError {
        let found = self.metadata.info(tensor).map_or("nothing".to_owned(), |i| format!("{:?} {:?}", i.dtype, i.shape));
        TraceFileError::Shape { tensor, expected: expected.to_owned(), found, path: self.path.to_owned() }
    }

    /// Type and shape of a tensor that must be there.
    fn require(&self, tensor: &'static str) -> Result<(Dtype, Vec<usize>)> {
        let missing = || TraceFileError::MissingTensor { tensor, path: self.path.to_owned() };
        let TensorInfo { dtype, shape, .. } = self.metadata.info(tensor).ok_or_else(missing)?;
        let dtype = match dtype {
            FileDtype::I64 => Dtype::I64,
            FileDtype::F32 => Dtype::F32,
            FileDtype::F16 => Dtype::F16,
            _ => return Err(self.shape_error(tensor, "i64, f32 or f16")),
        };
        Ok((dtype, shape.clone()))
    }

    /// Layers and heads: some of both and no more than models have, also where the tensor is empty for another
    /// dimension's sake.
    fn bounded(&self, tensor: &'static str, [layers, heads]: [usize; 2]) -> Result<()> {
        if (1..=MOST_LAYERS).contains(&layers) && (1..=MOST_HEADS).contains(&heads) {
            return Ok(());
        }
        Err(self.shape_error(tensor, &format!("1 to {MOST_LAYERS} layers of 1 to {MOST_HEADS} heads")))
    }

    fn span(&mut self, prompt: usize) -> Result<TokenSpan> {
        let [start, len] = self.pair("image_token_span")?;
        TokenSpan::within(start, len, prompt).ok_or_else(|| {
            let expected = format!("the image tokens inside a prompt of {prompt} tokens");
            self.inconsistent(expected, format!("{len} of them from position {start}"))
        })
    }

    fn grid(&mut self) -> Result<PatchGrid> {
        let [rows, cols] = self.pair("image_grid")?;
        PatchGrid::checked(rows, cols).ok_or_else(|| {
            self.inconsistent(format!("a grid of 1 to {} patches", PatchGrid::MOST), format!("{rows} x {cols}"))
        })
    }

    /// Where the image tokens lie; without a decoder, where the encoder's patches do.
    fn layout(&mut self, run: &RunInfo, notes: &Notes, span: Option<TokenSpan>) -> Result<ImageLayout> {
        if self.string("version") == Some(FIRST_VERSION) {
            return self.first_layout(run, span);
        }
        let (_, shape) = self.require("image_regions")?;
        let regions = shape.first().copied().unwrap_or(0);
        if shape.len() != 2 || !(1..=ImageLayout::MOST_REGIONS).contains(&regions) {
            return Err(self.shape_error("image_regions", &format!("I64 [1 to {}, 4]", ImageLayout::MOST_REGIONS)));
        }
        self.seek("image_regions", Dtype::I64, &[regions, 4])?;
        let numbers = self.whole("image_regions", regions * 4)?;
        self.seek("image_region_rects", Dtype::F32, &[regions, 4])?;
        let rects = self.f32s(regions * 4)?;
        let patches = || numbers.as_chunks::<4>().0.iter().map(|[_, rows, cols, _]| rows.saturating_mul(*cols));
        let span = span.unwrap_or_else(|| TokenSpan { start: 0, len: patches().fold(0, usize::saturating_add) });
        let layout = regions::layout(run.view.image, [span.start, span.len], &numbers, &rects, &notes.image_regions)
            .map_err(|err| self.inconsistent(err.expected, err.found))?;
        if self.has("image_grid") {
            let (grid, sole) = (self.grid()?, layout.regions().first().map(|region| region.grid));
            if regions != 1 || sole != Some(grid) {
                let expected = "`image_grid` only where there is one region, and as it has it".to_owned();
                return Err(self.inconsistent(expected, format!("{} x {}", grid.rows, grid.cols)));
            }
        }
        Ok(layout)
    }

    /// One region, where the run's view has it. A model that selects "full" features puts `[CLS]` before the patches.
    fn first_layout(&mut self, run: &RunInfo, span: Option<TokenSpan>) -> Result<ImageLayout> {
        let (grid, view) = (self.grid()?, run.view);
        let patches = |grid: PatchGrid| format!("{} x {} patches", grid.rows, grid.cols);
        if view.grid != grid {
            return Err(self.inconsistent(format!("{} in the run's view", patches(grid)), patches(view.grid)));
        }
        let before = span.map_or(Some(0), |span| span.len.checked_sub(grid.len())).filter(|before| *before <= 1);
        let Some(before) = before else {
            let expected = format!("one image token for each of {}", patches(grid));
            return Err(self.inconsistent(expected, format!("{} image tokens", span.map_or(0, |span| span.len))));
        };
        Ok(ImageLayout::of_view(&view, before))
    }

    fn has(&self, tensor: &str) -> bool {
        self.metadata.info(tensor).is_some()
    }

    /// Goes to a tensor that must be of this type and shape.
    fn seek(&mut self, tensor: &'static str, dtype: Dtype, shape: &[usize]) -> Result<()> {
        if self.require(tensor)? != (dtype, shape.to_vec()) {
            return Err(self.shape_error(tensor, &format!("{} {shape:?}", dtype.name())));
        }
        let start = self.metadata.info(tensor).map_or(0, |info| info.data_offsets.0);
        self.file.seek(SeekFrom::Start(self.body_start + start as u64)).map_err(|err| self.io(err)).map(|_| ())
    }

    fn io(&self, found: std::io::Error) -> TraceFileError {
        TraceFileError::Io { action: "read", found, path: self.path.to_owned() }
    }

    /// The next `count` values of `N` bytes. The header was compared with the file's length, so `count` is no larger
    /// than that.
    fn values<const N: usize, T>(&mut self, count: usize, value: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let mut values = Vec::with_capacity(count);
        let mut block = vec![0_u8; count.min(BLOCK).saturating_mul(N)];
        while values.len() < count {
            let bytes = block.get_mut(..(count - values.len()).min(BLOCK) * N).unwrap_or_default();
            self.file.read_exact(bytes).map_err(|err| self.io(err))?;
            values.extend(bytes.as_chunks().0.iter().map(|chunk| value(*chunk)));
        }
        Ok(values)
    }

    fn f32s(&mut self, count: usize) -> Result<Vec<f32>> {
        self.values(count, f32::from_le_bytes)
    }

    fn counts(&mut self, tensor: &'static str, len: usize) -> Result<Vec<usize>> {
        self.seek(tensor, Dtype::I64, &[len])?;
        self.whole(tensor, len)
    }

    /// The next values of a tensor, from 0.
    fn whole(&mut self, tensor: &'static str, len: usize) -> Result<Vec<usize>> {
        let values = self.values(len, i64::from_le_bytes)?;
        let counts: Option<Vec<_>> = values.iter().map(|value| usize::try_from(*value).ok()).collect();
        counts.ok_or_else(|| self.inconsistent(format!("values from 0 in `{tensor}`"), "negative ones".to_owned()))
    }

    fn pair(&mut self, tensor: &'static str) -> Result<[usize; 2]> {
        let values = self.counts(tensor, 2)?;
        <[usize; 2]>::try_from(values).map_err(|_| self.shape_error(tensor, "I64 [2]"))
    }

    /// Holds the ids of the contract's tensor against those of the metadata.
    fn ids(&mut self, tensor: &'static str, expected: impl ExactSizeIterator<Item = u32>) -> Result<()> {
        let found = self.counts(tensor, expected.len())?;
        if expected.zip(&found).all(|(expected, found)| expected as usize == *found) {
            return Ok(());
        }
        Err(self.inconsistent(format!("the ids of the metadata string `tokens` in `{tensor}`"), "others".to_owned()))
    }

    /// Rows of attention, cut to `key_len(idx)` keys; what lies behind them must be zero, and 0 keys mean that no row
    /// was kept.
    fn attention(
        &mut self,
        tensor: &'static str,
        shape: [usize; 4],
        key_len: impl Fn(usize) -> usize,
    ) -> Result<Vec<Arc<AttentionRow>>> {
        let (dtype, _) = self.require(tensor)?;
        let precision = match dtype {
            Dtype::F16 => RowPrecision::F16,
            Dtype::F32 => RowPrecision::F32,
            Dtype::I64 => return Err(self.shape_error(tensor, "f32 or f16")),
        };
        self.seek(tensor, dtype, &shape)?;
        let [count, layers, heads, width] = shape;
        let mut rows = Vec::new();
        for idx in 0..count {
            let keys = key_len(idx);
            let place = (tensor, idx, keys);
            let row = match precision {
                RowPrecision::F32 => {
                    let kept = self.row(place, [layers, heads, width], f32::from_le_bytes, |value| *value == 0.0)?;
                    AttentionRow::new(layers, heads, keys, kept, precision)
                }
                RowPrecision::F16 => {
                    let is_zero = |value: &f16| value.to_f32() == 0.0;
                    let kept = self.row(place, [layers, heads, width], f16::from_le_bytes, is_zero)?;
                    AttentionRow::from_half(layers, heads, keys, kept)
                }
            };
            if keys > 0 {
                rows.push(Arc::new(row.ok_or_else(|| self.shape_error(tensor, "as many keys as positions"))?));
            }
        }
        Ok(rows)
    }

    /// One row, head by head, so that a long one is not held twice.
    fn row<const N: usize, T: Copy>(
        &mut self,
        (tensor, idx, keys): (&'static str, usize, usize),
        [layers, heads, width]: [usize; 3],
        value: impl Fn([u8; N]) -> T,
        is_zero: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>> {
        let mut kept = Vec::with_capacity(layers.saturating_mul(heads).saturating_mul(keys.min(width)));
        for _ in 0..layers.saturating_mul(heads) {
            let head = self.values(width, &value)?;
            let (row, beyond) = head.split_at(keys.min(width));
            if !beyond.iter().all(&is_zero) {
                let found = format!("another value in row {idx} of `{tensor}`");
                return Err(self.inconsistent(format!("zeros beyond {keys} keys"), found));
            }
            kept.extend_from_slice(row);
        }
        Ok(kept)
    }

    fn prompt_rows(&mut self, layers: usize, heads: usize, prompt: usize) -> Result<Vec<(usize, Arc<AttentionRow>)>> {
        if !self.has("prompt_attention") && !self.has("prompt_positions") {
            return Ok(Vec::new());
        }
        let (_, shape) = self.require("prompt_attention")?;
        let count = shape.first().copied().unwrap_or(0);
        let positions = self.counts("prompt_positions", count)?;
        if let Some(found) = positions.iter().find(|position| **position >= prompt) {
            return Err(self.inconsistent(format!("prompt positions below {prompt}"), found.to_string()));
        }
        let key_len = |idx: usize| positions.get(idx).map_or(0, |position| position + 1);
        let rows = self.attention("prompt_attention", [count, layers, heads, prompt], key_len)?;
        Ok(positions.into_iter().zip(rows).collect())
    }

    /// What the first vision encoder looked at, and what each further one did.
    fn encoders(&mut self, notes: &Notes) -> Result<(Option<Vision>, Vec<Vision>)> {
        let mut of_further = notes.further_feature_layer_idx.iter().copied();
        let [first, further @ ..] = VISION;
        let vision = self.vision(first, notes.vision_feature_layer_idx)?.map(Arc::new);
        let mut others = Vec::new();
        for tensors in further {
            match self.vision(tensors, of_further.next())? {
                Some(found) if vision.is_some() => others.push(Arc::new(found)),
                Some(_) => {
                    let expected = format!("`{}` of an encoder before it", first.cls);
                    return Err(self.inconsistent(expected, format!("`{}` alone", tensors.cls)));
                }
                None => break,
            }
        }
        Ok((vision, others))
    }

    fn vision(&mut self, tensors: VisionTensors, feature_layer_idx: Option<usize>) -> Result<Option<VisionAttention>> {
        let rows = match (self.has(tensors.cls), self.has(tensors.received)) {
            (false, false) => return Ok(None),
            (true, true) => {
                let expected = format!("`{}` or `{}`", tensors.cls, tensors.received);
                return Err(self.inconsistent(expected, "both".to_owned()));
            }
            (true, false) => tensors.cls,
            (false, true) => tensors.received,
        };
        let (_, shape) = self.require(rows)?;
        let &[layers, heads, patches] = shape.as_slice() else {
            return Err(self.shape_error(rows, "three dimensions"));
        };
        self.bounded(rows, [layers, heads])?;
        if !(1..=PatchGrid::MOST).contains(&patches) {
            return Err(self.shape_error(rows, &format!("1 to {} patches", PatchGrid::MOST)));
        }
        self.seek(rows, Dtype::F32, &shape)?;
        let values = self.f32s(layers * heads * patches)?;
        let of_cls = rows == tensors.cls;
        let mut optional = |tensor: &'static str| -> Result<Vec<f32>> {
            if !self.has(tensor) {
                return Ok(Vec::new());
            }
            self.seek(tensor, Dtype::F32, &[layers, patches])?;
            self.f32s(layers * patches)
        };
        let (patch_norms, cls_unsplit) = (optional(tensors.norms)?, optional(tensors.unsplit)?);
        let (cls_attention, received_attention) = if of_cls { (values, Vec::new()) } else { (Vec::new(), values) };
        Ok(Some(VisionAttention {
            num_hidden_layers: layers,
            num_attention_heads: heads,
            num_patches: patches,
            cls_attention,
            received_attention,
            patch_norms,
            cls_unsplit,
            feature_layer_idx: feature_layer_idx.unwrap_or(layers.saturating_sub(1)),
        }))
    }

    fn similarity(&mut self) -> Result<Vec<TextSimilarity>> {
        if !self.has("similarity") && self.string("texts").is_none() {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = self.json("texts")?;
        self.seek("similarity", Dtype::F32, &[texts.len(), 3])?;
        let values = self.f32s(texts.len() * 3)?;
        let rows = texts.into_iter().zip(values.as_chunks().0);
        let row = |(text, &[cosine, logit, probability]): (String, &[f32; 3])| TextSimilarity {
            text,
            cosine,
            logit,
            probability,
        };
        Ok(rows.map(row).collect())
    }

    fn logits(&mut self, tensor: &'static str, output: usize) -> Result<LogitRows> {
        if !self.has(tensor) {
            return Ok(Vec::new());
        }
        let (_, shape) = self.require(tensor)?;
        let &[_, vocab_size] = shape.as_slice() else {
            return Err(self.shape_error(tensor, "two dimensions"));
        };
        if vocab_size == 0 {
            return Err(self.shape_error(tensor, "a logit for each token of a vocabulary"));
        }
        self.seek(tensor, Dtype::F32, &[output, vocab_size])?;
        (0..output).map(|_| self.f32s(vocab_size)).collect()
    }

    fn extras(&mut self, output: usize) -> Result<Extras> {
        let outlier_tokens = if self.has("outlier_tokens") {
            let (_, shape) = self.require("outlier_tokens")?;
            Some(self.counts("outlier_tokens", shape.first().copied().unwrap_or(0))?)
        } else {
            None
        };
        let pixel_values = if self.has("pixel_values") {
            let (_, shape) = self.require("pixel_values")?;
            let &[3, height_px, width_px] = shape.as_slice() else {
                return Err(self.shape_error("pixel_values", "F32 [3, rows, columns]"));
            };
            if [height_px, width_px].iter().any(|side| !(1..=MOST_INPUT_PX).contains(side)) {
                return Err(self.shape_error("pixel_values", &format!("1 to {MOST_INPUT_PX} pixels a side")));
            }
            self.seek("pixel_values", Dtype::F32, &shape)?;
            Some(PixelValues { height_px, width_px, values: self.f32s(3 * height_px * width_px)? })
        } else {
            None
        };
        Ok(Extras {
            logits: self.logits("logits", output)?,
            negative_logits: self.logits("negative_logits", output)?,
            final_logits: self.logits("final_logits", output)?,
            outlier_tokens,
            pixel_values,
        })
    }
}
