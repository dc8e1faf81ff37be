//! Chat templates: the text that a question becomes, in the words the model was trained on.

use super::files::Files;
use super::{CheckpointError, Moment};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde_json::{Map, json};
use std::path::PathBuf;

/// The image's place in a prompt.
pub const IMAGE_PLACEHOLDER: &str = "<image>";
/// Stands for the question when a template is looked at; private-use characters, which no template and no question contains.
const PROBE: &str = "\u{e000}question\u{e001}";
/// Steps a template may take: the longest real ones take a few hundred.
const FUEL: u64 = 1_000_000;
const NAME: &str = "chat_template";
const STRFTIME_NOW: &str = "strftime_now";

/// LLaVA-1.5's training template (`vicuna_v1`), for checkpoints without one.
///
/// **Source**: LLaVA, `llava/conversation.py`, `conv_vicuna_v1`.
const VICUNA: &str = "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite \
answers to the user's questions. {% for message in messages %}USER: {% for content in message['content'] %}{% if content['type'] == 'image' %}\
<image>\n{% else %}{{ content['text'] }}{% endif %}{% endfor %}{% endfor %}{% if add_generation_prompt %} ASSISTANT:{% endif %}";

/// How a template wants its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentForm {
    /// `[{type: image}, {type: text, text: ...}]`: the template places `<image>` itself.
    Parts,
    /// One text, with `<image>` and a line end in front of the question.
    Text,
}

/// A chat template that is known to place one image and the question.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    origin: String,
    path: PathBuf,
    form: ContentForm,
    tokens: Map<String, serde_json::Value>,
}

impl ChatTemplate {
    /// Compiles a template and finds out how it wants its messages. `tokens` are the special tokens that templates may mention
    /// (`bos_token`).
    ///
    /// **Errors**: a template that does not parse or render, or that loses the image or the question.
    pub(super) fn new(
        source: String,
        path: PathBuf,
        tokens: Map<String, serde_json::Value>,
    ) -> Result<Self, CheckpointError> {
        let refused = |error: Error| CheckpointError::Template { found: describe(&error), path: path.clone() };
        let environment = environment(&source).map_err(refused)?;
        let origin = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut template = Self { environment, source, origin, path, form: ContentForm::Parts, tokens };
        let complete = |text: &str| text.matches(IMAGE_PLACEHOLDER).count() == 1 && text.contains(PROBE);
        let mut tried = Vec::new();
        for form in [ContentForm::Parts, ContentForm::Text] {
            template.form = form;
            let rendered = template.render_raw(PROBE, Moment::today());
            if rendered.as_deref().is_ok_and(complete) {
                return Ok(template);
            }
            tried.push(rendered);
        }
        let found = if tried.iter().flatten().any(|text| text.contains(PROBE)) {
            "not exactly one image in what it renders"
        } else if let Some(error) = tried.into_iter().find_map(Result::err) {
            return Err(error);
        } else {
            "no question in what it renders"
        };
        Err(CheckpointError::Template { found: found.to_owned(), path: template.path })
    }

    /// LLaVA-1.5's own template.
    pub fn vicuna() -> Result<Self, CheckpointError> {
        Self::new(VICUNA.to_owned(), PathBuf::from("vicuna_v1"), Map::new())
    }

    /// The prompt for a question that is asked today, with one `<image>` in it.
    ///
    /// **Errors**: a template that refuses the question (`raise_exception`).
    pub fn render(&self, question: &str) -> Result<String, CheckpointError> {
        self.render_on(question, Moment::today())
    }

    /// The same for a question that is asked at a given time, which templates with `strftime_now` write into the
    /// prompt.
    pub fn render_on(&self, question: &str, moment: Moment) -> Result<String, CheckpointError> {
        self.render_raw(question, moment)
    }

    /// Whether the prompt depends on the day.
    pub fn asks_for_the_date(&self) -> bool {
        self.source.contains(STRFTIME_NOW)
    }

    /// What stands before and behind the question, for display.
    pub fn split(&self) -> Result<(String, String), CheckpointError> {
        let text = self.render_raw(PROBE, Moment::today())?;
        let (before, after) = text.split_once(PROBE).unwrap_or((text.as_str(), ""));
        Ok((before.to_owned(), after.to_owned()))
    }

