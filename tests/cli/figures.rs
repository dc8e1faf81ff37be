//! `gazelens figure`: every format, from a recipe to the same bytes again, and everything that can be wrong.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels and picks, small and not negative"
)]

use super::figure_subjects::*;
use super::{folder, gazelens, path, stderr};
use gazelens::figure::recipe::{Colour, Layout, MapSpec, Panel, Show, Tokens, Width, sha256};
use gazelens::figure::{Figure, Format, Given, Inputs, MapFile, Mismatches, Recipe, file_input, recipe_of};
use gazelens::render::{Marks, Scene, Window, compose};
use gazelens::trace::RunInfo;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

#[test]
fn every_format_gives_the_same_bytes_again_from_the_recipe_inside() {
    let (recipe, inputs) = everything();
    for format in [Format::Svg, Format::Pdf, Format::Png] {
        let first = bytes(&recipe, &inputs, format);
        let inside = recipe_of(&first, Path::new("figure")).expect("a recipe is inside");
        assert_eq!(inside, recipe, "{format:?}: the whole recipe");
        assert_eq!(inside.to_json(), recipe.to_json(), "{format:?}: digit by digit");
        let reopened = open(&inside, &trace(&WORDS, [LAYERS, HEADS, SIDE], 7)).expect("the same inputs");
        assert!(bytes(&inside, &reopened, format) == first, "{format:?}: the same bytes");
    }
}

/// What another machine made of the same recipe and inputs. They change with the program's version and with everything
/// that is drawn differently on purpose; the failing test says what they are then.
const MADE_ELSEWHERE: [(Format, &str); 3] = [
    (Format::Svg, "32c5bfe0288d43b5b2f8accd8f86e1205155c71d14cb58f7476e5232bbbfd4f7"),
    (Format::Pdf, "892e104d8496772a295408c6f28b46f615e055aced6f36049088057c9bb63800"),
    (Format::Png, "6906ed0ea3406b8aea06a2eabdb340ed0b67036a64028dcabb798c579db99a79"),
];

#[test]
fn figures_have_the_bytes_that_another_machine_gave_them() {
    let (recipe, inputs) = everything();
    let here = MADE_ELSEWHERE.map(|(format, _)| (format, sha256(&bytes(&recipe, &inputs, format))));
    let elsewhere = MADE_ELSEWHERE.map(|(format, digest)| (format, digest.to_owned()));
    assert_eq!(here, elsewhere, "SHA-256 of every format");
}

#[test]
fn an_svg_has_text_fonts_and_a_group_a_panel() {
    let (recipe, inputs) = everything();
    let figure = Figure::new(&recipe, &inputs).expect("resolves");
    let svg = String::from_utf8(figure.bytes(Format::Svg).expect("can be written")).expect("is text");
    let document = roxmltree::Document::parse(&svg).expect("is XML");
    let panels = document.descendants().filter(|node| {
        node.attribute("id").is_some_and(|id| id.strip_prefix("panel-").is_some_and(|rest| rest.parse::<u32>().is_ok()))
    });
    assert_eq!(panels.count(), recipe.panels.len(), "a group a panel");
    let texts: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|n| n.text()).collect();
    for expected in
        ["(a) Photo", "(c) Decoder, “umbrella”", "(e) Difference", "(k) Answer", "head", "layer", "first row"]
    {
        assert!(texts.contains(&expected), "the text {expected}: {texts:?}");
    }
    let drawn: Vec<&str> = figure.scene().texts().map(|text| text.text.as_str()).collect();
    assert_eq!(texts, drawn, "every line of the scene, once, as text");
    let css = document.descendants().find(|node| node.has_tag_name("style")).and_then(|node| node.text()).unwrap_or("");
    assert_eq!(css.matches("@font-face").count(), 2, "both weights are embedded");
    assert_eq!(css.matches("data:font/ttf;base64,").count(), 2, "as files");
    let sharp = document.descendants().filter(|node| node.attribute("image-rendering").is_some()).count();
    assert!(sharp >= 8, "maps and bars keep their edges, found {sharp}");
    let photos = document
        .descendants()
        .filter(|node| node.has_tag_name("g") && node.attribute("id").is_some_and(|id| id.starts_with("photo-")));
    assert_eq!(photos.count(), 2, "the photo once, and the prompted one");
    let far = document.descendants().filter_map(|node| node.attribute(("http://www.w3.org/1999/xlink", "href")));
    assert!(far.into_iter().all(|href| href.starts_with("data:") || href.starts_with('#')), "nothing is fetched");
}

