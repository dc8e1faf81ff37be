//! What the window says in several places is said alike, and belongs to what is shown.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, answered, frames, press, show, type_text, window};
use eframe::egui::{Event as Input, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use gazelens::engine::{Event, Request, RunId, Stage, Timings};
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::{Phase, Source};
use std::collections::HashSet;

fn saying(words: &[&str]) -> Script {
    Script { answer: words.iter().map(|word| (*word).to_owned()).collect(), ..Script::default() }
}

fn key(key: Key, modifiers: Modifiers) -> Input {
    Input::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
}

/// All of it within one frame, as a slow machine hears it.
fn at_once(window: &mut Window, events: Vec<Input>) {
    window.input_mut().events.extend(events);
    frames(window);
}

fn letters(text: &str) -> impl Iterator<Item = Input> + '_ {
    text.chars().flat_map(|letter| {
        let named = Key::from_name(&letter.to_uppercase().to_string());
        named.map(|named| key(named, Modifiers::NONE)).into_iter().chain([Input::Text(letter.to_string())])
    })
}

/// What a label says, by a part of it.
fn said(window: &Window, part: &str) -> String {
    let node = window.get_by_label_contains(part);
    let node = node.accesskit_node();
    node.value().or_else(|| node.label()).unwrap_or_default()
}

#[test]
fn origin_and_outliers_speak_of_the_decoder_under_every_source() {
    let script = saying(&["An", " umbrella", " and", " a", " ball", "."]);
    let (mut window, _) = answered(script);
    wait_until(&mut window, "what is known", |app| app.state().truth.image.is_some());
    show(&mut window, Pane::Origin);
    window.get_by_label("Token 1: umbrella").click();
    let shares = |window: &Window| {
        let shares = &window.state().derived().truth.word_shares;
        shares.iter().map(|share| (share.category, share.share)).collect::<Vec<_>>()
    };
    wait_until(&mut window, "the masks", |app| !app.derived().truth.word_shares.is_empty());
    frames(&mut window);
    let by_decoder = shares(&window);
    let line = said(&window, "umbrella ");
    window.get_by_label("Vision [CLS]").click();
    frames(&mut window);
    assert_eq!(window.state().state().view.source, Source::VISION, "another map is shown");
    assert_eq!(shares(&window), by_decoder, "the word looked where it looked");
    assert_ne!(
        window.state().derived().truth.shares.first().map(|share| share.share),
        by_decoder.first().map(|(_, share)| *share),
        "the shown map is another one"
    );
    assert_eq!(said(&window, "umbrella "), line, "and the panel says so");
    window.get_by_label_contains("Its attention in the decoder, mean over layers");
    show(&mut window, Pane::Outliers);
    for source in ["Vision [CLS]", "Decoder"] {
        window.get_by_label(source).click();
        wait_until(&mut window, "the figures", |_| true);
        frames(&mut window);
        frames(&mut window);
        // The encoder has six layers, the decoder four.
        window.get_by_label_contains("decoder: mean over heads and layers 2 to 3");
    }
}

#[test]
fn nothing_is_shared_among_cls_maps_and_the_choice_says_so() {
    let (mut window, _) = answered(Script::default());
    show(&mut window, Pane::Colours);
    window.get_by_label("shared").click();
    frames(&mut window);
    window.get_by_label_contains("range shared over all answer tokens");
    window.get_by_label("Vision [CLS]").click();
    frames(&mut window);
    show(&mut window, Pane::Colours);
    assert!(window.get_by_label("shared").accesskit_node().is_disabled(), "it would do nothing");
    window.get_by_label_contains("range of this map");
    window.get_by_label("Decoder").click();
    frames(&mut window);
    window.get_by_label_contains("range shared over all answer tokens");
}

#[test]
fn layers_and_heads_fill_while_a_large_model_answers() {
    let script = Script {
        layers: 32,
        heads: 32,
        grid: gazelens::geometry::PatchGrid { rows: 24, cols: 24 },
        answers: false,
        ..Script::default()
    };
    let (mut window, handle) = answered(script.clone());
    let id = RunId(1);
    handle.say(Event::Started(id, Box::new(script.trace())));
    handle.say(Event::Stage(id, Stage::Decode));
    for idx in 0..6 {
        handle.say(script.token_event(id, idx));
        window.step();
        window.step();
    }
    assert_eq!(window.state().state().current_run().map(|run| run.phase.clone()), Some(Phase::Working(Stage::Decode)));
    show(&mut window, Pane::Heads);
    assert!(window.query_by_label("No maps yet").is_none(), "there are some");
    // 1,024 maps have no room here: every cell is one colour, and all of them are in sight.
    window.get_by_label("Shown tokens, 32 × 32: image share");
    let (grid, last) =
        (window.get_by_label("Grid of layers and heads").rect(), window.get_by_label("Layer 31, head 31"));
    assert!(grid.contains_rect(last.rect()), "the last cell lies in the grid: {:?} in {grid:?}", last.rect());
    assert!(window.ctx.content_rect().contains_rect(grid), "and the grid in the window: {grid:?}");
}

