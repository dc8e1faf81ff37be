//! Methods against hallucination: found, stacked, switched, and asked again live.

use crate::script::{Handle, Script};
use crate::support::{Window, answered, frames, press, show, type_text};
use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{Question, Request};
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
    // Made in the background.
    for _ in 0..200 {
        frames(&mut window);
        if window.query_by_label_contains("With methods: ").is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let [without, with] =
        ["Without methods: ", "With methods: "].map(|label| window.get_by_label_contains(label).rect());
    let is_beside = without.right() <= with.left() && (without.top() - with.top()).abs() < 0.5;
    assert!(is_beside, "side by side: {without:?}, {with:?}");
    let place = "mean over layers and heads, raw probability; one range for both";
    window.get_by_label(place);
    window.get_by_label_contains(" (one range for both)");
    window.get_by_label_contains("Without them “dog” stands here; attention on the image 0.");
}
