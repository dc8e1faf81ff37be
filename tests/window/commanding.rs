//! Finding commands, giving them keys, and going back and forth.

use crate::script::Script;
use crate::support::{Window, answered, frames, press, type_text, window};
use eframe::egui;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use gazelens::ui::core::command::{Command, NAMED_COMMANDS};
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::TokenPos;

fn ctrl(window: &mut Window, key: Key) {
    window.key_press_modifiers(Modifiers::COMMAND, key);
    frames(window);
}

fn held(window: &Window) -> Vec<TokenPos> {
    window.state().state().selection.tokens.iter().copied().collect()
}

#[test]
fn a_command_is_found_by_a_part_of_its_name() {
    let (mut window, _handle) = answered(Script::default());
    ctrl(&mut window, Key::K);
    assert!(window.query_by_label("Find a command").is_some(), "the box is open");
    type_text(&mut window, "metrics");
    press(&mut window, Key::Enter);
    assert!(window.query_by_label("Find a command").is_none(), "it closes");
    assert!(window.state().is_in_sight(Pane::Metrics), "and the panel is in sight");
    ctrl(&mut window, Key::K);
    let first = window.get_by_label("Show Metrics");
    first.click();
    frames(&mut window);
    assert!(!window.state().state().open.palette, "what was used last is offered, a click does it");
}

#[test]
fn arrows_choose_and_escape_closes_and_ctrl_k_too() {
    let (mut window, _handle) = answered(Script::default());
    ctrl(&mut window, Key::K);
    type_text(&mut window, "theme");
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::Enter);
    let theme = window.state().state().prefs.theme;
    assert_eq!(format!("{theme:?}"), "Light", "the second line");
    ctrl(&mut window, Key::K);
    press(&mut window, Key::Escape);
    assert!(!window.state().state().open.palette, "closed");
    ctrl(&mut window, Key::K);
    ctrl(&mut window, Key::K);
    assert!(!window.state().state().open.palette, "closed");
}

#[test]
fn what_cannot_be_done_says_why_and_does_nothing() {
    let (mut window, _handle) = window(Script::default());
    ctrl(&mut window, Key::K);
    type_text(&mut window, "copy the answer");
    assert!(window.query_by_label("There is no answer about this photo yet").is_some(), "why not");
    press(&mut window, Key::Enter);
    assert!(window.state().state().open.palette, "the box stays");
}

#[test]
fn a_question_can_be_typed_into_the_box() {
    let (mut window, _handle) = answered(Script::default());
    ctrl(&mut window, Key::K);
    type_text(&mut window, "Is there a zebra?");
    window.get_by_label("Ask: Is there a zebra?").click();
    frames(&mut window);
    let asked = window.state().state().current_run().map(|run| run.prompt_text().to_owned());
    assert_eq!(asked.as_deref(), Some("Is there a zebra?"), "asked");
}

#[test]
fn selection_and_view_go_back_and_forth() {
    let (mut window, _handle) = answered(Script::default());
    window.get_by_label_contains("Token 1: ").click();
    frames(&mut window);
    press(&mut window, Key::ArrowRight);
    let layer = window.state().state().view.layer_head().layer;
    ctrl(&mut window, Key::Z);
    assert_ne!(window.state().state().view.layer_head().layer, layer, "the layer went back");
    assert_eq!(held(&window), [TokenPos::Output(1)], "the word is still held");
    ctrl(&mut window, Key::Z);
    assert!(held(&window).is_empty(), "it is let go");
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    frames(&mut window);
    ctrl(&mut window, Key::Y);
    assert_eq!(
        (held(&window), window.state().state().view.layer_head().layer),
        (vec![TokenPos::Output(1)], layer),
        "and forth"
    );
    window.get_by_label("Edit").click();
    frames(&mut window);
    assert!(window.query_by_label_contains("Undo: layer, head or source").is_some(), "the menu says what");
}

#[test]
fn undoing_what_is_typed_leaves_the_view_alone() {
    let (mut window, _handle) = answered(Script::default());
    press(&mut window, Key::G);
    press(&mut window, Key::Q);
    type_text(&mut window, "abc");
    ctrl(&mut window, Key::Z);
    assert!(!window.state().state().colour.overlay_visible, "the text box has the key");
}

