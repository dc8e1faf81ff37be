//! Python's `'%s' % value`, for the operator and for Jinja's filter `format`, and values as Python writes them.

use super::characters;
use super::meter::{MOST_WIDTH, refused};
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{DynObject, ValueKind};
use minijinja::{Error, Value};
use std::fmt::Write as _;

/// A value as `str` writes it.
///
/// **Differs**: what Python only gives when asked for the next (`map`, `range`) is written as the engine does.
pub(super) fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        _ => repr(value),
    }
}

/// A value as `repr` writes it. Its depth was bounded when it was weighed.
fn repr(value: &Value) -> String {
    let items = |items: &mut dyn Iterator<Item = Value>| items.map(|item| repr(&item)).collect::<Vec<_>>().join(", ");
    match value.kind() {
        ValueKind::Undefined => "Undefined".to_owned(),
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
        }
        ValueKind::Seq => {
            let inner = items(&mut value.try_iter().into_iter().flatten());
            match (value.is_tuple(), value.len()) {
                (true, Some(1)) => format!("({inner},)"),
                (true, _) => format!("({inner})"),
                (false, _) => format!("[{inner}]"),
            }
        }
        ValueKind::Map => {
            let pairs = value.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten();
            let pairs: Vec<_> = pairs.map(|(key, item)| format!("{}: {}", repr(&key), repr(&item))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        _ => value.to_string(),
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            _ if c == quote => quoted.extend(['\\', c]),
            _ if characters::is_printable(c) => quoted.push(c),
            _ => push_escaped(&mut quoted, c),
        }
    }
    quoted.push(quote);
    quoted
}

fn push_escaped(to: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match code {
        0..=0xff => write!(to, "\\x{code:02x}"),
        0x100..=0xffff => write!(to, "\\u{code:04x}"),
        _ => write!(to, "\\U{code:08x}"),
    };
}

/// What a field is filled with: the next of several values, the one value, or those of a map by name.
struct Values<'a> {
    given: &'a Value,
    listed: Vec<Value>,
    next: usize,
}

impl Values<'_> {
    fn take(&mut self) -> Result<Value, Error> {
        let value = self.listed.get(self.next).cloned();
        self.next += 1;
        value.ok_or_else(|| refused("not enough arguments for format string"))
    }

    fn number(&mut self) -> Result<i64, Error> {
        let value = self.take()?;
        i64::try_from(value).map_err(|_| refused("* wants int"))
    }

    fn named(&self, key: &str) -> Result<Value, Error> {
        if self.given.kind() != ValueKind::Map {
            return Err(refused("format requires a mapping"));
        }
        let value = self.given.get_item(&Value::from(key))?;
        if value.is_undefined() { Err(refused(format!("no value named {key}"))) } else { Ok(value) }
    }
}

/// One `%...s` without its value.
#[derive(Default)]
struct Field {
    flags: String,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Field {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// `sign` and a prefix stay in front of zeros.
    fn padded(&self, sign: &str, text: &str, may_zeros: bool) -> String {
        let missing = self.width.saturating_sub(sign.chars().count() + text.chars().count());
        if self.has('-') {
            format!("{sign}{text}{}", " ".repeat(missing))
        } else if may_zeros && self.has('0') {
            format!("{sign}{}{text}", "0".repeat(missing))
        } else {
            format!("{}{sign}{text}", " ".repeat(missing))
        }
    }

    fn words(&self, text: &str) -> String {
        let cut: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        self.padded("", &cut, false)
    }

    fn whole(&self, value: &Value) -> Result<String, Error> {
        let is_float = value.kind() == ValueKind::Number && !value.is_integer();
        let number = match self.letter {
            'd' if is_float => truncated(f64::try_from(value.clone())?)?,
            _ if is_float => {
                return Err(refused(format!("%{} format: an integer is required, not float", self.letter)));
            }
            _ if matches!(value.kind(), ValueKind::Number | ValueKind::Bool) => i128::try_from(value.clone())?,
            _ => return Err(refused(format!("%{} format: a real number is required", self.letter))),
        };
        let size = number.unsigned_abs();
        let digits = match self.letter {
            'o' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            _ => size.to_string(),
        };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or_default());
        let sign = match number {
            ..0 => "-",
            _ if self.has('+') => "+",
            _ if self.has(' ') => " ",
            _ => "",
        };
        let prefix = match self.letter {
            'o' if self.has('#') => "0o",
            'x' if self.has('#') => "0x",
            'X' if self.has('#') => "0X",
            _ => "",
        };
        Ok(self.padded(&format!("{sign}{prefix}"), &digits, true))
    }

