//! Questions that were asked, and what came back.

mod run;

pub use run::{ForkedFrom, Phase, Run};

use crate::engine::{ImageSource, KeptMemory, Question, RunId};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Questions kept at most, whatever their attention needs.
pub(in crate::ui) const MOST_RUNS: usize = 4000;

/// All questions, and which one is shown for each image.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    all: BTreeMap<RunId, Run>,
    shown: HashMap<ImageSource, RunId>,
    /// Questions that were asked about each photo so far.
    counts: HashMap<ImageSource, usize>,
    next_id: u64,
}

impl Runs {
    /// Answers of a session, oldest first, with the names that they had. `epoch` is another one each time: what was
    /// derived from the answers of before is not taken for theirs. Names are not given twice, whatever `last_id` says.
    pub(in crate::ui) fn restored(runs: Vec<Run>, shown: &[RunId], last_id: u64, epoch: u64) -> Self {
        let mut all = BTreeMap::new();
        let mut counts: HashMap<ImageSource, usize> = HashMap::new();
        for mut run in runs {
            run.version += epoch << 32;
            let count = counts.entry(run.question.image.clone()).or_default();
            *count = run.nr.max(*count + 1);
            run.nr = *count;
            all.insert(run.id, run);
        }
        let newest = all.keys().next_back().map_or(0, |id: &RunId| id.0);
        let mut restored = Self { all, shown: HashMap::new(), counts, next_id: last_id.max(newest) };
        // Every image with answers shows one.
        let newest: Vec<RunId> = restored.all.keys().copied().collect();
        newest.iter().chain(shown).for_each(|id| restored.show(*id));
        restored
    }

