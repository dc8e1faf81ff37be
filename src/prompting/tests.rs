//! Hand-worked cases, and inputs that divide the published formulas by 0.

use super::normalise::{box_filtered, enhanced, stretched, turned_round};
use super::*;
use crate::analysis::pope::Said;
use crate::data::Photo;
use crate::data::pope::Label;
use crate::geometry::{Framing, ImageSize, ModelView, PatchGrid, PreprocessSpec, RectPx, Resample, ResizeTo};

fn grid(rows: usize, cols: usize) -> PatchGrid {
    PatchGrid { rows, cols }
}

/// A view that covers the whole photo.
fn view(rows: usize, cols: usize, width_px: u32, height_px: u32) -> ModelView {
    let rect_px = RectPx { x0: 0.0, y0: 0.0, x1: f64::from(width_px), y1: f64::from(height_px) };
    ModelView { image: ImageSize { width_px, height_px }, rect_px, grid: grid(rows, cols), framing: Framing::Crop }
}

/// Two layers on 2 x 2 patches; the second has nothing.
fn clip(contributions: [f32; 4], similarities: [f32; 4]) -> Attribution {
    let maps = ClipMaps {
        num_layers: 2,
        contributions: [contributions, [0.0; 4]].concat(),
        similarities: [similarities, [0.0; 4]].concat(),
        last_cosines: vec![0.5, 0.25, 0.0, -0.5],
    };
    Attribution { view: view(2, 2, 4, 4), maps: Maps::Clip(maps) }
}

/// One layer, as many tokens as rows.
fn llava(rows: &[[f32; 4]]) -> Attribution {
    let attention = rows.concat();
    let maps = LlavaMaps { num_layers: 1, num_tokens: rows.len(), image_attention: attention.clone(), attention };
    Attribution { view: view(2, 2, 4, 4), maps: Maps::Llava(maps) }
}

fn close(found: &[f64], expected: &[f64]) {
    let near = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
    assert!(near, "expected {expected:?}, found {found:?}");
}

fn plain() -> PromptOptions {
    PromptOptions { kernel: 1, enhance: 1.0, resample: Resample::Nearest, ..PromptOptions::default() }
}

#[test]
fn maps_are_stretched_to_their_ends() {
    close(&stretched(&[1.0, 3.0, 2.0]).expect("differences"), &[0.0, 1.0, 0.5]);
    close(&turned_round(&[1.0, 3.0, 2.0]).expect("differences"), &[1.0, 0.0, 0.5]);
    // Stretched to 0, 1, 1/2: mean 1/2, unbiased deviation 1/2.
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    close(&enhanced(&[1.0, 3.0, 2.0], 2.0).expect("differences"), &[sigmoid(-2.0), sigmoid(2.0), 0.5]);
    for flat in [&[][..], &[4.0], &[4.0, 4.0, 4.0], &[1.0, 1.0 + 1e-12]] {
        assert_eq!(stretched(flat), None, "nothing to stretch: {flat:?}");
        assert_eq!(enhanced(flat, 5.0), None, "nothing to enhance: {flat:?}");
    }
}

#[test]
fn the_box_filter_repeats_the_edge() {
    let values = [0.0, 9.0, 0.0, 0.0, 0.0, 0.0];
    // Three columns: (0 + 0 + 9) / 3, (0 + 9 + 0) / 3, (9 + 0 + 0) / 3; two rows, the first of them counted twice for
    // itself.
    let expected = [2.0, 2.0, 2.0, 1.0, 1.0, 1.0];
    close(&box_filtered(&values, grid(2, 3), 3), &expected);
    close(&box_filtered(&values, grid(2, 3), 1), &values);
    // By far larger than the map: every patch sees both edges alike.
    let far = box_filtered(&[0.0, 1.0, 5.0, 8.0], grid(1, 4), 1_000_001);
    assert!(far.iter().all(|mean| (mean - 4.0).abs() < 1e-4), "half the first, half the last: {far:?}");
    assert!(box_filtered(&[0.0, 1.0], grid(1, 2), usize::MAX).iter().all(|mean| mean.is_finite()), "no overflow");
}

#[test]
fn clip_keeps_what_counts_or_is_unlike_the_query() {
    // Patch 0 counts, patches 1 to 3 do not; patches 0 and 3 resemble the query.
    let attribution = clip([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]);
    let options = PromptOptions { enhance: 1000.0, ..plain() };
    let mask = grid_mask(&attribution, &options).expect("a mask");
    assert_eq!(mask.values, [1.0, 1.0, 1.0, 0.0], "only what looks like the query and says nothing goes dark");
    assert_eq!(mask.levels(), [255, 255, 255, 0], "the same in 8 bits");
}

