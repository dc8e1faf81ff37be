//! Typed reading of a configuration's fields, with errors that name the field and the file.

use crate::checkpoint::{Activation, CheckpointError, files::kind_of};
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
        match self.get(key) {
            None => Ok(Self { map: None, prefix, path: self.path }),
            Some(Value::Object(map)) => Ok(Self { map: Some(map), prefix, path: self.path }),
            Some(other) => Err(self.refuse(key, "an object", kind_of(other))),
        }
    }

    /// A whole number in a range.
    pub(in crate::checkpoint) fn size(
        &self,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n));
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| self.refuse(key, expected(), value))
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
        let number = value.as_f64().filter(|x| x.is_finite() && *x > 0.0);
        number.map(Some).ok_or_else(|| self.refuse(key, "a number above 0", value))
    }

    /// Yes or no.
    pub(in crate::checkpoint) fn flag(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.refuse(key, "true or false", value))
    }

    /// A text.
    pub(in crate::checkpoint) fn text(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.refuse(key, "a text", kind_of(value)))
    }

    /// A token id.
    pub(in crate::checkpoint) fn token_id(&self, key: &str) -> Result<Option<u32>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let id = value.as_u64().and_then(|n| u32::try_from(n).ok());
        id.map(Some).ok_or_else(|| self.refuse(key, "a token id", value))
    }

    /// A token id or a list of them.
    pub(in crate::checkpoint) fn token_ids(&self, key: &str) -> Result<Option<Vec<u32>>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let id = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
        let ids = match value {
            Value::Array(list) => list.iter().map(id).collect::<Option<Vec<u32>>>(),
            single => id(single).map(|id| vec![id]),
        };
        ids.map(Some).ok_or_else(|| self.refuse(key, "a token id or a list of them", value))
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
