//! The meter of a rendering: what every filter, test, function and operator of a template may make and walk, all
//! together.
//!
//! Everything is charged before it is made and nothing is ever given back, so what is held at once is never more than
//! the whole allowance. Where a result's size follows from its arguments it is calculated (`replace`, `join`, `indent`,
//! `*`); elsewhere it is at most some times the size of the arguments, which is what [`Cost`] says of each filter.

use minijinja::value::{DynObject, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

/// What one rendering may make and walk, **units** bytes: hundreds of times what the longest published templates need.
const MOST_BYTES: usize = 64 << 20;
/// What a value costs besides its text: itself, its allocation, the step to it.
const VALUE_BYTES: usize = 32;
/// What a value other than a string takes at most as text: the 309 digits of a float, quotes, indentation.
const PRINTED_VALUE_BYTES: usize = 384;
/// What a character of a string inside of a list takes at most as text, escaped for a program or for a page.
const PRINTED_CHAR_BYTES: usize = 8;
/// Lists in lists, maps in maps.
const MOST_DEPTH: usize = 64;

/// What is left.
struct Meter {
    left_bytes: usize,
}

pub(super) fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

fn too_much() -> Error {
    refused(format!("more than {} MiB of texts and lists", MOST_BYTES >> 20))
}

fn meter<'a>(state: &'a mut State) -> &'a mut Meter {
    state.get_or_insert_extension_with(|| Meter { left_bytes: MOST_BYTES })
}

pub(super) fn charge(state: &mut State, bytes: usize) -> Result<(), Error> {
    let meter = meter(state);
    meter.left_bytes = meter.left_bytes.checked_sub(bytes).ok_or_else(too_much)?;
    Ok(())
}

/// How large a value is with everything in it, as often as it is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Values, itself included.
    values: usize,
    /// The lengths of all strings.
    text_bytes: usize,
    /// The length of the string that it is, 0 for other values.
    own_bytes: usize,
}

impl Weight {
    fn bytes(self) -> usize {
        self.text_bytes.saturating_add(self.values.saturating_mul(VALUE_BYTES))
    }

    /// At most, as text.
    fn printed_bytes(self) -> usize {
        if self.values == 1 && self.own_bytes == self.text_bytes && self.own_bytes > 0 {
            return self.bytes();
        }
        let text_bytes = self.text_bytes.saturating_mul(PRINTED_CHAR_BYTES);
        text_bytes.saturating_add(self.values.saturating_mul(PRINTED_VALUE_BYTES))
    }
}

/// Walks a value, at most `most_bytes` of it and [`MOST_DEPTH`] deep.
fn weigh(value: &Value, most_bytes: usize) -> Result<Weight, Error> {
    let own_bytes = value.as_str().map_or(0, str::len);
    let mut weight = Weight { own_bytes, ..Weight::default() };
    add_weight(value, &mut weight, most_bytes, 0)?;
    Ok(weight)
}

