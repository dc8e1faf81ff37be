//! One recipe, many photos: resumable, with progress, and what failed at the end.

use super::super::common_args::ModelArgs;
use super::super::failure::Failure;
use super::super::figure_args::FigureArgs;
use super::super::{inputs, output, source};
use super::{ask, named_inputs, only_trace, open_inputs, read_recipe, write};
use crate::data::library::list_folder;
use crate::engine::OpenModel;
use crate::figure::recipe::{sha256, sha256_of};
use crate::figure::{
    Besides, Given, MOST_FIGURE_BYTES, Recipe, expect_own_panels, expect_room_for_recipe, named_files, open_photo,
    recipe_beside, recipe_of, with_maps_beside,
};
use crate::files::{self, Outputs, read_given, reason};
use crate::trace::Trace;
use crate::trace::file::TraceFile;
use anyhow::anyhow;
use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Stands for the photo's name in `--out`.
const NAME: &str = "{name}";
/// Longest list of photos.
const MOST_LIST_BYTES: u64 = 64 << 20;

/// What every photo of a batch shares.
struct Batch<'a> {
    model_args: &'a ModelArgs,
    recipe: Recipe,
    /// Of the recipe as it was given: the same photo under another recipe is made anew.
    recipe_hash: String,
    trace_name: String,
    folder: Option<&'a Path>,
    allow_mismatch: bool,
    /// Opened for the first photo that needs it.
    model: Option<OpenModel>,
    /// What is read, and what was written already.
    outputs: Outputs,
}

pub(super) fn run(model_args: &ModelArgs, args: &FigureArgs, recipe_path: &Path, list: &Path) -> Result<(), Failure> {
    let pattern = inputs::text_of("--out", &args.out)?;
    if !pattern.contains(NAME) {
        return Err(Failure::usage(anyhow!("Expected {NAME} in --out, as there is --images, found {pattern}")));
    }
    // The folder; the name is none of a file.
    Outputs::default().claim("--out", &args.out)?;
    let mut recipe = read_recipe(recipe_path)?;
    if let Some(dpi) = args.dpi {
        recipe.layout.dpi = dpi;
    }
    recipe.batch = None;
    let (trace_name, recipe_hash) = (only_trace(&recipe, recipe_path)?, recipe.sha256());
    let (folder, allow_mismatch) = (recipe_path.parent(), args.allow_mismatch);
    let subjects = subjects(list)?;
    let outputs = checked_outputs(args, &recipe, folder, &subjects)?;
    let mut batch = Batch { model_args, recipe, recipe_hash, trace_name, folder, allow_mismatch, model: None, outputs };
    let total = subjects.len();
    let (mut kept, mut failed) = (0, Vec::new());
    for (idx, (name, subject)) in subjects.iter().enumerate() {
        let out = figure_of(args, name);
        progress(&format!("[{}/{total}] {name}", idx + 1));
        match batch.one(subject, &out) {
            Ok(Made::Kept) => {
                kept += 1;
                batch.outputs.reads("the figure of another photo", &out);
            }
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
    Err(Failure::work(anyhow!("Expected {total} figures, {} could not be drawn: {}", failed.len(), list.display())))
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
        inputs::text_of("the photo", subject)?;
        let (hash, trace) = if is_trace {
            let trace = TraceFile::read(subject)?.trace;
            (sha256_of_file(subject)?, Some(trace))
        } else {
            (open_photo(subject)?.sha256, None)
        };
        let id = sha256(format!("{} {hash}", self.recipe_hash).as_bytes());
        if is_there(out, &id) {
            return Ok(Made::Kept);
        }
        expect_room_for_recipe(out)?;
        expect_own_panels(&self.recipe, out)?;
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
        inputs.files().for_each(|(what, path)| self.outputs.reads(what, path));
        let (recipe, maps) = with_maps_beside(&recipe, &inputs, out);
        let besides = Besides { maps, ..Besides::default() };
        let written = write(&recipe, &inputs, out, &besides, &mut self.outputs);
        if written.is_err() {
            // What was written aside for it is none of the next one's.
            self.outputs.give_up();
        }
        written.map(|()| Made::Written)
    }

    fn ask(&mut self, photo: &Path) -> Result<Trace, Failure> {
        let run = self.recipe.inputs.traces.get(&self.trace_name).map(|input| input.run.clone());
        let run = run.ok_or_else(|| anyhow!("Expected a recipe with a trace, found none"))?;
        let model = match self.model.take() {
            Some(model) => model,
            None => ask::of_run(self.model_args, &run, self.allow_mismatch, &mut self.outputs)?,
        };
        let model = self.model.insert(model);
        ask::on_its_day(&run, model);
        ask::answer(model, &ask::again(&run, source::image_source(photo)?, model)?)
    }

    /// Another photo is what a batch is for; another model is not.
    fn check_weights(&self, trace: &Trace) -> Result<(), Failure> {
        let expected = self.recipe.inputs.traces.get(&self.trace_name).map(|input| input.run.weight_hash.as_str());
        let found = trace.run.weight_hash.as_str();
        if self.allow_mismatch || expected == Some(found) {
            return Ok(());
        }
        let expected = expected.unwrap_or_default();
        Err(Failure::work(anyhow!("Expected the weights {expected} as in the recipe, found {found}")))
    }
}

/// Whether a whole figure of this recipe and photo is there, with its recipe beside it.
fn is_there(out: &Path, id: &str) -> bool {
    let recipe = files::read(out, MOST_FIGURE_BYTES).ok().and_then(|bytes| recipe_of(&bytes, out).ok());
    out.with_extension("json").exists() && recipe.is_some_and(|recipe| recipe.batch.as_deref() == Some(id))
}

/// Knows everything that the batch reads. Refuses names of figures that are those of photos, of each other or of
/// anything else that is read, before anything is asked.
fn checked_outputs(
    args: &FigureArgs,
    recipe: &Recipe,
    folder: Option<&Path>,
    subjects: &[(String, PathBuf)],
) -> Result<Outputs, Failure> {
    let mut outputs = named_inputs(args);
    for (what, path) in &named_files(recipe, folder) {
        outputs.reads(what, path);
    }
    outputs.reads_all("a photo of --images", subjects.iter().map(|(_, path)| path));
    for (name, _) in subjects {
        let out = figure_of(args, name);
        outputs.claim("--out", &out)?;
        outputs.claim("the recipe next to --out", &recipe_beside(&out))?;
    }
    outputs.give_up();
    Ok(outputs)
}

/// The figure's file.
fn figure_of(args: &FigureArgs, name: &str) -> PathBuf {
    PathBuf::from(args.out.to_string_lossy().replace(NAME, name))
}

/// Names and files: the lines of a list, or the photos of a folder.
fn subjects(list: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let paths: Vec<PathBuf> = if list.is_dir() {
        list_folder(list, &AtomicBool::new(false), |_| {})?.images
    } else {
        let unread = |why: String| anyhow!("Cannot read the list of --images: {why}: {}", list.display());
        let bytes = read_given(list, MOST_LIST_BYTES).map_err(|err| unread(reason(&err)))?;
        let text = String::from_utf8(bytes).map_err(|_| unread("it is not UTF-8 text".to_owned()))?;
        if let Some(idx) = text.lines().position(|line| line.contains('\0')) {
            return Err(unread(format!("a NUL character in line {}", idx + 1)).into());
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| beside(list, line)).collect()
    };
    if paths.is_empty() {
        return Err(Failure::work(anyhow!("Expected at least one photo in --images, found none: {}", list.display())));
    }
    let names = names(&paths);
    Ok(names.into_iter().zip(paths).collect())
}

/// A name for each, told apart by a number where two are alike, or would be alike to a file system that knows no large
/// and small letters. What is the first of its name keeps it.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| {
        path.file_stem().map_or_else(|| "figure".to_owned(), |stem| stem.to_string_lossy().into_owned())
    };
    let stems: Vec<String> = paths.iter().map(stem).collect();
    let mut taken: HashSet<String> = stems.iter().map(|stem| stem.to_lowercase()).collect();
    let mut first: HashSet<String> = HashSet::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let named = stems.into_iter().map(|stem| {
        let folded = stem.to_lowercase();
        if first.insert(folded.clone()) {
            return stem;
        }
        let number = numbers.entry(folded).or_insert(1);
        loop {
            *number += 1;
            let name = format!("{stem}-{number}");
            if taken.insert(name.to_lowercase()) {
                return name;
            }
        }
    });
    named.collect()
}

