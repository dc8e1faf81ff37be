//! What may stand on the command line.

use super::figure_args::{FigureArgs, HtmlArgs};
use super::prompting_args::PromptImageArgs;
use super::trace_args::TraceArgs;
use super::truth_args::{ChairArgs, MaskArgs, MetricsArgs};
use crate::engine::{DevicePreference, DtypePreference};
use crate::geometry::Framing;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A desktop explorer of where a vision-language model looks.
#[derive(Debug, Parser)]
#[command(name = "gazelens", version, about, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    /// Without a command the window opens.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Of the window; a command has its own behind its name.
    #[command(flatten)]
    pub(super) model: ModelArgs,
}

/// What every command takes that opens a model, and no other.
#[derive(Debug, Clone, Args)]
pub(super) struct ModelArgs {
    /// `demo` or `demo-clip` (bundled), the folder of a Hugging Face checkpoint, a GGUF decoder, or a hub id such as
    /// llava-hf/llava-1.5-7b-hf.
    #[arg(long, default_value = "demo", value_name = "MODEL", help_heading = "Model")]
    pub(super) model: String,
    /// Projector file of a GGUF pair; the one beside the decoder unless given.
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub(super) mmproj: Option<PathBuf>,
    /// Where to run: auto, cpu, cuda[:N] or metal[:N].
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = "Model")]
    pub(super) device: DevicePreference,
    /// Type to compute in; auto is f32 on the CPU, over weights as they are stored, and the checkpoint's own on a GPU;
    /// quantised weights are kept.
    #[arg(long, value_enum, default_value_t = Dtype::Auto, help_heading = "Model")]
    pub(super) dtype: Dtype,
    /// Threads to compute with; all cores unless given (the window keeps one for itself).
    #[arg(long, value_name = "N", value_parser = thread_count, help_heading = "Model", allow_negative_numbers = true)]
    pub(super) threads: Option<usize>,
}

/// The commands that exist.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the window.
    Gui {
        #[command(flatten)]
        model: ModelArgs,
        #[command(flatten)]
        args: GuiArgs,
    },
    /// Ask one question and write everything the window would show.
    Trace(Box<TraceArgs>),
    /// Score captions by the objects they name: CHAIR.
    Chair(ChairArgs),
    /// Print what is registered, with parameters, defaults, help and paper.
    List(ListArgs),
    /// Write the pixels of a category's objects in an image: 255 inside, 0 outside.
    Mask(MaskArgs),
    /// Compare a heat map, or a token's attention, with the mask of a category.
    Metrics(Box<MetricsArgs>),
    /// Write the photo darkened where a model did not look for a query: attention prompting on the image.
    PromptImage(Box<PromptImageArgs>),
    /// Draw what is known about an answer as a figure for a paper: PNG, SVG or PDF, made again from the recipe inside.
    Figure(Box<FigureArgs>),
    /// Write one trace as a page that needs no network: words, layers and heads to choose, attention on the photo.
    Html(HtmlArgs),
    /// Measure the model on this machine.
    Bench(Box<BenchArgs>),
}

/// Of `gazelens gui`.
#[derive(Debug, Default, Args)]
pub(super) struct GuiArgs {
    /// Photos, or folders of photos.
    #[arg(value_name = "IMAGE|FOLDER")]
    pub(super) paths: Vec<PathBuf>,
    /// COCO instances or captions (JSON), or POPE questions (JSON lines); may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(super) annotations: Vec<PathBuf>,
    /// A session that the window saved: opens everything as it was.
    #[arg(long, value_name = "FILE")]
    pub(super) session: Option<PathBuf>,
}

/// Of `gazelens list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// What to list.
    #[arg(value_enum)]
    pub(super) what: Listed,
    /// Print a JSON array instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// The registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Listed {
    /// Everything that changes how an answer comes about.
    Methods,
    /// Methods of --strategy.
    Strategies,
    /// Methods of --intervene.
    Interventions,
    /// Figures of merit.
    Metrics,
    /// Model families that can be opened.
    Families,
    /// Colour maps.
    Colormaps,
}

/// Of `gazelens bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// The photo; a bundled one unless given.
    #[arg(long, value_name = "FILE")]
    pub(super) image: Option<PathBuf>,
    /// Tokens to generate in each run.
    #[arg(
        long,
        alias = "new-tokens",
        default_value_t = 32,
        value_name = "N",
        value_parser = at_least_one,
        allow_negative_numbers = true
    )]
    pub(super) max_new_tokens: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// See [`DtypePreference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Dtype {
    Auto,
    F32,
    F16,
    Bf16,
}

impl From<Dtype> for DtypePreference {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Auto => Self::Auto,
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::Bf16,
        }
    }
}

/// See [`Framing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FramingArg {
    /// Shorter edge to size, centre crop.
    Crop,
    /// The whole photo on a square of the mean colour.
    Pad,
}

impl From<FramingArg> for Framing {
    fn from(framing: FramingArg) -> Self {
        match framing {
            FramingArg::Crop => Self::Crop,
            FramingArg::Pad => Self::Pad,
        }
    }
}

/// A whole number, said in plain words where it is none.
pub(super) fn from_zero<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| "expected a whole number from 0".to_owned())
}

/// A grey level.
pub(super) fn grey_level(text: &str) -> Result<u8, String> {
    text.trim().parse().map_err(|_| "expected a whole number from 0 to 255".to_owned())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// More threads than any machine has cores only wait for each other.
const MOST_THREADS: usize = 1024;

fn thread_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST_THREADS).contains(count));
    count.ok_or_else(|| format!("expected a whole number from 1 to {MOST_THREADS}"))
}

pub(super) fn question(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("expected a question, found nothing".to_owned()) } else { Ok(text.to_owned()) }
}
