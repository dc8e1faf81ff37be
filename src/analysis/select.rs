//! What to put together, and how.

use super::AnalysisError;
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::{AttentionRow, Trace};

/// How several numbers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Reduce {
    /// Their arithmetic mean.
    #[default]
    Mean,
    /// The largest.
    Max,
}

/// One of a row of layers or heads, or several of them put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pick<I> {
    /// One.
    One(I),
    /// From the first to the last, both included.
    Span {
        /// First.
        first: I,
        /// Last.
        last: I,
        /// How they become one.
        reduce: Reduce,
    },
    /// All there are.
    All(Reduce),
}

impl<I> Default for Pick<I> {
    fn default() -> Self {
        Self::All(Reduce::Mean)
    }
}

macro_rules! pick {
    ($index:ident, $what:literal) => {
        impl Pick<$index> {
            /// Those selected of `count`, in order.
            pub(super) fn indices(self, count: usize) -> Result<Vec<$index>, AnalysisError> {
                let checked = |index: $index| {
                    $index::new(index.get(), count).map_err(|_| AnalysisError::OutOfRange {
                        what: $what,
                        count,
                        found: index.get(),
                    })
                };
                let indices: Vec<$index> = match self {
                    Self::One(one) => vec![checked(one)?],
                    Self::All(_) => $index::all(count).collect(),
                    Self::Span { first, last, .. } => {
                        let (first, last) = (checked(first)?, checked(last)?);
                        $index::all(count).filter(|index| (first..=last).contains(index)).collect()
                    }
                };
                if indices.is_empty() { Err(AnalysisError::NothingSelected { what: $what }) } else { Ok(indices) }
            }

            /// How those selected become one.
            pub fn reduce(self) -> Reduce {
                match self {
                    Self::One(_) => Reduce::Mean,
                    Self::Span { reduce, .. } | Self::All(reduce) => reduce,
                }
            }
        }
    };
}

pick!(LayerIdx, "layer");
pick!(HeadIdx, "head");

/// Layers and heads. Heads are put together first, then layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Selection {
    /// Layers.
    pub layers: Pick<LayerIdx>,
    /// Heads.
    pub heads: Pick<HeadIdx>,
}

/// A token by its place. Selections are by place, never by text: a word may occur twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenRef {
    /// A position of the expanded prompt; its row is that of the position itself, and is there only when prompt rows were recorded.
    Prompt(usize),
    /// A generated token, 0-based; its row is that of the position that predicted it.
    Output(usize),
}

impl TokenRef {
    /// The token's attention row.
    pub fn row(self, trace: &Trace) -> Result<&AttentionRow, AnalysisError> {
        let row = match self {
            Self::Output(idx) => trace.decoder_attention.get(idx),
            Self::Prompt(position) => trace.prompt_attention.iter().find(|(at, _)| *at == position).map(|(_, row)| row),
        };
        let row = row.ok_or(AnalysisError::NoRow { token: self })?.as_ref();
        for (what, expected, found) in [
            ("layers", trace.num_hidden_layers, row.num_hidden_layers()),
            ("heads", trace.num_attention_heads, row.num_attention_heads()),
        ] {
            if expected != found {
                return Err(AnalysisError::WrongShape { what, expected, found });
            }
        }
        Ok(row)
    }
}

impl std::fmt::Display for TokenRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prompt(position) => write!(f, "prompt position {position}"),
            Self::Output(idx) => write!(f, "answer token {idx}"),
        }
    }
}

/// Tokens whose rows are put together, after layers and heads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TokenSet {
    tokens: Vec<TokenRef>,
    reduce: Reduce,
}

impl TokenSet {
    /// One generated token.
    pub fn output(idx: usize) -> Self {
        Self { tokens: vec![TokenRef::Output(idx)], reduce: Reduce::Mean }
    }

    /// Several tokens; order and repetition do not matter.
    pub fn new(tokens: impl IntoIterator<Item = TokenRef>, reduce: Reduce) -> Self {
        let mut tokens: Vec<TokenRef> = tokens.into_iter().collect();
        tokens.sort_unstable();
        tokens.dedup();
        Self { tokens, reduce }
    }

    /// Generated tokens that have a row and are words or signs, by place: not the one that ends the answer.
    pub fn words(trace: &Trace) -> impl Iterator<Item = usize> + '_ {
        let with_rows = trace.output.iter().enumerate().take(trace.decoder_attention.len());
        with_rows.filter(|(_, token)| !token.special).map(|(at, _)| at)
    }

    /// Every generated token of a trace that has a row.
    pub fn answer(trace: &Trace, reduce: Reduce) -> Self {
        Self { tokens: (0..trace.decoder_attention.len()).map(TokenRef::Output).collect(), reduce }
    }

    /// The tokens, prompt first, in order.
    pub fn tokens(&self) -> &[TokenRef] {
        &self.tokens
    }

    /// How they become one.
    pub fn reduce(&self) -> Reduce {
        self.reduce
    }

    /// Their rows; an error when there are none or one is missing.
    pub(super) fn rows<'t>(&self, trace: &'t Trace) -> Result<Vec<&'t AttentionRow>, AnalysisError> {
        if self.tokens.is_empty() {
            return Err(AnalysisError::NothingSelected { what: "token" });
        }
        self.tokens.iter().map(|token| token.row(trace)).collect()
    }
}
