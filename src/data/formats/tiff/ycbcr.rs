//! YCbCr that is not in JPEG data.

use super::super::ifd::Directory;

const COEFFICIENTS: u16 = 529;
const REFERENCE: u16 = 532;

/// Every pixel with a colour of its own, and no compression: Pillow's own conversion.
///
/// **Source**: Pillow, `ConvertYCbCr.c`, whose tables have six bits behind the point.
pub(super) struct Plain {
    /// Red and green from Cr, green and blue from Cb.
    tables: [[i32; 256]; 4],
}

impl Plain {
    pub(super) fn new() -> Self {
        // In hundred thousandths.
        let table = |factor: i64| {
            std::array::from_fn(|level| {
                let scaled = (i64::try_from(level).unwrap_or_default() - 128) * factor * 64;
                i32::try_from((scaled + 50_000) / 100_000).unwrap_or_default()
            })
        };
        Self { tables: [table(140_200), table(-71_414), table(-34_414), table(177_200)] }
    }

    pub(super) fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let [red_cr, green_cr, green_cb, blue_cb] = &self.tables;
        let (y, cb, cr) = (i32::from(y), usize::from(cb), usize::from(cr));
        let at = |table: &[i32; 256], level: usize| table.get(level).copied().unwrap_or_default();
        [at(red_cr, cr), at(green_cb, cb) + at(green_cr, cr), at(blue_cb, cb)].map(|part| clamp(y + (part >> 6)))
    }
}

/// Blocks of pixels that share a colour, and all YCbCr with compression: libtiff's conversion.
///
/// **Source**: libtiff, `tif_color.c` (`TIFFYCbCrToRGBInit`, `TIFFYCbCrtoRGB`), `tif_getimage.c`
/// (`putcontig8bitYCbCr*tile`: colours repeat).
pub(super) struct Subsampled {
    brightness: [i32; 256],
    red_cr: [i32; 256],
    green_cr: [i32; 256],
    green_cb: [i32; 256],
    blue_cb: [i32; 256],
}

/// A level between its black and white, on a scale up to `top`.
#[expect(clippy::cast_possible_truncation, reason = "the integer part, as in C, of what is clamped before")]
fn scaled(level: i32, black: f32, white: f32, top: f32) -> i32 {
    let range = if white - black == 0.0 { 1.0 } else { white - black };
    let value = (level - black as i32) as f32 * top / range;
    value.clamp(-4096.0, 4096.0) as i32
}

/// A half, with sixteen bits behind the point.
const HALF: i32 = 1 << 15;

impl Subsampled {
    pub(super) fn new(directory: &Directory<'_>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "libtiff keeps them as 32-bit numbers")]
        let numbers = |tag: u16| directory.numbers(tag).take(6).map(|number| number as f32).collect::<Vec<_>>();
        let luma = match numbers(COEFFICIENTS).as_slice() {
            &[r, g, b, ..] if g != 0.0 && [r, g, b].iter().all(|part| part.is_finite()) => [r, g, b],
            _ => [0.299, 0.587, 0.114],
        };
        let reference = match numbers(REFERENCE).as_slice() {
            &[a, b, c, d, e, f] if [a, b, c, d, e, f].iter().all(|part| part.is_finite()) => [a, b, c, d, e, f],
            _ => [0.0, 255.0, 128.0, 255.0, 128.0, 255.0],
        };
        let [red, green, blue] = luma;
        // Sixteen bits behind the point.
        #[expect(clippy::cast_possible_truncation, reason = "at most 2, with 16 bits behind the point")]
        let fixed = |factor: f32| (f64::from(factor.clamp(0.0, 2.0)) * 65536.0 + 0.5) as i32;
        let (to_red, to_blue) = (2.0 - 2.0 * red, 2.0 - 2.0 * blue);
        let d1 = fixed(to_red);
        let d2 = -fixed(red * to_red / green);
        let d3 = fixed(to_blue);
        let d4 = -fixed(blue * to_blue / green);
        let level = |at: usize| i32::try_from(at).unwrap_or_default() - 128;
        let cr: [i32; 256] =
            std::array::from_fn(|at| scaled(level(at), reference[4] - 128.0, reference[5] - 128.0, 127.0));
        let cb: [i32; 256] =
            std::array::from_fn(|at| scaled(level(at), reference[2] - 128.0, reference[3] - 128.0, 127.0));
        Self {
            brightness: std::array::from_fn(|at| scaled(level(at) + 128, reference[0], reference[1], 255.0)),
            red_cr: cr.map(|cr| d1.wrapping_mul(cr).wrapping_add(HALF) >> 16),
            green_cr: cr.map(|cr| d2.wrapping_mul(cr)),
            green_cb: cb.map(|cb| d4.wrapping_mul(cb).wrapping_add(HALF)),
            blue_cb: cb.map(|cb| d3.wrapping_mul(cb).wrapping_add(HALF) >> 16),
        }
    }

    fn rgb(&self, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        let at = |table: &[i32; 256], level: u8| table.get(usize::from(level)).copied().unwrap_or_default();
        let y = at(&self.brightness, y);
        let green = at(&self.green_cb, cb).wrapping_add(at(&self.green_cr, cr)) >> 16;
        [y + at(&self.red_cr, cr), y + green, y + at(&self.blue_cb, cb)].map(clamp)
    }

    /// Row `y` of a strip or tile of `width` pixels in blocks of `h` x `v`: their brightness row by row, then their Cb
    /// and Cr.
    pub(super) fn row(&self, part: &[u8], width: usize, (h, v): (usize, usize), y: usize, out: &mut [[u8; 3]]) {
        let block_bytes = h * v + 2;
        let first = y / v * width.div_ceil(h) * block_bytes;
        let blocks = part.get(first..).unwrap_or_default().chunks_exact(block_bytes);
        for (block, out) in blocks.zip(out.chunks_mut(h)) {
            let (brightness, colour) = block.split_at(h * v);
            let &[cb, cr] = colour else { continue };
            for (out, &brightness) in out.iter_mut().zip(brightness.iter().skip(y % v * h)) {
                *out = self.rgb(brightness, cb, cr);
            }
        }
    }
}

fn clamp(level: i32) -> u8 {
    u8::try_from(level.clamp(0, 255)).unwrap_or_default()
}
