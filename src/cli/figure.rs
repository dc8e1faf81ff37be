//! `gazelens figure` and `gazelens html`: what is known about an answer as a figure for a paper, or as a page to explore.

mod ask;
mod batch;
mod saved;

use super::args::Common;
use super::failure::Failure;
use super::figure_args::{FigureArgs, HtmlArgs};
use super::output;
use crate::figure::{
    Figure, Format, Given, Inputs, Mismatches, Recipe, default_recipe, html, open_photo, recipe_of, write_maps,
};
use crate::trace::Trace;
use crate::trace::file::TraceFile;
use anyhow::{Context as _, anyhow};
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
    output::expect_folder_of("--out", &args.out)?;
    let (recipe, given, folder) = subject(common, args)?;
    if page {
        return write_page(&recipe, given, folder.as_deref(), args);
    }
    let maps = given.maps.clone();
    let inputs = open_inputs(&recipe, given, folder.as_deref(), args.allow_mismatch)?;
    write_maps(&args.out, &recipe, &maps, folder.as_deref())?;
    write(&recipe, &inputs, &args.out, args.data.as_deref())
}

pub(super) fn run_html(args: &HtmlArgs) -> Result<(), Failure> {
    output::expect_folder_of("--out", &args.out)?;
    let trace = TraceFile::read(&args.trace)?.trace;
    let photo = open_photo(Path::new(&trace.run.image_path))?;
    check_photo(&trace, &photo.sha256)?;
    html::write(&args.out, &trace, &photo)?;
    Ok(())
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
fn write_page(recipe: &Recipe, given: Given, folder: Option<&Path>, args: &FigureArgs) -> Result<(), Failure> {
    let inputs = open_inputs(recipe, given, folder, args.allow_mismatch)?;
    let names: Vec<&String> = recipe.inputs.traces.keys().collect();
    let [name] = names.as_slice() else {
        return Err(Failure::Work(anyhow!("Expected one trace for a page, found {}", names.len())));
    };
    html::write(&args.out, inputs.trace(name)?, inputs.photo(name)?)?;
    Ok(())
}

/// What is drawn: the recipe, what is at hand for it, and where it looks for files.
fn subject(common: &Common, args: &FigureArgs) -> Result<Subject, Failure> {
    let (mut recipe, mut given, folder) = match &args.of.session {
        Some(path) => saved::subject(args, path)?,
        None => subject_of_files(common, args)?,
    };
    if let Some(dpi) = args.dpi {
        recipe.layout.dpi = dpi;
    }
    ask::missing(common, &recipe, &mut given, folder.as_deref(), args.allow_mismatch)?;
    Ok((recipe, given, folder))
}

/// A recipe, or the one inside of a figure.
fn read_recipe(path: &Path) -> Result<Recipe, Failure> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("Expected a recipe or a figure that can be read: {}", path.display()))?;
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
        (None, Some(trace)) => Ok(everything_of(trace, args.of.trace.as_deref())),
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

fn write(recipe: &Recipe, inputs: &Inputs, out: &Path, data: Option<&Path>) -> Result<(), Failure> {
    let figure = Figure::new(recipe, inputs)?;
    let missing = figure.missing_letters();
    if !missing.is_empty() {
        let letters: String = missing.into_iter().collect();
        output::warning(&format!(
            "No typeface of the figure has {letters}: boxes stand in their place; a recipe names another in `layout.typeface`"
        ));
    }
    if let Some(folder) = data {
        figure.write_data(folder)?;
    }
    figure.write(out)?;
    Ok(())
}
