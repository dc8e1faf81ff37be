//! The readers that are fuzzed, from the sources of the package.

/// As in the package.
#[path = "../../src/data"]
pub mod data {
    pub mod chair;
    pub mod coco;
    pub mod pope;
}
#[path = "../../src/files/mod.rs"]
pub mod files;
#[path = "../../src/json.rs"]
pub mod json;
