//! What a figure is made of besides a trace: photos without a question, annotations, maps, typefaces. And two answers
//! at once.

use super::figure_subjects::{HEADS, LAYERS, PHOTO, SIDE, WORDS, bytes, decoder, open, trace};
use super::{folder, gazelens, one_sentence, path, stderr};
use gazelens::figure::recipe::{
    Colour, FileInput, Layout, MapSpec, Panel, PromptSpec, Scale, Show, Tokens, Truth, Typeface,
};
use gazelens::figure::resolve::Content;
use gazelens::figure::{
    DEMO_ANNOTATIONS, Figure, Format, Given, Inputs, Mismatches, Recipe, demo_annotations, file_input, font_input,
    photo_input,
};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const CJK: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
const DEJAVU: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

fn map(map: MapSpec) -> Panel {
    Panel::new(Show::Map { map, outline: None, grid_lines: false })
}

#[test]
fn two_answers_differ_panel_by_panel_as_their_maps_do() {
    let (first, second) = (trace(&WORDS, [LAYERS, HEADS, SIDE], 7), trace(&WORDS, [LAYERS, HEADS, SIDE], 8));
    let mut recipe = Recipe::new(Layout::default(), Colour { scale: Scale::Shared, ..Colour::default() });
    recipe.add_trace("a", &first, None);
    recipe.add_trace("b", &second, None);
    let other = || {
        let mut other = decoder(Tokens::default());
        if let MapSpec::Decoder { of, .. } = &mut other {
            "b".clone_into(of);
        }
        other
    };
    recipe.panels = vec![
        map(decoder(Tokens::default())),
        map(other()),
        Panel::new(Show::Difference { first: decoder(Tokens::default()), second: other() }),
    ];
    let mut given = Given::default();
    given.traces.extend([("a".to_owned(), Arc::new(first)), ("b".to_owned(), Arc::new(second))]);
    let inputs = Inputs::open(&recipe, given.clone(), None, Mismatches::Refused).expect("both are there");
    let figure = Figure::new(&recipe, &inputs).expect("can be drawn");
    let values = |idx: usize| match &figure.resolved().panels[idx].content {
        Content::Photo(photo) => photo.heat.clone().expect("a map"),
        other => panic!("found {other:?}"),
    };
    let difference = values(2);
    assert!(difference.signed && difference.values.iter().any(|value| *value < 0.0), "both signs");
    for ((a, b), d) in values(0).values.iter().zip(&*values(1).values).zip(&*difference.values) {
        assert!((a - b - d).abs() < 1e-7, "{a} minus {b} is {d}");
    }
    let scales = gazelens::figure::scales(figure.resolved(), &recipe.colour);
    let own = scales.iter().find(|scale| scale.signed).expect("a scale of differences");
    assert!((own.style.range[0] + own.style.range[1]).abs() < 1e-9, "0 is its middle: {:?}", own.style.range);
    // The other way round every sign turns.
    recipe.panels = vec![Panel::new(Show::Difference { first: other(), second: decoder(Tokens::default()) })];
    let turned =
        Figure::new(&recipe, &Inputs::open(&recipe, given, None, Mismatches::Refused).expect("opens")).expect("drawn");
    let Content::Photo(photo) = &turned.resolved().panels[0].content else { panic!("a map") };
    let turned = photo.heat.clone().expect("a map");
    assert!(turned.values.iter().zip(&*difference.values).all(|(a, b)| (a + b).abs() < 1e-7), "minus the same");
}

#[test]
fn a_photo_and_its_mask_need_no_question() {
    let folder = folder();
    let mut recipe = Recipe::new(Layout { columns: 2, dpi: 60, ..Layout::default() }, Colour::default());
    recipe.inputs.images.insert("a".to_owned(), photo_input(Path::new(PHOTO)).expect("bundled"));
    recipe.inputs.annotations.insert("truth".to_owned(), demo_annotations());
    let truth = Truth { annotations: "truth".to_owned(), image_id: None, categories: Vec::new(), no_crowd: false };
    recipe.panels =
        vec![Panel::new(Show::Photo { of: "a".to_owned() }), Panel::new(Show::Mask { of: "a".to_owned(), truth })];
    let (file, out) = (path(folder.path(), "r.json"), path(folder.path(), "f.svg"));
    std::fs::write(&file, recipe.to_json()).expect("a writable folder");
    let output = gazelens(&["figure", "--recipe", &file, "--out", &out]);
    assert!(output.status.success(), "no model is asked: {}", stderr(&output));
    let inputs = Inputs::open(&recipe, Given::default(), None, Mismatches::Refused).expect("opens");
    assert!(std::fs::read(&out).expect("written") == bytes(&recipe, &inputs, Format::Svg), "the same bytes");
    let hash = &recipe.inputs.images["a"].sha256;
    std::fs::write(&file, recipe.to_json().replace(hash, &"0".repeat(64))).expect("a writable folder");
    let sentence = one_sentence(&["figure", "--recipe", &file, "--out", &out], 1);
    assert!(sentence.contains("the photo") && sentence.contains(hash), "another photo is told: {sentence}");
}

