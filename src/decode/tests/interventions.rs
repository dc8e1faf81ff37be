//! Interventions: what they change, what they leave, what they refuse.

use super::{SPAN, image_prompt, of_intervention};
use crate::decode::{ActiveMethod, DecodeError, GenerateOptions, Stack, Word, build as registered, generate};
use crate::ids::TokenSpan;
use crate::model::fixtures::{llava, max_diff};
use crate::model::{Probe, ProbeChain, Site};
use candle_core::{Result, Tensor};

fn build(name: &str, parameters: &[(&str, &str)]) -> std::result::Result<Box<dyn ActiveMethod>, DecodeError> {
    of_intervention(name, parameters, SPAN).map(|(active, _)| active)
}

/// Decoder scores and probabilities, pass by pass, layer by layer.
#[derive(Default)]
struct Seen {
    scores: Vec<(Site, Tensor)>,
    probs: Vec<Tensor>,
}

impl Probe for Seen {
    fn wants_scores(&self, _: &Site) -> bool {
        true
    }
    fn scores(&mut self, site: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        self.scores.push((*site, scores.copy()?));
        Ok(None)
    }
    fn wants_probs(&self, _: &Site) -> bool {
        true
    }
    fn probs(&mut self, _: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        self.probs.push(probs.copy()?);
        Ok(None)
    }
}

/// Three tokens under some interventions, seen before and after them.
fn run(interventions: &mut [Box<dyn ActiveMethod>]) -> (Seen, Seen, Vec<Vec<f32>>) {
    let model = llava();
    let (prompt, _) = image_prompt(&model);
    let (mut before, mut after) = (Seen::default(), Seen::default());
    let mut chain = ProbeChain::new().with(&mut before);
    for intervention in interventions {
        chain = chain.with(intervention.probe().unwrap());
    }
    let mut chain = chain.with(&mut after);
    let options = GenerateOptions { max_new_tokens: 3, ..GenerateOptions::default() };
    let mut logits = Vec::new();
    let mut keep = |step: &crate::decode::TokenStep| logits.push(step.branch_logits[0].clone());
    generate(model.decoder(), Stack::default(), vec![prompt], options, &mut chain, &mut keep).unwrap();
    (before, after, logits)
}

