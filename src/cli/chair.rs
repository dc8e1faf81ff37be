//! `gazelens chair`: captions of any model, scored by the objects they name.

use super::failure::Failure;
use super::output;
use super::truth_args::ChairArgs;
use crate::analysis::chair::{CaptionScore, Chair, Extractor, GroundTruth, Marked, Status};
use crate::data::chair::GeneratedCaptions;
use crate::data::coco::{Captions, Instances, Problems};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Bad records that are described; the rest is only counted.
const MOST_DESCRIBED: usize = 5;

pub(super) fn run(args: &ChairArgs) -> Result<(), Failure> {
    let extractor = Extractor::new(args.lemmatiser);
    let generated = GeneratedCaptions::read(&args.captions)?;
    let truth = ground_truth(&extractor, args)?;
    for bad in generated.bad.iter().take(MOST_DESCRIBED) {
        output::warning(&format!("{bad}: {}", args.captions.display()));
    }
    if generated.num_bad > MOST_DESCRIBED {
        let total = generated.num_bad;
        output::warning(&format!("{total} records hold no caption in all: {}", args.captions.display()));
    }
    let captions = generated.captions.iter().map(|caption| (caption.image_id, caption.text.as_str()));
    let chair = Chair::score(&extractor, &truth, captions);
    if chair.num_without_truth > 0 {
        output::warning(&format!(
            "{} of {} captions are about images without annotations and take part in no figure: {}",
            chair.num_without_truth,
            chair.captions.len(),
            args.annotations.display()
        ));
    }
    if !truth.unmapped().is_empty() {
        let names: Vec<&str> = truth.unmapped().iter().map(String::as_str).take(MOST_DESCRIBED).collect();
        output::warning(&format!(
            "{} categories are not among CHAIR's 80 and can neither be mentioned nor missed ({}): {}",
            truth.unmapped().len(),
            names.join(", "),
            args.annotations.display()
        ));
    }
    if args.json {
        output::json(&object(&chair, &truth, &extractor, &generated))?;
    } else {
        output::line(&text(&chair, &truth, &extractor))?;
    }
    Ok(())
}

fn ground_truth(extractor: &Extractor, args: &ChairArgs) -> Result<GroundTruth, Failure> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    let cancel = AtomicBool::new(false);
    let mut truth = GroundTruth::new();
    let instances = Instances::open(&args.annotations, &mut |_| {}, &cancel)?;
    tell(instances.problems(), &args.annotations);
    let named = instances.annotations().iter().filter_map(|annotation| {
        let category = instances.category(annotation.category_id)?;
        Some((annotation.image_id, category.name.as_str()))
    });
    truth.add_instances(extractor, instances.images().iter().map(|image| image.id), named);
    if let Some(path) = &args.reference_captions {
        let captions = Captions::open(path, &mut |_| {}, &cancel)?;
        tell(captions.problems(), path);
        let texts = captions.captions().iter().map(|caption| (caption.image_id, caption.text.as_str()));
        truth.add_captions(extractor, texts);
    }
    Ok(truth)
}

fn tell(problems: &Problems, path: &Path) {
    if let Some(first) = problems.listed().first() {
        let total = problems.total();
        output::warning(&format!("{total} records could not be used, the first being {first}: {}", path.display()));
    }
}

fn text(chair: &Chair, truth: &GroundTruth, extractor: &Extractor) -> String {
    let mut text = String::new();
    for caption in &chair.captions {
        let words = |status: Status| -> String {
            let marked = caption.mentions.iter().filter(|marked| marked.status == status);
            let named: Vec<String> =
                marked.map(|Marked { mention, .. }| named(&mention.word, mention.category)).collect();
            named.join(", ")
        };
        let _ = write!(text, "{}", caption.image_id);
        for status in [Status::Hallucinated, Status::Grounded, Status::Unknown] {
            let words = words(status);
            if !words.is_empty() {
                let _ = write!(text, "  {}: {words}", status.id());
            }
        }
        text.push('\n');
    }
    let percent = |figure: Option<f64>| figure.map_or("-".to_owned(), |part| format!("{:.1} %", part * 100.0));
    let len = chair.len().map_or("-".to_owned(), |len| format!("{:.1}", len * 100.0));
    let _ = write!(
        text,
        "CHAIRs {}  CHAIRi {}  recall {}  words a caption {len}\n{} captions, {} without ground truth; ground truth: {}; lemmatiser: {}",
        percent(chair.chair_s()),
        percent(chair.chair_i()),
        percent(chair.recall()),
        chair.num_captions,
        chair.num_without_truth,
        truth.sources(),
        extractor.lemmatiser().id()
    );
    text
}

/// A word, and what it means where that is another.
fn named(word: &str, category: &str) -> String {
    if word == category { word.to_owned() } else { format!("{word} ({category})") }
}

fn object(chair: &Chair, truth: &GroundTruth, extractor: &Extractor, generated: &GeneratedCaptions) -> Value {
    let captions = chair.captions.iter().zip(&generated.captions);
    let captions: Vec<Value> = captions.map(|(score, caption)| one(score, &caption.text)).collect();
    json!({
        "CHAIRs": chair.chair_s(),
        "CHAIRi": chair.chair_i(),
        "recall": chair.recall(),
        "len": chair.len(),
        "num_captions": chair.num_captions,
        "num_captions_without_ground_truth": chair.num_without_truth,
        "num_hallucinated_captions": chair.num_hallucinated_captions,
        "num_mentions": chair.num_mentions,
        "num_hallucinated_mentions": chair.num_hallucinated,
        "num_objects": chair.num_objects,
        "num_recalled_objects": chair.num_recalled,
        "num_bad_records": generated.num_bad,
        "ground_truth": truth.sources(),
        "num_reference_captions": truth.num_reference_captions(),
        "unmapped_categories": truth.unmapped(),
        "lemmatiser": extractor.lemmatiser().id(),
        "captions": captions,
    })
}

fn one(score: &CaptionScore, text: &str) -> Value {
    let mentions: Vec<Value> = score.mentions.iter().map(|marked| mention(marked, text)).collect();
    json!({
        "image_id": score.image_id,
        "caption": text,
        "CHAIRs": score.is_hallucinated().map(u8::from),
        "CHAIRi": score.chair_i(),
        "recall": score.recall(),
        "num_words": score.num_words,
        "objects": score.objects,
        "mentions": mentions,
    })
}

/// Places in bytes, and in characters for languages that count so.
fn mention(Marked { mention, status }: &Marked, text: &str) -> Value {
    let characters = |byte: usize| text.get(..byte).map_or(0, |before| before.chars().count());
    let bytes = [mention.bytes.start, mention.bytes.end];
    json!({
        "text": text.get(mention.bytes.clone()),
        "word": mention.word,
        "category": mention.category,
        "status": status.id(),
        "bytes": bytes,
        "characters": bytes.map(characters),
    })
}
