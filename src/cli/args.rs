//! What may stand on the command line.

use super::figure_args::{FigureArgs, HtmlArgs};
use super::prompting_args::PromptImageArgs;
use super::truth_args::{ChairArgs, MaskArgs, MetricsArgs};
use crate::checkpoint::Moment;
use crate::engine::{DevicePreference, DtypePreference, PromptRows, Spec};
use crate::geometry::Framing;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A desktop explorer of where a vision-language model looks.
#[derive(Debug, Parser)]
#[command(name = "gazelens", version, about, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Without a command the window opens.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// `demo` or `demo-clip` (bundled), the folder of a Hugging Face checkpoint, a GGUF decoder, or a hub id such as llava-hf/llava-1.5-7b-hf.
    #[arg(long, global = true, default_value = "demo", value_name = "MODEL", help_heading = "Model")]
    pub(super) model: String,
    /// Projector file of a GGUF pair; the one beside the decoder unless given.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Model")]
    pub(super) mmproj: Option<PathBuf>,
    /// Where to run: auto, cpu, cuda[:N] or metal[:N].
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE", help_heading = "Model")]
    pub(super) device: DevicePreference,
    /// Type to compute in; auto is f32 on the CPU, over weights as they are stored, and the checkpoint's own on a GPU; quantised weights are kept.
    #[arg(long, global = true, value_enum, default_value_t = Dtype::Auto, help_heading = "Model")]
    pub(super) dtype: Dtype,
    /// Seed of everything random.
    #[arg(long, global = true, default_value_t = 42, value_name = "N", help_heading = "Model")]
    pub(super) seed: u64,
    /// Threads to compute with; all cores unless given (the window keeps one for itself).
    #[arg(long, global = true, value_name = "N", value_parser = thread_count, help_heading = "Model", allow_negative_numbers = true)]
    pub(super) threads: Option<usize>,
}

/// The commands that exist.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the window.
    Gui(GuiArgs),
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
    Bench(BenchArgs),
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

/// Of `gazelens trace`.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// The photo: a file, or the name of a bundled image such as `demo_01_beach.png`.
    #[arg(long, value_name = "FILE")]
    pub(super) image: PathBuf,
    #[command(flatten)]
    pub(super) words: Words,
    /// Trace file to write.
    #[arg(long, value_name = "T.safetensors")]
    pub(super) out: PathBuf,
    /// Most tokens to generate.
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(super) max_new_tokens: usize,
    /// Decoding strategy, see `gazelens list strategies`; plain decoding unless given.
    #[arg(long, value_name = "SPEC")]
    pub(super) strategy: Option<Spec>,
    /// Intervention, see `gazelens list interventions`; may be repeated.
    #[arg(long, value_name = "SPEC")]
    pub(super) intervene: Vec<Spec>,
    /// Token ids that the answer begins with, as `--json` prints them; the model goes on from there.
    #[arg(long, value_name = "ID,ID,...", value_delimiter = ',', value_parser = token_id)]
    pub(super) forced_ids: Vec<u32>,
    /// 0 is greedy.
    #[arg(long, default_value_t = 0.0, value_name = "X", value_parser = temperature, allow_negative_numbers = true)]
    pub(super) temperature: f64,
    /// Keep the most probable tokens that together reach this probability.
    #[arg(long, value_name = "X", value_parser = share, allow_negative_numbers = true)]
    pub(super) top_p: Option<f64>,
    /// Keep this many of the most probable tokens.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(super) top_k: Option<usize>,
    /// Divides the logits of tokens that were generated before; 1 is none.
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = penalty, allow_negative_numbers = true)]
    pub(super) repetition_penalty: f32,
    /// Crop or pad the photo; the checkpoint's own way unless given.
    #[arg(long, value_enum)]
    pub(super) framing: Option<FramingArg>,
    /// Day that a chat template with `strftime_now` writes into the prompt, such as 2026-11-29 (or
    /// 2026-11-29T14:05:00); today unless given.
    #[arg(long, value_name = "DAY")]
    pub(super) date: Option<Moment>,
    /// Attention rows of prompt positions to keep besides.
    #[arg(long, value_enum, default_value_t = PromptRowsArg::None)]
    pub(super) prompt_rows: PromptRowsArg,
    /// Write the logits too.
    #[arg(long)]
    pub(super) logits: bool,
    /// Write the preprocessed photo too.
    #[arg(long)]
    pub(super) vision: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// The question, in one of two forms.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Words {
    /// The question; goes through the checkpoint's chat template. For CLIP: texts to compare with the photo, one a line.
    #[arg(long, value_name = "TEXT", value_parser = question)]
    pub(super) prompt: Option<String>,
    /// The exact prompt, with one <image> where the photo goes.
    #[arg(long, value_name = "TEXT", value_parser = raw_prompt)]
    pub(super) raw_prompt: Option<String>,
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
    /// Ways to choose tokens.
    Strategies,
    /// Changes inside the model.
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
    /// The photo; a bundled one unless given.
    #[arg(long, value_name = "FILE")]
    pub(super) image: Option<PathBuf>,
    /// Tokens to generate in each run.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(super) new_tokens: usize,
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

/// See [`PromptRows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PromptRowsArg {
    /// Only what predicted the answer.
    None,
    /// The text after the image.
    AfterImage,
    /// Every position.
    All,
}

impl From<PromptRowsArg> for PromptRows {
    fn from(rows: PromptRowsArg) -> Self {
        match rows {
            PromptRowsArg::None => Self::None,
            PromptRowsArg::AfterImage => Self::AfterImage,
            PromptRowsArg::All => Self::All,
        }
    }
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

fn token_id(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "expected token ids with commas between them, such as 319,7375".to_owned())
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

fn number(text: &str, expected: &str, holds: impl Fn(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|value: &f64| value.is_finite() && holds(*value)).ok_or_else(|| expected.to_owned())
}

fn temperature(text: &str) -> Result<f64, String> {
    number(text, "expected a number from 0", |value| value >= 0.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, "expected a number above 0 and up to 1", |value| value > 0.0 && value <= 1.0)
}

fn penalty(text: &str) -> Result<f32, String> {
    let value = number(text, "expected a number above 0", |value| value > 0.0 && value < 1e6)?;
    #[expect(clippy::cast_possible_truncation, reason = "a factor below a million; the nearest f32 is what is meant")]
    Ok(value as f32)
}

fn raw_prompt(text: &str) -> Result<String, String> {
    match text.matches("<image>").count() {
        1 => Ok(text.to_owned()),
        found => Err(format!("expected exactly one <image>, found {found}")),
    }
}
