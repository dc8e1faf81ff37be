//! The model families that can be opened.

use super::family::{FamilyEntry, FamilyOpen, LoadModel, another_encoder};
use super::vlm::{Encoder, ModelSizes};
use super::weights::TensorSource;
use super::{ModelError, clip, dinov2, llava, siglip};
use crate::checkpoint::{Checkpoint, CheckpointError, ModelType, VisionCheckpoint};
use crate::names::hint;
use candle_core::{DType, Device};

/// Every family, in the order of menus.
pub const FAMILIES: &[FamilyEntry] = &[llava::FAMILY, clip::FAMILY, dinov2::FAMILY, siglip::FAMILY];

/// The family of a configuration.
///
/// **Errors**: one that is in none, with the families that can be opened and those that were perhaps meant.
pub fn family_of(found: &ModelType) -> Result<&'static FamilyEntry, CheckpointError> {
    let of_type = |family: &&FamilyEntry| family.model_types.contains(&found.model_type.as_str());
    FAMILIES.iter().find(of_type).ok_or_else(|| {
        let ids: Vec<&str> = FAMILIES.iter().map(|family| family.id).collect();
        let types = FAMILIES.iter().flat_map(|family| family.model_types).copied();
        CheckpointError::Field {
            field: "model_type".to_owned(),
            expected: format!("one of the supported families {}", ids.join(", ")),
            found: format!("{}{}", found.name(), hint(&found.model_type, types)),
            path: found.path.clone(),
        }
    })
}

/// A checkpoint with a decoder, and what its family knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// The family.
    pub family: &'static FamilyEntry,
    /// What the memory estimate counts with.
    pub sizes: ModelSizes<'a>,
    /// Loads the model.
    pub load: LoadModel,
}

/// What is known of a checkpoint with a decoder; `None` for one without.
pub fn answering(checkpoint: &Checkpoint) -> Option<Answering<'_>> {
    FAMILIES.iter().find_map(|family| match family.open {
        FamilyOpen::Answers { sizes, load } => sizes(checkpoint).map(|sizes| Answering { family, sizes, load }),
        FamilyOpen::Sees { .. } => None,
    })
}

/// Loads an encoder that stands by itself and reports tensors without a place in it.
pub fn load_encoder(
    checkpoint: &VisionCheckpoint,
    source: &dyn TensorSource,
    dtype: DType,
    device: &Device,
) -> Result<Box<dyn Encoder>, ModelError> {
    let found = family_of(&checkpoint.model_type).map_err(|cause| ModelError::Weights { cause: cause.into() })?;
    let FamilyOpen::Sees { load, .. } = found.open else { return Err(another_encoder()) };
    let encoder = load(checkpoint, source, dtype, device)?;
    checkpoint.weights.finish().map_err(|cause| ModelError::Weights { cause: cause.into() })?;
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::path::PathBuf;

    fn model_type(name: &str) -> ModelType {
        ModelType { model_type: name.to_owned(), architecture: "X".to_owned(), path: PathBuf::from("F/config.json") }
    }

    #[test]
    fn families_have_unique_ids_help_and_paper_and_are_found_by_every_model_type() {
        let ids: HashSet<_> = FAMILIES.iter().map(|family| family.id).collect();
        assert_eq!(ids.len(), FAMILIES.len(), "two families share an id");
        for family in FAMILIES {
            let FamilyEntry { id, label, help, paper, .. } = family;
            assert!([label, help].iter().all(|text| !text.is_empty()), "{id} lacks a label or help");
            assert!(paper.contains("arXiv"), "{id} lacks a paper");
            for name in family.model_types {
                let found = family_of(&model_type(name)).map(|found| found.id).ok();
                assert_eq!(found, Some(*id), "{name}");
            }
        }
    }

    #[test]
    fn an_unknown_family_is_refused_with_those_that_are_known_and_the_nearest_name() {
        let refused = |name: &str| family_of(&model_type(name)).map(|found| found.id).unwrap_err().to_string();
        let known: Vec<&str> = FAMILIES.iter().map(|family| family.id).collect();
        let start = format!("Expected one of the supported families {} for model_type, found ", known.join(", "));
        assert_eq!(refused("kosmos-2"), format!("{start}kosmos-2: F/config.json"), "nothing is near");
        assert_eq!(
            refused("dinov3"),
            format!("{start}dinov3 (near: dinov2, dinov2_with_registers): F/config.json"),
            "two are"
        );
        assert_eq!(refused(""), format!("{start}X: F/config.json"), "its architecture says what it is");
    }
}
