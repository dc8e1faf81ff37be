//! What makes one run another than another: the one place that decides it.

use super::{RunInfo, Sampling, SpecInfo};
use crate::geometry::{ModelView, PreprocessSpec};
use serde_json::{Value, json};

/// What a difference of two runs does to the answer and to what was seen on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    /// Another question: tokens and attention may be any others.
    AnotherQuestion,
    /// The same question with an answer that may end elsewhere; as far as both go they are the same.
    AnotherLength,
    /// The same question, computed with other rounding: the last digits differ, and where two tokens are as good as
    /// each other the answer.
    OtherDigits,
}

/// What two runs, or two questions, can differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunField {
    /// The checkpoint.
    Weights,
    /// The photo.
    Photo,
    /// The words, and the text that was made of them.
    Prompt,
    /// How tokens are chosen.
    Strategy,
    /// What is changed inside the model.
    Interventions,
    /// Further methods.
    Methods,
    /// Temperature, and what is only of use above 0: top p, top k, seed.
    Sampling,
    /// A penalty for tokens that were there before.
    RepetitionPenalty,
    /// How many answers are followed at once, and the length penalty that they are compared with.
    Beams,
    /// How the photo was darkened.
    Prompting,
    /// What the answer was made to begin with.
    ForcedIds,
    /// Crop or pad.
    Framing,
    /// What happens to the photo on its way to the model, framing aside.
    Preprocessing,
    /// Where patches lie on the photo.
    View,
    /// Most tokens to generate.
    MaxNewTokens,
    /// The type of the numbers.
    Dtype,
}

impl RunField {
    /// See [`Makes`].
    pub fn makes(self) -> Makes {
        match self {
            Self::MaxNewTokens => Makes::AnotherLength,
            Self::Dtype => Makes::OtherDigits,
            Self::Weights
            | Self::Photo
            | Self::Prompt
            | Self::Strategy
            | Self::Interventions
            | Self::Methods
            | Self::Sampling
            | Self::RepetitionPenalty
            | Self::Beams
            | Self::Prompting
            | Self::ForcedIds
            | Self::Framing
            | Self::Preprocessing
            | Self::View => Makes::AnotherQuestion,
        }
    }

    /// Whether it is about how tokens are chosen from the ordinary branch, whose own attention and logits it leaves as
    /// they are for the same tokens.
    pub fn is_of_choice(self) -> bool {
        match self {
            Self::Strategy
            | Self::Sampling
            | Self::RepetitionPenalty
            | Self::Beams
            | Self::ForcedIds
            | Self::MaxNewTokens => true,
            Self::Weights
            | Self::Photo
            | Self::Prompt
            | Self::Interventions
            // They may look at the model and change it, too.
            | Self::Methods
            | Self::Prompting
            | Self::Framing
            | Self::Preprocessing
            | Self::View
            | Self::Dtype => false,
        }
    }

    /// In a sentence: "Expected the weights .. as in the recipe".
    pub fn label(self) -> &'static str {
        match self {
            Self::Weights => "the weights",
            Self::Photo => "the photo",
            Self::Prompt => "the prompt",
            Self::Strategy => "the strategy",
            Self::Interventions => "the interventions",
            Self::Methods => "the methods",
            Self::Sampling => "the sampling",
            Self::RepetitionPenalty => "the repetition penalty",
            Self::Beams => "the beams",
            Self::Prompting => "the attention prompting",
            Self::ForcedIds => "the forced beginning",
            Self::Framing => "the framing",
            Self::Preprocessing => "the preprocessing",
            Self::View => "the seen rectangle",
            Self::MaxNewTokens => "the token limit",
            Self::Dtype => "the type of the numbers",
        }
    }
}

/// One thing that differs, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub field: RunField,
    /// In the run that the other is compared with.
    pub expected: String,
    /// In the other.
    pub found: String,
}

/// Collects differences.
struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, field: RunField, same: bool, words: impl Fn(bool) -> String) {
        if !same {
            self.0.push(Difference { field, expected: words(true), found: words(false) });
        }
    }
}

