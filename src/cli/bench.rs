//! `gazelens bench`: how fast the model is on this machine.

use super::args::BenchArgs;
use super::failure::Failure;
use super::{output, source};
use crate::engine::{
    BenchRatios, BenchReport, FurtherQuestions, ImageSource, MethodsReport, OpenModel, Prompt, Question, Sampling,
    Spec, bench, bench_methods, check_names, check_specs, further_questions,
};
use serde_json::json;
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let methods = methods(args)?;
    let mut request = source::load_request(&args.model)?;
    source::fetch(&mut request)?;
    let model = OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false))?;
    let bundled = || crate::data::demo::IMAGES.first().map_or("", |image| image.file_name).to_owned();
    let image = match &args.image {
        Some(path) => source::image_source(path)?,
        None => ImageSource::Bundled(bundled()),
    };
    if !methods.is_empty() {
        let report = bench_methods(&model, &image, (args.max_new_tokens, args.beams), &methods)?;
        let told = if args.json { output::json(&report) } else { output::line(&methods_table(&report)) };
        return Ok(told?);
    }
    let report = bench(&model, &image, args.max_new_tokens)?;
    let further = further_questions(&model, &image)?;
    let memory = &model.info().memory;
    if args.json {
        let mut whole = serde_json::to_value(&report).map_err(anyhow::Error::from)?;
        if let Some(fields) = whole.as_object_mut() {
            fields.insert("further_questions".to_owned(), json!(further));
            fields.insert("memory".to_owned(), json!(memory));
        }
        output::json(&whole)?;
    } else {
        output::line(&table(&report))?;
        output::line(&further_line(&further))?;
        output::line(&format!("Memory: {}", memory.sentence()))?;
    }
    Ok(())
}

/// Those to measure; none where the model alone is. Refuses what no model could mend.
fn methods(args: &BenchArgs) -> Result<Vec<Spec>, Failure> {
    check_names(None, &[], &args.method)?;
    let plain = Spec { name: "plain".to_owned(), ..Spec::default() };
    let methods = if args.method.is_empty() && args.beams > 1 { vec![plain] } else { args.method.clone() };
    for method in &methods {
        let sampling = Sampling { beams: args.beams, ..Sampling::default() };
        let question = Question::new(ImageSource::Bundled(String::new()), Prompt::Raw(String::new()));
        check_specs(&Question { methods: vec![method.clone()], sampling, ..question })?;
    }
    Ok(methods)
}

fn methods_table(report: &MethodsReport) -> String {
    let beams = if report.beams > 1 { format!(", {} beams", report.beams) } else { String::new() };
    let mut lines = vec![
        format!("{} on {}, {} threads", report.model, report.device, report.threads),
        format!(
            "A prompt of {} tokens and answers of {}{beams}; passes, first token and a token: times plain decoding's",
            report.prompt_tokens, report.new_tokens
        ),
        "branches  prompt passes  first token  tokens/s  plain tokens/s  a token  aim   method".to_owned(),
    ];
    for cost in &report.methods {
        let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"));
        lines.push(format!(
            "{:>8}  {:>13.2}  {:>11.2}  {:>8.1}  {:>14.1}  {:>7}  {:<4}  {}",
            cost.branches,
            cost.prompt_passes,
            cost.first_token_ratio,
            cost.tokens_per_second,
            cost.plain_tokens_per_second,
            number(cost.token_ratio),
            number(cost.aim),
            cost.method
        ));
    }
    lines.join("\n")
}

fn further_line(further: &FurtherQuestions) -> String {
    format!(
        "{} questions on one image, {} tokens each: the first {:.4} s, a further one {:.4} s, all {:.4} s; {:.1} MB \
            kept",
        further.questions,
        further.new_tokens,
        further.first_secs,
        further.further_secs,
        further.total_secs,
        further.kept_bytes as f64 / 1e6
    )
}

fn table(report: &BenchReport) -> String {
    let mut lines = vec![
        format!(
            "{} on {}, {} threads, opened in {:.2} s",
            report.model, report.device, report.threads, report.load_secs
        ),
        format!(
            "{:.2} MB of weights a token; this machine reads as much at {:.1} GB/s ({:.1} in its fastest moment)",
            report.weight_bytes_per_token as f64 / 1e6,
            report.read_bandwidth_bytes_per_sec / 1e9,
            report.burst_bandwidth_bytes_per_sec / 1e9
        ),
        "branches  capture  vision s  prefill s  tokens/s  share of bandwidth".to_owned(),
    ];
    for run in &report.runs {
        lines.push(format!(
            "{:>8}  {:>7}  {:>8.4}  {:>9.4}  {:>8.1}  {:>17.1}%",
            run.branches,
            if run.capture { "yes" } else { "no" },
            run.vision_secs,
            run.prefill_secs,
            run.tokens_per_second,
            100.0 * run.share_of_bandwidth
        ));
    }
    lines.extend(ratios(report));
    lines.join("\n")
}

/// What is aimed at, beside what was found.
fn ratios(report: &BenchReport) -> Vec<String> {
    let plain = report.runs.first().map(|run| run.share_of_bandwidth);
    let BenchRatios { capture, second_branch, capture_in_prefill } = report.ratios;
    let rows = [
        ("decoding over read bandwidth", plain, "at least 0.70"),
        ("a token with capture over one without", capture, "at most 1.08"),
        ("a token of two branches over one", second_branch, "at most 1.25"),
        ("a prompt with capture over one without", capture_in_prefill, "at most 1.08"),
    ];
    let rows = rows.into_iter().filter_map(|(what, found, aim)| Some((what, found?, aim)));
    rows.map(|(what, found, aim)| format!("{what:<39}  {found:.3} ({aim})")).collect()
}