#[test]
fn what_the_next_question_uses_is_seen_and_stays() {
    let (mut window, handle) = answered(Script::default());
    assert!(window.query_by_label_contains("Next question").is_none(), "nothing to say of plain decoding");
    press(&mut window, Key::V);
    window.get_by_label("Next question: VCD alpha 1.00, original photo");
    window.get_by_label("Mitigation methods"); // its button
    assert_eq!(window.state().state().ask.strategy, "vcd", "the menu agrees with the key");
    press(&mut window, Key::V);
    assert!(window.query_by_label_contains("Next question").is_none(), "plain again");
    press(&mut window, Key::V);
    window.state_mut().command(Command::AskThis("Is there a dog in the image?".to_owned()));
    frames(&mut window);
    let asked = handle.wire(|wire| match wire.sent.last() {
        Some(Request::Ask(_, question)) => question.strategy.name.clone(),
        other => panic!("found {other:?}"),
    });
    assert_eq!(asked, "vcd", "as the line says");
    press(&mut window, Key::P);
    window.get_by_label("Next question: VCD alpha 1.00, photo prompted (CLIP)");
    let sent = handle.wire(|wire| wire.sent.last().cloned());
    assert!(matches!(sent, Some(Request::Attribute(..))), "and the shown question is asked so: {sent:?}");
}

#[test]
fn an_answer_about_another_photo_is_seen_and_the_next_question_waits() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    let first = RunId(1);
    handle.say(Event::Started(first, Box::new(script.trace())));
    handle.say(Event::Stage(first, Stage::Decode));
    handle.say(script.token_event(first, 0));
    frames(&mut window);
    press(&mut window, Key::D);
    window.get_by_label("Answering about demo 01 beach (1 token)");
    window.state_mut().command(Command::AskThis("What is here?".to_owned()));
    frames(&mut window);
    assert!(handle.wire(|wire| wire.cancelled.is_empty()), "the first goes on");
    window.get_all_by_label_contains("Waiting for the answer about demo 01 beach").next().expect("said");
    window.get_by_label("Stop that answer").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled.clone()), [first], "that one only");
    let second = RunId(2);
    for event in script.events(second) {
        handle.say(event);
    }
    frames(&mut window);
    assert_eq!(
        window.state().state().current_run().map(|run| (run.id, run.phase.clone())),
        Some((second, Phase::Finished))
    );
    // The stopped one says so, whenever it is seen.
    press(&mut window, Key::A);
    window.get_by_label("Stopped here");
    window.state_mut().command(Command::AskThis("Once more?".to_owned()));
    frames(&mut window);
    window.get_by_label_contains("(stopped)");
}

#[test]
fn popes_answers_are_not_counted_as_answers() {
    let (mut window, _) = answered(saying(&["Yes", "."]));
    wait_until(&mut window, "the questions", |app| app.state().pope_items().is_some_and(|items| !items.is_empty()));
    show(&mut window, Pane::Pope);
    for button in ["Ask all", "Ask all again"] {
        window.get_by_label(button).click();
        wait_until(&mut window, "every answer", |app| app.state().pope.queue().is_none());
        frames(&mut window);
    }
    assert!(window.query_by_label_contains(" in Compare").is_none(), "there is nothing to compare");
    let state = window.state().state();
    let image = state.current_image().expect("a photo");
    assert_eq!(state.num_answers(image), 1, "one was asked by hand");
    let texts: HashSet<&str> = state.pope_items().into_iter().flatten().map(|item| item.text.as_str()).collect();
    assert_eq!(state.runs.iter().count(), texts.len() + 1, "each question has one answer, the latest");
}

#[test]
fn a_yes_or_no_is_judged_beside_the_answer() {
    let (mut window, _) = window(saying(&["No", "."]));
    wait_until(&mut window, "the questions", |app| app.state().pope_items().is_some());
    wait_until(&mut window, "what is known", |app| app.state().truth.image.is_some());
    window.state_mut().command(Command::AskThis("Can you see an umbrella in the image?".to_owned()));
    frames(&mut window);
    window.get_by_label("wrong (an umbrella is annotated)");
    window.get_by_label("· P(yes) 0.00");
    press(&mut window, Key::V);
    window.get_by_label_contains(", plain ");
    window.state_mut().command(Command::AskThis("Can you see a bottle in the image?".to_owned()));
    frames(&mut window);
    window.get_by_label("right (no bottle is annotated)");
}

