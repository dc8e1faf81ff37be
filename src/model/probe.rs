//! One place to look and to touch.
//!
//! The forward pass calls a probe at six places of every attention layer. Recording a trace, boosting image keys,
//! knocking out a patch: all of them are probes, so there is one forward pass and no copy of it. A place that a probe
//! does not want costs nothing.

use candle_core::{Result, Tensor};

/// Which transformer a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tower {
    /// A vision encoder; key 0 is `[CLS]` where it has one.
    Vision,
    /// The decoder.
    Decoder,
}

/// Where in the forward pass a probe is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Vision or decoder.
    pub tower: Tower,
    /// Which of the model's vision encoders; 0 in the decoder.
    pub encoder_idx: usize,
    /// 0-based layer.
    pub layer_idx: usize,
    /// Which of the step's branches (0 is the ordinary one).
    pub branch_idx: usize,
    /// Position of the first query row.
    pub query_start: usize,
    /// Number of query rows.
    pub query_len: usize,
    /// Number of keys.
    pub key_len: usize,
}

/// Sees and edits one forward pass. `Ok(None)` leaves a tensor as it is.
///
/// Per layer the order is input, scores, probabilities, head outputs, output of the feed-forward part, layer output;
/// with several branches each place is called once per branch. What a probe keeps should be copied out: a view
/// (`narrow`) keeps the memory of the whole tensor alive. On the CPU a pass runs on a thread of the pool that computes
/// it, so a probe must be [`Send`].
pub trait Probe: Send {
    /// Whether [`Probe::input`] is to be called here.
    fn wants_input(&self, _site: &Site) -> bool {
        false
    }

    /// Input of the layer as every edit before it left it, to look at. **Shape** `[query_len, hidden_size]`.
    fn input(&mut self, _site: &Site, _input: &Tensor) -> Result<()> {
        Ok(())
    }

    /// Whether [`Probe::scores`] is to be called here.
    fn wants_scores(&self, _site: &Site) -> bool {
        false
    }

    /// Scores before the softmax, masked, f32, **shape** `[num_attention_heads, query_len, key_len]`.
    fn scores(&mut self, _site: &Site, _scores: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Whether [`Probe::probs`] is to be called here.
    fn wants_probs(&self, _site: &Site) -> bool {
        false
    }

    /// Probabilities after the softmax, f32, **shape** `[num_attention_heads, query_len, key_len]`.
    fn probs(&mut self, _site: &Site, _probs: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Whether [`Probe::heads`] is to be called here.
    fn wants_heads(&self, _site: &Site) -> bool {
        false
    }

    /// Outputs of the heads side by side, before the output projection, f32, **shape** `[query_len, width]` with
    /// `num_attention_heads * head_dim` columns.
    fn heads(&mut self, _site: &Site, _heads: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Whether [`Probe::mlp`] is to be called here.
    fn wants_mlp(&self, _site: &Site) -> bool {
        false
    }

    /// Output of the feed-forward part, before it is added to the residual stream, **shape** `[query_len,
    /// hidden_size]`.
    fn mlp(&mut self, _site: &Site, _mlp: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Whether [`Probe::hidden`] is to be called here.
    fn wants_hidden(&self, _site: &Site) -> bool {
        false
    }

    /// Output of the layer, **shape** `[query_len, hidden_size]`.
    fn hidden(&mut self, _site: &Site, _hidden: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// A search may follow several answers in one pass, whose calls alternate. Those that come next are of the position
    /// that predicts row `row_id`, a number of its own for every position of every answer; a pass that is tried again
    /// has the same numbers.
    fn turn_to(&mut self, _row_id: u64) {}

    /// Asked before every layer: `true` ends the forward pass with an error that the caller recognises.
    fn cancelled(&self) -> bool {
        false
    }
}

/// The probe that looks at nothing.
impl Probe for () {}
