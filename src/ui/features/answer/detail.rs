//! What is known of the word under the pointer, or of the held one, below the answer: it covers no word, and nothing
//! moves when it changes.

use crate::trace::{OutputToken, Trace};
use crate::ui::core::wording::count;
use crate::ui::features::answer::{legend, pointing};
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{ChipColours, format_value, token_label};
use crate::ui::features::mitigation::contrast;
use crate::ui::features::pope::panel as pope;
use crate::ui::features::truth::origin;
use crate::ui::features::{Direction, TokenPos};
use crate::ui::widgets::theme;
use eframe::egui;
use egui::accesskit::Role;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Color32, Sense, TextStyle, Ui, WidgetInfo, vec2};
use std::ops::RangeInclusive;

/// Lines of the text.
const ROWS: usize = 2;
/// The same where tokens have a second branch, of which there is more to say.
const ROWS_CONTRASTED: usize = 3;

fn rows(trace: &Trace) -> usize {
    if trace.output.iter().any(|token| token.contrast.is_some()) { ROWS_CONTRASTED } else { ROWS }
}

fn line_pt(ui: &Ui) -> f32 {
    ui.text_style_height(&TextStyle::Small)
}

/// Height that it takes, points: the same whatever it says.
pub(in crate::ui) fn height_pt(ui: &Ui, trace: &Trace) -> f32 {
    rows(trace) as f32 * line_pt(ui) + 2.0
}

/// Shows it. `pointed` is the token of this panel under the pointer, with the word that it belongs to.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &PanelContext<'_>, trace: &Trace, pointed: Option<TokenPos>) {
    let mut text = Text::new(ui, rows(trace));
    say(&mut text, ui, cx, trace, pointed);
    let size = vec2(ui.available_width(), height_pt(ui, trace));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let whole = text.0.text.clone();
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &whole));
    let galley = ui.painter().layout_job(text.wrapped(size.x));
    let is_cut = galley.elided;
    ui.painter().galley(rect.min + vec2(0.0, 1.0), galley, ui.visuals().text_color());
    if is_cut {
        response.on_hover_text(whole);
    }
}

/// Pieces of text in colours of their own.
struct Text(LayoutJob, TextFormat);

impl Text {
    fn new(ui: &Ui, max_rows: usize) -> Self {
        let format = TextFormat::simple(TextStyle::Small.resolve(ui.style()), ui.visuals().text_color());
        Self(LayoutJob { wrap: TextWrapping { max_rows, ..TextWrapping::default() }, ..LayoutJob::default() }, format)
    }

    fn add(&mut self, text: &str, colour: Option<Color32>) {
        let format = TextFormat { color: colour.unwrap_or(self.1.color), ..self.1.clone() };
        if !self.0.text.is_empty() {
            self.0.append(" · ", 0.0, self.1.clone());
        }
        self.0.append(text, 0.0, format);
    }

    fn wrapped(self, width_pt: f32) -> LayoutJob {
        let wrap = TextWrapping { max_width: width_pt, ..self.0.wrap };
        LayoutJob { wrap, ..self.0 }
    }
}

fn say(text: &mut Text, ui: &Ui, cx: &PanelContext<'_>, trace: &Trace, pointed: Option<TokenPos>) {
    let selection = &cx.state.selection;
    let held = || (selection.tokens.len() == 1).then(|| selection.tokens.first().copied()).flatten();
    if let Some(pos) = pointed.or(selection.hovered_token).or_else(held) {
        return token(text, ui, cx, trace, pos);
    }
    let word = trace.words().into_iter().find(|word| selection.holds_word(word));
    let marked = selection.tokens.first().and_then(|pos| match pos {
        TokenPos::Output(idx) => cx.derived.truth.marks.of_token(*idx),
        TokenPos::Prompt(_) => None,
    });
    let marked = marked.filter(|marked| selection.holds_word(&marked.tokens));
    match (marked.map(|marked| &marked.tokens).or(word.as_ref()), selection.tokens.len()) {
        (Some(tokens), num_tokens) => {
            let (first, last) = (tokens.start(), tokens.end());
            let strong = Some(ui.visuals().strong_text_color());
            text.add(&format!("tokens {first} to {last} “{}”", word_text(trace, tokens)), strong);
            verdict(text, ui, cx, *first);
            text.add(&format!("point at one of its {num_tokens} pieces for its numbers"), Some(weak(ui)));
        }
        (None, 0) if selection.direction == Direction::PatchesToTokens && selection.patches.is_empty() => {
            let hint = "Click patches on the photo to see how much each word looked at them";
            text.add(hint, Some(theme::accent(ui.visuals())));
        }
        (None, 0) => text.add("Point at a word for its numbers and its map; click to keep them", Some(weak(ui))),
        (None, num_tokens) => text.add(&format!("{} selected", count(num_tokens, "token")), Some(weak(ui))),
    }
}

