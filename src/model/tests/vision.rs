//! The vision tower, the projector, CLIP.

use super::Recorder;
use crate::checkpoint::{FeatureSelect, LlavaConfig};
use crate::ids::TokenSpan;
use crate::model::fixtures::{RandomWeights, clip, llava, llava_config, max_diff, random_tensor};
use crate::model::vision::flatten_patches;
use crate::model::{Llava, ModelError, Tower};
use candle_core::{DType, Device, Tensor};

fn pixels() -> Tensor {
    random_tensor(5, &[3, 12, 12], 1.5)
}

fn llava_with(config: &LlavaConfig) -> Llava {
    Llava::load(&RandomWeights::default(), config, DType::F32, &Device::Cpu).unwrap()
}

#[test]
fn hidden_states_start_with_the_embeddings() {
    let model = llava();
    let states = model.vision().hidden_states(&pixels(), &[0, 1, 2, 3], 0, &mut ()).unwrap();
    assert_eq!(states.len(), 4, "embeddings and three layers");
    let mut seen = Recorder::default();
    model.vision().hidden_states(&pixels(), &[], 0, &mut seen).unwrap();
    for (layer_idx, (site, hidden)) in seen.hidden.iter().enumerate() {
        assert_eq!((site.tower, site.layer_idx), (Tower::Vision, layer_idx), "layers in order");
        assert!(max_diff(hidden, &states[layer_idx + 1]) == 0.0, "entry k is the output of layer k - 1");
    }
    assert!(max_diff(&states[0], &states[1]) > 1e-3, "entry 0 is before the first layer");
}

#[test]
fn vision_stops_after_the_feature_layer_unless_watched() {
    /// Wants one layer and counts how often it is asked about cancelling, which happens once a layer.
    struct Counter {
        watch: Option<usize>,
        layers: std::cell::Cell<usize>,
    }
    impl crate::model::Probe for Counter {
        fn wants_probs(&self, site: &crate::model::Site) -> bool {
            Some(site.layer_idx) == self.watch
        }
        fn cancelled(&self) -> bool {
            self.layers.set(self.layers.get() + 1);
            false
        }
    }
    let model = llava();
    let layers_run = |entries: &[usize], watch| {
        let mut counter = Counter { watch, layers: std::cell::Cell::new(0) };
        model.vision().hidden_states(&pixels(), entries, 0, &mut counter).unwrap();
        counter.layers.get()
    };
    assert_eq!(layers_run(&[2], None), 2, "entry 2 needs two layers");
    assert_eq!(layers_run(&[2], Some(2)), 3, "the last layer is watched");
    assert_eq!(layers_run(&[2], Some(0)), 2, "watching an early layer costs nothing");
    assert_eq!(layers_run(&[0], None), 0, "the embeddings need none");
}

#[test]
fn vision_attention_rows_sum_to_one() {
    let mut seen = Recorder::default();
    llava().encode_image(&pixels(), &mut seen).unwrap();
    assert_eq!(seen.probs.len(), 3, "every layer of the tower");
    for (_, probs) in &seen.probs {
        assert_eq!(probs.dims(), [2, 10, 10], "heads, [CLS] and nine patches");
        let sums = probs.sum(2).unwrap();
        assert!(max_diff(&sums, &sums.ones_like().unwrap()) < 1e-5, "rows sum to one");
    }
}

#[test]
fn patch_embedding_equals_the_convolution() {
    // A pixel more than whole patches fill, which both leave out.
    let pixels = random_tensor(5, &[3, 13, 13], 1.5);
    let weight = random_tensor(6, &[16, 3, 4, 4], 0.3);
    let conv = pixels.unsqueeze(0).unwrap().conv2d(&weight, 0, 4, 1, 1).unwrap();
    let conv = conv.flatten_from(2).unwrap().squeeze(0).unwrap().t().unwrap().contiguous().unwrap();
    let rows = flatten_patches(&pixels, 4).unwrap();
    let product = rows.matmul(&weight.reshape((16, 48)).unwrap().t().unwrap()).unwrap();
    assert!(max_diff(&conv, &product) < 1e-5, "row-major patches, channels first within a patch");
}

