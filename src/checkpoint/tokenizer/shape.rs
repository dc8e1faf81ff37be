//! What a `tokenizer.json` says about itself, read before the library reads it.
//!
//! The library takes any number that it finds: it makes room for as many units as a character map claims, builds every
//! automaton that a pattern asks for, and puts each added token through the normalizers while it opens the file. So the
//! file's own figures are looked at first. The bounds are several times what any published tokenizer has.

use super::growth::{Growth, LONGEST_TOKEN_BYTES, decoder_growth, normalizer_growth};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Published ones have up to 35 MB.
const MOST_FILE_BYTES: usize = 96 << 20;
/// Normalizers, splitters, decoders and so on in each of the four chains; published ones have up to ten.
const MOST_STEPS: usize = 32;
/// Chains inside of chains.
const MOST_LEVELS: usize = 8;
/// All patterns together: an automaton has some hundred bytes for each character of its pattern.
const MOST_PATTERN_BYTES: usize = 4 << 10;
/// Repetitions that patterns count (`{3}`), all together.
const MOST_REPETITIONS: usize = 256;
/// What stands before, behind or in place of words: prefixes, suffixes, the names of special tokens.
const MOST_AFFIX_BYTES: usize = 64;
/// All added tokens together.
const MOST_ADDED_BYTES: usize = 1 << 20;
/// What special tokens a text may begin and end with.
const MOST_SPECIAL: usize = 64;
/// `WordPiece` tries every part of a word; published ones try those of up to 200 characters.
const MOST_WORD_CHARS: usize = 200;

/// The parts of the file that can make it more than a file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
    added_tokens: Option<Vec<Added>>,
    model: Model,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Added {
    content: String,
    normalized: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model {
    r#type: Option<String>,
    vocab: Vocabulary,
    merges: IgnoredAny,
    max_input_chars_per_word: Option<usize>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    unk_token: Option<String>,
}

/// The longest token of a vocabulary: `{token: id}` or `[[token, score]]`.
#[derive(Debug, Default)]
struct Vocabulary {
    longest_bytes: usize,
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Longest;
        impl<'de> Visitor<'de> for Longest {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                let mut vocabulary = Vocabulary::default();
                while let Some((token, _)) = map.next_entry::<Text<'_>, IgnoredAny>()? {
                    vocabulary.longest_bytes = vocabulary.longest_bytes.max(token.0.len());
                }
                Ok(vocabulary)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vocabulary, A::Error> {
                let mut vocabulary = Vocabulary::default();
                while let Some((token, _)) = seq.next_element::<(Text<'_>, IgnoredAny)>()? {
                    vocabulary.longest_bytes = vocabulary.longest_bytes.max(token.0.len());
                }
                Ok(vocabulary)
            }

            fn visit_unit<E>(self) -> Result<Vocabulary, E> {
                Ok(Vocabulary::default())
            }
        }
        deserializer.deserialize_any(Longest)
    }
}

/// A text, copied only where the file writes it with escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What a tokenizer may do, and how much: what [`super::bounds`] holds every text to.
#[derive(Debug)]
pub(super) struct Shape {
    /// Each normalizer in order, as the library reads it, with what it can add.
    pub(super) normalizers: Vec<(Value, Growth)>,
    /// Times that decoders can make a text longer.
    pub(super) decoder_growth: usize,
    /// **Units** bytes.
    pub(super) longest_token: usize,
    /// Steps for each byte of a text, for models that try every beginning of a word.
    pub(super) steps_per_byte: usize,
    /// Texts that go through the normalizers when the file is opened.
    pub(super) normalized_tokens: Vec<String>,
}

impl Shape {
    /// Reads and checks a file; an error is what was found.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MOST_FILE_BYTES {
            return Err(format!("{} bytes, more than {MOST_FILE_BYTES}", bytes.len()));
        }
        let file: File = serde_json::from_slice(bytes).map_err(|error| format!("a JSON error ({error})"))?;
        let mut patterns = Patterns::default();
        let normalizers = patterns.chain(&file.normalizer, "normalizers")?;
        patterns.chain(&file.pre_tokenizer, "pretokenizers")?;
        let decoders = patterns.chain(&file.decoder, "decoders")?;
        for processor in chain(&file.post_processor, "processors")? {
            expect_short_ends(processor)?;
        }
        let normalizers = normalizers.into_iter().map(|step| Ok((step.clone(), normalizer_growth(step)?)));
        let added = file.added_tokens.unwrap_or_default();
        let longest_added = added.iter().map(|token| token.content.len()).max().unwrap_or_default();
        let shape = Self {
            normalizers: normalizers.collect::<Result<Vec<_>, String>>()?,
            decoder_growth: decoder_growth(&decoders)?,
            longest_token: file.model.vocab.longest_bytes.max(longest_added),
            steps_per_byte: steps_per_byte(&file.model)?,
            normalized_tokens: added
                .iter()
                .filter(|token| token.normalized)
                .map(|token| token.content.clone())
                .collect(),
        };
        if shape.longest_token > LONGEST_TOKEN_BYTES {
            return Err(format!("a token of {} bytes, more than {LONGEST_TOKEN_BYTES}", shape.longest_token));
        }
        expect_added(added.iter().map(|token| token.content.as_str()))?;
        Ok(shape)
    }
}

