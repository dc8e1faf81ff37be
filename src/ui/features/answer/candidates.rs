//! What else the token could have been.

use crate::trace::OutputToken;
use crate::ui::core::command::Command;
use crate::ui::core::pane::TableKind;
use crate::ui::features::answer::forks;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{candidates_subject, format_share};
use crate::ui::widgets::empty;
use eframe::egui;
use egui::{Align2, Rect, Response, RichText, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

const ROW_PT: f32 = 20.0;
/// Rows that are listed at first.
const FIRST_ROWS: usize = 5;
/// What the scroll bar covers while it is in sight.
const BAR_PT: f32 = 10.0;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if !cx.state.has_decoder() {
        return empty(ui, "No candidates", "This model has no decoder: it chooses no words");
    }
    let Some(trace) = cx.state.current_run().and_then(|run| run.trace.as_ref()) else {
        return empty(ui, "No answer yet", "Ask a question to see what else the model could have said");
    };
    forks::show(ui, cx);
    let Some((idx, token)) = candidates_subject(cx.state, trace) else {
        return empty(ui, "Click a word of the answer", "The other words that the model could have chosen appear here");
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(format!("Token {idx} {}", quoted(&token.text))).strong());
        crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Candidates);
    });
    header(ui, token);
    forks::switch_button(ui, cx, idx);
    if let Some(contrast) = &token.contrast {
        let strategy = cx.state.current_run().map_or("", |run| run.question.strategy.name.as_str());
        crate::ui::features::mitigation::contrast::show(ui, contrast, strategy);
        ui.add_space(4.0);
        ui.label(RichText::new("Original").strong());
    }
    let can_fork = cx.state.current_run().is_some_and(|run| !run.phase.is_active());
    if can_fork {
        ui.label(RichText::new("Click a candidate to continue from there with it").weak().small());
    }
    let mut forked = None;
    let most = if cx.memory.all_candidates { token.candidates.len() } else { FIRST_ROWS };
    for (rank, candidate) in token.candidates.iter().enumerate() {
        if rank >= most && candidate.id != token.id {
            continue; // the chosen one is in sight, whatever its rank
        }
        let chosen = candidate.id == token.id;
        let response = candidate_row(ui, rank, &candidate.text, candidate.logprob, chosen, can_fork && !chosen);
        if response.clicked() {
            forked = Some(candidate.id);
        }
    }
    if token.candidates.len() > FIRST_ROWS {
        let all = format!("All {}", token.candidates.len());
        let text = if cx.memory.all_candidates { format!("First {FIRST_ROWS}") } else { all };
        if ui.small_button(text).on_hover_text("How many candidates are listed").clicked() {
            cx.memory.all_candidates ^= true;
        }
    }
    if !token.candidates.iter().any(|candidate| candidate.id == token.id) {
        candidate_row(ui, token.candidates.len(), &token.text, token.logprob, true, false);
        ui.weak("The chosen token is not among the twenty most probable");
    }
    if let Some(id) = forked {
        cx.emit(Command::Fork(idx, Some(id)));
    }
}

fn header(ui: &mut Ui, token: &OutputToken) {
    let rank = token.candidates.iter().position(|candidate| candidate.id == token.id);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        if token.contrast.is_some() {
            ui.label("original:").on_hover_text("Without the contrast; the table below has the result");
        }
        ui.label(rank.map_or_else(|| "rank above 20".to_owned(), |rank| format!("rank {}", rank + 1)));
        ui.label(format!("logprob {:.3}", token.logprob))
            .on_hover_text("Natural logarithm of its probability at temperature 1");
        ui.label(format!("entropy {:.3} nats", token.entropy_nats))
            .on_hover_text("How undecided the model was: 0 is certain, ln(vocabulary) is anything");
    });
    ui.add_space(2.0);
}

fn quoted(text: &str) -> String {
    format!("“{}”", text.replace('\n', "\\n"))
}

/// A candidate with its probability; `can_fork` makes it a button.
fn candidate_row(ui: &mut Ui, rank: usize, text: &str, logprob: f32, chosen: bool, can_fork: bool) -> Response {
    let probability = logprob.exp();
    let (sense, role) = if can_fork {
        (Sense::click(), egui::accesskit::Role::Button)
    } else {
        (Sense::hover(), egui::accesskit::Role::Label)
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), sense);
    let label = format!("Candidate {} {} {}", rank + 1, quoted(text), format_share(probability));
    response.widget_info(|| WidgetInfo::labeled(role, true, &label));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    if can_fork && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect, 2.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    let visuals = ui.visuals();
    let font = TextStyle::Body.resolve(ui.style());
    let small = TextStyle::Small.resolve(ui.style());
    let (text_right, number_left) = (rect.left() + 0.34 * rect.width(), rect.right() - 96.0 - BAR_PT);
    let bar = Rect::from_min_max(pos2(text_right, rect.top() + 4.0), pos2(number_left - 6.0, rect.bottom() - 4.0));
    let painter = ui.painter();
    painter.rect_filled(bar, 2.0, visuals.faint_bg_color);
    let filled = Rect::from_min_size(bar.min, vec2(bar.width() * probability.clamp(0.0, 1.0), bar.height()));
    let accent = crate::ui::widgets::theme::accent(visuals);
    painter.rect_filled(filled, 2.0, if chosen { accent } else { accent.gamma_multiply(0.45) });
    let colour = if chosen { visuals.strong_text_color() } else { visuals.text_color() };
    let left = painter.with_clip_rect(Rect::from_min_max(rect.min, pos2(text_right - 4.0, rect.bottom())));
    left.text(pos2(rect.left(), rect.center().y), Align2::LEFT_CENTER, quoted(text), font, colour);
    let numbers = format!("{}  {logprob:.2}", format_share(probability));
    painter.text(pos2(rect.right() - BAR_PT, rect.center().y), Align2::RIGHT_CENTER, numbers, small, colour);
    let end = match (chosen, can_fork) {
        (true, _) => ", chosen",
        (false, true) => "\nClick: keep what stands before and continue with this token",
        (false, false) => "",
    };
    response.on_hover_text(format!("{label}, logprob {logprob:.4}{end}"))
}
