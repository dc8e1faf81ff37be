//! Templates as models have them, and as strangers may write them.

mod found;
mod words;

use super::*;
use proptest::prelude::*;

/// `llava-hf/llava-1.5-7b-hf`, `chat_template.json`.
const LLAVA_1_5: &str = "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}\
    {# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}\
    {# Render all text next #}{% if message['role'] != 'assistant' %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}\
    {{ content['text'] + ' '}}{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}\
    {{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

pub(super) fn template(source: &str) -> Result<ChatTemplate, CheckpointError> {
    let tokens = Map::from_iter([("bos_token".to_owned(), json!("<s>"))]);
    ChatTemplate::new(source.to_owned(), PathBuf::from("chat_template.jinja"), tokens)
}

#[test]
fn llava_1_5_asks_as_transformers_does() {
    let template = template(LLAVA_1_5).unwrap();
    assert_eq!(
        template.render("What is this?").unwrap(),
        "USER: <image>\nWhat is this? ASSISTANT:",
        "apply_chat_template"
    );
    assert_eq!(
        template.split().unwrap(),
        ("USER: <image>\n".to_owned(), " ASSISTANT:".to_owned()),
        "around the question"
    );
    assert_eq!(template.source(), LLAVA_1_5, "as the checkpoint has it");
    assert_eq!(template.origin(), "chat_template.jinja", "where it comes from");
}

#[test]
fn vicuna_asks_as_the_original_llava_does() {
    let expected = "A chat between a curious user and an artificial intelligence assistant. The assistant gives \
        helpful, detailed, and \
        polite answers to the user's questions. USER: <image>\nWhat is this? ASSISTANT:";
    assert_eq!(ChatTemplate::vicuna().unwrap().render("What is this?").unwrap(), expected, "conv_vicuna_v1");
}

#[test]
fn a_template_for_texts_gets_the_placeholder_in_front() {
    let source = "{{ bos_token }}{% for message in messages %}[INST] {{ message.content }} [/INST]{% endfor %}";
    let rendered = template(source).unwrap().render("Why?").unwrap();
    assert_eq!(rendered, "<s>[INST] <image>\nWhy? [/INST]", "one text with the placeholder");
}

#[test]
fn blocks_are_trimmed_as_in_python() {
    let source = "{% for message in messages %}\n    {% if message.role == 'user' %}\nUSER: <image>\n{{ message.content[1].text.strip() }}\n    \
        {%- generation %}\n A{% endgeneration -%}\n  B\n    {% endif %}\n{% endfor %}\n";
    let rendered = template(source).unwrap().render(" Why? ").unwrap();
    assert_eq!(rendered, "USER: <image>\nWhy? AB\n", "trim_blocks, lstrip_blocks and the marks' own dashes");
}

#[test]
fn templates_that_lose_the_image_or_the_question_are_refused() {
    for (source, found) in [
        ("USER: {{ messages[0]['content'][1]['text'] }}", "not exactly one image in what it renders"),
        ("USER: <image>", "no question in what it renders"),
        ("{{ raise_exception('only system messages') }}", "invalid operation (only system messages) in line 1"),
        ("{% for %}", "syntax error"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "engine ran out of fuel"),
    ] {
        let error = template(source).unwrap_err().to_string();
        let expected = format!("Expected a chat template that places the image and the question, found {found}");
        assert!(error.starts_with(&expected) && error.ends_with(": chat_template.jinja"), "{error}");
    }
}

#[test]
fn questions_are_text_and_no_template() {
    let question = "What is {{ 1 + 1 }}? <b>\"&\"</b> {% if %}";
    let rendered = template(LLAVA_1_5).unwrap().render(question).unwrap();
    assert_eq!(rendered, format!("USER: <image>\n{question} ASSISTANT:"), "nothing in it is evaluated or escaped");
}

