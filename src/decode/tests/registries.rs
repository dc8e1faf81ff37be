//! The registry: every entry is complete, and does something.

use super::{SPAN, given, of_intervention};
use crate::decode::{METHODS, Parameters, Registered, Word, build, interventions, method_named, methods, strategies};
use std::collections::HashSet;

#[test]
fn methods_are_complete() {
    for method in METHODS {
        let info = method.info();
        let id = info.id;
        assert!(!id.is_empty() && !info.label.is_empty() && !info.help.is_empty(), "{id} lacks a text");
        assert_eq!(info.paper.is_empty(), id == "plain", "{id} and its paper");
        let names: HashSet<_> = info.parameters.iter().map(|parameter| parameter.name).collect();
        assert_eq!(names.len(), info.parameters.len(), "{id} has two parameters of one name");
        let is_told = info.parameters.iter().all(|parameter| !parameter.help.is_empty());
        assert!(is_told, "{id} has a parameter without help");
        let resolved = Parameters::resolve(*method, &[]).unwrap();
        assert_eq!(resolved.values().len(), names.len(), "{id} has a default for every parameter");
        let alike = METHODS.iter().filter(|other| (other.id(), other.info().word) == (id, info.word));
        assert_eq!(alike.count(), 1, "one option has two of the name {id}");
    }
}

#[test]
fn older_options_take_methods_of_the_one_registry() {
    let ids = |word| methods(word).map(Registered::id).collect::<Vec<_>>();
    assert_eq!(ids(Word::Strategy), ["plain", "vcd", "damro", "icd", "pai-cfg", "m3id"], "--strategy");
    assert_eq!(ids(Word::Intervention), ["knockout", "pai"], "--intervene");
    let all: Vec<_> = methods(Word::Method).map(|method| method.id()).collect();
    let distinct: HashSet<_> = all.iter().copied().collect();
    let of_method = ids(Word::Method);
    assert_eq!((of_method.len(), of_method.into_iter().collect()), (distinct.len(), distinct), "--method takes all");
    let pai = method_named(Word::Method, "pai").unwrap().info();
    assert_eq!(pai.word, Word::Method, "by that option `pai` is the whole of it");
    assert_eq!(method_named(Word::Intervention, "pai").unwrap().info().word, Word::Intervention, "and the boost here");
    for method in strategies().chain(interventions()).filter(|method| method.id() != "pai") {
        let same = method_named(Word::Method, method.id()).unwrap();
        assert!(std::ptr::eq(same.info(), method.info()), "{} is the same by either name", method.id());
    }
}

#[test]
fn what_is_not_registered_is_refused_by_option_with_what_is_near() {
    let all: Vec<_> = methods(Word::Method).map(Registered::id).collect();
    let message = |word, name: &str| build(word, name, &[]).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        message(Word::Strategy, "beam"),
        "Expected one of the strategies plain, vcd, damro, icd, pai-cfg, m3id, found beam",
        "a strategy"
    );
    assert_eq!(
        message(Word::Method, "vdc"),
        format!("Expected one of the methods {}, found vdc (near: vcd)", all.join(", ")),
        "a method"
    );
    assert!(message(Word::Strategy, "pai").contains("found pai"), "an intervention is no strategy");
    assert!(message(Word::Intervention, "vcd").contains("found vcd"), "a strategy is no intervention");
    assert!(build(Word::Strategy, "plain", &given(&[("alpha", "1")])).is_err(), "plain takes nothing");
    assert_eq!(build(Word::Strategy, "", &[]).unwrap().0.id(), "plain", "no name is plain");
}

/// That their order is of no account rests on this.
#[test]
fn strategies_have_no_probe_and_interventions_nothing_else() {
    for strategy in strategies() {
        let (_, mut active, _) = build(Word::Strategy, strategy.id(), &[]).unwrap();
        assert!(active.probe().is_none(), "{} works on logits alone", strategy.id());
        assert!(!active.keeps_state() && !active.may_retract(), "{} looks at one step at a time", strategy.id());
    }
    for intervention in interventions() {
        let (_, mut active, _) = build(Word::Intervention, intervention.id(), &[]).unwrap();
        assert!(active.probe().is_some() && active.asks().is_empty(), "{} is a probe", intervention.id());
    }
}

/// A working example of every intervention. A new one needs its line here and a case in `interventions.rs`.
#[test]
fn every_intervention_has_an_example() {
    for intervention in interventions() {
        let given: &[(&str, &str)] = match intervention.id() {
            "knockout" => &[("patches", "1.2")],
            "pai" => &[("alpha", "0.3")],
            other => panic!("{other} has no example"),
        };
        let (active, parameters) = of_intervention(intervention.id(), given, SPAN).unwrap();
        assert_eq!(active.report().unwrap().id, intervention.id(), "the report carries the id");
        assert_eq!(parameters.text(intervention.info().parameters[0].name), given[0].1, "given values are kept");
    }
}