#[test]
fn annotations_of_a_file_are_known_by_their_hash() {
    let folder = folder();
    let file = folder.path().join("instances.json");
    let category = |id: u32, name: &str| format!(r#"{{"id": {id}, "name": "{name}", "supercategory": "thing"}}"#);
    let with = |name: &str| {
        format!(
            r#"{{"images": [{{"id": 7, "file_name": "{PHOTO}", "width": 640, "height": 480}}],
            "categories": [{}],
            "annotations": [{{"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 10000, "bbox": [10, 20, 100, 100],
            "segmentation": [[10, 20, 110, 20, 110, 120, 10, 120]]}}]}}"#,
            category(1, name)
        )
    };
    let photo = gazelens::data::demo::image(PHOTO).expect("bundled").photo().expect("decodes");
    let sized = |name: &str| {
        with(name).replace("640", &photo.width_px.to_string()).replace("480", &photo.height_px.to_string())
    };
    std::fs::write(&file, sized("square")).expect("a writable folder");
    let mut recipe = Recipe::new(Layout { columns: 1, dpi: 60, ..Layout::default() }, Colour::default());
    recipe.inputs.images.insert("a".to_owned(), photo_input(Path::new(PHOTO)).expect("bundled"));
    recipe.inputs.annotations.insert("truth".to_owned(), file_input(&file).expect("is there"));
    let truth = Truth { annotations: "truth".to_owned(), image_id: None, categories: Vec::new(), no_crowd: false };
    recipe.panels = vec![Panel::new(Show::Mask { of: "a".to_owned(), truth })];
    let open = || Inputs::open(&recipe, Given::default(), None, Mismatches::Refused);
    let figure = Figure::new(&recipe, &open().expect("opens")).expect("can be drawn");
    let panel = &figure.resolved().panels[0];
    assert_eq!(panel.title, "Ground truth: square", "the file's category");
    assert_eq!(panel.data.metrics, [("pixels of square".to_owned(), Some(10_000.0))], "its pixels");
    let before = recipe.inputs.annotations["truth"].sha256.clone();
    std::fs::write(&file, sized("circle")).expect("a writable folder");
    let why = open().expect_err("another file").to_string();
    let now = file_input(&file).expect("is there").sha256;
    assert!(why.contains("the annotations") && why.contains(&before) && why.contains(&now), "both hashes: {why}");
    std::fs::remove_file(&file).expect("is there");
    let why = open().expect_err("no file").to_string();
    assert!(why.contains("instances.json") && why.lines().count() == 1, "{why}");
    assert_ne!(recipe.inputs.annotations["truth"].file, DEMO_ANNOTATIONS, "not the bundled ones");
}