#[test]
fn feature_layers_are_concatenated_and_cls_kept_on_request() {
    let base = llava_config();
    let one = llava().encode_image(&pixels(), &mut ()).unwrap();
    assert_eq!(one.vision[0].dims(), [9, 16], "patches only");
    assert_eq!(one.projected.dims(), [9, 24], "as wide as the decoder");

    let full = LlavaConfig { vision_feature_select: FeatureSelect::Full, ..base.clone() };
    let features = llava_with(&full).encode_image(&pixels(), &mut ()).unwrap();
    assert_eq!(features.num_tokens(), full.image_seq_length(), "[CLS] and patches");
    assert!(max_diff(&features.vision[0].narrow(0, 1, 9).unwrap(), &one.vision[0]) == 0.0, "[CLS] comes first");

    let several = LlavaConfig { vision_feature_layers: vec![1, 2], ..base };
    let features = llava_with(&several).encode_image(&pixels(), &mut ()).unwrap();
    assert_eq!(features.vision[0].dims(), [9, 32], "two layers side by side");
    assert!(
        max_diff(&features.vision[0].narrow(1, 16, 16).unwrap(), &one.vision[0]) == 0.0,
        "in the order of the list"
    );
}

#[test]
fn image_features_stand_where_the_span_says() {
    let model = llava();
    let features = model.encode_image(&pixels(), &mut ()).unwrap();
    // The placeholder may lie outside the vocabulary.
    let ids: Vec<u32> = [1, 7].into_iter().chain([999; 9]).chain([8]).collect();
    let span = TokenSpan { start: 2, len: 9 };
    let prompt = model.embed_prompt(&ids, Some((span, &features))).unwrap();
    assert_eq!(prompt.dims(), [12, 24], "one row a position");
    assert!(max_diff(&prompt.narrow(0, 2, 9).unwrap(), &features.projected) == 0.0, "image rows");
    let text = model.decoder().embed(&[1, 7, 8]).unwrap();
    assert!(max_diff(&prompt.narrow(0, 0, 2).unwrap(), &text.narrow(0, 0, 2).unwrap()) == 0.0, "text before");
    assert!(max_diff(&prompt.narrow(0, 11, 1).unwrap(), &text.narrow(0, 2, 1).unwrap()) == 0.0, "text after");

    for span in [TokenSpan { start: 2, len: 8 }, TokenSpan { start: 4, len: 9 }] {
        let err = model.embed_prompt(&ids, Some((span, &features))).unwrap_err();
        assert!(matches!(err, ModelError::ImageSpan { .. }), "{span:?} does not fit: {err}");
    }
    let ids: Vec<u32> = [0; 9].into_iter().chain([3, 70]).collect();
    let err = model.embed_prompt(&ids, Some((TokenSpan { start: 0, len: 9 }, &features))).unwrap_err();
    assert!(matches!(err, ModelError::TokenOutOfRange { id: 70, position: 10, .. }), "positions of the prompt: {err}");
}

#[test]
fn pixel_values_of_another_size_are_refused() {
    let err = llava().encode_image(&random_tensor(1, &[3, 12, 13], 1.0), &mut ()).unwrap_err();
    let expected = "Expected pixel values of shape [3, 12, 12], found [3, 12, 13]";
    assert_eq!(err.to_string(), expected, "both shapes are named");
}

#[test]
fn clip_similarity_is_a_scaled_cosine() {
    let model = clip();
    let mut seen = Recorder::default();
    let image = model.image_embedding(&pixels(), &mut seen).unwrap();
    assert_eq!(seen.probs.len(), 3, "the probe sees the image tower");
    let text = model.text_embedding(&[28, 3, 4, 29]).unwrap();
    assert_eq!((image.dims(), text.dims()), (&[8usize][..], &[8usize][..]), "one shared space");
    let itself = model.similarity(&image, &image).unwrap();
    assert!((itself - model.logit_scale()).abs() < 1e-4, "a cosine of one");
    let scaled = (&text * 3.0).unwrap();
    let (a, b) = (model.similarity(&image, &text).unwrap(), model.similarity(&image, &scaled).unwrap());
    assert!((a - b).abs() < 1e-4, "length does not matter");
    let padded = model.text_embedding(&[28, 3, 4, 29, 29, 29]).unwrap();
    assert!(max_diff(&text, &padded) < 1e-5, "what follows the end token does not matter");
    let nothing = text.zeros_like().unwrap();
    let err = model.similarity(&image, &nothing).unwrap_err().to_string();
    assert_eq!(err, "Expected a finite image-text similarity, found NaN", "a direction is needed");
    assert!(model.text_embedding(&[1; 11]).is_err(), "more tokens than positions");
    assert!(model.text_embedding(&[]).is_err(), "no tokens");
}
