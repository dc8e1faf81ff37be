//! Chat templates: whatever they are, they end within bounds.

#![no_main]

use gazelens_fuzz::checkpoint::template;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let Ok(template) = template(source) else { return };
    if let Ok(text) = template.render("Why?") {
        assert!(text.len() <= (1 << 20) + 16, "a text of bounded length: {}", text.len());
    }
});
