//! Models without a decoder: texts beside a photo instead of an answer.

use crate::analysis::sources;
use crate::engine::{ModelTask, Stage};
use crate::trace::{TextSimilarity, Trace};
use crate::ui::core::settings::ViewState;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::format_share;
use crate::ui::features::{Phase, Run, Source};
use crate::ui::widgets::empty;
use eframe::egui;
use egui::{RichText, Ui};

/// Width of a softmax bar, points.
const BAR_PT: f32 = 150.0;

/// What the question panel says for one kind of model.
pub(in crate::ui) struct Wording {
    /// In the empty prompt box.
    pub(in crate::ui) hint: &'static str,
    /// Name of the prompt box.
    pub(in crate::ui) prompt: &'static str,
    /// Lines of the empty prompt box.
    pub(in crate::ui) rows: usize,
    /// On the button.
    pub(in crate::ui) button: &'static str,
    /// Whether the button needs words.
    pub(in crate::ui) needs_text: bool,
    /// Why the button is off.
    pub(in crate::ui) missing: &'static str,
    /// In place of an answer.
    pub(in crate::ui) invitation: &'static str,
}

/// The words for a kind of model.
pub(in crate::ui) fn wording(task: ModelTask) -> Wording {
    match task {
        ModelTask::Answer => Wording {
            hint: "Ask about the photo…",
            prompt: "Question about the photo",
            rows: 1,
            button: "Ask",
            needs_text: true,
            missing: "Type a question first",
            invitation: "Ask about this photo",
        },
        ModelTask::Compare => Wording {
            hint: "Texts to compare with the photo, one a line (Shift+Enter makes a new line)",
            prompt: "Texts to compare with the photo",
            rows: 3,
            button: "Compare texts",
            needs_text: true,
            missing: "Type a text first",
            invitation: "Compare texts with this photo",
        },
        ModelTask::See => Wording {
            hint: "This encoder takes no words: press the button to see its attention",
            prompt: "Words are not used by this encoder",
            rows: 1,
            button: "Look",
            needs_text: false,
            missing: "",
            invitation: "Look at this photo",
        },
    }
}

/// Several texts as one line, for buttons.
pub(in crate::ui) fn one_line(prompt: &str) -> String {
    prompt.replace('\n', " / ")
}

/// The source row of an encoder.
pub(in crate::ui) fn encoder_source(ui: &mut Ui, cx: &PanelContext<'_>, view: &mut ViewState) {
    let trace = cx.state.current_run().and_then(|run| run.trace.as_ref());
    let is_there = |source: Source| trace.is_some_and(|trace| source.is_in(trace, view.encoder));
    let rows = if is_there(Source::RECEIVED) { Source::RECEIVED } else { Source::VISION };
    ui.add_enabled(false, egui::Button::selectable(false, "Decoder"))
        .on_disabled_hover_text("This model has no decoder, so only its vision encoder looks at the photo");
    let shown = |source: &Source| {
        let has_rows = [Source::VISION, Source::RECEIVED].contains(source);
        *source == rows || (!has_rows && source.is_encoder() && is_there(*source))
    };
    for source in sources().filter(shown) {
        let help = if source == Source::VISION {
            "Where the vision encoder's [CLS] token looked; the same for every text"
        } else {
            source.help()
        };
        let button = egui::Button::selectable(view.source == source, source.name());
        if ui.add(button).on_hover_text(help).clicked() {
            view.source = source;
        }
    }
}

/// Where a run without a decoder is, in words; `None` for one with a decoder.
pub(in crate::ui) fn progress(run: &Run) -> Option<String> {
    let trace = run.trace.as_ref().filter(|trace| !trace.has_decoder())?;
    match &run.phase {
        Phase::Working(Stage::Prefill | Stage::Decode) => Some("Comparing the texts".to_owned()),
        Phase::Finished => Some(match trace.similarity.len() {
            0 => "Looked at the photo".to_owned(),
            1 => "1 text compared".to_owned(),
            texts => format!("{texts} texts compared"),
        }),
        _ => None,
    }
}

/// The texts with bars and numbers.
pub(in crate::ui) fn show(ui: &mut Ui, run: &Run, trace: &Trace) {
    if trace.similarity.is_empty() {
        return empty(ui, "This encoder only sees", "Its attention lies on the photo, for every layer and head");
    }
    egui::ScrollArea::both().id_salt(("similarity", run.id.0)).auto_shrink(false).show(ui, |ui| {
        egui::Grid::new(("similarity rows", run.id.0)).num_columns(5).striped(true).spacing([14.0, 5.0]).show(
            ui,
            |ui| {
                header(ui);
                let largest = trace.similarity.iter().map(|text| text.probability).fold(0.0, f32::max);
                for text in &trace.similarity {
                    text_row(ui, text, text.probability >= largest);
                }
            },
        );
    });
}

fn header(ui: &mut Ui) {
    for (title, help) in [
        ("Text", "In the order they were typed"),
        (
            "Softmax (%)",
            "Softmax of the logits over these texts: it says which of them fits best, not whether one fits at all",
        ),
        ("", ""),
        ("Cosine (-1 to 1)", "Cosine between the embeddings of the photo and of the text"),
        ("Logit", "The cosine times the model's learned scale, exp(logit_scale)"),
    ] {
        let label = ui.label(RichText::new(title).weak().small());
        if !help.is_empty() {
            label.on_hover_text(help);
        }
    }
    ui.end_row();
}

fn text_row(ui: &mut Ui, text: &TextSimilarity, best: bool) {
    let shown = RichText::new(&text.text);
    ui.label(if best { shown.strong() } else { shown });
    let fill = crate::ui::widgets::theme::accent(ui.visuals());
    let bar = egui::ProgressBar::new(text.probability.clamp(0.0, 1.0)).desired_width(BAR_PT).desired_height(10.0);
    let bar = ui.add(bar.fill(fill));
    crate::ui::widgets::named(ui, &bar, &format!("Softmax of {}", text.text));
    ui.label(format_share(text.probability));
    ui.label(format!("{:.4}", text.cosine));
    ui.label(format!("{:.3}", text.logit));
    ui.end_row();
}
