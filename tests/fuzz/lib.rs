//! The readers that are fuzzed, from the sources of the package.

// Of the sources only what the readers need is used.
#![allow(dead_code, reason = "the rest of the sources is for the program")]

/// As in the package.
#[path = "../../src/data"]
pub mod data {
    pub mod chair;
    pub mod coco;
    pub mod pope;
}

/// As in the package.
#[path = "../../src/files"]
pub mod files {
    mod read;

    pub use read::{open, reason};

    /// Nothing is written here.
    pub fn replace(
        _path: &std::path::Path,
        _fill: impl FnOnce(&mut std::io::BufWriter<&std::fs::File>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        Ok(())
    }
}

/// As in the package.
#[path = "../../src/geometry/mod.rs"]
pub mod geometry;
/// As in the package.
#[path = "../../src/ids.rs"]
pub mod ids;
#[path = "../../src/figure/inside.rs"]
mod inside;
/// As in the package.
#[path = "../../src/trace/mod.rs"]
pub mod trace;

/// The JSON of the recipe in a figure's file.
pub fn recipe_text(bytes: &[u8]) -> Result<String, String> {
    inside::text(bytes)
}
#[path = "../../src/json.rs"]
pub mod json;
