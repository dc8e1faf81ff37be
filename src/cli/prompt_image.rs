//! `gazelens prompt-image`: a photo that is darkened where a model did not look for the query.

use super::failure::Failure;
use super::prompting_args::PromptImageArgs;
use super::{endings, inputs, output, source};
use crate::analysis::pope::Said;
use crate::data::pope::Label;
use crate::data::{grey_png_to, rgb_png_to};
use crate::engine::{Attributed, AttributionRequest, ImageSource, LoadRequest, ModelSource, OpenModel, attribute};
use crate::files::{OutputKey, Outputs};
use crate::prompting::file::attribution_bytes;
use crate::prompting::{
    PreOutput, PreOutputBasis, PromptOptions, Prompted, Source, citation, clip_pre_output_texts, prompt_image,
};
use anyhow::anyhow;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &PromptImageArgs) -> Result<(), Failure> {
    let options = args.options.options();
    let mut request = load_request(args)?;
    let image = source::image_source(&args.image)?;
    let mut outputs = Outputs::default();
    outputs.reads("--image", &args.image);
    inputs::model(&mut outputs, &request);
    let claimed = claim(&mut outputs, args)?;
    source::fetch(&mut request)?;
    inputs::model(&mut outputs, &request);
    outputs.check()?;
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    let model = OpenModel::open(&request, &mut |_, _| {}, &cancel)?;
    model.ask_on(args.date);
    check_layer(&model, args.attribution.into(), options.layer_idx)?;
    let attributed = attribute(&model, &attribution_request(args, image), &cancel)?;
    let prompted = prompt_image(&attributed.photo, &attributed.attribution, &options)?;
    let label: Option<Label> = args.label.map(Into::into);
    let run = summary(&model, args, &options, &attributed, &prompted, label);
    write(outputs, &claimed, &options, &attributed, &prompted, &run)?;
    tell(&model, args, &attributed, &prompted, label, &run)
}

/// The three files of a run, as far as they were asked for.
struct Claimed {
    out: OutputKey,
    mask: Option<OutputKey>,
    map: Option<OutputKey>,
}

/// Every file has a place, no two have the same, and none is one that is read.
fn claim(outputs: &mut Outputs, args: &PromptImageArgs) -> Result<Claimed, Failure> {
    let mut claim = |flag: &str, path: &Path| -> Result<OutputKey, Failure> {
        let key = outputs.claim(flag, path)?;
        // Photos are written without loss.
        endings::expect(flag, path, &[if flag == "--map-out" { "safetensors" } else { "png" }])?;
        Ok(key)
    };
    Ok(Claimed {
        out: claim("--out", &args.out)?,
        mask: args.mask_out.as_deref().map(|path| claim("--mask-out", path)).transpose()?,
        map: args.map_out.as_deref().map(|path| claim("--map-out", path)).transpose()?,
    })
}

/// The bundled model is one that answers; where CLIP is meant, it is the bundled CLIP.
fn load_request(args: &PromptImageArgs) -> Result<LoadRequest, Failure> {
    let mut request = source::load_request(&args.model)?;
    if Source::from(args.attribution) == Source::Clip && request.source == ModelSource::Demo {
        request.source = ModelSource::DemoClip;
    }
    Ok(request)
}

/// A layer that does not exist is told before the model runs.
fn check_layer(model: &OpenModel, source: Source, layer_idx: Option<usize>) -> Result<(), Failure> {
    let info = model.info();
    let count = match source {
        Source::Clip => info.vision_num_hidden_layers,
        Source::Llava => info.num_hidden_layers,
    };
    match layer_idx {
        // Without layers it is the wrong kind of model, which is said as such.
        Some(found) if found >= count && count > 0 => {
            Err(Failure::usage(anyhow!("Expected --layer below {count}, found {found}: {}", info.id)))
        }
        _ => Ok(()),
    }
}

fn attribution_request(args: &PromptImageArgs, image: ImageSource) -> AttributionRequest {
    AttributionRequest {
        source: args.attribution.into(),
        image,
        query: args.query.clone(),
        object: args.object.clone(),
        framing: args.framing.map(Into::into),
        max_new_tokens: args.max_new_tokens,
    }
}

