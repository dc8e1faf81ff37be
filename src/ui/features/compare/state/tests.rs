//! Which runs stand side by side, by what the user did.

use super::*;
use crate::engine::{Event, Request, Timings};
use crate::ui::core::command::{Command, Elsewhere, Extend};
use crate::ui::features::TokenPos;
use crate::ui::features::testing::{answered, question, row, token, trace};

/// Answers the question of a run with some words.
fn answer(state: &mut AppState, id: RunId, words: &[&str]) {
    state.receive(Event::Started(id, Box::new(trace())), 0.0);
    for text in words {
        state.receive(Event::Token(id, Box::new(token(text)), Some(row(0.1))), 1.0);
    }
    state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 2.0);
}

/// Run 1 is plain, run 2 the same question under VCD, run 3 another question.
fn three() -> AppState {
    let mut state = answered();
    let mut ask = state.ask.clone();
    ask.strategy = "vcd".to_owned();
    state.apply(Command::SetAsk(Box::new(ask)));
    state.apply(Command::Regenerate);
    answer(&mut state, RunId(2), &["A", " cat", "."]);
    state.apply(Command::AskThis("Why?".to_owned()));
    answer(&mut state, RunId(3), &["Because"]);
    state.apply(Command::ShowRun(RunId(2)));
    state
}

fn columns(state: &AppState) -> (u64, Vec<u64>) {
    let compared = state.compared().expect("answered");
    (compared.reference.0, compared.others.iter().map(|id| id.0).collect())
}

fn pin(state: &mut AppState, id: Option<u64>) {
    let image = state.current_image().cloned().expect("a photo");
    state.apply(Command::Compare(CompareCommand::Pin(id.map(RunId), image)));
}

#[test]
fn the_plain_run_of_the_same_question_is_the_reference_unless_one_is_pinned() {
    let mut state = three();
    assert_eq!(columns(&state), (1, vec![2]), "plain against VCD");
    state.apply(Command::ShowRun(RunId(1)));
    assert_eq!(columns(&state), (1, vec![2]), "the columns stay when the reference is shown");
    state.apply(Command::ShowRun(RunId(3)));
    assert_eq!(columns(&state), (2, vec![3]), "a question without a plain run: the run before");
    pin(&mut state, Some(3));
    assert_eq!(columns(&state), (3, vec![2]), "the pinned one, against the newest other");
    state.apply(Command::ShowRun(RunId(2)));
    assert_eq!(columns(&state), (3, vec![2]), "and against what is shown");
    pin(&mut state, None);
    assert_eq!(columns(&state), (1, vec![2]), "let go again");
}

#[test]
fn further_runs_stand_beside_until_there_is_no_room() {
    let mut state = three();
    state.apply(Command::Compare(CompareCommand::Toggle(RunId(3))));
    assert_eq!(columns(&state), (1, vec![2, 3]), "three columns");
    state.apply(Command::Compare(CompareCommand::Subtract(RunId(3))));
    assert_eq!(state.compared().and_then(|runs| runs.subtracted), Some(RunId(3)), "the last difference");
    state.apply(Command::Compare(CompareCommand::Toggle(RunId(3))));
    assert_eq!(columns(&state), (1, vec![2]), "taken away");
    assert_eq!(state.compared().and_then(|runs| runs.subtracted), Some(RunId(2)), "and its difference with it");
    for id in 4..8 {
        state.apply(Command::AskThis("What?".to_owned()));
        answer(&mut state, RunId(id), &["A"]);
        state.apply(Command::Compare(CompareCommand::Toggle(RunId(id))));
    }
    assert_eq!(columns(&state).1.len() + 1, MOST_COLUMNS, "not more than can be read");
}

#[test]
fn forgetting_the_pinned_run_goes_back_to_the_plain_one() {
    let mut state = three();
    pin(&mut state, Some(3));
    state.apply(Command::ForgetRun(RunId(3)));
    assert_eq!(columns(&state), (1, vec![2]), "as if nothing had been pinned");
    assert!(!state.compared().is_some_and(|runs| runs.pinned), "nothing is");
    state.apply(Command::ForgetRun(RunId(2)));
    assert_eq!(columns(&state), (1, vec![]), "one run alone");
    state.apply(Command::ForgetRun(RunId(1)));
    assert_eq!(state.compared(), None, "and none");
}

