//! Studies to begin with: one for each table of a paper, with comments. `gazelens study new NAME` writes one.

use super::StudyError;
use crate::names::hint;

/// A study to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub id: &'static str,
    /// What it answers, in one line.
    pub help: &'static str,
    /// The file.
    pub toml: &'static str,
}

impl Template {
    /// Lines that name files which are not bundled.
    pub fn needs(&self) -> Vec<&'static str> {
        let is_file = |line: &&str| {
            let (key, value) = line.split_once('=').unwrap_or_default();
            matches!(key.trim(), "images" | "annotations" | "captions" | "file" | "labels")
                && !value.trim().starts_with("\"demo\"")
        };
        self.toml.lines().filter(is_file).collect()
    }
}

macro_rules! templates {
    ($($id:literal, $help:literal;)*) => {
        &[$(Template {
            id: $id,
            help: $help,
            toml: include_str!(concat!("../../assets/studies/", $id, ".toml")),
        }),*]
    };
}

/// All of them, in the order of display.
pub const TEMPLATES: &[Template] = templates![
    "tomita", "Attention prompting by what the model that looks says itself; attention against masks (Tomita et al.)";
    "damro", "Outlier patches of the encoder and the decoder's attention at hallucinated words (DAMRO)";
    "pope", "Yes/no questions about objects, methods and controls beside plain decoding";
    "chair", "Captions by the objects that they name, methods beside plain decoding";
    "amber", "AMBER's yes/no questions: existence, attributes, relations";
    "repope", "POPE's questions with both label sets from one run";
    "mmvp", "Pairs of photos that CLIP does not tell apart, right together only";
    "heads", "Heads by how well their attention tells grounded from hallucinated words";
];

/// The template of that name.
pub fn template(id: &str) -> Result<&'static Template, StudyError> {
    let known = || TEMPLATES.iter().map(|template| template.id);
    TEMPLATES.iter().find(|template| template.id == id).ok_or_else(|| StudyError::Template {
        known: known().collect::<Vec<_>>().join(", "),
        found: id.to_owned(),
        near: hint(id, known()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Setting, Study, signals};
    use std::path::Path;

    #[test]
    fn every_template_is_a_study() {
        for template in TEMPLATES {
            let name = Path::new(template.id);
            let study = Study::read(template.toml, name).unwrap_or_else(|err| panic!("{}: {err}", template.id));
            let settings = Setting::all(&study, name).unwrap_or_else(|err| panic!("{}: {err}", template.id));
            assert!(!settings.is_empty(), "{}", template.id);
            let known: Vec<&str> = signals().map(|signal| signal.id).collect();
            for signal in &study.signals.measured {
                assert!(known.contains(&signal.as_str()), "{}: {signal}", template.id);
            }
        }
        let needs = |id| template(id).expect("a template").needs();
        assert!(needs("pope").is_empty() && needs("tomita").is_empty(), "they run on what is bundled");
        assert_eq!(
            needs("mmvp"),
            ["images = \"MMVP/MMVP Images\"", "file = \"MMVP/Questions.csv\""],
            "to be put there"
        );
        let refused = template("popes").expect_err("no such template").to_string();
        assert!(refused.contains("found `popes` (near: pope"), "{refused}");
    }
}
