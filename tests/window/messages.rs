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
    let before = photo(&window);
    let mut trace = script.trace();
    trace.warnings = (0..count).map(|idx| format!("Something was left out, number {idx}")).collect();
    handle.say(Event::Started(RunId(1), Box::new(trace)));
    frames(&mut window);
    let after = photo(&window);
    assert!(after.top() > before.top(), "the photo makes room");
    window
}

#[test]
fn messages_stand_above_the_panels_and_cover_no_photo() {
    let (window, _) = answered(Script::default());
    let free = photo(&window);
    let mut window = warned(12);
    assert_eq!(window.query_all_by_label("Warning").count(), 1, "the newest one");
    let message = window.get_by_label("Warning").rect();
    assert!(message.bottom() <= photo(&window).top(), "it lies above the photo: {message:?}");
    window.get_by_label("Show 11 more messages").click();
    frames(&mut window);
    assert_eq!(window.query_all_by_label("Warning").count(), 12, "all of them");
    let lower = photo(&window).top() - free.top();
    assert!((100.0..=0.3 * 800.0).contains(&lower), "at most 30 % of the window, the rest scrolls: {lower}");
    window.get_by_label("Show fewer").click_accesskit();
    frames(&mut window);
    assert_eq!(window.query_all_by_label("Warning").count(), 1, "the newest one again");
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
    assert!(window.query_by_label("Warning").is_none(), "and their room with them");
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
