//! The whole program: the window, the worker and the bundled model.

use crate::support::{Window, brightest_patch, caption, frames, settle};
use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::Worker;
use gazelens::ui::features::Phase;
use gazelens::ui::{App, AppOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) fn wait_until(window: &mut Harness<'static, App>, what: &str, done: impl Fn(&App) -> bool) {
    let limit = Instant::now() + Duration::from_mins(5);
    while !done(window.state()) {
        assert!(Instant::now() < limit, "expected {what} within five minutes");
        window.step();
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The window with the bundled model open.
pub(crate) fn demo_window() -> Window {
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_max_steps(60).allow_missing_glyphs();
    let mut window = builder.build_eframe(|cc| {
        let ctx = cc.egui_ctx.clone();
        let worker = Worker::new(Arc::new(move || ctx.request_repaint()));
        App::new(cc, AppOptions::new(Box::new(worker)))
    });
    wait_until(&mut window, "the demo model to open", |app| app.state().model.info.is_some());
    settle(&mut window);
    window
}

#[test]
fn the_demo_model_answers_and_the_picture_follows_the_words() {
    let mut window = demo_window();
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    let finished = |app: &App| app.state().current_run().is_some_and(|run| run.phase == Phase::Finished);
    wait_until(&mut window, "an answer", finished);
    frames(&mut window);
    let text =
        window.state().state().current_run().and_then(|run| run.trace.as_ref()).map(gazelens::trace::Trace::text);
    assert!(text.as_ref().is_some_and(|text| text.split_whitespace().count() > 5), "a sentence: {text:?}");
    // Words of several letters look at different things.
    let words: Vec<usize> = window
        .state()
        .state()
        .current_run()
        .and_then(|run| run.trace.as_ref())
        .map(|trace| {
            trace
                .output
                .iter()
                .enumerate()
                .filter(|(_, token)| token.text.trim().len() > 3)
                .map(|(idx, _)| idx)
                .collect()
        })
        .unwrap_or_default();
    let mut brightest = Vec::new();
    for idx in words {
        window.get_by_label_contains(&format!("Token {idx}: ")).click();
        frames(&mut window);
        assert!(caption(&window).contains(&format!("token {idx} ")), "its own map: {}", caption(&window));
        brightest.extend(brightest_patch(&window));
    }
    brightest.sort_unstable();
    brightest.dedup();
    assert!(brightest.len() > 2, "the picture follows the words: {brightest:?}");
    let before = caption(&window);
    window.key_press(egui::Key::ArrowRight);
    frames(&mut window);
    assert_ne!(caption(&window), before, "another layer, other numbers");
}
