//! One layer: pre-norm attention and a gated feed-forward part.

use super::{BranchInput, BranchRows, cat_rows};
use crate::checkpoint::{Activation, SlidingWindow, TextConfig};
use crate::kernel::CacheShape;
use crate::model::attention::{attend, attend_one, score_scale, show_heads, show_hidden, show_mlp, split_heads};
use crate::model::linear::{Linear, RmsNorm, activate_and_multiply};
use crate::model::rope::{rotate, rotate_one};
use crate::model::slices::with_values;
use crate::model::weights::Scope;
use crate::model::{KvCache, ModelError, Probe, Site};
use candle_core::{Result, Tensor};

#[derive(Debug, Clone)]
pub(super) struct DecoderLayer {
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    hidden_act: Activation,
    sliding_window: Option<SlidingWindow>,
    input_layernorm: RmsNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    post_attention_layernorm: RmsNorm,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl DecoderLayer {
    pub(super) fn load(scope: &Scope<'_>, config: &TextConfig) -> std::result::Result<Self, ModelError> {
        let TextConfig { hidden_size, intermediate_size, head_dim, qkv_bias, o_bias, mlp_bias, rms_norm_eps, .. } =
            *config;
        let query_width = config.num_attention_heads * head_dim;
        let key_width = config.num_key_value_heads * head_dim;
        let (attention, mlp) = (scope.at("self_attn"), scope.at("mlp"));
        Ok(Self {
            num_attention_heads: config.num_attention_heads,
            num_key_value_heads: config.num_key_value_heads,
            head_dim,
            hidden_act: config.hidden_act,
            sliding_window: config.sliding_window,
            input_layernorm: scope.rms_norm("input_layernorm", hidden_size, rms_norm_eps)?,
            q_proj: attention.linear("q_proj", hidden_size, query_width, qkv_bias)?,
            k_proj: attention.linear("k_proj", hidden_size, key_width, qkv_bias)?,
            v_proj: attention.linear("v_proj", hidden_size, key_width, qkv_bias)?,
            o_proj: attention.linear("o_proj", query_width, hidden_size, o_bias)?,
            post_attention_layernorm: scope.rms_norm("post_attention_layernorm", hidden_size, rms_norm_eps)?,
            gate_proj: mlp.linear("gate_proj", hidden_size, intermediate_size, mlp_bias)?,
            up_proj: mlp.linear("up_proj", hidden_size, intermediate_size, mlp_bias)?,
            down_proj: mlp.linear("down_proj", intermediate_size, hidden_size, mlp_bias)?,
        })
    }

    pub(super) fn bytes(&self) -> usize {
        let Self { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, .. } = self;
        [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj].map(Linear::bytes).iter().sum()
    }

    /// **Shape**: `[rows of all branches, hidden_size]` to the same.
    pub(super) fn forward(
        &self,
        hidden: &Tensor,
        layer_idx: usize,
        rows: &[BranchRows],
        branches: &[BranchInput<'_>],
        probe: &mut dyn Probe,
    ) -> Result<Tensor> {
        for rows in rows {
            show_input(hidden, rows, layer_idx, probe)?;
        }
        let normed = self.input_layernorm.forward(hidden)?;
        let query = self.q_proj.forward(&normed)?;
        let key = self.k_proj.forward(&normed)?;
        let value = self.v_proj.forward(&normed)?;
        let mut attended = Vec::with_capacity(rows.len());
        for (rows, branch) in rows.iter().zip(branches) {
            let own = |all: &Tensor| all.narrow(0, rows.row_start, rows.query_len);
            let qkv = [own(&query)?, own(&key)?, own(&value)?];
            if let Some(first) = branches.first().filter(|_| !attended.is_empty()) {
                branch.cache.take_shared(layer_idx, first.cache)?;
            }
            attended.push(self.attend_branch(&qkv, layer_idx, rows, branch.cache, probe)?);
        }
        let attended = cat_rows(&attended)?.to_dtype(hidden.dtype())?;
        let hidden = (hidden + self.o_proj.forward(&attended)?)?;

        let fed = self.fed(&hidden)?;
        let fed = show_branches(fed, layer_idx, rows, probe, |probe, site| probe.wants_mlp(site), show_mlp)?;
        let hidden = (hidden + fed)?;
        show_branches(hidden, layer_idx, rows, probe, |probe, site| probe.wants_hidden(site), show_hidden)
    }

    /// What the feed-forward part behind the attention gives. **Shape**: `[rows, hidden_size]` to the same.
    fn fed(&self, hidden: &Tensor) -> Result<Tensor> {
        let normed = self.post_attention_layernorm.forward(hidden)?;
        let (gate, up) = (self.gate_proj.forward(&normed)?, self.up_proj.forward(&normed)?);
        self.down_proj.forward(&activate_and_multiply(self.hidden_act, gate, &up)?)
    }

    /// Hidden states behind the attention with what the feed-forward part adds to them. **Shape**: `[rows,
    /// hidden_size]` to the same.
    pub(super) fn feed_forward(&self, hidden: &Tensor) -> Result<Tensor> {
        hidden + self.fed(hidden)?
    }

    /// The norm in front of the attention. **Shape**: `[rows, hidden_size]` to the same.
    pub(super) fn input_norm(&self, hidden: &Tensor) -> Result<Tensor> {
        self.input_layernorm.forward(hidden)
    }

    /// **Shape**: `[rows, hidden_size]` to `[rows, num_key_value_heads * head_dim]`.
    pub(super) fn values(&self, hidden: &Tensor) -> Result<Tensor> {
        self.v_proj.forward(&self.input_layernorm.forward(hidden)?)
    }

    /// **Shape**: `[rows, num_attention_heads * head_dim]` to `[rows, hidden_size]`.
    pub(super) fn project_heads(&self, heads: &Tensor) -> Result<Tensor> {
        self.o_proj.forward(heads)
    }

    fn attend_branch(
        &self,
        [query, key, value]: &[Tensor; 3],
        layer_idx: usize,
        rows: &BranchRows,
        cache: &KvCache,
        probe: &mut dyn Probe,
    ) -> Result<Tensor> {
        let (site, mask) = (rows.site(layer_idx), rows.mask(layer_idx, self.sliding_window));
        if query.device().is_cpu() && !mask.hides_any() {
            let attended = self.attend_one([query, key, value], rows, &site, cache, probe)?;
            return show_heads(attended, &site, probe);
        }
        let query = (split_heads(query, self.num_attention_heads, self.head_dim)? * score_scale(self.head_dim))?;
        let query = rotate(&query, &rows.cos, &rows.sin)?;
        let key = rotate(&split_heads(key, self.num_key_value_heads, self.head_dim)?, &rows.cos, &rows.sin)?;
        let value = split_heads(value, self.num_key_value_heads, self.head_dim)?;
        cache.write(layer_idx, &key, &value)?;
        let (key, value) = cache.read(layer_idx, site.key_len)?;
        let attended = attend(&query, &key, &value, Some(mask), &site, probe)?;
        show_heads(attended, &site, probe)
    }

    /// One new position on the CPU: no tensors but those that are shown.
    fn attend_one(
        &self,
        [query, key, value]: [&Tensor; 3],
        rows: &BranchRows,
        site: &Site,
        cache: &KvCache,
        probe: &mut dyn Probe,
    ) -> Result<Tensor> {
        let turned = |heads: &Tensor| {
            let mut heads = with_values(heads, |values| Ok(values.to_vec()))?;
            let mut turn = |cos: &[f32], sin: &[f32]| {
                rotate_one(&mut heads, cos, sin);
                Ok(())
            };
            with_values(&rows.cos, |cos| with_values(&rows.sin, |sin| turn(cos, sin)))?;
            Ok::<_, candle_core::Error>(heads)
        };
        let shape = CacheShape {
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            key_len: site.key_len,
        };
        let heads = (self.num_key_value_heads, 1, self.head_dim);
        let key = Tensor::from_vec(turned(key)?, heads, key.device())?;
        cache.write(site.layer_idx, &key, &value.reshape(heads)?)?;
        attend_one(&turned(query)?, cache, &shape, site, probe)
    }
}

/// Shows the probe the rows of a branch in the input of a layer.
fn show_input(input: &Tensor, rows: &BranchRows, layer_idx: usize, probe: &mut dyn Probe) -> Result<()> {
    let site = rows.site(layer_idx);
    if !probe.wants_input(&site) {
        return Ok(());
    }
    probe.input(&site, &input.narrow(0, rows.row_start, rows.query_len)?)
}

/// Shows the probe the rows of each branch by themselves, if it wants any of them.
fn show_branches(
    all: Tensor,
    layer_idx: usize,
    rows: &[BranchRows],
    probe: &mut dyn Probe,
    wants: fn(&dyn Probe, &Site) -> bool,
    show: fn(Tensor, &Site, &mut dyn Probe) -> Result<Tensor>,
) -> Result<Tensor> {
    if !rows.iter().any(|rows| wants(probe, &rows.site(layer_idx))) {
        return Ok(all);
    }
    let shown =
        rows.iter().map(|rows| show(all.narrow(0, rows.row_start, rows.query_len)?, &rows.site(layer_idx), probe));
    cat_rows(&shown.collect::<Result<Vec<_>>>()?)
}
