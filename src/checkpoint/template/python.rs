//! Python's methods of strings, lists and maps: what templates of transformers call and the engine does not have, or
//! has without Python's further arguments.

use super::meter::refused;
use super::{characters, percent};
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{DynObject, Kwargs, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Calls a method, whose result the caller meters.
pub(super) fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let ours = match value.kind() {
        ValueKind::String => of_text(value.as_str().unwrap_or_default(), name, args)?,
        ValueKind::Seq => of_list(value, name, args)?,
        ValueKind::Map if name == "copy" => Some(value.clone()),
        _ => None,
    };
    ours.map_or_else(|| unknown_method_callback(state, value, name, args), Ok)
}

fn of_list(value: &Value, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(match name {
        "copy" if !value.is_tuple() => {
            let () = from_args(args)?;
            Some(value.clone())
        }
        "index" => {
            let (item, start, end): (Value, Option<i64>, Option<i64>) = from_args(args)?;
            let len = value.len().unwrap_or_default();
            let (start, end) = (place(start.unwrap_or(0), len), place(end.unwrap_or(i64::MAX), len));
            let mut items = value.try_iter()?.enumerate().take(end).skip(start);
            let (idx, _) = items.find(|(_, of)| *of == item).ok_or_else(|| refused("the value is not in the list"))?;
            Some(Value::from(idx))
        }
        _ => None,
    })
}

/// A place counted from the front or, below zero, from the back.
fn place(at: i64, len: usize) -> usize {
    let size = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    if at < 0 { len.saturating_sub(size) } else { size.min(len) }
}

/// A part of a text, and how many characters stand in front of it; nothing where it would begin behind its end.
fn part(text: &str, start: Option<i64>, end: Option<i64>) -> Option<(&str, usize)> {
    let len = text.chars().count();
    if start.is_some_and(|start| start > 0 && start.unsigned_abs() > len as u64) {
        return None;
    }
    let (start, end) = (place(start.unwrap_or(0), len), place(end.unwrap_or(i64::MAX), len));
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    text.get(byte(start)..byte(end)).map(|part| (part, start))
}

