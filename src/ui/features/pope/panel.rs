//! POPE: yes/no questions about objects, asked one after another, and what each published scorer makes of the answers.

mod table;

use crate::analysis::chair::Status;
use crate::analysis::pope::{Label, Negatives, NounVerdict, Template, questions_for_mentions, suffixes};
use crate::engine::ModelTask;
use crate::ui::core::command::{Command, PopeCommand, PopeItem};
use crate::ui::core::pane::TableKind;
use crate::ui::core::settings::{PopeSettings, PopeSource};
use crate::ui::features::context::PanelContext;
use crate::ui::features::truth::MarkedWord;
use crate::ui::features::{AppState, PopeTable, WordSaid};
use crate::ui::widgets::{choice, empty, named, row};
use eframe::egui;
use egui::{DragValue, RichText, Ui};

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let state = cx.state;
    if state.model.info.is_some() && state.model.task() != ModelTask::Answer {
        return empty(ui, "No questions", "This model has no decoder: it answers no questions");
    }
    if state.current_image().is_none() {
        return empty(ui, "No photo", "Open one to ask about its objects");
    }
    settings(ui, cx);
    let table = PopeTable::of(state);
    asking(ui, cx, &table);
    if table.rows.is_empty() {
        let (what, next) = nothing(state);
        return empty(ui, what, next);
    }
    table::show(ui, cx, &table);
}

/// Why there are no questions.
fn nothing(state: &AppState) -> (&'static str, &'static str) {
    if state.current_row().is_none() {
        return ("Nothing is known about this photo", "Open POPE's questions or a COCO instances file that list it");
    }
    match (state.pope_items(), state.pope_source()) {
        (None, _) => ("Generating the questions…", ""),
        (Some(_), PopeSource::File) => {
            ("The question file has none about this photo", "Generate them from its objects")
        }
        (Some(_), PopeSource::Made) => ("No annotated objects", "Open a COCO instances file that lists this photo"),
        (Some(_), PopeSource::Words) => ("The answer mentions no object", ""),
    }
}

fn settings(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut settings = cx.state.pope.settings;
    let source = cx.state.pope_source();
    let mut sources = Vec::new();
    if cx.state.browse.dataset.as_ref().is_some_and(|dataset| dataset.questions().is_some()) {
        sources.push((PopeSource::File, "question file", "The questions that the opened file has about this photo"));
    }
    sources.push((PopeSource::Made, "generated", "About the annotated objects, and about as many absent ones"));
    if cx.state.pope.words.as_ref().is_some_and(|(image, _)| Some(image) == cx.state.current_image()) {
        sources.push((PopeSource::Words, "object words", "About the objects that an answer mentions"));
    }
    if let Some(source) = choice(ui, source, &sources) {
        settings.source = Some(source);
    }
    let summary = summary(&settings, source);
    let header = egui::CollapsingHeader::new(RichText::new(summary).weak().small()).id_salt("pope settings");
    header.show(ui, |ui| {
        suffix(ui, &mut settings);
        if source == PopeSource::Made {
            made(ui, &mut settings);
        }
    });
    if settings != cx.state.pope.settings {
        cx.emit(Command::Pope(PopeCommand::Set(settings)));
    }
}

/// The settings in one short line.
fn summary(settings: &PopeSettings, source: PopeSource) -> String {
    let asked = settings.suffix().map_or("", |suffix| suffix.label);
    if source != PopeSource::Made {
        return format!("Prompt: {asked}");
    }
    let options = settings.options;
    let most = options.most_positives.map_or_else(|| "All".to_owned(), |most| format!("First {most}"));
    format!("{most}, {}, seed {}; {asked}", options.negatives.id(), options.seed)
}

fn suffix(ui: &mut Ui, settings: &mut PopeSettings) {
    row(ui, "Asked as", "The text after the question; published results differ in it", |ui| {
        let chosen = settings.suffix().map_or("", |suffix| suffix.label);
        let combo = egui::ComboBox::from_id_salt("pope suffix").selected_text(chosen).truncate();
        let response = combo.show_ui(ui, |ui| {
            for (idx, suffix) in suffixes().iter().enumerate() {
                let help = format!("“…?{}”\n{}", suffix.text, suffix.paper);
                ui.selectable_value(&mut settings.suffix, idx, suffix.label).on_hover_text(help);
            }
        });
        named(ui, &response.response, "The text after the question");
    });
}

fn made(ui: &mut Ui, settings: &mut PopeSettings) {
    let options = &mut settings.options;
    row(ui, "Absent", "How absent objects are chosen, by the images of this data set", |ui| {
        let ways = [
            (Negatives::Random, "random", "Any object of the data set, by the seed"),
            (Negatives::Popular, "popular", "The most frequent objects of the data set"),
            (Negatives::Adversarial, "adversarial", "What most often occurs with the object asked about before"),
        ];
        if let Some(negatives) = choice(ui, options.negatives, &ways) {
            options.negatives = negatives;
        }
    });
    row(ui, "Present", "Objects of the photo that are asked about, in the annotations' order", |ui| {
        let ways = [(Some(3), "first 3", "As in POPE's files"), (None, "all", "Every category once")];
        if let Some(most) = choice(ui, options.most_positives, &ways) {
            options.most_positives = most;
        }
    });
    row(ui, "Wording", "Of the question", |ui| {
        let ways = [
            (Template::Shipped, "an apple in the image", "As in the files that POPE ships"),
            (
                Template::Imange,
                "an apple in the imange (sic)",
                "As POPE's own script writes it, typo included: “an” for every “a”",
            ),
        ];
        if let Some(template) = choice(ui, options.template, &ways) {
            options.template = template;
        }
    });
    row(ui, "Seed", "Of the random selection: the same seed asks the same questions", |ui| {
        let response = ui.add(DragValue::new(&mut options.seed));
        named(ui, &response, "Seed of the questions");
    });
}

