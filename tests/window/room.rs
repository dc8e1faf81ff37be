//! How much room the photo has, and the inspector.

use crate::script::Script;
use crate::support::{Window, answered, frames, press, window_with};
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, vec2};
use egui_kittest::kittest::Queryable as _;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::shell::layout;

/// The part of the window that the photo takes.
fn photo_share(window: &mut Window, [width, height]: [f32; 2]) -> f32 {
    window.set_size(vec2(width, height));
    frames(window);
    let photo = window.state().photo_shown().expect("the photo is in sight");
    photo.area() / (width * height)
}

/// A window with one photo of this size.
fn with_photo(width_px: u32, height_px: u32) -> (tempfile::TempDir, Window) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("photo.png");
    image::RgbImage::new(width_px, height_px).save(&path).expect("it can be written");
    let (mut window, _) = window_with(Script::default(), |options| options.paths = vec![path]);
    for _ in 0..400 {
        window.step();
        if window.query_by_label_contains("Photo photo").is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    frames(&mut window);
    assert!(window.query_by_label_contains("Photo photo").is_some(), "this photo is shown");
    (folder, window)
}

#[test]
fn the_photo_takes_the_most_room() {
    // COCO's usual sizes; a portrait is bounded by the window's height.
    for (width_px, height_px, least) in [(640, 480, [0.30, 0.35]), (480, 640, [0.30, 0.30]), (640, 427, [0.27, 0.31])] {
        let (_folder, mut window) = with_photo(width_px, height_px);
        for (size, least) in [[1280.0, 800.0], [1920.0, 1080.0]].into_iter().zip(least) {
            let share = photo_share(&mut window, size);
            assert!(share >= least, "{width_px} x {height_px} in {size:?}: {share}, expected {least}");
        }
    }
}

#[test]
fn the_photo_alone_by_one_key() {
    let (mut window, _) = answered(Script::default());
    let before = photo_share(&mut window, [1280.0, 800.0]);
    press(&mut window, Key::F11);
    let alone = window.state().photo_shown().expect("in sight").area() / (1280.0 * 800.0);
    assert!(alone > before + 0.02, "{before} becomes {alone}");
    assert!(window.query_by_label("Inspector").is_none(), "nothing else is there");
    press(&mut window, Key::Escape);
    assert!(window.query_by_label("Inspector").is_some(), "Esc leads back");
}

#[test]
fn sections_fold_and_become_panels_of_their_own() {
    let (mut window, _) = answered(Script::default());
    let shown = |window: &Window| window.query_all_by_label("Colour map").count() > 0;
    assert!(!shown(&window), "folded at first");
    window.get_by_label("Colours").click_accesskit();
    frames(&mut window);
    assert!(shown(&window), "open");
    window.get_by_label("Colours").click_accesskit();
    frames(&mut window);
    assert!(!shown(&window), "folded again");
    window.get_by_label("Colours in a panel of its own").click_accesskit();
    frames(&mut window);
    let tree = window.state().tree();
    assert!(layout::is_in_front(tree, Pane::Colours), "a panel");
    assert!(shown(&window), "that shows it");
    window.get_by_label("Inspector").click();
    frames(&mut window);
    assert!(window.query_by_label("Colours in a panel of its own").is_none(), "and no section any more");
}

#[test]
fn a_command_for_a_section_opens_it() {
    let (mut window, _) = answered(Script::default());
    assert!(!window.state().is_in_sight(Pane::Layers), "folded at first");
    window.state_mut().command(gazelens::ui::core::command::Command::ShowPane(Pane::Layers));
    frames(&mut window);
    assert!(window.state().is_in_sight(Pane::Layers), "open");
    window.get_by_label("over layers");
}

#[test]
fn one_key_writes_the_names_of_all_objects() {
    let (mut window, _) = answered(Script::default());
    assert!(!window.state().state().truth.view.names_visible, "at first that of the one under the pointer");
    press(&mut window, Key::N);
    let truth = &window.state().state().truth;
    assert!(truth.view.names_visible && truth.view.masks_visible, "with their outlines");
    press(&mut window, Key::O);
    press(&mut window, Key::N);
    let truth = &window.state().state().truth;
    assert!(truth.view.names_visible && truth.view.masks_visible, "hidden objects come back with their names");
    press(&mut window, Key::N);
    assert!(!window.state().state().truth.view.names_visible, "off again");
}

#[test]
fn a_colour_map_is_chosen_in_the_bar_over_the_photo() {
    let (mut window, _) = answered(Script::default());
    let map = |window: &Window| window.state().state().colour.style.colormap;
    let before = map(&window);
    window.get_by_label("Range").click();
    frames(&mut window);
    window.get_by_role_and_label(Role::ComboBox, "Colour map").click();
    frames(&mut window);
    window.get_by_label("Inferno").click();
    frames(&mut window);
    assert_ne!(map(&window), before, "another one");
}

#[test]
fn a_command_that_shows_a_panel_ends_the_photo_alone() {
    let (mut window, _) = answered(Script::default());
    press(&mut window, Key::F11);
    window.key_press_modifiers(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::F);
    frames(&mut window);
    assert!(window.state().is_in_sight(Pane::Figure), "the figure with its new panel");
}
