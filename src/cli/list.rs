//! `gazelens list`: the registries.

use super::args::{ListArgs, Listed};
use super::failure::Failure;
use super::output;
use crate::engine::{Entry, catalog};

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let catalog = catalog();
    let entries = match args.what {
        Listed::Methods => catalog.methods,
        Listed::Strategies => catalog.strategies,
        Listed::Interventions => catalog.interventions,
        Listed::Metrics => catalog.metrics,
        Listed::Families => catalog.families,
        Listed::Colormaps => colormaps(),
        Listed::Signals => signals(),
    };
    if args.json {
        output::json(&entries)?;
    } else if entries.is_empty() {
        output::warning("None are registered in this version");
    } else {
        for entry in &entries {
            output::line(&described(entry))?;
        }
    }
    Ok(())
}

/// Colour maps live in `render`, which the engine does not know.
fn colormaps() -> Vec<Entry> {
    let maps = crate::render::colormaps().iter();
    maps.map(|map| Entry::named(map.id, map.label, map.help, map.paper)).collect()
}

/// Signals of studies, with their columns as the label.
fn signals() -> Vec<Entry> {
    let signals = crate::study::signals();
    signals.map(|signal| Entry::named(signal.id, signal.columns, signal.help, signal.paper)).collect()
}

fn described(entry: &Entry) -> String {
    let mut lines = vec![entry.id.to_owned(), format!("    {}. {}", entry.label, entry.help)];
    for parameter in entry.parameters {
        lines.push(format!("    {}={}  {}", parameter.name, parameter.default, parameter.help));
    }
    for preset in entry.presets {
        let values: Vec<_> = preset.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.push(format!("    preset={}  {} ({})", preset.id, preset.help, values.join(", ")));
    }
    if !entry.paper.is_empty() {
        lines.push(format!("    {}", entry.paper));
    }
    lines.join("\n")
}
