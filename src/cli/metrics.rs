//! `gazelens metrics`: a heat map, or a token's attention, against the mask of a category.

mod maps;

use super::failure::Failure;
use super::output;
use super::truth_args::MetricsArgs;
use crate::analysis::localisation::{Counted, Counts, Evaluation, METRICS, Ranked};
use crate::data::coco::{Crowds, Instances, Mask};
use crate::geometry::ImageSize;
use anyhow::{Context as _, anyhow};
use maps::Measured;
use serde_json::{Map, Value, json};
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &MetricsArgs) -> Result<(), Failure> {
    let (mask, crowds) = mask(args)?;
    let size = ImageSize { width_px: mask.width_px(), height_px: mask.height_px() };
    let measured = match (&args.map.heatmap, &args.map.trace) {
        (Some(heatmap), _) => maps::of_heatmap(heatmap, &mask, size)?,
        (None, Some(trace)) => maps::of_trace(trace, args, &mask, size)?,
        (None, None) => return Err(Failure::usage(anyhow!("Expected --heatmap or --trace, found neither"))),
    };
    if args.json {
        output::json(&report(args, &mask, crowds, &measured))?;
    } else {
        for line in table(&mask, &measured) {
            output::line(&line)?;
        }
    }
    Ok(())
}

/// The union of the category's instances, and which of them that are.
fn mask(args: &MetricsArgs) -> anyhow::Result<(Mask, &'static str)> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    let instances = Instances::open(&args.annotations, &mut |_| {}, &AtomicBool::new(false))?;
    let path = instances.path().display();
    if let Some(first) = instances.problems().listed().first() {
        let total = instances.problems().total();
        output::warning(&format!("{total} records could not be used, the first being {first}: {path}"));
    }
    let row = instances.image_row(args.image_id).with_context(|| {
        let count = instances.images().len();
        format!("Expected --image-id as one of the {count} images, found {}: {path}", args.image_id)
    })?;
    let category = instances.category_named(&args.category).with_context(|| {
        let count = instances.categories().len();
        format!("Expected --category as one of the {count} categories, found `{}`: {path}", args.category)
    })?;
    let (crowds, named) = if args.no_crowd { (Crowds::LeftOut, "left out") } else { (Crowds::Included, "included") };
    if !instances.annotations_of(row).iter().any(|one| one.category_id == category.id) {
        output::warning(&format!("Image {} shows no {}: the mask is empty", args.image_id, category.name));
    }
    Ok((instances.category_mask(args.image_id, category.id, crowds)?, named))
}

/// The object of `--json`. The figures of the default variant stand at the top, those of the whole photo under `paper`.
fn report(args: &MetricsArgs, mask: &Mask, crowds: &str, measured: &Measured) -> Value {
    let mut all = Map::new();
    all.insert("image_id".to_owned(), json!(args.image_id));
    all.insert("category".to_owned(), json!(args.category));
    all.insert("crowds".to_owned(), json!(crowds));
    all.insert("image_size".to_owned(), json!([mask.width_px(), mask.height_px()]));
    all.insert("mask_area".to_owned(), json!(mask.area_px()));
    let mut variants = measured.variants.iter();
    if let Some((counted, ranked)) = variants.next() {
        all.extend(figures(*counted, ranked));
    }
    all.extend(measured.made_from.clone());
    for (counted, ranked) in variants {
        all.insert(counted.id().to_owned(), Value::Object(figures(*counted, ranked)));
    }
    Value::Object(all)
}

fn figures(counted: Counted, ranked: &Ranked) -> Map<String, Value> {
    let at = Evaluation::at_mean(ranked);
    let Counts { true_positive, false_positive, false_negative, true_negative } = at.counts;
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| all.insert(key.to_owned(), value);
    put("variant", json!(counted.id()));
    put("pixels", json!(ranked.pixels()));
    put("mask_area_counted", json!(ranked.mask_area()));
    put("threshold", json!(at.threshold));
    put("threshold_rule", json!("mean of the map, at or above"));
    put("threshold_scaled", json!(ranked.scaled(at.threshold)));
    put("scale", json!(ranked.scale().id()));
    put("tp", json!(true_positive));
    put("fp", json!(false_positive));
    put("fn", json!(false_negative));
    put("tn", json!(true_negative));
    let mut undefined = Map::new();
    for metric in METRICS {
        let value = metric.value(&at);
        if let Err(reason) = value {
            undefined.insert(metric.id.to_owned(), json!(reason.to_string()));
        }
        put(metric.id, json!(value.ok()));
    }
    put("undefined", Value::Object(undefined));
    all
}

/// The same for people: one line a figure, one column a variant.
fn table(mask: &Mask, measured: &Measured) -> Vec<String> {
    let row = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("  {cell:>14}")).collect();
        format!("{name:<28}{cells}")
    };
    let evaluations: Vec<Evaluation<'_>> = measured.variants.iter().map(|(_, r)| Evaluation::at_mean(r)).collect();
    let each = |cell: &dyn Fn(&Evaluation<'_>) -> String| evaluations.iter().map(cell).collect::<Vec<_>>();
    let described = measured.made_from.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key} {text}"),
        other => format!("{key} {other}"),
    });
    let mut lines = vec![described.collect::<Vec<_>>().join(", "), format!("mask of {} pixels", mask.area_px())];
    let variants = measured.variants.iter().map(|(counted, _)| match counted {
        Counted::Seen => "seen".to_owned(),
        Counted::Whole => "whole photo".to_owned(),
    });
    lines.push(row("", variants.collect()));
    lines.push(row("Threshold (mean)", each(&|at| format!("{:.6}", at.threshold))));
    let counts: [(&str, fn(Counts) -> u64); 4] = [
        ("True positive pixels", |c| c.true_positive),
        ("False positive pixels", |c| c.false_positive),
        ("False negative pixels", |c| c.false_negative),
        ("True negative pixels", |c| c.true_negative),
    ];
    for (name, count) in counts {
        lines.push(row(name, each(&|at| count(at.counts).to_string())));
    }
    for metric in METRICS {
        lines.push(row(metric.label, each(&|at| metric.value(at).map_or("-".to_owned(), |v| format!("{v:.6}")))));
        let reason = evaluations.first().and_then(|at| metric.value(at).err());
        if let (Some(reason), Some(line)) = (reason, lines.last_mut()) {
            line.push_str(&format!("  ({reason})"));
        }
    }
    lines
}