#[test]
fn a_command_gets_other_keys() {
    let (mut window, _handle) = answered(Script::default());
    window.state_mut().command(Command::ToggleHelp);
    frames(&mut window);
    window.get_by_label("Keys of Overlay on or off: G").click();
    frames(&mut window);
    press(&mut window, Key::J);
    assert!(window.query_by_label("Keys of Overlay on or off: J").is_some(), "shown");
    assert!(window.state().state().colour.overlay_visible, "the key did nothing else");
    window.get_by_label("Close").click();
    frames(&mut window);
    press(&mut window, Key::G);
    assert!(window.state().state().colour.overlay_visible, "G is free");
    press(&mut window, Key::J);
    assert!(!window.state().state().colour.overlay_visible, "J does it");
}

#[test]
fn keys_of_another_command_are_taken_only_when_told_to() {
    let (mut window, _handle) = answered(Script::default());
    window.state_mut().command(Command::ToggleHelp);
    frames(&mut window);
    window.get_by_label("Keys of Overlay on or off: G").click();
    frames(&mut window);
    press(&mut window, Key::O);
    assert!(window.query_by_label("O is for “Objects on or off”").is_some(), "says whose it is");
    window.get_by_label("Use it for “Overlay on or off”").click();
    frames(&mut window);
    assert!(window.query_by_label("Keys of Objects on or off: none").is_some(), "taken");
    window.get_by_label("Reset keys of Objects on or off").click();
    frames(&mut window);
    assert!(window.query_by_label("Keys of Objects on or off: O").is_some(), "and given back");
    assert!(window.query_by_label("Keys of Overlay on or off: none").is_some(), "the other one has lost it");
    window.get_by_label("Reset all keys").click();
    frames(&mut window);
    assert!(window.query_by_label("Keys of Overlay on or off: G").is_some(), "as on the first day");
}

#[test]
fn recording_is_left_by_escape_and_keys_are_taken_away_by_backspace() {
    let (mut window, _handle) = answered(Script::default());
    window.state_mut().command(Command::ToggleHelp);
    frames(&mut window);
    window.get_by_label("Keys of Next image: D").click();
    frames(&mut window);
    press(&mut window, Key::Escape);
    assert!(window.state().state().open.help, "the box stays");
    assert!(window.query_by_label("Keys of Next image: D").is_some(), "the key too");
    window.get_by_label("Keys of Next image: D").click();
    frames(&mut window);
    press(&mut window, Key::Backspace);
    assert!(window.query_by_label("Keys of Next image: none").is_some(), "without keys");
}

#[test]
fn every_command_stands_in_the_list_of_keys_and_can_be_looked_for() {
    let (mut window, _handle) = answered(Script::default());
    window.state_mut().command(Command::ToggleHelp);
    frames(&mut window);
    for named in NAMED_COMMANDS {
        let label = format!("Keys of {}: ", named.label.trim_end_matches('…'));
        assert!(window.query_all_by_label_contains(&label).next().is_some(), "{label}");
    }
    window.get_by_label("Find a key or a command").click();
    frames(&mut window);
    type_text(&mut window, "zoom");
    assert!(window.query_by_label_contains("Keys of Zoom in").is_some(), "this one");
    assert!(window.query_by_label_contains("Keys of Quit").is_none(), "not that one");
}

#[test]
fn menus_list_every_panel_show_what_is_on_and_say_what_program_this_is() {
    let (mut window, _) = answered(Script::default());
    window.get_by_label("View").click();
    frames(&mut window);
    window.get_by_label("Panels").click();
    frames(&mut window);
    for entry in gazelens::ui::core::pane::PANES {
        assert!(window.query_all_by_label(entry.title).next().is_some(), "{} is in the menu", entry.title);
    }
    press(&mut window, Key::Escape);
    press(&mut window, Key::Escape);
    window.get_by_label("Help").click();
    frames(&mut window);
    window.get_by_label("About gazelens").click();
    frames(&mut window);
    let version = env!("CARGO_PKG_VERSION");
    assert!(window.query_by_label(version).is_some() && window.query_by_label("MIT").is_some(), "what it is");
    press(&mut window, Key::Escape);
    assert!(window.query_by_label(version).is_none(), "Esc closes it");
}
