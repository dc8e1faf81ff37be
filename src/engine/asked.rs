//! Questions compared, and asked again: what was recorded of one becomes one, the inverse of [`super::job_info`].

use super::error::EngineError;
use super::messages::{Fork, ImageSource, MAX_NEW_TOKENS, Prompt, Question, RecordOptions, Spec};
use super::method_specs::MethodSpecs;
use super::spec::spec_info;
use crate::decode::{Parameters, Word, method_named};
use crate::trace::{RunField, RunInfo, Sampling, SpecInfo};
use serde_json::Value;

/// What traces of encoders say of the strategy.
pub(super) const NO_STRATEGY: &str = "none";

/// Whether two questions have some of their methods in common.
type IsSame = fn(&MethodSpecs, &MethodSpecs) -> bool;

impl Question {
    /// A plain question: the most probable tokens of the model's own distribution, nothing changed, no more recorded
    /// than usual.
    pub fn new(image: ImageSource, prompt: Prompt) -> Self {
        Self {
            image,
            prompt,
            framing: None,
            sampling: Sampling::default(),
            max_new_tokens: MAX_NEW_TOKENS,
            strategy: Spec::default(),
            interventions: Vec::new(),
            methods: Vec::new(),
            prompted: None,
            fork: None,
            record: RecordOptions::default(),
        }
    }

    /// What makes the other another question than this one, by the same rule as [`RunInfo::differences`]; what is
    /// recorded of the answer does not count.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = RunField> + 'a {
        // Every field is named: a new one has to find its place here before this compiles.
        let Self {
            image,
            prompt,
            framing,
            sampling,
            max_new_tokens,
            // Compared last, see `costly`.
            strategy: _,
            interventions: _,
            methods: _,
            prompted: _,
            fork,
            record: _, // what is kept of an answer makes no other one
        } = self;
        let forced = |fork: &'a Option<Fork>| fork.as_ref().map_or(&[][..], |fork| &fork.ids);
        // What is cheap and differs most often comes first: most callers look for the first difference alone.
        let cheap = [
            (RunField::Prompt, *prompt == other.prompt),
            (RunField::Photo, *image == other.image),
            (RunField::Framing, *framing == other.framing),
            (RunField::MaxNewTokens, *max_new_tokens == other.max_new_tokens),
            (RunField::ForcedIds, forced(fork) == forced(&other.fork)),
        ];
        let costly: [(RunField, IsSame); 3] = [
            (RunField::Strategy, |a, b| same_spec(Word::Strategy, &a.strategy, &b.strategy)),
            (RunField::Interventions, |a, b| same_specs(Word::Intervention, &a.interventions, &b.interventions)),
            (RunField::Methods, |a, b| same_specs(Word::Method, &a.methods, &b.methods)),
        ];
        let cheap = cheap.into_iter().filter(|(_, same)| !same).map(|(field, _)| field);
        let of_methods = std::iter::once_with(move || (MethodSpecs::of(self), MethodSpecs::of(other)));
        let of_methods = of_methods.flat_map(move |(a, b)| {
            let differ = costly.into_iter().filter(|(_, same)| !same(&a, &b)).map(|(field, _)| field);
            differ.collect::<Vec<_>>()
        });
        let prompting = std::iter::once_with(move || self.prompted == other.prompted);
        let prompting = prompting.filter(|same| !same).map(|_| RunField::Prompting);
        cheap.chain(sampling.differing(other.sampling)).chain(of_methods).chain(prompting)
    }

    /// Whether both get the same answer from the same model.
    pub fn is_same(&self, other: &Self) -> bool {
        self.differing(other).next().is_none()
    }

    /// Whether a method of any kind acts.
    pub fn has_methods(&self) -> bool {
        !self.strategy.is_plain() || !self.interventions.is_empty() || !self.methods.is_empty()
    }

    /// Whether every token is chosen from the model's own logits about the photo as it is, and nothing is changed
    /// inside the model.
    pub fn is_plain(&self) -> bool {
        let mut plain = Self {
            strategy: Spec::default(),
            interventions: Vec::new(),
            methods: Vec::new(),
            prompted: None,
            fork: None,
            ..self.clone()
        };
        plain.sampling.repetition_penalty = 1.0;
        self.is_same(&plain)
    }

    /// The question of a run, about any photo, with everything recorded as far as `record` says.
    ///
    /// An answer about a darkened photo cannot be asked again: the maps are in no run.
    pub fn of_run(run: &RunInfo, image: ImageSource, record: RecordOptions) -> Result<Self, EngineError> {
        if run.prompting.is_some() {
            return Err(EngineError::Darkened { path: run.image_path.clone().into() });
        }
        // An encoder takes its texts as they are; it has neither strategy nor tokens.
        let is_encoder = run.strategy.name == NO_STRATEGY;
        let words = run.prompt.clone();
        Ok(Self {
            image,
            prompt: if run.templated || is_encoder { Prompt::Templated(words) } else { Prompt::Raw(words) },
            framing: Some(run.preprocessing.framing),
            sampling: run.sampling(),
            max_new_tokens: run.max_new_tokens,
            strategy: if is_encoder { Spec::default() } else { spec(Word::Strategy, &run.strategy)? },
            interventions: specs(Word::Intervention, &run.interventions)?,
            methods: specs(Word::Method, &run.methods)?,
            prompted: None, // refused above
            fork: (!run.forced_ids.is_empty()).then(|| Fork { ids: run.forced_ids.clone(), known: None }),
            record,
        })
    }
}

