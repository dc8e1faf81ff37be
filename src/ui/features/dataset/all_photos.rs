//! The question in the box asked about every listed photo, one after another.

use crate::engine::{ImageSource, Prompt, Question, RunId};
use crate::ui::core::command::{Command, ListCommand};
use crate::ui::core::wording::{count, listed};
use crate::ui::features::answer::queue::{AskAll, Pending};
use crate::ui::features::answer::runs::MOST_RUNS;
use crate::ui::features::{AppState, Effect, Phase, Severity, Until};
use std::collections::{BTreeSet, HashMap};

/// Photos that are named when something went wrong with them.
const MOST_NAMED: usize = 3;

/// The question in the box asked about every listed photo, one after another.
#[derive(Debug, Clone, Default)]
pub struct AllPhotos {
    queue: Option<AskAll>,
    pending: Vec<Pending>,
    /// Every run that was begun for it: where room is needed, their attention goes before answers do.
    runs: BTreeSet<RunId>,
    /// The question's words.
    text: String,
    /// Photos that had the answer before.
    num_known: usize,
    /// Questions that something went wrong with, and why.
    failed: Vec<(Question, String)>,
    /// The questions that had failed when the last round ended.
    again: Vec<Question>,
    /// How many people stopped.
    num_skipped: usize,
    /// People stopped this one: it is not asked again.
    skipped: Option<RunId>,
    /// It was said that answers are forgotten.
    said_forgotten: bool,
}

impl AllPhotos {
    /// How far it is; `None` while nothing is asked.
    pub fn queue(&self) -> Option<&AskAll> {
        self.queue.as_ref()
    }

    /// What is asked.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The photo that is being asked about, else the next one.
    pub fn image(&self) -> Option<&ImageSource> {
        self.queue.as_ref()?.image(&self.pending)
    }

    /// Whether this is the question that is being asked.
    pub fn is_running(&self, id: RunId) -> bool {
        self.pending.iter().any(|pending| pending.run == id)
    }

    /// Whether a run was asked about all photos.
    pub fn is_run(&self, id: RunId) -> bool {
        self.runs.contains(&id)
    }

    /// This photo is left out.
    pub(in crate::ui) fn skip(&mut self, id: RunId) {
        if self.is_running(id) {
            self.skipped = Some(id);
            self.num_skipped += 1;
        }
    }
}

