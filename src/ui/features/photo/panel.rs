//! The photo with what looks at it.

mod footer;
mod names;

pub(in crate::ui) use footer::{buttons, zoom_buttons};

use crate::geometry::{ImageLayout, ImageSize, ModelView, PatchPos, PreprocessSpec};
use crate::render::{
    HeatMap, HeatStyle, MaskImage, MaskStyle, OverlapMap, OverlapPalette, OverlapStyle, PhotoTexture, category_colour,
};
use crate::ui::background::photos::Loaded;
use crate::ui::core::command::{Command, Extend, SessionBox, SessionCommand};
use crate::ui::core::settings::MaskStyle as StateMaskStyle;
use crate::ui::features::answer::progress::progress;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{ShownMap, format_value};
use crate::ui::features::photo::stage::{LINE_PT, context_menu, follow_commands};
use crate::ui::features::truth::ObjectTruth;
use crate::ui::widgets::canvas::{CanvasPicture, CanvasResponse, PhotoCanvas};
use crate::ui::widgets::empty;
use eframe::egui;
use egui::{RichText, Ui};
use footer::{colour_bar, footer};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if crate::ui::features::mitigation::panel::on_photo(ui, cx) {
        return;
    }
    crate::ui::features::attention::map_bar::show(ui, cx);
    let photo = match cx.photos.photo() {
        None => {
            let wanted = cx.state.browse.photos_wanted.as_deref();
            return empty(ui, "No photo", wanted.unwrap_or("Open one on the left, or drop a file on the window"));
        }
        Some(Loaded::Pending) => return empty(ui, "Reading the photo…", ""),
        Some(Loaded::Failed(why)) => {
            let current = cx.state.current_image().filter(|image| cx.state.session.is_missing(image));
            return match (current, cx.state.library.current()) {
                (Some(_), Some(image)) => missing(ui, &image.detail.clone(), cx),
                _ => empty(ui, "This photo cannot be shown", why),
            };
        }
        Some(Loaded::Ready(photo)) => photo.clone(),
    };
    follow_commands(cx);
    let layout = shown_layout(cx, photo.size());
    let response = canvas(ui, cx, &photo, &layout);
    context_menu(&response, cx);
    names::show(ui, cx, photo.size(), &response);
    let hovered = hovered_value(cx, &layout, &response);
    colour_bar(ui, cx, &response, hovered.as_ref());
    footer(ui, cx, &response, hovered.as_ref());
    let clicked = response.clicked.filter(|_| is_read_by_the_decoder(cx, &layout));
    if let Some((idx, modifiers)) = clicked.and_then(|(pos, modifiers)| Some((layout.idx(pos)?, modifiers))) {
        let extend = if modifiers.command || modifiers.shift { Extend::Toggle } else { Extend::Replace };
        cx.emit(Command::ClickPatch(idx, extend));
    }
}

/// Whether the cells of a layout are those of the shown trace, whose numbers selections go by.
fn is_read_by_the_decoder(cx: &PanelContext<'_>, layout: &ImageLayout) -> bool {
    let trace = cx.state.current_run().and_then(|run| run.trace.as_ref());
    trace.is_none_or(|trace| *trace.layout == *layout || trace.layout.image() != layout.image())
}

/// In place of a photo that is not where the session says.
fn missing(ui: &mut Ui, path: &str, cx: &mut PanelContext<'_>) {
    ui.add_space(ui.available_height() * 0.3);
    ui.vertical_centered(|ui| {
        ui.label(RichText::new("This photo is missing").strong());
        ui.label(RichText::new(format!("Expected it at {path}")).weak());
        let tip = "Look for it, and for everything else that was not found, in another folder";
        if ui.button("Find this photo…").on_hover_text(tip).clicked() {
            cx.emit(Command::Session(SessionCommand::Show(SessionBox::Missing)));
        }
    });
}

