//! Segmentations alone: polygons and both forms of run lengths.

#![no_main]

use gazelens_fuzz::data::coco::fuzz_segmentation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [width, height, rest @ ..] = bytes else { return };
    fuzz_segmentation(rest, u32::from(*width), u32::from(*height));
});
