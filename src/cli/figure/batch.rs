//! One recipe, many photos: resumable, with progress, and what failed at the end.

use super::super::args::Common;
use super::super::failure::Failure;
use super::super::figure_args::FigureArgs;
use super::super::{output, source};
use super::{ask, only_trace, open_inputs, read_recipe, write};
use crate::data::library::list_folder;
use crate::engine::OpenModel;
use crate::figure::recipe::sha256;
use crate::figure::{Given, Recipe, open_photo, recipe_of};
use crate::trace::Trace;
use crate::trace::file::TraceFile;
use anyhow::{Context as _, anyhow};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Stands for the photo's name in `--out`.
const NAME: &str = "{name}";

/// What every photo of a batch shares.
struct Batch<'a> {
    common: &'a Common,
    recipe: Recipe,
    /// Of the recipe as it was given: the same photo under another recipe is made anew.
    recipe_hash: String,
    trace_name: String,
    folder: Option<&'a Path>,
    allow_mismatch: bool,
    /// Opened for the first photo that needs it.
    model: Option<OpenModel>,
}

pub(super) fn run(common: &Common, args: &FigureArgs, recipe_path: &Path, list: &Path) -> Result<(), Failure> {
    let pattern = args.out.to_string_lossy();
    if !pattern.contains(NAME) {
        return Err(Failure::usage(anyhow!("Expected --out with {NAME} in it beside --images, found {pattern}")));
    }
    output::expect_folder_of("--out", &args.out)?;
    let mut recipe = read_recipe(recipe_path)?;
    if let Some(dpi) = args.dpi {
        recipe.layout.dpi = dpi;
    }
    recipe.batch = None;
    let (trace_name, recipe_hash) = (only_trace(&recipe)?, recipe.sha256());
    let (folder, allow_mismatch) = (recipe_path.parent(), args.allow_mismatch);
    let mut batch = Batch { common, recipe, recipe_hash, trace_name, folder, allow_mismatch, model: None };
    let subjects = subjects(list)?;
    let total = subjects.len();
    let (mut kept, mut failed) = (0, Vec::new());
    for (idx, (name, subject)) in subjects.iter().enumerate() {
        let out = PathBuf::from(pattern.replace(NAME, name));
        progress(&format!("[{}/{total}] {name}", idx + 1));
        match batch.one(subject, &out) {
            Ok(Made::Kept) => kept += 1,
            Ok(Made::Written) => {}
            Err(failure) => failed.push(format!("{}: {}", subject.display(), failure.sentence())),
        }
    }
    end_progress();
    let written = total - kept - failed.len();
    output::note(&format!("{written} of {total} figures written, {kept} kept, {} failed", failed.len()));
    for line in &failed {
        output::note(line);
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Work(anyhow!("Expected {total} figures, {} could not be made", failed.len())))
}

/// What became of one photo.
enum Made {
    Written,
    /// It was there, from this recipe and this photo.
    Kept,
}

impl Batch<'_> {
    fn one(&mut self, subject: &Path, out: &Path) -> Result<Made, Failure> {
        let is_trace = subject.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("safetensors"));
        let (hash, trace) = if is_trace {
            let trace = TraceFile::read(subject)?.trace;
            let bytes = std::fs::read(subject).with_context(|| format!("Could not read {}", subject.display()))?;
            (sha256(&bytes), Some(trace))
        } else {
            (open_photo(subject)?.sha256, None)
        };
        let id = sha256(format!("{} {hash}", self.recipe_hash).as_bytes());
        if is_there(out, &id) {
            return Ok(Made::Kept);
        }
        let file = trace.is_some().then_some(subject);
        let trace = match trace {
            Some(trace) => trace,
            None => self.ask(subject)?,
        };
        self.check_weights(&trace)?;
        let mut recipe = self.recipe.clone();
        recipe.batch = Some(id);
        recipe.add_trace(&self.trace_name, &trace, file);
        let mut given = Given::default();
        given.traces.insert(self.trace_name.clone(), Arc::new(trace));
        let inputs = open_inputs(&recipe, given, self.folder, self.allow_mismatch)?;
        write(&recipe, &inputs, out, None)?;
        Ok(Made::Written)
    }

    fn ask(&mut self, photo: &Path) -> Result<Trace, Failure> {
        let run = self.recipe.inputs.traces.get(&self.trace_name).map(|input| input.run.clone());
        let run = run.ok_or_else(|| anyhow!("Expected a recipe with a trace, found none"))?;
        let model = match self.model.take() {
            Some(model) => model,
            None => ask::of_run(self.common, &run, self.allow_mismatch)?,
        };
        let model = self.model.insert(model);
        ask::on_its_day(&run, model);
        ask::answer(model, &ask::again(&run, source::image_source(photo), model)?)
    }

    /// Another photo is what a batch is for; another model is not.
    fn check_weights(&self, trace: &Trace) -> Result<(), Failure> {
        let expected = self.recipe.inputs.traces.get(&self.trace_name).map(|input| input.run.weight_hash.as_str());
        let found = trace.run.weight_hash.as_str();
        if self.allow_mismatch || expected == Some(found) {
            return Ok(());
        }
        let expected = expected.unwrap_or_default();
        Err(Failure::Work(anyhow!("Expected the weights {expected} as in the recipe, found {found}")))
    }
}

/// Whether a whole figure of this recipe and photo is there, with its recipe beside it.
fn is_there(out: &Path, id: &str) -> bool {
    let recipe = std::fs::read(out).ok().and_then(|bytes| recipe_of(&bytes, out).ok());
    out.with_extension("json").exists() && recipe.is_some_and(|recipe| recipe.batch.as_deref() == Some(id))
}

/// Names and files: the lines of a list, or the photos of a folder. Names are told apart by a number where two are alike.
fn subjects(list: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let paths: Vec<PathBuf> = if list.is_dir() {
        list_folder(list, &AtomicBool::new(false), |_| {})?.images
    } else {
        let text = std::fs::read_to_string(list)
            .with_context(|| format!("Expected --images as a list of photos that can be read: {}", list.display()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| beside(list, line)).collect()
    };
    if paths.is_empty() {
        return Err(Failure::Work(anyhow!("Expected at least one photo in --images, found none: {}", list.display())));
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let named = paths.into_iter().map(|path| {
        let stem = path.file_stem().map_or_else(|| "figure".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let count = seen.entry(stem.clone()).or_default();
        *count += 1;
        (if *count > 1 { format!("{stem}-{count}") } else { stem }, path)
    });
    Ok(named.collect())
}

/// A path as it is, or beside the list.
fn beside(list: &Path, line: &str) -> PathBuf {
    let here = PathBuf::from(line);
    let there = list.parent().map(|folder| folder.join(line));
    there.filter(|there| !here.exists() && there.exists()).unwrap_or(here)
}

fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        output::changing_line(text);
    } else {
        output::note(text);
    }
}

fn end_progress() {
    if std::io::stderr().is_terminal() {
        output::note("");
    }
}