impl RunInfo {
    /// What makes `other` another run than this one, the most telling first; nothing where only names and places of
    /// files, the device and the program's version differ.
    ///
    /// Tokens are compared elsewhere: a run does not know what was answered.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        // Every field is named: a new one has to find its place here before this compiles.
        let Self {
            model_id: _, // a name: the weights have their hash
            weight_hash,
            image_path: _, // a place: the photo has its hash
            image_hash,
            prompt,
            templated,
            full_prompt,
            template: _,      // what it made stands in `full_prompt`
            template_date: _, // the same
            strategy,
            interventions,
            methods,
            // Compared as one, see `sampling`.
            temperature: _,
            top_p: _,
            top_k: _,
            repetition_penalty: _,
            seed: _,
            beams: _,
            length_penalty: _,
            max_new_tokens,
            prompting,
            forced_ids,
            preprocessing,
            view,
            device: _, // what it changes beyond the type of the numbers is less than one program differs from another
            dtype,
            program_version: _, // is told where it matters
        } = self;
        let pick = |first: bool| if first { self } else { other };
        let mut all = Differences(Vec::new());
        all.add(RunField::Weights, *weight_hash == other.weight_hash, |first| pick(first).weight_hash.clone());
        all.add(RunField::Photo, *image_hash == other.image_hash, |first| pick(first).image_hash.clone());
        if *full_prompt == other.full_prompt {
            // The same text from other words: another question to whoever reads it.
            let same = (prompt, templated) == (&other.prompt, &other.templated);
            all.add(RunField::Prompt, same, |first| {
                let run = pick(first);
                let how = if run.templated { "a question" } else { "the whole prompt" };
                format!("{} as {how}", json!(run.prompt))
            });
        } else {
            all.add(RunField::Prompt, false, |first| json!(pick(first).full_prompt).to_string());
        }
        all.add(RunField::Prompting, same_maybe(prompting.as_ref(), other.prompting.as_ref()), |first| {
            pick(first).prompting.as_ref().map_or_else(|| "none".to_owned(), |spec| json!(spec).to_string())
        });
        let (framing, found) = (preprocessing.framing, other.preprocessing.framing);
        all.add(RunField::Framing, framing == found, |first| words_of(&pick(first).preprocessing.framing));
        let framed = PreprocessSpec { framing: found, ..preprocessing.clone() };
        all.add(RunField::Preprocessing, framed == other.preprocessing, |first| words_of(&pick(first).preprocessing));
        // Another photo, framing or preprocessing has been told.
        let follows =
            all.0.iter().any(|one| matches!(one.field, RunField::Photo | RunField::Framing | RunField::Preprocessing));
        all.add(RunField::View, follows || view.is_like(&other.view), |first| seen(&pick(first).view));
        all.add(RunField::Strategy, strategy.is_same(&other.strategy), |first| json!(pick(first).strategy).to_string());
        let same = same_specs(interventions, &other.interventions);
        all.add(RunField::Interventions, same, |first| json!(pick(first).interventions).to_string());
        let same = same_specs(methods, &other.methods);
        all.add(RunField::Methods, same, |first| json!(pick(first).methods).to_string());
        let (sampling, found) = (self.sampling(), other.sampling());
        for field in sampling.differing(found) {
            all.add(field, false, |first| if first { sampling } else { found }.words(field));
        }
        all.add(RunField::ForcedIds, *forced_ids == other.forced_ids, |first| {
            json!(pick(first).forced_ids).to_string()
        });
        let same = *max_new_tokens == other.max_new_tokens;
        all.add(RunField::MaxNewTokens, same, |first| pick(first).max_new_tokens.to_string());
        all.add(RunField::Dtype, *dtype == other.dtype, |first| pick(first).dtype.clone());
        all.0
    }

    /// Whether the other is the same question to the same model about the same photo.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        // Most others differ in one of these, and texts need not be made to see that.
        let alike = (&self.weight_hash, &self.image_hash) == (&other.weight_hash, &other.image_hash);
        alike && !self.differences(other).iter().any(|difference| difference.field.makes() == Makes::AnotherQuestion)
    }
}

fn same_specs(a: &[SpecInfo], b: &[SpecInfo]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
}

fn same_maybe(a: Option<&SpecInfo>, b: Option<&SpecInfo>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_same(b),
        (None, None) => true,
        _ => false,
    }
}

