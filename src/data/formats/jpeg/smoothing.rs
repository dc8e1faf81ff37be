//! Progressive pictures that end before their last scan: what is not known of a block is estimated from the constant
//! terms around it.
//!
//! **Source**: libjpeg-turbo, `jdcoefct.c`, `smoothing_ok` and `decompress_smooth_data`.

use super::frame::{Component, Frame};

/// Natural places of the first nine varying coefficients, in the order of the file.
const PLACES: [usize; 9] = [1, 8, 16, 9, 2, 3, 10, 17, 24];

/// What is multiplied with the 25 constant terms of a block and its neighbours, row by row, for each of [`PLACES`]:
/// where no varying coefficient was sent at all.
#[rustfmt::skip]
const WITHOUT_DETAIL: [[i64; 25]; 9] = [
    [-1, -1, 0, 1, 1,  -3, 13, 0, -13, 3,  -3, 38, 0, -38, 3,  -3, 13, 0, -13, 3,  -1, -1, 0, 1, 1],
    [-1, -3, -3, -3, -1,  -1, 13, 38, 13, -1,  0, 0, 0, 0, 0,  1, -13, -38, -13, 1,  1, 3, 3, 3, 1],
    [0, 0, 1, 0, 0,  0, 2, 7, 2, 0,  0, -5, -14, -5, 0,  0, 2, 7, 2, 0,  0, 0, 1, 0, 0],
    [-1, 0, 0, 0, 1,  0, 9, 0, -9, 0,  0, 0, 0, 0, 0,  0, -9, 0, 9, 0,  1, 0, 0, 0, -1],
    [0, 0, 0, 0, 0,  0, 2, -5, 2, 0,  1, 7, -14, 7, 1,  0, 2, -5, 2, 0,  0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0,  0, 1, 0, -1, 0,  0, 2, 0, -2, 0,  0, 1, 0, -1, 0,  0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0,  0, 1, -3, 1, 0,  0, 0, 0, 0, 0,  0, -1, 3, -1, 0,  0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0,  0, 1, 0, -1, 0,  0, -3, 0, 3, 0,  0, 1, 0, -1, 0,  0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0,  0, 1, 2, 1, 0,  0, 0, 0, 0, 0,  0, -1, -2, -1, 0,  0, 0, 0, 0, 0],
];

/// The same for the first five where some were sent.
#[rustfmt::skip]
const WITH_DETAIL: [[i64; 25]; 5] = [
    [0, 0, 0, 0, 0,  0, 0, 0, 0, 0,  -7, 50, 0, -50, 7,  0, 0, 0, 0, 0,  0, 0, 0, 0, 0],
    [0, 0, -7, 0, 0,  0, 0, 50, 0, 0,  0, 0, 0, 0, 0,  0, 0, -50, 0, 0,  0, 0, 7, 0, 0],
    [0, 0, -1, 0, 0,  0, 0, 13, 0, 0,  0, 0, -24, 0, 0,  0, 0, 13, 0, 0,  0, 0, -1, 0, 0],
    [0, -1, 0, 1, 0,  -1, 10, 0, -10, 1,  0, 0, 0, 0, 0,  1, -10, 0, 10, -1,  0, 1, 0, -1, 0],
    [0, 0, 0, 0, 0,  0, 0, 0, 0, 0,  -1, 13, -24, 13, -1,  0, 0, 0, 0, 0,  0, 0, 0, 0, 0],
];

/// And for the constant term itself.
#[rustfmt::skip]
const CONSTANT: [i64; 25] =
    [-2, -6, -8, -6, -2,  -6, 6, 42, 6, -6,  -8, 42, 152, 42, -8,  -6, 6, 42, 6, -6,  -2, -6, -8, -6, -2];

/// Whether something is left to estimate, and enough is known for it: the constant terms of all components.
pub(super) fn is_useful(frame: &Frame) -> bool {
    frame.progressive
        && frame.components.iter().all(|component| {
            component.known[0] >= 0
                && component.quant.is_some_and(|quant| quant[0] > 0 && PLACES.iter().all(|&place| quant[place] > 0))
        })
        && frame.components.iter().any(|component| component.known[1..10].iter().any(|&bit| bit != 0))
}