fn add_weight(value: &Value, weight: &mut Weight, most_bytes: usize, depth: usize) -> Result<(), Error> {
    weight.values += 1;
    weight.text_bytes += value.as_str().map(str::len).or_else(|| Some(value.as_bytes()?.len())).unwrap_or_default();
    if weight.bytes() > most_bytes {
        return Err(too_much());
    }
    if depth > MOST_DEPTH {
        return Err(refused(format!("lists or maps of more than {MOST_DEPTH} levels")));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()?.checked() {
                add_weight(&item?, weight, most_bytes, depth + 1)?;
            }
        }
        ValueKind::Map => {
            for (key, item) in value.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten() {
                add_weight(&key, weight, most_bytes, depth + 1)?;
                add_weight(&item, weight, most_bytes, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn weighed(state: &mut State, value: &Value) -> Result<Weight, Error> {
    let weight = weigh(value, meter(state).left_bytes)?;
    charge(state, weight.bytes())?;
    Ok(weight)
}

/// Charges for a value as text, before it becomes one.
pub(super) fn printed(state: &mut State, value: &Value) -> Result<(), Error> {
    let weight = weigh(value, meter(state).left_bytes)?;
    charge(state, weight.printed_bytes())
}

/// Charges for a result. What would be made whenever it is looked at is made now, so that nothing stacks up behind it.
pub(super) fn made(state: &mut State, value: Value) -> Result<Value, Error> {
    weighed(state, &value)?;
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    let items = value.try_iter()?.checked().collect::<Result<Vec<Value>, Error>>()?;
    Ok(iterable(items, value.len().is_some()))
}

/// What can be walked and is no list: the engine puts these behind lists when it sorts, and shows only those whose
/// length it knows.
fn iterable(items: Vec<Value>, is_counted: bool) -> Value {
    if is_counted {
        return Value::make_object_iterable(items, |items| Box::new(items.iter().cloned()));
    }
    // Behind them stands what may be one more and is not, so nobody knows how many there are.
    let nothing = || std::iter::once(Value::UNDEFINED).filter(|_| false);
    Value::make_object_iterable(items, move |items| Box::new(items.iter().cloned().chain(nothing())))
}

/// Objects of the engine: a loop, a macro, a module.
fn is_of_engine(value: &Value) -> bool {
    let name = value.as_object().map(DynObject::type_name).unwrap_or_default();
    value.kind() == ValueKind::Plain || ["::Loop", "::Macro", "::Module"].iter().any(|end| name.ends_with(end))
}

fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

/// A copy in which only texts, numbers, lists and maps are. Its weight was charged before.
pub(super) fn plain(value: &Value, may_hold_namespaces: bool) -> Result<Value, Error> {
    if is_of_engine(value) || (!may_hold_namespaces && is_namespace(value)) {
        return Err(refused("an object where only texts, numbers, lists and maps can be"));
    }
    let copied = |item: Value| plain(&item, may_hold_namespaces);
    Ok(match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.checked().map(|item| copied(item?)).collect::<Result<Vec<Value>, Error>>()?;
            match value.kind() {
                ValueKind::Iterable => iterable(items, value.len().is_some()),
                _ if value.is_tuple() => Value::from(Tuple::from(items)),
                _ => Value::from(items),
            }
        }
        ValueKind::Map => {
            let pairs = value.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten();
            let pairs = pairs.map(|(key, item)| Ok((copied(key)?, copied(item)?)));
            Value::from_pairs(pairs.collect::<Result<Vec<_>, Error>>()?)
        }
        _ => value.clone(),
    })
}

pub(super) fn stored(state: &mut State, value: &Value) -> Result<Value, Error> {
    weighed(state, value)?;
    plain(value, false)
}

/// `a * b`, as the engine does it: numbers, and strings and lists a number of times.
pub(super) fn times(state: &mut State, left_value: &Value, right: &Value) -> Result<Value, Error> {
    let repeated =
        |value: &Value| value.as_str().is_some() || matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let (of, count) = if repeated(left_value) { (left_value, right) } else { (right, left_value) };
    if !repeated(of) {
        return product(left_value, right);
    }
    let count = count.as_usize().ok_or_else(|| refused("a text or list is multiplied with a whole number only"))?;
    let weight = weighed(state, of)?;
    charge(state, weight.bytes().saturating_mul(count))?;
    if let Some(text) = of.as_str() {
        return Ok(Value::from(text.repeat(count)));
    }
    let items = of.try_iter()?.checked().collect::<Result<Vec<Value>, Error>>()?;
    let items: Vec<Value> = std::iter::repeat_n(items, count).flatten().collect();
    Ok(if of.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) })
}

fn product(a: &Value, b: &Value) -> Result<Value, Error> {
    let whole = |value: &Value| i128::try_from(value.clone()).ok();
    let is_float = |value: &Value| value.is_number() && !value.is_integer();
    if let (Some(x), Some(y), false) = (whole(a), whole(b), is_float(a) || is_float(b)) {
        let product = x.checked_mul(y).ok_or_else(|| refused(format!("unable to calculate {a} * {b}")))?;
        return Ok(i64::try_from(product).map_or_else(|_| Value::from(product), Value::from));
    }
    let float = |value: &Value| f64::try_from(value.clone()).ok();
    let (Some(x), Some(y)) = (float(a), float(b)) else {
        let (a, b) = (a.kind(), b.kind());
        return Err(refused(format!("tried to use * operator on unsupported types {a} and {b}")));
    };
    Ok(Value::from(x * y))
}

/// What a filter, a test or a method costs besides walking its arguments once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cost {
    /// Nothing: what it gives is a part of what it is given.
    Walk,
    /// So many times the size of its arguments.
    Times(usize),
    /// So many times the size of its arguments, those that are strings as lists of characters.
    Items(usize),
    /// The arguments as text, so many times.
    Print(usize),
    /// Something in front of each line or around each item, as wide as its numbers say, for each level.
    Padding,
    /// Every place of the second argument in the first becomes the third.
    Replace,
    /// The items of one argument as text with another one between them.
    Join { items: usize, between: usize },
    /// As often as there are items: each sum is a copy.
    Sum,
    /// The arguments where the marks of the text say, padded as they say.
    Format,
    /// The same for `%`, which bounds each width itself.
    Percent,
    /// The first argument, and as many characters as the largest number among the others says.
    Width,
    /// The first argument, each tab in it as wide as the largest number among the others says.
    Tabs,
}

/// The widest field of a format, **units** characters.
pub(super) const MOST_WIDTH: usize = 999;
/// A tab without a number.
const TAB_WIDTH: usize = 8;
/// The longest character.
const CHAR_BYTES: usize = 4;

