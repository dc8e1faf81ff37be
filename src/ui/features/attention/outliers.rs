//! Outliers: the patches that the encoder's `[CLS]` looks at most, and whether the word's attention lies on them too
//! (DAMRO).

use crate::analysis::{ClsVariant, OutlierAgreement};
use crate::ui::core::command::Command;
use crate::ui::core::pane::TableKind;
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{choice, empty, named, row};
use eframe::egui;
use egui::{RichText, Ui};
use egui_plot::{Corner, FilledArea, Legend, Line, Plot, PlotPoints};

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut view = cx.state.truth.view;
    row(ui, "[CLS]", "How the encoder's attention becomes one number per patch", |ui| {
        let options = [
            (
                false,
                "single softmax (as published)",
                "One softmax over the whole width of queries and keys, as DAMRO's code has it: very peaked",
            ),
            (true, "mean over heads", "The heads' own probabilities, averaged"),
        ];
        if let Some(head_mean) = choice(ui, view.cls_head_mean, &options) {
            view.cls_head_mean = head_mean;
        }
    });
    row(ui, "On the photo", "The ten largest patches of encoder and decoder", |ui| {
        ui.checkbox(&mut view.outliers_visible, "mark the largest patches");
    });
    if view != cx.state.truth.view {
        cx.emit(Command::SetTruth(view));
    }
    let numbers = cx.slow_numbers;
    match &numbers.outlier_agreement {
        None => empty(
            ui,
            "Click a word of the answer",
            "Its attention is compared with the encoder's, and with the other words'",
        ),
        Some(Err(why)) => empty(ui, "No numbers", why),
        Some(Ok(found)) => figures(ui, cx, found),
    }
}

fn figures(ui: &mut Ui, cx: &mut PanelContext<'_>, found: &OutlierAgreement) {
    let variant = match found.variant {
        ClsVariant::Unsplit => "unsplit [CLS]",
        ClsVariant::HeadMean => "[CLS], mean over heads",
    };
    let options = &found.options;
    let encoder = format!("{variant} of the feature layer {}", options.vision_layer_idx.get());
    let text = format!("{encoder}; decoder: {}", options.decoder_words());
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(text).weak().small());
        crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Outliers);
    });
    let on_top = found.on_top.map_or_else(|| "not defined".to_owned(), |f| format!("{f:.4}"));
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(format!("F = {on_top}")).strong())
            .on_hover_text("Part of the word's image attention that lies on the encoder's three largest patches");
        ui.label(format!("chance {:.4}", found.on_top_by_chance));
        if let Some(others) = &found.others_on_top {
            ui.label(format!("other words {:.4} (median {:.4})", others.mean, others.median))
                .on_hover_text(format!("Mean over the answer's {} with a row", count(found.num_others, "other token")));
        }
    });
    let curve = |values: Vec<f64>| -> PlotPoints<'_> {
        values.into_iter().enumerate().map(|(i, value)| [(i + 1) as f64, value]).collect()
    };
    let places: Vec<f64> = (1..=found.others_overlap.len()).map(|i| i as f64).collect();
    let low: Vec<f64> = found.others_overlap.iter().map(|spread| spread.low).collect();
    let high: Vec<f64> = found.others_overlap.iter().map(|spread| spread.high).collect();
    let mean: Vec<f64> = found.others_overlap.iter().map(|spread| spread.mean).collect();
    let accent = crate::ui::widgets::theme::accent(ui.visuals());
    let weak = ui.visuals().weak_text_color();
    let response = Plot::new("outlier overlap")
        .height((ui.available_height() - 8.0).clamp(150.0, 220.0))
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .include_x(1.0)
        .include_x(10.0)
        .include_y(0.0)
        .include_y(1.0)
        .x_axis_label("i: the top-i patches of each")
        .legend(Legend::default().position(Corner::LeftTop))
        .show(ui, |plot| {
            if !places.is_empty() {
                plot.add(
                    FilledArea::new("others, quartiles", &places, &low, &high).fill_color(weak.gamma_multiply(0.25)),
                );
                plot.line(Line::new("others, mean", curve(mean)).color(weak).width(1.5));
            }
            plot.line(Line::new("this word, H_i", curve(found.overlap.clone())).color(accent).width(2.0));
        });
    named(ui, &response.response, "Overlap of the largest patches of encoder and decoder");
    if cx.state.truth.view.outliers_visible {
        ui.label(
            RichText::new("On the photo: circles are the encoder's, squares the word's largest ten").weak().small(),
        );
    }
}
