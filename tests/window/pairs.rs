//! Pairs of photos: a file is opened, sorted, looked at with both encoders in the background.

use crate::demo::wait_until;
use crate::pictures::tolerance;
use crate::script::Script;
use crate::support::{Window, frames, show, window};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{SnapshotResults, try_image_snapshot_options};
use gazelens::engine::ImageSource;
use gazelens::study::{PairsFile, PhotoPair};
use gazelens::ui::App;
use gazelens::ui::core::command::{Command, PairsCommand};
use gazelens::ui::core::pane::Pane;
use gazelens::ui::core::settings::ThemeChoice;
use std::path::{Path, PathBuf};

const DINOV2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/vision/dinov2/checkpoint");
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");

/// A file of two pairs.
fn file(folder: &Path, change: impl Fn(&mut PhotoPair)) -> PathBuf {
    let pair = |first: &str, second: &str, model_cosine, second_cosine| {
        let mut pair = PhotoPair {
            first: first.to_owned(),
            second: second.to_owned(),
            model_cosine,
            second_cosine,
            images: Some(IMAGES.to_owned()),
            model: Some("demo-clip".to_owned()),
            second_model: Some(DINOV2.to_owned()),
        };
        change(&mut pair);
        pair
    };
    let pairs = [
        pair("demo_21_lake.png", "demo_23_lake.png", 0.97, 0.55),
        pair("demo_19_office.png", "demo_20_office.png", 0.96, 0.31),
    ];
    let path = folder.join("pairs.jsonl");
    std::fs::write(&path, PairsFile::text(&pairs)).expect("written");
    path
}

/// Opens it as a file that is dropped.
fn open(window: &mut Window, path: &Path) {
    window.state_mut().command(Command::AddPaths(vec![path.to_owned()]));
    wait_until(window, "the pairs", |app| app.state().pairs.file.is_some());
    frames(window);
}

fn is_seen(app: &App) -> bool {
    app.state().pairs.seen.is_some()
}

#[test]
fn a_pair_is_looked_at_with_both_encoders() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut window, _) = window(Script::default());
    show(&mut window, Pane::Pairs);
    window.get_by_label("No pairs are open");
    open(&mut window, &file(folder.path(), |_| ()));
    window.get_by_label("pairs.jsonl, 2 pairs");
    window.get_by_label("No pair is chosen");
    window.get_by_label("Pair 1: demo_19_office.png and demo_20_office.png, 0.9600, 0.3100").click();
    wait_until(&mut window, "the maps", |app| app.state().pairs.maps.is_some());
    frames(&mut window);
    for photo in ["demo_19_office.png", "demo_20_office.png"] {
        for encoder in ["demo-clip", "checkpoint"] {
            window.get_by_label(&format!("{photo} by {encoder}"));
        }
    }
    let maps = |window: &Window| {
        let maps = window.state().state().pairs.maps.clone().expect("made");
        maps.encoders.each_ref().map(|maps| maps.as_ref().expect("a map").maps[0].values.to_vec())
    };
    let [clip, dino] = maps(&window);
    // A head of its own for each encoder.
    let before = window.state().state().pairs.view.layer_heads;
    window.get_by_label("Layer of demo-clip max").click();
    frames(&mut window);
    let is_new = |app: &App| {
        let maps = app.state().pairs.maps.clone().expect("made");
        maps.encoders[0].as_ref().is_ok_and(|maps| maps.maps[0].values.to_vec() != clip)
    };
    wait_until(&mut window, "other maps", is_new);
    assert_eq!(maps(&window)[1], dino, "those of the other encoder stay");
    assert_eq!(window.state().state().pairs.view.layer_heads[1], before[1], "its choice too");
    // Sorted by another number.
    window.get_by_label("Sort the pairs by").click();
    frames(&mut window);
    window.get_by_label("cosine of demo-clip").click();
    frames(&mut window);
    window.get_by_label_contains("Pair 1: demo_21_lake.png");
    // A photo is shown by itself.
    window.get_by_label("Show demo_20_office.png in the panel Photo").click();
    frames(&mut window);
    let image = window.state().state().current_image().cloned();
    assert_eq!(image, Some(ImageSource::Path(Path::new(IMAGES).join("demo_20_office.png"))), "among the photos");
    assert!(window.state().is_in_sight(Pane::Photo), "in front");
    show(&mut window, Pane::Pairs);
    window.get_by_label("Close the pairs").click();
    frames(&mut window);
    window.get_by_label("No pairs are open");
}

