//! What a contrastive strategy did to the shown answer as a whole, and which choices another strength would change.

use crate::engine::RunId;
use crate::trace::{OutputToken, TokenContrast};
use crate::ui::core::command::TriedStrength;
use crate::ui::features::{AppState, Run};

/// Strengths closer than this are one.
const SAME: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    run: RunId,
    version: u64,
    tried: Option<TriedStrength>,
}

/// How strong the contrast was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Recorded {
    /// The same at every step.
    Always(f64),
    /// Another one at every step: what is tried is a multiple of it.
    FromTo(f64, f64),
}

/// A choice that another strength would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlippedChoice {
    /// The token.
    pub token_idx: usize,
    /// The token that would have become the most probable one; `None` if it was not recorded.
    pub to: Option<String>,
    /// Whether no other token can be.
    pub is_certain: bool,
}

/// What a contrastive strategy did to the shown answer as a whole, and which choices another strength would change.
#[derive(Debug, Clone)]
pub struct ContrastMarks {
    key: Key,
    /// Steps with a second branch.
    pub steps: usize,
    /// Those whose most probable token is another one than without the contrast.
    pub changed: usize,
    /// Those that the contrast left as they were.
    pub idle: usize,
    /// Strength.
    pub recorded: Recorded,
    /// Choices that the tried strength would change, in reading order; only the first one would come as it is said.
    pub flipped: Vec<FlippedChoice>,
}

impl ContrastMarks {
    /// What the strategy did to the answer, in one sentence.
    pub fn sentence(&self, strategy: &str) -> String {
        let Self { steps, changed, idle, .. } = self;
        let tokens = if *steps == 1 { "token" } else { "tokens" };
        if *changed > 0 {
            return format!("{strategy} changed {changed} of {steps} {tokens}");
        }
        let how = if idle == steps { "nothing, not even a probability" } else { "no token, only probabilities" };
        format!("{strategy} changed {how} ({steps} {tokens})")
    }

    /// What the tried strength would make of a token, and whether it is the first one.
    pub fn flip_of(&self, token_idx: usize) -> Option<(&FlippedChoice, bool)> {
        let at = self.flipped.binary_search_by_key(&token_idx, |flip| flip.token_idx).ok()?;
        Some((self.flipped.get(at)?, at == 0))
    }

    /// What the tried strength would change, in words; with what is known and what is not.
    pub fn flips_sentence(&self) -> String {
        let Some(first) = self.flipped.first() else {
            return "No token would change at this strength: the answer would be the same".to_owned();
        };
        let to = match (&first.to, first.is_certain) {
            (None, _) => "a token that was not recorded".to_owned(),
            (Some(to), true) => format!("“{}”", to.trim()),
            (Some(to), false) => format!("most likely “{}”; not every candidate was recorded", to.trim()),
        };
        let (at, count) = (first.token_idx, self.flipped.len());
        if count == 1 {
            return format!("1 token would change: token {at} ({to}). Ask again for the true continuation");
        }
        format!(
            "{count} tokens would change, first token {at} ({to}). Later ones are approximate: ask again for the true \
             continuation"
        )
    }
}

/// The marks for this state; those from before if nothing changed. `None` if no step has a second branch.
pub(super) fn update(before: Option<ContrastMarks>, state: &AppState, run: &Run) -> Option<ContrastMarks> {
    let tried = state.compare.tried.filter(|tried| tried.run == run.id);
    let key = Key { run: run.id, version: run.version, tried };
    if before.as_ref().is_some_and(|before| before.key == key) {
        return before;
    }
    make(key, &run.trace.as_ref()?.output)
}

