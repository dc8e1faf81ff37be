//! The panel of studies: the tables of a run over the rows that they are made of, or the study that is being written.

mod describe;
mod plot;
mod rows;
mod tables;

use super::reading::ReadRun;
use crate::study::StudyProgress;
use crate::ui::core::command::{Command, StudyCommand, StudyView};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{choice, empty};
use eframe::egui;
use egui::{RichText, Ui};
use std::sync::Arc;

/// Part of the panel that the rows get at first.
const ROWS_SHARE: f32 = 0.5;

fn emit(cx: &mut PanelContext<'_>, command: StudyCommand) {
    cx.emit(Command::Study(command));
}

/// Changes what is shown.
fn set_view(cx: &mut PanelContext<'_>, change: impl FnOnce(&mut StudyView)) {
    let mut view = cx.state.study.view.clone();
    change(&mut view);
    if view != cx.state.study.view {
        emit(cx, StudyCommand::SetView(Box::new(view)));
    }
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    toolbar(ui, cx);
    asking(ui, cx);
    ui.separator();
    if cx.state.study.view.describes {
        return describe::show(ui, cx);
    }
    let study = &cx.state.study;
    match (&study.run, &study.problem, &study.folder) {
        (Some(run), _, _) => results(ui, cx, &Arc::clone(run)),
        (None, Some(why), _) => {
            ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().error_fg_color)).wrap());
        }
        (None, None, Some(folder)) => empty(ui, "Reading the run…", &folder.display().to_string()),
        (None, None, None) => empty(
            ui,
            "No study is open",
            "Open the folder of a run, or drop it on the window; or describe a study and run it",
        ),
    }
}

fn toolbar(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let ways = [
            (false, "Results", "The tables of a run, and the rows that they are made of"),
            (true, "Describe and run", "The study itself: what is asked of which model about which photos"),
        ];
        if let Some(describes) = choice(ui, cx.state.study.view.describes, &ways) {
            set_view(cx, |view| view.describes = describes);
        }
        ui.separator();
        let open = ui.button("Open a run…");
        if open.on_hover_text("The folder of a run, also one that still grows; it can be dropped too").clicked() {
            emit(cx, StudyCommand::PickRun);
        }
        if cx.state.study.folder.is_some() {
            let close = ui.button("Close the run");
            if close.on_hover_text("Its rows stay on the disk; a study that is being asked goes on").clicked() {
                emit(cx, StudyCommand::Close);
            }
        }
    });
}

/// How far the study is that is being asked, or how the last one ended.
fn asking(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let study = &cx.state.study;
    if let Some(asking) = study.asking.clone() {
        ui.horizontal_wrapped(|ui| {
            let (share, text) = match asking.progress {
                None => (0.0, asking.stage.clone()),
                Some(now) => (now.done as f32 / now.total.max(1) as f32, progress_words(&now)),
            };
            ui.add(egui::ProgressBar::new(share).desired_width(120.0)).on_hover_text(asking.out.display().to_string());
            ui.label(if asking.is_pausing { format!("Pausing behind this answer: {text}") } else { text });
            let pause = ui.add_enabled(!asking.is_pausing, egui::Button::new("Pause"));
            if pause.on_hover_text("Stops behind the answer that is being made; Resume goes on").clicked() {
                emit(cx, StudyCommand::Pause);
            }
        });
        return;
    }
    let Some(ended) = &study.ended else { return };
    match ended {
        Err(why) => {
            let text = RichText::new(why).color(ui.visuals().error_fg_color);
            ui.add(egui::Label::new(text).wrap());
            resume(ui, cx, "Try again");
        }
        Ok(summary) => {
            let now = summary.progress;
            let failed = match now.failed {
                0 => String::new(),
                failed => format!(", {} without an answer", count(failed, "row")),
            };
            let word = if summary.is_stopped { "Paused" } else { "Finished" };
            let text = format!("{word}: {} of {} rows{failed}", now.done, now.total);
            let (is_open, failures) = (summary.is_stopped || now.failed > 0, summary.failures.join("\n"));
            ui.horizontal_wrapped(|ui| {
                ui.label(text).on_hover_text(failures);
                if is_open {
                    let word = if now.failed > 0 { "Ask what failed again" } else { "Resume" };
                    resume(ui, cx, word);
                }
            });
        }
    }
}

