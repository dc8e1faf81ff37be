//! Words of panels by what they are: found anew in every answer, and never another word in their place.

use super::figure_subjects::{HEADS, LAYERS, SIDE, decoder, trace};
use super::{folder, gazelens, path, stderr};
use gazelens::analysis::{Pick, Reduce};
use gazelens::figure::meaning::{described, object_words, occurrences, word_at};
use gazelens::figure::recipe::{Colour, Layout, MapSpec, Mark, ObjectWords, Panel, PlotKind, Show, Tokens, Verdict};
use gazelens::figure::{Figure, Given, Inputs, Mismatches, Recipe, demo_annotations};
use gazelens::trace::file::write_trace;
use gazelens::trace::{Extras, Trace};
use std::path::Path;
use std::sync::Arc;

/// Its object words: umbrella (2 to 3), dog (5), chair (7), umbrellas (9 to 10). "beach" is in pieces, "the" is there
/// twice.
const FIRST: [&str; 17] = [
    " A", " red", " um", "brella", ",", " Dog", " and", " chair", " near", " umb", "rellas", " at", " the", " b", "ea",
    "ch", " the",
];
/// Its only object word is the umbrella, at another place.
const SECOND: [&str; 4] = [" An", " umbrella", ".", "</s>"];

fn answer(words: &[&str]) -> Trace {
    trace(words, [LAYERS, HEADS, SIDE], 7)
}

fn map(tokens: Tokens) -> Panel {
    Panel::new(Show::Map { map: decoder(tokens), outline: None, grid_lines: false })
}

fn word(word: &str, occurrence: Option<usize>) -> Tokens {
    Tokens { word: Some(word.to_owned()), occurrence, ..Tokens::default() }
}

fn object(nr: usize) -> Tokens {
    Tokens { object_word: Some(nr), ..Tokens::default() }
}

fn hallucinated() -> Tokens {
    Tokens { first_hallucinated: Some("truth".to_owned()), ..Tokens::default() }
}

fn recipe(trace: &Trace, panels: Vec<Panel>) -> Recipe {
    let mut recipe = Recipe::new(Layout { columns: 2, dpi: 60, ..Layout::default() }, Colour::default());
    recipe.add_trace("a", trace, None);
    recipe.inputs.annotations.insert("truth".to_owned(), demo_annotations());
    recipe.panels = panels;
    recipe
}

fn figure(trace: &Trace, panels: Vec<Panel>) -> Figure {
    let recipe = recipe(trace, panels);
    let mut given = Given::default();
    given.traces.insert("a".to_owned(), Arc::new(trace.clone()));
    let inputs = Inputs::open(&recipe, given, None, Mismatches::Refused).expect("everything is there");
    Figure::new(&recipe, &inputs).expect("can be drawn")
}

/// The values of a panel, or what stands in its place.
fn values(figure: &Figure, idx: usize) -> Result<Vec<f32>, String> {
    let panel = &figure.resolved().panels[idx];
    match &panel.absent {
        Some(why) => Err(why.clone()),
        None => Ok(panel.data.tensor.clone().expect("a map").2),
    }
}

