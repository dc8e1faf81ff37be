//! The box that finds commands.

use crate::ui::core::command::{Command, Keymap};
use crate::ui::features::commands::ahead::palette_box;
use crate::ui::features::commands::finder::{Found, find};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{format_keys, named};
use eframe::egui;
use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Context, Key, Modifiers, RichText, Ui, vec2};

/// Width of the box, points.
const WIDTH_PT: f32 = 600.0;
/// Height of the list, points.
const LIST_PT: f32 = 360.0;
/// Height of a line, points.
const LINE_PT: f32 = 26.0;
/// Width of the keys' column, points.
const KEYS_PT: f32 = 110.0;
/// Commands that are remembered as used.
const MOST_USED: usize = 8;

/// What was typed and chosen.
#[derive(Debug, Default)]
pub(in crate::ui) struct PaletteMemory {
    typed: String,
    chosen: usize,
    /// Titles, newest first.
    used: Vec<String>,
    open: bool,
}

pub(in crate::ui) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.palette {
        cx.memory.of::<PaletteMemory>().open = false;
        return;
    }
    let begins = !std::mem::replace(&mut cx.memory.of::<PaletteMemory>().open, true);
    if begins {
        cx.memory.of::<PaletteMemory>().typed.clear();
        cx.memory.of::<PaletteMemory>().chosen = 0;
    }
    let id = egui::Id::unique("palette");
    let top = (ctx.content_rect().height() * 0.12).min(90.0);
    let area = egui::Modal::default_area(id).anchor(Align2::CENTER_TOP, vec2(0.0, top));
    let modal = crate::ui::features::context::modal(ctx, "palette").area(area).show(ctx, |ui| {
        ui.set_width(WIDTH_PT.min(ctx.content_rect().width() - 60.0));
        contents(ui, cx, begins)
    });
    match modal.inner {
        Some(found) => choose(cx, found),
        None if modal.should_close() => cx.emit(Command::TogglePalette),
        None => {}
    }
}

fn choose(cx: &mut PanelContext<'_>, found: Found) {
    if found.entry.why_not.is_some() {
        return; // the line says why
    }
    let used = &mut cx.memory.of::<PaletteMemory>().used;
    used.retain(|title| *title != found.entry.title);
    used.insert(0, found.entry.title);
    used.truncate(MOST_USED);
    cx.emit(Command::TogglePalette);
    cx.emit(found.entry.command);
}

/// The line that was chosen in this frame.
fn contents(ui: &mut Ui, cx: &mut PanelContext<'_>, begins: bool) -> Option<Found> {
    // Before the text box sees them: there they would move the cursor.
    let (steps, entered) = ui.input_mut(|input| {
        let mut presses = |key| input.count_and_consume_key(Modifiers::NONE, key).cast_signed();
        let down = presses(Key::ArrowDown) + 10 * presses(Key::PageDown);
        let up = presses(Key::ArrowUp) + 10 * presses(Key::PageUp);
        (down - up, input.consume_key(Modifiers::NONE, Key::Enter))
    });
    let memory = cx.memory.of::<PaletteMemory>();
    let edit = egui::TextEdit::singleline(&mut memory.typed)
        .id(palette_box())
        .hint_text("A part of a command's name, an image, “3 5” for layer 3 head 5, or a question")
        .desired_width(f32::INFINITY)
        .margin(vec2(8.0, 6.0));
    let response = ui.add(edit);
    named(ui, &response, "Find a command");
    if begins {
        response.request_focus();
    }
    if response.changed() {
        memory.chosen = 0;
    }
    let mut found = find(cx.state, &Keymap::installed(ui.ctx()), &memory.typed, &memory.used);
    let last = found.len().saturating_sub(1);
    memory.chosen = memory.chosen.min(last).saturating_add_signed(steps).min(last);
    ui.add_space(6.0);
    let mut clicked = None;
    let height = LIST_PT.min(ui.ctx().content_rect().height() - 160.0).max(LINE_PT * 3.0);
    let chosen = memory.chosen;
    egui::ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink([false, true]).show(
        ui,
        |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (idx, found) in found.iter().enumerate() {
                let response = line(ui, found, idx == chosen);
                if idx == chosen && (steps != 0 || begins) {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(idx);
                }
            }
        },
    );
    let sentence = found.get(chosen).map(|found| found.entry.why_not.unwrap_or(&found.entry.tip)).unwrap_or_default();
    ui.separator();
    ui.horizontal(|ui| {
        ui.add(egui::Label::new(RichText::new(sentence).weak()).truncate());
    });
    let idx = clicked.or(entered.then_some(chosen)).filter(|idx| *idx < found.len())?;
    Some(found.swap_remove(idx))
}

fn line(ui: &mut Ui, found: &Found, chosen: bool) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), LINE_PT), egui::Sense::click());
    let entry = &found.entry;
    response.widget_info(|| {
        let enabled = entry.why_not.is_none();
        egui::WidgetInfo::selected(egui::accesskit::Role::ListItem, enabled, chosen, entry.title.as_str())
    });
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let visuals = ui.visuals();
    if chosen {
        ui.painter().rect_filled(rect, 3.0, visuals.selection.bg_fill);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, 3.0, visuals.widgets.hovered.weak_bg_fill);
    }
    // Painted, not laid out: each line is one thing to a screen reader.
    let small = egui::TextStyle::Small.resolve(ui.style());
    let right = |text: String, font: egui::FontId, colour, right_pt: f32| {
        let galley = ui.painter().layout_no_wrap(text, font, colour);
        let left_pt = right_pt - galley.size().x;
        ui.painter().galley(egui::pos2(left_pt, rect.center().y - galley.size().y / 2.0), galley, colour);
        left_pt
    };
    if let Some(keys) = entry.keys {
        let font = egui::FontId::monospace(small.size);
        right(format_keys(ui.ctx(), keys), font, visuals.text_color(), rect.right() - 8.0);
    }
    let place = right(entry.place.to_owned(), small, visuals.weak_text_color(), rect.right() - KEYS_PT);
    let mut job = title(ui, found, chosen);
    job.wrap = egui::text::TextWrapping::truncate_at_width((place - rect.left() - 18.0).max(0.0));
    let galley = ui.painter().layout_job(job);
    let at = egui::pos2(rect.left() + 8.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, visuals.text_color());
    response
}

/// The title, with the letters that were typed in the accent's colour.
fn title(ui: &Ui, found: &Found, chosen: bool) -> LayoutJob {
    let visuals = ui.visuals();
    let font = egui::TextStyle::Body.resolve(ui.style());
    let plain = match (found.entry.why_not.is_some(), chosen) {
        (true, _) => visuals.weak_text_color(),
        (false, true) => visuals.strong_text_color(),
        (false, false) => visuals.text_color(),
    };
    let mut job = LayoutJob::default();
    for (place, letter) in found.entry.title.chars().enumerate() {
        let typed = found.letters.iter().any(|typed| *typed as usize == place);
        let colour = if typed { crate::ui::widgets::theme::accent(visuals) } else { plain };
        job.append(letter.encode_utf8(&mut [0; 4]), 0.0, TextFormat::simple(font.clone(), colour));
    }
    job
}
