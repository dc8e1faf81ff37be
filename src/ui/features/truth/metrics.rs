//! The shown map against the chosen objects: metrics, their course over the threshold, and every layer and head.

use crate::analysis::localisation::{Better, Counted, Counts, metrics};
use crate::ui::core::command::Command;
use crate::ui::core::pane::TableKind;
use crate::ui::core::settings::{Cut, MetricChoice, TruthView};
use crate::ui::core::wording::count;
use crate::ui::features::TokenPos;
use crate::ui::features::context::PanelContext;
use crate::ui::features::truth::Scores;
use crate::ui::features::truth::slow_numbers::MetricCells;
use crate::ui::widgets::head_grid::HeadGrid;
use crate::ui::widgets::{choice, empty, named, row};
use eframe::egui;
use egui::{RichText, Ui};
use egui_plot::{Corner, Legend, Line, Plot, PlotPoints, VLine};

/// Heights of the plot and of the grid, points.
const PLOT_PT: f32 = 130.0;
const GRID_PT: f32 = 260.0;
/// From this width on two metrics stand side by side, points.
const TWO_PAIRS_PT: f32 = 430.0;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(truth) = cx.state.truth.image.clone() else {
        return empty(ui, "Nothing is known about this photo yet", "");
    };
    if truth.categories.is_empty() {
        return empty(ui, "No annotated objects", "Open a COCO instances file that lists this photo");
    }
    categories(ui, cx);
    absent(ui, cx);
    let mut view = cx.state.truth.view;
    match &cx.derived.truth.scores {
        None => crate::ui::features::attention::heads::nothing(
            ui,
            cx,
            "Ask a question to score its attention against the objects",
        ),
        Some(Err(why)) => empty(ui, "No metrics", why),
        Some(Ok(scores)) => {
            cut(ui, &mut view, scores);
            table(ui, scores);
            plot(ui, &mut view, scores);
            ui.separator();
            grid(ui, cx, &mut view);
        }
    }
    if view != cx.state.truth.view {
        cx.emit(Command::SetTruth(view));
    }
}

fn categories(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(truth) = &cx.state.truth.image else { return };
    let chosen = cx.state.truth.category().map_or("", |category| category.name.as_str());
    let (mut wanted, scores) = (None, &cx.derived.truth.scores);
    row(ui, "Objects", "The map is scored against the union of their masks, crowds included", |ui| {
        let label = egui::ComboBox::from_id_salt("category of metrics").selected_text(chosen);
        let response = label.show_ui(ui, |ui| {
            for category in &truth.categories {
                if ui.selectable_label(category.name == chosen, &category.name).clicked() {
                    wanted = Some(category.name.clone());
                }
            }
        });
        named(ui, &response.response, "Category of the metrics");
        if matches!(scores, Some(Ok(_))) {
            crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Metrics);
        }
    });
    if let Some(name) = wanted {
        cx.emit(Command::ChooseCategory(name));
    }
}

/// A word whose object is not in the photo has no mask: the metrics are about something else, and say so.
fn absent(ui: &mut Ui, cx: &PanelContext<'_>) {
    let held = cx.state.selection.tokens.iter().next();
    let Some(TokenPos::Output(idx)) = held else { return };
    let Some(word) = cx.derived.truth.marks.of_token(*idx) else { return };
    let category = word.marked.mention.category;
    let shown = cx.state.truth.category().map_or("", |category| category.name.as_str());
    if category != shown {
        let text = format!("The selected word names {category}; the metrics are about {shown}");
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
}

/// Threshold and which pixels count.
fn cut(ui: &mut Ui, view: &mut TruthView, scores: &Scores) {
    row(ui, "Threshold", "Pixels at or above it count as looked at", |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let at_mean = view.cut == Cut::Mean;
        if ui
            .selectable_label(at_mean, "mean")
            .on_hover_text("The map's mean over the pixels that count: the published choice")
            .clicked()
        {
            view.cut = Cut::Mean;
        }
        let before = if scores.max > 0.0 { scores.threshold / scores.max } else { 0.0 };
        let mut part = before;
        ui.spacing_mut().slider_width = (ui.available_width() - 104.0).clamp(24.0, 200.0);
        let slider = egui::Slider::new(&mut part, 0.0..=1.0).fixed_decimals(3);
        let response = ui.add(slider).on_hover_text("As a fraction of the map's largest value");
        named(ui, &response, "Threshold as a fraction of the largest value");
        // Showing a value rounds it, which is no change of the user's.
        if response.changed() && (part - before).abs() > 0.0006 {
            #[expect(clippy::cast_possible_truncation, reason = "a part of 1 with three digits")]
            let part = part as f32;
            view.cut = Cut::OfMax(part);
        }
    });
    row(ui, "Pixels", "Which pixels of the photo count", |ui| {
        let options = [
            (false, "seen by the model", "What the crop removed counts neither in the map nor in the mask"),
            (true, "whole photo", "As published: what the model never saw counts with the value 0"),
        ];
        if let Some(paper) = choice(ui, view.paper_area, &options) {
            view.paper_area = paper;
        }
    });
}

