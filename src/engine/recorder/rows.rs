//! One step's rows on their way into the trace.

use crate::trace::{AttentionRow, RowPrecision};
use candle_core::{DType, Error, Result, Storage, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt as _;

/// The kept rows of one step, layer by layer.
#[derive(Default)]
pub(super) struct StepRows {
    /// Layers whose rows are there.
    pub(super) layers: usize,
    heads: usize,
    keys: usize,
    /// Rows of a GPU, per layer `[heads, keys]`.
    on_device: Vec<Tensor>,
    half: Vec<f16>,
    full: Vec<f32>,
}

impl StepRows {
    /// Takes the rows of the next layer. **Shape**: `[heads, keys]`, contiguous.
    pub(super) fn push(&mut self, row: &Tensor, num_hidden_layers: usize, precision: RowPrecision) -> Result<()> {
        (self.heads, self.keys) = row.dims2()?;
        self.layers += 1;
        let all = num_hidden_layers * self.heads * self.keys;
        let (storage, layout) = row.storage_and_layout();
        let (Storage::Cpu(values), Some((start, end))) = (&*storage, layout.contiguous_offsets()) else {
            // A copy: a view would keep the whole matrix on the device.
            self.on_device.push(row.force_contiguous()?);
            return Ok(());
        };
        let values = values.as_slice::<f32>()?.get(start..end).unwrap_or_default();
        match precision {
            RowPrecision::F16 => {
                let filled = self.half.len();
                // Taken once: rows of all layers have the same length.
                self.half.reserve_exact(all.saturating_sub(filled));
                self.half.resize(filled + values.len(), f16::ZERO);
                self.half.get_mut(filled..).unwrap_or_default().convert_from_f32_slice(values);
            }
            RowPrecision::F32 => {
                self.full.reserve_exact(all.saturating_sub(self.full.len()));
                self.full.extend_from_slice(values);
            }
        }
        Ok(())
    }

    /// All of them, as the trace keeps them.
    pub(super) fn finish(self, precision: RowPrecision) -> Result<AttentionRow> {
        let Self { layers, heads, keys, on_device, half, full } = self;
        if !on_device.is_empty() {
            return read_row(&Tensor::stack(&on_device, 0)?, precision);
        }
        match precision {
            RowPrecision::F16 => AttentionRow::from_half(layers, heads, keys, half),
            RowPrecision::F32 => AttentionRow::new(layers, heads, keys, full, precision),
        }
        .ok_or_else(no_row)
    }
}

fn no_row() -> Error {
    Error::msg("Expected as many attention values as layers x heads x keys")
}

/// **Shape** `[layers, heads, keys]`, read back at once.
pub(super) fn read_row(rows: &Tensor, precision: RowPrecision) -> Result<AttentionRow> {
    let (layers, heads, keys) = rows.dims3()?;
    let row = match precision {
        RowPrecision::F16 => {
            let values = rows.to_dtype(DType::F16)?.flatten_all()?.to_vec1::<f16>()?;
            AttentionRow::from_half(layers, heads, keys, values)
        }
        RowPrecision::F32 => {
            let values = rows.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            AttentionRow::new(layers, heads, keys, values, RowPrecision::F32)
        }
    };
    row.ok_or_else(no_row)
}
