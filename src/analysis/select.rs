//! What to put together, and how.

use super::{AnalysisError, TokenRef};
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::{AttentionRow, Trace};
use serde::{Deserialize, Serialize};

/// How several numbers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    /// Their arithmetic mean.
    #[default]
    Mean,
    /// The largest.
    Max,
}

/// One of a row of layers or heads, or several of them put together: by plain numbers, as requests and recipes have
/// it, or by those of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pick<I = usize> {
    /// One.
    One(I),
    /// From the first to the last, both included.
    Span {
        /// First.
        first: I,
        /// Last.
        last: I,
        /// How they become one.
        #[serde(rename = "together")]
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

impl Pick {
    /// The layers of a model with `count`; `None` where one is not there.
    pub fn layers(self, count: usize) -> Option<Pick<LayerIdx>> {
        self.of(|idx| LayerIdx::new(idx, count).ok())
    }

    /// The heads of a model with `count` a layer; `None` where one is not there.
    pub fn heads(self, count: usize) -> Option<Pick<HeadIdx>> {
        self.of(|idx| HeadIdx::new(idx, count).ok())
    }

    fn of<I>(self, index: impl Fn(usize) -> Option<I>) -> Option<Pick<I>> {
        Some(match self {
            Self::One(idx) => Pick::One(index(idx)?),
            Self::Span { first, last, reduce } => Pick::Span { first: index(first)?, last: index(last)?, reduce },
            Self::All(reduce) => Pick::All(reduce),
        })
    }

    /// The first number that a model with `count` of them has not.
    fn beyond(self, count: usize) -> Option<usize> {
        let (first, last) = match self {
            Self::One(idx) => (idx, idx),
            Self::Span { first, last, .. } => (first, last),
            Self::All(_) => return None,
        };
        [first, last].into_iter().find(|idx| *idx >= count)
    }
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

impl Selection {
    /// By plain numbers, for a model of so many layers and heads a layer. **Errors** where one is not there.
    pub fn new(layers: Pick, heads: Pick, [num_layers, num_heads]: [usize; 2]) -> Result<Self, AnalysisError> {
        let beyond = |what, pick: Pick, count| {
            let found = pick.beyond(count).unwrap_or(count);
            AnalysisError::OutOfRange { what, count, found }
        };
        Ok(Self {
            layers: layers.layers(num_layers).ok_or_else(|| beyond("layer", layers, num_layers))?,
            heads: heads.heads(num_heads).ok_or_else(|| beyond("head", heads, num_heads))?,
        })
    }
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

    /// They and their rows; an error when there are none or one is missing.
    pub(super) fn rows<'t>(&self, trace: &'t Trace) -> Result<Vec<(TokenRef, &'t AttentionRow)>, AnalysisError> {
        if self.tokens.is_empty() {
            return Err(AnalysisError::NothingSelected { what: "token" });
        }
        self.tokens.iter().map(|token| Ok((*token, token.row(trace)?))).collect()
    }
}