#[test]
fn a_message_of_one_answer_does_not_stand_over_another() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    let finish = |id: RunId, warnings: Vec<String>| Event::Finished { id, timings: Timings::default(), warnings };
    handle.say(Event::Started(RunId(1), Box::new(script.trace())));
    handle.say(script.token_event(RunId(1), 0));
    handle.say(finish(RunId(1), Vec::new()));
    frames(&mut window);
    window.state_mut().command(Command::AskThis("More?".to_owned()));
    frames(&mut window);
    handle.say(Event::Started(RunId(2), Box::new(script.trace())));
    handle.say(script.token_event(RunId(2), 0));
    handle.say(finish(RunId(2), vec!["It was cut short".to_owned()]));
    frames(&mut window);
    window.get_by_label("Warning");
    window.state_mut().command(Command::ShowRun(RunId(1)));
    frames(&mut window);
    assert!(window.query_by_label("Warning").is_none() && window.query_by_label("It was cut short").is_none(), "gone");
    window.state_mut().command(Command::ShowRun(RunId(2)));
    frames(&mut window);
    window.get_by_label("It was cut short"); // below its answer
}

#[test]
fn keys_typed_right_after_the_one_that_opens_a_box_go_into_it() {
    let (mut window, _) = answered(Script::default());
    let before = window.state().state().library.current_idx();
    let opened = [key(Key::K, Modifiers::COMMAND)].into_iter().chain(letters("fit"));
    at_once(&mut window, opened.collect());
    let state = window.state().state();
    assert!(state.open.palette && !state.open.filter && !state.open.template, "no letter was a shortcut");
    let typed = window.get_by_label("Find a command").accesskit_node().value();
    assert_eq!(typed.as_deref(), Some("fit"), "they are in the box");
    press(&mut window, Key::Escape);
    let all = [key(Key::K, Modifiers::COMMAND)]
        .into_iter()
        .chain(letters("next image"))
        .chain([key(Key::Enter, Modifiers::NONE)]);
    at_once(&mut window, all.collect());
    assert_eq!(window.state().state().library.current_idx(), before.map(|idx| idx + 1), "Enter too");
    let question = letters("q").chain(letters("add a toad?"));
    window.state_mut().command(Command::SetPrompt(String::new()));
    frames(&mut window);
    at_once(&mut window, question.collect());
    assert_eq!(window.state().state().ask.text, "add a toad?", "the key's own letter is not part of it");
    assert_eq!(window.state().state().library.current_idx(), before.map(|idx| idx + 1), "no other photo");
    type_text(&mut window, " Yes");
    assert_eq!(window.state().state().ask.text, "add a toad? Yes", "and it goes on as usual");
}

#[test]
fn keys_with_super_are_the_desktops() {
    let (mut window, _) = window(Script::default());
    let head = |window: &Window| window.state().state().view.decoder.head;
    let before = head(&window);
    at_once(&mut window, vec![key(Key::SuperLeft, Modifiers::NONE), key(Key::ArrowUp, Modifiers::NONE)]);
    assert_eq!(head(&window), before, "a window was moved");
    let up = Input::Key {
        key: Key::SuperLeft,
        physical_key: None,
        pressed: false,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    at_once(&mut window, vec![up]);
    press(&mut window, Key::ArrowUp);
    assert_ne!(head(&window), before, "without it the key is ours");
}

#[test]
fn keys_with_super_reach_no_box_and_no_button() {
    let (mut window, handle) = window(Script::default());
    press(&mut window, Key::Q);
    at_once(&mut window, letters("is").collect());
    assert_eq!(window.state().state().ask.text, "is", "the box has the focus");
    let sent = handle.wire(|wire| wire.sent.len());
    let all = [key(Key::SuperRight, Modifiers::NONE)].into_iter().chain(letters("xd"));
    at_once(&mut window, all.chain([key(Key::Enter, Modifiers::NONE)]).collect());
    assert_eq!(window.state().state().ask.text, "is", "no letter was typed");
    assert_eq!(handle.wire(|wire| wire.sent.len()), sent, "and nothing was asked");
}

#[test]
fn a_number_beyond_its_bounds_is_said() {
    let (mut window, _) = window(Script::default());
    window.get_by_label("Settings").click();
    frames(&mut window);
    window.get_by_label("random").click();
    frames(&mut window);
    let field =
        |window: &Window| window.get_by_role_and_label(eframe::egui::accesskit::Role::SpinButton, "Temperature").rect();
    let at = field(&window).center();
    window.hover_at(at);
    frames(&mut window);
    for pressed in [true, false] {
        window.event(Input::PointerButton {
            pos: at,
            button: eframe::egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    frames(&mut window);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    type_text(&mut window, "100");
    press(&mut window, Key::Enter);
    assert!((window.state().state().ask.temperature - 5.0).abs() < 1e-9, "the largest that is allowed");
    window.get_by_label("5 at most");
}
