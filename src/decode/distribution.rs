//! The distribution over the vocabulary that untouched logits stand for.

/// A token that could have been chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenCandidate {
    /// Vocabulary id.
    pub id: u32,
    /// Natural logarithm of its probability.
    pub logprob: f32,
}

/// Softmax at temperature 1, sums in f64.
#[derive(Debug, Clone, Copy)]
pub struct Distribution<'a> {
    logits: &'a [f32],
    log_sum: f64,
}

impl<'a> Distribution<'a> {
    /// From finite logits; the index of the first that is not, otherwise.
    pub fn new(logits: &'a [f32]) -> Result<Self, usize> {
        if let Some(bad) = logits.iter().position(|logit| !logit.is_finite()) {
            return Err(bad);
        }
        let max = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
        let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
        Ok(Self { logits, log_sum: max + sum.ln() })
    }

    /// Natural logarithm of a token's probability; minus infinity outside the vocabulary.
    pub fn logprob(&self, id: u32) -> f32 {
        self.logits.get(id as usize).map_or(f32::NEG_INFINITY, |logit| self.normalised(*logit))
    }

    /// **Units**: nats.
    #[expect(clippy::cast_possible_truncation, reason = "an entropy is at most ln(vocabulary)")]
    pub fn entropy_nats(&self) -> f32 {
        let terms = self.logits.iter().map(|logit| {
            let logprob = f64::from(*logit) - self.log_sum;
            logprob.exp() * logprob
        });
        (-terms.sum::<f64>()).max(0.0) as f32
    }

    /// The `count` most probable tokens, most probable first; the smaller id first among equals.
    pub fn top(&self, count: usize) -> Vec<TokenCandidate> {
        let top = largest(self.logits.iter().copied(), count);
        top.into_iter().map(|(id, logit)| TokenCandidate { id, logprob: self.normalised(logit) }).collect()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a difference of f32 logits, computed in f64 for its last digits"
    )]
    pub(super) fn normalised(&self, logit: f32) -> f32 {
        (f64::from(logit) - self.log_sum) as f32
    }
}

/// The `count` largest with their ids, largest first; the smaller id first among equals.
fn largest(logits: impl Iterator<Item = f32>, count: usize) -> Vec<(u32, f32)> {
    let mut order: Vec<(u32, f32)> = (0..).zip(logits).collect();
    let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if count < order.len() {
        order.select_nth_unstable_by(count, descending);
        order.truncate(count);
    }
    order.sort_unstable_by(descending);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_tokens_worked_by_hand() {
        // Probabilities 1/2, 1/4, 1/8, 1/8, shifted by a constant that must cancel.
        let logits = [0.5f32, 0.25, 0.125, 0.125].map(|p| p.ln() + 7.0);
        let distribution = Distribution::new(&logits).unwrap();
        assert!((distribution.logprob(0) - 0.5f32.ln()).abs() < 1e-6, "ln 1/2");
        assert!((distribution.entropy_nats() - 1.75 * 2f32.ln()).abs() < 1e-6, "entropy is 1.75 bits");
        let ids: Vec<_> = distribution.top(3).iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, [0, 1, 2], "equal tokens in the order of their ids");
        assert_eq!(distribution.top(9).len(), 4, "no more candidates than tokens");
    }

    #[test]
    fn logits_that_are_not_finite_are_named() {
        assert_eq!(Distribution::new(&[0.0, f32::NAN]).err(), Some(1), "not a number");
        assert_eq!(Distribution::new(&[f32::INFINITY, 0.0]).err(), Some(0), "infinite");
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let distribution = Distribution::new(&[3.0e38, -3.0e38]).unwrap();
        assert!(distribution.logprob(0).abs() < 1e-6, "certain");
        assert!(distribution.entropy_nats().abs() < 1e-6, "no entropy");
    }
}
