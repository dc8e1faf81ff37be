//! The figure that is being put together: its panels on the left, what will be written on the right, where to below.

mod builder;
mod setting;

use crate::analysis::chair::Status;
use crate::engine::RunId;
use crate::figure::recipe::{Mark, Tokens};
use crate::figure::{Raster, html};
use crate::ui::core::command::{Command, FigureCommand, PanelGroup, PanelKind};
use crate::ui::core::wording::count;
use crate::ui::features::context::{PanelContext, TextBox};
use crate::ui::features::figure::preview::Preview;
use crate::ui::features::{FigureOutcome, TokenPos};
use crate::ui::widgets::{command_button, empty, named};
use eframe::egui;
use egui::{RichText, Sense, TextureHandle, TextureOptions, Ui, vec2};
use std::path::PathBuf;
use std::sync::Arc;

/// Width of the controls, points; a narrow pane gives them less.
const CONTROLS_PT: f32 = 290.0;
/// Part of a narrow pane that they get.
const CONTROLS_SHARE: f32 = 0.46;
/// Part of the window's height that the menu may take, and the width of each of its columns, points.
const MOST_MENU: f32 = 0.9;
const MENU_COLUMN_PT: f32 = 240.0;
/// Below this the preview would be too small to judge.
const LEAST_PREVIEW_PT: f32 = 60.0;

/// What the pane remembers between frames.
#[derive(Default)]
pub(in crate::ui) struct FigureMemory {
    /// A path being typed.
    path: String,
    /// The preview on the graphics card, and what it was made of.
    shown: Option<(Arc<Raster>, TextureHandle)>,
}

impl std::fmt::Debug for FigureMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FigureMemory").field("path", &self.path).finish_non_exhaustive()
    }
}

fn emit(cx: &mut PanelContext<'_>, command: FigureCommand) {
    cx.emit(Command::Figure(command));
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    toolbar(ui, cx);
    ui.separator();
    egui::Panel::bottom("figure file").frame(egui::Frame::new()).show(ui, |ui| {
        ui.add_space(4.0);
        file(ui, cx);
    });
    let width_pt = CONTROLS_PT.min(ui.available_width() * CONTROLS_SHARE);
    egui::Panel::left("figure controls").frame(egui::Frame::new()).resizable(false).exact_size(width_pt).show(
        ui,
        |ui| {
            egui::ScrollArea::vertical().id_salt("figure controls").auto_shrink(false).show(ui, |ui| {
                builder::show(ui, cx);
                setting::show(ui, cx);
            });
        },
    );
    egui::CentralPanel::default()
        .frame(egui::Frame::new().inner_margin(egui::Margin { left: 8, ..egui::Margin::ZERO }))
        .show(ui, |ui| preview(ui, cx));
}

/// Adding panels, and the recipe as a whole.
fn toolbar(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let hindrance = cx.state.figure_shown_hindrance();
        let add = Command::Figure(FigureCommand::AddShown);
        let button = egui::Button::new(RichText::new("Add what is shown").strong());
        let response = ui
            .add_enabled(hindrance.is_none(), button)
            .on_hover_text(crate::ui::widgets::tooltip(ui.ctx(), &add))
            .on_disabled_hover_text(hindrance.unwrap_or_default());
        if response.clicked() {
            cx.emit(add);
        }
        ui.menu_button("Add…", |ui| {
            // A small window scrolls it.
            let most = ui.ctx().content_rect().height() * MOST_MENU;
            egui::ScrollArea::vertical().max_height(most).show(ui, |ui| add_menu(ui, cx));
        })
        .response
        .on_hover_text("Panels of every kind that the screen has");
        command_button(ui, "Open…", &Command::Figure(FigureCommand::PickSource), cx.commands);
        let any = !cx.state.figure.recipe().panels.is_empty();
        let copy = ui.add_enabled(any, egui::Button::new("Copy recipe"));
        if copy.on_hover_text("The recipe as JSON, for gazelens figure --recipe").clicked() {
            emit(cx, FigureCommand::CopyRecipe);
        }
        let clear = ui.add_enabled(any, egui::Button::new("Clear"));
        if clear.on_hover_text("Removes every panel; width, columns and font stay").clicked() {
            emit(cx, FigureCommand::Clear);
        }
    });
}

/// Two columns: maps on the left, numbers and words on the right.
fn add_menu(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let [maps, plots, words] = PanelKind::GROUPS;
    let column = |ui: &mut Ui, content: &mut dyn FnMut(&mut Ui)| {
        let size = vec2(MENU_COLUMN_PT, 0.0);
        ui.allocate_ui_with_layout(size, egui::Layout::top_down_justified(egui::Align::LEFT), |ui| content(ui));
    };
    ui.horizontal_top(|ui| {
        column(ui, &mut |ui| {
            kinds(ui, cx, maps);
            add_difference(ui, cx);
        });
        column(ui, &mut |ui| {
            kinds(ui, cx, plots);
            kinds(ui, cx, words);
            object_words(ui, cx);
        });
    });
}

