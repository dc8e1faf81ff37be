//! Everything registered, as names, parameters and help: what the command line, the menus and `gazelens list` are made from.

use serde::Serialize;

/// A parameter of a registered thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// Name in a SPEC.
    pub name: &'static str,
    /// Default, as it would be written in a SPEC.
    pub default: String,
    /// One line.
    pub help: &'static str,
}

/// A registered strategy, intervention, metric, family or colour map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Unique name.
    pub id: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// One line.
    pub help: &'static str,
    /// Where it comes from; empty for what has no paper.
    pub paper: &'static str,
    /// Parameters with defaults.
    pub parameters: Vec<Parameter>,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalog {
    /// Ways to choose tokens.
    pub strategies: Vec<Entry>,
    /// Changes inside the model.
    pub interventions: Vec<Entry>,
    /// Figures of merit.
    pub metrics: Vec<Entry>,
    /// Model families that can be opened.
    pub families: Vec<Entry>,
}
