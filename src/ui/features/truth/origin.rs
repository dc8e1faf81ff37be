//! Where a word came from: which part of the input it looked at, which objects, and what else it could have been.

use crate::analysis::chair::Status;
use crate::analysis::{AttentionSplit, Rank, TokenOrigin, WordOrigin};
use crate::ui::core::command::Command;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{axis_label, format_share};
use crate::ui::features::pope::panel::{ask_words, said_beside};
use crate::ui::features::truth::numbers::outputs;
use crate::ui::features::truth::objects::{colour, swatch};
use crate::ui::features::truth::{ImageTruth, MarkedWord};
use crate::ui::widgets::empty;
use eframe::egui;
use egui::{Rect, RichText, Sense, Ui, pos2, vec2};

/// Candidates shown of each token.
const MOST_CANDIDATES: usize = 5;

/// What is said of an object word, in one sentence.
pub(in crate::ui) fn verdict(word: &MarkedWord, truth: Option<&ImageTruth>) -> String {
    let category = word.marked.mention.category;
    let sources = truth.map_or("", |truth| truth.sources);
    match word.marked.status {
        Status::Grounded => format!("{category}: in the photo, by its {sources}"),
        Status::Hallucinated => format!("{category}: hallucinated, not in the photo by its {sources}"),
        Status::Unknown => format!("{category}: no ground truth for this photo"),
    }
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if !cx.state.has_decoder() {
        return empty(ui, "No words", "This model has no decoder: it chooses no words");
    }
    summary(ui, cx);
    let Some(trace) = cx.state.current_run().and_then(|run| run.trace.as_ref()) else {
        return empty(ui, "No answer yet", "Ask a question, then click an object word");
    };
    let Some(tokens) = outputs(cx.state, trace) else {
        return empty(ui, "Click a word of the answer", "Where the word came from appears here");
    };
    let choice = cx.state.view.decoder;
    let place = format!("{}, {}", axis_label("layer", choice.layer), axis_label("head", choice.head));
    let derived = cx.derived;
    match &derived.truth.origin {
        None => {}
        Some(Err(why)) => empty(ui, "No origin for this word", why),
        Some(Ok(origin)) => {
            header(ui, cx, origin, &tokens);
            if let Some(split) = origin.mean_split {
                let mean = if origin.tokens.len() > 1 {
                    format!(", mean over {} tokens", origin.num_split)
                } else {
                    String::new()
                };
                ui.label(RichText::new(format!("Its attention in the decoder, {place}{mean}")).weak().small());
                split_bar(ui, split);
            }
            went_to(ui, cx, &place);
            for token in &origin.tokens {
                candidates(ui, token, origin.tokens.len());
            }
        }
    }
}

/// How many object words there are of each kind; each is a way to the word.
fn summary(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let derived = cx.derived;
    let marks = &derived.truth.marks;
    if marks.words.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new("Object words").weak().small());
        for word in &marks.words {
            let colour = crate::ui::widgets::theme::status(ui.visuals(), word.marked.status);
            let text = RichText::new(&word.marked.mention.word).color(colour).underline();
            let response = ui.add(egui::Label::new(text).sense(Sense::click()));
            let response = response.on_hover_text(verdict(word, cx.state.truth.image.as_deref()));
            if response.clicked() {
                crate::ui::features::context::hold_word(cx, word);
            }
            said_beside(ui, cx.state, word.marked.mention.category);
        }
        ask_words(ui, cx);
    });
    if let Some(judged) = marks.sentence() {
        let sources = cx.state.truth.image.as_ref().map_or("", |truth| truth.sources);
        ui.label(RichText::new(format!("{judged}, by {sources}")).small());
    }
    ui.separator();
}

fn header(ui: &mut Ui, cx: &PanelContext<'_>, origin: &WordOrigin, tokens: &[usize]) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(format!("“{}”", origin.text.replace('\n', "\\n"))).strong());
        ui.label(format!("probability {}", format_share(narrow(origin.probability))))
            .on_hover_text("Of the whole word after what stood before it, at temperature 1");
        ui.label(format!("entropy {:.3} nats", origin.mean_entropy_nats))
            .on_hover_text("How undecided the model was; the mean over the word's tokens");
    });
    let word = tokens.first().and_then(|first| cx.derived.truth.marks.of_token(*first));
    if let Some(word) = word {
        let colour = crate::ui::widgets::theme::status(ui.visuals(), word.marked.status);
        ui.colored_label(colour, verdict(word, cx.state.truth.image.as_deref()));
    }
}

