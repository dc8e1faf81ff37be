//! `gazelens study export` and `gazelens study import`: answers for other programs, and those of other programs.

use super::super::failure::Failure;
use super::super::{endings, output};
use crate::files::Outputs;
use crate::names::hint;
use crate::study::{self, AnswerRow, ExportFormat, Import, Setting, Study, StudyData};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Answers without a question that are named on standard error.
const MOST_NAMED: usize = 5;

/// Of `gazelens study export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// Folder of the run; its shards need not be merged.
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Who is to read the answers.
    #[arg(long, value_enum)]
    pub(super) format: Format,
    /// The file to write: JSON lines, for AMBER a JSON array.
    #[arg(long, value_name = "F")]
    pub(super) out: PathBuf,
    /// The setting whose answers are written; needed where the run has several.
    #[arg(long, value_name = "NAME")]
    pub(super) setting: Option<String>,
    /// Its seed; needed where it has several.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

/// See [`ExportFormat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// LLaVA's evaluation, and that of VCD and its descendants.
    Llava,
    /// CHAIR: COCO's number of the photo and the caption.
    Chair,
    /// lmms-eval's samples.
    LmmsEval,
    /// AMBER's answers, exactly Yes or No.
    Amber,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Llava => Self::Llava,
            Format::Chair => Self::Chair,
            Format::LmmsEval => Self::LmmsEval,
            Format::Amber => Self::Amber,
        }
    }
}

/// Of `gazelens study import`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The study whose questions were answered.
    #[arg(value_name = "S.toml")]
    pub(super) study: PathBuf,
    /// The answers: LLaVA's, POPE's, CHAIR's captions, AMBER's array or lmms-eval's samples.
    #[arg(long, value_name = "F")]
    pub(super) answers: PathBuf,
    /// Folder of the run; answers of the same program to other settings may be there.
    #[arg(long, value_name = "RUN")]
    pub(super) out: PathBuf,
    /// The setting of the study that they count as; needed where it has several.
    #[arg(long, value_name = "NAME")]
    pub(super) setting: Option<String>,
    /// Its seed; the first unless given.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Who answered, for tables.
    #[arg(long, value_name = "TEXT", default_value = "another program")]
    pub(super) model_name: String,
}

pub(super) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let format = ExportFormat::from(args.format);
    endings::expect("--out", &args.out, &[format.ending()])?;
    let (header, rows, found) = study::merge(&args.run)?;
    let mut outputs = Outputs::default();
    outputs.reads_all("rows of the run", &study::store::row_files(&args.run)?);
    let key = outputs.claim("--out", &args.out)?;
    outputs.check()?;
    let mut names: Vec<&str> = Vec::new();
    for row in &rows {
        if !names.contains(&row.setting.as_str()) {
            names.push(&row.setting);
        }
    }
    let setting = chosen(args.setting.as_deref(), &names, &args.run)?;
    let mut seeds: Vec<u64> = rows.iter().filter(|row| row.setting == setting).map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let listed = || seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let seed = match (args.seed, seeds.as_slice()) {
        (None, [one]) => *one,
        (Some(seed), all) if all.contains(&seed) => seed,
        (found, _) => {
            let found = found.map_or("none".to_owned(), |seed| seed.to_string());
            let run = args.run.display();
            return Err(Failure::usage(anyhow!("Expected --seed, one of {}, found {found}: {run}", listed())));
        }
    };
    let wanted: Vec<&AnswerRow> = rows.iter().filter(|row| row.setting == setting && row.seed == seed).collect();
    let exported = study::export(&wanted, format, &header.model);
    if exported.num_answers == 0 {
        let needs = match format {
            ExportFormat::Chair => "answers about photos with COCO's numbers",
            ExportFormat::Amber => "answers to questions with numbers",
            ExportFormat::Llava | ExportFormat::LmmsEval => "answers",
        };
        return Err(anyhow!("Expected {needs} in the setting {setting}, found none: {}", args.run.display()).into());
    }
    outputs.write_bytes(key, &exported.bytes)?;
    outputs.commit()?;
    if !found.is_complete() {
        output::warning(&format!("Not complete: {}", found.words()));
    }
    let left = exported.num_left_out;
    let left = if left > 0 { format!(", {left} left out") } else { String::new() };
    output::note(&format!("{} answers of {setting}{left}: {}", exported.num_answers, args.out.display()));
    Ok(())
}

/// The setting of that name, or the only one.
fn chosen<'a>(name: Option<&str>, names: &[&'a str], path: &Path) -> Result<&'a str, Failure> {
    let found = match (name, names) {
        (None, [one]) => return Ok(one),
        (None, _) => "none".to_owned(),
        (Some(name), _) => match names.iter().find(|known| **known == name) {
            Some(known) => return Ok(known),
            None => format!("`{name}`{}", hint(name, names.iter().copied())),
        },
    };
    let names = names.join(", ");
    Err(Failure::usage(anyhow!("Expected --setting, one of {names}, found {found}: {}", path.display())))
}

pub(super) fn import(args: &ImportArgs) -> Result<(), Failure> {
    let study = Study::open(&args.study)?;
    let settings = Setting::all(&study, &args.study)?;
    let mut names: Vec<&str> = Vec::new();
    for setting in &settings {
        if !names.contains(&setting.name.as_str()) {
            names.push(&setting.name);
        }
    }
    let name = chosen(args.setting.as_deref(), &names, &args.study)?;
    let mut of_name = settings.iter().enumerate().filter(|(_, setting)| setting.name == name);
    let place = of_name.find(|(_, setting)| args.seed.is_none_or(|seed| seed == setting.sampling.seed));
    let Some((place, _)) = place else {
        let of_name = settings.iter().filter(|setting| setting.name == name);
        let seeds: Vec<String> = of_name.map(|setting| setting.sampling.seed.to_string()).collect();
        let (seeds, found) = (seeds.join(", "), args.seed.unwrap_or_default());
        let study = args.study.display();
        return Err(Failure::usage(anyhow!("Expected --seed, one of {seeds}, found {found}: {study}")));
    };
    // Nobody raises it: a signal ends the process.
    let data = StudyData::open(&study, &args.study, &AtomicBool::new(false))?;
    for text in &data.warnings {
        output::warning(text);
    }
    let (file, out, model) = (args.study.as_path(), args.out.as_path(), args.model_name.as_str());
    let report = Import { study: &study, file, data: &data, out, model, setting: place }.run(&args.answers)?;
    output::problems(&report.problems, &crate::data::coco::Cost::ALL, &args.answers);
    for (number, why) in report.unmatched.iter().take(MOST_NAMED) {
        output::warning(&format!("Left out: answer {number}: {why}: {}", args.answers.display()));
    }
    let mut text = format!("{} answers of {} became rows of {name}", report.joined, args.model_name);
    for (count, what) in [
        (report.before, "were there before"),
        (report.doubles, "more than once"),
        (report.unmatched.len(), "left out, as the study does not ask that"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if report.missing > 0 {
        let _ = write!(text, ", {} of {} questions without an answer", report.missing, data.items.len());
    }
    output::note(&format!("{text}: {}", args.out.display()));
    Ok(())
}
