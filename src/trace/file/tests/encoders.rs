//! Vision encoders: several of them, and those without `[CLS]`.

use super::*;

#[test]
fn several_encoders_with_and_without_cls_read_back_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let (mut trace, extras) = sample(RowPrecision::F32);
    let first = trace.vision.clone().expect("made with it");
    let received = VisionAttention {
        num_patches: 3,
        cls_attention: Vec::new(),
        received_attention: vec![0.125; 6],
        patch_norms: vec![2.5; 6],
        cls_unsplit: Vec::new(),
        feature_layer_idx: 0,
        ..(*first).clone()
    };
    trace.further_vision = vec![Arc::new(received), Arc::clone(&first)];
    write_trace(&path, &trace, &extras).expect("a consistent trace is written");
    let bytes = std::fs::read(&path).expect("just written");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
    for (name, is_there) in [
        ("vision_cls_attention", true),
        ("vision_received_attention.1", true),
        ("vision_patch_norms.1", true),
        ("vision_cls_attention.1", false),
        ("vision_cls_attention.2", true),
    ] {
        assert_eq!(tensors.tensor(name).is_ok(), is_there, "{name}");
    }
    assert_same(&trace, &TraceFile::read(&path).expect("and can be read").trace);

    trace.vision = None;
    let why = write_trace(&path, &trace, &extras).expect_err("others than the first stand alone").to_string();
    assert!(why.contains("the first among them"), "{why}");
}

#[test]
fn an_encoder_without_cls_has_the_attention_received_in_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let (mut trace, extras) = without_decoder();
    let mut vision = (**trace.vision.as_ref().expect("made with it")).clone();
    vision.received_attention = std::mem::take(&mut vision.cls_attention);
    vision.cls_unsplit.clear();
    trace.vision = Some(Arc::new(vision));
    write_trace(&path, &trace, &extras).expect("a consistent trace is written");
    let found = TraceFile::read(&path).expect("and can be read").trace.vision.expect("written with it");
    assert!(!found.has_cls() && found.cls_attention.is_empty(), "it is known as what it is");
    assert_eq!(found.rows(), trace.vision.as_ref().expect("made with it").rows(), "with its values");
}
