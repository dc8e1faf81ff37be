//! POPE's questions.

#![no_main]

use gazelens_fuzz::data::pope::Questions;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(questions) = Questions::from_bytes(bytes, Path::new("a file")) {
        assert!(!questions.questions().is_empty(), "a file without questions is an error");
    }
});
