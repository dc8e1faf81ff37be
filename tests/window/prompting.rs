//! Attention prompting on the photo, with the bundled model and the bundled CLIP: where they look, what a control
//! changes, the switch.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, answered, frames, settle};
use eframe::egui;
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use gazelens::engine::{ModelSource, Request, Worker};
use gazelens::prompting::Source;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::command::{PromptView, PromptingCommand};
use gazelens::ui::features::{AppState, Phase, Run};
use gazelens::ui::{App, AppOptions};
use std::sync::Arc;

const QUESTION: &str = "Is there an umbrella in the image?";

/// The whole program with the bundled models, and an answer.
fn asked(question: &str) -> Window {
    let builder = Harness::builder().with_size(egui::vec2(1280.0, 800.0)).with_max_steps(60).allow_missing_glyphs();
    let mut window: Window = builder.build_eframe(|cc| {
        let ctx = cc.egui_ctx.clone();
        let worker = Worker::new(Arc::new(move || ctx.request_repaint()));
        App::new(cc, AppOptions { hub_cache: Some("no/such/cache".into()), ..AppOptions::new(Box::new(worker)) })
    });
    wait_until(&mut window, "the demo model to open", |app| app.state().model.info.is_some());
    wait_until(&mut window, "what is known", |app| {
        app.state().truth.image.is_some() && app.state().pope_items().is_some()
    });
    settle(&mut window);
    window.state_mut().command(Command::AskThis(question.to_owned()));
    wait_until(&mut window, "an answer", |app| is_finished(app.state()));
    window.get_by_label("API").click();
    frames(&mut window);
    window
}

fn is_finished(state: &AppState) -> bool {
    state.current_run().is_some_and(|run| run.phase == Phase::Finished)
}

fn find(window: &mut Window) {
    window.get_by_label("Compute heat map").click();
    wait_until(window, "where it looks", |app| app.state().made_is_fresh());
    wait_until_seen(window, "light stays");
}

