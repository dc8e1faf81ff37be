//! How the figure is set: width, columns, letters, font, colours, resolution.

use crate::figure::recipe::{Colour, Layout, Scale, Width};
use crate::render::{colormap, colormap_by_id, colormaps};
use crate::ui::core::command::FigureCommand;
use crate::ui::features::context::PanelContext;
use crate::ui::features::figure::panel::emit;
use crate::ui::widgets::{choice, named, row};
use eframe::egui;
use egui::{DragValue, RichText, Ui};
use std::path::Path;
use std::sync::Arc;

/// Most columns that the control offers; a recipe may have more.
const MOST_COLUMNS: usize = 8;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let recipe = Arc::clone(cx.state.figure.recipe());
    if !recipe.panels.is_empty() {
        ui.separator();
    }
    let (mut layout, mut colour) = (recipe.layout.clone(), recipe.colour.clone());
    width(ui, &mut layout);
    columns(ui, &mut layout);
    words(ui, &mut layout);
    typeface(ui, cx, &mut layout);
    colours(ui, &mut colour);
    let notes = cx.figures.preview().and_then(Result::ok).map(|preview| preview.scale_notes.clone());
    for text in notes.unwrap_or_default() {
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
    if layout != recipe.layout {
        emit(cx, FigureCommand::SetLayout(Box::new(layout)));
    }
    if colour != cx.state.figure.recipe().colour {
        emit(cx, FigureCommand::SetColour(Box::new(colour)));
    }
}

/// A number with its label, taken when it is let go of or typed to its end.
fn number<T: egui::emath::Numeric>(
    ui: &mut Ui,
    (label, help): (&str, &str),
    value: &mut T,
    range: std::ops::RangeInclusive<T>,
    change: impl FnOnce(DragValue<'_>) -> DragValue<'_>,
) {
    let value = change(DragValue::new(value).range(range).update_while_editing(false));
    ui.name_inputs(label, |ui| ui.add(value)).on_hover_text(help);
}

fn width(ui: &mut Ui, layout: &mut Layout) {
    row(ui, "Width", "Of the whole figure on paper", |ui| {
        let kind = match layout.width {
            Width::Single => 0,
            Width::Double => 1,
            Width::Mm(_) => 2,
        };
        let options = [
            (0, "single", "One column of text: 84 mm"),
            (1, "double", "Two columns of text: 174 mm"),
            (2, "custom", "Any width: type it in the box"),
        ];
        if let Some(kind) = choice(ui, kind, &options) {
            layout.width = match kind {
                0 => Width::Single,
                1 => Width::Double,
                _ => Width::Mm(layout.width.mm()),
            };
        }
        if let Width::Mm(mm) = &mut layout.width {
            number(ui, ("Width in mm", "Width of the figure"), mm, 20.0..=1000.0, |value| {
                value.suffix(" mm").speed(0.5)
            });
        }
    });
}

fn columns(ui: &mut Ui, layout: &mut Layout) {
    row(ui, "Columns", "Panels side by side", |ui| {
        let most = MOST_COLUMNS.max(layout.columns);
        number(ui, ("Columns", "Panels side by side"), &mut layout.columns, 1..=most, |value| value.speed(0.05));
        let help = "Dots per inch of a PNG; SVG and PDF keep text and lines as they are";
        number(ui, ("Resolution", help), &mut layout.dpi, 20..=2400, |value| value.suffix(" dpi"));
    });
}

/// The bundled typeface, or one of a file.
fn typeface(ui: &mut Ui, cx: &mut PanelContext<'_>, layout: &mut Layout) {
    let help = "Who draws the letters. What is used of a font is embedded; a letter that it lacks is of the other one";
    row(ui, "Typeface", help, |ui| {
        let fonts = &cx.state.figure.recipe().inputs.fonts;
        let own = layout.typeface.as_ref().and_then(|typeface| fonts.get(&typeface.regular));
        let name =
            own.map(|input| Path::new(&input.file).file_name().unwrap_or_default().to_string_lossy().into_owned());
        let bundled = "Open Sans (bundled)".to_owned();
        let button = ui.button(name.clone().unwrap_or(bundled));
        named(ui, &button, "Typeface of the figure");
        let help = "Choose a TrueType or OpenType file; or type its path below the figure and press Open";
        if button.on_hover_text(help).clicked() {
            emit(cx, FigureCommand::PickTypeface);
        }
        let Some(typeface) = &mut layout.typeface else { return };
        let help = "Only for letters that Open Sans lacks";
        ui.checkbox(&mut typeface.missing_only, "if missing").on_hover_text(help);
        let back = ui.small_button("×");
        named(ui, &back, "Back to the bundled typeface");
        if back.on_hover_text("Back to Open Sans").clicked() {
            emit(cx, FigureCommand::Typeface(None));
        }
    });
}

fn words(ui: &mut Ui, layout: &mut Layout) {
    row(ui, "Font", "Size of the figure's text on paper", |ui| {
        let help = "Size of the figure's text on paper; journals ask for 5 to 8 points";
        number(ui, ("Font size", help), &mut layout.font_pt, 3.0..=40.0, |value| value.suffix(" pt").speed(0.1));
    });
    row(ui, "Words", "What stands above and below panels", |ui| {
        ui.checkbox(&mut layout.letters, "letters").on_hover_text("(a), (b), ... before the titles");
        ui.checkbox(&mut layout.titles, "titles").on_hover_text("A title above every panel");
        ui.checkbox(&mut layout.captions, "captions").on_hover_text("Layer, head, words and numbers below every panel");
    });
}

fn colours(ui: &mut Ui, colour: &mut Colour) {
    row(ui, "Colour map", "Which colours stand for low and high values", |ui| {
        let current = colormap(colormap_by_id(&colour.map).unwrap_or_default());
        ui.name_inputs("Figure's colour map", |ui| {
            egui::ComboBox::from_id_salt("figure colour map").width(110.0).selected_text(current.label).show_ui(
                ui,
                |ui| {
                    for map in colormaps().iter().filter(|map| !map.diverging) {
                        if ui.selectable_label(map.id == colour.map, map.label).on_hover_text(map.help).clicked() {
                            map.id.clone_into(&mut colour.map);
                        }
                    }
                },
            )
        });
    });
    row(ui, "Scale", "Which values the ends of the colours mean", |ui| {
        let kind = match colour.scale {
            Scale::Each => 0,
            Scale::Shared => 1,
            Scale::Fixed(_) => 2,
            Scale::ZeroToOne => 3,
        };
        let mut options = vec![
            (
                0,
                "each its own",
                "Every panel from 0 to its own largest value: structure is seen, brightness does not compare",
            ),
            (1, "shared", "Panels of the same quantity have one range: brightness compares"),
            (
                3,
                "0 to 1 each",
                "Every map from its least to its largest value, as most papers show them: brightness does not compare",
            ),
        ];
        if kind == 2 {
            options.push((2, "fixed", "The range that the Colours panel had, or the recipe has"));
        }
        match choice(ui, kind, &options) {
            Some(0) => colour.scale = Scale::Each,
            Some(1) => colour.scale = Scale::Shared,
            Some(3) => colour.scale = Scale::ZeroToOne,
            _ => {}
        }
    });
}
