//! What the application does for sessions: dialogs, saving, opening, recovery.

use super::Command;
use super::app::App;
use super::jobs::{JobDone, Wanted};
use super::layout;
use super::session::{Finished, Reopened};
use super::state::AppState;
use super::state::{Effect, Offer, SessionBox, SessionCommand, SessionEffect, Severity, Until, count};
use crate::engine::ModelSource;
use eframe::egui;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

impl App {
    /// How the window begins: with a session or a model, and with what was left behind.
    pub(super) fn begin_session(
        &mut self,
        session: Option<PathBuf>,
        model: Option<ModelSource>,
        no_recovery: Option<String>,
    ) {
        if let Some(path) = session {
            // Its own model is opened with it.
            self.model_without_session = model;
            self.commands.push(Command::Session(SessionCommand::OpenFile(path)));
        } else if let Some(model) = model {
            self.commands.push(Command::OpenModel(model));
        }
        if let Some(folder) = self.desk.folder() {
            self.jobs.find_left_behind(folder.to_owned());
        }
        if let Some(why) = no_recovery {
            self.state.notices.push((Severity::Warning, Until::Dismissed), why, "", None);
        }
    }

    fn layout(&self) -> Value {
        serde_json::to_value(&self.tree).unwrap_or_default()
    }

    pub(super) fn carry_out_session(&mut self, effect: SessionEffect) {
        match effect {
            SessionEffect::PickSave(name) => self.jobs.pick_save(name),
            SessionEffect::PickOpen => self.jobs.pick_session(),
            SessionEffect::PickFolder => self.jobs.pick_place(),
            SessionEffect::Write(path) => {
                let layout = self.layout();
                self.desk.save(&self.state, layout, path);
            }
            SessionEffect::Read(path, recovery) => self.jobs.reopen(path, recovery, self.hub_cache.clone()),
            SessionEffect::Locate(missing, folder) => self.jobs.locate(missing, folder),
            SessionEffect::Discard(path) => self.desk.discard(&path),
        }
    }

    /// Shows the box in which a path can be typed; `false` when the dialog was for something else.
    pub(super) fn no_session_dialog(&mut self, wanted: Wanted) -> bool {
        let which = match wanted {
            Wanted::Save => SessionBox::Save,
            Wanted::Session => SessionBox::Open,
            Wanted::Place => SessionBox::Missing,
            Wanted::Images | Wanted::Model | Wanted::Clip | Wanted::Figure => return false,
        };
        self.commands.push(Command::Session(SessionCommand::Show(which)));
        true
    }

    pub(super) fn session_job_done(&mut self, done: JobDone, ctx: &egui::Context) {
        match done {
            JobDone::PickedSave(path) => self.commands.push(Command::Session(SessionCommand::SaveTo(path))),
            JobDone::PickedSession(path) => self.commands.push(Command::Session(SessionCommand::OpenFile(path))),
            JobDone::PickedPlace(folder) => self.commands.push(Command::Session(SessionCommand::LookIn(folder))),
            JobDone::Located(located) => {
                let effects = self.state.located(located);
                self.carry_out(effects, ctx);
            }
            JobDone::LeftBehind(left, problems) => {
                let words = |answers, age| format!("{}, saved {} ago", count(answers, "answer"), in_words(age));
                let offers =
                    left.iter().map(|left| Offer { path: left.path.clone(), words: words(left.num_answers, left.age) });
                self.state.offer(offers.collect());
                self.desk.offer(left);
                for problem in problems {
                    self.state.notices.push((Severity::Warning, Until::Dismissed), problem, "", None);
                }
            }
            JobDone::Reopened(reopened) => match *reopened {
                Ok(reopened) => {
                    let layout = self.layout();
                    if self.desk.keep_before(&self.state, layout) {
                        self.waiting = Some(Box::new(reopened)); // until that is written
                    } else {
                        self.reopen(reopened, None, ctx);
                    }
                }
                Err(why) => {
                    self.state.notices.push((Severity::Error, Until::Dismissed), why, "Nothing has changed", None);
                    self.open_model_without_session();
                }
            },
            _ => {} // those that have nothing to do with sessions
        }
    }

    fn reopen(&mut self, reopened: Reopened, before: Option<PathBuf>, ctx: &egui::Context) {
        if reopened.recovery {
            self.desk.took_over(&reopened.path);
        }
        let tree = layout::restored_tree(&reopened.written.layout.to_string());
        let effects: Vec<Effect> = self.state.reopened(reopened, before);
        self.tree = tree.unwrap_or_else(layout::default_tree);
        self.view.scroll_to_current = true;
        self.carry_out(effects, ctx);
        self.open_model_without_session();
    }

    /// A window that was to begin with a session whose model is not there begins with the one it would have begun with.
    fn open_model_without_session(&mut self) {
        let AppState { model, .. } = &self.state;
        if let Some(source) = self.model_without_session.take()
            && model.info.is_none()
            && model.loading.is_none()
        {
            self.commands.push(Command::OpenModel(source));
        }
    }

    /// What was written beside the window.
    pub(super) fn written(&mut self, ctx: &egui::Context) {
        for finished in self.desk.poll() {
            match finished {
                Finished::Saved { path, num_answers } => self.state.session_saved(path, num_answers),
                Finished::Failed(why) => {
                    let action = ("Save elsewhere…".to_owned(), Command::Session(SessionCommand::SaveAs));
                    self.state.notices.push((Severity::Error, Until::Dismissed), why, "", Some(action));
                }
                Finished::Kept(Ok(before)) => {
                    if let Some(reopened) = self.waiting.take() {
                        self.reopen(*reopened, Some(before), ctx);
                    }
                }
                Finished::Kept(Err(why)) => {
                    self.waiting = None;
                    let text = format!("The session was not opened, as what is open now could not be kept: {why}");
                    let advice = "Save this session and start gazelens with the other one";
                    self.state.notices.push((Severity::Error, Until::Dismissed), text, advice, None);
                }
                Finished::NoRecovery(why) => {
                    let text = format!("Nothing will be recovered if gazelens is killed: {why}");
                    self.state.notices.push((Severity::Warning, Until::Dismissed), text, "", None);
                }
            }
        }
    }

    /// The recovery file follows what is there.
    pub(super) fn follow_session(&mut self, ctx: &egui::Context) {
        let tree = &self.tree;
        if let Some(wait) = self.desk.follow(&self.state, || serde_json::to_value(tree).unwrap_or_default()) {
            ctx.request_repaint_after(wait);
        }
    }
}

/// "3 minutes".
fn in_words(age: Duration) -> String {
    let secs = age.as_secs();
    let (number, what) = match secs {
        0..60 => (secs, "second"),
        60..3600 => (secs / 60, "minute"),
        3600..86_400 => (secs / 3600, "hour"),
        _ => (secs / 86_400, "day"),
    };
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let words = |secs| in_words(Duration::from_secs(secs));
        assert_eq!([words(1), words(59), words(60)], ["1 second", "59 seconds", "1 minute"], "up to a minute");
        assert_eq!([words(7300), words(90_000)], ["2 hours", "1 day"], "hours and days");
    }
}
