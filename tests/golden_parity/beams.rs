//! Beam search finds what transformers finds (`tests/golden/beams.py`).

use crate::{golden_folder, open, question};
use gazelens::engine::{
    Answer, Event, ImageSource, ModelSource, OpenModel, Prompt, Question, RunId, Sampling, run_job,
};
use gazelens::trace::RowPrecision;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Sums of some dozen log-probabilities in f32 there.
const SCORE_BOUND: f64 = 1e-4;

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(golden_folder().join("beams.json")).expect("a golden file");
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    serde_json::from_value(file["cases"].take()).expect("a list")
}

/// The checkpoint with other ids that end an answer.
pub(crate) fn copy_with_stops(name: &str, stops: &Value, folder: &Path) -> PathBuf {
    let to = folder.join(format!("{name} {stops}"));
    std::fs::create_dir(&to).expect("a new folder");
    for entry in std::fs::read_dir(golden_folder().join(name).join("checkpoint")).expect("a checkpoint") {
        let from = entry.expect("an entry").path();
        std::fs::copy(&from, to.join(from.file_name().expect("a file"))).expect("a copy");
    }
    let generation = json!({"bos_token_id": 1, "eos_token_id": stops});
    std::fs::write(to.join("generation_config.json"), generation.to_string()).expect("a file");
    to
}

fn asked(case: &Value) -> Question {
    let image = match (case["checkpoint"].as_str(), case["image"].as_str()) {
        (Some(name), _) => ImageSource::Path(golden_folder().join(name).join("photo.png")),
        (None, Some(image)) => ImageSource::Bundled(image.to_owned()),
        (None, None) => panic!("no photo in {case}"),
    };
    let words = case["raw_prompt"].as_str().expect("a prompt").to_owned();
    let count = |name: &str| usize::try_from(case[name].as_u64().expect("a count")).expect("small");
    let number = |name: &str| case[name].as_f64().expect("a number");
    #[expect(clippy::cast_possible_truncation, reason = "a number of two digits")]
    let repetition_penalty = number("repetition_penalty") as f32;
    let sampling = Sampling {
        beams: count("beams"),
        length_penalty: number("length_penalty"),
        repetition_penalty,
        ..Sampling::default()
    };
    let mut question = question(image, Prompt::Raw(words), count("max_new_tokens"));
    question.record.logits = false;
    Question { sampling, ..question }
}

/// An answer, and what a window would show at its end.
pub(crate) fn told(model: &OpenModel, question: &Question) -> (Answer, Vec<u32>, usize) {
    let (mut shown, mut num_rewinds) = (Vec::new(), 0);
    let mut emit = |event| match event {
        Event::Token(_, token, row) => {
            assert!(row.is_some(), "every token has its row");
            shown.push(token.id);
        }
        Event::Rewind(_, len) => {
            assert!(len < shown.len(), "something is taken back");
            num_rewinds += 1;
            shown.truncate(len);
        }
        _ => {}
    };
    let answer = run_job(model, RunId(1), question, &mut emit, &AtomicBool::new(false)).expect("an answer");
    (answer, shown, num_rewinds)
}

#[test]
fn beams_are_those_of_transformers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut models: BTreeMap<String, OpenModel> = BTreeMap::new();
    let (mut worst, mut num_rewinds, mut covered) = (0_f64, 0, BTreeSet::new());
    for case in cases() {
        let source = || match case["checkpoint"].as_str() {
            Some(name) => ModelSource::Folder(copy_with_stops(name, &case["stop_token_ids"], folder.path())),
            None => ModelSource::Demo,
        };
        let key = format!("{} {}", case["checkpoint"], case["stop_token_ids"]);
        let model = models.entry(key).or_insert_with(|| open(source()));
        let question = asked(&case);
        let (answer, shown, rewinds) = told(model, &question);
        let output = &answer.trace.output;
        let ids: Vec<u32> = output.iter().map(|token| token.id).collect();
        assert_eq!(json!(ids), case["ids"], "{case}");
        assert_eq!(shown, ids, "what was told, with what was taken back: {case}");
        assert_eq!(answer.trace.decoder_attention.len(), ids.len(), "a row for every token");
        num_rewinds += rewinds;
        covered.insert((question.sampling.beams, question.sampling.length_penalty.to_bits()));
        if question.sampling.repetition_penalty.to_bits() == 1_f32.to_bits() {
            let sum: f64 = output.iter().map(|token| f64::from(token.logprob)).sum();
            let score = sum / (ids.len() as f64).powf(question.sampling.length_penalty);
            let off = (score - case["score"].as_f64().expect("a score")).abs();
            assert!(off < SCORE_BOUND, "the score is off by {off}: {case}");
            worst = worst.max(off);
        }
    }
    assert_eq!(covered.len(), 16, "every width with every length penalty");
    assert!(num_rewinds > 0, "another beam takes the lead somewhere");
    println!("scores differ by {worst:.1e} at most, {num_rewinds} rewinds");
}

/// The rows and numbers of the beam that stands are those of the same tokens decoded alone.
#[test]
fn the_beam_that_stands_is_seen_as_if_it_were_written_alone() {
    let model = open(ModelSource::Demo);
    let case = cases().into_iter().rfind(|case| case["checkpoint"].is_null() && case["beams"] == 4).expect("one");
    let question = asked(&case);
    assert_eq!(question.record.precision, RowPrecision::F32, "unrounded");
    let (answer, _, _) = told(&model, &question);
    let ids: Vec<u32> = answer.trace.output.iter().map(|token| token.id).collect();
    let mut alone = Question { sampling: Sampling::default(), ..question.clone() };
    alone.fork = Some(gazelens::engine::Fork { ids: ids.clone(), known: None });
    alone.max_new_tokens = ids.len() + 1;
    // Another one: what is kept of a prompt is read in another pass, whose last digits differ.
    let (forced, _, _) = told(&open(ModelSource::Demo), &alone);
    assert_eq!(
        forced.trace.output[..ids.len()],
        answer.trace.output,
        "log-probabilities, entropies and candidates to the bit"
    );
    for (t, (found, expected)) in answer.trace.decoder_attention.iter().zip(&forced.trace.decoder_attention).enumerate()
    {
        assert_eq!(found.to_f32(), expected.to_f32(), "row {t} to the bit");
    }
    let run = &answer.trace.run;
    assert_eq!((run.beams, run.length_penalty), (4, question.sampling.length_penalty), "the trace says how");
}
