//! Typed reading of a GGUF file's metadata, with errors that name the key and the file.

use super::header::{Header, Value};
use crate::checkpoint::CheckpointError;
use std::path::Path;

/// The values of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metadata<'a> {
    header: &'a Header,
    path: &'a Path,
}

impl<'a> Metadata<'a> {
    pub(super) fn new(header: &'a Header, path: &'a Path) -> Self {
        Self { header, path }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.header.metadata.get(key)
    }

    /// An error about a value.
    pub(super) fn refuse(
        &self,
        key: &str,
        expected: impl Into<String>,
        found: &(impl std::fmt::Display + ?Sized),
    ) -> CheckpointError {
        CheckpointError::Field {
            field: key.to_owned(),
            expected: expected.into(),
            found: found.to_string(),
            path: self.path.to_owned(),
        }
    }

    fn wrong(&self, key: &str, expected: &str, value: Option<&Value>) -> CheckpointError {
        let found = match value {
            None => "none".to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Flag(flag)) => flag.to_string(),
            Some(Value::Text(_)) => "a text".to_owned(),
            Some(Value::Numbers(_) | Value::Texts(_)) => "a list".to_owned(),
        };
        self.refuse(key, expected, &found)
    }

    pub(super) fn optional_text(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            other => Err(self.wrong(key, "a text", other)),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, CheckpointError> {
        self.optional_text(key)?.ok_or_else(|| self.wrong(key, "a text", None))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Flag(flag)) => Ok(Some(*flag)),
            other => Err(self.wrong(key, "true or false", other)),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, CheckpointError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_finite() => Ok(Some(*number)),
            other => Err(self.wrong(key, "a number", other)),
        }
    }

    /// A whole number from 0 to four billion.
    pub(super) fn size(&self, key: &str) -> Result<Option<usize>, CheckpointError> {
        let Some(number) = self.number(key)? else { return Ok(None) };
        let whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of that range")]
        let size = number as usize;
        if whole { Ok(Some(size)) } else { Err(self.wrong(key, "a whole number from 0", self.get(key))) }
    }

    pub(super) fn needed_size(&self, key: &str) -> Result<usize, CheckpointError> {
        self.size(key)?.ok_or_else(|| self.wrong(key, "a whole number from 0", None))
    }

    /// A token's id. The vocabulary is that of the file's own list.
    ///
    /// **Errors**: an id that no token of the file has: a prompt would silently lose what it stands for.
    pub(super) fn token_id(&self, key: &str) -> Result<Option<usize>, CheckpointError> {
        let Some(id) = self.size(key)? else { return Ok(None) };
        let num_tokens = self.texts("tokenizer.ggml.tokens")?.len();
        if id < num_tokens {
            return Ok(Some(id));
        }
        Err(self.refuse(key, format!("an id below the {num_tokens} tokens of the vocabulary"), &id))
    }

    /// Checks the id that fills texts up, which nothing here reads. All bits set say that there is none.
    pub(super) fn check_pad_id(&self) -> Result<(), CheckpointError> {
        const PAD: &str = "tokenizer.ggml.padding_token_id";
        let is_none = |number: f64| [-1.0, f64::from(u32::MAX)].iter().any(|none| none.to_bits() == number.to_bits());
        if matches!(self.get(PAD), Some(Value::Number(number)) if is_none(*number)) {
            return Ok(());
        }
        self.token_id(PAD).map(drop)
    }

    pub(super) fn texts(&self, key: &str) -> Result<&'a [String], CheckpointError> {
        match self.get(key) {
            Some(Value::Texts(texts)) => Ok(texts),
            other => Err(self.wrong(key, "a list of texts", other)),
        }
    }

    pub(super) fn numbers(&self, key: &str) -> Result<&'a [f64], CheckpointError> {
        match self.get(key) {
            Some(Value::Numbers(numbers)) => Ok(numbers),
            other => Err(self.wrong(key, "a list of numbers", other)),
        }
    }

    /// Shape of a tensor.
    pub(super) fn shape(&self, tensor: &str) -> Option<&'a [usize]> {
        self.header.tensors.iter().find(|stored| stored.name == tensor).map(|stored| stored.shape.as_slice())
    }
}
