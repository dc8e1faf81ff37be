//! A LLaMA-type decoder that runs a list of ragged branches in one pass.

mod layer;

use super::ModelError;
use super::additions::Additions;
use super::attention::CausalMask;
use super::cache::KvCache;
use super::linear::{Linear, RmsNorm};
use super::matrix::Matrix;
use super::positions::Positions;
use super::probe::{Probe, Site, Tower};
use super::rope::Rope;
use super::weights::{Scope, TensorSource, activation_dtype};
use crate::checkpoint::{SlidingWindow, TextConfig};
use candle_core::{DType, Device, Result, Tensor};
use layer::DecoderLayer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// New positions of one branch, and what it has seen before.
#[derive(Debug)]
pub struct BranchInput<'a> {
    /// Number of the branch in the run (0 is the ordinary one), as probes see it.
    pub branch_idx: usize,
    /// What it has seen; grows by the new positions when the pass succeeds.
    pub cache: &'a mut KvCache,
    /// The new positions, **shape** `[query_len, hidden_size]`.
    pub embeddings: Tensor,
    /// Where they stand for the rotary embedding, as many as there are rows.
    pub positions: Positions,
    /// What is added to the outputs of the first layers, by place in the sequence; probes see outputs without it.
    pub additions: Additions,
}

impl<'a> BranchInput<'a> {
    /// New positions that stand where they come in the sequence.
    pub fn counted(branch_idx: usize, cache: &'a mut KvCache, embeddings: Tensor) -> Self {
        let (start, len) = (cache.len(), embeddings.dims().first().copied().unwrap_or(0));
        let positions = Positions::counted(0).range(start..start + len);
        Self { branch_idx, cache, embeddings, positions, additions: Additions::default() }
    }
}

/// Of which positions the logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitRows {
    /// The last of each branch: **shape** `[vocab_size]`.
    Last,
    /// All new ones: **shape** `[query_len, vocab_size]`.
    All,
}

/// What of a layer [`Decoder::part`] runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerPart {
    /// The norm in front of the attention, **shape** `[rows, hidden_size]` to the same.
    InputNorm,
    /// That norm and the values behind it, `[rows, hidden_size]` to `[rows, num_key_value_heads * head_dim]`.
    Values,
    /// What the heads found as it is added to the hidden states, `[rows, num_attention_heads * head_dim]` to `[rows,
    /// hidden_size]`.
    ProjectHeads,
    /// Norm and feed-forward part with what goes round them, `[rows, hidden_size]` to the same.
    FeedForward,
}

/// A LLaMA-type decoder that runs a list of ragged branches in one pass.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: TextConfig,
    device: Device,
    /// Of activations.
    dtype: DType,
    /// See [`KvCache`].
    cache_dtype: DType,
    embed_tokens: Matrix,
    layers: Vec<DecoderLayer>,
    norm: RmsNorm,
    lm_head: Linear,
    rope: Rope,
    /// See [`Decoder::rows_run`].
    rows_run: Arc<AtomicU64>,
}

/// Where a branch's rows lie among all rows, and what depends only on its positions.
struct BranchRows {
    branch_idx: usize,
    row_start: usize,
    query_start: usize,
    query_len: usize,
    cos: Tensor,
    sin: Tensor,
    mask: CausalMask,
    /// The mask of layers with a sliding window.
    window_mask: CausalMask,
}

impl BranchRows {
    /// The mask of a layer.
    fn mask(&self, layer_idx: usize, window: Option<SlidingWindow>) -> &CausalMask {
        if window.is_some_and(|window| layer_idx >= window.first_layer) { &self.window_mask } else { &self.mask }
    }

    fn site(&self, layer_idx: usize) -> Site {
        Site {
            tower: Tower::Decoder,
            encoder_idx: 0,
            layer_idx,
            branch_idx: self.branch_idx,
            query_start: self.query_start,
            query_len: self.query_len,
            key_len: self.query_start + self.query_len,
        }
    }
}

impl Decoder {
    /// Loads `language_model.*` and `lm_head`.
    pub fn load(
        source: &dyn TensorSource,
        config: &TextConfig,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        check(config)?;
        let root = Scope::root(source, dtype, device);
        let scope = root.at("language_model");
        let TextConfig { hidden_size, vocab_size, .. } = *config;
        let embed_tokens = scope.table("embed_tokens", [vocab_size, hidden_size])?;
        let lm_head = if config.tie_word_embeddings {
            // Some checkpoints store the tied matrix twice: taken, not used.
            root.at("lm_head").pass_over("weight", [vocab_size, hidden_size])?;
            Linear::over(embed_tokens.clone(), None)
        } else {
            root.linear("lm_head", hidden_size, vocab_size, false)?
        };
        let layers = scope.at("layers");
        let layers = (0..config.num_hidden_layers).map(|layer_idx| DecoderLayer::load(&layers.at(layer_idx), config));
        Ok(Self {
            layers: layers.collect::<std::result::Result<_, _>>()?,
            norm: scope.rms_norm("norm", hidden_size, config.rms_norm_eps)?,
            rope: Rope::new(config),
            rows_run: Arc::default(),
            config: config.clone(),
            device: device.clone(),
            dtype: activation_dtype(dtype, device),
            cache_dtype: if device.is_cpu() && dtype == DType::F16 { DType::F16 } else { DType::F32 },
            embed_tokens,
            lm_head,
        })
    }

