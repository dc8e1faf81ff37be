//! POPE: asking about every object, reading the table, opening a question's run.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, answered, frames, settle, show, window};
use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{Event, ModelInfo, ModelTask, Request, RunId, Worker};
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::{PopeTable, Run};
use gazelens::ui::{App, AppOptions};
use std::sync::Arc;

const FIRST: &str = "POPE question 1: Is there an umbrella in the image?";

/// The panel in front, with the first photo's questions.
fn open(window: &mut Window) {
    wait_until(window, "the questions", |app| app.state().pope_items().is_some_and(|items| !items.is_empty()));
    show(window, Pane::Pope);
    frames(window);
}

fn saying(words: &[&str]) -> Script {
    Script { answer: words.iter().map(|word| (*word).to_owned()).collect(), ..Script::default() }
}

fn asked(sent: &[Request]) -> usize {
    sent.iter().filter(|request| matches!(request, Request::Ask(..))).count()
}

#[test]
fn all_questions_are_asked_and_a_click_opens_one() {
    let (mut window, handle) = answered(saying(&["Yes", "."]));
    open(&mut window);
    let shown = window.state().state().current_run().map(|run| run.id);
    window.get_by_label("Ask all").click();
    wait_until(&mut window, "every answer", |app| {
        let table = PopeTable::of(app.state());
        app.state().pope.queue().is_none() && table.answered() == table.rows.len()
    });
    frames(&mut window);
    assert_eq!(window.state().state().current_run().map(|run| run.id), shown, "what was shown stays");
    let rows = PopeTable::of(window.state().state()).rows.len();
    window.get_by_label(&format!("{rows} of {rows} answered"));
    window.get_by_label("Answer 1: Yes.");
    window.get_by_label_contains("accuracy").click_accesskit();
    frames(&mut window);
    window.get_by_label("Accuracy");
    assert!(window.query_all_by_label("right").next().is_some(), "present objects are answered right");
    assert!(window.query_all_by_label("wrong").next().is_some(), "absent ones are not");
    let before = handle.wire(|wire| asked(&wire.sent));
    window.get_by_label(FIRST).click_accesskit();
    frames(&mut window);
    assert_eq!(
        window.state().state().current_run().map(Run::prompt_text),
        Some("Is there an umbrella in the image?"),
        "its run is shown"
    );
    assert_eq!(handle.wire(|wire| asked(&wire.sent)), before, "nothing is asked for that");
    window.get_by_label("Copy the table of POPE questions").click();
    frames(&mut window);
    window.get_by_label("as TSV").click();
    frames(&mut window);
    window.get_by_label_contains("Copied the table of POPE questions: ");
    window.get_by_label("Ask all again");
}

#[test]
fn asking_is_stopped_and_says_how_far_it_came() {
    let script = Script { answers: false, ..saying(&["Yes", "."]) };
    let (mut window, handle) = window(script.clone());
    open(&mut window);
    window.get_by_label("Ask all").click();
    frames(&mut window);
    for event in script.events(RunId(1)) {
        handle.say(event);
    }
    frames(&mut window);
    let total = window.state().state().pope.queue().map_or(0, |queue| queue.total);
    window.get_by_label(&format!("1 of {total}"));
    window.get_by_label("Answer 1: Yes.");
    window.get_by_label("Answer 2: …");
    window.get_by_label("Ask"); // a question of the user's can still be asked
    window.get_by_label("Stop asking").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled.clone()), [RunId(2)], "the one that runs is stopped");
    window.get_by_label(&format!("Stopped after 1 of {total}"));
    window.get_by_label("Ask all");
}

