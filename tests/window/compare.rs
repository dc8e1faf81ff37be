//! Runs side by side: the same question under several strategies, what changed, and what another strength would change.

use crate::demo::{demo_window, wait_until};
use crate::script::Script;
use crate::support::{Window, answered, frames};
use egui_kittest::kittest::Queryable as _;
use gazelens::analysis::align::Change;
use gazelens::trace::Trace;
use gazelens::ui::App;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::command::{CompareCommand, TriedStrength};
use gazelens::ui::features::{Phase, Run, TokenPos};

/// A photo and a question that strategies answer otherwise than plain decoding does.
const QUESTION: &str = "Please describe this image in detail.";

/// Chooses a strategy and asks, the first time in words and then again.
fn ask(window: &mut Window, strategy: &str, parameters: &[(&str, &str)]) {
    let mut settings = window.state().state().ask.clone();
    strategy.clone_into(&mut settings.strategy);
    settings.reset_parameters(strategy);
    for (name, value) in parameters {
        settings.give_parameter(strategy, name, (*value).to_owned());
    }
    let before = window.state().state().current_run().map(|run| run.id);
    window.state_mut().command(Command::SetAsk(Box::new(settings)));
    let command = if before.is_some() { Command::Regenerate } else { Command::AskThis(QUESTION.to_owned()) };
    window.state_mut().command(command);
    let finished =
        |app: &App| app.state().current_run().is_some_and(|run| Some(run.id) != before && run.phase == Phase::Finished);
    wait_until(window, "an answer", finished);
    frames(window);
}

fn open_compare(window: &mut Window) {
    window.get_by_label("Compare").click();
    frames(window);
    frames(window);
}

#[test]
fn two_strategies_stand_side_by_side_and_a_changed_token_is_held_in_both() {
    let mut window = demo_window();
    ask(&mut window, "plain", &[]);
    ask(&mut window, "vcd", &[("alpha", "8"), ("step", "999")]);
    open_compare(&mut window);
    let comparison = window.state().derived().compare.made().cloned().expect("two answers");
    let alignment = comparison.columns[1].alignment.clone().expect("the second is held against the first");
    assert!(!alignment.is_same(), "strong enough to change something");
    // In words, as they are read.
    window.get_by_label(&alignment.sentence());
    window.get_by_label_contains("Run 1: plain");
    window.get_by_label_contains("Run 2: vcd");
    // The first changed token, by the label that says so.
    let changed = alignment.spans().iter().find(|span| span.change == Change::Changed).expect("a pair of tokens");
    let (old, new) = (changed.reference.start, changed.other.start);
    window.get_by_label_contains(&format!("Run 1 token {old}: ")).click();
    frames(&mut window);
    frames(&mut window);
    let held: Vec<_> = window.state().state().selection.tokens.iter().copied().collect();
    assert_eq!(held, [TokenPos::Output(new)], "the shown run's token in its place");
    let comparison = window.state().derived().compare.made().cloned().expect("still there");
    assert_eq!(comparison.columns[0].tokens, [TokenPos::Output(old)], "and the one that was clicked");
    let difference = comparison.difference.expect("one less the other");
    let values = difference.map.expect("the same patches of the same photo").values;
    assert!(values.iter().any(|value| value.abs() > 0.0) && difference.reach > 0.0, "they looked elsewhere");
    window.get_by_label(&format!("Difference: {}", difference.caption));
    window.get_by_label_contains("Colour bar, Blue-red: difference from -");
    window.get_by_label_contains("one range for all runs");
    // Pinned, the second run is the first column.
    window.get_by_label("Pin run 2").click();
    frames(&mut window);
    let compared = window.state().state().compared().expect("two runs");
    assert!(compared.pinned && compared.reference.0 == 2 && compared.others[0].0 == 1, "turned round: {compared:?}");
    window.get_by_label("Reference: run 2").click();
    frames(&mut window);
    assert_eq!(window.state().state().compared().map(|runs| runs.reference.0), Some(1), "let go");
}

#[test]
fn a_strategy_that_changes_nothing_is_said_to_and_the_list_holds_every_run() {
    let mut window = demo_window();
    ask(&mut window, "plain", &[]);
    open_compare(&mut window);
    window.get_by_label("There is one answer so far");
    ask(&mut window, "vcd", &[("alpha", "0")]);
    ask(&mut window, "vcd", &[("beta", "1")]);
    frames(&mut window);
    let same = window.state().derived().compare.made().and_then(|made| made.columns[1].alignment.clone());
    let sentence = same.expect("two columns").sentence();
    assert!(sentence.starts_with("The answers are the same"), "a cut-off of 1 is greedy: {sentence}");
    window.get_by_label(&sentence);
    window.get_by_label_contains("VCD changed no");
    // The list, from the row below the question.
    window.get_by_label("All 3 in Compare").click();
    frames(&mut window);
    window.get_by_label("Compare run 2").click();
    frames(&mut window);
    frames(&mut window);
    assert_eq!(window.state().derived().compare.made().map(|made| made.columns.len()), Some(3), "a third column");
    window.get_by_label("Difference of run 2").click();
    frames(&mut window);
    assert_eq!(window.state().state().compared().and_then(|runs| runs.subtracted).map(|id| id.0), Some(2), "of that");
    window.get_by_label("Forget run 2").click();
    frames(&mut window);
    assert!(window.query_by_label("Forget run 2").is_none(), "it is gone");
    let left: Vec<usize> = window.state().state().history().iter().map(|entry| entry.nr).collect();
    assert_eq!(left, [1, 3], "the others keep their numbers");
}

