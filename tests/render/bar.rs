//! The colour bar.

use super::fixtures::gpu_harness;
use eframe::egui::{self, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::render::{HeatStyle, colormap};
use gazelens::ui::widgets::colour_bar::ColourBar;

#[test]
fn the_bar_names_its_range_and_shows_its_colours() {
    let app = |ui: &mut egui::Ui, style: &mut HeatStyle| {
        ColourBar::new(style, "attention", "this map").marker(Some(0.01)).show(ui);
    };
    let style = HeatStyle { colormap: 3, range: [0.0, 0.0125], ..HeatStyle::default() };
    let builder = Harness::builder().with_size(Vec2::new(300.0, 80.0));
    let Some((mut harness, _)) = gpu_harness(builder, app, style) else { return };
    harness.run();
    let bar = harness.get_by_label("Colour bar, Turbo: attention from 0 to 0.0125 (this map)").rect();
    let picture = harness.render().unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a point of the window")]
    let at = |part: f32| picture.get_pixel((bar.left() + part * bar.width()) as u32, bar.center().y as u32).0;
    for (part, entry) in [(0.02, 5_usize), (0.5, 127), (0.98, 250)] {
        let (found, expected) = (at(part), colormap(3).lut[entry]);
        let near = (0..3).all(|c| found[c].abs_diff(expected[c]) < 12);
        assert!(near, "at {part} of the bar: {found:?}, the map has {expected:?}");
    }
}
