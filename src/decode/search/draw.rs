//! One answer, token by token: the most probable ones, or drawn.

use super::{Limits, Progress, Search};
use crate::decode::method::{Chosen, Verdict};
use crate::decode::stepper::{Offer, Stepper};
use crate::decode::{DecodeError, GenerateOptions, Sampler, TokenStep};

/// Retractions that are followed in the shortest answer.
const FEWEST_REWINDS: usize = 64;

/// One answer, token by token: the most probable ones, or drawn. Methods may take its tokens back.
pub struct Draw {
    sampler: Sampler,
    limits: Limits,
    forced: Vec<u32>,
    /// How often tokens were taken back.
    num_rewinds: usize,
    /// Not to be chosen next.
    barred: Vec<u32>,
    /// So many tokens are taken back that the next one has to say.
    num_retracted: usize,
}

impl Draw {
    /// Checks how tokens are drawn.
    pub fn new(options: &GenerateOptions) -> Result<Self, DecodeError> {
        let sampler = Sampler::new(options.sampling)?;
        let (limits, forced) = (Limits::of(options), options.forced.clone());
        Ok(Self { sampler, limits, forced, num_rewinds: 0, barred: Vec::new(), num_retracted: 0 })
    }

    /// Chooses until a token stands, or until earlier ones are taken back as well: then so many stand.
    fn choose(&mut self, stepper: &mut Stepper<'_>, offer: &mut Offer) -> Result<Choice, DecodeError> {
        let (step_idx, prompt_len) = (offer.step_idx(), stepper.prompt_len());
        let Some(line) = stepper.line_mut(0) else { return Err(DecodeError::NothingToChoose) };
        let mut barred = std::mem::take(&mut self.barred);
        loop {
            offer.bar(&barred);
            if let Some(id) = self.forced.get(step_idx) {
                return Ok(Choice::Token(*id));
            }
            let id = self.sampler.choose(offer.logits(), line.ids())?;
            // A method that never comes to an end is not followed for ever.
            if self.num_rewinds >= self.limits.max_new_tokens.max(FEWEST_REWINDS) {
                return Ok(Choice::Token(id));
            }
            let ids = line.ids().to_vec();
            let verdict = line.methods_mut().judge(&Chosen { step_idx, id, ids: &ids, prompt_len })?;
            let Verdict::Retract { to_len, barred: ids } = verdict else { return Ok(Choice::Token(id)) };
            self.num_rewinds += 1;
            if to_len < step_idx {
                self.barred = ids;
                return Ok(Choice::Rewind(to_len));
            }
            barred = ids;
        }
    }
}

enum Choice {
    Token(u32),
    /// So many tokens stand.
    Rewind(usize),
}

impl Search for Draw {
    fn advance(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError> {
        let Some(mut offer) = offers.into_iter().next() else { return Ok(Progress::default()) };
        let id = match self.choose(stepper, &mut offer)? {
            Choice::Token(id) => id,
            Choice::Rewind(to_len) => {
                self.num_retracted += stepper.roll_back(0, to_len)?;
                return Ok(Progress::default());
            }
        };
        let step = offer.chosen(id);
        stepper.append(0, id)?;
        let len = step.step_idx + 1;
        let stop = stepper.lines().first().and_then(|line| self.limits.stop(id, len, line));
        let num_retracted = std::mem::take(&mut self.num_retracted);
        let step = TokenStep { is_stop: self.limits.is_stop(id), num_retracted, ..step };
        Ok(Progress { tokens: vec![step], stop })
    }
}
