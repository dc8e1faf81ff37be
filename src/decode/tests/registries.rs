//! Registries: every entry is complete, and does something.

use super::SPAN;
use crate::decode::{
    InterventionContext, Parameters, Registered, build_intervention, build_strategy, interventions, strategies,
};
use crate::geometry::PatchGrid;
use std::collections::HashSet;

fn check(entries: &[&dyn Registered], without_paper: &[&str]) {
    let ids: HashSet<_> = entries.iter().map(|entry| entry.id()).collect();
    assert_eq!(ids.len(), entries.len(), "two entries share an id");
    for entry in entries {
        let id = entry.id();
        assert!(!id.is_empty() && !entry.label().is_empty() && !entry.help().is_empty(), "{id} lacks a text");
        assert_eq!(entry.paper().is_empty(), without_paper.contains(&id), "{id} and its paper");
        let names: HashSet<_> = entry.parameters().iter().map(|parameter| parameter.name).collect();
        assert_eq!(names.len(), entry.parameters().len(), "{id} has two parameters of one name");
        assert!(
            entry.parameters().iter().all(|parameter| !parameter.help.is_empty()),
            "{id} has a parameter without help"
        );
        let resolved = Parameters::resolve(*entry, &[]).unwrap();
        assert_eq!(resolved.values().len(), names.len(), "{id} has a default for every parameter");
    }
}

#[test]
fn strategies_are_complete() {
    let entries: Vec<&dyn Registered> = strategies().iter().map(|strategy| *strategy as &dyn Registered).collect();
    check(&entries, &["plain"]);
    for strategy in strategies() {
        assert!(build_strategy(strategy.id(), &[]).is_ok(), "{} works with its defaults", strategy.id());
    }
    let message = build_strategy("beam", &[]).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        message, "Expected one of the strategies plain, vcd, damro, icd, pai-cfg, m3id, found beam",
        "not registered"
    );
    assert!(build_strategy("plain", &[("alpha".to_owned(), "1".to_owned())]).is_err(), "plain takes nothing");
}

#[test]
fn interventions_are_complete() {
    let entries: Vec<&dyn Registered> = interventions().iter().map(|entry| *entry as &dyn Registered).collect();
    check(&entries, &[]);
}

/// A working example of every intervention. A new one needs its line here and a case in `interventions.rs`.
#[test]
fn every_intervention_has_an_example() {
    let context = InterventionContext {
        image_token_span: Some(SPAN),
        image_grid: PatchGrid { rows: 3, cols: 3 },
        num_hidden_layers: 3,
    };
    for intervention in interventions() {
        let given: &[(&str, &str)] = match intervention.id() {
            "knockout" => &[("patches", "1.2")],
            "pai" => &[("alpha", "0.3")],
            other => panic!("{other} has no example"),
        };
        let given: Vec<_> = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (active, parameters) = build_intervention(intervention.id(), &given, &context).unwrap();
        assert_eq!(active.report().id, intervention.id(), "the report carries the id");
        assert_eq!(parameters.text(intervention.parameters()[0].name), given[0].1, "given values are kept");
    }
}
