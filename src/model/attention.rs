//! Attention in the open: the one softmax that every tower shares, with the probe on both sides of it.

use super::probe::{Probe, Site};
use candle_core::{DType, Device, Result, Tensor};

/// Softmax attention of `query_len` rows over `key_len` keys, in f32 whatever the type of the model.
///
/// **Shape**: `query` `[num_attention_heads, query_len, head_dim]`, already divided by `sqrt(head_dim)`; `key`, `value`
/// `[num_key_value_heads, key_len, head_dim]`; `mask` `[1, query_len, key_len]`, 0 or minus infinity; result
/// `[query_len, num_attention_heads * head_dim]`. Query head `h` uses key/value head `h / (heads / kv heads)`, so grouped
/// heads are rows of one product and keys are never repeated.
pub(crate) fn attend(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
    site: &Site,
    probe: &mut dyn Probe,
) -> Result<Tensor> {
    let (num_attention_heads, query_len, head_dim) = query.dims3()?;
    let (num_key_value_heads, key_len, _) = key.dims3()?;
    let group_rows = num_attention_heads / num_key_value_heads.max(1) * query_len;

    let query = query.reshape((num_key_value_heads, group_rows, head_dim))?;
    let scores = query.matmul(&key.transpose(1, 2)?)?.reshape((num_attention_heads, query_len, key_len))?;
    let mut scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    if probe.wants_scores(site)
        && let Some(edited) = probe.scores(site, &scores)?
    {
        scores = checked(&edited, &scores, "scores")?;
    }
    let mut probs = candle_nn::ops::softmax_last_dim(&scores)?;
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

/// Minus infinity where a query would see a later position, or one that is `window` or more before its own; `None` where there is no such
/// position, as for one row without a window.
///
/// **Shape**: `[1, query_len, query_start + query_len]`.
pub(crate) fn causal_mask(
    query_start: usize,
    query_len: usize,
    window: Option<usize>,
    device: &Device,
) -> Result<Option<Tensor>> {
    let key_len = query_start + query_len;
    let window = window.unwrap_or(usize::MAX);
    if query_len == 1 && key_len <= window {
        return Ok(None);
    }
    let mask: Vec<f32> = (query_start..key_len)
        .flat_map(|query| {
            let seen = (query + 1).saturating_sub(window)..=query;
            (0..key_len).map(move |key| if seen.contains(&key) { 0.0 } else { f32::NEG_INFINITY })
        })
        .collect();
    Tensor::from_vec(mask, (1, query_len, key_len), device).map(Some)
}

/// `1 / sqrt(head_dim)`.
pub(crate) fn score_scale(head_dim: usize) -> f64 {
    1.0 / (head_dim as f64).sqrt()
}
