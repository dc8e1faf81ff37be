//! `--method`: any method of the registry, and several in order.

use super::{folder, gazelens, one_sentence, path, stderr, stdout, trace_to};
use gazelens::trace::file::TraceFile;
use serde_json::Value;
use std::path::Path;

fn read(path: &str) -> TraceFile {
    TraceFile::read(Path::new(path)).expect("a valid trace")
}

/// A trace with these options, the JSON object beside it.
fn traced(folder: &Path, name: &str, options: &[&str]) -> (TraceFile, Value) {
    let out = path(folder, name);
    let output = trace_to(&out, &[&["--logits", "--json"], options].concat());
    assert!(output.status.success(), "{options:?}: {}", stderr(&output));
    (read(&out), serde_json::from_slice(&output.stdout).expect("one JSON object"))
}

#[test]
fn a_method_is_the_same_by_either_option_down_to_the_trace() {
    let folder = folder();
    let knockout = "knockout:patches=0.0+3.4";
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("strategy", &["--strategy", "vcd:alpha=1.5"], &["--method", "vcd:alpha=1.5"]),
        ("intervention", &["--intervene", knockout], &["--method", knockout]),
        (
            "both",
            &["--intervene", "pai", "--intervene", knockout, "--strategy", "damro"],
            &["--intervene", "pai", "--method", "damro", "--method", knockout],
        ),
        ("mixed", &["--intervene", "pai", "--strategy", "icd"], &["--method", "icd", "--intervene", "pai"]),
    ];
    for (name, older, newer) in cases {
        let (older, _) = traced(folder.path(), &format!("{name}-older"), older);
        let (newer, json) = traced(folder.path(), &format!("{name}-newer"), newer);
        assert_eq!(newer.trace.run, older.trace.run, "{name}: the run");
        assert!(newer.trace.run.methods.is_empty(), "{name}: the older words say everything");
        assert_eq!(json["methods"], serde_json::json!([]), "{name}: in JSON too");
        assert_eq!(newer.trace.output, older.trace.output, "{name}: every token and what was done to it");
        assert_eq!(newer.extras, older.extras, "{name}: logits");
    }
}

#[test]
fn strategies_stack_and_the_trace_says_so() {
    let folder = folder();
    let spec = ["--method", "vcd:alpha=1.5", "--method", "damro:k=7,beta=0.3", "--intervene", "pai"];
    let (TraceFile { trace, extras }, json) = traced(folder.path(), "stack", &spec);
    let names = |specs: &[gazelens::trace::SpecInfo]| specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>();
    assert_eq!(trace.run.strategy.name, "vcd", "the first strategy");
    assert_eq!(names(&trace.run.interventions), ["pai"], "interventions in their place");
    assert_eq!(names(&trace.run.methods), ["damro"], "what neither says");
    assert_eq!(trace.run.methods[0].parameters["k"], 7.0, "with every parameter");
    let tokens = trace.output.len();
    assert!(tokens > 0, "an answer");
    for rows in [&extras.logits, &extras.negative_logits, &extras.final_logits] {
        assert_eq!(rows.len(), tokens, "a row for every token");
    }
    assert_eq!(extras.outlier_tokens.as_ref().map(Vec::len), Some(7), "DAMRO's patches");
    let (alone, _) = traced(folder.path(), "vcd", &["--method", "vcd:alpha=1.5", "--intervene", "pai"]);
    let worst = extras.negative_logits[0].iter().zip(&alone.extras.negative_logits[0]).map(|(a, b)| (a - b).abs());
    assert!(worst.fold(0.0, f32::max) < 1e-3, "the first further branch is that of the strategy");
    for (t, token) in trace.output.iter().enumerate() {
        assert!(token.contrast.is_none(), "two contrasts are not one");
        let [vcd, damro] = token.actions.as_slice() else { panic!("two actions, found {:?}", token.actions) };
        assert_eq!((vcd.method.as_str(), damro.method.as_str()), ("vcd", "damro"), "in order");
        assert_eq!((vcd.after_id, damro.after_id), (damro.before_id, token.id), "one behind the other");
        let removed = extras.final_logits[t].iter().filter(|logit| logit.is_infinite()).count();
        assert_eq!(vcd.num_removed + damro.num_removed, removed, "what both removed");
        assert_eq!(json["tokens"][t]["actions"][1]["method"], "damro", "in JSON");
    }
    // Another order is another run, and is compared as one.
    let (turned, _) = traced(folder.path(), "turned", &["--method", "damro:k=7,beta=0.3", "--method", "vcd:alpha=1.5"]);
    assert!(!trace.run.asks_the_same(&turned.trace.run), "another order");
}

