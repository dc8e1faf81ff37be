//! Rules that methods have in common: layers by the depth of the model, lists of layers and heads, which rows are
//! edited, how an edit is counted.

use crate::decode::method::{Acted, ActionReport, QuestionContext, Reach};
use crate::decode::parameters::PUBLISHED_LAYERS;
use crate::decode::{DecodeError, ParameterInfo, Parameters, scaled_layer};
use crate::ids::TokenSpan;
use crate::model::{Site, Tower};
use candle_core::{Result as TensorResult, Tensor};
use std::ops::Range;

/// For menus; what counts is the model's own number.
pub(super) const MOST_LAYERS: usize = 128;
/// Below every real score, and far enough from f32's end for the largest factors.
pub(super) const SCORE_FLOOR: f64 = -1e30;

/// The parameter of the first layer that a method changes.
pub(super) const fn start(default: &'static str) -> ParameterInfo {
    ParameterInfo::whole("start", default, (0, MOST_LAYERS), "First decoder layer, 0-based; a default scales by depth")
        .by_depth()
}

/// The parameter of the end of the layers that a method changes.
pub(super) const fn end(default: &'static str) -> ParameterInfo {
    let help = "One past the last layer; empty for all that follow; a default scales by depth";
    ParameterInfo::whole("end", default, (1, MOST_LAYERS), help).by_depth()
}

/// A number of a layer: as it was given, or the default, scaled.
fn layer_number(parameters: &Parameters, name: &'static str, num_layers: usize) -> Result<usize, DecodeError> {
    let number = parameters.count(name)?;
    Ok(if parameters.scales(name) { scaled_layer(number, num_layers) } else { number })
}

/// The layers `start..end`, spelled out. Defaults scale with the model's depth, and leave at least one layer.
pub(super) fn layer_range(parameters: &mut Parameters, num_layers: usize) -> Result<Range<usize>, DecodeError> {
    let start = layer_number(parameters, "start", num_layers)?;
    if parameters.text("end").trim().is_empty() {
        parameters.spell_out("end", num_layers);
    } else if parameters.scales("end") {
        let end = layer_number(parameters, "end", num_layers)?;
        parameters.spell_out("end", end.max(start.saturating_add(1)).min(num_layers));
    }
    let end = parameters.whole("end", 1..=num_layers)?;
    parameters.spell_out("start", start);
    let start = parameters.whole("start", 0..=end.saturating_sub(1))?;
    Ok(start..end)
}

/// The one layer of a parameter, spelled out.
pub(super) fn layer(parameters: &mut Parameters, name: &'static str, num_layers: usize) -> Result<usize, DecodeError> {
    let layer = layer_number(parameters, name, num_layers)?;
    parameters.spell_out(name, layer);
    parameters.whole(name, 0..=num_layers.saturating_sub(1))
}

/// Numbers joined by `+`, `a-b` for all from a to b, in ascending order, each once. `None` if it is something else, or
/// one is above `most`.
pub(super) fn numbers(text: &str, most: usize) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in text.split('+') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse().ok().filter(|number| *number <= most);
        let (first, last): (usize, usize) = (number(first)?, number(last)?);
        if first > last {
            return None;
        }
        all.extend(first..=last);
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

/// Numbers in a list as [`numbers`] reads it.
pub(super) fn joined(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
}

/// Entries of the hidden states up to `most`, spelled out; a default scales with the model's depth.
pub(super) fn entries(
    parameters: &mut Parameters,
    name: &'static str,
    most: usize,
    num_layers: usize,
) -> Result<Vec<usize>, DecodeError> {
    let expected = || format!("numbers of hidden states from 0 (embeddings) to {most}, as 2+4 or 20-28");
    let bad = |parameters: &Parameters| parameters.bad(name, expected());
    let scales = parameters.scales(name);
    let limit = if scales { PUBLISHED_LAYERS } else { most };
    let mut entries = numbers(parameters.text(name), limit).ok_or_else(|| bad(parameters))?;
    if scales {
        for entry in &mut entries {
            *entry = scaled_layer(*entry, num_layers);
        }
        entries.dedup();
    }
    parameters.spell_out(name, joined(&entries));
    Ok(entries)
}

