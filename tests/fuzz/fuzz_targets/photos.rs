//! Photos of every format: what is decoded fills its size.

#![no_main]

use gazelens::data::{Photo, PhotoLimits};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let limits = PhotoLimits { max_pixels: 1 << 20, ..PhotoLimits::default() };
    match Photo::from_bytes_within(bytes, Path::new("a photo"), limits) {
        Ok(photo) => {
            let pixels = photo.width_px as usize * photo.height_px as usize;
            assert!(pixels > 0 && photo.rgb.len() == 3 * pixels, "three channels for {pixels} pixels");
        }
        Err(err) => assert!(err.to_string().ends_with("a photo"), "the file comes last: {err}"),
    }
});