#[test]
fn one_click_asks_about_every_object_word() {
    let (mut window, _) = answered(saying(&["No", " dog", " and", " no", " boat", "."]));
    show(&mut window, Pane::Origin);
    window.get_by_label("Ask about every object word").click();
    wait_until(&mut window, "both answers", |app| {
        app.state().pope.queue().is_none() && PopeTable::of(app.state()).answered() == 2
    });
    frames(&mut window);
    assert_eq!(window.query_all_by_label("now says no").count(), 2, "the model takes both back, beside the words");
    show(&mut window, Pane::Pope);
    window.get_by_label("POPE question 1: Is there a dog in the image?");
    window.get_by_label("POPE question 2: Is there a boat in the image?");
}

#[test]
fn questions_are_made_from_the_objects_by_choice() {
    let (mut window, _) = window(saying(&["Yes"]));
    open(&mut window);
    window.get_by_label("generated").click();
    frames(&mut window);
    wait_until(&mut window, "the made questions", |app| app.state().pope_items().is_some_and(|items| items.len() == 6));
    frames(&mut window);
    window.get_by_label("First 3, random, seed 0; question only").click();
    // The settings fold out.
    window.run();
    window.get_by_label("popular").click_accesskit();
    frames(&mut window);
    let kinds =
        |app: &App| app.state().pope_items().map(|items| items.iter().filter(|item| item.kind == "popular").count());
    wait_until(&mut window, "popular ones", |app| kinds(app) == Some(3));
    window.get_by_label("Seed of the questions");
    window.get_by_label("The text after the question");
    window.run(); // checks names when it has settled
}

#[test]
fn a_model_without_a_decoder_says_why_there_are_no_questions() {
    let (mut window, handle) = window(saying(&["Yes"]));
    let info = ModelInfo {
        task: ModelTask::Compare,
        num_hidden_layers: 0,
        num_attention_heads: 0,
        ..(*Script::default().info()).clone()
    };
    handle.say(Event::Loaded(Arc::new(info)));
    show(&mut window, Pane::Pope);
    window.get_by_label("This model has no decoder: it answers no questions");
}

#[test]
fn the_panel_works_narrow_and_large() {
    let (mut window, _) = answered(saying(&["Yes", "."]));
    open(&mut window);
    window.state_mut().command(Command::SetScale(2.0));
    frames(&mut window);
    window.get_by_label("Ask all").click_accesskit();
    wait_until(&mut window, "every answer", |app| app.state().pope.queue().is_none());
    frames(&mut window);
    let panel = window.get_by_label("Ask all again").rect();
    assert!(panel.right() <= 1280.0, "the button is inside the window: {panel:?}");
    window.get_by_label(FIRST);
    window.run();
}

#[test]
fn the_demo_model_answers_its_questions() {
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_max_steps(60).allow_missing_glyphs();
    let mut window = builder.build_eframe(|cc| {
        let ctx = cc.egui_ctx.clone();
        let worker = Worker::new(Arc::new(move || ctx.request_repaint()));
        App::new(cc, AppOptions::new(Box::new(worker)))
    });
    wait_until(&mut window, "the demo model to open", |app| app.state().model.info.is_some());
    settle(&mut window);
    open(&mut window);
    window.get_by_label("Ask all").click();
    wait_until(&mut window, "every answer", |app| {
        let table = PopeTable::of(app.state());
        app.state().pope.queue().is_none() && table.answered() == table.rows.len()
    });
    let app = window.state().state();
    let table = PopeTable::of(app);
    let known = table.rows.iter().filter(|row| row.answer.is_some_and(|answer| answer.yes.is_some())).count();
    assert_eq!(known, table.rows.len(), "it begins with yes or no, so P(yes) is known");
    let accuracy = table.totals.first().and_then(|counts| counts.figures().accuracy).unwrap_or_default();
    assert!(accuracy > 0.5, "it was trained on these questions: {accuracy}");
    assert!(app.current_run().is_none(), "nothing was shown, and nothing is");
    window.get_by_label(FIRST).click_accesskit();
    frames(&mut window);
    assert!(window.state().derived().shown.as_ref().is_some_and(|shown| shown.map.is_ok()), "its map is on the photo");
}
