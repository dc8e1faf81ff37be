//! What the methods of the shown answer did at the chosen word, in sentences, and where the word looked without and
//! with them.

use crate::render::HeatStyle;
use crate::trace::{OutputToken, TokenAction, Trace};
use crate::ui::background::photos::Loaded;
use crate::ui::core::command::{Command, CompareCommand};
use crate::ui::core::pane::Pane;
use crate::ui::core::settings::RangeMode;
use crate::ui::features::Run;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::unit_of;
use crate::ui::features::mitigation::before_after::{BeforeAfter, MapPair, is_same_before, pieces};
use crate::ui::widgets::canvas::{CanvasView, PhotoCanvas};
use crate::ui::widgets::colour_bar::ColourBar;
use eframe::egui;
use egui::{RichText, Ui, vec2};

/// Width of a small map at most, points.
const MAP_PT: f32 = 190.0;
/// Height of a small map at most, points.
const MAP_HEIGHT_PT: f32 = 150.0;

/// Which of several pairs of maps is shown.
#[derive(Debug, Default)]
struct DoneMemory {
    /// By its place; the head that a method names, where nothing was chosen.
    chosen: Option<usize>,
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let state = cx.state;
    let Some(run) = state.current_run() else { return };
    let Some(trace) = run.trace.as_ref().filter(|_| run.question.has_methods()) else { return };
    ui.add_space(4.0);
    let pieces = pieces(state, trace);
    let Some(last) = pieces.last() else {
        ui.weak("Click a word of the answer to see what the methods did there");
        return;
    };
    for (idx, token) in pieces.iter().filter_map(|idx| Some((idx, trace.output.get(*idx)?))) {
        ui.label(RichText::new(format!("What they did at token {idx} “{}”", token.text.trim())).strong());
        let sentences = sentences(token);
        if sentences.is_empty() {
            ui.weak("Nothing was recorded at this token");
        }
        for (sentence, is_idle) in sentences {
            let colour = if is_idle { ui.visuals().warn_fg_color } else { ui.visuals().text_color() };
            ui.add(egui::Label::new(RichText::new(sentence).color(colour)).wrap());
        }
    }
    before(ui, cx, (run, trace), *last);
}

/// The same place of the answer without methods, where that was asked for.
fn before(ui: &mut Ui, cx: &mut PanelContext<'_>, (run, trace): (&Run, &Trace), idx: usize) {
    let plain = cx.state.without_methods(run);
    let Some((plain, before)) = plain.and_then(|plain| Some((plain, plain.trace.as_ref()?))) else {
        ui.weak("Switch the methods off to see the answer without them beside this one");
        return;
    };
    let (state, made) = (cx.state, cx.before_after);
    let made = made.of(state);
    let has_row = |trace: &Trace| idx < trace.decoder_attention.len();
    ui.horizontal_wrapped(|ui| {
        match (before.output.get(idx), is_same_before([before, trace], idx)) {
            (_, false) => {
                ui.weak("Without them another word was chosen before this one");
            }
            (Some(token), true) if has_row(before) && has_row(trace) => {
                let shares = match made.map(|made| made.shares) {
                    Some([Some(without), Some(with)]) => format!("{without:.4} without, {with:.4} with them"),
                    _ => "being computed".to_owned(),
                };
                let text = format!("Without them “{}” stands here; attention on the image {shares}", token.text.trim());
                ui.label(text).on_hover_text(
                    "Sum over the patches, mean over all layers and heads; all tokens before it are the same in both \
                        answers",
                );
            }
            _ => {
                ui.weak("Without them the answer has no attention here");
            }
        }
        let both = ui.small_button("Side by side").on_hover_text("Both answers with their maps, in Compare");
        if both.clicked() {
            cx.emit(Command::Compare(CompareCommand::Pin(Some(plain.id), run.question.image.clone())));
            cx.emit(Command::ShowPane(Pane::Compare));
        }
    });
    if let Some(made) = made.filter(|_| state.is_of_shown_photo(run) && state.is_of_shown_photo(plain)) {
        maps(ui, cx, made);
    }
}

