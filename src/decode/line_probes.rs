//! The probes of everything under way as the one of a pass: each call goes to the line whose branch it is of.

use crate::model::{Probe, ProbeChain, Site};
use candle_core::{Result as TensorResult, Tensor};

/// The probes of several answers as the one of their pass.
pub(super) struct AllAnswers<'a> {
    pub(super) answers: Vec<AllLines<'a>>,
    /// Answer, and branch in it, of every branch of the pass.
    pub(super) of_branch: Vec<(usize, usize)>,
}

impl AllAnswers<'_> {
    fn place(&self, site: &Site) -> Option<(&dyn Probe, Site)> {
        let (answer_idx, branch_idx) = *self.of_branch.get(site.branch_idx)?;
        Some((self.answers.get(answer_idx)?, Site { branch_idx, ..*site }))
    }

    fn place_mut(&mut self, site: &Site) -> Option<(&mut dyn Probe, Site)> {
        let (answer_idx, branch_idx) = *self.of_branch.get(site.branch_idx)?;
        Some((self.answers.get_mut(answer_idx)?, Site { branch_idx, ..*site }))
    }
}

/// A probe that hands each call to the one whose branch it is of.
macro_rules! handed_on {
    ($($wants:ident, $call:ident;)*) => {$(
        fn $wants(&self, site: &Site) -> bool {
            self.place(site).is_some_and(|(probe, site)| probe.$wants(&site))
        }

        fn $call(&mut self, site: &Site, tensor: &Tensor) -> TensorResult<Option<Tensor>> {
            self.place_mut(site).map_or(Ok(None), |(probe, site)| probe.$call(&site, tensor))
        }
    )*};
}

impl Probe for AllAnswers<'_> {
    fn wants_input(&self, site: &Site) -> bool {
        self.place(site).is_some_and(|(probe, site)| probe.wants_input(&site))
    }

    fn input(&mut self, site: &Site, input: &Tensor) -> TensorResult<()> {
        self.place_mut(site).map_or(Ok(()), |(probe, site)| probe.input(&site, input))
    }

    handed_on! {
        wants_scores, scores;
        wants_probs, probs;
        wants_heads, heads;
        wants_mlp, mlp;
        wants_hidden, hidden;
    }

    fn cancelled(&self) -> bool {
        self.answers.iter().any(Probe::cancelled)
    }
}

/// The probes of all lines as the one of their pass: each line's methods see its own branches, counted from its
/// ordinary one, and the recorder what they made.
pub(super) struct AllLines<'a> {
    pub(super) chains: Vec<ProbeChain<'a>>,
    /// Line, and branch in it, of every branch of the pass.
    pub(super) of_branch: Vec<(usize, usize)>,
    pub(super) first_row_id: u64,
    pub(super) recorder: &'a mut dyn Probe,
}

impl AllLines<'_> {
    /// The line of a call, and the call as the line sees it.
    fn place(&self, site: &Site) -> Option<(usize, Site)> {
        let (line_idx, branch_idx) = *self.of_branch.get(site.branch_idx)?;
        Some((line_idx, Site { branch_idx, ..*site }))
    }

    fn wants(&self, site: &Site, wants: fn(&dyn Probe, &Site) -> bool) -> bool {
        let Some((line_idx, site)) = self.place(site) else { return false };
        wants(&*self.recorder, &site) || self.chains.get(line_idx).is_some_and(|chain| wants(chain, &site))
    }

    fn thread(
        &mut self,
        site: &Site,
        tensor: &Tensor,
        wants: fn(&dyn Probe, &Site) -> bool,
        call: fn(&mut dyn Probe, &Site, &Tensor) -> TensorResult<Option<Tensor>>,
    ) -> TensorResult<Option<Tensor>> {
        let Some((line_idx, site)) = self.place(site) else { return Ok(None) };
        let mut edited = None;
        if let Some(chain) = self.chains.get_mut(line_idx).filter(|chain| wants(&**chain, &site)) {
            edited = call(chain, &site, tensor)?;
        }
        if wants(&*self.recorder, &site) {
            self.recorder.turn_to(self.first_row_id + line_idx as u64);
            let seen = call(&mut *self.recorder, &site, edited.as_ref().unwrap_or(tensor))?;
            edited = seen.or(edited);
        }
        Ok(edited)
    }
}

/// A probe whose calls go through the methods of a line, then to the recorder.
macro_rules! threaded {
    ($($wants:ident, $call:ident;)*) => {$(
        fn $wants(&self, site: &Site) -> bool {
            self.wants(site, |probe, site| probe.$wants(site))
        }

        fn $call(&mut self, site: &Site, tensor: &Tensor) -> TensorResult<Option<Tensor>> {
            let wants = |probe: &dyn Probe, site: &Site| probe.$wants(site);
            self.thread(site, tensor, wants, |probe, site, tensor| probe.$call(site, tensor))
        }
    )*};
}

impl Probe for AllLines<'_> {
    fn wants_input(&self, site: &Site) -> bool {
        self.wants(site, |probe, site| probe.wants_input(site))
    }

    fn input(&mut self, site: &Site, input: &Tensor) -> TensorResult<()> {
        let wants = |probe: &dyn Probe, site: &Site| probe.wants_input(site);
        self.thread(site, input, wants, |probe, site, input| probe.input(site, input).map(|()| None)).map(drop)
    }

    threaded! {
        wants_scores, scores;
        wants_probs, probs;
        wants_heads, heads;
        wants_mlp, mlp;
        wants_hidden, hidden;
    }

    fn cancelled(&self) -> bool {
        self.recorder.cancelled() || self.chains.iter().any(Probe::cancelled)
    }
}