#[test]
fn the_columns_stay_until_a_new_question_has_something_to_show() {
    let mut state = three();
    state.apply(Command::AskThis("What?".to_owned()));
    assert_eq!(columns(&state), (2, vec![3]), "the newest of those with an answer, against the one before");
    answer(&mut state, RunId(4), &["A"]);
    assert_eq!(columns(&state), (1, vec![4]), "then the plain answer to the same question");
}

#[test]
fn another_photo_has_its_own_columns() {
    let mut state = three();
    pin(&mut state, Some(3));
    state.apply(Command::NextImage);
    assert_eq!((state.compared(), state.history().len()), (None, 0), "nothing was asked about it");
    state.apply(Command::PreviousImage);
    assert_eq!(columns(&state).0, 3, "what was pinned is still pinned");
}

#[test]
fn the_list_is_in_order_of_time() {
    let state = three();
    let entries: Vec<_> = state.history().iter().map(|entry| (entry.run.0, entry.nr, entry.pope)).collect();
    assert_eq!(entries, [(1, 1, false), (2, 2, false), (3, 3, false)], "all of this photo");
}

#[test]
fn a_fork_stands_below_what_it_leaves_and_is_held_against_it() {
    let mut state = three();
    state.apply(Command::Fork(1, Some(9)));
    answer(&mut state, RunId(4), &["A", " bird"]);
    state.apply(Command::NameRun(RunId(4), "bird".to_owned()));
    assert_eq!(columns(&state), (2, vec![4]), "VCD's answer, which it leaves");
    let entries: Vec<_> = state.history().into_iter().map(|entry| (entry.nr, entry.depth, entry.name)).collect();
    let named = Some("bird".to_owned());
    assert_eq!(entries, [(1, 0, None), (2, 0, None), (4, 1, named.clone()), (3, 0, None)], "in the tree");
    state.apply(Command::ForgetRun(RunId(2)));
    let entries: Vec<_> = state.history().into_iter().map(|entry| (entry.nr, entry.depth, entry.name)).collect();
    assert_eq!(
        entries,
        [(1, 0, None), (3, 0, None), (4, 0, named)],
        "its parent was forgotten, the others keep their numbers"
    );
}

#[test]
fn what_is_compared_outlives_the_attention_budget() {
    let mut state = three();
    pin(&mut state, Some(1));
    let kept: Vec<RunId> = state.compare.picked().collect();
    state.runs.evict(0, 0, &kept);
    assert!(state.runs.get(RunId(1)).is_some(), "pinned");
    assert!(state.runs.get(RunId(2)).is_none(), "the others make room");
}

#[test]
fn a_token_that_the_shown_run_lacks_is_held_until_another_is() {
    let mut state = three();
    let token = Elsewhere { run: RunId(1), token_idx: 1 };
    state.apply(Command::ClickToken(TokenPos::Output(0), Extend::Replace));
    state.apply(Command::Compare(CompareCommand::Hold(token)));
    assert_eq!(state.selection.elsewhere, Some(token), "held");
    assert!(state.selection.tokens.is_empty(), "in place of the shown run's");
    state.apply(Command::ClickToken(TokenPos::Output(0), Extend::Replace));
    assert_eq!(state.selection.elsewhere, None, "a token of the shown run takes its place");
    state.apply(Command::Compare(CompareCommand::Hold(token)));
    state.apply(Command::Clear);
    assert!(state.selection.is_empty(), "escape lets go");
}

#[test]
fn asking_at_a_tried_strength_changes_nothing_else() {
    let mut state = three();
    let mut padded = question("a.png", "What?");
    padded.framing = Some(crate::geometry::Framing::Pad);
    padded.strategy.name = "pai-cfg".to_owned();
    padded.strategy.parameters = vec![("beta".to_owned(), "0.2".to_owned())];
    let id = state.runs.begin(padded.clone());
    state.apply(Command::Compare(CompareCommand::Try(Some(TriedStrength { run: id, value: 0.5 }))));
    let before = state.next_question();
    let effects = state.apply(Command::Compare(CompareCommand::AskAtTried));
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Send(Request::Ask(_, question)) => Some((**question).clone()),
        _ => None,
    });
    padded.strategy.parameters.push(("gamma".to_owned(), "1.5".to_owned()));
    assert_eq!(asked, Some(padded), "gamma is the strength plus 1; framing and cut-off are the run's");
    assert_eq!(state.next_question(), before, "later questions are asked as before");
    assert_eq!(state.compare.tried, None, "nothing is tried any more");
}
