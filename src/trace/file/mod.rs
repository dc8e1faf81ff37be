//! Traces as files: safetensors, so that `safetensors.numpy.load_file` is all another program needs.
//!
//! Tensors are those of the contract (`prompt_ids`, `output_ids`, `image_token_span`, `image_grid`, `image_regions`,
//! `image_region_rects`, `decoder_attention`, `vision_cls_attention`, `logits`, `negative_logits`, `final_logits`,
//! `outlier_tokens`, `pixel_values`), and besides them `vision_patch_norms` f32 `[L_v, N]`, `vision_cls_unsplit` f32
//! `[L_v, N]` (the `[CLS]` row of one head as wide as the model, softmax of `q k / sqrt(hidden_size)`, `[CLS]` column
//! dropped: what DAMRO selects outliers by), for an encoder without `[CLS]` `vision_received_attention` f32 `[L_v, H_v,
//! N]` (the mean over queries) in place of the two with `cls` in their names, all of them once more with `.1`, `.2`,
//! `.3` behind their names for further encoders, `prompt_positions` i64 `[R]` and `prompt_attention` `[R, L, H, P]`
//! when prompt rows were asked for. Without a decoder there are only the three `image_` tensors of the patches, the
//! `vision_` tensors, `pixel_values`, and for CLIP `similarity` f32 `[K, 3]`: cosine, logit and softmax of each of the
//! texts, which are the metadata string `texts` (a JSON array).
//!
//! Metadata: `format`, `version`, `run`, and for the window `tokens` (texts, log-probabilities, candidates) and `notes`
//! (warnings).
//!
//! Both directions work row by row: the file of a 7B model (over a gigabyte) is never held a second time. The same
//! check stands before a write and after a read, so a file that was written can be read.
//!
//! A file may be a stranger's. It is a regular file, read once and within its length; no dimension is beyond what
//! models have, also where another one is 0 and the tensor is empty; and the patches lie where the run's preprocessing
//! puts them on a photo of that size. Values take as much memory as in the file, the header up to eight times its
//! length and 256 MB while it is read (test `a_trace_takes_as_much_memory_as_its_file`).

mod check;
mod error;
mod header;
mod layout;
mod limits;
mod read;
pub(in crate::trace) mod regions;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use error::TraceFileError;
pub use write::EncodedTrace;

use super::{Extras, Trace};
use std::path::Path;

/// The metadata string `format`.
pub const FORMAT: &str = "gazelens-trace";
/// The metadata string `version` of files that are written.
pub const VERSION: &str = "2";
/// That of files without `image_regions`, which are read as one region.
const FIRST_VERSION: &str = "1";

/// What a trace file holds.
#[derive(Debug, Clone)]
pub struct TraceFile {
    /// The trace, as the window would have it.
    pub trace: Trace,
    /// What was written besides.
    pub extras: Extras,
}

impl TraceFile {
    /// Reads and checks a file; memory use is bounded by the file's length.
    pub fn read(path: &Path) -> Result<Self, TraceFileError> {
        read::read(path, None)
    }

    /// The same of a trace that is a part of a larger file.
    pub fn read_part(path: &Path, bytes: std::ops::Range<u64>) -> Result<Self, TraceFileError> {
        read::read(path, Some(bytes))
    }
}

/// Writes a trace beside `path` and renames it: either the whole file is there afterwards, or what was there before.
pub fn write_trace(path: &Path, trace: &Trace, extras: &Extras) -> Result<(), TraceFileError> {
    write::write(path, trace, extras)
}
