//! The photo's panel while it shows something of attention prompting.

use crate::prompting::{Formula, Source};
use crate::render::{HeatMap, HeatStyle, PhotoTexture, PromptStyle, colormap, value_range};
use crate::ui::background::photos::Loaded;
use crate::ui::core::command::{Command, PromptView, PromptingCommand};
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::format_value;
use crate::ui::features::mitigation::prompted::PromptedPicture;
use crate::ui::features::photo::{panel as photo, stage};
use crate::ui::widgets::canvas::{CanvasResponse, PhotoCanvas};
use crate::ui::widgets::colour_bar::ColourBar;
use crate::ui::widgets::empty;
use eframe::egui;
use egui::{RichText, Ui};

/// Draws the chosen view; `false` where there is none of this photo, and the attention is shown as always.
pub(in crate::ui) fn on_photo(ui: &mut Ui, cx: &mut PanelContext<'_>) -> bool {
    let view = cx.state.prompting.view;
    if view == PromptView::Attention {
        return false;
    }
    let Some(Loaded::Ready(texture)) = cx.photos.photo() else { return false };
    let prompted = cx.prompted;
    let picture = match prompted.picture() {
        None => return false,
        Some(Err(why)) => {
            empty(ui, "No darkened photo", why);
            return true;
        }
        Some(Ok(picture)) => picture,
    };
    if picture.made.attribution.view.image != texture.size() {
        return false;
    }
    let texture = texture.clone();
    let caption = caption(cx, picture, view);
    ui.horizontal(|ui| {
        ui.set_min_height(ui.spacing().interact_size.y); // that of the bar, so that the photo keeps its place
        ui.add(egui::Label::new(&caption).truncate().show_tooltip_when_elided(false)).on_hover_text(&caption);
    });
    stage::follow_commands(cx);
    let heat = (view == PromptView::Attribution).then(|| heat(cx, &picture.map));
    let name = cx.state.library.current().map_or("Photo", |image| image.name.as_str());
    let canvas = canvas(cx, &texture, picture, heat.clone()).label(format!("Photo {name}, {caption}"));
    let response = stage::canvas(ui, cx, canvas, stage::LINE_PT);
    stage::context_menu(&response, cx);
    footer(ui, cx, picture, heat.as_ref(), &response);
    true
}

/// Exactly what is shown.
fn caption(cx: &PanelContext<'_>, picture: &PromptedPicture, view: PromptView) -> String {
    let options = &cx.state.prompting.settings.options;
    let made = &picture.made;
    let layer_idx = options.layer_idx.unwrap_or_else(|| made.attribution.default_layer());
    let source = match made.request.source {
        Source::Clip => "CLIP",
        Source::Llava => "LLaVA",
    };
    let whose = format!(
        "{source} {}, layer {layer_idx}, {} formula, “{}”",
        made.model_id,
        options.formula.id(),
        made.request.query
    );
    match view {
        PromptView::Attribution => format!("Attribution: {whose}"),
        PromptView::Mask => format!("Mask: {whose}"),
        PromptView::Prompted => format!("Prompted photo: {whose}"),
        PromptView::Original | PromptView::Attention => "Original photo".to_owned(),
    }
}

fn heat(cx: &PanelContext<'_>, map: &HeatMap) -> (HeatMap, HeatStyle) {
    let range = value_range(&map.values).unwrap_or([0.0, 1.0]);
    (map.clone(), HeatStyle { range, ..cx.state.colour.style })
}

/// The chosen view as a canvas; `None` where the attention is shown.
pub(in crate::ui) fn prepared<'a>(cx: &PanelContext<'a>, texture: &'a PhotoTexture) -> Option<PhotoCanvas<'a>> {
    let view = cx.state.prompting.view;
    let picture = cx.prompted.picture()?.ok().filter(|_| view != PromptView::Attention)?;
    let fits = picture.made.attribution.view.image == texture.size();
    let heat = (view == PromptView::Attribution).then(|| heat(cx, &picture.map));
    fits.then(|| canvas(cx, texture, picture, heat))
}

fn canvas<'a>(
    cx: &PanelContext<'_>,
    texture: &'a PhotoTexture,
    picture: &'a PromptedPicture,
    heat: Option<(HeatMap, HeatStyle)>,
) -> PhotoCanvas<'a> {
    let style = match cx.state.prompting.view {
        PromptView::Mask => Some(PromptStyle::Mask),
        PromptView::Prompted => Some(PromptStyle::Darkened { grey: cx.state.prompting.settings.options.grey }),
        PromptView::Original | PromptView::Attribution | PromptView::Attention => None,
    };
    let is_map = heat.is_some();
    PhotoCanvas::new(texture, &picture.map.layout)
        .heat(heat.filter(|_| cx.state.colour.overlay_visible))
        .prompt(style.map(|style| (picture.mask.clone(), style)))
        .grid_lines(is_map && cx.state.colour.patch_grid_visible)
        .show_border(is_map)
}

/// Colour bar of a map, the value under the pointer, and the way back.
fn footer(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    picture: &PromptedPicture,
    heat: Option<&(HeatMap, HeatStyle)>,
    response: &CanvasResponse,
) {
    let value = response.hovered.and_then(|pos| picture.map.values.get(picture.map.layout.idx(pos)?).copied());
    if let Some((_, style)) = heat {
        let formula = cx.state.prompting.settings.options.formula;
        let whose = format!("{}, range of this map", colormap(style.colormap).label);
        let bar = ColourBar::new(style, unit(picture.made.request.source, formula), whose).marker(value);
        stage::upright_bar(ui, bar, response);
    }
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            // Overlay and borders are those of a map.
            if heat.is_some() {
                photo::buttons(ui, cx);
            } else {
                photo::zoom_buttons(ui, cx);
            }
            ui.weak(format!("{:.0} %", response.factor * 100.0)).on_hover_text("Screen pixels per photo pixel");
            let back = ui.button("Back to attention").on_hover_text("The attention of the shown answer");
            if back.clicked() {
                cx.emit(Command::Prompting(PromptingCommand::View(PromptView::Attention)));
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let text = match (response.hovered, value, &response.note) {
                    (Some(pos), Some(value), _) if heat.is_some() => {
                        format!("Patch row {}, column {}: {}", pos.row, pos.col, format_value(value))
                    }
                    (_, _, Some(note)) => note.clone(),
                    _ => mask_line(picture, response),
                };
                ui.add(egui::Label::new(RichText::new(text).weak()).truncate());
            });
        });
    });
}

/// How much of the pixel under the pointer stays.
fn mask_line(picture: &PromptedPicture, response: &CanvasResponse) -> String {
    let [width, height] = picture.mask.size_px();
    let within = |at: f64, size: u32| (0.0..f64::from(size)).contains(&at);
    let at = response.hovered_px.filter(|(x, y)| within(*x, width) && within(*y, height));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the photo")]
    let level = at.and_then(|(x, y)| picture.mask.texels().get(y as usize * width as usize + x as usize).copied());
    match level {
        Some(level) => format!("{:.0} % of this pixel stays", f64::from(level) / 2.55),
        None => "Hover to read the mask value".to_owned(),
    }
}

fn unit(source: Source, formula: Formula) -> &'static str {
    match (source, formula) {
        (Source::Clip, Formula::Official) => "contribution to the similarity, one layer",
        (Source::Clip, Formula::Paper) => "contribution to the similarity, layers added up",
        (Source::Llava, Formula::Official) => "share of the image's attention, mean over heads and tokens",
        (Source::Llava, Formula::Paper) => "attention, mean over heads and tokens",
    }
}
