//! A token by its place.

/// A token by its place. Selections are by place, never by text: a word may occur twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum TokenRef {
    /// A position of the expanded prompt; its row is that of the position itself, and is there only when prompt rows
    /// were recorded.
    Prompt(usize),
    /// A generated token, 0-based; its row is that of the position that predicted it.
    Output(usize),
}

impl std::fmt::Display for TokenRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prompt(position) => write!(f, "prompt position {position}"),
            Self::Output(idx) => write!(f, "answer token {idx}"),
        }
    }
}
