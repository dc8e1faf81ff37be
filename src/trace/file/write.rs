//! Trace to file.

use super::super::{AttentionRow, Extras, RowPrecision, Trace};
use super::check::check;
use super::error::TraceFileError;
use super::layout::{self, Entry};
use super::limits::MOST_STRING_BYTES;
use super::regions;
use crate::files::replace;
use half::f16;
use std::io::Write;
use std::path::Path;

pub(super) fn write(path: &Path, trace: &Trace, extras: &Extras) -> Result<(), TraceFileError> {
    let encoded = EncodedTrace::new(path, trace, extras)?;
    replace(path, |file| encoded.write_to(file)).map_err(|found| TraceFileError::Io {
        action: "write",
        found,
        path: path.to_owned(),
    })
}

/// A trace about to be written: checked, and its length known.
#[derive(Debug)]
pub struct EncodedTrace<'a> {
    trace: &'a Trace,
    extras: &'a Extras,
    entries: Vec<Entry>,
    header: Vec<u8>,
}

impl<'a> EncodedTrace<'a> {
    /// Checks a trace; `path` is the file that errors name.
    pub fn new(path: &Path, trace: &'a Trace, extras: &'a Extras) -> Result<Self, TraceFileError> {
        check(trace, extras).map_err(|contradiction| TraceFileError::Inconsistent {
            expected: contradiction.expected,
            found: contradiction.found,
            path: path.to_owned(),
        })?;
        let entries = layout::entries(trace, extras);
        let strings = layout::strings(trace).map_err(|err| TraceFileError::Io {
            action: "write",
            found: err.into(),
            path: path.to_owned(),
        })?;
        // What cannot be read again is not written.
        if let Some((name, text)) =
            strings.iter().find(|(name, text)| *name != "tokens" && text.len() > MOST_STRING_BYTES)
        {
            return Err(TraceFileError::Inconsistent {
                expected: format!("at most {MOST_STRING_BYTES} bytes of text in `{name}`"),
                found: text.len().to_string(),
                path: path.to_owned(),
            });
        }
        let header = layout::header(strings, &entries).map_err(|err| TraceFileError::Io {
            action: "write",
            found: err.into(),
            path: path.to_owned(),
        })?;
        Ok(Self { trace, extras, entries, header })
    }

    /// **Units** bytes.
    #[expect(clippy::len_without_is_empty, reason = "it always has a header")]
    pub fn len(&self) -> u64 {
        self.entries.iter().map(Entry::bytes).fold(self.header.len(), usize::saturating_add) as u64
    }

    /// The bytes of a trace file.
    pub fn write_to(&self, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(&self.header)?;
        self.entries.iter().try_for_each(|entry| body(out, entry, self.trace, self.extras))
    }
}

fn body(out: &mut impl Write, entry: &Entry, trace: &Trace, extras: &Extras) -> std::io::Result<()> {
    let (prompt, output) = (trace.prompt.len(), trace.output.len());
    match entry.name {
        "prompt_ids" => i64s(out, trace.prompt.iter().map(|token| i64::from(token.id))),
        "output_ids" => i64s(out, trace.output.iter().map(|token| i64::from(token.id))),
        "image_token_span" => counts(out, &[trace.image_token_span.start, trace.image_token_span.len]),
        "image_grid" => {
            let grids = trace.layout.regions().iter().map(|region| [region.grid.rows, region.grid.cols]);
            counts(out, &grids.take(1).flatten().collect::<Vec<_>>())
        }
        "image_regions" => counts(out, &regions::numbers(trace)),
        "image_region_rects" => f32s(out, &regions::rects(&trace.layout)),
        "outlier_tokens" => counts(out, extras.outlier_tokens.as_deref().unwrap_or_default()),
        "prompt_positions" => {
            counts(out, &trace.prompt_attention.iter().map(|(position, _)| *position).collect::<Vec<_>>())
        }
        "similarity" => {
            trace.similarity.iter().try_for_each(|text| f32s(out, &[text.cosine, text.logit, text.probability]))
        }
        "pixel_values" => f32s(out, extras.pixel_values.as_ref().map_or(&[], |pixels| &pixels.values)),
        "decoder_attention" => {
            for row in &trace.decoder_attention {
                padded(out, row, prompt + output)?;
            }
            let missing = output - trace.decoder_attention.len();
            let heads = trace.num_hidden_layers * trace.num_attention_heads;
            zeros(out, missing * heads * (prompt + output), layout::precision(trace))
        }
        "prompt_attention" => trace.prompt_attention.iter().try_for_each(|(_, row)| padded(out, row, prompt)),
        name if name.starts_with("vision_") => {
            let mut found = layout::vision_tensors(trace).filter_map(|(tensors, vision)| match name {
                _ if name == tensors.cls => Some(&vision.cls_attention),
                _ if name == tensors.received => Some(&vision.received_attention),
                _ if name == tensors.norms => Some(&vision.patch_norms),
                _ if name == tensors.unsplit => Some(&vision.cls_unsplit),
                _ => None,
            });
            f32s(out, found.next().map_or(&[], Vec::as_slice))
        }
        name => {
            let rows = layout::logit_rows(extras).into_iter().find(|(of, _)| *of == name);
            rows.map_or(&[][..], |(_, rows)| rows).iter().try_for_each(|row| f32s(out, row))
        }
    }
}

/// One row with every head's keys filled up with zeros to `width`.
fn padded(out: &mut impl Write, row: &AttentionRow, width: usize) -> std::io::Result<()> {
    let fill = width - row.key_len();
    for head in row.to_f32().chunks_exact(row.key_len().max(1)) {
        match row.precision() {
            RowPrecision::F32 => f32s(out, head)?,
            RowPrecision::F16 => {
                for value in head {
                    out.write_all(&f16::from_f32(*value).to_le_bytes())?;
                }
            }
        }
        zeros(out, fill, row.precision())?;
    }
    Ok(())
}

fn zeros(out: &mut impl Write, count: usize, precision: RowPrecision) -> std::io::Result<()> {
    let bytes = count * precision.value_bytes();
    let block = [0_u8; 4096];
    for start in (0..bytes).step_by(block.len()) {
        out.write_all(block.get(..(bytes - start).min(block.len())).unwrap_or(&block))?;
    }
    Ok(())
}

fn f32s(out: &mut impl Write, values: &[f32]) -> std::io::Result<()> {
    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

fn i64s(out: &mut impl Write, mut values: impl Iterator<Item = i64>) -> std::io::Result<()> {
    values.try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

fn counts(out: &mut impl Write, values: &[usize]) -> std::io::Result<()> {
    i64s(out, values.iter().map(|value| i64::try_from(*value).unwrap_or(i64::MAX)))
}
