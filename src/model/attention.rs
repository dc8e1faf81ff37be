//! Attention in the open: the one softmax that every tower shares, with the probe on both sides of it.

use super::cache::KvCache;
use super::probe::{Probe, Site};
use super::slices::{edit_values, with_values};
use crate::kernel::{self, CacheShape, Run, Visible};
use candle_core::{DType, Device, Error, Result, Tensor};
use std::cell::OnceCell;

/// Softmax attention of `query_len` rows over `key_len` keys, in f32 whatever the type of the model.
///
/// **Shape**: `query` `[num_attention_heads, query_len, head_dim]`, already divided by `sqrt(head_dim)`; `key`, `value`
/// `[num_key_value_heads, key_len, head_dim]`; result `[query_len, num_attention_heads * head_dim]`. Query head `h`
/// uses key/value head `h / (heads / kv heads)`, so grouped heads are rows of one product and keys are never repeated.
pub(crate) fn attend(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&CausalMask>,
    site: &Site,
    probe: &mut dyn Probe,
) -> Result<Tensor> {
    let (num_attention_heads, query_len, head_dim) = query.dims3()?;
    let (num_key_value_heads, key_len, _) = key.dims3()?;
    let group_rows = num_attention_heads / num_key_value_heads.max(1) * query_len;

    let query = query.reshape((num_key_value_heads, group_rows, head_dim))?;
    let mut scores = query.matmul(&key.transpose(1, 2)?)?.reshape((num_attention_heads, query_len, key_len))?;
    let shown = probe.wants_scores(site);
    // Where nobody looks at the scores, the softmax itself leaves later keys out.
    let visible = mask.and_then(CausalMask::visible).filter(|_| !shown && scores.device().is_cpu());
    if let Some(mask) = mask.filter(|mask| visible.is_none() && mask.hides_any()) {
        scores = scores.broadcast_add(mask.tensor(scores.device())?)?;
    }
    if shown && let Some(edited) = probe.scores(site, &scores)? {
        scores = checked(&edited, &scores, "scores")?;
    }
    let mut probs = softmax(&scores, visible.unwrap_or(Visible::All), shown)?;
    if probe.wants_probs(site)
        && let Some(edited) = probe.probs(site, &probs)?
    {
        probs = checked(&edited, &probs, "probabilities")?;
    }
    probs
        .reshape((num_key_value_heads, group_rows, key_len))?
        .matmul(value)?
        .reshape((num_attention_heads, query_len, head_dim))?
        .transpose(0, 1)?
        .reshape((query_len, num_attention_heads * head_dim))
}

/// Probabilities of scores; on the CPU in the scores' own memory, unless somebody was shown them and may have kept
/// them.
fn softmax(scores: &Tensor, visible: Visible, shown: bool) -> Result<Tensor> {
    if !scores.device().is_cpu() {
        return candle_nn::ops::softmax_last_dim(scores);
    }
    let (_, _, key_len) = scores.dims3()?;
    let probs = if shown { scores.copy()? } else { scores.clone() };
    edit_values(&probs, |values| kernel::softmax(values, key_len, visible).map_err(Error::wrap))?;
    Ok(probs)
}

/// Attention of one new position on the CPU, straight from the cache: what a decoding step does in every layer.
///
/// **Shape**: `query` `[num_attention_heads, head_dim]`, turned but not scaled; result `[1, num_attention_heads *
/// head_dim]`.
pub(crate) fn attend_one(
    query: &[f32],
    cache: &KvCache,
    shape: &CacheShape,
    site: &Site,
    probe: &mut dyn Probe,
) -> Result<Tensor> {
    let (heads, keys) = (shape.num_attention_heads, shape.key_len);
    let scale = 1.0 / (shape.head_dim as f32).sqrt();
    let mut out = vec![0.0; query.len()];
    cache.with_layer(site.layer_idx, keys, |key, value| {
        let mut probs = vec![0.0; heads * keys];
        if probe.wants_scores(site) {
            kernel::scores(shape, query, key, scale, &mut probs).map_err(Error::wrap)?;
            let scores = Tensor::from_vec(probs, (heads, 1, keys), &Device::Cpu)?;
            let edited = probe.scores(site, &scores)?.map(|edited| checked(&edited, &scores, "scores")).transpose()?;
            probs = edited.unwrap_or(scores).flatten_all()?.to_vec1()?;
            kernel::softmax(&mut probs, keys, Visible::All).map_err(Error::wrap)?;
            kernel::mix(shape, &probs, value, &mut out).map_err(Error::wrap)?;
        } else {
            kernel::attend(shape, query, (key, value), scale, &mut probs, &mut out).map_err(Error::wrap)?;
        }
        if !probe.wants_probs(site) {
            return Ok(());
        }
        let probs = Tensor::from_vec(probs, (heads, 1, keys), &Device::Cpu)?;
        match probe.probs(site, &probs)? {
            Some(edited) => mix(shape, &checked(&edited, &probs, "probabilities")?, value, &mut out),
            None => Ok(()),
        }
    })?;
    Tensor::from_vec(out, (1, query.len()), &Device::Cpu)
}

