//! The question: prompt box, buttons, suggestions; below it the answer.

use crate::engine::RunId;
use crate::prompting::Source;
use crate::ui::core::command::{Command, CompareCommand, PromptingCommand};
use crate::ui::features::answer::{panel as answer, progress, sampling, similarity, template};
use crate::ui::features::context::{PanelContext, TextBox};
use crate::ui::features::mitigation::methods;
use crate::ui::features::{HistoryEntry, Phase, Run, ShownPrompting, Then};
use crate::ui::widgets::{command_button, named, tooltip};
use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers, Response, RichText, Ui};
use std::collections::BTreeSet;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    suggestions(ui, cx);
    prompt(ui, cx);
    next_question(ui, cx);
    under_way(ui, cx);
    if cx.state.open.template && cx.state.has_decoder() {
        template::show(ui, cx);
    }
    history(ui, cx);
    answer::show(ui, cx);
}

/// Questions worth asking, one click each; once one was asked they give their place to the answer and move into a menu.
fn suggestions(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(info) = cx.state.model.info.clone() else { return };
    if info.suggested_prompts.is_empty() || cx.state.current_run().is_some() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Try one of these:").strong());
        for prompt in &info.suggested_prompts {
            let button = egui::Button::new(similarity::one_line(prompt)).corner_radius(10.0);
            if ui.add(button).on_hover_text("Asks this about the photo").clicked() {
                cx.emit(Command::AskThis(prompt.clone()));
            }
        }
    });
}

fn suggestion_menu(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(info) = cx.state.model.info.clone() else { return };
    if info.suggested_prompts.is_empty() || cx.state.current_run().is_none() {
        return;
    }
    ui.menu_button("Suggestions", |ui| {
        for prompt in &info.suggested_prompts {
            if ui.button(prompt.as_str()).on_hover_text("Asks this about the photo").clicked() {
                cx.emit(Command::AskThis(prompt.clone()));
                ui.close();
            }
        }
    });
}

fn template_switch(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if !cx.state.has_decoder() {
        return; // texts are compared as they are
    }
    let shown = cx.state.open.template;
    let response = ui.add(egui::Button::new("Template").selected(shown));
    if response.on_hover_text(tooltip(ui.ctx(), &Command::ToggleTemplate)).clicked() {
        cx.emit(Command::ToggleTemplate);
        ui.close();
    }
}

/// What the next question will be asked with, where that is not as usual: nothing that was switched on once is
/// forgotten.
fn next_question(ui: &mut Ui, cx: &PanelContext<'_>) {
    if !cx.state.has_decoder() || cx.state.next_is_ordinary() {
        return;
    }
    let text = RichText::new(format!("Next question: {}", cx.state.next_question())).small();
    let text = text.color(crate::ui::widgets::theme::accent(ui.visuals()));
    let help = "Mitigation (V switches it), API (P switches it) and Settings say how the next question and Again are \
        asked; each stays until it is changed, whatever answer is shown";
    ui.add(egui::Label::new(text).truncate().show_tooltip_when_elided(false)).on_hover_text(help);
}

/// What is being done for a question that has no answer here yet: one about another photo, and one that waits for a
/// model to look.
fn under_way(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let state = cx.state;
    let waits = state.prompting.finding.as_ref().filter(|finding| matches!(finding.then, Then::Ask(_)));
    if waits.is_some() && state.shown_prompting() == ShownPrompting::Coming {
        let source = match state.prompting.settings.source {
            Source::Clip => "CLIP",
            Source::Llava => "LLaVA",
        };
        ui.weak(format!("Finding where {source} looks; then the question is asked about the prompted photo"));
    }
    for run in state.runs.active().filter(|run| !state.is_behind(run.id)) {
        let Some(name) = state.elsewhere(run.id) else { continue };
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("Answering about {name} ({})", progress::progress(run)));
            if ui.small_button("Show").on_hover_text("Shows that photo and its answer").clicked() {
                cx.commands.push(Command::ShowAnswer(run.id));
            }
            let stop = ui.small_button("Stop").on_hover_text("Stops that answer; what came of it stays");
            named(ui, &stop, "Stop that answer");
            if stop.clicked() {
                cx.commands.push(Command::StopAnswer(run.id));
            }
        });
    }
}

/// Lines of the prompt box; a longer text scrolls.
const MOST_LINES: f32 = 5.0;

/// Less room than this for the prompt box, and the buttons go below it, points.
const LEAST_BOX_PT: f32 = 180.0;

/// A row of buttons that is narrower than this has the rarer ones in a menu, points.
const ROOMY_PT: f32 = 520.0;

