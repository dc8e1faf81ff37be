//! What a contrastive strategy did to a token: both branches' probabilities, what is left of them, and how firmly the
//! choice stands; and to the whole answer, with a strength to try without asking again.

use crate::trace::TokenContrast;
use crate::ui::core::command::{Command, CompareCommand, TriedStrength};
use crate::ui::core::settings::AskSettings;
use crate::ui::features::Run;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{ContrastMarks, Recorded, format_share};
use crate::ui::widgets::chip::{FlipMark, paint_corner, paint_flip};
use crate::ui::widgets::{named, say_bounds};
use eframe::egui;
use egui::{Align, Layout, Popup, PopupCloseBehavior, RectAlign, RichText, Sense, Slider, SliderClamping, Ui, vec2};

/// Candidates shown.
const MOST_ROWS: usize = 8;
/// Where the slider of strengths ends, unless the strategy says.
const MOST_STRENGTH: f64 = 4.0;
/// In less room than this beside the summary, what would flip is said where the strength is tried alone, points.
const LEAST_FLIPS_PT: f32 = 120.0;
/// Width of what tries another strength, points.
const TRIAL_PT: f32 = 420.0;
/// The strategies' own bound: what is larger cannot be asked.
const BOUND: f64 = 10.0;

/// One token's step.
pub(in crate::ui) fn show(ui: &mut Ui, contrast: &TokenContrast, strategy: &str) {
    let colour = if contrast.is_idle() { ui.visuals().warn_fg_color } else { ui.visuals().strong_text_color() };
    ui.add(egui::Label::new(RichText::new(contrast.sentence()).color(colour)).wrap());
    let text = format!("strength {:.2}; {}", contrast.alpha, held_range(contrast.alpha_from, contrast.alpha_to));
    ui.label(RichText::new(text).weak().small())
        .on_hover_text("Strengths of the contrast (alpha) at which the most probable token stays the same");
    egui::Grid::new("contrast").num_columns(4).striped(true).spacing([12.0, 2.0]).show(ui, |ui| {
        for (title, help) in [
            ("Candidate", "Of both branches and of the contrast, most probable first in the original one"),
            ("original", "Its probability without the contrast, at temperature 1"),
            (branch_words(strategy), "Its probability in the branch that the original is contrasted with"),
            ("contrasted", "Its probability after the contrast, before penalty and temperature"),
        ] {
            ui.label(RichText::new(title).weak().small()).on_hover_text(help);
        }
        ui.end_row();
        for candidate in contrast.candidates.iter().take(MOST_ROWS) {
            let text = RichText::new(format!("“{}”", candidate.text.replace('\n', "\\n")));
            let chosen = candidate.id == contrast.contrasted_id;
            ui.label(if chosen { text.strong() } else { text });
            ui.label(format_share(candidate.logprob.exp()));
            ui.label(format_share(candidate.negative_logprob.exp()));
            match candidate.final_logprob {
                Some(logprob) => ui.label(RichText::new(format_share(logprob.exp())).strong()),
                None => ui.weak("removed").on_hover_text("Less plausible than the cut-off without the contrast"),
            };
            ui.end_row();
        }
    });
}

/// The strengths at which a token stays what it is.
fn held_range(from: f64, to: Option<f64>) -> String {
    match to {
        None if from <= 0.0 => "the token holds for every strength".to_owned(),
        None => format!("the token holds from {from:.2} upwards"),
        Some(to) => format!("the token holds from {from:.2} to {to:.2}"),
    }
}

/// What the original is contrasted with, in each strategy's own words.
fn branch_words(strategy: &str) -> &'static str {
    match strategy {
        "vcd" => "noised photo",
        "damro" => "outlier patches",
        "icd" => "disturbed instruction",
        "pai-cfg" | "pai" | "m3id" => "no image",
        _ => "contrast branch",
    }
}

/// What the tried strength would make of a token. The strip says how much of that is valid.
pub(in crate::ui) fn flip_words(cx: &PanelContext<'_>, token_idx: usize) -> Option<String> {
    let (flip, _) = cx.derived.contrast.as_ref()?.flip_of(token_idx)?;
    let to = match (&flip.to, flip.is_certain) {
        (None, _) => "another token, which was not recorded".to_owned(),
        (Some(to), true) => format!("“{}”", to.trim()),
        (Some(to), false) => format!("“{}”, or a token that was not recorded", to.trim()),
    };
    Some(format!("at the tried strength this token would be {to}"))
}

/// The answer as a whole in one row: how many choices were changed, and the button behind which another strength is
/// tried. The row is the same whatever is tried, so that no word moves.
pub(in crate::ui) fn strip(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Run) {
    let derived = cx.derived;
    let Some(marks) = &derived.contrast else { return };
    let size = vec2(ui.available_width(), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        if !run.phase.is_active() {
            strength_button(ui, cx, run, marks);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            summary(ui, &contrast_name(run), marks);
            let is_tried = cx.state.compare.tried.is_some_and(|tried| tried.run == run.id);
            if is_tried && ui.available_width() > LEAST_FLIPS_PT {
                ui.separator();
                flips(ui, marks);
            }
        });
    });
}

/// Opens what tries another strength, above the answer.
fn strength_button(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Run, marks: &ContrastMarks) {
    let tried = cx.state.compare.tried.filter(|tried| tried.run == run.id);
    let text = tried.map_or_else(|| "Strength".to_owned(), |tried| format!("Strength {:.2}", tried.value));
    let button = ui.add(egui::Button::new(text).small().selected(tried.is_some()));
    named(ui, &button, "Strength");
    let help = "Another strength of the contrast, without running the model: words that would change light up";
    let button = button.on_hover_text(help);
    let popup = Popup::from_toggle_button_response(&button)
        .align(RectAlign::TOP_END)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(TRIAL_PT.min(ui.ctx().content_rect().width() * 0.9))
        .accessible_name("Strength of the contrast");
    popup.show(|ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            trial(ui, cx, run, marks);
        });
        if tried.is_some() {
            flips(ui, marks);
        } else {
            ui.label(RichText::new("Move the strength to see which tokens would change").small().weak());
        }
    });
}

