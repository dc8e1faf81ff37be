//! Runs held against each other: which is the reference, which stand beside it, and the list of all runs about a photo.

use crate::engine::{ImageSource, RunId, Strength};
use crate::ui::core::command::{CompareCommand, TriedStrength};
use crate::ui::core::pane::Pane;
use crate::ui::features::{AppState, Effect, Run, Runs};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;

/// Most runs side by side: more would be too small to read.
pub const MOST_COLUMNS: usize = 4;

/// What was picked for one photo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct Picked {
    pinned: Option<RunId>,
    added: Vec<RunId>,
    subtracted: Option<RunId>,
}

/// What was picked for every photo.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct Picks(HashMap<ImageSource, Picked>);

/// Runs held against each other: which is the reference, which stand beside it, and the list of all runs about a photo.
#[derive(Debug, Clone, Default)]
pub struct Compare {
    picked: HashMap<ImageSource, Picked>,
    /// The list of runs is open.
    pub list_open: bool,
    /// Whether the pane stands in front: nothing is made for one that does not.
    pub visible: bool,
    /// The strength that is tried.
    pub tried: Option<TriedStrength>,
}

/// The runs that stand side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedRuns {
    /// The first column.
    pub reference: RunId,
    /// Whether it was pinned.
    pub pinned: bool,
    /// The other columns; none if there is only one run.
    pub others: Vec<RunId>,
    /// The one of which the reference is subtracted.
    pub subtracted: Option<RunId>,
}

/// A line of the list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The run.
    pub run: RunId,
    /// Its number among those about the photo, from 1 in order of time.
    pub nr: usize,
    /// How far it is indented: below what it was made from.
    pub depth: usize,
    /// What somebody called it.
    pub name: Option<String>,
    /// Whether it is one of POPE's questions, which are listed together.
    pub pope: bool,
}

fn weights(run: &Run) -> Option<&str> {
    run.trace.as_ref().map(|trace| trace.run.weight_hash.as_str())
}

impl Compare {
    /// What is picked now.
    pub(in crate::ui) fn picks(&self) -> Picks {
        // Where nothing is picked any more, nothing is picked.
        let some = self.picked.iter().filter(|(_, picked)| **picked != Picked::default());
        Picks(some.map(|(image, picked)| (image.clone(), picked.clone())).collect())
    }

    /// Picks the same again, of what is still there.
    pub(in crate::ui) fn pick(&mut self, picks: &Picks, runs: &Runs) {
        self.picked.clone_from(&picks.0);
        for picked in self.picked.values_mut() {
            picked.added.retain(|id| runs.get(*id).is_some());
            picked.pinned.take_if(|id| runs.get(*id).is_none());
            picked.subtracted.take_if(|id| runs.get(*id).is_none());
        }
    }

    /// Runs that were picked, so that they outlive the others when memory gets short.
    pub(in crate::ui) fn picked(&self) -> impl Iterator<Item = RunId> {
        self.picked.values().flat_map(|picked| picked.pinned.iter().chain(&picked.added).copied())
    }

    /// What was picked for each photo, in an order that does not change.
    pub(in crate::ui) fn every_pick(&self) -> Vec<(ImageSource, Picked)> {
        let mut picked: Vec<_> = self.picked.iter().map(|(image, picked)| (image.clone(), picked.clone())).collect();
        picked.retain(|(_, picked)| *picked != Picked::default());
        picked.sort_by_key(|(image, _)| match image {
            ImageSource::Bundled(name) => (false, PathBuf::from(name)),
            ImageSource::Path(path) => (true, path.clone()),
        });
        picked
    }

    /// What a session kept; picks of runs that are gone are let go.
    pub(in crate::ui) fn restored(
        picked: Vec<(ImageSource, Picked)>,
        list_open: bool,
        is_there: impl Fn(RunId) -> bool,
    ) -> Self {
        let mut compare = Self { picked: picked.into_iter().collect(), list_open, ..Self::default() };
        for picked in compare.picked.values_mut() {
            picked.added.retain(|id| is_there(*id));
            picked.pinned = picked.pinned.filter(|id| is_there(*id));
            picked.subtracted = picked.subtracted.filter(|id| is_there(*id));
        }
        compare
    }

    /// Photos are somewhere else now.
    pub(in crate::ui) fn relocate(&mut self, now_at: &HashMap<PathBuf, PathBuf>) {
        let picked = std::mem::take(&mut self.picked).into_iter();
        self.picked = picked
            .map(|(mut image, picked)| {
                image.relocate(now_at);
                (image, picked)
            })
            .collect();
    }

