//! `gazelens chair`: captions of any model, scored by the objects they name.

use super::failure::Failure;
use super::output;
use super::truth_args::ChairArgs;
use crate::analysis::chair::{CaptionScore, Chair, Extractor, GroundTruth, Marked, Status};
use crate::data::chair::{Caption, GeneratedCaptions};
use crate::data::coco::{Captions, Cost, Instances, coco_image_id};
use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Names that are given as examples.
const MOST_NAMED: usize = 5;

pub(super) fn run(args: &ChairArgs) -> Result<(), Failure> {
    let extractor = Extractor::new(args.lemmatiser);
    let generated = GeneratedCaptions::read(&args.captions)?;
    let instances = instances(&args.annotations)?;
    let truth = ground_truth(&extractor, &instances, args.reference_captions.as_deref())?;
    output::problems(&generated.problems, &[Cost::Record], &args.captions);
    let ids = image_ids(&generated.captions, &instances, &args.captions);
    let texts = generated.captions.iter().map(|caption| caption.text.as_str());
    let chair = Chair::score(&extractor, &truth, ids.into_iter().zip(texts));
    let (annotations, total) = (args.annotations.display(), chair.captions.len());
    if chair.is_empty() {
        return Err(Failure::from(match total {
            1 => anyhow!("The only caption is about an image without annotations: {annotations}"),
            _ => anyhow!("None of {total} captions is about an image with annotations: {annotations}"),
        }));
    }
    if chair.num_without_truth > 0 {
        let without = match chair.num_without_truth {
            1 => "is about an image without annotations and takes",
            _ => "are about images without annotations and take",
        };
        let part = format!("{} of {total} captions {without} part in no figure", chair.num_without_truth);
        output::warning(&format!("{part}: {annotations}"));
    }
    let names: Vec<&str> = truth.unmapped().iter().map(String::as_str).take(MOST_NAMED).collect();
    if !names.is_empty() {
        let are = match truth.unmapped().len() {
            1 => "1 category is".to_owned(),
            len => format!("{len} categories are"),
        };
        output::warning(&format!(
            "{are} not among CHAIR's 80 and can neither be mentioned nor missed ({}): {annotations}",
            names.join(", ")
        ));
    }
    if args.json {
        output::json(&object(&chair, &truth, &extractor, &generated))?;
    } else {
        output::line(&text(&chair, &truth, &extractor))?;
    }
    Ok(())
}

/// Annotations with at least one object.
pub(super) fn instances(annotations: &Path) -> anyhow::Result<Instances> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    let instances = Instances::open(annotations, &mut |_| {}, &AtomicBool::new(false))?;
    output::problems(instances.problems(), &[Cost::Record, Cost::Nothing], annotations);
    if instances.named_objects().next().is_none() {
        bail!("Expected at least one annotation, found an empty list `annotations`: {}", annotations.display());
    }
    Ok(instances)
}

/// What is in their images, by these and by captions of people.
pub(super) fn ground_truth(
    extractor: &Extractor,
    instances: &Instances,
    reference_captions: Option<&Path>,
) -> anyhow::Result<GroundTruth> {
    let mut truth = GroundTruth::new();
    // Of an image whose objects were all left out nobody knows what it shows.
    let images = instances.images().iter().map(|image| image.id).filter(|id| instances.says_what_is_in(*id));
    truth.add_instances(extractor, images, instances.named_objects());
    if let Some(path) = reference_captions {
        let captions = Captions::open(path, &mut |_| {}, &AtomicBool::new(false))?;
        output::problems(captions.problems(), &[Cost::Record], path);
        if captions.captions().is_empty() {
            output::warning(&format!("The reference captions are an empty list: {}", path.display()));
        }
        let texts = captions.captions().iter().map(|caption| (caption.image_id, caption.text.as_str()));
        truth.add_captions(extractor, texts);
    }
    if !truth.has_objects() {
        let which = match truth.unmapped().len() {
            1 => "The only category is not".to_owned(),
            len => format!("None of {len} categories is"),
        };
        let example = truth.unmapped().first().map_or("", String::as_str);
        bail!("{which} among CHAIR's 80 (such as {example}): {}", instances.path().display());
    }
    Ok(truth)
}

/// The number of each caption's image: the one that the annotations give to a file of that name, else the one in the
/// name.
fn image_ids(captions: &[Caption], instances: &Instances, path: &Path) -> Vec<u64> {
    let named = captions.iter().any(|caption| caption.image_name.is_some());
    let of_name = if named { ids_by_name(instances) } else { HashMap::new() };
    let mut guessed: Vec<&str> = Vec::new();
    let ids = captions.iter().map(|caption| {
        let Some(name) = caption.image_name.as_deref() else { return caption.image_id };
        let known = [name, file_of(name)].into_iter().find_map(|name| of_name.get(name).copied().flatten());
        if known.is_none() && coco_image_id(name).is_none() {
            guessed.push(name);
        }
        known.unwrap_or(caption.image_id)
    });
    let ids = ids.collect();
    if let Some(first) = guessed.first() {
        let are = match guessed.len() {
            1 => "1 caption names a photo that the annotations do not list".to_owned(),
            len => format!("{len} captions name photos that the annotations do not list"),
        };
        output::warning(&format!("{are} (such as {first}); the last number in the name counts: {}", path.display()));
    }
    ids
}

/// Numbers by the names of files, with folders and without; `None` for a name of several.
fn ids_by_name(instances: &Instances) -> HashMap<&str, Option<u64>> {
    let mut of_name: HashMap<&str, Option<u64>> = HashMap::new();
    for image in instances.images() {
        let (name, file) = (image.file_name.as_str(), file_of(&image.file_name));
        for name in std::iter::once(name).chain((file != name).then_some(file)) {
            of_name.entry(name).and_modify(|id| *id = None).or_insert(Some(image.id));
        }
    }
    of_name
}

/// A name without folders, whichever system wrote it.
fn file_of(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
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
        "CHAIRs {}  CHAIRi {}  recall {}  words a caption {len}\n{} {}, {} without ground truth; ground truth: {}; \
            lemmatiser: {}",
        percent(chair.chair_s()),
        percent(chair.chair_i()),
        percent(chair.recall()),
        chair.num_captions,
        if chair.num_captions == 1 { "caption" } else { "captions" },
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
        "num_bad_records": generated.problems.total(),
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