/// `find`, `rfind`, `index`, `rindex`, in characters.
fn find(text: &str, args: &[Value], from_end: bool) -> Result<Option<usize>, Error> {
    let (what, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
    Ok(part(text, start, end).and_then(|(part, before)| {
        let byte = if from_end { part.rfind(what) } else { part.find(what) }?;
        Some(before + part.get(..byte)?.chars().count())
    }))
}

/// `startswith` and `endswith`: one text, or several.
fn has_end(text: &str, args: &[Value], holds: fn(&str, &str) -> bool) -> Result<Value, Error> {
    let (what, start, end): (&Value, Option<i64>, Option<i64>) = from_args(args)?;
    let wrong = || refused("startswith and endswith take a text or several");
    let several = match what.kind() {
        ValueKind::String => vec![what.clone()],
        ValueKind::Seq | ValueKind::Iterable => what.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?,
        _ => return Err(wrong()),
    };
    let part = part(text, start, end).map(|(part, _)| part);
    for what in several {
        let what = what.as_str().ok_or_else(wrong)?;
        if part.is_some_and(|part| holds(part, what)) {
            return Ok(Value::from(true));
        }
    }
    Ok(Value::from(false))
}

fn of_text(text: &str, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let none = |value: Value| -> Result<Value, Error> {
        let () = from_args(args)?;
        Ok(value)
    };
    let not_found = || refused("substring not found");
    let idx = |found: Option<usize>| found.map_or_else(|| Value::from(-1), Value::from);
    Ok(Some(match name {
        "casefold" => none(Value::from(characters::folded(text)))?,
        "swapcase" => none(Value::from(characters::swapped(text)))?,
        "title" => none(Value::from(characters::titled(text)))?,
        "capitalize" => none(Value::from(characters::capitalised(text)))?,
        "find" => idx(find(text, args, false)?),
        "rfind" => idx(find(text, args, true)?),
        "index" => Value::from(find(text, args, false)?.ok_or_else(not_found)?),
        "rindex" => Value::from(find(text, args, true)?.ok_or_else(not_found)?),
        "count" => {
            let (what, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
            Value::from(part(text, start, end).map_or(0, |(part, _)| part.matches(what).count()))
        }
        "startswith" => has_end(text, args, |text, what| text.starts_with(what))?,
        "endswith" => has_end(text, args, |text, what| text.ends_with(what))?,
        "removeprefix" => {
            let (what,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(what).unwrap_or(text))
        }
        "removesuffix" => {
            let (what,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(what).unwrap_or(text))
        }
        "partition" | "rpartition" => partition(text, args, name == "rpartition")?,
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            let goes = |c: char| chars.map_or_else(|| characters::is_space(c), |chars| chars.contains(c));
            let text = if name == "rstrip" { text } else { text.trim_start_matches(goes) };
            Value::from(if name == "lstrip" { text } else { text.trim_end_matches(goes) })
        }
        "split" => split(text, args, false)?,
        "rsplit" => split(text, args, true)?,
        "splitlines" => lines(text, args)?,
        "ljust" | "rjust" | "center" => {
            let (width, fill): (i64, Option<&str>) = from_args(args)?;
            let mut chars = fill.unwrap_or(" ").chars();
            let (Some(fill), None) = (chars.next(), chars.next()) else {
                return Err(refused("the fill character must be exactly one character long"));
            };
            let missing = missing(text, width);
            let before = match name {
                "ljust" => 0,
                "rjust" => missing,
                _ => before_centred(missing, width),
            };
            Value::from(surrounded(text, before, missing - before, fill))
        }
        "zfill" => {
            let (width,): (i64,) = from_args(args)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing(text, width))))
        }
        "expandtabs" => {
            let (size, named): (Option<i64>, Kwargs) = from_args(args)?;
            let size = size.map_or_else(|| named.get::<Option<i64>>("tabsize"), |size| Ok(Some(size)))?;
            named.assert_all_used()?;
            Value::from(expanded(text, usize::try_from(size.unwrap_or(8)).unwrap_or_default()))
        }
        "format_map" => {
            let (map,): (&Value,) = from_args(args)?;
            let pairs = map.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten();
            let pairs = pairs.map(|(key, value)| (percent::text(&key), value)).collect::<Vec<_>>();
            let named: Kwargs = pairs.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            Value::from(format(FormatStyle::StrFormat, text, &[Value::from(named)])?)
        }
        _ => match is(text, name) {
            Some(is) => none(Value::from(is))?,
            None => return Ok(None),
        },
    }))
}

/// `isdigit` and the like.
fn is(text: &str, name: &str) -> Option<bool> {
    let all = |of: fn(char) -> bool| !text.is_empty() && text.chars().all(of);
    Some(match name {
        "isalnum" => all(characters::is_alphanumeric),
        "isalpha" => all(characters::is_letter),
        "isascii" => text.is_ascii(),
        "isdecimal" => all(characters::is_decimal),
        "isdigit" => all(characters::is_digit),
        "isidentifier" => characters::is_identifier(text),
        "islower" => {
            text.chars().any(char::is_lowercase)
                && !text.chars().any(|c| c.is_uppercase() || characters::is_titlecase(c))
        }
        "isnumeric" => all(characters::is_numeric),
        "isprintable" => text.chars().all(characters::is_printable),
        "isspace" => all(characters::is_space),
        "istitle" => characters::is_titled(text),
        "isupper" => {
            text.chars().any(char::is_uppercase)
                && !text.chars().any(|c| c.is_lowercase() || characters::is_titlecase(c))
        }
        _ => return None,
    })
}

fn missing(text: &str, width: i64) -> usize {
    usize::try_from(width).unwrap_or_default().saturating_sub(text.chars().count())
}

