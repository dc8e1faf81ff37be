//! What survives: settings, layout, scripts of the world, an idle window.

use crate::script::{Script, ScriptedLink};
use crate::support::{answered, frames, press, settle, show, window};
use eframe::App as _;
use eframe::egui::{self, Key};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::{PANES, Pane};
use gazelens::ui::core::settings::ThemeChoice;
use gazelens::ui::shell::layout::is_in_front;
use gazelens::ui::{App, AppOptions};
use std::collections::HashMap;

#[derive(Default)]
pub(crate) struct Memory(HashMap<String, String>);

impl eframe::Storage for Memory {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

#[test]
fn settings_and_layout_survive_a_restart() {
    let (mut before, _) = answered(Script::default());
    before.get_by_label("Figure").click();
    before.get_by_label("Per layer").click_accesskit();
    frames(&mut before);
    for command in
        [Command::SetTheme(ThemeChoice::Light), Command::SetScale(1.25), Command::TogglePatchGrid, Command::NextLayer]
    {
        before.state_mut().command(command);
    }
    frames(&mut before);
    let mut memory = Memory::default();
    before.state_mut().save(&mut memory);

    let (mut after, _) = window(Script::default());
    after.state_mut().restore(&memory);
    let state = after.state().state();
    assert_eq!(state.prefs.theme, ThemeChoice::Light, "light");
    assert!((state.prefs.scale - 1.25).abs() < 1e-6, "larger");
    assert!(state.colour.patch_grid_visible, "patch borders");
    assert_eq!(state.view.decoder.layer.reduce, None, "one layer");
    assert!(is_in_front(after.state().tree(), Pane::Figure), "the tab that was in front");
    assert!(after.state().is_in_sight(Pane::Layers), "the section that was open");
    after.state_mut().command(Command::ResetLayout);
    frames(&mut after);
    assert!(is_in_front(after.state().tree(), Pane::Photo), "the default");
    assert!(!after.state().is_in_sight(Pane::Layers), "with its sections");
}

#[test]
fn broken_settings_are_as_on_the_first_day() {
    let mut memory = Memory::default();
    for key in ["gazelens-settings", "gazelens-layout"] {
        eframe::Storage::set_string(&mut memory, key, "{not json".to_owned());
    }
    let (mut window, _) = window(Script::default());
    window.state_mut().restore(&memory);
    assert_eq!(window.state().state().prefs.theme, ThemeChoice::System, "the default");
}

#[test]
fn an_interface_size_of_another_version_is_brought_within() {
    for (stored, expected) in [("9.5", 2.0), ("0.1", 0.75), ("1.25", 1.25)] {
        let mut memory = Memory::default();
        let settings = format!("{{\"prefs\": {{\"scale\": {stored}}}}}");
        eframe::Storage::set_string(&mut memory, "gazelens-settings", settings);
        let (mut window, _) = window(Script::default());
        window.state_mut().restore(&memory);
        let scale = window.state().state().prefs.scale;
        assert!((scale - expected).abs() < 1e-6, "{stored} became {scale}");
    }
}

#[test]
fn an_idle_window_asks_for_no_frame() {
    let (mut window, _) = answered(Script::default());
    window.remove_cursor();
    // Panics if the window never settles.
    window.run();
    let delay = window.output().viewport_output.get(&egui::ViewportId::ROOT).map(|viewport| viewport.repaint_delay);
    assert_eq!(delay, Some(std::time::Duration::MAX), "no frame is scheduled");
}

#[test]
fn every_input_has_a_name_in_every_panel() {
    let (mut window, _) = answered(Script::default());
    for entry in PANES {
        show(&mut window, entry.pane);
        // Checks names when it has settled.
        window.run();
    }
    for label in ["Settings", "More", "Template"] {
        window.get_by_label(label).click();
        window.run();
    }
    press(&mut window, Key::Escape);
    window.get_by_label("Model: demo").click();
    window.run();
}

#[test]
fn words_of_any_script_are_chips() {
    let words = ["这", "只", "狗", "は", "かわいい", " 개", " собака", "🐕", ""];
    let script = Script { answer: words.map(str::to_owned).to_vec(), ..Script::default() };
    let (link, _) = ScriptedLink::new(script);
    let options = AppOptions::new(Box::new(link));
    // The harness has egui's own fonts only; the real window asks the system for the rest.
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).allow_missing_glyphs();
    let mut window = builder.build_eframe(|cc| App::new(cc, options));
    settle(&mut window);
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    for (idx, word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
        window.get_by_label(&format!("Token {idx}: {}", word.trim()));
    }
}

#[test]
fn emoji_need_no_font_of_the_system() {
    // The harness panics when a character has no glyph; it has the program's own fonts only.
    let script = Script { answer: ["🐕", " 🚲", "😀"].map(str::to_owned).to_vec(), ..Script::default() };
    let (window, _) = answered(script);
    window.get_by_label("Token 0: 🐕");
}

#[test]
fn a_narrow_window_and_a_large_scale_still_work() {
    let (mut window, _) = answered(Script::default());
    window.set_size(egui::vec2(760.0, 480.0));
    window.state_mut().command(Command::SetScale(1.5));
    frames(&mut window);
    window.get_by_role_and_label(egui::accesskit::Role::Button, "Ask");
    window.set_size(egui::vec2(1920.0, 1080.0));
    window.state_mut().command(Command::SetScale(1.0));
    frames(&mut window);
    window.get_by_label("Token 1: dog");
}
