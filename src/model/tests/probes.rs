//! Looking changes nothing; touching changes what it should; cancelling stops within a layer.

use super::Recorder;
use crate::model::fixtures::{decoder, llava, max_diff, random_tensor};
use crate::model::{BranchInput, CancelFlag, EncoderProbe, LogitRows, ModelError, Probe, ProbeChain, Site};
use candle_core::{Result, Tensor};

const IDS: [u32; 5] = [1, 17, 4, 33, 9];

fn logits(probe: &mut dyn Probe) -> std::result::Result<Tensor, ModelError> {
    let decoder = decoder();
    let mut cache = decoder.new_cache(IDS.len())?;
    let mut branches = [BranchInput::counted(0, &mut cache, decoder.embed(&IDS)?)];
    Ok(decoder.forward(&mut branches, LogitRows::All, probe)?.remove(0))
}

/// Halves what layer 1 gives to key 0 and hands the rest to key 1, in the rows that see both.
struct Shift;

impl Probe for Shift {
    fn wants_probs(&self, site: &Site) -> bool {
        site.layer_idx == 1
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        let (heads, queries, keys) = probs.dims3()?;
        let first_row = probs.narrow(1, 0, 1)?;
        let rest = probs.narrow(1, 1, queries - 1)?;
        let half = (rest.narrow(2, 0, 1)? * 0.5)?;
        let second = (rest.narrow(2, 1, 1)? + &half)?;
        let rest = Tensor::cat(&[&half, &second, &rest.narrow(2, 2, keys - 2)?], 2)?;
        assert_eq!((heads, site.key_len), (4, keys), "the site fits the tensor");
        Tensor::cat(&[&first_row, &rest], 1).map(Some)
    }
}

#[test]
fn looking_changes_nothing() {
    let mut seen = Recorder::default();
    let (plain, watched) = (logits(&mut ()).unwrap(), logits(&mut seen).unwrap());
    assert!(max_diff(&plain, &watched) == 0.0, "bit for bit the same");
    assert_eq!((seen.scores.len(), seen.probs.len(), seen.hidden.len()), (3, 3, 3), "all places of all layers");
    let pixels = random_tensor(5, &[3, 12, 12], 1.5);
    let plain = llava().encode_image(&pixels, &mut ()).unwrap();
    let watched = llava().encode_image(&pixels, &mut Recorder::default()).unwrap();
    assert!(max_diff(&plain.projected, &watched.projected) == 0.0, "vision, bit for bit the same");
}

#[test]
fn softmax_of_shown_scores_is_the_shown_probabilities() {
    let mut seen = Recorder::default();
    logits(&mut seen).unwrap();
    for ((_, scores), (_, probs)) in seen.scores.iter().zip(&seen.probs) {
        let softmax = candle_nn::ops::softmax(scores, 2).unwrap();
        assert!(max_diff(&softmax, probs) < 1e-6, "scores are masked and scaled when they are shown");
    }
}

#[test]
fn an_edit_changes_only_what_comes_after_it() {
    let (mut plain, mut edited) = (Recorder::default(), Recorder::default());
    let plain_logits = logits(&mut plain).unwrap();
    let mut shift = Shift;
    let edited_logits = logits(&mut ProbeChain::new().with(&mut shift).with(&mut edited)).unwrap();
    let hidden = |seen: &Recorder, layer: usize| seen.hidden[layer].1.clone();
    assert!(max_diff(&hidden(&plain, 0), &hidden(&edited, 0)) == 0.0, "the layer before is untouched");
    let rows = |tensor: &Tensor, start, len| tensor.narrow(0, start, len).unwrap();
    let diff = max_diff(&rows(&hidden(&plain, 1), 1, 4), &rows(&hidden(&edited, 1), 1, 4));
    assert!(diff > 1e-4, "the edited layer changes");
    assert!(max_diff(&rows(&plain_logits, 0, 1), &rows(&edited_logits, 0, 1)) == 0.0, "the row that was left alone");
    assert!(max_diff(&rows(&plain_logits, 1, 4), &rows(&edited_logits, 1, 4)) > 1e-4, "the rows that were edited");
}

