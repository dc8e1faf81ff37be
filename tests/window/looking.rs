//! Looking: tokens, layers, heads, patches, colours.

use crate::script::Script;
use crate::support::{answered, brightest_patch, caption, frames, press, show};
use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::{Direction, Reduce, Source, TokenPos};

#[test]
fn pointing_previews_and_clicking_holds() {
    let (mut window, _) = answered(Script::default());
    assert!(caption(&window).contains("mean over all 19 answer tokens"), "at first everything: {}", caption(&window));
    window.get_by_label("Token 1: dog").hover();
    frames(&mut window);
    assert!(caption(&window).contains("token 1 “ dog”"), "the pointer previews: {}", caption(&window));
    window.get_by_label("Grid of layers and heads").hover();
    frames(&mut window);
    assert!(caption(&window).contains("all 19 answer tokens"), "and lets go: {}", caption(&window));
    window.get_by_label("Token 1: dog").click();
    frames(&mut window);
    window.get_by_label("Grid of layers and heads").hover();
    frames(&mut window);
    assert!(caption(&window).contains("token 1 “ dog”"), "a click holds: {}", caption(&window));
}

#[test]
fn the_same_word_twice_is_two_tokens() {
    let script = Script { answer: [" a", " dog", " a"].map(str::to_owned).to_vec(), ..Script::default() };
    let (mut window, _) = answered(script.clone());
    window.get_by_label("Layer 0, head 0").click_accesskit();
    frames(&mut window);
    for idx in [0, 2] {
        window.get_by_label(&format!("Token {idx}: a")).click();
        frames(&mut window);
        assert_eq!(brightest_patch(&window), Some(script.hot_patch(idx, 0, 0)), "token {idx} has its own map");
    }
}

#[test]
fn shift_and_ctrl_select_several() {
    let (mut window, _) = answered(Script::default());
    window.get_by_label("Token 1: dog").click();
    frames(&mut window);
    window.get_by_label("Token 3: sitting").click_modifiers(Modifiers::SHIFT);
    frames(&mut window);
    let held =
        |window: &crate::support::Window| window.state().state().selection.tokens.iter().copied().collect::<Vec<_>>();
    assert_eq!(held(&window), [1, 2, 3].map(TokenPos::Output), "everything between");
    window.get_by_label("Token 2: is").click_modifiers(Modifiers::COMMAND);
    frames(&mut window);
    assert_eq!(held(&window), [1, 3].map(TokenPos::Output), "one taken out");
    press(&mut window, Key::Escape);
    assert!(held(&window).is_empty(), "Esc lets go");
}

#[test]
fn layer_and_head_change_the_picture_by_slider_key_and_grid() {
    let script = Script::default();
    let (mut window, _) = answered(script.clone());
    window.get_by_label("Token 1: dog").click();
    frames(&mut window);
    window.get_by_role_and_label(Role::SpinButton, "Layer").set_value_accesskit(2.0);
    window.get_by_role_and_label(Role::SpinButton, "Head").set_value_accesskit(1.0);
    frames(&mut window);
    assert_eq!(brightest_patch(&window), Some(script.hot_patch(1, 2, 1)), "layer 2, head 1: {}", caption(&window));
    press(&mut window, Key::ArrowRight);
    assert_eq!(brightest_patch(&window), Some(script.hot_patch(1, 3, 1)), "the right arrow: {}", caption(&window));
    press(&mut window, Key::ArrowDown);
    assert_eq!(brightest_patch(&window), Some(script.hot_patch(1, 3, 0)), "the down arrow: {}", caption(&window));
    window.get_by_label("Layer 0, head 3").click_accesskit();
    frames(&mut window);
    assert_eq!(brightest_patch(&window), Some(script.hot_patch(1, 0, 3)), "a click in the grid: {}", caption(&window));
    window.get_by_label("Head max").click();
    frames(&mut window);
    assert!(caption(&window).contains("layer 0, max over heads"), "the caption says so: {}", caption(&window));
}

#[test]
fn the_vision_encoder_is_a_source_of_its_own() {
    let (mut window, _) = answered(Script::default());
    window.get_by_label("Vision [CLS]").click();
    frames(&mut window);
    assert_eq!(window.state().state().view.source, Source::VISION, "chosen");
    assert!(caption(&window).starts_with("Vision [CLS], mean over layers"), "{}", caption(&window));
    press(&mut window, Key::ArrowRight);
    assert_eq!(window.state().state().view.decoder.layer.reduce, Some(Reduce::Mean), "the decoder's layer stays");
}