    fn fraction(&self, value: &Value) -> Result<String, Error> {
        let number = match value.kind() {
            ValueKind::Number | ValueKind::Bool => f64::try_from(value.clone()).or_else(|_| whole_as_float(value))?,
            _ => return Err(refused("must be real number")),
        };
        let precision = self.precision.map(|digits| format!(".{digits}")).unwrap_or_default();
        let text = if self.has('#') && matches!(self.letter, 'g' | 'G') && number.is_finite() {
            general_with_zeros(number.abs(), self.precision.unwrap_or(6).max(1), self.letter == 'G')
        } else {
            let alternate = if self.has('#') { "#" } else { "" };
            let spec = format!("%{alternate}{precision}{}", self.letter);
            format(FormatStyle::Printf, &spec, &[Value::from(number.abs())])?
        };
        let sign = match number.is_sign_negative() && !number.is_nan() {
            true => "-",
            false if self.has('+') => "+",
            false if self.has(' ') => " ",
            false => "",
        };
        Ok(self.padded(sign, &text, true))
    }

    fn filled(&self, value: &Value) -> Result<String, Error> {
        match self.letter {
            's' => Ok(self.words(&text(value))),
            'r' => Ok(self.words(&repr(value))),
            'a' => {
                let mut ascii = String::new();
                for c in repr(value).chars() {
                    if c.is_ascii() { ascii.push(c) } else { push_escaped(&mut ascii, c) }
                }
                Ok(self.words(&ascii))
            }
            'c' => {
                let code = || u32::try_from(value.clone()).ok().and_then(char::from_u32);
                let one = value.as_str().map_or_else(code, |text| {
                    let mut chars = text.chars();
                    chars.next().filter(|_| chars.next().is_none())
                });
                let one = one.ok_or_else(|| refused("%c requires int or char"))?;
                Ok(self.padded("", one.encode_utf8(&mut [0; 4]), false))
            }
            'd' | 'o' | 'x' | 'X' => self.whole(value),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => self.fraction(value),
            other => Err(refused(format!("unsupported format character '{other}'"))),
        }
    }
}

/// `%#g`: as many digits as asked for, those that say nothing included, and always a point.
fn general_with_zeros(number: f64, digits: usize, is_upper: bool) -> String {
    let with_point = |text: String| if text.contains('.') { text } else { text + "." };
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    match usize::try_from(exponent + 4) {
        // From 0.0001 on, as long as the digits reach to the point.
        Ok(places) if places < digits + 4 => with_point(format!("{number:.*}", digits + 3 - places)),
        _ => {
            let letter = if is_upper { 'E' } else { 'e' };
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}{letter}{sign}{:02}", with_point(mantissa.to_owned()), exponent.unsigned_abs())
        }
    }
}

fn whole_as_float(value: &Value) -> Result<f64, Error> {
    #[expect(clippy::cast_precision_loss, reason = "Python rounds whole numbers to floats too")]
    i128::try_from(value.clone()).map(|number| number as f64)
}

fn truncated(value: f64) -> Result<i128, Error> {
    // The largest power of two that an i128 does not hold.
    const TOO_LARGE: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if !value.is_finite() || value.abs() >= TOO_LARGE {
        return Err(refused("cannot convert float to integer"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "truncating is what `%d` does, and the size was checked")]
    Ok(value.trunc() as i128)
}

/// `template % given`.
///
/// **Errors**: those of Python, and fields wider than [`MOST_WIDTH`].
pub(super) fn percent(template: &str, given: &Value) -> Result<String, Error> {
    let listed = if given.is_tuple() { given.try_iter()?.collect() } else { vec![given.clone()] };
    let is_mapping = matches!(given.kind(), ValueKind::Map) || (given.kind() == ValueKind::Seq && !given.is_tuple());
    let mut values = Values { given, listed, next: 0 };
    let mut output = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, field)) = rest.split_once('%') {
        output.push_str(before);
        rest = read_field(field, &mut values, &mut output)?;
    }
    output.push_str(rest);
    if values.next < values.listed.len() && !is_mapping {
        return Err(refused("not all arguments converted during string formatting"));
    }
    Ok(output)
}

