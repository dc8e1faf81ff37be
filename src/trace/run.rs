//! What is needed to make a trace again.

use crate::geometry::{ModelView, PreprocessSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A method with every parameter spelled out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecInfo {
    /// Registered name.
    pub name: String,
    /// Parameters as they were used, defaults included.
    pub parameters: BTreeMap<String, serde_json::Value>,
}

/// How tokens are drawn after the strategy has spoken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f64,
    /// Nucleus.
    pub top_p: Option<f64>,
    /// Candidates kept.
    pub top_k: Option<usize>,
    /// 1 is none.
    pub repetition_penalty: f32,
    /// Of the sampler.
    pub seed: u64,
    /// Answers that are followed at once, of which the best is given; 1 is token by token.
    pub beams: usize,
    /// Where there are several: power of its length that an answer's score is divided by.
    pub length_penalty: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: None,
            top_k: None,
            repetition_penalty: 1.0,
            seed: 42,
            beams: 1,
            length_penalty: 1.0,
        }
    }
}

/// What is needed to make a trace again. [`Self::differences`] says what makes one run another. Written into trace
/// files as
/// the JSON string `run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// `demo`, a folder, a hub id.
    pub model_id: String,
    /// SHA-256 over the weight files.
    pub weight_hash: String,
    /// Path of the photo, or the bundled name.
    pub image_path: String,
    /// SHA-256 of the photo's file.
    pub image_hash: String,
    /// The question, or the raw prompt.
    pub prompt: String,
    /// Whether `prompt` went through the chat template.
    pub templated: bool,
    /// The text that was tokenised, with its `<image>` placeholder.
    pub full_prompt: String,
    /// The chat template's source.
    pub template: Option<String>,
    /// The day, perhaps with a time, that the chat template wrote into the prompt: `2026-11-29`. `None` where the
    /// template does not ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_date: Option<String>,
    /// How tokens were chosen.
    pub strategy: SpecInfo,
    /// What was changed inside the model.
    pub interventions: Vec<SpecInfo>,
    /// Further methods in the order in which they acted, behind `interventions` and `strategy`, which say all where
    /// this is empty: a second strategy is one, and every method that neither is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<SpecInfo>,
    /// 0 is greedy.
    pub temperature: f64,
    /// Nucleus, when sampling.
    pub top_p: Option<f64>,
    /// Number of candidates kept, when sampling.
    pub top_k: Option<usize>,
    /// 1 is none.
    pub repetition_penalty: f32,
    /// Seed of the sampler.
    pub seed: u64,
    /// Beams of the search; 1 where it went token by token, and in files that do not say it.
    #[serde(default = "one_beam", skip_serializing_if = "is_one_beam")]
    pub beams: usize,
    /// Where there were several: power of its length that an answer's score was divided by.
    #[serde(default = "plain_length_penalty", skip_serializing_if = "is_plain_length_penalty")]
    pub length_penalty: f64,
    /// Most tokens to generate.
    pub max_new_tokens: usize,
    /// How the photo was darkened before the model saw it: `clip` or `llava`, with the model that looked, the words and
    /// every parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompting: Option<SpecInfo>,
    /// Ids that the answer was made to begin with; empty where the model chose every token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forced_ids: Vec<u32>,
    /// Photo to `pixel_values`.
    pub preprocessing: PreprocessSpec,
    /// The rectangle of the photo that the model saw.
    pub view: ModelView,
    /// Device and dtype the model ran on.
    pub device: String,
    /// See `device`.
    pub dtype: String,
    /// Version of this program.
    pub program_version: String,
}

fn one_beam() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one_beam(beams: &usize) -> bool {
    *beams == one_beam()
}

fn plain_length_penalty() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_plain_length_penalty(penalty: &f64) -> bool {
    penalty.to_bits() == plain_length_penalty().to_bits()
}

impl RunInfo {
    /// The strategy and further methods in order: "plain", "vcd", "vcd + damro". Interventions have their own place.
    pub fn decoding(&self) -> String {
        let strategy = Some(self.strategy.name.as_str()).filter(|name| !matches!(*name, "" | "plain"));
        let names: Vec<&str> = strategy.into_iter().chain(self.methods.iter().map(|spec| spec.name.as_str())).collect();
        if names.is_empty() { "plain".to_owned() } else { names.join(" + ") }
    }

    /// How tokens were drawn.
    pub fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
            beams: self.beams,
            length_penalty: self.length_penalty,
        }
    }
}
