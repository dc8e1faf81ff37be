//! The instrumented model: vision transformer, projector and decoder with attention in the open.
//!
//! Every model is our own forward pass over candle tensors, because candle-transformers keeps attention private. What
//! all families share lies here, a family is a folder:
//! - [`TensorSource`] gives weights by canonical name; a missing or wrongly shaped one is an error that names it;
//! - [`VisionTower`] and [`Decoder`] call a [`Probe`] at every layer: scores before the softmax, probabilities after
//!   it, the layer's output. Without a probe (`&mut ()`) that costs nothing;
//! - [`Decoder::forward`] runs a list of ragged [`BranchInput`]s: one matrix product for the rows of all of them,
//!   attention per branch over its own [`KvCache`].
//!
//! The rest of the program knows models as [`VisionLanguageModel`]s and [`Encoder`]s. To add a family: one folder with
//! its parts and a [`FamilyEntry`], one line in [`FAMILIES`].
//!
//! On a GPU weights and activations have the type the model was loaded in; norms, scores, softmax and the cache are f32
//! in all of them. On the CPU weights stay in the mapped file in the type they have there, `kernel` reads them, and
//! everything else is f32 (but for the [`KvCache`] of a model that is loaded as f16).

mod additions;
mod attention;
mod cache;
mod chain;
mod clip;
mod cls;
mod decoder;
mod dinov2;
mod encoder;
mod error;
mod families;
mod family;
#[cfg(test)]
pub(crate) mod fixtures;
mod linear;
mod llava;
mod matrix;
mod photo;
mod positions;
mod probe;
mod rope;
mod siglip;
mod slices;
#[cfg(test)]
mod tests;
mod vision;
mod vlm;
mod weights;

pub use additions::Additions;
pub use cache::KvCache;
pub use chain::{CancelFlag, EncoderProbe, ProbeChain};
pub use clip::{Clip, Contributions, TextTower};
pub use cls::{ClsAttention, cls_attention};
pub use decoder::{BranchInput, Decoder, LayerPart, LogitRows};
pub use dinov2::Dinov2;
pub use error::{ModelError, SourceError};
pub use families::{Answering, FAMILIES, answering, family_of, load_encoder};
pub use family::{FamilyEntry, FamilyOpen, LoadEncoder, LoadModel};
pub use linear::Linear;
pub use llava::{Llava, Projector};
pub use photo::{Framed, Prepared};
pub use positions::Positions;
pub use probe::{Probe, Site, Tower};
pub use siglip::Siglip;
pub use vision::VisionTower;
pub use vlm::{
    Embedded, Encoder, EncoderInfo, ImageFeatures, ImagePlace, ModelSizes, VisionLanguageModel, embed_around,
};
pub use weights::{TensorMap, TensorMapError, TensorSource};
