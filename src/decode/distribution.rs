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
#[derive(Debug, Clone)]
pub struct Distribution<'a> {
    logits: &'a [f32],
    /// Of every token, relative to the most probable one: exponentials are dear, one pass makes them all.
    weights: Vec<f32>,
    sum: f64,
    log_sum: f64,
    entropy_nats: f64,
}

impl<'a> Distribution<'a> {
    /// From finite logits; the index of the first that is not, otherwise.
    pub fn new(logits: &'a [f32]) -> Result<Self, usize> {
        if let Some(bad) = logits.iter().position(|logit| !logit.is_finite()) {
            return Err(bad);
        }
        let max = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
        let (mut sum, mut weighted) = (0.0, 0.0);
        let mut weigh = |logit: &f32| {
            let below = f64::from(*logit) - max;
            let weight = below.exp();
            sum += weight;
            weighted += weight * below;
            #[expect(clippy::cast_possible_truncation, reason = "in 0..=1; the sums have all digits")]
            let kept = weight as f32;
            kept
        };
        let weights = logits.iter().map(&mut weigh).collect();
        let log = sum.ln();
        // -sum(p ln p), with ln p = below - ln(sum).
        Ok(Self { logits, weights, sum, log_sum: max + log, entropy_nats: log - weighted / sum })
    }

    /// Logarithm of the sum of all exponentials: a logit less this is a logarithm of a probability.
    pub(super) fn log_sum(&self) -> f64 {
        self.log_sum
    }

    /// Natural logarithm of a token's probability; minus infinity outside the vocabulary.
    pub fn logprob(&self, id: u32) -> f32 {
        self.logits.get(id as usize).map_or(f32::NEG_INFINITY, |logit| self.normalised(*logit))
    }

    /// A token's probability; 0 outside the vocabulary.
    pub(super) fn probability(&self, id: u32) -> f64 {
        self.weights.get(id as usize).map_or(0.0, |weight| f64::from(*weight) / self.sum)
    }

    /// **Units**: nats.
    #[expect(clippy::cast_possible_truncation, reason = "an entropy is at most ln(vocabulary)")]
    pub fn entropy_nats(&self) -> f32 {
        self.entropy_nats.max(0.0) as f32
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
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count.saturating_add(1).min(1 << 10));
    for (id, logit) in (0..).zip(logits) {
        // Ids come in order, so among equals the earlier one stays before.
        if best.len() == count && best.last().is_none_or(|last| logit.total_cmp(&last.1).is_le()) {
            continue;
        }
        let at = best.partition_point(|(_, better)| better.total_cmp(&logit).is_ge());
        best.insert(at, (id, logit));
        best.truncate(count);
    }
    best
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
