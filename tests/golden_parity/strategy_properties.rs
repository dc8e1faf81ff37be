//! What must hold of every contrastive strategy, whatever the numbers.

use crate::strategies::{golden, write_noise, write_tensor};
use crate::{ask, golden_folder, open, question};
use gazelens::analysis::{ClsVariant, cls_map, top_patches};
use gazelens::engine::{
    Answer, EngineError, Event, ImageSource, ModelSource, OpenModel, Prompt, Question, RunId, Stage, run_job,
};
use gazelens::ids::LayerIdx;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

const CHECKPOINT: &str = "prefixed_shards";
const RAW_PROMPT: &str = "USER: <image>\nDescribe this image in detail. ASSISTANT:";
const TOKENS: usize = 6;
/// Every contrastive strategy, strong enough to change something.
const SPECS: [&str; 5] = ["vcd:step=900", "damro:k=4", "icd", "pai-cfg:gamma=2", "m3id:lambda=0.5"];

/// Keeps nothing between questions, so that the same question gives the same bits.
static MODEL: LazyLock<OpenModel> = LazyLock::new(|| {
    let model = fresh();
    model.keep_at_most(0);
    model
});

fn fresh() -> OpenModel {
    open(ModelSource::Folder(golden_folder().join(CHECKPOINT).join("checkpoint")))
}

fn asked(spec: &str) -> Question {
    let photo = golden_folder().join(CHECKPOINT).join("photo.png");
    let mut asked = question(ImageSource::Path(photo), Prompt::Raw(RAW_PROMPT.to_owned()), TOKENS);
    asked.strategy = spec.parse().expect("a SPEC");
    asked
}

fn ids(answer: &Answer) -> Vec<u32> {
    answer.trace.output.iter().map(|token| token.id).collect()
}

/// Largest difference of two rows of logits.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn refused(question: &Question) -> (EngineError, Vec<Stage>) {
    let mut stages = Vec::new();
    let mut emit = |event: Event| {
        if let Event::Stage(_, stage) = event {
            stages.push(stage);
        }
    };
    let result = run_job(&MODEL, RunId(1), question, &mut emit, &AtomicBool::new(false));
    (result.expect_err("a question that cannot be answered"), stages)
}

#[test]
fn without_strength_and_cut_off_every_strategy_is_plain() {
    let plain = ask(&MODEL, &asked("plain"));
    assert!(plain.trace.output.iter().all(|token| token.contrast.is_none()), "plain has no other branch");
    assert!(plain.extras.negative_logits.is_empty() && plain.extras.final_logits.is_empty(), "nor its logits");
    for spec in ["vcd:alpha=0,beta=0", "damro:alpha=0,beta=0,k=4", "icd:alpha=0,beta=0"] {
        let answer = ask(&MODEL, &asked(spec));
        assert_eq!(ids(&answer), ids(&plain), "{spec}: the same tokens");
        assert_eq!(answer.extras.final_logits, answer.extras.logits, "{spec}: bit for bit");
        assert!(answer.trace.output.iter().all(|token| token.contrast.as_ref().is_some_and(|c| c.is_idle())), "{spec}");
        let warned = answer.trace.warnings.iter().any(|text| text.contains("changed nothing"));
        assert!(warned, "{spec}: a strategy that does nothing says so: {:?}", answer.trace.warnings);
    }
    for spec in ["pai-cfg:gamma=1,beta=0", "m3id:lambda=0", "m3id:threshold=0"] {
        let answer = ask(&MODEL, &asked(spec));
        assert_eq!(ids(&answer), ids(&plain), "{spec}: the same tokens");
        assert!(answer.trace.warnings.iter().any(|text| text.contains("changed nothing")), "{spec}: said");
    }
}

#[test]
fn every_strategy_changes_what_the_token_is_chosen_from() {
    let plain = ask(&MODEL, &asked("plain"));
    for spec in SPECS {
        let answer = ask(&MODEL, &asked(spec));
        assert!(!answer.trace.warnings.iter().any(|text| text.contains("changed nothing")), "{spec}: it acts");
        let moved = answer.trace.output.iter().map(|token| token.contrast.as_ref().map_or(0.0, |c| c.moved));
        assert!(moved.fold(0.0, f32::max) > 0.01, "{spec}: probability moves");
        let same_context = ids(&answer)[0] == ids(&plain)[0];
        // Products over the rows of two branches add in another order than over those of one.
        for t in 0..=usize::from(same_context) {
            let worst = difference(&answer.extras.logits[t], &plain.extras.logits[t]);
            assert!(worst < 1e-4, "{spec}: the ordinary branch is untouched at token {t}, found {worst}");
        }
        let run = &answer.trace.run.strategy;
        assert!(spec.starts_with(&run.name) && run.parameters.len() >= 2, "the run names it: {run:?}");
    }
}

