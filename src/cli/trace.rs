//! `gazelens trace`: one question, everything the window would show, in a file.

use super::args::{Common, TraceArgs};
use super::failure::Failure;
use super::{inputs, output, source};
use crate::checkpoint::VisionCheckpoint;
use crate::engine::{
    Answer, EngineError, Fork, LoadRequest, ModelSource, OpenModel, Prompt, Question, RecordOptions, RunId, Sampling,
    Spec, check_specs, run_job,
};
use crate::files::{Outputs, read_given, reason};
use crate::trace::file::EncodedTrace;
use crate::trace::{RowPrecision, TextSimilarity, Trace};
use anyhow::anyhow;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Longest text of a file that a parameter names: more than any model reads.
const MOST_TEXT_BYTES: u64 = 16 << 20;

pub(super) fn run(common: &Common, args: &TraceArgs) -> Result<(), Failure> {
    let mut request = source::load_request(common)?;
    let mut outputs = Outputs::default();
    outputs.reads("--image", &args.image);
    inputs::specs(&mut outputs, "--strategy", &args.strategy);
    inputs::specs(&mut outputs, "--intervene", &args.intervene);
    inputs::model(&mut outputs, &request);
    let out = outputs.claim("--out", &args.out).map_err(inputs::blame)?;
    if args.words.prompt.is_none() && args.words.raw_prompt.is_none() {
        // Only its files tell whether the model takes words.
        source::fetch(&mut request)?;
    }
    let mut question = question(common, args, &request)?;
    check_specs(&question).map_err(blame)?;
    source::fetch(&mut request)?;
    inputs::model(&mut outputs, &request);
    outputs.check().map_err(inputs::blame)?;
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    let model = OpenModel::open(&request, &mut |_, _| {}, &cancel)?;
    model.ask_on(args.date);
    question.record.precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    let mut answer = run_job(&model, RunId(0), &question, &mut |_| {}, &cancel).map_err(blame)?;
    answer.timings.load_secs = model.load_secs();
    // What was assumed about the checkpoint belongs to its numbers.
    answer.trace.warnings.splice(0..0, model.info().warnings.iter().cloned());
    let encoded = EncodedTrace::new(&args.out, &answer.trace, &answer.extras)?;
    outputs.write(out, |file| encoded.write_to(file)).and_then(|()| outputs.commit()).map_err(inputs::blame)?;
    for text in &answer.trace.warnings {
        output::warning(text);
    }
    if args.json {
        output::json(&summary(&answer, &model))?;
    } else {
        output::line(&text(&answer.trace))?;
    }
    Ok(())
}

/// The answer; without a decoder a line for every text, or what was seen.
fn text(trace: &Trace) -> String {
    if trace.has_decoder() {
        return trace.text().trim().to_owned();
    }
    let lines = trace.similarity.iter().map(|text| {
        let TextSimilarity { text, cosine, logit, probability } = text;
        format!("cosine {cosine:.4}  logit {logit:.3}  softmax {:.1} %  {text}", probability * 100.0)
    });
    let lines: Vec<String> = lines.collect();
    match &trace.vision {
        Some(vision) if lines.is_empty() => format!(
            "[CLS] attention of {} layers x {} heads over {} x {} patches",
            vision.num_hidden_layers, vision.num_attention_heads, trace.image_grid.rows, trace.image_grid.cols
        ),
        _ => lines.join("\n"),
    }
}

/// Parameters of interventions are checked against the question, so they come up late.
fn blame(err: EngineError) -> Failure {
    if err.is_usage() { Failure::usage(err) } else { Failure::Work(err.into()) }
}

fn question(common: &Common, args: &TraceArgs, request: &LoadRequest) -> Result<Question, Failure> {
    let prompt = match (&args.words.prompt, &args.words.raw_prompt) {
        (Some(words), _) => Prompt::Templated(words.clone()),
        (None, Some(text)) => Prompt::Raw(text.clone()),
        (None, None) if takes_no_words(request) => Prompt::Templated(String::new()),
        (None, None) => return Err(Failure::usage(anyhow!("Expected --prompt or --raw-prompt, found neither"))),
    };
    let read = |spec: &Spec| with_files_read(spec.clone());
    Ok(Question {
        image: source::image_source(&args.image)?,
        prompt,
        framing: args.framing.map(Into::into),
        sampling: Sampling {
            temperature: args.temperature,
            top_p: args.top_p,
            top_k: args.top_k,
            repetition_penalty: args.repetition_penalty,
            seed: common.seed,
        },
        max_new_tokens: args.max_new_tokens,
        strategy: args.strategy.as_ref().map(read).transpose()?.unwrap_or_default(),
        interventions: args.intervene.iter().map(read).collect::<Result<_, _>>()?,
        prompted: None,
        fork: (!args.forced_ids.is_empty()).then(|| Fork { ids: args.forced_ids.clone(), known: None }),
        record: RecordOptions {
            // The file is the purpose: every row of it.
            budget_bytes: usize::MAX,
            prompt_rows: args.prompt_rows.into(),
            logits: args.logits,
            pixel_values: args.vision,
            ..RecordOptions::default()
        },
    })
}

/// Whether the model is an encoder that only sees.
fn takes_no_words(request: &LoadRequest) -> bool {
    match &request.source {
        ModelSource::Folder(folder) | ModelSource::Hub { folder: Some(folder), .. } => {
            VisionCheckpoint::describes(folder)
        }
        _ => false,
    }
}

/// A value that starts with `@` is the content of that file.
fn with_files_read(mut spec: Spec) -> anyhow::Result<Spec> {
    for (key, value) in &mut spec.parameters {
        if let Some(path) = value.strip_prefix('@') {
            let named = |why: String| anyhow!("Cannot read `{key}` of `{}` from a file: {why}: {path}", spec.name);
            let bytes = read_given(Path::new(path), MOST_TEXT_BYTES).map_err(|err| named(reason(&err)))?;
            *value = String::from_utf8(bytes).map_err(|_| named("it is not UTF-8 text".to_owned()))?;
        }
    }
    Ok(spec)
}

/// The object of `--json`.
fn summary(answer: &Answer, model: &OpenModel) -> Value {
    let (trace, timings) = (&answer.trace, &answer.timings);
    let tokens: Vec<Value> = trace
        .output
        .iter()
        .map(|token| {
            let mut object = json!({
                "id": token.id,
                "text": token.text,
                "special": token.special,
                "logprob": token.logprob,
                "entropy": token.entropy_nats,
                "candidates": token.candidates,
            });
            if let Some(contrast) = &token.contrast {
                object["contrast"] = json!(contrast);
            }
            object
        })
        .collect();
    let similarity = trace.similarity.iter().map(|text| {
        let TextSimilarity { text, cosine, logit, probability } = text;
        json!({"text": text, "cosine": cosine, "logit": logit, "probability": probability})
    });
    json!({
        "text": trace.text().trim(),
        "tokens": tokens,
        "similarity": similarity.collect::<Vec<Value>>(),
        "prompt_tokens": trace.prompt.len(),
        "image_token_span": [trace.image_token_span.start, trace.image_token_span.len],
        "timings": {
            "load": timings.load_secs,
            "vision": timings.vision_secs,
            "prefill": timings.prefill_secs,
            "decode": timings.decode_secs,
            "tokens_per_second": timings.tokens_per_sec,
        },
        "memory": model.info().memory,
        "peak_rss_bytes": output::peak_rss_bytes(),
        "forced_ids": trace.run.forced_ids,
        "warnings": trace.warnings,
    })
}
