//! Instances: reading a file, and every mask in it.

#![no_main]

use gazelens_fuzz::data::coco::{Crowds, Instances};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let Ok(instances) = Instances::from_bytes(bytes.to_vec(), Path::new("a file")) else { return };
    let pixels = |width_px: u32, height_px: u32| u64::from(width_px) * u64::from(height_px);
    for annotation in instances.annotations() {
        let image = instances.image_row(annotation.image_id).and_then(|row| instances.images().get(row));
        let image = image.expect("every annotation that is kept has its image");
        // A mask of a hundred million pixels is right, and too slow to make thousands of.
        if pixels(image.width_px, image.height_px) > 1 << 20 {
            continue;
        }
        if let Ok(mask) = instances.mask(annotation) {
            assert_eq!((mask.width_px(), mask.height_px()), (image.width_px, image.height_px), "the image's size");
        }
    }
    for image in instances.images().iter().filter(|image| pixels(image.width_px, image.height_px) < 1 << 16) {
        let _ = instances.category_mask(image.id, 1, Crowds::LeftOut);
    }
});