#[test]
fn the_paper_s_formula_adds_layers_and_takes_the_cosine() {
    let mut attribution = clip([1.0, 0.0, 0.0, 0.0], [0.0; 4]);
    if let Maps::Clip(maps) = &mut attribution.maps {
        maps.contributions[5] = 1.0;
    }
    let sum = attribution.map(Some(0), Formula::Paper).expect("a map");
    assert_eq!(sum, [1.0, 1.0, 0.0, 0.0], "both layers");
    assert_eq!(attribution.map(Some(1), Formula::Paper).expect("a map"), [0.0, 1.0, 0.0, 0.0], "the last alone");
    assert_eq!(attribution.map(None, Formula::Official).expect("a map"), [1.0, 0.0, 0.0, 0.0], "last but one");
    let options = PromptOptions { formula: Formula::Paper, enhance: 1000.0, layer_idx: Some(0), ..plain() };
    // A = 1, 1, 0, 0; B = 0.5, 0.75, 1, 1.5; A + B - AB = 1, 1, 1, 1.5: stretched.
    assert_eq!(grid_mask(&attribution, &options).expect("a mask").values, [0.0, 0.0, 0.0, 1.0], "hand-worked");
}

#[test]
fn llava_s_mask_is_the_mean_over_tokens() {
    let attribution = llava(&[[0.0, 0.2, 0.0, 0.0], [0.0, 0.2, 0.4, 0.0]]);
    assert_eq!(attribution.map(None, Formula::Official).expect("a map"), [0.0, 0.2, 0.2, 0.0], "mean");
    let one = attribution.of_tokens(1..2).expect("a token");
    assert_eq!(one.map(None, Formula::Paper).expect("a map"), [0.0, 0.2, 0.4, 0.0], "that token alone");
    for wrong in [0..3, 2..2, 5..9] {
        assert!(matches!(attribution.of_tokens(wrong), Err(PromptingError::Tokens { count: 2, .. })), "no such tokens");
    }
    let options = PromptOptions { enhance: 1000.0, ..plain() };
    assert_eq!(grid_mask(&attribution, &options).expect("a mask").values, [0.0, 1.0, 1.0, 0.0], "no second stretch");
}

#[test]
fn a_map_without_differences_darkens_nothing() {
    for attribution in [clip([2.0; 4], [3.0; 4]), llava(&[[0.25; 4]]), llava(&[[0.0; 4]])] {
        let mask = grid_mask(&attribution, &PromptOptions::default()).expect("a mask");
        assert!(mask.is_flat && mask.values == [1.0; 4], "the photo stays: {mask:?}");
    }
    let half = clip([2.0; 4], [3.0, 2.0, 1.0, 1.0]);
    let mask = grid_mask(&half, &plain()).expect("a mask");
    assert_eq!((mask.is_flat, mask.values), (false, vec![0.0, 0.5, 1.0, 1.0]), "one of two maps is enough");
    let alike = PromptOptions { enhance: 0.0, ..plain() };
    assert!(grid_mask(&llava(&[[0.1, 0.2, 0.3, 0.4]]), &alike).expect("a mask").is_flat, "not a half everywhere");
}

#[test]
fn what_cannot_be_is_said() {
    let attribution = clip([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]);
    let refusal = |options: PromptOptions| grid_mask(&attribution, &options).expect_err("refused").to_string();
    assert!(refusal(PromptOptions { kernel: 4, ..plain() }).contains("odd kernel size from 1, found 4"), "even");
    assert!(refusal(PromptOptions { kernel: 0, ..plain() }).contains("found 0"), "none");
    assert!(refusal(PromptOptions { enhance: f64::NAN, ..plain() }).contains("found NaN"), "no number");
    assert!(refusal(PromptOptions { enhance: -1.0, ..plain() }).contains("found -1"), "turned round");
    assert!(refusal(PromptOptions { layer_idx: Some(2), ..plain() }).contains("layer below 2, found 2"), "no layer");
    let broken = clip([1.0, f32::NAN, 0.0, 0.0], [0.0; 4]);
    let found = grid_mask(&broken, &plain());
    assert!(matches!(found, Err(PromptingError::NotFinite { patch_idx: 1, .. })), "no number: {found:?}");
    let mut short = attribution;
    if let Maps::Clip(maps) = &mut short.maps {
        maps.similarities.pop();
    }
    assert!(matches!(grid_mask(&short, &plain()), Err(PromptingError::Size { .. })), "too few values");
    let empty = Attribution { view: view(0, 0, 4, 4), maps: llava(&[]).maps };
    assert!(matches!(grid_mask(&empty, &plain()), Err(PromptingError::Size { .. })), "no patches");
}

