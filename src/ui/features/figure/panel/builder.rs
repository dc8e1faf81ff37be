//! The panels of the figure, in reading order.

use crate::figure::recipe::selections;
use crate::figure::recipe::{MapSpec, Panel, PlotKind, Show};
use crate::ui::core::command::{FigureCommand, WordsBy};
use crate::ui::features::context::PanelContext;
use crate::ui::features::figure::panel::emit;
use crate::ui::widgets::named;
use eframe::egui;
use egui::{DragValue, RichText, Ui};
use std::sync::Arc;

/// More object words than an answer has.
const MOST_WORDS: usize = 999;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let recipe = Arc::clone(cx.state.figure.recipe());
    for (idx, panel) in recipe.panels.iter().enumerate() {
        ui.push_id(idx, |ui| one(ui, cx, (idx, recipe.panels.len()), panel));
    }
}

fn plot_kind(plot: &PlotKind) -> &'static str {
    match plot {
        PlotKind::ImageSharePerLayer { .. } | PlotKind::ClsPerLayer { .. } => "plot per layer",
        PlotKind::ImageSharePerToken | PlotKind::ImageShareOfTokens { .. } => "plot per token",
        PlotKind::Candidates { .. } => "candidates",
        PlotKind::Contrast { .. } => "both branches",
        PlotKind::Strength { .. } => "tokens over strength",
        PlotKind::Similarity => "similarity",
        PlotKind::Split { .. } => "parts of the attention",
        PlotKind::Objects { .. } => "objects",
        PlotKind::Threshold { .. } => "curves over the threshold",
        PlotKind::Outliers { .. } => "outliers",
    }
}

/// What kind of panel it is, and of which answer.
fn kind(show: &Show) -> String {
    let map = |map: &MapSpec| match map {
        MapSpec::Decoder { of, .. } => ("attention", of.clone()),
        MapSpec::VisionCls { of, .. } => ("vision [CLS]", of.clone()),
        MapSpec::PatchNorms { of, .. } => ("patch norms", of.clone()),
        MapSpec::Registered { of, name, .. } => (name.name(), of.clone()),
        MapSpec::Llava { of, .. } => ("attribution", of.clone()),
        MapSpec::File { of, .. } => ("map file", of.clone()),
    };
    let (what, of) = match show {
        Show::Photo { of } => ("photo", of.clone()),
        Show::Mask { of, .. } => ("mask", of.clone()),
        Show::Map { map: spec, .. } => map(spec),
        Show::Difference { first, second } => ("difference", format!("{} − {}", map(first).1, map(second).1)),
        Show::Overlap { map: spec, .. } => ("hits and misses", map(spec).1),
        Show::Prompted { of, .. } => ("prompted photo", of.clone()),
        Show::Grid { of, .. } => ("layers × heads", of.clone()),
        Show::Scores { of, metric, .. } => return format!("{metric} of layers × heads, input {of}"),
        Show::Plot { plot: PlotKind::Objects { map: spec, .. }, .. } => ("objects", map(spec).1),
        Show::Plot { plot: PlotKind::Threshold { map: spec, .. }, .. } => ("curves over the threshold", map(spec).1),
        Show::Plot { of, plot } => (plot_kind(plot), of.clone()),
        Show::Answer { of, .. } => ("answer", of.clone()),
    };
    format!("{what}, input {of}")
}

/// A selection of tokens in the list.
fn by_words(by: WordsBy) -> String {
    match by {
        WordsBy::Number => "token number".to_owned(),
        WordsBy::ObjectWord(nr) => format!("object word {nr}"),
        WordsBy::FirstHallucinated => "first hallucinated word".to_owned(),
        WordsBy::ThisWord(1) => "this word".to_owned(),
        WordsBy::ThisWord(nr) => format!("this word, occurrence {nr}"),
        WordsBy::WholeAnswer => "whole answer".to_owned(),
    }
}

