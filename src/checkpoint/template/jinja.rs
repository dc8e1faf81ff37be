//! What Jinja has and the engine has not: filters that no chat template needs often, `cycler` and `joiner`.

use super::meter::refused;
use super::{characters, percent, python};
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, ValueOrKwargs, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn named_or<T>(given: Option<T>, named: &Kwargs, name: &str) -> Result<Option<T>, Error>
where
    T: for<'a> minijinja::value::ArgType<'a, Output = T>,
{
    match given {
        None if named.has(name) => named.get(name).map(Some),
        given => Ok(given),
    }
}

pub(super) fn center(value: &Value, settings: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let settings = settings.into_values();
    let (width, named): (Option<i64>, Kwargs) = from_args(&settings)?;
    let width = named_or(width, &named, "width")?.unwrap_or(80);
    named.assert_all_used()?;
    Ok(python::centred(&percent::text(value), width))
}

/// **Source**: Jinja2 3.1, `do_truncate`.
pub(super) fn truncate(value: &Value, settings: Rest<ValueOrKwargs>) -> Result<String, Error> {
    type Settings = (Option<i64>, Option<bool>, Option<String>, Option<i64>, Kwargs);
    let settings = settings.into_values();
    let (length, kill_words, end, leeway, named): Settings = from_args(&settings)?;
    let length = named_or(length, &named, "length")?.unwrap_or(255);
    let kill_words = named_or(kill_words, &named, "killwords")?.unwrap_or(false);
    let end = named_or(end, &named, "end")?.unwrap_or_else(|| "...".to_owned());
    let leeway = named_or(leeway, &named, "leeway")?.unwrap_or(5);
    named.assert_all_used()?;
    let text = value.as_str().ok_or_else(|| refused("truncate shortens texts only"))?;
    let length = usize::try_from(length).map_err(|_| refused("expected length >= 0"))?;
    let leeway = usize::try_from(leeway).map_err(|_| refused("expected leeway >= 0"))?;
    let of_end = end.chars().count();
    let kept = length.checked_sub(of_end).ok_or_else(|| refused(format!("expected length >= {of_end}")))?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text.to_owned());
    }
    let cut = text.char_indices().nth(kept).map_or(text, |(byte, _)| text.get(..byte).unwrap_or(text));
    let cut = if kill_words { cut } else { cut.rsplit_once(' ').map_or(cut, |(words, _)| words) };
    Ok(format!("{cut}{end}"))
}

/// Runs of letters, numbers and underscores.
pub(super) fn wordcount(value: &Value) -> usize {
    let text = percent::text(value);
    text.split(|c| c != '_' && !characters::is_alphanumeric(c)).filter(|word| !word.is_empty()).count()
}

/// **Source**: Jinja2 3.1, `do_filesizeformat`.
pub(super) fn filesizeformat(value: &Value, settings: Rest<ValueOrKwargs>) -> Result<String, Error> {
    const PREFIXES: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let settings = settings.into_values();
    let (binary, named): (Option<bool>, Kwargs) = from_args(&settings)?;
    let binary = named_or(binary, &named, "binary")?.unwrap_or(false);
    named.assert_all_used()?;
    let text = value.as_str().map(|text| text.trim().parse().map_err(|_| refused("no number of bytes")));
    let bytes: f64 = text.unwrap_or_else(|| f64::try_from(value.clone()))?;
    let (base, ending) = if binary { (1024.0, "iB") } else { (1000.0, "B") };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok("1 Byte".to_owned());
    }
    if bytes < base {
        return Ok(format!("{:.0} Bytes", bytes.trunc()));
    }
    let mut unit = base;
    for (idx, prefix) in PREFIXES.iter().enumerate() {
        unit *= base;
        if bytes < unit || idx + 1 == PREFIXES.len() {
            let prefix = if binary { prefix.to_uppercase() } else { (*prefix).to_owned() };
            return Ok(format!("{:.1} {prefix}{ending}", base * bytes / unit));
        }
    }
    Err(Error::from(ErrorKind::InvalidOperation))
}

/// Refused by name: no run could be repeated.
pub(super) fn random(_value: &Value) -> Result<Value, Error> {
    Err(refused("random, which no run could repeat"))
}

/// `cycler(...)`, whose values are plain copies, so nothing in it leads back to it.
#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    next: AtomicUsize,
}

impl Cycler {
    fn current(&self) -> Value {
        self.items.get(self.next.load(Ordering::Relaxed)).cloned().unwrap_or_default()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.current())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let () = from_args(args)?;
        match method {
            "next" => {
                let current = self.current();
                let next = (self.next.load(Ordering::Relaxed) + 1) % self.items.len().max(1);
                self.next.store(next, Ordering::Relaxed);
                Ok(current)
            }
            "reset" => {
                self.next.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// `joiner(sep=', ')`: nothing the first time, the text every other time.
#[derive(Debug)]
struct Joiner {
    between: Value,
    used: AtomicBool,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let () = from_args(args)?;
        let used = self.used.swap(true, Ordering::Relaxed);
        Ok(if used { self.between.clone() } else { Value::from("") })
    }
}

/// Of values that were copied before.
pub(super) fn cycler(items: Vec<Value>) -> Result<Value, Error> {
    if items.is_empty() {
        return Err(refused("at least one item has to be provided"));
    }
    Ok(Value::from_object(Cycler { items, next: AtomicUsize::new(0) }))
}

pub(super) fn joiner(between: Value) -> Value {
    Value::from_object(Joiner { between, used: AtomicBool::new(false) })
}

/// `format`: the operator `%` as a filter, with its values one by one or by name.
pub(super) fn format(template: &Value, values: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let template = percent::text(template);
    let mut values = values.into_values();
    if values.last().is_some_and(Value::is_kwargs) {
        let named = values.pop().unwrap_or_default();
        let pairs = named.as_object().and_then(minijinja::value::DynObject::try_iter_pairs).into_iter().flatten();
        let pairs: Vec<_> = pairs.collect();
        if !pairs.is_empty() && !values.is_empty() {
            return Err(refused("positional and keyword arguments at the same time"));
        }
        if !pairs.is_empty() {
            return percent::percent(&template, &Value::from_pairs(pairs));
        }
    }
    percent::percent(&template, &Value::from(minijinja::value::Tuple::from(values)))
}
