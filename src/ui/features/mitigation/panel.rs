//! Attention prompting on the photo: where to look, what the model that looked says itself, and the switch that asks
//! again.

mod controls;
mod photo;

use crate::analysis::pope::{Label, Said};
use crate::engine::ModelTask;
use crate::prompting::{PreOutput, PreOutputBasis, Source, TABLE_1, citation, clip_pre_output_texts, object_of};
use crate::ui::core::command::{Command, PromptView, PromptingCommand};
use crate::ui::core::settings::PromptingSettings;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::format_share;
use crate::ui::features::{Made, ShownPrompting, TokenPos, source_label};
use crate::ui::widgets::{choice, empty, named, row};
use eframe::egui;
use egui::{RichText, Ui};
pub(in crate::ui) use photo::{on_photo, prepared};
use std::sync::Arc;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if cx.state.current_image().is_none() {
        return empty(ui, "No photo", "Open one to see where a model looks for a word in it");
    }
    switch(ui, cx);
    source(ui, cx);
    words(ui, cx);
    state_of_it(ui, cx);
    let Some(made) = cx.state.made().map(Arc::clone) else { return };
    pre_output(ui, cx, &made);
    views(ui, cx);
    controls::show(ui, cx, &made);
}

fn emit(cx: &mut PanelContext<'_>, command: PromptingCommand) {
    cx.emit(Command::Prompting(command));
}

/// The same question about the darkened photo, or about the photo as it is.
fn switch(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let mut on = cx.state.prompting_is_on();
        let hindrance = cx.state.prompting_hindrance();
        let response = ui
            .add_enabled(hindrance.is_none(), egui::Checkbox::new(&mut on, RichText::new("Prompt the photo").strong()))
            .on_hover_text(
                "On: the shown question, and those to come, are asked about the photo darkened where the model did \
                not look\n\
                 Off: the answer about the original photo, and so for those to come",
            )
            .on_disabled_hover_text(hindrance.unwrap_or_default());
        if response.changed() {
            emit(cx, PromptingCommand::Switch(on));
        }
        let mut settings = cx.state.prompting.settings.clone();
        let help = "While the photo is prompted, the question is asked again as soon as a control is \
            released; an answer that is being written is stopped";
        if ui.checkbox(&mut settings.live, "ask again live").on_hover_text(help).changed() {
            emit(cx, PromptingCommand::Set(settings));
        }
    });
    disagreement(ui, cx);
}

/// Where the shown answer is not one of the photo as it would be darkened now, or the next question will be asked
/// otherwise.
fn disagreement(ui: &mut Ui, cx: &PanelContext<'_>) {
    let state = cx.state;
    let shown = state.shown_prompting();
    let next = state.next_is_prompted();
    let text = match (shown, state.current_run()) {
        (ShownPrompting::Otherwise, Some(run)) => {
            let how = run.variant();
            RichText::new(format!("The shown answer is not about these settings, but: {how}"))
                .color(ui.visuals().warn_fg_color)
        }
        (ShownPrompting::Original, Some(_)) if next => RichText::new(
            "The shown answer is about the original photo; the next question will be about the prompted one",
        )
        .weak(),
        (ShownPrompting::AsSet, Some(_)) if !next => {
            RichText::new("The next question will be about the original photo").weak()
        }
        _ => return,
    };
    ui.add(egui::Label::new(text).wrap());
}

fn source(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let settings = cx.state.prompting.settings.clone();
    row(ui, "Source", "Which model provides the heat map", |ui| {
        let options = [
            (Source::Clip, "CLIP", "What each patch adds to the similarity of photo and words, in one layer of a CLIP"),
            (Source::Llava, "LLaVA", "Where the open model's decoder looks while it answers the words as a question"),
        ];
        if let Some(source) = choice(ui, settings.source, &options) {
            emit(cx, PromptingCommand::Set(PromptingSettings { source, ..settings.clone() }));
        }
        match settings.source {
            Source::Clip => clip(ui, cx, &settings),
            Source::Llava => {
                let open = cx.state.model.info.as_ref().filter(|info| info.task == ModelTask::Answer);
                ui.weak(open.map_or("no model that answers questions is open", |info| &info.id));
            }
        }
    });
}