#[test]
fn pixels_are_mixed_and_truncated() {
    // 200 * 128 / 255 + 10 * 127 / 255 = 105.37
    assert_eq!(blend(&[200, 0, 255], &[128], 10), [105, 4, 132], "hand-worked");
    assert_eq!(blend(&[7, 8, 9, 7, 8, 9], &[255, 0], 3), [7, 8, 9, 3, 3, 3], "all and nothing");
    assert_eq!(blend(&[], &[], 0), [0_u8; 0], "nothing to mix");
}

#[test]
fn the_smallest_photos_are_prompted() {
    for (width_px, height_px) in [(1, 1), (1, 9), (9, 1), (2, 3)] {
        let size = width_px as usize * height_px as usize;
        let photo = Photo::from_rgb(width_px, height_px, vec![100; size * 3]).expect("a photo");
        for framing in [Framing::Crop, Framing::Pad] {
            let spec = PreprocessSpec { framing, ..PreprocessSpec::clip(28) };
            let view = ModelView::new(photo.size(), &spec, 14);
            let attribution = Attribution { view, ..clip([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]) };
            for geometry in MaskGeometry::ALL {
                for resample in [Resample::Lanczos, Resample::Bicubic, Resample::Bilinear, Resample::Nearest] {
                    for kernel in [1, 3, 99] {
                        let options = PromptOptions { kernel, resample, geometry, ..PromptOptions::default() };
                        let prompted = prompt_image(&photo, &attribution, &options).expect("a prompted photo");
                        assert_eq!((prompted.mask.len(), prompted.rgb.len()), (size, size * 3), "{options:?}");
                    }
                }
            }
        }
    }
    let one = Attribution {
        view: view(1, 1, 4, 4),
        maps: Maps::Llava(LlavaMaps { num_layers: 1, num_tokens: 1, attention: vec![1.0], image_attention: vec![1.0] }),
    };
    assert!(grid_mask(&one, &PromptOptions::default()).expect("a mask").is_flat, "one patch differs from nothing");
}

fn mask_of(view: &ModelView, levels: [f32; 4], size: ImageSize, geometry: MaskGeometry) -> Vec<u8> {
    let mask = GridMask { grid: grid(2, 2), values: levels.to_vec(), is_flat: false };
    photo_mask(&mask, view, size, Resample::Nearest, geometry).expect("a mask")
}

#[test]
fn an_aligned_mask_lies_on_what_the_model_saw() {
    let size = ImageSize { width_px: 4, height_px: 2 };
    let spec =
        |framing| PreprocessSpec { framing, resize: Some(ResizeTo::ShortestEdge(28)), ..PreprocessSpec::clip(28) };
    let cropped = ModelView::new(size, &spec(Framing::Crop), 14);
    let levels = [0.0, 0.2, 0.4, 0.6];
    let official = mask_of(&cropped, levels, size, MaskGeometry::Official);
    assert_eq!(official, [0, 0, 51, 51, 102, 102, 153, 153], "stretched over borders that the model did not see");
    let aligned = mask_of(&cropped, levels, size, MaskGeometry::Aligned);
    assert_eq!(aligned, [255, 0, 51, 255, 255, 102, 153, 255], "the borders stay");
    let padded = ModelView::new(size, &spec(Framing::Pad), 14);
    let aligned = mask_of(&padded, levels, size, MaskGeometry::Aligned);
    assert_eq!(aligned, [0, 0, 51, 51, 102, 102, 153, 153], "what lies on the padding is left out");
    let larger = ImageSize { width_px: 8, height_px: 4 };
    let row = mask_of(&cropped, levels, larger, MaskGeometry::Aligned);
    assert_eq!(row[..8], [255, 255, 0, 0, 51, 51, 255, 255], "another size of the same photo");
}

#[test]
fn an_object_is_found_in_a_question() {
    for (query, object) in [
        ("Is there a dog in the image?", Some("dog")),
        ("is there an Umbrella in the imange?", Some("Umbrella")),
        ("Are there any people in the picture?", Some("people")),
        ("Does the image contain a fire hydrant?", Some("fire hydrant")),
        ("Can you see a sports ball in the image?", Some("sports ball")),
        ("a photo of an umbrella", Some("umbrella")),
        ("dog", Some("dog")),
        (" fire hydrant ", Some("fire hydrant")),
        ("What color is the car?", None),
        ("Describe this image in detail.", None),
        ("Is there a ?", None),
        ("?", None),
        ("\u{130}s there a dog?", None),
        ("is there a d\u{e9}j\u{e0} vu in the image?", Some("d\u{e9}j\u{e0} vu")),
    ] {
        assert_eq!(object_of(query).as_deref(), object, "{query}");
    }
    assert_eq!(clip_pre_output_texts("bus"), ["photo of buss", "photo of no buss"], "the published plural");
}

