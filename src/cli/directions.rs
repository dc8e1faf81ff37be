//! `gazelens directions`: what a method steers by, made from photos and pairs of captions.

use super::args::{DirectionsArgs, DirectionsOf, VisionTokens};
use super::failure::Failure;
use super::{endings, inputs, output, source};
use crate::engine::{CaptionPair, OpenModel, VtiDirections, vti_directions};
use crate::files::{self, Outputs};
use anyhow::anyhow;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Many times the authors' 100 pairs.
const MOST_BYTES: u64 = 64 << 20;
/// What the authors' pairs answer.
const QUESTION: &str = "Describe this image in detail.";

pub(super) fn run(args: &DirectionsArgs) -> Result<(), Failure> {
    let mut request = source::load_request(&args.model)?;
    let mut outputs = Outputs::default();
    outputs.reads("--pairs", &args.pairs);
    inputs::model(&mut outputs, &request);
    let out = outputs.claim("--out", &args.out)?;
    endings::expect("--out", &args.out, &["safetensors"])?;
    let pairs = read_pairs(&args.pairs, &args.images)?;
    for pair in &pairs {
        outputs.reads("a photo of --images", &pair.image);
    }
    source::fetch(&mut request)?;
    inputs::model(&mut outputs, &request);
    outputs.check()?;
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    let model = OpenModel::open(&request, &mut |_, _| {}, &cancel)?;
    let mut progress = |done: usize| output::note(&format!("{done} of {} pairs", pairs.len()));
    let DirectionsOf::Vti = args.method;
    let mut directions = vti_directions(&model, &pairs, (args.masks, args.seed), &mut progress, &cancel)?;
    if args.vision_tokens == VisionTokens::Mean {
        directions.vision = directions.vision.map(|vision| vision.mean_over_tokens());
    }
    let info = model.info();
    let run = json!({
        "method": "vti",
        "model": info.id,
        "weight_hash": info.weight_hash,
        "pairs": pairs.iter().map(|pair| pair.image.file_name().map(|name| name.to_string_lossy())).collect::<Vec<_>>(),
        "masks": args.masks,
        "seed": args.seed,
        "vision_tokens": if args.vision_tokens == VisionTokens::Mean { "mean" } else { "each" },
        "text_variance_share": directions.text_variance_share,
        "program": format!("gazelens {}", env!("CARGO_PKG_VERSION")),
    });
    let written = outputs.write_bytes(out, &directions.bytes(&run));
    written.and_then(|()| outputs.commit())?;
    Ok(output::line(&summary(&directions, pairs.len()))?)
}

fn summary(directions: &VtiDirections, num_pairs: usize) -> String {
    let [layers, ..] = directions.text.shape;
    let vision = match &directions.vision {
        Some(vision) => format!("{} layers of the vision encoder", vision.shape[0]),
        None => "no layer of the vision encoder".to_owned(),
    };
    let pairs = if num_pairs == 1 { "1 pair".to_owned() } else { format!("{num_pairs} pairs") };
    format!(
        "Directions for {layers} layers of the decoder and {vision} from {pairs}; the captions' first component has \
            {:.1} % of their variance",
        directions.text_variance_share * 100.0
    )
}

/// JSON lines with `image`, `value` (the right caption), `h_value` (the hallucinated one) and `question`.
fn read_pairs(path: &Path, images: &Path) -> Result<Vec<CaptionPair>, Failure> {
    let shown = path.display();
    let bytes = files::read(path, MOST_BYTES).map_err(|err| anyhow!("Cannot open {shown}: {}", files::reason(&err)))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("Expected pairs of captions as text: {shown}"))?;
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line)
            .map_err(|_| anyhow!("Expected a JSON object in line {number}, found something else: {shown}"))?;
        let word = |key: &str| {
            let found = value.get(key).and_then(Value::as_str);
            found.ok_or_else(|| anyhow!("Expected `{key}` as text in line {number}, found none: {shown}"))
        };
        pairs.push(CaptionPair {
            image: images.join(word("image")?),
            question: value.get("question").and_then(Value::as_str).unwrap_or(QUESTION).to_owned(),
            right: word("value")?.to_owned(),
            wrong: word("h_value")?.to_owned(),
        });
    }
    if pairs.is_empty() {
        return Err(anyhow!("Expected pairs of captions, a JSON object a line, found an empty file: {shown}").into());
    }
    Ok(pairs)
}
