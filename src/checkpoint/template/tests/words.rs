//! Python's string methods, `%` and Jinja's filters, as jinja2 gives them.

use super::*;
use std::collections::BTreeMap;

#[test]
fn methods_and_filters_give_what_python_gives() {
    let cases = include_str!("../../../../tests/golden/template_words.json").to_owned();
    let cases = std::env::var("GAZELENS_TEMPLATE_WORDS").map_or(cases, |path| std::fs::read_to_string(path).unwrap());
    let cases: Vec<(String, Option<String>)> = serde_json::from_str(&cases).unwrap();
    assert!(cases.len() > 1_000, "all of them: {}", cases.len());
    let mut wrong = Vec::new();
    for (source, expected) in &cases {
        let found = run(source, Value::from(Serde(json!({}))));
        if found.as_ref().ok() != expected.as_ref() {
            wrong.push(format!("{source}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn numbers_between_the_fields_of_a_format_are_no_widths() {
    for (source, expected) in [
        ("{{ 'December 2023: {}'.format('a') }}", "December 2023: a"),
        ("{{ 'December 2023: %s'|format('a') }}", "December 2023: a"),
        ("{{ 'December 2023: %s' % 'a' }}", "December 2023: a"),
        ("{{ '{a} 20245'.format_map({'a': 1}) }}", "1 20245"),
    ] {
        assert_eq!(run(source, Value::from(())), Ok(expected.to_owned()), "{source}");
    }
}

#[test]
fn what_no_run_could_repeat_is_refused_by_name() {
    let error = template(&format!("{{{{ [1, 2]|random }}}}{REST}")).unwrap_err().to_string();
    assert!(error.contains("found invalid operation (random, which no run could repeat)"), "{error}");
}

#[test]
fn unknown_methods_are_refused_by_name() {
    let errors: BTreeMap<&str, String> = ["'a'.encode()", "1.5.hex()", "'a'|urlize"]
        .into_iter()
        .map(|of| (of, template(&format!("{{{{ {of} }}}}{REST}")).unwrap_err().to_string()))
        .collect();
    for (of, error) in errors {
        let name = of.trim_end_matches("()").rsplit(['.', '|']).next().unwrap();
        assert!(error.contains(name), "{of}: {error}");
    }
}
