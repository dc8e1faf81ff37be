//! What every mitigation does to the bundled model on the bundled images: POPE's questions, and CHAIR over its
//! descriptions, with intervals over photos; how fast methods are says `gazelens bench --method`. Prints the tables of
//! `assets/docs/methods.md`: `cargo bench --bench mitigation`.
//!
//! The model is tiny and was trained on drawn scenes; the table says what the methods do here, not what they do to
//! LLaVA.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark reports as it goes")]

use gazelens::analysis::chair::{Chair, Extractor, GroundTruth, Lemmatiser};
use gazelens::analysis::pope::{Confusion, scorers};
use gazelens::data::coco::Instances;
use gazelens::data::demo;
use gazelens::data::pope::{Label, Questions};
use gazelens::engine::{
    ATTRIBUTION_TOKENS, Answer, AttributionRequest, DevicePreference, DtypePreference, ImageSource, LoadRequest,
    ModelSource, OpenModel, Prompt, Prompting, Question, RunId, Spec, attribute, catalog, run_job,
};
use gazelens::prompting::{PromptOptions, Source};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Enough for a yes or a no.
const POPE_TOKENS: usize = 4;
/// More than any description of the model has.
const CAPTION_TOKENS: usize = 128;
const CAPTION: &str = "Describe this image in detail.";

/// What is done to an answer.
enum How {
    Method(String),
    Api(Source),
}

/// Values for what has no default on a model of 4 layers of 4 heads and 128 dimensions.
const GIVEN: [(&str, &str); 3] = [
    // Published heads lie in the upper half of the layers: here all of it.
    ("ad-hh", "heads=2.0+2.1+2.2+2.3+3.0+3.1+3.2+3.3"),
    // The two dimensions that stand out furthest, which is 5 and not 20 times the root of the mean square.
    ("var", "dims=116+126,tau=4"),
    ("vti", "directions=demo"),
];
/// Needs patches that somebody chose; changes nothing.
const LEFT_OUT: [&str; 2] = ["knockout", "base-rank"];

/// Every method of the registry, and attention prompting.
fn rows() -> Vec<(String, How)> {
    let catalog = catalog();
    let ids = catalog.methods.iter().map(|entry| entry.id).filter(|id| !LEFT_OUT.contains(id));
    let methods = ids.map(|id| {
        let given = GIVEN.iter().find(|(of, _)| *of == id);
        let spec = given.map_or_else(|| id.to_owned(), |(_, given)| format!("{id}:{given}"));
        (format!("`{id}`"), How::Method(spec))
    });
    let api = [("API, demo CLIP", Source::Clip), ("API, the model itself", Source::Llava)];
    methods.chain(api.map(|(name, source)| (name.to_owned(), How::Api(source)))).collect()
}

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    // `cargo bench` and `cargo test --benches` hand over flags of their own.
    let models = Models { llava: open(ModelSource::Demo)?, clip: open(ModelSource::DemoClip)? };
    let truth = Truth::new()?;
    let draws = Draws::new(truth.images.len());
    let mut pope_table = vec!["| method | accuracy | F1 | yes | answers changed |".to_owned()];
    let mut caption_table = vec!["| method | CHAIRi | CHAIRs | objects named | words |".to_owned()];
    pope_table.push("| --- | --- | --- | --- | --- |".to_owned());
    caption_table.push("| --- | --- | --- | --- | --- |".to_owned());
    let (mut plain_pope, mut plain_captions) = (None, None);
    for (name, how) in rows() {
        let asked = pope(&models, &how, &truth)?;
        let described = captions(&models, &how, &truth)?;
        let (plain_asked, plain_described) =
            (plain_pope.get_or_insert_with(|| asked.clone()), plain_captions.get_or_insert_with(|| described.clone()));
        let changed = asked.answers.iter().zip(&plain_asked.answers).filter(|(a, b)| a != b).count();
        let figure = |of: fn(&Confusion) -> Option<f64>| {
            draws.cell(&asked.photos, &plain_asked.photos, |photos| of(&together(photos)))
        };
        pope_table.push(format!(
            "| {name} | {} | {} | {} | {changed} |",
            figure(|all| all.figures().accuracy),
            figure(|all| all.figures().f1),
            figure(|all| all.figures().yes_ratio)
        ));
        let share = |part: fn(&Description) -> usize, whole: fn(&Description) -> usize| {
            draws.cell(&described, plain_described, |photos| {
                let sum = |of: fn(&Description) -> usize| photos.iter().map(|photo| of(photo)).sum::<usize>() as f64;
                Some(sum(part) / sum(whole)).filter(|share| share.is_finite())
            })
        };
        let words: usize = described.iter().map(|photo| photo.words).sum();
        caption_table.push(format!(
            "| {name} | {} | {} | {} | {:.1} |",
            share(|photo| photo.hallucinated, |photo| photo.mentions),
            share(|photo| usize::from(photo.hallucinated > 0), |_| 1),
            share(|photo| photo.recalled, |photo| photo.objects),
            words as f64 / described.len() as f64
        ));
        eprintln!("{name}: done");
    }
    println!("{}\n\n{}", pope_table.join("\n"), caption_table.join("\n"));
    Ok(())
}

