//! What the application does for sessions: dialogs, saving, opening, recovery.

use crate::engine::ModelSource;
use crate::files::is_same_file;
use crate::ui::core::command::{Command, SessionBox, SessionCommand};
use crate::ui::core::wording::count;
use crate::ui::features::session::panel::SAVE_BOX;
use crate::ui::features::session::{Finished, Left, Located, Reopened, WindowPlace};
use crate::ui::features::{AppState, Effect, Offer, SessionEffect, Severity, Until, source_label};
use crate::ui::shell::app::App;
use crate::ui::shell::jobs::Wanted;
use crate::ui::shell::{layout, screen};
use eframe::egui;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

impl App {
    /// How the window begins: with a session or a model, and with what was left behind.
    pub(in crate::ui) fn begin_session(
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
        if let Some(folder) = self.session_writer.folder() {
            self.jobs.find_left_behind(folder.to_owned());
        }
        if let Some(why) = no_recovery {
            self.state.notices.push((Severity::Warning, Until::Dismissed), why, "", None);
        }
    }

    fn layout(&self) -> Value {
        layout::stored(&self.tree, &self.view.sections)
    }

    /// Whether a file is there that is none of this session's: saving where it was saved before is the usual thing.
    fn is_of_another(&self, path: &Path) -> bool {
        let own = self.state.session.path.as_ref();
        path.symlink_metadata().is_ok() && !own.is_some_and(|own| own == path || is_same_file(own, path))
    }

    pub(in crate::ui) fn carry_out_session(&mut self, effect: SessionEffect, ctx: &egui::Context) {
        match effect {
            SessionEffect::PickSave(name) => self.jobs.pick_save(name),
            SessionEffect::PickOpen => self.jobs.pick_session(),
            SessionEffect::PickFolder => self.jobs.pick_place(),
            SessionEffect::WriteNew(path) if self.is_of_another(&path) => self.state.ask_to_replace(path),
            SessionEffect::Write(path) | SessionEffect::WriteNew(path) => {
                let layout = self.layout();
                self.session_writer.save(&self.state, layout, path);
            }
            SessionEffect::Read(path, recovery) => self.jobs.reopen(path, recovery, self.hub_cache.clone()),
            SessionEffect::Locate(missing, folder) => self.jobs.locate(missing, folder),
            SessionEffect::Discard(path) => self.session_writer.discard(&path),
            SessionEffect::PlaceWindow(place) => place_window(ctx, place),
        }
    }

    /// Shows the box in which a path can be typed; `false` when the dialog was for something else.
    pub(in crate::ui) fn no_session_dialog(&mut self, wanted: Wanted) -> bool {
        let which = match wanted {
            Wanted::Save => SessionBox::Save,
            Wanted::Session => SessionBox::Open,
            Wanted::Place => SessionBox::Missing,
            Wanted::Images
            | Wanted::Model
            | Wanted::Clip
            | Wanted::Parameter
            | Wanted::Figure
            | Wanted::Study
            | Wanted::Pairs => {
                return false;
            }
        };
        self.commands.push(Command::Session(SessionCommand::Show(which)));
        true
    }

    /// Missing files were looked for.
    pub(in crate::ui) fn missing_located(&mut self, located: Located, ctx: &egui::Context) {
        if located != Located::default() {
            self.view.session_paths.clear();
        }
        let effects = self.state.located(located);
        self.carry_out(effects, ctx);
    }

    /// Other windows left sessions behind, or what cannot be read.
    pub(in crate::ui) fn left_behind(&mut self, left: Vec<Left>, problems: Vec<String>) {
        let offers = left.iter().map(|left| Offer { path: left.path.clone(), words: words(left) });
        self.state.offer(offers.collect());
        self.session_writer.offer(left);
        for problem in problems {
            self.state.notices.push((Severity::Warning, Until::Dismissed), problem, "", None);
        }
    }

    /// A session was read, or was not.
    pub(in crate::ui) fn session_read(&mut self, read: Result<Reopened, String>, ctx: &egui::Context) {
        match read {
            Ok(reopened) => {
                self.view.session_paths.clear();
                if self.view.typed_image_path() == reopened.path {
                    self.view.image_path.clear();
                }
                let layout = self.layout();
                if self.session_writer.keep_before(&self.state, layout) {
                    self.waiting = Some(Box::new(reopened)); // until that is written
                } else {
                    self.reopen(reopened, None, ctx);
                }
            }
            Err(why) => {
                self.state.notices.push((Severity::Error, Until::Dismissed), why, "Nothing has changed", None);
                self.open_model_without_session();
            }
        }
    }

