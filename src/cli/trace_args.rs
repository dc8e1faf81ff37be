//! What may stand behind `gazelens trace`.

use super::common_args::{FramingArg, ModelArgs, at_least_one, from_zero, question};
use crate::checkpoint::Moment;
use crate::decode::MOST_BEAMS;
use crate::engine::{MAX_NEW_TOKENS, PromptRows, Spec};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Of `gazelens trace`.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    #[command(flatten)]
    pub(super) about: About,
    #[command(flatten)]
    pub(super) many: Many,
    /// Trace file to write; may be left out with --json.
    #[arg(long, value_name = "T.safetensors")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: How,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// One question: the photo, and the words in one of two forms.
#[derive(Debug, Args)]
pub(super) struct About {
    /// The photo: a file, or the name of a bundled image such as `demo_01_beach.png`.
    #[arg(long, value_name = "FILE")]
    pub(super) image: Option<PathBuf>,
    /// The question; goes through the checkpoint's chat template. For CLIP: texts to compare with the photo, one a
    /// line.
    #[arg(long, value_name = "TEXT", value_parser = question, conflicts_with = "raw_prompt")]
    pub(super) prompt: Option<String>,
    /// The exact prompt, with one <image> where the photo goes.
    #[arg(long, value_name = "TEXT", value_parser = raw_prompt)]
    pub(super) raw_prompt: Option<String>,
}

/// Many questions to one open model.
#[derive(Debug, Args)]
pub(super) struct Many {
    /// Questions about the photos of --images, all asked of one open model: a question file of POPE, or JSON lines (or
    /// an array) with `image` and `text`. One line of JSON a question comes out; a question that fails says why there.
    #[arg(
        long,
        value_name = "FILE",
        requires = "images",
        conflicts_with_all = ["image", "prompt", "raw_prompt", "out", "forced_ids"]
    )]
    pub(super) questions: Option<PathBuf>,
    /// Folder of the questions' photos.
    #[arg(long, value_name = "DIR", requires = "questions")]
    pub(super) images: Option<PathBuf>,
    /// Folder for the traces, one a question: 1.safetensors is that of the first; may be left out with --json.
    #[arg(long, value_name = "DIR", requires = "questions")]
    pub(super) out_dir: Option<PathBuf>,
}

/// How questions are asked, and what is kept of their answers.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Seed of everything random.
    #[arg(long, default_value_t = 42, value_name = "N", value_parser = from_zero::<u64>, allow_negative_numbers = true)]
    pub(super) seed: u64,
    /// Token limit of the answer.
    #[arg(
        long,
        default_value_t = MAX_NEW_TOKENS,
        value_name = "N",
        value_parser = at_least_one,
        allow_negative_numbers = true
    )]
    pub(super) max_new_tokens: usize,
    /// Method, see `gazelens list methods`; may be repeated, and then they act in the order given, behind those of
    /// --intervene and --strategy. Plain decoding unless given.
    #[arg(long, value_name = "SPEC")]
    pub(super) method: Vec<Spec>,
    /// The method that chooses tokens, see `gazelens list strategies`.
    #[arg(long, value_name = "SPEC")]
    pub(super) strategy: Option<Spec>,
    /// A method that changes the model's attention, see `gazelens list interventions`; may be repeated.
    #[arg(long, value_name = "SPEC")]
    pub(super) intervene: Vec<Spec>,
    /// Token ids that the answer begins with, as `--json` prints them; the model goes on from there.
    #[arg(long, value_name = "ID,ID,...", value_delimiter = ',', value_parser = token_id,
        allow_negative_numbers = true)]
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
    /// Answers that are followed at once, up to 16, of which the most probable is given (beam search); 1 follows one,
    /// token by token.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = beams, allow_negative_numbers = true)]
    pub(super) beams: usize,
    /// With --beams: answers are compared by their log-probability divided by this power of their length; above 0 long
    /// ones gain, below 0 short ones.
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "X",
        requires = "beams",
        value_parser = length_penalty,
        allow_negative_numbers = true
    )]
    pub(super) length_penalty: f64,
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

fn token_id(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "expected token ids with commas between them, such as 319,7375".to_owned())
}

fn number(text: &str, expected: &str, holds: impl Fn(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|value: &f64| value.is_finite() && holds(*value)).ok_or_else(|| expected.to_owned())
}

fn temperature(text: &str) -> Result<f64, String> {
    number(text, "expected a number from 0", |value| value >= 0.0)
}

pub(super) fn beams(text: &str) -> Result<usize, String> {
    let fits = |beams: &usize| (1..=MOST_BEAMS).contains(beams);
    text.parse().ok().filter(fits).ok_or_else(|| format!("expected a whole number from 1 to {MOST_BEAMS}"))
}

fn length_penalty(text: &str) -> Result<f64, String> {
    number(text, "expected a number from -100 to 100", |value| value.abs() <= 100.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, "expected a number above 0 and up to 1", |value| value > 0.0 && value <= 1.0)
}

fn penalty(text: &str) -> Result<f32, String> {
    let value = number(text, "expected a number above 0 and below 1000000", |value| value > 0.0 && value < 1e6)?;
    #[expect(clippy::cast_possible_truncation, reason = "a factor below a million; the nearest f32 is what is meant")]
    Ok(value as f32)
}

fn raw_prompt(text: &str) -> Result<String, String> {
    match text.matches("<image>").count() {
        1 => Ok(text.to_owned()),
        found => Err(format!("expected exactly one <image>, found {found}")),
    }
}
