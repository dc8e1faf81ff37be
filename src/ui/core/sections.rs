//! Which sections of the inspector are open.

use super::pane::Pane;
use serde::Serialize;
use std::collections::BTreeSet;

/// Which sections of the inspector are open.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Sections {
    open: BTreeSet<Pane>,
    /// One that was just opened: it is scrolled to.
    #[serde(skip)]
    wanted: Option<Pane>,
}

impl Default for Sections {
    fn default() -> Self {
        Self { open: [Pane::Candidates, Pane::Origin, Pane::Heads].into(), wanted: None }
    }
}

impl Sections {
    /// With these open.
    pub fn of(open: BTreeSet<Pane>) -> Self {
        Self { open, wanted: None }
    }

    /// Whether a section is open.
    pub fn is_open(&self, pane: Pane) -> bool {
        self.open.contains(&pane)
    }

    /// Opens a section and scrolls to it.
    pub fn show(&mut self, pane: Pane) {
        self.open.insert(pane);
        self.wanted = Some(pane);
    }

    /// Opens or folds a section.
    pub fn toggle(&mut self, pane: Pane) {
        if !self.open.remove(&pane) {
            self.show(pane);
        }
    }

    /// Whether a section was just opened; asked once.
    pub fn is_wanted(&mut self, pane: Pane) -> bool {
        self.wanted.take_if(|wanted| *wanted == pane).is_some()
    }
}
