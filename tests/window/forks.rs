//! Forks with the bundled model: another candidate, another strategy from a token on, the tree of answers.

use crate::demo::{demo_window, wait_until};
use crate::support::{Window, frames};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::RunId;
use gazelens::ui::core::command::Command;
use gazelens::ui::features::{Phase, Run};

fn shown(window: &Window) -> &Run {
    window.state().state().current_run().expect("a question is shown")
}

fn ids(run: &Run) -> Vec<u32> {
    run.trace.as_ref().map(|trace| trace.output.iter().map(|token| token.id).collect()).unwrap_or_default()
}

fn wait_for_another(window: &mut Window, than: RunId) {
    wait_until(window, "the fork's answer", |app| {
        app.state().current_run().is_some_and(|run| run.id != than && run.phase == Phase::Finished)
    });
    frames(window);
}

fn hold(window: &mut Window, idx: usize) {
    window.get_by_label_contains(&format!("Token {idx}: ")).click();
    frames(window);
}

#[test]
fn a_candidate_is_forced_and_the_answer_goes_on_from_there() {
    let mut window = demo_window();
    window.get_by_label("Describe this image in detail.").click();
    wait_until(&mut window, "an answer", |app| {
        app.state().current_run().is_some_and(|run| run.phase == Phase::Finished)
    });
    frames(&mut window);
    let (root, before) = (shown(&window).id, ids(shown(&window)));
    hold(&mut window, 2);
    window.get_by_label_contains("Candidate 2 ").click();
    wait_for_another(&mut window, root);
    let (first, after) = (shown(&window).id, ids(shown(&window)));
    assert_eq!(after[..2], before[..2], "what stood before stays");
    let second = shown(&window).trace.as_ref().expect("answered").output[2].candidates[1].id;
    assert_eq!(after[2], second, "the candidate stands in its place");

    // The tree is walked by its labels and a branch gets a name.
    hold(&mut window, 2);
    window.get_by_label("Forks (2)").click_accesskit();
    frames(&mut window);
    window.get_by_label("Fork original answer").click_accesskit();
    frames(&mut window);
    assert_eq!(shown(&window).id, root, "the answer that it comes from");
    hold(&mut window, 2);
    window.state_mut().command(Command::NameRun(first, "what if".to_owned()));
    frames(&mut window);
    window.get_by_label("Forks (2)").click_accesskit();
    frames(&mut window);
    window.get_by_label("Fork what if").click_accesskit();
    frames(&mut window);
    assert_eq!(shown(&window).id, first, "and back");

    // Another strategy from a token on.
    let mut ask = window.state().state().ask.clone();
    "vcd".clone_into(&mut ask.strategy);
    window.state_mut().command(Command::SetAsk(Box::new(ask)));
    frames(&mut window);
    hold(&mut window, 3);
    window.get_by_label("Continue from here with VCD").click_accesskit();
    wait_for_another(&mut window, first);
    let run = shown(&window);
    assert_eq!(ids(run)[..3], after[..3], "what stood before stays");
    let trace = run.trace.as_ref().expect("answered");
    let contrasts: Vec<bool> = trace.output.iter().map(|token| token.contrast.is_some()).collect();
    assert!(contrasts.iter().take(3).all(|acted| !acted), "plain before");
    assert!(contrasts.iter().skip(3).all(|acted| *acted) && contrasts.len() > 3, "contrasted from there on");
}

#[test]
fn an_answer_that_came_to_its_limit_continues_as_if_there_had_been_none() {
    let mut window = demo_window();
    let ask = |window: &mut Window, max_new_tokens: usize| {
        let mut ask = window.state().state().ask.clone();
        ask.max_new_tokens = max_new_tokens;
        window.state_mut().command(Command::SetAsk(Box::new(ask)));
        window.state_mut().command(Command::AskThis("Describe this image in detail.".to_owned()));
        frames(window);
        wait_until(window, "an answer", |app| {
            app.state().current_run().is_some_and(|run| run.phase == Phase::Finished)
        });
        frames(window);
    };
    ask(&mut window, 256);
    let whole = ids(shown(&window));
    assert!(!shown(&window).stopped_at_limit() && whole.len() > 8, "it ends by itself");
    ask(&mut window, 5);
    assert_eq!(ids(shown(&window)), whole[..5], "it came to its limit");
    let before = shown(&window).id;
    window.get_by_label("Stopped at the limit of 5 tokens");
    window.get_by_label("Continue").click_accesskit();
    wait_for_another(&mut window, before);
    let run = shown(&window);
    let continued = ids(run);
    assert_eq!(continued, whole, "the same answer");
    let rows = run.trace.as_ref().map(|trace| trace.decoder_attention.len());
    assert_eq!(rows, Some(continued.len()), "with the attention of every token");
}

#[test]
fn every_strategy_is_switched_on_and_off_on_the_answered_question() {
    let mut window = demo_window();
    window.get_by_label("Describe this image in detail.").click();
    wait_until(&mut window, "an answer", |app| {
        app.state().current_run().is_some_and(|run| run.phase == Phase::Finished)
    });
    frames(&mut window);
    let plain = shown(&window).id;
    for (strategy, name) in
        [("vcd", "VCD"), ("damro", "DAMRO"), ("icd", "ICD"), ("pai-cfg", "PAI (no image)"), ("m3id", "M3ID")]
    {
        let mut ask = window.state().state().ask.clone();
        strategy.clone_into(&mut ask.strategy);
        window.state_mut().command(Command::SetAsk(Box::new(ask)));
        frames(&mut window);
        window.key_press(egui::Key::V);
        wait_for_another(&mut window, plain);
        let run = shown(&window);
        assert_eq!(run.question.strategy.name, strategy, "the chosen one");
        let trace = run.trace.as_ref().expect("answered");
        assert!(trace.output.iter().all(|token| token.contrast.is_some()), "{strategy}: it says what it did to each");
        window.get_by_label_contains(&format!("{name} changed"));
        window.key_press(egui::Key::V);
        frames(&mut window);
        assert_eq!(shown(&window).id, plain, "{strategy} off: the plain answer, which is not asked for again");
    }
}