#[test]
fn a_whole_cut_off_is_greedy_at_any_temperature() {
    let plain = ask(&MODEL, &asked("plain"));
    for spec in ["vcd:beta=1,alpha=5", "damro:beta=1,k=4", "icd:beta=1", "pai-cfg:beta=1"] {
        let mut asked = asked(spec);
        asked.sampling.temperature = 1.7;
        assert_eq!(ids(&ask(&MODEL, &asked)), ids(&plain), "{spec}: one candidate is left");
    }
}

#[test]
fn a_branch_that_is_the_ordinary_one_changes_no_choice_and_says_so() {
    let plain = ask(&MODEL, &asked("plain"));
    let mut asked = asked("icd:alpha=3,beta=0");
    asked.strategy.parameters.push(("prompt".to_owned(), RAW_PROMPT.to_owned()));
    let answer = ask(&MODEL, &asked);
    assert_eq!(ids(&answer), ids(&plain), "nothing to hold it against");
    for (ordinary, negative) in answer.extras.logits.iter().zip(&answer.extras.negative_logits) {
        assert!(difference(ordinary, negative) < 1e-4, "the branches advance alike");
    }
    let said = answer.trace.warnings.iter().any(|text| text.ends_with("both branches gave the same logits"));
    assert!(said, "{:?}", answer.trace.warnings);
}

#[test]
fn sampling_comes_after_the_contrast() {
    for spec in SPECS {
        let greedy = ask(&MODEL, &asked(spec));
        let sampled = |change: fn(&mut Question), seed| {
            let mut asked = asked(spec);
            // The seed of the noise is the sampler's: every answer has noise of its own.
            asked.sampling.seed = seed;
            asked.sampling.temperature = 1.0;
            change(&mut asked);
            ask(&MODEL, &asked)
        };
        // Flags that DAMRO's code takes and ignores.
        for change in [
            (|question| question.sampling.top_k = Some(1)) as fn(&mut Question),
            |question| question.sampling.top_p = Some(1e-9),
            |question| question.sampling.temperature = 1e-6,
        ] {
            assert_eq!(ids(&sampled(change, 42)), ids(&greedy), "{spec}: the most probable after the contrast");
        }
        let hot = |seed| sampled(|question| question.sampling.temperature = 4.0, seed);
        assert_eq!(ids(&hot(3)), ids(&hot(3)), "{spec}: the same seed");
        let other: Vec<_> = (0..6).map(|seed| ids(&hot(seed))).collect();
        assert!(other.iter().any(|answer| *answer != other[0]), "{spec}: a temperature is not ignored");
        for answer in (0..6).map(hot) {
            for (token, last) in answer.trace.output.iter().zip(&answer.extras.final_logits) {
                assert!(last[token.id as usize].is_finite(), "{spec}: what was removed is never chosen");
            }
            // The cut-off does not know the temperature.
            let (l, last) = (&answer.extras.logits[0], &answer.extras.final_logits[0]);
            let max = l.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for (l, last) in l.iter().zip(last).filter(|_| !spec.starts_with("m3id")) {
                assert_eq!(last.is_finite(), *l >= 0.1_f32.ln() + max, "{spec}: at temperature 1");
            }
        }
    }
}

#[test]
fn a_repetition_penalty_works_on_what_is_left() {
    let greedy = ask(&MODEL, &asked("damro:k=4,beta=0"));
    let mut asked = asked("damro:k=4,beta=0");
    asked.sampling.repetition_penalty = 1e6;
    let penalised = ask(&MODEL, &asked);
    let worst = difference(&penalised.extras.final_logits[0], &greedy.extras.final_logits[0]);
    assert!(worst < 1e-4, "the contrast itself is not penalised, found {worst}");
    let mut seen: Vec<u32> = penalised.trace.prompt.iter().map(|token| token.id).collect();
    for token in &penalised.trace.output {
        assert!(!seen.contains(&token.id), "id {} comes twice", token.id);
        seen.push(token.id);
    }
}

#[test]
fn noise_is_the_seeds_or_the_files() {
    let negative = |spec: &str, seed| {
        let mut asked = asked(spec);
        asked.sampling.seed = seed;
        ask(&MODEL, &asked).extras.negative_logits[0].clone()
    };
    let apart = |a: (&str, u64), b: (&str, u64)| difference(&negative(a.0, a.1), &negative(b.0, b.1));
    assert!(apart(("vcd", 1), ("vcd", 1)) < 1e-4, "one seed, one noise");
    assert!(apart(("vcd", 1), ("vcd", 2)) > 0.1, "two seeds");
    assert!(apart(("vcd:step=0", 1), ("vcd:step=999", 1)) > 0.1, "two steps");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = format!("vcd:noise={}", write_noise(&golden(), CHECKPOINT, folder.path()));
    assert!(apart((&file, 1), (&file, 2)) < 1e-4, "a file's noise knows no seed");
    assert!(apart((&file, 1), ("vcd", 1)) > 0.1, "and is not the seed's");
    // Step 0 leaves 99.999 % of the signal.
    let answer = ask(&MODEL, &asked("vcd:step=0"));
    let worst = difference(&answer.extras.logits[0], &answer.extras.negative_logits[0]);
    assert!(worst > 0.0 && worst < 0.5, "next to no noise moves logits by {worst}");
}

