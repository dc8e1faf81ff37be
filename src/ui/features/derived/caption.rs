//! What is shown, in words: source, layer, head, tokens, normalisation, largest value.

use crate::trace::Trace;
use crate::ui::core::settings::{Axis, LayerHead, ViewState};
use crate::ui::features::{AppState, Normalisation, Reduce, TokenPos};

/// "layer 3", "mean of layers", "largest of layers".
pub fn axis_label(noun: &str, axis: Axis) -> String {
    match axis.reduce {
        None => format!("{noun} {}", axis.idx),
        Some(Reduce::Mean) => format!("mean over {noun}s"),
        Some(Reduce::Max) => format!("max over {noun}s"),
    }
}

/// A value with four significant digits at most: "0.0312", "3.1e-5".
pub fn format_value(value: f32) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value.abs() >= 0.001 {
        format!("{value:.4}")
    } else {
        format!("{value:.1e}")
    }
}

/// A share in per cent: "42.0 %".
pub fn format_share(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}

/// What the image attention of a token is: the largest of several layers or heads, patch by patch, add up to no part of
/// anything.
pub fn share_words(choice: LayerHead) -> String {
    let place = format!("{}, {}", axis_label("layer", choice.layer), axis_label("head", choice.head));
    if [choice.layer.reduce, choice.head.reduce].contains(&Some(Reduce::Max)) {
        format!("Largest attention of each patch, summed over patches (no share: can exceed 1): {place}")
    } else {
        format!("Attention on the image, summed over patches: {place}")
    }
}

/// "token 7 “ clock”", "prompt token 3 “What”".
pub fn token_label(trace: &Trace, pos: TokenPos) -> String {
    let (noun, idx, text) = match pos {
        TokenPos::Output(idx) => ("token", idx, trace.output.get(idx).map_or("", |token| token.text.as_str())),
        TokenPos::Prompt(idx) => ("prompt token", idx, trace.prompt.get(idx).map_or("", |token| token.text.as_str())),
    };
    format!("{noun} {idx} “{}”", text.replace('\n', "\\n"))
}

pub(super) fn tokens_label(state: &AppState, trace: &Trace, tokens: &[TokenPos]) -> String {
    let how = if state.view.tokens == Reduce::Max { "max" } else { "mean" };
    match tokens {
        [one] => token_label(trace, *one),
        several if state.selection.shown_tokens().is_empty() => {
            format!("{how} over all {} answer tokens", several.len())
        }
        several => format!("{how} over {} selected tokens", several.len()),
    }
}

/// "layer 3, head 1", "mean over layers and heads".
fn place_label(layer: Axis, head: Axis) -> String {
    match (layer.reduce, head.reduce) {
        (Some(Reduce::Mean), Some(Reduce::Mean)) => "mean over layers and heads".to_owned(),
        (Some(Reduce::Max), Some(Reduce::Max)) => "max over layers and heads".to_owned(),
        _ => format!("{}, {}", axis_label("layer", layer), axis_label("head", head)),
    }
}

/// The line above the photo: whose attention it is.
pub(super) fn words(state: &AppState, trace: &Trace, tokens: &[TokenPos]) -> String {
    let view = &state.view;
    let [source, place, unit] = place_and_unit(view);
    if view.source.of_tokens() {
        let tokens = tokens_label(state, trace, tokens);
        return format!("{source}, {place}, {tokens}, {unit}");
    }
    format!("{source}, {place}, {unit}")
}

/// Whose attention, in which layer and head, divided by what.
pub(in crate::ui) fn place_and_unit(view: &ViewState) -> [String; 3] {
    let choice = view.layer_head();
    let without_sink = view.suppress_sink && view.source.has_sink();
    let entry = view.source.entry();
    let unit = match view.normalisation {
        _ if entry.share_unit.is_none() => entry.unit,
        Normalisation::Raw if without_sink => "probability without the first position",
        Normalisation::Raw => "raw probability",
        Normalisation::ImageShare if without_sink => "share of the image's attention without the first position",
        Normalisation::ImageShare => view.source.unit(Normalisation::ImageShare),
    };
    let place = if view.source.has_heads() {
        place_label(choice.layer, choice.head)
    } else {
        axis_label("layer", choice.layer)
    };
    let name = view.source.name();
    let is_further = view.source.is_encoder() && view.encoder > 0;
    let name = if is_further { format!("{name} of encoder {}", view.encoder) } else { name.to_owned() };
    [name, place, unit.to_owned()]
}

/// Its end: how much it is.
pub(super) fn numbers(state: &AppState, max: f32, image_share: f32) -> String {
    let one_token = state.selection.shown_tokens().len() == 1;
    let sum = sum_words(&state.view, one_token);
    format!("max {}, {sum} {}", format_value(max), format_value(image_share))
}

/// What the sum over all patches is called.
pub fn sum_words(view: &ViewState, one_token: bool) -> &'static str {
    let choice = view.layer_head();
    let of_heads = view.source.has_heads() && choice.head.reduce == Some(Reduce::Max);
    let largest = choice.layer.reduce == Some(Reduce::Max) || of_heads;
    // Each patch may have another layer, head or token as its largest: together they are no share of anything.
    let largest = largest || (view.source.of_tokens() && view.tokens == Reduce::Max && !one_token);
    if largest { "sum of the largest" } else { view.source.entry().sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::core::command::{Command, Extend};
    use crate::ui::features::testing::answered;

    #[test]
    fn the_caption_says_everything_a_number_needs() {
        let mut state = answered();
        state.apply(Command::JumpTo { layer_idx: 1, head_idx: 0 });
        state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Replace));
        let trace = state.current_run().and_then(|run| run.trace.as_ref()).expect("answered");
        let words = words(&state, trace, &[TokenPos::Output(1)]);
        let text = format!("{words}, {}", numbers(&state, 0.0312, 0.42));
        assert_eq!(
            text, "Decoder, layer 1, head 0, token 1 “ dog”, raw probability, max 0.0312, image share 0.4200",
            "source, layer, head, token, normalisation, range, denominator"
        );
    }

    #[test]
    fn a_sum_of_maxima_is_not_called_a_share() {
        let mut state = answered();
        state.view.decoder.head.reduce = Some(Reduce::Max);
        assert_eq!(numbers(&state, 0.5, 2.0), "max 0.5000, sum of the largest 2.0000", "it can exceed one");
    }

    #[test]
    fn without_the_first_position_nothing_is_called_raw() {
        let mut state = answered();
        state.view.suppress_sink = true;
        let trace = state.current_run().and_then(|run| run.trace.as_ref()).expect("answered");
        let words = words(&state, trace, &[TokenPos::Output(1)]);
        assert!(words.ends_with("probability without the first position"), "renormalised, and said: {words}");
    }

    #[test]
    fn small_values_keep_their_digits() {
        assert_eq!(format_value(0.000_031), "3.1e-5", "not 0.0000");
        assert_eq!(format_value(0.5), "0.5000", "four decimals");
        assert_eq!(format_value(0.0), "0", "nothing is nothing");
    }
}