fn cost(cost: Cost, args: &[Value], weights: &[Weight]) -> Result<usize, Error> {
    let all: usize = weights.iter().fold(0, |sum, weight| sum.saturating_add(weight.bytes()));
    let first = weights.first().copied().unwrap_or_default();
    let text = |idx: usize| args.get(idx).and_then(Value::as_str);
    Ok(match cost {
        Cost::Walk => 0,
        Cost::Times(times) => all.saturating_mul(times),
        Cost::Items(times) => {
            let chars = first.own_bytes.saturating_mul(VALUE_BYTES);
            all.saturating_add(chars).saturating_mul(times)
        }
        Cost::Print(times) => printed_bytes(weights).saturating_mul(times),
        Cost::Padding => {
            let lines = text(0).map_or(0, |text| text.matches('\n').count());
            let width = args.iter().skip(1).map(largest_number).max().unwrap_or_default();
            let padding = width.saturating_mul(first.values.saturating_add(lines + 1)).saturating_mul(MOST_DEPTH);
            printed_bytes(weights).saturating_add(padding)
        }
        Cost::Replace => {
            let of = first.printed_bytes();
            let count = text(0).zip(text(1)).map_or(of, |(of, old)| of.matches(old).count());
            count.saturating_mul(printed_bytes(weights.get(2..).unwrap_or_default())).saturating_add(of)
        }
        Cost::Join { items, between } => {
            let items = weights.get(items).map_or(0, |weight| weight.values.saturating_add(weight.own_bytes));
            let between = printed_bytes(weights.get(between..=between).unwrap_or_default());
            printed_bytes(weights).saturating_add(items.saturating_mul(between))
        }
        Cost::Sum => all.saturating_mul(first.values),
        Cost::Format => format_cost(text(0).unwrap_or_default(), args, weights)?,
        Cost::Percent => {
            let fields = text(0).map_or(0, |text| text.matches('%').count());
            // In quotes and escaped, a text that stands alone is longer too.
            let escaped = |weight: &Weight| weight.text_bytes.saturating_mul(PRINTED_CHAR_BYTES);
            let longest = |weight: &Weight| weight.printed_bytes().max(escaped(weight).saturating_add(2));
            let widest = weights.iter().skip(1).map(longest).max().unwrap_or_default();
            fields.saturating_mul(widest.saturating_add(MOST_WIDTH * CHAR_BYTES)).saturating_add(first.bytes())
        }
        Cost::Width => {
            let width = args.iter().skip(1).map(largest_number).max().unwrap_or(80);
            printed_bytes(weights).saturating_add(width.saturating_mul(CHAR_BYTES))
        }
        Cost::Tabs => {
            let tabs = text(0).map_or(0, |text| text.matches('\t').count());
            let width = args.iter().skip(1).map(largest_number).max().unwrap_or(TAB_WIDTH);
            all.saturating_add(tabs.saturating_mul(width))
        }
    })
}

fn printed_bytes(weights: &[Weight]) -> usize {
    weights.iter().fold(0, |sum, weight| sum.saturating_add(weight.printed_bytes()))
}

/// The largest whole number among the arguments, named ones included.
fn largest_number(arg: &Value) -> usize {
    if arg.is_kwargs() {
        let pairs = arg.as_object().and_then(DynObject::try_iter_pairs).into_iter().flatten();
        return pairs.map(|(_, value)| value.as_usize().unwrap_or_default()).max().unwrap_or_default();
    }
    arg.as_usize().unwrap_or_default()
}

fn format_cost(format: &str, args: &[Value], weights: &[Weight]) -> Result<usize, Error> {
    let largest = args.iter().skip(1).map(largest_number).max().unwrap_or_default();
    if has_long_number(format) || (largest > MOST_WIDTH && takes_width(format)) {
        return Err(refused(format!("a format wider than {MOST_WIDTH} characters")));
    }
    let fields = format.matches('{').count();
    let widest = weights.iter().skip(1).map(|weight| weight.printed_bytes()).max().unwrap_or_default();
    Ok(fields.saturating_mul(widest.saturating_add(MOST_WIDTH * 4)).saturating_add(format.len()))
}

/// Whether a field says how wide it is in more than three digits; what stands between fields may hold any number.
fn has_long_number(format: &str) -> bool {
    let (mut open, mut digits) = (0_usize, 0_usize);
    for c in format.chars() {
        match c {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        digits = match c {
            '0' if digits == 0 => 0,
            '0'..='9' if open > 0 => digits + 1,
            _ => 0,
        };
        if digits > 3 {
            return true;
        }
    }
    false
}

/// Whether a width is taken from the arguments: `{:{}}`.
fn takes_width(format: &str) -> bool {
    let mut open = 0_usize;
    for c in format.chars() {
        match c {
            '{' if open > 0 => return true,
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Calls a function of the engine when its arguments were paid for.
pub(super) fn metered(
    state: &mut State,
    kind: Cost,
    args: &[Value],
    run: impl FnOnce(&mut State, &[Value]) -> Result<Value, Error>,
) -> Result<Value, Error> {
    let weights = args.iter().map(|arg| weighed(state, arg)).collect::<Result<Vec<Weight>, Error>>()?;
    charge(state, cost(kind, args, &weights)?)?;
    let result = run(state, args)?;
    made(state, result)
}
