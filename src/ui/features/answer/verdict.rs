//! Beside the answer to a yes/no question about an object: whether it is right, how probable yes was, and what it was
//! without mitigation.

use crate::analysis::chair::Status;
use crate::analysis::pope::{Label, Said, YesProbability, scorer, with_article};
use crate::prompting::{asked_object, object_of};
use crate::trace::Trace;
use crate::ui::features::context::PanelContext;
use crate::ui::features::{Phase, Run, yes_probability};
use crate::ui::widgets::theme;
use eframe::egui;
use egui::{RichText, Ui};

/// The scorer that reads an answer: it alone knows answers that say neither, and reads whole sentences.
const SCORER: &str = "icd";
/// Bounds closer together than this are one number.
const EXACT: f64 = 0.0005;

/// The right answer, and who knows it.
pub(in crate::ui) struct Known {
    pub(in crate::ui) label: Label,
    why: String,
}

/// The right answer to a question about an object, by POPE's questions or by the annotated objects; `None` where nobody
/// knows.
pub(in crate::ui) fn label(cx: &PanelContext<'_>, question: &str, object: Option<&str>) -> Option<Known> {
    if let Some(label) = cx.state.label_of_question(question) {
        let said = if label == Label::Yes { "yes" } else { "no" };
        return Some(Known { label, why: format!("POPE: {said}") });
    }
    let object = object.map(str::to_owned).or_else(|| asked_object(question)).or_else(|| object_of(question))?;
    let instances = cx.state.browse.dataset.as_ref().and_then(|dataset| dataset.instances());
    let known = instances.map(|instances| instances.categories()).unwrap_or_default();
    let label = cx.derived.truth.label_of(&object, cx.state.truth.image.as_ref()?, known)?;
    let category = cx.derived.truth.category_of(&object);
    let what = if label == Label::Yes { with_article(&category) } else { format!("no {category}") };
    Some(Known { label, why: format!("{what} is annotated") })
}

/// One line, where the shown question is about an object.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &PanelContext<'_>, run: &Run, trace: &Trace) {
    let Some(object) = asked_object(run.prompt_text()).filter(|_| !trace.output.is_empty()) else { return };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let said = said(trace);
        match (label(cx, run.prompt_text(), Some(&object)), said) {
            _ if run.phase.is_active() => {}
            (_, Said::Unknown) => {
                ui.weak("neither yes nor no");
            }
            (Some(known), said) => {
                let is_right = (said == Said::Yes) == (known.label == Label::Yes);
                let (word, status) =
                    if is_right { ("right", Status::Grounded) } else { ("wrong", Status::Hallucinated) };
                let text = RichText::new(format!("{word} ({})", known.why));
                ui.label(text.color(theme::status(ui.visuals(), status)));
            }
            (None, _) => {
                ui.weak("no annotation names this object");
            }
        }
        probabilities(ui, cx, run, trace);
    });
}

/// "P(yes) 0.33, plain 0.41".
fn probabilities(ui: &mut Ui, cx: &PanelContext<'_>, run: &Run, trace: &Trace) {
    let help = "Softmax of yes and no alone at the first token, after the contrast where there is a second branch; \
                a range where one of them is not among the recorded candidates";
    let of = |trace: &Trace| yes_probability(trace).map_or_else(|| "unknown".to_owned(), |yes| probability(&yes));
    let mut text = format!("· P(yes) {}", of(trace));
    let plain = cx.state.plain_answer(run).and_then(|plain| Some((plain, plain.trace.as_ref()?)));
    if let Some((plain, before)) = plain {
        text = format!("{text}, plain {}", of(before));
        if run.phase == Phase::Finished && plain.phase == Phase::Finished {
            text.push_str(if said(before) == said(trace) { ": the same answer" } else { ": another answer" });
        }
    }
    ui.label(text).on_hover_text(help);
}

fn said(trace: &Trace) -> Said {
    scorer(SCORER).map_or(Said::Unknown, |scorer| scorer.said(&trace.text()))
}

/// "0.33", or "0.97 to 1.00" where it is not known exactly.
fn probability(yes: &YesProbability) -> String {
    if yes.at_most - yes.at_least < EXACT {
        format!("{:.2}", yes.yes)
    } else {
        format!("{:.2} to {:.2}", yes.at_least, yes.at_most)
    }
}