/// The method that contrasts: the strategy, else the first of the others.
fn contrast_name(run: &Run) -> String {
    let strategy = Some(&run.question.strategy).filter(|strategy| !strategy.is_plain());
    let first = strategy.or(run.question.methods.first());
    first.map_or_else(String::new, |method| AskSettings::method_name(&method.name))
}

/// "VCD changed 3 of 14 tokens", with the sign that those carry.
fn summary(ui: &mut Ui, strategy: &str, marks: &ContrastMarks) {
    let nothing = marks.changed == 0;
    if !nothing {
        let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
        ui.painter().rect_filled(rect, 3.0, ui.visuals().widgets.inactive.bg_fill);
        paint_corner(ui.painter(), rect, ui.visuals());
    }
    let text = RichText::new(marks.sentence(strategy));
    let text = if nothing { text.color(ui.visuals().warn_fg_color) } else { text.strong() };
    let help = format!(
        "Tokens that differ from the most probable one without the contrast, in the same context; their corner is \
         marked. The contrast left {} of {} steps as they were",
        marks.idle, marks.steps
    );
    ui.add(egui::Label::new(text).truncate().show_tooltip_when_elided(false)).on_hover_text(help);
}

/// The slider: nothing is asked while it moves.
fn trial(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Run, marks: &ContrastMarks) {
    let (recorded, label, help) = match marks.recorded {
        Recorded::Always(alpha) => (alpha, "Strength (alpha)".to_owned(), format!("recorded at {alpha:.2}")),
        Recorded::FromTo(low, high) => {
            (1.0, "Strength ×".to_owned(), format!("recorded from {low:.2} to {high:.2}, 1 is as recorded"))
        }
    };
    let help = format!(
        "Try another strength of the contrast (alpha; {help}): tokens that would change light up. The model does not \
         run"
    );
    ui.label(RichText::new(label).weak()).on_hover_text(&help);
    let tried = cx.state.compare.tried.filter(|tried| tried.run == run.id);
    let before = tried.map_or(recorded, |tried| tried.value);
    let mut value = before;
    ui.spacing_mut().slider_width = 80.0;
    let most = MOST_STRENGTH.max(2.0 * recorded).min(BOUND);
    let slider = Slider::new(&mut value, 0.0..=most).clamping(SliderClamping::Never).max_decimals(3);
    let response = ui.add(slider).on_hover_text(help);
    named(ui, &response, "Strength to try");
    let is_new = (value - before).abs() > f64::EPSILON;
    say_bounds(ui, &response, is_new.then_some(value), [0.0, BOUND]);
    if is_new {
        let value = value.clamp(0.0, BOUND);
        let same = (value - recorded).abs() < 1e-9;
        let tried = (!same).then_some(TriedStrength { run: run.id, value });
        cx.emit(Command::Compare(CompareCommand::Try(tried)));
    }
    // Always there, so that nothing moves under the pointer when the slider does.
    let back = ui.add_enabled(tried.is_some(), egui::Button::new("As recorded").small());
    let back = back.on_hover_text("Back to the strength of this answer");
    if back.on_disabled_hover_text("No other strength is tried").clicked() {
        cx.emit(Command::Compare(CompareCommand::Try(None)));
    }
    let can_ask = cx.state.strength_of(run).is_some() && matches!(marks.recorded, Recorded::Always(_));
    let why_not = if can_ask {
        "Try another strength first"
    } else {
        "No one parameter of this strategy sets its strength at every step"
    };
    let again = ui.add_enabled(can_ask && tried.is_some(), egui::Button::new("Ask again").small());
    named(ui, &again, "Ask again at this strength");
    let again = again
        .on_hover_text(
            "The same question with this strength and nothing else changed; later questions are asked as before",
        )
        .on_disabled_hover_text(why_not);
    if again.clicked() {
        cx.emit(Command::Compare(CompareCommand::AskAtTried));
        ui.close();
    }
}

/// What would flip, and how much of it is valid: one line.
fn flips(ui: &mut Ui, marks: &ContrastMarks) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        if !marks.flipped.is_empty() {
            for (flip, word) in [(FlipMark::First, "first"), (FlipMark::Later, "later")] {
                let (rect, _) = ui.allocate_exact_size(vec2(14.0, 12.0), Sense::hover());
                paint_flip(ui.painter(), rect.shrink(2.0), flip, ui.visuals());
                ui.label(RichText::new(word).small());
            }
        }
        let text = marks.flips_sentence();
        let label = egui::Label::new(RichText::new(&text).small().weak()).truncate();
        ui.add(label.show_tooltip_when_elided(false)).on_hover_text(text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_and_branches_are_said_in_plain_words() {
        assert_eq!(held_range(0.0, None), "the token holds for every strength", "nothing changes it");
        assert_eq!(held_range(0.09, None), "the token holds from 0.09 upwards", "changed below");
        assert_eq!(held_range(0.5, Some(2.0)), "the token holds from 0.50 to 2.00", "changed on both sides");
        let ask = crate::ui::core::settings::AskSettings::default();
        for id in ask.strategies().iter().map(|entry| entry.id).filter(|id| *id != "plain") {
            assert_ne!(branch_words(id), "contrast branch", "{id} has a word of its own");
        }
    }
}
