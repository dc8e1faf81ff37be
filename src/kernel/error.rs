//! What can be wrong with a call: only lengths, since every value is a valid number to these kernels.

/// A call whose buffers do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// The bytes of a weight are not as long as its shape.
    #[error("Weight of {rows} x {cols} {dtype} values does not fit its {found_bytes} bytes")]
    WeightLength {
        /// Number format.
        dtype: &'static str,
        /// Output features.
        rows: usize,
        /// Input features.
        cols: usize,
        /// **Units** bytes that were given.
        found_bytes: usize,
    },
    /// Rows that a weight does not have.
    #[error("Expected rows within 0..{available}, found {start}..{end}")]
    RowRange {
        /// First row asked for.
        start: usize,
        /// One past the last row asked for.
        end: usize,
        /// Rows there are.
        available: usize,
    },
    /// A buffer of the wrong length.
    #[error("Expected {expected} values in `{what}`, found {found}")]
    Length {
        /// The argument.
        what: &'static str,
        /// **Units** values expected.
        expected: usize,
        /// **Units** values found.
        found: usize,
    },
    /// A buffer that is not a whole number of rows.
    #[error("Expected `{what}` to hold whole rows of {row} values, found {found} values")]
    PartialRow {
        /// The argument.
        what: &'static str,
        /// **Units** values in a row.
        row: usize,
        /// **Units** values found.
        found: usize,
    },
    /// Query heads that cannot share the key heads evenly.
    #[error("Expected a multiple of {num_key_value_heads} query heads, found {num_attention_heads}")]
    HeadGroups {
        /// Key and value heads.
        num_key_value_heads: usize,
        /// Query heads.
        num_attention_heads: usize,
    },
    /// More keys asked for than the cache can hold.
    #[error("Expected at most {capacity} keys, found {key_len}")]
    CacheLength {
        /// Keys the cache has room for.
        capacity: usize,
        /// Keys asked for.
        key_len: usize,
    },
    /// Runs of a cache that together hold more or fewer keys than are asked for.
    #[error("Expected runs of {expected} positions together in `{what}`, found {found}")]
    RunLength {
        /// The argument.
        what: &'static str,
        /// Positions asked for.
        expected: usize,
        /// Positions of all runs.
        found: usize,
    },
    /// Runs of one cache in several number formats.
    #[error("Expected runs of one number format in `{what}`, found several")]
    RunFormats {
        /// The argument.
        what: &'static str,
    },
}
