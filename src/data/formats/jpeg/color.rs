//! Channels to RGB.
//!
//! **Source**: libjpeg-turbo, `jdcolor.c` (tables with 16 bits behind the point); Pillow, `Convert.c` `cmyk2rgb`, which
//! reads every CMYK JPEG as inverted, as Adobe writes them.

use super::JpegError;
use super::frame::{Coding, Frame};
use super::upsample::Upsampler;
use rayon::prelude::*;

/// **Shape** `[height, width, 3]`.
pub(super) fn to_rgb(frame: &Frame, planes: &[Vec<u8>]) -> Result<Vec<u8>, JpegError> {
    by_rows(frame, planes, 3, |rows, out| convert(frame.coding, rows, out))
}

/// The channels side by side, from YCbCr to RGB where the frame says so; **shape** `[height, width, channels]`.
pub(super) fn interleaved(frame: &Frame, planes: &[Vec<u8>]) -> Result<Vec<u8>, JpegError> {
    if frame.coding != Coding::Plain {
        return to_rgb(frame, planes);
    }
    let channels = frame.components.len();
    by_rows(frame, planes, channels, |rows, out| {
        for (nth, row) in rows.iter().enumerate() {
            for (out, &sample) in out.iter_mut().skip(nth).step_by(channels).zip(row) {
                *out = sample;
            }
        }
    })
}

fn by_rows(
    frame: &Frame,
    planes: &[Vec<u8>],
    channels_out: usize,
    convert: impl Fn(&[Vec<u8>], &mut [u8]) + Sync,
) -> Result<Vec<u8>, JpegError> {
    let channels = frame.components.iter().zip(planes);
    let channels: Vec<Upsampler<'_>> =
        channels.map(|(component, plane)| Upsampler::new(frame, component, plane)).collect::<Result<_, _>>()?;
    let mut out = vec![0; frame.width * frame.height * channels_out];
    out.par_chunks_exact_mut(frame.width * channels_out).enumerate().for_each_init(
        || vec![Vec::new(); channels.len()],
        |rows, (y, out)| {
            for (channel, row) in channels.iter().zip(rows.iter_mut()) {
                channel.row(y, row);
            }
            convert(rows, out);
        },
    );
    Ok(out)
}

fn convert(coding: Coding, rows: &[Vec<u8>], out: &mut [u8]) {
    let pixels = out.chunks_exact_mut(3);
    match rows {
        [grey] => pixels.zip(grey).for_each(|(out, &grey)| out.fill(grey)),
        [a, b, c] => {
            for (out, ((&a, &b), &c)) in pixels.zip(a.iter().zip(b).zip(c)) {
                out.copy_from_slice(&if coding == Coding::Rgb { [a, b, c] } else { from_ycc(a, b, c) });
            }
        }
        [a, b, c, k] => {
            for (out, (((&a, &b), &c), &k)) in pixels.zip(a.iter().zip(b).zip(c).zip(k)) {
                let inks = if coding == Coding::Ycck { from_ycc(a, b, c).map(|v| 255 - v) } else { [a, b, c] };
                out.copy_from_slice(&inks.map(|ink| through(255 - ink, k)));
            }
        }
        _ => {}
    }
}

/// What of the light `k` passes an ink: `cmyk2rgb` with 255 less the black.
pub(in crate::data::formats) fn through(ink: u8, k: u8) -> u8 {
    let product = u16::from(ink) * u16::from(k) + 128;
    // At most 255 * 255 + 128, so neither sum overflows and the quotient fits its byte.
    let [_, quotient] = ((product >> 8) + product).to_le_bytes();
    k.saturating_sub(quotient)
}

fn from_ycc(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let r = y + ((91_881 * cr + HALF) >> 16);
    let g = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let b = y + ((116_130 * cb + HALF) >> 16);
    #[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
    let rgb = [r, g, b].map(|v| v.clamp(0, 255) as u8);
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_and_primaries_are_near_their_corners() {
        assert_eq!(from_ycc(77, 128, 128), [77; 3], "no colour");
        assert_eq!(from_ycc(76, 85, 255), [254, 0, 0], "red, as libjpeg rounds it");
        assert_eq!(from_ycc(255, 0, 255), [255, 208, 28], "clamped");
    }
}
