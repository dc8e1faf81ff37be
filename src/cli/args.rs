//! What may stand on the command line.

use super::common_args::{ModelArgs, at_least_one, from_zero};
use super::figure_args::{FigureArgs, HtmlArgs};
use super::prompting_args::PromptImageArgs;
use super::study::StudyCommand;
use super::trace_args::{TraceArgs, beams};
use super::truth_args::{ChairArgs, HeadsArgs, MaskArgs, MetricsArgs};
use crate::engine::Spec;
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
    /// Draw what is known about an answer as a figure for a paper: PNG, SVG or PDF, redrawn from the recipe inside.
    Figure(Box<FigureArgs>),
    /// Write one trace as a page that needs no network: words, layers and heads to choose, attention on the photo.
    Html(HtmlArgs),
    /// Make what a method steers by, from photos and pairs of captions.
    Directions(Box<DirectionsArgs>),
    /// Rank the heads of the model by what hallucinated words owe them: a list for the method ad-hh.
    Heads(Box<HeadsArgs>),
    /// Ask what a study describes of a whole data set, in parts and on several machines if wanted.
    Study {
        #[command(subcommand)]
        command: StudyCommand,
    },
    /// Measure the model on this machine.
    Bench(Box<BenchArgs>),
}

/// Of `gazelens gui`.
#[derive(Debug, Default, Args)]
pub(super) struct GuiArgs {
    /// Photos, folders of photos, annotations, a session, or the run of a study.
    #[arg(value_name = "FILE|FOLDER")]
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
    /// Metrics of a map against a mask.
    Metrics,
    /// Model families that can be opened.
    Families,
    /// Colour maps.
    Colormaps,
    /// What a study measures at answers and words.
    Signals,
}

/// Of `gazelens directions`.
#[derive(Debug, Args)]
pub(super) struct DirectionsArgs {
    /// The method that they are for.
    #[arg(value_enum)]
    pub(super) method: DirectionsOf,
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Folder of the photos that the pairs name.
    #[arg(long, value_name = "DIR")]
    pub(super) images: PathBuf,
    /// JSON lines with `image`, `value` (the right caption), `h_value` (the hallucinated one), and `question` unless it
    /// is "Describe this image in detail.".
    #[arg(long, value_name = "FILE")]
    pub(super) pairs: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "D.safetensors")]
    pub(super) out: PathBuf,
    /// Masked copies of every photo; 0 makes no directions of the vision encoder.
    #[arg(
        long,
        default_value_t = 50,
        value_name = "N",
        value_parser = from_zero::<usize>,
        allow_negative_numbers = true
    )]
    pub(super) masks: usize,
    /// Directions of the vision encoder: one for each of its tokens, or their mean for all tokens of a layer.
    #[arg(long, value_enum, default_value_t = VisionTokens::Each, value_name = "WHICH")]
    pub(super) vision_tokens: VisionTokens,
    /// Seed of the masks.
    #[arg(long, default_value_t = 42, value_name = "N", value_parser = from_zero::<u64>, allow_negative_numbers = true)]
    pub(super) seed: u64,
}

/// Methods that steer by directions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DirectionsOf {
    /// Visual and textual intervention.
    Vti,
}

/// Which tokens of the vision encoder have a direction of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum VisionTokens {
    /// Every one, as in the authors' code.
    Each,
    /// None: one direction a layer, and a small file.
    Mean,
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
    /// Measure this method beside plain decoding, see `gazelens list methods`; may be repeated, and then each is
    /// measured by itself.
    #[arg(long, value_name = "SPEC")]
    pub(super) method: Vec<Spec>,
    /// Measure answers with so many beams, up to 16, beside plain decoding token by token.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = beams, allow_negative_numbers = true)]
    pub(super) beams: usize,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}
