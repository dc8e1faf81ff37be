//! Recipes inside of PNG, SVG and PDF files.

#![no_main]

use gazelens_fuzz::recipe_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match recipe_text(bytes) {
        // A compressed chunk may be a thousand times longer than its file.
        Ok(text) => assert!(text.len() <= 64 << 20, "bounded"),
        Err(found) => assert!(!found.is_empty(), "what was found is said"),
    }
});