#[test]
fn a_meaning_is_the_same_as_its_token_numbers_and_found_anew_in_another_answer() {
    let meanings = [
        object(1),
        object(2),
        object(4),
        word("BEACH", None),
        word("the", Some(2)),
        word("umbrella", None),
        word("red umbrella", None),
    ];
    let by_number: [&[usize]; 7] = [&[2, 3], &[5], &[9, 10], &[13, 14, 15], &[16], &[2, 3], &[1, 2, 3]];
    let first = figure(&answer(&FIRST), meanings.iter().cloned().map(map).collect());
    let numbers = by_number.map(|places| map(Tokens { output: places.to_vec(), ..Tokens::default() }));
    let same = figure(&answer(&FIRST), numbers.to_vec());
    for idx in 0..meanings.len() {
        assert_eq!(values(&first, idx), values(&same, idx), "{:?} is tokens {:?}", meanings[idx], by_number[idx]);
    }
    assert!(first.warnings().is_empty(), "every word is there: {:?}", first.warnings());
    let caption = |idx: usize| first.resolved().panels[idx].caption.clone();
    assert!(caption(1).contains("“Dog” is object word 2 of 4"), "which one it is: {}", caption(1));
    assert!(caption(3).contains("mean over tokens 13 to 15 “beach”"), "the rule over pieces: {}", caption(3));
    assert!(caption(4).contains("occurrence 2 of 2"), "which one it is: {}", caption(4));

    let second = figure(&answer(&SECOND), meanings.iter().cloned().map(map).collect());
    let one = figure(&answer(&SECOND), vec![map(Tokens { output: vec![1], ..Tokens::default() })]);
    assert_eq!(values(&second, 0), values(&one, 0), "the first object word is another token here");
    assert_eq!(values(&second, 5), values(&one, 0), "the word is another token here");
    assert_eq!(
        values(&second, 1).expect_err("there is none"),
        "The answer has 1 object word, so none with number 2",
        "never another token"
    );
    assert_eq!(values(&second, 3).expect_err("there is none"), "The answer has no word “BEACH”", "in words");
    let warnings = second.warnings();
    assert!(warnings.contains(&"Panel 4 is empty: The answer has no word “BEACH”".to_owned()), "told: {warnings:?}");
    assert_eq!(warnings.len(), 5, "one each: {warnings:?}");
    let drawn: Vec<&str> = second.scene().texts().map(|text| text.text.as_str()).collect();
    assert!(drawn.join(" ").contains("no word “BEACH”"), "the reason stands in the panel: {drawn:?}");
}

#[test]
fn the_largest_of_the_pieces_is_named_too() {
    let tokens = Tokens { together: Reduce::Max, ..word("beach", None) };
    let made = figure(&answer(&FIRST), vec![map(tokens)]);
    let caption = &made.resolved().panels[0].caption;
    assert!(caption.contains("max over tokens 13 to 15 “beach”"), "{caption}");
}

#[test]
fn the_first_hallucinated_word_is_that_of_the_annotations() {
    // The beach has an umbrella and no dog.
    let made = figure(&answer(&FIRST), vec![map(hallucinated()), map(object(2))]);
    let caption = &made.resolved().panels[0].caption;
    assert_eq!(values(&made, 0), values(&made, 1), "the dog: {caption}");
    assert!(caption.contains("“Dog” is the first hallucinated word, by the annotations"), "{caption}");
    let none = figure(&answer(&SECOND), vec![map(hallucinated())]);
    assert!(values(&none, 0).expect_err("the umbrella is there").contains("no hallucinated"), "in words");
    let mut elsewhere = answer(&FIRST);
    let mut run = (*elsewhere.run).clone();
    let photo = gazelens::data::demo::image("demo_05_park.png").expect("bundled").photo().expect("decodes");
    let folder = folder();
    let copy = folder.path().join("not_annotated.png");
    let rgb = image::RgbImage::from_raw(photo.width_px, photo.height_px, photo.rgb.to_vec()).expect("fits");
    rgb.save(&copy).expect("a writable folder");
    run.image_path = copy.display().to_string();
    run.image_hash = gazelens::data::Photo::open(&copy).expect("decodes").sha256;
    elsewhere.run = Arc::new(run);
    let unknown = figure(&elsewhere, vec![map(hallucinated())]);
    assert!(values(&unknown, 0).expect_err("nobody knows").contains("do not say what is in this photo"), "in words");
}

