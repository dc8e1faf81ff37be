//! What is about to be asked, and how.

use crate::engine::{ImageSource, MAX_NEW_TOKENS, MOST_BEAMS, Prompt, PromptRows, Question, RecordOptions, Sampling};
use crate::geometry::Framing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The highest limit that can be set.
pub(in crate::ui) const MOST_NEW_TOKENS: usize = 4096;

/// The strategy that changes nothing.
pub(super) const PLAIN: &str = "plain";
/// What is switched on where no contrastive strategy was ever chosen.
pub(super) const FIRST_CONTRAST: &str = "vcd";

/// A method besides the strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackedMethod {
    /// Its registered name.
    pub id: String,
    /// Whether it acts; its place and parameters stay while it does not.
    pub on: bool,
}

/// What is about to be asked, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskSettings {
    /// The words in the prompt box.
    pub text: String,
    /// The words are the exact prompt, with one `<image>` placeholder.
    pub raw: bool,
    /// Crop or pad; `None` takes the checkpoint's own.
    pub framing: Option<Framing>,
    /// Most tokens of the answer.
    pub max_new_tokens: usize,
    /// Whether tokens are drawn at random (`temperature` counts) or the most probable is taken.
    pub sample: bool,
    /// Used when `sample`.
    pub temperature: f64,
    /// Used when `sample`; 1 keeps every candidate.
    pub top_p: f64,
    /// Used when `sample`; 0 keeps every candidate.
    pub top_k: usize,
    /// 1 is none.
    pub repetition_penalty: f32,
    /// Of the sampler.
    pub seed: u64,
    /// Answers that are followed at once; used unless `sample`.
    pub beams: usize,
    /// Used where there are several beams.
    pub length_penalty: f64,
    /// Registered name of the decoding strategy of the next questions.
    pub strategy: String,
    /// The contrastive strategy that was chosen last: it is the one that is switched on again.
    pub contrast: String,
    /// By method: parameters that are not as published.
    pub strategy_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// Further methods, in the order in which they act.
    pub methods: Vec<StackedMethod>,
    /// How many of them act before the strategy.
    pub before_strategy: usize,
    /// All methods are switched off for now; which ones are on stays known.
    pub paused: bool,
    /// The shown question is asked again as soon as a control of a method is released.
    pub live: bool,
    /// Keep rows of prompt positions too.
    pub prompt_rows: PromptRows,
    /// Most attention of one answer, mebibytes.
    pub budget_mib: usize,
}

/// What undoing brings back of the methods: which are chosen, in which order, with which parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MethodChoice {
    strategy: String,
    parameters: BTreeMap<String, BTreeMap<String, String>>,
    methods: Vec<StackedMethod>,
    before_strategy: usize,
    paused: bool,
}

impl AskSettings {
    /// The methods as they are chosen.
    pub fn method_choice(&self) -> MethodChoice {
        MethodChoice {
            strategy: self.strategy.clone(),
            parameters: self.strategy_parameters.clone(),
            methods: self.methods.clone(),
            before_strategy: self.before_strategy,
            paused: self.paused,
        }
    }

    /// Chooses methods as they were.
    pub fn choose_methods(&mut self, choice: &MethodChoice) {
        let MethodChoice { strategy, parameters, methods, before_strategy, paused } = choice.clone();
        (self.strategy, self.strategy_parameters, self.methods) = (strategy, parameters, methods);
        (self.before_strategy, self.paused) = (before_strategy, paused);
        self.remember_contrast();
    }
}

impl Default for AskSettings {
    fn default() -> Self {
        Self {
            text: String::new(),
            raw: false,
            framing: None,
            max_new_tokens: MAX_NEW_TOKENS,
            sample: false,
            temperature: 0.7,
            top_p: 0.9,
            top_k: 0,
            repetition_penalty: 1.0,
            seed: 42,
            beams: 1,
            length_penalty: 1.0,
            strategy: PLAIN.to_owned(),
            contrast: FIRST_CONTRAST.to_owned(),
            strategy_parameters: BTreeMap::new(),
            methods: Vec::new(),
            before_strategy: 0,
            paused: false,
            live: false,
            // Little memory, and the words of the question can be clicked.
            prompt_rows: PromptRows::AfterImage,
            budget_mib: 1024,
        }
    }
}

impl AskSettings {
    /// Budget of one answer, and of all answers together.
    pub fn budget_bytes(&self) -> usize {
        self.budget_mib.saturating_mul(1 << 20)
    }

