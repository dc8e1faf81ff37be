//! The table of questions, answers and verdicts.

use crate::analysis::pope::{Confusion, Figures, Scorer, YesProbability, scorers};
use crate::ui::core::command::{Command, PopeCommand};
use crate::ui::core::pane::TableKind;
use crate::ui::features::clipboard::menu as copy_menu;
use crate::ui::features::context::PanelContext;
use crate::ui::features::{PopeRow, PopeTable};
use crate::ui::widgets::theme;
use eframe::egui;
use egui::accesskit::Role;
use egui::{RichText, Ui, WidgetInfo};

/// Characters of an answer that are shown; the rest is in its tooltip.
const MOST_CHARS: usize = 24;
/// Bounds closer together than this are one number.
const EXACT: f64 = 0.0005;

type Figure = fn(&Figures) -> Option<f64>;

/// What is said of all answers together.
const FIGURES: [(&str, &str, Figure); 5] = [
    ("Accuracy", "Right answers", |figures| figures.accuracy),
    ("Precision", "Of those counted as yes, the present ones", |figures| figures.precision),
    ("Recall", "Of those present, the ones counted as yes", |figures| figures.recall),
    ("F1", "Harmonic mean of precision and recall", |figures| figures.f1),
    ("Yes ratio", "Counted as yes; half of POPE's questions are about present objects", |figures| figures.yes_ratio),
];

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &PopeTable<'_>) {
    egui::ScrollArea::horizontal().id_salt("pope table").auto_shrink([false, true]).show(ui, |ui| {
        let columns = 5 + scorers().len();
        egui::Grid::new("pope rows").num_columns(columns).striped(true).spacing([10.0, 3.0]).show(ui, |ui| {
            header(ui);
            for (idx, row) in table.rows.iter().enumerate() {
                question(ui, cx, idx, row);
            }
        });
    });
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        copy_menu::show(ui, cx, TableKind::PopeFigures);
        let header = egui::CollapsingHeader::new(RichText::new(in_short(&table.totals)).small());
        header.id_salt("pope figures").show(ui, |ui| summary(ui, table));
    });
}

/// All scorers in one line.
fn in_short(totals: &[Confusion]) -> String {
    let figures = || totals.iter().map(Confusion::figures);
    let accuracies = || figures().filter_map(|figures| figures.accuracy);
    let (least, most) = (accuracies().fold(f64::INFINITY, f64::min), accuracies().fold(f64::NEG_INFINITY, f64::max));
    let agree = totals.windows(2).all(|pair| pair.first() == pair.last());
    match totals.first().map(Confusion::figures) {
        _ if accuracies().next().is_none() => "Scorers: nothing to score yet".to_owned(),
        Some(figures) if agree => {
            format!("All scorers agree: accuracy {}, F1 {}", percent(figures.accuracy), percent(figures.f1))
        }
        _ => format!("Scorers differ: accuracy {} to {}", percent(Some(least)), percent(Some(most))),
    }
}

fn header(ui: &mut Ui) {
    for (title, help) in [
        ("", "Right or wrong by the first scorer; the others stand on the right"),
        (
            "P(yes)",
            "Softmax of yes and no alone, before the first token was chosen; a range where one of them is not among \
                the 20 candidates",
        ),
        ("Answer", "What the model said"),
        ("Label", "The right answer"),
        ("Question", "A click shows its run, or asks it"),
    ] {
        ui.label(RichText::new(title).weak().small()).on_hover_text(help);
    }
    for scorer in scorers() {
        let help = format!("{}\n{}\n{}", scorer.id, scorer.help, scorer.paper);
        ui.label(RichText::new(scorer.label).weak().small()).on_hover_text(help);
    }
    ui.end_row();
}

fn question(ui: &mut Ui, cx: &mut PanelContext<'_>, idx: usize, row: &PopeRow<'_>) {
    let run = row.run().filter(|id| cx.state.runs.get(*id).is_some());
    let shown = run.is_some() && cx.state.current_run().map(|run| run.id) == run;
    if let Some(first) = scorers().first() {
        mark(ui, row, first);
    }
    let yes = row.answer.and_then(|answer| answer.yes.as_ref());
    match yes {
        Some(yes) => ui
            .label(probability(yes))
            .on_hover_text(format!("{:.6}; between {:.6} and {:.6}", yes.yes, yes.at_least, yes.at_most)),
        None if row.answer.is_some() => {
            ui.label("–").on_hover_text("Neither yes nor no is among the 20 most probable first tokens")
        }
        None => ui.label(""),
    };
    answer(ui, idx, row);
    ui.label(if row.label().is_empty() { "–" } else { row.label() });
    let response = ui.selectable_label(shown, &row.item.text);
    let name = format!("POPE question {}: {}", idx + 1, row.item.text);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, shown, &name));
    let does = match (run, row.answer) {
        (Some(_), _) => "Click: show its run",
        (None, Some(_)) => "Its attention was forgotten to keep within the budget. Click: ask again",
        (None, None) => "Click: ask it",
    };
    let kind = if row.item.kind.is_empty() { String::new() } else { format!("{}\n", row.item.kind) };
    if response.on_hover_text(format!("{kind}{does}")).clicked() {
        cx.emit(match run {
            Some(run) => Command::ShowRun(run),
            None => Command::Pope(PopeCommand::Ask(row.item.clone())),
        });
    }
    for scorer in scorers() {
        verdict(ui, row, scorer);
    }
    ui.end_row();
}

