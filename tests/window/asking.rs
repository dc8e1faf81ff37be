//! Asking: by suggestion, by typing, streaming, stopping, failing.

use crate::script::Script;
use crate::support::{Window, answered, frames, press, type_number, type_text, window, window_with};
use eframe::egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use gazelens::engine::{Event, ModelSource, Prompt, PromptRows, Request, RunId, Stage};
use gazelens::ui::features::Phase;

#[test]
fn the_first_start_opens_the_demo_and_invites() {
    let (window, handle) = window(Script::default());
    assert!(
        handle.wire(|wire| matches!(wire.sent.as_slice(), [Request::Load(load)] if load.source == ModelSource::Demo)),
        "the demo model is asked for"
    );
    assert_eq!(window.state().state().library.current_idx(), Some(0), "the first image is looked at");
    window.get_by_label("Try one of these:");
    window.get_by_label("Image demo 01 beach");
    window.get_by_label_contains("tiny demo model");
}

#[test]
fn one_click_asks_the_first_question() {
    let (window, handle) = answered(Script::default());
    let asked = handle.wire(|wire| {
        wire.sent.iter().any(|request| {
            matches!(request, Request::Ask(_, question)
                if question.prompt == Prompt::Templated("Describe this image in detail.".to_owned()))
        })
    });
    assert!(asked, "the suggested question went out");
    let run = window.state().state().current_run().expect("asked");
    assert_eq!(run.phase, Phase::Finished, "and was answered");
    window.get_by_label("Token 1: dog");
    window.get_by_label_contains("[144 image tokens]");
}

#[test]
fn enter_asks_and_shift_enter_makes_a_line() {
    let (mut window, handle) = window(Script::default());
    window.get_by_label("Question about the photo").click();
    frames(&mut window);
    type_text(&mut window, "What is");
    window.key_press_modifiers(eframe::egui::Modifiers::SHIFT, Key::Enter);
    frames(&mut window);
    type_text(&mut window, "this?");
    press(&mut window, Key::Enter);
    let prompt = handle.wire(|wire| {
        wire.sent.iter().find_map(|request| {
            if let Request::Ask(_, question) = request { Some(question.prompt.clone()) } else { None }
        })
    });
    assert_eq!(prompt, Some(Prompt::Templated("What is\nthis?".to_owned())), "both lines, once");
    let state = window.state().state();
    assert_eq!(state.library.current_idx(), Some(0), "no letter of it was a shortcut");
    assert!(state.colour.overlay_visible && !state.open.help && !state.open.template, "nor did any other key fire");
}

#[test]
fn shortcuts_work_when_nothing_is_typed() {
    let (mut window, _) = window(Script::default());
    press(&mut window, Key::D);
    assert_eq!(window.state().state().library.current_idx(), Some(1), "D is the next image");
    press(&mut window, Key::A);
    assert_eq!(window.state().state().library.current_idx(), Some(0), "A is the previous one");
    press(&mut window, Key::G);
    assert!(!window.state().state().colour.overlay_visible, "G hides the overlay");
    window.key_press_modifiers(eframe::egui::Modifiers::SHIFT, Key::Questionmark);
    frames(&mut window);
    window.get_by_label("Click a key to change it");
    press(&mut window, Key::Escape);
    assert!(!window.state().state().open.help, "Esc closes it");
}

#[test]
fn tokens_stream_in_and_stop_stops() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    let id = RunId(1);
    window.get_all_by_label("Waiting for the model").next().expect("said in the panel and below");
    handle.say(Event::Stage(id, Stage::Vision));
    handle.say(Event::Started(id, Box::new(script.trace())));
    handle.say(Event::Stage(id, Stage::Decode));
    handle.say(script.token_event(id, 0));
    frames(&mut window);
    window.get_by_label("Token 0: A");
    assert!(window.query_by_label("Token 1: dog").is_none(), "the second word has not come");
    handle.say(script.token_event(id, 1));
    frames(&mut window);
    window.get_by_label("Token 1: dog");
    window.get_by_label("Stop").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled.clone()), [id], "the worker is told");
    window.get_by_label("Stopped here");
    window.get_by_label("Token 1: dog");
}

#[test]
fn a_failed_question_says_why_and_can_be_asked_again() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script);
    handle.say(Event::Failed(RunId(1), "Expected a photo of at most 100 megapixels, found 400: big.png".to_owned()));
    frames(&mut window);
    window.get_by_label("Error");
    window.get_by_label("Ask again").click();
    frames(&mut window);
    let asked = handle.wire(|wire| wire.sent.iter().filter(|request| matches!(request, Request::Ask(..))).count());
    assert_eq!(asked, 2, "asked again");
    assert!(window.query_by_label("Error").is_none(), "the message is gone");
}

