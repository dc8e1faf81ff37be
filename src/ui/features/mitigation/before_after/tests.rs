use super::*;
use crate::engine::{Event, Timings};
use crate::trace::{OutputToken, TokenAction};
use crate::ui::core::command::Command;
use crate::ui::features::testing::{answered, row, token, trace};
use crate::ui::features::{Normalisation, Reduce};
use std::sync::mpsc::{Receiver, channel};

/// The words with which the methods answer, and how much attention the first has on the first patch.
fn with_methods(words: [&str; 3], base: f32) -> AppState {
    let mut state = answered();
    let mut ask = state.ask.clone();
    ask.toggle_method("eah");
    state.apply(Command::SetAsk(Box::new(ask)));
    state.apply(Command::AskThis("What?".to_owned()));
    let id = RunId(2);
    state.receive(Event::Started(id, Box::new(trace())), 0.0);
    let action = TokenAction {
        method: "eah".to_owned(),
        before_id: 7,
        before: "a".to_owned(),
        after_id: 7,
        after: "a".to_owned(),
        num_removed: 0,
        moved: 0.0,
        note: Some(TokenAction::spread_note("changed 4 probabilities", 1, 0)),
        value: None,
    };
    for (idx, text) in words.iter().enumerate() {
        let id_of = if *text == "kite" { 9 } else { 7 };
        let token = OutputToken { id: id_of, actions: vec![action.clone()], ..token(text) };
        state.receive(Event::Token(id, Box::new(token), Some(row(base * (idx + 1) as f32))), 0.0);
    }
    state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 1.0);
    state.view.normalisation = Normalisation::Raw;
    state.view.suppress_sink = false;
    state
}

fn begun() -> (BeforeAfters, Receiver<()>) {
    let (sender, woken) = channel();
    let wake: Waker = Arc::new(move || {
        sender.send(()).ok();
    });
    (BeforeAfters::new(&wake), woken)
}

fn come(all: &mut BeforeAfters, state: &AppState, woken: &Receiver<()>) -> BeforeAfter {
    all.follow(state);
    while all.of(state).is_none() {
        woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
        all.follow(state);
    }
    all.of(state).expect("made").clone()
}

fn is_near(found: &[f32], expected: [f32; 4]) -> bool {
    found.len() == 4 && found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6)
}

#[test]
fn both_maps_are_of_the_same_place_in_one_range() {
    let mut state = with_methods(["A", " dog", "."], 0.03);
    state.apply(Command::HoldWord(1, 1));
    let one = |idx: usize| Axis { idx, reduce: None };
    state.view.decoder = LayerHead { layer: one(0), head: one(1) };
    let (mut all, woken) = begun();
    assert!(all.of(&state).is_none(), "nothing is made yet");
    let made = come(&mut all, &state, &woken);
    let pairs = made.pairs.expect("attention of both");
    // Patch i of layer l and head h has base * (i + 1) / (1 + l + h); the second word's base is 0.04 and 0.06.
    let shown = pairs.first().expect("as shown");
    assert_eq!(shown.place, "layer 0, head 1, raw probability", "said");
    assert!(is_near(&shown.maps[0].values, [0.02, 0.04, 0.06, 0.08]), "without: {:?}", shown.maps[0].values);
    assert!(is_near(&shown.maps[1].values, [0.03, 0.06, 0.09, 0.12]), "with: {:?}", shown.maps[1].values);
    assert!((shown.range[1] - 0.12).abs() < 1e-6 && shown.range[0] == 0.0, "of both: {:?}", shown.range);
    // All four of layer and head: 1, 1/2, 1/2 and 1/3 of the base; ten parts over the patches.
    let mean = (1.0 + 0.5 + 0.5 + 1.0 / 3.0) / 4.0 * 10.0;
    let near = |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-6);
    assert!(near(made.shares[0], 0.04 * mean) && near(made.shares[1], 0.06 * mean), "{:?}", made.shares);
    // The head that the method names, and its layer.
    let names: Vec<_> = pairs.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names, ["As shown", "Layer 1, head 0", "Layer 1, mean over heads"], "where it acted");
    assert!(is_near(&pairs[1].maps[1].values, [0.03, 0.06, 0.09, 0.12]), "its head: {:?}", pairs[1].maps[1].values);
    assert!(is_near(&pairs[2].maps[0].values, [1.0, 2.0, 3.0, 4.0].map(|part| part * 0.04 * 5.0 / 12.0)), "its layer");
    // Another layer: those of before are not shown for it.
    state.view.decoder.layer = one(1);
    assert!(all.of(&state).is_none(), "not of this layer");
    let made = come(&mut all, &state, &woken);
    let place = made.pairs.expect("made").first().map(|pair| pair.place.clone());
    assert_eq!(place.as_deref(), Some("layer 1, head 1, raw probability"), "the new one");
}

#[test]
fn what_stands_behind_another_word_is_not_compared() {
    let mut state = with_methods(["kite", " dog", "."], 0.03);
    state.apply(Command::HoldWord(1, 1));
    let (mut all, woken) = begun();
    all.follow(&state);
    assert!(all.made.asked().is_none() && woken.try_recv().is_err(), "another word stands before it");
    state.apply(Command::HoldWord(0, 0));
    assert!(come(&mut all, &state, &woken).pairs.is_ok(), "nothing stands before the first");
    // Pieces of one word, put together as the view says.
    let mut state = with_methods(["A", " dog", "."], 0.03);
    state.apply(Command::HoldWord(0, 1));
    state.view.tokens = Reduce::Max;
    let one = |idx: usize| Axis { idx, reduce: None };
    state.view.decoder = LayerHead { layer: one(0), head: one(0) };
    let pairs = come(&mut all, &state, &woken).pairs.expect("made");
    assert!(is_near(&pairs[0].maps[0].values, [0.04, 0.08, 0.12, 0.16]), "the larger of both");
}
