//! `gazelens figure` and `gazelens html`: what is known about an answer as a figure for a paper, or as a page to explore.

mod ask;
mod batch;
mod saved;

use super::args::Common;
use super::failure::Failure;
use super::figure_args::{FigureArgs, HtmlArgs};
use super::{inputs, output};
use crate::figure::{
    Besides, DataFolder, Figure, FigureError, Format, Given, Inputs, MOST_FIGURE_BYTES, Mismatches, Recipe, Watch,
    default_recipe, expect_room_for_recipe, html, named_files, open_photo, recipe_beside, recipe_of, with_maps_beside,
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

pub(super) fn run(common: &Common, args: &FigureArgs) -> Result<(), Failure> {
    let page = html::is_page(&args.out);
    if !page && Format::of(&args.out).is_none() {
        let path = args.out.display();
        return Err(Failure::usage(anyhow!("Expected --out as a png, svg, pdf or html file, found another: {path}")));
    }
    if page && let Some(folder) = &args.data {
        let path = folder.display();
        return Err(Failure::usage(anyhow!("Expected --data beside a png, svg or pdf file, found a page: {path}")));
    }
    if page && let Some(list) = &args.images {
        let path = list.display();
        return Err(Failure::usage(anyhow!("Expected --images beside png, svg or pdf files, found pages: {path}")));
    }
    if let (Some(list), Some(recipe)) = (&args.images, &args.recipe) {
        return batch::run(common, args, recipe, list);
    }
    let mut outputs = named_inputs(args);
    outputs.claim("--out", &args.out).map_err(inputs::blame)?;
    let keeps_recipe = is_recipe_beside(args);
    if !page && !keeps_recipe {
        expect_room_for_recipe(&args.out).map_err(inputs::blame)?;
    }
    let (recipe, given, folder) = subject(common, args, &mut outputs)?;
    let inputs = open_inputs(&recipe, given, folder.as_deref(), args.allow_mismatch)?;
    inputs.files().for_each(|(what, path)| outputs.reads(what, path));
    outputs.check().map_err(inputs::blame)?;
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
        let what = "The recipe beside the figure stays as it is, as it is the one that --recipe names";
        output::warning(&format!("{what}; the figure's own stands inside of it: {}", beside.display()));
    }
    Ok(())
}

pub(super) fn run_html(args: &HtmlArgs) -> Result<(), Failure> {
    let mut outputs = Outputs::default();
    outputs.reads("--trace", &args.trace);
    let out = outputs.claim("--out", &args.out).map_err(inputs::blame)?;
    let trace = TraceFile::read(&args.trace)?.trace;
    let path = Path::new(&trace.run.image_path);
    outputs.reads("the photo of the trace", path);
    outputs.check().map_err(inputs::blame)?;
    let photo = open_photo(path)?;
    check_photo(&trace, &photo.sha256)?;
    let page = html::page(&trace, &photo)?;
    outputs.write_bytes(out, page.as_bytes()).and_then(|()| outputs.commit()).map_err(inputs::blame)
}

fn check_photo(trace: &Trace, found: &str) -> Result<(), Failure> {
    let run = &trace.run;
    if run.image_hash == found {
        return Ok(());
    }
    let (expected, path) = (&run.image_hash, &run.image_path);
    Err(Failure::Work(anyhow!("Expected the photo {expected} as in the trace, found {found}: {path}")))
}

/// A page needs the trace and its photo alone.
fn write_page(recipe: &Recipe, inputs: &Inputs, args: &FigureArgs, mut outputs: Outputs) -> Result<(), Failure> {
    let names: Vec<&String> = recipe.inputs.traces.keys().collect();
    let [name] = names.as_slice() else {
        return Err(Failure::Work(anyhow!("Expected one trace for a page, found {}", names.len())));
    };
    let page = html::page(inputs.trace(name)?, inputs.photo(name)?)?;
    let out = outputs.claim("--out", &args.out).map_err(inputs::blame)?;
    outputs.write_bytes(out, page.as_bytes()).and_then(|()| outputs.commit()).map_err(inputs::blame)
}

/// What is drawn: the recipe, what is at hand for it, and where it looks for files.
fn subject(common: &Common, args: &FigureArgs, outputs: &mut Outputs) -> Result<Subject, Failure> {
    let (mut recipe, mut given, folder) = match &args.of.session {
        Some(path) => saved::subject(args, path)?,
        None => subject_of_files(common, args)?,
    };
    if let Some(dpi) = args.dpi {
        recipe.layout.dpi = dpi;
    }
    // Before a model is asked, which can take minutes.
    for (what, path) in &named_files(&recipe, folder.as_deref()) {
        outputs.reads(what, path);
    }
    outputs.check().map_err(inputs::blame)?;
    ask::missing(common, &recipe, &mut given, folder.as_deref(), args.allow_mismatch, outputs)?;
    Ok((recipe, given, folder))
}

/// A recipe, or the one inside of a figure.
fn read_recipe(path: &Path) -> Result<Recipe, Failure> {
    let bytes = files::read(path, MOST_FIGURE_BYTES)
        .map_err(|err| anyhow!("Cannot read the recipe or figure: {}: {}", reason(&err), path.display()))?;
    Ok(recipe_of(&bytes, path)?)
}

/// Without a session: a recipe, a trace file, or the demo.
fn subject_of_files(common: &Common, args: &FigureArgs) -> Result<Subject, Failure> {
    let at_hand = match &args.of.trace {
        Some(path) => Some(Arc::new(TraceFile::read(path)?.trace)),
        None if args.of.demo && args.recipe.is_none() => Some(Arc::new(ask::demo(common)?)),
        None => None,
    };
    match (&args.recipe, at_hand) {
        (Some(path), trace) => {
            let recipe = read_recipe(path)?;
            let mut given = Given::default();
            if let Some(trace) = trace {
                given.traces.insert(only_trace(&recipe)?, trace);
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

fn only_trace(recipe: &Recipe) -> Result<String, Failure> {
    let names: Vec<&String> = recipe.inputs.traces.keys().collect();
    match names.as_slice() {
        [name] => Ok((*name).clone()),
        _ => Err(Failure::usage(anyhow!("Expected a recipe with one trace, found {}", names.len()))),
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
            "No typeface of the figure has {letters}: boxes stand in their place; a recipe names another in `layout.typeface`"
        ));
    }
    figure.write_with(besides, outputs, ("--out", out), &mut Watch::quiet()).map_err(blame)
}

fn blame(err: FigureError) -> Failure {
    match err {
        FigureError::Output(err) => inputs::blame(err),
        other => Failure::Work(other.into()),
    }
}
