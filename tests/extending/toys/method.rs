//! A method with a branch that reads the words alone, a probe that raises the scores of the image, logits of an inner
//! layer, and one token that it takes back.

use candle_core::{Result as TensorResult, Tensor};
use gazelens::decode::{Acted, ActionReport, ActiveMethod, Asks, BranchContext, Chosen, Combined, DecodeError};
use gazelens::decode::{DecoderPrompt, Encode, Method, MethodInfo, ParameterInfo, Parameters, Readout, Registered};
use gazelens::decode::{Step, Verdict};
use gazelens::model::{Probe, Site, Tower};
use std::ops::Range;
use std::sync::Mutex;

pub(crate) const ID: &str = "toy-method";
/// Behind layer 1, and behind the last.
pub(crate) const INNER: Readout = Readout { entry: 2, normed: true };
const LAST: Readout = Readout { entry: 4, normed: false };

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "Toy",
    help: "Contrasts the prediction with words alone and an inner layer, and takes one token back",
    parameters: &[ParameterInfo::real("weight", "0.5", (0.0, 2.0), "Of both")],
    ..MethodInfo::NONE
};

/// What it saw at a step and made of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saw {
    pub(crate) step_idx: usize,
    pub(crate) raw: Vec<f32>,
    pub(crate) branch: Vec<f32>,
    pub(crate) inner: Vec<f32>,
    pub(crate) last: Vec<f32>,
    pub(crate) made: Vec<f32>,
}

pub(crate) static SAW: Mutex<Vec<Saw>> = Mutex::new(Vec::new());

pub(crate) struct Toy;

impl Registered for Toy {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Toy {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let weight = parameters.number("weight")?;
        Ok(Box::new(Active { weight, image: 0..0, num_passes: 0, num_scores: 0, has_retracted: false }))
    }
}

struct Active {
    weight: f64,
    image: Range<usize>,
    num_passes: usize,
    num_scores: usize,
    has_retracted: bool,
}

impl Probe for Active {
    fn wants_scores(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.layer_idx == 1 && site.branch_idx == 0
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> TensorResult<Option<Tensor>> {
        let raised: Vec<f32> = (0..site.key_len).map(|key| if self.image.contains(&key) { 1.0 } else { 0.0 }).collect();
        self.num_passes += 1;
        self.num_scores += self.image.len();
        scores.broadcast_add(&Tensor::from_vec(raised, (1, 1, site.key_len), scores.device())?).map(Some)
    }
}

impl ActiveMethod for Active {
    fn asks(&self) -> Asks {
        Asks { readouts: vec![INNER, LAST], ..Asks::default() }
    }

    fn branches(&mut self, context: &BranchContext<'_>, _: &mut Encode<'_>) -> Result<Vec<DecoderPrompt>, DecodeError> {
        self.image = context.image(ID)?.span.range();
        Ok(vec![context.replace_image(ID, None)?])
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let (raw, branch, inner) = (step.raw_logits, step.branch()?, step.readout(INNER)?);
        #[expect(clippy::cast_possible_truncation, reason = "a parameter")]
        let weight = self.weight as f32;
        let made: Vec<f32> =
            raw.iter().zip(branch).zip(inner).map(|((raw, branch), inner)| raw + weight * (inner - branch)).collect();
        let last = step.readout(LAST)?.to_vec();
        let (raw, branch, inner) = (raw.to_vec(), branch.to_vec(), inner.to_vec());
        let saw = Saw { step_idx: step.step_idx, raw, branch, inner, last, made: made.clone() };
        SAW.lock().unwrap().push(saw);
        Ok(Some(Combined { note: Some("seen".to_owned()), ..Combined::of(made) }))
    }

    fn may_retract(&self) -> bool {
        true
    }

    fn judge(&mut self, chosen: &Chosen<'_>) -> Result<Verdict, DecodeError> {
        if chosen.step_idx < 2 || std::mem::replace(&mut self.has_retracted, true) {
            return Ok(Verdict::Keep);
        }
        // The second token is chosen anew, from all others.
        Ok(Verdict::Retract { to_len: 1, barred: vec![chosen.ids[chosen.prompt_len + 1]] })
    }

    fn report(&self) -> Option<ActionReport> {
        Some(ActionReport { id: ID, acted: Acted::OnScores, num_calls: self.num_passes, num_values: self.num_scores })
    }
}
