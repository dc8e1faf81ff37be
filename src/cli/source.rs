//! `--model` and `--image`: names and paths told apart.

use super::args::Common;
use crate::engine::{ImageSource, LoadRequest, ModelSource};
use anyhow::bail;
use std::path::Path;

/// The model that was asked for.
pub(super) fn load_request(common: &Common) -> anyhow::Result<LoadRequest> {
    let source = model_source(&common.model, common.mmproj.as_deref())?;
    Ok(LoadRequest { source, device: common.device, dtype: common.dtype.into() })
}

fn model_source(model: &str, mmproj: Option<&Path>) -> anyhow::Result<ModelSource> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(ModelSource::Folder(path.to_owned()));
    }
    if model == "demo" {
        return Ok(ModelSource::Demo);
    }
    if model == "demo-clip" {
        return Ok(ModelSource::DemoClip);
    }
    let is_gguf = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    if let Some(file) = Some(path).filter(|path| is_gguf(path)).or(mmproj) {
        bail!(
            "Expected `demo` or a checkpoint folder as --model, found a GGUF file, which this version does not read: {}",
            file.display()
        );
    }
    if path.exists() {
        bail!("Expected `demo` or a checkpoint folder as --model, found a file: {model}");
    }
    if is_hub_id(model) {
        bail!(
            "Expected `demo` or a checkpoint folder as --model, found what looks like a hub id: download it first (`hf download {model} --local-dir FOLDER`) and give its folder instead of {model}"
        );
    }
    bail!("Expected `demo` or a checkpoint folder as --model, found no such folder: {model}")
}

/// `owner/name`, of the characters the hub allows.
fn is_hub_id(model: &str) -> bool {
    let part = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    model.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

/// A file, or a bundled image where no file has that name.
pub(super) fn image_source(path: &Path) -> ImageSource {
    match path.to_str() {
        Some(name) if !path.exists() && crate::data::demo::image(name).is_some() => {
            ImageSource::Bundled(name.to_owned())
        }
        _ => ImageSource::Path(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(model: &str) -> String {
        model_source(model, None).expect_err("no model of this version").to_string()
    }

    #[test]
    fn models_that_cannot_be_opened_yet_are_refused_by_what_they_are() {
        assert!(refusal("llava-hf/llava-1.5-7b-hf").contains("hub id: download it first"), "a hub id");
        assert!(refusal("ggml-model-q4_k.gguf").contains("GGUF"), "a GGUF file");
        assert!(refusal("./nowhere").contains("no such folder"), "a mistyped path");
        assert!(refusal("Cargo.toml").contains("found a file"), "a file");
        let projector = model_source("x", Some(Path::new("mmproj.gguf"))).expect_err("half a pair").to_string();
        assert!(projector.ends_with("mmproj.gguf"), "{projector}");
    }

    #[test]
    fn a_folder_and_the_demo_are_models() {
        assert_eq!(model_source("demo", None).ok(), Some(ModelSource::Demo), "the bundled model");
        assert_eq!(model_source("demo-clip", None).ok(), Some(ModelSource::DemoClip), "the bundled CLIP");
        assert_eq!(model_source("src", None).ok(), Some(ModelSource::Folder("src".into())), "a folder");
    }
}
