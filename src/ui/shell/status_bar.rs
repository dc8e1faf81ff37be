//! The line at the bottom: model, device, speed, memory, progress.

use crate::ui::core::command::Command;
use crate::ui::core::wording::count;
use crate::ui::features::answer::progress::waiting;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::format_bytes;
use eframe::egui;
use egui::{RichText, Ui};

/// Narrower than this, the memory of the program is in a tooltip only, points.
const NARROW_PT: f32 = 700.0;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
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
