//! Settings with everything spelled out: one for each value that is varied and each seed.

use super::file::{PromptingSpec, SettingSpec, Study, Value};
use super::{StudyError, file};
use crate::engine::{ImageSource, Prompt, Question, RecordOptions, Sampling, Spec, check_specs};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// One way to ask, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name in tables; with the values that are varied: `vcd alpha=0.5`.
    pub name: String,
    /// Methods in their order.
    pub methods: Vec<Spec>,
    /// How tokens are drawn, the seed among it.
    pub sampling: Sampling,
    /// Token limit.
    pub max_new_tokens: usize,
    /// Words behind the question, before those of all.
    pub suffix: String,
    /// The photo is darkened where a model does not look.
    pub prompting: Option<PromptingSpec>,
}

impl Setting {
    /// Every setting of a study in its order: setting, varied values, seeds.
    ///
    /// **Errors**: a method or a parameter that there is not.
    pub fn all(study: &Study, path: &Path) -> Result<Vec<Self>, StudyError> {
        let plain = [SettingSpec { name: "plain".to_owned(), ..SettingSpec::default() }];
        let specs = if study.settings.is_empty() { &plain[..] } else { &study.settings };
        let mut all = Vec::new();
        for spec in specs {
            for chosen in combinations(spec) {
                all.extend(one(study, spec, &chosen, path)?);
            }
        }
        Ok(all)
    }

    /// What answers depend on, in a form of its own: equal for equal settings, whatever their names.
    pub fn canonical(&self) -> serde_json::Value {
        let Self { name: _, methods, sampling, max_new_tokens, suffix, prompting } = self;
        let methods: Vec<String> = methods.iter().map(ToString::to_string).collect();
        json!({
            "methods": methods,
            "sampling": sampling,
            "max_new_tokens": max_new_tokens,
            "suffix": suffix,
            "prompting": prompting,
        })
    }

    /// Whether every token is the most probable one of the model itself.
    pub fn is_plain(&self) -> bool {
        self.methods.iter().all(|spec| spec.name == "plain") && self.prompting.is_none() && self.suffix.is_empty()
    }

    /// The sampler's seed for a question. Where tokens are drawn, each question has one of its own: with the same one
    /// for all, the first token of every answer would be drawn by the same number.
    pub fn seed_of(&self, item_number: usize) -> u64 {
        if self.sampling.temperature <= 0.0 {
            return self.sampling.seed;
        }
        let digest = Sha256::digest(format!("{} {item_number}", self.sampling.seed).as_bytes());
        let first = digest.first_chunk::<4>().copied().unwrap_or_default();
        u64::from(u32::from_le_bytes(first))
    }

    /// The question about a photo.
    pub(super) fn question(&self, image: ImageSource, text: &str, study: &Study, record: RecordOptions) -> Question {
        Question {
            framing: study.model.framing,
            sampling: self.sampling,
            max_new_tokens: self.max_new_tokens,
            methods: self.methods.clone(),
            record,
            ..Question::new(image, Prompt::Templated(self.words(text)))
        }
    }

    /// A question in the words of this setting.
    pub fn words(&self, text: &str) -> String {
        if self.suffix.is_empty() { text.to_owned() } else { format!("{text}{}", file::spaced(&self.suffix)) }
    }
}

/// Every choice of the values that are varied; one without any where nothing is.
fn combinations(spec: &SettingSpec) -> Vec<Vec<(&str, &Value)>> {
    let mut all = vec![Vec::new()];
    for (key, values) in &spec.vary {
        let longer = all.iter().flat_map(|chosen: &Vec<(&str, &Value)>| {
            values.iter().map(move |value| {
                let mut chosen = chosen.clone();
                chosen.push((key.as_str(), value));
                chosen
            })
        });
        all = longer.collect();
    }
    all
}

