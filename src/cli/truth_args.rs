//! What may stand behind the commands that compare something with annotations.

use super::common_args::{ModelArgs, at_least_one, from_zero};
use crate::analysis::chair::Lemmatiser;
use crate::analysis::localisation::Sampling;
use crate::engine::MAX_NEW_TOKENS;
use crate::names::hint;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Of `gazelens mask`.
#[derive(Debug, Args)]
pub(super) struct MaskArgs {
    /// Instances in COCO form, such as `instances_val2014.json`.
    #[arg(long, value_name = "A.json")]
    pub(super) annotations: PathBuf,
    /// Number of the image.
    #[arg(long, value_name = "N", value_parser = from_zero::<u64>, allow_negative_numbers = true)]
    pub(super) image_id: u64,
    /// Name of the category. In an image without it the mask is all zeros, with a warning.
    #[arg(long, value_name = "NAME")]
    pub(super) category: String,
    /// Picture to write, of the image's size.
    #[arg(long, value_name = "M.png")]
    pub(super) out: PathBuf,
    /// Leave out groups whose members were not told apart.
    #[arg(long)]
    pub(super) no_crowd: bool,
}

/// Of `gazelens metrics`.
#[derive(Debug, Args)]
pub(super) struct MetricsArgs {
    /// Instances in COCO form, such as `instances_val2014.json`.
    #[arg(long, value_name = "A.json")]
    pub(super) annotations: PathBuf,
    /// Number of the image.
    #[arg(long, value_name = "N", value_parser = from_zero::<u64>, allow_negative_numbers = true)]
    pub(super) image_id: u64,
    /// Name of the category: the mask is the union of its instances.
    #[arg(long, value_name = "NAME")]
    pub(super) category: String,
    #[command(flatten)]
    pub(super) map: MetricsMap,
    /// Generated token whose attention is meant, counted from 0.
    #[arg(
        long,
        value_name = "K",
        conflicts_with = "heatmap",
        value_parser = from_zero::<usize>,
        allow_negative_numbers = true
    )]
    pub(super) token: Option<usize>,
    /// Word of the answer whose attention is meant (the mean over its tokens): an object word of CHAIR, as written, in
    /// singular or by its category, else any word; N counts its places from 1.
    #[arg(long, value_name = "WORD[:N]", conflicts_with_all = ["heatmap", "token"], value_parser = word)]
    pub(super) word: Option<NthWord>,
    /// Decoder layer, counted from 0; the mean of all unless given.
    #[arg(
        long,
        value_name = "L",
        conflicts_with = "heatmap",
        value_parser = from_zero::<usize>,
        allow_negative_numbers = true
    )]
    pub(super) layer: Option<usize>,
    /// Decoder head, counted from 0; the mean of all unless given.
    #[arg(
        long,
        value_name = "H",
        conflicts_with = "heatmap",
        value_parser = from_zero::<usize>,
        allow_negative_numbers = true
    )]
    pub(super) head: Option<usize>,
    /// Go on where the trace is about another photo than the annotations, or its photo has changed; a warning says so.
    #[arg(long, conflicts_with = "heatmap")]
    pub(super) allow_mismatch: bool,
    /// What lies between the centres of patches.
    #[arg(long, alias = "sampling", value_enum, default_value_t = SamplingArg::Nearest, conflicts_with = "heatmap")]
    pub(super) resample: SamplingArg,
    /// Leave out groups whose members were not told apart.
    #[arg(long)]
    pub(super) no_crowd: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

/// The map, in one of two forms.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct MetricsMap {
    /// A grey picture of the image's size, of 8 or 16 bits.
    #[arg(long, value_name = "H.png")]
    pub(super) heatmap: Option<PathBuf>,
    /// A file that `gazelens trace` wrote for the image.
    #[arg(long, value_name = "T.safetensors")]
    pub(super) trace: Option<PathBuf>,
}

/// A word of an answer and which of its places is meant, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NthWord {
    pub(super) word: String,
    pub(super) place: usize,
}

