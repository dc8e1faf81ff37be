//! Asking yes/no questions one after another, behind what is shown.

use crate::engine::{ImageSource, Question, Request, RunId};
use crate::ui::core::command::{PopeCommand, PopeItem};
use crate::ui::core::settings::PopeSource;
use crate::ui::features::answer::queue::{AskAll, Pending};
use crate::ui::features::pope::state::{Pope, yes_probability};
use crate::ui::features::{AppState, Effect, Phase};
use std::sync::Arc;

impl Pope {
    /// Whether questions wait to be asked.
    pub fn is_asking(&self) -> bool {
        self.queue.is_some()
    }

    /// Lets go of what has not been asked.
    pub(in crate::ui) fn stop(&mut self) {
        if let Some(queue) = self.queue.take() {
            self.ended_early = Some(queue.stopped());
        }
    }

    /// The photo that the question being asked is about.
    pub fn asked_image(&self) -> Option<&ImageSource> {
        self.queue.as_ref()?.image(&self.pending)
    }
}

impl AppState {
    pub(in crate::ui) fn apply_pope(&mut self, command: PopeCommand) -> Vec<Effect> {
        match command {
            PopeCommand::Set(settings) => self.pope.settings = settings,
            PopeCommand::AskAll => {
                let items: Vec<PopeItem> = self.pope_items().unwrap_or_default().to_vec();
                self.enqueue(&items);
            }
            PopeCommand::AskWords(items) => {
                if let Some(image) = self.current_image().cloned() {
                    self.pope.settings.source = Some(PopeSource::Words);
                    self.pope.words = Some((image, Arc::from(items.as_slice())));
                    self.enqueue(&items);
                }
            }
            PopeCommand::Stop => {
                let current = self.pope.queue.as_ref().and_then(|queue| queue.current);
                self.pope.stop();
                return current.map(Effect::Cancel).into_iter().collect();
            }
            PopeCommand::Ask(item) => return self.ask_and_show(&item),
        }
        Vec::new()
    }

    /// Puts questions at the end of the queue: those without an answer, or all when every one has one.
    fn enqueue(&mut self, items: &[PopeItem]) {
        let (Some(image), Some(model)) = (self.current_image().cloned(), self.pope_model().map(str::to_owned)) else {
            return;
        };
        let mut wanted: Vec<Question> = Vec::new();
        for question in items.iter().map(|item| self.pope_question(&image, &item.text)) {
            let asked = self.pope.queue.iter().flat_map(|queue| &queue.todo).chain(&wanted);
            let twice = asked.into_iter().any(|other| other.is_same(&question));
            if !twice && self.pope.pending(&question).is_none() {
                wanted.push(question);
            }
        }
        let is_open =
            |question: &&Question| self.pope.answer(&model, question).is_none_or(|answer| answer.text.is_err());
        if wanted.iter().any(|question| is_open(&question)) {
            wanted = wanted.iter().filter(is_open).cloned().collect();
        }
        if wanted.is_empty() {
            return;
        }
        self.pope.ended_early = None;
        self.pope.queue.get_or_insert_with(|| AskAll::new(model)).add(wanted);
    }

    /// Asks one question as if it were typed.
    fn ask_and_show(&mut self, item: &PopeItem) -> Vec<Effect> {
        let Some(image) = self.current_image().cloned() else { return Vec::new() };
        let question = self.pope_question(&image, &item.text);
        let effects = self.send(question.clone());
        let sent = effects.iter().find_map(|effect| match effect {
            Effect::Send(Request::Ask(id, _)) => Some(*id),
            _ => None,
        });
        if let Some(run) = sent {
            if let Some(queue) = &mut self.pope.queue {
                let before = queue.todo.len();
                queue.todo.retain(|other| !other.is_same(&question));
                queue.total -= before - queue.todo.len();
            }
            self.pope.asked(run, question, false);
        }
        effects
    }

    /// Takes in answers that have come, and asks the next question when nothing else is asked.
    pub(in crate::ui) fn follow_pope(&mut self) -> Vec<Effect> {
        if self.pope.pending.is_empty() && self.pope.queue.is_none() {
            return Vec::new();
        }
        for pending in Pending::take_ended(&mut self.pope.pending, &self.runs) {
            self.answered(pending);
        }
        self.end_if_hindered();
        self.ask_next()
    }

    fn end_if_hindered(&mut self) {
        let Some(queue) = &self.pope.queue else { return };
        if let Some(why) = self.hinders_queue(queue) {
            self.pope.ended_early = Some(format!("{}: {why}", queue.stopped()));
            self.pope.queue = None;
        }
    }

    /// A question that was sent has come to its end.
    fn answered(&mut self, pending: Pending) {
        let run = self.runs.get(pending.run);
        let phase = run.map(|run| run.phase.clone());
        let trace = run.and_then(|run| run.trace.as_ref());
        let model = trace.map(|trace| trace.run.weight_hash.clone());
        let model = model.or(self.pope_model().map(str::to_owned)).unwrap_or_default();
        let said = trace.map(|trace| (trace.text().trim().to_owned(), yes_probability(trace)));
        let again = self.has_to_be_asked_again(pending.run);
        if let Some(queue) = &mut self.pope.queue {
            queue.ended(&pending, again);
        }
        let before = self.pope.answer(&model, &pending.question).map(|answer| answer.run);
        let before = before.filter(|before| *before != pending.run);
        match (phase, said) {
            (Some(Phase::Finished), Some((text, yes))) => {
                self.pope.record(pending, model, Ok(text), yes);
                self.forget_replaced(before);
            }
            (Some(Phase::Failed(why)), _) if !again => {
                self.pope.record(pending, model, Err(why), None);
                self.forget_replaced(before);
            }
            _ if again => self.forget_part(&pending),
            _ => {}
        }
    }

    /// An answer took the place of an earlier one to the same question: the earlier one's trace goes, unless people are
    /// looking at it.
    fn forget_replaced(&mut self, before: Option<RunId>) {
        let Some(before) = before else { return };
        let shown = self.runs.shown_ids().contains(&before);
        let kept = shown || self.compare.picked().chain(self.figure.runs()).any(|id| id == before);
        if !kept {
            self.runs.forget(before);
        }
    }

    fn ask_next(&mut self) -> Vec<Effect> {
        let mut queue = self.pope.queue.take();
        let Some(next) = self.next_of(queue.as_mut()) else {
            self.pope.queue = queue;
            return Vec::new();
        };
        let Some(question) = next.todo.pop_front() else {
            let (done, what) = (next.done, if next.done == 1 { "question" } else { "questions" });
            self.toasts.push(format!("POPE: {done} {what} answered"));
            return Vec::new();
        };
        let run = self.runs.begin_behind(question.clone());
        next.current = Some(run);
        self.pope.queue = queue;
        self.pope.asked(run, question.clone(), true);
        vec![self.send_behind(run, question).0]
    }
}