fn specs(word: Word, infos: &[SpecInfo]) -> Result<Vec<Spec>, EngineError> {
    infos.iter().map(|info| spec(word, info)).collect()
}

/// Parameters as they would be written; whole numbers without a point.
///
/// **Errors**: a number in the place of a text, as earlier versions wrote texts that look like one: `3.1` may have been
/// `3.10`.
fn spec(word: Word, info: &SpecInfo) -> Result<Spec, EngineError> {
    let known = method_named(word, &info.name).ok();
    for (name, value) in info.parameters.iter().filter(|(_, value)| value.is_number()) {
        let parameters = known.and_then(|known| Parameters::resolve(known, &[]).ok());
        if parameters.is_some_and(|parameters| parameters.has(name) && !parameters.is_number(name)) {
            let (method, parameter, found) = (info.name.clone(), name.clone(), value.to_string());
            return Err(EngineError::NumberForText { method, parameter, found });
        }
    }
    let text = |value: &Value| match (value.as_str(), value.as_f64()) {
        (Some(text), _) => text.to_owned(),
        // The shortest digits that are read as the same number; a whole one has no point.
        (None, Some(number)) => format!("{number}"),
        (None, None) => value.to_string(),
    };
    Ok(Spec {
        name: info.name.clone(),
        parameters: info.parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
    })
}

/// Names and parameters that mean the same: a default may be written or not.
fn same_spec(word: Word, a: &Spec, b: &Spec) -> bool {
    a == b || info(word, a).zip(info(word, b)).is_some_and(|(a, b)| a.is_same(&b))
}

fn same_specs(word: Word, a: &[Spec], b: &[Spec]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_spec(word, a, b))
}