fn prompt(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    // What the buttons took in the last frame is left to them: their words differ from model to model.
    let buttons_id = egui::Id::unique("prompt buttons");
    let buttons_pt: f32 = ui.data(|data| data.get_temp(buttons_id)).unwrap_or(250.0);
    let room_pt = ui.available_width() - buttons_pt - 2.0 * ui.spacing().button_padding.x;
    if room_pt < LEAST_BOX_PT {
        prompt_box(ui, cx, ui.available_width());
        let has_menu = ui.available_width() < ROOMY_PT;
        ui.horizontal_wrapped(|ui| buttons(ui, cx, has_menu));
        return;
    }
    ui.horizontal(|ui| {
        let response = prompt_box(ui, cx, room_pt);
        buttons(ui, cx, false);
        let took_pt = ui.min_rect().right() - response.rect.right();
        if (took_pt - buttons_pt).abs() > 0.5 {
            ui.data_mut(|data| data.insert_temp(buttons_id, took_pt));
            ui.request_discard("the buttons changed their width");
        }
    });
}

fn prompt_box(ui: &mut Ui, cx: &mut PanelContext<'_>, width_pt: f32) -> Response {
    let id = crate::ui::features::commands::ahead::prompt_box();
    let words = similarity::wording(cx.state.model.task());
    // Taken before the box sees it; an input method that is composing keeps its Enter to itself.
    let focused = ui.memory(|memory| memory.has_focus(id));
    let entered =
        focused && ui.input_mut(|input| !input.modifiers.shift && input.consume_key(Modifiers::NONE, Key::Enter));
    let mut text = cx.state.ask.text.clone();
    let edit = egui::TextEdit::multiline(&mut text)
        .id(id)
        .hint_text(words.hint)
        .desired_rows(words.rows)
        .desired_width(width_pt)
        // Enter asks; shift makes the new line.
        .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
    // A long text scrolls in its box: the answer keeps its place.
    let most_pt = ui.text_style_height(&egui::TextStyle::Body) * MOST_LINES + 8.0;
    let scroll = egui::ScrollArea::vertical().id_salt("prompt").max_height(most_pt).min_scrolled_height(0.0);
    let response = scroll.show(ui, |ui| ui.add(edit)).inner;
    named(ui, &response, words.prompt);
    if cx.memory.takes_focus(TextBox::Prompt) {
        response.request_focus();
    }
    if text != cx.state.ask.text {
        cx.emit(Command::SetPrompt(text));
    }
    if entered {
        cx.emit(Command::Ask);
    }
    response
}

/// With a menu, the rarer ones are in it.
fn buttons(ui: &mut Ui, cx: &mut PanelContext<'_>, has_menu: bool) {
    // What is asked behind it, or about another photo, leaves the shown question alone.
    let image = cx.state.current_image();
    let about_shown = |run: &&Run| Some(&run.question.image) == image && !cx.state.pope.is_behind(run.id);
    let running = cx.state.runs.active().find(about_shown).map(|run| run.id);
    let coming = cx.state.shown_prompting() == ShownPrompting::Coming;
    let answering = running.is_some() || coming;
    if answering {
        let stop = ui.button("Stop").on_hover_text(tooltip(ui.ctx(), &Command::Stop));
        if stop.clicked() {
            let looking = coming.then_some(Command::Prompting(PromptingCommand::Stop));
            cx.commands.extend(running.map(Command::StopAnswer).into_iter().chain(looking));
        }
    } else {
        let words = similarity::wording(cx.state.model.task());
        let ready = !words.needs_text || !cx.state.ask.text.trim().is_empty();
        let fill = ui.visuals().selection.bg_fill;
        let button = egui::Button::new(RichText::new(words.button).strong()).fill(fill);
        let response = ui
            .add_enabled(ready, button)
            .on_hover_text(tooltip(ui.ctx(), &Command::Ask))
            .on_disabled_hover_text(words.missing);
        if response.clicked() {
            cx.emit(Command::Ask);
        }
    }
    let asked = cx.state.current_run().is_some();
    ui.add_enabled_ui(asked && !answering, |ui| command_button(ui, "Again", &Command::Regenerate, cx.commands));
    if !has_menu {
        suggestion_menu(ui, cx);
    }
    let unusual = cx.state.ask.unusual();
    let mut help = "Length, sampling and what is recorded of the next answer".to_owned();
    if !unusual.is_empty() {
        help = format!("{help}\nNow: {unusual}");
    }
    // A dot, so that an answer that was sampled at random or padded never surprises.
    let settings = ui.button(if unusual.is_empty() { "Settings" } else { "Settings •" }).on_hover_text(help);
    named(ui, &settings, "Settings");
    let popup = egui::Popup::from_toggle_button_response(&settings)
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("Answer settings");
    popup.show(|ui| sampling::show(ui, cx));
    if cx.state.has_decoder() {
        methods::button(ui, cx, has_menu);
    }
    if has_menu {
        ui.menu_button("More", |ui| {
            template_switch(ui, cx);
            suggestion_menu(ui, cx);
        });
    } else {
        template_switch(ui, cx);
    }
}

