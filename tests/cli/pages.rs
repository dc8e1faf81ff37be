//! `gazelens html`: one trace as a page, clicked through in a real browser where there is one.

use super::figure_subjects::trace;
use super::{folder, gazelens, one_sentence, path, stderr};
use gazelens::figure::html::{MOST_BYTES, page};
use gazelens::trace::file::write_trace;
use gazelens::trace::{AttentionRow, Extras, RowPrecision, Trace};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const PHOTO: &str = "demo_01_beach.png";

fn photo() -> gazelens::data::Photo {
    gazelens::data::demo::image(PHOTO).expect("bundled").photo().expect("decodes")
}

#[test]
fn a_hundred_tokens_of_a_7b_model_fit_a_page() {
    let words: Vec<String> = (0..100).map(|idx| format!(" word{idx}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let html = page(&trace(&words, [32, 32, 24], 3), &photo()).expect("fits");
    assert!(html.len() <= MOST_BYTES, "{} bytes, at most {MOST_BYTES}", html.len());
    for kept in [
        "mean over 32 heads of all 32 layers, for each of 100 tokens",
        "mean over the whole answer",
        "[CLS] of all 32 layers",
    ] {
        assert!(html.contains(kept), "the page says that it keeps the {kept}");
    }
    let fetched = ["http://", "https://", "src=\"//", "@import", "url("];
    assert!(fetched.iter().all(|part| !html.contains(part)), "nothing is fetched");
    assert_eq!(html.matches("<script").count(), 3, "text of the trace starts no script");
}

#[test]
fn the_whole_answer_of_a_page_is_its_words() {
    let folder = folder();
    let [out, html] = ["t.safetensors", "p.html"].map(|name| path(folder.path(), name));
    let asked = gazelens(&["trace", "--image", PHOTO, "--prompt", "Is there a boat in the image?", "--out", &out]);
    assert!(asked.status.success(), "{}", stderr(&asked));
    let written = gazelens(&["html", "--trace", &out, "--out", &html]);
    assert!(written.status.success(), "{}", stderr(&written));
    let trace = gazelens::trace::file::TraceFile::read(Path::new(&out)).expect("a trace").trace;
    let words: Vec<String> =
        (0..trace.output.len()).filter(|&idx| !trace.output[idx].special).map(|idx| idx.to_string()).collect();
    assert!(words.len() < trace.output.len(), "the answer has an end");
    let page = std::fs::read_to_string(&html).expect("a page");
    let expected = format!("\"whole\":[{}]", words.join(","));
    assert!(page.contains(&expected), "the token that ends it is no part of it: {expected}");
}

#[test]
fn a_page_escapes_what_the_answer_says() {
    let html =
        page(&trace(&[" </script><script>alert(1)</script>", " {{data}}"], [2, 2, 4], 1), &photo()).expect("fits");
    assert!(!html.contains("alert(1)</script>"), "an answer is text");
    assert_eq!(
        html.matches("{{data}}").count(),
        2,
        "no placeholder is filled in it: the word, and the word as a candidate"
    );
    assert_eq!(html.matches("<script").count(), 3, "no script but our own");
}

/// A browser that can be driven, and the Python that drives it.
fn browser() -> Option<&'static str> {
    let runs =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|program| runs(program));
    if found.is_none() || !runs("python3") || cfg!(windows) {
        println!("Not run: clicks on the page, there is no Chromium or no Python");
        return None;
    }
    found
}

fn clicked(file: &str) -> Option<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/page.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(browser()?).arg(file);
    if let Ok(prefix) = std::env::var("GAZELENS_PAGE_PICTURES") {
        command.arg(prefix);
    }
    let output = command.output().expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("what was seen"))
}

