//! Everything registered, as names, parameters and help: what the command line, the menus and `gazelens list` are made
//! from.

use crate::decode::{Acts, MethodInfo, ParameterInfo, Preset, Strength, Word, methods};
use serde::Serialize;

/// A registered method, metric, family or colour map.
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
    pub parameters: &'static [ParameterInfo],
    /// Sets of values that the parameter `preset` chooses from, the default first; empty where publications agree.
    pub presets: &'static [Preset],
    /// The parameter that sets the strength of a contrast.
    pub strength: Option<Strength>,
    /// Where a method acts; `None` for what is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acts: Option<Acts>,
    /// What a method costs besides plain decoding, in words; empty for what is none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cost: &'static str,
}

impl Entry {
    /// What has a name and no parameters.
    pub fn named(id: &'static str, label: &'static str, help: &'static str, paper: &'static str) -> Self {
        Self { id, label, help, paper, parameters: &[], presets: &[], strength: None, acts: None, cost: "" }
    }
}

/// Everything registered, as names, parameters and help: what the command line, the menus and `gazelens list` are made
/// from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalog {
    /// Everything that changes how an answer comes about.
    pub methods: Vec<Entry>,
    /// Those of them that choose from the logits of branches.
    pub strategies: Vec<Entry>,
    /// Those of them that change the ordinary branch inside the model.
    pub interventions: Vec<Entry>,
    /// Figures of merit.
    pub metrics: Vec<Entry>,
    /// Model families that can be opened.
    pub families: Vec<Entry>,
}

/// Everything that is registered in this build.
pub fn catalog() -> Catalog {
    Catalog {
        methods: methods(Word::Method).map(|method| entry(method.info())).collect(),
        strategies: methods(Word::Strategy).map(|method| entry(method.info())).collect(),
        interventions: methods(Word::Intervention).map(|method| entry(method.info())).collect(),
        metrics: crate::analysis::localisation::metrics()
            .map(|metric| Entry::named(metric.id, metric.label, metric.help, metric.paper))
            .collect(),
        families: crate::model::FAMILIES
            .iter()
            .map(|family| Entry::named(family.id, family.label, family.help, family.paper))
            .collect(),
    }
}

fn entry(info: &'static MethodInfo) -> Entry {
    let MethodInfo { id, label, help, paper, parameters, presets, strength, acts, cost, .. } = *info;
    Entry { parameters, presets, strength, acts: Some(acts), cost, ..Entry::named(id, label, help, paper) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::ParameterKind;
    use std::collections::HashSet;

    #[test]
    fn defaults_and_presets_lie_where_the_sliders_run() {
        let catalog = catalog();
        for entry in &catalog.methods {
            for parameter in entry.parameters {
                let Some((low, high)) = parameter.usual else { continue };
                let (least, most) = match parameter.kind {
                    ParameterKind::Real { min, max } => (min, max),
                    ParameterKind::Whole { min, max } => (min as f64, max as f64),
                    _ => panic!("{} of {} is no number", parameter.name, entry.id),
                };
                assert!(least <= low && low < high && high <= most, "{} of {}", parameter.name, entry.id);
                let presets = entry.presets.iter().flat_map(|preset| preset.values);
                let presets = presets.filter(|(name, _)| *name == parameter.name).map(|(_, value)| *value);
                for value in presets.chain([parameter.default]) {
                    let inside = value.parse::<f64>().is_ok_and(|value| (low..=high).contains(&value));
                    assert!(inside, "{} of {}: {value} is out of the slider's sight", parameter.name, entry.id);
                }
            }
            let strength = entry.strength.map(|strength| strength.parameter);
            let known = strength.is_none_or(|name| entry.parameters.iter().any(|parameter| parameter.name == name));
            assert!(known, "the strength of {} is one of its parameters", entry.id);
        }
    }

    #[test]
    fn registered_things_have_unique_ids_and_help() {
        let catalog = catalog();
        let Catalog { methods, strategies, interventions, metrics, families } = &catalog;
        for entries in [methods, strategies, interventions, metrics, families] {
            let ids: HashSet<_> = entries.iter().map(|entry| entry.id).collect();
            assert_eq!(ids.len(), entries.len(), "two entries share an id");
            for entry in entries {
                assert!(!entry.label.is_empty() && !entry.help.is_empty(), "{} has a label and help", entry.id);
                let documented = entry.parameters.iter().all(|parameter| !parameter.help.is_empty());
                assert!(documented, "every parameter of {} has help", entry.id);
            }
        }
        let views = strategies.iter().chain(interventions);
        let is_method = |entry: &Entry| methods.iter().any(|method| method.id == entry.id);
        assert!(views.into_iter().all(is_method), "older options take names of methods");
        assert!(!catalog.strategies.is_empty() && !catalog.families.is_empty(), "the registries are connected");
    }
}