fn resume(ui: &mut Ui, cx: &mut PanelContext<'_>, word: &str) {
    let why_not = cx.state.study.why_not_start();
    let button = ui.add_enabled(why_not.is_none(), egui::Button::new(word));
    let button = button.on_hover_text("Opens the model again and asks what has no answer yet");
    if button.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
        emit(cx, StudyCommand::Start);
    }
}

/// Behind the header of a sorted column.
fn arrow(is_reversed: Option<bool>) -> &'static str {
    match is_reversed {
        None => "",
        Some(false) => " ⏶",
        Some(true) => " ⏷",
    }
}

/// What a click on a header does.
fn sort_help(is_reversed: Option<bool>) -> &'static str {
    match is_reversed {
        None => "Click: sort by this column",
        Some(false) => "Click: the other way round",
        Some(true) => "Click: back to the first order",
    }
}

/// "12 of 48 rows, 3.1 rows/s, 12 s left".
fn progress_words(now: &StudyProgress) -> String {
    let left = now.secs_left().map_or(String::new(), |secs| format!(", {} left", duration(secs)));
    let rate = if now.per_sec() > 0.0 { format!(", {:.1} rows/s", now.per_sec()) } else { String::new() };
    format!("{} of {} rows{rate}{left}", now.done, now.total)
}

/// "12 s", "3 min", "2.5 h".
fn duration(secs: f64) -> String {
    match secs {
        secs if secs < 90.0 => format!("{secs:.0} s"),
        secs if secs < 5400.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.1} h", secs / 3600.0),
    }
}

/// What the run is of, its tables, and below them the rows.
fn results(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Arc<ReadRun>) {
    header(ui, cx, run);
    if run.rows.is_empty() {
        return empty(ui, "No row yet", "The run is looked at again every second");
    }
    let height_pt = (ui.available_height() * ROWS_SHARE).max(80.0);
    egui::Panel::bottom("study rows").frame(egui::Frame::new()).resizable(true).default_size(height_pt).show(
        ui,
        |ui| {
            // Before the rows are listed it would shrink to the words that stand for them.
            ui.set_min_height(ui.available_height());
            ui.add_space(4.0);
            rows::show(ui, cx, run);
        },
    );
    egui::CentralPanel::default().frame(egui::Frame::new()).show(ui, |ui| tables::show(ui, cx, run));
}

fn header(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &ReadRun) {
    let header = &run.header;
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&header.study.name).strong()).on_hover_text(run.folder.display().to_string());
        let rows = format!("{} of {} rows", run.rows.len(), run.num_wanted());
        let about = format!(
            "{}: {} asked in {}",
            run.found.words(),
            count(header.num_items, "question"),
            count(header.num_settings, "setting"),
        );
        ui.label(rows).on_hover_text(about);
        if run.found.failed > 0 {
            let failed = format!("{} without an answer", count(run.found.failed, "row"));
            ui.label(RichText::new(failed).color(ui.visuals().warn_fg_color));
        }
        let by = format!("{}, {}", header.model, header.dtype);
        let weights = format!("Weights with the SHA-256 {}\nBegun by {}", header.weight_hash, header.program);
        ui.label(RichText::new(by).weak()).on_hover_text(weights);
        let is_open = !run.found.is_complete() && cx.state.study.asking.is_none();
        if is_open {
            let help = "Takes the run's study and folder over, to go on here. Relative paths in it are seen from the \
                folder that the program was started in";
            if ui.button("Continue here…").on_hover_text(help).clicked() {
                emit(cx, StudyCommand::Continue);
            }
        }
    });
}