#[test]
fn the_default_one_of_several_templates_is_taken() {
    let named = json!([{"name": "rag", "template": "a"}, {"name": "default", "template": "b"}]);
    assert_eq!(named_template(&named), Some("b"), "by name");
    assert_eq!(named_template(&json!([{"name": "rag", "template": "a"}])), Some("a"), "the only one");
    assert_eq!(named_template(&json!({"default": "c"})), Some("c"), "as a map");
    assert_eq!(named_template(&json!([])), None, "none");
}

/// What follows a hostile beginning: without it the template is a sound one.
const REST: &str = "{% for m in messages %}USER: <image>\n{{ m['content'][1]['text'] }}{% endfor %}ASSISTANT:";

/// A template whose beginning is repeated, which is more than any tree may hold.
fn chain(before: &str, part: &str, after: &str) -> String {
    format!("{before}{}{after}{REST}", part.repeat(20_000))
}

/// Templates that a tree of which, or a value of which, is deeper than any stack.
fn too_deep() -> Vec<String> {
    let loops = |body: &str| {
        format!("{{% set ns = namespace(x=[1]) %}}{{% for i in range(90000) %}}{body}{{% endfor %}}{REST}")
    };
    vec![
        chain("{{ ", "-", "1 }}"),
        chain("{{ ", "not ", "1 }}"),
        chain("{{ 1", " ~ 1", " }}"),
        chain("{{ 1", " + 1", " }}"),
        chain("{{ 1", " or 1", " }}"),
        chain("{{ 1", " and 1", " }}"),
        chain("{{ 1", " ** 1", " }}"),
        chain("{{ 1", " * 1", " }}"),
        chain("{{ 1", " in [1]", " }}"),
        chain("{{ 1", " < 1", " }}"),
        chain("{{ 1", "|abs", " }}"),
        chain("{{ 1", " is odd", " }}"),
        chain("{{ a", ".a", " }}"),
        chain("{{ a", "[0]", " }}"),
        chain("{{ a", "[:1]", " }}"),
        chain("{{ a", "()", " }}"),
        chain("{{ a", "(a", " }}"),
        chain("{{ 1", " if 1 else 1", " }}"),
        chain("{{ ", "1 if ", "1 }}"),
        chain("{{ ", "(", "1 }}"),
        chain("{{ ", "[", "1 }}"),
        chain("{{ ", "{1:", "1 }}"),
        chain("{% set ", "(", "a = 1 %}"),
        chain("{% set a", ".a", " = 1 %}"),
        chain("{% for ", "(", "a in b %}{% endfor %}"),
        chain("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
        chain("", "{% if 1 %}", ""),
        chain("", "{% for a in [1] %}", ""),
        chain("", "{% set a %}", ""),
        chain("", "{% macro a() %}", ""),
        chain("", "{% filter upper %}", ""),
        chain("", "{% with %}", ""),
        chain("{% set a |upper", "|upper", " %}{% endset %}"),
        loops("{% set ns.x = [ns.x] %}"),
        loops("{% set ns.x = {'a': ns.x} %}"),
        loops("{% set ns.x = (ns.x, 1) %}"),
        loops("{% set ns.x = dict(a=ns.x) %}"),
        loops("{% set ns.x = [ns.x]|map('list') %}"),
        format!("{{% macro f(x) %}}{{{{ f([x]) }}}}{{% endmacro %}}{{{{ f(1) }}}}{REST}"),
        format!("{{% for x in [[1]] recursive %}}{{{{ loop([[1]]) }}}}{{% endfor %}}{REST}"),
        format!("{{% set x = 1 %}}{{% block a %}}{{{{ self.a() }}}}{{% endblock %}}{REST}"),
    ]
}

/// Values that would make a namespace hold itself, which the engine would print, compare or drop for ever.
const HOLD_ITSELF: [&str; 30] = [
    "cycler(ns)",
    "cycler(1)",
    "joiner(ns)",
    "joiner(', ')",
    "ns",
    "[ns]",
    "(ns, 1)",
    "{'a': ns}",
    "{'a': [1, ns]}",
    "dict(a=ns)",
    "[ns]|list",
    "[[ns]]|map('first')",
    "[ns]|batch(1)",
    "[ns]|groupby('b')",
    "namespace(b=ns)",
    "namespace(ns)",
    "ns|default(1)",
    "[ns][0:]",
    "[ns]|first",
    "[ns] + [1]",
    "[ns] * 2",
    "[1, ns]|unique",
    "[ns]|zip([ns])",
    "[ns]|chain([1])",
    "ns or 1",
    "loop",
    "[loop]",
    "m",
    "[m]",
    "{'a': m}",
];
/// What is made of a namespace and does not lead back to it.
const HOLD_ITS_VALUES: [&str; 6] = ["ns.values()", "ns.items()", "ns|items", "ns|dictsort", "ns|list", "ns|tojson"];
/// What shows them.
const USES: [&str; 7] = [
    "{{ ns|tojson }}",
    "{{ ns }}",
    "{{ ns == ns.a }}",
    "{{ ns|pprint }}",
    "{{ [ns]|sort }}",
    "{{ ns in [ns] }}",
    "{{ [ns]|unique|list }}",
];

fn in_itself(stored: &str, used: &str) -> String {
    format!(
        "{{% macro m() %}}{{% endmacro %}}{{% set ns = namespace(b=1) %}}{{% for x in [ns, ns] %}}\
         {{% set ns.a = {stored} %}}{used}{{% endfor %}}{REST}"
    )
}

/// A value that a step makes larger, sixty times.
fn grown(start: &str, step: &str) -> String {
    format!(
        "{{% set ns = namespace(x={start}) %}}{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}\
         {{{{ ns.x|length }}}}{REST}"
    )
}

fn printed(expression: &str) -> String {
    format!("{{{{ {expression} }}}}{REST}")
}

/// Templates of a few steps that give or hold more than a computer has.
fn too_large() -> Vec<String> {
    let text = "'aaaaaaaaaaaaaaaa'";
    let mut templates = vec![
        grown(text, "ns.x ~ ns.x"),
        grown(text, "ns.x + ns.x"),
        grown(text, "ns.x * 2"),
        grown(text, "2 * ns.x"),
        grown(text, "ns.x.replace('a', 'aa')"),
        grown(text, "ns.x|replace('a', 'aa')"),
        grown(text, "ns.x|replace('', 'aa')"),
        grown(text, "'%s%s'|format(ns.x, ns.x)"),
        grown(text, "'{}{}'.format(ns.x, ns.x)"),
        grown(text, "'{0}{0}{0}'.format(ns.x)"),
        grown(text, "[ns.x, ns.x]|join"),
        grown(text, "[ns.x, ns.x]|join(ns.x)"),
        grown(text, "''.join([ns.x, ns.x])"),
        grown(text, "ns.x.join(ns.x)"),
        grown(text, "ns.x|join(ns.x)"),
        grown(text, "ns.x|indent(40, true)|replace(' ', '\n')"),
        grown(text, "ns.x|escape|replace('a', '&')"),
        grown(text, "[ns.x, ns.x]|string"),
        grown(text, "[ns.x, ns.x]|tojson"),
        grown(text, "[ns.x, ns.x]|pprint"),
        grown(text, "ns.x|map('upper')|join('aa')"),
        grown("[1]", "ns.x + ns.x"),
        grown("[1]", "ns.x * 2"),
        grown("(1,)", "ns.x * 2"),
        grown("(1,)", "ns.x + ns.x"),
        grown("[1]", "ns.x|chain(ns.x)|list"),
        grown("[1]", "ns.x|zip(ns.x)|list"),
        grown("[1]", "[ns.x, ns.x]"),
        grown("[1]", "{'a': ns.x, 'b': ns.x}"),
        grown("[1]", "[ns.x, ns.x]|sum(start=[])"),
        grown("[1]", "ns.x|batch(1, 2)|list + ns.x"),
        printed("'%1000000000d'|format(1)"),
        printed("'%*d'|format(1000000000, 1)"),
        printed("'%.1000000000f'|format(1)"),
        printed("'{:1000000000}'.format(1)"),
        printed("'{:{}}'.format(1, 1000000000)"),
        printed("'{:>{w}}'.format('a', w=1000000000)"),
        printed("'a\nb'|indent(1000000000)"),
        printed("'a\nb'|indent(width=1000000000)"),
        printed("'a'|indent(1000000000, true)"),
        printed("'a' * 1000000000"),
        printed("'a' * 90000000"),
        printed("('a' * 90000000)|length"),
        printed("[1] * 1000000000"),
        printed("([1] * 90000000)|length"),
        printed("(1, 2) * 40000000"),
        printed("range(99999)|list * 1000"),
        printed("[1]|batch(1000000000, 2)"),
        printed("[1]|slice(1000000000)|list|length"),
        printed("[1]|slice(100000000, 1)|list|length"),
        printed("[[1], [2]]|tojson(indent=1000000000)"),
        printed("[[1], [2]]|tojson(1000000000)"),
        printed("range(90000)|map('string')|join('a' * 10000)"),
        printed("('a' * 1000000)|list|map('upper')|list|map('lower')|list|length"),
        printed("('a' * 1000000).split('a')"),
        format!("{{% for i in range(90000) %}}{}{{% endfor %}}{REST}", "a".repeat(100_000)),
        format!("{{% set x %}}{{% for i in range(90000) %}}{}{{% endfor %}}{{% endset %}}{REST}", "a".repeat(100_000)),
        format!("{{% set b = 'a' * 1000000 %}}{{% for i in range(90000) %}}{{{{ b }}}}{{% endfor %}}{REST}"),
        format!(
            "{{% set b = 'a' * 1000000 %}}{{% for i in range(90000) %}}{{% if b ~ i == b %}}{{% endif %}}\
             {{% endfor %}}{REST}"
        ),
        format!("{{% set b = 'a' * 1000000 %}}{{% for i in range(90000) %}}{{{{ b[999999] }}}}{{% endfor %}}{REST}"),
        format!(
            "{{% set b = 'a' * 1000000 %}}{{% for i in range(90000) %}}{{% if b in b %}}{{% endif %}}\
             {{% endfor %}}{REST}"
        ),
        format!("{{% set b = range(90000)|list %}}{{% for i in b %}}{{% if b < b %}}{{% endif %}}{{% endfor %}}{REST}"),
        format!(
            "{{% set b = range(90000)|list %}}{{% for i in b %}}{{% for j in b %}}{{% break %}}{{% endfor %}}\
             {{% endfor %}}{REST}"
        ),
        format!(
            "{{% macro f(x) %}}{{{{ x }}}}{{{{ x }}}}{{% endmacro %}}{}{REST}",
            "{% set x = f(x or 'a') %}".repeat(60)
        ),
        format!("{}{REST}", "{% set x %}{{ x }}{{ x }}a{% endset %}".repeat(60)),
        format!("{}{REST}", "{% with x = (x or 'aa') ~ (x or 'aa') %}".repeat(60)) + &"{% endwith %}".repeat(60),
        format!("{}{}{REST}", "{% for x in [(x or 'aa') ~ (x or 'aa')] %}".repeat(60), "{% endfor %}".repeat(60)),
        format!("{}{}{REST}", "{% filter replace('a', 'aaaa') %}".repeat(60), "a{% endfilter %}".repeat(60)),
        "a".repeat(10 << 20) + REST,
        format!("{{{{ '{}' * 90000000 }}}}{REST}", "a"),
        format!("{}{REST}", "{% if 'a' * 90000000 == 'b' * 90000000 %}{% endif %}".repeat(100)),
        format!("{{% autoescape true %}}{{{{ '<' * 40000000 }}}}{{% endautoescape %}}{REST}"),
        format!("{{% for x in 'a' * 60000000 %}}{{% endfor %}}{REST}"),
        format!("{{{{ f(*('a' * 60000000)) }}}}{REST}"),
    ];
    templates.push(format!("{}{REST}", "{{ 'a' * 1000000 }}".repeat(60)));
    templates
}

/// How long a refusal may take here: builds without optimisation on a busy machine are some thirty times slower than a
/// release.
const PATIENCE: Duration = Duration::from_mins(1);

/// Each is refused for one of these reasons, in time, in one short sentence.
fn expect_refused(templates: Vec<String>, reasons: &[&str]) {
    for source in templates {
        let started = std::time::Instant::now();
        let beginning: String = source.chars().take(160).collect();
        let error = template(&source).map(|template| template.render("Why?")).expect_err(&beginning).to_string();
        println!("{:>6} ms  {error}  <- {beginning:?}", started.elapsed().as_millis());
        assert!(
            error.starts_with("Expected a chat template that places the image and the question, found "),
            "{error}"
        );
        assert!(error.ends_with(": chat_template.jinja") && !error.contains('\n'), "{error}: {beginning}");
        assert!(reasons.iter().any(|reason| error.contains(reason)), "{error}: {beginning}");
        assert!(error.len() < 500 && started.elapsed() < PATIENCE, "{} bytes: {beginning}", error.len());
    }
}

#[test]
fn templates_deeper_than_a_stack_are_refused() {
    let reasons = [
        "an expression of more than 1000 parts in line 1",
        "more than 300 elif",
        "exceeds maximum recursion",
        "bytes, more than 262144",
        "lists or maps of more than 64 levels",
        "recursion limit exceeded",
    ];
    expect_refused(too_deep(), &reasons);
}

#[test]
fn values_that_hold_themselves_are_refused() {
    let mut templates: Vec<String> =
        HOLD_ITSELF.iter().zip(USES.iter().cycle()).map(|(stored, used)| in_itself(stored, used)).collect();
    templates
        .push(format!("{{% set n = namespace %}}{{% set ns = n() %}}{{% set x, ns.a = 1, ns %}}{{{{ ns }}}}{REST}"));
    templates.push(format!(
        "{{% for x in [1, 2] %}}{{{{ loop.changed(loop) }}}}{{{{ loop.changed([loop]) }}}}{{% endfor %}}{REST}"
    ));
    expect_refused(templates, &["an object where only texts, numbers, lists and maps can be"]);
    for (stored, used) in HOLD_ITS_VALUES.iter().zip(USES.iter().cycle()) {
        let rendered = template(&in_itself(stored, used)).and_then(|template| template.render("Why?"));
        assert!(rendered.as_ref().is_ok_and(|text| text.ends_with("Why?ASSISTANT:")), "{stored}: {rendered:?}");
    }
}

#[test]
fn templates_that_give_or_hold_too_much_are_refused() {
    let reasons =
        ["more than 64 MiB of texts and lists", "a format wider than 999 characters", "bytes, more than 262144"];
    expect_refused(too_large(), &reasons);
}

/// Templates in the ways that published ones are written: for parts, for texts, with tools, with macros, and with what
/// Jinja has besides.
const WRITTEN: [&str; 12] = [
    LLAVA_1_5,
    VICUNA,
    include_str!("../../../tests/golden/templates/qwen2_vl.jinja"),
    include_str!("../../../tests/golden/templates/llama_3_2.jinja"),
    include_str!("../../../tests/golden/templates/mistral.jinja"),
    include_str!("../../../tests/golden/templates/macros_of_tools.jinja"),
    include_str!("../../../tests/golden/templates/blocks.jinja"),
    include_str!("../../../tests/golden/templates/split_answers.jinja"),
    include_str!("../../../tests/golden/templates/tables.jinja"),
    include_str!("../../../tests/golden/templates/operators.jinja"),
    include_str!("../../../tests/golden/templates/loops.jinja"),
    include_str!("../../../tests/golden/templates/values.jinja"),
];

/// The engine as it is, for comparison.
fn unmetered(source: &str, root: Value) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_syntax(syntax().unwrap());
    environment.set_debug(false);
    environment.set_unknown_method_callback(python::method);
    environment.add_filter("tojson", dumps::tojson);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.render_str(source, root).map_err(|error| describe(&error))
}

