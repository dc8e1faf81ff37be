//! Prompt and answer as chips.

use super::chip::{Chip, ChipMarks, FlipMark, ends_line};
use super::{PanelContext, contrast, hold_word, limit, similarity, status_bar, verdict};
use crate::render::Colouring;
use crate::trace::{OutputToken, Trace};
use crate::ui::command::{Command, Extend};
use crate::ui::derived::{ChipColours, format_value, token_label};
use crate::ui::settings::ChipQuantity;
use crate::ui::state::{Direction, Phase, Run, TokenPos};
use crate::ui::widgets::{choice, empty};
use crate::ui::wording::count as counted;
use eframe::egui;
use egui::{RichText, Sense, Ui, vec2};

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let state = cx.state;
    let Some(run) = state.current_run() else {
        let next = if state.model.info.is_some() { state.question_advice() } else { "The model is being opened" };
        let words = similarity::wording(state.model.task());
        return empty(ui, words.invitation, if state.has_decoder() { next } else { words.hint });
    };
    let Some(trace) = &run.trace else {
        return match &run.phase {
            Phase::Failed(why) => empty(ui, "The question failed", why),
            _ => empty(ui, run.prompt_text(), &status_bar::waiting(state, run)),
        };
    };
    if !trace.has_decoder() {
        return similarity::show(ui, run, trace);
    }
    legend(ui, cx);
    contrast::strip(ui, cx, run);
    verdict::show(ui, cx, run, trace);
    let scroll = egui::ScrollArea::vertical().id_salt(("answer", run.id.0)).auto_shrink(false);
    scroll.stick_to_bottom(run.phase.is_active()).show(ui, |ui| {
        prompt_chips(ui, cx, trace);
        ui.add_space(4.0);
        answer_chips(ui, cx, trace);
        ending(ui, cx, run, trace);
    });
}

/// What the colours mean: the quantity, its scale, and the way back from the reverse direction.
fn legend(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(colours) = &cx.derived.chips else { return };
    if colours.is_reverse() {
        ui.horizontal(|ui| {
            if ui.small_button("Clear patches").clicked() {
                cx.commands.push(Command::Clear);
            }
            scale(ui, cx, colours);
            let title = RichText::new(&colours.title).color(crate::ui::theme::accent(ui.visuals()));
            ui.add(egui::Label::new(title).truncate().show_tooltip_when_elided(false)).on_hover_text(&colours.title);
        });
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Words coloured by").weak());
        let options = [
            (
                ChipQuantity::ImageShare,
                "image attention",
                "Attention on the image, summed over patches, in the shown layer and head",
            ),
            (ChipQuantity::Probability, "probability", "Probability of the chosen token at temperature 1"),
            (ChipQuantity::Entropy, "entropy", "How undecided the model was, in nats"),
        ];
        if let Some(quantity) = choice(ui, cx.state.chips, &options) {
            cx.commands.push(Command::SetChips(quantity));
        }
        scale(ui, cx, colours);
        let (text, colour) = if cx.state.selection.direction == Direction::PatchesToTokens {
            ("Click patches on the photo", crate::ui::theme::accent(ui.visuals()))
        } else {
            (colours.title.as_str(), ui.visuals().weak_text_color())
        };
        ui.add(egui::Label::new(RichText::new(text).small().color(colour)).truncate().show_tooltip_when_elided(false))
            .on_hover_text(text);
    });
}

/// The colour scale with its range.
fn scale(ui: &mut Ui, cx: &PanelContext<'_>, colours: &ChipColours) {
    let [low, high] = colours.range;
    ui.label(RichText::new(format_value(low)).small());
    let (rect, response) = ui.allocate_exact_size(vec2(90.0, 10.0), Sense::hover());
    let map = crate::render::colormap(cx.state.colour.style.colormap);
    let steps = 30;
    for step in 0..steps {
        let (a, b) = (step as f32 / steps as f32, (step + 1) as f32 / steps as f32);
        let strip = egui::Rect::from_x_y_ranges(
            egui::lerp(rect.x_range().min..=rect.x_range().max, a)
                ..=egui::lerp(rect.x_range().min..=rect.x_range().max, b),
            rect.y_range(),
        );
        ui.painter().rect_filled(strip, 0.0, super::chip::rgb(map.at(f32::midpoint(a, b))));
    }
    ui.label(RichText::new(format_value(high)).small());
    response.on_hover_text(&colours.title);
}

fn position(cx: &PanelContext<'_>, colours: &ChipColours, value: f32) -> f32 {
    let style = crate::render::HeatStyle { range: colours.range, gamma: 1.0, ..cx.state.colour.style };
    Colouring::new(&style, crate::render::colormap(style.colormap)).position(value).0
}

/// A click on one token of an object word takes the whole word.
fn click(ui: &Ui, cx: &mut PanelContext<'_>, pos: TokenPos) {
    let plain = ui.input(|input| !input.modifiers.shift && !input.modifiers.command);
    let derived = cx.derived;
    if let TokenPos::Output(idx) = pos
        && let Some(word) = derived.truth.marks.of_token(idx).filter(|_| plain)
    {
        return hold_word(cx, word);
    }
    let extend = ui.input(|input| match (input.modifiers.shift, input.modifiers.command) {
        (true, _) => Extend::Range,
        (false, true) => Extend::Toggle,
        (false, false) => Extend::Replace,
    });
    cx.emit(Command::ClickToken(pos, extend));
}

