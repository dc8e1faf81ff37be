//! What every mitigation does to the bundled model on the bundled images: POPE's questions, and CHAIR over its
//! descriptions. Prints the table of `assets/docs/methods.md`: `cargo bench --bench mitigation`.
//!
//! The model is tiny and was trained on drawn scenes; the table says what the methods do here, not what they do to
//! LLaVA.
#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

use gazelens::analysis::chair::{Chair, Extractor, GroundTruth, Lemmatiser};
use gazelens::analysis::pope::{Confusion, scorers};
use gazelens::data::coco::Instances;
use gazelens::data::demo;
use gazelens::data::pope::{Label, Questions};
use gazelens::engine::{
    ATTRIBUTION_TOKENS, AttributionRequest, DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource,
    OpenModel, Prompt, Prompting, Question, RunId, Spec, attribute, run_job,
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
enum Method {
    Strategy(&'static str),
    Api(Source),
}

const METHODS: [(&str, Method); 8] = [
    ("plain", Method::Strategy("plain")),
    ("VCD", Method::Strategy("vcd")),
    ("DAMRO", Method::Strategy("damro")),
    ("ICD", Method::Strategy("icd")),
    ("image-free branch (PAI)", Method::Strategy("pai-cfg")),
    ("M3ID", Method::Strategy("m3id")),
    ("API, demo CLIP", Method::Api(Source::Clip)),
    ("API, the model itself", Method::Api(Source::Llava)),
];

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    // `cargo bench` and `cargo test --benches` hand over flags of their own.
    let models = Models { llava: open(ModelSource::Demo)?, clip: open(ModelSource::DemoClip)? };
    let truth = Truth::new()?;
    println!("| method | POPE accuracy | F1 | yes | changed | CHAIRi | CHAIRs | objects named |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut plain: Vec<String> = Vec::new();
    for (name, method) in &METHODS {
        let (confusion, answers) = pope(&models, method, &truth)?;
        let chair = captions(&models, method, &truth)?;
        if plain.is_empty() {
            plain.clone_from(&answers);
        }
        let changed = answers.iter().zip(&plain).filter(|(a, b)| a != b).count();
        let figures = confusion.figures();
        println!(
            "| {name} | {} | {} | {} | {changed} of {} | {} | {} | {} |",
            percent(figures.accuracy),
            percent(figures.f1),
            percent(figures.yes_ratio),
            answers.len(),
            percent(chair.chair_i()),
            percent(chair.chair_s()),
            percent(chair.recall()),
        );
    }
    Ok(())
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
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
    fn ask(&self, method: &Method, image: &str, words: &str, max_new_tokens: usize) -> Fallible<String> {
        let image = ImageSource::Bundled(image.to_owned());
        let (strategy, prompted) = match method {
            Method::Strategy(name) => (name.parse()?, None),
            Method::Api(source) => (Spec::default(), Some(Arc::new(self.prompting(*source, &image, words)?))),
        };
        let question = Question {
            max_new_tokens,
            strategy,
            prompted,
            ..Question::new(image, Prompt::Templated(words.to_owned()))
        };
        let answer = run_job(&self.llava, RunId(0), &question, &mut |_| {}, &AtomicBool::new(false))?;
        Ok(answer.trace.text().trim().to_owned())
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

/// POPE by the rule of its authors' script.
fn pope(models: &Models, method: &Method, truth: &Truth) -> Fallible<(Confusion, Vec<String>)> {
    let scorer = scorers().first().ok_or("no scorer")?;
    let (mut confusion, mut answers) = (Confusion::default(), Vec::new());
    for question in truth.questions.questions() {
        let answer = models.ask(method, &question.image, &question.text, POPE_TOKENS)?;
        let label: Label = question.label;
        confusion.add(scorer.outcome(&answer, label), label);
        answers.push(answer);
    }
    Ok((confusion, answers))
}

fn captions(models: &Models, method: &Method, truth: &Truth) -> Fallible<Chair> {
    let mut captions = Vec::new();
    for (id, name) in &truth.images {
        captions.push((*id, models.ask(method, name, CAPTION, CAPTION_TOKENS)?));
    }
    let pairs = captions.iter().map(|(id, text)| (*id, text.as_str()));
    Ok(Chair::score(&truth.extractor, &truth.objects, pairs))
}
