//! What must hold of every method that acts inside the model, whatever the numbers.

use crate::ask;
use crate::compare::LOGIT_BOUND;
use crate::methods::{Asker, Case, cases, golden};
use gazelens::engine::{Answer, Fork, Spec};
use std::sync::Arc;

/// The checkpoint that has all cases of the golden file.
const CHECKPOINT: &str = "nested_full";
const TOKENS: usize = 4;
/// Parameters with which a method does nothing.
const NEUTRAL: [&str; 11] = [
    "vaf:enhance=1,suppress=1",
    "var:dims=0,tau=0.1,p=1",
    "eah:threshold=1",
    "pai:alpha=0,gamma=1,beta=0.5",
    "devils:alpha=0",
    "spin:scale=1",
    "spin:ratio=1",
    "ad-hh:heads=0.0+1.1,threshold=1",
    "vti:directions=DIRECTIONS,vision=0,text=0",
    "vti:directions=DIRECTIONS,preset=official,text=0",
    "vista:lambda=0,gamma=0",
];

fn own_cases() -> Vec<Case> {
    cases(&golden()).into_iter().filter(|case| case.checkpoint == CHECKPOINT).collect()
}

/// Keeps nothing between questions, so that the same question gives the same bits.
fn forgetful() -> Asker {
    let mut asker = Asker::new();
    asker.model(CHECKPOINT).keep_at_most(0);
    asker
}

fn ids(answer: &Answer) -> Vec<u32> {
    answer.trace.output.iter().map(|token| token.id).collect()
}

fn rows(answer: &Answer) -> Vec<Vec<f32>> {
    answer.trace.decoder_attention.iter().map(|row| row.to_f32().into_owned()).collect()
}

/// Largest difference, relative above 1.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    // Removed in both.
    let is_removed = |(a, b): &(&f32, &f32)| a.is_infinite() && b.is_infinite();
    let of = |(a, b): (&f32, &f32)| (a - b).abs() / b.abs().max(1.0);
    a.iter().zip(b).filter(|pair| !is_removed(pair)).map(of).fold(0.0, f32::max)
}

/// What the first token is chosen from.
fn first(answer: &Answer) -> &[f32] {
    answer.extras.final_logits.first().unwrap_or(&answer.extras.logits[0])
}

#[test]
fn neutral_parameters_are_plain_decoding_bit_for_bit() {
    let mut asker = forgetful();
    let case = &own_cases()[0];
    let plain = asker.ask(case, "plain", TOKENS);
    for spec in NEUTRAL {
        let answer = asker.ask(case, spec, TOKENS);
        assert_eq!(ids(&answer), ids(&plain), "{spec}: the same tokens");
        assert_eq!(answer.extras.logits, plain.extras.logits, "{spec}: logits bit for bit");
        assert_eq!(rows(&answer), rows(&plain), "{spec}: attention bit for bit");
        assert!(answer.extras.final_logits.is_empty(), "{spec}: nothing is done to logits");
        assert!(answer.extras.negative_logits.is_empty(), "{spec}: no further branch");
        let name = spec.split(':').next().expect("a name");
        let warning = format!("The method {name} changed nothing in this run");
        assert!(answer.trace.warnings.contains(&warning), "{spec}: {:?}", answer.trace.warnings);
    }
    let all = asker.ask(case, "deco:alpha=0,top-k=100000,top-p=1", TOKENS);
    assert_eq!(ids(&all), ids(&plain), "deco without a correction");
    assert_eq!(all.extras.logits, plain.extras.logits, "and looking at inner layers changes nothing");
}

#[test]
fn methods_act_from_the_first_token_on_and_say_nothing_of_idleness() {
    let mut asker = forgetful();
    for case in own_cases() {
        let plain = asker.ask(&case, "plain", 1);
        let answer = asker.ask(&case, &case.spec.to_string(), 1);
        let moved = difference(first(&answer), first(&plain));
        assert!(moved > 10.0 * LOGIT_BOUND, "{}: moves the first token's logits by {moved}", case.spec);
        let idle = answer.trace.warnings.iter().any(|text| text.contains("changed nothing"));
        assert!(!idle, "{}: {:?}", case.spec, answer.trace.warnings);
    }
}