fn mix(shape: &CacheShape, probs: &Tensor, value: &[Run<'_>], out: &mut [f32]) -> Result<()> {
    with_values(probs, |probs| kernel::mix(shape, probs, value, out).map_err(Error::wrap))
}

/// Shows the input of a layer to the probe.
pub(crate) fn show_input(input: &Tensor, site: &Site, probe: &mut dyn Probe) -> Result<()> {
    if probe.wants_input(site) { probe.input(site, input) } else { Ok(()) }
}

/// Shows the outputs of the heads to the probe; the outputs themselves, or what the probe made of them.
pub(crate) fn show_heads(heads: Tensor, site: &Site, probe: &mut dyn Probe) -> Result<Tensor> {
    if !probe.wants_heads(site) {
        return Ok(heads);
    }
    match probe.heads(site, &heads)? {
        Some(edited) => checked(&edited, &heads, "head outputs"),
        None => Ok(heads),
    }
}

/// Shows the output of a feed-forward part to the probe; the output itself, or what the probe made of it.
pub(crate) fn show_mlp(mlp: Tensor, site: &Site, probe: &mut dyn Probe) -> Result<Tensor> {
    if !probe.wants_mlp(site) {
        return Ok(mlp);
    }
    match probe.mlp(site, &mlp)? {
        Some(edited) => checked(&edited, &mlp, "outputs of the feed-forward part"),
        None => Ok(mlp),
    }
}

/// Shows the output of a layer to the probe; the output itself, or what the probe made of it.
pub(crate) fn show_hidden(hidden: Tensor, site: &Site, probe: &mut dyn Probe) -> Result<Tensor> {
    if !probe.wants_hidden(site) {
        return Ok(hidden);
    }
    match probe.hidden(site, &hidden)? {
        Some(edited) => checked(&edited, &hidden, "hidden states"),
        None => Ok(hidden),
    }
}

/// What a probe returned, if it can take the place of what it was shown.
fn checked(edited: &Tensor, shown: &Tensor, what: &str) -> Result<Tensor> {
    if edited.dims() == shown.dims() && edited.dtype() == shown.dtype() {
        return edited.contiguous();
    }
    Err(candle_core::Error::Msg(format!(
        "Expected a probe to return {what} of shape {:?} in {:?}, found {:?} in {:?}",
        shown.dims(),
        shown.dtype(),
        edited.dims(),
        edited.dtype()
    )))
}

/// Rows of a projection as heads, f32. **Shape**: `[query_len, heads * head_dim]` to `[heads, query_len, head_dim]`.
pub(crate) fn split_heads(rows: &Tensor, num_heads: usize, head_dim: usize) -> Result<Tensor> {
    let (query_len, _) = rows.dims2()?;
    rows.reshape((query_len, num_heads, head_dim))?.transpose(0, 1)?.contiguous()?.to_dtype(DType::F32)
}

/// Which keys a run of new positions may look at: none behind its own, and with a sliding window none that is `window`
/// or more before it.
#[derive(Debug)]
pub(crate) struct CausalMask {
    query_start: usize,
    query_len: usize,
    window: usize,
    /// Made when first asked for, shared by all layers.
    tensor: OnceCell<Tensor>,
}

impl CausalMask {
    pub(crate) fn new(query_start: usize, query_len: usize, window: Option<usize>) -> Self {
        Self { query_start, query_len, window: window.unwrap_or(usize::MAX), tensor: OnceCell::new() }
    }

    /// Whether the window hides any key.
    fn window_hides(&self) -> bool {
        self.query_start + self.query_len > self.window
    }

    /// Whether any key is hidden from any position.
    pub(crate) fn hides_any(&self) -> bool {
        self.query_len > 1 || self.window_hides()
    }

    /// The same as the softmax kernel takes it; `None` if the window hides something, which it cannot say.
    fn visible(&self) -> Option<Visible> {
        let causal = Visible::Causal { num_queries: self.query_len, past_len: self.query_start };
        (!self.window_hides()).then_some(causal)
    }

    /// 0, or minus infinity where a key is hidden. **Shape**: `[1, query_len, query_start + query_len]`.
    fn tensor(&self, device: &Device) -> Result<&Tensor> {
        if let Some(made) = self.tensor.get() {
            return Ok(made);
        }
        let key_len = self.query_start + self.query_len;
        let mask: Vec<f32> = (self.query_start..key_len)
            .flat_map(|query| {
                let seen = (query + 1).saturating_sub(self.window)..=query;
                (0..key_len).map(move |key| if seen.contains(&key) { 0.0 } else { f32::NEG_INFINITY })
            })
            .collect();
        let made = Tensor::from_vec(mask, (1, self.query_len, key_len), device)?;
        Ok(self.tensor.get_or_init(|| made))
    }
}

/// `1 / sqrt(head_dim)`.
pub(crate) fn score_scale(head_dim: usize) -> f64 {
    1.0 / (head_dim as f64).sqrt()
}
