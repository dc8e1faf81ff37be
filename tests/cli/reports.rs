//! What `trace --json` says of an answer besides its words.

use super::*;
use gazelens::analysis::{ClsVariant, DamroOptions, TokenSet, damro};
use gazelens::trace::file::TraceFile;
use serde_json::{Value, json};

const ANNOTATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/instances.json");

fn described(folder: &Path, more: &[&str]) -> (Value, gazelens::trace::Trace, String) {
    let out = path(folder, "t.safetensors");
    let words = ["trace", "--image", "demo_01_beach.png", "--prompt", "Describe this image in detail."];
    let output = gazelens(&[&words[..], &["--out", &out, "--json"], more].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let json = serde_json::from_slice(&output.stdout).expect("one JSON object");
    (json, TraceFile::read(Path::new(&out)).expect("a trace").trace, out)
}

#[test]
fn an_answer_names_model_photo_prompt_and_method() {
    let dir = folder();
    let more = ["--strategy", "vcd:alpha=0.5", "--intervene", "knockout:patches=1.1", "--temperature", "0.5"];
    let (json, trace, out) = described(dir.path(), &[&more[..], &["--seed", "7", "--max-new-tokens", "6"]].concat());
    let run = &trace.run;
    for (key, expected) in [
        ("model", json!("demo")),
        ("weight_hash", json!(run.weight_hash)),
        ("image", json!("demo_01_beach.png")),
        ("image_hash", json!(run.image_hash)),
        ("image_size", json!([576, 576])),
        ("framing", json!("crop")),
        ("prompt", json!("Describe this image in detail.")),
        ("full_prompt", json!("USER: <image>\nDescribe this image in detail. ASSISTANT:")),
        ("templated", json!(true)),
        ("strategy", json!(run.strategy)),
        ("interventions", json!(run.interventions)),
        ("methods", json!([])),
        ("prompting", Value::Null),
        ("temperature", json!(0.5)),
        ("repetition_penalty", json!(1.0)),
        ("seed", json!(7)),
        ("max_new_tokens", json!(6)),
        ("trace", json!(out)),
    ] {
        assert_eq!(json[key], expected, "{key}");
    }
    assert_eq!((&json["strategy"]["name"], &json["strategy"]["parameters"]["alpha"]), (&json!("vcd"), &json!(0.5)), "");
    let without = ["trace", "--image", "demo_01_beach.png", "--prompt", "Is there a dog?"];
    let output = gazelens(&[&without[..], &["--json"]].concat());
    let json: Value = serde_json::from_slice(&output.stdout).expect("no file is needed with --json");
    assert_eq!((&json["max_new_tokens"], &json["trace"]), (&json!(256), &Value::Null), "the default, and no file");
    refused(&without, 2);
}

#[test]
fn outliers_are_damro_s_figures_under_both_readings() {
    let dir = folder();
    let (json, trace, _) = described(dir.path(), &[]);
    let options = DamroOptions::of(&trace).expect("an encoder with [CLS]");
    let close = |found: &Value, expected: f64| found.as_f64().is_some_and(|found| (found - expected).abs() < 1e-9);
    assert_eq!(json["outliers"]["decoder"], options.decoder_words(), "which layers");
    for variant in ClsVariant::ALL {
        let of = &json["outliers"][variant.id()];
        let rows = of["tokens"].as_array().expect("a row a token");
        assert!(rows.len() > 20, "a description");
        for row in rows {
            let token = row["token"].as_u64().and_then(|token| usize::try_from(token).ok()).expect("a number");
            let expected = damro(&trace, &TokenSet::output(token), &options, variant).expect("figures");
            assert!(close(&row["F"], expected.on_top.expect("it looks")), "F of token {token}: {row}");
            let curve = row["H_i"].as_array().expect("H_1 to H_10");
            assert!(curve.len() == 10 && curve.iter().zip(&expected.overlap).all(|(a, b)| close(a, *b)), "{row}");
            assert_eq!(of["patches"], json!(expected.outliers), "the encoder's largest patches");
            assert!(close(&json["outliers"]["F_by_chance"], expected.on_top_by_chance), "by chance");
        }
        let all = TokenSet::new(
            TokenSet::words(&trace).map(gazelens::analysis::TokenRef::Output),
            gazelens::analysis::Reduce::Mean,
        );
        let expected = damro(&trace, &all, &options, variant).expect("figures");
        assert!(close(&of["F"], expected.on_top.expect("it looks")), "of the whole answer");
    }
}

#[test]
fn an_object_word_has_its_tokens_and_metrics_takes_either() {
    let dir = folder();
    let (json, trace, out) = described(dir.path(), &[]);
    let text = json["text"].as_str().expect("an answer");
    let words = json["object_words"].as_array().expect("object words");
    assert!(words.len() > 3, "the demo names several objects: {text}");
    for word in words {
        let place =
            |key: &str, idx: usize| word[key][idx].as_u64().and_then(|at| usize::try_from(at).ok()).expect("a place");
        let written = &text[place("bytes", 0)..place("bytes", 1)];
        assert_eq!(word["text"], written, "bytes of the printed text");
        let letters: String = text.chars().take(place("characters", 1)).skip(place("characters", 0)).collect();
        assert_eq!(letters, written, "and its characters");
        let tokens = word["tokens"].as_array().expect("tokens");
        let joined: String = tokens
            .iter()
            .filter_map(|token| trace.output.get(usize::try_from(token.as_u64()?).ok()?))
            .map(|token| token.text.as_str())
            .collect();
        assert!(joined.contains(written), "{written} is in its tokens: {joined}");
    }
    let chairs: Vec<&Value> = words.iter().filter(|word| word["category"] == "chair").collect();
    assert!(chairs.len() > 1, "the demo names the chair twice: {text}");
    let base =
        ["metrics", "--annotations", ANNOTATIONS, "--image-id", "1", "--category", "chair", "--trace", &out, "--json"];
    let measured = |more: &[&str]| {
        let output = gazelens(&[&base[..], more].concat());
        assert!(output.status.success(), "{more:?}: {}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).expect("one JSON object")
    };
    let single = chairs.iter().find(|word| word["tokens"].as_array().is_some_and(|tokens| tokens.len() == 1));
    for (place, word) in (1..).zip(&chairs) {
        let found = measured(&["--word", &format!("Chair:{place}")]);
        assert_eq!(found["tokens"], word["tokens"], "the tokens of place {place}");
    }
    if let Some(word) = single {
        let by_token = measured(&["--token", &word["tokens"][0].to_string()]);
        let place = 1 + chairs.iter().position(|other| other == word).expect("one of them");
        assert_eq!(measured(&["--word", &format!("chair:{place}")]), by_token, "the same numbers");
    }
    assert_eq!(measured(&["--word", "image"])["token_text"], " image", "any word of the answer");
    let sentence = one_sentence(&[&base[..], &["--word", "chiar"]].concat(), 1);
    assert!(sentence.contains("(near: chair)") && sentence.trim_end().ends_with(&out), "{sentence}");
    assert_eq!(measured(&["--word", "Chairs"])["tokens"], chairs[0]["tokens"], "in the plural");
    assert_eq!(measured(&["--word", "CHAIRS:2"])["tokens"], chairs[1]["tokens"], "and its second place");
    let said = one_sentence(&[&base[..], &["--word", "chair:9"]].concat(), 1);
    let expected = format!("Expected --word as chair:1 to chair:{}, the places of `chair` in the answer", chairs.len());
    assert!(said.contains(&expected) && said.contains("found chair:9"), "{said}");
    let once = gazelens::analysis::chair::words(text).into_iter().map(|word| word.text);
    let names_nothing = |word: &String| gazelens::analysis::chair::Extractor::default().mentions(word).is_empty();
    let once: Vec<String> = once.filter(|word| word.chars().all(char::is_alphabetic) && names_nothing(word)).collect();
    let once = once.iter().find(|word| once.iter().filter(|other| other == word).count() == 1).expect("a word");
    let said = one_sentence(&[&base[..], &["--word", &format!("{once}:4")]].concat(), 1);
    let expected = format!("Expected --word as {once}, which stands in the answer once, found {once}:4");
    assert!(said.contains(&expected), "{said}");
    refused(&[&base[..], &["--word", "chair:0"]].concat(), 2);
    refused(&base, 2);
}