fn table(ui: &mut Ui, scores: &Scores) {
    let counted = match scores.counted {
        Counted::Seen => "seen",
        Counted::Whole => "of the whole photo",
    };
    let them = if scores.pixels == 1 { "it" } else { "them" };
    let area = 100.0 * scores.mask_area as f64 / scores.pixels.max(1) as f64;
    let text =
        format!("{} {counted}, {area:.2} % of {them} objects; patches not smoothed", count(scores.pixels, "pixel"));
    ui.label(RichText::new(text).weak().small());
    let pairs = if ui.available_width() >= TWO_PAIRS_PT { 2 } else { 1 };
    egui::Grid::new("metrics").num_columns(2 * pairs).striped(true).spacing([10.0, 2.0]).show(ui, |ui| {
        for (place, (metric, value)) in metrics().zip(&scores.values).enumerate() {
            let arrow = match metric.better {
                Better::Higher => "⬆",
                Better::Lower => "⬇",
            };
            let at = if metric.thresholded { "at the threshold" } else { "at every threshold" };
            let tip = format!("{}\n{at}; {arrow} is better\n{}", metric.help, metric.paper);
            ui.label(metric.label).on_hover_text(&tip);
            match value {
                Ok(value) => ui.label(RichText::new(format!("{value:.4} {arrow}")).strong()).on_hover_text(&tip),
                Err(why) => ui.weak("—").on_hover_text(why.to_string()),
            };
            if place % pairs == pairs - 1 {
                ui.end_row();
            }
        }
    });
}

/// Precision, recall and `IoU` over the threshold; a click moves the threshold.
fn plot(ui: &mut Ui, view: &mut TruthView, scores: &Scores) {
    let part = |threshold: f64| if scores.max > 0.0 { threshold / scores.max } else { 0.0 };
    let line = |figure: fn(Counts) -> Option<f64>| -> PlotPoints<'_> {
        scores.curve.iter().filter_map(|point| Some([part(point.threshold), figure(point.counts)?])).collect()
    };
    let response = Plot::new("metrics over threshold")
        .height(PLOT_PT)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .include_x(0.0)
        .include_x(1.0)
        .include_y(0.0)
        .include_y(1.0)
        .x_axis_label("threshold / largest value")
        .legend(Legend::default().position(Corner::RightTop))
        .show(ui, |plot| {
            plot.line(Line::new("precision", line(Counts::precision)).width(1.5));
            plot.line(Line::new("recall", line(Counts::recall)).width(1.5));
            plot.line(Line::new("IoU", line(Counts::iou)).width(2.0));
            plot.vline(VLine::new("threshold", part(scores.threshold)).width(1.5));
            plot.pointer_coordinate()
        });
    named(ui, &response.response, "Precision, recall and IoU over the threshold");
    let held = response.response.clicked() || response.response.dragged();
    if let Some(at) = response.inner.filter(|_| held) {
        #[expect(clippy::cast_possible_truncation, reason = "a part of 1")]
        let part = at.x.clamp(0.0, 1.0) as f32;
        view.cut = Cut::OfMax(part);
    }
}

/// A metric of every layer and head, each at its own mean; a click jumps there.
fn grid(ui: &mut Ui, cx: &mut PanelContext<'_>, view: &mut TruthView) {
    let Some(metric) = metrics().nth(view.grid_metric.0).or(metrics().next()) else { return };
    row(ui, "Every head", "The metric of each layer and head for the shown tokens, at its own mean", |ui| {
        let response =
            egui::ComboBox::from_id_salt("metric of the grid").selected_text(metric.label).show_ui(ui, |ui| {
                for (place, metric) in metrics().enumerate() {
                    let response = ui.selectable_label(place == view.grid_metric.0, metric.label);
                    if response.on_hover_text(metric.help).clicked() {
                        view.grid_metric = MetricChoice(place);
                    }
                }
            });
        named(ui, &response.response, "Metric of the grid");
    });
    let MetricCells { maps, metric: cells } = match &cx.slow_numbers.grid {
        None => {
            ui.weak("Working…");
            return;
        }
        Some(Err(why)) => {
            ui.weak(why);
            return;
        }
        Some(Ok(grid)) => grid,
    };
    let defined = || cells.values.iter().copied().enumerate().filter_map(|(cell, value)| Some((cell, value?)));
    let best = match metric.better {
        Better::Higher => defined().max_by(|a, b| a.1.total_cmp(&b.1)),
        Better::Lower => defined().min_by(|a, b| a.1.total_cmp(&b.1)),
    };
    if let Some((cell, value)) = best {
        let heads = cells.num_attention_heads.max(1);
        let (layer_idx, head_idx) = (cell / heads, cell % heads);
        ui.horizontal_wrapped(|ui| {
            let text = format!("Best: layer {layer_idx}, head {head_idx} with {value:.4}");
            if ui.link(text).on_hover_text("Show this head on the photo").clicked() {
                cx.commands.push(Command::JumpTo { layer_idx, head_idx });
            }
            let lowest = defined().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
            let highest = defined().map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max);
            ui.weak(format!("of {lowest:.3} to {highest:.3}; dark is 0"));
        });
    }
    let choice = cx.state.view.layer_head();
    let current =
        (choice.layer.reduce.is_none() && choice.head.reduce.is_none()).then_some((choice.layer.idx, choice.head.idx));
    let grid = HeadGrid::new(maps, current)
        .colormap(cx.state.colour.style.colormap)
        .figure(metric.label)
        .label(format!("{} of layers and heads", metric.label))
        .max_height(GRID_PT);
    let clicked = ui.allocate_ui(egui::vec2(ui.available_width().min(GRID_PT), GRID_PT), |ui| grid.show(ui)).inner;
    if let Some((layer_idx, head_idx)) = clicked {
        cx.emit(Command::JumpTo { layer_idx, head_idx });
    }
}
