//! The filter `tojson` as transformers has it: Python's `json.dumps`, with nothing escaped for HTML and keys in the
//! order in which they were written.

use super::meter::refused;
use minijinja::value::{DynObject, Kwargs, ValueKind};
use minijinja::{Error, Value};
use std::fmt::Write as _;

/// Of an indentation that is a text, and of each separator: what the meter's allowance for a value covers.
const MOST_CHARS: usize = 4;

/// How it is written.
struct Style {
    ensure_ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sort_keys: bool,
}

/// `tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
///
/// **Source**: transformers 5, `chat_template_utils.tojson`.
#[expect(clippy::needless_pass_by_value, reason = "the engine hands named arguments over by value")]
pub(super) fn tojson(
    value: &Value,
    ensure_ascii: Option<Value>,
    indent: Option<Value>,
    separators: Option<Value>,
    named: Kwargs,
) -> Result<String, Error> {
    let taken = |given: Option<Value>, name: &str| -> Result<Option<Value>, Error> {
        let value = given.map_or_else(|| named.get::<Option<Value>>(name), |value| Ok(Some(value)))?;
        Ok(value.filter(|value| !value.is_none() && !value.is_undefined()))
    };
    let is_true = |value: Option<Value>| value.is_some_and(|value| value.is_true());
    let ensure_ascii = is_true(taken(ensure_ascii, "ensure_ascii")?);
    let sort_keys = is_true(taken(None, "sort_keys")?);
    let indent = taken(indent, "indent")?.map(indentation).transpose()?;
    let (item, key) = match taken(separators, "separators")? {
        Some(pair) => separated(&pair)?,
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    named.assert_all_used()?;
    let mut out = String::new();
    write_value(&mut out, value, &Style { ensure_ascii, indent, item, key, sort_keys }, 0)?;
    Ok(out)
}

/// A number of spaces, or the text itself.
fn indentation(value: Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => short(text),
        None => Ok(" ".repeat(usize::try_from(i64::try_from(value)?.max(0)).unwrap_or_default())),
    }
}

fn short(text: &str) -> Result<String, Error> {
    if text.chars().nth(MOST_CHARS).is_some() {
        return Err(refused(format!("an indentation or a separator of more than {MOST_CHARS} characters")));
    }
    Ok(text.to_owned())
}

fn separated(pair: &Value) -> Result<(String, String), Error> {
    let parts = pair.try_iter()?.checked().collect::<Result<Vec<Value>, Error>>()?;
    match parts.as_slice() {
        [item, key] => match (item.as_str(), key.as_str()) {
            (Some(item), Some(key)) => Ok((short(item)?, short(key)?)),
            _ => Err(refused("separators that are no texts")),
        },
        _ => Err(refused("separators that are not two")),
    }
}

fn write_value(out: &mut String, value: &Value, style: &Style, level: usize) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => out.push_str(&number(value)?),
        ValueKind::String => write_text(out, value.as_str().unwrap_or_default(), style),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.checked().collect::<Result<Vec<Value>, Error>>()?;
            write_all(out, ['[', ']'], items, style, level, |out, item| write_value(out, &item, style, level + 1))?;
        }
        ValueKind::Map => {
            let pairs = value.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten();
            let mut pairs = pairs.map(|(key, item)| Ok((key_text(&key)?, item))).collect::<Result<Vec<_>, Error>>()?;
            if style.sort_keys {
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
            write_all(out, ['{', '}'], pairs, style, level, |out, (key, item)| {
                write_text(out, &key, style);
                out.push_str(&style.key);
                write_value(out, &item, style, level + 1)
            })?;
        }
        kind => return Err(refused(format!("a value of type {kind}, which JSON does not have"))),
    }
    Ok(())
}

fn write_all<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: Vec<T>,
    style: &Style,
    level: usize,
    mut write: impl FnMut(&mut String, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |out: &mut String, level: usize| {
        if let Some(indent) = &style.indent {
            out.push('\n');
            (0..level).for_each(|_| out.push_str(indent));
        }
    };
    let is_empty = items.is_empty();
    out.push(open);
    for (idx, item) in items.into_iter().enumerate() {
        if idx > 0 {
            out.push_str(&style.item);
        }
        line(out, level + 1);
        write(out, item)?;
    }
    if !is_empty {
        line(out, level);
    }
    out.push(close);
    Ok(())
}

/// Keys that are no texts become one, as Python does it.
fn key_text(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => number(key),
        kind => Err(refused(format!("a key of type {kind}, which JSON does not have"))),
    }
}

fn number(value: &Value) -> Result<String, Error> {
    if value.is_integer() { Ok(value.to_string()) } else { f64::try_from(value.clone()).map(float) }
}

/// Python's `repr` of a float.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // The shortest digits that give the number again, and a power of ten.
    let text = format!("{value:e}");
    let (digits, power) = text.split_once('e').unwrap_or((text.as_str(), "0"));
    match power.parse::<i32>() {
        Ok(power) if value != 0.0 && !(-4..16).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", power.unsigned_abs())
        }
        _ => {
            let text = value.to_string();
            if text.contains('.') { text } else { format!("{text}.0") }
        }
    }
}

fn write_text(out: &mut String, text: &str, style: &Style) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            _ if letter < ' ' || (style.ensure_ascii && !letter.is_ascii()) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::tests::template;

    /// What the template gives in front of a question that a model needs.
    fn rendered(start: &str) -> String {
        let rest = "{{ messages[0]['content'][1]['text'] }}<image>";
        let text = template(&format!("{start}|{rest}")).and_then(|template| template.render("What's <b>?"));
        let text = text.unwrap_or_else(|err| panic!("{start}: {err}"));
        text.split_once("|What").map(|(start, _)| start.to_owned()).unwrap_or_default()
    }

    /// Python 3.11: `json.dumps(..., ensure_ascii=False)` and what else is given.
    #[test]
    fn values_are_written_as_python_writes_them() {
        for (expression, expected) in [
            (
                "{'b': 1, 'a': [1.0, 2.5, 1e16, 1e-05, 100000.0]}|tojson",
                r#"{"b": 1, "a": [1.0, 2.5, 1e+16, 1e-05, 100000.0]}"#,
            ),
            ("\"What's <b> & 'é'\"|tojson", "\"What's <b> & 'é'\""),
            ("'é\u{1f642}\\n'|tojson(ensure_ascii=True)", r#""\u00e9\ud83d\ude42\n""#),
            ("{'b': true, 'a': none}|tojson(sort_keys=True)", r#"{"a": null, "b": true}"#),
            ("[1, {'k': []}]|tojson(separators=(',', ':'))", r#"[1,{"k":[]}]"#),
            ("[1, {'k': [2]}]|tojson(indent=2)", "[\n  1,\n  {\n    \"k\": [\n      2\n    ]\n  }\n]"),
            ("{}|tojson(indent=4) ~ []|tojson(indent=4)", "{}[]"),
            ("messages[0]|tojson|length > 20", "True"),
        ] {
            assert_eq!(rendered(&format!("{{{{ {expression} }}}}")), expected, "{expression}");
        }
    }

    #[test]
    fn keys_stay_as_they_were_written() {
        let start = "{% for key, value in {'z': 1, 'a': 2}.items() %}{{ key }}{% endfor %}";
        assert_eq!(rendered(start), "za", "as Python's dictionaries");
    }

    #[test]
    fn what_transformers_hands_over_is_none_and_not_undefined() {
        let start = "{% if tools is not none %}tools{% endif %}{% if documents is none %}no documents{% endif %}";
        assert_eq!(rendered(start), "no documents");
    }
}