    /// The configuration it was loaded with.
    pub fn config(&self) -> &TextConfig {
        &self.config
    }

    /// Where it runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Type of activations.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Bytes of weights that choosing one token reads.
    pub fn bytes_per_token(&self) -> usize {
        self.layers.iter().map(DecoderLayer::bytes).sum::<usize>() + self.lm_head.bytes()
    }

    /// Positions, of all branches, that were run since it was loaded: what a measurement counts passes by.
    pub fn rows_run(&self) -> u64 {
        self.rows_run.load(Ordering::Relaxed)
    }

    /// An empty cache with room for `capacity` positions.
    pub fn new_cache(&self, capacity: usize) -> std::result::Result<KvCache, ModelError> {
        KvCache::new(&self.config, capacity, self.cache_dtype, &self.device)
            .map_err(ModelError::part("Taking a key/value cache"))
    }

    /// Embeddings of text tokens, **shape** `[ids, hidden_size]`.
    pub fn embed(&self, ids: &[u32]) -> std::result::Result<Tensor, ModelError> {
        let vocab_size = self.config.vocab_size;
        if let Some((position, &id)) = ids.iter().enumerate().find(|(_, id)| **id as usize >= vocab_size) {
            return Err(ModelError::TokenOutOfRange { id, position, vocab_size });
        }
        self.embed_tokens.gather(ids, &self.device).map_err(ModelError::part("Token embedding"))
    }

