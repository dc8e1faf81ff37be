//! Two branches held against each other.
//!
//! All contrastive strategies score a token by `l + alpha (l - l')`, where `l` are the ordinary branch's logits and
//! `l'` the other's, and remove what the ordinary branch finds implausible: `l < ln(beta) + max l`, that is `p < beta
//! max p`, at temperature 1 whatever the temperature. Penalty, temperature, top-k and top-p work on what is left.

use super::{Distribution, TokenCandidate};
use crate::trace::{ContrastCandidate, TokenContrast};

/// Two passes over the same differ by so much, relative to logits above 1.
const ROUNDING: f32 = 1e-5;

/// What a method made of a step's logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Combined {
    /// What the token is chosen from; removed candidates are minus infinity.
    pub logits: Vec<f32>,
    /// Strength of the contrast at this step: the logits left are `l + alpha (l - l')`, but for a constant. `None`
    /// where they are something else.
    pub alpha: Option<f64>,
    /// What it did, in words, where there is more to say than the numbers of [`crate::trace::TokenAction`].
    pub note: Option<String>,
}

impl Combined {
    /// Logits that are no contrast of two branches.
    pub fn of(logits: Vec<f32>) -> Self {
        Self { logits, alpha: None, note: None }
    }
}

/// Strength and cut-off of a contrast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contrast {
    /// 0 leaves the ordinary logits.
    pub(super) alpha: f64,
    /// Candidates below this share of the largest probability are removed; 0 removes none, 1 leaves only the most
    /// probable.
    pub(super) beta: f64,
}

impl Contrast {
    /// `(1 + alpha) l - alpha l'` where `l >= ln(beta) + max l`, in f32 as the published implementations compute it.
    ///
    /// **Source**: VCD, `vcd_utils/vcd_sample.py` lines 140-147; DAMRO's `sample_method/sample.py` and ICD's
    /// `icd_utils` say the same.
    pub(super) fn of(self, ordinary: &[f32], negative: &[f32]) -> Combined {
        #[expect(clippy::cast_possible_truncation, reason = "a parameter of a few digits")]
        let (alpha, cutoff) = (self.alpha as f32, cutoff(ordinary, self.beta));
        let score = |(l, other): (&f32, &f32)| {
            if *l < cutoff { f32::NEG_INFINITY } else { (1.0 + alpha) * l - alpha * other }
        };
        let logits = ordinary.iter().zip(negative).map(score).collect();
        Combined { logits, alpha: Some(self.alpha), note: None }
    }
}

/// The smallest logit that a cut-off leaves: candidates below the share `beta` of the largest probability go.
pub(super) fn cutoff(logits: &[f32], beta: f64) -> f32 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    #[expect(clippy::cast_possible_truncation, reason = "a parameter of a few digits")]
    let below = beta.ln() as f32;
    below + max
}

/// Logarithms of probabilities; removed candidates, which are minus infinity, stay so. Unchanged if other logits are
/// not finite.
pub(super) fn log_softmax(logits: &[f32]) -> Vec<f32> {
    let is_removed = |logit: &f32| *logit == f32::NEG_INFINITY;
    let left: Vec<f32> = logits.iter().copied().filter(|logit| !is_removed(logit)).collect();
    let Ok(distribution) = Distribution::new(&left) else { return logits.to_vec() };
    let logprob = |logit: &f32| if is_removed(logit) { *logit } else { distribution.normalised(*logit) };
    logits.iter().map(logprob).collect()
}

/// Total variation distance of what two rows of logits stand for, where removed candidates have minus infinity: 0 if
/// nothing moved, 1 if nothing is left.
pub(super) fn moved_between(before: &[f32], after: &[f32]) -> f32 {
    let (before, after) = (probabilities(before), probabilities(after));
    let differs: f64 = before.iter().zip(&after).map(|(p, q)| (p - q).abs()).sum();
    #[expect(clippy::cast_possible_truncation, reason = "at most 1")]
    let moved = (differs / 2.0) as f32;
    moved
}

