//! One question to one model about one photo, and everything that was seen while it was answered.
//!
//! An encoder without a decoder answers nothing: its trace has the vision part, and for CLIP the similarity of texts,
//! and no tokens.
//!
//! A trace grows while the answer is decoded: tokens and their attention rows are appended, nothing is ever changed,
//! rows are shared behind [`Arc`], so the window reads a growing trace without a lock and cloning one is cheap.

mod action;
mod attention;
mod contrast;
mod difference;
mod extras;
pub mod file;
mod run;
mod similarity;
mod tokens;
mod words;

pub use action::TokenAction;
pub use attention::{AttentionRow, RowPrecision, VisionAttention};
pub use contrast::{ContrastCandidate, Flip, TokenContrast};
pub use difference::{Difference, Makes, RunField};
pub use extras::{Extras, LogitRows, PixelValues};
pub use run::{RunInfo, Sampling, SpecInfo};
pub use similarity::{TextSimilarity, compare};
pub use tokens::{Candidate, OutputToken, PromptToken};

use extras::Notes;

use crate::geometry::ImageLayout;
use crate::ids::TokenSpan;
use std::sync::Arc;

/// One question to one model about one photo, and everything that was seen while it was answered.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Model, photo, prompt, parameters: what is needed to make this trace again.
    pub run: Arc<RunInfo>,
    /// The expanded prompt: one entry per position, image tokens included.
    pub prompt: Arc<[PromptToken]>,
    /// Where the image tokens lie in it.
    pub image_token_span: TokenSpan,
    /// How they lie on the photo. Of an encoder without a decoder, how its patches do.
    pub layout: Arc<ImageLayout>,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Decoder heads a layer (query heads).
    pub num_attention_heads: usize,
    /// Generated tokens so far.
    pub output: Vec<OutputToken>,
    /// One row per generated token: the softmax row of the position that *predicted* it.
    pub decoder_attention: Vec<Arc<AttentionRow>>,
    /// Rows of prompt positions, as (position, row), when they were asked for and fit the budget.
    pub prompt_attention: Vec<(usize, Arc<AttentionRow>)>,
    /// What the vision encoder, the first of them, looked at; `None` where it was not recorded.
    pub vision: Option<Arc<VisionAttention>>,
    /// The same of each further encoder, in the model's order.
    pub further_vision: Vec<Arc<VisionAttention>>,
    /// How well each text fits the photo; empty for models that answer.
    pub similarity: Vec<TextSimilarity>,
    /// What the user should know: rows left out for the budget, photos scaled down, and so on.
    pub warnings: Vec<String>,
}

impl Trace {
    /// Whether a model answered; without a decoder there is no prompt, no output and no row of theirs.
    pub fn has_decoder(&self) -> bool {
        self.num_hidden_layers > 0
    }

    /// What an encoder looked at, by its number; `None` where it was not recorded.
    pub fn encoder(&self, idx: usize) -> Option<&VisionAttention> {
        let further = idx.checked_sub(1).and_then(|further| self.further_vision.get(further));
        if idx == 0 { self.vision.as_deref() } else { further.map(Arc::as_ref) }
    }

    /// How many encoders were recorded.
    pub fn num_encoders(&self) -> usize {
        usize::from(self.vision.is_some()) + self.further_vision.len()
    }

    /// How an encoder's patches lie on the photo: as the cells of the regions that it saw. One without regions of its
    /// own, whose features go into the tokens of the first, has those of the first.
    pub fn encoder_layout(&self, idx: usize) -> Arc<ImageLayout> {
        if self.layout.regions().iter().all(|region| region.encoder == 0) {
            return Arc::clone(&self.layout);
        }
        let own = self.layout.of_encoder(idx).or_else(|| self.layout.of_encoder(0));
        own.map_or_else(|| Arc::clone(&self.layout), Arc::new)
    }

    /// Text of the answer so far, without special tokens.
    pub fn text(&self) -> String {
        self.output.iter().filter(|token| !token.special).map(|token| token.text.as_str()).collect()
    }

    /// Bytes of attention held.
    pub fn attention_bytes(&self) -> usize {
        let rows = self.decoder_attention.iter().chain(self.prompt_attention.iter().map(|(_, row)| row));
        let vision = self.vision.iter().chain(&self.further_vision).map(|vision| vision.bytes());
        rows.map(|row| row.bytes()).chain(vision).sum()
    }
}