fn weak(ui: &Ui) -> Color32 {
    ui.visuals().weak_text_color()
}

fn word_text(trace: &Trace, word: &RangeInclusive<usize>) -> String {
    let pieces = trace.output.iter().skip(*word.start()).take(word.end() + 1 - word.start());
    pieces.map(|token| token.text.as_str()).collect::<String>().trim().to_owned()
}

fn token(text: &mut Text, ui: &Ui, cx: &PanelContext<'_>, trace: &Trace, pos: TokenPos) {
    let mut title = token_label(trace, pos);
    let word = match pos {
        TokenPos::Output(idx) => {
            trace.words().into_iter().find(|word| word.contains(&idx) && word.start() < word.end())
        }
        TokenPos::Prompt(_) => None,
    };
    if let (TokenPos::Output(idx), Some(word)) = (pos, &word) {
        let (nr, of) = (idx + 1 - word.start(), word.end() + 1 - word.start());
        title = format!("{title}, piece {nr} of {of} of “{}”", word_text(trace, word));
    }
    text.add(&title, Some(ui.visuals().strong_text_color()));
    match pos {
        TokenPos::Output(idx) => {
            if let Some(token) = trace.output.get(idx) {
                numbers(text, cx, idx, token);
                verdict(text, ui, cx, idx);
                if let Some(step) = &token.contrast {
                    text.add(&step.sentence(), None);
                    if let Some(flip) = contrast::flip_words(cx, idx) {
                        text.add(&flip, Some(ui.visuals().warn_fg_color));
                    }
                }
            }
        }
        TokenPos::Prompt(_) if pointing::has_row(trace, pos) => text.add("click to keep its map", Some(weak(ui))),
        TokenPos::Prompt(_) => text.add("its attention was not recorded (Settings)", Some(weak(ui))),
    }
}

fn numbers(text: &mut Text, cx: &PanelContext<'_>, idx: usize, token: &OutputToken) {
    let branch = if token.contrast.is_some() { "in the ordinary branch: " } else { "" };
    let probability = format_value(token.logprob.exp());
    text.add(&format!("{branch}probability {probability}, entropy {:.3} nats", token.entropy_nats), None);
    if let Some(colours) = &cx.derived.chips {
        let value = colours.output.get(idx).copied().flatten();
        if let Some(value) = value_words(cx, colours, value) {
            text.add(&value, None);
        }
    }
}

/// The value that gives the chip its colour, unless it is one of those that are always there.
fn value_words(cx: &PanelContext<'_>, colours: &ChipColours, value: Option<f32>) -> Option<String> {
    use crate::ui::core::settings::ChipQuantity;
    let name = match cx.state.chips {
        _ if colours.is_reverse() => "on the selected patches",
        ChipQuantity::ImageShare => legend::quantity_name(ChipQuantity::ImageShare),
        ChipQuantity::Probability | ChipQuantity::Entropy => return None,
        ChipQuantity::ElbowK => {
            return value.map(|value| format!("{} {value:.0}", legend::quantity_name(ChipQuantity::ElbowK)));
        }
        ChipQuantity::BaseRank => {
            let name = legend::quantity_name(ChipQuantity::BaseRank);
            return Some(value.map_or_else(|| format!("{name} not measured"), |value| format!("{name} {value:.0}")));
        }
    };
    Some(value.map_or_else(|| "no attention row".to_owned(), |value| format!("{name} {}", format_value(value))))
}

/// What ground truth, and the model when it was asked, say of an object word.
fn verdict(text: &mut Text, ui: &Ui, cx: &PanelContext<'_>, idx: usize) {
    let Some(word) = cx.derived.truth.marks.of_token(idx) else { return };
    let colour = theme::status(ui.visuals(), word.marked.status);
    text.add(&origin::verdict(word, cx.state.truth.image.as_deref()), Some(colour));
    if let Some((_, sentence)) = pope::word_said(cx.state, word.marked.mention.category) {
        text.add(&sentence, None);
    }
}
