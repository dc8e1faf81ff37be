//! What is about to be asked, and how.

use crate::engine::{
    Catalog, Entry, ImageSource, MAX_NEW_TOKENS, MOST_BEAMS, Prompt, PromptRows, Question, RecordOptions, Sampling,
    Spec,
};
use crate::geometry::Framing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The highest limit that can be set.
pub(in crate::ui) const MOST_NEW_TOKENS: usize = 4096;
/// The strategy that changes nothing.
const PLAIN: &str = "plain";
/// The parameter that sets others, see [`Entry::presets`].
pub(in crate::ui) const PRESET: &str = "preset";
/// What is switched on where no contrastive strategy was ever chosen.
const FIRST_CONTRAST: &str = "vcd";

/// Made once: it does not change while the program runs.
fn registered() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(crate::engine::catalog)
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
    /// By strategy: parameters that are not as published.
    pub strategy_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// Keep rows of prompt positions too.
    pub prompt_rows: PromptRows,
    /// Most attention of one answer, mebibytes.
    pub budget_mib: usize,
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

    /// Every strategy.
    pub fn strategies(&self) -> &'static [Entry] {
        &registered().strategies
    }

    /// The chosen one; the plain one if what was chosen is not there any more.
    pub fn strategy_entry(&self) -> &'static Entry {
        let strategies = &registered().strategies;
        strategies.iter().find(|entry| entry.id == self.strategy).unwrap_or(&strategies[0])
    }

    /// Whether tokens are chosen from the model's own logits.
    pub fn is_plain(&self) -> bool {
        self.strategy_entry().id == PLAIN
    }

    /// A contrastive strategy that is chosen is the one that is switched on again.
    pub(in crate::ui) fn remember_contrast(&mut self) {
        if !self.is_plain() {
            self.contrast.clone_from(&self.strategy);
        }
    }

    /// Contrast for the next questions, or none.
    pub(in crate::ui) fn switch_contrast(&mut self, on: bool) {
        self.remember_contrast();
        if !on {
            PLAIN.clone_into(&mut self.strategy);
        } else if self.is_plain() {
            self.strategy.clone_from(&self.contrast);
            if self.is_plain() {
                FIRST_CONTRAST.clone_into(&mut self.strategy); // a strategy of another version of the program
            }
        }
    }

    /// A parameter of the chosen strategy as it is in force: given, of the chosen preset, or published.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let entry = self.strategy_entry();
        let given = |name: &str| self.given_parameters().and_then(|given| given.get(name)).cloned();
        let parameter = entry.parameters.iter().find(|parameter| parameter.name == name)?;
        given(name).or_else(|| self.of_preset(name)).or_else(|| Some(parameter.default.to_owned()))
    }

    /// What the chosen preset sets a parameter to.
    pub fn of_preset(&self, name: &str) -> Option<String> {
        let entry = self.strategy_entry();
        let default = || entry.parameters.iter().find(|parameter| parameter.name == PRESET);
        let chosen = self.given_parameters().and_then(|given| given.get(PRESET));
        let chosen = chosen.map(String::as_str).or_else(|| default().map(|parameter| parameter.default))?;
        let preset = entry.presets.iter().find(|preset| preset.id == chosen)?;
        preset.values.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
    }

    /// The chosen strategy with its strength and what is not as published: "VCD alpha 1.00", "plain decoding".
    pub fn strategy_words(&self) -> String {
        if self.is_plain() {
            return "plain decoding".to_owned();
        }
        let entry = self.strategy_entry();
        let mut words = self.strategy_name(entry.id);
        let strength = entry.strength.map(|strength| strength.parameter);
        let given = self.given_parameters().into_iter().flatten().map(|(name, _)| name.as_str());
        let names = strength.into_iter().chain(given.filter(|name| Some(*name) != strength));
        let values = names.map(|name| {
            let value = self.parameter(name).unwrap_or_default();
            format!(" {name} {}", value.parse::<f64>().map_or(value, two_digits))
        });
        words.extend(values);
        words
    }

    /// A strategy by the name that it has in sentences: "VCD", "PAI (no image)".
    pub fn strategy_name(&self, id: &str) -> String {
        let Some(entry) = self.strategies().iter().find(|entry| entry.id == id) else { return id.to_owned() };
        if id == PLAIN {
            return "plain decoding".to_owned();
        }
        match entry.label.split_once(": ") {
            Some((name, _)) if name.eq_ignore_ascii_case(entry.id) => name.to_owned(),
            Some((name, what)) => format!("{name} ({what})"),
            None => entry.label.to_owned(),
        }
    }

    /// Parameters of the chosen strategy that are not as published.
    pub fn given_parameters(&self) -> Option<&BTreeMap<String, String>> {
        self.strategy_parameters.get(&self.strategy)
    }

    /// Sets a parameter of the chosen strategy.
    pub fn give_parameter(&mut self, name: &str, value: String) {
        let given = self.strategy_parameters.entry(self.strategy.clone()).or_default();
        if name == PRESET {
            given.clear(); // a preset sets all of them
        }
        given.insert(name.to_owned(), value);
    }

    /// One parameter as published again, or as the chosen preset has it.
    pub fn reset_parameter(&mut self, name: &str) {
        let Some(given) = self.strategy_parameters.get_mut(&self.strategy) else { return };
        given.remove(name);
        if given.is_empty() {
            self.strategy_parameters.remove(&self.strategy);
        }
    }

    /// The published parameters again.
    pub fn reset_parameters(&mut self) {
        self.strategy_parameters.remove(&self.strategy);
    }

    /// The strategy as the worker takes it.
    pub fn spec(&self) -> Spec {
        if self.is_plain() {
            return Spec::default();
        }
        let given = self.given_parameters().into_iter().flatten();
        Spec { name: self.strategy.clone(), parameters: given.map(|(k, v)| (k.clone(), v.clone())).collect() }
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
        Question {
            framing: self.framing,
            sampling: self.sampling(),
            max_new_tokens: self.max_new_tokens,
            strategy: self.spec(),
            record: RecordOptions {
                budget_bytes: self.budget_bytes(),
                prompt_rows: self.prompt_rows,
                ..RecordOptions::default()
            },
            ..Question::new(image, if self.raw { Prompt::Raw(text) } else { Prompt::Templated(text) })
        }
    }
}

