//! What the state wants done outside of it.

use crate::engine::Request;
use crate::ui::core::command::{Command, WordStep};
use crate::ui::core::pane::Pane;
use crate::ui::core::sections::Sections;
use crate::ui::features::answer::words;
use crate::ui::features::context::TextBox;
use crate::ui::features::{Effect, PairsEffect};
use crate::ui::shell::app::App;
use crate::ui::shell::jobs::names_files;
use crate::ui::shell::layout;
use crate::ui::widgets::theme;
use eframe::egui;

impl App {
    /// Holds the next word of a kind, or says that there is none.
    fn step_word(&mut self, step: WordStep) {
        if let Some(word) = words::stepped(&self.state, &self.derived, step) {
            // Holding a held word would let go of it.
            if !self.state.selection.holds_word(&word) {
                self.commands.push(Command::HoldWord(*word.start(), *word.end()));
            }
        } else {
            self.state.toasts.push(words::none_there(&self.state, step.kind));
        }
    }

    /// Shows a panel, wherever it stands.
    pub(in crate::ui) fn bring_to_front(&mut self, pane: Pane) {
        self.state.open.photo_only = false; // it would be hidden
        if pane.section().is_some() && !layout::is_of_its_own(&self.tree, pane) {
            self.view.sections.show(pane);
            layout::bring_to_front(&mut self.tree, Pane::Inspector);
        } else {
            layout::bring_to_front(&mut self.tree, pane);
        }
    }

    pub(in crate::ui) fn carry_out(&mut self, effects: Vec<Effect>, ctx: &egui::Context) {
        for effect in effects {
            match effect {
                Effect::Send(Request::Ask(id, question)) if names_files(&question) => {
                    self.jobs.read_values(id, question);
                }
                Effect::Send(request) => self.link.send(request),
                Effect::Cancel(id) => {
                    self.jobs.stop_reading(id);
                    self.link.cancel(id);
                }
                Effect::CancelAll => self.link.cancel_all(),
                Effect::RestartWorker => self.link.restart(),
                Effect::PickImages => self.jobs.pick_images(),
                Effect::PickImageFolder => self.jobs.pick_image_folder(),
                Effect::PickModelFolder => self.jobs.pick_model_folder(),
                Effect::PickClipFolder => self.jobs.pick_clip_folder(),
                Effect::PickParameterFile(place) => self.jobs.pick_parameter_file(place),
                Effect::ListModels => self.jobs.list_models(self.hub_cache.clone()),
                Effect::Scan(paths) => self.jobs.scan(paths, self.state.browse.before()),
                Effect::PickAnnotations => self.jobs.pick_annotations(),
                Effect::StopOpening => self.jobs.stop_opening(),
                Effect::ShowFolder(path) => self.jobs.show_folder(path),
                Effect::Join(generation, wanted) => {
                    self.jobs.join(generation, self.state.browse.sources.clone(), wanted);
                }
                Effect::OpenBundled(generation) => self.jobs.open_bundled(generation),
                Effect::Find(generation, search) => self.jobs.find(generation, *search),
                Effect::WriteNotes(change) => self.notes.write(*change),
                Effect::Canvas(command) => self.view.canvas_commands.push(command),
                Effect::BringToFront(pane) => self.bring_to_front(pane),
                Effect::TearOff(pane) => layout::tear_off(&mut self.tree, pane),
                Effect::ResetLayout => {
                    self.tree = layout::default_tree();
                    self.view.sections = Sections::default();
                }
                Effect::StepWord(step) => self.step_word(step),
                Effect::FocusPrompt => {
                    self.state.open.photo_only = false;
                    layout::bring_to_front(&mut self.tree, Pane::Question);
                    self.view.focus = Some(TextBox::Prompt);
                }
                Effect::ReleaseFocus => ctx.memory_mut(|memory| {
                    if let Some(focused) = memory.focused() {
                        memory.surrender_focus(focused);
                    }
                }),
                Effect::PickFigureFile => self.jobs.pick_figure_file(),
                Effect::PickFigureSource => self.jobs.pick_figure_source(),
                Effect::SaveFigure(path, replace) => {
                    if let Some(what) = self.figures.written(&self.state, &path) {
                        self.jobs.save_figure(what, path, replace);
                    }
                }
                Effect::OpenFigure(path) => self.jobs.open_figure(path),
                Effect::HashFigureInputs(wish) => self.jobs.hash_figure_inputs(wish),
                Effect::StopFigure => self.jobs.stop_figure(),
                Effect::PickTypeface => self.jobs.pick_typeface(),
                Effect::ApplyLook => {
                    theme::apply(ctx, self.state.prefs.theme, self.state.prefs.scale);
                    self.state.prefs.keys.install(ctx);
                }
                Effect::Copy(text) => ctx.copy_text(text),
                Effect::CopyPicture => self.copy_picture(ctx),
                Effect::CopyTable(kind, form) => self.copy_table(kind, form, ctx),
                Effect::Study(effect) => self.carry_out_study(effect),
                Effect::Pairs(PairsEffect::Pick) => self.jobs.pick_pairs(),
                Effect::Pairs(PairsEffect::Read(path)) => self.jobs.read_pairs(path),
                Effect::Session(effect) => self.carry_out_session(effect, ctx),
                Effect::Quit => {
                    self.closing = true;
                    ctx.send_viewport_cmd(egui::ViewportCommand::Close);
                }
            }
        }
    }
}
