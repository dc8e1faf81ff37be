//! How much of the attention goes to the image: layer by layer, or word by word.

use crate::ui::core::command::{Command, Extend};
use crate::ui::core::pane::TableKind;
use crate::ui::core::settings::{Axis, ViewState};
use crate::ui::features::TokenPos;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{GridValues, TokenMap, share_words};
use crate::ui::widgets::choice;
use eframe::egui;
use egui::{RichText, Ui};
use egui_plot::{Bar, BarChart, Line, Plot, PlotPoints, VLine};

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(values) = cx.derived.grid.values() else {
        return super::heads::nothing(ui, cx, "Ask a question to see how much each layer looks at the image");
    };
    let view = cx.state.view;
    if view.source.of_tokens() {
        let options = [
            (false, "over layers", "For the shown tokens, layer by layer"),
            (true, "over words", "Word by word, for the shown layer and head"),
        ];
        ui.horizontal_wrapped(|ui| {
            if let Some(over_words) = choice(ui, cx.memory.shares_over_words, &options) {
                cx.memory.shares_over_words = over_words;
            }
            crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Layers);
        });
        if cx.memory.shares_over_words {
            return words(ui, cx);
        }
    }
    let title = view.source.entry().sum_title;
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(title).weak().small());
        super::heads::so_far(ui, cx);
        if !view.source.of_tokens() {
            crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Layers);
        }
    });
    if let Some(layer_idx) = plot(ui, values, view) {
        let mut view = view;
        view.layer_head_mut().layer = Axis { idx: layer_idx, reduce: None };
        cx.emit(Command::SetView(view));
    }
}

/// The answer's tokens; a click holds one.
fn words(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(trace) = cx.state.current_run().and_then(|run| run.trace.as_ref()) else { return };
    let choice = cx.state.view.layer_head();
    ui.label(RichText::new(share_words(choice)).weak().small());
    let accent = crate::ui::widgets::theme::accent(ui.visuals());
    let marks = &cx.derived.truth.marks;
    let bar = |(idx, map): (usize, &TokenMap)| {
        let token = trace.output.get(idx)?;
        let colour = match marks.of_token(idx) {
            Some(word) => crate::ui::widgets::theme::status(ui.visuals(), word.marked.status),
            None => accent.gamma_multiply(0.6),
        };
        let held = cx.state.selection.tokens.contains(&TokenPos::Output(idx));
        let stroke = egui::Stroke::new(if held { 2.0 } else { 0.0 }, ui.visuals().strong_text_color());
        let name = format!("token {idx} “{}”", token.text.trim());
        Some(Bar::new(idx as f64, f64::from(map.image_share)).width(0.85).fill(colour).stroke(stroke).name(name))
    };
    let bars: Vec<Bar> = cx.derived.tokens.answer().filter_map(bar).collect();
    let last = trace.output.len().saturating_sub(1) as f64;
    let response = Plot::new("image share per word")
        .height((ui.available_height() - 4.0).max(80.0))
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_grid([false, true])
        .x_axis_label("token; green is in the photo, red is not")
        .include_x(-0.5)
        .include_x(last + 0.5)
        .include_y(0.0)
        .show(ui, |plot| {
            plot.bar_chart(BarChart::new("attention on the image", bars));
            plot.pointer_coordinate()
        });
    crate::ui::widgets::named(ui, &response.response, "Attention on the image, word by word");
    let clicked = response.response.clicked();
    if let Some(at) = response.inner.filter(|_| clicked) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the tokens")]
        let idx = at.x.round().clamp(0.0, last) as usize;
        cx.emit(Command::ClickToken(TokenPos::Output(idx), Extend::Replace));
    }
}

/// Returns the layer that was clicked.
fn plot(ui: &mut Ui, values: &GridValues, view: ViewState) -> Option<usize> {
    let choice = view.layer_head();
    let accent = crate::ui::widgets::theme::accent(ui.visuals());
    let weak = ui.visuals().weak_text_color();
    let heads = values.heads.max(1);
    let mean: Vec<f64> = values
        .image_shares
        .chunks(heads)
        .map(|row| row.iter().map(|v| f64::from(*v)).sum::<f64>() / row.len() as f64)
        .collect();
    let (has_heads, is_share) = (view.source.has_heads(), view.source.entry().share_unit.is_some());
    let mean_name = if has_heads { "mean over heads" } else { "sum over patches" };
    let of_what = if is_share { " of the attention" } else { "" };
    let head = (has_heads && choice.head.reduce.is_none()).then(|| {
        let idx = choice.head.idx.min(heads - 1);
        let share = values.image_shares.chunks(heads).map(|row| row.get(idx).copied().map_or(0.0, f64::from));
        (idx, share.collect::<Vec<f64>>())
    });
    // Above the curves, which may go anywhere in the plot.
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("— {mean_name}")).color(accent).small());
        if let Some((idx, _)) = &head {
            ui.label(RichText::new(format!("— head {idx}")).color(weak).small());
        }
    });
    let last = values.layers.saturating_sub(1) as f64;
    let response = Plot::new("image share per layer")
        .height((ui.available_height() - 4.0).max(80.0))
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_grid([false, true])
        .x_axis_label("layer")
        .include_x(0.0)
        .include_x(last)
        .include_y(0.0)
        .x_grid_spacer(egui_plot::uniform_grid_spacer(|_| [16.0, 4.0, 1.0]))
        .label_formatter(move |hover| {
            let at = hover_value(hover)?;
            Some(format!("layer {:.0}: {:.4}{of_what}", at[0], at[1]))
        })
        .show(ui, |plot| {
            plot.line(Line::new(mean_name, PlotPoints::from_ys_f64(&mean)).color(accent).width(2.0));
            if let Some((idx, shares)) = &head {
                plot.line(Line::new(format!("head {idx}"), PlotPoints::from_ys_f64(shares)).color(weak).width(1.5));
            }
            if choice.layer.reduce.is_none() {
                plot.vline(VLine::new("shown layer", choice.layer.idx as f64).color(weak.gamma_multiply(0.6)));
            }
            plot.pointer_coordinate()
        });
    let clicked = response.response.clicked();
    let x = response.inner.filter(|_| clicked)?.x.round().clamp(0.0, last);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the layers")]
    let layer_idx = x as usize;
    Some(layer_idx)
}

fn hover_value(hover: &egui_plot::HoverPosition<'_>) -> Option<[f64; 2]> {
    match hover {
        egui_plot::HoverPosition::NearDataPoint { position, .. } => Some([position.x, position.y]),
        egui_plot::HoverPosition::Elsewhere { .. } => None,
    }
}
