//! The study file: what is asked of which model about which photos, and what is kept of the answers. TOML.
//!
//! Paths are relative to the file's folder; `demo` is what is bundled. A key that there is not is refused by name.

use super::StudyError;
use crate::geometry::Framing;
use crate::prompting::{PromptOptions, Source};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest study file.
const MOST_BYTES: u64 = 1 << 20;

/// Word of the bundled photos, annotations, questions and model.
pub const DEMO: &str = "demo";

/// A study: the whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Title, for tables.
    pub name: String,
    /// Which tables its report has.
    pub template: TemplateId,
    /// Photos and what is known of them.
    pub data: DataSpec,
    /// What is asked.
    pub questions: QuestionSpec,
    /// Who is asked.
    #[serde(default)]
    pub model: ModelSpec,
    /// How it is asked: each is a row of the tables. Plain decoding where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingSpec>,
    /// What is measured at each answer and at each word.
    #[serde(default)]
    pub signals: SignalSpec,
}

/// Templates: the tables of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateId {
    /// Attention prompting by pre-output (Tomita et al.).
    Tomita,
    /// Outlier patches and hallucinated words (DAMRO).
    Damro,
    /// Yes/no questions about objects.
    Pope,
    /// Captions by the objects that they name.
    Chair,
    /// AMBER's yes/no questions.
    Amber,
    /// POPE with labels that were looked at again.
    Repope,
    /// Pairs of photos that CLIP does not tell apart.
    Mmvp,
    /// Heads by how well they tell grounded from hallucinated words.
    Heads,
}

/// Photos and what is known of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// A folder of photos, or `demo`.
    pub images: PathBuf,
    /// Whether the photos of the folders below count, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
    /// COCO instances, or `demo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<PathBuf>,
    /// COCO captions, whose objects count as present for CHAIR; or `demo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<PathBuf>,
}

/// Where questions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuestionSource {
    /// A file of POPE's questions.
    Pope,
    /// Made of the annotations, as POPE and Tomita et al. do.
    Made,
    /// JSON lines with `image` and `text`.
    Lines,
    /// AMBER's queries.
    Amber,
    /// MMVP's `Questions.csv`.
    Mmvp,
    /// The same words for every photo.
    Prompt,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionSpec {
    /// Where from.
    pub from: QuestionSource,
    /// The file, or `demo`; none with `made` and `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The same questions with other labels (`RePOPE`), or AMBER's annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// Words of `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Words behind each question: a name of POPE's suffixes (`one-word`), or the words themselves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    /// With `made`: how absent objects are chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negatives: Vec<String>,
    /// With `made`: present objects asked about; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positives: Option<usize>,
    /// With `made`: absent objects asked about; as many as present ones unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<usize>,
    /// Seed of what is drawn.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Only so many photos, drawn by the seed; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photos: Option<usize>,
}

fn default_seed() -> u64 {
    42
}

/// Who is asked, and how answers come about where a setting says nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSpec {
    /// `demo`, a folder, a GGUF decoder or a hub id.
    pub id: String,
    /// Projector of a GGUF pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mmproj: Option<PathBuf>,
    /// Crop or pad; the checkpoint's own way unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<Framing>,
    /// Token limit of an answer.
    pub max_new_tokens: usize,
    /// 0 is greedy.
    pub temperature: f64,
    /// Nucleus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Candidates that are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// Answers that are followed at once.
    pub beams: usize,
}

impl Default for ModelSpec {
    fn default() -> Self {
        Self {
            id: DEMO.to_owned(),
            mmproj: None,
            framing: None,
            max_new_tokens: 64,
            temperature: 0.0,
            top_p: None,
            top_k: None,
            beams: 1,
        }
    }
}

/// One way to ask: a row of the tables.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingSpec {
    /// Its name; unique.
    pub name: String,
    /// Methods in their order, as behind `--method`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Parameters of the only method that are tried one after the other: each makes a setting.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vary: BTreeMap<String, Vec<Value>>,
    /// Seeds: each asks again. One, 42, unless given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
    /// In place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// In place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// In place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// In place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beams: Option<usize>,
    /// In place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new_tokens: Option<usize>,
    /// Words behind the question, before those of all (an answer-yes suffix).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    /// The photo is darkened where a model does not look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompting: Option<PromptingSpec>,
}