/// Where the patches of the shown map lie: those of one encoder of several need not be all that the model saw.
fn shown_layout(cx: &PanelContext<'_>, size: ImageSize) -> Arc<ImageLayout> {
    match heat(cx) {
        Some((map, _)) if map.layout.image() == size => Arc::clone(&map.layout),
        _ => model_layout(cx, size),
    }
}

/// What the model saw; before there is an answer, what it would see.
fn model_layout(cx: &PanelContext<'_>, size: ImageSize) -> Arc<ImageLayout> {
    let run = cx.state.current_run().filter(|run| cx.state.is_of_shown_photo(run));
    let trace = run.and_then(|run| run.trace.as_ref());
    if let Some(trace) = trace.filter(|trace| trace.layout.image() == size) {
        return Arc::clone(&trace.layout);
    }
    // Only proportions matter for a preview: any patch size gives the same rectangle, within a pixel of rounding.
    let patch_px = 14_u32;
    let (rows, framing) = match &cx.state.model.info {
        Some(info) => (info.image_grid.rows, cx.state.ask.framing.unwrap_or(info.framing)),
        None => (24, cx.state.ask.framing.unwrap_or_default()),
    };
    let side_px = u32::try_from(rows.max(1)).unwrap_or(24).saturating_mul(patch_px);
    let view = ModelView::new(size, &PreprocessSpec::clip(side_px).with_framing(framing), patch_px);
    Arc::new(ImageLayout::of_view(&view, 0))
}

fn canvas(ui: &mut Ui, cx: &mut PanelContext<'_>, photo: &PhotoTexture, layout: &Arc<ImageLayout>) -> CanvasResponse {
    let canvas = prepared(cx, photo, layout);
    let legend_pt = if footer::has_legend(cx) { footer::LEGEND_PT } else { 0.0 };
    super::stage::canvas(ui, cx, canvas, LINE_PT + legend_pt)
}

/// The photo as it is shown, for the clipboard; `None` while there is none.
pub(in crate::ui) fn picture(cx: &PanelContext<'_>, ground: [u8; 3]) -> Option<CanvasPicture> {
    let Some(Loaded::Ready(photo)) = cx.photos.photo() else { return None };
    if let Some(canvas) = crate::ui::features::mitigation::panel::prepared(cx, photo) {
        return Some(canvas.picture(ground));
    }
    let layout = shown_layout(cx, photo.size());
    Some(prepared(cx, photo, &layout).picture(ground))
}

/// Photo, overlay and marks as the state says.
fn prepared<'a>(cx: &PanelContext<'_>, photo: &'a PhotoTexture, layout: &'a Arc<ImageLayout>) -> PhotoCanvas<'a> {
    // Patches are selected among those that the decoder reads.
    let is_read = is_read_by_the_decoder(cx, layout);
    let selected = cx.state.selection.patches.iter().filter(|_| is_read).filter_map(|idx| layout.pos(*idx));
    let selected: BTreeSet<PatchPos> = selected.collect();
    let colour = cx.state.colour;
    let overlap = overlap(cx, layout.image()).filter(|_| colour.overlay_visible);
    // While they are being made the photo is bare for a frame or two, instead of flashing the heat map.
    let hits_and_misses = cx.state.truth.view.overlap && matches!(cx.derived.truth.scores, Some(Ok(_)));
    let heat = heat(cx).filter(|(map, _)| colour.overlay_visible && map.layout == *layout && !hits_and_misses);
    let (circled, squared) = outliers(cx, layout);
    let name = cx.state.library.current().map_or("Photo", |image| image.name.as_str());
    let label = match (&cx.derived.shown, &heat) {
        (Some(shown), Some(_)) => format!("Photo {name}, {}", shown.caption),
        _ => format!("Photo {name}"),
    };
    PhotoCanvas::new(photo, layout)
        .heat(heat)
        .overlap(overlap)
        .masks(masks(cx, layout.image()))
        .marked(circled, squared)
        .selected(&selected)
        .grid_lines(colour.patch_grid_visible)
        .show_border(true)
        .label(label)
}

