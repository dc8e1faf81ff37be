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

#[test]
fn texts_that_are_padded_and_formatted_are_bounded() {
    let text = "'aaaaaaaaaaaaaaaa'";
    let reasons = ["more than 64 MiB of texts and lists", "a format wider than 999 characters"];
    expect_refused(
        vec![
            printed("'%1000d' % 1"),
            printed("'%*d' % (1000000000, 1)"),
            printed("'%.1000000000f' % 1"),
            printed("'%(a)1000000000s' % {'a': 1}"),
            printed("'a'.ljust(1000000000)"),
            printed("'a'.rjust(1000000000, 'é')"),
            printed("'a'.center(1000000000)"),
            printed("'a'.zfill(1000000000)"),
            printed("'a'|center(1000000000)"),
            printed("'a'|center(width=1000000000)"),
            printed("'a\tb'.expandtabs(1000000000)"),
            printed("'a\tb'.expandtabs(tabsize=1000000000)"),
            printed("('\t' * 10000).expandtabs(10000)"),
            grown(text, "'%s%s' % (ns.x, ns.x)"),
            grown(text, "'%r%a' % (ns.x, ns.x)"),
            grown(text, "('%s' * 4) % (ns.x, ns.x, ns.x, ns.x)"),
            grown(text, "'%(a)s%(a)s' % {'a': ns.x}"),
            grown(text, "ns.x.replace('a', 'ΐ').casefold().replace('ι', 'aa')"),
            grown(text, "[ns.x.partition('b'), ns.x.rpartition('b')]|map('join')|join"),
            grown(text, "ns.x.replace('a', '\t').expandtabs().replace(' ', 'a')"),
        ],
        &reasons,
    );
}
