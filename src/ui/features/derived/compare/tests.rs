use super::*;
use crate::engine::{Event, Timings};
use crate::geometry::Framing;
use crate::trace::{OutputToken, RunInfo};
use crate::ui::core::command::{Command, CompareCommand, Extend};
use crate::ui::core::settings::LayerHead;
use crate::ui::features::derived::Derived;
use crate::ui::features::testing::{answered, row, token, trace};
use crate::ui::features::truth::ImageTruth;
use std::time::Duration;

const AMPLE: Duration = Duration::from_secs(20);

fn word(id: u32, text: &str) -> OutputToken {
    OutputToken { id, ..token(text) }
}

/// Run 1 says "A dog .", run 2, which is shown, "A big cat .", each token looking twice as hard as those of run 1.
fn two(change: impl FnOnce(&mut Trace)) -> AppState {
    let mut state = answered();
    state.compare.visible = true;
    let ids = [10, 11, 12];
    if let Some(trace) = state.runs.get_mut(RunId(1)).and_then(|run| run.trace.as_mut()) {
        for (token, id) in trace.output.iter_mut().zip(ids) {
            token.id = id;
        }
    }
    state.apply(Command::Regenerate);
    let id = RunId(2);
    let mut begun = trace();
    change(&mut begun);
    state.receive(Event::Started(id, Box::new(begun)), 0.0);
    for (i, token) in [word(10, "A"), word(13, " cat"), word(14, " here"), word(12, ".")].into_iter().enumerate() {
        state.receive(Event::Token(id, Box::new(token), Some(row(0.04 * (i + 1) as f32))), 1.0);
    }
    state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 2.0);
    state.apply(Command::JumpTo { layer_idx: 0, head_idx: 0 });
    state
}

fn made(state: &AppState) -> Comparison {
    let mut derived = Derived::default();
    derived.advance(state, AMPLE);
    derived.compare.made().cloned().expect("two answers")
}

fn tokens(comparison: &Comparison) -> Vec<Vec<TokenPos>> {
    comparison.columns.iter().map(|column| column.tokens.clone()).collect()
}

#[test]
fn a_token_is_held_against_the_one_in_its_place() {
    use TokenPos::Output;
    let mut state = two(|_| ());
    state.apply(Command::ClickToken(Output(3), Extend::Replace));
    let comparison = made(&state);
    assert_eq!(tokens(&comparison), [[Output(2)], [Output(3)]], "both full stops");
    let difference = comparison.difference.expect("two columns");
    let map = difference.map.expect("the same patches");
    // Rows of 0.16 and 0.06 times the patch's number.
    for (idx, value) in map.values.iter().enumerate() {
        let expected = 0.1 * (idx + 1) as f32;
        assert!((value - expected).abs() < 1e-6, "patch {idx}: expected {expected}, found {value}");
    }
    assert!((difference.reach - 0.4).abs() < 1e-6, "the scale is as wide to both sides: {}", difference.reach);
    let expected = "Run 2 (token 3 “.”) minus run 1 (token 2 “.”). Decoder, layer 0, head 0, raw probability";
    assert!(difference.caption.starts_with(expected), "what is subtracted: {}", difference.caption);
    assert!((comparison.range[1] - 0.64).abs() < 1e-6, "one scale, up to the brighter of the two");
}

#[test]
fn a_token_without_a_partner_has_no_difference() {
    let mut state = two(|_| ());
    state.apply(Command::ClickToken(TokenPos::Output(2), Extend::Replace));
    let comparison = made(&state);
    assert!(comparison.columns[0].map.is_err() && comparison.columns[1].map.is_ok(), "here has no partner");
    let why = comparison.difference.and_then(|difference| difference.map.err()).unwrap_or_default();
    assert!(why.starts_with("Run 1: No aligned token"), "and that is said: {why}");
    assert_eq!(made(&two(|_| ())).columns[0].title, "mean over all 3 tokens", "nothing held: everything");
}

