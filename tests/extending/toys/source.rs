//! A source of maps: how far the head that looks most at a patch stands above the mean of its layer's heads.

use gazelens::analysis::{AnalysisError, Side, SourceEntry};
use gazelens::ids::HeadIdx;

pub(crate) static TOY: SourceEntry = SourceEntry {
    id: "toy_spread",
    label: "Spread of heads",
    subject: "Spread of the decoder's heads",
    help: "How far the head that looks most at a patch stands above the mean of the layer's heads",
    side: Side::Decoder,
    of_tokens: true,
    has_heads: false,
    unit: "attention probability above the mean",
    share_unit: None,
    sum: "sum over patches",
    sum_title: "Spread of the heads, its sum",
    is_in: |trace, _| trace.has_decoder(),
    values: |at| {
        let (Some(keys), Some((_, row))) = (at.keys, at.token) else {
            return Err(AnalysisError::NothingSelected { what: "token" });
        };
        let heads = HeadIdx::all(row.num_attention_heads());
        let maps: Vec<Vec<f64>> = heads.map(|head| keys.values(&row.head(at.layer_idx, head))).collect();
        let spread = |cell: usize| {
            let values = || maps.iter().map(|map| map[cell]);
            values().fold(f64::NEG_INFINITY, f64::max) - values().sum::<f64>() / maps.len() as f64
        };
        Ok((0..keys.num_cells()).map(spread).collect())
    },
};
