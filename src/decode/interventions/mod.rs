//! Changes inside the model while it answers.
//!
//! An intervention works on the ordinary branch (branch 0), whose prompt it was made for.

mod knockout;
mod pai;

use super::parameters::names;
use super::{DecodeError, Parameters, Registered};
use crate::geometry::PatchGrid;
use crate::ids::TokenSpan;
use crate::model::Probe;
use crate::names::hint;

/// Every intervention.
pub const INTERVENTIONS: &[&dyn Intervention] = &[&knockout::Knockout, &pai::Pai];

/// What an intervention can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterventionContext {
    /// Image tokens of the ordinary branch.
    pub image_token_span: Option<TokenSpan>,
    /// How the patches among them lie, row-major; the last `image_grid.len()` tokens of the span are patches.
    pub image_grid: PatchGrid,
    /// Decoder layers.
    pub num_hidden_layers: usize,
}

impl InterventionContext {
    /// The image tokens, or the error that there are none.
    fn image_span(&self, owner: &'static str) -> Result<TokenSpan, DecodeError> {
        self.image_token_span.filter(|span| span.len > 0).ok_or(DecodeError::NoImage { owner })
    }
}

/// A registered change.
pub trait Intervention: Registered {
    /// Checks the parameters against the question, spells out those that depend on it, and makes the probe.
    fn build(
        &self,
        parameters: &mut Parameters,
        context: &InterventionContext,
    ) -> Result<Box<dyn ActiveIntervention>, DecodeError>;
}

/// A change at work on one answer.
pub trait ActiveIntervention: Probe {
    /// What it has done so far.
    fn report(&self) -> ActionReport;

    /// Which keys and values of a branch it changes while a prompt of `prompt_len` positions is read: the others are kept for the next
    /// question. All of them, unless an intervention knows better.
    fn reach(&self, _branch_idx: usize, _prompt_len: usize) -> Reach {
        Reach::EVERYTHING
    }
}

/// What of a pass over a prompt an intervention changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Whether the vision tower may compute something else.
    pub vision: bool,
    /// First position whose keys or values may differ from those without it; a layer's own position counts when its output changes.
    pub first_position: usize,
    /// Whether a changed position depends only on the prompt up to it, and not on which pass it came in or on what follows: then it is
    /// kept for a later question with the same intervention.
    pub by_position: bool,
}

impl Reach {
    /// Nothing may be kept.
    pub const EVERYTHING: Self = Self { vision: true, first_position: 0, by_position: false };
    /// Everything may.
    pub const NOTHING: Self = Self { vision: false, first_position: usize::MAX, by_position: true };

    /// What two change one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            vision: self.vision || other.vision,
            first_position: self.first_position.min(other.first_position),
            by_position: self.by_position && other.by_position,
        }
    }
}

/// How often an intervention acted. Nothing silently does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionReport {
    /// Registered name.
    pub id: &'static str,
    /// Layers times forward passes in which scores were changed.
    pub num_calls: usize,
    /// Scores changed, all heads counted.
    pub num_values: usize,
}

impl ActionReport {
    /// A warning for the trace if nothing was changed.
    pub fn warning(&self) -> Option<String> {
        (self.num_values == 0).then(|| format!("The intervention {} changed nothing in this run", self.id))
    }
}

impl std::fmt::Display for ActionReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} changed {} scores in {} layer passes", self.id, self.num_values, self.num_calls)
    }
}

/// Every intervention, in the order of menus.
pub fn interventions() -> &'static [&'static dyn Intervention] {
    INTERVENTIONS
}

/// The registered intervention of that name.
pub fn intervention_named(name: &str) -> Result<&'static dyn Intervention, DecodeError> {
    let ids = || INTERVENTIONS.iter().map(|intervention| intervention.id());
    let found = INTERVENTIONS.iter().copied().find(|intervention| intervention.id() == name);
    found.ok_or_else(|| DecodeError::UnknownName {
        kind: "interventions",
        known: names(ids()),
        found: name.to_owned(),
        hint: hint(name, ids()),
    })
}

/// Makes a registered intervention. The parameters come back as they are used, for the trace.
pub fn build_intervention(
    name: &str,
    given: &[(String, String)],
    context: &InterventionContext,
) -> Result<(Box<dyn ActiveIntervention>, Parameters), DecodeError> {
    let intervention = intervention_named(name)?;
    let mut parameters = Parameters::resolve(intervention, given)?;
    Ok((intervention.build(&mut parameters, context)?, parameters))
}
