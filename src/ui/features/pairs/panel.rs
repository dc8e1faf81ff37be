//! The panel of pairs: both photos with the `[CLS]` maps of both encoders, over the list of pairs.

use super::looking::{EncoderMaps, SeenPair};
use crate::analysis::Normalisation;
use crate::render::{HeatStyle, colormap};
use crate::study::{PairsFile, PhotoPair};
use crate::ui::core::command::{Command, PairOrder, PairsCommand, PairsView};
use crate::ui::core::wording::count;
use crate::ui::features::attention::map_bar::{AxisWords, axis};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::canvas::{CanvasView, PhotoCanvas};
use crate::ui::widgets::colour_bar::{ColourBar, UPRIGHT_PT};
use crate::ui::widgets::text_columns::{columns, paint_columns};
use crate::ui::widgets::{command_button, empty, named};
use eframe::egui;
use egui::accesskit::Role;
use egui::{Rect, RichText, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

/// Part of the panel that the list gets at first.
const LIST_SHARE: f32 = 0.27;
/// Height of a row of the list, points.
const ROW_PT: f32 = 20.0;
/// Parts of the width that the columns of the list get.
const SHARES: [f32; 5] = [0.25, 0.25, 0.18, 0.18, 0.14];
/// Height of the names of the photos, and of what is above the photos of an encoder, points.
const LINE_PT: f32 = 24.0;
/// Between pictures, points.
const GAP_PT: f32 = 6.0;
/// Least height of a picture; a lower panel scrolls.
const LEAST_PICTURE_PT: f32 = 90.0;
/// Width of the choice of layer and head, points; it has a line of its own where there is no room beside the name.
const AXES_PT: f32 = 330.0;
/// Width of the panel from which there is, points.
const ROOMY_PT: f32 = 540.0;

/// What the panel remembers between frames.
#[derive(Debug, Default)]
struct PairsMemory {
    /// The pair that it is of.
    of: Option<usize>,
    /// Zoom and place of each photo, the same for both encoders.
    canvas: [CanvasView; 2],
}

fn emit(cx: &mut PanelContext<'_>, command: PairsCommand) {
    cx.emit(Command::Pairs(command));
}

/// Changes what is shown.
fn set_view(cx: &mut PanelContext<'_>, change: impl FnOnce(&mut PairsView)) {
    let mut view = cx.state.pairs.view;
    change(&mut view);
    if view != cx.state.pairs.view {
        emit(cx, PairsCommand::SetView(view));
    }
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let file = cx.state.pairs.file.clone();
    toolbar(ui, cx, file.as_deref());
    ui.separator();
    let Some(file) = file else {
        let advice = "`gazelens study pairs --out PAIRS.jsonl` finds them; open that file, or drop it on the window";
        return empty(ui, "No pairs are open", advice);
    };
    let height_pt = (ui.available_height() * LIST_SHARE).max(70.0);
    let list_panel = egui::Panel::bottom("pairs list").frame(egui::Frame::new()).resizable(true);
    list_panel.default_size(height_pt).show(ui, |ui| {
        ui.set_min_height(ui.available_height());
        ui.add_space(4.0);
        list(ui, cx, &file);
    });
    egui::CentralPanel::default().frame(egui::Frame::new()).show(ui, |ui| chosen(ui, cx));
}

fn toolbar(ui: &mut Ui, cx: &mut PanelContext<'_>, file: Option<&PairsFile>) {
    ui.horizontal_wrapped(|ui| {
        command_button(ui, "Open pairs…", &Command::Pairs(PairsCommand::Pick), cx.commands);
        let Some(file) = file else { return };
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let words = format!("{name}, {}", count(file.pairs.len(), "pair"));
        ui.label(words).on_hover_text(file.path.display().to_string());
        let close = ui.button("Close").on_hover_text("Lets go of the file and of its encoders");
        named(ui, &close, "Close the pairs");
        if close.clicked() {
            emit(cx, PairsCommand::Close);
        }
        ui.label(RichText::new("Sort by").weak());
        order(ui, cx);
        for (normalisation, word, help) in [
            (Normalisation::Raw, "raw", "Raw probability: the softmax over all keys of the encoder"),
            (Normalisation::ImageShare, "share", "Divided by the sum over all patches, after averaging"),
        ] {
            let is_chosen = cx.state.pairs.view.normalisation == normalisation;
            if ui.add(egui::Button::selectable(is_chosen, word)).on_hover_text(help).clicked() {
                set_view(cx, |view| view.normalisation = normalisation);
            }
        }
    });
}

/// How the list is sorted.
fn order(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let [first, second] = [0, 1].map(|idx| format!("cosine of {}", cx.state.pairs.encoder(idx)));
    let ways = [
        (PairOrder::Difference, "difference", "Largest difference of the two cosines first"),
        (PairOrder::First, first.as_str(), "Those that are most alike to the first encoder first"),
        (PairOrder::Second, second.as_str(), "Those that are least alike to the second encoder first"),
        (PairOrder::Names, "name", "By the photos' names"),
    ];
    let present = cx.state.pairs.view.order;
    let shown = ways.iter().find(|(way, ..)| *way == present).map_or("", |(_, word, _)| *word);
    let mut chosen = None;
    let list = egui::ComboBox::from_id_salt("order of pairs").selected_text(shown).width(110.0).truncate();
    let list = list.show_ui(ui, |ui| {
        for (way, word, help) in ways {
            if ui.selectable_label(way == present, word).on_hover_text(help).clicked() {
                chosen = Some(way);
            }
        }
    });
    named(ui, &list.response, "Sort the pairs by");
    if let Some(chosen) = chosen {
        set_view(cx, |view| view.order = chosen);
    }
}

fn list(ui: &mut Ui, cx: &mut PanelContext<'_>, file: &PairsFile) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::hover());
    let [first, second] = [0, 1].map(|idx| format!("Cosine: {}", cx.state.pairs.encoder(idx)));
    let weak = ui.visuals().weak_text_color();
    let texts = ["Photo", "Other photo", &first, &second, "Difference"];
    paint_columns(ui, columns(rect, SHARES), texts.map(|text| (text, weak)));
    ui.spacing_mut().item_spacing.y = 0.0;
    let listed = cx.state.pairs.listed.clone();
    let scroll = egui::ScrollArea::vertical().id_salt("pairs").auto_shrink(false);
    scroll.show_rows(ui, ROW_PT, listed.len(), |ui, range| {
        for (rank, place) in range.clone().zip(listed.get(range).unwrap_or_default()) {
            if let Some(pair) = file.pairs.get(*place) {
                row(ui, cx, (rank, *place), pair);
            }
        }
    });
}

fn row(ui: &mut Ui, cx: &mut PanelContext<'_>, (rank, place): (usize, usize), pair: &PhotoPair) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
    let is_chosen = cx.state.pairs.chosen == Some(place);
    let numbers = [pair.model_cosine, pair.second_cosine, pair.difference()].map(|value| format!("{value:.4}"));
    let [first, second, difference] = &numbers;
    let name = format!("Pair {}: {} and {}, {first}, {second}", rank + 1, pair.first, pair.second);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, &name));
    let visuals = ui.visuals();
    let fill = match () {
        () if is_chosen => Some(visuals.selection.bg_fill),
        () if response.hovered() || response.has_focus() => Some(visuals.widgets.hovered.weak_bg_fill),
        () if rank % 2 == 1 => Some(visuals.faint_bg_color),
        () => None,
    };
    let colour = if is_chosen { visuals.selection.stroke.color } else { visuals.text_color() };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, 2.0, fill);
    }
    let texts = [pair.first.as_str(), &pair.second, first, second, difference];
    paint_columns(ui, columns(rect, SHARES), texts.map(|text| (text, colour)));
    let help = format!("{name}\nClick: where the [CLS] of both encoders looks in both photos");
    if response.on_hover_text(help).clicked() {
        emit(cx, PairsCommand::Choose(place));
    }
}

