//! Figures over many answers.

use super::{Label, Outcome};

/// Outcomes by label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confusion {
    /// Present, counted as yes.
    pub true_positives: u64,
    /// Absent, counted as yes.
    pub false_positives: u64,
    /// Absent, counted as no.
    pub true_negatives: u64,
    /// Present, counted as no.
    pub false_negatives: u64,
    /// Left out by the scorer.
    pub excluded: u64,
}

/// Figures as parts of 1; `None` where nothing is divided by nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Right answers.
    pub accuracy: Option<f64>,
    /// Of those counted as yes, the present ones.
    pub precision: Option<f64>,
    /// Of those present, the ones counted as yes.
    pub recall: Option<f64>,
    /// Of those absent, the ones counted as no: the true-negative rate.
    pub specificity: Option<f64>,
    /// Harmonic mean of precision and recall.
    pub f1: Option<f64>,
    /// Counted as yes.
    pub yes_ratio: Option<f64>,
}

impl Confusion {
    /// Counts (outcome, label) pairs.
    pub fn of(outcomes: impl IntoIterator<Item = (Outcome, Label)>) -> Self {
        let mut counts = Self::default();
        for (outcome, label) in outcomes {
            counts.add(outcome, label);
        }
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, outcome: Outcome, label: Label) {
        let count = match (outcome, label) {
            (Outcome::Yes, Label::Yes) => &mut self.true_positives,
            (Outcome::Yes, Label::No) => &mut self.false_positives,
            (Outcome::No, Label::No) => &mut self.true_negatives,
            (Outcome::No, Label::Yes) => &mut self.false_negatives,
            (Outcome::Excluded, _) => &mut self.excluded,
        };
        *count += 1;
    }

    /// As POPE reports them: with as many present and absent objects as there are.
    pub fn figures(&self) -> Figures {
        let [tp, fp, tn, fn_] =
            [self.true_positives, self.false_positives, self.true_negatives, self.false_negatives].map(|n| n as f64);
        figures([tp, fp, tn, fn_])
    }

    /// As if there were as many present as absent objects: what the study of attention prompting (Tomita et al.)
    /// reports. `None` without a present or without an absent object.
    pub fn balanced(&self) -> Figures {
        let raw = self.figures();
        match (raw.recall, raw.specificity) {
            (Some(recall), Some(specificity)) => figures([recall, 1.0 - specificity, specificity, 1.0 - recall]),
            _ => Figures::default(),
        }
    }
}

fn figures([tp, fp, tn, fn_]: [f64; 4]) -> Figures {
    let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let all = tp + fp + tn + fn_;
    Figures {
        accuracy: ratio(tp + tn, all),
        precision: ratio(tp, tp + fp),
        recall: ratio(tp, tp + fn_),
        specificity: ratio(tn, tn + fp),
        // 2PR / (P + R), without a division by nothing when both are 0.
        f1: ratio(2.0 * tp, 2.0 * tp + fp + fn_),
        yes_ratio: ratio(tp + fp, all),
    }
}