    /// Runs that were added to the comparison of a photo.
    pub fn added(&self, image: &ImageSource) -> &[RunId] {
        self.picked.get(image).map_or(&[], |picked| &picked.added)
    }

    /// A run is gone.
    pub(in crate::ui) fn forget(&mut self, id: RunId) {
        for picked in self.picked.values_mut() {
            picked.added.retain(|run| *run != id);
            picked.pinned.take_if(|run| *run == id);
            picked.subtracted.take_if(|run| *run == id);
        }
        self.tried.take_if(|tried| tried.run == id);
    }
}

impl AppState {
    /// The runs that stand side by side; `None` before something was answered.
    pub fn compared(&self) -> Option<ComparedRuns> {
        let image = self.current_image()?;
        let has_trace = |id: RunId| self.runs.get(id).is_some_and(|run| run.trace.is_some());
        let picked = self.compare.picked.get(image);
        // Until a new question has something to show, the columns stay.
        let shown =
            self.current_run().filter(|run| run.trace.is_some()).or_else(|| self.comparable(image).next_back())?;
        let pinned = picked.and_then(|picked| picked.pinned).filter(|id| has_trace(*id));
        let reference = pinned.or_else(|| self.default_reference(image, shown)).unwrap_or(shown.id);
        let mut others = Vec::new();
        if shown.id != reference {
            others.push(shown.id);
        }
        let added = self.compare.added(image).iter().copied();
        for id in added.filter(|id| *id != reference && has_trace(*id)) {
            if !others.contains(&id) && others.len() + 1 < MOST_COLUMNS {
                others.push(id);
            }
        }
        if others.is_empty() {
            others.extend(self.companion(image, reference));
        }
        let wanted = picked.and_then(|picked| picked.subtracted).filter(|id| others.contains(id));
        let subtracted = wanted.or(others.first().copied());
        Some(ComparedRuns { reference, pinned: pinned.is_some(), others, subtracted })
    }

    /// Runs about a photo that have something to show, but for POPE's questions.
    fn comparable<'a>(&'a self, image: &'a ImageSource) -> impl DoubleEndedIterator<Item = &'a Run> {
        let has_something = |run: &&Run| run.trace.is_some() && !self.pope.is_run(run.id);
        let runs: Vec<&Run> = self.runs.of_image(image).filter(has_something).collect();
        runs.into_iter()
    }

    /// What a fork leaves; else the oldest plain run with the same question, if possible framed alike and by the same
    /// model; else the run before.
    fn default_reference(&self, image: &ImageSource, shown: &Run) -> Option<RunId> {
        let left = shown.forked_from.map(|from| from.run);
        if let Some(left) = left.filter(|id| self.runs.get(*id).is_some_and(|run| run.trace.is_some())) {
            return Some(left);
        }
        let same = |run: &&Run| run.question.is_plain() && run.question.prompt == shown.question.prompt;
        let apart = |run: &&Run| {
            let framed = run.question.framing != shown.question.framing;
            (framed, weights(run) != weights(shown), run.id)
        };
        let plain = self.comparable(image).filter(same).min_by_key(apart);
        let before = || self.comparable(image).rev().find(|run| run.id < shown.id);
        plain.or_else(before).map(|run| run.id)
    }

    /// What a reference that is itself shown is held against: the newest other run with the same question, else the
    /// newest other.
    fn companion(&self, image: &ImageSource, reference: RunId) -> Option<RunId> {
        let prompt = &self.runs.get(reference)?.question.prompt;
        let others = || self.comparable(image).rev().filter(|run| run.id != reference);
        others().find(|run| run.question.prompt == *prompt).or_else(|| others().next()).map(|run| run.id)
    }

    /// Every run about the photo looked at, oldest first; forks below what they leave.
    pub fn history(&self) -> Vec<HistoryEntry> {
        let Some(image) = self.current_image() else { return Vec::new() };
        let runs: Vec<&Run> = self.runs.of_image(image).collect();
        // One whose parent was forgotten stands on its own.
        let parent = |run: &Run| run.forked_from.map(|from| from.run).filter(|id| self.runs.get(*id).is_some());
        let mut children: HashMap<RunId, Vec<&Run>> = HashMap::new();
        for run in runs.iter().copied() {
            if let Some(parent) = parent(run) {
                children.entry(parent).or_default().push(run);
            }
        }
        let mut entries = Vec::with_capacity(runs.len());
        let roots = runs.iter().rev().filter(|run| parent(run).is_none());
        let mut open: Vec<(&Run, usize)> = roots.map(|run| (*run, 0)).collect();
        while let Some((run, depth)) = open.pop() {
            let name = Some(run.name.clone()).filter(|name| !name.is_empty());
            entries.push(HistoryEntry { run: run.id, nr: run.nr, depth, name, pope: self.pope.is_run(run.id) });
            let below = children.remove(&run.id).into_iter().flatten().rev();
            open.extend(below.map(|run| (run, depth + 1)));
        }
        entries
    }

