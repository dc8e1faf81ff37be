//! Weights in fewer bits than 16, told by their configuration and by the tensors that only they have.

use super::{Weights, float_dtype, is_harmless};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::config::Fields;
use crate::json;

/// Ends of tensor names, and who writes such tensors. The first that is found names the method where the configuration
/// does not.
const MARKS: [(&str, &str); 16] = [
    (".SCB", "bitsandbytes, 8 bits"),
    (".absmax", "bitsandbytes, 4 bits"),
    (".quant_map", "bitsandbytes, 4 bits"),
    (".g_idx", "GPTQ"),
    (".qzeros", "AWQ or GPTQ"),
    (".qweight", "AWQ or GPTQ"),
    (".weight_packed", "compressed-tensors"),
    (".weight_scale_inv", "FP8"),
    (".weight_scale", "FP8 or compressed-tensors"),
    (".W_q", "HQQ"),
    (".codebooks", "AQLM"),
    (".centroids", "VPTQ"),
    ("._data", "Quanto"),
    (".weight_scales", "EETQ"),
    ("_blocks", "MXFP4"),
    (".scales", "MLX"),
];

impl Weights {
    /// Refuses weights that were quantised in a way that is not read. Where only the configuration speaks of it and all
    /// weights are floats, they are used as they are, and the warning says so.
    pub(in crate::checkpoint) fn expect_floats(&self, config: Fields<'_>) -> Result<Option<String>, CheckpointError> {
        let said = said(config);
        let whole = |dtype: &str| float_dtype(dtype).is_none() && !super::stored::is_quantised(dtype);
        let mut other =
            self.entries.values().filter(|entry| whole(&entry.stored.dtype) && !is_harmless(&entry.stored.name));
        let Some(first) = other.next() else {
            return Ok(said.map(|method| {
                let path = config.path().display();
                format!(
                    "The configuration speaks of weights quantised with {method}, but all are stored as floats: \
                     they are used as stored: {path}"
                )
            }));
        };
        let mark = || {
            let names = || self.entries.values().map(|entry| entry.stored.name.as_str());
            let by_name =
                MARKS.iter().find(|(end, _)| names().any(|name| name.ends_with(end))).map(|(_, method)| *method);
            by_name.or_else(|| first.stored.dtype.starts_with("F8_").then_some("FP8"))
        };
        match (said, mark()) {
            (Some(method), _) => Err(CheckpointError::Quantised { method, path: config.path().to_owned() }),
            (None, Some(method)) => {
                Err(CheckpointError::Quantised { method: method.to_owned(), path: self.path(first.shard_idx) })
            }
            // A single tensor of whole numbers is told when it is asked for.
            (None, None) => Ok(None),
        }
    }
}

/// What a configuration says of quantisation: the method, with the bits where they are given.
fn said(config: Fields<'_>) -> Option<String> {
    let text = config.object("text_config").ok();
    let places = [Some(config), text].into_iter().flatten();
    for place in places {
        for key in ["quantization_config", "compression_config", "quantization"] {
            let Some(inner) = place.object(key).ok().filter(|inner| inner.is_given() && !inner.is_empty()) else {
                continue;
            };
            let flag = |key: &str| inner.flag(key).ok().flatten().unwrap_or(false);
            let bits = ["bits", "weight_bits", "w_bit", "nbits"].iter().find_map(|key| json::whole(inner.get(key)?));
            let bits = bits.or_else(|| (flag("load_in_4bit") || flag("_load_in_4bit")).then_some(4));
            let bits = bits.or_else(|| (flag("load_in_8bit") || flag("_load_in_8bit")).then_some(8));
            let name = match inner.text("quant_method").ok().flatten() {
                Some(name) => label(name),
                None if key == "quantization" => "MLX".to_owned(),
                None if key == "compression_config" => "compressed-tensors".to_owned(),
                None if flag("load_in_4bit") || flag("load_in_8bit") => "bitsandbytes".to_owned(),
                None => "a method that it does not name".to_owned(),
            };
            return Some(bits.map_or_else(|| name.clone(), |bits| format!("{name}, {bits} bits")));
        }
    }
    None
}

/// A method as its authors write it.
fn label(name: &str) -> String {
    match name {
        "awq" | "gptq" | "fp8" | "hqq" | "aqlm" | "vptq" | "eetq" | "mxfp4" | "higgs" => name.to_uppercase(),
        other => other.to_owned(),
    }
}