impl AppState {
    /// Why nothing can be asked about all photos; `None` if it can.
    pub(in crate::ui) fn why_not_all_photos(&self) -> Option<&'static str> {
        if self.pope_hindrance().is_some() {
            Some("No model is ready to answer questions")
        } else if self.all_photos.queue.is_some() {
            Some("A question is being asked about all photos already")
        } else if self.ask.text.trim().is_empty() {
            Some("The question is empty")
        } else if self.library.num_listed() == 0 {
            Some("No photo is listed")
        } else {
            None
        }
    }

    /// Asks the question in the box about every listed photo that has no answer to it by the open model.
    pub(in crate::ui) fn ask_all_photos(&mut self) {
        let Some(model) = self.pope_model().filter(|_| self.why_not_all_photos().is_none()).map(str::to_owned) else {
            return; // what hinders is said wherever a command comes from
        };
        let mut answered: HashMap<&ImageSource, Vec<&Question>> = HashMap::new();
        for run in self.runs.iter().filter(|run| run.phase == Phase::Finished) {
            if run.trace.as_ref().is_some_and(|trace| trace.run.weight_hash == model) {
                answered.entry(&run.question.image).or_default().push(&run.question);
            }
        }
        let images = self.library.images();
        let places = 0..self.library.num_listed();
        let sources = places.filter_map(|place| images.get(self.library.listed_idx(place)?)).map(|image| &image.source);
        let (known, open): (Vec<Question>, Vec<Question>) =
            sources.map(|source| self.ask.question(source.clone())).partition(|question| {
                answered.get(&question.image).is_some_and(|others| others.iter().any(|other| other.is_same(question)))
            });
        if open.is_empty() {
            let photos = count(known.len(), "listed photo");
            return self.toasts.push(format!("{photos}, all answered already"));
        }
        let room = MOST_RUNS.saturating_sub(self.runs.iter().count());
        if open.len() > room {
            let text = format!("{} are listed, and {MOST_RUNS} answers are kept at most", count(open.len(), "photo"));
            let advice = "Filter the list, or ask with gazelens trace --questions, which keeps any number in files";
            self.notices.push((Severity::Warning, Until::Dismissed), text, advice, None);
            return;
        }
        self.begin_all_photos(model, open, known.len());
    }

    /// Asks the failed questions of the last round once more, as they were.
    pub(in crate::ui) fn ask_failed_photos_again(&mut self) {
        let is_free = self.pope_hindrance().is_none() && self.all_photos.queue.is_none();
        let Some(model) = self.pope_model().filter(|_| is_free).map(str::to_owned) else {
            return self.toasts.push("The model cannot be asked now".to_owned());
        };
        let open = std::mem::take(&mut self.all_photos.again);
        if open.is_empty() {
            return self.toasts.push("These photos were asked about again already".to_owned());
        }
        self.begin_all_photos(model, open, 0);
    }

    fn begin_all_photos(&mut self, model: String, open: Vec<Question>, num_known: usize) {
        let text = open.first().map_or_else(String::new, |question| match &question.prompt {
            Prompt::Templated(text) | Prompt::Raw(text) => text.trim().to_owned(),
        });
        let mut queue = AskAll::new(model);
        queue.add(open);
        queue.total += num_known;
        queue.done = num_known;
        let AllPhotos { pending, runs, .. } = std::mem::take(&mut self.all_photos);
        self.all_photos = AllPhotos { queue: Some(queue), pending, runs, text, num_known, ..AllPhotos::default() };
    }

    /// Stops asking; answers so far stay.
    pub(in crate::ui) fn stop_all_photos(&mut self) -> Vec<Effect> {
        let Some(queue) = self.all_photos.queue.take() else { return Vec::new() };
        self.toasts.push(queue.stopped());
        self.say_failed_photos(&queue);
        queue.current.map(Effect::Cancel).into_iter().collect()
    }

    /// Takes in answers that have come, and asks about the next photo when nothing else is asked.
    pub(in crate::ui) fn follow_all_photos(&mut self) -> Vec<Effect> {
        if self.all_photos.pending.is_empty() && self.all_photos.queue.is_none() {
            return Vec::new();
        }
        for pending in Pending::take_ended(&mut self.all_photos.pending, &self.runs) {
            self.photo_answered(&pending);
        }
        let why = self.all_photos.queue.as_ref().and_then(|queue| self.hinders_queue(queue));
        if let Some((why, queue)) = why.and_then(|why| Some((why, self.all_photos.queue.take()?))) {
            let text = format!("{}: {why}", queue.stopped());
            self.notices.push((Severity::Info, Until::Dismissed), text, "Answers so far are kept", None);
            self.say_failed_photos(&queue);
        }
        self.ask_about_next_photo()
    }

    fn photo_answered(&mut self, pending: &Pending) {
        let is_skipped = self.all_photos.skipped.take_if(|run| *run == pending.run).is_some();
        let again = !is_skipped && self.has_to_be_asked_again(pending.run);
        if let Some(queue) = &mut self.all_photos.queue {
            queue.ended(pending, again);
        }
        match self.runs.get(pending.run).map(|run| run.phase.clone()) {
            _ if again => self.forget_part(pending),
            Some(Phase::Failed(why)) => {
                self.all_photos.failed.push((pending.question.clone(), why));
                self.show_unless_looked_at(pending);
            }
            Some(_) => self.show_unless_looked_at(pending),
            None => {}
        }
    }

    /// Shows an answer about its photo, unless another one about it is being looked at.
    fn show_unless_looked_at(&mut self, pending: &Pending) {
        let is_current = self.current_image() == Some(&pending.question.image);
        if !is_current || self.current_run().is_none_or(|run| !run.has_answer()) {
            self.runs.show(pending.run);
        }
    }

    fn ask_about_next_photo(&mut self) -> Vec<Effect> {
        let mut queue = self.all_photos.queue.take();
        let Some(next) = self.next_of(queue.as_mut()) else {
            self.all_photos.queue = queue;
            return Vec::new();
        };
        // A photo that left the list of images meanwhile is not asked about.
        let before = next.todo.len();
        next.todo.retain(|question| self.library.position(&question.image).is_some());
        next.total -= before - next.todo.len();
        let Some(question) = next.todo.pop_front() else {
            if let Some(queue) = queue {
                self.all_photos_done(&queue);
            }
            return Vec::new();
        };
        // Where nothing is shown the answer can be watched.
        let is_current = self.current_image() == Some(&question.image);
        let behind = !is_current || self.current_run().is_some();
        let run = if behind { self.runs.begin_behind(question.clone()) } else { self.runs.begin(question.clone()) };
        next.current = Some(run);
        self.all_photos.queue = queue;
        self.all_photos.runs.insert(run);
        self.all_photos.pending.push(Pending { run, question: question.clone(), behind });
        let (effect, num_forgotten) = self.send_behind(run, question);
        if num_forgotten > 0 && !std::mem::replace(&mut self.all_photos.said_forgotten, true) {
            let text = "The oldest answers are forgotten to keep within the attention budget";
            let advice = "Raise Settings, Budget to keep more";
            self.notices.push((Severity::Info, Until::Dismissed), text, advice, None);
        }
        vec![effect]
    }

    fn all_photos_done(&mut self, queue: &AskAll) {
        let AllPhotos { num_known, num_skipped, failed, .. } = &self.all_photos;
        let asked = queue.total.saturating_sub(num_known + num_skipped);
        let mut words = format!("Asked about {}", count(asked, "photo"));
        if *num_skipped > 0 {
            words = format!("{words}; {num_skipped} stopped");
        }
        if *num_known > 0 {
            words = format!("{words}; {num_known} had the answer already");
        }
        if !failed.is_empty() {
            words = format!("{words}; {} failed", failed.len());
        }
        self.toasts.push(words);
        self.say_failed_photos(queue);
    }

    fn say_failed_photos(&mut self, queue: &AskAll) {
        let failed = std::mem::take(&mut self.all_photos.failed);
        let name = |question: &Question| self.name_of(&question.image).unwrap_or_default();
        let mut named: Vec<String> =
            failed.iter().take(MOST_NAMED).map(|(question, why)| format!("{} ({why})", name(question))).collect();
        if failed.len() > MOST_NAMED {
            named.push(format!("{} more", failed.len() - MOST_NAMED));
        }
        if !named.is_empty() {
            let text = format!("The question failed for {} of {}: {}", failed.len(), queue.total, listed(&named));
            let action = Some(("Ask about them again".to_owned(), Command::List(ListCommand::AskAgain)));
            self.all_photos.again = failed.into_iter().map(|(question, _)| question).collect();
            self.notices.push((Severity::Warning, Until::Dismissed), text, "", action);
        }
    }
}

#[cfg(test)]
mod tests;