#[test]
fn a_token_of_another_run_takes_the_shown_one_with_it() {
    let mut state = two(|_| ());
    let token = Elsewhere { run: RunId(1), token_idx: 1 };
    state.apply(Command::Compare(CompareCommand::Hold(token)));
    let comparison = made(&state);
    assert_eq!(tokens(&comparison), [[TokenPos::Output(1)], [TokenPos::Output(1)]], "dog and cat");
    assert_eq!(comparison.counterpart(RunId(2), 3, RunId(1)), Some(2), "through the reference");
    assert_eq!(comparison.counterpart(RunId(2), 2, RunId(1)), None, "which has no “here”");
    state.apply(Command::ClickToken(TokenPos::Prompt(5), Extend::Replace));
    assert_eq!(tokens(&made(&state)), [[TokenPos::Prompt(5)], [TokenPos::Prompt(5)]], "one prompt, one position");
}

#[test]
fn patches_that_lie_elsewhere_are_not_subtracted() {
    let other = |trace: &mut Trace| {
        let mut run: RunInfo = (*trace.run).clone();
        run.view.rect_px.x0 -= 3.0;
        run.preprocessing = run.preprocessing.with_framing(Framing::Pad);
        trace.layout = Arc::new(run.view.into());
        trace.run = Arc::new(run);
    };
    let difference = made(&two(other)).difference.expect("two columns");
    let why = difference.map.expect_err("the photo was padded");
    let expected =
        "Not subtracted: run 2 saw the photo padded in 2 x 2 patches, run 1 the photo cropped in 2 x 2 patches";
    assert!(why.starts_with(expected), "{why}");
}

#[test]
fn rounding_is_not_painted_as_a_difference() {
    let mut state = two(|_| ());
    let run =
        |state: &AppState, id: u64| state.runs.get(RunId(id)).and_then(|run| run.trace.clone()).expect("answered");
    let copied = run(&state, 2);
    if let Some(run) = state.runs.get_mut(RunId(1)) {
        run.trace = Some(copied);
        run.version += 1;
    }
    let difference = made(&state).difference.expect("two columns");
    assert!(difference.caption.ends_with("Equal everywhere"), "said: {}", difference.caption);
    assert!(difference.reach == 0.0 && difference.scale > 0.0, "the scale has a width all the same");
    let mut nearly = run(&state, 2);
    nearly.decoder_attention = (1..=4_u8).map(|i| row(0.040_001 * f32::from(i))).collect();
    if let Some(run) = state.runs.get_mut(RunId(1)) {
        run.trace = Some(nearly);
        run.version += 1;
    }
    let difference = made(&state).difference.expect("two columns");
    assert!(difference.caption.contains("Equal but for rounding: at most "), "said: {}", difference.caption);
    assert!(difference.scale > 10.0 * difference.reach, "and hardly coloured");
}

#[test]
fn a_layer_that_a_model_lacks_is_not_taken_for_another() {
    let mut state = two(|_| ());
    state.view.decoder = LayerHead { layer: Axis { idx: 7, reduce: None }, ..LayerHead::default() };
    let why = made(&state).columns[0].map.clone().expect_err("there are two");
    assert_eq!(why, "Its model has 2 layers: there is no layer 7", "said");
}

#[test]
fn nothing_is_made_again_when_nothing_changed_nor_behind_another_tab() {
    let mut state = two(|_| ());
    let mut derived = Derived::default();
    derived.advance(&state, AMPLE);
    let values = |derived: &Derived| {
        let column = derived.compare.made().map(|made| made.columns[1].map.clone().map(|map| Arc::as_ptr(&map.values)));
        column.and_then(Result::ok)
    };
    let before = values(&derived);
    derived.advance(&state, AMPLE);
    assert!(before.is_some() && values(&derived) == before, "the same values in the same place");
    state.compare.visible = false;
    let mut hidden = Derived::default();
    hidden.advance(&state, AMPLE);
    assert!(hidden.compare.made().is_none(), "nobody looks");
}

#[test]
fn object_words_of_every_answer_are_judged() {
    let mut state = two(|_| ());
    let image = ImageTruth { chair: Some(std::iter::once("dog").collect()), ..ImageTruth::default() };
    state.truth.image = Some(Arc::new(image));
    let mut derived = Derived::default();
    derived.advance(&state, AMPLE);
    let said = |id| derived.compare.marks(RunId(id)).and_then(Marks::sentence);
    assert_eq!(said(1).as_deref(), Some("0 of 1 object mention hallucinated (CHAIRi 0.0 %)"), "there is a dog");
    assert_eq!(said(2).as_deref(), Some("1 of 1 object mention hallucinated (CHAIRi 100.0 %)"), "there is no cat");
}