#[test]
fn a_dead_worker_can_be_restarted() {
    let (mut window, handle) = answered(Script::default());
    handle.say(Event::WorkerDied("index out of bounds".to_owned()));
    frames(&mut window);
    window.get_by_label_contains("The model's worker stopped");
    window.get_by_label("Restart").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.restarts), 1, "another worker");
    let loads = handle.wire(|wire| wire.sent.iter().filter(|request| matches!(request, Request::Load(_))).count());
    assert_eq!(loads, 2, "and the model is opened again");
    window.get_by_label("Token 1: dog");
}

#[test]
fn a_model_that_cannot_be_opened_leaves_the_old_one() {
    let script = Script { opens: false, ..Script::default() };
    let (mut window, handle) = window(script.clone());
    handle.say(Event::Loading { share: 0.4, what: "Reading weights, shard 1 of 3".to_owned() });
    frames(&mut window);
    window.get_by_label("Reading weights, shard 1 of 3");
    window.get_by_label("Cancel loading").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled_all), 1, "the worker is told");
    handle.say(Event::Loaded(script.info()));
    frames(&mut window);
    window.get_by_label("Model: demo").click();
    frames(&mut window);
    window.get_by_label("Folder, GGUF file or hub id").focus();
    frames(&mut window);
    type_text(&mut window, "/models/broken");
    window.get_by_label("Open").click();
    frames(&mut window);
    let asked = handle.wire(|wire| wire.sent.last().cloned());
    assert!(
        matches!(&asked, Some(Request::Load(load)) if load.source == ModelSource::Folder("/models/broken".into())),
        "the typed folder is asked for: {asked:?}"
    );
    handle.say(Event::LoadFailed("Expected config.json, found none: /models/broken".to_owned()));
    frames(&mut window);
    window.get_by_label_contains("demo is still loaded");
    assert!(window.state().state().model.info.is_some(), "the demo is still there");
}

#[test]
fn dropped_files_and_typed_paths_become_images() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let first = gazelens::data::demo::IMAGES.first().expect("images are bundled");
    let (dropped, typed) = (dir.path().join("dropped.png"), dir.path().join("typed.png"));
    std::fs::write(&dropped, first.png).expect("written");
    std::fs::write(&typed, first.png).expect("written");
    let (mut window, _) = window_with(Script::default(), |_| ());
    window.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(dropped)));
    wait_for(&mut window, "Image dropped.png");
    assert_eq!(
        window.state().state().library.current().map(|image| image.name.clone()).as_deref(),
        Some("dropped.png"),
        "it is looked at"
    );
    window.get_by_label("Path of a photo or folder").click();
    frames(&mut window);
    type_text(&mut window, &typed.display().to_string());
    press(&mut window, Key::Enter);
    wait_for(&mut window, "Image typed.png");
}

#[test]
fn a_photo_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("broken.png");
    std::fs::write(&path, b"this is no photo").expect("written");
    let (mut window, _) = window_with(Script::default(), |options| options.paths = vec![path]);
    wait_for(&mut window, "Error");
    window.get_all_by_label_contains("broken.png").next().expect("the file is named");
    window.get_by_label("This photo cannot be shown");
}

fn wait_for(window: &mut crate::support::Window, label: &str) {
    for _ in 0..600 {
        window.run_steps(2);
        if window.query_by_label(label).is_some() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("nothing is labelled {label}");
}

#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl eframe::egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|err| err.to_string())
    }
}

#[test]
fn what_is_recorded_can_be_changed_in_the_settings() {
    let (mut window, handle) = window(Script::default());
    window.get_by_label("Settings").click();
    frames(&mut window);
    window.get_by_label("the whole prompt too").click();
    frames(&mut window);
    window.get_by_label("the whole prompt too");
    assert_eq!(window.state().state().ask.prompt_rows, PromptRows::All, "chosen, and the settings stay open");
    press(&mut window, Key::Escape);
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    let asked = handle.wire(|wire| {
        wire.sent.iter().any(
            |request| matches!(request, Request::Ask(_, question) if question.record.prompt_rows == PromptRows::All),
        )
    });
    assert!(asked, "and it goes to the worker");
}

#[test]
fn nothing_moves_behind_a_box() {
    let (mut window, _) = window(Script::default());
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::M);
    frames(&mut window);
    assert!(window.get_by_label("Folder, GGUF file or hub id").is_focused(), "one can type at once");
    let before = window.state().state().colour;
    let presses = [Key::D, Key::G, Key::ArrowRight];
    for key in presses {
        press(&mut window, key);
    }
    type_text(&mut window, "/dig");
    // Out of the path box, keys still belong to the dialog.
    window.get_by_label("Cancel").focus();
    frames(&mut window);
    for key in presses {
        press(&mut window, key);
    }
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::G);
    frames(&mut window);
    let state = window.state().state();
    assert_eq!(state.library.current_idx(), Some(0), "no other image");
    assert_eq!(state.colour, before, "overlay and borders as before");
    press(&mut window, Key::Escape);
    assert!(!window.state().state().open.model, "Esc closes the box");
    press(&mut window, Key::D);
    assert_eq!(window.state().state().library.current_idx(), Some(1), "and keys work again");
}