fn wait_until_seen(window: &mut Window, label: &str) {
    for _ in 0..2000 {
        window.step();
        if window.query_by_label_contains(label).is_some() {
            return frames(window);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("expected `{label}` to be seen");
}

/// "62 % of the photo's light stays".
fn stays(window: &Window) -> String {
    let node = window.get_by_label_contains("light stays");
    let node = node.accesskit_node();
    node.value().or_else(|| node.label()).unwrap_or_default()
}

fn shown(window: &Window) -> Option<&Run> {
    window.state().state().current_run()
}

#[test]
fn clip_looks_beside_the_open_model_and_the_switch_asks_again() {
    let mut window = asked(QUESTION);
    let plain = shown(&window).map(|run| run.id);
    find(&mut window);
    let state = window.state().state();
    assert_eq!(state.made().map(|made| made.model_id.as_str()), Some("demo-clip"), "the bundled CLIP");
    assert_eq!(state.model.info.as_ref().map(|info| info.id.as_str()), Some("demo"), "the model stays open");
    assert_eq!(state.prompting.view, PromptView::Attribution, "what was found is shown");
    window.get_by_label_contains("beach, Attribution: CLIP demo-clip, layer");
    window.get_by_label_contains("“photo of umbrellas”");
    assert_eq!(window.query_all_by_label_contains("not known here").count(), 0, "the scene is annotated");
    // There is an umbrella.
    window.get_by_label_contains("CLIP is right about this photo. In Tomita et al. (Table 1) accuracy was higher");

    window.get_by_label("Mask").click_accesskit();
    frames(&mut window);
    window.get_by_label_contains("beach, Mask: CLIP demo-clip");
    let before = stays(&window);
    window.get_by_role_and_label(Role::SpinButton, "Enhance").set_value_accesskit(0.5);
    frames(&mut window);
    wait_until(&mut window, "the new options", |app| app.state().prompting.settings.options.enhance < 1.0);
    for _ in 0..400 {
        window.step();
        if stays(&window) != before {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_ne!(stays(&window), before, "the mask follows the control");
    assert_eq!(shown(&window).map(|run| run.id), plain, "while API is off nothing is asked");

    window.get_by_label("Prompt the photo").click();
    let prompted =
        |state: &AppState| state.current_run().is_some_and(|run| run.question.prompted.is_some()) && is_finished(state);
    wait_until(&mut window, "the answer about the darkened photo", |app| prompted(app.state()));
    frames(&mut window);
    let first = shown(&window).map(|run| run.id);
    window.get_by_label_contains("API clip, layer");
    window.get_by_label("New attention").click_accesskit();
    frames(&mut window);
    assert_eq!(window.state().state().prompting.view, PromptView::Attention, "as every answer's");
    let told = shown(&window).and_then(|run| run.trace.as_ref()).and_then(|trace| trace.run.prompting.clone());
    assert_eq!(told.map(|told| told.name).as_deref(), Some("clip"), "the trace says what was done");

    window.get_by_role_and_label(Role::SpinButton, "Grey level").set_value_accesskit(200.0);
    wait_until(&mut window, "the question asked again", |app| {
        prompted(app.state()) && app.state().current_run().map(|run| run.id) != first
    });
    frames(&mut window);
    window.get_by_label("Prompt the photo").click();
    frames(&mut window);
    assert_eq!(shown(&window).map(|run| run.id), plain, "the plain answer is back, not asked again");
    assert!(!window.state().state().is_prompting(), "off");
}

#[test]
fn the_open_model_looks_with_its_own_decoder() {
    let mut window = asked("Describe this image briefly.");
    window.get_by_label("LLaVA").click();
    frames(&mut window);
    find(&mut window);
    let made = window.state().state().made().cloned().expect("found");
    assert_eq!((made.request.source, made.model_id.as_str()), (Source::Llava, "demo"), "the open model");
    window.get_by_label_contains("beach, Attribution: LLaVA demo, layer");
    window.get_by_label_contains("neither right nor wrong");
    window.get_by_label("paper").click_accesskit();
    frames(&mut window);
    window.get_by_label_contains("beach, Attribution: LLaVA demo, layer 2, paper");
    window.get_by_label("Published defaults").click_accesskit();
    frames(&mut window);
    window.get_by_label_contains("beach, Attribution: LLaVA demo, layer 2, official");
    window.get_by_label("Prompted").click_accesskit();
    frames(&mut window);
    window.get_by_label_contains("beach, Prompted photo: LLaVA demo");
    window.get_by_label("Back to attention").click();
    frames(&mut window);
    assert_eq!(window.query_all_by_label_contains("Prompted photo:").count(), 0, "the attention is back");
}

#[test]
fn a_clip_that_cannot_be_opened_is_one_sentence_and_looking_can_be_stopped() {
    let (mut window, handle) = answered(Script::default());
    window.get_by_label("API").click();
    frames(&mut window);
    let mut settings = window.state().state().prompting.settings.clone();
    settings.clip = "/no/such/clip".to_owned();
    window.state_mut().command(Command::Prompting(PromptingCommand::Set(settings)));
    frames(&mut window);
    window.get_by_label("Compute heat map").click();
    frames(&mut window);
    let sent = handle.wire(|wire| wire.sent.last().cloned());
    let Some(Request::Attribute(id, request, beside)) = sent else { panic!("found {sent:?}") };
    assert_eq!(beside, Some(ModelSource::Folder("/no/such/clip".into())), "the folder that was named");
    assert_eq!(request.query, "Describe this image in detail.", "the shown question's words");
    handle.say(gazelens::engine::Event::Failed(id, "Expected a CLIP, found no such folder: /no/such/clip".to_owned()));
    frames(&mut window);
    assert!(window.query_all_by_label_contains("found no such folder").count() >= 1, "said where it was asked");
    window.get_by_label("Compute heat map").click();
    frames(&mut window);
    window.get_by_label("Stop looking").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled.len()), 1, "stopped");
    window.get_by_label("Compute heat map");
}
