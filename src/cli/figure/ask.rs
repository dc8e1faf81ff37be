//! Answers that a recipe names and no file holds: the model is asked again.

use super::super::common_args::ModelArgs;
use super::super::failure::Failure;
use super::super::inputs;
use super::super::output;
use super::super::source;
use crate::data::demo;
use crate::engine::{
    ImageSource, LoadRequest, ModelSource, OpenModel, Prompt, Question, RecordOptions, RunId, run_job,
};
use crate::figure::{FigureError, Given, Recipe};
use crate::files::Outputs;
use crate::trace::{RowPrecision, RunInfo, Trace};
use anyhow::anyhow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The bundled model on the first bundled photo.
pub(super) fn demo(args: &ModelArgs) -> Result<Trace, Failure> {
    let request = args.place.request(ModelSource::Demo);
    let model = open(&request)?;
    let words = model.info().suggested_prompts.first().cloned().unwrap_or_else(|| "Describe the image.".to_owned());
    let image = demo::IMAGES.first().ok_or_else(|| anyhow!("Expected a bundled photo, found none"))?;
    let question = Question {
        max_new_tokens: 64,
        record: record(&model),
        ..Question::new(ImageSource::Bundled(image.file_name.to_owned()), Prompt::Templated(words))
    };
    answer(&model, &question)
}

/// Asks again for every trace of the recipe that is neither at hand nor in a file.
pub(super) fn missing(
    args: &ModelArgs,
    recipe: &Recipe,
    given: &mut Given,
    folder: Option<&Path>,
    allow_mismatch: bool,
    outputs: &mut Outputs,
) -> Result<(), Failure> {
    let mut open_model: Option<(String, OpenModel)> = None;
    for (name, input) in &recipe.inputs.traces {
        // A file that is not there is told when it is opened.
        if given.traces.contains_key(name) || input.file.is_some() {
            continue;
        }
        let run = &input.run;
        let model = match &open_model {
            Some((id, model)) if *id == run.model_id => model,
            _ => &open_model.insert((run.model_id.clone(), of_run(args, run, allow_mismatch, outputs)?)).1,
        };
        let image = image(&run.image_path, folder)?;
        output::note(&format!(
            "Asking again for the answer {name}: its attention may differ in the last digits from what was seen then \
                (--session or --trace has that)"
        ));
        on_its_day(run, model);
        given.traces.insert(name.clone(), Arc::new(answer(model, &again(run, image, model)?)?));
    }
    Ok(())
}

/// The model of a run; other weights are told before anything is computed.
pub(super) fn of_run(
    args: &ModelArgs,
    run: &RunInfo,
    allow_mismatch: bool,
    outputs: &mut Outputs,
) -> Result<OpenModel, Failure> {
    if run.prompting.is_some() {
        let expected = "Expected a trace file of an answer about a darkened photo, because it cannot be asked again";
        return Err(anyhow!("{expected}, found none: {}", run.image_path).into());
    }
    // Whoever names a model means that one, and agrees to its download. A recipe is anybody's.
    let request = if args.model == "demo" {
        let mut request = source::load_request(&ModelArgs { model: run.model_id.clone(), ..args.clone() })?;
        source::cached(&mut request)?;
        request
    } else {
        let mut request = source::load_request(args)?;
        source::fetch(&mut request)?;
        request
    };
    inputs::model(outputs, &request);
    outputs.check()?;
    let model = open(&request)?;
    let info = model.info();
    if info.weight_hash != run.weight_hash && !allow_mismatch {
        return Err(Failure::from(FigureError::Mismatch {
            what: "the weights".to_owned(),
            expected: run.weight_hash.clone(),
            found: info.weight_hash.clone(),
            path: info.id.clone(),
        }));
    }
    Ok(model)
}

fn open(request: &LoadRequest) -> Result<OpenModel, Failure> {
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    Ok(OpenModel::open(request, &mut |_, _| {}, &AtomicBool::new(false))?)
}

fn image(path: &str, folder: Option<&Path>) -> Result<ImageSource, Failure> {
    let here = Path::new(path);
    match folder.map(|folder| folder.join(path)) {
        Some(there) if !here.exists() && there.exists() => source::image_source(&there),
        _ => source::image_source(here),
    }
}

/// The chat template writes the day of the run into the prompt, not this one.
pub(super) fn on_its_day(run: &RunInfo, model: &OpenModel) {
    model.ask_on(run.template_date.as_deref().and_then(|date| date.parse().ok()));
}

/// The question of a run, about any photo.
pub(super) fn again(run: &RunInfo, image: ImageSource, model: &OpenModel) -> Result<Question, Failure> {
    Question::of_run(run, image, record(model)).map_err(Failure::work)
}

/// Every row, as exact as the model computes.
fn record(model: &OpenModel) -> RecordOptions {
    let precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    RecordOptions { precision, budget_bytes: usize::MAX, ..RecordOptions::default() }
}

/// Answers a question.
pub(super) fn answer(model: &OpenModel, question: &Question) -> Result<Trace, Failure> {
    let answer = run_job(model, RunId(0), question, &mut |_| {}, &AtomicBool::new(false));
    // The recipe asks, not the command line.
    let mut answer = answer.map_err(Failure::work)?;
    // What was assumed about the checkpoint belongs to its numbers.
    answer.trace.warnings.splice(0..0, model.info().warnings.iter().cloned());
    Ok(answer.trace)
}