fn answer(ui: &mut Ui, idx: usize, row: &PopeRow<'_>) {
    let (text, help) = match row.answer.map(|answer| &answer.text) {
        _ if row.running.is_some() => ("…".to_owned(), "It is being asked".to_owned()),
        None => (String::new(), String::new()),
        Some(Err(why)) => ("failed".to_owned(), why.clone()),
        Some(Ok(text)) => {
            let dots = if text.chars().count() > MOST_CHARS { "…" } else { "" };
            let short: String = text.chars().take(MOST_CHARS).collect();
            (format!("{}{dots}", short.replace('\n', " ")), text.clone())
        }
    };
    let response = ui.label(&text);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Answer {}: {text}", idx + 1)));
    if !help.is_empty() {
        response.on_hover_text(help);
    }
}

/// "0.982", or "0.97–1" where it is not known exactly.
fn probability(yes: &YesProbability) -> String {
    if yes.at_most - yes.at_least < EXACT {
        format!("{:.3}", yes.yes)
    } else {
        format!("{:.3}–{:.3}", yes.at_least, yes.at_most)
    }
}

fn verdict(ui: &mut Ui, row: &PopeRow<'_>, scorer: &Scorer) {
    let verdict = row.verdict(scorer);
    let colour = match verdict {
        "right" => theme::status(ui.visuals(), crate::analysis::chair::Status::Grounded),
        "wrong" => theme::status(ui.visuals(), crate::analysis::chair::Status::Hallucinated),
        _ => ui.visuals().weak_text_color(),
    };
    ui.label(RichText::new(verdict).color(colour).small());
}

/// A sign for right or wrong, which a narrow panel has room for.
fn mark(ui: &mut Ui, row: &PopeRow<'_>, scorer: &Scorer) {
    let (sign, status) = match row.verdict(scorer) {
        "right" => ("✔", crate::analysis::chair::Status::Grounded),
        "wrong" => ("✖", crate::analysis::chair::Status::Hallucinated),
        _ => ("", crate::analysis::chair::Status::Unknown),
    };
    let response = ui.label(RichText::new(sign).color(theme::status(ui.visuals(), status)));
    if !sign.is_empty() {
        response.on_hover_text(format!("{} by {}", row.verdict(scorer), scorer.label));
    }
}

/// Every scorer's metrics over the answers so far.
fn summary(ui: &mut Ui, table: &PopeTable<'_>) {
    let over = "Over the answered questions of this photo as they are listed, repeated ones too";
    egui::ScrollArea::horizontal().id_salt("pope figures").auto_shrink([false, true]).show(ui, |ui| {
        egui::Grid::new("pope figures").num_columns(1 + FIGURES.len()).striped(true).spacing([8.0, 1.0]).show(
            ui,
            |ui| {
                ui.label(RichText::new("Scorer").weak().small()).on_hover_text(over);
                for (name, help, _) in FIGURES {
                    ui.label(RichText::new(name).weak().small()).on_hover_text(format!("{help}\n{over}"));
                }
                ui.end_row();
                for (scorer, confusion) in scorers().iter().zip(&table.totals) {
                    ui.label(RichText::new(scorer.label).small())
                        .on_hover_text(format!("{}\n{}\n{}", scorer.id, scorer.help, scorer.paper));
                    for (name, _, figure) in FIGURES {
                        let raw = RichText::new(percent(figure(&confusion.figures()))).small();
                        ui.label(raw).on_hover_text(counts(scorer, name, confusion, figure));
                    }
                    ui.end_row();
                }
            },
        );
    });
}

fn counts(scorer: &Scorer, name: &str, confusion: &Confusion, figure: Figure) -> String {
    let Confusion { true_positives, false_positives, true_negatives, false_negatives, excluded } = confusion;
    format!(
        "{name} by {}: {}\nBalanced, as if as many were absent as present: {}\nPresent: {true_positives} yes, \
            {false_negatives} no; absent: {false_positives} yes, {true_negatives} no; left out: {excluded}",
        scorer.label,
        percent(figure(&confusion.figures())),
        percent(figure(&confusion.balanced())),
    )
}

fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| "–".to_owned(), |part| format!("{:.1} %", 100.0 * part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::pope::YesNoIds;

    #[test]
    fn a_probability_that_is_not_known_exactly_is_a_range() {
        let yes = |yes, at_least, at_most| YesProbability { yes, at_least, at_most, ids: YesNoIds::default() };
        assert_eq!(probability(&yes(0.5, 0.5, 0.5)), "0.500", "exact");
        assert_eq!(probability(&yes(1.0, 0.97, 1.0)), "0.970–1.000", "no was not among the candidates");
        assert_eq!(percent(None), "–", "nothing divided by nothing");
    }

    #[test]
    fn scorers_that_agree_are_one_line() {
        let right = Confusion { true_positives: 3, true_negatives: 1, ..Confusion::default() };
        let wrong = Confusion { false_positives: 1, true_negatives: 1, ..Confusion::default() };
        assert_eq!(in_short(&[right, right]), "All scorers agree: accuracy 100.0 %, F1 100.0 %", "one figure");
        assert_eq!(in_short(&[right, wrong]), "Scorers differ: accuracy 50.0 % to 100.0 %", "the range");
        assert_eq!(in_short(&[Confusion::default(); 2]), "Scorers: nothing to score yet", "nothing was answered");
    }
}
