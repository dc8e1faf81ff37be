//! What the colours of the answer's words mean, in one row: the quantity, its scale, and words or pieces.

use crate::ui::core::command::Command;
use crate::ui::core::settings::ChipQuantity;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{ChipColours, format_value};
use crate::ui::widgets::named;
use eframe::egui;
use egui::{RichText, Sense, Ui, vec2};

/// Narrower than this, the row has no words beside its controls, points.
const NARROW_PT: f32 = 480.0;
/// Narrower than this, the ends of the scale are in its tooltip and it takes what is left, points: a row that is wider
/// than the panel would make the answer below as wide.
const TIGHT_PT: f32 = 330.0;
/// Room for the switch behind the scale, points.
const PIECES_PT: f32 = 76.0;
/// Least width of the scale, points.
const LEAST_SCALE_PT: f32 = 16.0;
/// Size of the colour scale, points.
const SCALE_PT: [f32; 2] = [76.0, 10.0];

/// The quantity's name: of the choice, and of a value.
pub(in crate::ui) fn quantity_name(quantity: ChipQuantity) -> &'static str {
    match quantity {
        ChipQuantity::ImageShare => "image attention",
        ChipQuantity::Probability => "probability",
        ChipQuantity::Entropy => "entropy",
        ChipQuantity::ElbowK => "elbow k",
        ChipQuantity::BaseRank => "base rank",
    }
}

fn quantity_help(quantity: ChipQuantity) -> &'static str {
    match quantity {
        ChipQuantity::ImageShare => "Attention on the image, summed over patches, in the shown layer and head",
        ChipQuantity::Probability => "Probability of the chosen token at temperature 1",
        ChipQuantity::Entropy => "How undecided the model was, in nats",
        ChipQuantity::ElbowK => {
            "How many candidates stand out: those before the knee of the sorted curve of their probabilities (VDGD)"
        }
        ChipQuantity::BaseRank => {
            "Rank of the model's choice among the candidates of the words alone: 0 is unshifted, above 2 shifted by \
                the photo. Ask with the method base-rank (VDGD)"
        }
    }
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let derived = cx.derived;
    let Some(colours) = &derived.chips else { return };
    let is_wide = ui.available_width() > NARROW_PT;
    let is_tight = ui.available_width() < TIGHT_PT;
    ui.horizontal(|ui| {
        if colours.is_reverse() {
            if ui.small_button("Clear patches").on_hover_text("Back to the words' own colours").clicked() {
                cx.emit(Command::Clear);
            }
        } else {
            quantity(ui, cx, colours);
        }
        scale(ui, cx, colours, is_tight);
        pieces(ui, cx);
        if is_wide {
            reverse_title(ui, colours);
        }
    });
    if !is_wide {
        reverse_title(ui, colours);
    }
}

/// From patches to words, the title says of which patches.
fn reverse_title(ui: &mut Ui, colours: &ChipColours) {
    if colours.is_reverse() {
        let title = RichText::new(&colours.title).small().color(crate::ui::widgets::theme::accent(ui.visuals()));
        ui.add(egui::Label::new(title).truncate().show_tooltip_when_elided(false)).on_hover_text(&colours.title);
    }
}

fn quantity(ui: &mut Ui, cx: &mut PanelContext<'_>, colours: &ChipColours) {
    if ui.available_width() > NARROW_PT {
        ui.label(RichText::new("Words coloured by").weak());
    }
    let shown = cx.state.chips;
    let list = egui::ComboBox::from_id_salt("words coloured by").selected_text(quantity_name(shown)).width(104.0);
    let list = list.show_ui(ui, |ui| {
        for quantity in ChipQuantity::ALL {
            let response = ui.selectable_label(quantity == shown, quantity_name(quantity));
            if response.on_hover_text(quantity_help(quantity)).clicked() && quantity != shown {
                cx.emit(Command::SetChips(quantity));
            }
        }
    });
    named(ui, &list.response, "Words coloured by");
    list.response.on_hover_text(format!("The words' colours: {}", colours.title));
}

/// The colour scale with its ends.
fn scale(ui: &mut Ui, cx: &PanelContext<'_>, colours: &ChipColours, is_tight: bool) {
    let [low, high] = colours.range.map(format_value);
    let mut width = SCALE_PT[0];
    if is_tight {
        width = (ui.available_width() - PIECES_PT).clamp(LEAST_SCALE_PT, width);
    } else {
        ui.label(RichText::new(&low).small());
    }
    let (rect, response) = ui.allocate_exact_size(vec2(width, SCALE_PT[1]), Sense::hover());
    let map = crate::render::colormap(cx.state.colour.style.colormap);
    let steps = 30;
    for step in 0..steps {
        let (a, b) = (step as f32 / steps as f32, (step + 1) as f32 / steps as f32);
        let strip = egui::Rect::from_x_y_ranges(
            egui::lerp(rect.x_range().min..=rect.x_range().max, a)
                ..=egui::lerp(rect.x_range().min..=rect.x_range().max, b),
            rect.y_range(),
        );
        ui.painter().rect_filled(strip, 0.0, crate::ui::widgets::chip::rgb(map.at(f32::midpoint(a, b))));
    }
    if !is_tight {
        ui.label(RichText::new(&high).small());
    }
    response.on_hover_text(format!("{}: {low} to {high}", colours.title));
}

/// Whole words, or what the tokenizer made of them.
fn pieces(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut shown = cx.state.pieces;
    let help = "One chip for every token, as the tokenizer cuts words, in place of one for every word; a word of \
        several tokens has the colour of each piece either way";
    if ui.checkbox(&mut shown, "pieces").on_hover_text(help).clicked() {
        cx.emit(Command::SetPieces(shown));
    }
}