/// The buttons, and how far it is.
fn asking(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &PopeTable<'_>) {
    ui.horizontal_wrapped(|ui| {
        if cx.state.pope.queue().is_some() {
            progress(ui, cx);
        } else {
            let hindrance = cx.state.pope_hindrance();
            let all = table.answered() == table.rows.len() && !table.rows.is_empty();
            let text = if all { "Ask all again" } else { "Ask all" };
            let button = ui
                .add_enabled(hindrance.is_none() && !table.rows.is_empty(), egui::Button::new(text))
                .on_hover_text(
                    "Asks one after another; what is shown stays, and a question of yours goes first. \
                    Answers stay in this table also when their attention is forgotten to keep within the budget",
                )
                .on_disabled_hover_text(hindrance.unwrap_or("There are no questions"));
            if button.clicked() {
                cx.emit(Command::Pope(PopeCommand::AskAll));
            }
            ui.weak(format!("{} of {} answered", table.answered(), table.rows.len()));
        }
        crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Pope);
    });
    if !cx.state.ask.is_plain() || cx.state.next_is_prompted() {
        let how = format!("Asked with {}, about the original photo", cx.state.ask.methods_words());
        ui.label(RichText::new(how).small().weak());
    }
    if let Some(early) = &cx.state.pope.ended_early {
        ui.label(RichText::new(early).small().color(ui.visuals().warn_fg_color));
    }
}

/// How far asking is, and the button that ends it.
fn progress(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(queue) = cx.state.pope.queue() else { return };
    if ui.button("Stop asking").on_hover_text("Answers so far stay").clicked() {
        cx.emit(Command::Pope(PopeCommand::Stop));
    }
    ui.label(format!("{} of {}", queue.done, queue.total));
    if queue.is_waiting() {
        ui.weak("waits for your question");
    }
    if cx.state.pope.asked_image() != cx.state.current_image() {
        ui.weak("about another photo");
    }
}

/// Asks about every object word of the shown answer, or says how far that is.
pub(in crate::ui) fn ask_words(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if cx.state.pope.queue().is_some() {
        return progress(ui, cx);
    }
    let answered_by = cx.state.current_run().and_then(|run| run.trace.as_ref()).map(|trace| &trace.run.weight_hash);
    let same_model = cx.state.model.info.as_ref().map(|info| &info.weight_hash) == answered_by;
    let hindrance = cx.state.pope_hindrance().or((!same_model).then_some("another model gave this answer"));
    let button = ui
        .add_enabled(hindrance.is_none(), egui::Button::new("Ask about every object word").small())
        .on_hover_text("Asks the model whether each object that it mentions is in the photo")
        .on_disabled_hover_text(hindrance.unwrap_or_default());
    if button.clicked() {
        let derived = cx.derived;
        let items = word_questions(&derived.truth.marks.words, cx.state.pope.settings.options.template);
        cx.emit(Command::Pope(PopeCommand::AskWords(items)));
    }
}

fn word_questions(words: &[MarkedWord], template: Template) -> Vec<PopeItem> {
    let mentions: Vec<_> = words.iter().map(|word| word.marked.mention.clone()).collect();
    let questions = questions_for_mentions(&mentions, template).into_iter();
    questions
        .map(|question| {
            let word = question.mention_idxs.first().and_then(|idx| words.get(*idx));
            let label = match word.map(|word| word.marked.status) {
                Some(Status::Grounded) => Some(Label::Yes),
                Some(Status::Hallucinated) => Some(Label::No),
                Some(Status::Unknown) | None => None,
            };
            PopeItem { text: question.text, label, kind: "object word".to_owned() }
        })
        .collect()
}

/// What the model says of a word when it is asked, beside the word. Nothing before it is asked.
pub(in crate::ui) fn said_beside(ui: &mut Ui, state: &AppState, category: &str) {
    let Some((short, sentence)) = word_said(state, category) else { return };
    let verdict = state.word_said(category);
    let taken_back = matches!(verdict, Some(WordSaid::Answered(NounVerdict::TakenBack, _)));
    let colour = if taken_back { ui.visuals().warn_fg_color } else { ui.visuals().weak_text_color() };
    ui.label(RichText::new(short).color(colour).small()).on_hover_text(sentence);
}

/// What the model says of a word when it is asked: in short, and in one sentence. `None` before it is asked.
pub(in crate::ui) fn word_said(state: &AppState, category: &str) -> Option<(&'static str, String)> {
    Some(match state.word_said(category)? {
        WordSaid::Asking => ("asking…", format!("The model is being asked about {category}")),
        WordSaid::Answered(verdict, answer) => match verdict {
            NounVerdict::Confirmed => ("model says yes", format!("Asked about {category}, the model says “{answer}”")),
            NounVerdict::TakenBack => ("now says no", format!("Asked about {category}, the model now says “{answer}”")),
            NounVerdict::Unclear => {
                ("unclear", format!("Asked about {category}, the model says “{answer}”: neither yes nor no"))
            }
        },
    })
}