#[test]
fn a_map_of_clip_darkens_a_photo_that_nobody_was_asked_about() {
    let folder = folder();
    let (file, out) = (path(folder.path(), "m.safetensors"), path(folder.path(), "b.png"));
    let asked = ["prompt-image", "--attribution", "clip", "--image", PHOTO, "--query", "a bird", "--out", &out];
    let output = gazelens(&[&asked[..], &["--map-out", &file]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let mut recipe = Recipe::new(Layout { columns: 2, dpi: 72, ..Layout::default() }, Colour::default());
    recipe.inputs.images.insert("a".to_owned(), photo_input(Path::new(PHOTO)).expect("bundled"));
    recipe.inputs.maps.insert("map".to_owned(), file_input(Path::new(&file)).expect("is there"));
    let spec = MapSpec::File { map: "map".to_owned(), of: "a".to_owned() };
    let options = PromptSpec::default();
    recipe.panels =
        vec![map(spec), Panel::new(Show::Prompted { of: "a".to_owned(), map: Some("map".to_owned()), options })];
    // From memory, as the window has it, and from the file.
    let mut given = Given::default();
    given.maps.insert("map".to_owned(), std::fs::read(&file).expect("is there").into());
    let figure = |given| {
        let inputs = Inputs::open(&recipe, given, None, Mismatches::Refused).expect("opens");
        Figure::new(&recipe, &inputs).expect("can be drawn")
    };
    let (held, read) = (figure(given), figure(Given::default()));
    assert!(held.bytes(Format::Png).expect("drawn") == read.bytes(Format::Png).expect("drawn"), "the same pixels");
    let Content::Photo(shown) = &read.resolved().panels[1].content else { panic!("a photo") };
    // Pixel by pixel what the command wrote.
    let written = gazelens::data::Photo::open(Path::new(&out)).expect("a photo");
    assert!(shown.photo.rgb == written.rgb, "the photo of prompt-image");
    let mut wrong = Given::default();
    wrong.maps.insert("map".to_owned(), vec![1, 2, 3].into());
    let why = Inputs::open(&recipe, wrong, None, Mismatches::Refused).expect_err("other bytes").to_string();
    assert!(why.contains("the map"), "{why}");
}

/// A figure of one panel whose title has these letters.
fn titled(title: &str, font: &Path, missing_only: bool) -> (Recipe, Inputs) {
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let mut recipe = Recipe::new(Layout { columns: 1, dpi: 72, ..Layout::default() }, Colour::default());
    recipe.add_trace("a", &trace, None);
    recipe.inputs.fonts.insert("own".to_owned(), font_input(font).expect("a font"));
    recipe.layout.typeface = Some(Typeface { regular: "own".to_owned(), bold: None, missing_only });
    recipe.panels = vec![Panel { title: Some(title.to_owned()), ..map(decoder(Tokens::default())) }];
    let inputs = open(&recipe, &trace).expect("opens");
    (recipe, inputs)
}

/// Fonts of an SVG, as files.
fn fonts(svg: &str) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let parts = svg.split("data:font/ttf;base64,").skip(1);
    let decode =
        |part: &str| base64::engine::general_purpose::STANDARD.decode(part.split(')').next().unwrap_or_default());
    parts.map(|part| decode(part).expect("base64")).collect()
}

#[test]
fn letters_of_another_typeface_are_drawn_embedded_and_selectable() {
    if !Path::new(CJK).exists() {
        println!("Not run: Chinese letters, there is no {CJK}");
        return;
    }
    let title = "海滩上的黄色雨伞 (beach)";
    let (recipe, inputs) = titled(title, Path::new(CJK), true);
    let figure = Figure::new(&recipe, &inputs).expect("can be drawn");
    assert!(figure.missing_letters().is_empty(), "nothing is missing: {:?}", figure.missing_letters());
    let svg = String::from_utf8(figure.bytes(Format::Svg).expect("written")).expect("text");
    let embedded = fonts(&svg);
    assert_eq!(embedded.len(), 3, "both weights and what is used of the other");
    assert!(embedded[2].len() < 20_000, "only the letters that are used: {} bytes", embedded[2].len());
    let folder = folder();
    let own = folder.path().join("own.ttf");
    std::fs::write(&own, &embedded[2]).expect("a writable folder");
    font_input(&own).expect("is a font by itself");
    assert!(svg.contains(title), "as text");
    let pdf = figure.bytes(Format::Pdf).expect("written");
    let file = path(folder.path(), "f.pdf");
    std::fs::write(&file, &pdf).expect("a writable folder");
    if let Ok(output) = Command::new("pdftotext").args(["-raw", &file, "-"]).output() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(title), "can be selected: {text}");
    } else {
        println!("Not run: the text of the PDF, pdftotext is not installed");
    }
    assert!(pdf == bytes(&recipe, &inputs, Format::Pdf), "the same bytes again");
    // Without it boxes, which look otherwise.
    let mut without = recipe.clone();
    without.layout.typeface = None;
    let boxes = Figure::new(&without, &inputs).expect("can be drawn");
    assert_eq!(boxes.missing_letters().len(), 8, "eight letters are missing");
    assert!(boxes.raster(72).expect("drawn") != figure.raster(72).expect("drawn"), "pixels have them too");
}

#[test]
fn a_typeface_in_place_of_the_bundled_one_draws_everything_that_it_has() {
    if !Path::new(DEJAVU).exists() {
        println!("Not run: a typeface of the system, there is no {DEJAVU}");
        return;
    }
    let (recipe, inputs) = titled("Beach", Path::new(DEJAVU), false);
    let figure = Figure::new(&recipe, &inputs).expect("can be drawn");
    let svg = String::from_utf8(figure.bytes(Format::Svg).expect("written")).expect("text");
    assert_eq!(fonts(&svg).len(), 1, "nothing is left for the bundled one");
    assert!(svg.contains("font-synthesis:none"), "titles are not made bolder than they were measured");
    let mut changed = recipe.clone();
    let input = changed.inputs.fonts.get_mut("own").expect("an input");
    input.sha256 = "0".repeat(64);
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    assert!(
        open(&changed, &trace).expect_err("another font").to_string().contains("the typeface"),
        "its hash is compared"
    );
    changed.inputs.fonts.clear();
    let inputs = open(&changed, &trace).expect("opens");
    let why = Figure::new(&changed, &inputs).expect_err("no such input").to_string();
    assert!(why.contains("typeface `own`"), "{why}");
}