/// The pair that is looked at, or how far that is.
fn chosen(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let pairs = &cx.state.pairs;
    let Some(pair) = pairs.pair() else {
        return empty(ui, "No pair is chosen", "Click one in the list below");
    };
    if pair.model.is_none() || pair.second_model.is_none() {
        let advice = "It was made by an earlier version: find the pairs again to look at them";
        return empty(ui, "This file does not name its encoders", advice);
    }
    match &pairs.seen {
        None => looking(ui, cx),
        Some(Err(why)) => {
            ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().error_fg_color)).wrap());
            if ui.button("Look again").clicked() {
                emit(cx, PairsCommand::LookAgain);
            }
        }
        Some(Ok(seen)) => {
            let seen = std::sync::Arc::clone(seen);
            let least_pt = LINE_PT + 2.0 * head_pt(ui.available_width()) + 2.0 * (LEAST_PICTURE_PT + GAP_PT);
            if ui.available_height() >= least_pt {
                return pictures(ui, cx, &seen);
            }
            egui::ScrollArea::vertical().id_salt("pair").show(ui, |ui| {
                ui.set_min_height(least_pt);
                ui.set_max_height(least_pt);
                pictures(ui, cx, &seen);
            });
        }
    }
}

fn looking(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let pairs = &cx.state.pairs;
    let (what, share) = pairs.looking.as_ref().map_or(("Starting", 0.0), |now| (now.what.as_str(), now.share));
    ui.add_space(8.0);
    ui.label(what);
    ui.add(egui::ProgressBar::new(share).desired_width(ui.available_width().min(360.0)));
    let stop = ui.add_enabled(!pairs.is_stopping, egui::Button::new("Stop"));
    named(ui, &stop, "Stop looking at the pair");
    if stop.on_hover_text("Ends it; no map is made").clicked() {
        emit(cx, PairsCommand::Stop);
    }
}

