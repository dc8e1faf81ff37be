//! Captions of a model, in every form.

#![no_main]

use gazelens_fuzz::data::chair::GeneratedCaptions;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(captions) = GeneratedCaptions::from_bytes(bytes, Path::new("a file")) {
        assert!(!captions.captions.is_empty(), "a file without captions is an error");
    }
});
