//! Parameters of registered things, as text in a SPEC and as checked values.

use super::{Acts, DecodeError};
use crate::names::hint;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// The parameter that chooses one of [`MethodInfo::presets`].
pub const PRESET: &str = "preset";

/// What a parameter may be: what a window shows it as.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterKind {
    /// A number; both ends are allowed.
    Real {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// A whole number; both ends are allowed.
    Whole {
        /// Smallest.
        min: usize,
        /// Largest.
        max: usize,
    },
    /// One of some words.
    Choice {
        /// All of them.
        options: &'static [&'static str],
    },
    /// A path; may be empty.
    File,
    /// Any text.
    Text,
}

/// A parameter that a method takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ParameterInfo {
    /// Name in a SPEC.
    pub name: &'static str,
    /// Default, as it would be written in a SPEC; empty if it must be given.
    pub default: &'static str,
    /// What it may be.
    pub kind: ParameterKind,
    /// One line.
    pub help: &'static str,
    /// Where values that make sense lie, for a slider; others that [`ParameterInfo::kind`] allows can be typed.
    pub usual: Option<(f64, f64)>,
    /// Whether the default, or a preset's value, is of layers of a model with 32 and scales with the depth of others.
    /// What is given stays.
    #[serde(skip_serializing_if = "is_false")]
    pub by_depth: bool,
}

/// Layers of the models that published layers are for.
pub(super) const PUBLISHED_LAYERS: usize = 32;

/// A published layer in a model of another depth: `floor(x L / 32)`.
pub const fn scaled_layer(published: usize, num_layers: usize) -> usize {
    published * num_layers / PUBLISHED_LAYERS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl ParameterInfo {
    /// A number.
    pub const fn real(name: &'static str, default: &'static str, (min, max): (f64, f64), help: &'static str) -> Self {
        Self { name, default, kind: ParameterKind::Real { min, max }, help, usual: None, by_depth: false }
    }

    /// A whole number.
    pub const fn whole(
        name: &'static str,
        default: &'static str,
        (min, max): (usize, usize),
        help: &'static str,
    ) -> Self {
        Self { name, default, kind: ParameterKind::Whole { min, max }, help, usual: None, by_depth: false }
    }

    /// One of some words.
    pub const fn choice(
        name: &'static str,
        default: &'static str,
        options: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, default, kind: ParameterKind::Choice { options }, help, usual: None, by_depth: false }
    }

    /// A path.
    pub const fn file(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self { name, default, kind: ParameterKind::File, help, usual: None, by_depth: false }
    }

    /// Any text.
    pub const fn text(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self { name, default, kind: ParameterKind::Text, help, usual: None, by_depth: false }
    }

    /// With a default that scales with the model's depth.
    #[must_use]
    pub const fn by_depth(self) -> Self {
        Self { by_depth: true, ..self }
    }

    /// With the values between which a slider runs.
    #[must_use]
    pub const fn usual(self, low: f64, high: f64) -> Self {
        Self { usual: Some((low, high)), ..self }
    }
}

/// Values that belong together: what a paper prints, what its authors' code runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// Value of the parameter [`PRESET`].
    pub id: &'static str,
    /// One line.
    pub help: &'static str,
    /// Parameters that it sets, as (name, value); the others keep their defaults.
    pub values: &'static [(&'static str, &'static str)],
}

/// The parameter that sets how strong a contrast is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Strength {
    /// Its name.
    pub parameter: &'static str,
    /// Its value at strength 0: the strength is the parameter less this.
    pub none: f64,
}

/// Which option of the command line takes a method besides `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// `--strategy`: at most one of a question, chooses from the logits of branches.
    Strategy,
    /// `--intervene`: changes the ordinary branch inside the model.
    Intervention,
    /// None.
    Method,
}

impl Word {
    /// What one of them is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strategy => "strategy",
            Self::Intervention => "intervention",
            Self::Method => "method",
        }
    }
}