fn kinds(ui: &mut Ui, cx: &mut PanelContext<'_>, group: PanelGroup) {
    ui.label(RichText::new(group.label).weak().small());
    for &kind in group.kinds {
        let hindrance = cx.state.figure_hindrance(kind);
        let button = ui.add_enabled(hindrance.is_none(), egui::Button::new(kind.label()));
        named(ui, &button, &format!("Add {}", kind.label()));
        let button = button.on_hover_text(kind.help()).on_disabled_hover_text(hindrance.unwrap_or_default());
        if button.clicked() {
            emit(cx, FigureCommand::Add(kind));
            ui.close();
        }
    }
}

fn add_difference(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let difference = difference(cx);
    let button = ui.add_enabled(difference.is_ok(), egui::Button::new("Difference of two answers"));
    named(ui, &button, "Add difference of two answers");
    let help = "What stands under Compare: the map of one answer minus that of the reference";
    let why = difference.as_ref().err().cloned().unwrap_or_default();
    let clicked = button.on_hover_text(help).on_disabled_hover_text(why).clicked();
    if let Ok(of) = difference
        && clicked
    {
        emit(cx, FigureCommand::AddDifference(Box::new(of)));
        ui.close();
    }
}

/// The answer as its chips show it: which object words are in the photo, and which are not.
fn object_words(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let words = &cx.derived.truth.marks.words;
    let kinds = [
        (Status::Grounded, "in the photo"),
        (Status::Hallucinated, "hallucinated"),
        (Status::Unknown, "object, no ground truth"),
    ];
    let marks = kinds.into_iter().filter_map(|(status, label)| {
        let of_status = words.iter().filter(|word| word.marked.status == status);
        let output: Vec<usize> = of_status.flat_map(|word| word.tokens.clone()).collect();
        let tokens = Tokens { output, ..Tokens::default() };
        (!tokens.output.is_empty()).then(|| Mark { tokens, label: label.to_owned() })
    });
    let marks: Vec<Mark> = marks.collect();
    let why = cx.state.figure_hindrance(PanelKind::Answer);
    let why = why.or_else(|| marks.is_empty().then(|| "The answer has no object words".to_owned()));
    let button = ui.add_enabled(why.is_none(), egui::Button::new("Answer with object words"));
    named(ui, &button, "Add answer with object words");
    let help = "The answer; words for objects are marked by whether they are in the photo";
    if button.on_hover_text(help).on_disabled_hover_text(why.unwrap_or_default()).clicked() {
        emit(cx, FigureCommand::AddObjectWords(marks));
        ui.close();
    }
}

/// The two answers whose difference Compare shows, with the tokens of each.
fn difference(cx: &PanelContext<'_>) -> Result<[(RunId, Vec<TokenPos>); 2], String> {
    let none = "There is one answer about this photo: ask in another way first";
    let made = cx.derived.compare.made().ok_or(none)?;
    let difference = made.difference.as_ref().ok_or(none)?;
    difference.map.as_ref().map_err(String::clone)?;
    let reference = made.columns.first().ok_or(none)?;
    let other = made.column(difference.run).ok_or(none)?;
    Ok([(other.run, other.tokens.clone()), (reference.run, reference.tokens.clone())])
}

