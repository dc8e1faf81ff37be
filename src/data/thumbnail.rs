//! Small versions of photos.

use super::Photo;
use super::resample::resize_rgb;
use crate::geometry::{ImageSize, Resample};

/// The photo scaled down to fit a square of `max_px`, never enlarged. The hash stays that of the photo's file.
pub fn thumbnail(photo: &Photo, max_px: u32) -> Photo {
    let (w, h) = (photo.width_px, photo.height_px);
    let max_px = max_px.max(1);
    let long = w.max(h);
    if long <= max_px {
        return photo.clone();
    }
    let scaled = |edge: u32| {
        let rounded = (u64::from(edge) * u64::from(max_px) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(rounded).unwrap_or(max_px).max(1)
    };
    let to = ImageSize { width_px: scaled(w), height_px: scaled(h) };
    match resize_rgb(&photo.rgb, photo.size(), to, Resample::Bilinear) {
        Some(rgb) => Photo { width_px: to.width_px, height_px: to.height_px, rgb: rgb.into(), ..photo.clone() },
        None => photo.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnail_fits_the_square_and_keeps_at_least_one_pixel() {
        for (w, h, expected) in [(640, 480, (64, 48)), (480, 640, (48, 64)), (10, 20, (10, 20)), (6000, 1, (64, 1))] {
            let photo = Photo::from_rgb(w, h, vec![7; (w * h * 3) as usize]).expect("the length matches");
            let small = thumbnail(&photo, 64);
            assert_eq!((small.width_px, small.height_px), expected, "{w} x {h}");
            assert!(small.rgb.iter().all(|&v| v == 7), "one colour stays one colour");
            assert_eq!(small.sha256, photo.sha256, "the hash names the photo");
        }
    }
}
