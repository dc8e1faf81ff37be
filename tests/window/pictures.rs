//! Pictures of every panel, in both themes, at both usual sizes and densities. They were looked at before they were
//! stored; `UPDATE_SNAPSHOTS=1 cargo test --test window pictures` stores new ones.

use crate::demo::wait_until;
use crate::script::{Script, ScriptedLink};
use crate::support::{Window, frames, settle, show};
use eframe::egui::{self, Rect, vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults, try_image_snapshot_options};
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::{PANES, Pane};
use gazelens::ui::core::settings::ThemeChoice;
use gazelens::ui::{App, AppOptions};

/// The largest part of a panel that is stored, points: the pictures stay small.
const MOST_PT: [f32; 2] = [320.0, 200.0];

/// Windows: theme, pixels a point, size.
const WINDOWS: [(ThemeChoice, f32, [f32; 2]); 4] = [
    (ThemeChoice::Dark, 1.0, [1280.0, 800.0]),
    (ThemeChoice::Light, 1.0, [1920.0, 1080.0]),
    (ThemeChoice::Dark, 2.0, [1920.0, 1080.0]),
    (ThemeChoice::Light, 2.0, [1280.0, 800.0]),
];

fn open(theme: ThemeChoice, pixels_per_point: f32, [width, height]: [f32; 2]) -> Window {
    let answer = ["An", " umbrella", " and", " a", " bottle", "."].map(str::to_owned).to_vec();
    let (link, _handle) = ScriptedLink::new(Script { answer, ..Script::default() });
    let mut options = AppOptions::new(Box::new(link));
    options.hub_cache = Some("no/such/cache".into());
    let builder = Harness::builder()
        .with_size(vec2(width, height))
        .with_pixels_per_point(pixels_per_point)
        .with_max_steps(60)
        .allow_missing_glyphs();
    let mut window = builder.build_eframe(|cc| App::new(cc, options));
    settle(&mut window);
    window.state_mut().command(Command::SetTheme(theme));
    window.get_by_label("Describe this image in detail.").click();
    wait_until(&mut window, "what is known", |app| {
        app.state().truth.image.is_some()
            && app.state().pope_items().is_some_and(|items| !items.is_empty())
            && app.derived().truth.marks.words.len() == 2
    });
    window.state_mut().command(Command::HoldWord(1, 1));
    // What is computed in the background comes to its end.
    for _ in 0..30 {
        frames(&mut window);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    window
}

/// Where a panel lies.
fn place(window: &Window, pane: Pane) -> Rect {
    let tiles = &window.state().tree().tiles;
    tiles.find_pane(&pane).and_then(|tile| tiles.rect(tile)).expect("it is in front")
}

/// Draws until thumbnails, which are read in the background, come no more.
fn until_still(window: &mut Window) {
    let mut before = window.render().expect("a software driver");
    let mut still = 0;
    for _ in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        frames(window);
        let now = window.render().expect("a software driver");
        still = if now == before { still + 1 } else { 0 };
        if still == 6 {
            return;
        }
        before = now;
    }
    panic!("expected the list to come to rest within half a minute");
}

/// The upper left part of a panel.
fn picture(window: &mut Window, pane: Pane) -> image::RgbaImage {
    if pane.section().is_some() {
        window.state_mut().command(Command::TearOff(pane));
    }
    show(window, pane);
    frames(window);
    let said: Vec<u64> = window.state().state().toasts.iter().map(|toast| toast.id).collect();
    for id in said {
        window.state_mut().command(Command::DismissToast(id));
    }
    window.event(egui::Event::PointerGone);
    frames(window);
    if pane == Pane::Images {
        until_still(window);
    }
    let rect = place(window, pane);
    let scale = window.ctx.pixels_per_point();
    let whole = window.render().expect("a software driver");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "points of a window")]
    let px = |points: f32| (points * scale).round() as u32;
    let [width, height] = [rect.width().min(MOST_PT[0]), rect.height().min(MOST_PT[1])];
    image::imageops::crop_imm(&whole, px(rect.left()), px(rect.top()), px(width), px(height)).to_image()
}

/// Above a driver's rounding, far below a text that moved by a pixel.
pub(crate) fn tolerance() -> SnapshotOptions {
    SnapshotOptions::new().threshold(1.0).max_failed_pixels(24)
}

#[test]
fn every_panel_looks_as_it_was_accepted() {
    let mut results = SnapshotResults::new();
    for (theme, scale, [width, height]) in WINDOWS {
        let mut window = open(theme, scale, [width, height]);
        for entry in PANES {
            let picture = picture(&mut window, entry.pane);
            let name = format!("{:?}-{theme:?}-{scale}x-{width}x{height}", entry.pane).to_lowercase();
            results.add(try_image_snapshot_options(&picture, name, &tolerance()));
        }
    }
    results.unwrap();
}

#[test]
fn a_text_that_moved_by_a_pixel_is_seen() {
    let (theme, scale, size) = WINDOWS[0];
    let mut window = open(theme, scale, size);
    let before = picture(&mut window, Pane::Origin);
    let (width, height) = before.dimensions();
    let moved = image::RgbaImage::from_fn(width, height, |x, y| *before.get_pixel(x.saturating_sub(1), y));
    let folder = tempfile::tempdir().expect("a folder");
    before.save(folder.path().join("moved.png")).expect("written");
    let options = tolerance().output_path(folder.path());
    assert!(try_image_snapshot_options(&before, "moved", &options).is_ok(), "the same picture");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_none() {
        assert!(try_image_snapshot_options(&moved, "moved", &options).is_err(), "a pixel to the right");
    }
}
