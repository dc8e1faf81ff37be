//! What is known about the photo: its objects and its captions.

use crate::render::category_colour;
use crate::ui::background::photos::Loaded;
use crate::ui::core::command::Command;
use crate::ui::core::pane::TableKind;
use crate::ui::core::settings::{MaskStyle, TruthView};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::features::truth::{CategoryTruth, ImageTruth, ObjectTruth};
use crate::ui::widgets::{choice, empty, named, row};
use eframe::egui;
use egui::{Color32, RichText, Sense, Ui, WidgetInfo, accesskit::Role, vec2};

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    crate::ui::features::dataset::panel::photos_wanted(ui, cx);
    let Some(truth) = cx.state.truth.image.clone() else {
        return match cx.state.browse.dataset {
            None => empty(ui, "Reading the data set…", ""),
            Some(_) if cx.state.library.current().is_none() => empty(ui, "No photo", ""),
            Some(_) => empty(ui, "Reading what is known about this photo…", ""),
        };
    };
    if truth.listed {
        mismatch(ui, cx, &truth);
        objects(ui, cx, &truth);
        painting(ui, cx);
    } else {
        ui.label(RichText::new("No annotated objects").strong());
        ui.weak("Open a COCO instances file that lists this photo (File, Open annotations…)");
    }
    captions(ui, &truth);
}

/// Why nothing is painted, where annotations and photo do not belong together.
fn mismatch(ui: &mut Ui, cx: &PanelContext<'_>, truth: &ImageTruth) {
    let Some(Loaded::Ready(photo)) = cx.photos.photo() else { return };
    let size = photo.size();
    if !truth.fits(size) {
        let [width, height] = truth.size_px;
        let text = format!(
            "The annotations are for {width} × {height} pixels, this photo has {} × {}: its objects are not shown, \
                as they would lie on the wrong pixels",
            size.width_px, size.height_px
        );
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
}

/// How objects are painted.
fn painting(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut view: TruthView = cx.state.truth.view;
    row(ui, "On the photo", "O shows and hides the objects, H swaps the heat map for hits and misses", |ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.checkbox(&mut view.masks_visible, "objects").on_hover_text("Objects on the photo (O)");
        ui.checkbox(&mut view.names_visible, "names").on_hover_text("Every object's name beside it (N)");
        let styles = [
            (MaskStyle::Outlined, "outlined", "Only the line around them"),
            (MaskStyle::Filled, "filled", "Their pixels too"),
        ];
        if let Some(style) = choice(ui, view.style, &styles) {
            view.style = style;
            view.masks_visible = true;
        }
    });
    if view.style == MaskStyle::Filled {
        row(ui, "Opacity", "Of filled objects", |ui| {
            ui.spacing_mut().slider_width = (ui.available_width() - 104.0).clamp(24.0, 180.0);
            ui.add(egui::Slider::new(&mut view.opacity, 0.05..=1.0).fixed_decimals(2));
        });
    }
    row(ui, "Overlap", "The map, cut at its threshold, against the chosen objects", |ui| {
        ui.toggle_value(&mut view.overlap, "hits and misses").on_hover_text("Instead of the heat map (H)");
        ui.checkbox(&mut view.colour_blind_safe, "colour-blind safe")
            .on_hover_text("Blue, yellow and vermilion instead of green, yellow and red");
    });
    if view != cx.state.truth.view {
        cx.emit(Command::SetTruth(view));
    }
}

fn objects(ui: &mut Ui, cx: &mut PanelContext<'_>, truth: &ImageTruth) {
    let [width, height] = truth.size_px;
    let counts = match truth.categories.len() {
        1 => format!("{}, 1 category", count(truth.objects.len(), "object")),
        categories => format!("{}, {categories} categories", count(truth.objects.len(), "object")),
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(format!("Image {}, {width} × {height}, {counts}", truth.image_id)).weak().small());
        crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Objects);
    });
    if truth.objects.is_empty() {
        ui.weak("The annotations list this photo without any object");
    }
    let hovered_before = cx.state.truth.hovered;
    let mut hovered = None;
    for category in &truth.categories {
        category_row(ui, cx, truth, category, &mut hovered);
    }
    if hovered != hovered_before {
        cx.emit(Command::HoverObject(hovered));
    }
}

