//! A session file becomes answers, a data set and a state; what is not where it was is listed.

use crate::data::dataset::{Notes, NotesPlaces, PhotoPlace, ReadNotes, Sources, is_notes_name};
use crate::engine::{ImageSource, ModelSource, RunId};
use crate::figure::Recipe;
use crate::hub::cached_models;
use crate::prompting::Attribution;
use crate::session::{self, SessionAnswer};
use crate::trace::Trace;
use crate::ui::features::dataset::opening;
use crate::ui::features::dataset::opening::{Before, Joined, Tell};
use crate::ui::features::figure::files::{OpenedFigure, missing_files};
use crate::ui::features::session::locate::Missing;
use crate::ui::features::session::written::{About, KeptFigure, Written};
use crate::ui::features::{Made, Run};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Names of answers beyond this are of no program: the next ones could not be counted.
const LARGEST_ID: u64 = 1 << 52;
/// The same of their numbers among the questions about a photo.
const MOST_NR: usize = 1 << 30;

/// A session that was read, with what it names.
#[derive(Debug)]
pub struct Reopened {
    /// The window's state.
    pub written: Written,
    /// Answers, oldest first.
    pub runs: Vec<Run>,
    /// The data set.
    pub joined: Joined,
    /// Annotations that wait for their photos.
    pub waiting: Option<Box<Sources>>,
    /// Where models looked, oldest first.
    pub made: Vec<Made>,
    /// The figure that was put together.
    pub figure: Option<OpenedFigure>,
    /// What is not where it was.
    pub missing: Missing,
    /// What else could not be read: a sentence each.
    pub problems: Vec<String>,
    /// The file.
    pub path: PathBuf,
    /// Whether it is a recovery file: not one to be saved to.
    pub recovery: bool,
    /// Whether the file is there that the session was saved to last.
    pub saved_is_there: bool,
}

/// Reads a session and everything it names. An error is one sentence.
pub(in crate::ui) fn reopen(
    path: &Path,
    hub_cache: &Path,
    places: &NotesPlaces,
    cancel: &AtomicBool,
    tell: Tell<'_>,
) -> Result<Reopened, String> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    tell(&format!("Reading {name}"), 0.0);
    let session = session::read(path).map_err(|err| err.to_string())?;
    let mut written: Written = serde_json::from_value(session.state).unwrap_or_default();
    written.last_id = written.last_id.min(LARGEST_ID);
    let mut problems = Vec::new();
    let (runs, unread) = runs_of(session.answers);
    if unread > 0 {
        let what = if unread == 1 { "1 answer was".to_owned() } else { format!("{unread} answers were") };
        problems.push(format!("{what} written otherwise than expected and left out: {}", path.display()));
    }
    let mut missing = Missing { model: missing_model(written.model.as_ref(), hub_cache), ..Missing::default() };
    let mut sources = sources_of(&written, &mut missing, &mut problems, cancel, tell);
    let waiting = waiting_of(&written, &mut missing, &mut problems, cancel, tell);
    // Photos of answers count too, whether they are among those of the data set or not.
    let known: HashSet<PathBuf> = written.photo_paths().collect();
    let asked: BTreeSet<PathBuf> = runs
        .iter()
        .filter_map(|run| match &run.question.image {
            ImageSource::Path(path) => Some(path.clone()),
            ImageSource::Bundled(_) => None,
        })
        .filter(|path| !known.contains(path))
        .collect();
    sources.photos.extend(asked.iter().cloned().map(PhotoPlace::File));
    missing.photos = known.into_iter().chain(asked).filter(|path| !path.is_file()).collect();
    missing.photos.sort();
    let made = std::mem::take(&mut written.maps).into_iter().filter_map(|maps| maps.made(|id| maps_of(&runs, id)));
    let made = made.collect();
    let figure = written.figure.as_ref().and_then(|kept| match figure_of(kept, path) {
        Ok(figure) => Some(figure),
        Err(why) => {
            problems.push(format!("The unfinished figure was left out: {why}"));
            None
        }
    });
    problems.extend(written.study.problem());
    let mut joined = opening::join(sources, written.image.clone());
    joined.notes = notes_of(&written, &joined, places, &mut problems);
    let path = path.to_owned();
    let saved_is_there = written.path.as_ref().is_some_and(|path| Path::new(path).is_file());
    let recovery = false;
    Ok(Reopened { written, runs, joined, waiting, made, figure, missing, problems, path, recovery, saved_is_there })
}

/// The maps by which the photo of an answer was darkened.
fn maps_of(runs: &[Run], id: RunId) -> Option<Arc<Attribution>> {
    let run = runs.iter().find(|run| run.id == id)?;
    run.question.prompted.as_ref().map(|prompted| Arc::clone(&prompted.attribution))
}

fn figure_of(kept: &KeptFigure, path: &Path) -> Result<OpenedFigure, String> {
    let recipe = Recipe::from_json(&kept.recipe.to_string(), path).map_err(|err| err.to_string())?;
    let folder = kept.folder.as_ref().map(PathBuf::from);
    let missing = missing_files(&recipe, folder.as_deref());
    Ok(OpenedFigure { recipe, path: folder.unwrap_or_default().join("figure"), missing })
}

