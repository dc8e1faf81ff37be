//! `gazelens heads`: heads ranked by what hallucinated words owe them, for the method `ad-hh`.

use super::failure::Failure;
use super::truth_args::{HEADS_PROMPT, HeadsArgs};
use super::{chair, endings, inputs, output, source};
use crate::analysis::TokenRef;
use crate::analysis::chair::{Extractor, Lemmatiser, Status, mark, tokens_of};
use crate::engine::{
    HeadRanking, ImageSource, JudgedWord, OpenModel, Prompt, Question, RunId, WordPlace, rank_heads, run_job,
};
use crate::files::{self, Outputs};
use anyhow::anyhow;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

/// Many times what anyone would judge.
const MOST_BYTES: u64 = 256 << 20;
/// Share of the published list among the heads of its model.
const PUBLISHED_SHARE: [usize; 2] = [20, 32 * 32];

pub(super) fn run(args: &HeadsArgs) -> Result<(), Failure> {
    let mut request = source::load_request(&args.model)?;
    let mut outputs = Outputs::default();
    let files = [&args.words.annotations, &args.words.words, &args.reference_captions];
    for (flag, file) in ["--annotations", "--words", "--reference-captions"].iter().zip(files) {
        outputs.reads_all(flag, file);
    }
    inputs::model(&mut outputs, &request);
    let out = outputs.claim("--out", &args.out)?;
    endings::expect("--out", &args.out, &["json"])?;
    let mut words = args.words.words.as_deref().map_or_else(|| Ok(Vec::new()), |path| read(path, &args.images))?;
    let photos = args.words.annotations.as_deref().map_or_else(|| Ok(Vec::new()), |path| photos(path, args))?;
    let images = words.iter().map(|word| &word.image).chain(photos.iter().map(|photo| &photo.path));
    outputs.reads_all("a photo of --images", images);
    source::fetch(&mut request)?;
    inputs::model(&mut outputs, &request);
    outputs.check()?;
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    let model = OpenModel::open(&request, &mut |_, _| {}, &cancel)?;
    let about = [&args.words.annotations, &args.words.words].into_iter().flatten().next();
    for (idx, photo) in photos.iter().enumerate() {
        words.extend(described(&model, photo, args)?);
        output::note(&format!("{} of {} photos described", idx + 1, photos.len()));
    }
    let mut progress = |done: usize| output::note(&format!("{done} of {} words", words.len()));
    let ranking = rank_heads(&model, &words, &mut progress, &cancel).map_err(|err| {
        let failure = Failure::from(err);
        about.into_iter().fold(failure, |failure, path| failure.about_file(path))
    })?;
    let [layers, heads] = ranking.shape;
    let [part, of] = PUBLISHED_SHARE;
    let top = args.top.unwrap_or_else(|| (layers * heads * part).div_ceil(of));
    let listed: Vec<String> = ranking.order().iter().take(top).map(|(layer, head)| format!("{layer}.{head}")).collect();
    let info = model.info();
    let object = json!({
        "format": "gazelens-heads",
        "version": 1,
        "method": "ad-hh",
        "heads": listed,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "scores": ranking.scores.chunks(heads.max(1)).collect::<Vec<_>>(),
        "standard_errors": ranking.standard_errors.as_ref().map(|all| all.chunks(heads.max(1)).collect::<Vec<_>>()),
        "num_hallucinated_words": ranking.num_words[0],
        "num_grounded_words": ranking.num_words[1],
        "num_photos": ranking.num_photos,
        "ranked_by": about.and_then(|path| path.file_name()).map(|name| name.to_string_lossy()),
        "prompt": args.words.annotations.as_ref().map(|_| &args.prompt),
        "max_new_tokens": args.words.annotations.as_ref().map(|_| args.max_new_tokens),
        "model": info.id,
        "weight_hash": info.weight_hash,
        "program": format!("gazelens {}", env!("CARGO_PKG_VERSION")),
    });
    let text = serde_json::to_string(&object).map_err(anyhow::Error::from)?;
    let written = outputs.write_bytes(out, format!("{text}\n").as_bytes());
    written.and_then(|()| outputs.commit())?;
    Ok(output::line(&summary(&ranking, &listed))?)
}

fn summary(ranking: &HeadRanking, listed: &[String]) -> String {
    let HeadRanking { shape: [layers, heads], num_words: [hallucinated, grounded], num_photos, .. } = ranking;
    let photos = if *num_photos == 1 { "1 photo".to_owned() } else { format!("{num_photos} photos") };
    let words = format!("{hallucinated} hallucinated and {grounded} grounded words of {photos}");
    let listed_heads = if listed.is_empty() { "none scores above 0".to_owned() } else { listed.join("+") };
    format!("{} of {layers} x {heads} heads by {words}: {listed_heads}", listed.len())
}

