//! What may stand behind `gazelens study`.

use super::super::common_args::{PlaceArgs, at_least_one};
use super::exchange::{ExportArgs, ImportArgs};
use super::mmvp_vlm::MmvpVlmArgs;
use super::pairs::PairsArgs;
use super::submit::SubmitArgs;
use crate::figure::Format;
use crate::study::store::Shard;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The commands of `gazelens study`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StudyCommand {
    /// Print a study to begin with, or write it into a file.
    #[command(after_help = super::template_lines())]
    New {
        /// Its name.
        #[arg(value_name = "TEMPLATE")]
        template: String,
        /// The file to write; what has its name is not replaced.
        #[arg(long, value_name = "S.toml")]
        out: Option<PathBuf>,
    },
    /// Ask what a study asks. Started again it goes on where it ended; Ctrl+C ends it behind a row.
    Run(Box<RunArgs>),
    /// Put the rows of all shards together: `rows.jsonl`, `answers.parquet` and `words.parquet` in the run's folder.
    Merge(MergeArgs),
    /// Make the tables of a run: Markdown on standard output, or a folder with Markdown, CSV, LaTeX and plots.
    Report(ReportArgs),
    /// Find pairs of photos that one encoder takes for nearly the same and another does not: CLIP-blind pairs.
    Pairs(Box<PairsArgs>),
    /// Score CLIP models by MMVP-VLM: pairs of photos that statements tell apart, for nine visual patterns.
    MmvpVlm(MmvpVlmArgs),
    /// Write answers of a run as other programs read them: LLaVA's, CHAIR's, lmms-eval's or AMBER's.
    Export(ExportArgs),
    /// Make rows of answers that another program wrote, to be merged, reported and compared like those of a run.
    Import(ImportArgs),
    /// Run a study on a cluster with Slurm: an array of tasks, and a job behind it that merges their rows.
    Submit(Box<SubmitArgs>),
}

/// Of `gazelens study run`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    /// The study, a TOML file; `gazelens study new` writes one.
    #[arg(value_name = "S.toml")]
    pub(super) study: PathBuf,
    /// Folder of the run: its rows and what they depend on.
    #[arg(long, value_name = "RUN")]
    pub(super) out: PathBuf,
    /// Part I of N, counted from 0; those of a Slurm array unless given (`SLURM_ARRAY_TASK_ID`).
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Ask at most so many questions of this part (each in every setting).
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(super) limit: Option<usize>,
    /// Ask every question by itself and from its beginning, to measure what asking together saves. Rows differ by
    /// rounding.
    #[arg(long)]
    pub(super) one_by_one: bool,
    /// In place of the study's model: `demo`, a folder, a GGUF decoder or a hub id.
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub(super) model: Option<String>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Print progress as JSON lines on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// Of `gazelens study merge`.
#[derive(Debug, Args)]
pub(in crate::cli) struct MergeArgs {
    /// Folder of the run.
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// Of `gazelens study report`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    /// Folder of the run; its shards need not be merged.
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Folder to write: report.md, and a CSV and a LaTeX file for every table.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// How yes/no answers are read: official, vcd, clearsight, opera, icd or s0; that of the template unless given.
    #[arg(long, value_name = "NAME")]
    pub(super) scorer: Option<String>,
    /// What plots of --out are written as. Each has its numbers inside, and `gazelens figure --recipe PLOT --out F`
    /// draws it again.
    #[arg(long, value_enum, default_value_t = PlotForm::Svg)]
    pub(super) plots: PlotForm,
    /// Draw Figures 3 and 4 of Tomita et al. into --out, too, for these photos, or with `auto` for those with the first
    /// answers that prompting made right and made wrong. Opens the models that looked once more.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "out",
        value_parser = NonEmptyStringValueParser::new())]
    pub(super) photos: Vec<String>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Print tables as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// See [`Format`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PlotForm {
    Svg,
    Pdf,
    Png,
}

impl PlotForm {
    pub(super) fn format(self) -> Format {
        match self {
            Self::Svg => Format::Svg,
            Self::Pdf => Format::Pdf,
            Self::Png => Format::Png,
        }
    }

    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pdf => "pdf",
            Self::Png => "png",
        }
    }
}