    /// The plain answer to the question of a run that is not plain itself: by the same model, framed and sampled alike.
    pub(in crate::ui) fn plain_answer(&self, run: &Run) -> Option<&Run> {
        let alike = |other: &&Run| {
            let (a, b) = (&other.question, &run.question);
            other.question.is_plain()
                && a.image == b.image
                && (&a.prompt, a.framing, &a.sampling) == (&b.prompt, b.framing, &b.sampling)
                && weights(other) == weights(run)
                && other.has_answer()
        };
        self.runs.iter().filter(|_| !run.question.is_plain()).filter(alike).last()
    }

    /// Questions that people asked about a photo and that were answered, at least in part: POPE's are counted by POPE.
    pub fn num_answers(&self, image: &ImageSource) -> usize {
        self.runs.of_image(image).filter(|run| run.has_answer() && !self.pope.is_run(run.id)).count()
    }

    /// The parameter that sets the strength of a run's contrast; `None` if none does, or it is another one at every
    /// step.
    pub fn strength_of(&self, run: &Run) -> Option<Strength> {
        let entry = self.ask.strategies().iter().find(|entry| entry.id == run.question.strategy.name)?;
        entry.strength
    }

    pub(in crate::ui) fn apply_compare(&mut self, command: CompareCommand) -> Vec<Effect> {
        match command {
            CompareCommand::Pin(id, image) => self.compare.picked.entry(image).or_default().pinned = id,
            CompareCommand::Toggle(id) => self.toggle_compared(id),
            CompareCommand::Subtract(id) => {
                if let Some(image) = self.runs.get(id).map(|run| run.question.image.clone()) {
                    self.compare.picked.entry(image).or_default().subtracted = Some(id);
                }
            }
            CompareCommand::ToggleList => self.compare.list_open = !self.compare.list_open,
            CompareCommand::ShowAll => {
                self.compare.list_open = true;
                return vec![Effect::BringToFront(Pane::Compare)];
            }
            CompareCommand::Hover(token) => self.selection.hovered_elsewhere = token,
            CompareCommand::Hold(token) => self.selection.hold_elsewhere(token),
            CompareCommand::Try(tried) => self.compare.tried = tried,
            CompareCommand::AskAtTried => return self.ask_at_tried(),
        }
        Vec::new()
    }

    fn toggle_compared(&mut self, id: RunId) {
        let Some(image) = self.runs.get(id).map(|run| run.question.image.clone()) else { return };
        let added = &mut self.compare.picked.entry(image).or_default().added;
        if added.contains(&id) {
            added.retain(|run| *run != id);
        } else {
            added.push(id);
        }
    }

    /// The same question but for the strength; later questions are asked as they would have been.
    fn ask_at_tried(&mut self) -> Vec<Effect> {
        let tried = self.compare.tried;
        let Some((run, tried)) = self.current_run().zip(tried).filter(|(run, tried)| run.id == tried.run) else {
            return Vec::new();
        };
        let Some(strength) = self.strength_of(run) else { return Vec::new() };
        let mut question = run.question.clone();
        let value = (tried.value + strength.none).to_string();
        let parameters = &mut question.strategy.parameters;
        match parameters.iter_mut().find(|(name, _)| name == strength.parameter) {
            Some((_, given)) => *given = value,
            None => parameters.push((strength.parameter.to_owned(), value)),
        }
        let (before, forked_from) = (run.id, run.forked_from);
        self.compare.tried = None;
        let effects = self.send(question);
        // The same beginning, so the same place in the tree.
        let image = self.current_image().cloned();
        let asked = image.and_then(|image| self.runs.shown(&image).map(|run| run.id)).filter(|id| *id != before);
        if let Some(run) = asked.and_then(|id| self.runs.get_mut(id)) {
            run.forked_from = forked_from;
        }
        effects
    }
}

#[cfg(test)]
mod tests;
