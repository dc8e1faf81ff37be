//! How questions are answered: length, sampling, what is recorded.

use crate::engine::{MOST_BEAMS, PromptRows};
use crate::ui::core::command::Command;
use crate::ui::core::settings::{AskSettings, MOST_NEW_TOKENS};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{bounded, named, row};
use eframe::egui;
use egui::emath::Numeric;
use egui::{DragValue, Ui};
use std::ops::RangeInclusive;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.set_min_width(300.0);
    let mut ask = cx.state.ask.clone();
    let help = "The answer stops here at the latest";
    number(ui, ("Max new tokens", help), &mut ask.max_new_tokens, 1..=MOST_NEW_TOKENS, |field| field);
    row(ui, "Sampling", "How each token is chosen", |ui| {
        ui.radio_value(&mut ask.sample, false, "greedy")
            .on_hover_text("The most probable token: the same answer every time");
        ui.radio_value(&mut ask.sample, true, "random")
            .on_hover_text("Drawn from the distribution; the seed makes it repeatable");
    });
    ui.add_enabled_ui(ask.sample, |ui| sampling(ui, &mut ask));
    beams(ui, &mut ask);
    let help = "Penalty on tokens that were said already: their logits are divided by it; 1 is none";
    number(ui, ("Repetition penalty", help), &mut ask.repetition_penalty, 0.5..=2.0, two_decimals);
    ui.separator();
    record(ui, &mut ask);
    let help = "Most attention kept, of one answer and of all together; past it rows are left out, with a warning";
    number(ui, ("Budget", help), &mut ask.budget_mib, 16..=65_536, |field| field.speed(16).suffix(" MiB"));
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
        (PromptRows::None, "the answer only", "Least memory; words of the question have no map"),
        (PromptRows::AfterImage, "the question too", "The prompt's text after the image: its words can be clicked"),
        (
            PromptRows::All,
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

fn beams(ui: &mut Ui, ask: &mut AskSettings) {
    let help = if ask.sample {
        "Beam search draws nothing at random: choose greedy sampling first"
    } else {
        "Answers that are followed at once, of which the most probable is given; 1 follows one, token by token. \
         While several run, the leading one is shown, so words may be taken back"
    };
    ui.add_enabled_ui(!ask.sample, |ui| {
        number(ui, ("Beams", help), &mut ask.beams, 1..=MOST_BEAMS, |field| field.speed(0.1));
    });
    let has_several = ask.beams_in_force() > 1;
    let help = if has_several {
        "Answers are compared by their log-probability divided by this power of their length: above 0 long ones gain, \
         below 0 short ones"
    } else {
        "Lengths are compared only among several beams"
    };
    ui.add_enabled_ui(has_several, |ui| {
        number(ui, ("Length penalty", help), &mut ask.length_penalty, -10.0..=10.0, two_decimals);
    });
}

fn sampling(ui: &mut Ui, ask: &mut AskSettings) {
    let help = "Below 1 the probable tokens gain, above 1 the improbable ones";
    number(ui, ("Temperature", help), &mut ask.temperature, 0.05..=5.0, two_decimals);
    let help = "The most probable tokens that together reach this probability are kept; 1 keeps all";
    number(ui, ("Top-p", help), &mut ask.top_p, 0.01..=1.0, two_decimals);
    let help = "This many of the most probable tokens are kept; 0 keeps all";
    number(ui, ("Top-k", help), &mut ask.top_k, 0..=1000, |field| field);
    let help = "The same seed gives the same answer";
    number(ui, ("Seed", help), &mut ask.seed, 0..=u64::MAX, |field| field);
}

fn two_decimals(field: DragValue<'_>) -> DragValue<'_> {
    field.speed(0.01).fixed_decimals(2)
}

fn number<N: Numeric>(
    ui: &mut Ui,
    (label, help): (&str, &str),
    value: &mut N,
    bounds: RangeInclusive<N>,
    change: impl FnOnce(DragValue<'_>) -> DragValue<'_>,
) {
    row(ui, label, help, |ui| {
        let response = bounded(ui, value, bounds, change);
        named(ui, &response, label);
        response.on_hover_text(help).on_disabled_hover_text(help);
    });
}
