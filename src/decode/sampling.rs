//! Greedy choice, and seeded sampling with transformers' filters.

use super::DecodeError;
use crate::trace::Sampling;
use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling as Draws};
use std::collections::BTreeSet;

/// Chooses tokens.
///
/// Order and rules of the filters are transformers': repetition penalty, temperature, top-k (ties stay), top-p over
/// what top-k left. **Differs** from candle's [`LogitsProcessor`], which drops ties at top-k and measures top-p against
/// the whole vocabulary (tests `top_k_keeps_ties`, `top_p_is_measured_on_what_top_k_left`); only its seeded draw is
/// used. **Differs** from PyTorch in the random numbers themselves: the distribution agrees, the draws do not.
pub struct Sampler {
    options: Sampling,
    draw: LogitsProcessor,
}

impl Sampler {
    /// Checks how tokens are to be drawn; beams are not its business.
    pub fn new(options: Sampling) -> Result<Self, DecodeError> {
        let Sampling { temperature, top_p, top_k, repetition_penalty, seed, .. } = options;
        let check = |fits: bool, parameter: &'static str, expected: &str, found: String| {
            let (owner, expected) = ("sampling".to_owned(), expected.to_owned());
            if fits { Ok(()) } else { Err(DecodeError::BadParameter { owner, parameter, expected, found }) }
        };
        let finite = temperature.is_finite() && temperature >= 0.0;
        check(finite, "temperature", "a number that is 0 or more", temperature.to_string())?;
        let share = top_p.unwrap_or(1.0);
        check(share > 0.0 && share <= 1.0, "top_p", "a number above 0, at most 1", share.to_string())?;
        check(top_k != Some(0), "top_k", "1 or more", "0".to_owned())?;
        let positive = repetition_penalty.is_finite() && repetition_penalty > 0.0;
        check(positive, "repetition_penalty", "a number above 0", repetition_penalty.to_string())?;
        Ok(Self { options, draw: LogitsProcessor::from_sampling(seed, Draws::All { temperature: 1.0 }) })
    }

    /// The next token, given the ids of the prompt and the answer so far. Logits of minus infinity are never chosen.
    pub fn choose(&mut self, logits: &[f32], context: &[u32]) -> Result<u32, DecodeError> {
        let usable = logits.iter().all(|logit| !logit.is_nan() && *logit < f32::INFINITY);
        if !usable || logits.iter().all(|logit| logit.is_infinite()) {
            return Err(DecodeError::NothingToChoose);
        }
        let mut logits = logits.to_vec();
        penalise(&mut logits, context, self.options.repetition_penalty);
        if self.options.temperature == 0.0 {
            return Ok(largest(&logits));
        }
        self.filter(&mut logits);
        let len = logits.len();
        let draw = Tensor::from_vec(logits, len, &Device::Cpu).and_then(|logits| self.draw.sample(&logits));
        draw.map_err(|cause| crate::model::ModelError::Part { part: "Sampling", cause }.into())
    }

    /// Temperature, top-k, top-p: what is removed becomes minus infinity.
    fn filter(&self, logits: &mut [f32]) {
        let Sampling { temperature, top_p, top_k, .. } = self.options;
        // The largest logit becomes 0, so that a tiny temperature does not overflow; the distribution does not change.
        let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        for logit in logits.iter_mut() {
            #[expect(clippy::cast_possible_truncation, reason = "computed in f64 for its last digits")]
            let scaled = ((f64::from(*logit) - max) / temperature) as f32;
            *logit = scaled;
        }
        if let Some(count) = top_k {
            keep_top_k(logits, count);
        }
        if let Some(share) = top_p.filter(|share| *share < 1.0) {
            keep_top_p(logits, share);
        }
    }
}

/// **Source**: Keskar et al., CTRL, arXiv:1909.05858, equation in section 4.1, with transformers' rule for negative
/// logits.
pub(super) fn penalise(logits: &mut [f32], context: &[u32], penalty: f32) {
    #[expect(clippy::float_cmp, reason = "exactly 1 is the documented way to say none")]
    if penalty == 1.0 {
        return;
    }
    for id in context.iter().collect::<BTreeSet<_>>() {
        if let Some(logit) = logits.get_mut(*id as usize) {
            *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
        }
    }
}

/// The first of the largest.
fn largest(logits: &[f32]) -> u32 {
    let best = (0u32..).zip(logits).reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(id, _)| id)
}

fn keep_top_k(logits: &mut [f32], count: usize) {
    if count >= logits.len() {
        return;
    }
    let mut order = logits.to_vec();
    let (_, threshold, _) = order.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    let threshold = *threshold;
    remove(logits, |logit| logit < threshold);
}

/// A token stays while the more probable ones hold less than `share`; the most probable always stays.
fn keep_top_p(logits: &mut [f32], share: f64) {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let mut order: Vec<(usize, f64)> = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let total: f64 = order.iter().map(|(_, weight)| weight).sum();
    let mut before = 0.0;
    for (id, weight) in order {
        if before >= share * total
            && let Some(logit) = logits.get_mut(id)
        {
            *logit = f32::NEG_INFINITY;
        }
        before += weight;
    }
}