/// Reads one field behind its `%`, writes it and gives what stands behind it.
fn read_field<'a>(mut rest: &'a str, values: &mut Values<'_>, output: &mut String) -> Result<&'a str, Error> {
    if let Some(behind) = rest.strip_prefix('%') {
        output.push('%');
        return Ok(behind);
    }
    let mut field = Field::default();
    let mut named = None;
    if let Some(key) = rest.strip_prefix('(') {
        let mut depth = 1_usize;
        let end = key.char_indices().find(|&(_, c)| {
            depth = match c {
                '(' => depth + 1,
                ')' => depth - 1,
                _ => depth,
            };
            depth == 0
        });
        let (end, _) = end.ok_or_else(|| refused("incomplete format key"))?;
        let (key, behind) = key.split_at(end);
        named = Some(values.named(key)?);
        rest = behind.strip_prefix(')').unwrap_or(behind);
    }
    let end = rest.find(|c| !"-+ #0".contains(c)).unwrap_or(rest.len());
    let (flags, behind) = rest.split_at(end);
    flags.clone_into(&mut field.flags);
    rest = behind;
    if let Some(width) = read_number(&mut rest, values)? {
        if width < 0 {
            field.flags.push('-');
        }
        field.width = size(width.unsigned_abs())?;
    }
    if let Some(behind) = rest.strip_prefix('.') {
        rest = behind;
        let precision = read_number(&mut rest, values)?.unwrap_or_default();
        field.precision = Some(size(precision.max(0).unsigned_abs())?);
    }
    rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
    let mut chars = rest.chars();
    let letter = chars.next().ok_or_else(|| refused("incomplete format"))?;
    field.letter = if matches!(letter, 'i' | 'u') { 'd' } else { letter };
    let value = named.map_or_else(|| values.take(), Ok)?;
    output.push_str(&field.filled(&value)?);
    Ok(chars.as_str())
}

fn read_number(rest: &mut &str, values: &mut Values<'_>) -> Result<Option<i64>, Error> {
    if let Some(behind) = rest.strip_prefix('*') {
        *rest = behind;
        return values.number().map(Some);
    }
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    *rest = behind;
    if digits.is_empty() { Ok(None) } else { Ok(Some(digits.parse().unwrap_or(i64::MAX))) }
}

fn size(number: u64) -> Result<usize, Error> {
    let size = usize::try_from(number).ok().filter(|size| *size <= MOST_WIDTH);
    size.ok_or_else(|| refused(format!("a format wider than {MOST_WIDTH} characters")))
}

/// `a % b`: a text with its fields filled, or the remainder of two numbers as the engine has it.
pub(super) fn remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(template) = left.as_str() {
        return percent(template, right).map(Value::from);
    }
    let whole = |value: &Value| i128::try_from(value.clone()).ok();
    let is_float = |value: &Value| value.is_number() && !value.is_integer();
    let failed = || refused(format!("unable to calculate {left} % {right}"));
    if let (Some(a), Some(b), false) = (whole(left), whole(right), is_float(left) || is_float(right)) {
        if b == 0 {
            return Err(failed());
        }
        let rest = a.checked_rem(b).unwrap_or_default();
        let rest = if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest };
        return Ok(i64::try_from(rest).map_or_else(|_| Value::from(rest), Value::from));
    }
    let float = |value: &Value| f64::try_from(value.clone()).ok();
    let (Some(a), Some(b)) = (float(left), float(right)) else {
        let (a, b) = (left.kind(), right.kind());
        return Err(refused(format!("tried to use % operator on unsupported types {a} and {b}")));
    };
    if b == 0.0 {
        return Err(failed());
    }
    let rest = a % b;
    Ok(Value::from(match rest {
        0.0 => 0.0_f64.copysign(b),
        _ if (rest < 0.0) != (b < 0.0) => rest + b,
        _ => rest,
    }))
}