/// By what the panel's words are known in other answers.
fn words(ui: &mut Ui, cx: &mut PanelContext<'_>, (idx, show): (usize, &Show)) {
    let mut copy = show.clone();
    let selected = selections(&mut copy);
    let Some((_, tokens)) = selected.first() else { return };
    let Some(now) = WordsBy::of(tokens) else { return };
    let nr = idx + 1;
    let word = tokens.word.as_ref().map(|word| format!(" “{word}”")).unwrap_or_default();
    ui.horizontal(|ui| {
        ui.add_space(20.0);
        ui.spacing_mut().item_spacing.x = 3.0;
        let help = "What the words are for other photos: a token number is another word there";
        let mut chosen = None;
        ui.name_inputs(format!("Words of panel {nr}"), |ui| {
            let list = egui::ComboBox::from_id_salt("words").width(170.0);
            list.selected_text(format!("{}{word}", by_words(now))).show_ui(ui, |ui| {
                for by in cx.state.figure_words(show) {
                    let is_now = std::mem::discriminant(&by) == std::mem::discriminant(&now);
                    if ui.selectable_label(is_now, by_words(by)).clicked() && !is_now {
                        chosen = Some(by);
                    }
                }
            })
        })
        .response
        .on_hover_text(help);
        if let WordsBy::ObjectWord(which) | WordsBy::ThisWord(which) = now {
            let mut number = which;
            let value = DragValue::new(&mut number).range(1..=MOST_WORDS).speed(0.05);
            let response = ui.add(value).on_hover_text("Which of them, counted from 1");
            named(ui, &response, &format!("Which word of panel {nr}"));
            if number != which {
                let is_object = matches!(now, WordsBy::ObjectWord(_));
                chosen = Some(if is_object { WordsBy::ObjectWord(number) } else { WordsBy::ThisWord(number) });
            }
        }
        if let Some(by) = chosen {
            emit(cx, FigureCommand::Words(idx, by));
        }
    });
}

fn one(ui: &mut Ui, cx: &mut PanelContext<'_>, (idx, count): (usize, usize), panel: &Panel) {
    let nr = idx + 1;
    let fresh = cx.figures.preview().and_then(Result::ok);
    let fresh = fresh.filter(|preview| Arc::ptr_eq(&preview.recipe, cx.state.figure.recipe()));
    let made = fresh.and_then(|preview| preview.titles.get(idx).cloned());
    ui.horizontal(|ui| {
        ui.add_sized([14.0, 20.0], egui::Label::new(RichText::new(nr.to_string()).strong()));
        let mut title = panel.title.clone().unwrap_or_default();
        let hint = if panel.title.is_some() { String::new() } else { made.unwrap_or_default() };
        let edit = egui::TextEdit::singleline(&mut title).hint_text(hint).desired_width(ui.available_width() - 10.0);
        let response = ui.add(edit).on_hover_text("The panel's title; empty: named after what it shows");
        named(ui, &response, &format!("Title of panel {nr}"));
        if response.changed() {
            emit(cx, FigureCommand::Title(idx, (!title.is_empty()).then_some(title)));
        }
    });
    ui.horizontal(|ui| {
        ui.add_space(20.0);
        ui.spacing_mut().item_spacing.x = 3.0;
        let button = |ui: &mut Ui, enabled: bool, text: &str, label: &str, help: &str| {
            let response = ui.add_enabled(enabled, egui::Button::new(text).small()).on_hover_text(help);
            named(ui, &response, &format!("{label} panel {nr}"));
            response.clicked()
        };
        if button(ui, idx > 0, "Up", "Move up", "Before the panel above") {
            emit(cx, FigureCommand::Up(idx));
        }
        if button(ui, nr < count, "Down", "Move down", "After the panel below") {
            emit(cx, FigureCommand::Down(idx));
        }
        if button(ui, true, "×", "Remove", "Takes it out of the figure") {
            emit(cx, FigureCommand::Remove(idx));
        }
        let (mut span, columns) = (panel.span, cx.state.figure.recipe().layout.columns);
        let columns_word = if span == 1 { " column" } else { " columns" };
        let value = DragValue::new(&mut span).range(1..=columns).prefix("spans ").suffix(columns_word);
        let response = ui.add_enabled(columns > 1, value).on_hover_text("Columns of the figure that it takes");
        named(ui, &response, &format!("Columns of panel {nr}"));
        if span != panel.span {
            emit(cx, FigureCommand::Span(idx, span));
        }
        let kind = kind(&panel.show);
        ui.add(egui::Label::new(RichText::new(&kind).weak().small()).truncate().show_tooltip_when_elided(false))
            .on_hover_text(format!("{kind} (the name of the answer or photo in the recipe)"));
    });
    words(ui, cx, (idx, &panel.show));
}