#[test]
fn a_pre_output_is_right_or_wrong_where_it_says_something() {
    let yes = PreOutput::of_probability("dog".to_owned(), 0.5);
    assert_eq!(
        (yes.said, yes.is_right(Label::Yes), yes.is_right(Label::No)),
        (Said::Yes, Some(true), Some(false)),
        "half"
    );
    assert_eq!(PreOutput::of_probability("dog".to_owned(), 0.49).said, Said::No, "below");
    assert_eq!(PreOutput::of_answer("No, there is none.".to_owned()).is_right(Label::No), Some(true), "first word");
    assert_eq!(PreOutput::of_answer("A park.".to_owned()).is_right(Label::No), None, "neither");
}

#[test]
fn a_file_of_maps_can_be_read_by_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.safetensors");
    let attribution = clip([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]);
    let mask = grid_mask(&attribution, &plain()).expect("a mask");
    let map = attribution.map(None, Formula::Official).expect("a map");
    let run = serde_json::json!({"query": "a \u{e9} \u{1f415}"});
    let write = || file::write_attribution(&path, &attribution, 0, &map, &mask, &run).expect("written");
    write();
    let bytes = std::fs::read(&path).expect("readable");
    write();
    assert_eq!(std::fs::read(&path).ok(), Some(bytes.clone()), "the same bytes again");
    let read = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let view = read.tensor("attribution").expect("the map");
    assert_eq!(view.shape(), [2, 2], "rows and columns");
    assert_eq!(view.data(), map.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(), "its values");
    assert_eq!(read.tensor("contributions").expect("all layers").shape(), [2, 2, 2], "layers, rows, columns");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
    let metadata = header.metadata().clone().expect("metadata");
    assert_eq!(metadata.get("format").map(String::as_str), Some("gazelens-attribution"), "its name");
    assert!(metadata.get("run").is_some_and(|run| run.contains("query")), "what it was made with: {metadata:?}");
}

#[test]
fn a_pre_output_is_cited_with_its_numbers_and_nothing_is_concluded() {
    let clip = |yes| PreOutput::of_probability("dog".to_owned(), yes);
    let llava = |text: &str| PreOutput::of_answer(text.to_owned());
    let right = "CLIP is right about this photo. In Tomita et al. (Table 1) accuracy was higher on such questions \
        (89.4 against 82.5 %)";
    assert_eq!(citation(&clip(0.9), Source::Clip, Label::Yes), right, "right");
    assert_eq!(citation(&clip(0.1), Source::Clip, Label::No), right, "right about what is not there, too");
    let wrong = "In Tomita et al. (Table 1) accuracy was lower on such questions (82.5 against 89.4 %)";
    let expected = format!("CLIP is wrong about this photo: “dog” is not in it. {wrong}");
    assert_eq!(citation(&clip(0.9), Source::Clip, Label::No), expected, "seen, not there");
    let expected = format!("CLIP is wrong about this photo: “dog” is in it. {wrong}");
    assert_eq!(citation(&clip(0.1), Source::Clip, Label::Yes), expected, "there, not seen");
    let said = citation(&llava("Yes, there is."), Source::Llava, Label::Yes);
    assert!(said.starts_with("LLaVA is right about this photo. In Tomita et al. (Table 1)"), "{said}");
    assert!(said.contains("higher on such questions (89.6 against 43.1 %)"), "its own row: {said}");
    assert!(said.contains("this split is circular"), "its pre-output is its own answer: {said}");
    let said = citation(&llava("No."), Source::Llava, Label::Yes);
    assert!(said.contains("wrong about this photo: the right answer is yes."), "{said}");
    assert!(said.contains("lower on such questions (43.1 against 89.6 %)") && said.contains("circular"), "{said}");
    let neither = citation(&llava("A beach."), Source::Llava, Label::Yes);
    assert_eq!(neither, "LLaVA says neither yes nor no: that is neither right nor wrong", "no numbers for that");
    for text in [right, &said, TABLE_1] {
        assert!(!text.contains("help") && !text.contains("hurt"), "no advice: {text}");
    }
}

#[test]
fn a_yes_no_question_is_known_by_its_form_whatever_follows_it() {
    for (question, object) in [
        ("Is there a bus in the image?", Some("bus")),
        ("Is there a bus in the image? Please answer this question with one word.", Some("bus")),
        ("Can you see an umbrella in the image? Please only answer yes or no.", Some("umbrella")),
        ("Describe this image.", None),
        ("bus", None),
        ("a photo of a bus", None),
    ] {
        assert_eq!(asked_object(question).as_deref(), object, "{question}");
    }
}