/// The five parts of the attention as one bar.
fn split_bar(ui: &mut Ui, split: AttentionSplit) {
    let names = ["first token", "system text", "image", "question", "answer"];
    let colours = crate::ui::widgets::theme::parts(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    let mut left = rect.left();
    for (part, colour) in split.parts().into_iter().zip(colours) {
        let right = left + rect.width() * narrow(part).clamp(0.0, 1.0);
        let piece = Rect::from_min_max(pos2(left, rect.top()), pos2(right.min(rect.right()), rect.bottom()));
        ui.painter().rect_filled(piece, 0.0, colour);
        left = right;
    }
    let all = names.iter().zip(split.parts()).map(|(name, part)| format!("{name} {:.2} %", 100.0 * part));
    let all: Vec<String> = all.collect();
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::accesskit::Role::Image, true, format!("Attention split: {}", all.join(", ")))
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for ((name, part), colour) in names.iter().zip(split.parts()).zip(colours) {
            swatch(ui, colour);
            ui.label(RichText::new(format!("{name} {:.1} %", 100.0 * part)).small());
        }
    });
}

/// The objects that the word's own image attention lies on, whatever map the photo shows.
fn went_to(ui: &mut Ui, cx: &mut PanelContext<'_>, place: &str) {
    let shares = &cx.derived.truth.word_shares;
    let Some(truth) = cx.state.truth.image.as_ref().filter(|_| !shares.is_empty()) else { return };
    ui.add_space(4.0);
    let sink = if cx.state.view.suppress_sink { ", without the first position" } else { "" };
    let help = format!(
        "The decoder's attention on the image when it chose the word ({place}{sink}): the fraction inside the \
         masks of each category, and that over the part of the seen photo that they take, where 1 is chance. Masks \
         may overlap"
    );
    ui.label(RichText::new("Its image attention lies on (share; times chance)").weak().small()).on_hover_text(help);
    for share in shares.iter().take(6) {
        let Some(category) = truth.category(share.category) else { continue };
        ui.horizontal(|ui| {
            swatch(ui, colour(category.id));
            let (rect, _) = ui.allocate_exact_size(vec2(80.0, 10.0), Sense::hover());
            ui.painter().rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
            let filled = Rect::from_min_size(rect.min, vec2(rect.width() * narrow(share.share).clamp(0.0, 1.0), 10.0));
            ui.painter().rect_filled(filled, 2.0, crate::ui::widgets::theme::accent(ui.visuals()));
            let ratio = share.ratio.map_or_else(|| "not seen".to_owned(), |ratio| format!("{ratio:.2}×"));
            let text = format!("{} {:.1} %  {ratio}", category.name, 100.0 * share.share);
            if ui.link(text).on_hover_text("Score the map against these objects").clicked() {
                cx.commands.push(Command::ChooseCategory(category.name.clone()));
            }
        });
    }
}

fn candidates(ui: &mut Ui, token: &TokenOrigin, tokens: usize) {
    ui.add_space(4.0);
    let rank = match token.rank {
        Rank::At(rank) => format!("rank {rank}"),
        Rank::Beyond(count) => format!("rank above {count}"),
    };
    let part =
        if tokens > 1 { format!("Token {} “{}”: ", token.output_idx, token.text.trim()) } else { String::new() };
    ui.label(
        RichText::new(format!("{part}{rank}, entropy {:.3} nats; it could have been", token.entropy_nats))
            .weak()
            .small(),
    );
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        for candidate in token.candidates.iter().take(MOST_CANDIDATES) {
            let text =
                format!("“{}” {}", candidate.text.trim().replace('\n', "\\n"), format_share(candidate.logprob.exp()));
            let chosen = candidate.text == token.text;
            ui.label(if chosen { RichText::new(text).strong() } else { RichText::new(text) });
        }
    });
}

#[expect(clippy::cast_possible_truncation, reason = "a part of 1, for painting and a few digits")]
fn narrow(part: f64) -> f32 {
    part as f32
}
