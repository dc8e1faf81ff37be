//! Where templates are found, and what they are told about the day.

use super::*;

#[test]
fn templates_are_told_the_day_as_transformers_tells_it() {
    let day: Moment = "2024-07-05".parse().unwrap();
    let question = "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>\
        {% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}";
    for (date, expected) in [
        ("{{ strftime_now('%Y') }}", "2024"),
        ("{{ strftime_now(format='%d %b %Y') }}", "05 Jul 2024"),
        (
            "{%- if strftime_now is defined %}{%- set d = strftime_now('%d %b %Y') %}{%- else %}\
             {%- set d = '26 Jul 2024' %}{%- endif %}{{ d }}",
            "05 Jul 2024",
        ),
        ("{{ strftime_now('%H:%M') | trim }}", "00:00"),
    ] {
        let template = template(&format!("{date} {question}")).unwrap();
        assert_eq!(template.render_on("Why?", day).unwrap(), format!("{expected} <image>Why?"), "{date}");
        assert!(template.asks_for_the_date(), "and says so");
    }
    assert!(!template(question).unwrap().asks_for_the_date(), "a template that knows no day");
    for wrong in ["{{ strftime_now() }}", "{{ strftime_now('%Y', zone='UTC') }}", "{{ strftime_now('%Y' * 600) }}"] {
        assert!(template(&format!("{wrong} {question}")).is_err(), "{wrong}");
    }
}

#[test]
fn templates_are_looked_for_in_transformers_order() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::Folder(folder.path().to_owned());
    let source = |word: &str| format!("{word} {{{{ messages[0]['content'][1]['text'] }}}} <image>");
    let json = |word: &str| json!({"chat_template": source(word)}).to_string();
    let rendered = || chat_template(&files, Map::new()).unwrap().render("Why?").unwrap();
    assert!(rendered().starts_with("A chat between"), "none: LLaVA's own");
    for (name, content) in [
        ("tokenizer_config.json", json("tokenizer")),
        ("chat_template.jinja", source("jinja")),
        ("chat_template.json", json("legacy")),
        ("processor_config.json", json("processor")),
    ] {
        std::fs::write(folder.path().join(name), &content).unwrap();
        let word =
            content.split_once("{{").map(|(word, _)| word.rsplit('"').next().unwrap().trim().to_owned()).unwrap();
        assert_eq!(rendered(), format!("{word} Why? <image>"), "{name} goes before what was there");
    }
    std::fs::write(folder.path().join("processor_config.json"), r#"{"chat_template": null, "a": NaN}"#).unwrap();
    assert_eq!(rendered(), "legacy Why? <image>", "null is none");
}