/// Answers in order, each name once, and how many could not be read.
fn runs_of(answers: Vec<SessionAnswer>) -> (Vec<Run>, usize) {
    let count = answers.len();
    let mut runs: Vec<Run> = Vec::with_capacity(count);
    for SessionAnswer { about, trace } in answers {
        let Ok(about) = serde_json::from_value::<About>(about) else { continue };
        let is_next = runs.last().is_none_or(|last| last.id < about.id);
        if is_next && about.id.0 <= LARGEST_ID {
            runs.push(run_of(about, trace));
        }
    }
    let unread = count - runs.len();
    (runs, unread)
}

fn run_of(about: About, trace: Option<Arc<Trace>>) -> Run {
    let About { id, question, ended, timings, forked_from, name, nr } = about;
    let mut run = Run::new(id, question);
    run.phase = ended.into();
    if let Some(trace) = trace {
        run.start(Arc::unwrap_or_clone(trace));
    }
    run.timings = timings;
    run.tokens_per_sec = timings.map_or(0.0, |timings| timings.tokens_per_sec);
    run.nr = nr.min(MOST_NR);
    // An answer comes from an older one; anything else would never end.
    run.forked_from = forked_from.filter(|from| from.run < id);
    run.name = name;
    run
}

/// What the data set is made of.
fn sources_of(
    written: &Written,
    missing: &mut Missing,
    problems: &mut Vec<String>,
    cancel: &AtomicBool,
    tell: Tell<'_>,
) -> Sources {
    let mut sources = if written.bundled { opening::bundled() } else { Sources::default() };
    sources.photos.extend(written.photo_paths().map(PhotoPlace::File));
    let read = annotations_of(&written.annotations, missing, problems, cancel, tell);
    sources.instances = read.instances.or(sources.instances);
    sources.captions = read.captions.or(sources.captions);
    sources.questions = read.questions.or(sources.questions);
    sources
}

/// What waits for its photos.
fn waiting_of(
    written: &Written,
    missing: &mut Missing,
    problems: &mut Vec<String>,
    cancel: &AtomicBool,
    tell: Tell<'_>,
) -> Option<Box<Sources>> {
    if written.waiting.is_empty() || !written.bundled {
        return None;
    }
    let read = annotations_of(&written.waiting, missing, problems, cancel, tell);
    let is_any = read.instances.is_some() || read.captions.is_some() || read.questions.is_some();
    is_any.then(|| Box::new(read))
}

/// Annotations and questions without photos.
fn annotations_of(
    paths: &[String],
    missing: &mut Missing,
    problems: &mut Vec<String>,
    cancel: &AtomicBool,
    tell: Tell<'_>,
) -> Sources {
    let (there, gone): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().map(PathBuf::from).partition(|path| path.is_file());
    missing.annotations.extend(gone);
    let opened = opening::open(&there, Before::Photos, cancel, tell);
    if opened.cancelled {
        problems.push("Reading annotations was cancelled: open them again to have them".to_owned());
    }
    problems.extend(opened.problems);
    Sources {
        instances: opened.instances,
        captions: opened.captions,
        questions: opened.questions,
        ..Sources::default()
    }
}

/// What is noted about the photos. A session may come from anybody: what it names is read, and nothing is written
/// before something is noted.
fn notes_of(written: &Written, joined: &Joined, places: &NotesPlaces, problems: &mut Vec<String>) -> ReadNotes {
    let further: Vec<PathBuf> = match &written.notes {
        Some(path) if is_notes_name(Path::new(path)) => vec![path.into()],
        Some(path) => {
            problems.push(format!(
                "Tags and notes were left out, as the session names a file that is not one of notes: {path}"
            ));
            Vec::new()
        }
        None => Vec::new(),
    };
    let mut read = Notes::of_dataset(&joined.dataset, &joined.sources.photos, places, &further);
    problems.append(&mut read.problems);
    for (key, noted) in &written.noted {
        read.notes.edit(key, |notes| notes.merge(noted));
    }
    // Not taken over on a stranger's word: they count as the session's own.
    for key in std::mem::take(&mut read.taken).into_keys() {
        read.notes.edit(&key, |_| ());
    }
    read
}

/// In words, where a model is not at hand. One of the hub is not downloaded without being asked for.
fn missing_model(model: Option<&ModelSource>, hub_cache: &Path) -> Option<PathBuf> {
    let gone = |path: &Path| (!path.exists()).then(|| path.to_owned());
    match model? {
        ModelSource::Demo | ModelSource::DemoClip => None,
        ModelSource::Folder(path) => gone(path),
        ModelSource::Gguf { decoder, mmproj } => gone(decoder).or_else(|| mmproj.as_deref().and_then(gone)),
        ModelSource::Hub { id, folder } => {
            let there = folder.as_ref().is_some_and(|folder| folder.exists())
                || Path::new(&id.to_string()).exists()
                || cached_models(hub_cache).iter().any(|cached| cached.id == *id);
            (!there).then(|| id.to_string().into())
        }
    }
}