#[test]
fn what_is_no_list_stays_none() {
    // Found by fresh seeds: how the engine sorts such values, and how it shows those whose length it does not know.
    for expression in ["(messages|list) < range(3)", "missing|zip([1])", "[range(2), [5]]|sort", "range(2)|zip([1])"] {
        let source = format!("{{% set v = {expression} %}}{{{{ v }}}}");
        let root = || Value::from(Serde(json!({"messages": [1]})));
        assert_eq!(run(&source, root()), unmetered(&source, root()), "{expression}");
    }
}

#[test]
fn the_meter_changes_nothing_else() {
    let tools = json!([{"name": "f", "parameters": {
        "type": "object", "required": ["a", "b"], "properties": {"a": {"type": "number"}}}}]);
    let text = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "a</think>\nb"}]);
    let parts = json!([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}]);
    let mut num_rendered = 0;
    for messages in [text, parts] {
        for (idx, source) in WRITTEN.iter().enumerate() {
            for tools in [json!(null), tools.clone()] {
                let root = json!({"messages": messages, "tools": tools, "bos_token": "<s>", "eos_token": "</s>",
                    "add_generation_prompt": true});
                let source = without_generation_marks(source);
                let expected = unmetered(&source, Value::from(Serde(&root)));
                assert_eq!(run(&source, Value::from(Serde(&root))), expected, "template {idx} of {root}");
                num_rendered += usize::from(expected.is_ok());
            }
        }
    }
    assert!(num_rendered > 30, "most of them render: {num_rendered} of 48");
}

