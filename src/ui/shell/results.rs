//! What becomes of work that was finished beside the window.

use crate::engine::{Event, ModelSource, Question, Request, RunId};
use crate::ui::core::command::{Command, PairsCommand, StudyCommand};
use crate::ui::core::pane::Pane;
use crate::ui::features::context::TextBox;
use crate::ui::features::{Severity, Until};
use crate::ui::shell::app::App;
use crate::ui::shell::jobs::{JobDone, Wanted};
use crate::ui::shell::layout;
use eframe::egui;

impl App {
    pub(in crate::ui) fn job_done(&mut self, done: JobDone, ctx: &egui::Context) {
        match done {
            JobDone::Command(command) => self.commands.push(*command),
            JobDone::FigureSaved(saved) => self.state.figure_saved(saved),
            JobDone::FigureOpened(opened) => {
                let effects = self.state.figure_opened(*opened);
                self.carry_out(effects, ctx);
            }
            JobDone::FigureInputsHashed(wish, hashed) => {
                let effects = self.state.figure_inputs_hashed(*wish, hashed);
                self.carry_out(effects, ctx);
            }
            JobDone::Picture(drawn) => self.picture_drawn(drawn, ctx),
            JobDone::NoDialog(wanted) => self.no_dialog(wanted),
            JobDone::FolderNotShown(why) => {
                self.state.notices.push((Severity::Warning, Until::OtherPhoto), why, "", None);
            }
            JobDone::Memory(bytes) => self.resident_bytes = Some(bytes),
            JobDone::Models(models_at_hand) => self.state.models_at_hand = models_at_hand,
            JobDone::Scanned(mut opened) => {
                // What was mistyped stays to be mended.
                let typed = self.view.typed_image_path();
                if opened.problems.is_empty() && opened.has(&typed) {
                    self.view.image_path.clear();
                } else if self.view.is_typed(&opened.problems) {
                    self.view.focus = Some(TextBox::ImagePath);
                }
                if let Some(folder) = opened.models.pop() {
                    self.commands.push(Command::OpenModel(ModelSource::Folder(folder)));
                }
                if let Some(folder) = opened.studies.pop() {
                    self.commands.push(Command::Study(StudyCommand::Open(folder)));
                }
                if let Some(path) = opened.pairs.pop() {
                    self.commands.push(Command::Pairs(PairsCommand::Open(path)));
                }
                let effects = self.state.opened(*opened);
                self.carry_out(effects, ctx);
            }
            JobDone::Joined(generation, joined) => {
                let effects = self.state.joined(generation, *joined);
                self.view.scroll_to_current = true;
                self.carry_out(effects, ctx);
            }
            JobDone::Found(generation, rows) => self.state.found(generation, &rows),
            JobDone::Reopened(reopened) => self.session_read(*reopened, ctx),
            JobDone::Located(located) => self.missing_located(located, ctx),
            JobDone::ValuesRead(id, read) => self.values_read(id, *read, ctx),
            JobDone::Study(done) => {
                let effects = self.state.study_done(done);
                self.carry_out(effects, ctx);
            }
            JobDone::PairsRead(read) => {
                let effects = self.state.pairs_read(*read);
                self.carry_out(effects, ctx);
            }
            JobDone::LeftBehind(left, problems) => self.left_behind(left, problems),
        }
    }

    /// The question goes to the worker with what its files hold, and is known by that.
    fn values_read(&mut self, id: RunId, read: Result<Question, String>, ctx: &egui::Context) {
        let event = match read {
            _ if !self.jobs.takes_read(id) => Event::Cancelled(id),
            Err(why) => Event::Failed(id, why),
            Ok(question) => {
                if let Some(run) = self.state.runs.get_mut(id) {
                    run.question = question.clone();
                }
                self.link.send(Request::Ask(id, Box::new(question)));
                return;
            }
        };
        let effects = self.state.receive(event, self.now_secs());
        self.carry_out(effects, ctx);
    }

    /// Points to the box in which a path can be typed instead.
    fn no_dialog(&mut self, wanted: Wanted) {
        self.view.no_file_dialog = true;
        if self.no_session_dialog(wanted) {
            return;
        }
        if wanted == Wanted::Model {
            self.commands.push(Command::OpenModelBox);
            return;
        }
        if wanted == Wanted::Figure {
            layout::bring_to_front(&mut self.tree, Pane::Figure);
            self.view.focus = Some(TextBox::FigurePath);
            let text = "No file dialog on this machine: type the path below the figure, then press Save or Open";
            self.state.notices.push((Severity::Warning, Until::OtherPhoto), text, "", None);
            return;
        }
        if wanted == Wanted::Study {
            let text = "No file dialog on this machine: drop the folder of a run on the window, or name it behind \
                gazelens gui";
            let until = (Severity::Warning, Until::OtherPhoto);
            self.state.notices.push(until, text, "Studies are saved beside their rows: type that folder", None);
            return;
        }
        if wanted == Wanted::Pairs {
            let text = "No file dialog on this machine: drop the file of pairs on the window, or name it behind \
                gazelens gui";
            self.state.notices.push((Severity::Warning, Until::OtherPhoto), text, "", None);
            return;
        }
        let advice = "Files and folders can also be dropped on the window";
        if matches!(wanted, Wanted::Clip | Wanted::Parameter) {
            let what = if wanted == Wanted::Clip { "CLIP's folder" } else { "file's path" };
            let text = format!("No file dialog on this machine: type the {what} into its box");
            self.state.notices.push((Severity::Warning, Until::OtherPhoto), text, "", None);
            return;
        }
        layout::bring_to_front(&mut self.tree, Pane::Images);
        self.view.focus = Some(TextBox::ImagePath);
        self.state.notices.push(
            (Severity::Warning, Until::OtherPhoto),
            "No file dialog on this machine: type a path on the left",
            advice,
            None,
        );
    }
}