/// The last part of a folder or hub id.
fn short_model(id: &str) -> String {
    id.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(id).to_owned()
}

/// Earlier questions that have a place in the row; all others are listed beside the photo.
const MOST_EARLIER: usize = 4;

/// The newest questions about this photo, but for POPE's, and the shown one.
fn history(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let entries = cx.state.history();
    let shown = cx.state.current_run().map(|run| run.id);
    let mut listed: Vec<&HistoryEntry> = entries.iter().filter(|entry| !entry.pope).collect();
    let count = listed.len();
    listed.sort_by_key(|entry| std::cmp::Reverse(entry.nr));
    listed.truncate(MOST_EARLIER);
    if let Some(entry) = entries.iter().find(|entry| Some(entry.run) == shown && !listed.contains(entry)) {
        listed.push(entry);
    }
    if listed.len() < 2 {
        return;
    }
    let runs: Vec<(&HistoryEntry, &Run)> =
        listed.iter().filter_map(|entry| Some((*entry, cx.state.runs.get(entry.run)?))).collect();
    let differing = Differing::of(&runs);
    let newly_shown = shown != std::mem::replace(&mut cx.memory.asked, shown);
    let mut wanted = None;
    ui.horizontal(|ui| {
        ui.label(RichText::new("Asked:").weak());
        if count > 1 {
            let all = ui.small_button(format!("All {count}"));
            named(ui, &all, &format!("All {count} in Compare"));
            if all.on_hover_text("Lists them in Compare, for up to four answers side by side").clicked() {
                wanted = Some(Command::Compare(CompareCommand::ShowAll));
            }
        }
        egui::ScrollArea::horizontal().id_salt("history").show(ui, |ui| {
            ui.horizontal(|ui| {
                for (entry, run) in &runs {
                    let response = earlier(ui, &differing.label(entry, run), run, shown);
                    if newly_shown && shown == Some(run.id) {
                        response.scroll_to_me(None);
                    }
                    wanted = response.clicked().then_some(Command::ShowRun(run.id)).or(wanted.take());
                    response.context_menu(|ui| {
                        if ui.button("Forget this answer").clicked() {
                            wanted = Some(Command::ForgetRun(run.id));
                            ui.close();
                        }
                    });
                }
            });
        });
    });
    if let Some(command) = wanted {
        cx.emit(command);
    }
}

/// What tells the earlier questions in the row apart.
struct Differing {
    model: bool,
    method: bool,
    text: bool,
}

impl Differing {
    fn of(runs: &[(&HistoryEntry, &Run)]) -> Self {
        let several = |names: BTreeSet<String>| names.len() > 1;
        Self {
            model: several(runs.iter().filter_map(|(_, run)| Some(run.model_id()?.to_owned())).collect()),
            method: several(runs.iter().map(|(_, run)| run.variant()).collect()),
            text: several(runs.iter().map(|(_, run)| run.prompt_text().to_owned()).collect()),
        }
    }

    /// "2 · vcd": the number, then what differs, the question's words last.
    fn label(&self, entry: &HistoryEntry, run: &Run) -> String {
        let variant = Some(run.variant()).filter(|variant| !variant.is_empty());
        let variant = variant.unwrap_or_else(|| "plain".to_owned());
        let text: String = run.prompt_text().chars().take(MOST_LETTERS).collect();
        let dots = if run.prompt_text().chars().count() > MOST_LETTERS { "…" } else { "" };
        let parts = [
            Some(entry.nr.to_string()),
            entry.name.clone(),
            run.model_id().filter(|_| self.model).map(short_model),
            self.method.then_some(variant),
            self.text.then(|| format!("{text}{dots}")),
        ];
        let mark = match run.phase {
            Phase::Failed(_) => " (failed)",
            Phase::Cancelled => " (stopped)",
            _ => "",
        };
        format!("{}{mark}", parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }
}

/// Letters of a question in the row.
const MOST_LETTERS: usize = 28;

/// One earlier question.
fn earlier(ui: &mut Ui, label: &str, run: &Run, shown: Option<RunId>) -> Response {
    let variant = Some(run.variant()).filter(|variant| !variant.is_empty());
    let apart = variant.map_or_else(String::new, |variant| format!(" · {variant}"));
    let help = format!("{}\nAnswered by {}{apart}", run.prompt_text(), run.model_id().unwrap_or("no model"));
    ui.selectable_label(shown == Some(run.id), label).on_hover_text(help)
}