fn prompt_chips(ui: &mut Ui, cx: &mut PanelContext<'_>, trace: &Trace) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(1.0, 3.0);
        ui.label(RichText::new("Prompt ").weak().small());
        let mut idx = 0;
        while let Some(token) = trace.prompt.get(idx) {
            if token.image {
                let count = trace.prompt.iter().skip(idx).take_while(|token| token.image).count();
                let text = RichText::new(format!("[{}]", counted(count, "image token"))).weak();
                ui.label(text).on_hover_text("One position for every patch of the photo");
                idx += count;
                continue;
            }
            let pos = TokenPos::Prompt(idx);
            let chip = Chip {
                text: &token.text,
                label: format!("Prompt token {idx}: {}", token.text.trim()),
                position: None,
                colormap: 0,
                held: cx.state.selection.tokens.contains(&pos),
                special: token.special,
                status: None,
                marks: ChipMarks::default(),
            };
            let response = chip.show(ui);
            respond(ui, cx, trace, pos, &response, "");
            if ends_line(&token.text) {
                ui.end_row();
            }
            idx += 1;
        }
    });
}

fn answer_chips(ui: &mut Ui, cx: &mut PanelContext<'_>, trace: &Trace) {
    let derived = cx.derived;
    let Some(colours) = &derived.chips else { return };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(1.0, 3.0);
        ui.label(RichText::new("Answer ").weak().small());
        for (idx, token) in trace.output.iter().enumerate() {
            let pos = TokenPos::Output(idx);
            let value = colours.output.get(idx).copied().flatten();
            let marks = marks(cx, idx, token);
            let chip = Chip {
                text: &token.text,
                label: format!("Token {idx}: {}{}", token.text.trim(), said_of(marks)),
                position: value.filter(|_| !token.special).map(|value| position(cx, colours, value)),
                colormap: cx.state.colour.style.colormap,
                held: cx.state.selection.tokens.contains(&pos),
                special: token.special,
                status: derived.truth.marks.of_token(idx).map(|word| word.marked.status),
                marks,
            };
            let response = chip.show(ui);
            if marks.flip == Some(FlipMark::First) {
                bring_into_sight(cx, idx, &response);
            }
            let value = value.map_or_else(|| "no attention row".to_owned(), format_value);
            respond(ui, cx, trace, pos, &response, &value);
            if ends_line(&token.text) {
                ui.end_row();
            }
        }
    });
}

/// The answer may be longer than its panel: the first choice that flips is scrolled to when it becomes another one.
fn bring_into_sight(cx: &mut PanelContext<'_>, token_idx: usize, response: &egui::Response) {
    let first = cx.state.compare.tried.map(|tried| (tried.run, token_idx));
    if cx.memory.first_flip != first {
        cx.memory.first_flip = first;
        response.scroll_to_me(None);
    }
}

/// What a contrastive strategy did to a token, and what another strength would.
fn marks(cx: &PanelContext<'_>, idx: usize, token: &OutputToken) -> ChipMarks {
    let flip = cx.derived.contrast.as_ref().and_then(|contrast| contrast.flip_of(idx));
    ChipMarks {
        change: None,
        contrasted: token.contrast.as_ref().is_some_and(|contrast| contrast.changed()),
        flip: flip.map(|(_, is_first)| if is_first { FlipMark::First } else { FlipMark::Later }),
    }
}

/// The same for those who hear the window.
fn said_of(marks: ChipMarks) -> String {
    let contrasted = if marks.contrasted { ", changed by the strategy" } else { "" };
    let flip = match marks.flip {
        Some(FlipMark::First) => ", first to flip",
        Some(FlipMark::Later) => ", would flip",
        None => "",
    };
    format!("{contrasted}{flip}")
}

fn respond(ui: &Ui, cx: &mut PanelContext<'_>, trace: &Trace, pos: TokenPos, response: &egui::Response, value: &str) {
    if response.hovered() {
        // A token without a row has no map to preview: what is held stays in sight.
        let has_row = match pos {
            TokenPos::Output(idx) => idx < trace.decoder_attention.len(),
            TokenPos::Prompt(idx) => trace.prompt_attention.iter().any(|(position, _)| *position == idx),
        };
        cx.hovered_token = has_row.then_some(pos).or(cx.hovered_token);
        response.clone().on_hover_ui(|ui| {
            ui.label(RichText::new(token_label(trace, pos)).strong());
            if let TokenPos::Output(idx) = pos
                && let Some(token) = trace.output.get(idx)
            {
                let branch = if token.contrast.is_some() { "in the ordinary branch: " } else { "" };
                ui.label(format!(
                    "{branch}probability {}, entropy {:.3} nats",
                    format_value(token.logprob.exp()),
                    token.entropy_nats
                ));
                if let Some(colours) = &cx.derived.chips {
                    ui.label(format!("{}: {value}", colours.title));
                }
                if let Some(word) = cx.derived.truth.marks.of_token(idx) {
                    let colour = crate::ui::theme::status(ui.visuals(), word.marked.status);
                    ui.colored_label(colour, super::origin::verdict(word, cx.state.truth.image.as_deref()));
                    if let Some((_, sentence)) = super::pope::word_said(cx.state, word.marked.mention.category) {
                        ui.label(sentence);
                    }
                }
                contrast::hover(ui, cx, idx, token);
                ui.weak("Its map is that of the position that predicted it");
            }
        });
    }
    if response.clicked() {
        click(ui, cx, pos);
    }
}

/// How it ended, and what was left out of it.
fn ending(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Run, trace: &Trace) {
    match &run.phase {
        Phase::Failed(why) => {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
        Phase::Cancelled => {
            ui.weak(if run.has_answer() { "Stopped here" } else { "Stopped before the first token" });
        }
        _ => {}
    }
    limit::show(ui, cx, run, trace);
    for warning in limit::warnings(trace) {
        let text = RichText::new(warning).small().color(ui.visuals().warn_fg_color);
        ui.add(egui::Label::new(text).wrap());
    }
}