    /// The template as the checkpoint has it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it comes from: a file's name, or `vicuna_v1`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn render_raw(&self, question: &str, moment: Moment) -> Result<String, CheckpointError> {
        let content = match self.form {
            ContentForm::Parts => json!([{"type": "image"}, {"type": "text", "text": question}]),
            ContentForm::Text => json!(format!("{IMAGE_PLACEHOLDER}\n{question}")),
        };
        let messages = Value::from(Serde(json!([{"role": "user", "content": content}])));
        let tokens = Value::from(Serde(&self.tokens));
        let strftime_now = Value::from_function(move |format: Option<String>, named: Kwargs| {
            let format = format.map_or_else(|| named.get("format"), Ok)?;
            named.assert_all_used()?;
            strftime(moment, &format)
        });
        self.environment
            .get_template(NAME)
            .and_then(|template| {
                template.render(context! { messages, add_generation_prompt => true, strftime_now, ..tokens })
            })
            .map_err(|error| CheckpointError::Template { found: describe(&error), path: self.path.clone() })
    }
}

/// Jinja as transformers sets it up: blocks trimmed, Python's string methods, `raise_exception`, no `{% generation %}` marks.
fn environment(source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_template_owned(NAME, without_generation_marks(source))?;
    Ok(environment)
}

/// `{% generation %}` marks the answer for training; here it is a block that is always taken, so that its `-` keep their meaning.
fn without_generation_marks(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        text.push_str(before);
        let Some(end) = tag.find("%}") else {
            rest = tag;
            break;
        };
        let (tag, behind) = tag.split_at(end + 2);
        let name = tag.trim_start_matches("{%").trim_end_matches("%}").trim_matches(['-', '+']).trim();
        match name {
            "generation" => text.push_str(&tag.replacen("generation", "if true", 1)),
            "endgeneration" => text.push_str(&tag.replacen("endgeneration", "endif", 1)),
            _ => text.push_str(tag),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// transformers' `strftime_now`: the time of the question in a form of the template's choice.
fn strftime(moment: Moment, format: &str) -> Result<String, Error> {
    const MOST_CHARS: usize = 1000;
    if format.chars().nth(MOST_CHARS).is_some() {
        let found = format!("a date of more than {MOST_CHARS} characters");
        return Err(Error::new(ErrorKind::InvalidOperation, found));
    }
    Ok(moment.strftime(format))
}

fn describe(error: &Error) -> String {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    format!(
        "{}{line}",
        error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{} ({detail})", error.kind()))
    )
}

/// The template of a checkpoint in transformers' order: the processor's configuration, its JSON file, its jinja file,
/// the tokenizer's configuration; LLaVA's own where there is none.
///
/// **Source**: transformers 5, `ProcessorMixin.get_processor_dict`.
pub(super) fn chat_template(
    files: &Files,
    tokens: Map<String, serde_json::Value>,
) -> Result<ChatTemplate, CheckpointError> {
    const JINJA: &str = "chat_template.jinja";
    for name in ["processor_config.json", "chat_template.json", JINJA, "tokenizer_config.json"] {
        if name == JINJA {
            if let Some(source) = files.text(JINJA)? {
                return ChatTemplate::new(source, files.path(JINJA), tokens);
            }
            continue;
        }
        let Some(map) = files.object(name)? else { continue };
        if let Some(source) = map.get("chat_template").and_then(named_template) {
            return ChatTemplate::new(source.to_owned(), files.path(name), tokens);
        }
    }
    ChatTemplate::vicuna()
}

/// A template, or the default one of several: `[{name, template}]` or `{name: template}`.
fn named_template(value: &serde_json::Value) -> Option<&str> {
    use serde_json::Value as Json;
    match value {
        Json::String(template) => Some(template),
        Json::Array(list) => {
            let default = list.iter().find(|entry| entry.get("name").and_then(Json::as_str) == Some("default"));
            default.or_else(|| list.first())?.get("template")?.as_str()
        }
        Json::Object(map) => map.get("default").or_else(|| map.values().next())?.as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `llava-hf/llava-1.5-7b-hf`, `chat_template.json`.
    const LLAVA_1_5: &str = "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}\
        {# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}\
        {# Render all text next #}{% if message['role'] != 'assistant' %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}\
        {{ content['text'] + ' '}}{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}\
        {{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

    fn template(source: &str) -> Result<ChatTemplate, CheckpointError> {
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
        let expected = "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and \
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
            (
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "engine ran out of fuel",
            ),
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
        for wrong in ["{{ strftime_now() }}", "{{ strftime_now('%Y', zone='UTC') }}", "{{ strftime_now('%Y' * 600) }}"]
        {
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

    #[test]
    fn the_default_one_of_several_templates_is_taken() {
        let named = json!([{"name": "rag", "template": "a"}, {"name": "default", "template": "b"}]);
        assert_eq!(named_template(&named), Some("b"), "by name");
        assert_eq!(named_template(&json!([{"name": "rag", "template": "a"}])), Some("a"), "the only one");
        assert_eq!(named_template(&json!({"default": "c"})), Some("c"), "as a map");
        assert_eq!(named_template(&json!([])), None, "none");
    }
}