/// The object words of a text: where they are, and whether they are hallucinated.
type Judge = dyn Fn(&str) -> Vec<(Range<usize>, bool)>;

/// A photo that annotations know.
struct Described {
    path: PathBuf,
    judge: Box<Judge>,
}

/// The photos of annotations that are in the folder, in the order of the annotations.
fn photos(annotations: &Path, args: &HeadsArgs) -> Result<Vec<Described>, Failure> {
    let extractor = Rc::new(Extractor::new(Lemmatiser::Vocabulary));
    let instances = chair::instances(annotations)?;
    let truth = chair::ground_truth(&extractor, &instances, args.reference_captions.as_deref())?;
    let truth = Rc::new(truth);
    let known = instances.images().iter().filter(|image| !image.file_name.is_empty());
    let found = known.filter_map(|image| {
        let name = image.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        let path = [image.file_name.as_str(), name].map(|name| args.images.join(name));
        let path = path.into_iter().find(|path| path.is_file())?;
        let (extractor, truth, id) = (extractor.clone(), truth.clone(), image.id);
        let judge = move |text: &str| {
            let marked = mark(&extractor, text, truth.objects(id)).into_iter();
            let judged = marked.filter(|marked| marked.status != Status::Unknown);
            judged.map(|marked| (marked.mention.bytes, marked.status == Status::Hallucinated)).collect()
        };
        Some(Described { path, judge: Box::new(judge) })
    });
    let found: Vec<Described> = found.collect();
    if found.is_empty() {
        let images = args.images.display();
        return Err(anyhow!("Expected photos of {} in the folder, found none: {images}", annotations.display()).into());
    }
    Ok(found)
}

/// The judged words of what a model says of a photo, if one of them is hallucinated.
fn described(model: &OpenModel, photo: &Described, args: &HeadsArgs) -> Result<Vec<JudgedWord>, Failure> {
    let (image, prompt) = (ImageSource::Path(photo.path.clone()), Prompt::Templated(args.prompt.clone()));
    let question = Question { max_new_tokens: args.max_new_tokens, ..Question::new(image, prompt.clone()) };
    let answer = run_job(model, RunId(0), &question, &mut |_| {}, &AtomicBool::new(false));
    let trace = answer.map_err(|err| Failure::from(err).about_file(&photo.path))?.trace;
    let ids: Vec<u32> = trace.output.iter().map(|token| token.id).collect();
    let judged = (photo.judge)(&trace.text());
    if !judged.iter().any(|(_, is_hallucinated)| *is_hallucinated) {
        return Ok(Vec::new());
    }
    let words = judged.into_iter().filter_map(|(bytes, is_hallucinated)| {
        let first = tokens_of(&trace, &bytes).tokens().iter().find_map(|token| match token {
            TokenRef::Output(idx) => Some(*idx),
            TokenRef::Prompt(_) => None,
        })?;
        let place = WordPlace::Tokens(ids.get(..=first)?.to_vec());
        Some(JudgedWord { image: photo.path.clone(), prompt: prompt.clone(), place, is_hallucinated })
    });
    Ok(words.collect())
}

/// JSON lines with `image`, `answer`, `word`, `hallucinated` and `question`.
fn read(path: &Path, images: &Path) -> Result<Vec<JudgedWord>, Failure> {
    let shown = path.display();
    let bytes = files::read(path, MOST_BYTES).map_err(|err| anyhow!("Cannot open {shown}: {}", files::reason(&err)))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("Expected judged words as text: {shown}"))?;
    let mut words = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line)
            .map_err(|_| anyhow!("Expected a JSON object in line {number}, found something else: {shown}"))?;
        let text = |key: &str| {
            let found = value.get(key).and_then(Value::as_str);
            found.ok_or_else(|| anyhow!("Expected `{key}` as text in line {number}, found none: {shown}"))
        };
        let is_hallucinated = value.get("hallucinated").and_then(Value::as_bool);
        let expected = || anyhow!("Expected `hallucinated` as true or false in line {number}, found neither: {shown}");
        let question = value.get("question").and_then(Value::as_str).unwrap_or(HEADS_PROMPT);
        words.push(JudgedWord {
            image: images.join(text("image")?),
            prompt: Prompt::Templated(question.to_owned()),
            place: WordPlace::Text { before: text("answer")?.to_owned(), word: text("word")?.to_owned() },
            is_hallucinated: is_hallucinated.ok_or_else(expected)?,
        });
    }
    if words.is_empty() {
        return Err(anyhow!("Expected judged words, a JSON object a line, found an empty file: {shown}").into());
    }
    Ok(words)
}
