//! `gazelens study report`.

use super::super::failure::Failure;
use super::super::output;
use super::args::ReportArgs;
use super::examples;
use crate::files::Outputs;
use crate::study::report::{ReportOptions, Table, charts, report};
use crate::study::{self, MergeReport};
use anyhow::anyhow;
use std::fmt::Write as _;

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let (header, rows, found) = study::merge(&args.run)?;
    let options = ReportOptions { scorer: args.scorer.clone() };
    let tables = report(&header, &rows, &options).map_err(|err| match args.scorer {
        Some(_) => Failure::usage(anyhow!("{err}")),
        None => err.into(),
    })?;
    if found.answered == 0 {
        return Err(anyhow!("Expected rows with answers, found none: {}", args.run.display()).into());
    }
    if !found.is_complete() {
        output::warning(&format!("Not complete: {}", found.words()));
    }
    let text = markdown(&header, &tables, &found);
    let Some(folder) = &args.out else {
        let written = if args.json { output::json(&tables) } else { output::line(text.trim_end()) };
        return Ok(written?);
    };
    let mut outputs = Outputs::default();
    outputs.make_folder("--out", folder)?;
    let mut put = |name: String, bytes: &[u8]| -> Result<(), Failure> {
        let key = outputs.claim("a table", &folder.join(name))?;
        Ok(outputs.write_bytes(key, bytes)?)
    };
    put("report.md".to_owned(), text.as_bytes())?;
    for table in &tables {
        let csv = table.csv().map_err(|err| anyhow!("Cannot write {}.csv: {err}: {}", table.id, folder.display()))?;
        put(format!("{}.csv", table.id), &csv)?;
        put(format!("{}.tex", table.id), table.latex().as_bytes())?;
        for (name, chart) in charts(table) {
            let ending = args.plots.ending();
            let bytes =
                chart.bytes(args.plots.format()).map_err(|err| anyhow!("Cannot draw {name}.{ending}: {err}"))?;
            put(format!("{name}.{ending}"), &bytes)?;
        }
    }
    // The report comes last: where it is, the figures are too.
    let figures = examples::wanted(args, &header, &rows)?;
    examples::write(args, folder, &header, &rows, &figures)?;
    outputs.commit()?;
    let written = if args.json { output::json(&tables) } else { output::line(&folder.display().to_string()) };
    Ok(written?)
}

/// The whole report: what it is of, and every table.
fn markdown(header: &study::store::RunHeader, tables: &[Table], found: &MergeReport) -> String {
    let study = &header.study;
    let mut text = format!("# {}\n\n", study.name);
    let model = &study.model;
    let sampling =
        if model.temperature > 0.0 { format!("temperature {}", model.temperature) } else { "greedy".to_owned() };
    let _ = writeln!(
        text,
        "{} ({}, weights {}), {sampling} unless a setting says otherwise, at most {} tokens; {}. Made by {}.",
        header.model,
        header.dtype,
        header.weight_hash.get(..12).unwrap_or(&header.weight_hash),
        model.max_new_tokens,
        found.words(),
        header.program
    );
    for table in tables {
        text += "\n";
        text += &table.markdown();
    }
    text
}
