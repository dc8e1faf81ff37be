//! What the pointer does on the tokens of prompt and answer: it previews their maps, a click keeps them.

use crate::trace::Trace;
use crate::ui::core::command::{Command, Extend};
use crate::ui::core::pane::Pane;
use crate::ui::features::TokenPos;
use crate::ui::features::context::{PanelContext, hold_word};
use eframe::egui;
use egui::Ui;
use std::ops::RangeInclusive;

/// Whether a token has a map.
pub(in crate::ui) fn has_row(trace: &Trace, pos: TokenPos) -> bool {
    match pos {
        TokenPos::Output(idx) => idx < trace.decoder_attention.len(),
        TokenPos::Prompt(idx) => trace.prompt_attention.iter().any(|(position, _)| *position == idx),
    }
}

/// Follows the pointer on one token, which may be a piece of a word. Returns whether it is on it.
pub(in crate::ui) fn respond(
    ui: &Ui,
    cx: &mut PanelContext<'_>,
    trace: &Trace,
    (pos, word): (TokenPos, Option<&RangeInclusive<usize>>),
    response: &egui::Response,
) -> bool {
    if response.hovered() {
        // A token without a row has no map to preview: what is held stays in sight.
        cx.hovered_token = has_row(trace, pos).then_some(pos).or(cx.hovered_token);
    }
    if response.clicked() {
        click(ui, cx, pos, word);
    }
    menu(cx, trace, (pos, word), response);
    response.hovered()
}

/// What can be done with a word of the answer, at the pointer.
fn menu(
    cx: &mut PanelContext<'_>,
    trace: &Trace,
    (pos, word): (TokenPos, Option<&RangeInclusive<usize>>),
    response: &egui::Response,
) {
    let TokenPos::Output(idx) = pos else { return };
    let word = word.cloned().unwrap_or(idx..=idx);
    response.context_menu(|ui| {
        let text: String = word.clone().filter_map(|idx| Some(trace.output.get(idx)?.text.as_str())).collect();
        let is_held = cx.state.selection.holds_word(&word);
        if ui.button(format!("Copy “{}”", text.trim())).clicked() {
            ui.ctx().copy_text(text.trim().to_owned());
            ui.close();
        }
        if ui.button("Copy the answer").clicked() {
            cx.emit(Command::CopyAnswer);
            ui.close();
        }
        for (label, pane) in [("Where it came from", Pane::Origin), ("What else it could have been", Pane::Candidates)]
        {
            if ui.button(label).clicked() {
                // Holding a held word would let go of it.
                if !is_held {
                    cx.emit(Command::HoldWord(*word.start(), *word.end()));
                }
                cx.emit(Command::ShowPane(pane));
                ui.close();
            }
        }
    });
}

/// A click on one token of an object word, or of a word that is shown as one, takes the whole word.
fn click(ui: &Ui, cx: &mut PanelContext<'_>, pos: TokenPos, word: Option<&RangeInclusive<usize>>) {
    let extend = ui.input(|input| match (input.modifiers.shift, input.modifiers.command) {
        (true, _) => Extend::Range,
        (false, true) => Extend::Toggle,
        (false, false) => Extend::Replace,
    });
    let derived = cx.derived;
    if let TokenPos::Output(idx) = pos
        && let Some(object) = derived.truth.marks.of_token(idx).filter(|_| extend == Extend::Replace)
    {
        return hold_word(cx, object);
    }
    cx.emit(match word.map(|word| (*word.start(), *word.end())) {
        Some((first, last)) if extend == Extend::Replace => Command::HoldWord(first, last),
        Some((first, last)) => Command::ExtendByWord(first, last, extend),
        None => Command::ClickToken(pos, extend),
    });
}
