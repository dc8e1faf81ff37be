//! Decoding on tiny random models.

mod generate;
mod inside;
mod interventions;
mod methods;
mod registries;
mod search;
mod strategies;

use super::{ActiveMethod, DecodeError, DecoderPrompt, MethodInfo, Parameters, QuestionContext, Stack, Word, build};
use crate::checkpoint::{Checkpoint, PromptIds};
use crate::geometry::{ImageLayout, ImageSize, PatchGrid, RectPx, Region, RegionKind};
use crate::ids::TokenSpan;
use crate::model::fixtures::{llava, random_tensor};
use crate::model::{Embedded, ImageFeatures, ImagePlace, Llava, VisionLanguageModel};
use std::sync::LazyLock;

/// Nine patches behind two text tokens.
pub(super) const SPAN: TokenSpan = TokenSpan { start: 2, len: 9 };

/// A prompt with an image, as the tiny model takes it.
pub(super) fn image_prompt(model: &Llava) -> (DecoderPrompt, ImageFeatures) {
    let features = model.encode_image(&random_tensor(5, &[3, 12, 12], 1.5), &mut ()).unwrap();
    let ids: Vec<u32> = [1, 7].into_iter().chain([48; 9]).chain([8, 30, 12]).collect();
    let embedded: Embedded = model.embed(&ids, Some(ImagePlace::new(SPAN, &features))).unwrap();
    (DecoderPrompt::new(ids, embedded), features)
}

/// A method of a test that is in no registry.
static TOY: MethodInfo = MethodInfo { id: "toy", ..MethodInfo::NONE };

/// A stack of one method of a test.
pub(super) fn lone(method: impl ActiveMethod + 'static) -> Stack {
    Stack::new(vec![(&TOY, Box::new(method))])
}

pub(super) fn given(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Registered methods in order, with parameters that need no question.
pub(super) fn named(methods: &[(&str, &[(&str, &str)])]) -> Stack {
    let built = methods.iter().map(|(name, parameters)| {
        let (method, active, _) = build(Word::Method, name, &given(parameters)).unwrap();
        (method.info(), active)
    });
    Stack::new(built.collect())
}

/// Any tokenizer: the demo's.
static DEMO: LazyLock<Checkpoint> = LazyLock::new(|| Checkpoint::demo().unwrap());

/// A registered method, prepared for a question about an image of 3 x 3 patches.
pub(super) fn prepared(
    name: &str,
    parameters: &[(&str, &str)],
    span: TokenSpan,
) -> Result<(Box<dyn ActiveMethod>, Parameters), DecodeError> {
    prepared_as(Word::Method, name, parameters, span)
}

/// The same of what `--intervene` means by a name.
pub(super) fn of_intervention(
    name: &str,
    parameters: &[(&str, &str)],
    span: TokenSpan,
) -> Result<(Box<dyn ActiveMethod>, Parameters), DecodeError> {
    prepared_as(Word::Intervention, name, parameters, span)
}

fn prepared_as(
    word: Word,
    name: &str,
    parameters: &[(&str, &str)],
    span: TokenSpan,
) -> Result<(Box<dyn ActiveMethod>, Parameters), DecodeError> {
    static MODEL: LazyLock<Llava> = LazyLock::new(llava);
    let (_, mut active, mut parameters) = build(word, name, &given(parameters))?;
    let prompt = PromptIds { ids: vec![0; 14], image_token_span: span };
    // Patches are the last image tokens.
    let image = ImageSize { width_px: 12, height_px: 12 };
    let region = Region {
        kind: RegionKind::Photo,
        first_token: span.len.saturating_sub(9),
        grid: PatchGrid { rows: 3, cols: 3 },
        row_stride: 3,
        rect_px: Some(RectPx::of(image)),
        encoder: 0,
    };
    let layout = ImageLayout::new(image, span.len.max(9), vec![region]).unwrap();
    let question = QuestionContext {
        model: &*MODEL,
        weight_hash: "",
        tokenizer: &DEMO.tokenizer,
        full_prompt: "",
        prompt: &prompt,
        layout: &layout,
        input_shape: &[3, 12, 12],
        cls_patches: Some(9),
        seed: 1,
        temperature: 0.0,
    };
    active.prepare(&mut parameters, &question)?;
    Ok((active, parameters))
}