#[test]
fn a_strength_is_tried_without_asking_and_then_asked() {
    let mut window = demo_window();
    ask(&mut window, "plain", &[]);
    ask(&mut window, "vcd", &[("alpha", "8"), ("step", "999")]);
    let marks = window.state().derived().contrast.clone().expect("a second branch");
    assert!(marks.changed > 0, "{}", marks.sentence("VCD"));
    window.get_by_label(&marks.sentence("VCD"));
    let changed = window.state().state().current_run().and_then(|run| run.trace.as_ref()).and_then(|trace| {
        trace.output.iter().position(|token| token.contrast.as_ref().is_some_and(|step| step.changed()))
    });
    let changed = changed.expect("a changed token");
    let word = |window: &Window, said: &str| {
        let trace = window.state().state().current_run().and_then(|run| run.trace.as_ref()).expect("answered");
        format!("Token {changed}: {}, {said}", trace.output[changed].text.trim())
    };
    window.get_by_label(&word(&window, "changed by the strategy"));
    // Without strength, what the strategy changed goes back; nothing is asked for that.
    let run = window.state().state().current_run().map(|run| run.id).expect("answered");
    let tried = TriedStrength { run, value: 0.0 };
    let place = |window: &Window, said: &str| window.get_by_label(&word(window, said)).rect();
    let before = place(&window, "changed by the strategy");
    window.state_mut().command(Command::Compare(CompareCommand::Try(Some(tried))));
    frames(&mut window);
    let marks = window.state().derived().contrast.clone().expect("a second branch");
    assert_eq!(marks.flipped.first().map(|flip| flip.token_idx), Some(changed), "the first of them: {marks:?}");
    window.get_by_label(&word(&window, "changed by the strategy, first to flip"));
    let now = place(&window, "changed by the strategy, first to flip");
    assert_eq!(now, before, "nothing moves under the pointer when a strength is tried");
    assert_eq!(window.state().state().current_run().map(|run| run.id), Some(run), "nothing was asked");
    assert!(window.query_by_label("Strength to try").is_none(), "the answer has the room");
    let row = window.get_by_label(&marks.sentence("VCD")).rect();
    assert!(row.y_range().contains(window.get_by_label("Strength").rect().center().y), "one row");
    window.get_by_label("Strength").click();
    frames(&mut window);
    assert!(window.get_by_label("Strength to try").rect().bottom() < before.top(), "it covers no word of the answer");
    assert_eq!(place(&window, "changed by the strategy, first to flip"), before, "nor does one move for it");
    assert!(window.query_all_by_label_contains("Later ones are approximate").next().is_some(), "what would flip");
    window.get_by_label("Ask again at this strength").click();
    let other =
        |app: &App| app.state().current_run().is_some_and(|other| other.id != run && other.phase == Phase::Finished);
    wait_until(&mut window, "an answer at that strength", other);
    frames(&mut window);
    let plain = window
        .state()
        .state()
        .runs
        .of_image(&window.state().state().current_run().expect("asked").question.image)
        .next();
    let text = |run: Option<&Run>| run.and_then(|run| run.trace.as_ref()).map(Trace::text);
    assert_eq!(text(window.state().state().current_run()), text(plain), "strength 0 is plain decoding");
}

#[test]
fn pieces_stand_as_words_in_both_columns_as_in_the_answer() {
    let answer = ["A", " b", "ea", "ch", "."].map(str::to_owned).to_vec();
    let (mut window, _) = answered(Script { answer, ..Script::default() });
    window.state_mut().command(Command::ToggleStrategy);
    frames(&mut window);
    open_compare(&mut window);
    let gap = |window: &Window| {
        let [left, right] = ["Run 1 token 1: b", "Run 1 token 2: ea"].map(|label| window.get_by_label(label).rect());
        right.left() - left.right()
    };
    assert!(gap(&window).abs() < 0.1, "pieces touch: {}", gap(&window));
    window.get_by_label("Run 2 token 2: ea").click();
    frames(&mut window);
    let held: Vec<_> = window.state().state().selection.tokens.iter().copied().collect();
    assert_eq!(held, [1, 2, 3].map(TokenPos::Output), "the whole word");
    window.state_mut().command(Command::SetPieces(true));
    frames(&mut window);
    assert!(gap(&window) > 0.5, "pieces on request: {}", gap(&window));
}