#[test]
fn what_is_no_typeface_is_one_sentence() {
    let folder = folder();
    for (name, bytes) in
        [("empty.ttf", &b""[..]), ("text.otf", b"not a font at all"), ("cut.ttf", b"\0\x01\0\0\0\x04\0")]
    {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("a writable folder");
        let why = font_input(&file).expect_err("no font").to_string();
        assert!(why.starts_with("Expected a typeface") && why.ends_with(name) && why.lines().count() == 1, "{why}");
        let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
        let mut recipe = Recipe::new(Layout::default(), Colour::default());
        recipe.add_trace("a", &trace, None);
        let input: FileInput = file_input(&file).expect("is there");
        recipe.inputs.fonts.insert("own".to_owned(), input);
        recipe.panels = vec![map(decoder(Tokens::default()))];
        assert!(open(&recipe, &trace).is_err(), "{name} is refused with its own hash too");
    }
}

#[test]
fn texts_of_a_recipe_are_bounded() {
    type Change = fn(&mut Recipe, String);
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let mut recipe = Recipe::new(Layout::default(), Colour::default());
    recipe.add_trace("a", &trace, None);
    recipe.panels = vec![map(decoder(Tokens::default()))];
    let changes: [(Change, usize); 6] = [
        (|recipe, text| recipe.panels[0].title = Some(text), 1000),
        (|recipe, text| recipe.layout.column_titles = vec![text], 1000),
        (|recipe, text| recipe.layout.row_labels = vec![String::new(), text], 1000),
        (
            |recipe, text| {
                let word = Tokens { word: Some(text), ..Tokens::default() };
                recipe.panels = vec![map(decoder(word))];
            },
            1000,
        ),
        (
            |recipe, text| {
                let input = FileInput { file: "p.png".to_owned(), sha256: String::new() };
                recipe.inputs.images.insert(text, input);
            },
            1000,
        ),
        (
            |recipe, text| {
                let input = FileInput { file: text, sha256: String::new() };
                recipe.inputs.images.insert("i".to_owned(), input);
            },
            4096,
        ),
    ];
    for (change, most) in changes {
        // Letters, not bytes.
        for (letters, is_read) in [(most, true), (most + 1, false), (300_000, false)] {
            let mut changed = recipe.clone();
            change(&mut changed, "\u{301}".repeat(letters));
            let read = Recipe::from_json(&changed.to_json(), Path::new("r.json")).map_err(|err| err.to_string());
            match read {
                Ok(_) => assert!(is_read, "{letters} letters of {most} are read"),
                Err(why) => {
                    let words = format!("of at most {most} letters in the recipe, found one of {letters}: r.json");
                    assert!(!is_read && why.ends_with(&words), "{letters} letters: {why}");
                }
            }
        }
    }
}

#[test]
fn a_file_under_several_names_is_opened_once() {
    let folder = folder();
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let file = folder.path().join("t.safetensors");
    gazelens::trace::file::write_trace(&file, &trace, &gazelens::trace::Extras::default()).expect("writable");
    let trace = gazelens::trace::file::TraceFile::read(&file).expect("is there").trace;
    let objects = folder.path().join("objects.json");
    std::fs::write(&objects, gazelens::data::demo::INSTANCES).expect("a writable folder");
    let mut recipe = Recipe::new(Layout::default(), Colour::default());
    for name in ["a", "b", "c"] {
        recipe.add_trace(name, &trace, Some(&file));
        recipe.inputs.annotations.insert(name.to_owned(), file_input(&objects).expect("is there"));
    }
    recipe.panels = vec![map(decoder(Tokens::default()))];
    let inputs = Inputs::open(&recipe, Given::default(), None, Mismatches::Refused).expect("opens");
    let [a, b] = ["a", "b"].map(|name| Arc::clone(inputs.trace(name).expect("an input")));
    assert!(Arc::ptr_eq(&a, &b), "one trace");
    // Each name has its own hash.
    recipe.inputs.annotations.get_mut("c").expect("an input").sha256 = "0".repeat(64);
    let why = Inputs::open(&recipe, Given::default(), None, Mismatches::Refused).expect_err("another file").to_string();
    assert!(why.contains("the annotations"), "{why}");
}
