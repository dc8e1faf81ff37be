//! Methods that act inside the model, on tensors made for them: what they choose, what they leave, what they refuse.

use super::{SPAN, prepared};
use crate::decode::{ActiveMethod, DecodeError, Word};
use crate::ids::TokenSpan;
use crate::model::{Site, Tower};
use candle_core::{Device, Tensor};

const PROMPT: usize = 14;

fn site(query_start: usize, query_len: usize, layer_idx: usize) -> Site {
    let (tower, encoder_idx, branch_idx) = (Tower::Decoder, 0, 0);
    Site { tower, encoder_idx, layer_idx, branch_idx, query_start, query_len, key_len: query_start + query_len }
}

/// Values by head, row and key; zero behind the row.
fn rows(num_heads: usize, site: &Site, value: impl Fn(usize, usize, usize) -> f32) -> Tensor {
    let mut values = Vec::new();
    for head in 0..num_heads {
        for row in site.query_start..site.query_start + site.query_len {
            values.extend((0..site.key_len).map(|key| if key <= row { value(head, row, key) } else { 0.0 }));
        }
    }
    Tensor::from_vec(values, (num_heads, site.query_len, site.key_len), &Device::Cpu).unwrap()
}

fn built(name: &str, parameters: &[(&str, &str)]) -> Box<dyn ActiveMethod> {
    prepared(name, parameters, SPAN).unwrap().0
}

fn values(tensor: &Tensor) -> Vec<Vec<Vec<f32>>> {
    tensor.to_vec3().unwrap()
}

#[test]
fn eah_counts_every_later_row_and_may_choose_the_first_head() {
    let prompt = site(0, PROMPT, 0);
    // Head 0 looks at keys 3 and 4, head 1 at key 5, each with 0.1 in every later row.
    let probs = rows(3, &prompt, |head, row, key| {
        let seen = [&[3, 4][..], &[5], &[]][head];
        if row > key && seen.contains(&key) { 0.1 } else { 0.01 }
    });
    for (parameters, head) in [
        (&[("threshold", "0.0999")][..], Some(0)),
        (&[("threshold", "0.1001")], None),
        // One row too many makes the means smaller, and the first head is none.
        (&[("preset", "official"), ("layer", "0"), ("threshold", "0.05")], None),
        (&[("preset", "official"), ("layer", "0"), ("threshold", "0.0999")], None),
    ] {
        let mut eah = built("eah", parameters);
        let edited = eah.probe().unwrap().probs(&prompt, &probs).unwrap();
        assert_eq!(edited.is_some(), head.is_some(), "{parameters:?}");
        let Some(edited) = edited else { continue };
        let (before, after) = (values(&probs), values(&edited));
        assert!(after.iter().all(|map| Some(map) == head.map(|head| &before[head])), "{parameters:?}: one for all");
        // The end of the prompt runs once more after a retraction; a row of the answer stays.
        let again = eah.probe().unwrap().probs(&site(13, 1, 0), &probs.narrow(1, 13, 1).unwrap()).unwrap().unwrap();
        assert_eq!(values(&again)[2][0], before[0][13], "by the same head");
        assert!(!eah.probe().unwrap().wants_probs(&site(14, 1, 0)), "the answer's rows stay");
        assert!(!eah.probe().unwrap().wants_probs(&site(0, PROMPT, 1)), "other layers stay");
    }
    let other = rows(3, &prompt, |head, row, key| if head == 2 && row > key && key == 9 { 0.3 } else { 0.01 });
    let mut eah = built("eah", &[("preset", "official"), ("layer", "0"), ("threshold", "0.1")]);
    let edited = eah.probe().unwrap().probs(&prompt, &other).unwrap().unwrap();
    assert_eq!(values(&edited)[0], values(&other)[2], "another head may be chosen by the code's rule");
}