#[test]
fn clicks_change_what_the_page_shows() {
    let folder = folder();
    let (file, out) = (path(folder.path(), "t.safetensors"), path(folder.path(), "t.html"));
    let words = [" A", " yellow", " um", "brella", " & <sand>", "."];
    write_trace(Path::new(&file), &trace(&words, [4, 3, 6], 5), &Extras::default()).expect("can be written");
    let output = gazelens(&["html", "--trace", &file, "--out", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
    let Some(seen) = clicked(&out) else { return };
    assert_eq!(seen["errors"], Value::Array(Vec::new()), "no error in the console");
    assert_eq!(seen["requests"], Value::Array(Vec::new()), "no request leaves the page");
    assert_eq!(seen["words"][2], " yellow", "a button a word: {}", seen["words"]);
    assert_eq!(seen["words"][5], " & <sand>", "with its letters");
    let caption = |step: &str| seen[step]["caption"].as_str().unwrap_or_default().to_owned();
    assert!(
        caption("start").starts_with("Decoder, mean over layers, mean over heads, mean over the whole answer"),
        "{seen}"
    );
    assert!(caption("word").contains("token 1 “yellow”"), "a click chooses a word: {}", caption("word"));
    assert!(caption("next_word").contains("token 2 “um”"), "an arrow the next: {}", caption("next_word"));
    assert!(
        caption("layer").contains("layer ") && !caption("layer").contains("mean over layers"),
        "{}",
        caption("layer")
    );
    assert!(caption("head").contains("head 0"), "an arrow on the slider: {}", caption("head"));
    assert!(caption("vision").starts_with("Vision encoder's [CLS], layer 2"), "{}", caption("vision"));
    assert!(
        seen["candidates"].as_str().is_some_and(|text| text.contains("“cat & <dog>” 22.3 %")),
        "{}",
        seen["candidates"]
    );
    assert!(seen["patch"].as_str().is_some_and(|text| text.starts_with("Patch row ")), "{}", seen["patch"]);
    let steps = ["start", "word", "next_word", "layer", "head", "shared", "vision"];
    for pair in steps.windows(2) {
        assert_ne!(seen[pair[0]]["ink"], seen[pair[1]]["ink"], "the picture changes from {} to {}", pair[0], pair[1]);
    }
}

/// An answer of which one head gave no number for one patch, at the second word.
fn with_a_hole() -> Trace {
    let mut trace = trace(&[" A", " yellow", " um", "brella"], [4, 3, 6], 5);
    let row = &trace.decoder_attention[1];
    let (layers, heads, keys) = (row.num_hidden_layers(), row.num_attention_heads(), trace.prompt.len() + 1);
    let all = gazelens::ids::LayerIdx::all(layers)
        .flat_map(|layer| gazelens::ids::HeadIdx::all(heads).flat_map(move |head| row.head(layer, head).to_vec()));
    let mut values: Vec<f32> = all.collect();
    values[keys + 10] = f32::NAN; // layer 0, head 1
    let row = AttentionRow::new(layers, heads, keys, values, RowPrecision::F32).expect("the length matches");
    trace.decoder_attention[1] = std::sync::Arc::new(row);
    trace
}

#[test]
fn what_is_no_number_is_left_blank_on_a_page_and_said() {
    let sound = page(&trace(&[" A", " yellow"], [4, 3, 6], 5), &photo()).expect("fits");
    assert!(!sound.contains("that are no numbers and"), "nothing to say");
    let html = page(&with_a_hole(), &photo()).expect("fits");
    assert!(html.contains("Decoder: 1 of 16 maps has values that are no numbers and is left blank"), "it is said");
    let folder = folder();
    let file = path(folder.path(), "t.html");
    std::fs::write(&file, html).expect("can be written");
    let Some(seen) = clicked(&file) else { return };
    assert_eq!(seen["errors"], Value::Array(Vec::new()), "no error in the console");
    let caption = |step: &str| seen[step]["caption"].as_str().unwrap_or_default().to_owned();
    assert!(caption("word").ends_with("left blank: the model gave values that are no numbers"), "{}", caption("word"));
    assert!(caption("next_word").contains("of the attention is on the image"), "{}", caption("next_word"));
}

#[test]
fn a_page_of_another_photo_is_refused() {
    let folder = folder();
    let (file, out) = (path(folder.path(), "t.safetensors"), path(folder.path(), "t.html"));
    let mut other = trace(&[" A"], [2, 2, 4], 5);
    std::sync::Arc::make_mut(&mut other.run).image_hash = "beef".to_owned();
    write_trace(Path::new(&file), &other, &Extras::default()).expect("can be written");
    let sentence = one_sentence(&["html", "--trace", &file, "--out", &out], 1);
    assert!(sentence.contains("the photo beef"), "{sentence}");
}
