//! AD-HH: heads that hallucinate lose sight of the text when they look at it too much.

use super::rules::{Count, Places, edit_each_row, heads, is_ordinary};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};
use crate::files;
use crate::model::{Probe, Site};
use candle_core::{Result as TensorResult, Tensor};
use serde_json::Value;
use std::path::{Path, PathBuf};

const ID: &str = "ad-hh";
/// Layers, and heads a layer, of the model that the published list is for.
const PUBLISHED: usize = 32;
/// More than the scores of any model's heads.
const MOST_BYTES: u64 = 16 << 20;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "AD-HH: heads that hallucinate",
    help: "Takes the attention to the text after the image from listed heads, for the position that predicts, where \
        they look mostly at it",
    paper: "Yang et al., Understanding and Mitigating Hallucination in Large Vision-Language Models via Modular \
        Attribution and Intervention, ICLR 2025",
    acts: Acts::Heads,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::text(
            "heads",
            "16.29+26.9+13.31+15.10+20.12+30.9+19.18+17.0+18.9+26.28+19.27+18.26+15.25+14.16+31.26+15.24+31.3+22.20\
                +27.29+17.28",
            "Heads as LAYER.HEAD, 0-based, joined by +, or a file of `gazelens heads`; the default is LLaVA-1.5-7B's, \
                other models need a list",
        ),
        ParameterInfo::real(
            "threshold",
            "0.4",
            (0.0, 1.0),
            "Attention to the text after the image from which a head loses it",
        ),
    ],
    presets: &[
        Preset { id: "paper", help: "Threshold 0.4, as the authors' script", values: &[("threshold", "0.4")] },
        Preset { id: "official", help: "Threshold 0, the default of their code", values: &[("threshold", "0")] },
    ],
    ..MethodInfo::NONE
};

/// AD-HH.
///
/// Rows that predict, listed heads: where the probabilities of keys behind the image sum to `threshold` or more they
/// become 0. The rest is not normalised, so that the head's output shrinks.
/// **Source**: Yang et al. 2025; `modeling_llama.py` lines 575-581 of the authors' code.
/// **Differs** from that code where the image's place is written in, and where beams decide together (golden `ad-hh`).
pub(super) struct AdHh;

impl Registered for AdHh {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for AdHh {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let threshold = parameters.number("threshold")?;
        let path = PathBuf::from(parameters.text("heads").trim());
        if path.is_file() {
            // The run says which heads they were.
            parameters.spell_out("heads", listed(&path)?);
        }
        let (places, count) = (Places::default(), Count::default());
        Ok(Box::new(Active { threshold, places, heads: Vec::new(), count }))
    }
}

#[derive(Clone)]
struct Active {
    threshold: f64,
    places: Places,
    /// Layer and head.
    heads: Vec<(usize, usize)>,
    count: Count,
}

impl Probe for Active {
    fn wants_probs(&self, site: &Site) -> bool {
        let is_listed = self.heads.iter().any(|(layer_idx, _)| *layer_idx == site.layer_idx);
        is_ordinary(site) && is_listed && !self.places.predicting(site).is_empty()
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        let rows = self.places.predicting(site);
        let (num_heads, text, listed) = (probs.dim(0)?, self.places.span.end(), &self.heads);
        let forget = |head_idx: usize, _: usize, row: &mut [f32]| {
            let text = row.get_mut(text..).unwrap_or_default();
            let mass: f64 = text.iter().map(|p| f64::from(*p)).sum();
            if !listed.contains(&(site.layer_idx, head_idx)) || mass < self.threshold {
                return 0;
            }
            let changed = text.iter().filter(|p| **p > 0.0).count();
            text.fill(0.0);
            changed
        };
        let edited = edit_each_row(&probs.narrow(1, rows.start, rows.len())?, forget)?;
        self.count.add(edited.as_ref().map_or(0, |(_, changed)| *changed));
        let Some((edited, _)) = edited else { return Ok(None) };
        debug_assert_eq!(edited.dim(0)?, num_heads, "all heads");
        super::rules::edit_range(probs, 1, rows, |_| Ok(edited)).map(Some)
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.places = Places::of(question, ID)?;
        let config = question.model.decoder().config();
        let (num_layers, num_heads) = (config.num_hidden_layers, config.num_attention_heads);
        let expected = || {
            let heads = format!("LAYER.HEAD joined by +, with layers below {num_layers} and heads below {num_heads}");
            format!("{heads}, or a file of `gazelens heads`")
        };
        if !parameters.is_given("heads") && (num_layers, num_heads) != (PUBLISHED, PUBLISHED) {
            parameters.spell_out("heads", "");
            return Err(parameters.bad("heads", format!("{}; the published list is for another model", expected())));
        }
        let heads = heads(parameters.text("heads"), num_layers, num_heads);
        self.heads = heads.ok_or_else(|| parameters.bad("heads", expected()))?;
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }

    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { self.places.predicting_reach() } else { Reach::NOTHING }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn did(&mut self) -> Option<String> {
        Some(self.count.did(Acted::OnProbs))
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.count.report(ID, Acted::OnProbs))
    }
}

/// The heads of a file as they are written in a SPEC.
fn listed(path: &Path) -> Result<String, DecodeError> {
    let refused = |found: String| DecodeError::HeadsFile { owner: ID, found, path: path.to_owned() };
    let bytes = files::read(path, MOST_BYTES);
    let bytes = bytes.map_err(|err| refused(format!("one that cannot be read ({})", files::reason(&err))))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| refused("no JSON".to_owned()))?;
    let heads = value.get("heads").and_then(Value::as_array);
    let heads = heads.ok_or_else(|| refused("no list `heads`".to_owned()))?;
    let heads: Option<Vec<&str>> = heads.iter().map(Value::as_str).collect();
    let heads = heads.ok_or_else(|| refused("a list `heads` of something else than texts".to_owned()))?;
    if heads.is_empty() {
        return Err(refused("an empty list `heads`".to_owned()));
    }
    Ok(heads.join("+"))
}