    fn reopen(&mut self, reopened: Reopened, before: Option<PathBuf>, ctx: &egui::Context) {
        if reopened.recovery {
            self.session_writer.took_over(&reopened.path);
        }
        let stored = reopened.written.layout.to_string();
        let tree = layout::restored_tree(&stored);
        self.view.sections = layout::restored_sections(&stored);
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
    pub(in crate::ui) fn written(&mut self, ctx: &egui::Context) {
        for finished in self.session_writer.poll() {
            match finished {
                Finished::Saved { path, num_answers } => {
                    self.view.session_paths.clear();
                    self.state.session_saved(path, num_answers);
                    if std::mem::take(&mut self.state.session.quits) {
                        self.commands.push(Command::Quit);
                    }
                }
                Finished::Failed(why) => {
                    self.state.session.quits = false;
                    let typed = self.view.session_paths.get(SAVE_BOX).filter(|typed| !typed.trim().is_empty());
                    if let Some(typed) = typed.cloned() {
                        // What was typed is there to be mended, and why.
                        self.view.not_saved = Some((typed, why));
                        self.state.open.session = Some(SessionBox::Save);
                        continue;
                    }
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

    /// Where the window is belongs to a session.
    pub(in crate::ui) fn follow_window(&mut self, ctx: &egui::Context) {
        self.state.session.window = ctx.input(|input| {
            let viewport = input.viewport();
            let size = viewport.inner_rect?.size();
            let place = viewport.outer_rect.map(|rect| [rect.min.x, rect.min.y]);
            Some(WindowPlace { place, size: [size.x, size.y], maximized: viewport.maximized.unwrap_or_default() })
        });
    }

    /// The recovery file follows what is there.
    pub(in crate::ui) fn follow_session(&mut self, ctx: &egui::Context) {
        let (tree, sections) = (&self.tree, &self.view.sections);
        if let Some(wait) = self.session_writer.follow(&self.state, || layout::stored(tree, sections)) {
            ctx.request_repaint_after(wait);
        }
    }
}

/// A place on a screen that is no longer there is not taken.
fn place_window(ctx: &egui::Context, place: WindowPlace) {
    let WindowPlace { place, size: [width, height], maximized } = place;
    let (screen, room) = ctx.input(|input| (input.viewport().monitor_size, screen::room(input.viewport())));
    if maximized {
        return ctx.send_viewport_cmd(egui::ViewportCommand::Maximized(true));
    }
    ctx.send_viewport_cmd(egui::ViewportCommand::Maximized(false));
    let size = egui::vec2(width, height);
    ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(room.map_or(size, |room| size.min(room))));
    // Of the frame something must be in sight to drag it by.
    let on_screen = |at: &[f32; 2]| {
        screen
            .is_some_and(|screen| (0.0..screen.x - 100.0).contains(&at[0]) && (0.0..screen.y - 100.0).contains(&at[1]))
    };
    if let Some([x, y]) = place.filter(on_screen) {
        ctx.send_viewport_cmd(egui::ViewportCommand::OuterPosition(egui::pos2(x, y)));
    }
}

/// "3 answers about 2 photos by the demo model, saved 2 minutes ago".
fn words(left: &Left) -> String {
    let Left { num_answers, num_photos, model, age, .. } = left;
    let photos = if *num_photos == 0 { String::new() } else { format!(" about {}", count(*num_photos, "photo")) };
    let model = model.as_ref().map_or_else(String::new, |model| format!(" with {}", source_label(model)));
    format!("{}{photos}{model}, saved {}", count(*num_answers, "answer"), ago(*age))
}

/// "just now", "3 minutes ago", "yesterday".
fn ago(age: Duration) -> String {
    let secs = age.as_secs();
    let (number, what) = match secs {
        0..60 => return "just now".to_owned(),
        60..3600 => (secs / 60, "minute"),
        3600..86_400 => (secs / 3600, "hour"),
        86_400..172_800 => return "yesterday".to_owned(),
        _ => (secs / 86_400, "day"),
    };
    format!("{} ago", count(usize::try_from(number).unwrap_or(usize::MAX), what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_people_tell_it() {
        let words = |secs| ago(Duration::from_secs(secs));
        assert_eq!([words(0), words(59), words(60)], ["just now", "just now", "1 minute ago"], "up to a minute");
        assert_eq!([words(7300), words(90_000)], ["2 hours ago", "yesterday"], "hours and a day");
        assert_eq!(words(3 * 86_400), "3 days ago", "days");
    }
}
