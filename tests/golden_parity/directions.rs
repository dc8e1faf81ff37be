//! Directions of VTI are what PyTorch makes of the same captions and masks (`tests/golden/directions.py`).

use crate::compare::largest_difference;
use crate::reference::Golden;
use crate::{golden_folder, open};
use gazelens::engine::{CaptionPair, EngineError, ModelSource, vti_directions};
use std::sync::atomic::AtomicBool;

/// Of f32 hidden states of size 1; a component of a few photos' differences has a tenth of their digits.
const BOUND: f32 = 1e-3;

#[test]
fn directions_are_what_captions_and_masks_change() {
    let golden = Golden::open(&golden_folder().join("directions.safetensors"));
    let folder = golden_folder().join(golden.word("checkpoint"));
    let model = open(ModelSource::Folder(folder.join("checkpoint")));
    let pairs = golden.list("pairs").iter().map(|pair| {
        let caption = |idx: usize| pair[idx].as_str().expect("a caption").to_owned();
        let (image, question) = (folder.join("photo.png"), golden.word("question").to_owned());
        CaptionPair { image, question, right: caption(0), wrong: caption(1) }
    });
    let pairs: Vec<CaptionPair> = pairs.collect();
    let number = |name: &str| golden.words()[name].as_u64().expect("a number");
    let masks = usize::try_from(number("masks")).expect("small");
    let (mut done, go_on) = (Vec::new(), AtomicBool::new(false));
    let made = vti_directions(&model, &pairs, (masks, number("seed")), &mut |count| done.push(count), &go_on);
    let made = made.expect("directions");
    assert_eq!(done, (1..=pairs.len()).collect::<Vec<_>>(), "pair by pair");

    let (shape, expected) = golden.floats("text");
    assert_eq!(made.text.shape, [shape[0], 1, shape[1]], "layers and width");
    let text = largest_difference(&made.text.values, &expected, "text");
    let (shape, expected) = golden.floats("vision");
    let vision = made.vision.expect("a square photo");
    assert_eq!(vision.shape.as_slice(), shape, "layers, tokens and width");
    let seen = largest_difference(&vision.values, &expected, "vision");
    println!("directions: text {text:.1e}, vision {seen:.1e}");
    assert!(text < BOUND && seen < BOUND, "text differs by {text}, vision by {seen}");
    let share = golden.words()["text_variance_share"].as_f64().expect("a share");
    assert!((made.text_variance_share - share).abs() < 1e-4, "{} is not {share}", made.text_variance_share);

    let without = vti_directions(&model, &pairs[..1], (0, 1), &mut |_| {}, &go_on).expect("directions");
    assert!(without.vision.is_none(), "no masks");
    let stopped = vti_directions(&model, &pairs, (masks, 1), &mut |_| {}, &AtomicBool::new(true));
    let stopped = stopped.expect_err("stopped");
    assert!(matches!(stopped, EngineError::Cancelled), "within a layer: {stopped}");
}
