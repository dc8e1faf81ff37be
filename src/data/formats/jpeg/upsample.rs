//! Components of half the resolution to full rows.
//!
//! **Source**: libjpeg-turbo, `jdsample.c`: triangle filters for factors of two ("fancy"), repetition for all others
//! and for components of at most two columns. Beyond the edges the last sample of the picture repeats.

use super::JpegError;
use super::frame::{Component, Frame};

/// How one component becomes full rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Full,
    /// Twice as wide.
    Wide,
    /// Twice as high.
    High,
    /// Both.
    WideHigh,
    /// Every sample repeated.
    Repeat {
        x: usize,
        y: usize,
    },
}

/// A component's samples with the way to read full rows of them.
pub(super) struct Upsampler<'a> {
    samples: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
    method: Method,
}

impl<'a> Upsampler<'a> {
    pub(super) fn new(frame: &Frame, component: &Component, samples: &'a [u8]) -> Result<Self, JpegError> {
        let (h_max, v_max) = (frame.h_max, frame.v_max);
        if h_max % component.h != 0 || v_max % component.v != 0 {
            return Err(JpegError::Unsupported("channels sampled in fractions are not supported"));
        }
        let (x, y) = (h_max / component.h, v_max / component.v);
        let method = match (x, y) {
            (1, 1) => Method::Full,
            (2, 1) if component.width > 2 => Method::Wide,
            (1, 2) => Method::High,
            (2, 2) if component.width > 2 => Method::WideHigh,
            _ => Method::Repeat { x, y },
        };
        let stride = component.blocks_x * 8;
        Ok(Self { samples, stride, width: component.width, height: component.height, method })
    }

    fn source(&self, y: usize) -> &'a [u8] {
        let y = y.min(self.height - 1);
        &self.samples[y * self.stride..y * self.stride + self.width]
    }

    /// Writes the full row `y` of the picture; `out` is cleared first and gets at least the picture's width.
    pub(super) fn row(&self, y: usize, out: &mut Vec<u8>) {
        out.clear();
        match self.method {
            Method::Full => out.extend_from_slice(self.source(y)),
            Method::Repeat { x, y: factor } => {
                out.extend(self.source(y / factor).iter().flat_map(|&sample| std::iter::repeat_n(sample, x)));
            }
            Method::Wide => {
                let weighted = self.source(y).iter().map(|&sample| u32::from(sample));
                widen(weighted, 4, [1, 2], out);
            }
            Method::High => {
                let bias = if y.is_multiple_of(2) { 1 } else { 2 };
                out.extend(self.column_sums(y).map(|sum| narrow((sum + bias) >> 2)));
            }
            Method::WideHigh => widen(self.column_sums(y), 16, [8, 7], out),
        }
    }

    /// Three parts of the nearer row and one of the farther.
    fn column_sums(&self, y: usize) -> impl Iterator<Item = u32> {
        let near = y / 2;
        let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
        self.source(near).iter().zip(self.source(far)).map(|(&near, &far)| u32::from(near) * 3 + u32::from(far))
    }
}

/// Two outputs an input: three parts of it and one of its left or right neighbour, over `whole`, with the given
/// roundings.
fn widen(input: impl Iterator<Item = u32>, whole: u32, [left_bias, right_bias]: [u32; 2], out: &mut Vec<u8>) {
    let mut input = input.peekable();
    // At the ends libjpeg gives all four parts to the sample itself.
    let mut before = input.peek().copied().unwrap_or(0);
    while let Some(here) = input.next() {
        let after = input.peek().copied().unwrap_or(here);
        out.push(narrow((here * 3 + before + left_bias) / whole));
        out.push(narrow((here * 3 + after + right_bias) / whole));
        before = here;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a weighted mean of samples")]
fn narrow(sample: u32) -> u8 {
    sample as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_follows_the_triangle_with_alternating_rounding() {
        let mut out = Vec::new();
        widen([10, 20, 40].into_iter(), 4, [1, 2], &mut out);
        // 10; (30+20+2)/4; (60+10+1)/4; (60+40+2)/4; (120+20+1)/4; 40
        assert_eq!(out, [10, 13, 17, 25, 35, 40], "worked by hand from h2v1_fancy_upsample");
    }
}