    /// Beams of the next answer: what is drawn at random is one answer.
    pub fn beams_in_force(&self) -> usize {
        if self.sample { 1 } else { self.beams.clamp(1, MOST_BEAMS) }
    }

    /// How tokens are chosen.
    pub fn sampling(&self) -> Sampling {
        let beams = self.beams_in_force();
        Sampling {
            beams,
            length_penalty: if beams > 1 { self.length_penalty } else { 1.0 },
            temperature: if self.sample { self.temperature } else { 0.0 },
            top_p: (self.sample && self.top_p < 1.0).then_some(self.top_p),
            top_k: (self.sample && self.top_k > 0).then_some(self.top_k),
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
        }
    }

    /// What the next answer is sampled, framed and written with that a first answer is not, besides the strategy; empty
    /// when there is nothing.
    pub fn unusual(&self) -> String {
        let mut parts = Vec::new();
        if self.sample {
            parts.push(format!("random sampling at temperature {}, seed {}", self.temperature, self.seed));
        }
        if self.beams_in_force() > 1 {
            parts.push(format!("{} beams", self.beams_in_force()));
            if (self.length_penalty - 1.0).abs() > f64::EPSILON {
                parts.push(format!("length penalty {}", self.length_penalty));
            }
        }
        if (self.repetition_penalty - 1.0).abs() > f32::EPSILON {
            parts.push(format!("repetition penalty {}", self.repetition_penalty));
        }
        match self.framing {
            Some(Framing::Pad) => parts.push("photo padded".to_owned()),
            Some(Framing::Crop) => parts.push("photo cropped".to_owned()),
            None => {}
        }
        if self.raw {
            parts.push("exact text without the chat template".to_owned());
        }
        parts.join(", ")
    }

    /// The question as it goes to the worker.
    pub fn question(&self, image: ImageSource) -> Question {
        let text = self.text.trim().to_owned();
        let (strategy, methods) = self.specs();
        Question {
            framing: self.framing,
            sampling: self.sampling(),
            max_new_tokens: self.max_new_tokens,
            strategy,
            methods,
            record: RecordOptions {
                budget_bytes: self.budget_bytes(),
                prompt_rows: self.prompt_rows,
                ..RecordOptions::default()
            },
            ..Question::new(image, if self.raw { Prompt::Raw(text) } else { Prompt::Templated(text) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_ignores_what_only_sampling_uses() {
        let ask = AskSettings { temperature: 1.5, top_p: 0.5, top_k: 3, ..AskSettings::default() };
        assert_eq!(ask.sampling(), Sampling::default(), "greedy, nothing filtered");
        let sampled = AskSettings { sample: true, ..ask }.sampling();
        assert_eq!((sampled.temperature, sampled.top_p, sampled.top_k), (1.5, Some(0.5), Some(3)), "all in force");
    }

    #[test]
    fn what_is_not_ordinary_is_said() {
        assert_eq!(AskSettings::default().unusual(), "", "a first answer");
        let ask = AskSettings { sample: true, temperature: 3.0, framing: Some(Framing::Pad), ..AskSettings::default() };
        assert_eq!(ask.unusual(), "random sampling at temperature 3, seed 42, photo padded", "both");
        let ask = AskSettings { beams: 4, length_penalty: 0.5, ..AskSettings::default() };
        assert_eq!(ask.unusual(), "4 beams, length penalty 0.5", "several answers at once");
        let sampling = ask.sampling();
        assert_eq!((sampling.beams, sampling.length_penalty.to_bits()), (4, 0.5_f64.to_bits()), "both in force");
        let drawn = AskSettings { sample: true, ..ask };
        assert_eq!((drawn.sampling().beams, drawn.unusual().contains("beams")), (1, false), "none where one is drawn");
    }

    #[test]
    fn the_words_of_the_question_are_recorded_unless_told_otherwise() {
        let question = AskSettings::default().question(ImageSource::Bundled("a.png".to_owned()));
        assert_eq!(question.record.prompt_rows, PromptRows::AfterImage, "a click on the question shows a map");
    }

    #[test]
    fn the_prompt_is_trimmed_but_its_lines_stay() {
        let ask = AskSettings { text: "  one\ntwo \n".to_owned(), ..AskSettings::default() };
        let question = ask.question(ImageSource::Bundled("a.png".to_owned()));
        assert_eq!(question.prompt, Prompt::Templated("one\ntwo".to_owned()), "only the ends are cut");
    }
}
