//! Hidden states of a tower, summed over passes, and masked copies of a photo.

use crate::model::{EncoderInfo, Prepared, Probe, Site, Tower};
use candle_core::{DType, Device, Result, Tensor};
use std::sync::atomic::{AtomicBool, Ordering};

/// Share of the patches that are hidden in every masked copy of a photo.
const MASKED_SHARE: f64 = 0.99;

/// Sums the input of the first layer and the outputs of all layers of the first encoder (all its tokens) or of the
/// decoder (its last row) over passes.
pub(super) struct States<'a> {
    tower: Tower,
    cancel: &'a AtomicBool,
    /// One an entry, f32, **shape** `[tokens, width]`.
    sums: Vec<Tensor>,
    num_passes: usize,
}

impl<'a> States<'a> {
    pub(super) fn new(tower: Tower, cancel: &'a AtomicBool) -> Self {
        Self { tower, cancel, sums: Vec::new(), num_passes: 0 }
    }

    fn is_own(&self, site: &Site) -> bool {
        site.tower == self.tower && site.encoder_idx == 0
    }

    fn add(&mut self, entry: usize, rows: &Tensor) -> Result<()> {
        let rows = match self.tower {
            Tower::Vision => rows.clone(),
            Tower::Decoder => rows.narrow(0, rows.dim(0)?.saturating_sub(1), 1)?,
        };
        let rows = rows.to_dtype(DType::F32)?.force_contiguous()?;
        match self.sums.get_mut(entry) {
            Some(sum) => *sum = (&*sum + rows)?,
            None => self.sums.push(rows.copy()?),
        }
        Ok(())
    }

    /// Tokens and width.
    pub(super) fn shape(&self) -> [usize; 2] {
        let dims = self.sums.first().map_or(&[][..], Tensor::dims);
        [dims.first().copied().unwrap_or(0), dims.get(1).copied().unwrap_or(0)]
    }

    /// Entry by entry, **shape** `[tokens * width]` each.
    pub(super) fn means(&self) -> Result<Vec<Vec<f32>>> {
        let scale = 1.0 / self.num_passes.max(1) as f64;
        self.sums.iter().map(|sum| (sum * scale)?.flatten_all()?.to_vec1()).collect()
    }
}

impl Probe for States<'_> {
    fn wants_input(&self, site: &Site) -> bool {
        self.is_own(site) && site.layer_idx == 0
    }

    fn input(&mut self, _site: &Site, input: &Tensor) -> Result<()> {
        self.num_passes += 1;
        self.add(0, input)
    }

    fn wants_hidden(&self, site: &Site) -> bool {
        self.is_own(site)
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        self.add(site.layer_idx + 1, hidden).map(|()| None)
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Random numbers of a seed: `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The bias of the remainder is below one in 10^15 for as many patches as there are.
        usize::try_from((z ^ (z >> 31)) % end.max(1) as u64).unwrap_or_default()
    }
}

/// The patches of a square photo.
pub(super) struct MaskGrid {
    side_px: usize,
    patch_px: usize,
    per_side: usize,
}

impl MaskGrid {
    /// `None` where a photo is seen in another way.
    pub(super) fn of(encoder: &EncoderInfo, prepared: &Prepared) -> Option<Self> {
        let &[channels, height_px, width_px] = prepared.pixel_values.dims() else { return None };
        let grid = encoder.grid;
        let is_square = channels == 3 && height_px == width_px && grid.rows == grid.cols && grid.cols > 0;
        let patch_px = width_px.checked_div(grid.cols)?;
        is_square.then_some(Self { side_px: width_px, patch_px, per_side: grid.cols })
    }

    /// The photo with `floor(0.99 N)` random patches at its mean colour.
    pub(super) fn masked(&self, prepared: &Prepared, draws: &mut Draws) -> Result<Tensor> {
        let num_patches = self.per_side * self.per_side;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the number of patches")]
        let num_masked = (MASKED_SHARE * num_patches as f64).floor() as usize;
        let mut patches: Vec<usize> = (0..num_patches).collect();
        for idx in 0..num_masked {
            patches.swap(idx, idx + draws.below(num_patches - idx));
        }
        let mut pixels = prepared.values.to_vec();
        for channel in pixels.chunks_exact_mut((self.side_px * self.side_px).max(1)) {
            let mean = channel.iter().map(|value| f64::from(*value)).sum::<f64>() / channel.len() as f64;
            #[expect(clippy::cast_possible_truncation, reason = "a colour")]
            let mean = mean as f32;
            for patch in patches.iter().take(num_masked) {
                let (row, col) = (patch / self.per_side * self.patch_px, patch % self.per_side * self.patch_px);
                for y in row..row + self.patch_px {
                    let line = channel.get_mut(y * self.side_px + col..y * self.side_px + col + self.patch_px);
                    line.unwrap_or_default().fill(mean);
                }
            }
        }
        Tensor::from_vec(pixels, prepared.pixel_values.shape(), &Device::Cpu)?.to_device(prepared.pixel_values.device())
    }
}
