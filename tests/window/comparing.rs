//! The whole program with the bundled CLIP: texts in place of an answer.

use crate::demo::wait_until;
use crate::support::{brightest_patch, caption, frames, settle};
use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{ModelTask, Worker};
use gazelens::ui::features::{Phase, Source};
use gazelens::ui::{App, AppOptions};
use std::sync::Arc;

fn window() -> Harness<'static, App> {
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_max_steps(60).allow_missing_glyphs();
    builder.build_eframe(|cc| {
        let ctx = cc.egui_ctx.clone();
        let worker = Worker::new(Arc::new(move || ctx.request_repaint()));
        App::new(cc, AppOptions::new(Box::new(worker)))
    })
}

#[test]
fn the_demo_clip_compares_texts_and_shows_where_cls_looks() {
    let mut window = window();
    wait_until(&mut window, "the demo model to open", |app| app.state().model.info.is_some());
    settle(&mut window);
    window.get_by_label_contains("Model: ").click();
    frames(&mut window);
    window.get_by_label("Demo CLIP").click();
    wait_until(&mut window, "the demo CLIP to open", |app| app.state().model.task() == ModelTask::Compare);
    settle(&mut window);
    window.get_by_label("Texts to compare with the photo").click();
    frames(&mut window);
    window.get_by_label("Texts to compare with the photo").type_text("a photo of a dog\na beach");
    frames(&mut window);
    window.get_by_label("Compare texts").click();
    frames(&mut window);
    let finished = |app: &App| app.state().current_run().is_some_and(|run| run.phase == Phase::Finished);
    wait_until(&mut window, "the comparison", finished);
    frames(&mut window);
    for label in ["a photo of a dog", "a beach", "Softmax (%)", "Cosine (-1 to 1)", "Logit", "Softmax of a beach"] {
        assert!(window.query_by_label(label).is_some(), "{label} is in the window");
    }
    let state = window.state().state();
    let trace = state.current_run().and_then(|run| run.trace.as_ref()).expect("compared");
    let total: f32 = trace.similarity.iter().map(|text| text.probability).sum();
    assert!((total - 1.0).abs() < 1e-5, "the softmax is over both texts, found {total}");
    let cosine = format!("{:.4}", trace.similarity[1].cosine);
    assert_eq!(state.view.source, Source::VISION, "there is no decoder to look at");
    assert!(window.query_by_label(&cosine).is_some(), "the raw cosine {cosine} is printed");
    let before = (caption(&window), brightest_patch(&window));
    assert!(before.0.starts_with("Vision [CLS], mean over layers and heads"), "captioned: {}", before.0);
    assert!(before.1.is_some(), "a map lies on the photo");
    window.key_press(egui::Key::ArrowRight);
    frames(&mut window);
    assert!(caption(&window).contains("layer 0, "), "another layer: {}", caption(&window));
}
