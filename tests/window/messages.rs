//! Messages: where they stand, how they go, and what is none.

use crate::script::Script;
use crate::support::{Window, answered, frames, press};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{Event, Request, RunId, Timings};
use gazelens::ui::core::command::Command;
use gazelens::ui::core::settings::SCALES;

fn photo(window: &Window) -> egui::Rect {
    window.get_by_label_contains("Photo demo").rect()
}

/// A window whose answer came with this many warnings.
fn warned(count: usize) -> Window {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    let mut trace = script.trace();
    trace.warnings = (0..count).map(|idx| format!("Something was left out, number {idx}")).collect();
    handle.say(Event::Started(RunId(1), Box::new(trace)));
    frames(&mut window);
    window
}

/// A sentence stands in the menu bar; below its answer it may stand too.
fn said_above(window: &Window, sentence: &str) {
    let bottom = photo(window).top();
    assert!(window.query_all_by_label(sentence).any(|label| label.rect().bottom() < bottom), "{sentence}");
}

#[test]
fn nothing_moves_when_a_message_comes_or_goes() {
    for size in [[1280.0, 800.0], [1000.0, 600.0], [1920.0, 1080.0]] {
        let (mut window, handle) = answered(Script::default());
        window.set_size(egui::vec2(size[0], size[1]));
        frames(&mut window);
        let places = |window: &Window| {
            let labels = ["Token 1: dog", "Ask", "View", "?"].map(|label| window.get_by_label(label).rect());
            (labels, photo(window), window.state().photo_shown())
        };
        let before = places(&window);
        handle.say(Event::LoadFailed(format!("Expected config.json, found none: {}", "/models/broken".repeat(20))));
        frames(&mut window);
        assert_eq!(places(&window), before, "at {size:?}, when it comes");
        let message = window.get_by_label("Error").rect();
        assert!(
            message.bottom() < before.1.top() && message.left() > before.0[2].right(),
            "in the menu bar: {message:?}"
        );
        window.get_by_label("Error").click();
        frames(&mut window);
        assert_eq!(window.query_all_by_label("Error").count(), 2, "the list has it in full");
        assert_eq!(places(&window), before, "at {size:?}, when the list opens");
        press(&mut window, egui::Key::Escape);
        assert_eq!(window.query_all_by_label("Error").count(), 1, "the list goes first");
        window.get_by_label("Dismiss").click();
        frames(&mut window);
        assert!(window.query_by_label("Error").is_none(), "dismissed");
        assert_eq!(places(&window), before, "at {size:?}, when it goes");
    }
}

#[test]
fn the_newest_message_stands_in_the_menu_bar_and_the_others_in_a_list() {
    let mut window = warned(12);
    assert_eq!(window.query_all_by_label("Warning").count(), 1, "the newest one");
    said_above(&window, "Something was left out, number 11");
    window.get_by_label("12 messages").click();
    frames(&mut window);
    assert_eq!(window.query_all_by_label("Warning").count(), 1 + 12, "all of them");
    window.get_by_label("12 messages").click();
    frames(&mut window);
    assert_eq!(window.query_all_by_label("Warning").count(), 1, "the newest one again");
    window.get_by_label("Dismiss").click();
    frames(&mut window);
    said_above(&window, "Something was left out, number 10");
}

#[test]
fn a_message_is_within_its_place_at_every_interface_size() {
    for scale in SCALES {
        let mut window = warned(2);
        window.state_mut().command(Command::SetScale(scale));
        frames(&mut window);
        let help = window.get_by_label("Help").rect();
        let model = window.get_by_label_contains("Model: ").rect();
        for label in ["Warning", "Dismiss", "2 messages"] {
            let rect = window.get_by_label(label).rect();
            assert!(rect.left() >= help.right() && rect.right() <= model.left(), "{label} at {scale}: {rect:?}");
        }
    }
}

#[test]
fn escape_clears_messages_when_nothing_else_takes_the_key() {
    let mut window = warned(3);
    window.state_mut().command(Command::ClickPatch(5, gazelens::ui::core::command::Extend::Replace));
    frames(&mut window);
    press(&mut window, egui::Key::Escape);
    assert!(window.state().state().selection.is_empty(), "the patch is let go first");
    assert_eq!(window.state().state().notices.iter().count(), 3, "the messages stand");
    press(&mut window, egui::Key::Escape);
    assert_eq!(window.state().state().notices.iter().count(), 0, "now they are gone");
    assert!(window.query_by_label("Warning").is_none(), "not one of them is in sight");
}

#[test]
fn the_limit_is_a_line_below_the_answer_with_a_way_on() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    let finish = |id: RunId, len: usize| {
        let mut trace = script.trace();
        trace.warnings.clear();
        handle.say(Event::Started(id, Box::new(trace)));
        (0..len).for_each(|idx| handle.say(script.token_event(id, idx)));
        let warnings = vec![format!("Stopped at the limit of {len} tokens")];
        handle.say(Event::Finished { id, timings: Timings::default(), warnings });
    };
    finish(RunId(1), 3);
    frames(&mut window);
    assert_eq!(window.state().state().notices.iter().count(), 0, "a normal end is no warning");
    window.get_by_label("Stopped at the limit of 3 tokens"); // once
    window.get_by_label("Continue").click_accesskit();
    frames(&mut window);
    let asked = handle.wire(|wire| match wire.sent.last() {
        Some(Request::Ask(id, question)) => (*id, (**question).clone()),
        other => panic!("expected a question, found {other:?}"),
    });
    assert_eq!(asked.1.fork.map(|fork| fork.ids.len()), Some(3), "the answer goes on behind its three tokens");
    assert!(asked.1.max_new_tokens > 3 + 200, "with as many tokens again: {}", asked.1.max_new_tokens);
    // Another model's answer cannot go on.
    finish(asked.0, 5);
    let mut other = (*script.info()).clone();
    other.weight_hash = "another".to_owned();
    handle.say(Event::Loaded(std::sync::Arc::new(other)));
    frames(&mut window);
    assert!(window.query_by_label("Continue").is_none(), "the open model is another one");
    window.get_by_label("Raise the limit and ask again").click_accesskit();
    frames(&mut window);
    let limit = handle.wire(|wire| match wire.sent.last() {
        Some(Request::Ask(_, question)) => (question.max_new_tokens, question.fork.is_none()),
        other => panic!("expected a question, found {other:?}"),
    });
    assert_eq!(limit, (2 * asked.1.max_new_tokens, true), "the whole question, with twice the tokens");
}

#[test]
fn every_interface_size_is_in_the_menu() {
    let (mut window, _) = answered(Script::default());
    for scale in SCALES {
        window.get_by_label("View").click_accesskit();
        frames(&mut window);
        window.get_by_label(&format!("{:.0} %", scale * 100.0)).click_accesskit();
        frames(&mut window);
        assert!((window.state().state().prefs.scale - scale).abs() < 1e-6, "{scale}");
        assert!((window.ctx.zoom_factor() - scale).abs() < 1e-6, "{scale} in force");
        press(&mut window, egui::Key::Escape);
    }
    let keys = egui::Modifiers::COMMAND.plus(egui::Modifiers::SHIFT);
    window.key_press_modifiers(keys, egui::Key::Minus);
    frames(&mut window);
    assert!((window.state().state().prefs.scale - 1.75).abs() < 1e-6, "the size below the largest");
    window.key_press_modifiers(keys, egui::Key::Plus);
    frames(&mut window);
    assert!((window.state().state().prefs.scale - 2.0).abs() < 1e-6, "and back");
}