#[test]
fn every_token_says_what_was_done_inside_the_model() {
    let mut asker = forgetful();
    let own = own_cases();
    let notes = |asker: &mut Asker, case: &Case, spec: &str| {
        let answer = asker.ask(case, spec, TOKENS);
        let name = spec.split(':').next().expect("a name").to_owned();
        let note = |token: &gazelens::trace::OutputToken| {
            let own = token.actions.iter().find(|action| action.method == name);
            own.unwrap_or_else(|| panic!("{spec}: nothing is told")).note.clone().expect("a note")
        };
        answer.trace.output.iter().map(note).collect::<Vec<_>>()
    };
    for case in own.iter().filter(|case| case.name != "pai_contrast") {
        let spec = case.spec.to_string();
        for (t, note) in notes(&mut asker, case, &spec).into_iter().enumerate() {
            // Where it says less than that it is the rule of the method: EAH acts while the prompt is read, and no head
            // may be above a threshold.
            let may_rest = t > 0 || ["dola", "deco"].contains(&case.spec.name.as_str());
            let acts = note.starts_with("changed ") || (may_rest && !note.is_empty()) || note.starts_with("mixed in ");
            assert!(acts, "{spec}, token {t}: {note}");
        }
    }
    for spec in ["eah:threshold=1", "ad-hh:heads=0.0,threshold=1"] {
        for note in notes(&mut asker, &own[0], spec) {
            assert_eq!(note, "did nothing here", "{spec}");
        }
    }
    let told = notes(&mut asker, &own[0], "eah:layer=0,threshold=0.01");
    assert!(told[0].contains("; all heads of layer 0 took over the map of head "), "{told:?}");
}

#[test]
fn kept_prefixes_change_nothing() {
    let (mut forgets, mut keeps) = (forgetful(), Asker::new());
    for case in own_cases() {
        let spec = case.spec.to_string();
        // After plain decoding of the same prompt, after itself, and plain after it.
        for (turn, spec) in ["plain", &spec, &spec, "plain"].into_iter().enumerate() {
            let (fresh, kept) = (forgets.ask(&case, spec, TOKENS), keeps.ask(&case, spec, TOKENS));
            assert_eq!(ids(&kept), ids(&fresh), "{spec}, turn {turn}: tokens");
            for (t, (kept, fresh)) in kept.extras.logits.iter().zip(&fresh.extras.logits).enumerate() {
                let worst = difference(kept, fresh);
                assert!(worst < 1e-4, "{spec}, turn {turn}, token {t}: logits differ by {worst}");
            }
        }
    }
}

#[test]
fn an_answer_that_goes_on_from_another_is_the_same() {
    let mut asker = Asker::new();
    for case in own_cases() {
        let spec = case.spec.to_string();
        let mut whole = asker.question(&case, &spec, TOKENS);
        whole.record.logits = false;
        let answer = ask(asker.model(CHECKPOINT), &whole);
        for known in [None, Some(Arc::new(answer.trace.clone()))] {
            let mut fork = whole.clone();
            fork.fork = Some(Fork { ids: ids(&answer)[..2].to_vec(), known });
            let forked = ask(asker.model(CHECKPOINT), &fork);
            assert_eq!(ids(&forked), ids(&answer), "{spec}: the same tokens");
            for (t, (found, expected)) in
                forked.trace.decoder_attention.iter().zip(&answer.trace.decoder_attention).enumerate()
            {
                let worst = difference(&found.to_f32(), &expected.to_f32());
                assert!(worst < 1e-4, "{spec}, token {t}: attention differs by {worst}");
            }
        }
    }
}

#[test]
fn several_beams_each_have_the_method_to_themselves() {
    let mut asker = Asker::new();
    for case in own_cases() {
        let mut asked = asker.question(&case, &case.spec.to_string(), TOKENS);
        asked.sampling.beams = 2;
        let answer = ask(asker.model(CHECKPOINT), &asked);
        // What stands is what the method makes of these tokens alone.
        let mut forced = asker.question(&case, &case.spec.to_string(), TOKENS);
        let (_, given) = ids(&answer).split_last().map(|(last, given)| (*last, given.to_vec())).expect("an answer");
        forced.fork = Some(Fork { ids: given, known: None });
        let alone = ask(asker.model(CHECKPOINT), &forced);
        for (t, (found, expected)) in answer.extras.logits.iter().zip(&alone.extras.logits).enumerate() {
            let worst = difference(found, expected);
            assert!(worst < 1e-4, "{}, token {t}: logits differ by {worst}", case.spec);
        }
    }
}

#[test]
fn pai_does_what_its_two_parts_do() {
    let mut asker = forgetful();
    let case = &own_cases()[0];
    let both = asker.ask(case, "pai:alpha=0.7,gamma=1.8,start=0,beta=0.2", TOKENS);
    let mut parts = asker.question(case, "plain", TOKENS);
    parts.methods.clear();
    parts.interventions = vec!["pai:alpha=0.7,start=0".parse::<Spec>().expect("a SPEC")];
    parts.strategy = "pai-cfg:gamma=1.8,beta=0.2".parse().expect("a SPEC");
    let parts = ask(asker.model(CHECKPOINT), &parts);
    assert_eq!(ids(&both), ids(&parts), "tokens");
    assert_eq!(both.extras, parts.extras, "logits of both branches and what comes of them");
    assert_eq!(rows(&both), rows(&parts), "attention");

    let boost = asker.ask(case, "pai:alpha=0.7,gamma=1,start=0,beta=0.9", TOKENS);
    let mut part = asker.question(case, "plain", TOKENS);
    part.methods.clear();
    part.interventions = vec!["pai:alpha=0.7,start=0".parse::<Spec>().expect("a SPEC")];
    let part = ask(asker.model(CHECKPOINT), &part);
    assert_eq!((ids(&boost), &boost.extras), (ids(&part), &part.extras), "the boost alone");
}

