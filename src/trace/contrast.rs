//! What a second branch did to a token.

use serde::{Deserialize, Serialize};

/// A token under both branches of a contrastive strategy and after the contrast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContrastCandidate {
    /// Vocabulary id.
    pub id: u32,
    /// Its text, as a piece of the vocabulary.
    pub text: String,
    /// Natural logarithm of its probability in the ordinary branch, at temperature 1.
    pub logprob: f32,
    /// The same in the other branch.
    pub negative_logprob: f32,
    /// The same after the contrast, before penalty and temperature; `None` if the plausibility cut-off removed it.
    pub final_logprob: Option<f32>,
}

/// One step of a contrastive strategy, whose tokens are chosen from `l + alpha (l - l')` over the ordinary branch's
/// logits `l` and the other branch's `l'`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenContrast {
    /// Strength at this step.
    pub alpha: f64,
    /// Most probable token without the contrast, in the same context; a repetition penalty is not counted.
    pub plain_id: u32,
    /// Most probable token after it.
    pub contrasted_id: u32,
    /// Candidates of the whole vocabulary that the cut-off removed.
    pub num_removed: usize,
    /// Total variation distance between the distributions before and after: 0 if nothing changed, at most 1.
    pub moved: f32,
    /// Whether the other branch's logits differ from the ordinary ones by more than rounding.
    pub branches_differ: bool,
    /// Smallest strength at which the most probable token after the contrast is what it is, the cut-off being the same.
    pub alpha_from: f64,
    /// Largest one; `None` if it stays however strong the contrast.
    pub alpha_to: Option<f64>,
    /// The twenty most probable tokens of each of the three distributions together, in the order of the ordinary
    /// branch.
    pub candidates: Vec<ContrastCandidate>,
}

impl TokenContrast {
    /// Whether the most probable token is another one than without the contrast.
    pub fn changed(&self) -> bool {
        self.plain_id != self.contrasted_id
    }

    /// Whether the contrast left the distribution as it was.
    pub fn is_idle(&self) -> bool {
        self.moved <= IDLE
    }

    /// Whether another strength would have made another token the most probable one. Says nothing of the tokens behind
    /// the first that changes.
    pub fn flips_at(&self, alpha: f64) -> bool {
        alpha < self.alpha_from || self.alpha_to.is_some_and(|to| alpha > to)
    }

    /// What another strength would have chosen; `None` if it is the same token.
    pub fn flip_at(&self, alpha: f64) -> Option<Flip<'_>> {
        if !self.flips_at(alpha) {
            return None;
        }
        let score = |candidate: &ContrastCandidate| {
            let (ordinary, negative) = (f64::from(candidate.logprob), f64::from(candidate.negative_logprob));
            ordinary + alpha * (ordinary - negative)
        };
        let left = || self.candidates.iter().filter(|candidate| candidate.final_logprob.is_some());
        // Fewer than were asked for: nothing else was left.
        let is_certain = left().count() < RECORDED;
        let others = left().filter(|candidate| candidate.id != self.contrasted_id);
        let best = others.max_by(|a, b| score(a).total_cmp(&score(b)));
        let chosen = left().find(|candidate| candidate.id == self.contrasted_id);
        // Where the choice is still better than all that were recorded, it flips to one that was not.
        let beaten = |best: &&ContrastCandidate| is_certain || chosen.is_none_or(|chosen| score(best) > score(chosen));
        Some(Flip { to: best.filter(beaten), is_certain })
    }

    /// What happened in one sentence.
    pub fn sentence(&self) -> String {
        let name = |id: u32| {
            let candidate = self.candidates.iter().find(|candidate| candidate.id == id);
            candidate
                .map_or_else(|| format!("<{id}>"), |candidate| format!("\u{201c}{}\u{201d}", candidate.text.trim()))
        };
        let removed = match self.num_removed {
            0 => String::new(),
            1 => "; the cut-off removed 1 candidate".to_owned(),
            n => format!("; the cut-off removed {n} candidates"),
        };
        if self.is_idle() {
            let why = if self.branches_differ { "" } else { ": both branches gave the same logits" };
            return format!("Nothing changed at this step{why}");
        }
        if self.changed() {
            return format!(
                "{} became the most probable token in place of {}{removed}",
                name(self.contrasted_id),
                name(self.plain_id)
            );
        }
        let moved = f64::from(self.moved) * 100.0;
        format!(
            "{} stayed the most probable token, {moved:.1} % of the probability moved{removed}",
            name(self.plain_id)
        )
    }

    /// Whether every number is one.
    pub(super) fn is_finite(&self) -> bool {
        let strengths = [self.alpha, self.alpha_from, self.alpha_to.unwrap_or(0.0)];
        let logprobs = self.candidates.iter().flat_map(|candidate| {
            [candidate.logprob, candidate.negative_logprob, candidate.final_logprob.unwrap_or(0.0)]
        });
        strengths.iter().all(|strength| strength.is_finite()) && logprobs.chain([self.moved]).all(f32::is_finite)
    }
}