/// Photos drawn with replacement, the same for every method: 95 % intervals with the photo as the unit.
struct Draws(Vec<Vec<usize>>);

impl Draws {
    const NUM: usize = 2000;
    const SEED: u64 = 16;

    fn new(num_photos: usize) -> Self {
        let mut state = Self::SEED;
        // SplitMix64.
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        let mut draw =
            || (0..num_photos).map(|_| usize::try_from(next() % num_photos.max(1) as u64).unwrap_or(0)).collect();
        Self((0..Self::NUM).map(|_| draw()).collect())
    }

    /// A figure with its interval in percent; bold where that of its difference from plain decoding leaves 0 out.
    fn cell<T>(&self, photos: &[T], plain: &[T], figure: impl Fn(&[&T]) -> Option<f64>) -> String {
        let Some(all) = figure(&photos.iter().collect::<Vec<_>>()) else { return "-".to_owned() };
        let drawn = |photos: &[T], draw: &[usize]| {
            let drawn: Vec<&T> = draw.iter().filter_map(|idx| photos.get(*idx)).collect();
            figure(&drawn)
        };
        let ours: Vec<Option<f64>> = self.0.iter().map(|draw| drawn(photos, draw)).collect();
        let theirs = self.0.iter().map(|draw| drawn(plain, draw));
        let differences = ours.iter().zip(theirs).filter_map(|(ours, plain)| Some((*ours)? - plain?)).collect();
        let [low, high] = middle(ours.iter().copied().flatten().collect());
        let [least, most] = middle(differences);
        let mark = if least > 0.0 || most < 0.0 { "**" } else { "" };
        format!("{mark}{:.1} %{mark} ({:.1} to {:.1})", 100.0 * all, 100.0 * low, 100.0 * high)
    }
}

/// The percentiles 2.5 and 97.5.
fn middle(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_unstable_by(f64::total_cmp);
    // In thousandths, to the nearest.
    let at = |thousandths: usize| {
        let place = (thousandths * values.len().saturating_sub(1) + 500) / 1000;
        values.get(place).copied().unwrap_or(0.0)
    };
    [at(25), at(975)]
}

struct Models {
    llava: OpenModel,
    clip: OpenModel,
}

fn open(source: ModelSource) -> Fallible<OpenModel> {
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    Ok(OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false))?)
}

impl Models {
    fn ask(&self, how: &How, image: &str, words: &str, max_new_tokens: usize) -> Fallible<Answer> {
        let image = ImageSource::Bundled(image.to_owned());
        let (methods, prompted) = match how {
            How::Method(spec) => (vec![spec.parse::<Spec>()?], None),
            How::Api(source) => (Vec::new(), Some(Arc::new(self.prompting(*source, &image, words)?))),
        };
        let question =
            Question { max_new_tokens, methods, prompted, ..Question::new(image, Prompt::Templated(words.to_owned())) };
        Ok(run_job(&self.llava, RunId(0), &question, &mut |_| {}, &AtomicBool::new(false))?)
    }