fn word(text: &str) -> Result<NthWord, String> {
    let (word, place) = text.rsplit_once(':').unwrap_or((text, "1"));
    let place = place.parse().ok().filter(|place| *place > 0);
    let word = Some(word.trim().to_lowercase()).filter(|word| !word.is_empty());
    let parsed = word.zip(place).map(|(word, place)| NthWord { word, place });
    parsed.ok_or_else(|| "expected a word, or a word and its place such as bottle:2".to_owned())
}

/// See [`Sampling`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SamplingArg {
    /// The patch's own value on all of its pixels.
    Nearest,
    /// Linear between four patches.
    Bilinear,
    /// Catmull-Rom over sixteen.
    Bicubic,
}

impl From<SamplingArg> for Sampling {
    fn from(sampling: SamplingArg) -> Self {
        match sampling {
            SamplingArg::Nearest => Self::Nearest,
            SamplingArg::Bilinear => Self::Bilinear,
            SamplingArg::Bicubic => Self::Bicubic,
        }
    }
}

/// Of `gazelens chair`.
#[derive(Debug, Args)]
pub(super) struct ChairArgs {
    /// Captions to score: JSON lines or a JSON array of objects with `image_id` and `caption`.
    #[arg(long, value_name = "FILE")]
    pub(super) captions: PathBuf,
    /// What is in the images: a COCO `instances_*.json`.
    #[arg(long, value_name = "FILE")]
    pub(super) annotations: PathBuf,
    /// What people say is in them besides: a COCO `captions_*.json`. The published figures use both.
    #[arg(long, value_name = "FILE")]
    pub(super) reference_captions: Option<PathBuf>,
    /// How plurals become singular: `vocabulary`, or as one of the published scripts does it.
    #[arg(long, value_name = "NAME", default_value = "vocabulary", value_parser = lemmatiser)]
    pub(super) lemmatiser: Lemmatiser,
    /// Print one JSON object instead of text; figures are parts of 1 in it.
    #[arg(long)]
    pub(super) json: bool,
}

/// Of `gazelens heads`.
#[derive(Debug, Args)]
pub(super) struct HeadsArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Folder of the photos.
    #[arg(long, value_name = "DIR")]
    pub(super) images: PathBuf,
    #[command(flatten)]
    pub(super) words: HeadsWords,
    /// What people say is in the photos besides: a COCO `captions_*.json`.
    #[arg(long, value_name = "FILE", conflicts_with = "words")]
    pub(super) reference_captions: Option<PathBuf>,
    /// What is asked about every photo of --annotations.
    #[arg(long, value_name = "TEXT", default_value = HEADS_PROMPT, conflicts_with = "words")]
    pub(super) prompt: String,
    /// Longest answer.
    #[arg(
        long,
        value_name = "N",
        default_value_t = MAX_NEW_TOKENS,
        conflicts_with = "words",
        value_parser = at_least_one,
        allow_negative_numbers = true
    )]
    pub(super) max_new_tokens: usize,
    /// Heads in the list; unless given the share of the published list, 20 of 1024.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(super) top: Option<usize>,
    /// The file to write.
    #[arg(long, value_name = "H.json")]
    pub(super) out: PathBuf,
}

/// The words, in one of two forms.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct HeadsWords {
    /// What is in the photos, a COCO `instances_*.json`: the model describes each, and CHAIR judges the words of its
    /// answers. Answers without a hallucinated word are left out, as published.
    #[arg(long, value_name = "A.json")]
    pub(super) annotations: Option<PathBuf>,
    /// Words that were judged, JSON lines with `image`, `answer` (up to the word), `word` (with the space in front of
    /// it), `hallucinated` (true or false), and `question` unless it is the default of --prompt.
    #[arg(long, value_name = "W.jsonl")]
    pub(super) words: Option<PathBuf>,
}

/// What the authors of AD-HH ask.
pub(super) const HEADS_PROMPT: &str = "Please describe this image in detail.";

fn lemmatiser(text: &str) -> Result<Lemmatiser, String> {
    Lemmatiser::by_id(text).ok_or_else(|| {
        let names = Lemmatiser::ALL.map(Lemmatiser::id);
        format!("expected one of {}{}", names.join(", "), hint(text, names))
    })
}