/// Of a file that is too long to be read at once.
fn sha256_of_file(path: &Path) -> Result<String, Failure> {
    let (mut file, _) = files::open(path).map_err(|err| anyhow!("{}: {}", reason(&err), path.display()))?;
    Ok(sha256_of(&mut file).map_err(|err| anyhow!("{}: {}", reason(&err), path.display()))?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(paths: &[&str]) -> Vec<String> {
        names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(named(&["x/a.png", "a-2.png", "y/a.png"]), ["a", "a-2", "a-3"], "a number that is a name already");
        assert_eq!(named(&["x/a.png", "y/a.png", "a-2.png"]), ["a", "a-3", "a-2"], "or becomes one later");
        assert_eq!(named(&["x/a.png", "y/A.png", "z/a.jpg"]), ["a", "A-2", "a-3"], "large and small letters");
        assert_eq!(
            named(&["a-2.png", "a-2.png", "a.png", "a.png"]),
            ["a-2", "a-2-2", "a", "a-3"],
            "numbers of numbers"
        );
        assert_eq!(named(&["..", "/", "a"]), ["figure", "figure-2", "a"], "what has no name");
    }

    proptest! {
        #[test]
        fn no_two_names_are_alike(stems in proptest::collection::vec("[aAbß](-[0-9])?(-[0-9])?", 0..40)) {
            let paths: Vec<PathBuf> = stems.iter().map(|stem| PathBuf::from(format!("{stem}.png"))).collect();
            let found = names(&paths);
            let folded: HashSet<String> = found.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(folded.len(), stems.len(), "{:?}", found);
            for (name, stem) in found.iter().zip(&stems) {
                prop_assert!(name.starts_with(stem.as_str()), "{} is of {}", name, stem);
            }
        }
    }
}
