//! Properties of the forward pass on tiny random models.

mod decoder;
mod loading;
mod probes;
mod vision;

use super::{Probe, Site};
use candle_core::{Result, Tensor};

/// Keeps everything it is shown.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) scores: Vec<(Site, Tensor)>,
    pub(crate) probs: Vec<(Site, Tensor)>,
    pub(crate) hidden: Vec<(Site, Tensor)>,
}

impl Probe for Recorder {
    fn wants_scores(&self, _: &Site) -> bool {
        true
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        self.scores.push((*site, scores.copy()?));
        Ok(None)
    }

    fn wants_probs(&self, _: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        self.probs.push((*site, probs.copy()?));
        Ok(None)
    }

    fn wants_hidden(&self, _: &Site) -> bool {
        true
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        self.hidden.push((*site, hidden.copy()?));
        Ok(None)
    }
}