fn one(study: &Study, spec: &SettingSpec, chosen: &[(&str, &Value)], path: &Path) -> Result<Vec<Setting>, StudyError> {
    let mut name = spec.name.clone();
    let mut methods = Vec::new();
    for text in &spec.methods {
        let mut method: Spec = text.parse().map_err(|found: crate::engine::SpecError| StudyError::Unfit {
            expected: format!("a method such as vcd:alpha=1 in `{}`", spec.name),
            found: found.to_string(),
            path: path.to_owned(),
        })?;
        for (key, value) in chosen {
            method.parameters.retain(|(other, _)| other != key);
            method.parameters.push(((*key).to_owned(), value.to_string()));
        }
        methods.push(method);
    }
    for (key, value) in chosen {
        name = format!("{name} {key}={value}");
    }
    let model = &study.model;
    let seeds = if spec.seeds.is_empty() { &[42][..] } else { &spec.seeds };
    let of_seed = |seed: &u64| Setting {
        name: name.clone(),
        methods: methods.clone(),
        sampling: Sampling {
            temperature: spec.temperature.unwrap_or(model.temperature),
            top_p: spec.top_p.or(model.top_p),
            top_k: spec.top_k.or(model.top_k),
            beams: spec.beams.unwrap_or(model.beams),
            seed: *seed,
            ..Sampling::default()
        },
        max_new_tokens: spec.max_new_tokens.unwrap_or(model.max_new_tokens),
        suffix: spec.suffix.clone(),
        prompting: spec.prompting.clone(),
    };
    let settings: Vec<Setting> = seeds.iter().map(of_seed).collect();
    for setting in &settings {
        let nothing = ImageSource::Bundled(String::new());
        let question = setting.question(nothing, "", study, RecordOptions::default());
        check_specs(&question).map_err(|found| StudyError::Unfit {
            expected: format!("methods and parameters that there are in the setting `{}`", setting.name),
            found: found.to_string(),
            path: path.to_owned(),
        })?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Result<Vec<Setting>, String> {
        let text = format!(
            "name = \"x\"\ntemplate = \"chair\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"prompt\"\n\
                prompt = \"Describe this image.\"\n{more}"
        );
        let study = Study::read(&text, Path::new("s.toml")).map_err(|err| err.to_string())?;
        Setting::all(&study, Path::new("s.toml")).map_err(|err| err.to_string())
    }

    #[test]
    fn values_and_seeds_make_settings() {
        let found = settings(
            "[[settings]]\nname = \"vcd\"\nmethods = [\"vcd:beta=0.2\"]\nseeds = [1, 2]\n\
                vary = { alpha = [0.5, 1] }\ntemperature = 1.0\n",
        );
        let found = found.expect("settings");
        let names: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.sampling.seed)).collect();
        let expected = [("vcd alpha=0.5", 1), ("vcd alpha=0.5", 2), ("vcd alpha=1", 1), ("vcd alpha=1", 2)];
        assert_eq!(names, expected, "values, then seeds");
        assert_eq!(found[2].methods[0].to_string(), "vcd:beta=0.2,alpha=1", "a parameter of the method");
        assert!(found.iter().all(|one| one.sampling.temperature > 0.9), "of the setting");
        assert_ne!(found[0].canonical(), found[1].canonical(), "a seed makes another answer");
    }

    #[test]
    fn each_question_is_drawn_by_a_seed_of_its_own() {
        let drawn = settings("[[settings]]\nname = \"t\"\ntemperature = 1.0\nseeds = [1, 2]\n").expect("two settings");
        let seeds: std::collections::BTreeSet<u64> =
            drawn.iter().flat_map(|one| (0..100).map(|item| one.seed_of(item))).collect();
        assert_eq!(seeds.len(), 200, "no two alike");
        assert_eq!(drawn[0].seed_of(3), drawn[0].clone().seed_of(3), "the same each time");
        let greedy = settings("").expect("one setting");
        assert_eq!([greedy[0].seed_of(0), greedy[0].seed_of(9)], [42, 42], "nothing is drawn");
    }

    #[test]
    fn a_study_without_settings_asks_plainly() {
        let found = settings("").expect("one setting");
        assert_eq!((found.len(), found[0].is_plain(), found[0].sampling.seed), (1, true, 42), "plain decoding");
    }

    #[test]
    fn what_there_is_not_is_refused_before_anything_is_asked() {
        let refused = settings("[[settings]]\nname = \"v\"\nmethods = [\"vdc\"]\n").expect_err("no such method");
        assert!(refused.contains("`v`") && refused.contains("vdc") && refused.ends_with("s.toml"), "{refused}");
        let refused = settings("[[settings]]\nname = \"v\"\nmethods = [\"vcd:alfa=1\"]\n").expect_err("no parameter");
        assert!(refused.contains("alfa"), "{refused}");
    }
}
