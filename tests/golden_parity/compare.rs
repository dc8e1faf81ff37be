//! The bounds of the contract.

use crate::reference::Golden;
use gazelens::engine::Answer;
use gazelens::geometry::PreprocessSpec;
use gazelens::ids::TokenSpan;
use gazelens::trace::{AttentionRow, Trace};

/// Absolute, for probabilities.
pub(crate) const PROBABILITY_BOUND: f32 = 1e-4;
/// Relative, for logits; below this size their own rounding counts, so the bound stops shrinking.
pub(crate) const LOGIT_BOUND: f32 = 1e-3;
const LOGIT_FLOOR: f32 = 0.1;
/// Pixel values that count as exact, and how many must be.
const PIXEL_EXACT: f32 = 1e-4;
const PIXEL_EXACT_SHARE: f64 = 0.999;

/// Largest absolute difference.
pub(crate) fn largest_difference(found: &[f32], expected: &[f32], what: &str) -> f32 {
    assert_eq!(found.len(), expected.len(), "{what}: as many values as expected");
    assert!(found.iter().all(|value| value.is_finite()), "{what}: finite values");
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Every logit within its bound; returns the largest share of the bound that was used.
pub(crate) fn expect_logits(found: &[f32], expected: &[f32], what: &str) -> f32 {
    assert_eq!(found.len(), expected.len(), "{what}: as many logits as expected");
    let share = |(a, b): (&f32, &f32)| (a - b).abs() / (LOGIT_BOUND * b.abs().max(LOGIT_FLOOR));
    let worst = found.iter().zip(expected).map(share).fold(0.0, f32::max);
    assert!(worst <= 1.0, "{what}: logits use {worst} of their bound");
    worst
}

/// Rows of logits within their bound; what was removed is removed.
pub(crate) fn expect_rows(found: &[impl AsRef<[f32]>], golden: &Golden, tensor: &str) -> f32 {
    let (shape, expected) = golden.floats(tensor);
    assert_eq!(found.len(), shape[0], "{tensor}: rows");
    let mut worst = 0_f32;
    for (t, (found, expected)) in found.iter().zip(expected.chunks(shape[1])).enumerate() {
        let what = format!("{tensor} of token {t}");
        let removed = |row: &[f32]| row.iter().map(|logit| logit.is_finite()).collect::<Vec<_>>();
        assert_eq!(removed(found.as_ref()), removed(expected), "{what}: what was removed");
        let left = |row: &[f32]| row.iter().copied().filter(|logit| logit.is_finite()).collect::<Vec<_>>();
        worst = worst.max(expect_logits(&left(found.as_ref()), &left(expected), &what));
    }
    worst
}

/// Rows of generated tokens as the trace file has them, **shape** `[T, L, H, width]`, zero beyond each row's keys.
pub(crate) fn padded_rows(rows: &[impl AsRef<AttentionRow>], width: usize) -> Vec<f32> {
    let mut all = Vec::new();
    for row in rows {
        let row = row.as_ref();
        for head in row.to_f32().chunks(row.key_len()) {
            all.extend_from_slice(head);
            all.extend(std::iter::repeat_n(0.0, width - row.key_len()));
        }
    }
    all
}

/// Ids outside of the image, whose placeholders have different ids in different layouts.
pub(crate) fn text_ids(ids: impl Iterator<Item = i64>, span: TokenSpan) -> Vec<i64> {
    ids.enumerate().filter(|(position, _)| !span.contains(*position)).map(|(_, id)| id).collect()
}

pub(crate) fn prompt_ids(trace: &Trace) -> impl Iterator<Item = i64> {
    trace.prompt.iter().map(|token| i64::from(token.id))
}

/// Prompt of the answer against a golden list of ids.
pub(crate) fn expect_prompt(trace: &Trace, expected: Vec<i64>, what: &str) {
    assert_eq!(trace.prompt.len(), expected.len(), "{what}: prompt length");
    let span = trace.image_token_span;
    assert_eq!(text_ids(prompt_ids(trace), span), text_ids(expected.into_iter(), span), "{what}: prompt ids");
}

/// The answer's text: what its ordinary tokens add.
pub(crate) fn text(trace: &Trace) -> String {
    trace.output.iter().filter(|token| !token.special).map(|token| token.text.as_str()).collect()
}

/// Everything of a run but the pixels.
#[expect(clippy::print_stdout, reason = "how much of the bounds is used is worth reading in a test's output")]
pub(crate) fn expect_run(answer: &Answer, golden: &Golden, what: &str) {
    let trace = &answer.trace;
    let span = golden.integers("image_token_span");
    let found_span =
        [trace.image_token_span.start, trace.image_token_span.len].map(|n| i64::try_from(n).expect("small"));
    assert_eq!(found_span.as_slice(), span, "{what}: image token span");
    expect_prompt(trace, golden.integers("prompt_ids"), what);

    let (shape, expected) = golden.floats("vision_cls_attention");
    let vision = trace.vision.as_ref().expect("vision attention");
    let found_shape = [vision.num_hidden_layers, vision.num_attention_heads, vision.num_patches];
    assert_eq!(found_shape.as_slice(), shape, "{what}: shape of the [CLS] attention");
    let cls = largest_difference(&vision.cls_attention, &expected, what);
    assert!(cls <= PROBABILITY_BOUND, "{what}: [CLS] attention differs by {cls}");

    let (shape, expected) = golden.floats("logits");
    let vocab_size = shape[1];
    let mut logits = 0f32;
    for (t, (found, expected)) in answer.extras.logits.iter().zip(expected.chunks(vocab_size)).enumerate() {
        logits = logits.max(expect_logits(found, expected, &format!("{what}, token {t}")));
    }
    let ids: Vec<i64> = trace.output.iter().map(|token| i64::from(token.id)).collect();
    assert_eq!(ids, golden.integers("output_ids"), "{what}: greedy tokens");
    assert_eq!(answer.extras.logits.len(), shape[0], "{what}: rows of logits");
    assert_eq!(text(trace), golden.word("text"), "{what}: text");

    let (shape, expected) = golden.floats("decoder_attention");
    let found_shape = [
        trace.decoder_attention.len(),
        trace.num_hidden_layers,
        trace.num_attention_heads,
        trace.prompt.len() + ids.len(),
    ];
    assert_eq!(found_shape.as_slice(), shape, "{what}: shape of the decoder attention");
    let rows = largest_difference(&padded_rows(&trace.decoder_attention, shape[3]), &expected, what);
    assert!(rows <= PROBABILITY_BOUND, "{what}: decoder attention differs by {rows}");
    println!("{what}: [CLS] {cls:.1e}, decoder attention {rows:.1e}, logits {logits:.1e} of their bound");
}

/// `pixel_values` against Pillow's.
pub(crate) fn expect_pixels(answer: &Answer, spec: &PreprocessSpec, golden: &Golden, what: &str) {
    let (shape, expected) = golden.floats("pixel_values");
    let found = answer.extras.pixel_values.as_ref().expect("pixel values were asked for");
    assert_eq!([3, found.height_px, found.width_px].as_slice(), shape, "{what}: shape of the pixel values");
    let std = spec.image_std.expect("every golden processor normalises");
    let num_exact = found.values.iter().zip(&expected).filter(|(a, b)| (*a - *b).abs() <= PIXEL_EXACT).count();
    let share = num_exact as f64 / expected.len() as f64;
    assert!(share >= PIXEL_EXACT_SHARE, "{what}: {share} of the pixel values are exact");
    let plane = found.height_px * found.width_px;
    for ((found, expected), std) in found.values.chunks(plane).zip(expected.chunks(plane)).zip(std) {
        let worst = f64::from(largest_difference(found, expected, what));
        assert!(worst <= 1.0 / 255.0 / std + 1e-6, "{what}: a pixel value differs by {worst}");
    }
}
