//! How questions are answered: length, sampling, what is recorded.

use super::PanelContext;
use crate::ui::command::Command;
use crate::ui::state::{AskSettings, KeepPromptRows};
use crate::ui::widgets::{named, row};
use eframe::egui;
use egui::{DragValue, Ui};

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.set_min_width(300.0);
    let mut ask = cx.state.ask.clone();
    number(
        ui,
        "Most tokens",
        "The answer stops here at the latest",
        DragValue::new(&mut ask.max_new_tokens).range(1..=4096),
    );
    row(ui, "Choice", "How each token is chosen", |ui| {
        ui.radio_value(&mut ask.sample, false, "most probable").on_hover_text("Greedy: the same answer every time");
        ui.radio_value(&mut ask.sample, true, "random")
            .on_hover_text("Drawn from the distribution; the seed makes it repeatable");
    });
    ui.add_enabled_ui(ask.sample, |ui| sampling(ui, &mut ask));
    number(
        ui,
        "Repetition",
        "Penalty on tokens that were said already: their logits are divided by it; 1 is none",
        DragValue::new(&mut ask.repetition_penalty).range(0.5..=2.0).speed(0.01).fixed_decimals(2),
    );
    ui.separator();
    record(ui, &mut ask);
    let budget = DragValue::new(&mut ask.budget_mib).range(16..=65_536).speed(16).suffix(" MiB");
    number(
        ui,
        "Budget",
        "Most attention kept, of one answer and of all together; past it rows are left out, with a warning",
        budget,
    );
    row(ui, "Exact text", "Whether the model's chat template is put around the question", |ui| {
        ui.checkbox(&mut ask.raw, "send exactly what is typed")
            .on_hover_text("Without the chat template; the text needs one <image>");
    });
    if ask != cx.state.ask {
        cx.emit(Command::SetAsk(Box::new(ask)));
    }
}

/// Buttons and no list that opens: a click into a list would count as one outside of this popup and close it.
fn record(ui: &mut Ui, ask: &mut AskSettings) {
    let options = [
        (KeepPromptRows::None, "the answer only", "Least memory; words of the question have no map"),
        (KeepPromptRows::AfterImage, "the question too", "The prompt's text after the image: its words can be clicked"),
        (
            KeepPromptRows::All,
            "the whole prompt too",
            "As much memory for every prompt position as for a word of the answer",
        ),
    ];
    row(ui, "Record", "Whose attention is kept; prompt tokens take as much memory as those of the answer", |ui| {
        ui.vertical(|ui| {
            for (rows, label, help) in options {
                ui.radio_value(&mut ask.prompt_rows, rows, label).on_hover_text(help);
            }
        });
    });
}

fn sampling(ui: &mut Ui, ask: &mut AskSettings) {
    let temperature = DragValue::new(&mut ask.temperature).range(0.05..=5.0).speed(0.01).fixed_decimals(2);
    number(ui, "Temperature", "Below 1 the probable tokens gain, above 1 the improbable ones", temperature);
    let top_p = DragValue::new(&mut ask.top_p).range(0.01..=1.0).speed(0.01).fixed_decimals(2);
    number(ui, "Top-p", "The most probable tokens that together reach this probability are kept; 1 keeps all", top_p);
    number(
        ui,
        "Top-k",
        "This many of the most probable tokens are kept; 0 keeps all",
        DragValue::new(&mut ask.top_k).range(0..=1000),
    );
    number(ui, "Seed", "The same seed gives the same answer", DragValue::new(&mut ask.seed));
}

fn number(ui: &mut Ui, label: &str, help: &str, field: DragValue<'_>) {
    row(ui, label, help, |ui| {
        let response = ui.add(field);
        named(ui, &response, label);
        response.on_hover_text(help);
    });
}