/// A method with every parameter spelled out; `None` if there is none of that name, or not with these. What the depth
/// of a model decides is left out: it is not what is written.
fn info(word: Word, spec: &Spec) -> Option<SpecInfo> {
    let known = method_named(word, &spec.name).ok()?;
    let parameters = Parameters::resolve(known, &spec.parameters).ok()?;
    let mut info = spec_info(known.id(), &parameters);
    info.parameters.retain(|name, _| !parameters.scales(name));
    Some(info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Framing;
    use crate::trace::Sampling;

    fn question() -> Question {
        Question {
            max_new_tokens: 8,
            ..Question::new(ImageSource::Bundled("a.png".to_owned()), Prompt::Templated("Is there a dog?".to_owned()))
        }
    }

    fn named(text: &str) -> Spec {
        text.parse().expect("a SPEC")
    }

    #[test]
    fn what_makes_another_question_is_found_and_nothing_else() {
        type Change = fn(&mut Question);
        let changes: [(RunField, Change); 9] = [
            (RunField::Photo, |q| q.image = ImageSource::Bundled("b.png".to_owned())),
            (RunField::Prompt, |q| q.prompt = Prompt::Raw("Is there a dog?".to_owned())),
            (RunField::Framing, |q| q.framing = Some(Framing::Pad)),
            (RunField::Sampling, |q| q.sampling.temperature = 0.5),
            (RunField::RepetitionPenalty, |q| q.sampling.repetition_penalty = 1.1),
            (RunField::MaxNewTokens, |q| q.max_new_tokens = 9),
            (RunField::Strategy, |q| q.strategy = named("vcd:alpha=0.5")),
            (RunField::Interventions, |q| q.interventions = vec![named("pai")]),
            (RunField::ForcedIds, |q| q.fork = Some(Fork { ids: vec![3], known: None })),
        ];
        for (field, change) in changes {
            let mut other = question();
            change(&mut other);
            assert_eq!(question().differing(&other).collect::<Vec<_>>(), [field], "one way");
            assert_eq!(other.differing(&question()).collect::<Vec<_>>(), [field], "and the other");
        }
    }

    #[test]
    fn methods_are_compared_whichever_option_names_them() {
        let stacked =
            |texts: &[&str]| Question { methods: texts.iter().map(|text| named(text)).collect(), ..question() };
        let differing = |a: &Question, b: &Question| a.differing(b).collect::<Vec<_>>();
        let vcd = Question { strategy: named("vcd"), ..question() };
        assert!(stacked(&["vcd:alpha=1"]).is_same(&vcd), "either option");
        let both = Question { interventions: vec![named("knockout")], ..vcd.clone() };
        assert!(stacked(&["vcd", "knockout"]).is_same(&both), "and both");
        assert_eq!(differing(&stacked(&["vcd", "damro"]), &vcd), [RunField::Methods], "a second strategy");
        let turned = differing(&stacked(&["vcd", "damro"]), &stacked(&["damro", "vcd"]));
        assert_eq!(turned, [RunField::Strategy, RunField::Methods], "another order");
        assert!(!stacked(&["damro"]).is_plain() && stacked(&["plain"]).is_plain(), "plain is none");
    }

    #[test]
    fn what_means_the_same_is_the_same_question() {
        let mut other = question();
        other.strategy = named("plain");
        other.sampling.seed = 7; // of no use where nothing is drawn
        other.sampling.top_p = Some(0.5);
        other.fork = Some(Fork { ids: Vec::new(), known: None });
        other.record.logits = true;
        assert!(question().is_same(&other), "{:?}", question().differing(&other).collect::<Vec<_>>());
        let with = |strategy: &str| Question { methods: vec![named(strategy)], ..question() };
        assert!(with("vcd").is_same(&with("vcd:alpha=1.0")), "a default that is written");
        assert!(with("vcd:alpha=1,beta=0.5").is_same(&with("vcd:beta=0.50,alpha=1")), "in any order");
        assert!(!with("vcd:alpha=1").is_same(&with("vcd:alpha=2")), "another number");
        assert!(!with("vaf").is_same(&with("vaf:start=9")), "a default that scales with the depth");
        assert!(!with("nothing of that name").is_same(&with("vcd")), "a name that there is not");
    }

    #[test]
    fn text_that_looks_like_a_number_stays_text() {
        for (text, parameter) in [("knockout:patches=3.10", "patches"), ("vcd:noise=1.50", "noise")] {
            let given = named(text);
            let written = info(Word::Method, &given).expect("registered");
            let value = given.parameters[0].1.clone();
            assert_eq!(written.parameters.get(parameter), Some(&Value::from(value.clone())), "{text} as it was given");
            let again = spec(Word::Method, &written).expect("text");
            assert!(again.parameters.contains(&(parameter.to_owned(), value)), "and is asked again so: {again}");
        }
        let (one, other) = (named("knockout:patches=3.1"), named("knockout:patches=3.10"));
        assert!(!same_spec(Word::Method, &one, &other), "another patch");
        let alpha = info(Word::Method, &named("vcd:alpha= 1")).expect("registered");
        assert_eq!(alpha.parameters.get("alpha"), Some(&Value::from(1.0)), "numbers are numbers");
        // As versions before wrote it.
        let old = SpecInfo { name: "knockout".to_owned(), parameters: [("patches".to_owned(), 3.1.into())].into() };
        let refused = spec(Word::Intervention, &old).expect_err("3.1 or 3.10").to_string();
        assert!(
            refused.starts_with("Expected `patches` of knockout as text in the run, found the number 3.1"),
            "{refused}"
        );
    }

    #[test]
    fn a_plain_question_leaves_the_model_alone() {
        assert!(question().is_plain(), "as it is");
        let drawn = Question { sampling: Sampling { temperature: 1.0, ..Sampling::default() }, ..question() };
        assert!(drawn.is_plain(), "drawn from the model's own distribution");
        let penalised =
            Question { sampling: Sampling { repetition_penalty: 1.2, ..Sampling::default() }, ..question() };
        for other in [
            penalised,
            Question { strategy: named("vcd"), ..question() },
            Question { interventions: vec![named("pai")], ..question() },
            Question { fork: Some(Fork { ids: vec![1], known: None }), ..question() },
        ] {
            assert!(!other.is_plain(), "{other:?}");
        }
    }
}