fn remove(logits: &mut [f32], unwanted: impl Fn(f32) -> bool) {
    for logit in logits.iter_mut().filter(|logit| unwanted(**logit)) {
        *logit = f32::NEG_INFINITY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities 0.3, 0.1, 0.4, 0.2.
    fn example() -> [f32; 4] {
        [3.0, 1.0, 4.0, 2.0].map(f32::ln)
    }

    fn kept(options: Sampling) -> Vec<usize> {
        let mut logits = example().to_vec();
        Sampler::new(options).unwrap().filter(&mut logits);
        (0..4).filter(|id| logits[*id].is_finite()).collect()
    }

    fn sampled() -> Sampling {
        Sampling { temperature: 1.0, ..Sampling::default() }
    }

    #[test]
    fn top_p_keeps_the_fewest_tokens_that_hold_the_share() {
        assert_eq!(kept(Sampling { top_p: Some(0.39), ..sampled() }), [2], "0.4 is enough");
        assert_eq!(kept(Sampling { top_p: Some(0.5), ..sampled() }), [0, 2], "0.4 is not, 0.7 is");
        assert_eq!(kept(Sampling { top_p: Some(0.89), ..sampled() }), [0, 2, 3], "0.9");
        assert_eq!(kept(Sampling { top_p: Some(1.0), ..sampled() }), [0, 1, 2, 3], "everything");
        assert_eq!(kept(Sampling { top_p: Some(1e-9), ..sampled() }), [2], "one token always stays");
    }

    #[test]
    fn top_p_is_measured_on_what_top_k_left() {
        // 0.4 and 0.3 of 0.7 are 0.57 and 0.43: a share of 0.5 needs one token, of 0.6 both.
        let both = |share| kept(Sampling { top_k: Some(2), top_p: Some(share), ..sampled() });
        assert_eq!(both(0.5), [2], "renormalised");
        assert_eq!(both(0.6), [0, 2], "renormalised");
    }

    #[test]
    fn top_p_follows_the_temperature() {
        // At temperature 0.5 the probabilities are 16 : 9 : 4 : 1 of 30.
        let cold = Sampling { temperature: 0.5, top_p: Some(0.5), ..sampled() };
        assert_eq!(kept(cold), [2], "16/30 is enough");
    }

    #[test]
    fn top_k_keeps_ties() {
        let mut logits = vec![1.0, 0.0, 1.0, 1.0];
        keep_top_k(&mut logits, 2);
        assert_eq!(logits, [1.0, f32::NEG_INFINITY, 1.0, 1.0], "three tokens are equally probable");
        assert_eq!(kept(Sampling { top_k: Some(1), ..sampled() }), [2], "the most probable");
        assert_eq!(kept(Sampling { top_k: Some(9), ..sampled() }), [0, 1, 2, 3], "more than there are");
    }

    #[test]
    fn same_seed_same_draws() {
        let draws = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..sampled() }).unwrap();
            (0..64).map(|_| sampler.choose(&example(), &[]).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7), "one seed");
        assert_ne!(draws(7), draws(8), "two seeds");
    }

    #[test]
    fn draws_follow_the_distribution() {
        let mut sampler = Sampler::new(sampled()).unwrap();
        let mut counts = [0f64; 4];
        for _ in 0..20_000 {
            counts[sampler.choose(&example(), &[]).unwrap() as usize] += 1.0 / 20_000.0;
        }
        for (found, expected) in counts.iter().zip([0.3, 0.1, 0.4, 0.2]) {
            assert!((found - expected).abs() < 0.015, "{found} is more than four deviations from {expected}");
        }
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest() {
        let mut sampler = Sampler::new(Sampling::default()).unwrap();
        assert_eq!(sampler.choose(&[0.0, 2.0, 2.0], &[]).unwrap(), 1, "as torch.argmax");
    }

    #[test]
    fn repetition_penalty_divides_positive_and_multiplies_negative_logits() {
        let mut logits = vec![4.0, -4.0, 1.0];
        penalise(&mut logits, &[0, 1, 1, 99], 2.0);
        assert_eq!(logits, [2.0, -8.0, 1.0], "each id once, ids outside the vocabulary ignored");
        let mut sampler = Sampler::new(Sampling { repetition_penalty: 2.0, ..Default::default() }).unwrap();
        assert_eq!(sampler.choose(&[4.0, 3.0], &[0]).unwrap(), 1, "greedy is penalised too");
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let refused = |options| Sampler::new(options).is_err();
        assert!(refused(Sampling { temperature: -1.0, ..sampled() }), "negative temperature");
        assert!(refused(Sampling { temperature: f64::NAN, ..sampled() }), "temperature not a number");
        assert!(refused(Sampling { top_p: Some(0.0), ..sampled() }), "no share");
        assert!(refused(Sampling { top_p: Some(1.1), ..sampled() }), "more than all");
        assert!(refused(Sampling { top_k: Some(0), ..sampled() }), "no token");
        assert!(refused(Sampling { repetition_penalty: 0.0, ..sampled() }), "division by zero");
    }

    #[test]
    fn removed_tokens_are_never_chosen() {
        let mut sampler = Sampler::new(sampled()).unwrap();
        let logits = [f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY];
        assert!((0..50).all(|_| sampler.choose(&logits, &[]).unwrap() == 1), "only one is left");
        assert!(sampler.choose(&[f32::NEG_INFINITY; 2], &[]).is_err(), "none is left");
        assert!(sampler.choose(&[f32::NAN, 0.0], &[]).is_err(), "not a number");
    }

    #[test]
    fn tiny_temperature_does_not_overflow() {
        let mut sampler = Sampler::new(Sampling { temperature: 1e-300, ..sampled() }).unwrap();
        assert_eq!(sampler.choose(&example(), &[]).unwrap(), 2, "the most probable");
    }
}