/// Added tokens become an automaton of a size that follows from theirs.
pub(super) fn expect_added<'a>(contents: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut bytes = 0;
    for content in contents {
        bytes += content.len();
        if content.len() > LONGEST_TOKEN_BYTES || bytes > MOST_ADDED_BYTES {
            return Err(format!(
                "added tokens of more than {LONGEST_TOKEN_BYTES} bytes each or {MOST_ADDED_BYTES} together"
            ));
        }
    }
    Ok(())
}

fn steps_per_byte(model: &Model) -> Result<usize, String> {
    let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix, &model.unk_token];
    if let Some(affix) = affixes.into_iter().flatten().find(|affix| affix.len() > MOST_AFFIX_BYTES) {
        return Err(format!(
            "a prefix, suffix or unknown token of {} bytes, more than {MOST_AFFIX_BYTES}",
            affix.len()
        ));
    }
    let chars = model.max_input_chars_per_word.unwrap_or(100);
    if chars > MOST_WORD_CHARS {
        return Err(format!("{chars} for max_input_chars_per_word, more than {MOST_WORD_CHARS}"));
    }
    // Every part of a word, and its letters; every beginning of what is left; the pairs of a heap.
    Ok(match model.r#type.as_deref() {
        Some("BPE" | "WordLevel") => 64,
        Some("Unigram") => 32 * model.vocab.longest_bytes.max(1),
        _ => chars.max(1) * chars.max(1) / 2,
    })
}

/// The steps of a chain in order: itself, or those that it lists.
fn chain<'a>(value: &'a Value, list: &str) -> Result<Vec<&'a Value>, String> {
    let mut steps = Vec::new();
    add_steps(value, list, 0, &mut steps)?;
    Ok(steps)
}

fn add_steps<'a>(value: &'a Value, list: &str, level: usize, steps: &mut Vec<&'a Value>) -> Result<(), String> {
    let Value::Object(object) = value else { return Ok(()) };
    match object.get(list) {
        Some(Value::Array(parts)) if level < MOST_LEVELS => {
            for part in parts {
                add_steps(part, list, level + 1, steps)?;
            }
        }
        Some(_) => return Err(format!("{list} in {list} of more than {MOST_LEVELS} levels")),
        None => steps.push(value),
    }
    if steps.len() > MOST_STEPS {
        return Err(format!("more than {MOST_STEPS} {list}"));
    }
    Ok(())
}

/// What all patterns of a file ask for.
#[derive(Debug, Default)]
struct Patterns {
    bytes: usize,
    repetitions: usize,
}

impl Patterns {
    fn chain<'a>(&mut self, value: &'a Value, list: &str) -> Result<Vec<&'a Value>, String> {
        let steps = chain(value, list)?;
        for step in &steps {
            let Some(pattern) = step.get("pattern") else { continue };
            let (text, is_regex) = match (pattern.get("Regex"), pattern.get("String"), pattern) {
                (Some(Value::String(regex)), _, _) => (regex, true),
                (_, Some(Value::String(text)), _) | (_, _, Value::String(text)) => (text, false),
                _ => continue,
            };
            self.bytes += text.len();
            self.repetitions += if is_regex { repetitions(text) } else { 0 };
        }
        if self.bytes > MOST_PATTERN_BYTES || self.repetitions > MOST_REPETITIONS {
            return Err(format!(
                "patterns of more than {MOST_PATTERN_BYTES} bytes or {MOST_REPETITIONS} counted repetitions"
            ));
        }
        Ok(steps)
    }
}

/// The largest count of each `{n}`, `{n,}` and `{n,m}`, added up; what else stands in braces counts as well where it is
/// a number.
fn repetitions(pattern: &str) -> usize {
    let largest = |braces: &str| {
        let counts = braces.split(',').filter_map(|count| {
            let count = count.trim();
            let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| count.parse().unwrap_or(usize::MAX))
        });
        counts.max().unwrap_or_default()
    };
    let braces = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    braces.fold(0, |sum, (braces, _)| sum.saturating_add(largest(braces)))
}