/// What will be written, and how large that is.
fn preview(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    cx.figures.room_px = (ui.available_width() * ui.pixels_per_point()).max(0.0);
    if cx.state.figure.recipe().panels.is_empty() {
        return empty(
            ui,
            "No panels yet",
            "Add what is shown, then add more: the figure appears here as it will be written",
        );
    }
    for text in cx.state.figure_missing() {
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
    match cx.figures.preview() {
        None => empty(ui, "Drawing the figure…", ""),
        Some(Err(why)) => {
            let text = RichText::new(why).color(ui.visuals().warn_fg_color);
            ui.add(egui::Label::new(text).wrap()).on_hover_text("The figure cannot be drawn");
        }
        Some(Ok(preview)) => {
            let preview = preview.clone();
            picture(ui, cx.memory.of::<FigureMemory>(), &preview);
        }
    }
}

fn picture(ui: &mut Ui, memory: &mut FigureMemory, preview: &Preview) {
    let [width_mm, height_mm] = preview.size_mm;
    let [width_px, height_px] = preview.size_px;
    let size = format!("{width_mm:.0} × {height_mm:.0} mm, {width_px} × {height_px} pixels as PNG");
    ui.add(egui::Label::new(RichText::new(size).weak()).truncate()).on_hover_text(
        "What is written is this picture: PNG at the chosen dots per inch, SVG and PDF with real text and lines",
    );
    if !preview.missing_letters.is_empty() {
        let text = format!(
            "No typeface has {}: boxes stand in their place. Choose one that has them under Typeface",
            preview.missing_letters
        );
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
    for text in &preview.warnings {
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
    if memory.shown.as_ref().is_none_or(|(raster, _)| !Arc::ptr_eq(raster, &preview.raster)) {
        let size = preview.raster.size.map(|side| side as usize);
        let image = egui::ColorImage::from_rgb(size, &preview.raster.rgb);
        let texture = ui.ctx().load_texture("figure", image, TextureOptions::LINEAR);
        memory.shown = Some((Arc::clone(&preview.raster), texture));
    }
    let Some((raster, texture)) = &memory.shown else { return };
    let [columns, rows] = raster.size.map(|side| side as f32);
    egui::ScrollArea::vertical().id_salt("figure preview").auto_shrink(false).show(ui, |ui| {
        let width_pt = ui.available_width().max(LEAST_PREVIEW_PT);
        let size = vec2(width_pt, width_pt * rows / columns.max(1.0));
        let response = ui.add(egui::Image::new((texture.id(), size)).sense(Sense::hover()));
        let titles = preview.titles.join("; ");
        named(ui, &response, &format!("Figure of {}: {titles}", count(preview.titles.len(), "panel")));
    });
}

/// What is being done, how far it is, and a way to end it.
fn work(ui: &mut Ui, cx: &mut PanelContext<'_>, words: &str) {
    ui.horizontal(|ui| {
        let Some(progress) = cx.state.figure.progress.clone() else {
            ui.spinner();
            ui.label(format!("{words}…"));
            return;
        };
        let percent = progress.share.clamp(0.0, 1.0) * 100.0;
        let bar = egui::ProgressBar::new(progress.share).desired_width(140.0).text(format!("{percent:.0} %"));
        let bar = ui.add(bar).on_hover_text(words);
        named(ui, &bar, &format!("{words}: {percent:.0} %"));
        let stop = ui.button("Stop");
        named(ui, &stop, "Stop writing the figure");
        if stop.on_hover_text("Nothing is written then").clicked() {
            emit(cx, FigureCommand::Stop);
        }
        ui.add(egui::Label::new(format!("{words}: {}", progress.what)).truncate());
    });
}

/// What came of the last thing that was done.
fn outcome(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(FigureOutcome { text, advice, is_problem }) = cx.state.figure.outcome.clone() else { return };
    ui.horizontal(|ui| {
        let dismiss = ui.small_button("×").on_hover_text("Dismisses this message");
        named(ui, &dismiss, "Dismiss this message");
        if dismiss.clicked() {
            emit(cx, FigureCommand::DismissOutcome);
        }
        let colour = if is_problem { ui.visuals().error_fg_color } else { ui.visuals().text_color() };
        let words = if advice.is_empty() { text.clone() } else { format!("{text}. {advice}") };
        ui.add(egui::Label::new(RichText::new(&words).color(colour)).wrap()).on_hover_text(words);
    });
}

/// Where to write, and from where to read.
fn file(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    outcome(ui, cx);
    if let Some(words) = cx.state.figure.work.clone() {
        return work(ui, cx, &words);
    }
    if let Some(path) = cx.state.figure.exists.clone() {
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("There is a file already: {}", path.display()));
            if ui.button("Replace it").on_hover_text("Writes the figure in its place").clicked() {
                emit(cx, FigureCommand::Save(path, true));
            }
            if ui.button("Keep it").on_hover_text("Nothing is written").clicked() {
                emit(cx, FigureCommand::KeepFile);
            }
        });
        return;
    }
    ui.horizontal(|ui| {
        let help = format!(
            "The ending decides: .png, .svg, .pdf, or .html for a page of the shown answer to explore (at most {} MB)",
            html::MOST_BYTES / 1_000_000
        );
        if ui.button("Save as…").on_hover_text(format!("In a dialog. {help}")).clicked() {
            emit(cx, FigureCommand::PickFile);
        }
        let width_pt = (ui.available_width() - 190.0).max(60.0);
        let edit = egui::TextEdit::singleline(&mut cx.memory.of::<FigureMemory>().path)
            .id_salt(
                "figure \
            path",
            )
            .desired_width(width_pt);
        let response = ui.add(edit.hint_text("path, e.g. figure.pdf")).on_hover_text(help);
        named(ui, &response, "Path of the figure");
        if cx.memory.takes_focus(TextBox::FigurePath) {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let path = typed(&cx.memory.of::<FigureMemory>().path);
        let save = ui.add_enabled(path.is_some(), egui::Button::new("Save"));
        let save = save
            .on_hover_text("Writes the figure at this path and its recipe beside it, with the ending .json")
            .clicked()
            || entered;
        let open = ui.add_enabled(path.is_some(), egui::Button::new("Open"));
        let open = open
            .on_hover_text(
                "Takes the recipe of the figure, the recipe or the typeface at this \
            path",
            )
            .clicked();
        if let Some(path) = path {
            if save {
                emit(cx, FigureCommand::Save(path, false));
            } else if open {
                emit(cx, FigureCommand::Open(path));
            }
        }
        let mut data_too = cx.state.figure.data_too;
        let help = "The numbers behind every panel in a folder next to the figure: CSV and npy, metrics also as \
            Markdown and LaTeX";
        if ui.checkbox(&mut data_too, "With data").on_hover_text(help).changed() {
            emit(cx, FigureCommand::DataToo(data_too));
        }
    });
}

/// A path as it was typed or pasted.
fn typed(text: &str) -> Option<PathBuf> {
    let text = text.trim().trim_matches('"');
    (!text.is_empty()).then(|| PathBuf::from(text))
}