/// Estimates the blocks of one component.
pub(super) struct Smoother<'a> {
    component: &'a Component,
    quant: [u16; 64],
    /// Rows of groups of the picture, and those of them that the last scan had data for.
    groups_y: usize,
    last_good_row: usize,
    /// How far each coefficient is known in rows that the last scan reached, and beyond.
    known: [[i8; 10]; 2],
}

impl<'a> Smoother<'a> {
    pub(super) fn new(frame: &Frame, component: &'a Component) -> Self {
        let mut known = [[0; 10]; 2];
        known[0].copy_from_slice(&component.known[..10]);
        known[1] = if frame.scans > 1 { component.known_before } else { [-1; 10] };
        Self {
            component,
            quant: component.quant.unwrap_or([1; 64]),
            groups_y: frame.groups_y,
            last_good_row: frame.last_good_row,
            known,
        }
    }

    /// The constant terms of five rows and columns around a block; beyond the edges the nearest repeats.
    fn around(&self, bx: usize, by: usize) -> [i64; 25] {
        let (group, v) = (by / self.component.v, self.component.v);
        let (blocks_x, own_y) = self.component.own_blocks();
        // libjpeg counts the rows of the last group only, if it is not full, as if all groups had as many.
        let rows = if group + 1 < self.groups_y { v } else { (own_y - 1) % v + 1 };
        let (row, total) = (group * rows + by % v, rows * self.groups_y);
        let up = row.min(2);
        let down = (total - 1).saturating_sub(row).min(2);
        let mut around = [0; 25];
        for (y, around) in around.chunks_exact_mut(5).enumerate() {
            let block_y = (by + y.min(2 + down)).saturating_sub(2).max(by.saturating_sub(up));
            for (x, around) in around.iter_mut().enumerate() {
                let block_x = (bx + x).saturating_sub(2).min(blocks_x - 1);
                let at = block_y * self.component.blocks_x + block_x;
                *around = self.component.coefficients.get(at).map_or(0, |block| i64::from(block[0]));
            }
        }
        around
    }

    /// A block with its estimates.
    pub(super) fn block(&self, bx: usize, by: usize, block: &[i16; 64]) -> [i16; 64] {
        let mut block = *block;
        let (blocks_x, blocks_y) = self.component.own_blocks();
        if bx >= blocks_x || by >= blocks_y {
            return block;
        }
        let around = self.around(bx, by);
        let known = &self.known[usize::from(by / self.component.v > self.last_good_row)];
        let constant = i64::from(self.quant[0]);
        let weighted = |weights: &[i64; 25]| {
            constant * weights.iter().zip(around).map(|(weight, term)| weight * term).sum::<i64>()
        };
        let without_detail = known[1..].iter().all(|&bit| bit == -1);
        let weights: &[[i64; 25]] = if without_detail { &WITHOUT_DETAIL } else { &WITH_DETAIL };
        for ((&place, weights), &bit) in PLACES.iter().zip(weights).zip(&known[1..]) {
            if bit != 0 && block[place] == 0 {
                // What is known is that the bits above are zeros.
                let most = if bit > 0 { (1 << bit) - 1 } else { i64::MAX };
                block[place] = estimate(weighted(weights), i64::from(self.quant[place]), most);
            }
        }
        if without_detail {
            block[0] = estimate(weighted(&CONSTANT), constant, i64::MAX);
        }
        block
    }
}

/// A 256th part of a weighted sum in steps of the quantisation, rounded.
#[expect(clippy::cast_possible_truncation, reason = "only damaged files go beyond 16 bits, and wrap")]
fn estimate(sum: i64, step: i64, most: i64) -> i16 {
    let size = (((step << 7) + sum.abs()) / (step << 8)).min(most);
    (if sum < 0 { -size } else { size }) as i16
}