/// Two small maps, in the layer and head that are shown or where a method says that it acted.
fn maps(ui: &mut Ui, cx: &mut PanelContext<'_>, made: &BeforeAfter) {
    let pairs = match &made.pairs {
        Ok(pairs) => pairs,
        Err(why) => {
            ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().warn_fg_color)).wrap());
            return;
        }
    };
    let memory = cx.memory.of::<DoneMemory>();
    let mut chosen = memory.chosen.unwrap_or(1).min(pairs.len().saturating_sub(1));
    if pairs.len() > 1 {
        ui.horizontal_wrapped(|ui| {
            for (idx, pair) in pairs.iter().enumerate() {
                let help = if idx == 0 { "The layer and head of the photo's map" } else { "Where the method acted" };
                if ui.selectable_label(chosen == idx, &pair.name).on_hover_text(help).clicked() {
                    chosen = idx;
                    memory.chosen = Some(idx);
                }
            }
        });
    }
    if let Some(pair) = pairs.get(chosen) {
        both(ui, cx, pair);
    }
}

fn both(ui: &mut Ui, cx: &PanelContext<'_>, pair: &MapPair) {
    let Some(Loaded::Ready(photo)) = cx.photos.photo() else { return };
    let size = photo.size();
    if pair.maps.iter().any(|map| map.layout.image() != size) {
        return;
    }
    let is_fixed = cx.state.colour.range_mode == RangeMode::Fixed;
    let range = if is_fixed { cx.state.colour.fixed_range } else { pair.range };
    let style = HeatStyle { range, ..cx.state.colour.style };
    let aspect = size.height_px as f32 / size.width_px.max(1) as f32;
    let room = (ui.available_width() - ui.spacing().item_spacing.x) / 2.0;
    let width = room.min(MAP_PT).min(MAP_HEIGHT_PT / aspect);
    let map_size = vec2(width, width * aspect);
    ui.horizontal_top(|ui| {
        for (map, whose) in pair.maps.iter().zip(["Without methods", "With methods"]) {
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.label(RichText::new(whose).small());
                let heat = Some((map.clone(), style)).filter(|_| cx.state.colour.overlay_visible);
                PhotoCanvas::new(photo, &map.layout)
                    .heat(heat)
                    .still()
                    .label(format!("{whose}: {}", pair.place))
                    .size(map_size)
                    .show(ui, &mut CanvasView::default());
            });
        }
    });
    let whose = if is_fixed { "fixed range for both" } else { "one range for both" };
    let place = format!("{}; {whose}", pair.place);
    ui.add(egui::Label::new(RichText::new(&place).weak().small()).wrap());
    if cx.state.colour.overlay_visible {
        ColourBar::new(&style, unit_of(&cx.state.view), whose).show(ui);
    }
}

/// A sentence a method, and whether it did nothing.
fn sentences(token: &OutputToken) -> Vec<(String, bool)> {
    let contrast = token.contrast.iter().map(|contrast| (contrast.sentence(), contrast.is_idle()));
    let actions = token.actions.iter().map(|action| (action.sentence(), is_idle(action)));
    contrast.chain(actions).collect()
}

fn is_idle(action: &TokenAction) -> bool {
    let note = action.note.as_deref();
    let does_nothing = note.is_none_or(|note| note.starts_with("did nothing") || note.starts_with("left"));
    action.moved == 0.0 && action.num_removed == 0 && does_nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_did_nothing_is_told_from_one_that_did() {
        let idle = TokenAction {
            method: "eah".to_owned(),
            before_id: 1,
            before: "a".to_owned(),
            after_id: 1,
            after: "a".to_owned(),
            num_removed: 0,
            moved: 0.0,
            note: Some("did nothing".to_owned()),
            value: None,
        };
        assert!(is_idle(&idle), "said");
        assert!(
            !is_idle(&TokenAction { note: Some("changed 4 scores in 1 layer".to_owned()), ..idle.clone() }),
            "inside"
        );
        assert!(!is_idle(&TokenAction { moved: 0.1, ..idle }), "logits");
    }
}
