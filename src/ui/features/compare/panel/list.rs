//! Every run about the photo in order of time, each with what sets it apart; POPE's questions together.

use super::CompareMemory;
use crate::engine::{ImageSource, RunId};
use crate::ui::core::command::{Command, CompareCommand};
use crate::ui::features::compare::panel::{PanelContext, variant};
use crate::ui::features::{ComparedRuns, HistoryEntry, MOST_COLUMNS, Phase, Run};
use crate::ui::widgets::named;
use eframe::egui;
use egui::{RichText, Ui, vec2};

const ROW_PT: f32 = 22.0;
/// A run made from another stands this much to its right, points.
const INDENT_PT: f32 = 16.0;

/// A line of the list.
enum Line {
    Run(HistoryEntry),
    /// POPE's questions, this many.
    Pope(usize),
}

/// Most lines are not in sight: only those that are get drawn.
pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, most_pt: f32) {
    let (pope, others): (Vec<_>, Vec<_>) = cx.state.history().into_iter().partition(|entry| entry.pope);
    let mut lines: Vec<Line> = others.into_iter().map(Line::Run).collect();
    if !pope.is_empty() {
        lines.push(Line::Pope(pope.len()));
        if cx.memory.of::<CompareMemory>().pope_open {
            lines.extend(pope.into_iter().map(Line::Run));
        }
    }
    if lines.is_empty() {
        ui.weak("Nothing has been asked about this photo yet");
        return;
    }
    let compared = cx.state.compared();
    let scroll = egui::ScrollArea::vertical().id_salt("runs").max_height(most_pt).auto_shrink([false, true]);
    scroll.show_rows(ui, ROW_PT, lines.len(), |ui, range| {
        for line in lines.get(range).unwrap_or_default() {
            let size = vec2(ui.available_width(), ROW_PT);
            ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| match line {
                Line::Run(entry) => run_line(ui, cx, entry, compared.as_ref()),
                Line::Pope(count) => pope_line(ui, cx, *count),
            });
        }
    });
}

fn pope_line(ui: &mut Ui, cx: &mut PanelContext<'_>, count: usize) {
    let open = cx.memory.of::<CompareMemory>().pope_open;
    let label = format!("POPE: {count} {}", if count == 1 { "question" } else { "questions" });
    let help = if open { "Hides them; their answers are in the panel POPE" } else { "Lists them one by one" };
    if ui.selectable_label(open, label).on_hover_text(help).clicked() {
        cx.memory.of::<CompareMemory>().pope_open = !open;
    }
}

fn run_line(ui: &mut Ui, cx: &mut PanelContext<'_>, entry: &HistoryEntry, compared: Option<&ComparedRuns>) {
    let Some(run) = cx.state.runs.get(entry.run) else { return };
    let indent: u16 = entry.depth.min(12).try_into().unwrap_or_default();
    ui.add_space(f32::from(indent) * INDENT_PT);
    in_comparison(ui, cx, entry, compared, run);
    let image = run.question.image.clone();
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        actions(ui, cx, entry, compared, image);
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let text = words(entry, run);
            let help = format!("{}\nAnswered by {}", run.prompt_text(), run.model_id().unwrap_or("no model"));
            let is_shown = cx.state.current_run().map(|run| run.id) == Some(entry.run);
            let rich = RichText::new(&text);
            let label = egui::Label::new(if is_shown { rich.strong() } else { rich }).truncate();
            ui.add(label.show_tooltip_when_elided(false)).on_hover_text(help);
        });
    });
}

/// Number, name, question and what sets it apart.
fn words(entry: &HistoryEntry, run: &Run) -> String {
    let mark = match &run.phase {
        phase if phase.is_active() => " (answering)",
        Phase::Failed(_) => " (failed)",
        Phase::Cancelled => " (stopped)",
        _ => "",
    };
    let name = entry.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let prompt = run.prompt_text().replace('\n', " ");
    format!("{}. {name}{} · {prompt}{mark}", entry.nr, variant(run))
}

/// The tick: beside the reference or not.
fn in_comparison(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    entry: &HistoryEntry,
    compared: Option<&ComparedRuns>,
    run: &Run,
) {
    let place = |id: RunId| {
        let compared = compared?;
        if compared.reference == id {
            Some(0)
        } else {
            compared.others.iter().position(|other| *other == id).map(|i| i + 1)
        }
    };
    let (at, is_shown) = (place(entry.run), cx.state.current_run().map(|run| run.id) == Some(entry.run));
    let added = cx.state.compare.added(&run.question.image).contains(&entry.run);
    let full = compared.is_some_and(|compared| compared.others.len() + 1 >= MOST_COLUMNS);
    let why_not = match at {
        _ if run.trace.is_none() => Some("It has not begun to answer".to_owned()),
        Some(0) => Some("It is the reference".to_owned()),
        _ if is_shown => Some("It is shown, so it is always compared".to_owned()),
        Some(_) if !added => Some("It is compared as long as nothing else is chosen".to_owned()),
        None if full => Some(format!("There is room for {MOST_COLUMNS} runs")),
        _ => None,
    };
    let mut ticked = at.is_some();
    let response = ui.add_enabled(why_not.is_none(), egui::Checkbox::without_text(&mut ticked));
    named(ui, &response, &format!("Compare run {}", entry.nr));
    let help = "Compares this run with the reference";
    let response = response.on_hover_text(help).on_disabled_hover_text(why_not.unwrap_or_default());
    if response.changed() {
        cx.emit(Command::Compare(CompareCommand::Toggle(entry.run)));
    }
}

/// From the right: forget, pin, show.
fn actions(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    entry: &HistoryEntry,
    compared: Option<&ComparedRuns>,
    image: ImageSource,
) {
    let nr = entry.nr;
    let mut button = |text: &str, pressed: bool, help: &str, name: String| {
        let response =
            ui.add(egui::Button::new(RichText::new(text).small()).small().selected(pressed)).on_hover_text(help);
        named(ui, &response, &name);
        response.clicked()
    };
    let pinned = compared.is_some_and(|compared| compared.pinned && compared.reference == entry.run);
    let shown = cx.state.current_run().map(|run| run.id) == Some(entry.run);
    if button("Forget", false, "Forgets this run and its attention", format!("Forget run {nr}")) {
        cx.emit(Command::ForgetRun(entry.run));
    }
    if button(
        "Pin",
        pinned,
        "The others are compared with it; click again to let the window choose",
        format!("Reference run {nr}"),
    ) {
        cx.emit(Command::Compare(CompareCommand::Pin((!pinned).then_some(entry.run), image)));
    }
    if button("Show", shown, "Shows it in the rest of the window", format!("Show run {nr}")) && !shown {
        cx.emit(Command::ShowRun(entry.run));
    }
}
