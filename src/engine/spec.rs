//! SPECs: `name` or `name:key=value,key=value`. Names and values are checked by the registries of [`crate::decode`].

use super::error::{EngineError, SpecError};
use super::messages::{Question, Spec};
use super::method_specs::MethodSpecs;
use crate::decode::{self, Parameters, Stack, Word, build, check_parameter_names, method_named};
use crate::trace::SpecInfo;

impl Spec {
    /// Whether it names the strategy that leaves everything as it is.
    pub fn is_plain(&self) -> bool {
        matches!(self.name.as_str(), "" | "plain")
    }
}

impl std::str::FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let form = || SpecError::Form { found: text.to_owned() };
        let (name, rest) = match text.split_once(':') {
            Some((_, "")) => return Err(form()),
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        if name.is_empty() || name.contains(['=', ',']) {
            return Err(form());
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(form)?;
            if parameters.iter().any(|(known, _)| known == key) {
                return Err(SpecError::Repeated { name: name.to_owned(), parameter: key.to_owned() });
            }
            parameters.push((key.to_owned(), value.to_owned()));
        }
        Ok(Self { name: name.to_owned(), parameters })
    }
}

impl std::fmt::Display for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        for (idx, (key, value)) in self.parameters.iter().enumerate() {
            write!(f, "{}{key}={value}", if idx == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

/// Finds unknown names and parameters of a question before a model is opened; what depends on the model comes up when
/// it runs.
pub fn check_specs(question: &Question) -> Result<(), EngineError> {
    let mut methods = Vec::new();
    for (word, spec) in MethodSpecs::of(question).in_order() {
        let (method, active, _) = build(word, &spec.name, &spec.parameters)?;
        methods.push((method.info(), active));
    }
    check_beams(question, &Stack::new(methods))
}

/// Finds what cannot be searched with several beams: drawn tokens, and methods that have no state for each.
pub(super) fn check_beams(question: &Question, methods: &Stack) -> Result<(), EngineError> {
    decode::check_beams(&question.sampling)?;
    Ok(methods.check_search(&question.sampling)?)
}

/// Finds unknown names of methods and of their parameters, without looking at any value: those of files are read later.
pub fn check_names(strategy: Option<&Spec>, interventions: &[Spec], methods: &[Spec]) -> Result<(), EngineError> {
    let strategy = strategy.into_iter().map(|spec| (Word::Strategy, spec));
    let interventions = interventions.iter().map(|spec| (Word::Intervention, spec));
    for (word, spec) in strategy.chain(interventions).chain(methods.iter().map(|spec| (Word::Method, spec))) {
        check_parameter_names(method_named(word, &spec.name)?, &spec.parameters)?;
    }
    Ok(())
}

/// A registered name with its parameters as they are used.
pub(super) fn spec_info(name: &str, parameters: &Parameters) -> SpecInfo {
    let value = |name: &str, text: &String| {
        // Numbers as numbers: scripts that read a trace compare them. What is text stays text: `3.10` may be the patch
        // in row 3, column 10.
        let number = text.trim().parse::<f64>().ok().filter(|number| parameters.is_number(name) && number.is_finite());
        number.map_or_else(|| text.clone().into(), serde_json::Value::from)
    };
    let parameters = parameters.values().iter().map(|(name, text)| ((*name).to_owned(), value(name, text)));
    SpecInfo { name: name.to_owned(), parameters: parameters.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_read_as_they_are_written() {
        for text in ["greedy", "vcd:alpha=1.0,beta=0.1", "icd:prompt=@a=b.txt"] {
            let spec: Spec = text.parse().expect("a valid SPEC");
            assert_eq!(spec.to_string(), text, "a SPEC is shown as it was given");
        }
        let spec: Spec = "icd:prompt=@a=b.txt".parse().expect("a valid SPEC");
        assert_eq!(spec.parameters, [("prompt".to_owned(), "@a=b.txt".to_owned())], "the first = divides");
    }

    #[test]
    fn malformed_specs_are_refused() {
        for text in ["", ":", "vcd:", "vcd:alpha", "vcd:=1", "vcd:a=1,,b=2", ":a=1", "a=1"] {
            let error = text.parse::<Spec>().expect_err("not of the form");
            assert!(error.to_string().contains("name:key=value"), "{text}: {error}");
        }
        let twice = "vcd:a=1,a=2".parse::<Spec>().expect_err("a repeated parameter");
        assert!(matches!(twice, SpecError::Repeated { .. }), "{twice}");
    }
}
