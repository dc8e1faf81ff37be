//! The window's state as it is now, ready to be written by somebody else.

use crate::data::dataset::{Dataset, Sources};
use crate::engine::RunId;
use crate::files::Outputs;
use crate::session::{Session, SessionAnswer};
use crate::trace::Trace;
use crate::ui::features::open_files::OpenFiles;
use crate::ui::features::session::studies::KeptStudy;
use crate::ui::features::session::written::{About, Ended, KeptFigure, KeptMaps, Written};
use crate::ui::features::{AppState, Made, Preferences, Run, Saved};
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Maps that no answer has and that are written all the same, the newest: those of a large model are some megabytes of
/// text each.
const MOST_OWN_MAPS: usize = 6;

/// Traces as they were shared last: only those that changed are copied again.
#[derive(Debug, Default)]
pub(in crate::ui) struct KeptTraces(HashMap<RunId, (u64, usize, Arc<Trace>)>);

impl KeptTraces {
    fn of(&mut self, run: &Run) -> Option<Arc<Trace>> {
        let trace = run.trace.as_ref()?;
        // A warning may come without a token.
        let (version, warnings) = (run.version, trace.warnings.len());
        if let Some((kept_version, kept_warnings, kept)) = self.0.get(&run.id)
            && (*kept_version, *kept_warnings) == (version, warnings)
        {
            return Some(Arc::clone(kept));
        }
        let shared = Arc::new(trace.clone());
        self.0.insert(run.id, (version, warnings, Arc::clone(&shared)));
        Some(shared)
    }
}

/// The window's state as it is now, ready to be written by somebody else.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Snapshot {
    written: Written,
    dataset: Option<Arc<Dataset>>,
    answers: Vec<(About, Option<Arc<Trace>>)>,
    num_answers: usize,
    open: OpenFiles,
}

impl Snapshot {
    /// Quick: what is long is shared.
    pub(in crate::ui) fn take(state: &AppState, layout: Value, kept: &mut KeptTraces) -> Self {
        let answers: Vec<_> = state.runs.iter().map(|run| (about(run), kept.of(run))).collect();
        kept.0.retain(|id, _| state.runs.get(*id).is_some());
        let mut pope: Vec<_> = state.pope.answers().cloned().collect();
        pope.sort_by_key(|answer| answer.run);
        let written = Written { pope, maps: maps(state), ..written(state, layout) };
        let num_answers = answers.iter().filter(|(about, _)| !state.pope.is_run(about.id)).count();
        Self { written, dataset: state.browse.dataset.clone(), answers, num_answers, open: OpenFiles::of(state) }
    }

    /// How many questions it holds, POPE's not counted.
    pub(in crate::ui) fn num_answers(&self) -> usize {
        self.num_answers
    }

    /// What the session must not be written over.
    pub(super) fn outputs(&self) -> Outputs {
        self.open.outputs()
    }

    /// As it is written. Takes a moment.
    pub(in crate::ui) fn session(mut self) -> serde_json::Result<Session> {
        if let Some(dataset) = &self.dataset {
            self.written.name_files(dataset);
        }
        let answers = self.answers.into_iter();
        let answers = answers.map(|(about, trace)| Ok(SessionAnswer { about: serde_json::to_value(about)?, trace }));
        Ok(Session {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            state: serde_json::to_value(&self.written)?,
            answers: answers.collect::<serde_json::Result<_>>()?,
        })
    }
}

/// The same number for the same state: what is pointed at does not count.
pub(super) fn fingerprint(state: &AppState, layout: Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&written(state, layout)).unwrap_or_default().hash(&mut hasher);
    state.browse.dataset.as_ref().map(|dataset| Arc::as_ptr(dataset).addr()).hash(&mut hasher);
    state.pope.answers().map(|answer| answer.run).max().hash(&mut hasher);
    state.prompting.every_made().iter().for_each(|made| Arc::as_ptr(made).addr().hash(&mut hasher));
    state.pope.answers().count().hash(&mut hasher);
    for run in state.runs.iter() {
        let warnings = run.trace.as_ref().map(|trace| trace.warnings.len());
        (run.id, run.version, warnings, run.phase.is_active(), &run.name, run.timings.is_some()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Everything but what belongs to the data set and to the answers.
fn written(state: &AppState, layout: Value) -> Written {
    let AppState { browse, library, runs, selection, truth, model, session, compare, study, .. } = state;
    // Where there is a file, it is the one that counts.
    let noted = browse.notes.held();
    let hidden = truth.kept_hidden.as_ref().map_or(&truth.hidden, |(_, hidden)| hidden);
    Written {
        // The program's own are the user's: what else was opened lately is nobody's business who gets the file.
        settings: Saved { prefs: Preferences::default(), ..state.saved() },
        layout,
        path: session.path.as_ref().map(|path| path.to_string_lossy().into_owned()),
        bundled: browse.bundled,
        waiting: browse.waiting.as_deref().map(paths_of).unwrap_or_default(),
        query: browse.query.clone(),
        image: library.current().map(|image| image.source.clone()),
        shown: runs.shown_ids(),
        last_id: runs.last_id(),
        pope_runs: state.pope.runs().filter(|id| runs.get(*id).is_some()).collect(),
        saved_until: session.saved_until(),
        tokens: selection.tokens.iter().copied().collect(),
        patches: selection.patches.iter().copied().collect(),
        direction: selection.direction,
        category: truth.chosen.clone(),
        noted: noted.map(|(key, notes)| (key.to_owned(), notes.clone())).collect(),
        hidden: hidden.clone(),
        compared: compare.every_pick(),
        runs_listed: compare.list_open,
        figure: KeptFigure::of(&state.figure),
        window: session.window,
        study: KeptStudy::of(study),
        model: model.loading.as_ref().map(|loading| &loading.source).or(model.source.as_ref()).cloned(),
        ..Written::default()
    }
}

/// Files of annotations and questions.
fn paths_of(sources: &Sources) -> Vec<String> {
    let paths = [
        sources.instances.as_ref().map(|file| file.path()),
        sources.captions.as_ref().map(|file| file.path()),
        sources.questions.as_ref().map(|file| file.path()),
    ];
    paths.into_iter().flatten().map(|path| path.to_string_lossy().into_owned()).collect()
}

/// Maps of models that looked, the newest last. Those that answers' questions have are not written twice.
fn maps(state: &AppState) -> Vec<KeptMaps> {
    let holder = |made: &Made| {
        let has = |run: &&Run| {
            let prompted = run.question.prompted.as_ref();
            prompted.is_some_and(|prompted| Arc::ptr_eq(&prompted.attribution, &made.attribution))
        };
        state.runs.iter().find(has).map(|run| run.id)
    };
    let mut kept: Vec<KeptMaps> =
        state.prompting.every_made().iter().map(|made| KeptMaps::of(made, holder(made))).collect();
    let mut own = 0;
    kept.reverse();
    kept.retain(|kept| {
        own += usize::from(kept.is_long());
        !kept.is_long() || own <= MOST_OWN_MAPS
    });
    kept.reverse();
    kept
}

fn about(run: &Run) -> About {
    About {
        id: run.id,
        question: run.question.clone(),
        ended: Ended::from(&run.phase),
        timings: run.timings,
        forked_from: run.forked_from,
        name: run.name.clone(),
        nr: run.nr,
    }
}
