//! GGUF: a LLaMA-type decoder (`llama`, `qwen2`) in one file and CLIP's image tower with the projector (`mmproj`) in
//! another.
//!
//! Both files' metadata are turned into the files of the Hugging Face folder they were made from, so everything behind
//! this module is the same for both: configuration, tokenizer and template are checked by the same code. Tensors stay
//! in the files; a quantised one is turned to floats, or kept as it is, when it is asked for. llama.cpp stores the rows
//! of a `llama`'s q and k in the order of its own rotary embedding (neighbours are a pair): [`super::Weights`] puts
//! them back when it reads them, which no quantisation minds, as its blocks lie within rows.

mod byte_level;
mod config;
mod header;
mod metadata;
mod names;
#[cfg(test)]
mod tests;
mod tokenizer;
mod vocabulary;

pub(super) use header::{Header, read_gguf_header};

use self::metadata::Metadata;
use super::CheckpointError;
use super::assembled::{Checkpoint, CheckpointNotes};
use super::families::CheckpointKind;
use super::files::Files;
use super::weights::{GgufTensors, Weights};
use candle_core::{DType, Device};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

impl Checkpoint {
    /// Opens a decoder's file and its projector's; without the latter, the one that lies beside the decoder.
    pub fn open_gguf(
        decoder: &Path,
        mmproj: Option<&Path>,
        progress: &mut dyn FnMut(f32, &str),
    ) -> Result<Self, CheckpointError> {
        progress(0.0, "weights");
        let (decoder, decoder_header) = Weights::map_gguf(decoder)?;
        let beside = match mmproj {
            Some(path) => path.to_owned(),
            None => projector_beside(decoder.path())?,
        };
        let (projector, projector_header) = Weights::map_gguf(&beside)?;
        let (decoder_path, projector_path) = (decoder.path().to_owned(), projector.path().to_owned());
        let (text, vision) =
            (Metadata::new(&decoder_header, &decoder_path), Metadata::new(&projector_header, &projector_path));
        expect_whole(&text)?;
        let text_config = config::text_config(&text)?;
        let (mut whole, preprocessor) = config::vision_config(&vision)?;
        let tokenizer = tokenizer::tokenizer_json(&text)?;
        let heads = |key: &str| text_config.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        // Only llama's rows are in another order.
        let rotary = match text.text("general.architecture")? {
            "llama" => [heads("num_attention_heads"), heads("num_key_value_heads")].map(Option::unwrap_or_default),
            _ => [0; 2],
        };
        let swapped = config::is_swapped(&vision);
        let weights = Weights::from_gguf(vec![
            GgufTensors {
                shard: decoder,
                tensors: decoder_header.tensors.clone(),
                name: Box::new(names::decoder_name),
                rotary_heads: rotary,
            },
            GgufTensors {
                shard: projector,
                tensors: projector_header.tensors.clone(),
                name: Box::new(move |stored| names::projector_name(stored, swapped)),
                rotary_heads: [0; 2],
            },
        ])?;
        if let Value::Object(fields) = &mut whole {
            fields.insert("model_type".to_owned(), json!("llava"));
            fields.insert("image_token_index".to_owned(), json!(tokenizer.image_token_id));
            fields.insert("text_config".to_owned(), text_config);
        }
        let Value::Object(fields) = whole.clone() else { return Err(text.refuse("general", "metadata", "none")) };
        let files = Files::Memory {
            root: decoder_path.clone(),
            files: BTreeMap::from([
                ("preprocessor_config.json", preprocessor.to_string().into_bytes()),
                ("tokenizer.json", tokenizer.tokenizer.to_string().into_bytes()),
                ("tokenizer_config.json", tokenizer.config.to_string().into_bytes()),
            ]),
        };
        let model_id = decoder_path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut checkpoint = Self::assemble(&files, &fields, weights, model_id, progress)?;
        if let CheckpointKind::Llava(config) = &mut checkpoint.kind {
            config.text.rope_divisors = rope_divisors(&checkpoint.weights, config.text.head_dim, &text)?;
        }
        checkpoint.folder = decoder_path.parent().map(Path::to_owned);
        checkpoint.notes = CheckpointNotes::default();
        progress(1.0, "checkpoint");
        Ok(checkpoint)
    }
}

