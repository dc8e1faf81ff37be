//! Tokenizers: whatever they are, the library's panics and explosions are errors.

#![no_main]

use gazelens_fuzz::checkpoint::tokenizer::tokenize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = tokenize(bytes, "USER: <image>\nWhat is this, and \"why\"? (1+23=24) Où? 你好 ASSISTANT:");
});