#[test]
fn a_pdf_has_embedded_fonts_and_text_that_can_be_selected() {
    let (recipe, inputs) = everything();
    let figure = Figure::new(&recipe, &inputs).expect("resolves");
    let pdf = figure.bytes(Format::Pdf).expect("can be written");
    let count = |part: &[u8]| pdf.windows(part.len()).filter(|window| *window == part).count();
    assert_eq!(count(b"/FontFile2"), 2, "both weights are embedded");
    assert_eq!(count(b"/ToUnicode"), 2, "and say what their glyphs mean");
    assert_eq!(count(b"/CreationDate") + count(b"/ID"), 0, "nothing that changes from run to run");
    let folder = folder();
    let file = path(folder.path(), "figure.pdf");
    std::fs::write(&file, &pdf).expect("a writable folder");
    let Ok(output) = Command::new("pdftotext").args(["-raw", &file, "-"]).output() else {
        println!("Not run: the text of the PDF, pdftotext is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = |text: &str| text.split_whitespace().collect::<String>();
    let found = words(&text);
    for line in figure.scene().texts() {
        assert!(found.contains(&words(&line.text)), "{:?} can be selected in {text}", line.text);
    }
    let fonts =
        Command::new("pdffonts").arg(&file).output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let fonts = fonts.unwrap_or_default();
    assert!(fonts.contains("OpenSans-Regular") && fonts.contains("OpenSans-Bold"), "{fonts}");
}

#[test]
fn pixels_of_a_map_in_a_png_are_those_of_the_cpu_renderer() {
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let layout = Layout { columns: 1, width: Width::Mm(60.0), dpi: 200, ..Layout::default() };
    let mut recipe = Recipe::new(layout, Colour::default());
    recipe.add_trace("a", &trace, None);
    recipe.panels.push(Panel::new(Show::Map { map: decoder(Tokens::default()), outline: None, grid_lines: false }));
    let inputs = open(&recipe, &trace).expect("opens");
    let figure = Figure::new(&recipe, &inputs).expect("resolves");
    let picture = figure.scene().groups.iter().flat_map(|group| &group.nodes).find_map(|node| match node {
        gazelens::figure::scene::Node::Picture(picture) => match &picture.pixels {
            gazelens::figure::scene::Pixels::Photo(photo) => Some((picture.rect, photo.clone())),
            _ => None,
        },
        _ => None,
    });
    let (rect, photo) = picture.expect("a map");
    let scale = 200.0 / 72.0;
    let edge = |at: f64| (at * scale).round() as u32;
    let (x, y) = (edge(rect.x), edge(rect.y));
    let out_size = [edge(rect.right()) - x, edge(rect.bottom()) - y];
    let scene = Scene {
        photo: photo.texture.clone(),
        layout: photo.layout.clone(),
        heat: photo.heat.clone(),
        marks: Marks::default(),
    };
    let expected = compose(&scene, &Window { rect_px: photo.window_px, out_size, line_px: 1.0 });
    let png = figure.bytes(Format::Png).expect("can be written");
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let dims = reader.info().pixel_dims.expect("a resolution");
    assert_eq!((dims.xppu, dims.yppu), (7874, 7874), "200 dots an inch");
    let mut rgb = vec![0; reader.output_buffer_size().expect("fits")];
    let info = reader.next_frame(&mut rgb).expect("pixels");
    // What the model did not see is darkened, and a line runs around what it saw.
    let seen = photo.layout.seen_px();
    let to_px = |at: f64| at / (photo.window_px.x1 - photo.window_px.x0) * f64::from(out_size[0]);
    let inner = (to_px(seen.x0) as u32 + 4)..(to_px(seen.x1) as u32 - 4);
    let mut compared = 0;
    for row in 4..out_size[1] - 4 {
        for col in inner.clone() {
            let at = 3 * ((y + row) as usize * info.width as usize + (x + col) as usize);
            let from = 4 * (row as usize * out_size[0] as usize + col as usize);
            assert_eq!(rgb[at..at + 3], expected.rgba[from..from + 3], "column {col}, row {row}");
            compared += 1;
        }
    }
    assert!(compared > 10_000, "most of the map was compared: {compared}");
}

#[test]
fn other_weights_photos_and_answers_are_told_before_anything_is_drawn() {
    let (recipe, _) = everything();
    let same = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let with = |change: &dyn Fn(&mut RunInfo)| {
        let mut other = same.clone();
        change(Arc::make_mut(&mut other.run));
        open(&recipe, &other).expect_err("another run").to_string()
    };
    let weights = with(&|run| run.weight_hash = "abcd".to_owned());
    assert!(weights.contains("the weights 00ff00ff") && weights.contains("found abcd"), "both are named: {weights}");
    let photo = with(&|run| run.image_hash = "1234".to_owned());
    assert!(photo.contains("the photo") && photo.contains("found 1234"), "both are named: {photo}");
    let prompt = with(&|run| run.full_prompt = "else".to_owned());
    assert!(prompt.contains("the prompt") && prompt.contains("found \"else\""), "both are named: {prompt}");
    let mut words = WORDS;
    words[6] = ".";
    assert!(open(&recipe, &trace(&words, [LAYERS, HEADS, SIDE], 7)).is_ok(), "the same ids are the same answer");
    let shorter = open(&recipe, &trace(&WORDS[..5], [LAYERS, HEADS, SIDE], 7)).expect_err("another answer").to_string();
    assert!(shorter.contains("the answer's tokens"), "{shorter}");
}

#[test]
fn a_seed_matters_only_where_something_is_drawn() {
    let (recipe, _) = everything();
    let mut other = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    Arc::make_mut(&mut other.run).seed = 1;
    assert!(open(&recipe, &other).is_ok(), "greedy: the most probable token needs no seed");
}

#[test]
fn a_map_of_an_answer_that_methods_changed_says_so() {
    let mut changed = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let run = Arc::make_mut(&mut changed.run);
    run.strategy.name = "dola".to_owned();
    run.forced_ids = vec![7];
    let mut recipe = Recipe::new(Layout::default(), Colour::default());
    recipe.add_trace("a", &changed, None);
    recipe.panels.push(Panel::new(Show::Map { map: decoder(Tokens::default()), outline: None, grid_lines: false }));
    let inputs = open(&recipe, &changed).expect("the same answer");
    let figure = Figure::new(&recipe, &inputs).expect("resolves");
    let texts = figure.scene().texts().map(|text| text.text.as_str()).collect::<Vec<_>>().join(" ");
    assert!(texts.contains("dola decoding"), "its methods: {texts}");
    assert!(texts.contains("its first 1 token given"), "and that it was begun for the model: {texts}");
}

#[test]
fn a_mismatch_that_is_allowed_stands_under_the_figure() {
    let (recipe, _) = everything();
    let mut other = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    Arc::make_mut(&mut other.run).weight_hash = "abcd".to_owned();
    let mut given = Given::default();
    given.traces.insert("a".to_owned(), Arc::new(other));
    let inputs = Inputs::open(&recipe, given, None, Mismatches::Drawn).expect("goes on");
    assert_eq!(inputs.mismatches.len(), 1, "it is said");
    let figure = Figure::new(&recipe, &inputs).expect("resolves");
    assert!(figure.scene().texts().any(|text| text.text.starts_with("Not as in the recipe")), "and drawn");
}

#[test]
fn recipes_that_are_none_are_refused_in_a_sentence() {
    let (recipe, inputs) = everything();
    let json = recipe.to_json();
    let refusal = |bytes: &[u8]| recipe_of(bytes, Path::new("R.json")).expect_err("no recipe").to_string();
    let newer = refusal(json.replace("\"version\": 1", "\"version\": 2").as_bytes());
    assert!(newer.contains("version 1 or older") && newer.contains("found version 2"), "{newer}");
    let unknown = refusal(json.replace("\"columns\"", "\"colums\"").as_bytes());
    assert!(unknown.contains("colums") && unknown.ends_with("R.json"), "the field is named: {unknown}");
    let other = refusal(b"{\"format\": \"else\"}");
    assert!(other.contains("gazelens-figure") && other.contains("`else`"), "{other}");
    for format in [Format::Svg, Format::Pdf, Format::Png] {
        let whole = bytes(&recipe, &inputs, format);
        let cut = refusal(&whole[..whole.len() * 3 / 4]);
        assert!(cut.starts_with("Expected a figure of gazelens") && cut.lines().count() == 1, "{format:?}: {cut}");
    }
    for nothing in [&b""[..], b"hello", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"\xff\xfe", b"[1, 2]", b"{"] {
        assert!(refusal(nothing).starts_with("Expected "), "{nothing:?}");
    }
}

#[test]
fn damaged_recipes_and_figures_end_in_a_sentence_and_never_in_a_panic() {
    let (recipe, inputs) = everything();
    let mut small = recipe.clone();
    small.panels.truncate(3);
    small.layout.dpi = 30;
    let originals = [
        recipe.to_json().into_bytes(),
        bytes(&small, &inputs, Format::Png),
        bytes(&small, &inputs, Format::Svg),
        bytes(&small, &inputs, Format::Pdf),
    ];
    let mut draws = Draws(11);
    let mut pick = |below: usize| (draws.next() * below as f32) as usize;
    let (mut read, mut drawn) = (0, 0);
    for round in 0..240 {
        let mut bytes = originals[[0, 0, 0, 1, 2, 3][round % 6]].clone();
        for _ in 0..=pick(3) {
            let at = pick(bytes.len().min(20_000));
            match pick(4) {
                0 => bytes[at] = [b'9', b'-', b'"', b'{', 0, 255][pick(6)],
                1 => drop(bytes.drain(at..(at + 1 + pick(40)).min(bytes.len()))),
                2 => bytes.insert(at, b'9'),
                _ => bytes[at] = bytes[at].wrapping_add(1),
            }
        }
        let Ok(changed) = recipe_of(&bytes, Path::new("damaged")) else { continue };
        read += 1;
        if let Ok(figure) = Figure::new(&changed, &inputs) {
            drawn += 1;
            let _ = figure.raster(20);
        }
    }
    assert!(read > 8 && drawn > 4, "some are still recipes ({read}), some still figures ({drawn})");
}

#[test]
fn a_map_of_a_file_lies_on_the_photo_that_it_was_made_of() {
    let folder = folder();
    let (map, out) = (path(folder.path(), "m.safetensors"), path(folder.path(), "b.png"));
    let asked = ["prompt-image", "--attribution", "clip", "--image", PHOTO, "--query", "a bird", "--out", &out];
    let output = gazelens(&[&asked[..], &["--map-out", &map]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let mut recipe = Recipe::new(Layout::default(), Colour::default());
    recipe.add_trace("a", &trace, None);
    recipe.inputs.maps.insert("clip".to_owned(), file_input(Path::new(&map)).expect("is there"));
    let spec = MapSpec::File { map: "clip".to_owned(), of: "a".to_owned() };
    recipe.panels.push(Panel::new(Show::Map { map: spec, outline: None, grid_lines: false }));
    let inputs = open(&recipe, &trace).expect("opens");
    let figure = Figure::new(&recipe, &inputs).expect("resolves");
    let panel = &figure.resolved().panels[0];
    assert!(panel.caption.starts_with("CLIP attribution of “a bird”, layer "), "{}", panel.caption);
    let whole = std::fs::read(&map).expect("is there");
    for cut in (0..whole.len()).step_by(97) {
        assert!(MapFile::read(&whole[..cut], Path::new(&map)).is_err(), "a file cut at {cut} is refused");
    }
    std::fs::write(&map, &whole[..whole.len() - 4]).expect("a writable folder");
    let changed = open(&recipe, &trace).expect_err("another file").to_string();
    assert!(changed.contains("the map"), "its hash is compared: {changed}");
}

#[test]
fn numbers_behind_a_figure_are_files_of_their_own() {
    let (recipe, inputs) = everything();
    let folder = folder();
    let data = folder.path().join("data");
    Figure::new(&recipe, &inputs).and_then(|figure| figure.write_data(&data)).expect("can be written");
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap_or_else(|err| panic!("{name}: {err}"));
    let map = read("panel_03.csv");
    assert_eq!(map.lines().count(), 1 + SIDE * SIDE, "a line a patch");
    assert!(map.starts_with("row,column,share of the image's attention\n0,0,"), "{map}");
    let sum: f64 = map.lines().skip(1).filter_map(|line| line.rsplit(',').next()?.parse::<f64>().ok()).sum();
    assert!((sum - 1.0).abs() < 1e-4, "shares sum to one: {sum}");
    let npy = std::fs::read(data.join("panel_03.npy")).expect("a tensor");
    assert_eq!(npy.len(), 128 + 4 * SIDE * SIDE, "as many values");
    let metrics = read("metrics.csv");
    assert!(metrics.contains(",iou,") && metrics.contains(",threshold,"), "{metrics}");
    assert!(read("metrics.md").starts_with("| panel | title | metric | value |\n| --- |"), "Markdown");
    assert!(read("metrics.tex").contains("\\begin{tabular}{llll}"), "LaTeX");
    assert!(read("panel_11.csv").contains("brella"), "the answer, token by token");
}