    /// The published way: the query is the question itself.
    fn prompting(&self, source: Source, image: &ImageSource, words: &str) -> Fallible<Prompting> {
        let request = AttributionRequest {
            source,
            image: image.clone(),
            query: words.to_owned(),
            object: None,
            framing: None,
            max_new_tokens: ATTRIBUTION_TOKENS,
        };
        let model = if source == Source::Clip { &self.clip } else { &self.llava };
        let attributed = attribute(model, &request, &AtomicBool::new(false))?;
        Ok(Prompting {
            attribution: attributed.attribution,
            model_id: model.info().id.clone(),
            weight_hash: model.info().weight_hash.clone(),
            query: words.to_owned(),
            options: PromptOptions::default(),
        })
    }
}

struct Truth {
    questions: Questions,
    extractor: Extractor,
    objects: GroundTruth,
    /// Number and name of every image.
    images: Vec<(u64, String)>,
}

impl Truth {
    fn new() -> Fallible<Self> {
        let questions = Questions::from_bytes(demo::QUESTIONS.as_bytes(), Path::new("the bundled questions"))?;
        let instances = Instances::from_bytes(demo::INSTANCES.as_bytes(), Path::new("the bundled annotations"))?;
        let extractor = Extractor::new(Lemmatiser::default());
        let mut objects = GroundTruth::new();
        let named = instances.annotations().iter().filter_map(|annotation| {
            let category = instances.category(annotation.category_id)?;
            Some((annotation.image_id, category.name.as_str()))
        });
        objects.add_instances(&extractor, instances.images().iter().map(|image| image.id), named);
        let images = instances.images().iter().map(|image| (image.id, image.file_name.clone())).collect();
        Ok(Self { questions, extractor, objects, images })
    }
}

/// What was answered to POPE's questions.
#[derive(Clone)]
struct Asked {
    /// Per photo.
    photos: Vec<Confusion>,
    answers: Vec<String>,
}

/// Counts of several photos.
fn together(photos: &[&Confusion]) -> Confusion {
    let sum = |of: fn(&Confusion) -> u64| photos.iter().map(|photo| of(photo)).sum();
    Confusion {
        true_positives: sum(|photo| photo.true_positives),
        false_positives: sum(|photo| photo.false_positives),
        true_negatives: sum(|photo| photo.true_negatives),
        false_negatives: sum(|photo| photo.false_negatives),
        excluded: sum(|photo| photo.excluded),
    }
}

/// POPE by the rule of its authors' script.
fn pope(models: &Models, how: &How, truth: &Truth) -> Fallible<Asked> {
    let scorer = scorers().first().ok_or("no scorer")?;
    let (mut photos, mut answers) = (vec![Confusion::default(); truth.images.len()], Vec::new());
    for question in truth.questions.questions() {
        let answer = models.ask(how, &question.image, &question.text, POPE_TOKENS)?.trace.text().trim().to_owned();
        let label: Label = question.label;
        let photo = photos.iter_mut().zip(&truth.images).find(|(_, (_, name))| *name == question.image);
        photo.ok_or("a question about another image")?.0.add(scorer.outcome(&answer, label), label);
        answers.push(answer);
    }
    Ok(Asked { photos, answers })
}

/// What was said about a photo.
#[derive(Clone)]
struct Description {
    mentions: usize,
    hallucinated: usize,
    objects: usize,
    recalled: usize,
    words: usize,
}

fn captions(models: &Models, how: &How, truth: &Truth) -> Fallible<Vec<Description>> {
    let mut captions = Vec::new();
    for (id, name) in &truth.images {
        let answer = models.ask(how, name, CAPTION, CAPTION_TOKENS)?;
        captions.push((*id, answer.trace.text().trim().to_owned()));
    }
    let pairs = captions.iter().map(|(id, text)| (*id, text.as_str()));
    let chair = Chair::score(&truth.extractor, &truth.objects, pairs);
    let photos = chair.captions.iter().map(|caption| Description {
        mentions: caption.mentions.len(),
        hallucinated: caption.num_hallucinated(),
        objects: caption.objects.as_ref().map_or(0, std::collections::BTreeSet::len),
        recalled: caption.num_recalled(),
        words: caption.num_words,
    });
    Ok(photos.collect())
}