#[test]
fn looking_is_stopped_and_what_is_not_there_is_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut window, _) = window(Script::default());
    open(&mut window, &file(folder.path(), |_| ()));
    window.state_mut().command(Command::Pairs(PairsCommand::Choose(0)));
    window.step();
    window.state_mut().command(Command::Pairs(PairsCommand::Stop));
    wait_until(&mut window, "its end", is_seen);
    // It may have been faster.
    let seen = window.state().state().pairs.seen.clone().expect("ended");
    if let Err(why) = seen {
        assert_eq!(why, "Stopped", "in a word");
        frames(&mut window);
        window.get_by_label("Look again").click();
        wait_until(&mut window, "what is seen", |app| app.state().pairs.maps.is_some());
    }
    for (change, expected) in [
        ((|pair| pair.model = Some("nowhere/at/all/there".to_owned())) as fn(&mut PhotoPair), "nowhere/at/all/there"),
        (|pair| pair.second_model = Some("facebook/dinov2-nowhere".to_owned()), "found it not downloaded yet"),
        (|pair| pair.first = "gone.png".to_owned(), "gone.png"),
        (|pair| pair.model = Some("demo".to_owned()), "found a model that answers questions"),
    ] {
        open_other(&mut window, &file(folder.path(), change));
        wait_until(&mut window, "a sentence", is_seen);
        let why = window.state().state().pairs.seen.clone().expect("ended").expect_err("nothing to see");
        assert!(why.contains(expected), "{why}");
        frames(&mut window);
        window.get_by_label(&why);
    }
    open_other(&mut window, &file(folder.path(), |pair| pair.model = None));
    window.get_by_label("This file does not name its encoders");
    let bad = folder.path().join("bad.jsonl");
    std::fs::write(&bad, "{}").expect("written");
    window.state_mut().command(Command::Pairs(PairsCommand::Open(bad)));
    wait_until(&mut window, "the sentence", |app| app.state().notices.iter().next().is_some());
    let notice = window.state().state().notices.iter().last().map(|notice| notice.text.clone()).expect("one");
    assert!(notice.starts_with("Expected pairs of photos") && notice.ends_with("bad.jsonl"), "{notice}");
}

/// Opens it in the place of another, and chooses the first pair.
fn open_other(window: &mut Window, path: &Path) {
    window.state_mut().command(Command::Pairs(PairsCommand::Close));
    frames(window);
    open(window, path);
    window.state_mut().command(Command::Pairs(PairsCommand::Choose(0)));
    frames(window);
}

#[test]
fn a_pair_looks_as_it_was_accepted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(folder.path(), |_| ());
    let mut results = SnapshotResults::new();
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        let (mut window, _) = window(Script::default());
        window.state_mut().command(Command::SetTheme(theme));
        open(&mut window, &path);
        window.state_mut().command(Command::Pairs(PairsCommand::Choose(1)));
        wait_until(&mut window, "the maps", |app| app.state().pairs.maps.is_some());
        window.event(egui::Event::PointerGone);
        frames(&mut window);
        let tiles = &window.state().tree().tiles;
        let rect = tiles.find_pane(&Pane::Pairs).and_then(|tile| tiles.rect(tile)).expect("in front");
        let whole = window.render().expect("a software driver");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "points of a window")]
        let [x, y, width, height] = [rect.left(), rect.top(), rect.width(), rect.height()].map(|at| at as u32);
        let picture = image::imageops::crop_imm(&whole, x, y, width, height).to_image();
        let name = format!("pairs-of-photos-{theme:?}").to_lowercase();
        results.add(try_image_snapshot_options(&picture, name, &tolerance()));
    }
    results.unwrap();
}