/// The annotated objects, the one pointed at lit up.
fn masks(cx: &PanelContext<'_>, size: ImageSize) -> Vec<(MaskImage, MaskStyle)> {
    let truth = &cx.state.truth;
    let Some(image) = truth.image.as_ref().filter(|image| image.fits(size)) else { return Vec::new() };
    let style = |object: &ObjectTruth| {
        let lit = truth.hovered == Some(object.id);
        let fill = match (lit, truth.view.style) {
            (true, _) => 0.65,
            (false, StateMaskStyle::Filled) => truth.view.opacity,
            (false, StateMaskStyle::Outlined) => 0.0,
        };
        MaskStyle { colour: category_colour(u64::from(object.category_id)), fill, outline: 1.0 }
    };
    let shown = |object: &&ObjectTruth| {
        truth.hovered == Some(object.id) || (truth.view.masks_visible && !truth.hidden.contains(&object.id))
    };
    let objects = image.objects.iter().filter(shown);
    objects.filter_map(|object| Some((object.picture.clone()?, style(object)))).collect()
}

/// The smallest painted object at a point of the photo.
fn object_at<'a>(cx: &PanelContext<'a>, size: ImageSize, (x, y): (f64, f64)) -> Option<&'a ObjectTruth> {
    let truth = &cx.state.truth;
    let image = truth.image.as_ref().filter(|image| truth.view.masks_visible && image.fits(size))?;
    let inside = |at: f64, side_px: u32| (0.0..f64::from(side_px)).contains(&at);
    if !inside(x, size.width_px) || !inside(y, size.height_px) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the photo")]
    let (x, y) = (x as u32, y as u32);
    let here = image.objects.iter().filter(|object| !truth.hidden.contains(&object.id));
    let here = here.filter(|object| object.mask.as_ref().is_ok_and(|mask| mask.contains(x, y)));
    let pixels = |object: &ObjectTruth| object.mask.as_ref().map_or(0, |mask| mask.area_px());
    here.min_by_key(|object| pixels(object))
}

/// Hits and misses of the shown map, once they are made.
fn overlap(cx: &PanelContext<'_>, size: ImageSize) -> Option<(OverlapMap, MaskImage, OverlapStyle)> {
    let truth = &cx.state.truth;
    let image = truth.image.as_ref().filter(|image| truth.view.overlap && image.fits(size))?;
    if is_changed(cx) {
        return None;
    }
    let scores = cx.derived.truth.scores.as_ref()?.as_ref().ok()?;
    let mask = image.category(scores.category_id)?.picture.clone()?;
    // One that was made of another map would be cut at a threshold that is not its own.
    let shown = cx.derived.shown.as_ref()?.map.as_ref().ok()?;
    let made = cx.slow_numbers.overlap.as_ref()?;
    let map = Some(&made.map).filter(|_| (made.of_map, made.counted) == (shown.key, scores.counted))?.clone();
    let palette =
        if truth.view.colour_blind_safe { OverlapPalette::ColourBlindSafe } else { OverlapPalette::TrafficLight };
    Some((map, mask, OverlapStyle { threshold: scores.threshold, palette, opacity: 0.6 }))
}

/// The largest patches of the encoder and of the held word.
fn outliers(cx: &PanelContext<'_>, layout: &ImageLayout) -> (Vec<PatchPos>, Vec<PatchPos>) {
    let is_shown = cx.state.truth.view.outliers_visible && !is_changed(cx);
    let found = cx.slow_numbers.outlier_agreement.as_ref().filter(|_| is_shown);
    let Some(Ok(found)) = found else { return Default::default() };
    let places = |patches: &[usize]| patches.iter().filter_map(|idx| layout.pos(*idx)).collect();
    (places(&found.outliers), places(&found.decoder_top))
}

/// The shown map with its colours.
fn heat(cx: &PanelContext<'_>) -> Option<(HeatMap, HeatStyle)> {
    let shown = cx.derived.shown.as_ref().filter(|_| !is_changed(cx))?;
    let map = shown.map.as_ref().ok()?;
    Some((map.clone(), HeatStyle { range: shown.range, ..cx.state.colour.style }))
}

