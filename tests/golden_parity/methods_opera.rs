//! OPERA's search is what PyTorch computes without any cache (`tests/golden/methods_opera.py`), and what must hold of
//! it whatever the numbers.

use crate::beams::{copy_with_stops, told};
use crate::compare::{expect_rows, largest_difference};
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use gazelens::engine::{Fork, ImageSource, ModelSource, OpenModel, Prompt, Question, RunId, run_job};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Of two orders of the same sums.
const CLOSE: f32 = 1e-5;

fn golden() -> Golden {
    Golden::open(&golden_folder().join("methods_opera.safetensors"))
}

fn word<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("no {name} in {case}"))
}

fn photo(checkpoint: &str) -> ImageSource {
    ImageSource::Path(golden_folder().join(checkpoint).join("photo.png"))
}

fn asked(case: &Value) -> Question {
    let most = usize::try_from(case["max_new_tokens"].as_u64().expect("a count")).expect("small");
    let prompt = Prompt::Raw(word(case, "raw_prompt").to_owned());
    let mut asked = question(photo(word(case, "checkpoint")), prompt, most);
    asked.methods = vec![word(case, "spec").parse().expect("a SPEC")];
    asked
}

fn model(case: &Value, folder: &Path) -> OpenModel {
    let checkpoint = word(case, "checkpoint");
    let own = folder.join(word(case, "name"));
    std::fs::create_dir_all(&own).expect("a folder");
    open(ModelSource::Folder(copy_with_stops(checkpoint, &case["stop_token_ids"], &own)))
}

/// What a token's note says is what the reference did.
fn expect_note(note: &str, expected: &Value, what: &str) {
    let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{what}: {note}"));
    let close = |found: f64, expected: f64| (found - expected).abs() <= 6e-3 * expected.abs().max(0.1);
    if let Some(count) = expected[1].as_u64().filter(|_| expected[0].is_array()) {
        let words = format!("chosen again without {count} of the beams' tokens");
        assert!(note.starts_with("rolled back to token ") && note.ends_with(&words), "{what}: {note}, not {count}");
    } else if let Some(place) = expected[1].as_u64() {
        let (score, at) = note.trim_start_matches("column score ").split_once(" at token ").expect(note);
        assert_eq!(at, place.to_string(), "{what}: {note}");
        let found = number(score);
        let expected = expected[0].as_f64().expect("a score");
        assert!((found - expected).abs() <= 6e-3 * expected, "{what}: {note}, not {expected}");
    } else {
        let share = note.split(' ').next().unwrap_or_default();
        assert!(close(number(share), expected[0].as_f64().expect("a share")), "{what}: {note}, not {expected}");
    }
}

#[test]
fn opera_searches_as_pytorch_does() {
    let (golden, folder) = (golden(), tempfile::tempdir().expect("a temporary folder"));
    let (mut checkpoints, mut num_slots) = (BTreeSet::new(), 0);
    for case in golden.list("cases") {
        let what = format!("{} {}", word(case, "checkpoint"), word(case, "name"));
        let own = folder.path().join(word(case, "checkpoint"));
        let model = model(case, &own);
        // The second time what was read is kept.
        for _ in 0..2 {
            let (answer, shown, num_rewinds) = told(&model, &asked(case));
            let tensor = |name: &str| format!("{}/{}/{name}", word(case, "checkpoint"), word(case, "name"));
            let ids: Vec<i64> = answer.trace.output.iter().map(|token| i64::from(token.id)).collect();
            assert_eq!(ids, golden.integers(&tensor("output_ids")), "{what}: tokens");
            assert_eq!(shown.iter().map(|id| i64::from(*id)).collect::<Vec<_>>(), ids, "{what}: what was told");
            let worst = [("logits", &answer.extras.logits), ("final_logits", &answer.extras.final_logits)]
                .map(|(name, found)| expect_rows(found, &golden, &tensor(name)));
            for (token, how) in answer.trace.output.iter().zip(case["how"].as_array().expect("a list")) {
                let action = token.actions.first().unwrap_or_else(|| panic!("{what}: a token without its action"));
                assert_eq!(action.method, "opera", "{what}: who did it");
                expect_note(action.note.as_deref().unwrap_or_default(), how, &what);
            }
            assert_eq!(answer.trace.decoder_attention.len(), ids.len(), "{what}: a row for every token");
            println!("{what}: {worst:?} of the bound of logits, {num_rewinds} rewinds");
        }
        checkpoints.insert(word(case, "checkpoint").to_owned());
        num_slots += usize::from(word(case, "spec").contains("official"));
        assert!(!case["rollbacks"].as_array().expect("a list").is_empty(), "{what}: it rolls back");
    }
    assert!(checkpoints.len() >= 3 && num_slots >= 3, "several shapes, both histories");
}