/// What another strength of the contrast would have made the most probable token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip<'a> {
    /// The token; `None` if it is not among those that were recorded.
    pub to: Option<&'a ContrastCandidate>,
    /// Whether every candidate that the cut-off left was recorded; else one that was not may be more probable still.
    pub is_certain: bool,
}

/// Most probable tokens kept of each distribution.
const RECORDED: usize = 20;

/// A hundred-thousandth of the probability: what rounding moves.
const IDLE: f32 = 1e-5;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> TokenContrast {
        let candidate = |id, text: &str, logprob, negative_logprob, final_logprob| ContrastCandidate {
            id,
            text: text.to_owned(),
            logprob,
            negative_logprob,
            final_logprob,
        };
        TokenContrast {
            alpha: 1.0,
            plain_id: 3,
            contrasted_id: 5,
            num_removed: 1,
            moved: 0.25,
            branches_differ: true,
            alpha_from: 0.5,
            alpha_to: Some(2.0),
            candidates: vec![
                candidate(3, " dog", -0.5, -0.1, Some(-1.0)),
                candidate(5, " kite", -1.0, -3.0, Some(-0.5)),
                candidate(9, " sea", -4.0, -2.5, None),
            ],
        }
    }

    #[test]
    fn a_step_says_in_words_what_happened() {
        let mut step = sample();
        let expected = "\u{201c}kite\u{201d} became the most probable token in place of \u{201c}dog\u{201d}; the \
            cut-off removed 1 candidate";
        assert_eq!(step.sentence(), expected, "a changed choice");
        step.contrasted_id = 3;
        assert!(step.sentence().starts_with("\u{201c}dog\u{201d} stayed the most probable token, 25.0 %"), "kept");
        step.moved = 0.0;
        assert_eq!(step.sentence(), "Nothing changed at this step", "idle");
        step.branches_differ = false;
        assert!(step.sentence().ends_with("both branches gave the same logits"), "a branch that does nothing");
    }

    #[test]
    fn another_strength_flips_to_the_best_of_what_the_cut_off_left() {
        let mut step = sample();
        assert_eq!(step.flip_at(1.0), None, "within its range");
        // dog: -0.5 - 0.4 a, kite: -1 + 2 a.
        let flip = step.flip_at(0.1).expect("below its range");
        assert_eq!((flip.to.map(|to| to.id), flip.is_certain), (Some(3), true), "dog; the sea was removed");
        let more = (100..120).map(|id| ContrastCandidate { id, logprob: -9.0, ..step.candidates[0].clone() });
        step.candidates.extend(more.collect::<Vec<_>>());
        assert_eq!(step.flip_at(0.1).map(|flip| flip.is_certain), Some(false), "there may be more than twenty");
        step.candidates.remove(0);
        let flip = step.flip_at(0.1).expect("still below its range");
        assert_eq!(flip.to, None, "none of those recorded is better than the kite");
    }

    #[test]
    fn the_choice_flips_outside_of_its_range() {
        let step = sample();
        assert!(step.flips_at(0.4) && !step.flips_at(0.5) && !step.flips_at(2.0) && step.flips_at(2.1), "its range");
    }
}
