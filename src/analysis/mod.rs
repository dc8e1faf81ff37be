//! Numbers from a trace: which tokens, layers and heads are put together, and how. Pure: same input, same bytes; sums
//! in f64.
//!
//! A map starts from softmax rows, one per (token, layer, head), and ends as one number a patch. The order never
//! changes:
//!
//! 1. each head's row is read; with [`MapOptions::suppress_sink`] its first key is dropped and the rest rescaled to sum
//!    to 1;
//! 2. the image tokens are cut out of it, as parts of the row's sum where rounding took that above 1: no sum of
//!    probabilities exceeds 1;
//! 3. **heads** of a layer are put together, then **layers**, then **tokens**, each by mean or maximum. So "max over
//!    heads, mean over layers" is the mean of maxima; mean and max do not commute;
//! 4. with [`Normalisation::ImageShare`] the finished map is divided by its sum, *once, at the end*. Dividing every
//!    head by its own sum first would let a head that hardly looks at the image count as much as one that stares at it.
//!
//! - [`decoder_map`], [`vision_map`], [`norm_map`] make one map; [`MapRequest`] names one of any source, and
//!   [`SOURCES`] are those that the crate brings.
//! - [`layer_head_maps`], [`vision_layer_head_maps`] make the grid of small maps.
//! - [`image_share_per_layer`], [`image_share_per_token`], [`cls_share_per_layer`], [`split`] say how much of the
//!   attention goes to the image at all.
//! - [`tokens_for_patches`] is the reverse direction.
//! - [`overlap`] compares maps, [`damro()`] those of a token with those of the others.
//! - [`localisation`] compares a map with an object's mask.
//! - [`align`] holds two answers against each other.
//! - [`chair`] finds object words in an answer and says which are hallucinated, [`word_origin`] where one came from,
//!   [`pope`] asks about each.
//! - [`statistics`] estimates shares, means and areas over many answers with intervals by photo, and compares settings.

pub mod align;
pub mod chair;
mod damro;
mod elbow;
mod error;
mod grid;
mod image_keys;
pub mod localisation;
mod map;
mod maps;
mod origin;
mod overlap;
pub mod pope;
mod range;
mod reduce;
mod request;
mod reverse;
mod row_values;
mod seeded;
mod select;
mod share;
mod source;
pub mod statistics;
mod token;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use damro::{ClsVariant, DamroOptions, OutlierAgreement, Spread, cls_map, damro};
pub use elbow::{base_rank, elbow_k};
pub use error::AnalysisError;
pub use grid::{LayerHeadMaps, layer_head_maps, layer_maps, vision_layer_head_maps};
pub use image_keys::ImageKeys;
pub use map::{MapOptions, Normalisation, PatchMap};
pub use maps::{decoder_map, norm_map, norms_map, vision_map};
pub use origin::{Rank, TokenOrigin, WordOrigin, word_origin};
pub use overlap::{attention_on_top, overlap, top_patches};
pub use range::{Range, shared_range};
pub use request::MapRequest;
pub(crate) use request::is_first;
pub use reverse::{PatchAttention, TokensForPatches, tokens_for_patches};
pub use select::{Pick, Reduce, Selection, TokenSet};
pub use share::{AttentionSplit, cls_share_per_layer, image_share_per_layer, image_share_per_token, split};
pub use source::{MapSource, SOURCES, Side, SourceAt, SourceEntry, SourceValues, add_source, sources};
pub use token::TokenRef;
