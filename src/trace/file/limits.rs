//! What a trace file may say. A file of a stranger is bounded by these before anything of its size is allocated; files
//! of this program are far below them.
//!
//! Memory: values take as much as they do in the file, attention row by row; a header takes up to eight times its own
//! length while it is read, and parameters and warnings up to 256 MB (test `a_trace_takes_as_much_memory_as_its_file`).

/// Longest header, **units** bytes: the format's own limit.
pub(super) const MOST_HEADER_BYTES: u64 = 100_000_000;
/// Longest of the metadata strings but for `tokens`, **units** bytes: prompts, parameters, warnings, texts.
pub(super) const MOST_STRING_BYTES: usize = 4 << 20;
/// Tensors of a file.
pub(super) const MOST_TENSORS: usize = 256;
/// Metadata strings of a file.
pub(super) const MOST_STRINGS: usize = 64;
/// Dimensions of a tensor.
pub(super) const MOST_DIMENSIONS: usize = 8;
/// Layers of a decoder or encoder; those of the largest published ones are some 130.
pub(super) const MOST_LAYERS: usize = 1024;
/// Heads of a layer; those of the largest published ones are some 130.
pub(super) const MOST_HEADS: usize = 1024;
/// Side of the model's input.
pub(super) const MOST_INPUT_PX: usize = 1 << 16;
