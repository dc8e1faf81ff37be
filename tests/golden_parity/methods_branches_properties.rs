//! What must hold of methods with a second branch, and of controls, whatever the numbers.

use crate::methods_branches::asked as golden_question;
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use gazelens::engine::{Answer, Fork, ImageSource, ModelSource, OpenModel, Prompt, Question, RunId, Spec, run_job};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

const CHECKPOINT: &str = "nested_full";
const RAW_PROMPT: &str = "USER: <image>\nDescribe this image in detail. ASSISTANT:";
const DESCRIBED: &str =
    "USER: <image>\nThe input image is described as follows: A dog. Describe this image in detail. ASSISTANT:";
const TOKENS: usize = 5;

/// Keeps nothing between questions, so that the same question gives the same bits.
static MODEL: LazyLock<OpenModel> = LazyLock::new(|| {
    let model = fresh();
    model.keep_at_most(0);
    model
});

fn fresh() -> OpenModel {
    open(ModelSource::Folder(golden_folder().join(CHECKPOINT).join("checkpoint")))
}

fn asked(specs: &[&str]) -> Question {
    let photo = golden_folder().join(CHECKPOINT).join("photo.png");
    let mut asked = question(ImageSource::Path(photo), Prompt::Raw(RAW_PROMPT.to_owned()), TOKENS);
    asked.methods = specs.iter().map(|spec| spec.parse().expect("a SPEC")).collect();
    asked
}

fn ids(answer: &Answer) -> Vec<u32> {
    answer.trace.output.iter().map(|token| token.id).collect()
}

