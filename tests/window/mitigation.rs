//! Methods against hallucination: found, stacked, switched, and asked again live.

use crate::script::{Handle, Script};
use crate::support::{Window, answered, frames, press, show, type_text};
use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{Question, Request};
use gazelens::ui::core::command::{Command, ParameterPlace};
use gazelens::ui::core::pane::Pane;

/// The question that went to the worker last.
fn last(handle: &Handle) -> Question {
    handle.wire(|wire| match wire.sent.iter().rev().find(|sent| matches!(sent, Request::Ask(..))) {
        Some(Request::Ask(_, question)) => (**question).clone(),
        other => panic!("expected a question, found {other:?}"),
    })
}

fn count(handle: &Handle) -> usize {
    handle.wire(|wire| wire.sent.iter().filter(|sent| matches!(sent, Request::Ask(..))).count())
}

/// The methods of a question in the order in which they act.
fn methods(question: &Question) -> Vec<String> {
    let strategy = Some(&question.strategy).filter(|strategy| !strategy.is_plain());
    strategy.into_iter().chain(&question.methods).map(ToString::to_string).collect()
}

fn click(window: &mut Window, label: &str) {
    // Some lie below the fold.
    window.get_by_label(label).click_accesskit();
    frames(window);
}

#[test]
fn a_method_is_found_chosen_and_asked_with() {
    let (mut window, handle) = answered(Script::default());
    show(&mut window, Pane::Mitigation);
    window.get_by_label("Plain decoding: no method is chosen");
    window.get_by_label("VCD");
    window.get_by_label("Find a method").focus();
    frames(&mut window);
    type_text(&mut window, "over-trust");
    assert!(window.query_by_label("VCD").is_none(), "another one");
    click(&mut window, "OPERA");
    assert!(window.query_by_label("Plain decoding: no method is chosen").is_none(), "it is chosen");
    window.get_by_label("Parameters of OPERA");
    window.get_by_label("beams of opera");
    assert_eq!(count(&handle), 1, "nothing is asked by itself");
    click(&mut window, "Ask again");
    assert_eq!(methods(&last(&handle)), ["opera"], "the shown question with it");
    click(&mut window, "Remove OPERA");
    click(&mut window, "Ask again");
    assert_eq!(count(&handle), 2, "the plain answer is there and shown");
}

#[test]
fn methods_are_stacked_and_asked_with_live() {
    let (mut window, handle) = answered(Script::default());
    show(&mut window, Pane::Mitigation);
    click(&mut window, "ask again live");
    for name in ["VAF", "SPIN", "VCD"] {
        click(&mut window, name);
    }
    assert_eq!(methods(&last(&handle)), ["vcd", "vaf", "spin"], "the contrast first");
    assert_eq!(count(&handle), 4, "one question each");
    click(&mut window, "SPIN earlier");
    assert_eq!(methods(&last(&handle)), ["vcd", "spin", "vaf"], "in another order");
    // Its switch, by its name: the list below has it, too.
    let switches = window.get_all_by_label("VAF").collect::<Vec<_>>();
    switches.first().expect("in the stack").click_accesskit();
    frames(&mut window);
    assert_eq!(methods(&last(&handle)), ["vcd", "spin"], "without one");
    let before = count(&handle);
    press(&mut window, Key::V);
    assert_eq!(count(&handle), before, "the plain answer is there");
    assert!(window.query_by_label_contains("Next question").is_none(), "and the next one is plain");
    press(&mut window, Key::V);
    window.get_by_label_contains("Next question: VCD alpha 1.00 + SPIN");
    click(&mut window, "Remove all");
    window.get_by_label("Plain decoding: no method is chosen");
}

#[test]
fn what_methods_did_is_said_at_the_chosen_word() {
    let (mut window, _) = answered(Script::default());
    show(&mut window, Pane::Mitigation);
    assert!(window.query_by_label_contains("Click a word of the answer").is_none(), "nothing acted");
    click(&mut window, "VCD");
    click(&mut window, "Ask again");
    click(&mut window, "Token 1: dog");
    window.get_by_label("What they did at token 1 “dog”");
    until(&mut window, "maps", |window| window.query_by_label_contains("With methods: ").is_some());
    let [without, with] =
        ["Without methods: ", "With methods: "].map(|label| window.get_by_label_contains(label).rect());
    let is_beside = without.right() <= with.left() && (without.top() - with.top()).abs() < 0.5;
    assert!(is_beside, "side by side: {without:?}, {with:?}");
    let place = "mean over layers and heads, raw probability; one range for both";
    window.get_by_label(place);
    window.get_by_label_contains(" (one range for both)");
    window.get_by_label_contains("Without them “dog” stands here; attention on the image 0.");
}

/// Draws until something came from the background.
fn until(window: &mut Window, what: &str, is_there: impl Fn(&Window) -> bool) {
    for _ in 0..400 {
        frames(window);
        if is_there(window) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("expected {what} within a while");
}

#[test]
fn a_text_behind_an_at_is_read_from_its_file_when_it_is_asked_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prompt.txt");
    std::fs::write(&path, "USER: <image> Be brief. ASSISTANT:").expect("written");
    let (mut window, handle) = answered(Script::default());
    show(&mut window, Pane::Mitigation);
    click(&mut window, "ICD");
    window.get_by_label("Browse for prompt of icd");
    // What the dialog comes back with.
    let place = ParameterPlace { method: "icd", name: "prompt", is_text: true };
    window.state_mut().command(Command::GiveParameter(place, place.value_of(&path)));
    frames(&mut window);
    click(&mut window, "Ask again");
    until(&mut window, "the question", |_| count(&handle) == 2);
    let read = vec![("prompt".to_owned(), "USER: <image> Be brief. ASSISTANT:".to_owned())];
    assert_eq!(last(&handle).strategy.parameters, read, "what the file holds");
    let known = window.state().state().current_run().map(|run| run.question.strategy.parameters.clone());
    assert_eq!(known, Some(read), "the answer is known by that");
    // One that is gone: nothing is asked, and it is said why.
    std::fs::remove_file(&path).expect("removed");
    click(&mut window, "Ask again");
    until(&mut window, "a sentence", |window| window.query_by_label("Error").is_some());
    assert_eq!(count(&handle), 2, "nothing is asked");
    let said = window.state().state().notices.iter().any(|notice| {
        notice.text == format!("Cannot read `prompt` of `icd` from a file: no such file: {}", path.display())
    });
    assert!(said, "why: {:?}", window.state().state().notices);
}

#[test]
fn a_parameter_that_is_a_file_is_picked_in_a_dialog() {
    let (mut window, _) = answered(Script::default());
    show(&mut window, Pane::Mitigation);
    for (name, button) in [("VTI", "directions of vti"), ("AD-HH", "heads of ad-hh"), ("VCD", "noise of vcd")] {
        click(&mut window, name);
        window.get_by_label(&format!("Browse for {button}"));
    }
    assert!(window.query_by_label("Browse for alpha of vcd").is_none(), "a number is no file");
    let place = ParameterPlace { method: "vti", name: "directions", is_text: false };
    window.state_mut().command(Command::GiveParameter(place, place.value_of("d.safetensors".as_ref())));
    frames(&mut window);
    let given = |window: &Window| {
        let given = window.state().state().ask.given_parameters("vti").cloned().unwrap_or_default();
        given.get("directions").cloned()
    };
    assert_eq!(given(&window).as_deref(), Some("d.safetensors"), "the path itself");
    window.state_mut().command(Command::Undo);
    frames(&mut window);
    assert_eq!(given(&window), None, "taken back");
}
