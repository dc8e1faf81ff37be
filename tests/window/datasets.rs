//! Data sets as people have them: opened by their root, or by their annotations first.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, frames, press, show, window, window_with};
use eframe::egui;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use gazelens::data::demo;
use gazelens::engine::RunId;
use gazelens::ui::App;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::command::ListCommand;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::core::settings::ImagesView;
use std::path::Path;

/// A root with photos in `images` and all kinds of annotations.
fn root(photos: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path().join(photos);
    std::fs::create_dir_all(&folder).expect("created");
    for name in ["demo_01_beach.png", "demo_04_park.png"] {
        std::fs::write(folder.join(name), demo::image(name).expect("is bundled").png).expect("written");
    }
    std::fs::create_dir_all(dir.path().join("annotations")).expect("created");
    std::fs::write(dir.path().join("annotations/instances.json"), demo::INSTANCES).expect("written");
    std::fs::write(dir.path().join("annotations/pope.jsonl"), demo::QUESTIONS).expect("written");
    dir
}

fn own_photos(app: &App) -> bool {
    !app.state().browse.bundled && app.state().current_row().is_some()
}

fn open(window: &mut Window, path: &Path) {
    wait_until(window, "the bundled data set", |app| app.state().browse.dataset.is_some());
    window.state_mut().command(Command::AddPaths(vec![path.to_owned()]));
}

#[test]
fn a_root_given_at_the_start_opens_with_its_annotations_and_says_so() {
    let dir = root("images");
    let (mut window, _) = window_with(Script::default(), |options| options.paths = vec![dir.path().to_owned()]);
    wait_until(&mut window, "the photos", own_photos);
    frames(&mut window);
    assert_eq!(window.state().state().library.images().len(), 2, "none of the demo's");
    let said = "Opened the photos in images, instances.json and pope.jsonl: 2 photos, all annotated";
    window.get_by_label_contains(said);
    let dataset = window.state().state().browse.dataset.clone().expect("joined");
    assert!(dataset.instances().is_some() && dataset.questions().is_some(), "both");
}

#[test]
fn annotations_that_wait_for_photos_say_so_wherever_photos_would_be() {
    let dir = root("far/away/from/here");
    let (mut window, _) = window(Script::default());
    open(&mut window, &dir.path().join("annotations/instances.json"));
    wait_until(&mut window, "what is wanted", |app| app.state().browse.photos_wanted.is_some());
    show(&mut window, Pane::Objects);
    let wanted = format!("{} images annotated, no photos yet: choose their folder", demo::IMAGES.len());
    assert_eq!(window.query_all_by_label(&wanted).count(), 2, "in the list and in Objects");
    assert!(window.state().state().library.current().is_some(), "the bundled images are still there");
    open(&mut window, &dir.path().join("far/away/from/here"));
    wait_until(&mut window, "the photos", own_photos);
    frames(&mut window);
    assert!(window.query_by_label_contains("no photos yet").is_none(), "they are there");
    assert!(
        window.state().state().browse.dataset.as_ref().is_some_and(|dataset| dataset.instances().is_some()),
        "both"
    );
}

/// The names of the images that are drawn.
fn images_drawn(window: &Window) -> Vec<String> {
    let nodes = window.query_all_by_role(Role::ListItem).filter_map(|node| node.accesskit_node().label());
    nodes.filter(|label| label.starts_with("Image ")).collect()
}

fn right_click(window: &mut Window, name: &str, choice: &str) {
    window.get_by_label(name).click_secondary();
    frames(window);
    window.get_by_label(choice).click();
    frames(window);
}

#[test]
fn a_right_click_copies_tags_and_removes() {
    let dir = root("images");
    let (mut window, _) = window_with(Script::default(), |options| options.paths = vec![dir.path().join("images")]);
    wait_until(&mut window, "the photos", own_photos);
    frames(&mut window);
    let (first, second) = ("Image demo_01_beach.png", "Image demo_04_park.png");
    right_click(&mut window, second, "Copy the name");
    window.get_by_label("Copied the name");
    right_click(&mut window, second, "Copy the path");
    window.get_by_label("Copied the path");
    right_click(&mut window, second, "Star");
    let stars = |app: &App| app.state().browse.notes.images().filter(|(_, notes)| notes.star).count();
    wait_until(&mut window, "a star", |app| stars(app) == 1);
    assert!(!window.state().state().current_notes().expect("joined").star, "not the photo that is looked at");
    right_click(&mut window, first, "Remove from the list");
    wait_until(&mut window, "one photo", |app| app.state().library.images().len() == 1);
    frames(&mut window);
    assert_eq!(images_drawn(&window), [second], "the other is left");
    assert!(dir.path().join("images/demo_01_beach.png").exists(), "its file stays");
    window.get_by_label("Put it back").click();
    wait_until(&mut window, "both photos", |app| app.state().library.images().len() == 2);
}

