//! Data sets as people have them: opened by their root, or by their annotations first.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, frames, window, window_with};
use egui_kittest::kittest::Queryable as _;
use gazelens::data::demo;
use gazelens::ui::{App, Command};
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
    window.get_by_label("Objects").click();
    frames(&mut window);
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