#[test]
fn spin_ranks_heads_by_scores_or_by_mass() {
    let step = site(PROMPT, 1, 0);
    // The first head has large scores everywhere, the second looks at the image.
    let scores = rows(2, &step, |head, _, key| if head == 0 { 5.0 } else { f32::from(u8::from(SPAN.contains(key))) });
    let probs = candle_nn::ops::softmax_last_dim(&scores).unwrap();
    let outputs = Tensor::ones((1, 6), candle_core::DType::F32, &Device::Cpu).unwrap();
    for (score, quiet) in [("raw", 1), ("mass", 0)] {
        let mut spin = built("spin", &[("ratio", "0.5"), ("scale", "0.25"), ("score", score)]);
        let probe = spin.probe().unwrap();
        if probe.wants_scores(&step) {
            assert!(probe.scores(&step, &scores).unwrap().is_none(), "scores stay");
        }
        if probe.wants_probs(&step) {
            assert!(probe.probs(&step, &probs).unwrap().is_none(), "probabilities stay");
        }
        let edited = probe.heads(&step, &outputs).unwrap().unwrap().to_vec2::<f32>().unwrap();
        let mut expected = [1.0; 6];
        expected[quiet * 3..][..3].fill(0.25);
        assert_eq!(edited[0], expected, "{score}");
        let report = spin.report().unwrap();
        assert_eq!(report.to_string(), "spin changed 1 head outputs in 1 layer passes", "counted");
    }
}

#[test]
fn var_takes_from_sinks_and_gives_to_the_image() {
    let mut var = built("var", &[("dims", "0+5"), ("tau", "3"), ("p", "0.5"), ("start", "1")]);
    let prompt = site(0, PROMPT, 1);
    // 24 values; one large one makes its position a sink.
    let input = |sinks: &[usize]| {
        let value = |row: usize, dim: usize| if dim == 5 && sinks.contains(&row) { -50.0 } else { 1.0_f32 };
        let values: Vec<f32> = (0..PROMPT).flat_map(|row| (0..24).map(move |dim| value(row, dim))).collect();
        Tensor::from_vec(values, (PROMPT, 24), &Device::Cpu).unwrap()
    };
    let probs = rows(1, &prompt, |_, row, _| 1.0 / f32::from(u8::try_from(row + 1).unwrap()));
    for (sinks, edited) in [(&[0, 4][..], true), (&[0], false), (&[2, 3, 4, 5, 6, 7, 8, 9, 10], false), (&[7], true)] {
        let probe = var.probe().unwrap();
        assert!(probe.wants_input(&prompt) && !probe.wants_input(&site(PROMPT, 1, 1)), "sinks are the prompt's");
        assert!(!probe.wants_input(&site(0, PROMPT, 0)), "of its own layers");
        // Every question has its own.
        probe.input(&prompt, &input(sinks)).unwrap();
        let Some(found) = probe.probs(&prompt, &probs).unwrap() else {
            assert!(!edited, "{sinks:?}: sinks on the image and others there");
            continue;
        };
        assert!(edited, "{sinks:?}: nothing to take or to give");
        let (before, after) = (values(&probs), values(&found));
        assert_eq!(after[0][..SPAN.end()], before[0][..SPAN.end()], "rows before and on the image stay");
        for (before, after) in before[0].iter().zip(&after[0]).skip(SPAN.end()) {
            assert!((after.iter().sum::<f32>() - 1.0).abs() < 1e-5, "a row still sums to 1");
            for key in 0..PROMPT {
                let expected = if sinks.contains(&key) {
                    before[key] * 0.5
                } else if SPAN.contains(key) {
                    before[key] + after_share(before, sinks)
                } else {
                    before[key]
                };
                assert!((after[key] - expected).abs() < 1e-6, "{sinks:?}, key {key}");
            }
        }
    }
}

/// What each of the image's other tokens gets, where all probabilities of a row are the same.
fn after_share(row: &[f32], sinks: &[usize]) -> f32 {
    let count = |n: usize| f32::from(u8::try_from(n).unwrap());
    let others = SPAN.range().filter(|key| !sinks.contains(key)).count();
    0.5 * row[0] * count(sinks.len()) / count(others)
}

#[test]
fn ad_hh_forgets_the_text_in_listed_heads_that_look_at_it() {
    let step = site(PROMPT, 1, 1);
    // Four keys behind the image: 0.6 of the first head, 0.2 of the second.
    let probs = rows(2, &step, |head, _, key| if key >= SPAN.end() { [0.15, 0.05][head] } else { 0.05 });
    let mut forget = built("ad-hh", &[("heads", "1.0+1.1+2.1"), ("threshold", "0.5")]);
    let probe = forget.probe().unwrap();
    assert!(!probe.wants_probs(&site(PROMPT, 1, 0)), "no head of this layer");
    let edited = values(&probe.probs(&step, &probs).unwrap().unwrap());
    assert!(edited[0][0][SPAN.end()..].iter().all(|p| *p == 0.0), "the first head forgets");
    assert_eq!(edited[0][0][..SPAN.end()], values(&probs)[0][0][..SPAN.end()], "the rest is not normalised");
    assert_eq!(edited[1], values(&probs)[1], "the second looks elsewhere");
    assert_eq!(forget.report().unwrap().num_values, 4, "probabilities that changed");
}

