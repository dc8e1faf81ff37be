//! The window in a harness.

use crate::script::{Handle, Script, ScriptedLink};
use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::{App, AppOptions};

/// The window with a scripted engine.
pub(crate) type Window = Harness<'static, App>;

/// A window of a laptop's size.
pub(crate) fn window(script: Script) -> (Window, Handle) {
    window_with(script, |_| ())
}

/// The same, with changed options.
pub(crate) fn window_with(script: Script, change: impl FnOnce(&mut AppOptions)) -> (Window, Handle) {
    let (link, handle) = ScriptedLink::new(script);
    let mut options = AppOptions::new(Box::new(link));
    // Not what this machine's user happens to have downloaded.
    options.hub_cache = Some("no/such/cache".into());
    change(&mut options);
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_max_steps(60);
    let mut window = builder.build_eframe(|cc| App::new(cc, options));
    settle(&mut window);
    (window, handle)
}

/// Draws frames until photos are read and nothing changes any more.
pub(crate) fn settle(window: &mut Window) {
    for _ in 0..400 {
        window.step();
        if window.query_by_label_contains("Photo demo").is_some()
            && window.query_by_label("Reading the photo…").is_none()
        {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    frames(window);
}

/// Draws frames until commands, events and maps have come through.
pub(crate) fn frames(window: &mut Window) {
    window.run_steps(6);
}

/// A window with an answered question.
pub(crate) fn answered(script: Script) -> (Window, Handle) {
    let (mut window, handle) = window(script);
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    (window, handle)
}

/// The line above the photo.
pub(crate) fn caption(window: &Window) -> String {
    window.state().derived().shown.as_ref().map(|shown| shown.caption.clone()).unwrap_or_default()
}

/// The largest value on the photo: its patch.
pub(crate) fn brightest_patch(window: &Window) -> Option<usize> {
    let shown = window.state().derived().shown.as_ref()?;
    let values = &shown.map.as_ref().ok()?.values;
    values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(idx, _)| idx)
}

/// Types into whatever has the focus.
pub(crate) fn type_text(window: &mut Window, text: &str) {
    window.event(egui::Event::Text(text.to_owned()));
    frames(window);
}

/// Presses a key.
pub(crate) fn press(window: &mut Window, key: egui::Key) {
    window.key_press(key);
    frames(window);
}

/// Types a number into a box, as a person does: a click, everything marked, the digits, Enter.
pub(crate) fn type_number(window: &mut Window, name: &str, text: &str) {
    let at = window.get_by_role_and_label(egui::accesskit::Role::SpinButton, name).rect().center();
    window.hover_at(at);
    frames(window);
    for pressed in [true, false] {
        let (button, modifiers) = (egui::PointerButton::Primary, egui::Modifiers::NONE);
        window.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers });
    }
    frames(window);
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    type_text(window, text);
    press(window, egui::Key::Enter);
}

/// Shows a panel, as the menu does: its tab, or its section of the inspector.
pub(crate) fn show(window: &mut Window, pane: Pane) {
    window.state_mut().command(Command::ShowPane(pane));
    frames(window);
}
