//! The answer as chips, below its legend and above what is known of the word under the pointer.

use super::progress;
use crate::engine::RunId;
use crate::render::Colouring;
use crate::trace::{OutputToken, Trace};
use crate::ui::features::answer::pointing::respond;
use crate::ui::features::answer::{detail, legend, limit, prompt, similarity, verdict};
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::ChipColours;
use crate::ui::features::mitigation::contrast;
use crate::ui::features::{Phase, Run, TokenPos};
use crate::ui::widgets::chip::{Chip, ChipMarks, FlipMark, ends_line, show_word};
use crate::ui::widgets::empty;
use eframe::egui;
use egui::{RichText, Ui, vec2};

/// Prompt and answer get this much, however small their panel is, points.
const LEAST_ROOM_PT: f32 = 48.0;

/// What was scrolled to.
#[derive(Debug, Default)]
pub(in crate::ui) struct AnswerMemory {
    /// The answer that is in sight.
    shown: Option<RunId>,
    /// It was still running in the last frame.
    was_active: bool,
    /// The first held token.
    held: Option<TokenPos>,
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let state = cx.state;
    let Some(run) = state.current_run() else {
        let next = if state.model.info.is_some() { state.question_advice() } else { "The model is being opened" };
        let words = similarity::wording(state.model.task());
        return empty(ui, words.invitation, if state.has_decoder() { next } else { words.hint });
    };
    let Some(trace) = &run.trace else {
        return match &run.phase {
            Phase::Failed(why) => empty(ui, "The question failed", why),
            _ => empty(ui, run.prompt_text(), &progress::waiting(state, run)),
        };
    };
    if !trace.has_decoder() {
        return similarity::show(ui, run, trace);
    }
    legend::show(ui, cx);
    contrast::strip(ui, cx, run);
    verdict::show(ui, cx, run, trace);
    let room_pt = ui.available_height() - detail::height_pt(ui, trace) - ui.spacing().item_spacing.y;
    let scroll = egui::ScrollArea::vertical().id_salt(("answer", run.id.0)).auto_shrink(false);
    let scroll = scroll.max_height(room_pt.max(LEAST_ROOM_PT)).min_scrolled_height(LEAST_ROOM_PT);
    let pointed = scroll.stick_to_bottom(run.phase.is_active()).show(ui, |ui| {
        let prompt = prompt::show(ui, cx, trace);
        ui.add_space(2.0);
        let top = ui.cursor().min;
        let answer = answer_chips(ui, cx, trace);
        ending(ui, cx, run, trace);
        let bottom = ui.min_rect().max.max(top);
        follow(ui, cx.memory.of::<AnswerMemory>(), run, egui::Rect::from_min_max(top, bottom));
        prompt.or(answer)
    });
    detail::show(ui, cx, trace, pointed.inner);
}

/// An answer that comes into sight begins at the top, whatever stands before it; where one has just ended, its end
/// stays in sight, though lines that speak of the whole answer have come above it.
fn follow(ui: &Ui, memory: &mut AnswerMemory, run: &Run, answer: egui::Rect) {
    let is_active = run.phase.is_active();
    let is_new = memory.shown.replace(run.id) != Some(run.id);
    let was_active = std::mem::replace(&mut memory.was_active, is_active);
    if is_active {
        return;
    }
    if is_new {
        ui.scroll_to_rect(answer, Some(egui::Align::TOP));
    } else if was_active {
        ui.scroll_to_rect(egui::Rect::from_min_max(answer.left_bottom(), answer.max), None);
    }
}

fn position(cx: &PanelContext<'_>, colours: &ChipColours, value: f32) -> f32 {
    let style = crate::render::HeatStyle { range: colours.range, gamma: 1.0, ..cx.state.colour.style };
    Colouring::new(&style, crate::render::colormap(style.colormap)).position(value).0
}

/// Shows the answer; returns the token under the pointer.
fn answer_chips(ui: &mut Ui, cx: &mut PanelContext<'_>, trace: &Trace) -> Option<TokenPos> {
    let newly_held = newly_held(cx);
    let mut words = if cx.state.pieces { Vec::new() } else { trace.words() }.into_iter().peekable();
    let mut pointed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(1.0, 3.0);
        ui.label(RichText::new("Answer ").weak().small());
        let mut idx = 0;
        while idx < trace.output.len() {
            let word = words.next_if(|word| *word.start() <= idx);
            let pieces = word.clone().unwrap_or(idx..=idx);
            let chips: Vec<Chip<'_>> = pieces.clone().filter_map(|idx| chip(cx, trace, idx)).collect();
            let responses = show_word(ui, chips);
            for (idx, response) in pieces.clone().zip(&responses) {
                let pos = TokenPos::Output(idx);
                if respond(ui, cx, trace, (pos, word.as_ref()), response) {
                    pointed = Some(pos);
                }
                if newly_held == Some(pos) {
                    response.scroll_to_me(None);
                }
                if cx.derived.contrast.as_ref().and_then(|marks| marks.flip_of(idx)).is_some_and(|flip| flip.1) {
                    bring_into_sight(cx, idx, response);
                }
            }
            if trace.output.get(*pieces.end()).is_some_and(|token| ends_line(&token.text)) {
                ui.end_row();
            }
            idx = pieces.end() + 1;
        }
    });
    pointed
}

/// One token.
fn chip<'a>(cx: &PanelContext<'_>, trace: &'a Trace, idx: usize) -> Option<Chip<'a>> {
    let token = trace.output.get(idx)?;
    let colours = cx.derived.chips.as_ref()?;
    let value = colours.output.get(idx).copied().flatten();
    let marks = marks(cx, idx, token);
    Some(Chip {
        text: &token.text,
        label: format!("Token {idx}: {}{}", token.text.trim(), said_of(marks)),
        position: value.filter(|_| !token.special).map(|value| position(cx, colours, value)),
        colormap: cx.state.colour.style.colormap,
        held: cx.state.selection.tokens.contains(&TokenPos::Output(idx)),
        special: token.special,
        status: cx.derived.truth.marks.of_token(idx).map(|word| word.marked.status),
        marks,
    })
}

/// The first held token of the answer, once, when it is another one than before: keys that walk the words scroll to it.
fn newly_held(cx: &mut PanelContext<'_>) -> Option<TokenPos> {
    let held = cx.state.selection.tokens.iter().find(|pos| matches!(pos, TokenPos::Output(_))).copied();
    let before = std::mem::replace(&mut cx.memory.of::<AnswerMemory>().held, held);
    held.filter(|held| Some(*held) != before)
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
