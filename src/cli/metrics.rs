//! `gazelens metrics`: a heat map, or a token's attention, against the mask of a category.

mod held;
mod maps;
mod words;

use super::failure::Failure;
use super::mask::{self, crowds, mask_of};
use super::output;
use super::truth_args::MetricsArgs;
use crate::analysis::localisation::{Counted, Counts, Evaluation, Ranked, metrics};
use crate::data::coco::Mask;
use crate::geometry::ImageSize;
use crate::trace::file::TraceFile;
use anyhow::anyhow;
use maps::Measured;
use serde_json::{Map, Value, json};

pub(super) fn run(args: &MetricsArgs) -> Result<(), Failure> {
    let instances = mask::open(&args.annotations)?;
    let mask = mask_of(&instances, args.image_id, &args.category, crowds(args.no_crowd))?;
    let size = ImageSize { width_px: mask.width_px(), height_px: mask.height_px() };
    let measured = match (&args.map.heatmap, &args.map.trace) {
        (Some(heatmap), _) => maps::of_heatmap(heatmap, &mask, size)?,
        (None, Some(_)) if args.token.is_none() && args.word.is_none() => {
            return Err(Failure::usage(anyhow!("Expected --token or --word with --trace, found neither")));
        }
        (None, Some(path)) => {
            let trace = TraceFile::read(path)?.trace;
            held::to_its_photo(&trace, path, &instances, args)?;
            maps::of_trace(&trace, path, args, &mask, size)?
        }
        (None, None) => return Err(Failure::usage(anyhow!("Expected --heatmap or --trace, found neither"))),
    };
    if args.json {
        output::json(&report(args, &mask, &measured))?;
    } else {
        for line in table(&mask, &measured) {
            output::line(&line)?;
        }
    }
    Ok(())
}

/// The object of `--json`. The figures of the default variant stand at the top, those of the whole photo under `paper`.
fn report(args: &MetricsArgs, mask: &Mask, measured: &Measured) -> Value {
    let mut all = Map::new();
    all.insert("image_id".to_owned(), json!(args.image_id));
    all.insert("category".to_owned(), json!(args.category));
    all.insert("crowds".to_owned(), json!(if args.no_crowd { "left out" } else { "included" }));
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
    for metric in metrics() {
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
    let described = measured.made_from.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key} {text}"),
        other => format!("{key} {other}"),
    });
    let mut lines = vec![described.collect::<Vec<_>>().join(", "), format!("mask of {} pixels", mask.area_px())];
    let variants = measured.variants.iter().map(|(counted, _)| match counted {
        Counted::Seen => "seen".to_owned(),
        Counted::Whole => "whole photo".to_owned(),
    });
    lines.push(row("", variants));
    let evaluations: Vec<Evaluation<'_>> = measured.variants.iter().map(|(_, r)| Evaluation::at_mean(r)).collect();
    lines.push(row("Threshold (mean)", evaluations.iter().map(|at| format!("{:.6}", at.threshold))));
    for (idx, name) in ["True positive", "False positive", "False negative", "True negative"].into_iter().enumerate() {
        let counts = evaluations.iter().map(|at| {
            let Counts { true_positive, false_positive, false_negative, true_negative } = at.counts;
            let all = [true_positive, false_positive, false_negative, true_negative];
            all.get(idx).copied().unwrap_or(0).to_string()
        });
        lines.push(row(&format!("{name} pixels"), counts));
    }
    for metric in metrics() {
        let values: Vec<_> = evaluations.iter().map(|at| metric.value(at)).collect();
        let cells = values.iter().map(|value| value.map_or("-".to_owned(), |value| format!("{value:.6}")));
        let reason = values.first().and_then(|value| value.err()).map(|reason| format!("  ({reason})"));
        lines.push(row(metric.label, cells) + &reason.unwrap_or_default());
    }
    lines
}

fn row(name: &str, cells: impl Iterator<Item = String>) -> String {
    cells.fold(format!("{name:<28}"), |line, cell| format!("{line}  {cell:>14}"))
}