#[test]
fn plots_and_marks_go_by_meaning_too() {
    let plot = |plot: PlotKind| Panel::new(Show::Plot { of: "a".to_owned(), plot });
    let (layers, heads) = (Pick::default(), Pick::default());
    let all = |verdict: Verdict| ObjectWords { verdict, annotations: Some("truth".to_owned()) };
    let mark = |verdict: Verdict, label: &str| Mark {
        tokens: Tokens { objects: Some(all(verdict)), ..Tokens::default() },
        label: label.to_owned(),
    };
    let marks = vec![mark(Verdict::Grounded, "there"), mark(Verdict::Hallucinated, "not there")];
    let panels = vec![
        plot(PlotKind::Candidates { token: 0, word: Some(object(2)), most: 3 }),
        plot(PlotKind::Split { words: vec![object(2), object(3)], layers, heads }),
        Panel::new(Show::Answer { of: "a".to_owned(), question: false, marks, shade: None }),
    ];
    let first = figure(&answer(&FIRST), panels.clone());
    assert!(first.resolved().panels[0].caption.starts_with("Token 5 “Dog”"), "{}", first.resolved().panels[0].caption);
    let rows = &first.resolved().panels[2].data.table;
    let marked =
        |label: &str| -> Vec<&str> { rows.iter().filter(|row| row[4] == label).map(|row| row[1].trim()).collect() };
    assert_eq!(marked("there"), ["um", "brella", "chair", "umb", "rellas"], "what the annotations have");
    assert_eq!(marked("not there"), ["Dog"], "what they do not have");
    let second = figure(&answer(&SECOND), panels);
    let absent: Vec<bool> = second.resolved().panels.iter().map(|panel| panel.absent.is_some()).collect();
    assert_eq!(absent, [true, true, false], "plots of words that are not there are empty");
    assert!(second.resolved().panels[2].caption.contains("no hallucinated object word"), "marks are told");
}

#[test]
fn words_are_found_at_their_edges_in_every_script() {
    let trace = answer(&[
        " A", " cat", "alogue", " of", " cats", ",", " cat", "-food", ".", "一只", "棕色", "的狗", " Éclair", " T",
        "-shirt",
    ]);
    let places = |word: &str| occurrences(&trace, word).into_iter().map(|word| word.tokens).collect::<Vec<_>>();
    assert_eq!(places("cat"), [vec![6]], "not inside of another word");
    assert_eq!(places("Catalogue"), [vec![1, 2]], "in pieces");
    assert_eq!(places("狗"), [vec![11]], "scripts without spaces");
    assert_eq!(places("éclair"), [vec![12]], "large and small letters");
    assert_eq!(places("t-shirt"), [vec![13, 14]], "with a sign inside");
    assert!(places("").is_empty() && places(" ").is_empty() && places("zebra").is_empty(), "nothing");
    assert_eq!(word_at(&trace, &[4]), Some(("cats".to_owned(), 1)), "and back");
    assert_eq!(word_at(&trace, &[1]), None, "a piece is no word");
}

#[test]
fn held_words_become_what_they_are() {
    let trace = answer(&FIRST);
    let held = |output: &[usize]| Tokens { output: output.to_vec(), ..Tokens::default() };
    let objects = std::iter::once("umbrella").collect();
    let judged = Some(("truth", &objects));
    assert_eq!(described(&trace, &held(&[5]), judged), Some(hallucinated()), "hallucinated, and the first");
    assert_eq!(described(&trace, &held(&[5]), None), Some(object(2)), "nobody knows");
    assert_eq!(described(&trace, &held(&[7]), judged), Some(object(3)), "hallucinated, and not the first");
    assert_eq!(described(&trace, &held(&[2, 3]), judged), Some(object(1)), "of two pieces");
    assert_eq!(described(&trace, &held(&[13, 14, 15]), judged), Some(word("beach", None)), "a word");
    assert_eq!(described(&trace, &held(&[16]), judged), Some(word("the", Some(2))), "its second place");
    assert_eq!(described(&trace, &held(&[2]), judged), None, "a piece stays a number");
    assert_eq!(described(&trace, &held(&[1, 7]), judged), None, "two words stay numbers");
    assert_eq!(described(&trace, &held(&[]), judged), None, "the whole answer stays that");
    assert_eq!(object_words(&trace).len(), 4, "every mention counts");
}