#[test]
fn published_layers_scale_with_the_depth_and_given_ones_stay() {
    let spelled = |name: &str, given: &[(&str, &str)], wanted: &[&'static str]| {
        let (_, parameters) = prepared(name, given, SPAN).unwrap();
        wanted.iter().map(|name| parameters.text(name).to_owned()).collect::<Vec<_>>().join(" ")
    };
    // Of three layers.
    for (name, given, wanted, expected) in [
        ("vaf", &[][..], &["start", "end"][..], "0 1"),
        ("vaf", &[("start", "2")], &["start", "end"], "2 3"),
        ("devils", &[], &["start", "end"], "0 1"),
        ("spin", &[], &["start", "end"], "0 3"),
        ("vista", &[], &["start", "end"], "2 3"),
        ("eah", &[], &["layer", "threshold"], "0 0.002"),
        ("eah", &[("preset", "official")], &["layer", "threshold"], "1 0.0008"),
        ("eah", &[("layer", "1")], &["layer"], "1"),
        ("var", &[("dims", "3")], &["start", "end"], "0 3"),
        ("dola", &[], &["entries"], "0+1"),
        ("dola", &[("bucket", "high")], &["entries"], "1+2"),
        ("dola", &[("entries", "0-2")], &["entries"], "0+1+2"),
        ("deco", &[], &["entries"], "1+2"),
        ("deco", &[("entries", "3+1")], &["entries"], "1+3"),
        ("pai", &[], &["start", "end"], "2 3"),
    ] {
        assert_eq!(spelled(name, given, wanted), expected, "{name} {given:?}");
    }
}

#[test]
fn what_methods_inside_the_model_cannot_use_is_refused_by_name() {
    let refused = |name: &str, given: &[(&str, &str)], span| {
        prepared(name, given, span).map(|_| ()).expect_err("a refusal").to_string()
    };
    for (name, given, parameter) in [
        ("vaf", ("enhance", "-1"), "enhance"),
        ("vaf", ("end", "4"), "end"),
        ("vaf", ("start", "3"), "start"),
        ("var", ("dims", ""), "dims"),
        ("var", ("dims", "24"), "dims"),
        ("var", ("tau", "0"), "tau"),
        ("eah", ("layer", "3"), "layer"),
        ("eah", ("threshold", "2"), "threshold"),
        ("pai", ("gamma", "0.9"), "gamma"),
        ("pai", ("alpha", "11"), "alpha"),
        ("devils", ("alpha", "11"), "alpha"),
        ("spin", ("score", "sum"), "score"),
        ("spin", ("ratio", "1.1"), "ratio"),
        ("ad-hh", ("threshold", "0.4"), "heads"),
        ("ad-hh", ("heads", "3.0"), "heads"),
        ("ad-hh", ("heads", "0.4"), "heads"),
        ("vti", ("text", "1"), "directions"),
        ("vista", ("lambda", "11"), "lambda"),
        ("vista", ("norm", "yes"), "norm"),
        ("dola", ("entries", "3"), "entries"),
        ("dola", ("bucket", "middle"), "bucket"),
        ("dola", ("preset", "code"), "preset"),
        ("eah", ("preset", "code"), "preset"),
        ("deco", ("entries", "4"), "entries"),
        ("deco", ("top-k", "0"), "top-k"),
        ("deco", ("top-p", "0"), "top-p"),
    ] {
        let found = refused(name, &[given], SPAN);
        assert!(found.starts_with(&format!("Expected {name} to get {parameter} as ")), "{name} {given:?}: {found}");
    }
    let none = TokenSpan { start: 0, len: 0 };
    for name in ["vaf", "eah", "pai", "devils", "spin", "vista"] {
        let found = refused(name, &[], none);
        assert_eq!(found, format!("Expected an image in the prompt for {name}, found none"), "without a photo");
    }
}