#[test]
fn the_deepest_template_that_is_allowed_fits_its_stack() {
    let most = |part: &str, parts: usize| part.repeat(990 / parts);
    let nested = |inner: &str| format!("{}{inner}{}", "{% if 1 %}".repeat(120), "{% endif %}".repeat(120));
    let elifs = format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(300));
    for (before, chain, after) in [
        ("{{ 1", most(" - -1", 3), " }}"),
        ("{{ ", most("not ", 1), "1 }}"),
        ("{{ ", most("-", 1), "1 }}"),
        ("{{ ''", most("~'a'", 2), " }}"),
        ("{{ 1", most("|abs", 2), " }}"),
        ("{{ 1", most(" if 1 else 1", 4), " }}"),
        ("{{ 1", most(" or 1", 2), " }}"),
        ("{{ [1]", most("[0:]", 4), " }}"),
        ("{{ 1", most("**1", 2), " }}"),
    ] {
        let source = nested(&format!("{elifs}{before}{chain}{after}")) + REST;
        let rendered = template(&source).and_then(|template| template.render("Why?"));
        assert!(rendered.as_ref().is_ok_and(|text| text.ends_with("Why?ASSISTANT:")), "{before}: {rendered:?}");
    }
}

#[test]
fn a_long_question_is_no_hostile_template() {
    let question = "Why? ".repeat(200_000);
    for source in [LLAVA_1_5, VICUNA] {
        let rendered = template(source).unwrap().render(&question).unwrap();
        assert!(rendered.contains(&question), "a megabyte, as it is");
    }
}

