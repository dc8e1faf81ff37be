//! The bundled checkpoints. Ids come from transformers 5.23.0 (tokenizers 0.23.3):
//! `AutoProcessor.from_pretrained(folder)` on `apply_chat_template(...)`, and
//! `AutoTokenizer.from_pretrained(folder)(text, padding="max_length", truncation=True, max_length=32)`.

use super::*;
use crate::checkpoint::{CheckpointKind, ClipCheckpoint};
use crate::ids::TokenSpan;

fn demo() -> Checkpoint {
    Checkpoint::demo().unwrap()
}

#[test]
fn the_demo_opens_without_a_warning() {
    let demo = demo();
    assert_eq!(demo.warnings, Vec::<String>::new(), "the bundled files are in order");
    let CheckpointKind::Llava(config) = &demo.kind else { panic!("the demo is a LLaVA") };
    assert_eq!(
        (config.vision_feature_layers.as_slice(), config.image_seq_length()),
        (&[5][..], 144),
        "layer -2 of 6, 12 x 12 patches"
    );
    assert_eq!(
        (config.eos_token_ids.as_slice(), config.bos_token_id, config.image_token_id),
        (&[2][..], Some(1), 638),
        "ids"
    );
    assert_eq!(demo.notes.suggested_prompts.len(), 6, "the prompts it knows");
    assert!(demo.notes.note.contains("do not carry over"), "the window says what it is");
    assert_eq!(demo.preprocess, crate::geometry::PreprocessSpec::clip(144), "CLIP's steps");
    let sha256sum = "80deb4a9ad090ebcc331d0e20199fb661acc24d0605ae48ea719ecb47d3a308f";
    assert_eq!(demo.weights.weight_hash(), sha256sum, "what sha256sum prints for the bundled file");
}

#[test]
fn the_demo_prompt_has_the_ids_of_transformers() {
    let demo = demo();
    let cases: [(&str, &[u32]); 3] = [
        ("Describe this image in detail.", &[1, 360, 277, 332, 13, 486, 388, 342, 343, 426, 266, 364, 277]),
        (
            "Is there a clock in the image?",
            &[1, 360, 277, 332, 13, 288, 324, 346, 336, 452, 343, 337, 342, 279, 364, 277],
        ),
        (
            "Où est l'été? 日本🙂",
            &[
                1, 360, 277, 332, 13, 294, 198, 188, 332, 348, 325, 332, 317, 261, 198, 172, 325, 198, 172, 279, 332,
                233, 154, 168, 233, 159, 175, 243, 162, 156, 133, 364, 277,
            ],
        ),
    ];
    for (question, expected) in cases {
        let text = demo.template.as_ref().unwrap().render(question).unwrap();
        assert_eq!(text, format!("USER: <image>\n{question} ASSISTANT:"), "the rendered prompt");
        let prompt = demo.tokenizer.encode_prompt(&text, 144).unwrap();
        assert_eq!(prompt.image_token_span, TokenSpan { start: 4, len: 144 }, "where the image is");
        let ids: Vec<u32> = prompt.ids.iter().copied().filter(|id| *id != 638).collect();
        assert_eq!(ids, expected, "{question}");
        assert_eq!(prompt.ids.len(), expected.len() + 144, "one position per image token");
        let pieces = demo.tokenizer.pieces(&prompt.ids).unwrap();
        assert_eq!(pieces.concat(), demo.tokenizer.decode(&prompt.ids).unwrap(), "pieces are the text");
        assert!(pieces[4..148].iter().all(String::is_empty), "image tokens have no text");
    }
}

#[test]
fn a_prompt_that_brings_its_start_token_does_not_get_a_second_one() {
    let demo = demo();
    let prompt = demo.tokenizer.encode_prompt("<s>USER: <image> Q", 144).unwrap();
    assert_eq!(prompt.ids.iter().filter(|id| **id == 1).count(), 1, "one start token: {:?}", &prompt.ids[..5]);
    let prompt = demo.tokenizer.encode_prompt("<image>", 144).unwrap();
    assert_eq!((prompt.ids[0], prompt.image_token_span.start), (1, 1), "the start token stands first");
}

#[test]
fn a_prompt_has_exactly_one_image() {
    let demo = demo();
    for (text, found) in [("USER: hello", 0), ("<image><image>", 2)] {
        let error = demo.tokenizer.encode_prompt(text, 144).unwrap_err().to_string();
        assert_eq!(error, format!("Expected exactly one <image> in the prompt, found {found}"), "{text}");
    }
}

#[test]
fn the_demo_clip_has_the_ids_of_transformers() {
    let clip = ClipCheckpoint::demo().unwrap();
    assert_eq!(clip.warnings, Vec::<String>::new(), "the bundled files are in order");
    let photo = clip.encode_text("A photo of a Dog.").unwrap();
    assert_eq!(&photo.ids[..9], &[723, 320, 519, 520, 320, 558, 269, 724, 724], "lower case, start and end token");
    assert_eq!((photo.ids.len(), photo.len, photo.eot_position, photo.truncated), (32, 8, 7, false), "filled to 32");
    let empty = clip.encode_text("").unwrap();
    assert_eq!((empty.ids[0], empty.eot_position), (723, 1), "an empty text has its two special tokens");
    let long = clip.encode_text(&"red car ".repeat(40)).unwrap();
    assert_eq!(
        (long.ids.len(), long.ids[30], long.ids[31], long.eot_position, long.truncated),
        (32, 652, 724, 31, true),
        "cut"
    );
}

#[test]
fn a_clip_is_not_a_llava_and_the_reverse() {
    let error = ClipCheckpoint::from_checkpoint(demo()).unwrap_err().to_string();
    assert!(error.starts_with("Expected clip for model_type, found llava"), "{error}");
    assert_eq!(ClipCheckpoint::demo().unwrap().config.vision, *demo().vision(), "both have the same vision tower");
}

#[test]
fn a_clip_folder_opens() {
    let folder = Folder::empty();
    folder.write("config.json", include_bytes!("../../../assets/demo/clip/config.json"));
    folder.write("model.safetensors", include_bytes!("../../../assets/demo/clip/model.safetensors"));
    folder.write("tokenizer.json", CLIP_TOKENIZER);
    folder.write("tokenizer_config.json", CLIP_TOKENIZER_CONFIG);
    let clip = ClipCheckpoint::open(folder.path(), &mut |_, _| {}).unwrap();
    assert_eq!(clip.weights.weight_hash(), ClipCheckpoint::demo().unwrap().weights.weight_hash(), "the same file");
    assert_eq!(clip.warnings.len(), 1, "the processor's file is not there: {:?}", clip.warnings);
    assert!(clip.weights.contains("vision_tower.pre_layrnorm.weight"), "canonical names");
    assert!(clip.weights.contains("text_model.final_layer_norm.weight"), "canonical names");
}

#[test]
fn progress_grows_to_one() {
    let folder = Folder::llava(Layout::HfNewest, "F16");
    let mut shares = Vec::new();
    Checkpoint::open(folder.path(), &mut |share, what| shares.push((share, what.to_owned()))).unwrap();
    assert!(shares.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{shares:?}");
    assert!(shares.last().is_some_and(|(share, _)| (share - 1.0).abs() < f32::EPSILON), "{shares:?}");
}
