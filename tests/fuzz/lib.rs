//! The readers that are fuzzed, from the sources of the package.

/// As in the package.
#[path = "../../src/data"]
pub mod data {
    pub mod coco;
    pub mod pope;
}
