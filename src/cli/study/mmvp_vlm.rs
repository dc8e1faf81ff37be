//! `gazelens study mmvp-vlm`: pairs of photos that a CLIP tells apart, by pattern.

use super::super::common_args::PlaceArgs;
use super::super::failure::Failure;
use super::super::{endings, inputs, output, source};
use crate::engine::{ModelInfo, OpenModel, logit_scale};
use crate::files::Outputs;
use crate::study::{MmvpVlm, MmvpVlmScores, PATTERNS, mmvp_vlm_table};
use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Of `gazelens study mmvp-vlm`.
#[derive(Debug, Args)]
pub(in crate::cli) struct MmvpVlmArgs {
    /// MMVP-VLM's folder: `Questions.csv`, and photos in `MLLM_VLM Images/TYPE/NUMBER.jpg` or below `MMVP_VLM_Images`.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A CLIP with both towers: `demo-clip` (bundled), the folder of a Hugging Face checkpoint, or a hub id such as
    /// openai/clip-vit-large-patch14-336. Repeatable: a row of the table each.
    #[arg(long, value_name = "CLIP", required = true, help_heading = "Model")]
    model: Vec<String>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// File to write the table to; its ending says how: md, csv or tex.
    #[arg(long, value_name = "T.md")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of text, with every pair.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MmvpVlmArgs) -> Result<(), Failure> {
    let mut outputs = Outputs::default();
    let out = args.out.as_deref().map(|path| outputs.claim("--out", path)).transpose()?;
    if let Some(path) = &args.out {
        endings::expect("--out", path, &["md", "csv", "tex"])?;
    }
    let mut requests = Vec::new();
    for model in &args.model {
        requests.push(args.place.request(source::model_source(model, None)?));
    }
    let data = MmvpVlm::open(&args.data)?;
    let photos: Vec<PathBuf> = data.pairs.iter().flatten().map(|one| one.photo.clone()).collect();
    outputs.reads_all("a photo of --data", &photos);
    outputs.reads("--data", &args.data.join("Questions.csv"));
    for request in &mut requests {
        source::fetch(request)?;
        inputs::model(&mut outputs, request);
    }
    outputs.check()?;
    for text in &data.warnings {
        output::warning(text);
    }
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    let (mut models, mut told) = (Vec::new(), Vec::new());
    for request in &requests {
        let model = OpenModel::open(request, &mut |_, _| {}, &cancel)?;
        let scores = data.score(&model, &mut |_| {}, &cancel)?;
        for text in &scores.warnings {
            output::warning(text);
        }
        output::note(&format!("{}: {} pairs", model.info().id, scores.pairs.len()));
        told.push(object(model.info(), logit_scale(&model), &scores));
        models.push((model.info().id.clone(), scores));
    }
    let table = mmvp_vlm_table(&models);
    if let (Some(out), Some(path)) = (out, &args.out) {
        let bytes = match path.extension().map(OsStr::to_ascii_lowercase) {
            Some(ending) if ending == "csv" => {
                table.csv().map_err(|err| anyhow!("Cannot write --out: {err}: {}", path.display()))?
            }
            Some(ending) if ending == "tex" => table.latex().into_bytes(),
            _ => table.markdown().into_bytes(),
        };
        outputs.write_bytes(out, &bytes)?;
        outputs.commit()?;
    }
    let program = format!("gazelens {}", env!("CARGO_PKG_VERSION"));
    let written = if args.json {
        output::json(&json!({"patterns": PATTERNS, "models": told, "program": program}))
    } else {
        output::line(table.markdown().trim_end())
    };
    Ok(written?)
}

fn object(info: &Arc<ModelInfo>, logit_scale: Option<f32>, scores: &MmvpVlmScores) -> Value {
    let right = scores.right().ok();
    let interval = right.as_ref().and_then(|of| of.interval).map(|of| [of.low, of.high]);
    json!({
        "model": info.id,
        "weight_hash": info.weight_hash,
        "device": info.device,
        "logit_scale": logit_scale,
        "patterns": scores.patterns(),
        "average": scores.average(),
        "num_pairs": scores.pairs.len(),
        "pairs_right": right.map(|of| of.value),
        "pairs_right_interval": interval,
        "pairs": scores.pairs,
    })
}