    /// Every question, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.all.values()
    }

    /// The question shown for each image, in order.
    pub(in crate::ui) fn shown_ids(&self) -> Vec<RunId> {
        let mut ids: Vec<RunId> = self.shown.values().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The name given last.
    pub(in crate::ui) fn last_id(&self) -> u64 {
        self.next_id
    }

    /// Photos are somewhere else now.
    pub(in crate::ui) fn relocate(&mut self, now_at: &HashMap<PathBuf, PathBuf>) {
        self.all.values_mut().for_each(|run| run.question.image.relocate(now_at));
        let shown = std::mem::take(&mut self.shown).into_iter();
        self.shown = shown
            .map(|(mut image, id)| {
                image.relocate(now_at);
                (image, id)
            })
            .collect();
    }

    /// A new question; it becomes the one shown for its image.
    pub fn begin(&mut self, question: Question) -> RunId {
        let image = question.image.clone();
        let id = self.begin_behind(question);
        self.shown.insert(image, id);
        id
    }

    /// A new question behind the one that is shown.
    pub fn begin_behind(&mut self, question: Question) -> RunId {
        let id = self.name();
        let count = self.counts.entry(question.image.clone()).or_default();
        *count += 1;
        self.all.insert(id, Run::numbered(id, question, *count));
        id
    }

    /// What the engine keeps for the next question, as the latest answer told.
    pub fn kept_memory(&self) -> KeptMemory {
        self.all.values().rev().find_map(|run| run.timings).map(|timings| timings.kept).unwrap_or_default()
    }

    /// A name for something that is asked and is no question.
    pub fn name(&mut self) -> RunId {
        self.next_id += 1;
        RunId(self.next_id)
    }

    /// A question by its name.
    pub fn get(&self, id: RunId) -> Option<&Run> {
        self.all.get(&id)
    }

    /// The same, to change.
    pub fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.all.get_mut(&id)
    }

    /// A question that is not answered yet, to change: what comes late for one that ended changes nothing.
    pub fn active_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.all.get_mut(&id).filter(|run| run.phase.is_active())
    }

    /// The question shown for an image.
    pub fn shown(&self, image: &ImageSource) -> Option<&Run> {
        self.all.get(self.shown.get(image)?)
    }

    /// Shows an earlier question.
    pub fn show(&mut self, id: RunId) {
        if let Some(run) = self.all.get(&id) {
            self.shown.insert(run.question.image.clone(), id);
        }
    }

    /// Every question, oldest first.
    pub fn every(&self) -> impl Iterator<Item = &Run> {
        self.all.values()
    }

    /// Questions about an image, oldest first.
    pub fn of_image<'a>(&'a self, image: &'a ImageSource) -> impl Iterator<Item = &'a Run> {
        self.all.values().filter(move |run| run.question.image == *image)
    }

    /// Questions without an answer yet.
    pub fn active(&self) -> impl Iterator<Item = &Run> {
        self.all.values().filter(|run| run.phase.is_active())
    }

    /// Ends every question that still runs.
    pub fn end_active(&mut self, phase: &Phase) {
        for run in self.all.values_mut().filter(|run| run.phase.is_active()) {
            run.phase = phase.clone();
        }
    }

    /// Bytes of attention held by all of them.
    pub fn attention_bytes(&self) -> usize {
        self.all.values().map(|run| run.attention_bytes).sum()
    }

    /// Lets go of the attention rows of the oldest answers among those that `may` until attention fits into
    /// `budget_bytes`; their words stay.
    pub(in crate::ui) fn let_go_of_rows(&mut self, budget_bytes: usize, may: impl Fn(RunId) -> bool) {
        let mut bytes = self.attention_bytes();
        for run in self.all.values_mut() {
            if bytes <= budget_bytes {
                break;
            }
            if !run.phase.is_active() && may(run.id) {
                bytes -= run.let_go_of_rows();
            }
        }
    }

    /// Forgets the oldest questions until attention fits into `budget_bytes` and there are at most `most`; those that
    /// run, the newest and `kept` stay. Returns how many were forgotten.
    pub fn evict(&mut self, budget_bytes: usize, most: usize, kept: &[RunId]) -> usize {
        let newest = self.all.keys().next_back().copied();
        let mut bytes = self.attention_bytes();
        let mut count = self.all.len();
        let mut gone = Vec::new();
        for run in self.all.values() {
            if bytes <= budget_bytes && count <= most {
                break;
            }
            if run.phase.is_active() || Some(run.id) == newest || kept.contains(&run.id) {
                continue;
            }
            bytes -= run.attention_bytes;
            count -= 1;
            gone.push(run.id);
        }
        for id in &gone {
            self.forget(*id);
        }
        gone.len()
    }

    /// Forgets one question; the newest other one about its image is shown in its place.
    pub fn forget(&mut self, id: RunId) {
        let Some(run) = self.all.remove(&id) else { return };
        let image = run.question.image;
        if self.shown.get(&image) == Some(&id) {
            let other = self.of_image(&image).map(|run| run.id).last();
            match other {
                Some(other) => self.shown.insert(image, other),
                None => self.shown.remove(&image),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::{question, row, token, trace};

    #[test]
    fn the_newest_question_is_shown_and_an_older_one_can_be() {
        let mut runs = Runs::default();
        let first = runs.begin(question("a.png", "one"));
        let second = runs.begin(question("a.png", "two"));
        let image = question("a.png", "").image;
        assert_eq!(runs.shown(&image).map(|run| run.id), Some(second), "the newest");
        runs.show(first);
        assert_eq!(runs.shown(&image).map(|run| run.id), Some(first), "the one asked for");
    }

    #[test]
    fn a_row_after_a_gap_is_not_taken_for_another_tokens() {
        let mut runs = Runs::default();
        let id = runs.begin(question("a.png", "one"));
        let run = runs.get_mut(id).expect("just begun");
        run.start(trace());
        run.push(token("a"), Some(row(0.1)), 0.0);
        run.push(token("b"), None, 0.5);
        run.push(token("c"), Some(row(0.3)), 1.0);
        let trace = run.trace.as_ref().expect("started");
        assert_eq!((trace.output.len(), trace.decoder_attention.len()), (3, 1), "b has no row, so c has none");
        assert!((run.tokens_per_sec - 2.0).abs() < 1e-9, "two more tokens in one second");
    }

    #[test]
    fn memory_is_bounded_by_forgetting_the_oldest() {
        let mut runs = Runs::default();
        for i in 0..5 {
            let id = runs.begin(question("a.png", "q"));
            let run = runs.get_mut(id).expect("just begun");
            run.start(trace());
            run.push(token("a"), Some(row(0.1)), f64::from(i));
            run.phase = Phase::Finished;
        }
        let each = runs.attention_bytes() / 5;
        assert_eq!(runs.evict(each * 2, 100, &[]), 3, "three too many");
        assert_eq!(
            runs.of_image(&question("a.png", "").image).map(|run| run.id.0).collect::<Vec<_>>(),
            [4, 5],
            "the newest stay"
        );
    }
}