/// What every registered method says about itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MethodInfo {
    /// Unique name.
    pub id: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// One line.
    pub help: &'static str,
    /// Where it comes from; empty for what has no paper.
    pub paper: &'static str,
    /// Which option takes it besides `--method`.
    pub word: Word,
    /// Where it acts.
    pub acts: Acts,
    /// What it costs besides plain decoding, in words.
    pub cost: &'static str,
    /// What it takes.
    pub parameters: &'static [ParameterInfo],
    /// Sets of values, where publications differ; then `parameters` has a choice named [`PRESET`].
    pub presets: &'static [Preset],
    /// The parameter that alone sets the strength of a contrast, the same at every step.
    pub strength: Option<Strength>,
}

impl MethodInfo {
    /// A method without parameters and paper, to be completed with `..`.
    pub const NONE: Self = Self {
        id: "",
        label: "",
        help: "",
        paper: "",
        word: Word::Method,
        acts: Acts::Logits,
        cost: "",
        parameters: &[],
        presets: &[],
        strength: None,
    };
}

/// What is registered under a name.
pub trait Registered: Sync {
    /// What it says about itself.
    fn info(&self) -> &'static MethodInfo;

    /// Its unique name.
    fn id(&self) -> &'static str {
        self.info().id
    }
}

fn info_named(owner: &MethodInfo, name: &str) -> Result<&'static ParameterInfo, DecodeError> {
    let known = owner.parameters;
    known.iter().find(|info| info.name == name).ok_or_else(|| DecodeError::UnknownParameter {
        owner: owner.id.to_owned(),
        known: names(known.iter().map(|info| info.name)),
        found: name.to_owned(),
        hint: hint(name, known.iter().map(|info| info.name)),
    })
}

/// Finds parameters that there are not, without looking at their values.
pub fn check_parameter_names(owner: &dyn Registered, given: &[(String, String)]) -> Result<(), DecodeError> {
    given.iter().try_for_each(|(name, _)| info_named(owner.info(), name).map(drop))
}

/// Values for every parameter of one registered thing: given or default, unknown ones refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    owner: String,
    known: &'static [ParameterInfo],
    values: BTreeMap<&'static str, String>,
    /// Names of those that are neither a default nor a preset's.
    given: BTreeSet<&'static str>,
}

impl Parameters {
    /// Puts given values over those of the preset, and those over the defaults.
    pub fn resolve(owner: &dyn Registered, given: &[(String, String)]) -> Result<Self, DecodeError> {
        let owner = owner.info();
        let known = owner.parameters;
        let mut values: BTreeMap<_, _> = known.iter().map(|info| (info.name, info.default.to_owned())).collect();
        let chosen = given.iter().find(|(name, _)| name == PRESET).map(|(_, value)| value.as_str());
        let chosen = chosen.or_else(|| values.get(PRESET).map(String::as_str)).unwrap_or_default();
        if let Some(preset) = owner.presets.iter().find(|preset| preset.id == chosen) {
            values.extend(preset.values.iter().map(|(name, value)| (*name, (*value).to_owned())));
        }
        let mut explicit = BTreeSet::new();
        for (idx, (name, value)) in given.iter().enumerate() {
            let info = info_named(owner, name)?;
            if given.iter().take(idx).any(|(earlier, _)| earlier == name) {
                return Err(DecodeError::RepeatedParameter { owner: owner.id.to_owned(), parameter: name.clone() });
            }
            values.insert(info.name, value.clone());
            explicit.insert(info.name);
        }
        let parameters = Self { owner: owner.id.to_owned(), known, values, given: explicit };
        if !owner.presets.is_empty() {
            parameters.choice(PRESET)?;
        }
        Ok(parameters)
    }