/// Which CLIP.
fn clip(ui: &mut Ui, cx: &mut PanelContext<'_>, settings: &PromptingSettings) {
    let own = cx.state.prompting_clip().as_ref().map_or_else(|| "the open model".to_owned(), source_label);
    let mut clip = settings.clip.clone();
    let edit = egui::TextEdit::singleline(&mut clip).hint_text(&own).desired_width(112.0);
    let help = format!(
        "In use: {own}\nA Hugging Face CLIP folder or a hub id; it is loaded next to the open model when it is needed, \
            and stays loaded"
    );
    let response = ui.add(edit).on_hover_text(help);
    named(ui, &response, "CLIP folder or hub id");
    if clip != settings.clip {
        emit(cx, PromptingCommand::Set(PromptingSettings { clip, ..settings.clone() }));
    }
    settle_when_left(ui, cx, &response);
    let browse = ui.button("…").on_hover_text("Pick a CLIP folder in a dialog");
    named(ui, &browse, "Pick a CLIP folder");
    if browse.clicked() {
        cx.emit(Command::PickClipFolder);
    }
}

fn words(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let help = "What the model looks for: CLIP compares these words with the photo, LLaVA answers them as a question";
    row(ui, "Query", help, |ui| {
        let before = cx.state.prompting_query();
        let mut query = before.clone();
        let edit = egui::TextEdit::singleline(&mut query).hint_text("a dog").desired_width(185.0);
        let response = ui.add(edit).on_hover_text(help);
        named(ui, &response, "Query");
        if query != before {
            emit(cx, PromptingCommand::Query(query));
        }
        settle_when_left(ui, cx, &response);
        if let Some(word) = held_words(cx) {
            let help = format!("Uses the selected word as query: “{word}”");
            if ui.small_button("use selected word").on_hover_text(help).clicked() {
                emit(cx, PromptingCommand::Query(word));
                emit(cx, PromptingCommand::Settle);
            }
        }
    });
    if cx.state.prompting.settings.source == Source::Llava {
        row(ui, "", "", |ui| find(ui, cx));
        return;
    }
    let help = "CLIP is asked whether it sees this: `photo of ...s` against `photo of no ...s`, its pre-output";
    row(ui, "Object", help, |ui| {
        let own = object_of(&cx.state.prompting_query());
        let before = cx.state.prompting.object.clone().or(own).unwrap_or_default();
        let mut object = before.clone();
        let edit = egui::TextEdit::singleline(&mut object).hint_text("none named").desired_width(90.0);
        let response = ui.add(edit).on_hover_text(help);
        named(ui, &response, "Object of the pre-output");
        if object != before {
            emit(cx, PromptingCommand::Object(object));
        }
        find(ui, cx);
    });
}

/// What was typed counts when its box is left: the question is asked again then, as when a control is let go.
fn settle_when_left(ui: &Ui, cx: &mut PanelContext<'_>, response: &egui::Response) {
    let changed = response.id.with("changed");
    if response.changed() {
        ui.data_mut(|data| data.insert_temp(changed, true));
    }
    if response.lost_focus() && ui.data_mut(|data| data.remove_temp::<bool>(changed)).unwrap_or_default() {
        emit(cx, PromptingCommand::Settle);
    }
}