/// Indices from the largest value to the smallest; the smaller index first among equals.
pub(super) fn descending<T: Copy + Into<f64>>(values: &[T]) -> Vec<usize> {
    let mut order: Vec<(usize, f64)> = values.iter().map(|value| (*value).into()).enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.into_iter().map(|(idx, _)| idx).collect()
}

/// The first `count` of them.
pub(super) fn largest<T: Copy + Into<f64>>(values: &[T], count: usize) -> Vec<usize> {
    let mut order = descending(values);
    order.truncate(count);
    order
}

/// Heads as LAYER.HEAD joined by `+`, in ascending order, each once; `None` if it is something else or the model lacks
/// one.
pub(super) fn heads(text: &str, num_layers: usize, num_heads: usize) -> Option<Vec<(usize, usize)>> {
    let head = |text: &str| {
        let (layer, head) = text.trim().split_once('.')?;
        let (layer, head): (usize, usize) = (layer.parse().ok()?, head.parse().ok()?);
        (layer < num_layers && head < num_heads).then_some((layer, head))
    };
    let mut heads = text.split('+').map(head).collect::<Option<Vec<_>>>()?;
    heads.sort_unstable();
    heads.dedup();
    Some(heads)
}

/// Whether a call is of the ordinary branch of the decoder.
pub(super) fn is_ordinary(site: &Site) -> bool {
    site.tower == Tower::Decoder && site.branch_idx == 0
}

/// Where the prompt of the ordinary branch and the image in it end: which rows of a pass a method edits. Rows come as
/// those of the pass, 0 is [`Site::query_start`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places {
    /// The image tokens.
    pub(super) span: TokenSpan,
    /// Positions of the prompt.
    pub(super) prompt_len: usize,
}

impl Places {
    /// Those of a question with an image.
    pub(super) fn of(question: &QuestionContext<'_>, owner: &'static str) -> Result<Self, DecodeError> {
        Ok(Self { span: question.image_span(owner)?, prompt_len: question.prompt.ids.len() })
    }

    /// Rows that predict: the prompt's last and all behind it.
    pub(super) fn predicting(&self, site: &Site) -> Range<usize> {
        rows_from(self.prompt_len.saturating_sub(1), site)
    }

    /// Rows after the image, of the prompt and of the answer.
    pub(super) fn after_image(&self, site: &Site) -> Range<usize> {
        rows_from(self.span.end(), site)
    }

    /// Rows of the prompt.
    pub(super) fn prompt(&self, site: &Site) -> Range<usize> {
        0..rows_from(self.prompt_len, site).start
    }

    /// What an edit of the rows that predict changes of a prompt. In a longer prompt the same position is not the one
    /// that predicts and stays as it is.
    pub(super) fn predicting_reach(&self) -> Reach {
        Reach { vision: false, first_position: self.prompt_len.saturating_sub(1), by_position: false }
    }

    /// What an edit of the rows after the image changes of a prompt.
    pub(super) fn after_image_reach(&self) -> Reach {
        Reach { vision: false, first_position: self.span.end(), by_position: true }
    }
}

fn rows_from(position: usize, site: &Site) -> Range<usize> {
    position.saturating_sub(site.query_start).min(site.query_len)..site.query_len
}

/// What an edit of the whole prompt changes, where it depends on all of it.
pub(super) const WHOLE_PROMPT: Reach = Reach { vision: false, first_position: 0, by_position: false };

/// A tensor with a range of one dimension edited.
pub(super) fn edit_range(
    tensor: &Tensor,
    dim: usize,
    range: Range<usize>,
    edit: impl FnOnce(&Tensor) -> TensorResult<Tensor>,
) -> TensorResult<Tensor> {
    let len = tensor.dim(dim)?;
    let edited = edit(&tensor.narrow(dim, range.start, range.len())?)?;
    if range == (0..len) {
        return Ok(edited);
    }
    let before = tensor.narrow(dim, 0, range.start)?;
    let after = tensor.narrow(dim, range.end, len - range.end)?;
    let parts = [&before, &edited, &after].map(Tensor::clone);
    Tensor::cat(&parts.into_iter().filter(|part| part.elem_count() > 0).collect::<Vec<_>>(), dim)
}

