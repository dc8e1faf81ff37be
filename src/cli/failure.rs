//! How a command ends badly: an exit status and a sentence.
//!
//! One rule, and this is the only place that knows it:
//! - **2** where the command line itself is wrong: an option, name or value that there is not, a value out of the range
//!   that this model or trace allows, an output with a wrong ending or over what is read;
//! - **1** where a file or the work failed, also where the data do not have what was asked for (a category or image of
//!   the annotations, a word of the answer).

use crate::engine::EngineError;
use crate::figure::FigureError;
use crate::files::OutputError;
use crate::prompting::PromptingError;
use std::path::Path;

/// How a command ends badly: an exit status and a sentence.
#[derive(Debug)]
pub(super) struct Failure {
    is_usage: bool,
    err: anyhow::Error,
    /// What it is about, where the error does not say.
    name: Option<String>,
}

impl Failure {
    /// The command line was wrong: 2.
    pub(super) fn usage(err: impl Into<anyhow::Error>) -> Self {
        Self { is_usage: true, err: err.into(), name: None }
    }

    /// The work failed: 1. What a file asks for is never the command line's fault.
    pub(super) fn work(err: impl Into<anyhow::Error>) -> Self {
        Self { is_usage: false, err: err.into(), name: None }
    }

    /// The same failure, where a file and not the command line asked for it.
    #[must_use]
    pub(super) fn of_file(self) -> Self {
        Self { is_usage: false, ..self }
    }

    /// The exit status.
    pub(super) fn status(&self) -> u8 {
        if self.is_usage { 2 } else { 1 }
    }

    /// The whole story in one line.
    pub(super) fn sentence(&self) -> String {
        let sentence = format!("{:#}", self.err);
        match &self.name {
            Some(name) if !sentence.contains(name.as_str()) => format!("{sentence}: {name}"),
            _ => sentence,
        }
    }

    /// The error that it was made from, if it is of that type.
    pub(super) fn cause<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        self.err.downcast_ref()
    }

    /// The same, with the name of what it is about at its end, unless the sentence has it already.
    #[must_use]
    pub(super) fn about(self, name: &str) -> Self {
        Self { name: self.name.or_else(|| Some(name.to_owned())), ..self }
    }

    /// See [`Self::about`].
    #[must_use]
    pub(super) fn about_file(self, path: &Path) -> Self {
        self.about(&path.display().to_string())
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(err: E) -> Self {
        let err = err.into();
        Self { is_usage: is_usage(&err), err, name: None }
    }
}

/// Whether it is the command line's fault.
fn is_usage(err: &anyhow::Error) -> bool {
    let of_prompting = |err: &PromptingError| {
        use PromptingError::{Enhance, Kernel, Layer};
        matches!(err, Layer { .. } | Kernel { .. } | Enhance { .. })
    };
    match (err.downcast_ref::<EngineError>(), err.downcast_ref::<OutputError>()) {
        (Some(EngineError::Prompting(err)), _) => return of_prompting(err),
        (Some(err), _) => return err.is_usage(),
        (None, Some(err)) => return err.is_usage(),
        (None, None) => {}
    }
    match err.downcast_ref::<FigureError>() {
        Some(FigureError::Output(err)) => err.is_usage(),
        Some(_) => false,
        None => err.downcast_ref::<PromptingError>().is_some_and(of_prompting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SpecError;

    #[test]
    fn one_rule_tells_whose_fault_it_is() {
        let layer = || PromptingError::Layer { count: 6, found: 22 };
        let twice = || {
            let (first, second) = ("--out".to_owned(), "--mask-out".to_owned());
            OutputError::Twice { first, second, first_path: "a.png".into(), path: "a.png".into() }
        };
        let usage: [Failure; 5] = [
            layer().into(),
            EngineError::Prompting(layer()).into(),
            EngineError::Spec(SpecError::Form { found: ":".to_owned() }).into(),
            twice().into(),
            FigureError::Output(twice()).into(),
        ];
        for failure in usage {
            assert_eq!(failure.status(), 2, "{}", failure.sentence());
        }
        let work: [Failure; 4] = [
            EngineError::NoModel.into(),
            PromptingError::NoRows { found: "none" }.into(),
            anyhow::anyhow!("Cannot open a.jpg").into(),
            Failure::from(EngineError::Prompting(layer())).of_file(),
        ];
        for failure in work {
            assert_eq!(failure.status(), 1, "{}", failure.sentence());
        }
    }

    #[test]
    fn what_a_sentence_is_about_stands_at_its_end_once() {
        let failure = Failure::from(anyhow::anyhow!("Expected one trace, found 2")).about("r.json");
        assert_eq!(failure.sentence(), "Expected one trace, found 2: r.json", "added");
        assert_eq!(failure.about("r.json").sentence(), "Expected one trace, found 2: r.json", "once");
    }
}