    /// Every parameter as it is used, for the trace.
    pub fn values(&self) -> &BTreeMap<&'static str, String> {
        &self.values
    }

    /// Puts a value in the place of an empty default that stands for "as many as there are", so that the trace says
    /// what was used.
    pub fn spell_out(&mut self, name: &'static str, value: impl std::fmt::Display) {
        if let Some(text) = self.values.get_mut(name) {
            *text = value.to_string();
        }
    }

    /// Whether its value was given: it is neither the default nor a preset's.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// Whether its value is for a model of 32 layers and scales with the depth of others.
    pub fn scales(&self, name: &str) -> bool {
        !self.is_given(name) && self.known.iter().any(|info| info.name == name && info.by_depth)
    }

    /// The text of a parameter; empty if it is not one.
    pub fn text(&self, name: &'static str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A real number in a range.
    pub fn real(&self, name: &'static str, range: RangeInclusive<f64>) -> Result<f64, DecodeError> {
        let value = self.text(name).trim().parse::<f64>().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.bad(name, real_range(*range.start(), *range.end())))
    }

    /// A whole number in a range.
    pub fn whole(&self, name: &'static str, range: RangeInclusive<usize>) -> Result<usize, DecodeError> {
        let value = self.text(name).trim().parse::<usize>().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.bad(name, whole_range(*range.start(), *range.end())))
    }

    /// A number in the range that [`ParameterInfo::kind`] says.
    pub fn number(&self, name: &'static str) -> Result<f64, DecodeError> {
        match self.kind(name) {
            Some(ParameterKind::Real { min, max }) => self.real(name, min..=max),
            _ => self.real(name, f64::MIN..=f64::MAX),
        }
    }

    /// A whole number in the range that [`ParameterInfo::kind`] says.
    pub fn count(&self, name: &'static str) -> Result<usize, DecodeError> {
        match self.kind(name) {
            Some(ParameterKind::Whole { min, max }) => self.whole(name, min..=max),
            _ => self.whole(name, 0..=usize::MAX),
        }
    }

    /// One of the words that [`ParameterInfo::kind`] lists.
    pub fn choice(&self, name: &'static str) -> Result<&'static str, DecodeError> {
        let Some(ParameterKind::Choice { options }) = self.kind(name) else {
            return Err(self.bad(name, "a choice".to_owned()));
        };
        let chosen = options.iter().copied().find(|option| *option == self.text(name).trim());
        chosen.ok_or_else(|| {
            let mut bad = self.bad(name, format!("one of {}", names(options.iter().copied())));
            if let DecodeError::BadParameter { found, .. } = &mut bad {
                found.push_str(&hint(self.text(name), options.iter().copied()));
            }
            bad
        })
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.kind(name).is_some()
    }

    /// Whether its values are numbers; texts and names of files may look like some.
    pub fn is_number(&self, name: &str) -> bool {
        matches!(self.kind(name), Some(ParameterKind::Real { .. } | ParameterKind::Whole { .. }))
    }

    fn kind(&self, name: &str) -> Option<ParameterKind> {
        self.known.iter().find(|info| info.name == name).map(|info| info.kind)
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

/// A range in words; ends that bound nothing are left out.
fn real_range(low: f64, high: f64) -> String {
    let low = match low {
        f64::MIN_POSITIVE => " above 0".to_owned(),
        low if low > f64::MIN => format!(" from {low}"),
        _ => String::new(),
    };
    match (high < f64::MAX, low.as_str()) {
        (false, _) => format!("a number{low}"),
        (true, " above 0") => format!("a number above 0 and up to {high}"),
        (true, "") => format!("a number up to {high}"),
        (true, _) => format!("a number{low} to {high}"),
    }
}

/// The same.
fn whole_range(low: usize, high: usize) -> String {
    if high == usize::MAX {
        format!("a whole number from {low}")
    } else {
        format!("a whole number from {low} to {high}")
    }
}

/// Names in a sentence; "none" if there are none.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_as_people_write_them() {
        assert_eq!(real_range(f64::MIN_POSITIVE, 10.0), "a number above 0 and up to 10", "no 300 zeros");
        assert_eq!(real_range(0.0, 1.0), "a number from 0 to 1", "both ends");
        assert_eq!(real_range(0.5, f64::MAX), "a number from 0.5", "no end above");
        assert_eq!(real_range(f64::MIN, f64::MAX), "a number", "no ends");
        assert_eq!(whole_range(1, 32), "a whole number from 1 to 32", "both ends");
        assert_eq!(whole_range(0, usize::MAX), "a whole number from 0", "no end above");
    }
}
