//! What may stand behind `gazelens figure` and `gazelens html`.

use super::common_args::ModelArgs;
use clap::Args;
use std::path::PathBuf;

fn dpi(text: &str) -> Result<u32, String> {
    let dpi = text.trim().parse().ok().filter(|dpi| (20..=2400).contains(dpi));
    dpi.ok_or_else(|| "expected a whole number from 20 to 2400".to_owned())
}

/// Of `gazelens figure`.
#[derive(Debug, Args)]
pub(super) struct FigureArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    #[command(flatten)]
    pub(super) of: FigureOf,
    /// Figure to write: F.png, F.svg or F.pdf, with its recipe F.json beside it; F.html is a page to explore one trace.
    /// With --images the name contains `{name}`, which stands for the photo's name.
    #[arg(long, value_name = "F")]
    pub(super) out: PathBuf,
    /// What the figure shows: a recipe (JSON), or a figure that has one inside. A figure of everything unless given.
    #[arg(long, value_name = "R.json")]
    pub(super) recipe: Option<PathBuf>,
    /// Dots per inch of a PNG; the recipe's unless given (300).
    #[arg(long, value_name = "N", value_parser = dpi, allow_negative_numbers = true)]
    pub(super) dpi: Option<u32>,
    /// Folder for the numbers behind the figure: a CSV and an npy a panel, the metrics as CSV, Markdown and LaTeX.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Make the figure for each of these: a text file with a photo or a trace a line, or a folder of photos. Figures
    /// that are there are kept.
    #[arg(long, value_name = "LIST", requires = "recipe", conflicts_with_all = ["data", "demo", "trace", "session"])]
    pub(super) images: Option<PathBuf>,
    /// Go on where weights, photo or answer are not those of the recipe; what differs stands under the figure.
    #[arg(long)]
    pub(super) allow_mismatch: bool,
}

/// What the figure is about.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct FigureOf {
    /// A saved session: the unfinished figure in it, otherwise one of the answer that it shows.
    /// With --recipe its answers are taken where they are those of the recipe.
    #[arg(long, value_name = "FILE")]
    pub(super) session: Option<PathBuf>,
    /// A file that `gazelens trace` wrote.
    #[arg(long, value_name = "T.safetensors")]
    pub(super) trace: Option<PathBuf>,
    /// The bundled model on a bundled photo.
    #[arg(long, conflicts_with = "recipe")]
    pub(super) demo: bool,
}

/// Of `gazelens html`.
#[derive(Debug, Args)]
pub(super) struct HtmlArgs {
    /// A file that `gazelens trace` wrote.
    #[arg(long, value_name = "T.safetensors")]
    pub(super) trace: PathBuf,
    /// Page to write.
    #[arg(long, value_name = "F.html")]
    pub(super) out: PathBuf,
}
