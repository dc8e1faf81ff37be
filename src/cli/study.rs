//! `gazelens study`: one description of what is asked, asked of a whole data set.

mod args;
mod examples;
mod exchange;
mod merge;
mod mmvp_vlm;
mod pair_figures;
mod pairs;
mod report;
mod run;
mod submit;

use super::failure::Failure;
use super::{output, threads};
use crate::study::templates::{TEMPLATES, template};
use anyhow::anyhow;
pub(super) use args::StudyCommand;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

pub(super) fn dispatch(command: StudyCommand) -> Result<(), Failure> {
    match command {
        StudyCommand::New { template, out } => new(&template, out.as_deref()),
        StudyCommand::Run(args) => {
            threads::take(args.place.threads)?;
            run::run(&args)
        }
        StudyCommand::Merge(args) => merge::run(&args),
        StudyCommand::Submit(args) => submit::run(&args),
        StudyCommand::Export(args) => exchange::export(&args),
        StudyCommand::Import(args) => exchange::import(&args),
        StudyCommand::Report(args) => {
            threads::take(args.place.threads)?;
            report::run(&args)
        }
        StudyCommand::Pairs(args) => {
            threads::take(args.place.threads)?;
            pairs::run(&args)
        }
        StudyCommand::MmvpVlm(args) => {
            threads::take(args.place.threads)?;
            mmvp_vlm::run(&args)
        }
    }
}

/// Writes a template, or prints it.
fn new(name: &str, out: Option<&Path>) -> Result<(), Failure> {
    let template = template(name).map_err(|err| Failure::usage(anyhow!("{err}")))?;
    let Some(path) = out else { return Ok(output::line(template.toml.trim_end())?) };
    // A study that somebody wrote is nobody else's to replace.
    let made = std::fs::File::options().write(true).create_new(true).open(path);
    let written = made.and_then(|mut file| file.write_all(template.toml.as_bytes()));
    written.map_err(|err| match err.kind() {
        ErrorKind::AlreadyExists => anyhow!("Cannot write the study, as another file has its name: {}", path.display()),
        _ => anyhow!("Cannot write the study: {}: {}", crate::files::reason(&err), path.display()),
    })?;
    for line in template.needs() {
        output::note(&format!("Before it runs, change what is not there: {line}"));
    }
    Ok(())
}

/// Names and what they answer, for `--help`.
pub(super) fn template_lines() -> String {
    TEMPLATES.iter().map(|one| format!("{}: {}", one.id, one.help)).collect::<Vec<_>>().join("\n")
}
