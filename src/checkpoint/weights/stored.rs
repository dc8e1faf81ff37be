//! A tensor as a file's header describes it, and what the name of its type means.

use candle_core::DType;
use candle_core::quantized::GgmlDType;
use std::ops::Range;

/// What a header says about a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checkpoint) struct StoredTensor {
    /// Name in the file.
    pub(in crate::checkpoint) name: String,
    /// Type, as the format spells it.
    pub(in crate::checkpoint) dtype: String,
    /// Shape.
    pub(in crate::checkpoint) shape: Vec<usize>,
    /// Its bytes in the file.
    pub(in crate::checkpoint) range: Range<usize>,
}

/// candle's type of a name that is a GGUF file's.
pub(in crate::checkpoint) fn ggml_type(name: &str) -> Option<GgmlDType> {
    Some(match name {
        "F32" => GgmlDType::F32,
        "F16" => GgmlDType::F16,
        "BF16" => GgmlDType::BF16,
        "Q4_0" => GgmlDType::Q4_0,
        "Q4_1" => GgmlDType::Q4_1,
        "Q5_0" => GgmlDType::Q5_0,
        "Q5_1" => GgmlDType::Q5_1,
        "Q8_0" => GgmlDType::Q8_0,
        "Q2_K" => GgmlDType::Q2K,
        "Q3_K" => GgmlDType::Q3K,
        "Q4_K" => GgmlDType::Q4K,
        "Q5_K" => GgmlDType::Q5K,
        "Q6_K" => GgmlDType::Q6K,
        "Q8_K" => GgmlDType::Q8K,
        _ => return None,
    })
}

/// Whether a stored type is one of blocks.
pub(super) fn is_quantised(dtype: &str) -> bool {
    ggml_type(dtype).is_some_and(|kind| kind.block_size() > 1)
}

/// The type to compute in for weights that are mostly of this stored type.
pub(super) fn natural_dtype(stored: &str) -> Option<DType> {
    is_quantised(stored).then_some(DType::F16)
}
