//! Indices that were checked once, where they came in, so that nobody has to check them again. None of them is read
//! from a file as it is.

/// Why an index or a span was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The index is not below the count.
    #[error("Expected a {what} index below {count}, found {found}")]
    OutOfRange {
        /// What is counted, for the message: `layer`, `head`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The index that was asked for.
        found: usize,
    },
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(usize);

        impl $name {
            /// The `idx`-th of `count`, 0-based.
            pub fn new(idx: usize, count: usize) -> Result<Self, IdError> {
                if idx < count {
                    Ok(Self(idx))
                } else {
                    Err(IdError::OutOfRange { what: $what, count, found: idx })
                }
            }

            /// The nearest valid index: for a selection that outlives the model it was made on. `None` when there is
            /// nothing to select.
            pub fn clamped(idx: usize, count: usize) -> Option<Self> {
                count.checked_sub(1).map(|last| Self(idx.min(last)))
            }

            /// Every index below `count`, in order.
            pub fn all(count: usize) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
                (0..count).map(Self)
            }

            /// The 0-based position.
            pub fn get(self) -> usize {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

index!(
    /// A layer of the decoder or of the vision encoder, 0-based.
    LayerIdx,
    "layer"
);
index!(
    /// An attention head of a layer, 0-based.
    HeadIdx,
    "head"
);

/// A run of token positions: `start..start + len`, in positions of the expanded prompt (one position per image token).
/// Numbers of a file go through [`Self::within`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TokenSpan {
    /// First position.
    pub start: usize,
    /// Number of positions.
    pub len: usize,
}

impl TokenSpan {
    /// The run, if it lies within the first `count` positions.
    pub fn within(start: usize, len: usize, count: usize) -> Option<Self> {
        start.checked_add(len).filter(|end| *end <= count).map(|_| Self { start, len })
    }

    /// One past the last position.
    pub fn end(self) -> usize {
        self.start.saturating_add(self.len)
    }

    /// The positions.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.end()
    }

    /// Whether `position` lies inside.
    pub fn contains(self, position: usize) -> bool {
        self.range().contains(&position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_a_file_lies_within_what_there_is() {
        assert_eq!(TokenSpan::within(2, 3, 5), Some(TokenSpan { start: 2, len: 3 }), "to the end");
        for (start, len) in [(2, 4), (6, 0), (usize::MAX, 1), (1, usize::MAX)] {
            assert_eq!(TokenSpan::within(start, len, 5), None, "{len} from {start}");
        }
        assert_eq!(TokenSpan { start: usize::MAX, len: 2 }.end(), usize::MAX, "no overflow");
    }
}