fn says_idle(answer: &Answer) -> bool {
    answer.trace.warnings.iter().any(|text| text.contains("changed nothing"))
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    // What both removed is no number, which `max` passes over.
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn refused(question: &Question) -> (String, bool) {
    let result = run_job(&MODEL, RunId(1), question, &mut |_| {}, &AtomicBool::new(false));
    let error = result.expect_err("a question that cannot be answered");
    (error.to_string(), error.is_usage())
}

#[test]
fn neutral_parameters_are_plain_decoding_and_say_so() {
    let plain = ask(&MODEL, &asked(&[]));
    for spec in [
        "cutoff:beta=0",
        "flip:gap=0",
        "avisc:alpha=0,beta=0",
        "sid:alpha=0,beta=0",
        "only:with=0,against=0,beta=0",
        "causalmm:alpha=0,beta=0",
        "causalmm:alpha=0,beta=0,where=both",
    ] {
        let answer = ask(&MODEL, &asked(&[spec]));
        assert_eq!(ids(&answer), ids(&plain), "{spec}: the same tokens");
        assert_eq!(answer.extras.final_logits, answer.extras.logits, "{spec}: bit for bit");
        if answer.extras.negative_logits.is_empty() || spec.starts_with("only") {
            assert_eq!(answer.extras.logits, plain.extras.logits, "{spec}: nothing else runs");
        }
        assert!(says_idle(&answer), "{spec}: {:?}", answer.trace.warnings);
    }
    let mut described = asked(&[]);
    described.prompt = Prompt::Raw(DESCRIBED.to_owned());
    let (plain, answer) = (ask(&MODEL, &described), ask(&MODEL, &asked(&["vdgd:description=A dog.,weight=0,beta=0"])));
    assert_eq!(answer.extras.final_logits, plain.extras.logits, "the description alone, bit for bit");
    let mut suffixed = asked(&["yes-suffix:text="]);
    suffixed.prompt = Prompt::Templated("Is there a dog?".to_owned());
    let answer = ask(&MODEL, &suffixed);
    suffixed.methods.clear();
    assert_eq!(answer.extras.logits, ask(&MODEL, &suffixed).extras.logits, "no suffix, bit for bit");
    assert!(says_idle(&answer), "and it says so: {:?}", answer.trace.warnings);
}

#[test]
fn methods_act_from_the_first_token_on() {
    for spec in [
        "cutoff",
        "flip:mass=0,gap=1",
        "avisc",
        "sid",
        "only",
        "causalmm",
        "causalmm:where=decoder",
        "causalmm:edit=random",
        "causalmm:preset=official",
        "vdgd:description=A dog.",
    ] {
        let answer = ask(&MODEL, &asked(&[spec]));
        let first = &answer.trace.output[0];
        let moved = first.contrast.as_ref().map(|contrast| contrast.moved);
        let moved = moved.or_else(|| first.actions.first().map(|action| action.moved));
        assert!(moved > Some(1e-3), "{spec}: {moved:?}");
        assert!(!says_idle(&answer), "{spec}: {:?}", answer.trace.warnings);
        let run = &answer.trace.run.methods;
        assert!(run.len() == 1 && !run[0].parameters.is_empty(), "the run names it: {run:?}");
    }
}

/// What an earlier question read is taken over, with and without the method, as far as it is the same.
#[test]
fn what_is_kept_of_earlier_questions_changes_nothing() {
    let model = fresh();
    ask(&model, &asked(&[]));
    let specs = ["sid", "avisc", "only", "causalmm:where=both", "vdgd:description=A dog.", "cutoff"];
    for spec in specs.iter().chain(&specs) {
        let (found, expected) = (ask(&model, &asked(&[spec])), ask(&MODEL, &asked(&[spec])));
        assert!(found.timings.reused_tokens > 0, "{spec}: something is kept");
        assert_eq!(ids(&found), ids(&expected), "{spec}: tokens");
        for (name, found, expected) in [
            ("logits", &found.extras.logits, &expected.extras.logits),
            ("negative", &found.extras.negative_logits, &expected.extras.negative_logits),
            ("final", &found.extras.final_logits, &expected.extras.final_logits),
        ] {
            assert_eq!(found.len(), expected.len(), "{spec}: {name}");
            for (found, expected) in found.iter().zip(expected) {
                let worst = difference(found, expected);
                assert!(worst < 1e-4, "{spec}: {name} differ by {worst}");
            }
        }
    }
}

#[test]
fn a_flip_is_of_the_first_token() {
    let plain = ask(&MODEL, &asked(&[]));
    let near: Vec<u32> = plain.trace.output[0].candidates.iter().take(2).map(|candidate| candidate.id).collect();
    let spec = |more: &str| format!("flip:mass=0,gap=1,yes-id={},no-id={}{more}", near[1], near[0]);
    let first = ask(&MODEL, &asked(&[&spec("")]));
    assert_eq!(first.trace.output[0].id, near[1], "flipped");
    let note = first.trace.output[0].actions[0].note.as_deref().unwrap_or_default();
    assert!(note.ends_with("only yes is left"), "{note}");
    for (l, last) in first.extras.logits.iter().zip(&first.extras.final_logits).skip(1) {
        assert_eq!(l, last, "then left alone");
    }
    let all = ask(&MODEL, &asked(&[&spec(",preset=official")]));
    assert_eq!(ids(&all), vec![near[1]; TOKENS], "the authors' code flips every one");
}

#[test]
fn yes_and_no_are_looked_up_as_answers_begin() {
    let golden = Golden::open(&golden_folder().join("methods_branches.safetensors"));
    let cases: Vec<_> = golden.list("cases").iter().filter(|case| case["name"] == "flip").collect();
    assert!(cases.len() >= 3, "several tokenizers");
    for case in cases {
        let name = case["checkpoint"].as_str().expect("a name");
        let model = open(ModelSource::Folder(golden_folder().join(name).join("checkpoint")));
        let mut asked = golden_question(case, 1);
        asked.methods = vec!["flip".parse::<Spec>().expect("a SPEC")];
        let run = ask(&model, &asked).trace.run.clone();
        let parameters = &run.methods[0].parameters;
        let found = ["yes-id", "no-id"].map(|id| parameters[id].as_f64());
        let expected = [0, 1].map(|idx| case["yes_no"][idx].as_f64());
        assert_eq!(found, expected, "{name}: as its tokenizer begins an answer");
    }
}

#[test]
fn blind_tokens_are_those_of_the_model_without_edits() {
    let alone = ask(&MODEL, &asked(&["avisc:lambda=0.5"]));
    let beside = ask(&MODEL, &asked(&["pai:alpha=5,start=0,gamma=1", "avisc:lambda=0.5"]));
    assert_ne!(alone.extras.logits[0], beside.extras.logits[0], "the ordinary branch is edited");
    let worst = difference(&alone.extras.negative_logits[0], &beside.extras.negative_logits[0]);
    assert!(worst < 1e-4, "the other is not: {worst}");
}

#[test]
fn counterfactual_attention_is_the_seeds() {
    let negative = |spec: &str, seed| {
        let mut asked = asked(&[spec]);
        asked.sampling.seed = seed;
        ask(&MODEL, &asked).extras.negative_logits
    };
    for edit in ["shuffled", "random"] {
        for place in ["vision", "decoder"] {
            let spec = format!("causalmm:where={place},edit={edit}");
            assert_eq!(negative(&spec, 1), negative(&spec, 1), "{spec}: one seed");
            assert_ne!(negative(&spec, 1)[0], negative(&spec, 2)[0], "{spec}: two seeds");
        }
    }
    assert_eq!(negative("causalmm:edit=uniform", 1), negative("causalmm:edit=uniform", 2), "nothing is drawn");
}

#[test]
fn a_description_is_the_models_own_answer_unless_it_is_given() {
    let model = open(ModelSource::Demo);
    let image = || ImageSource::Bundled("demo_01_beach.png".to_owned());
    let ask_for = |words: &str, tokens| question(image(), Prompt::Templated(words.to_owned()), tokens);
    let described = ask(&model, &ask_for("Describe the image in detail.", 512)).trace.text();
    let mut asked = ask_for("Is there a dog?", 3);
    asked.methods = vec!["vdgd".parse().expect("a SPEC")];
    let generated = ask(&model, &asked);
    let run = &generated.trace.run;
    let introduced = format!("The input image is described as follows: {} Is there a dog?", described.trim());
    assert!(run.full_prompt.contains(&introduced), "{}", run.full_prompt);
    assert_eq!(run.methods[0].parameters["description"], described.trim(), "the run has it");
    let note = generated.trace.output[0].actions[0].note.clone().unwrap_or_default();
    assert!(note.starts_with("nearest in the description: \""), "{note}");
    asked.methods = vec![Spec {
        name: "vdgd".to_owned(),
        parameters: vec![("description".to_owned(), format!("{} \n", described.trim()))],
    }];
    let given = ask(&model, &asked);
    assert_eq!(given.trace.run.full_prompt, run.full_prompt, "white space at its end is dropped");
    assert_eq!(ids(&given), ids(&generated), "the same answer");
}

#[test]
fn stacked_methods_take_what_the_one_before_left() {
    let answer = ask(&MODEL, &asked(&["sid:beta=0", "cutoff:beta=0.5"]));
    let (l, n, last) = (&answer.extras.logits[0], &answer.extras.negative_logits[0], &answer.extras.final_logits[0]);
    let contrasted: Vec<f32> = l.iter().zip(n).map(|(l, n)| 2.0 * l - n).collect();
    let max = contrasted.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (contrasted, last) in contrasted.iter().zip(last) {
        let expected = if *contrasted < 0.5_f32.ln() + max { f32::NEG_INFINITY } else { *contrasted };
        let both_removed = expected.is_infinite() && last.is_infinite();
        assert!(both_removed || (expected - last).abs() < 1e-4, "{expected} is not {last}");
    }
    let methods: Vec<_> = answer.trace.output[0].actions.iter().map(|action| action.method.as_str()).collect();
    assert_eq!(methods, ["sid", "cutoff"], "in order");
}

/// The beam that stands is what the same tokens are with the method alone: each beam has its own state.
#[test]
fn several_beams_have_states_of_their_own() {
    for spec in [
        "cutoff",
        "flip:mass=0,gap=1",
        "avisc",
        "sid",
        "only",
        "causalmm",
        "causalmm:where=decoder,edit=random",
        "vdgd:description=A dog.",
    ] {
        let mut beams = asked(&[spec]);
        beams.sampling.beams = 3;
        let found = ask(&MODEL, &beams);
        let mut forced = asked(&[spec]);
        forced.fork = Some(Fork { ids: ids(&found), known: None });
        forced.max_new_tokens = TOKENS + 1;
        let expected = ask(&MODEL, &forced);
        for (name, found, expected) in [
            ("logits", &found.extras.logits, &expected.extras.logits),
            ("negative", &found.extras.negative_logits, &expected.extras.negative_logits),
            ("final", &found.extras.final_logits, &expected.extras.final_logits),
        ] {
            for (t, (found, expected)) in found.iter().zip(expected).enumerate() {
                let worst = difference(found, expected);
                assert!(worst < 1e-4, "{spec}: {name} of token {t} differ by {worst}");
            }
        }
    }
}

#[test]
fn presets_and_defaults_follow_the_model() {
    let run = |spec: &str| ask(&MODEL, &asked(&[spec])).trace.run.methods[0].parameters.clone();
    // 17 image tokens, 3 layers.
    let sid = run("sid");
    assert_eq!((sid["k"].as_f64(), sid["layer"].as_f64()), (Some(2.0), Some(1.0)), "scaled");
    let sid = run("sid:k=9,layer=2,preset=official");
    let found = ["k", "layer", "alpha", "beta"].map(|name| sid[name].as_f64());
    assert_eq!(found, [Some(9.0), Some(2.0), Some(0.5), Some(0.0)], "given values stay; greedy has no cut-off");
    assert_eq!(run("sid:preset=official,beta=0.3")["beta"].as_f64(), Some(0.3), "what is given wins");
    let mut drawn = asked(&["sid:preset=official"]);
    drawn.sampling.temperature = 1.0;
    assert_eq!(ask(&MODEL, &drawn).trace.run.methods[0].parameters["beta"].as_f64(), Some(0.1), "drawn ones have");
    assert_eq!(run("avisc:preset=pope")["alpha"].as_f64(), Some(3.0), "as POPE is run");
    assert_eq!(run("vdgd:preset=official,description=A dog.")["form"], "replace", "the authors' form");
}

#[test]
fn what_cannot_work_is_refused() {
    for (spec, expected) in [
        ("cutoff:beta=1.5", "Expected cutoff to get beta as a number from 0 to 1, found 1.5"),
        ("flip:mass=3", "Expected flip to get mass as a number from 0 to 2, found 3"),
        ("flip:yes-id=9999", "Expected flip to get yes-id as a whole number from 0 to "),
        ("flip:yes-id=5,no-id=5", "Expected flip to get no-id as another token than yes-id, found 5"),
        ("flip:steps=some", "Expected flip to get steps as one of first, all, found some"),
        ("yes-suffix", "Expected a question for yes-suffix, found a raw prompt"),
        ("avisc:gamma=0", "Expected avisc to get gamma as a number above 0 and up to 1, found 0"),
        ("avisc:lambda=101", "Expected avisc to get lambda as a number from 0 to 100, found 101"),
        ("sid:k=18", "Expected sid to get k as a whole number from 1 to 17, found 18"),
        ("sid:layer=3", "Expected sid to get layer as a whole number from 1 to 2, found 3"),
        ("sid:layer=0", "Expected sid to get layer as a whole number from 1 to 127, found 0"),
        ("only:gamma=2.5", "Expected only to get gamma as a number from 0 to 2, found 2.5"),
        ("causalmm:where=here", "Expected causalmm to get where as one of vision, decoder, both, found here"),
        ("causalmm:alpha=11", "Expected causalmm to get alpha as a number from 0 to 10, found 11"),
        ("vdgd:form=add", "Expected vdgd to get form as one of subtract, replace, found add"),
        ("vdgd:weight=-1", "Expected vdgd to get weight as a number from 0 to 10, found -1"),
    ] {
        let (error, is_usage) = refused(&asked(&[spec]));
        assert!(error.starts_with(expected), "{spec}: {error}");
        assert!(is_usage, "{spec}: the request was wrong");
    }
}