fn probabilities(logits: &[f32]) -> Vec<f64> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let weights: Vec<f64> = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// What a contrast did at one step, candidates without their texts.
///
/// `before` is the ordinary branch's distribution and `top` its most probable tokens; as many of each of the others
/// are kept. `None` if it is no contrast or nothing is left.
pub(super) fn step_contrast(
    before: &Distribution<'_>,
    top: &[TokenCandidate],
    [ordinary, negative]: [&[f32]; 2],
    combined: &Combined,
) -> Option<TokenContrast> {
    let alpha = combined.alpha?;
    let other = Distribution::new(negative).ok()?;
    let left = (0_u32..).zip(combined.logits.iter().copied()).filter(|(_, logit)| logit.is_finite());
    // Usually a handful: what follows costs next to nothing.
    let (left, logits): (Vec<u32>, Vec<f32>) = left.unzip();
    let after = Distribution::new(&logits).ok().filter(|_| !logits.is_empty())?;
    let at = |idx: u32| left.get(idx as usize).copied();
    let contrasted: Vec<u32> = after.top(top.len()).iter().filter_map(|one| at(one.id)).collect();
    let contrasted_id = *contrasted.first()?;
    let mut ids: Vec<u32> = top.iter().chain(&other.top(top.len())).map(|one| one.id).collect();
    ids.extend(contrasted);
    let final_logprob = |id: u32| {
        let logit = combined.logits.get(id as usize).filter(|logit| logit.is_finite());
        logit.map(|logit| after.normalised(*logit))
    };
    let candidate = |id: u32| ContrastCandidate {
        id,
        text: String::new(),
        logprob: before.logprob(id),
        negative_logprob: other.logprob(id),
        final_logprob: final_logprob(id),
    };
    let mut candidates: Vec<ContrastCandidate> = ids.into_iter().map(candidate).collect();
    candidates.sort_by(|a, b| b.logprob.total_cmp(&a.logprob).then(a.id.cmp(&b.id)));
    candidates.dedup_by_key(|candidate| candidate.id);
    let (alpha_from, alpha_to) = range(ordinary, negative, (combined, alpha), contrasted_id);
    let differs = |(l, other): (&f32, &f32)| (l - other).abs() > ROUNDING * l.abs().max(1.0);
    Some(TokenContrast {
        alpha,
        plain_id: top.first()?.id,
        contrasted_id,
        num_removed: ordinary.len().saturating_sub(left.len()),
        moved: moved(before, &left, &after),
        branches_differ: ordinary.iter().zip(negative).any(differs),
        alpha_from,
        alpha_to,
        candidates,
    })
}

/// Half the sum of all differences; what was removed lost all it had.
fn moved(before: &Distribution<'_>, left: &[u32], after: &Distribution<'_>) -> f32 {
    let (mut kept, mut differs) = (0.0, 0.0);
    for (idx, id) in (0..).zip(left) {
        let p = before.probability(*id);
        kept += p;
        differs += (after.probability(idx) - p).abs();
    }
    let lost = (1.0 - kept).max(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "at most 1")]
    let moved = f64::midpoint(differs, lost) as f32;
    moved
}