#[test]
fn selected_patches_recolour_the_words() {
    let script = Script::default();
    let (mut window, _) = answered(script.clone());
    let before = window.state().derived().chips.as_ref().map(|chips| chips.output.clone());
    // Clicks the patch that token 1 looks at most, in the mean over layers and heads: beside the middle of the photo.
    let canvas = window.get_by_label_contains("Photo demo 01 beach").rect();
    window.hover_at(canvas.center());
    frames(&mut window);
    for pressed in [true, false] {
        window.event(eframe::egui::Event::PointerButton {
            pos: canvas.center(),
            button: eframe::egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    frames(&mut window);
    let state = window.state().state();
    assert_eq!(state.selection.patches.len(), 1, "one patch is held");
    assert_eq!(state.selection.direction, Direction::PatchesToTokens, "the reading direction follows");
    let chips = window.state().derived().chips.as_ref().expect("answered");
    assert!(chips.is_reverse() && Some(&chips.output) != before.as_ref(), "the words are coloured anew");
    let patch = *state.selection.patches.iter().next().expect("one");
    let map = window.state().derived().tokens.get(TokenPos::Output(4)).and_then(Result::ok).expect("made");
    let value = chips.output[4].expect("has a row");
    assert!((value - map.values[patch]).abs() < 1e-6, "by the attention on that patch: {value}");
    window.get_by_label_contains("How much each token looked at the 1 selected patch");
    press(&mut window, Key::Tab);
    assert_eq!(window.state().state().selection.direction, Direction::TokensToPatches, "Tab swaps");
    assert!(
        !window.state().derived().chips.as_ref().is_some_and(gazelens::ui::features::derived::ChipColours::is_reverse),
        "and the words are as before"
    );
}

#[test]
fn values_say_what_they_are() {
    let (mut window, _) = answered(Script::default());
    window.get_by_label("share").click();
    frames(&mut window);
    assert!(caption(&window).contains("share of the image's attention"), "{}", caption(&window));
    let shown = window.state().derived().shown.as_ref().expect("answered");
    let sum: f32 = shown.map.as_ref().expect("there are rows").values.iter().sum();
    assert!((sum - 1.0).abs() < 1e-4, "shares of the image sum to 1, not {sum}");
    window.get_by_label_contains("Colour bar, Viridis: share of the image's attention from 0");
    window.get_by_label("More about the values").click();
    frames(&mut window);
    window.get_by_label_contains("leave out the first position").click();
    frames(&mut window);
    assert!(caption(&window).contains("without the first position"), "{}", caption(&window));
}

#[test]
fn candidates_are_listed_with_their_numbers() {
    let (mut window, _) = answered(Script::default());
    window.get_by_label("Token 6: grass").click(); // an object word would bring its origin forward
    frames(&mut window);
    window.get_by_label_contains("Candidate 1 “ grass”");
    window.get_by_label("Token 6 “ grass”");
    window.get_by_label("rank 1");
    window.get_by_label_contains("logprob -0.4");
}

#[test]
fn colours_change_by_label() {
    let (mut window, _) = answered(Script::default());
    show(&mut window, Pane::Colours);
    window.get_by_role_and_label(Role::SpinButton, "Opacity").set_value_accesskit(0.25);
    frames(&mut window);
    assert!((window.state().state().colour.style.opacity - 0.25).abs() < 1e-6, "the overlay is fainter");
    window.get_by_label("fixed").click();
    frames(&mut window);
    window.get_by_role_and_label(Role::SpinButton, "Highest value").set_value_accesskit(0.5);
    frames(&mut window);
    let range = window.state().derived().shown.as_ref().map(|shown| shown.range);
    assert_eq!(range, Some([0.0, 0.5]), "the typed range is in force");
    window.get_by_label_contains("from 0 to 0.5");
}

#[test]
fn candidates_speak_of_the_tokens_on_the_photo() {
    let (window, _) = answered(Script::default());
    assert!(caption(&window).contains("all 19 answer tokens"), "{}", caption(&window));
    assert_ne!(window.query_all_by_label("Click a word of the answer").count(), 0, "what to do");
    assert!(window.query_by_label_contains("Candidate 1").is_none(), "no single token's candidates beside them");
}

#[test]
fn everything_that_counts_lies_within_a_small_window() {
    let (mut window, _) = answered(Script::default());
    let canvas = window.get_by_label_contains("Photo demo 01 beach").rect();
    let right = 1280.0;
    window.hover_at(canvas.center());
    for pressed in [true, false] {
        window.event(eframe::egui::Event::PointerButton {
            pos: canvas.center(),
            button: eframe::egui::PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    frames(&mut window);
    let legend = window.get_by_label_contains("How much each token looked at the 1 selected patch").rect();
    assert!(legend.right() <= right, "the legend: {legend}");
    for idx in [3, 12, 18] {
        let chip = window.get_by_label_contains(&format!("Token {idx}: ")).rect();
        assert!(chip.right() <= right, "word {idx}: {chip}");
    }
}

#[test]
fn keys_walk_the_words_of_the_answer() {
    let (mut window, _) = answered(Script::default());
    let held =
        |window: &crate::support::Window| window.state().state().selection.tokens.iter().copied().collect::<Vec<_>>();
    let step = |window: &mut crate::support::Window, key: Key, modifiers: Modifiers| {
        window.key_press_modifiers(modifiers, key);
        frames(window);
    };
    for (key, modifiers, expected, what) in [
        (Key::W, Modifiers::NONE, 0, "the first word"),
        (Key::W, Modifiers::NONE, 1, "the next"),
        (Key::W, Modifiers::SHIFT, 0, "the one before"),
        (Key::W, Modifiers::SHIFT, 17, "round the beginning to the last word: the full stop is none"),
        (Key::E, Modifiers::NONE, 1, "the first object word"),
        (Key::E, Modifiers::NONE, 11, "the next"),
        (Key::E, Modifiers::SHIFT, 1, "and back"),
    ] {
        step(&mut window, key, modifiers);
        assert_eq!(held(&window), [TokenPos::Output(expected)], "{what}");
    }
    assert!(caption(&window).contains("token 1 “ dog”"), "its map is shown: {}", caption(&window));
    // Neither is in the first scene of the demo, a beach.
    step(&mut window, Key::X, Modifiers::NONE);
    assert_eq!(held(&window), [TokenPos::Output(11)], "the next hallucinated word");
    step(&mut window, Key::X, Modifiers::NONE);
    assert_eq!(held(&window), [TokenPos::Output(1)], "and round the end");
}