#[test]
fn recipes_keep_meanings_and_those_of_before_open_unchanged() {
    let trace = answer(&FIRST);
    let odd = "猫 é “x” \u{2028}\u{92}🏖";
    let panels = vec![map(word(odd, Some(2))), map(object(3)), map(hallucinated())];
    let before = recipe(&trace, panels);
    let again = Recipe::from_json(&before.to_json(), Path::new("r.json")).expect("a recipe");
    assert_eq!((&again, again.to_json()), (&before, before.to_json()), "letter by letter");
    let old = recipe(&trace, vec![map(Tokens { output: vec![5], ..Tokens::default() })]);
    let json = old.to_json();
    assert!(!json.contains("occurrence") && !json.contains("object_word"), "nothing new in old recipes: {json}");
    assert_eq!(Recipe::from_json(&json, Path::new("r.json")).expect("a recipe"), old, "as they were");
    for (bad, why) in [(object(0), "counted from 1"), (Tokens { occurrence: Some(1), ..Tokens::default() }, "`word`")] {
        let refused = recipe(&trace, vec![map(bad)]);
        let found = Recipe::from_json(&refused.to_json(), Path::new("r.json")).expect_err("refused").to_string();
        assert!(found.contains(why), "{found}");
    }
    let MapSpec::Decoder { tokens, .. } = decoder(object(1)) else { panic!("a decoder's map") };
    let json = serde_json::to_string(&tokens).expect("can be written");
    assert_eq!(json, r#"{"object_word":1,"together":"mean"}"#, "as documented");
}

#[test]
fn a_batch_finds_the_words_of_every_photo_and_tells_where_there_is_none() {
    let folder = folder();
    let (first, second) = (answer(&FIRST), answer(&SECOND));
    let (recipe_path, list) = (path(folder.path(), "r.json"), path(folder.path(), "list.txt"));
    let panels = vec![map(object(1)), map(object(2))];
    std::fs::write(&recipe_path, recipe(&first, panels).to_json()).expect("a writable folder");
    for (name, trace) in [("first", &first), ("second", &second)] {
        let file = folder.path().join(format!("{name}.safetensors"));
        write_trace(&file, trace, &Extras::default()).expect("a writable folder");
    }
    std::fs::write(&list, "first.safetensors\nsecond.safetensors\n").expect("a writable folder");
    let out = path(folder.path(), "of_{name}.svg");
    let output = gazelens(&["figure", "--recipe", &recipe_path, "--images", &list, "--out", &out]);
    let told = stderr(&output);
    assert!(output.status.success(), "both are made: {told}");
    let empty = "Panel 2 is empty: The answer has 1 object word, so none with number 2";
    assert_eq!(told.matches(empty).count(), 1, "told once, of the second: {told}");
    let svg = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
    assert!(svg("of_first.svg").contains(">(b) Decoder, “Dog”<"), "the second object word");
    assert!(svg("of_second.svg").contains("none with number 2"), "the reason in its place");
    assert!(!svg("of_second.svg").contains("(b) Decoder"), "and no other word");
}

#[test]
fn what_is_one_is_said_in_the_singular() {
    let one = answer(&["Yes"]);
    let asked = Panel::new(Show::Answer { of: "a".to_owned(), question: false, marks: Vec::new(), shade: None });
    let spans = |last| {
        let map = MapSpec::Decoder {
            of: "a".to_owned(),
            tokens: Tokens::default(),
            layers: Pick::Span { first: 0, last, reduce: Reduce::Mean },
            heads: Pick::One(0),
            normalisation: gazelens::analysis::Normalisation::Raw,
            suppress_sink: false,
        };
        Panel::new(Show::Map { map, outline: None, grid_lines: false })
    };
    let drawn = figure(&one, vec![map(Tokens::default()), asked.clone(), spans(0), spans(1)]);
    let captions: Vec<&str> = drawn.resolved().panels.iter().map(|panel| panel.caption.as_str()).collect();
    assert!(captions[0].contains("token 0 “Yes”"), "{captions:?}");
    assert!(captions[1].ends_with(", 1 token"), "{captions:?}");
    assert!(captions[2].contains("layer 0, head 0"), "{captions:?}");
    assert!(captions[3].contains("mean over layers 0 to 1"), "{captions:?}");
    let drawn = figure(&answer(&FIRST), vec![map(Tokens::default()), asked]);
    let captions: Vec<&str> = drawn.resolved().panels.iter().map(|panel| panel.caption.as_str()).collect();
    assert!(captions[0].contains("mean over all 17 answer tokens"), "{captions:?}");
    assert!(captions[1].ends_with(", 17 tokens"), "{captions:?}");
}
