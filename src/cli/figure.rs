//! `gazelens figure` and `gazelens html`: what is known about an answer as a figure for a paper, or as a page to
//! explore.

mod ask;
mod batch;
mod saved;

use super::common_args::ModelArgs;
use super::failure::Failure;
use super::figure_args::{FigureArgs, HtmlArgs};
use super::{endings, inputs, output};
use crate::engine::EngineError;
use crate::figure::chart::Chart;
use crate::figure::{
    Besides, DataFolder, Figure, FigureError, Format, Given, Inputs, MOST_FIGURE_BYTES, Mismatches, Recipe, Watch,
    default_recipe, expect_own_name, expect_room_for_recipe, html, named_files, open_photo, recipe_beside, recipe_of,
    with_maps_beside,
};
use crate::files::{self, Outputs, is_same_file, reason};
use crate::trace::Trace;
use crate::trace::file::TraceFile;
use anyhow::anyhow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the one trace of a made recipe.
const TRACE: &str = "trace";

/// A recipe, what is at hand for it, and where it looks for files.
type Subject = (Recipe, Given, Option<PathBuf>);

/// What a figure may be written as.
const FIGURES: [&str; 3] = ["png", "svg", "pdf"];
/// The same and the page.
const FIGURES_AND_PAGE: [&str; 4] = ["png", "svg", "pdf", "html"];

pub(super) fn run(model: &ModelArgs, args: &FigureArgs) -> Result<(), Failure> {
    let page = html::is_page(&args.out);
    // A page is of one trace, and has no numbers behind it.
    if args.data.is_some() {
        endings::expect("--out with --data", &args.out, &FIGURES)?;
    }
    if args.images.is_some() {
        endings::expect("--out with --images", &args.out, &FIGURES)?;
    }
    if let Some(chart) = chart_of(args) {
        return draw_chart(&chart, args);
    }
    let drawn = match (&args.images, &args.recipe) {
        (Some(list), Some(recipe)) => return batch::run(model, args, recipe, list),
        _ => draw(model, args, page),
    };
    drawn.map_err(|failure| about_its_file(failure, args))
}

/// The chart that a recipe is, if it is one.
fn chart_of(args: &FigureArgs) -> Option<Chart> {
    let path = args.recipe.as_deref()?;
    let bytes = files::read(path, MOST_FIGURE_BYTES).ok()?;
    Chart::of_bytes(&bytes, path)
}

/// Draws a plot of a study again.
fn draw_chart(chart: &Chart, args: &FigureArgs) -> Result<(), Failure> {
    let mut outputs = named_inputs(args);
    let key = outputs.claim("--out", &args.out)?;
    endings::expect("--out", &args.out, &FIGURES)?;
    let Some(format) = Format::of(&args.out) else { return Ok(()) };
    let bytes = chart.bytes(format)?;
    outputs.write_bytes(key, &bytes)?;
    Ok(outputs.commit()?)
}

fn draw(model: &ModelArgs, args: &FigureArgs, page: bool) -> Result<(), Failure> {
    let mut outputs = named_inputs(args);
    outputs.claim("--out", &args.out)?;
    endings::expect("--out", &args.out, &FIGURES_AND_PAGE)?;
    let keeps_recipe = is_recipe_beside(args);
    if !page && !keeps_recipe {
        expect_room_for_recipe(&args.out)?;
    }
    let (recipe, given, folder) = subject(model, args, &mut outputs)?;
    let inputs = open_inputs(&recipe, given, folder.as_deref(), args.allow_mismatch)?;
    inputs.files().for_each(|(what, path)| outputs.reads(what, path));
    outputs.check()?;
    if page {
        return write_page(&recipe, &inputs, args, outputs);
    }
    let (recipe, maps) = with_maps_beside(&recipe, &inputs, &args.out);
    if keeps_recipe {
        tell_other_recipe(&recipe, args)?;
    }
    let data = args.data.clone().map(DataFolder::Named);
    write(&recipe, &inputs, &args.out, &Besides { data, maps, keeps_recipe }, &mut outputs)
}