/// A text begins and ends with a few special tokens, and is in what a template makes of it once.
fn expect_short_ends(processor: &Value) -> Result<(), String> {
    for name in ["single", "pair"] {
        let Some(Value::Array(pieces)) = processor.get(name) else { continue };
        for sequence in ["A", "B"] {
            let times = pieces.iter().filter(|piece| piece["Sequence"]["id"] == *sequence).count();
            if times > 1 {
                return Err(format!("a template that takes a text {times} times"));
            }
        }
        if pieces.len() > MOST_SPECIAL {
            return Err(format!("a template of {} pieces, more than {MOST_SPECIAL}", pieces.len()));
        }
    }
    let Some(Value::Object(tokens)) = processor.get("special_tokens") else { return Ok(()) };
    let num_parts = |token: &Map<String, Value>| {
        let len = |name: &str| token.get(name).and_then(Value::as_array).map_or(0, Vec::len);
        len("ids").max(len("tokens"))
    };
    match tokens.values().filter_map(Value::as_object).map(num_parts).find(|parts| *parts > MOST_SPECIAL) {
        Some(parts) => Err(format!("a special token of {parts} ids, more than {MOST_SPECIAL}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(change: impl FnOnce(&mut Value)) -> String {
        let mut file = json!({
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
            "pre_tokenizer": null,
            "post_processor": {"type": "TemplateProcessing", "pair": [],
                "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
            "decoder": {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            "added_tokens": [{"id": 1, "content": "<s>", "normalized": true}],
            "model": {"type": "BPE", "vocab": {"a": 0, "<s>": 1}, "merges": ["a a"]},
        });
        change(&mut file);
        Shape::read(file.to_string().as_bytes()).map_or_else(|found| found, |shape| format!("{shape:?}"))
    }

    #[test]
    fn a_tokenizer_as_models_have_it_is_what_it_says() {
        let shape = found(|_| ());
        assert!(
            shape.contains("decoder_growth: 1, longest_token: 3, steps_per_byte: 64, normalized_tokens: [\"<s>\"]"),
            "{shape}"
        );
        let unigram = json!({"type": "Unigram", "vocab": [["<unk>", 0.0], ["▁ab", -1.5]], "unk_id": 0});
        assert!(
            found(|file| file["model"] = unigram).contains("longest_token: 5, steps_per_byte: 160"),
            "a list of pairs"
        );
    }

    #[test]
    fn figures_beyond_any_tokenizer_are_refused() {
        let many = |step: Value| json!({"type": "Sequence", "normalizers": vec![step; 40]});
        let nested =
            (0..20).fold(json!({"type": "NFC"}), |inner, _| json!({"type": "Sequence", "normalizers": [inner]}));
        let split = json!({"type": "Split", "behavior": "Isolated", "invert": false});
        let regex = |pattern: &str| {
            let mut split = split.clone();
            split["pattern"] = json!({"Regex": pattern});
            split
        };
        let template =
            |pieces: Value| json!({"type": "TemplateProcessing", "single": pieces, "pair": [], "special_tokens": {}});
        let special = json!({"type": "TemplateProcessing", "single": [], "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": vec![1; 65], "tokens": []}}});
        for (name, value, expected) in [
            ("normalizer", many(json!({"type": "NFC"})), "more than 32 normalizers"),
            ("normalizer", nested, "normalizers in normalizers of more than 8 levels"),
            ("normalizer", json!({"normalizers": 1}), "normalizers in normalizers of more than 8 levels"),
            ("pre_tokenizer", regex("\\w{300}"), "patterns of more than 4096 bytes or 256 counted repetitions"),
            (
                "pre_tokenizer",
                regex(&"(?=a)\\w{90}".repeat(3)),
                "patterns of more than 4096 bytes or 256 counted repetitions",
            ),
            (
                "pre_tokenizer",
                regex(&"\\w".repeat(2_500)),
                "patterns of more than 4096 bytes or 256 counted repetitions",
            ),
            (
                "post_processor",
                template(json!([{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}])),
                "a template that takes a text 2 times",
            ),
            (
                "post_processor",
                template(json!(vec![json!({"SpecialToken": {"id": "a"}}); 65])),
                "a template of 65 pieces, more than 64",
            ),
            ("post_processor", special, "a special token of 65 ids, more than 64"),
            ("added_tokens", json!([{"content": "a".repeat(3_000)}]), "a token of 3000 bytes, more than 2048"),
            (
                "added_tokens",
                json!(vec![json!({"content": "a".repeat(2_000)}); 600]),
                "added tokens of more than 2048 bytes each or 1048576 together",
            ),
            ("model", json!({"type": "BPE", "vocab": {"a".repeat(2_049): 0}}), "a token of 2049 bytes, more than 2048"),
            (
                "model",
                json!({"type": "BPE", "vocab": {}, "continuing_subword_prefix": "#".repeat(65)}),
                "a prefix, suffix or unknown token of 65 bytes, more than 64",
            ),
            (
                "model",
                json!({"type": "WordPiece", "vocab": {}, "max_input_chars_per_word": 201}),
                "201 for max_input_chars_per_word, more than 200",
            ),
            (
                "model",
                json!({"type": "BPE", "vocab": 7}),
                "a JSON error (invalid type: integer `7`, expected a vocabulary",
            ),
        ] {
            let found = found(|file| file[name] = value);
            assert!(found.starts_with(expected), "{name}: {found}");
        }
    }

    #[test]
    fn counted_repetitions_are_added_up() {
        for (pattern, expected) in [
            ("\\p{L}+|\\p{N}{1,3}", 3),
            ("a{2,}b{4}", 6),
            ("\\x{1F600}", 0),
            ("a{99999999999999999999}", usize::MAX),
            ("{", 0),
            ("a{,7}", 7),
        ] {
            assert_eq!(repetitions(pattern), expected, "{pattern}");
        }
    }
}