/// The strengths at which `best` has the largest `l + alpha (l - l')` of what is left: every other token gives a line,
/// and the first crossing to either side ends the range. The strength that was used is always in it.
fn range(ordinary: &[f32], negative: &[f32], (combined, alpha): (&Combined, f64), best: u32) -> (f64, Option<f64>) {
    let line = |idx: usize| {
        let (l, other) = (f64::from(*ordinary.get(idx)?), f64::from(*negative.get(idx)?));
        Some((l, l - other))
    };
    let Some((best_start, best_slope)) = line(best as usize) else { return (alpha, None) };
    let (mut from, mut to) = (0.0_f64, f64::INFINITY);
    for (idx, _) in combined.logits.iter().enumerate().filter(|(_, logit)| logit.is_finite()) {
        let Some((start, slope)) = line(idx) else { continue };
        let crossing = (best_start - start) / (slope - best_slope);
        if slope > best_slope {
            to = to.min(crossing);
        } else if slope < best_slope {
            from = from.max(crossing);
        }
    }
    let to = to.max(alpha);
    (from.min(alpha), to.is_finite().then_some(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETA: f64 = 0.1;

    fn logits(probs: &[f32]) -> Vec<f32> {
        probs.iter().map(|p| p.ln()).collect()
    }

    fn step(ordinary: &[f32], negative: &[f32], combined: &Combined, count: usize) -> TokenContrast {
        let before = Distribution::new(ordinary).unwrap();
        step_contrast(&before, &before.top(count), [ordinary, negative], combined).unwrap()
    }

    #[test]
    fn scores_and_cut_off_worked_by_hand() {
        let ordinary = logits(&[0.5, 0.3, 0.15, 0.04, 0.01]);
        let negative = logits(&[0.7, 0.1, 0.1, 0.05, 0.05]);
        let found = Contrast { alpha: 1.0, beta: BETA }.of(&ordinary, &negative);
        // p^2 / p' of what has at least 0.05: 0.357, 0.9, 0.225.
        let expected = [(0.25_f32 / 0.7).ln(), 0.9_f32.ln(), 0.225_f32.ln()];
        for (found, expected) in found.logits.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        assert_eq!(found.logits[3..], [f32::NEG_INFINITY; 2], "0.04 and 0.01 are below a tenth of 0.5");

        let step = step(&ordinary, &negative, &found, 2);
        assert_eq!((step.plain_id, step.contrasted_id, step.num_removed), (0, 1, 2), "the second token wins");
        assert!(step.changed() && step.branches_differ, "and that is a change");
        // ln .5 + a ln(.5/.7) = ln .3 + a ln(.3/.1): a = ln(5/3) / ln(4.2).
        let flip = (5.0_f64 / 3.0).ln() / 4.2_f64.ln();
        assert!((step.alpha_from - flip).abs() < 1e-6, "from {}", step.alpha_from);
        assert_eq!(step.alpha_to, None, "no other token has a steeper line");
        let sum = 0.25 / 0.7 + 0.9 + 0.225;
        let moved = [0.5 - 0.25 / 0.7 / sum, 0.9 / sum - 0.3, 0.225 / sum - 0.15, 0.04, 0.01].map(f32::abs);
        assert!((step.moved - moved.iter().sum::<f32>() / 2.0).abs() < 1e-6, "moved {}", step.moved);
        let ids: Vec<u32> = step.candidates.iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, [0, 1], "two of each distribution, each once, in the ordinary order");
        assert!((step.candidates[1].final_logprob.unwrap() - (0.9 / sum).ln()).abs() < 1e-6, "of what is left");
    }

    #[test]
    fn nothing_held_against_nothing_is_plain() {
        let (ordinary, negative) = (vec![0.25, -3.5, 1.75], vec![9.0, 0.1, -4.0]);
        let found = Contrast { alpha: 0.0, beta: 0.0 }.of(&ordinary, &negative);
        assert_eq!(found.logits, ordinary, "bit for bit");
        let same = Contrast { alpha: 2.0, beta: 0.0 }.of(&ordinary, &ordinary);
        let step = step(&ordinary, &ordinary, &same, 3);
        assert!(!step.changed() && !step.branches_differ && step.moved < 1e-6, "{step:?}");
        assert_eq!((step.alpha_from, step.alpha_to), (0.0, None), "no strength changes it");
    }

    #[test]
    fn a_whole_cut_off_leaves_the_most_probable() {
        let found = Contrast { alpha: 3.0, beta: 1.0 }.of(&[0.5, 2.0, 2.0, 1.9], &[0.0, 5.0, 1.0, -9.0]);
        assert!(found.logits[1].is_finite() && found.logits[2].is_finite(), "both of two equal ones");
        assert_eq!((found.logits[0], found.logits[3]), (f32::NEG_INFINITY, f32::NEG_INFINITY), "nothing else");
    }

    #[test]
    fn a_choice_holds_within_its_range_of_strengths_and_not_outside() {
        // Lines from the ordinary logits with slopes -1, 0, 2: 0 is best up to 0.5, 1 up to 1, then 2.
        let ordinary = vec![1.0_f32, 0.5, -1.5];
        let negative = vec![2.0_f32, 0.5, -3.5];
        for (alpha, best, from, to) in [(0.2, 0, 0.0, Some(0.5)), (0.7, 1, 0.5, Some(1.0)), (3.0, 2, 1.0, None)] {
            let combined = Contrast { alpha, beta: 0.0 }.of(&ordinary, &negative);
            let step = step(&ordinary, &negative, &combined, 3);
            assert_eq!((step.contrasted_id, step.alpha_from, step.alpha_to), (best, from, to), "at {alpha}");
        }
    }

    #[test]
    fn a_softmax_of_logarithms_is_itself() {
        let probs = logits(&[0.5, 0.25, 0.25]);
        let shifted: Vec<f32> = probs.iter().map(|logit| logit + 5.0).collect();
        for (found, expected) in log_softmax(&shifted).iter().zip(&probs) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn removed_candidates_stay_out_of_a_softmax_and_of_what_moved() {
        let none = f32::NEG_INFINITY;
        let found = log_softmax(&[1.0, none, 1.0]);
        assert!(
            (found[0] - 0.5_f32.ln()).abs() < 1e-6 && found[1].is_infinite(),
            "half of what is left, found {found:?}"
        );
        let before = logits(&[0.5, 0.3, 0.2]);
        assert!(moved_between(&before, &before) < 1e-7, "nothing moved");
        assert!((moved_between(&before, &[before[0], none, before[2]]) - 0.3).abs() < 1e-6, "the removed 0.3 moved");
    }
}