/// A number, a truth or words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Whole.
    Whole(i64),
    /// Any other.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// Words.
    Text(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Attention prompting on the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptingSpec {
    /// Which kind of model looks.
    pub source: Source,
    /// CLIP's folder, or `demo-clip`; LLaVA is the model that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it looks for.
    #[serde(default)]
    pub query: Query,
    /// From maps to picture.
    #[serde(default)]
    pub options: PromptOptions,
}

/// What attention prompting looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Query {
    /// The question as it is asked.
    #[default]
    Question,
    /// The name of the object.
    Object,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalSpec {
    /// Names of signals, see `gazelens list signals`.
    pub measured: Vec<String>,
    /// Whether the trace of every answer is written beside the rows.
    pub traces: bool,
}

impl Study {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let bytes = crate::files::read(path, MOST_BYTES);
        let bytes = bytes.map_err(|found| StudyError::Open { what: "the study", found, path: path.to_owned() })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| StudyError::Malformed {
            line: 1,
            found: "it is not UTF-8 text".to_owned(),
            path: path.to_owned(),
        })?;
        Self::read(text, path)
    }

    /// Reads its text; `name` is for messages only.
    pub fn read(text: &str, name: &Path) -> Result<Self, StudyError> {
        let study: Self = toml::from_str(text).map_err(|err| StudyError::Malformed {
            line: err
                .span()
                .map_or(1, |span| 1 + text.get(..span.start).map_or(0, |before| before.matches('\n').count())),
            found: one_line(err.message()),
            path: name.to_owned(),
        })?;
        study.check(name)?;
        Ok(study)
    }

    /// As a file.
    pub fn to_toml(&self) -> String {
        // Tables of strings and numbers can always be written.
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// What can be said without opening anything.
    fn check(&self, path: &Path) -> Result<(), StudyError> {
        let unfit = |expected: &str, found: String| {
            Err(StudyError::Unfit { expected: expected.to_owned(), found, path: path.to_owned() })
        };
        if self.model.max_new_tokens == 0 {
            return unfit("`max_new_tokens` from 1", "0".to_owned());
        }
        let questions = &self.questions;
        let needs_file = matches!(
            questions.from,
            QuestionSource::Pope | QuestionSource::Lines | QuestionSource::Amber | QuestionSource::Mmvp
        );
        if needs_file && questions.file.is_none() {
            return unfit("`file` of [questions]", "none".to_owned());
        }
        if questions.from == QuestionSource::Prompt && questions.prompt.as_deref().unwrap_or_default().trim().is_empty()
        {
            return unfit("the words of `prompt` in [questions]", "none".to_owned());
        }
        if matches!(questions.from, QuestionSource::Made) && self.data.annotations.is_none() {
            return unfit("`annotations` of [data] to make questions of", "none".to_owned());
        }
        for (idx, setting) in self.settings.iter().enumerate() {
            if setting.name.trim().is_empty() {
                return unfit("a `name` for every setting", format!("none in setting {}", idx + 1));
            }
            if self.settings.iter().take(idx).any(|earlier| earlier.name == setting.name) {
                return unfit("settings with names of their own", format!("`{}` twice", setting.name));
            }
            if !setting.vary.is_empty() && setting.methods.len() != 1 {
                let found = format!("{} in `{}`", setting.methods.len(), setting.name);
                return unfit("one method where `vary` names its parameters", found);
            }
        }
        Ok(())
    }
}

/// Words that follow others: with one space before them.
pub(super) fn spaced(words: &str) -> String {
    if words.is_empty() || words.starts_with(char::is_whitespace) { words.to_owned() } else { format!(" {words}") }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"x\"\ntemplate = \"pope\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"pope\"\n\
        file = \"demo\"\n";

    fn refusal(text: &str) -> String {
        Study::read(text, Path::new("s.toml")).expect_err("no study").to_string()
    }

    #[test]
    fn a_study_is_read_and_written_again() {
        let text = format!(
            "{SMALL}[[settings]]\nname = \"vcd\"\nmethods = [\"vcd\"]\nseeds = [1, 2]\nvary = {{ alpha = [0.5, 1] }}\n\
                [[settings]]\nname = \"api\"\nprompting = {{ source = \"clip\", query = \"object\" }}\n"
        );
        let study = Study::read(&text, Path::new("s.toml")).expect("a study");
        assert_eq!(study.model, ModelSpec::default(), "what is not said is the default");
        assert_eq!(study.settings[1].prompting.as_ref().map(|one| one.query), Some(Query::Object), "of tables");
        let again = Study::read(&study.to_toml(), Path::new("s.toml")).expect("its own text");
        assert_eq!(again, study, "nothing is lost");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let refused = refusal(&SMALL.replace("file =", "fiel ="));
        assert!(refused.contains("in line 7") && refused.contains("`fiel`"), "{refused}");
        assert!(refused.ends_with("s.toml") && !refused.contains('\n'), "one sentence: {refused}");
        let refused = refusal(&SMALL.replace("\"pope\"\n[data]", "\"popes\"\n[data]"));
        assert!(refused.contains("line 2") && refused.contains("popes"), "{refused}");
        assert!(refusal(&SMALL.replace("file = \"demo\"", "")).contains("Expected `file` of [questions]"), "no file");
        let twice = format!("{SMALL}[[settings]]\nname = \"a\"\n[[settings]]\nname = \"a\"\n");
        assert!(refusal(&twice).contains("found `a` twice"), "{}", refusal(&twice));
        let several = format!("{SMALL}[[settings]]\nname = \"a\"\nvary = {{ alpha = [1] }}\n");
        assert!(refusal(&several).contains("one method where `vary`"), "{}", refusal(&several));
    }
}