/// Python puts the odd one to the left where the width is odd.
fn before_centred(missing: usize, width: i64) -> usize {
    missing / 2 + (missing & usize::from(width & 1 == 1))
}

fn surrounded(text: &str, before: usize, behind: usize, fill: char) -> String {
    let mut filled = String::with_capacity(text.len() + (before + behind) * fill.len_utf8());
    filled.extend(std::iter::repeat_n(fill, before));
    filled.push_str(text);
    filled.extend(std::iter::repeat_n(fill, behind));
    filled
}

/// A text in the middle of so many characters.
pub(super) fn centred(text: &str, width: i64) -> String {
    let missing = missing(text, width);
    let before = before_centred(missing, width);
    surrounded(text, before, missing - before, ' ')
}

fn partition(text: &str, args: &[Value], from_end: bool) -> Result<Value, Error> {
    let (between,): (&str,) = from_args(args)?;
    if between.is_empty() {
        return Err(refused("empty separator"));
    }
    let parts = if from_end { text.rsplit_once(between) } else { text.split_once(between) };
    let parts = match parts {
        Some((before, behind)) => [before, between, behind],
        None if from_end => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// `split` and `rsplit`, at a text or at white space, at most so often.
fn split(text: &str, args: &[Value], from_end: bool) -> Result<Value, Error> {
    let (between, most, named): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let between = match between {
        Some(between) => Some(between),
        None => named.get::<Option<Value>>("sep")?,
    };
    let most = most.map_or_else(|| named.get::<Option<i64>>("maxsplit"), |most| Ok(Some(most)))?;
    named.assert_all_used()?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut parts = match between.filter(|between| !between.is_none()) {
        None => words(text, most, from_end),
        Some(between) => {
            let between = between.as_str().ok_or_else(|| Error::from(ErrorKind::InvalidOperation))?;
            if between.is_empty() {
                return Err(refused("empty separator"));
            }
            let parts = most.saturating_add(1);
            if from_end { text.rsplitn(parts, between).collect() } else { text.splitn(parts, between).collect() }
        }
    };
    if from_end {
        parts.reverse();
    }
    Ok(parts.into_iter().map(Value::from).collect())
}

/// The words of a text, from the front or from the back; what is left after `most` of them is one more.
fn words(text: &str, most: usize, from_end: bool) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let is_space = characters::is_space;
        rest = if from_end { rest.trim_end_matches(is_space) } else { rest.trim_start_matches(is_space) };
        if rest.is_empty() {
            return words;
        }
        if words.len() == most {
            words.push(rest);
            return words;
        }
        let word = if from_end {
            rest.rsplit(is_space).next().unwrap_or_default()
        } else {
            rest.split(is_space).next().unwrap_or_default()
        };
        words.push(word);
        let end = rest.len() - word.len();
        rest = if from_end { rest.get(..end) } else { rest.get(word.len()..) }.unwrap_or_default();
    }
}

fn lines(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (keep, named): (Option<bool>, Kwargs) = from_args(args)?;
    let keep = keep.map_or_else(|| named.get::<Option<bool>>("keepends"), |keep| Ok(Some(keep)))?.unwrap_or(false);
    named.assert_all_used()?;
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(characters::is_line_end) {
        let (line, behind) = rest.split_at(end);
        let mark = if behind.starts_with("\r\n") { 2 } else { behind.chars().next().map_or(0, char::len_utf8) };
        let whole = rest.get(..end + mark).unwrap_or(rest);
        lines.push(Value::from(if keep { whole } else { line }));
        rest = behind.get(mark..).unwrap_or_default();
    }
    if !rest.is_empty() {
        lines.push(Value::from(rest));
    }
    Ok(Value::from(lines))
}

fn expanded(text: &str, size: usize) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size == 0 => {}
            '\t' => {
                let spaces = size - column % size;
                expanded.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            _ => {
                column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
                expanded.push(c);
            }
        }
    }
    expanded
}