/// Names the file that a sentence without one is about.
fn about_its_file(failure: Failure, args: &FigureArgs) -> Failure {
    let names_none = matches!(
        failure.cause(),
        Some(
            FigureError::Setting { .. }
                | FigureError::NoInput { .. }
                | FigureError::Panel { .. }
                | FigureError::TooLarge { .. }
                | FigureError::NoTrace { .. }
        )
    );
    let of_an_answer = failure.cause().is_some_and(EngineError::names_no_file);
    let file = args.recipe.as_ref().or(args.of.session.as_ref()).or(args.of.trace.as_ref());
    match file.filter(|_| names_none || of_an_answer) {
        Some(file) => failure.about_file(file),
        None => failure,
    }
}

/// What the command line names.
fn named_inputs(args: &FigureArgs) -> Outputs {
    let mut outputs = Outputs::default();
    let named = [
        ("--recipe", &args.recipe),
        ("--trace", &args.of.trace),
        ("--session", &args.of.session),
        ("--images", &args.images),
    ];
    for (flag, path) in named {
        outputs.reads_all(flag, path);
    }
    outputs
}

/// Whether the recipe that is read has the place of the one that is written.
fn is_recipe_beside(args: &FigureArgs) -> bool {
    args.recipe.as_ref().is_some_and(|recipe| is_same_file(recipe, &recipe_beside(&args.out)))
}

/// A recipe that is read stays as it is; the figure has its own inside.
fn tell_other_recipe(recipe: &Recipe, args: &FigureArgs) -> Result<(), Failure> {
    let beside = recipe_beside(&args.out);
    if read_recipe(&beside)? != *recipe {
        let what = "The recipe next to the figure stays as it is, as it is the one that --recipe names";
        output::warning(&format!("{what}; the figure's own stands inside of it: {}", beside.display()));
    }
    Ok(())
}

pub(super) fn run_html(args: &HtmlArgs) -> Result<(), Failure> {
    let mut outputs = Outputs::default();
    outputs.reads("--trace", &args.trace);
    let out = outputs.claim("--out", &args.out)?;
    endings::expect("--out", &args.out, &["html"])?;
    let trace = TraceFile::read(&args.trace)?.trace;
    let path = Path::new(&trace.run.image_path);
    outputs.reads("the photo of the trace", path);
    outputs.check()?;
    let photo = open_photo(path)?;
    check_photo(&trace, &photo.sha256)?;
    let page = html::page(&trace, &photo)?;
    Ok(outputs.write_bytes(out, page.as_bytes()).and_then(|()| outputs.commit())?)
}

fn check_photo(trace: &Trace, found: &str) -> Result<(), Failure> {
    let run = &trace.run;
    if run.image_hash == found {
        return Ok(());
    }
    let (expected, path) = (&run.image_hash, &run.image_path);
    Err(Failure::work(anyhow!("Expected the photo {expected} as in the trace, found {found}: {path}")))
}

/// A page needs the trace and its photo alone.
fn write_page(recipe: &Recipe, inputs: &Inputs, args: &FigureArgs, mut outputs: Outputs) -> Result<(), Failure> {
    let names: Vec<&String> = recipe.inputs.traces.keys().collect();
    let [name] = names.as_slice() else {
        let why = anyhow!("Expected one trace for a page, found {}", names.len());
        let file = args.recipe.as_ref().or(args.of.session.as_ref());
        return Err(file.into_iter().fold(Failure::work(why), |failure, file| failure.about_file(file)));
    };
    let page = html::page(inputs.trace(name)?, inputs.photo(name)?)?;
    let out = outputs.claim("--out", &args.out)?;
    Ok(outputs.write_bytes(out, page.as_bytes()).and_then(|()| outputs.commit())?)
}

