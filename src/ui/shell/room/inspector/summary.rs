//! A folded section in one line.

use crate::analysis::chair::Status;
use crate::analysis::localisation::metrics;
use crate::render::{Resampling, colormap};
use crate::ui::core::pane::Pane;
use crate::ui::core::wording::count;
use crate::ui::features::attention::colours;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{candidates_subject, format_share};
use crate::ui::features::truth::numbers::outputs;
use crate::ui::widgets::theme;
use eframe::egui::{Color32, Visuals};

/// The selected word, its probability, and whether its object is in the photo.
pub(super) fn word(visuals: &Visuals, cx: &PanelContext<'_>) -> Option<(String, Color32)> {
    let trace = cx.state.current_run()?.trace.as_ref()?;
    let tokens = outputs(cx.state, trace)?;
    let origin = cx.derived.truth.origin.as_ref()?.as_ref().ok()?;
    let text = format!("“{}”", origin.text.trim().replace('\n', "\\n"));
    #[expect(clippy::cast_possible_truncation, reason = "a part of 1, shown with three digits")]
    let probability = format_share(origin.probability as f32);
    let marked = tokens.first().and_then(|first| cx.derived.truth.marks.of_token(*first));
    let (said, colour) = match marked.map(|word| word.marked.status) {
        Some(Status::Grounded) => ("  in the photo", theme::status(visuals, Status::Grounded)),
        Some(Status::Hallucinated) => ("  hallucinated", theme::status(visuals, Status::Hallucinated)),
        Some(Status::Unknown) | None => ("", visuals.strong_text_color()),
    };
    Some((format!("{text}  probability {probability}{said}"), colour))
}

/// What a section would show first.
pub(super) fn of(cx: &PanelContext<'_>, pane: Pane) -> Option<String> {
    let trace = || cx.state.current_run().and_then(|run| run.trace.as_ref());
    match pane {
        Pane::Candidates => {
            let (_, token) = candidates_subject(cx.state, trace()?)?;
            let other = token.candidates.iter().find(|candidate| candidate.id != token.id)?;
            Some(format!("or “{}” {}", other.text.trim().replace('\n', "\\n"), format_share(other.logprob.exp())))
        }
        Pane::Origin => {
            let split = cx.derived.truth.origin.as_ref()?.as_ref().ok()?.mean_split?;
            let text = split.system_text + split.question + split.answer;
            Some(format!(
                "image {:.0} %, text {:.0} %, first token {:.0} %",
                100.0 * split.image,
                100.0 * text,
                100.0 * split.first_token
            ))
        }
        Pane::Outliers => {
            let found = cx.slow_numbers.outlier_agreement.as_ref()?.as_ref().ok()?;
            Some(format!("F {:.3} (chance {:.3})", found.on_top?, found.on_top_by_chance))
        }
        Pane::Heads => {
            let (layers, heads) = cx.state.shape()?;
            let heads = if cx.state.view.source.has_heads() { heads } else { 1 };
            Some(format!("{} × {}", count(layers, "layer"), count(heads, "head")))
        }
        Pane::Layers => {
            let values = cx.derived.grid.values()?;
            let heads = values.heads.max(1);
            let mean = |row: &[f32]| row.iter().map(|value| f64::from(*value)).sum::<f64>() / row.len().max(1) as f64;
            let means = values.image_shares.chunks(heads).map(mean);
            let (layer, largest) = means.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
            Some(format!("largest in layer {layer}: {largest:.3}"))
        }
        Pane::Metrics => {
            let scores = cx.derived.truth.scores.as_ref()?.as_ref().ok()?;
            let category = cx.state.truth.category()?;
            let (metric, value) = metrics().zip(&scores.values).find(|(_, value)| value.is_ok())?;
            Some(format!("{}: {} {:.3}", category.name, metric.label, value.as_ref().ok()?))
        }
        Pane::Colours => {
            let style = cx.state.colour.style;
            let resampling = match style.resampling {
                Resampling::Nearest => "nearest",
                Resampling::Bilinear => "bilinear",
                Resampling::Bicubic => "bicubic",
                Resampling::Lanczos => "Lanczos",
            };
            Some(format!("{}, {}, {resampling}", colormap(style.colormap).label, colours::range_words(cx)))
        }
        Pane::Objects => {
            let truth = cx.state.truth.image.as_ref()?;
            let names: Vec<String> = truth
                .categories
                .iter()
                .map(|category| match category.count {
                    1 => category.name.clone(),
                    several => format!("{several} × {}", category.name),
                })
                .collect();
            Some(if names.is_empty() { "none annotated".to_owned() } else { names.join(", ") })
        }
        Pane::Notes => {
            let notes = cx.state.current_notes()?;
            let tags: Vec<&str> = notes.tags.iter().map(String::as_str).collect();
            Some(match (tags.is_empty(), notes.note.trim()) {
                (true, "") => "none".to_owned(),
                (true, note) => note.to_owned(),
                (false, "") => tags.join(", "),
                (false, note) => format!("{}: {note}", tags.join(", ")),
            })
        }
        Pane::Pope => {
            let items = cx.state.pope_items()?;
            Some(if items.is_empty() { "no questions".to_owned() } else { count(items.len(), "question") })
        }
        Pane::Images
        | Pane::Photo
        | Pane::Compare
        | Pane::Figure
        | Pane::Study
        | Pane::Pairs
        | Pane::Question
        | Pane::Inspector
        | Pane::Mitigation
        | Pane::Prompting => None,
    }
}
