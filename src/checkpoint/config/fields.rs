//! Typed reading of a configuration's fields, with errors that name the field and the file.

use crate::checkpoint::files::{kind_of, shown};
use crate::checkpoint::{Activation, CheckpointError};
use crate::json;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::path::Path;

/// An object of a configuration file. `null` counts as absent, as in Python's `None` defaults.
#[derive(Debug, Clone, Copy)]
pub(in crate::checkpoint) struct Fields<'a> {
    map: Option<&'a Map<String, Value>>,
    /// The objects around it, at most two: `text_config.rope_parameters`.
    prefix: [&'a str; 2],
    path: &'a Path,
}

impl<'a> Fields<'a> {
    /// The fields of a file.
    pub(in crate::checkpoint) fn new(map: &'a Map<String, Value>, path: &'a Path) -> Self {
        Self { map: Some(map), prefix: [""; 2], path }
    }

    /// The file.
    pub(in crate::checkpoint) fn path(&self) -> &'a Path {
        self.path
    }

    /// Whether the object is there at all.
    pub(in crate::checkpoint) fn is_given(&self) -> bool {
        self.map.is_some()
    }

    /// Whether there is nothing in it.
    pub(in crate::checkpoint) fn is_empty(&self) -> bool {
        self.map.is_none_or(Map::is_empty)
    }

    /// A field that is there and not `null`.
    pub(in crate::checkpoint) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// Whether a field is there and not `null`.
    pub(in crate::checkpoint) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether a field is there and is `null`, where leaving it out means something else.
    pub(in crate::checkpoint) fn is_null(&self, key: &str) -> bool {
        self.map.and_then(|map| map.get(key)).is_some_and(Value::is_null)
    }

    /// An error about a field.
    pub(in crate::checkpoint) fn refuse(
        &self,
        key: &str,
        expected: impl Into<String>,
        found: &(impl std::fmt::Display + ?Sized),
    ) -> CheckpointError {
        let parts: Vec<&str> = self.prefix.into_iter().filter(|part| !part.is_empty()).chain([key]).collect();
        CheckpointError::Field {
            field: parts.join("."),
            expected: expected.into(),
            found: found.to_string(),
            path: self.path.to_owned(),
        }
    }

    /// An inner object; all of its fields are absent when it is.
    pub(in crate::checkpoint) fn object(&self, key: &'a str) -> Result<Self, CheckpointError> {
        let prefix = if self.prefix[0].is_empty() { [key, ""] } else { [self.prefix[0], key] };
        let value = self.get(key);
        match value {
            None => Ok(Self { map: None, prefix, path: self.path }),
            Some(Value::Object(map)) if value.and_then(json::no_number).is_none() => {
                Ok(Self { map: Some(map), prefix, path: self.path })
            }
            Some(other) => Err(self.refuse(key, "an object", kind_of(other))),
        }
    }

    /// A whole number in a range, however it is written: `336`, `336.0`, `"336"`.
    pub(in crate::checkpoint) fn size(
        &self,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = json::whole(value).and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n));
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| self.refuse(key, expected(), &shown(value)))
    }

    /// The same with a default.
    pub(in crate::checkpoint) fn size_or(
        &self,
        key: &str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize, CheckpointError> {
        Ok(self.size(key, range)?.unwrap_or(default))
    }

    /// A positive finite number.
    pub(in crate::checkpoint) fn positive(&self, key: &str) -> Result<Option<f64>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        number(value).filter(|x| *x > 0.0).map(Some).ok_or_else(|| self.refuse(key, "a number above 0", &shown(value)))
    }

    /// Yes or no.
    pub(in crate::checkpoint) fn flag(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.refuse(key, "true or false", &shown(value)))
    }

    /// A text.
    pub(in crate::checkpoint) fn text(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.refuse(key, "a text", kind_of(value)))
    }

    /// A token id below the vocabulary's size.
    ///
    /// **Errors**: text, lists and numbers that are no id of this vocabulary, as transformers refuses them.
    pub(in crate::checkpoint) fn token_id(&self, key: &str, num_ids: usize) -> Result<Option<u32>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        self.id(key, value, num_ids, "a token id").map(Some)
    }

    /// A token id or a list of them.
    pub(in crate::checkpoint) fn token_ids(
        &self,
        key: &str,
        num_ids: usize,
    ) -> Result<Option<Vec<u32>>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let id = |value: &Value| self.id(key, value, num_ids, "a token id or a list of them");
        match value {
            Value::Array(list) => list.iter().map(id).collect::<Result<Vec<u32>, _>>().map(Some),
            single => id(single).map(|id| Some(vec![id])),
        }
    }

    /// Checks the id that fills texts up, which nothing here reads: -1 says that there is none, as LLaMA's first files
    /// have it.
    pub(in crate::checkpoint) fn check_pad_id(&self, num_ids: usize) -> Result<(), CheckpointError> {
        const PAD: &str = "pad_token_id";
        if self.get(PAD).and_then(Value::as_i64) == Some(-1) {
            return Ok(());
        }
        self.token_id(PAD, num_ids).map(drop)
    }

    fn id(&self, key: &str, value: &Value, num_ids: usize, expected: &str) -> Result<u32, CheckpointError> {
        // A text is no id, also where it has digits: transformers refuses it too.
        let id = Some(value).filter(|value| value.is_number()).and_then(json::whole);
        let id = id.and_then(|id| u32::try_from(id).ok()).ok_or_else(|| self.refuse(key, expected, &shown(value)))?;
        if usize::try_from(id).is_ok_and(|id| id >= num_ids) {
            return Err(self.refuse(key, format!("ids below the vocab_size {num_ids}"), &id));
        }
        Ok(id)
    }

    /// An activation by one of transformers' names.
    pub(in crate::checkpoint) fn activation(
        &self,
        key: &str,
        default: Activation,
    ) -> Result<Activation, CheckpointError> {
        match self.text(key)? {
            None => Ok(default),
            Some("quick_gelu") => Ok(Activation::QuickGelu),
            Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
            Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_python_tanh") => Ok(Activation::GeluTanh),
            Some("silu" | "swish") => Ok(Activation::Silu),
            Some("relu") => Ok(Activation::Relu),
            Some(other) => Err(self.refuse(key, "one of quick_gelu, gelu, gelu_pytorch_tanh, silu, relu", other)),
        }
    }
}

/// A finite number, also in quotes.
pub(in crate::checkpoint) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number: &f64| number.is_finite())
}

/// A whole number with its sign, however it is written.
pub(in crate::checkpoint) fn signed(value: &Value) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (digits, sign) = text.strip_prefix('-').map_or((text.as_str(), 1), |digits| (digits, -1));
    let magnitude = json::whole(&serde_json::from_str(digits).ok()?)?;
    Some(sign * i64::try_from(magnitude).ok()?)
}