/// Whether the file of the photo holds another one than the shown answer is about: no map of the answer lies on it.
fn is_changed(cx: &PanelContext<'_>) -> bool {
    cx.state.current_run().is_some_and(|run| !cx.state.is_of_shown_photo(run))
}

/// Exactly what is shown: source, layer, head, tokens, normalisation.
fn caption(ui: &mut Ui, cx: &PanelContext<'_>) {
    let text = caption_text(cx);
    let problem = is_changed(cx) || matches!(&cx.derived.shown, Some(ShownMap { map: Err(_), .. }));
    let colour = if problem { ui.visuals().warn_fg_color } else { ui.visuals().text_color() };
    // Source, layer, head and normalisation stand in the bar over the photo already.
    let brief = cx.derived.shown.as_ref().filter(|shown| shown.map.is_ok() && !is_changed(cx));
    let words = brief.map_or(&text, |shown| &shown.brief);
    ui.add(egui::Label::new(RichText::new(words).color(colour)).truncate().show_tooltip_when_elided(false))
        .on_hover_text(&text);
}

fn caption_text(cx: &PanelContext<'_>) -> String {
    if is_changed(cx) {
        return "The photo has changed since this question was asked: ask again to see where the model looks"
            .to_owned();
    }
    match &cx.derived.shown {
        Some(ShownMap { map: Ok(_), caption, .. }) => caption.clone(),
        Some(ShownMap { map: Err(why), .. }) => match cx.state.current_run() {
            Some(run) if !run.has_answer() && !run.phase.is_active() => progress(run),
            _ => why.clone(),
        },
        None => match cx.state.current_run() {
            None => "No question has been asked about this photo yet".to_owned(),
            Some(run) if run.phase.is_active() => "Waiting for the first numbers".to_owned(),
            Some(run) => progress(run),
        },
    }
}

/// "tile 2: 0.0034, row 1, column 3; photo: 0.0012, row 0, column 4".
fn region_values(layout: &ImageLayout, map: Option<&HeatMap>, x: f64, y: f64) -> String {
    let one = |pos: PatchPos| {
        let value = map.and_then(|map| map.values.get(layout.idx(pos)?)).map(|value| format_value(*value));
        let value = value.map_or_else(String::new, |value| format!("{value}, "));
        format!("{}: {value}row {}, column {}", layout.name(pos.region), pos.row, pos.col)
    };
    layout.cells_at(x, y).map(one).collect::<Vec<_>>().join("; ")
}

struct HoveredPatch {
    pos: PatchPos,
    value: Option<f32>,
    share: Option<f32>,
    /// The annotated object under the pointer.
    object: Option<String>,
    /// Every region that covers the pixel, and its value; empty where the layout has one.
    regions: String,
}

fn hovered_value(cx: &PanelContext<'_>, layout: &ImageLayout, response: &CanvasResponse) -> Option<HoveredPatch> {
    let pos = response.hovered?;
    let object = response.hovered_px.and_then(|at| object_at(cx, layout.image(), at));
    let object = object.and_then(|object| names::name_of(cx.state.truth.image.as_ref()?, object));
    let map = cx.derived.shown.as_ref().filter(|_| !is_changed(cx)).and_then(|shown| shown.map.as_ref().ok());
    let value = map.and_then(|map| map.values.get(layout.idx(pos)?).copied());
    let sum: f64 = map.map_or(0.0, |map| map.values.iter().map(|value| f64::from(*value)).sum());
    let share = value.filter(|_| sum > 0.0).map(|value| f64::from(value) / sum);
    #[expect(clippy::cast_possible_truncation, reason = "a part of 1, shown with a few digits")]
    let share = share.map(|share| share as f32);
    let at = response.hovered_px.filter(|_| layout.sole().is_none());
    let regions = at.map_or_else(String::new, |(x, y)| region_values(layout, map, x, y));
    Some(HoveredPatch { pos, value, share, object, regions })
}
