//! How far the words alone would have said the same: changes nothing, tells a rank at every token.

use crate::decode::contrast::Combined;
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, Step, most_probable};
use crate::decode::{Acts, DecodeError, DecoderPrompt, MethodInfo, Parameters, Registered, Word};

const ID: &str = "base-rank";
/// A rank up to this is a marginal shift, one above it a shift.
const MARGINAL: usize = 2;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "Base rank (measures only)",
    help: "Ranks the model's most probable token among the candidates of the same decoder without the photo: 0 is what \
        the words alone would have said. Changes nothing",
    paper: "Ghosh et al., VDGD: Mitigating LVLM Hallucinations in Cognitive Prompting by Bridging the Visual \
        Perception Gap, 2024, arXiv:2405.15683",
    word: Word::Method,
    acts: Acts::Branch,
    cost: "a second branch without the photo: a short prompt pass, and one more row a token",
    ..MethodInfo::NONE
};

/// The base rank of every token: unshifted (0), marginal (1, 2) or shifted (above 2) by the photo.
///
/// **Source**: Lin et al. 2023 (URIAL) as VDGD uses it, section 3 of its paper.
/// **Differs**: the base is the same decoder with the photo's tokens left out of the prompt, not the chat model that
/// the decoder was made from, which is seldom at hand; the whole vocabulary is ranked, not thirty stored strings (test
/// `the_base_rank_counts_what_the_words_alone_find_more_probable`).
pub(super) struct BaseRank;

impl Registered for BaseRank {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for BaseRank {
    fn build(&self, _parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(ActiveBaseRank { rank: None }))
    }
}

#[derive(Clone)]
struct ActiveBaseRank {
    rank: Option<usize>,
}

/// How many candidates the base finds more probable than the one that the model finds most probable; among equals the
/// smaller id comes first. `None` without candidates.
fn rank_of(model: &[f32], base: &[f32]) -> Option<usize> {
    let id = most_probable(model) as usize;
    let own = *base.get(id)?;
    let before = |(other, logit): &(usize, &f32)| **logit > own || (logit.total_cmp(&own).is_eq() && *other < id);
    Some(base.iter().enumerate().filter(before).count())
}

impl ActiveMethod for ActiveBaseRank {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        Ok(vec![context.replace_image(ID, None)?])
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        self.rank = rank_of(step.raw_logits, step.branch()?);
        Ok(None)
    }

    fn did(&mut self) -> Option<String> {
        let words = match self.rank? {
            0 => "0: the words alone would have said the same (unshifted)".to_owned(),
            rank @ 1..=MARGINAL => format!("{rank}: the words alone have it among their first (marginal)"),
            rank => format!("{rank}: it comes from the photo (shifted)"),
        };
        Some(words)
    }

    fn measured(&mut self) -> Option<f64> {
        self.rank.take().map(|rank| rank as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_rank_counts_what_the_words_alone_find_more_probable() {
        assert_eq!(rank_of(&[0.0, 3.0, 1.0], &[0.5, 2.0, 1.0]), Some(0), "the same");
        assert_eq!(rank_of(&[0.0, 3.0, 1.0], &[0.5, 0.2, 1.0]), Some(2), "two before it");
        assert_eq!(rank_of(&[3.0, 3.0], &[1.0, 1.0]), Some(0), "the first among equals");
        assert_eq!(rank_of(&[0.0, 3.0], &[1.0, 1.0]), Some(1), "an equal one with a smaller id is before it");
        assert_eq!(rank_of(&[], &[]), None, "no vocabulary");
    }
}