#[test]
fn edits_leave_further_branches_alone() {
    let mut asker = forgetful();
    let case = &own_cases()[0];
    let of = |asker: &mut Asker, specs: &[&str]| {
        let mut asked = asker.question(case, specs[0], 1);
        for spec in &specs[1..] {
            asked.methods.extend(asker.question(case, spec, 1).methods);
        }
        ask(asker.model(CHECKPOINT), &asked)
    };
    // One that does not see the photo, one that sees it.
    for further in ["pai-cfg:gamma=2", "icd:alpha=2"] {
        let alone = of(&mut asker, &[further]);
        for case in own_cases().iter().filter(|case| !["pai", "dola", "deco"].contains(&case.spec.name.as_str())) {
            let spec = case.spec.to_string();
            let stacked = of(&mut asker, &[&spec, further]);
            let worst = difference(&stacked.extras.negative_logits[0], &alone.extras.negative_logits[0]);
            assert!(worst < 1e-4, "{spec} with {further}: the other branch moves by {worst}");
        }
    }
}

/// What a process keeps of the same question, and what a fork takes over, is of the file as it was.
#[test]
fn directions_that_were_made_again_are_others() {
    let mut asker = Asker::new();
    let case = &own_cases()[0];
    let mut asked = asker.question(case, "vti:directions=DIRECTIONS,vision=0,text=8", TOKENS);
    let first = ask(asker.model(CHECKPOINT), &asked);
    let path = asked.methods[0].parameters[0].1.clone();
    let mut bytes = std::fs::read(&path).expect("directions");
    let (len, rest) = bytes.split_first_chunk_mut::<8>().expect("a safetensors file");
    // The other way.
    let header = usize::try_from(u64::from_le_bytes(*len)).expect("small");
    rest[header..].chunks_exact_mut(4).for_each(|value| value[3] ^= 0x80);
    std::fs::write(&path, bytes).expect("directions");
    let again = ask(asker.model(CHECKPOINT), &asked);
    asked.record.logits = false;
    let fork = |known| Some(Fork { ids: ids(&first)[..2].to_vec(), known });
    asked.fork = fork(Some(Arc::new(first.trace.clone())));
    let forked = ask(asker.model(CHECKPOINT), &asked);
    asker.model(CHECKPOINT).keep_at_most(0);
    asked.fork = fork(None);
    let expected = ask(asker.model(CHECKPOINT), &asked);
    for (t, (found, expected)) in rows(&forked).iter().zip(rows(&expected)).enumerate() {
        let worst = difference(found, &expected);
        assert!(worst < 1e-4, "row {t} of a fork differs by {worst}");
    }
    (asked.fork, asked.record.logits) = (None, true);
    let fresh = ask(asker.model(CHECKPOINT), &asked);
    let moved = difference(&first.extras.logits[0], &fresh.extras.logits[0]);
    assert!(moved > 0.01, "the other way is somewhere else: {moved}");
    let worst = difference(&again.extras.logits[0], &fresh.extras.logits[0]);
    assert!(worst < 1e-4, "asked again in the same process: {worst} apart");
}

#[test]
fn outliers_are_those_of_the_photo_without_edits() {
    let (mut asker, case) = (Asker::new(), &own_cases()[0]);
    let of = |asker: &mut Asker, specs: &[&str]| {
        let mut asked = asker.question(case, specs[0], 1);
        for spec in &specs[1..] {
            asked.methods.extend(asker.question(case, spec, 1).methods);
        }
        ask(asker.model(CHECKPOINT), &asked)
    };
    let stack = ["vti:directions=PATCHES,vision=20,text=0", "damro:k=4"];
    // Before the photo was seen, and once it was.
    let (first, alone, again) = (of(&mut asker, &stack), of(&mut asker, &stack[1..]), of(&mut asker, &stack));
    let seen = |answer: &Answer| answer.trace.vision.as_ref().expect("[CLS]").cls_attention.clone();
    assert_ne!(seen(&first), seen(&alone), "the trace shows what the ordinary branch saw");
    assert_eq!(seen(&first), seen(&again), "either time");
    for stacked in [first, again] {
        assert_eq!(stacked.extras.outlier_tokens, alone.extras.outlier_tokens, "patches");
        let worst = difference(&stacked.extras.negative_logits[0], &alone.extras.negative_logits[0]);
        assert!(worst < 1e-4, "the other branch moves by {worst}");
    }
}