/// Contents that stay within a rectangle.
fn within<R>(ui: &mut Ui, rect: Rect, salt: (&str, usize, usize), contents: impl FnOnce(&mut Ui) -> R) -> R {
    let left_to_right = egui::Layout::left_to_right(egui::Align::Center);
    let mut child = ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(left_to_right));
    child.shrink_clip_rect(rect.expand(2.0));
    contents(&mut child)
}

/// Height of what is above the photos of an encoder.
fn head_pt(width_pt: f32) -> f32 {
    if width_pt < ROOMY_PT { 2.0 * LINE_PT } else { LINE_PT }
}

/// A row for each encoder, a column for each photo.
fn pictures(ui: &mut Ui, cx: &mut PanelContext<'_>, seen: &SeenPair) {
    if cx.memory.of::<PairsMemory>().of != cx.state.pairs.chosen {
        *cx.memory.of::<PairsMemory>() = PairsMemory { of: cx.state.pairs.chosen, ..PairsMemory::default() };
    }
    let area = ui.available_rect_before_wrap();
    ui.allocate_rect(area, Sense::hover());
    let column_pt = (area.width() - UPRIGHT_PT - 2.0 * GAP_PT) / 2.0;
    let row_pt = (area.height() - LINE_PT) / 2.0;
    let head_pt = head_pt(area.width());
    let left = |photo: usize| area.left() + photo as f32 * (column_pt + GAP_PT);
    for photo in 0..2 {
        let rect = Rect::from_min_size(pos2(left(photo), area.top()), vec2(column_pt, LINE_PT));
        within(ui, rect, ("name", photo, 0), |ui| photo_name(ui, cx, photo));
    }
    for encoder in 0..2 {
        let top = area.top() + LINE_PT + encoder as f32 * row_pt;
        let line = Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), head_pt));
        let picture = |photo: usize| {
            let bottom_right = pos2(left(photo) + column_pt, top + row_pt - GAP_PT);
            Rect::from_min_max(pos2(left(photo), top + head_pt), bottom_right)
        };
        let maps = cx.state.pairs.maps.clone();
        let maps = maps.as_ref().map(|maps| maps.encoders.get(encoder));
        match maps.flatten() {
            None => within(ui, line, ("head", encoder, 0), |ui| drop(ui.weak("Making the maps…"))),
            Some(Err(why)) => {
                let colour = ui.visuals().error_fg_color;
                within(ui, line, ("head", encoder, 0), |ui| drop(ui.colored_label(colour, why)));
            }
            Some(Ok(maps)) => {
                head(ui, cx, encoder, maps, line);
                let bar = Rect::from_min_max(
                    pos2(area.right() - UPRIGHT_PT, top + head_pt),
                    pos2(area.right(), top + row_pt - GAP_PT),
                );
                encoder_row(ui, cx, (encoder, maps), seen, ([picture(0), picture(1)], bar));
            }
        }
    }
}

fn photo_name(ui: &mut Ui, cx: &mut PanelContext<'_>, photo: usize) {
    let Some(pair) = cx.state.pairs.pair() else { return };
    let name = if photo == 0 { &pair.first } else { &pair.second };
    let button = ui.add(egui::Button::new(RichText::new(name).strong()).frame(false).truncate());
    named(ui, &button, &format!("Show {name} in the panel Photo"));
    if button.on_hover_text(format!("{name}\nClick: show it in the panel Photo")).clicked() {
        emit(cx, PairsCommand::ShowPhoto(photo));
    }
}