/// Edits rows of `[heads, rows, keys]` one by one where the processor reads them: `edit` gets head, row and values and
/// says how many it changed. Returns nothing where it changed none.
pub(super) fn edit_each_row(
    rows: &Tensor,
    mut edit: impl FnMut(usize, usize, &mut [f32]) -> usize,
) -> TensorResult<Option<(Tensor, usize)>> {
    let (num_heads, num_rows, num_keys) = rows.dims3()?;
    let mut values: Vec<f32> = rows.flatten_all()?.to_vec1()?;
    let mut changed = 0;
    for (idx, row) in values.chunks_exact_mut(num_keys.max(1)).enumerate() {
        changed += edit(idx / num_rows.max(1), idx % num_rows.max(1), row);
    }
    if changed == 0 {
        return Ok(None);
    }
    Ok(Some((Tensor::from_vec(values, (num_heads, num_rows, num_keys), rows.device())?, changed)))
}

/// How often a method acted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    num_calls: usize,
    num_values: usize,
    /// Layers in which something was changed since it was last told, and what.
    since: (usize, usize),
}

impl Count {
    /// One more layer of a pass.
    pub(super) fn add(&mut self, num_values: usize) {
        self.num_calls += 1;
        self.num_values += num_values;
        self.since.0 += usize::from(num_values > 0);
        self.since.1 += num_values;
    }

    /// What was done since this was last asked, in words.
    pub(super) fn did(&mut self, acted: Acted) -> String {
        let (layers, values) = std::mem::take(&mut self.since);
        let what = match acted {
            Acted::OnScores => "scores",
            Acted::OnProbs => "probabilities",
            Acted::OnHeads => "head outputs",
            Acted::OnHidden => "hidden states",
            Acted::OnLogits => "logits",
            Acted::OnWords => "words",
        };
        match (values, layers) {
            (0, _) => "did nothing here".to_owned(),
            (_, 1) => format!("changed {values} {what} in 1 layer"),
            _ => format!("changed {values} {what} in {layers} layers"),
        }
    }

    pub(super) fn report(self, id: &'static str, acted: Acted) -> ActionReport {
        let Self { num_calls, num_values, .. } = self;
        ActionReport { id, acted, num_calls, num_values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        assert_eq!(numbers("20-22+3", 28), Some(vec![3, 20, 21, 22]), "ascending");
        assert_eq!(numbers("5+5-6", 28), Some(vec![5, 6]), "each once");
        for bad in ["", "a", "3-", "7-5", "29", "1+", "-1", "0-99999999999"] {
            assert_eq!(numbers(bad, 28), None, "{bad:?}");
        }
        assert_eq!(joined(&[3, 20]), "3+20", "as it is read");
        assert_eq!(heads("1.2+0.3+1.2", 2, 4), Some(vec![(0, 3), (1, 2)]), "ascending, each once");
        for bad in ["", "1", "2.0", "0.4", "0.1+", "a.b", "1.2.3"] {
            assert_eq!(heads(bad, 2, 4), None, "{bad:?}");
        }
    }

    #[test]
    fn published_layers_scale_by_depth() {
        assert_eq!([9, 15, 31].map(|layer| scaled_layer(layer, 32)), [9, 15, 31], "as published");
        assert_eq!([9, 15, 31].map(|layer| scaled_layer(layer, 40)), [11, 18, 38], "rounded down");
        assert_eq!([9, 15, 31].map(|layer| scaled_layer(layer, 2)), [0, 0, 1], "of two");
    }

    #[test]
    fn rows_are_those_of_the_pass() {
        let places = Places { span: TokenSpan { start: 2, len: 3 }, prompt_len: 8 };
        let site = |query_start, query_len| Site {
            tower: Tower::Decoder,
            encoder_idx: 0,
            layer_idx: 0,
            branch_idx: 0,
            query_start,
            query_len,
            key_len: query_start + query_len,
        };
        for (site, predicting, after, prompt) in [
            (site(0, 8), 7..8, 5..8, 0..8),
            // A prompt with two tokens of the answer behind it.
            (site(0, 10), 7..10, 5..10, 0..8),
            (site(6, 2), 1..2, 0..2, 0..2),
            (site(8, 1), 0..1, 0..1, 0..0),
        ] {
            let found = (places.predicting(&site), places.after_image(&site), places.prompt(&site));
            assert_eq!(found, (predicting, after, prompt), "{site:?}");
        }
    }
}