#[test]
fn a_panic_of_the_engine_is_an_error() {
    // `cycle` divides by the number of its arguments.
    let error =
        template(&format!("{{% for x in [1] %}}{{{{ loop.cycle() }}}}{{% endfor %}}{REST}")).unwrap_err().to_string();
    assert!(error.contains("found one that the engine fails on (attempt to calculate the remainder"), "{error}");
}

/// A piece of what may be a template.
const PART: &str = "[a-z0-9 {}%#\\-|.,:~+*()\\[\\]'\"=]{0,12}\
    |\\{% (if|for x in|set x =|endif|endfor|macro m\\(\\)|elif) |%\\}|\\{\\{";

/// An expression of a few operators, filters and literals; values stay small whatever is drawn.
fn expression() -> impl Strategy<Value = String> {
    const LEAVES: [&str; 22] = [
        "1",
        "0",
        "-2",
        "2.5",
        "true",
        "none",
        "'a'",
        "''",
        "'b c'",
        "'<é>'",
        "[1, 'x']",
        "[]",
        "(1, 2)",
        "{'k': [1]}",
        "x",
        "ns",
        "ns.v",
        "messages",
        "messages[0]['role']",
        "missing",
        "range(3)",
        "loop",
    ];
    const FILTERS: [&str; 34] = [
        "length",
        "upper",
        "trim",
        "list",
        "first",
        "last",
        "join('-')",
        "join",
        "sort",
        "reverse",
        "string",
        "tojson",
        "default('d')",
        "replace('a', 'bb')",
        "map('string')",
        "select",
        "batch(2)",
        "slice(2)",
        "unique",
        "sum",
        "int",
        "float",
        "abs",
        "round",
        "indent(2)",
        "items",
        "dictsort",
        "escape",
        "title",
        "capitalize",
        "split",
        "groupby('k')",
        "zip([1])",
        "tojson(indent=2)",
    ];
    const SUFFIXES: [&str; 15] = [
        "[0]",
        "[-1]",
        "['k']",
        "[1:]",
        "[::-1]",
        ".k",
        ".upper()",
        ".strip()",
        ".items()",
        ".split('a')",
        ".join(['x', 'y'])",
        " is defined",
        " is string",
        " is iterable",
        ".get('k')",
    ];
    const OPERATORS: [&str; 17] =
        ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or", "if x else", "is eq"];
    prop::sample::select(&LEAVES[..]).prop_map(str::to_owned).prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(&OPERATORS[..]), inner.clone())
                // A text with `%` is a format here, and none to the engine.
                .prop_map(|(a, op, b)| format!("({a} {}{op} {b})", if op == "%" { "|int" } else { "" })),
            (inner.clone(), prop::sample::select(&FILTERS[..])).prop_map(|(a, filter)| format!("({a}|{filter})")),
            (inner.clone(), prop::sample::select(&SUFFIXES[..])).prop_map(|(a, suffix)| format!("({a}{suffix})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("f({a}, y={b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_expression_is_what_the_engine_makes_of_it(expressions in prop::collection::vec(expression(), 1..4)) {
        let shown = |one: &String| format!("{{% set v = {one} %}}{{{{ v }}}};{{% if {one} %}}yes{{% endif %}}");
        let shown: String = expressions.iter().map(shown).collect();
        let source = format!(
            "{{% macro f(x, y=1) %}}{{{{ x }}}}{{{{ y }}}}{{% endmacro %}}{{% set ns = namespace(v=3) %}}\
             {{% for x in [1, 'a'] %}}{shown}{{% endfor %}}"
        );
        let root = json!({"messages": [{"role": "user", "content": "Why?"}]});
        // The engine fails on some itself: `''[::-1]`.
        let ended = |run: fn(&str, Value) -> Result<String, String>| {
            panics::contain(|| run(&source, Value::from(Serde(&root)))).unwrap_or_else(Err)
        };
        let (metered, plain) = (ended(run), ended(unmetered));
        prop_assert_eq!(metered.is_ok(), plain.is_ok(), "{}: {:?} and {:?}", source, metered, plain);
        if plain.is_ok() {
            prop_assert_eq!(metered, plain, "{}", source);
        }
    }

    #[test]
    fn any_text_is_a_template_or_refused(parts in prop::collection::vec(PART, 0..24)) {
        let source = parts.concat() + REST;
        if let Err(error) = template(&source).and_then(|template| template.render("Why?")) {
            let words = error.to_string();
            let is_refusal = words.starts_with("Expected a chat template") && !words.contains("fails on");
            prop_assert!(is_refusal, "{}: {}", source, words);
        }
    }
}
