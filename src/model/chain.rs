//! Several probes as one.

use super::probe::{Probe, Site};
use candle_core::{Result, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Calls probes in order; each sees what the ones before it made of a tensor. Put the recorder last.
#[derive(Default)]
pub struct ProbeChain<'a> {
    probes: Vec<&'a mut dyn Probe>,
}

impl<'a> ProbeChain<'a> {
    /// An empty chain.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a probe behind those that are there.
    #[must_use]
    pub fn with(mut self, probe: &'a mut dyn Probe) -> Self {
        self.probes.push(probe);
        self
    }

    /// Runs a tensor through the probes that want it; `None` if none of them changed it.
    fn thread(
        &mut self,
        site: &Site,
        tensor: &Tensor,
        wants: fn(&dyn Probe, &Site) -> bool,
        call: fn(&mut dyn Probe, &Site, &Tensor) -> Result<Option<Tensor>>,
    ) -> Result<Option<Tensor>> {
        let mut edited: Option<Tensor> = None;
        for probe in &mut self.probes {
            if wants(&**probe, site)
                && let Some(next) = call(&mut **probe, site, edited.as_ref().unwrap_or(tensor))?
            {
                edited = Some(next);
            }
        }
        Ok(edited)
    }
}

impl Probe for ProbeChain<'_> {
    fn wants_input(&self, site: &Site) -> bool {
        self.probes.iter().any(|probe| probe.wants_input(site))
    }

    fn input(&mut self, site: &Site, input: &Tensor) -> Result<()> {
        let mut wanting = self.probes.iter_mut().filter(|probe| probe.wants_input(site));
        wanting.try_for_each(|probe| probe.input(site, input))
    }

    fn wants_scores(&self, site: &Site) -> bool {
        self.probes.iter().any(|probe| probe.wants_scores(site))
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        self.thread(
            site,
            scores,
            |probe, site| probe.wants_scores(site),
            |probe, site, scores| probe.scores(site, scores),
        )
    }

    fn wants_probs(&self, site: &Site) -> bool {
        self.probes.iter().any(|probe| probe.wants_probs(site))
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        self.thread(site, probs, |probe, site| probe.wants_probs(site), |probe, site, probs| probe.probs(site, probs))
    }

    fn wants_heads(&self, site: &Site) -> bool {
        self.probes.iter().any(|probe| probe.wants_heads(site))
    }

    fn heads(&mut self, site: &Site, heads: &Tensor) -> Result<Option<Tensor>> {
        self.thread(site, heads, |probe, site| probe.wants_heads(site), |probe, site, heads| probe.heads(site, heads))
    }

    fn wants_mlp(&self, site: &Site) -> bool {
        self.probes.iter().any(|probe| probe.wants_mlp(site))
    }

    fn mlp(&mut self, site: &Site, mlp: &Tensor) -> Result<Option<Tensor>> {
        self.thread(site, mlp, |probe, site| probe.wants_mlp(site), |probe, site, mlp| probe.mlp(site, mlp))
    }

    fn wants_hidden(&self, site: &Site) -> bool {
        self.probes.iter().any(|probe| probe.wants_hidden(site))
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        self.thread(
            site,
            hidden,
            |probe, site| probe.wants_hidden(site),
            |probe, site, hidden| probe.hidden(site, hidden),
        )
    }

    fn turn_to(&mut self, row_id: u64) {
        for probe in &mut self.probes {
            probe.turn_to(row_id);
        }
    }

    fn cancelled(&self) -> bool {
        self.probes.iter().any(|probe| probe.cancelled())
    }
}

/// A probe that sees an encoder as one of several: families with more than one run each through its own.
pub struct EncoderProbe<'a> {
    probe: &'a mut dyn Probe,
    encoder_idx: usize,
}

impl<'a> EncoderProbe<'a> {
    /// Shows `probe` the layers of the encoder with that number.
    pub fn new(probe: &'a mut dyn Probe, encoder_idx: usize) -> Self {
        Self { probe, encoder_idx }
    }

    fn site(&self, site: &Site) -> Site {
        Site { encoder_idx: self.encoder_idx, ..*site }
    }
}

impl Probe for EncoderProbe<'_> {
    fn wants_input(&self, site: &Site) -> bool {
        self.probe.wants_input(&self.site(site))
    }

    fn input(&mut self, site: &Site, input: &Tensor) -> Result<()> {
        let site = self.site(site);
        self.probe.input(&site, input)
    }

    fn wants_scores(&self, site: &Site) -> bool {
        self.probe.wants_scores(&self.site(site))
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        let site = self.site(site);
        self.probe.scores(&site, scores)
    }

    fn wants_probs(&self, site: &Site) -> bool {
        self.probe.wants_probs(&self.site(site))
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        let site = self.site(site);
        self.probe.probs(&site, probs)
    }

    fn wants_heads(&self, site: &Site) -> bool {
        self.probe.wants_heads(&self.site(site))
    }

    fn heads(&mut self, site: &Site, heads: &Tensor) -> Result<Option<Tensor>> {
        let site = self.site(site);
        self.probe.heads(&site, heads)
    }

    fn wants_mlp(&self, site: &Site) -> bool {
        self.probe.wants_mlp(&self.site(site))
    }

    fn mlp(&mut self, site: &Site, mlp: &Tensor) -> Result<Option<Tensor>> {
        let site = self.site(site);
        self.probe.mlp(&site, mlp)
    }

    fn wants_hidden(&self, site: &Site) -> bool {
        self.probe.wants_hidden(&self.site(site))
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        let site = self.site(site);
        self.probe.hidden(&site, hidden)
    }

    fn cancelled(&self) -> bool {
        self.probe.cancelled()
    }
}

/// A flag that ends the forward pass at the next layer. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Raises it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Probe for CancelFlag {
    fn cancelled(&self) -> bool {
        self.is_cancelled()
    }
}