fn words_of(value: &impl serde::Serialize) -> String {
    match json!(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn seen(view: &ModelView) -> String {
    let [x0, y0, x1, y1] = view.rect_px.edges();
    let (w, h) = (view.image.width_px, view.image.height_px);
    format!("{x0}, {y0} to {x1}, {y1} of {w} x {h} pixels in {} x {} patches", view.grid.rows, view.grid.cols)
}

impl SpecInfo {
    /// Whether it is the same choice: numbers are compared as numbers, and no name is `plain`.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { name, parameters } = self;
        let plain = |name: &str| if name.is_empty() { "plain" } else { name }.to_owned();
        plain(name) == plain(&other.name)
            && parameters.len() == other.parameters.len()
            && parameters
                .iter()
                .all(|(name, value)| other.parameters.get(name).is_some_and(|found| same_value(value, found)))
    }
}

/// Whether two values are the same: 1 is 1.0, inside of lists and objects too.
fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_value(a, b)))
        }
        _ => a == b,
    }
}

impl Sampling {
    /// What of it makes another answer: where the most probable token is taken, nothing but the penalty does.
    pub fn differing(self, other: Self) -> impl Iterator<Item = RunField> {
        let Self { temperature, top_p, top_k, repetition_penalty, seed, beams, length_penalty } = self;
        let drawn = temperature > 0.0 || other.temperature > 0.0;
        let alike = same_bits(temperature, other.temperature)
            && top_p.map(f64::to_bits) == other.top_p.map(f64::to_bits)
            && (top_k, seed) == (other.top_k, other.seed);
        let penalty = repetition_penalty.to_bits() == other.repetition_penalty.to_bits();
        // One answer is compared with no other.
        let lengths = beams == 1 || same_bits(length_penalty, other.length_penalty);
        let searched = beams == other.beams && lengths;
        let fields = [
            (RunField::Sampling, !drawn || alike),
            (RunField::RepetitionPenalty, penalty),
            (RunField::Beams, searched),
        ];
        fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field)
    }

    fn words(self, field: RunField) -> String {
        let Self { temperature, top_p, top_k, repetition_penalty, seed, beams, length_penalty } = self;
        if field == RunField::RepetitionPenalty {
            return repetition_penalty.to_string();
        }
        if field == RunField::Beams {
            let several = || format!("{beams} beams, length penalty {length_penalty}");
            return if beams == 1 { "1 beam".to_owned() } else { several() };
        }
        if temperature <= 0.0 {
            return "greedy".to_owned();
        }
        let top_p = top_p.map_or_else(String::new, |p| format!(", top p {p}"));
        let top_k = top_k.map_or_else(String::new, |k| format!(", top k {k}"));
        format!("temperature {temperature}{top_p}{top_k}, seed {seed}")
    }
}