/// The rows and numbers of the answer that stands are those of the same tokens decoded alone, after rollbacks too.
#[test]
fn the_answer_that_stands_is_seen_as_if_it_were_written_alone() {
    let golden = golden();
    let case = golden.list("cases").iter().find(|case| word(case, "checkpoint") == "nested_full").expect("one");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = model(case, folder.path());
    model.keep_at_most(0);
    let (answer, _, _) = told(&model, &asked(case));
    let ids: Vec<u32> = answer.trace.output.iter().map(|token| token.id).collect();
    let mut alone = asked(case);
    alone.methods.clear();
    alone.fork = Some(Fork { ids: ids.clone(), known: None });
    alone.max_new_tokens = ids.len() + 1;
    let alone = ask(&model, &alone);
    for (t, (found, expected)) in answer.trace.decoder_attention.iter().zip(&alone.trace.decoder_attention).enumerate()
    {
        let worst = largest_difference(&found.to_f32(), &expected.to_f32(), "attention");
        assert!(worst < CLOSE, "row {t} differs by {worst}");
    }
    for (found, expected) in answer.trace.output.iter().zip(&alone.trace.output) {
        assert!((found.logprob - expected.logprob).abs() < 1e-4, "{found:?} is not {expected:?}");
    }
}

fn plain_question(specs: &[&str], tokens: usize) -> Question {
    let prompt = Prompt::Raw("USER: <image>\nWhat is in this image? ASSISTANT:".to_owned());
    let mut asked = question(photo("newest_shards"), prompt, tokens);
    asked.methods = specs.iter().map(|spec| spec.parse().expect("a SPEC")).collect();
    asked
}

#[test]
fn without_penalty_and_return_it_is_beam_search() {
    let model = open(ModelSource::Folder(golden_folder().join("newest_shards/checkpoint")));
    let vocab_size = ask(&model, &plain_question(&[], 1)).extras.logits[0].len();
    let spec = format!("opera:beams=2,candidates={vocab_size},weight=0,threshold=1000");
    let found = ask(&model, &plain_question(&[&spec], 3));
    let mut beams = plain_question(&[], 3);
    beams.sampling.beams = 2;
    let expected = ask(&model, &beams);
    let ids = |answer: &gazelens::engine::Answer| answer.trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!(ids(&found), ids(&expected), "the same beams");
    for (l, last) in found.extras.logits.iter().zip(&found.extras.final_logits) {
        assert_eq!(l, last, "nothing is removed or penalised");
    }
    assert!(found.trace.warnings.iter().any(|text| text.contains("opera changed nothing")), "and it says so");
}

