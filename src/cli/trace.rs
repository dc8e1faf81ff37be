//! `gazelens trace`: one question, or many to one open model, and everything the window would show, in files.

mod damro;
mod questions;
mod report;

use super::failure::Failure;
use super::trace_args::{How, TraceArgs};
use super::{endings, inputs, output, source};
use crate::engine::{
    Answer, Fork, ImageSource, LoadRequest, ModelSource, OpenModel, Prompt, Question, RecordOptions, RunId, Sampling,
    Spec, check_names, check_specs, only_sees, run_job,
};
use crate::files::{OutputKey, Outputs, text_named};
use crate::trace::file::EncodedTrace;
use crate::trace::{RowPrecision, TextSimilarity, Trace};
use anyhow::anyhow;
use report::Reporter;
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &TraceArgs) -> Result<(), Failure> {
    match (&args.many.questions, &args.many.images, &args.about.image) {
        (Some(file), Some(photos), _) => questions::run(args, file, photos),
        (_, _, Some(image)) => one(args, image),
        _ => Err(Failure::usage(anyhow!("Expected --image, or --questions with --images, found neither"))),
    }
}

fn one(args: &TraceArgs, image: &Path) -> Result<(), Failure> {
    if args.out.is_none() && !args.json {
        return Err(Failure::usage(anyhow!(
            "Expected --out or --json (or --questions with --out-dir), found none of them"
        )));
    }
    let mut request = source::load_request(&args.model)?;
    let mut outputs = Outputs::default();
    outputs.reads("--image", image);
    read_by_all(&mut outputs, args, &request);
    let out = args.out.as_deref().map(|path| claim(&mut outputs, path)).transpose()?;
    if args.about.prompt.is_none() && args.about.raw_prompt.is_none() {
        // Only its files tell whether the model takes words.
        source::fetch(&mut request)?;
    }
    let prompt = prompt(args, &request)?;
    let mut question = question(&args.how, source::image_source(image)?, prompt)?;
    check_specs(&question)?;
    source::fetch(&mut request)?;
    inputs::model(&mut outputs, &request);
    outputs.check()?;
    let model = open(&request, args, &mut question)?;
    let mut answer = answer(&model, &question)?;
    answer.timings.load_secs = model.load_secs();
    // What was assumed about the checkpoint belongs to its numbers.
    answer.trace.warnings.splice(0..0, model.info().warnings.iter().cloned());
    if let Some((path, key)) = args.out.as_deref().zip(out) {
        write(&mut outputs, path, key, &answer)?;
    }
    for text in &answer.trace.warnings {
        output::warning(text);
    }
    if args.json {
        let mut object = Reporter::default().object(&answer, args.out.as_deref());
        object.insert("memory".to_owned(), serde_json::to_value(&model.info().memory).unwrap_or_default());
        output::json(&object)?;
    } else {
        output::line(&text(&answer.trace))?;
    }
    Ok(())
}

/// What is read whatever the question is.
fn read_by_all(outputs: &mut Outputs, args: &TraceArgs, request: &LoadRequest) {
    inputs::specs(outputs, "--strategy", &args.how.strategy);
    inputs::specs(outputs, "--intervene", &args.how.intervene);
    inputs::specs(outputs, "--method", &args.how.method);
    inputs::model(outputs, request);
}

fn claim(outputs: &mut Outputs, path: &Path) -> Result<OutputKey, Failure> {
    let key = outputs.claim("--out", path)?;
    endings::expect("--out", path, &["safetensors"])?;
    Ok(key)
}

fn open(request: &LoadRequest, args: &TraceArgs, question: &mut Question) -> Result<OpenModel, Failure> {
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let model = OpenModel::open(request, &mut |_, _| {}, &AtomicBool::new(false))?;
    model.ask_on(args.how.date);
    question.record.precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    Ok(model)
}

/// Sentences that name no file are about the model: the same question is right for another.
fn answer(model: &OpenModel, question: &Question) -> Result<Answer, Failure> {
    let answer = run_job(model, RunId(0), question, &mut |_| {}, &AtomicBool::new(false));
    answer.map_err(|err| {
        let names_none = err.names_no_file();
        let failure = Failure::from(err);
        if names_none { failure.about(&model.info().id) } else { failure }
    })
}

fn write(outputs: &mut Outputs, path: &Path, key: OutputKey, answer: &Answer) -> Result<(), Failure> {
    let encoded = EncodedTrace::new(path, &answer.trace, &answer.extras)?;
    Ok(outputs.write(key, |file| encoded.write_to(file)).and_then(|()| outputs.commit())?)
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
            "{} of {} layers x {} heads over {}",
            if vision.has_cls() { "[CLS] attention" } else { "Received attention" },
            vision.num_hidden_layers,
            vision.num_attention_heads,
            trace.layout.words()
        ),
        _ => lines.join("\n"),
    }
}

/// The words, which an encoder that only sees does not need.
fn prompt(args: &TraceArgs, request: &LoadRequest) -> Result<Prompt, Failure> {
    match (&args.about.prompt, &args.about.raw_prompt) {
        (Some(words), _) => Ok(Prompt::Templated(words.clone())),
        (None, Some(text)) => Ok(Prompt::Raw(text.clone())),
        (None, None) if takes_no_words(request) => Ok(Prompt::Templated(String::new())),
        (None, None) => Err(Failure::usage(anyhow!("Expected --prompt or --raw-prompt, found neither"))),
    }
}

fn question(how: &How, image: ImageSource, prompt: Prompt) -> Result<Question, Failure> {
    check_names(how.strategy.as_ref(), &how.intervene, &how.method)?;
    let read = |spec: &Spec| with_files_read(spec.clone());
    Ok(Question {
        framing: how.framing.map(Into::into),
        sampling: Sampling {
            temperature: how.temperature,
            top_p: how.top_p,
            top_k: how.top_k,
            repetition_penalty: how.repetition_penalty,
            seed: how.seed,
            beams: how.beams,
            length_penalty: if how.beams > 1 { how.length_penalty } else { Sampling::default().length_penalty },
        },
        max_new_tokens: how.max_new_tokens,
        strategy: how.strategy.as_ref().map(read).transpose()?.unwrap_or_default(),
        interventions: how.intervene.iter().map(read).collect::<Result<_, _>>()?,
        methods: how.method.iter().map(read).collect::<Result<_, _>>()?,
        fork: (!how.forced_ids.is_empty()).then(|| Fork { ids: how.forced_ids.clone(), known: None }),
        record: RecordOptions {
            // The file is the purpose: every row of it.
            budget_bytes: usize::MAX,
            prompt_rows: how.prompt_rows.into(),
            logits: how.logits,
            pixel_values: how.vision,
            ..RecordOptions::default()
        },
        ..Question::new(image, prompt)
    })
}

/// Whether the model is an encoder that only sees.
fn takes_no_words(request: &LoadRequest) -> bool {
    match &request.source {
        ModelSource::Folder(folder) | ModelSource::Hub { folder: Some(folder), .. } => {
            only_sees(folder).unwrap_or(false) // what is no readable checkpoint is none
        }
        _ => false,
    }
}

/// A value that starts with `@` is the content of that file.
fn with_files_read(mut spec: Spec) -> anyhow::Result<Spec> {
    for (key, value) in &mut spec.parameters {
        let named = |why: String| anyhow!("Cannot read `{key}` of `{}` from a file: {why}", spec.name);
        if let Some(text) = text_named(value).map_err(named)? {
            *value = text;
        }
    }
    Ok(spec)
}