#[test]
fn stopping_before_the_first_token_is_said_and_is_no_answer() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script);
    window.get_by_label("Stop").click();
    frames(&mut window);
    handle.say(Event::Cancelled(RunId(1)));
    frames(&mut window);
    assert!(window.query_by_label("Waiting for the first numbers").is_none(), "nothing is to come");
    window.get_all_by_label("Stopped before the first token").next().expect("said");
    assert!(window.query_by_label("1 answer").is_none(), "it is no answer");
}

#[test]
fn another_way_of_decoding_is_chosen_and_said() {
    let (mut window, handle) = answered(Script::default());
    window.get_by_label("Mitigation methods").click();
    frames(&mut window);
    window.get_by_label("VCD").click_accesskit(); // below the fold
    frames(&mut window);
    assert_eq!(window.state().state().ask.strategy, "vcd", "chosen");
    window.get_by_label("Ask again").click_accesskit();
    frames(&mut window);
    let strategy = window.state().state().current_run().map(|run| run.question.strategy.name.clone());
    assert_eq!(strategy.as_deref(), Some("vcd"), "the same question with it");
    let asked = handle.wire(|wire| wire.sent.iter().filter(|sent| matches!(sent, Request::Ask(..))).count());
    assert_eq!(asked, 2, "both went to the worker");
}

#[test]
fn tokens_that_are_taken_back_leave_the_window() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    let id = RunId(1);
    handle.say(Event::Started(id, Box::new(script.trace())));
    handle.say(Event::Stage(id, Stage::Decode));
    for idx in 0..3 {
        handle.say(script.token_event(id, idx));
    }
    frames(&mut window);
    window.get_by_label("Token 1: dog").click();
    frames(&mut window);
    assert!(!window.state().state().selection.is_empty(), "held");
    let map = window.state().derived().shown.as_ref().and_then(|shown| shown.map.clone().ok()).expect("its map");
    handle.say(Event::Rewind(id, 1));
    handle.say(script.token_event(id, 3));
    frames(&mut window);
    assert!(window.query_by_label("Token 1: dog").is_none(), "another word took its place");
    assert!(window.state().state().selection.is_empty(), "and it is let go");
    let trace = window.state().state().current_run().and_then(|run| run.trace.clone()).expect("started");
    let expected = [script.token(0).text, script.token(3).text];
    assert_eq!(trace.output.iter().map(|token| token.text.clone()).collect::<Vec<_>>(), expected, "what stands");
    assert_eq!(trace.decoder_attention.len(), 2, "with their rows");
    window.get_by_label_contains("Token 1: ").click();
    frames(&mut window);
    let now = window.state().derived().shown.as_ref().and_then(|shown| shown.map.clone().ok()).expect("a map");
    assert_ne!(now.values, map.values, "the map is that of the new word, not of the one before it");
}

#[test]
fn beams_are_set_where_sampling_is_and_go_with_the_question() {
    let (mut window, handle) = window(Script::default());
    window.get_by_label("Settings").click();
    frames(&mut window);
    let field = |window: &Window, name: &str| {
        window.get_by_role_and_label(eframe::egui::accesskit::Role::SpinButton, name).accesskit_node().is_disabled()
    };
    assert!(!field(&window, "Beams") && field(&window, "Length penalty"), "one beam is compared with none");
    window.get_by_label("random").click();
    frames(&mut window);
    assert!(field(&window, "Beams"), "what is drawn is one answer");
    window.get_by_label("greedy").click();
    frames(&mut window);
    type_number(&mut window, "Beams", "40");
    assert_eq!(window.state().state().ask.beams, 16, "the most that is allowed");
    window.get_by_label("16 at most");
    type_number(&mut window, "Beams", "4");
    type_number(&mut window, "Length penalty", "0.5");
    press(&mut window, Key::Escape);
    window.get_by_label("Question about the photo").click();
    frames(&mut window);
    type_text(&mut window, "Why?");
    press(&mut window, Key::Enter);
    let sampling =
        handle.wire(|wire| {
            wire.sent.iter().find_map(|request| {
                if let Request::Ask(_, question) = request { Some(question.sampling) } else { None }
            })
        });
    let sampling = sampling.expect("asked");
    assert_eq!((sampling.beams, sampling.length_penalty.to_bits()), (4, 0.5_f64.to_bits()), "both went out");
    let variant = window.state().state().current_run().map(gazelens::ui::features::Run::variant);
    assert_eq!(variant.as_deref(), Some("4 beams, length penalty 0.5"), "and the answer says it");
}