#[test]
fn directions_that_do_not_fit_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("d.safetensors");
    let path = file.display().to_string();
    let refused = |given: &[(&str, &str)]| {
        let all = [&[("directions", path.as_str())], given].concat();
        prepared("vti", &all, SPAN).map(|_| ()).map_err(|err: DecodeError| err.to_string())
    };
    let text = refused(&[]).expect_err("a refusal");
    assert!(text.starts_with("Cannot read the directions of vti from a file: no such file: "), "{text}");
    let zeros = |dims: &[usize]| Tensor::zeros(dims, candle_core::DType::F32, &Device::Cpu).unwrap();
    let save = |tensors: &[(&str, Tensor)]| {
        let tensors = tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone()));
        candle_core::safetensors::save(&tensors.collect(), &file).unwrap();
    };
    save(&[("text", zeros(&[3, 24]))]);
    assert_eq!(refused(&[("vision", "0")]), Ok(()), "what is not asked for need not be there");
    let found = refused(&[]).expect_err("a refusal");
    assert!(found.contains("found the tensors text and a strength 0.4 of vision: "), "{found}");
    save(&[("text", zeros(&[4, 24]))]);
    let found = refused(&[("vision", "0")]).expect_err("a refusal");
    assert!(
        found.starts_with("Expected directions `text` of shape [3, 24] for this model, found [4, 24]: "),
        "{found}"
    );
    save(&[("vision", zeros(&[7, 8]))]);
    let found = refused(&[("text", "0")]).expect_err("a refusal");
    let expected = "Expected directions `vision` of shape [3, 16] or [3, 10, 16] for this model, found ";
    assert!(found.starts_with(&format!("{expected}[7, 8]: ")), "{found}");
    for dims in [&[3, 8][..], &[3, 10, 8], &[3, 9, 16], &[3], &[3, 1, 10, 16]] {
        save(&[("vision", zeros(dims))]);
        let found = refused(&[("text", "0")]).expect_err("a refusal");
        assert!(found.starts_with(&format!("{expected}{dims:?}: ")), "{found}");
        assert!(found.ends_with("d.safetensors"), "the file comes last: {found}");
    }
    for dims in [&[3, 16][..], &[3, 10, 16], &[3, 1, 16]] {
        save(&[("vision", zeros(dims))]);
        assert_eq!(refused(&[("text", "0")]), Ok(()), "{dims:?} fits");
    }
    save(&[("text", (zeros(&[3, 24]) / 0.0).unwrap())]);
    let found = refused(&[("vision", "0")]).expect_err("a refusal");
    assert!(found.contains("values of text that are not finite"), "{found}");
    std::fs::write(&file, "text").unwrap();
    let found = refused(&[]).expect_err("a refusal");
    assert!(found.starts_with("Expected a safetensors file with directions for vti"), "{found}");
    assert!(found.ends_with("d.safetensors"), "the file comes last: {found}");
}

#[test]
fn a_method_inside_the_model_that_never_acted_says_so() {
    for (name, given) in [("vaf", &[][..]), ("eah", &[]), ("ad-hh", &[("heads", "0.0")]), ("vista", &[])] {
        let warning = built(name, given).report().unwrap().warning(Word::Method);
        assert_eq!(warning, Some(format!("The method {name} changed nothing in this run")), "{name}");
    }
}

#[test]
fn rules_of_official_code_come_with_the_preset_alone() {
    for (name, known) in [("eah", "preset, layer, threshold"), ("dola", "preset, entries, bucket, beta, norm")] {
        let found =
            prepared(name, &[("form", "official")], SPAN).map(|_| ()).expect_err("no such parameter").to_string();
        let expected = format!("Expected {name} to get only the parameters {known}, found form");
        assert!(found.starts_with(&expected), "{name}: {found}");
    }
}

#[test]
fn numbers_that_have_no_end_in_the_papers_have_none() {
    for parameter in ["threshold", "warm-up", "window"] {
        assert!(prepared("opera", &[(parameter, "99000000")], SPAN).is_ok(), "{parameter} of opera");
    }
    assert!(prepared("var", &[("dims", "0"), ("tau", "1e9")], SPAN).is_ok(), "tau of var");
}
