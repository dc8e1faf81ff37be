//! The readers that are fuzzed, from the sources of the package.

// Of the sources only what the readers need is used.
#![allow(dead_code, reason = "the rest of the sources is for the program")]

/// As in the package.
#[path = "../../src/data"]
pub mod data {
    pub mod chair;
    pub mod coco;
    pub mod pope;
    pub mod questions;
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
#[path = "../../src/names.rs"]
pub mod names;
#[path = "../../src/panics.rs"]
pub mod panics;

/// Templates and what stands before the tokenizers library; the rest of a checkpoint needs the model.
#[path = "../../src/checkpoint"]
pub mod checkpoint {
    mod moment;
    mod template;
    pub mod tokenizer {
        mod bounds;
        mod growth;
        mod shape;

        use bounds::{Bounds, contained};

        /// Opens a tokenizer as the package does, asks it a text and reads the ids back.
        pub fn tokenize(bytes: &[u8], text: &str) -> Result<(), String> {
            let bounds = Bounds::new(shape::Shape::read(bytes)?)?;
            let tokenizer = contained(|| tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| error.to_string()))?;
            bounds.expect_text(text)?;
            let encoding = contained(|| tokenizer.encode_fast(text, true).map_err(|error| error.to_string()))?;
            let ids = encoding.get_ids();
            let names = ids.iter().filter_map(|id| tokenizer.id_to_token(*id));
            bounds.expect_ids(ids.len(), || names.map(|name| name.len()).sum())?;
            contained(|| tokenizer.decode(ids, true).map(drop).map_err(|error| error.to_string()))
        }
    }

    pub use moment::Moment;
    pub use template::ChatTemplate;

    /// The one error of these.
    #[derive(Debug, thiserror::Error)]
    pub enum CheckpointError {
        /// As in the package.
        #[error("{found}: {}", path.display())]
        Template {
            /// The engine's answer.
            found: String,
            /// The file.
            path: std::path::PathBuf,
        },
    }

    /// No files: templates are given.
    mod files {
        use super::CheckpointError;
        use serde_json::{Map, Value};

        pub(super) struct Files;

        impl Files {
            pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
                name.into()
            }

            pub(super) fn text(&self, _: &str) -> Result<Option<String>, CheckpointError> {
                Ok(None)
            }

            pub(super) fn object(&self, _: &str) -> Result<Option<Map<String, Value>>, CheckpointError> {
                Ok(None)
            }
        }
    }

    /// Tries a template.
    pub fn template(source: &str) -> Result<ChatTemplate, CheckpointError> {
        ChatTemplate::new(source.to_owned(), "a file".into(), serde_json::Map::new())
    }
}
