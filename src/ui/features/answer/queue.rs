//! Questions that are asked one after another behind what is shown: what every such queue does alike.
//!
//! A queue gives way to people: while a question of theirs runs it waits, and the one of its own that had to stop for
//! it is asked again. It ends when it is stopped, when another model is opened, and when the worker dies.

use crate::engine::{ImageSource, Question, Request, RunId};
use crate::ui::features::answer::runs::MOST_RUNS;
use crate::ui::features::{AppState, Effect, Phase, Runs};
use std::collections::VecDeque;

/// A question that was sent.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Pending {
    pub(in crate::ui) run: RunId,
    pub(in crate::ui) question: Question,
    /// Whether another question is shown.
    pub(in crate::ui) behind: bool,
}

impl Pending {
    /// Takes out those that have come to their end.
    pub(in crate::ui) fn take_ended(pending: &mut Vec<Self>, runs: &Runs) -> Vec<Self> {
        let is_active = |pending: &Self| runs.get(pending.run).is_some_and(|run| run.phase.is_active());
        let (active, ended) = std::mem::take(pending).into_iter().partition(is_active);
        *pending = active;
        ended
    }
}

/// Questions that are asked one after another.
#[derive(Debug, Clone)]
pub struct AskAll {
    pub(in crate::ui) todo: VecDeque<Question>,
    pub(in crate::ui) current: Option<RunId>,
    model: String,
    /// How many there are.
    pub total: usize,
    /// How many have been answered.
    pub done: usize,
}

impl AskAll {
    /// None yet, for the model with these weights.
    pub(in crate::ui) fn new(model: String) -> Self {
        Self { todo: VecDeque::new(), current: None, model, total: 0, done: 0 }
    }

    /// Whether none of them is being answered: a question of the user's is.
    pub fn is_waiting(&self) -> bool {
        self.current.is_none()
    }

    /// Puts questions at the end.
    pub(in crate::ui) fn add(&mut self, questions: Vec<Question>) {
        self.total += questions.len();
        self.todo.extend(questions);
    }

    /// The photo that the question being asked is about, else the next one.
    pub(in crate::ui) fn image<'a>(&'a self, pending: &'a [Pending]) -> Option<&'a ImageSource> {
        let running = pending.iter().find(|pending| Some(pending.run) == self.current);
        running.map(|pending| &pending.question).or(self.todo.front()).map(|question| &question.image)
    }

    /// A question that was sent has come to its end; `again` puts it back to be asked next.
    pub(in crate::ui) fn ended(&mut self, pending: &Pending, again: bool) {
        if self.current != Some(pending.run) {
            return;
        }
        self.current = None;
        if again {
            self.todo.push_front(pending.question.clone());
        } else {
            self.done += 1;
        }
    }

    /// "Stopped after 3 of 60".
    pub(in crate::ui) fn stopped(&self) -> String {
        format!("Stopped after {} of {}", self.done, self.total)
    }
}

impl AppState {
    /// Whether a question is asked behind what people ask themselves.
    pub(in crate::ui) fn is_behind(&self, id: RunId) -> bool {
        self.pope.is_behind(id) || self.all_photos.is_running(id)
    }

    /// Why a queue cannot go on; `None` if it can.
    pub(in crate::ui) fn hinders_queue(&self, queue: &AskAll) -> Option<&'static str> {
        let other_model = self.pope_model().is_some_and(|model| model != queue.model);
        self.pope_hindrance().or(other_model.then_some("another model is open"))
    }

    /// Whether a question that came to its end has not been answered all the same: one of the user's went first, or
    /// the worker died.
    pub(in crate::ui) fn has_to_be_asked_again(&self, run: RunId) -> bool {
        match self.runs.get(run).map(|run| &run.phase) {
            Some(Phase::Cancelled) => true,
            Some(Phase::Failed(_)) => self.pope_hindrance().is_some(),
            _ => false,
        }
    }

    /// Forgets part of an answer that nobody asked to see.
    pub(in crate::ui) fn forget_part(&mut self, pending: &Pending) {
        if pending.behind && self.current_run().is_none_or(|run| run.id != pending.run) {
            self.runs.forget(pending.run);
        }
    }

    /// The next question of a queue, if the model has nothing else to answer.
    pub(in crate::ui) fn next_of<'a>(&self, queue: Option<&'a mut AskAll>) -> Option<&'a mut AskAll> {
        let busy = self.runs.active().next().is_some();
        queue.filter(|queue| queue.current.is_none() && !busy)
    }

    /// Keeps within the bounds after a question of a queue was begun, and sends it. Says how many answers were
    /// forgotten.
    pub(in crate::ui) fn send_behind(&mut self, run: RunId, question: Question) -> (Effect, usize) {
        // What people look at stays, whatever its attention needs.
        let current = self.current_run().map(|run| run.id).into_iter();
        let kept: Vec<RunId> = current.chain(self.compare.picked()).chain(self.figure.runs()).collect();
        let forgotten = self.make_room(&kept);
        (Effect::Send(Request::Ask(run, Box::new(question))), forgotten)
    }

    /// Keeps attention and the number of answers within their bounds: of answers about all photos the attention goes
    /// first, the words stay; then the oldest answers go. Says how many.
    pub(in crate::ui) fn make_room(&mut self, kept: &[RunId]) -> usize {
        let budget_bytes = self.ask.budget_bytes();
        self.runs.let_go_of_rows(budget_bytes, |id| self.all_photos.is_run(id) && !kept.contains(&id));
        self.runs.evict(budget_bytes, MOST_RUNS, kept)
    }
}