#[test]
fn knocked_out_patches_get_nothing_from_later_positions() {
    let mut knockout = [build("knockout", &[("patches", "0.1+2.2")]).unwrap()];
    let (_, after, logits) = run(&mut knockout);
    let keys = [SPAN.start + 1, SPAN.start + 8];
    assert_eq!(after.probs.len(), 9, "three layers, three passes");
    for ((site, _), probs) in after.scores.iter().zip(&after.probs) {
        for head in probs.to_vec3::<f32>().unwrap() {
            for (row_idx, row) in head.iter().enumerate() {
                let query = site.query_start + row_idx;
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "row {query} sums to one");
                for key in keys {
                    let seen = row[key] > 0.0;
                    assert_eq!(seen, query == key, "query {query} sees key {key} only if it is its own");
                }
            }
        }
    }
    let report = knockout[0].report().unwrap();
    // Prompt of 14: key 3 is hidden from 10 rows, key 10 from 3; then 2 a pass. Three layers, four heads.
    assert_eq!(report.num_values, (13 + 2 + 2) * 3 * 4, "scores changed");
    assert_eq!((report.num_calls, report.warning(Word::Intervention)), (9, None), "every layer of every pass");
    let (_, _, plain) = run(&mut []);
    let diff = logits[0].iter().zip(&plain[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(diff > 1e-3, "the answer's logits change");
}

#[test]
fn knockout_counts_patches_after_a_cls_token() {
    // Ten image tokens for nine patches: [CLS] stands first, so patch 0.0 is the second token of the span.
    let span = crate::ids::TokenSpan { start: 1, len: 10 };
    let (active, _) = of_intervention("knockout", &[("patches", "0.0")], span).unwrap();
    let (_, after, _) = run(&mut [active]);
    let last = after.probs[0].get(0).unwrap().get(13).unwrap().to_vec1::<f32>().unwrap();
    assert!(last[2] == 0.0 && last[1] > 0.0, "key 2 is hidden, key 1 is not");
}

#[test]
fn pai_boosts_the_last_row_of_image_keys_in_its_layers() {
    let mut pai = [build("pai", &[("alpha", "0.5"), ("start", "1"), ("end", "2")]).unwrap()];
    let (before, after, _) = run(&mut pai);
    for ((site, plain), (_, boosted)) in before.scores.iter().zip(&after.scores) {
        if site.layer_idx != 1 {
            assert!(max_diff(&finite(plain), &finite(boosted)) == 0.0, "layer {} is left alone", site.layer_idx);
            continue;
        }
        let (plain, boosted) = (plain.to_vec3::<f32>().unwrap(), boosted.to_vec3::<f32>().unwrap());
        for (plain, boosted) in plain.iter().zip(&boosted) {
            for (row_idx, (plain, boosted)) in plain.iter().zip(boosted).enumerate() {
                for (key, (score, found)) in plain.iter().zip(boosted).enumerate() {
                    let touched = row_idx + 1 == site.query_len && SPAN.contains(key);
                    let expected = if touched { score + 0.5 * score.abs() } else { *score };
                    let both_masked = found.is_infinite() && expected.is_infinite();
                    assert!(both_masked || (found - expected).abs() < 1e-6, "row {row_idx}, key {key}");
                }
            }
        }
    }
    let report = pai[0].report().unwrap();
    assert_eq!((report.num_calls, report.num_values), (3, 3 * 4 * 9), "one layer, three passes, four heads, nine keys");
    assert_eq!(report.to_string(), "pai changed 108 scores in 3 layer passes", "in words");
}

/// Masked scores would make differences of infinities.
fn finite(scores: &Tensor) -> Tensor {
    scores.maximum(f64::from(f32::MIN)).unwrap()
}

#[test]
fn pai_boosts_the_pass_over_the_prompt() {
    let (_, _, plain) = run(&mut []);
    let (_, _, boosted) = run(&mut [build("pai", &[("start", "0")]).unwrap()]);
    assert_ne!(plain[0], boosted[0], "the first token's logits");
}

#[test]
fn pai_defaults_reach_to_the_last_layer() {
    let (_, parameters) = of_intervention("pai", &[], SPAN).unwrap();
    let spelled: Vec<_> = parameters.values().iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(spelled, ["alpha=0.2", "end=3", "start=2"], "spelled out for the trace");
    let mut pai = [build("pai", &[]).unwrap()];
    run(&mut pai);
    assert_eq!(pai[0].report().unwrap().num_calls, 3, "layer 2 of 0..3, three passes");
}

#[test]
fn a_boost_leaves_knocked_out_patches_out() {
    let mut both =
        [build("knockout", &[("patches", "1.1")]).unwrap(), build("pai", &[("alpha", "2"), ("start", "0")]).unwrap()];
    let (_, after, logits) = run(&mut both);
    let row = after.probs[0].get(0).unwrap().get(13).unwrap().to_vec1::<f32>().unwrap();
    assert!(row[SPAN.start + 4] == 0.0, "still hidden");
    assert!(logits.iter().flatten().all(|logit| logit.is_finite()), "no infinity minus infinity");
}

#[test]
fn interventions_act_on_the_ordinary_branch_of_the_decoder_only() {
    let site = |tower, branch_idx| {
        let (encoder_idx, layer_idx, query_start) = (0, 2, 0);
        Site { tower, encoder_idx, layer_idx, branch_idx, query_start, query_len: 20, key_len: 20 }
    };
    for (name, parameters) in [("knockout", &[("patches", "0.0")][..]), ("pai", &[])] {
        let mut method = build(name, parameters).unwrap();
        let active = method.probe().unwrap();
        assert!(active.wants_scores(&site(crate::model::Tower::Decoder, 0)), "{name} acts on branch 0");
        assert!(!active.wants_scores(&site(crate::model::Tower::Decoder, 1)), "{name} leaves branch 1");
        assert!(!active.wants_scores(&site(crate::model::Tower::Vision, 0)), "{name} leaves the vision tower");
    }
}

#[test]
fn an_intervention_that_never_acted_says_so() {
    let report = build("pai", &[]).unwrap().report().unwrap();
    assert_eq!(
        report.warning(Word::Intervention).as_deref(),
        Some("The intervention pai changed nothing in this run"),
        "a warning"
    );
}

#[test]
fn parameters_that_cannot_be_used_are_refused_by_name() {
    let message = |name: &str, given: &[(&str, &str)]| build(name, given).map(|_| ()).unwrap_err().to_string();
    let start = "Expected knockout to get patches as ROW.COL with rows below 3 and columns below 3, found";
    for (bad, shown) in [("", "nothing"), ("3.0", "3.0"), ("0.3", "0.3"), ("1", "1"), ("0.0+", "0.0+"), ("a.b", "a.b")]
    {
        let found = message("knockout", &[("patches", bad)]);
        assert_eq!(found, format!("{start} {shown}"), "patches {bad:?}");
    }
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("alpha", "0")], "alpha"),
        (&[("alpha", "nan")], "alpha"),
        (&[("alpha", "11")], "alpha"),
        (&[("start", "3")], "start"),
        (&[("end", "4")], "end"),
        (&[("start", "2"), ("end", "2")], "start"),
        (&[("end", "-1")], "end"),
    ];
    for (parameters, name) in cases {
        let found = message("pai", parameters);
        assert!(found.starts_with(&format!("Expected pai to get {name} as a")), "{parameters:?}: {found}");
    }
    let found = message("pai", &[("beta", "1")]);
    assert_eq!(found, "Expected pai to get only the parameters alpha, start, end, found beta", "unknown");
    let found = message("pai", &[("alpha", "1"), ("alpha", "2")]);
    assert_eq!(found, "Expected pai to get alpha once, found it twice", "repeated");
    let found = registered(Word::Intervention, "eah", &[]).map(|_| ()).unwrap_err().to_string();
    assert_eq!(found, "Expected one of the interventions knockout, pai, found eah", "not registered");
}

#[test]
fn interventions_on_the_image_need_an_image() {
    let none = TokenSpan { start: 0, len: 0 };
    for (name, parameters) in [("knockout", &[("patches", "0.0")][..]), ("pai", &[])] {
        let err = of_intervention(name, parameters, none).map(|_| ()).unwrap_err();
        assert!(matches!(err, DecodeError::NoImage { .. }), "{name}: {err}");
    }
}
