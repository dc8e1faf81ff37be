//! Prompts of the other branch.

use super::{SPAN, given, image_prompt};
use crate::decode::{BranchContext, ClsRow, DecodeError, DecoderPrompt, Word, build};
use crate::model::fixtures::{llava, random_tensor};
use crate::model::{ImagePlace, Llava};
use candle_core::Tensor;

/// Prompt of the other branch of a strategy; its image, if it has one of its own, is the photo's once more.
fn other(
    model: &Llava,
    spec: &str,
    parameters: &[(&str, &str)],
    cls: Option<ClsRow<'_>>,
) -> Result<DecoderPrompt, DecodeError> {
    let (prompt, features) = image_prompt(model);
    let pixel_values = random_tensor(5, &[3, 12, 12], 1.5);
    let context = BranchContext {
        model,
        ids: &prompt.ids,
        image: Some(ImagePlace::new(SPAN, &features)),
        pixel_values: Some(&pixel_values),
        cls,
        seed: 1,
        first_branch_idx: 1,
    };
    let (_, mut active, _) = build(Word::Strategy, spec, &given(parameters))?;
    let mut prompts = active.branches(&context, &mut |seen: &Tensor| {
        assert_eq!(seen.dims(), pixel_values.dims(), "an input of the model's shape");
        Ok(features.clone())
    })?;
    assert_eq!(prompts.len(), 1, "one other branch");
    Ok(prompts.remove(0))
}

fn rows(prompt: &DecoderPrompt) -> Vec<Vec<f32>> {
    prompt.embeddings.to_vec2().expect("rows")
}

#[test]
fn outliers_stand_in_the_place_of_the_image_without_gaps() {
    let model = llava();
    let ordinary = rows(&image_prompt(&model).0);
    let unsplit = [0.1, 0.0, 0.3, 0.0, 0.0, 0.2, 0.0, 0.0, 0.4];
    let heads = [0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 0.1, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let cls = Some(ClsRow { unsplit: &unsplit, heads: &heads });
    for (variant, patches) in [("unsplit", [8, 2, 5]), ("mean", [3, 0, 7])] {
        let prompt = other(&model, "damro", &[("k", "3"), ("cls", variant)], cls).unwrap();
        assert_eq!(prompt.ids, [1, 7, 48, 48, 48, 8, 30, 12], "three image tokens, the text behind moves up");
        let expected: Vec<usize> =
            [0, 1].into_iter().chain(patches.map(|patch| 2 + patch)).chain([11, 12, 13]).collect();
        let expected: Vec<_> = expected.into_iter().map(|position| ordinary[position].clone()).collect();
        assert_eq!(rows(&prompt), expected, "{variant}: in descending attention, as they were projected");
    }
}

#[test]
fn outliers_need_an_encoder_with_cls() {
    let err = other(&llava(), "damro", &[("k", "3")], None).map(|_| ()).unwrap_err();
    assert_eq!(err.to_string(), "Expected a vision encoder with a [CLS] token for damro, found one without", "named");
}

#[test]
fn a_branch_without_the_image_keeps_every_word() {
    let model = llava();
    for spec in ["pai-cfg", "m3id"] {
        let prompt = other(&model, spec, &[], None).unwrap();
        assert_eq!(prompt.ids, [1, 7, 8, 30, 12], "{spec}: the text alone");
        assert_eq!(prompt.embeddings.dims(), [5, 24], "{spec}: a row for each");
    }
}

#[test]
fn a_noised_image_keeps_every_position() {
    let model = llava();
    let (ordinary, _) = image_prompt(&model);
    let prompt = other(&model, "vcd", &[], None).unwrap();
    assert_eq!(prompt.ids, ordinary.ids, "the same prompt");
    assert_eq!(rows(&prompt), rows(&ordinary), "the encoder's answer stands in the image's place");
}