/// Equal to the last digit; 0 and -0 are one.
fn same_bits(a: f64, b: f64) -> bool {
    (a + 0.0).to_bits() == (b + 0.0).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Framing, ImageSize, RectPx};
    use crate::trace::RowPrecision;
    use crate::trace::file::tests::sample;

    fn run() -> RunInfo {
        (*sample(RowPrecision::F32).0.run).clone()
    }

    fn fields(a: &RunInfo, b: &RunInfo) -> Vec<RunField> {
        a.differences(b).into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn everything_that_makes_another_run_is_named_once() {
        type Change = fn(&mut RunInfo);
        let changes: [(RunField, Change); 20] = [
            (RunField::Weights, |run| run.weight_hash = "ff".to_owned()),
            (RunField::Photo, |run| run.image_hash = "ff".to_owned()),
            (RunField::Prompt, |run| run.full_prompt.push('?')),
            (RunField::Prompt, |run| run.prompt.push('?')),
            (RunField::Prompt, |run| run.templated = false),
            (RunField::Strategy, |run| run.strategy.name = "vcd".to_owned()),
            (RunField::Strategy, |run| drop(run.strategy.parameters.insert("alpha".to_owned(), 1.into()))),
            (RunField::Interventions, |run| run.interventions.push(run.strategy.clone())),
            (RunField::Methods, |run| run.methods.push(run.strategy.clone())),
            (RunField::Sampling, |run| run.temperature = 0.5),
            (RunField::RepetitionPenalty, |run| run.repetition_penalty = 1.1),
            (RunField::Beams, |run| run.beams = 4),
            (RunField::Prompting, |run| run.prompting = None),
            (RunField::Prompting, |run| {
                if let Some(prompting) = &mut run.prompting {
                    prompting.parameters.insert("kernel".to_owned(), 5.into());
                }
            }),
            (RunField::ForcedIds, |run| run.forced_ids = vec![1]),
            (RunField::Framing, |run| run.preprocessing.framing = Framing::Pad),
            (RunField::Preprocessing, |run| run.preprocessing.rescale_factor = None),
            (RunField::View, |run| run.view.rect_px = RectPx { x0: 0.5, ..run.view.rect_px }),
            (RunField::MaxNewTokens, |run| run.max_new_tokens = 4),
            (RunField::Dtype, |run| run.dtype = "f16".to_owned()),
        ];
        for (idx, (field, change)) in changes.into_iter().enumerate() {
            let mut other = run();
            change(&mut other);
            assert_eq!(fields(&run(), &other), [field], "change {idx}");
            assert_eq!(fields(&other, &run()), [field], "change {idx}, the other way round");
            let is_another = field.makes() == Makes::AnotherQuestion;
            assert_eq!(run().asks_the_same(&other), !is_another, "change {idx}");
            let told = run().differences(&other).pop().expect("one");
            assert_ne!(told.expected, told.found, "change {idx}: both are told");
        }
    }

    #[test]
    fn names_places_and_what_is_of_no_use_make_no_other_run() {
        let changes: [fn(&mut RunInfo); 10] = [
            |run| run.model_id = "elsewhere".to_owned(),
            |run| run.image_path = "/elsewhere/photo.png".to_owned(),
            |run| run.template = Some("{{ text }}".to_owned()),
            |run| run.device = "CUDA 0".to_owned(),
            |run| run.program_version = "9".to_owned(),
            // Where nothing is drawn.
            |run| run.seed = 7,
            |run| run.top_p = Some(0.5),
            |run| run.length_penalty = 2.0,
            |run| run.strategy.parameters.clear(),
            |run| {
                if let Some(prompting) = &mut run.prompting {
                    prompting.parameters.insert("kernel".to_owned(), 3.0.into());
                }
            },
        ];
        for (idx, change) in changes.into_iter().enumerate() {
            let mut other = run();
            change(&mut other);
            assert_eq!(fields(&run(), &other), [], "change {idx}");
        }
        let drawn = RunInfo { temperature: 0.5, ..run() };
        let other = RunInfo { seed: 7, ..drawn.clone() };
        assert_eq!(fields(&drawn, &other), [RunField::Sampling], "a seed counts where tokens are drawn");
        let several = RunInfo { beams: 3, ..run() };
        let other = RunInfo { length_penalty: 2.0, ..several.clone() };
        assert_eq!(fields(&several, &other), [RunField::Beams], "a length penalty counts where answers are compared");
    }

    #[test]
    fn no_field_of_a_run_is_without_a_place() {
        // What the two tests above change, by its name in files.
        let decided = [
            "model_id",
            "weight_hash",
            "image_path",
            "image_hash",
            "prompt",
            "templated",
            "full_prompt",
            "template",
            "strategy",
            "interventions",
            "methods",
            "temperature",
            "top_p",
            "top_k",
            "repetition_penalty",
            "seed",
            "beams",
            "length_penalty",
            "max_new_tokens",
            "prompting",
            "forced_ids",
            "preprocessing",
            "view",
            "device",
            "dtype",
            "program_version",
        ];
        let (beams, length_penalty) = (2, 0.5);
        let all = RunInfo { forced_ids: vec![1], methods: vec![run().strategy], beams, length_penalty, ..run() };
        let json = serde_json::to_value(&all).expect("plain data");
        let names: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, decided, "every field that files have");
    }

    #[test]
    fn one_cause_is_told_once() {
        let mut other = run();
        other.preprocessing.framing = Framing::Pad;
        other.view = ModelView::new(ImageSize { width_px: 9, height_px: 6 }, &other.preprocessing, 2);
        let told = run().differences(&other);
        assert_eq!(told.len(), 1, "the rectangle follows from the framing: {told:?}");
        assert_eq!((told[0].expected.as_str(), told[0].found.as_str()), ("crop", "pad"), "in words");
    }
}
