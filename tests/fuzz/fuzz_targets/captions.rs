//! Captions.

#![no_main]

use gazelens_fuzz::data::coco::Captions;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let Ok(captions) = Captions::from_bytes(bytes, Path::new("a file")) else { return };
    for caption in captions.captions() {
        assert!(captions.of(caption.image_id).contains(caption), "a caption is found by its image");
    }
});
