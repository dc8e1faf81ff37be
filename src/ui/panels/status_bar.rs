//! The line at the bottom: model, device, speed, memory, progress.

use super::PanelContext;
use crate::engine::Stage;
use crate::ui::command::Command;
use crate::ui::state::{AppState, Phase, Run};
use crate::ui::widgets::format_bytes;
use crate::ui::wording::count;
use eframe::egui;
use egui::{RichText, Ui};

/// Narrower than this, the memory of the program is in a tooltip only, points.
const NARROW_PT: f32 = 700.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        // From the right, so that the note in the middle gives way when the window is narrow.
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            memory(ui, cx);
            if let Some(run) = cx.state.runs.active().last().or_else(|| cx.state.current_run()) {
                ui.separator();
                let words = waiting(cx.state, run);
                let words = cx.state.elsewhere(run.id).map_or(words.clone(), |name| format!("{name}: {words}"));
                ui.add(egui::Label::new(words).truncate());
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                match cx.state.model.loading.clone() {
                    Some(loading) => {
                        ui.add(egui::ProgressBar::new(loading.share).desired_width(140.0).show_percentage());
                        if ui.small_button("Cancel loading").clicked() {
                            cx.emit(Command::Stop);
                        }
                        ui.add(egui::Label::new(&loading.what).truncate().show_tooltip_when_elided(false))
                            .on_hover_text(&loading.what);
                    }
                    None => model(ui, cx),
                }
            });
        });
    });
}

fn model(ui: &mut Ui, cx: &PanelContext<'_>) {
    match &cx.state.model.info {
        None => {
            ui.label(RichText::new("No model is open").weak());
        }
        Some(info) => {
            ui.label(&info.device).on_hover_text(format!(
                "Where the model runs, and in which number type\nMemory: {}",
                info.memory.sentence()
            ));
            ui.separator();
            ui.add(egui::Label::new(&info.summary).truncate().show_tooltip_when_elided(false)).on_hover_text(format!(
                "{}\n{} of weights",
                info.id,
                format_bytes(info.weight_bytes)
            ));
            if !info.note.is_empty() {
                ui.separator();
                ui.add(
                    egui::Label::new(RichText::new(&info.note).color(ui.visuals().warn_fg_color))
                        .truncate()
                        .show_tooltip_when_elided(false),
                )
                .on_hover_text(&info.note);
            }
        }
    }
}

/// Where a question is, in words; what it waits for where that is an answer about another photo.
pub(super) fn waiting(state: &AppState, run: &Run) -> String {
    let before = state.runs.active().find(|other| other.id < run.id && !state.pope.is_behind(other.id));
    match before.and_then(|before| state.elsewhere(before.id)) {
        Some(name) if run.phase == Phase::Waiting => format!("Waiting for the answer about {name}"),
        _ => progress(run),
    }
}

/// Where a question is, in words.
pub(super) fn progress(run: &Run) -> String {
    if let Some(words) = super::similarity::progress(run) {
        return words;
    }
    let tokens = run.trace.as_ref().map_or(0, |trace| trace.output.len());
    match &run.phase {
        Phase::Waiting => "Waiting for the model".to_owned(),
        Phase::Working(Stage::Photo) => "Reading the photo".to_owned(),
        Phase::Working(Stage::Vision) => "Vision encoder".to_owned(),
        Phase::Working(Stage::Prefill) => "Reading the prompt".to_owned(),
        Phase::Working(Stage::Decode) if run.tokens_per_sec > 0.0 => {
            format!("{}, {:.1} tokens/s", count(tokens, "token"), run.tokens_per_sec)
        }
        Phase::Working(Stage::Decode) => count(tokens, "token"),
        Phase::Finished => {
            let speed = run.timings.map_or(run.tokens_per_sec, |timings| timings.tokens_per_sec);
            let reused = run.timings.map_or(0, |timings| timings.reused_tokens);
            let reused = if reused > 0 { format!(", {} known", count(reused, "prompt token")) } else { String::new() };
            format!("{}, {speed:.1} tokens/s{reused}", count(tokens, "token"))
        }
        Phase::Cancelled if tokens == 0 => "Stopped before the first token".to_owned(),
        Phase::Cancelled => format!("Stopped after {}", count(tokens, "token")),
        Phase::Failed(_) => "Failed".to_owned(),
    }
}

fn memory(ui: &mut Ui, cx: &PanelContext<'_>) {
    let held = cx.state.runs.attention_bytes() as u64;
    let budget = cx.state.ask.budget_bytes() as u64;
    let mut text = format!("Attention {} of {}", format_bytes(held), format_bytes(budget));
    let kept = cx.state.runs.kept_memory();
    // A narrow window has the rest in the tooltip.
    let narrow = ui.available_width() < NARROW_PT;
    if kept.budget_bytes > 0 && !narrow {
        text = format!("{text}, prompts {}", format_bytes(kept.held_bytes));
    }
    let mut hover = "Attention kept of all answers and its budget; memory of the whole program".to_owned();
    if let Some(bytes) = cx.resident_bytes {
        let process = format!(", process {}", format_bytes(bytes));
        (if narrow { &mut hover } else { &mut text }).push_str(&process);
    }
    if kept.budget_bytes > 0 {
        hover = format!(
            "{hover}\nCached for further questions: {} and {}, {} of at most {}",
            count(kept.images, "image"),
            count(kept.prompts, "prompt"),
            format_bytes(kept.held_bytes),
            format_bytes(kept.budget_bytes)
        );
    }
    ui.label(RichText::new(text).weak()).on_hover_text(hover);
}