fn category_row(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    truth: &ImageTruth,
    category: &CategoryTruth,
    hovered: &mut Option<u64>,
) {
    let hidden = &cx.state.truth.hidden;
    let shown = truth.objects_of(category.id).filter(|object| !hidden.contains(&object.id)).count();
    let chosen = cx.state.truth.category().is_some_and(|chosen| chosen.id == category.id);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 3.0);
        let mut any = shown > 0;
        let help = "Show or hide; double-click to show only these";
        let response =
            ui.add(egui::Checkbox::without_text(&mut any).indeterminate(shown > 0 && shown < category.count));
        named(ui, &response, &format!("Show {}", category.name));
        let response = response.on_hover_text(help);
        if response.double_clicked() {
            cx.emit(Command::OnlyCategory(category.id));
        } else if response.clicked() {
            cx.emit(Command::ToggleCategory(category.id));
        }
        swatch(ui, colour(category.id));
        let area = category.mask.as_ref().map(|mask| mask.area_px());
        let [width, height] = truth.size_px;
        let share = |area: u64| 100.0 * area as f64 / (f64::from(width) * f64::from(height)).max(1.0);
        let text = format!("{} ×{}", category.name, category.count);
        let response = ui.selectable_label(chosen, text);
        response.widget_info(|| {
            WidgetInfo::selected(Role::RadioButton, true, chosen, format!("Category {}", category.name))
        });
        let tip = format!(
            "{}{}\nClick: score the map against these objects",
            if category.supercategory.is_empty() { String::new() } else { format!("{}, ", category.supercategory) },
            area.as_ref().map_or_else(|why| (*why).clone(), |area| format!("{:.2} % of the photo", share(*area)))
        );
        if response.on_hover_text(tip).clicked() {
            cx.emit(Command::ChooseCategory(category.name.clone()));
        }
        ui.weak(area.map_or_else(|_| "–".to_owned(), |area| format!("{:.1} %", share(area))));
        for (place, object) in truth.objects_of(category.id).enumerate() {
            object_chip(ui, cx, category, object, place + 1, hovered);
        }
    });
}

/// A small box for each object: pointing at it lights it up on the photo, a click hides it.
fn object_chip(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    category: &CategoryTruth,
    object: &ObjectTruth,
    number: usize,
    hovered: &mut Option<u64>,
) {
    let shown = !cx.state.truth.hidden.contains(&object.id);
    let text = if object.is_crowd { format!("crowd {number}") } else { number.to_string() };
    let text = RichText::new(text).small();
    let response = ui
        .selectable_label(shown && object.mask.is_ok(), if object.mask.is_ok() { text } else { text.strikethrough() });
    response.widget_info(|| {
        WidgetInfo::selected(Role::CheckBox, true, shown, format!("Object {} {number}", category.name))
    });
    if response.hovered() {
        *hovered = Some(object.id);
    }
    let tip = match &object.mask {
        Ok(mask) => format!(
            "Annotation {}, {}{}\nClick to show or hide it",
            object.id,
            count(mask.area_px(), "pixel"),
            object.area_px.map_or_else(String::new, |area| format!(" ({area:.0} by the annotators)"))
        ),
        Err(why) => why.clone(),
    };
    if response.on_hover_text(tip).clicked() {
        cx.emit(Command::ToggleObject(object.id));
    }
}

fn captions(ui: &mut Ui, truth: &ImageTruth) {
    if truth.captions.is_empty() {
        return;
    }
    ui.separator();
    ui.label(RichText::new("Reference captions").weak().small());
    for caption in &truth.captions {
        ui.label(caption);
    }
}

/// A category's colour for egui.
pub(in crate::ui) fn colour(category_id: u32) -> Color32 {
    let [r, g, b] = category_colour(u64::from(category_id));
    Color32::from_rgb(r, g, b)
}

/// A small square of a colour.
pub(in crate::ui) fn swatch(ui: &mut Ui, colour: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
    ui.painter().rect(
        rect,
        2.0,
        colour,
        egui::Stroke::new(1.0, ui.visuals().weak_text_color()),
        egui::StrokeKind::Inside,
    );
}