#[test]
fn opera_stacks_with_methods_on_logits_and_inside_the_model() {
    let model = open(ModelSource::Folder(golden_folder().join("newest_shards/checkpoint")));
    let opera = "opera:beams=2,candidates=3,warm-up=2";
    let answer = ask(&model, &plain_question(&["pai:alpha=2,start=0,gamma=1", "cutoff:beta=0.3", opera], 4));
    for (l, last) in answer.extras.logits.iter().zip(&answer.extras.final_logits) {
        let max = l.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (l, last) in l.iter().zip(last).filter(|(_, last)| last.is_finite()) {
            assert!(*l >= 0.3_f32.ln() + max, "what the cut-off removed is no candidate: {l}, {last}");
        }
        assert!(last.iter().filter(|logit| logit.is_finite()).count() <= 3, "three candidates at most");
    }
    let methods: Vec<_> = answer.trace.output[0].actions.iter().map(|action| action.method.as_str()).collect();
    assert_eq!(methods, ["pai", "cutoff", "opera"], "what each did, in order");
    assert_eq!(answer.trace.output.len(), 4, "an answer");
}

#[test]
fn opera_goes_on_from_a_given_beginning() {
    let golden = golden();
    for case in golden.list("cases").iter().filter(|case| word(case, "checkpoint") == "newest_shards") {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = model(case, folder.path());
        let plain = ask(&model, &Question { methods: Vec::new(), ..asked(case) });
        let beginning: Vec<u32> = plain.trace.output.iter().take(3).map(|token| token.id).collect();
        let fork = Some(Fork { ids: beginning.clone(), known: None });
        let (answer, shown, _) = told(&model, &Question { fork, ..asked(case) });
        let ids: Vec<u32> = answer.trace.output.iter().map(|token| token.id).collect();
        assert_eq!((&ids[..3], &shown), (beginning.as_slice(), &ids), "what was given stands, what was told too");
        for (t, (token, last)) in answer.trace.output.iter().zip(&answer.extras.final_logits).enumerate() {
            assert_eq!(token.actions.is_empty(), t < 3, "token {t}: nothing was chosen of the beginning");
            assert!(last[token.id as usize].is_finite(), "token {t} was there to choose");
        }
    }
}

#[test]
fn opera_refuses_what_it_cannot_do() {
    let model = open(ModelSource::Folder(golden_folder().join("newest_shards/checkpoint")));
    let refused = |asked: &Question| {
        let error = run_job(&model, RunId(1), asked, &mut |_| {}, &AtomicBool::new(false)).expect_err("refused");
        assert!(error.is_usage(), "the request was wrong: {error}");
        error.to_string()
    };
    for (spec, expected) in [
        ("opera:beams=1", "Expected opera to get beams as a whole number from 2 to 64, found 1"),
        ("opera:candidates=0", "Expected opera to get candidates as a whole number from 1 to 1000000, found 0"),
        ("opera:candidates=9999", "Expected opera to get candidates as a whole number from 1 to "),
        ("opera:scale=20000", "Expected opera to get scale as a number from 0 to 10000, found 20000"),
        ("opera:threshold=0", "Expected opera to get threshold as a whole number from 1, found 0"),
        ("opera:weight=-1", "Expected opera to get weight as a number from 0 to 1000, found -1"),
        ("opera:factor=2", "Expected opera to get factor as a number from 0 to 1, found 2"),
        ("opera:history=both", "Expected opera to get history as one of beam, slot, found both"),
    ] {
        let found = refused(&plain_question(&[spec], 2));
        assert!(found.starts_with(expected), "{spec}: {found}");
    }
    let mut drawn = plain_question(&["opera"], 2);
    drawn.sampling.temperature = 0.5;
    let expected = "Expected temperature 0 with 5 beams, which are not drawn at random, found 0.5";
    assert_eq!(refused(&drawn), expected, "nothing is drawn");
    let mut beams = plain_question(&["opera"], 2);
    beams.sampling.beams = 3;
    let expected = "Expected 1 beam and no other search with opera, which has beams of its own";
    assert_eq!(refused(&beams), expected, "two kinds of beams");
    assert_eq!(refused(&plain_question(&["opera", "opera:beams=2"], 2)), expected, "two searches");
}
