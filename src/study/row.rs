//! Rows: one an answer, as a line of JSON. Columns are documented in `assets/docs/studies.md`.

use super::item::{Item, StudyPhoto, hex, label_word};
use super::setting::Setting;
use super::signals::Signals;
use crate::analysis::pope::Said;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One answer: what was asked, what was said, what was measured. Fields that nothing is known of are left out of the
/// line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerRow {
    /// What the row depends on, as 32 hexadecimal digits.
    pub key: String,
    /// Place of the question in the study, from 0.
    pub item: usize,
    /// Place of the setting in the study, from 0, a number for each seed.
    pub setting_number: usize,
    /// The setting's name.
    pub setting: String,
    /// Seed of the setting.
    pub seed: u64,
    /// Seed of this answer's sampler, where tokens are drawn: each question has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampler_seed: Option<u64>,
    /// Name of the photo's file.
    pub photo: String,
    /// SHA-256 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_sha256: Option<String>,
    /// COCO's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<u64>,
    /// Name of the question in its file.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub question_id: Value,
    /// The words that were asked.
    pub prompt: String,
    /// Part of the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Category asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Part of the photo that its objects take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_area: Option<f64>,
    /// `small`, `medium`, `large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_size: Option<String>,
    /// `yes` or `no`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The same after a second look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relabel: Option<String>,
    /// The right choice of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Questions that are right together only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<u64>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Tokens of the answer, the end token among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_tokens: Option<usize>,
    /// `stop`: the model ended it; `limit`: the token limit, or the model's context, did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Probability of yes against no at the first token, from what was recorded of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_yes: Option<f64>,
    /// The least and the most that it can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_yes_bounds: Option<[f64; 2]>,
    /// Mean natural logarithm of the tokens' probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_logprob: Option<f64>,
    /// What the model that looked for attention prompting says itself: `yes`, `no`, `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_output: Option<String>,
    /// Cosines of the texts with the photo, where an encoder was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cosines: Vec<f64>,
    /// Whether a caption names an object that is not there; none without ground truth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hallucinated: Option<bool>,
    /// Objects of the photo, and how many of them are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<[usize; 2]>,
    /// Words and marks of the answer as CHAIR counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_words: Option<usize>,
    /// What was measured.
    #[serde(skip_serializing_if = "Signals::is_empty")]
    pub signals: Signals,
    /// Its object words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordRow>,
    /// What the reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An object word of an answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WordRow {
    /// As it stands in the answer.
    pub text: String,
    /// CHAIR's category.
    pub category: String,
    /// `grounded`, `hallucinated` or `unknown`.
    pub status: String,
    /// Bytes of the answer.
    pub bytes: [usize; 2],
    /// Its tokens, from 0.
    pub tokens: Vec<usize>,
    /// What was measured.
    #[serde(skip_serializing_if = "Signals::is_empty")]
    pub signals: Signals,
}

impl AnswerRow {
    /// A row without an answer.
    pub(super) fn asked(key: String, item: &Item, photo: &StudyPhoto, number: usize, setting: &Setting) -> Self {
        Self {
            key,
            item: item.number,
            setting_number: number,
            setting: setting.name.clone(),
            seed: setting.sampling.seed,
            sampler_seed: Some(setting.seed_of(item.number)).filter(|seed| *seed != setting.sampling.seed),
            photo: photo.name.clone(),
            image_id: photo.image_id,
            question_id: item.question_id.clone(),
            prompt: setting.words(&item.text),
            split: item.split.clone(),
            object: item.object.clone(),
            object_area: item.object_area,
            object_size: item.object_size.map(str::to_owned),
            label: item.label.map(|label| label_word(label).to_owned()),
            relabel: item.relabel.map(|label| label_word(label).to_owned()),
            expected: item.expected.clone(),
            pair: item.pair,
            ..Self::default()
        }
    }
}

/// `yes`, `no` or `unknown`.
pub(super) fn said_word(said: Said) -> &'static str {
    match said {
        Said::Yes => "yes",
        Said::No => "no",
        Said::Unknown => "unknown",
    }
}

/// What a row depends on besides the photo's bytes, which stand in the row: weights, words, setting, seed.
pub(super) fn key(run_hash: &str, item: &Item, photo: &StudyPhoto, setting: &Setting) -> String {
    let all = json!([run_hash, item.number, photo.name, item.text, setting.name, setting.canonical()]);
    let digest = Sha256::digest(all.to_string().as_bytes());
    hex(digest.get(..16).unwrap_or(&digest))
}