/// All of them appear together, the prompted photo last.
fn write(
    mut outputs: Outputs,
    claimed: &Claimed,
    options: &PromptOptions,
    attributed: &Attributed,
    prompted: &Prompted,
    run: &Value,
) -> Result<(), Failure> {
    let (width_px, height_px) = (attributed.photo.width_px, attributed.photo.height_px);
    if let Some(key) = claimed.map {
        let attribution = &attributed.attribution;
        let layer_idx = options.layer_idx.unwrap_or_else(|| attribution.default_layer());
        let map = attribution.map(Some(layer_idx), options.formula)?;
        let bytes = attribution_bytes(attribution, layer_idx, &map, &prompted.grid, run);
        outputs.write_bytes(key, &bytes)?;
    }
    if let Some(key) = claimed.mask {
        outputs.write(key, |file| grey_png_to(file, width_px, height_px, &prompted.mask))?;
    }
    let written = outputs.write(claimed.out, |file| rgb_png_to(file, width_px, height_px, &prompted.rgb));
    Ok(written.and_then(|()| outputs.commit())?)
}

fn tell(
    model: &OpenModel,
    args: &PromptImageArgs,
    attributed: &Attributed,
    prompted: &Prompted,
    label: Option<Label>,
    run: &Value,
) -> Result<(), Failure> {
    for text in model.info().warnings.iter().chain(&attributed.warnings) {
        output::warning(text);
    }
    if prompted.grid.is_flat {
        output::warning("The map has no differences: nothing was darkened");
    }
    if args.json {
        output::json(run)?;
    } else if let Some(pre_output) = &attributed.pre_output {
        output::line(&sentence(pre_output))?;
        if let Some(label) = label {
            output::line(&citation(pre_output, args.attribution.into(), label))?;
        }
    }
    Ok(())
}

/// The pre-output for people.
fn sentence(pre_output: &PreOutput) -> String {
    match &pre_output.basis {
        PreOutputBasis::Probability { object, yes_probability } => {
            let [yes, no] = clip_pre_output_texts(object);
            let percent = yes_probability * 100.0;
            format!("{} ({percent:.1} % \"{yes}\" against \"{no}\")", said(pre_output.said))
        }
        PreOutputBasis::Answer { text } => text.clone(),
    }
}

fn said(said: Said) -> &'static str {
    match said {
        Said::Yes => "yes",
        Said::No => "no",
        Said::Unknown => "unknown",
    }
}

/// The object of `--json`, and what a file of maps says it was made with.
fn summary(
    model: &OpenModel,
    args: &PromptImageArgs,
    options: &PromptOptions,
    attributed: &Attributed,
    prompted: &Prompted,
    label: Option<Label>,
) -> Value {
    let (info, attribution, photo) = (model.info(), &attributed.attribution, &attributed.photo);
    let pre_output = attributed.pre_output.as_ref().map(|pre_output| {
        let (object, probability, text) = match &pre_output.basis {
            PreOutputBasis::Probability { object, yes_probability } => (Some(object), Some(yes_probability), None),
            PreOutputBasis::Answer { text } => (None, None, Some(text)),
        };
        json!({
            "said": said(pre_output.said),
            "right": label.and_then(|label| pre_output.is_right(label)),
            "citation": label.map(|label| citation(pre_output, attribution.source(), label)),
            "object": object,
            "yes_probability": probability,
            "text": text,
        })
    });
    let kept: f64 = prompted.mask.iter().map(|level| f64::from(*level)).sum();
    json!({
        "attribution": attribution.source().id(),
        "model": info.id,
        "weight_hash": info.weight_hash,
        "image": args.image.display().to_string(),
        "image_hash": photo.sha256,
        "image_size": [photo.width_px, photo.height_px],
        "query": args.query,
        "layer": options.layer_idx.unwrap_or_else(|| attribution.default_layer()),
        "num_layers": attribution.num_layers(),
        "num_tokens": attribution.num_tokens(),
        "formula": options.formula.id(),
        "kernel": options.kernel,
        "enhance": options.enhance,
        "resample": options.resample,
        "grey": options.grey,
        "geometry": options.geometry.id(),
        "grid": [attribution.grid().rows, attribution.grid().cols],
        "seen_rect": attribution.view.rect_px,
        "mean_mask": kept / 255.0 / prompted.mask.len().max(1) as f64,
        "flat": prompted.grid.is_flat,
        "pre_output": pre_output,
        "warnings": attributed.warnings,
        "program_version": env!("CARGO_PKG_VERSION"),
    })
}