#[test]
fn later_probes_of_a_chain_see_the_edit() {
    let (mut before, mut after, mut shift) = (Recorder::default(), Recorder::default(), Shift);
    logits(&mut ProbeChain::new().with(&mut before).with(&mut shift).with(&mut after)).unwrap();
    let last = |seen: &Recorder, key: usize| -> f32 {
        seen.probs[1].1.get(0).unwrap().get(4).unwrap().get(key).unwrap().to_scalar().unwrap()
    };
    assert!((last(&after, 0) - 0.5 * last(&before, 0)).abs() < 1e-6, "half of it left");
    assert!((last(&after, 1) - last(&before, 1) - 0.5 * last(&before, 0)).abs() < 1e-6, "and went next door");
    assert!(max_diff(&before.probs[0].1, &after.probs[0].1) == 0.0, "other layers alike");
}

/// Returns a tensor of another shape in layer 2.
struct WrongShape;

impl Probe for WrongShape {
    fn wants_scores(&self, site: &Site) -> bool {
        site.layer_idx == 2
    }

    fn scores(&mut self, _: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        scores.narrow(2, 0, 2).map(Some)
    }
}

#[test]
fn a_probe_that_returns_another_shape_is_an_error_that_names_the_layer() {
    let message = logits(&mut WrongShape).unwrap_err().to_string();
    assert!(
        message.starts_with("Decoder layer 2 failed: Expected a probe to return scores of shape [4, 5, 5]"),
        "{message}"
    );
}

#[test]
fn a_failing_probe_is_an_error_that_names_the_layer() {
    struct Fails;
    impl Probe for Fails {
        fn wants_hidden(&self, site: &Site) -> bool {
            site.layer_idx == 1
        }
        fn hidden(&mut self, _: &Site, _: &Tensor) -> Result<Option<Tensor>> {
            Err(candle_core::Error::Msg("out of budget".to_owned()))
        }
    }
    let message = logits(&mut Fails).unwrap_err().to_string();
    assert_eq!(message, "Decoder layer 1 failed: out of budget", "layer and cause");
}

/// Raises a flag while it looks at one layer.
struct CancelAt(usize, CancelFlag, Vec<usize>);

impl Probe for CancelAt {
    fn wants_probs(&self, _: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, _: &Tensor) -> Result<Option<Tensor>> {
        self.2.push(site.layer_idx);
        if site.layer_idx == self.0 {
            self.1.cancel();
        }
        Ok(None)
    }
}

#[test]
fn cancelling_stops_before_the_next_layer() {
    let mut flag = CancelFlag::default();
    let mut probe = CancelAt(1, flag.clone(), Vec::new());
    let err = logits(&mut ProbeChain::new().with(&mut probe).with(&mut flag)).unwrap_err();
    assert!(err.is_cancelled(), "recognisable: {err}");
    assert_eq!(probe.2, [0, 1], "layer 2 never ran");

    let mut flag = CancelFlag::default();
    let mut probe = CancelAt(0, flag.clone(), Vec::new());
    let pixels = random_tensor(5, &[3, 12, 12], 1.5);
    let err = llava().encode_image(&pixels, &mut ProbeChain::new().with(&mut probe).with(&mut flag)).unwrap_err();
    assert!(err.is_cancelled() && probe.2 == [0], "the vision tower stops too");
}

#[test]
fn a_cancelled_pass_leaves_the_cache_as_it_was() {
    let decoder = decoder();
    let mut cache = decoder.new_cache(8).unwrap();
    let run = |cache: &mut _, ids: &[u32], probe: &mut dyn Probe| {
        let embeddings = decoder.embed(ids).unwrap();
        decoder.forward(&mut [BranchInput::counted(0, cache, embeddings)], LogitRows::Last, probe)
    };
    run(&mut cache, &IDS[..3], &mut ()).unwrap();
    let mut flag = CancelFlag::default();
    let mut probe = CancelAt(1, flag.clone(), Vec::new());
    assert!(run(&mut cache, &[40, 41], &mut ProbeChain::new().with(&mut probe).with(&mut flag)).is_err(), "cancelled");
    assert_eq!(cache.len(), 3, "nothing of the pass counts");
    let found = run(&mut cache, &IDS[3..], &mut ()).unwrap().remove(0);
    assert!(max_diff(&found, &logits(&mut ()).unwrap().get(4).unwrap()) < 1e-5, "as if nothing had happened");
}