#[test]
fn a_stack_that_changes_nothing_says_so() {
    let folder = folder();
    let spec = ["--method", "vcd:alpha=0,beta=0", "--method", "damro:alpha=2,beta=0.1"];
    let (TraceFile { trace, .. }, _) = traced(folder.path(), "idle", &spec);
    let idle: Vec<_> = trace.warnings.iter().filter(|text| text.contains("changed nothing")).collect();
    assert_eq!(idle, ["The strategy vcd changed nothing in this run"], "only the one that did nothing");
}

#[test]
fn methods_that_cannot_work_are_refused_in_a_sentence() {
    let folder = folder();
    let out = path(folder.path(), "t");
    let trace = ["trace", "--image", "demo_01_beach.png", "--prompt", "x", "--out", &out];
    let ids: Vec<_> = gazelens::engine::catalog().methods.iter().map(|entry| entry.id).collect();
    let known = format!("Expected one of the methods {}, found", ids.join(", "));
    for (specs, expected) in [
        (&["vdc"][..], format!("{known} vdc (near: vcd")),
        (&["vcd", "knockuot:patches=0.0"], format!("{known} knockuot (near: knockout)")),
        (
            &["vaf:gamma=1"],
            "Expected vaf to get only the parameters enhance, suppress, start, end, found gamma".to_owned(),
        ),
        (&["deco:top-p=0"], "Expected deco to get top-p as a number above 0 and up to 1, found 0".to_owned()),
        (&["vti"], "Expected vti to get directions as a safetensors file, found nothing".to_owned()),
        (&["eah:layer=99"], "Expected eah to get layer as a whole number from 0 to".to_owned()),
        (&["vcd", "damro:k=145"], "as a whole number from 1 to 144, found 145".to_owned()),
        (&["knockout"], "Expected knockout to get patches as ROW.COL".to_owned()),
        (&["opera", "opera"], "Expected 1 beam and no other search with opera".to_owned()),
        (&["sid:k=145"], "as a whole number from 1 to 144, found 145".to_owned()),
    ] {
        let options = specs.iter().flat_map(|spec| ["--method", *spec]);
        let sentence = one_sentence(&trace.iter().copied().chain(options).collect::<Vec<_>>(), 2);
        assert!(sentence.contains(&expected), "{specs:?}: {sentence}");
        assert!(!Path::new(&out).exists(), "{specs:?}: nothing is written");
    }
}

#[test]
fn a_suffix_needs_a_question_and_a_description_may_be_a_file() {
    let folder = folder();
    let out = path(folder.path(), "t");
    let raw =
        ["trace", "--image", "demo_01_beach.png", "--raw-prompt", "USER: <image>\nIs it? ASSISTANT:", "--out", &out];
    let sentence = one_sentence(&[&raw[..], &["--method", "yes-suffix"]].concat(), 2);
    assert!(sentence.contains("Expected a question for yes-suffix, found a raw prompt"), "{sentence}");
    let (suffixed, _) = traced(folder.path(), "suffixed", &["--method", "yes-suffix"]);
    assert!(suffixed.trace.run.full_prompt.contains(" Answer yes whenever possible. ASSISTANT:"), "in the question");

    let description = folder.path().join("description.txt");
    std::fs::write(&description, "A beach, a dog, a kite. \n").expect("a file");
    let spec = format!("vdgd:description=@{}", description.display());
    let (TraceFile { trace, .. }, _) = traced(folder.path(), "described", &["--method", &spec]);
    let words = "<image>\nThe input image is described as follows: A beach, a dog, a kite. ";
    assert!(trace.run.full_prompt.contains(words), "{}", trace.run.full_prompt);
}

