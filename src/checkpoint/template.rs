//! Chat templates: the text that a question becomes, in the words the model was trained on.
//!
//! A template is a program of whoever made the checkpoint, so it runs within bounds:
//!
//! | what | bound | by |
//! | --- | --- | --- |
//! | its length, chains of operators, `elif` | 256 KiB, 1,000 parts, 300 | [`scan`], before anything reads it |
//! | brackets and blocks inside each other | 150 | the engine's parser |
//! | steps | [`FUEL`] | the engine |
//! | texts and lists that it makes or walks | 64 MiB, all together | [`metered`] and [`meter`] |
//! | lists in lists | 64 | [`meter`] |
//! | the text that it gives | [`MOST_TEXT_BYTES`] beside the question | here |
//!
//! It is parsed, run and dropped on a thread of its own whose stack ([`STACK_BYTES`]) holds all that these bounds
//! allow, whoever asks: the window's worker has less. A panic of the engine ends that thread and is an error here.
//!
//! The engine itself counts steps only, and 40 steps can make a terabyte. Running it in a process of its own under a
//! limit of the system would hold on Unix alone and cost every question a start; an evaluator of our own would be
//! another dialect. So the engine stays, and the tree of the template gets a meter at each place where values grow.

mod characters;
mod dumps;
mod jinja;
mod meter;
mod metered;
mod percent;
mod python;
mod registered;
mod scan;
#[cfg(test)]
mod tests;

use super::files::Files;
use super::{CheckpointError, Moment};
use crate::panics;
use minijinja::machinery::{self, CodeGenerator};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value, context};
use serde_json::{Map, json};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// The image's place in a prompt.
pub const IMAGE_PLACEHOLDER: &str = "<image>";
/// Stands for the question when a template is looked at; private-use characters, which no template and no question
/// contains.
const PROBE: &str = "\u{e000}question\u{e001}";
/// Steps a template may take: the longest real ones take a few thousand.
const FUEL: u64 = 1_000_000;
/// What a template may add to the question: no model reads as much.
const MOST_TEXT_BYTES: usize = 1 << 20;
/// Holds the deepest tree that the bounds allow, in a build without optimisation; pages that are not used cost nothing.
const STACK_BYTES: usize = 64 << 20;
/// The bounds end every template in a second or two. Should one not end, who asked is not kept waiting.
const MOST_TIME: Duration = Duration::from_secs(15);
/// Messages of templates and of the engine are cut here, **units** characters.
const MOST_MESSAGE_CHARS: usize = 200;
const NAME: &str = "chat_template";
const STRFTIME_NOW: &str = "strftime_now";

/// LLaVA-1.5's training template (`vicuna_v1`), for checkpoints without one.
///
/// **Source**: LLaVA, `llava/conversation.py`, `conv_vicuna_v1`.
const VICUNA: &str = "A chat between a curious user and an artificial intelligence assistant. The assistant gives \
    helpful, detailed, and polite \
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
    source: String,
    origin: String,
    path: PathBuf,
    form: ContentForm,
    tokens: Map<String, serde_json::Value>,
}

impl ChatTemplate {
    /// Tries a template and finds out how it wants its messages. `tokens` are the special tokens that templates may
    /// mention (`bos_token`).
    ///
    /// **Errors**: a template that does not parse or render, or that loses the image or the question.
    pub(super) fn new(
        source: String,
        path: PathBuf,
        tokens: Map<String, serde_json::Value>,
    ) -> Result<Self, CheckpointError> {
        let origin = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut template = Self { source, origin, path, form: ContentForm::Parts, tokens };
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
        let messages = json!([{"role": "user", "content": content}]);
        let (source, tokens) = (without_generation_marks(&self.source), self.tokens.clone());
        let most_bytes = MOST_TEXT_BYTES + 4 * question.len();
        let text = on_own_thread(move || {
            let messages = Value::from(Serde(messages));
            let tokens = Value::from(Serde(tokens));
            let strftime_now = Value::from_function(move |format: Option<String>, named: Kwargs| {
                let format = format.map_or_else(|| named.get("format"), Ok)?;
                named.assert_all_used()?;
                strftime(moment, &format)
            });
            run(
                &source,
                context! {
                    messages, add_generation_prompt => true, strftime_now, tools => (), documents => (), ..tokens
                },
            )
        });
        let text = text.and_then(|text| {
            let found = || format!("a text of {} bytes, more than {most_bytes}", text.len());
            if text.len() > most_bytes { Err(found()) } else { Ok(text) }
        });
        text.map_err(|found| CheckpointError::Template { found, path: self.path.clone() })
    }
}

/// Runs something on a thread with a deep stack; see the module's documentation.
fn on_own_thread(work: impl FnOnce() -> Result<String, String> + Send + 'static) -> Result<String, String> {
    let (sender, receiver) = sync_channel(1);
    let thread = std::thread::Builder::new().name("gazelens-template".to_owned()).stack_size(STACK_BYTES);
    let spawned = thread.spawn(move || {
        let result =
            panics::contain(work).unwrap_or_else(|words| Err(format!("one that the engine fails on ({words})")));
        // Nobody waits any more.
        let _ = sender.send(result);
    });
    if let Err(error) = spawned {
        return Err(format!("no thread to run it on ({error})"));
    }
    receiver.recv_timeout(MOST_TIME).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => format!("one that does not end in {} seconds", MOST_TIME.as_secs()),
            RecvTimeoutError::Disconnected => "one that the engine fails on".to_owned(),
        })
    })
}

/// What a template gives.
fn run(source: &str, root: Value) -> Result<String, String> {
    let described = |error: Error| describe(&error);
    let environment = environment();
    let syntax = syntax().map_err(described)?;
    scan::check(source, &syntax)?;
    let tree = machinery::parse(source, NAME, syntax).map_err(described)?;
    let tree = metered::statement(&tree)?;
    let mut generator = CodeGenerator::new(NAME, source);
    generator.compile_stmt(&tree);
    let (instructions, blocks) = generator.finish();
    let mut text = String::new();
    let mut output = machinery::make_string_output(&mut text);
    machinery::eval(&environment, &instructions, root, &blocks, &mut output, AutoEscape::None).map_err(described)?;
    drop(output);
    Ok(text)
}

/// Jinja as transformers sets it up: blocks trimmed.
fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

/// What transformers offers templates: Python's string methods, `raise_exception`, no `{% generation %}` marks.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    // It would print every value into each error.
    environment.set_debug(false);
    registered::register(&mut environment);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment
}

/// `{% generation %}` marks the answer for training; here it is a block that is always taken, so that its `-` keep
/// their meaning.
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
    let detail = error.detail().map(cut).map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}{detail}{line}", error.kind())
}

/// The beginning of a message that a template has written.
fn cut(message: &str) -> String {
    match message.char_indices().nth(MOST_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}...", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
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