#[test]
fn an_encoder_is_seen_under_its_number_and_computes_the_same() {
    let pixels = random_tensor(5, &[3, 12, 12], 1.5);
    let plain = llava().encode_image(&pixels, &mut ()).unwrap();
    let mut seen = Recorder::default();
    let second = llava().encode_image(&pixels, &mut EncoderProbe::new(&mut seen, 1)).unwrap();
    assert!(max_diff(&plain.projected, &second.projected) == 0.0, "bit for bit");
    let sites = seen.scores.iter().chain(&seen.probs).chain(&seen.hidden).map(|(site, _)| site);
    assert_eq!(sites.clone().count(), 9, "every place of three layers");
    assert!(sites.clone().all(|site| site.encoder_idx == 1), "the second encoder");
}

/// Notes its calls, and silences heads and feed-forward parts.
#[derive(Default)]
struct Silence {
    calls: Vec<(&'static str, Vec<usize>)>,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Probe for Silence {
    fn wants_input(&self, _: &Site) -> bool {
        true
    }

    fn input(&mut self, _: &Site, input: &Tensor) -> Result<()> {
        self.calls.push(("input", input.dims().to_vec()));
        self.inputs.push(input.copy()?);
        Ok(())
    }

    fn wants_probs(&self, _: &Site) -> bool {
        true
    }

    fn probs(&mut self, _: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        self.calls.push(("probs", probs.dims().to_vec()));
        Ok(None)
    }

    fn wants_heads(&self, _: &Site) -> bool {
        true
    }

    fn heads(&mut self, _: &Site, heads: &Tensor) -> Result<Option<Tensor>> {
        self.calls.push(("heads", heads.dims().to_vec()));
        heads.zeros_like().map(Some)
    }

    fn wants_mlp(&self, _: &Site) -> bool {
        true
    }

    fn mlp(&mut self, _: &Site, mlp: &Tensor) -> Result<Option<Tensor>> {
        self.calls.push(("mlp", mlp.dims().to_vec()));
        mlp.zeros_like().map(Some)
    }

    fn wants_hidden(&self, _: &Site) -> bool {
        true
    }

    fn hidden(&mut self, _: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        self.calls.push(("hidden", hidden.dims().to_vec()));
        self.outputs.push(hidden.copy()?);
        Ok(None)
    }
}

#[test]
fn layers_whose_heads_and_feed_forward_parts_are_silent_change_nothing() {
    let decoder = decoder();
    let mut cache = decoder.new_cache(IDS.len() + 1).unwrap();
    for ids in [&IDS[..], &[7]] {
        let embeddings = decoder.embed(ids).unwrap();
        let mut silence = Silence::default();
        let mut branches = [BranchInput::counted(0, &mut cache, embeddings.clone())];
        decoder.forward(&mut branches, LogitRows::Last, &mut ProbeChain::new().with(&mut silence)).unwrap();
        let (rows, keys) = (ids.len(), if ids.len() == 1 { IDS.len() + 1 } else { ids.len() });
        let layer = [
            ("input", vec![rows, 24]),
            ("probs", vec![4, rows, keys]),
            ("heads", vec![rows, 24]),
            ("mlp", vec![rows, 24]),
            ("hidden", vec![rows, 24]),
        ];
        assert_eq!(silence.calls, vec![layer; 3].concat(), "every place of every layer, in order");
        for state in silence.inputs.iter().chain(&silence.outputs) {
            assert!(max_diff(state, &embeddings) == 0.0, "what is added is nothing");
        }
    }
    let mut silence = Silence::default();
    llava().encode_image(&random_tensor(5, &[3, 12, 12], 1.5), &mut EncoderProbe::new(&mut silence, 0)).unwrap();
    let names: Vec<_> = silence.calls.iter().map(|(name, _)| *name).take(5).collect();
    assert_eq!(names, ["input", "probs", "heads", "mlp", "hidden"], "vision");
}
