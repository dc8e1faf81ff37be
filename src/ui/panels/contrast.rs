//! What a contrastive strategy did to a token: both branches' probabilities, what is left of them, and how firmly the choice stands.

use crate::trace::TokenContrast;
use crate::ui::derived::format_share;
use eframe::egui;
use egui::{RichText, Ui};

/// Candidates shown.
const MOST_ROWS: usize = 8;

pub(super) fn show(ui: &mut Ui, contrast: &TokenContrast) {
    let colour = if contrast.is_idle() { ui.visuals().warn_fg_color } else { ui.visuals().strong_text_color() };
    ui.add(egui::Label::new(RichText::new(contrast.sentence()).color(colour)).wrap());
    let to = contrast.alpha_to.map_or_else(|| "any".to_owned(), |to| format!("{to:.2}"));
    ui.label(
        RichText::new(format!(
            "strength {:.2}; the choice stays from {:.2} to {to}",
            contrast.alpha, contrast.alpha_from
        ))
        .weak()
        .small(),
    )
    .on_hover_text("The strengths of the contrast (alpha) between which the most probable token after it is the same");
    egui::Grid::new("contrast").num_columns(4).striped(true).spacing([12.0, 2.0]).show(ui, |ui| {
        for (title, help) in [
            ("Candidate", "Of both branches and of the contrast, most probable first in the ordinary branch"),
            ("ordinary", "Its probability in the ordinary branch, at temperature 1"),
            ("other branch", "Its probability in the other branch"),
            ("after", "Its probability after the contrast, before penalty and temperature"),
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
                None => ui.weak("removed").on_hover_text("Less plausible than the cut-off in the ordinary branch"),
            };
            ui.end_row();
        }
    });
}
