//! The prompt as the model got it: folded to one line, or a chip for every token.

use crate::trace::Trace;
use crate::ui::core::wording::count as counted;
use crate::ui::features::TokenPos;
use crate::ui::features::answer::pointing::respond;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::chip::{Chip, ChipMarks, ends_line};
use eframe::egui;
use egui::{RichText, Sense, Ui, vec2};

/// Size of the triangle before the line, points.
const ICON_PT: f32 = 10.0;

/// Whether the prompt is unfolded.
#[derive(Debug, Default)]
pub(in crate::ui) struct PromptMemory {
    /// By a click.
    open: bool,
    /// Because one of its tokens is held, until none is.
    opened_itself: bool,
    /// One of its tokens was held in the last frame.
    was_held: bool,
}

impl PromptMemory {
    /// Follows the selection: what is held comes into sight.
    fn follow(&mut self, is_held: bool) {
        if is_held != self.was_held {
            self.opened_itself = is_held;
        }
        self.was_held = is_held;
    }

    fn is_open(&self) -> bool {
        self.open || self.opened_itself
    }

    fn toggle(&mut self) {
        self.open = !self.is_open();
        self.opened_itself = false;
    }
}

/// Shows it; returns the token under the pointer.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, trace: &Trace) -> Option<TokenPos> {
    let held = cx.state.selection.tokens.iter().any(|pos| matches!(pos, TokenPos::Prompt(_)));
    cx.memory.of::<PromptMemory>().follow(held);
    let is_open = cx.memory.of::<PromptMemory>().is_open();
    let title = format!("Prompt ({})", counted(trace.prompt.len(), "token"));
    let line = if is_open { title } else { format!("{title}: {}", one_line(trace)) };
    // No tooltip: it would cover the answer.
    let clicked = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let (_, icon) = ui.allocate_exact_size(vec2(ICON_PT, ICON_PT), Sense::hover());
        egui::collapsing_header::paint_default_icon(ui, if is_open { 1.0 } else { 0.0 }, &icon);
        ui.add(egui::Button::new(RichText::new(line).small().weak()).frame(false).truncate().small()).clicked()
    });
    if clicked.inner {
        cx.memory.of::<PromptMemory>().toggle();
    }
    if is_open { chips(ui, cx, trace) } else { None }
}

/// "USER: [576 image tokens] What is this? ASSISTANT:".
fn one_line(trace: &Trace) -> String {
    let mut line = String::new();
    let mut num_image = 0;
    for token in trace.prompt.iter() {
        if token.image {
            num_image += 1;
            continue;
        }
        image_tokens(&mut line, &mut num_image);
        if !token.special {
            line.push_str(&token.text);
        }
    }
    image_tokens(&mut line, &mut num_image);
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn image_tokens(line: &mut String, num_image: &mut usize) {
    if *num_image > 0 {
        line.extend([" [", &counted(std::mem::take(num_image), "image token"), "] "]);
    }
}

fn chips(ui: &mut Ui, cx: &mut PanelContext<'_>, trace: &Trace) -> Option<TokenPos> {
    let mut pointed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(1.0, 3.0);
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
            if respond(ui, cx, trace, (pos, None), &response) {
                pointed = Some(pos);
            }
            if ends_line(&token.text) {
                ui.end_row();
            }
            idx += 1;
        }
    });
    pointed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_opens_for_what_is_held_and_folds_again() {
        let mut memory = PromptMemory::default();
        memory.follow(true);
        assert!(memory.is_open(), "a held token is in sight");
        memory.toggle();
        memory.follow(true);
        assert!(!memory.is_open(), "a click folds it all the same");
        memory.follow(false);
        memory.follow(true);
        memory.follow(false);
        assert!(!memory.is_open(), "folded again when nothing of it is held");
        memory.toggle();
        memory.follow(true);
        memory.follow(false);
        assert!(memory.is_open(), "what was unfolded by hand stays so");
    }

    #[test]
    fn the_line_counts_image_tokens_in_place() {
        let state = crate::ui::features::testing::answered();
        let trace = state.current_run().and_then(|run| run.trace.as_ref()).expect("an answer");
        let line = one_line(trace);
        assert!(line.starts_with("[4 image tokens]") && !line.contains("<s>"), "{line}");
    }
}
