//! `gazelens list`: the registries.

use super::args::{ListArgs, Listed};
use super::failure::Failure;
use super::output;
use crate::engine::{Entry, catalog};

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let catalog = catalog();
    let entries = match args.what {
        Listed::Strategies => catalog.strategies,
        Listed::Interventions => catalog.interventions,
        Listed::Metrics => catalog.metrics,
        Listed::Families => catalog.families,
        Listed::Colormaps => colormaps(),
    };
    if args.json {
        output::json(&entries)?;
    } else {
        for entry in &entries {
            output::line(&described(entry))?;
        }
    }
    Ok(())
}

/// Colour maps live in `render`, which the engine does not know.
fn colormaps() -> Vec<Entry> {
    Vec::new()
}

fn described(entry: &Entry) -> String {
    let mut text = format!("{}\n    {}. {}", entry.id, entry.label, entry.help);
    for parameter in &entry.parameters {
        text.push_str(&format!("\n    {}={}  {}", parameter.name, parameter.default, parameter.help));
    }
    if !entry.paper.is_empty() {
        text.push_str(&format!("\n    {}", entry.paper));
    }
    text
}