/// "1.00", "0.125", "3": two digits behind the point of what is no whole number, more where they say something.
fn two_digits(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() >= 10.0 {
        return value.to_string();
    }
    let short = format!("{value:.2}");
    if short.parse() == Ok(value) { short } else { value.to_string() }
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
    fn a_strategy_keeps_its_own_parameters() {
        let mut ask = AskSettings::default();
        assert_eq!(ask.spec(), Spec::default(), "plain");
        ask.strategy = "vcd".to_owned();
        ask.give_parameter("alpha", "0.5".to_owned());
        let parameters = vec![("alpha".to_owned(), "0.5".to_owned())];
        assert_eq!(ask.spec(), Spec { name: "vcd".to_owned(), parameters }, "as it was set");
        assert_eq!(ask.strategy_words(), "VCD alpha 0.50", "and said");
        ask.give_parameter("preset", "official".to_owned());
        ask.give_parameter("beta", "0.25".to_owned());
        assert_eq!(ask.strategy_words(), "VCD alpha 1.00 beta 0.25 preset official", "strength first, of the preset");
        ask.strategy = "pai-cfg".to_owned();
        assert_eq!(ask.strategy_words(), "PAI (no image) gamma 1.10", "as published");
        ask.strategy = "damro".to_owned();
        assert!(ask.spec().parameters.is_empty(), "another one has its own");
        ask.strategy = "vcd".to_owned();
        ask.reset_parameters();
        assert!(ask.spec().parameters.is_empty(), "as published again");
        ask.strategy = "gone".to_owned();
        assert!(ask.is_plain(), "a strategy of another version of the program");
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