    /// Runs new positions of every branch through all layers; logits in f32, one tensor per branch.
    ///
    /// Matrix products see the rows of all branches at once; attention runs per branch over its own keys.
    pub fn forward(
        &self,
        branches: &mut [BranchInput<'_>],
        logit_rows: LogitRows,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Vec<Tensor>, ModelError> {
        self.forward_from(0, branches, logit_rows, probe)
    }

    /// The same from a layer on, whose input the embeddings are. Caches get the new positions in its layer and in those
    /// behind it alone: for rows that are tried and taken back ([`KvCache::truncate`]).
    pub fn forward_from(
        &self,
        first_layer: usize,
        branches: &mut [BranchInput<'_>],
        logit_rows: LogitRows,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Vec<Tensor>, ModelError> {
        if self.device.is_cpu() {
            // A step is hundreds of short products: entering the pool once saves waking it for each.
            return rayon::scope(|_| self.run(first_layer, branches, logit_rows, probe));
        }
        self.run(first_layer, branches, logit_rows, probe)
    }

    fn run(
        &self,
        first_layer: usize,
        branches: &mut [BranchInput<'_>],
        logit_rows: LogitRows,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Vec<Tensor>, ModelError> {
        if branches.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.place(branches)?;
        for (branch, rows) in branches.iter_mut().zip(&rows) {
            let room = branch.cache.make_room(rows.query_len);
            room.map_err(ModelError::part("Taking a key/value cache"))?;
        }
        let embeddings: Vec<_> = branches.iter().map(|branch| branch.embeddings.clone()).collect();
        let mut hidden = cat_rows(&embeddings)
            .and_then(|hidden| hidden.to_dtype(self.dtype()))
            .map_err(ModelError::part("Token embedding"))?;
        for (layer_idx, layer) in self.layers.iter().enumerate().skip(first_layer) {
            if probe.cancelled() {
                return Err(ModelError::Cancelled);
            }
            hidden = layer
                .forward(&hidden, layer_idx, &rows, branches, probe)
                .and_then(|hidden| add(hidden, layer_idx, &rows, branches))
                .map_err(ModelError::layer("Decoder", layer_idx))?;
        }
        let logits = self.logits(&hidden, &rows, logit_rows).map_err(ModelError::part("Output head"))?;
        for (branch, rows) in branches.iter_mut().zip(&rows) {
            branch.cache.advance(rows.query_len);
            self.rows_run.fetch_add(rows.query_len as u64, Ordering::Relaxed);
        }
        Ok(logits)
    }

    /// Checks every branch and lays their rows one after the other.
    fn place(&self, branches: &[BranchInput<'_>]) -> std::result::Result<Vec<BranchRows>, ModelError> {
        let mut row_start = 0;
        let mut placed = Vec::with_capacity(branches.len());
        for BranchInput { branch_idx, cache, embeddings, positions, .. } in branches {
            let (query_len, width) = embeddings.dims2().map_err(ModelError::part("Token embedding"))?;
            if width != self.config.hidden_size {
                let (expected, found) = (vec![query_len, self.config.hidden_size], vec![query_len, width]);
                return Err(ModelError::InputShape { what: "embeddings", expected, found });
            }
            if query_len == 0 {
                return Err(ModelError::EmptyPrompt);
            }
            if cache.num_hidden_layers() != self.layers.len() {
                let (expected, found) = (self.layers.len(), cache.num_hidden_layers());
                return Err(ModelError::CacheMismatch { expected, found });
            }
            let query_start = cache.len();
            let needed = query_start + query_len;
            if needed > cache.capacity() {
                return Err(ModelError::ContextFull { capacity: cache.capacity(), needed });
            }
            if positions.num_rows() != self.rope.num_rows() || positions.len() != query_len {
                let expected = vec![self.rope.num_rows(), query_len];
                let found = vec![positions.num_rows(), positions.len()];
                return Err(ModelError::InputShape { what: "positions", expected, found });
            }
            let angles = self.rope.angles(positions, self.device());
            let (cos, sin) = angles.map_err(ModelError::part("Position embedding"))?;
            let mask = CausalMask::new(query_start, query_len, None);
            let window = self.config.sliding_window.map(|window| window.positions);
            let window_mask = CausalMask::new(query_start, query_len, window);
            let branch_idx = *branch_idx;
            placed.push(BranchRows { branch_idx, row_start, query_start, query_len, cos, sin, mask, window_mask });
            row_start += query_len;
        }
        Ok(placed)
    }

    /// Hidden states through the final norm, **shape** `[rows, hidden_size]` to the same.
    pub fn final_norm(&self, hidden: &Tensor) -> std::result::Result<Tensor, ModelError> {
        self.norm.forward(hidden).map_err(ModelError::part("Final norm"))
    }

    /// Logits of hidden states through the output head alone, in f32, **shape** `[rows, hidden_size]` to `[rows,
    /// vocab_size]`: what [`Decoder::forward`] gives is that of the last layer's output behind [`Decoder::final_norm`].
    pub fn read_out(&self, hidden: &Tensor) -> std::result::Result<Tensor, ModelError> {
        let logits = hidden.to_dtype(self.dtype).and_then(|hidden| self.lm_head.forward(&hidden)?.to_dtype(DType::F32));
        logits.map_err(ModelError::part("Output head"))
    }

    /// A layer's part by itself, of rows that no pass has: for methods that compute a branch of their own.
    pub fn part(&self, layer_idx: usize, part: LayerPart, rows: &Tensor) -> std::result::Result<Tensor, ModelError> {
        let expected = self.layers.len().saturating_sub(1);
        let beyond = || candle_core::Error::Msg(format!("Expected a layer up to {expected}"));
        let run = || {
            let layer = self.layers.get(layer_idx).ok_or_else(beyond)?;
            let rows = rows.to_dtype(self.dtype)?;
            match part {
                LayerPart::InputNorm => layer.input_norm(&rows),
                LayerPart::Values => layer.values(&rows),
                LayerPart::ProjectHeads => layer.project_heads(&rows),
                LayerPart::FeedForward => layer.feed_forward(&rows),
            }
        };
        run().map_err(ModelError::layer("Decoder", layer_idx))
    }

    fn logits(&self, hidden: &Tensor, rows: &[BranchRows], logit_rows: LogitRows) -> Result<Vec<Tensor>> {
        let head = |hidden: &Tensor| self.lm_head.forward(&self.norm.forward(hidden)?)?.to_dtype(DType::F32);
        match logit_rows {
            LogitRows::Last => {
                let last = rows.iter().map(|rows| hidden.narrow(0, rows.row_start + rows.query_len - 1, 1));
                let logits = head(&cat_rows(&last.collect::<Result<Vec<_>>>()?)?)?;
                (0..rows.len()).map(|branch| logits.get(branch)).collect()
            }
            LogitRows::All => {
                let logits = head(hidden)?;
                rows.iter().map(|rows| logits.narrow(0, rows.row_start, rows.query_len)).collect()
            }
        }
    }
}

/// Rows of several tensors as one, without a copy when there is only one.
fn cat_rows(parts: &[Tensor]) -> Result<Tensor> {
    match parts {
        [one] => Ok(one.clone()),
        several => Tensor::cat(several, 0),
    }
}

/// A layer's output with what the branches add to it.
fn add(hidden: Tensor, layer_idx: usize, rows: &[BranchRows], branches: &[BranchInput<'_>]) -> Result<Tensor> {
    if branches.iter().all(|branch| !branch.additions.reach(layer_idx)) {
        return Ok(hidden);
    }
    let parts = branches.iter().zip(rows).map(|(branch, rows)| {
        let own = hidden.narrow(0, rows.row_start, rows.query_len)?;
        Ok(branch.additions.add_to(&own, layer_idx, rows.query_start)?.unwrap_or(own))
    });
    Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)
}

fn check(config: &TextConfig) -> std::result::Result<(), ModelError> {
    let TextConfig { num_attention_heads, num_key_value_heads, head_dim, .. } = *config;
    ModelError::check_sizes(&[
        ("hidden_size", config.hidden_size),
        ("intermediate_size", config.intermediate_size),
        ("num_attention_heads", num_attention_heads),
        ("num_key_value_heads", num_key_value_heads),
        ("head_dim", head_dim),
        ("vocab_size", config.vocab_size),
    ])?;
    ModelError::check_divides(num_key_value_heads, num_attention_heads, "attention heads in equal groups")?;
    ModelError::check_divides(2, head_dim, "an even head width")
}