/// What is drawn: the recipe, what is at hand for it, and where it looks for files.
fn subject(model: &ModelArgs, args: &FigureArgs, outputs: &mut Outputs) -> Result<Subject, Failure> {
    let (mut recipe, mut given, folder) = match &args.of.session {
        Some(path) => saved::subject(args, path)?,
        None => subject_of_files(model, args)?,
    };
    if let Some(dpi) = args.dpi {
        recipe.layout.dpi = dpi;
    }
    // Before a model is asked, which can take minutes.
    if !html::is_page(&args.out) && !is_recipe_beside(args) {
        expect_own_name(&recipe, &args.out)?;
    }
    for (what, path) in &named_files(&recipe, folder.as_deref()) {
        outputs.reads(what, path);
    }
    outputs.check()?;
    ask::missing(model, &recipe, &mut given, folder.as_deref(), args.allow_mismatch, outputs)?;
    Ok((recipe, given, folder))
}

/// A recipe, or the one inside of a figure.
fn read_recipe(path: &Path) -> Result<Recipe, Failure> {
    let bytes = files::read(path, MOST_FIGURE_BYTES)
        .map_err(|err| anyhow!("Cannot read the recipe or figure: {}: {}", reason(&err), path.display()))?;
    Ok(recipe_of(&bytes, path)?)
}

/// Without a session: a recipe, a trace file, or the demo.
fn subject_of_files(model: &ModelArgs, args: &FigureArgs) -> Result<Subject, Failure> {
    let at_hand = match &args.of.trace {
        Some(path) => Some(Arc::new(TraceFile::read(path)?.trace)),
        None if args.of.demo && args.recipe.is_none() => Some(Arc::new(ask::demo(model)?)),
        None => None,
    };
    match (&args.recipe, at_hand) {
        (Some(path), trace) => {
            let recipe = read_recipe(path)?;
            let mut given = Given::default();
            if let Some(trace) = trace {
                given.traces.insert(only_trace(&recipe, path)?, trace);
            }
            Ok((recipe, given, path.parent().map(Path::to_owned)))
        }
        (None, Some(trace)) => {
            args.of.trace.as_deref().map(|path| inputs::text_of("--trace", path)).transpose()?;
            Ok(everything_of(trace, args.of.trace.as_deref()))
        }
        (None, None) => {
            Err(Failure::usage(anyhow!("Expected --trace, --demo, --session or --recipe, found none of them")))
        }
    }
}

/// The figure of a trace where no recipe says what is wanted.
fn everything_of(trace: Arc<Trace>, file: Option<&Path>) -> Subject {
    let recipe = default_recipe(TRACE, &trace, file);
    let mut given = Given::default();
    given.traces.insert(TRACE.to_owned(), trace);
    (recipe, given, None)
}

fn only_trace(recipe: &Recipe, path: &Path) -> Result<String, Failure> {
    let names: Vec<&String> = recipe.inputs.traces.keys().collect();
    match names.as_slice() {
        [name] => Ok((*name).clone()),
        _ => Err(anyhow!("Expected a recipe with one trace, found {}: {}", names.len(), path.display()).into()),
    }
}

fn open_inputs(recipe: &Recipe, given: Given, folder: Option<&Path>, allow: bool) -> Result<Inputs, Failure> {
    let mismatches = if allow { Mismatches::Drawn } else { Mismatches::Refused };
    let inputs = Inputs::open(recipe, given, folder, mismatches)?;
    for text in inputs.mismatches.iter().map(String::as_str).chain(inputs.warnings()) {
        output::warning(text);
    }
    Ok(inputs)
}

fn write(
    recipe: &Recipe,
    inputs: &Inputs,
    out: &Path,
    besides: &Besides,
    outputs: &mut Outputs,
) -> Result<(), Failure> {
    let figure = Figure::new(recipe, inputs)?;
    for text in figure.warnings() {
        output::warning(&text);
    }
    let missing = figure.missing_letters();
    if !missing.is_empty() {
        let letters: String = missing.into_iter().collect();
        output::warning(&format!(
            "No typeface of the figure has {letters}: boxes stand in their place; a recipe names another in \
                `layout.typeface`"
        ));
    }
    Ok(figure.write_with(besides, outputs, ("--out", out), &mut Watch::quiet())?)
}