#[test]
fn methods_are_listed_all_together() {
    let ids = |what: &str| {
        let json: Value = serde_json::from_slice(&gazelens(&["list", what, "--json"]).stdout).expect("a JSON array");
        let all = json.as_array().expect("an array").clone();
        all.into_iter().map(|entry| entry["id"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let both = [ids("strategies"), ids("interventions")].concat();
    let methods = ids("methods");
    assert!(both.iter().all(|id| methods.contains(id)), "{methods:?} has {both:?}");
    assert_eq!(methods.iter().filter(|id| *id == "pai").count(), 1, "a name is listed once");
    let text = stdout(&gazelens(&["list", "methods"]));
    assert!(text.contains("preset=official") && text.contains("patches="), "{text}");
    assert!(one_sentence(&["list", "method"], 2).contains("methods"), "near names are offered");
}

#[test]
fn directions_are_made_of_photos_and_pairs_and_vti_takes_them() {
    let folder = folder();
    let (pairs, out) = (path(folder.path(), "pairs.jsonl"), path(folder.path(), "d.safetensors"));
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");
    let line = |image: &str, right: &str, wrong: &str| {
        serde_json::json!({"image": image, "value": right, "h_value": wrong, "co_objects": []}).to_string()
    };
    let lines = [
        line("demo_01_beach.png", "A beach with a ball.", "A beach with a ball and a dog."),
        line("demo_04_park.png", "A park.", "A park with a bench and a bird."),
    ];
    std::fs::write(&pairs, lines.join("\n")).expect("a file");
    let command = ["directions", "vti", "--images", images, "--pairs", &pairs, "--out", &out, "--masks", "2"];
    let output = gazelens(&command);
    assert!(output.status.success(), "{}", stderr(&output));
    let sentence = stdout(&output);
    assert!(sentence.starts_with("Directions for ") && sentence.contains(" from 2 pairs; "), "{sentence}");
    let first = std::fs::read(&out).expect("a file");
    assert!(gazelens(&command).status.success() && std::fs::read(&out).expect("a file") == first, "the same bytes");
    let spec = format!("vti:directions={out},vision=2,text=2");
    let (steered, _) = traced(folder.path(), "steered", &["--method", &spec]);
    let (plain, _) = traced(folder.path(), "plain", &[]);
    assert_ne!(steered.extras.logits[0], plain.extras.logits[0], "the first token on");
    assert_eq!(steered.trace.run.methods[0].parameters["directions"], out.as_str(), "the run names the file");

    let mean = [&command[..], &["--vision-tokens", "mean"]].concat();
    assert!(gazelens(&mean).status.success() && first.len() > 400_000, "a direction for every token of every layer");
    let small = std::fs::metadata(&out).expect("a file").len();
    assert!(small < 10_000, "one for each layer: {small} bytes");
    let (steered, _) = traced(folder.path(), "small", &["--method", &spec]);
    assert_ne!(steered.extras.logits[0], plain.extras.logits[0], "and it steers");

    std::fs::remove_file(&out).expect("removed");
    for (text, expected) in [
        ("", "Expected pairs of captions, a JSON object a line, found an empty file: "),
        ("x", "Expected a JSON object in line 1, found something else: "),
        (r#"{"image": "a.png", "value": "A."}"#, "Expected `h_value` as text in line 1, found none: "),
    ] {
        std::fs::write(&pairs, text).expect("a file");
        let sentence = one_sentence(&command, 1);
        assert!(sentence.contains(expected) && sentence.trim_end().ends_with("pairs.jsonl"), "{sentence}");
        assert!(!Path::new(&out).exists(), "nothing is written");
    }
    std::fs::write(&pairs, line("nowhere.png", "A.", "B.")).expect("a file");
    assert!(one_sentence(&command, 1).contains("nowhere.png"), "the photo is named");
}

#[test]
fn directions_of_the_demo_steer_it_and_no_other_model() {
    let folder = folder();
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/vti.safetensors")).expect("a file");
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("safetensors");
    let run = metadata.metadata().as_ref().and_then(|all| all.get("run")).expect("where they come from").clone();
    let run: Value = serde_json::from_str(&run).expect("a JSON object");
    let photos: std::collections::BTreeSet<_> =
        run["pairs"].as_array().expect("photos").iter().filter_map(Value::as_str).collect();
    assert_eq!(photos.len(), gazelens::data::demo::IMAGES.len(), "from every bundled photo");
    let (steered, _) = traced(folder.path(), "steered", &["--method", "vti:directions=demo"]);
    let (plain, _) = traced(folder.path(), "plain", &[]);
    assert_ne!(steered.extras.logits[0], plain.extras.logits[0], "the first token on");
    assert_eq!(steered.trace.run.methods[0].parameters["directions"], "demo", "the run says whose");
    assert_eq!(run["weight_hash"], steered.trace.run.weight_hash.as_str(), "made with the model that is bundled");

    // The same shapes with another weight.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).expect("a folder");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/llava")).expect("a folder") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), other.join(entry.file_name())).expect("copied");
    }
    let weights = other.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).expect("weights");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&weights, bytes).expect("written");
    let (other, out) = (other.display().to_string(), path(folder.path(), "t"));
    let trace = ["trace", "--model", &other, "--image", "demo_01_beach.png", "--prompt", "x", "--out", &out];
    let sentence = one_sentence(&[&trace[..], &["--method", "vti:directions=demo"]].concat(), 2);
    let expected = "Expected vti to get directions as a safetensors file for this model, because demo fits the bundled \
        model alone, found demo";
    assert!(sentence.contains(expected), "{sentence}");
}

#[test]
fn heads_are_ranked_by_judged_words_and_ad_hh_takes_the_list() {
    let folder = folder();
    let (words, out) = (path(folder.path(), "words.jsonl"), path(folder.path(), "h.json"));
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");
    let line = |image: &str, answer: &str, word: &str, hallucinated: bool| {
        let value = serde_json::json!({"image": image, "answer": answer, "word": word, "hallucinated": hallucinated});
        value.to_string()
    };
    let lines = [
        line("demo_01_beach.png", "A chair and a", " dog", true),
        line("demo_01_beach.png", "A", " chair", false),
        line("demo_04_park.png", "A park with a", " bird", true),
        line("demo_04_park.png", "A person on a", " bench", false),
    ];
    std::fs::write(&words, lines.join("\n")).expect("a file");
    let command = ["heads", "--images", images, "--words", &words, "--out", &out, "--top", "3"];
    let output = gazelens(&command);
    assert!(output.status.success(), "{}", stderr(&output));
    let sentence = stdout(&output);
    let expected = "3 of 4 x 4 heads by 2 hallucinated and 2 grounded words of 2 photos: ";
    assert!(sentence.starts_with(expected), "{sentence}");
    let bytes = std::fs::read(&out).expect("a file");
    let file: Value = serde_json::from_slice(&bytes).expect("JSON");
    let listed: Vec<&str> = file["heads"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(listed.join("+"), sentence[expected.len()..].trim_end(), "the same list");
    assert_eq!(file["scores"].as_array().map(Vec::len), Some(4), "a row a layer");
    assert_eq!(file["ranked_by"], "words.jsonl", "whose words they were");
    assert!(gazelens(&command).status.success() && std::fs::read(&out).expect("a file") == bytes, "the same bytes");

    let (edited, _) = traced(folder.path(), "edited", &["--method", &format!("ad-hh:heads={out},threshold=0")]);
    let spelled = edited.trace.run.methods[0].parameters["heads"].clone();
    assert_eq!(spelled, listed.join("+").as_str(), "the run names the heads");
    let (plain, _) = traced(folder.path(), "plain", &[]);
    assert_ne!(edited.extras.logits[0], plain.extras.logits[0], "and they are silent");
    assert_eq!(edited.trace.run.weight_hash, file["weight_hash"].as_str().expect("a hash"), "of this model");

    std::fs::remove_file(&out).expect("removed");
    for (text, expected) in [
        ("", "Expected judged words, a JSON object a line, found an empty file: "),
        ("x", "Expected a JSON object in line 1, found something else: "),
        (r#"{"image": "a.png", "answer": "A"}"#, "Expected `word` as text in line 1, found none: "),
        (
            r#"{"image": "a.png", "answer": "A", "word": " dog"}"#,
            "Expected `hallucinated` as true or false in line 1, found neither: ",
        ),
        (lines[0].as_str(), "Expected hallucinated and grounded words to rank heads by, found 1 and 0: "),
    ] {
        std::fs::write(&words, text).expect("a file");
        let sentence = one_sentence(&command, 1);
        assert!(sentence.contains(expected) && sentence.trim_end().ends_with("words.jsonl"), "{sentence}");
        assert!(!Path::new(&out).exists(), "nothing is written");
    }
    for (text, found) in [("x", "no JSON"), ("{}", "no list `heads`"), (r#"{"heads": []}"#, "an empty list `heads`")] {
        std::fs::write(&out, text).expect("a file");
        let spec = format!("ad-hh:heads={out}");
        let trace = ["trace", "--image", "demo_01_beach.png", "--prompt", "x", "--json", "--method", &spec];
        let sentence = one_sentence(&trace, 1);
        let expected = format!("Expected a file of `gazelens heads` as heads of ad-hh, found {found}: ");
        assert!(sentence.contains(&expected) && sentence.trim_end().ends_with("h.json"), "{sentence}");
    }
}

#[test]
fn heads_are_ranked_by_what_a_model_says_of_annotated_photos() {
    let folder = folder();
    let (annotations, out) = (path(folder.path(), "instances.json"), path(folder.path(), "h.json"));
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");
    let demo = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/instances.json"));
    let mut truth: Value = serde_json::from_str(&demo.expect("the bundled annotations")).expect("JSON");
    // Of some photos nothing is known to be there, so that what is said of them is hallucinated.
    let empty: Vec<u64> =
        truth["images"].as_array().expect("images").iter().take(6).filter_map(|one| one["id"].as_u64()).collect();
    let kept = |one: &Value| !one["image_id"].as_u64().is_some_and(|id| empty[..3].contains(&id));
    truth["annotations"].as_array_mut().expect("objects").retain(kept);
    truth["images"].as_array_mut().expect("images").truncate(empty.len());
    truth["annotations"]
        .as_array_mut()
        .expect("objects")
        .retain(|one| one["image_id"].as_u64().is_some_and(|id| empty.contains(&id)));
    std::fs::write(&annotations, truth.to_string()).expect("a file");
    let command = ["heads", "--images", images, "--annotations", &annotations, "--out", &out, "--max-new-tokens", "24"];
    let output = gazelens(&command);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("6 of 6 photos described"), "told photo by photo: {}", stderr(&output));
    assert!(stdout(&output).contains(" of 4 x 4 heads by "), "{}", stdout(&output));
    let file: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("JSON");
    assert_eq!(file["ranked_by"], "instances.json", "what judged the words");
    assert_eq!(file["max_new_tokens"], 24, "how long its answers were");
    assert!(file["prompt"].as_str().is_some_and(|prompt| !prompt.is_empty()), "what was asked");
    for words in ["num_hallucinated_words", "num_grounded_words", "num_photos"] {
        assert!(file[words].as_u64() > Some(0), "{words}: {file}");
    }

    std::fs::remove_file(&out).expect("removed");
    let nowhere = folder.path().display().to_string();
    let sentence = one_sentence(&["heads", "--images", &nowhere, "--annotations", &annotations, "--out", &out], 1);
    assert!(sentence.contains("Expected photos of ") && sentence.contains("in the folder, found none"), "{sentence}");
    let words = ["heads", "--images", images, "--words", "w", "--annotations", &annotations, "--out", &out];
    assert_eq!(gazelens(&words).status.code(), Some(2), "one of both");
    assert!(!Path::new(&out).exists(), "nothing is written");
}
