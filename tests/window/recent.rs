//! What was opened lately, and paths that were mistyped.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, frames, type_text, window};
use eframe::egui;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use gazelens::data::demo;
use gazelens::session;
use gazelens::ui::core::command::Command;
use std::path::Path;

fn type_path(window: &mut Window, path: &Path) {
    window.get_by_label("Path of a photo or folder").focus();
    frames(window);
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    type_text(window, &path.display().to_string());
    window.key_press(egui::Key::Enter);
    frames(window);
}

#[test]
fn what_was_opened_stands_in_a_list_and_what_is_gone_cannot_be_chosen() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (folder, path) = (dir.path().join("photos of today"), dir.path().join("work.gazelens"));
    std::fs::create_dir_all(&folder).expect("created");
    for image in demo::IMAGES.iter().take(2) {
        std::fs::write(folder.join(image.file_name), image.png).expect("written");
    }
    session::write(&path, &session::Session::default()).expect("written");
    let (mut window, _handle) = window(Script::default());
    type_path(&mut window, &folder);
    wait_until(&mut window, "the photos", |app| app.state().toasts.iter().any(|toast| toast.text.contains(" photos")));
    window.state_mut().command(Command::AddPaths(vec![path.clone()]));
    wait_until(&mut window, "the session", |app| app.state().session.path.is_some());
    frames(&mut window);
    let prefs = window.state().state().prefs.clone();
    assert_eq!(prefs.recent_sessions, [path.display().to_string()], "the session");
    assert_eq!(prefs.recent_data, [folder.display().to_string()], "the folder");

    std::fs::remove_dir_all(&folder).expect("removed");
    window.get_by_label("Recent…").click();
    frames(&mut window);
    window.get_by_label("Open work.gazelens");
    let gone = |window: &Window| window.get_by_label("Open photos of today").accesskit_node().is_disabled();
    for _ in 0..400 {
        window.step();
        if gone(&window) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(gone(&window), "what is gone is grey");
    window.get_by_label("Open work.gazelens").click();
    frames(&mut window);
    wait_until(&mut window, "the session again", |app| {
        app.state().toasts.iter().any(|toast| toast.text.starts_with("Opened 0 answers"))
    });
    window.get_by_label("Recent…").click();
    frames(&mut window);
    window.get_by_label("Clear the list").click();
    frames(&mut window);
    let prefs = &window.state().state().prefs;
    assert!(prefs.recent_sessions.is_empty() && prefs.recent_data.is_empty(), "nothing is remembered");
}

#[test]
fn a_mistyped_path_stays_to_be_mended() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut window, _handle) = window(Script::default());
    let typed = |window: &Window| {
        let node = window.get_by_label("Path of a photo or folder");
        node.accesskit_node().value().unwrap_or_default()
    };
    let wrong = dir.path().join("no_such_photo.png");
    type_path(&mut window, &wrong);
    wait_until(&mut window, "an error", |app| {
        app.state().notices.iter().any(|notice| notice.text.contains("no_such_photo.png"))
    });
    frames(&mut window);
    assert_eq!(typed(&window), wrong.display().to_string(), "the text is still there");
    assert!(window.get_by_label("Path of a photo or folder").accesskit_node().is_focused(), "with the cursor in it");
    window.get_by_label("Dismiss").click();
    frames(&mut window);
    assert_eq!(typed(&window), wrong.display().to_string(), "also when the message is gone");
    std::fs::write(&wrong, demo::IMAGES.first().expect("bundled").png).expect("written");
    type_path(&mut window, &wrong);
    wait_until(&mut window, "the photo", |app| {
        app.state().library.current().is_some_and(|image| image.detail.ends_with("no_such_photo.png"))
    });
    frames(&mut window);
    assert_eq!(typed(&window), "", "it was of use");
}