/// A part of a file that was split has the metadata of the whole and the tensors of itself.
fn expect_whole(decoder: &Metadata<'_>) -> Result<(), CheckpointError> {
    const PARTS: &str = "split.count";
    match decoder.size(PARTS)?.filter(|parts| *parts > 1) {
        None => Ok(()),
        Some(parts) => {
            let expected = "1, a whole file (merge the parts with llama.cpp's llama-gguf-split --merge)";
            Err(decoder.refuse(PARTS, expected, &parts))
        }
    }
}

/// What the rotary frequencies are divided by: LLaMA-3.1's scaling, worked out by the converter. Empty where a file has
/// no such tensor.
///
/// **Source**: llama.cpp, `ggml_rope_ext` with frequency factors; `convert_hf_to_gguf.py`,
/// `LlamaModel.generate_extra_tensors`.
fn rope_divisors(weights: &Weights, head_dim: usize, decoder: &Metadata<'_>) -> Result<Vec<f32>, CheckpointError> {
    const DIVISORS: &str = "language_model.rope_freqs.weight";
    let Some(tensor) = weights.optional(DIVISORS, &[head_dim / 2], DType::F32, &Device::Cpu)? else {
        return Ok(Vec::new());
    };
    let refused = |found: &str| decoder.refuse("rope_freqs.weight", "numbers above 0", found);
    let divisors = tensor.to_vec1::<f32>().map_err(|error| refused(&error.to_string()))?;
    match divisors.iter().find(|divisor| !(divisor.is_finite() && **divisor > 0.0)) {
        Some(divisor) => Err(refused(&divisor.to_string())),
        None => Ok(divisors),
    }
}

/// GGUF files of a folder, sorted.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let read = |found| CheckpointError::Read { found, path: folder.to_owned() };
    let entries = std::fs::read_dir(folder).map_err(read)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")));
    paths.sort();
    Ok(paths)
}

fn is_projector(path: &Path) -> Result<bool, CheckpointError> {
    let (shard, header) = Weights::map_gguf(path)?;
    Ok(Metadata::new(&header, shard.path()).text("general.architecture")? == "clip")
}

/// The one projector in a decoder's folder.
fn projector_beside(decoder: &Path) -> Result<PathBuf, CheckpointError> {
    let folder = decoder.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (projectors, _) = sorted(folder)?;
    one(projectors, "one projector file (mmproj) beside the decoder, or --mmproj FILE", folder)
}

/// The decoder and the projector of a folder that has one of each; `None` when it has no GGUF file at all.
pub(super) fn pair_in(folder: &Path) -> Result<Option<(PathBuf, PathBuf)>, CheckpointError> {
    if files_of(folder)?.is_empty() {
        return Ok(None);
    }
    let (projectors, decoders) = sorted(folder)?;
    let decoder = one(decoders, "one decoder among the GGUF files, or the file itself as --model", folder)?;
    let projector = one(projectors, "one projector file (mmproj) among the GGUF files", folder)?;
    Ok(Some((decoder, projector)))
}

/// Projectors and decoders.
fn sorted(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), CheckpointError> {
    let (mut projectors, mut decoders) = (Vec::new(), Vec::new());
    for path in files_of(folder)? {
        if is_projector(&path)? { projectors.push(path) } else { decoders.push(path) }
    }
    Ok((projectors, decoders))
}

fn one(mut paths: Vec<PathBuf>, expected: &str, folder: &Path) -> Result<PathBuf, CheckpointError> {
    match (paths.pop(), paths.len()) {
        (Some(path), 0) => Ok(path),
        (None, _) => Err(CheckpointError::MissingFile { expected: expected.to_owned(), path: folder.to_owned() }),
        (Some(_), others) => {
            Err(CheckpointError::Several { expected: expected.to_owned(), found: others + 1, path: folder.to_owned() })
        }
    }
}