#[test]
fn a_text_among_the_photos_can_be_taken_off_the_list() {
    let dir = root("images");
    std::fs::write(dir.path().join("images/notes.jpg"), "no photo").expect("written");
    let (mut window, _) = window_with(Script::default(), |options| options.paths = vec![dir.path().join("images")]);
    wait_until(&mut window, "the files", |app| app.state().library.images().len() == 3);
    frames(&mut window);
    right_click(&mut window, "Image notes.jpg", "Remove from the list");
    wait_until(&mut window, "the photos", |app| app.state().library.images().len() == 2);
}

#[test]
fn the_grid_shows_the_images_and_draws_only_those_in_sight() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for nr in 0..2000 {
        std::fs::write(dir.path().join(format!("p{nr:04}.jpg")), b"").expect("written");
    }
    let (mut window, _) = window_with(Script::default(), |options| options.paths = vec![dir.path().to_owned()]);
    wait_until(&mut window, "the photos", |app| app.state().library.images().len() == 2000);
    frames(&mut window);
    window.get_by_label("Images as a grid").click();
    frames(&mut window);
    let drawn = images_drawn(&window);
    assert!((4..200).contains(&drawn.len()), "a screen of them: {}", drawn.len());
    let at = |window: &Window, name: &str| window.get_by_label(name).rect();
    let [first, second] = ["Image p0000.jpg", "Image p0001.jpg"].map(|name| at(&window, name));
    assert!((first.top() - second.top()).abs() < 0.5 && first.right() <= second.left(), "beside each other");
    window.get_by_label("Image p0003.jpg").click();
    frames(&mut window);
    assert_eq!(window.state().state().library.current_idx(), Some(3), "a click looks at it");
    press(&mut window, egui::Key::D);
    assert_eq!(window.state().state().library.current_idx(), Some(4), "and keys go on from there");
    window.state_mut().command(Command::SelectImage(1500));
    window.run_steps(20);
    assert!(images_drawn(&window).iter().any(|name| name == "Image p1500.jpg"), "it comes into sight");
    assert_eq!(window.state().state().saved().prefs.images_view, ImagesView::Grid, "kept with the settings");
    window.get_by_label("Images as a list").click();
    frames(&mut window);
    let [above, below] = ["Image p1500.jpg", "Image p1501.jpg"].map(|name| at(&window, name));
    assert!(above.bottom() <= below.top() + 0.5, "one below the other, the current one in sight");
}

#[test]
fn a_grid_says_what_is_known_of_each_image() {
    let (mut window, _) = window(Script::default());
    wait_until(&mut window, "the bundled data set", |app| app.state().browse.dataset.is_some());
    window.state_mut().command(Command::List(ListCommand::ToggleGrid));
    frames(&mut window);
    let thumbnail = window.query_all_by_role(Role::ListItem).next().expect("drawn").rect();
    window.hover_at(thumbnail.center());
    window.run_steps(60);
    window.get_by_label_contains("bundled with the program\n5 objects");
}

#[test]
fn one_question_is_asked_about_every_listed_photo() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = window(script.clone());
    wait_until(&mut window, "the bundled data set", |app| app.state().browse.dataset.is_some());
    let all = demo::IMAGES.len();
    window.state_mut().command(Command::SetPrompt("What is this?".to_owned()));
    frames(&mut window);
    window.get_by_label("Question").click();
    frames(&mut window);
    window.get_by_label("Ask about all listed photos").click();
    frames(&mut window);
    window.get_by_label(&format!("0 of {all}"));
    for id in 1..=2 {
        for event in script.events(RunId(id)) {
            handle.say(event);
        }
        frames(&mut window);
    }
    window.get_by_label(&format!("2 of {all}"));
    assert!(window.query_by_label_contains("Answering about").is_none(), "below the photo nothing moves for it");
    let answers = |window: &Window, idx: usize| {
        let state = window.state().state();
        state.library.images().get(idx).map_or(0, |image| state.num_answers(&image.source))
    };
    assert_eq!([0, 1, 2].map(|idx| answers(&window, idx)), [1, 1, 0], "two photos have theirs");
    assert!(window.state().state().current_run().is_some(), "the answer is on the photo that is looked at");
    window.get_by_label("Stop asking about all photos").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled.clone()), [RunId(3)], "the one that runs is stopped");
    window.get_by_label(&format!("Stopped after 2 of {all}"));
    assert!(window.query_by_label("Stop asking about all photos").is_none(), "nothing is left to stop");
}
