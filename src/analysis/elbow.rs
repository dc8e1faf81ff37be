//! How firmly a token was chosen: how many candidates stand out, and what the words alone would have said.

use crate::trace::OutputToken;

/// Elbow k: how many candidates come before the knee of the sorted curve of their probabilities, the point farthest
/// below the line from its first to its last one. 1 is a sure choice; hallucinated words have larger ones.
///
/// `logprobs` are those of the recorded candidates, most probable first. `None` for fewer than three, which have no
/// knee.
/// **Source**: VDGD (Ghosh et al. 2024), whose code does not have it; the chord is the usual way to find a knee, and
/// the twenty candidates that a trace keeps are the curve.
fn elbow(logprobs: &[f32]) -> Option<usize> {
    let curve: Vec<f64> = logprobs.iter().map(|logprob| f64::from(*logprob).exp()).collect();
    let ([first, .., last], true) = (curve.as_slice(), curve.len() >= 3) else { return None };
    let steps = (curve.len() - 1) as f64;
    let below = |(idx, value): (usize, &f64)| first + (last - first) * (idx as f64 / steps) - value;
    let farthest = |best: (usize, f64), (idx, gap): (usize, f64)| if gap > best.1 { (idx, gap) } else { best };
    let gaps = curve.iter().enumerate().map(|point| (point.0, below(point)));
    let (knee, gap) = gaps.fold((0, 0.0), farthest);
    // On a straight line, or above it, nothing stands out: all of them do.
    Some(if gap > 1e-12 { knee } else { curve.len() })
}

/// Elbow k of a token: how many of its recorded candidates stand out; `None` where there are fewer than
/// three.
pub fn elbow_k(token: &OutputToken) -> Option<usize> {
    elbow(&token.candidates.iter().map(|candidate| candidate.logprob).collect::<Vec<_>>())
}

/// The rank that the method `base-rank` found; `None` where it did not act.
pub fn base_rank(token: &OutputToken) -> Option<u32> {
    let value = token.actions.iter().find(|action| action.method == "base-rank")?.value?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank in a vocabulary")]
    Some(value.max(0.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(probabilities: &[f32]) -> Option<usize> {
        elbow(&probabilities.iter().map(|p| p.ln()).collect::<Vec<_>>())
    }

    #[test]
    fn candidates_before_the_knee_are_counted() {
        assert_eq!(of(&[0.9, 0.02, 0.02, 0.02, 0.02]), Some(1), "a sure choice");
        assert_eq!(of(&[0.4, 0.38, 0.01, 0.01, 0.01, 0.01]), Some(2), "two that stand out");
        assert_eq!(of(&[0.3, 0.29, 0.28, 0.01, 0.01, 0.01, 0.01, 0.01]), Some(3), "three");
        assert_eq!(of(&[0.25, 0.25, 0.25, 0.25]), Some(4), "nothing stands out");
        assert_eq!(of(&[0.6, 0.4]), None, "no knee");
    }

    #[test]
    fn a_curve_whose_gaps_were_worked_out_by_hand() {
        // The line from 0.5 to 0.05 in four steps: 0.5, 0.3875, 0.275, 0.1625, 0.05. Gaps 0, 0.1875, 0.175, 0.0925, 0.
        assert_eq!(of(&[0.5, 0.2, 0.1, 0.07, 0.05]), Some(1), "the largest gap is at the second");
    }
}