fn make(key: Key, output: &[OutputToken]) -> Option<ContrastMarks> {
    let steps = || output.iter().enumerate().filter_map(|(idx, token)| Some((idx, token.contrast.as_deref()?)));
    let (_, first) = steps().next()?;
    let count = |is: fn(&TokenContrast) -> bool| steps().filter(|(_, step)| is(step)).count();
    let (low, high) =
        steps().fold((first.alpha, first.alpha), |(low, high), (_, step)| (low.min(step.alpha), high.max(step.alpha)));
    let recorded = if high - low < SAME { Recorded::Always(first.alpha) } else { Recorded::FromTo(low, high) };
    let flipped = key.tried.map_or_else(Vec::new, |tried| {
        let flip = |(token_idx, step): (usize, &TokenContrast)| {
            let alpha = match recorded {
                Recorded::Always(_) => tried.value,
                Recorded::FromTo(..) => tried.value * step.alpha,
            };
            let flip = step.flip_at(alpha)?;
            let to = flip.to.map(|candidate| candidate.text.clone());
            Some(FlippedChoice { token_idx, to, is_certain: flip.is_certain })
        };
        steps().filter_map(flip).collect()
    });
    Some(ContrastMarks {
        key,
        steps: steps().count(),
        changed: count(TokenContrast::changed),
        idle: count(TokenContrast::is_idle),
        recorded,
        flipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::ContrastCandidate;
    use crate::ui::features::testing::token;

    /// A step that chose the second of two tokens: the first would win below 0.5.
    fn step(alpha: f64) -> OutputToken {
        let candidate = |id, text: &str, logprob: f32, negative_logprob| ContrastCandidate {
            id,
            text: text.to_owned(),
            logprob,
            negative_logprob,
            final_logprob: Some(-1.0),
        };
        let contrast = TokenContrast {
            alpha,
            plain_id: 3,
            contrasted_id: 5,
            num_removed: 0,
            moved: 0.25,
            branches_differ: true,
            alpha_from: 0.5,
            alpha_to: None,
            candidates: vec![candidate(3, " dog", -1.0, -1.0), candidate(5, " kite", -1.5, -2.5)],
        };
        OutputToken { contrast: Some(Box::new(contrast)), ..token(" kite") }
    }

    fn marks(output: &[OutputToken], value: f64) -> ContrastMarks {
        let tried = Some(TriedStrength { run: RunId(1), value });
        make(Key { run: RunId(1), version: 1, tried }, output).expect("there is a second branch")
    }

    #[test]
    fn a_weaker_contrast_lights_up_what_it_would_not_have_chosen() {
        let output = [token("A"), step(1.0), token("."), step(1.0)];
        let found = marks(&output, 0.25);
        assert_eq!((found.steps, found.changed, found.recorded), (2, 2, Recorded::Always(1.0)), "two steps");
        let flips: Vec<_> = found.flipped.iter().map(|flip| (flip.token_idx, flip.to.as_deref())).collect();
        assert_eq!(flips, [(1, Some(" dog")), (3, Some(" dog"))], "both go back to the dog");
        assert!(found.flip_of(1).is_some_and(|(_, first)| first), "the first one");
        assert!(found.flip_of(3).is_some_and(|(_, first)| !first) && found.flip_of(2).is_none(), "a later one, none");
        let said = found.flips_sentence();
        assert!(said.starts_with("2 tokens would change, first token 1 (“dog”). Later ones are approximate"), "{said}");
        assert!(marks(&output, 0.75).flips_sentence().starts_with("No token"), "within both ranges");
    }

    #[test]
    fn a_strength_that_varies_is_tried_as_a_multiple() {
        let found = marks(&[step(1.0), step(4.0)], 0.3);
        assert_eq!(found.recorded, Recorded::FromTo(1.0, 4.0), "from step to step");
        assert_eq!(found.flipped.iter().map(|flip| flip.token_idx).collect::<Vec<_>>(), [0], "0.3 flips, 1.2 does not");
    }

    #[test]
    fn what_did_nothing_is_said_to_have_done_nothing() {
        let mut idle = step(1.0);
        if let Some(contrast) = &mut idle.contrast {
            (contrast.contrasted_id, contrast.moved) = (3, 0.0);
        }
        let sentence = marks(&[idle.clone()], 1.0).sentence("VCD");
        assert_eq!(sentence, "VCD changed nothing, not even a probability (1 token)", "no token, no probability");
        assert_eq!(marks(&[idle, step(1.0)], 1.0).sentence("VCD"), "VCD changed 1 of 2 tokens", "one of two");
        assert!(make(Key { run: RunId(1), version: 1, tried: None }, &[token("A")]).is_none(), "no second branch");
    }
}