/// What looks, and which of its layers and heads.
fn head(ui: &mut Ui, cx: &mut PanelContext<'_>, encoder: usize, maps: &EncoderMaps, line: Rect) {
    let pairs = &cx.state.pairs;
    let Some(pair) = pairs.pair() else { return };
    let (name, id, cosine) = match encoder {
        0 => (pairs.encoder(0), pair.model.as_deref(), pair.model_cosine),
        _ => (pairs.encoder(1), pair.second_model.as_deref(), pair.second_cosine),
    };
    let [left, right] = if line.width() < ROOMY_PT {
        let middle = line.center().y;
        [
            Rect::from_min_max(line.min, pos2(line.right(), middle)),
            Rect::from_min_max(pos2(line.left(), middle), line.max),
        ]
    } else {
        let at = line.right() - AXES_PT;
        [
            Rect::from_min_max(line.min, pos2(at - GAP_PT, line.bottom())),
            Rect::from_min_max(pos2(at, line.top()), line.max),
        ]
    };
    within(ui, left, ("head", encoder, 0), |ui| {
        let help = format!("{}\n{}", id.unwrap_or_default(), maps.source.help());
        ui.add(egui::Label::new(RichText::new(&name).strong()).truncate()).on_hover_text(help);
        ui.add(egui::Label::new(format!("cosine {cosine:.4}")).truncate());
        let unit = egui::Label::new(RichText::new(maps.unit).weak()).truncate().show_tooltip_when_elided(false);
        ui.add(unit).on_hover_text(maps.unit);
    });
    let view = pairs.view;
    let [first, second] = view.layer_heads;
    let mut chosen = if encoder == 0 { first } else { second };
    within(ui, right, ("axes", encoder, 0), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.spacing_mut().button_padding.x = 4.0;
        ui.spacing_mut().interact_size.x = 24.0;
        let [layers, heads] = maps.shape;
        for (label, plural, number, which) in
            [("Layer", "layers", layers, &mut chosen.layer), ("Head", "heads", heads, &mut chosen.head)]
        {
            let help = format!("{label} 0 to {}, counted from 0: drag or type", number.saturating_sub(1));
            let whole = format!("{label} of {name}");
            axis(ui, &AxisWords { label, name: &whole, plural, help: &help }, which, number);
            ui.add_space(GAP_PT);
        }
    });
    set_view(cx, |view| {
        if let Some(layer_head) = view.layer_heads.get_mut(encoder) {
            *layer_head = chosen;
        }
    });
}

/// Both photos with the maps of one encoder, and their colour bar.
fn encoder_row(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    (encoder, maps): (usize, &EncoderMaps),
    seen: &SeenPair,
    (places, bar): ([Rect; 2], Rect),
) {
    let style = HeatStyle { range: maps.range, ..cx.state.colour.style };
    let name = cx.state.pairs.encoder(encoder);
    let Some(pair) = cx.state.pairs.pair() else { return };
    let (overlay, grid_lines) = (cx.state.colour.overlay_visible, cx.state.colour.patch_grid_visible);
    let mut pointed = None;
    let names = [&pair.first, &pair.second];
    let shown = seen.photos.iter().zip(&maps.maps).zip(places).zip(names);
    let canvases = &mut cx.memory.of::<PairsMemory>().canvas;
    for ((((texture, map), place), photo), canvas) in shown.zip(canvases) {
        let heat = overlay.then(|| (map.clone(), style));
        let response = within(ui, place, ("photo", encoder, usize::from(photo == names[1])), |ui| {
            PhotoCanvas::new(texture, &map.layout)
                .heat(heat)
                .grid_lines(grid_lines)
                .show_border(true)
                .label(format!("{photo} by {name}"))
                .size(place.size())
                .show(ui, canvas)
        });
        let value = response.hovered.and_then(|pos| map.values.get(map.layout.idx(pos)?).copied());
        pointed = value.or(pointed);
    }
    let whose = format!("{}, one range for both photos", colormap(style.colormap).label);
    let mut child = ui.new_child(UiBuilder::new().id_salt(("bar", encoder)).max_rect(bar));
    ColourBar::new(&style, maps.unit, whose).marker(pointed).show_upright(&mut child);
}
