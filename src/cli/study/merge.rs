//! `gazelens study merge`.

use super::super::failure::Failure;
use super::super::output;
use super::args::MergeArgs;
use crate::files;
use crate::study::{self, AnswerRow};
use anyhow::anyhow;
use serde_json::json;
use std::io::Write;

pub(super) fn run(args: &MergeArgs) -> Result<(), Failure> {
    type Writer = fn(&[AnswerRow], &mut (dyn Write + Send)) -> parquet::errors::Result<()>;
    let (_, rows, report) = study::merge(&args.run)?;
    write(args, "rows.jsonl", |out| study::write_rows(&rows, out))?;
    let tables: [(&str, Writer); 2] = [
        ("answers.parquet", |rows, out| study::write_answers(rows, out)),
        ("words.parquet", |rows, out| study::write_words(rows, out)),
    ];
    for (name, table) in tables {
        let mut bytes = Vec::new();
        table(&rows, &mut bytes).map_err(|err| anyhow!("Cannot write {name}: {err}: {}", args.run.display()))?;
        write(args, name, |out| out.write_all(&bytes))?;
    }
    if args.json {
        output::json(&json!({
            "files": report.num_files,
            "answered": report.answered,
            "failed": report.failed,
            "missing": report.missing,
            "doubles": report.doubles,
            "differing": report.differing,
            "torn": report.torn,
        }))?;
    } else {
        output::line(&report.words())?;
    }
    Ok(())
}

fn write(
    args: &MergeArgs,
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let path = args.run.join(name);
    files::replace(&path, |file| fill(file))
        .map_err(|err| anyhow!("Cannot write {name}: {}: {}", files::reason(&err), path.display()))?;
    Ok(())
}
