//! A figure takes the answer that its recipe means and no other, and a trace stays with its photo.

use super::figure_subjects::{HEADS, LAYERS, PHOTO, SIDE, WORDS, trace};
use super::{folder, gazelens, one_sentence, path, stderr};
use gazelens::figure::recipe_of;
use gazelens::session::{Session, SessionAnswer};
use gazelens::trace::file::{TraceFile, write_trace};
use gazelens::trace::{Extras, RunInfo, SpecInfo, Trace};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A photo that is wider than high: the middle of a bundled one.
fn wide(folder: &Path) -> String {
    let photo = gazelens::data::demo::image(PHOTO).expect("bundled").photo().expect("decodes");
    let (w, h) = (photo.width_px, photo.height_px);
    let whole = image::RgbImage::from_raw(w, h, photo.rgb.to_vec()).expect("its size");
    let file = folder.join("wide.png");
    image::imageops::crop_imm(&whole, 0, h / 4, w, h / 2).to_image().save(&file).expect("a PNG file");
    file.display().to_string()
}

fn asked(photo: &str, question: &str, framing: &str, out: &str) -> Trace {
    let args = ["trace", "--image", photo, "--prompt", question, "--framing", framing, "--out", out];
    let output = gazelens(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    TraceFile::read(Path::new(out)).expect("just written").trace
}

/// The same question about a photo cropped and padded, with the same tokens as the answer.
fn alike(folder: &Path) -> ([String; 2], [Trace; 2]) {
    let photo = wide(folder);
    let files = ["crop", "pad"].map(|framing| path(folder, &format!("{framing}.safetensors")));
    for thing in ["dog", "clock", "car", "person", "boat", "bird"] {
        let question = format!("Is there a {thing} in the image?");
        let traces = ["crop", "pad"].map(|framing| {
            let at = usize::from(framing == "pad");
            asked(&photo, &question, framing, &files[at])
        });
        let ids = |trace: &Trace| trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
        if ids(&traces[0]) == ids(&traces[1]) {
            return (files, traces);
        }
    }
    panic!("no question has the same answer either way");
}

#[test]
fn a_figure_does_not_take_the_map_of_the_other_framing() {
    let folder = folder();
    let ([crop, pad], _) = alike(folder.path());
    let (figure, other) = (path(folder.path(), "f.svg"), path(folder.path(), "g.svg"));
    let output = gazelens(&["figure", "--trace", &crop, "--out", &figure]);
    assert!(output.status.success(), "{}", stderr(&output));
    let swapped = ["figure", "--recipe", &figure, "--trace", &pad, "--out", &other];
    let sentence = one_sentence(&swapped, 1);
    assert!(sentence.contains("Expected the framing crop as in the recipe, found pad"), "{sentence}");
    assert!(!Path::new(&other).exists(), "nothing was drawn");
    let output = gazelens(&[&swapped[..], &["--allow-mismatch"]].concat());
    let said = stderr(&output);
    assert!(output.status.success() && said.contains("warning: Expected the framing crop"), "{said}");
    assert_eq!(said.lines().count(), 1, "one cause, one line: {said}");
    let output = gazelens(&["figure", "--recipe", &figure, "--trace", &crop, "--out", &other]);
    assert!(output.status.success(), "its own: {}", stderr(&output));
    let read = |file: &str| std::fs::read(file).expect("a figure");
    assert!(read(&other) == read(&figure), "the same bytes");
}

#[test]
fn a_session_gives_a_recipe_the_answer_that_it_means() {
    let folder = folder();
    let ([crop, pad], [cropped, padded]) = alike(folder.path());
    let saved = |id: u64, trace: Trace| SessionAnswer { about: json!({"id": id}), trace: Some(Arc::new(trace)) };
    let session = Session {
        program_version: "0.1.0".to_owned(),
        state: json!({}),
        answers: vec![saved(1, padded), saved(2, cropped)],
    };
    let file = path(folder.path(), "work.gazelens");
    gazelens::session::write(Path::new(&file), &session).expect("a writable folder");
    for trace in [crop, pad] {
        let (figure, again) = (path(folder.path(), "f.png"), path(folder.path(), "g.png"));
        let output = gazelens(&["figure", "--trace", &trace, "--out", &figure]);
        assert!(output.status.success(), "{}", stderr(&output));
        let output = gazelens(&["figure", "--session", &file, "--recipe", &figure, "--out", &again]);
        assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
        let read = |file: &str| std::fs::read(file).expect("a figure");
        assert!(read(&figure) == read(&again), "the answer of {trace}");
    }
}

/// A figure of a made-up answer, and what is said when another answer is drawn by its recipe.
fn drawn_as(change: impl FnOnce(&mut RunInfo), more: &[&str]) -> (bool, String) {
    let folder = folder();
    let [own, other, figure, out] =
        ["a.safetensors", "b.safetensors", "f.svg", "g.svg"].map(|name| path(folder.path(), name));
    let mut answer = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    write_trace(Path::new(&own), &answer, &Extras::default()).expect("written");
    change(Arc::make_mut(&mut answer.run));
    write_trace(Path::new(&other), &answer, &Extras::default()).expect("written");
    let output = gazelens(&["figure", "--trace", &own, "--out", &figure]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = gazelens(&[&["figure", "--recipe", &figure, "--trace", &other, "--out", &out][..], more].concat());
    (output.status.success(), stderr(&output))
}

#[test]
fn everything_that_makes_another_answer_is_refused_by_its_name() {
    type Change = fn(&mut RunInfo);
    let changes: [(Change, &str); 6] = [
        (
            |run| run.prompting = Some(SpecInfo { name: "clip".to_owned(), parameters: BTreeMap::new() }),
            "Expected the attention prompting none as in the recipe, found",
        ),
        (|run| run.temperature = 0.7, "Expected the sampling greedy as in the recipe, found temperature 0.7, seed 42"),
        (|run| run.repetition_penalty = 1.3, "Expected the repetition penalty 1.1 as in the recipe, found 1.3"),
        (|run| run.forced_ids = vec![10], "Expected the forced beginning [] as in the recipe, found [10]"),
        (|run| run.prompt = "What else?".to_owned(), "Expected the prompt"),
        (|run| run.strategy.name = "vcd".to_owned(), "Expected the strategy"),
    ];
    for (change, words) in changes {
        let (done, said) = drawn_as(change, &[]);
        assert!(!done && said.contains(words) && said.trim_end().ends_with(PHOTO), "{said}");
        assert_eq!(said.lines().count(), 1, "one sentence: {said}");
        let (done, said) = drawn_as(change, &["--allow-mismatch"]);
        assert!(done && said.contains(&format!("warning: {words}")), "named where it is allowed: {said}");
    }
}

#[test]
fn another_type_of_numbers_is_drawn_and_told_and_another_place_is_nothing() {
    let (done, said) = drawn_as(|run| run.dtype = "f16".to_owned(), &[]);
    let words = "warning: Expected the type of the numbers f32 as in the recipe, found f16";
    assert!(done && said.contains(words) && said.lines().count() == 1, "{said}");
    let (done, said) = drawn_as(
        |run| {
            run.device = "elsewhere".to_owned();
            run.program_version = "0.0.9".to_owned();
            run.model_id = "a/copy".to_owned();
            run.seed = 7;
        },
        &[],
    );
    assert!(done && said.is_empty(), "{said}");
}

#[test]
fn letters_that_xml_cannot_hold_come_back_from_every_figure() {
    let folder = folder();
    let file = path(folder.path(), "t.safetensors");
    let mut answer = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let run = Arc::make_mut(&mut answer.run);
    run.prompt = "what\u{92}s \u{7f}\u{85}\u{fffe}\u{ffff}\u{2028} this\r\n?".to_owned();
    run.full_prompt = format!("USER: <image>\n{} ASSISTANT:", run.prompt);
    write_trace(Path::new(&file), &answer, &Extras::default()).expect("written");
    for ending in ["svg", "pdf", "png"] {
        let [figure, again] = ["f", "g"].map(|name| path(folder.path(), &format!("{name}.{ending}")));
        let output = gazelens(&["figure", "--trace", &file, "--out", &figure]);
        assert!(output.status.success(), "{}", stderr(&output));
        let bytes = std::fs::read(&figure).expect("a figure");
        let inside = recipe_of(&bytes, Path::new("f")).expect("a recipe is inside");
        assert_eq!(inside.inputs.traces["trace"].run, *answer.run, "{ending}: letter by letter");
        let output = gazelens(&["figure", "--recipe", &figure, "--out", &again]);
        assert!(output.status.success(), "{ending}: {}", stderr(&output));
        assert!(std::fs::read(&again).expect("a figure") == bytes, "{ending}: the same bytes");
    }
}

#[test]
fn an_encoder_is_asked_again_too() {
    let folder = folder();
    let [file, figure, recipe, again] =
        ["t.safetensors", "f.svg", "r.json", "g.svg"].map(|name| path(folder.path(), name));
    let texts = "a dog\na yellow umbrella";
    let output = gazelens(&["trace", "--model", "demo-clip", "--image", PHOTO, "--prompt", texts, "--out", &file]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = gazelens(&["figure", "--trace", &file, "--out", &figure]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mut inside = recipe_of(&std::fs::read(&figure).expect("a figure"), Path::new("f")).expect("inside");
    inside.inputs.traces.values_mut().for_each(|input| input.file = None);
    std::fs::write(&recipe, inside.to_json()).expect("a writable folder");
    let output = gazelens(&["figure", "--recipe", &recipe, "--out", &again]);
    assert!(output.status.success() && stderr(&output).starts_with("Asking again"), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1, "nothing differs: {}", stderr(&output));
}

#[test]
fn a_page_is_of_the_photo_that_was_asked_about() {
    let folder = folder();
    let (file, out) = (path(folder.path(), "t.safetensors"), path(folder.path(), "t.html"));
    let photo = wide(folder.path());
    asked(&photo, "Is there a dog in the image?", "pad", &file);
    let made = gazelens(&["html", "--trace", &file, "--out", &out]);
    assert!(made.status.success(), "{}", stderr(&made));
    // The same name, another photo of the same size; then one of another size that says it was the first.
    let mut other = image::open(&photo).expect("a photo").to_rgb8();
    other.put_pixel(0, 0, image::Rgb([1, 2, 3]));
    other.save(&photo).expect("a PNG file");
    for args in [&["html", "--trace", &file, "--out", &out][..], &["figure", "--trace", &file, "--out", &out]] {
        let sentence = one_sentence(args, 1);
        assert!(sentence.contains("Expected the photo ") && sentence.trim_end().ends_with("wide.png"), "{sentence}");
    }
    image::imageops::crop_imm(&other, 0, 0, 50, 40).to_image().save(&photo).expect("a PNG file");
    let mut trace = TraceFile::read(Path::new(&file)).expect("a trace").trace;
    Arc::make_mut(&mut trace.run).image_hash = gazelens::figure::photo_input(Path::new(&photo)).expect("there").sha256;
    write_trace(Path::new(&file), &trace, &Extras::default()).expect("written");
    for args in [&["html", "--trace", &file, "--out", &out][..], &["figure", "--trace", &file, "--out", &out]] {
        let sentence = one_sentence(args, 1);
        assert!(sentence.contains("as in the trace, found 50 x 40"), "{args:?}: {sentence}");
    }
}

#[test]
fn hostile_traces_end_in_one_sentence() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/hostile");
    let folder = folder();
    for (name, words) in [
        ("trace-2to40-layers-0-heads", "1 to 1024 layers of 1 to 1024 heads"),
        ("trace-encoder-2to20-x-2to20-x-0", "a grid of 1 to 1048576 patches"),
        ("trace-seen-rectangle-1e308", "a rectangle with an area and edges within"),
    ] {
        let file = cases.join(format!("{name}.safetensors"));
        if !file.exists() {
            println!("Not run: {name}, there is no {}", cases.display());
            continue;
        }
        let file = file.display().to_string();
        for (command, out) in [("html", "o.html"), ("figure", "o.svg")] {
            let sentence = one_sentence(&[command, "--trace", &file, "--out", &path(folder.path(), out)], 1);
            assert!(sentence.contains(words) && sentence.trim_end().ends_with(&file), "{sentence}");
        }
    }
    let nested = cases.join("recipe-nested-namespaces-1800.svg");
    if nested.exists() {
        let nested = nested.display().to_string();
        let sentence = one_sentence(&["figure", "--recipe", &nested, "--out", &path(folder.path(), "o.svg")], 1);
        assert!(sentence.contains("XML without a recipe"), "{sentence}");
    } else {
        println!("Not run: deep XML, there is no {}", nested.display());
    }
}

#[test]
fn a_patch_is_not_taken_for_a_number() {
    let dir = folder();
    let of_patch = |patch: &str| {
        let (file, method) = (path(dir.path(), &format!("{patch}.safetensors")), format!("knockout:patches={patch}"));
        let words = ["trace", "--image", PHOTO, "--prompt", "Describe this image in detail."];
        let options = ["--max-new-tokens", "2", "--method", &method, "--out", &file];
        let output = gazelens(&[&words[..], &options].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        file
    };
    let (tenth, first) = (of_patch("3.10"), of_patch("3.1"));
    let (figure, recipe, other) = (path(dir.path(), "f.svg"), path(dir.path(), "f.json"), path(dir.path(), "g.svg"));
    assert!(gazelens(&["figure", "--trace", &tenth, "--out", &figure]).status.success(), "a recipe");
    let sentence = one_sentence(&["figure", "--recipe", &recipe, "--trace", &first, "--out", &other], 1);
    assert!(sentence.contains("interventions"), "column 1 is not column 10: {sentence}");
}
