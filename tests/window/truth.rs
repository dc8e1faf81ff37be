//! Ground truth beside attention: a data set opened, filtered and walked through, a hallucinated word, figures, tags.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, frames, press, show, window};
use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::analysis::chair::Status;
use gazelens::data::demo;
use gazelens::engine::Worker;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::Phase;
use gazelens::ui::{App, AppOptions};
use std::path::PathBuf;
use std::sync::Arc;

/// Photos and annotations in a folder, as a user has them.
fn data_set(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let photos = dir.path().join("photos");
    std::fs::create_dir(&photos).expect("created");
    for name in names {
        let image = demo::image(name).expect("is bundled");
        std::fs::write(photos.join(name), image.png).expect("written");
    }
    let (instances, questions) = (dir.path().join("instances.json"), dir.path().join("pope.jsonl"));
    std::fs::write(&instances, demo::INSTANCES).expect("written");
    std::fs::write(&questions, demo::QUESTIONS).expect("written");
    (dir, vec![photos, instances, questions])
}

fn opened(paths: &[PathBuf]) -> Window {
    let (mut window, _) = window(Script::default());
    wait_until(&mut window, "the bundled data set", |app| app.state().browse.dataset.is_some());
    window.state_mut().command(Command::AddPaths(paths.to_vec()));
    wait_until(&mut window, "the data set", |app| !app.state().browse.bundled && app.state().current_row().is_some());
    frames(&mut window);
    window
}

fn listed(window: &Window) -> usize {
    window.state().state().library.num_listed()
}

#[test]
fn a_data_set_is_opened_filtered_and_walked_through() {
    let names = ["demo_01_beach.png", "demo_04_park.png", "demo_09_street.png"];
    let (dir, paths) = data_set(&names);
    let mut window = opened(&paths);
    assert_eq!(listed(&window), names.len(), "the photos that were found; the bundled ones are gone");
    window.get_by_label_contains("21 annotated images without a photo");
    press(&mut window, egui::Key::F);
    window.get_by_label("Filter umbrella").click();
    let with_umbrella = |app: &App| app.state().library.num_listed() < names.len();
    wait_until(&mut window, "photos with umbrellas", with_umbrella);
    let few = listed(&window);
    assert!(few > 0, "there is one on the beach");
    window.get_by_label("Reset").click();
    wait_until(&mut window, "all of them", |app| app.state().library.num_listed() == names.len());
    press(&mut window, egui::Key::Escape);
    let current = |window: &Window| window.state().state().library.current().map(|image| image.name.clone());
    let first = current(&window);
    press(&mut window, egui::Key::D);
    assert_ne!(current(&window), first, "the next photo");
    window.state_mut().command(Command::JumpToImage("9".to_owned()));
    frames(&mut window);
    assert_eq!(current(&window).as_deref(), Some("demo_09_street.png"), "by its number in the annotations");
    // Tags lie beside the photos a moment later, and the annotations stay as they are.
    wait_until(&mut window, "what is known", |app| app.state().truth.image.is_some());
    show(&mut window, Pane::Notes);
    window.get_by_label("★ star").click();
    frames(&mut window);
    drop(window);
    let notes = std::fs::read_to_string(dir.path().join("photos/gazelens-notes.json")).expect("notes were written");
    assert!(notes.contains("demo_09_street.png") && notes.contains("star"), "what was noted: {notes}");
    let instances = std::fs::read_to_string(dir.path().join("instances.json")).expect("still there");
    assert!(instances == demo::INSTANCES, "the annotations are never written");
}

#[test]
fn annotations_that_cannot_be_read_are_named_and_nothing_changes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("broken.json");
    std::fs::write(&path, "{\"images\": [").expect("written");
    let (mut window, _) = window(Script::default());
    wait_until(&mut window, "the bundled data set", |app| app.state().browse.dataset.is_some());
    let before = listed(&window);
    window.state_mut().command(Command::AddPaths(vec![path]));
    wait_until(&mut window, "a message", |app| app.state().notices.iter().next().is_some());
    frames(&mut window);
    window.get_by_label_contains("broken.json");
    assert_eq!(listed(&window), before, "the bundled images are still there");
}

#[test]
fn objects_are_hidden_and_chosen_by_name() {
    let (mut window, _) = window(Script::default());
    wait_until(&mut window, "what is known", |app| app.state().truth.image.is_some());
    show(&mut window, Pane::Objects);
    window.get_by_label("Show umbrella").click();
    frames(&mut window);
    assert!(!window.state().state().truth.hidden.is_empty(), "the umbrella is not painted");
    window.get_by_label("Category umbrella").click();
    frames(&mut window);
    let chosen = |window: &Window| window.state().state().truth.category().map(|category| category.name.clone());
    assert_eq!(chosen(&window).as_deref(), Some("umbrella"), "maps are held against it");
    press(&mut window, egui::Key::O);
    assert!(!window.state().state().truth.view.masks_visible, "O hides all objects");
}

#[test]
fn a_hallucinated_word_shows_where_it_came_from() {
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_max_steps(60).allow_missing_glyphs();
    let mut window: Window = builder.build_eframe(|cc| {
        let ctx = cc.egui_ctx.clone();
        let worker = Worker::new(Arc::new(move || ctx.request_repaint()));
        App::new(cc, AppOptions::new(Box::new(worker)))
    });
    wait_until(&mut window, "the demo model to open", |app| app.state().model.info.is_some());
    wait_until(&mut window, "what is known", |app| app.state().truth.image.is_some());
    // The bundled model names a bottle that this beach does not have.
    window.state_mut().command(Command::AskThis("Please describe this image in detail.".to_owned()));
    let finished = |app: &App| app.state().current_run().is_some_and(|run| run.phase == Phase::Finished);
    wait_until(&mut window, "an answer", finished);
    frames(&mut window);
    let derived = window.state().derived();
    let bad: Vec<_> = derived.truth.marks.words.iter().filter(|w| w.marked.status == Status::Hallucinated).collect();
    assert_eq!(bad.iter().map(|word| word.marked.mention.category).collect::<Vec<_>>(), ["bottle"], "by the scene");
    let first = *bad[0].tokens.start();
    show(&mut window, Pane::Origin);
    show(&mut window, Pane::Metrics);
    window.get_by_label_contains(&format!("Token {first}: ")).click();
    frames(&mut window);
    let held = window.state().state().selection.tokens.len();
    let word = &window.state().derived().truth.marks.words;
    let tokens = word.iter().find(|word| *word.tokens.start() == first).map(|word| word.tokens.clone().count());
    assert_eq!(Some(held), tokens, "a word of several tokens is held as one");
    window.get_by_label("bottle: hallucinated, not in the photo by its instances and reference captions");
    window.get_by_label_contains("Attention split: first token");
    let scores = window.state().derived().truth.scores.clone().expect("objects").expect("figures");
    assert!(scores.values.iter().filter(|value| value.is_ok()).count() >= 8, "figures of the map: {scores:?}");
    window.get_by_label("Precision");
    window.get_by_label("Precision, recall and IoU over the threshold");
    // Hits and misses in place of the heat map, with a legend.
    press(&mut window, egui::Key::H);
    window.get_by_label("Object, not looked at");
}
