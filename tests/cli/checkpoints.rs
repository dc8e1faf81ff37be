//! Checkpoints as people have them, through the program: what counts, what is said, and what is refused.

use super::*;
use gazelens::trace::file::TraceFile;

/// A golden checkpoint in a folder where it can be changed.
fn copied(name: &str) -> tempfile::TempDir {
    let (from, to) = (golden(name).join("checkpoint"), folder());
    for file in entries(&from) {
        std::fs::copy(&file, to.path().join(file.file_name().expect("a name"))).expect("a copy");
    }
    to
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn change(folder: &Path, file: &str, key: &str, value: serde_json::Value) {
    let path = folder.join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|_| b"{}".to_vec());
    let mut json: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    json[key] = value;
    std::fs::write(path, json.to_string()).expect("written");
}

/// Asks a question of four tokens at most.
fn ask(model: &Path, photo: &Path, out: &str, more: &[&str]) -> Output {
    let (model, photo) = (model.display().to_string(), photo.display().to_string());
    let asked = ["trace", "--model", &model, "--image", &photo, "--out", out, "--max-new-tokens", "4"];
    gazelens(&[&asked[..], more].concat())
}

fn ids(out: &str) -> Vec<u32> {
    let trace = TraceFile::read(Path::new(out)).expect("a trace").trace;
    trace.output.iter().map(|token| token.id).collect()
}

#[test]
fn a_stale_processor_beside_the_nested_one_changes_nothing_and_is_said() {
    let (model, photo) = (copied("newest_list"), golden("newest_list").join("photo.png"));
    let out = path(model.path(), "t.safetensors");
    let answered = |more: &[&str]| {
        let output = ask(model.path(), &photo, &out, more);
        assert!(output.status.success(), "{}", stderr(&output));
        (ids(&out), stderr(&output))
    };
    let question = ["--prompt", "Describe this image in detail."];
    let (expected, said) = answered(&question);
    assert!(!said.contains("is not used"), "nothing to warn of: {said}");
    let nested = std::fs::read(model.path().join("processor_config.json")).expect("the nested form");
    let nested: serde_json::Value = serde_json::from_slice(&nested).expect("JSON");
    let mut stale = nested["image_processor"].clone();
    stale["image_mean"] = serde_json::json!([0.5, 0.5, 0.5]);
    stale["resample"] = serde_json::json!(2);
    std::fs::write(model.path().join("preprocessor_config.json"), stale.to_string()).expect("written");
    let (found, said) = answered(&question);
    assert_eq!(found, expected, "the nested one counts");
    assert!(said.contains("preprocessor_config.json says something else and is not used"), "{said}");
}

#[test]
fn a_day_in_a_template_can_be_set_and_is_kept() {
    let (model, photo) = (copied("llama3_rope"), golden("llama3_rope").join("photo.png"));
    let template = "{{ strftime_now('%d %b %Y') }} USER: {% for content in messages[0]['content'] %}\
        {% if content['type'] == 'image' %}<image>{% else %}{{ content['text'] }}{% endif %}{% endfor %} ASSISTANT:";
    std::fs::write(model.path().join("chat_template.jinja"), template).expect("written");
    let out = path(model.path(), "t.safetensors");
    let told = |more: &[&str]| {
        let output = ask(model.path(), &photo, &out, &[&["--prompt", "Why?"][..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let run = TraceFile::read(Path::new(&out)).expect("a trace").trace.run;
        (run.full_prompt.clone(), run.template_date.clone())
    };
    let expected = ("05 Jul 2024 USER: <image>Why? ASSISTANT:".to_owned(), Some("2024-07-05".to_owned()));
    assert_eq!(told(&["--date", "2024-07-05"]), expected, "the day that was set");
    let (prompt, day) = told(&[]);
    let day = day.expect("a day");
    assert!(day.len() == 10 && !prompt.starts_with("05 Jul 2024"), "today: {day}, {prompt}");
    let wrong = ask(model.path(), &photo, &out, &["--prompt", "Why?", "--date", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("expected a day such as 2026-11-29"), "{}", stderr(&wrong));
}

#[test]
fn a_question_with_a_placeholder_is_pointed_to_the_raw_prompt() {
    let dir = folder();
    let out = path(dir.path(), "t.safetensors");
    let asked = ["trace", "--image", "demo_01_beach.png", "--out", &out, "--prompt"];
    let sentence = one_sentence(&[&asked[..], &["USER: <image>\nWhat is this? ASSISTANT:"]].concat(), 2);
    assert!(sentence.contains("Expected a question without <image>, which the chat template adds"), "{sentence}");
    assert!(sentence.contains("--raw-prompt"), "{sentence}");
    assert!(!Path::new(&out).exists(), "nothing is written");
}

#[test]
fn ids_that_no_token_has_are_refused_in_one_sentence() {
    for (file, key, value) in [
        ("config.json", "bos_token_id", serde_json::json!("4")),
        ("config.json", "pad_token_id", serde_json::json!(1e308)),
        ("generation_config.json", "bos_token_id", serde_json::json!([4])),
        ("generation_config.json", "bos_token_id", serde_json::json!(99_999)),
    ] {
        let (model, photo) = (copied("nested_full"), golden("nested_full").join("photo.png"));
        change(model.path(), file, key, value.clone());
        let out = path(model.path(), "t.safetensors");
        let output = ask(model.path(), &photo, &out, &["--prompt", "Why?"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{key} {value}: {said}");
        assert!(
            said.contains(&format!("for {key}, found ")) && said.trim_end().ends_with(file),
            "{key} {value}: {said}"
        );
    }
}

#[test]
fn an_adapter_is_named_with_its_base_model() {
    let dir = folder();
    change(dir.path(), "adapter_config.json", "base_model_name_or_path", serde_json::json!("llava-hf/llava-1.5-7b-hf"));
    let out = path(dir.path(), "t.safetensors");
    let output = ask(dir.path(), Path::new("demo_01_beach.png"), &out, &["--prompt", "Why?"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("found a LoRA adapter of llava-hf/llava-1.5-7b-hf"), "{said}");
}