/// The generated tokens that are held, as text.
fn held_words(cx: &PanelContext<'_>) -> Option<String> {
    let trace = cx.state.current_run()?.trace.as_ref()?;
    let held = cx.state.selection.tokens.iter();
    let texts = held.map(|pos| match pos {
        TokenPos::Output(idx) => trace.output.get(*idx).map(|token| token.text.as_str()),
        TokenPos::Prompt(_) => None,
    });
    let text = texts.collect::<Option<String>>()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Running the model, or stopping it.
fn find(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(finding) = &cx.state.prompting.finding else {
        let mut button = egui::Button::new("Compute heat map");
        if !cx.state.made_is_fresh() {
            button = button.fill(ui.visuals().selection.bg_fill);
        }
        let help = "Runs the model once; every control below works without it after that";
        if ui.add(button).on_hover_text(help).clicked() {
            emit(cx, PromptingCommand::Find);
        }
        return;
    };
    let stop = ui.button("Stop looking").on_hover_text("Ends within a layer of the model");
    match &finding.opening {
        Some((share, what)) => {
            ui.add(egui::ProgressBar::new(*share).desired_width(70.0)).on_hover_text(what);
        }
        None => {
            ui.weak("looking…");
        }
    }
    if stop.clicked() {
        emit(cx, PromptingCommand::Stop);
    }
}

/// What went wrong, and what there is for other words.
fn state_of_it(ui: &mut Ui, cx: &PanelContext<'_>) {
    if let Some(why) = &cx.state.prompting.failed {
        ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().warn_fg_color)).wrap());
    }
    if let Some(made) = cx.state.made().filter(|_| !cx.state.made_is_fresh()) {
        let text = format!("Results below are for “{}” ({})", made.request.query, made.model_id);
        ui.add(egui::Label::new(RichText::new(text).weak()).truncate())
            .on_hover_text("They are for another query or another model: compute the heat map again");
    }
}

/// What the model that looked says itself, whether that is right, and what was published about it.
fn pre_output(ui: &mut Ui, cx: &PanelContext<'_>, made: &Made) {
    let Some(found) = &made.pre_output else {
        let text = "No pre-output: the query names no object; type one above and compute the heat map again";
        ui.add(egui::Label::new(RichText::new(text).weak()).wrap());
        return;
    };
    let (text, help) = words_of(found);
    ui.add(egui::Label::new(text).wrap()).on_hover_text(help);
    let known = crate::ui::features::answer::verdict::label(cx, &made.request.query, made.request.object.as_deref());
    // What says neither yes nor no is the same by any label.
    let label = known.map(|known| known.label).or((found.said == Said::Unknown).then_some(Label::Yes));
    let text = match label {
        Some(label) => RichText::new(citation(found, made.request.source, label)),
        None => RichText::new("Right or wrong is not known: no annotation names this object").weak(),
    };
    ui.add(egui::Label::new(text).wrap()).on_hover_text(TABLE_1);
}

fn words_of(found: &PreOutput) -> (String, String) {
    let said = match found.said {
        Said::Yes => "yes",
        Said::No => "no",
        Said::Unknown => "neither yes nor no",
    };
    match &found.basis {
        PreOutputBasis::Probability { object, yes_probability } => {
            let [yes, no] = clip_pre_output_texts(object);
            let text = format!(
                "Pre-output {said}: {} “{yes}”, {} “{no}”",
                format_share(*yes_probability),
                format_share(1.0 - yes_probability)
            );
            (text, "Softmax over the two texts' similarities with the photo, with the model's own scale".to_owned())
        }
        PreOutputBasis::Answer { text } => {
            let short: String = text.chars().take(80).collect();
            let dots = if text.chars().count() > 80 { "…" } else { "" };
            (
                format!("Pre-output {said}: “{short}{dots}”"),
                format!("The answer that the map was computed from: {text}"),
            )
        }
    }
}

/// What the photo's panel shows.
fn views(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let prompted = cx.state.current_run().is_some_and(|run| run.question.prompted.is_some());
    let (attention, help) = if prompted {
        ("New attention", "The attention of the answer about the darkened photo")
    } else {
        ("Attention", "The attention of the shown answer; tick Prompt the photo for that of the darkened photo")
    };
    row(ui, "Show", "What the photo's panel shows", |ui| {
        let options = [
            (PromptView::Original, "Original", "The photo as it is"),
            (PromptView::Attribution, "Attribution", "Where the model looked for the words, in the chosen layer"),
            (PromptView::Mask, "Mask", "How much of each pixel stays: white all of it, black nothing"),
            (PromptView::Prompted, "Prompted", "The photo that the model is asked about"),
            (PromptView::Attention, attention, help),
        ];
        if let Some(view) = choice(ui, cx.state.prompting.view, &options) {
            emit(cx, PromptingCommand::View(view));
        }
    });
}