#[test]
fn outliers_are_those_of_the_trace() {
    let model = fresh();
    for (spec, variant) in [("damro:k=5", ClsVariant::Unsplit), ("damro:k=5,cls=mean", ClsVariant::HeadMean)] {
        for _ in 0..2 {
            // The second time nothing is seen anew.
            let answer = ask(&model, &asked(spec));
            let vision = answer.trace.vision.as_ref().expect("[CLS]");
            let layer = LayerIdx::new(vision.feature_layer_idx, vision.num_hidden_layers).expect("a layer");
            let map = cls_map(&answer.trace, layer, variant).expect("recorded");
            assert_eq!(answer.extras.outlier_tokens, Some(top_patches(&map, 5)), "{spec}: largest first");
        }
    }
    let all = ask(&MODEL, &asked("damro:k=16"));
    assert_eq!(all.extras.outlier_tokens.map(|outliers| outliers.len()), Some(16), "as many as there are patches");
}

#[test]
fn interventions_and_strategies_work_together() {
    for spec in SPECS {
        let alone = ask(&MODEL, &asked(spec));
        let mut both = asked(spec);
        both.interventions.push("pai:alpha=1,start=0".parse().expect("a SPEC"));
        let both = ask(&MODEL, &both);
        assert_ne!(both.extras.logits[0], alone.extras.logits[0], "{spec}: the ordinary branch is boosted");
        let worst = difference(&both.extras.negative_logits[0], &alone.extras.negative_logits[0]);
        assert!(worst < 1e-4, "{spec}: the other is not, {worst}");
    }
}

#[test]
fn what_cannot_work_is_said_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let small = write_tensor(&folder.path().join("small.safetensors"), &[3, 2, 2], &[0.0; 12]);
    let (missing, noise) = (folder.path().join("none").display().to_string(), format!("vcd:noise={small}"));
    let missing_noise = format!("vcd:noise={missing}");
    for (spec, expected, is_usage) in [
        ("vcd:step=1000", "Expected vcd to get step as a whole number from 0 to 999, found 1000", true),
        ("vcd:alpha=-1", "Expected vcd to get alpha as a number from 0 to 10, found -1", true),
        ("vcd:preset=own", "Expected vcd to get preset as one of paper, official, found own", true),
        ("vcd:gamma=2", "Expected vcd to get only the parameters preset, alpha, beta, step, noise, found gamma", true),
        ("damro:k=17", "Expected damro to get k as a whole number from 1 to 16, found 17", true),
        ("damro:cls=max", "Expected damro to get cls as one of unsplit, mean, found max", true),
        ("icd:prompt=no image", "Expected icd to get prompt as a text with exactly one <image>, found no image", true),
        ("icd:prefix=6", "Expected icd to get prefix as one of detector, shapes, avoid, confused, overview", true),
        (&noise, "Expected `noise` of shape [3, 24, 24] for this model, found [3, 2, 2]: ", false),
        (&missing_noise, "Cannot read `noise` of vcd from a file: no such file: ", false),
    ] {
        let (error, stages) = refused(&asked(spec));
        assert!(error.to_string().starts_with(expected), "{spec}: {error}");
        assert_eq!(error.is_usage(), is_usage, "{spec}: whether the request was wrong");
        // What depends on the model's input is known once the photo was prepared.
        assert!(stages.iter().all(|stage| *stage == Stage::Photo), "{spec}: nothing ran: {stages:?}");
        let of_the_input = [noise.as_str(), "damro:k=17", "icd:prompt=no image"].contains(&spec);
        assert!(
            stages.is_empty() || of_the_input || spec == missing_noise,
            "{spec}: nor was the photo read: {stages:?}"
        );
    }
}

#[test]
fn presets_set_what_is_not_given() {
    let parameters = |spec: &str| ask(&MODEL, &asked(spec)).trace.run.strategy.parameters.clone();
    assert_eq!(parameters("vcd")["beta"], 0.1, "the paper's by default");
    assert_eq!(parameters("vcd:preset=official")["beta"], 0.2, "the authors' script");
    assert_eq!(parameters("vcd:beta=0.3,preset=official")["beta"], 0.3, "what is given wins");
    assert_eq!(parameters("damro:k=4")["cls"], "unsplit", "as the authors' code by default");
    assert_eq!(parameters("damro:k=4,preset=paper")["cls"], "mean", "as the paper writes it");
    assert_eq!(parameters("pai-cfg:preset=official")["gamma"], 2.0, "the authors' code");
    let icd = parameters("icd:prefix=detector");
    let expected = format!("You are an object detector to recognize every different objects. {RAW_PROMPT}");
    assert_eq!(icd["prompt"], expected.as_str(), "the run has the other branch's whole text");
}
