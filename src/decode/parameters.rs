//! Parameters of registered things, as text in a SPEC and as checked values.

use super::DecodeError;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A parameter that a strategy or intervention takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Name in a SPEC.
    pub name: &'static str,
    /// Default, as it would be written in a SPEC; empty if it must be given.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

/// What every registered thing says about itself.
pub trait Registered: Sync {
    /// Unique name.
    fn id(&self) -> &'static str;
    /// Name for people.
    fn label(&self) -> &'static str;
    /// One line.
    fn help(&self) -> &'static str;
    /// Where it comes from; empty for what has no paper.
    fn paper(&self) -> &'static str;
    /// What it takes.
    fn parameters(&self) -> &'static [ParameterInfo];
}

/// Values for every parameter of one registered thing: given or default, unknown ones refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    owner: String,
    values: BTreeMap<&'static str, String>,
}

impl Parameters {
    /// Puts given values over the defaults.
    pub fn resolve(owner: &dyn Registered, given: &[(String, String)]) -> Result<Self, DecodeError> {
        let known = owner.parameters();
        let mut values: BTreeMap<_, _> = known.iter().map(|info| (info.name, info.default.to_owned())).collect();
        for (idx, (name, value)) in given.iter().enumerate() {
            let Some(info) = known.iter().find(|info| info.name == name) else {
                return Err(DecodeError::UnknownParameter {
                    owner: owner.id().to_owned(),
                    known: names(known.iter().map(|info| info.name)),
                    found: name.clone(),
                });
            };
            if given.iter().take(idx).any(|(earlier, _)| earlier == name) {
                return Err(DecodeError::RepeatedParameter { owner: owner.id().to_owned(), parameter: name.clone() });
            }
            values.insert(info.name, value.clone());
        }
        Ok(Self { owner: owner.id().to_owned(), values })
    }

    /// Every parameter as it is used, for the trace.
    pub fn values(&self) -> &BTreeMap<&'static str, String> {
        &self.values
    }

    /// Puts a value in the place of an empty default that stands for "as many as there are", so that the trace says what was used.
    pub fn spell_out(&mut self, name: &'static str, value: impl std::fmt::Display) {
        if let Some(text) = self.values.get_mut(name) {
            *text = value.to_string();
        }
    }

    /// The text of a parameter; empty if it is not one.
    pub fn text(&self, name: &'static str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A real number in a range.
    pub fn real(&self, name: &'static str, range: RangeInclusive<f64>) -> Result<f64, DecodeError> {
        let value = self.text(name).trim().parse::<f64>().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.bad(name, format!("a number from {} to {}", range.start(), range.end())))
    }

    /// A whole number in a range.
    pub fn whole(&self, name: &'static str, range: RangeInclusive<usize>) -> Result<usize, DecodeError> {
        let value = self.text(name).trim().parse::<usize>().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.bad(name, format!("a whole number from {} to {}", range.start(), range.end())))
    }

    /// The error for a value that cannot be used.
    pub fn bad(&self, parameter: &'static str, expected: String) -> DecodeError {
        let found = match self.text(parameter) {
            "" => "nothing".to_owned(),
            text => text.to_owned(),
        };
        DecodeError::BadParameter { owner: self.owner.clone(), parameter, expected, found }
    }
}

/// Names in a sentence; "none" if there are none.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
