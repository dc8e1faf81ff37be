//! What may stand behind `gazelens prompt-image`.

use super::common_args::{FramingArg, ModelArgs, at_least_one, from_zero, grey_level, question};
use crate::checkpoint::Moment;
use crate::data::pope::Label;
use crate::geometry::Resample;
use crate::prompting::{Formula, MaskGeometry, PromptOptions, Source};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Of `gazelens prompt-image`.
#[derive(Debug, Args)]
pub(super) struct PromptImageArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Which kind of model says where to look; with `clip`, the model `demo` is the bundled CLIP.
    #[arg(long, value_enum)]
    pub(super) attribution: AttributionArg,
    /// The photo: a file, or the name of a bundled image such as `demo_01_beach.png`.
    #[arg(long, value_name = "FILE")]
    pub(super) image: PathBuf,
    /// What to look for: the text that CLIP compares with the photo, or the question that LLaVA answers.
    #[arg(long, value_name = "TEXT", value_parser = question)]
    pub(super) query: String,
    /// Picture to write: the photo, darkened where the model did not look.
    #[arg(long, value_name = "B.png")]
    pub(super) out: PathBuf,
    /// Picture of the mask to write: 255 where the photo stays as it is.
    #[arg(long, value_name = "M.png")]
    pub(super) mask_out: Option<PathBuf>,
    /// Tensors to write: the maps before they were stretched, one value per patch.
    #[arg(long, value_name = "A.safetensors")]
    pub(super) map_out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) options: OptionArgs,
    /// Crop or pad the photo for the model; the checkpoint's own way unless given.
    #[arg(long, value_enum)]
    pub(super) framing: Option<FramingArg>,
    /// Token limit of LLaVA's answer.
    #[arg(long, default_value_t = crate::engine::ATTRIBUTION_TOKENS, value_name = "N", value_parser = at_least_one,
        allow_negative_numbers = true)]
    pub(super) max_new_tokens: usize,
    /// Day that LLaVA's chat template writes into the prompt where it has `strftime_now`, such as 2026-11-29; today
    /// unless given.
    #[arg(long, value_name = "DAY")]
    pub(super) date: Option<Moment>,
    /// What CLIP is asked to see or not; taken from the query unless given.
    #[arg(long, value_name = "NAME", value_parser = question)]
    pub(super) object: Option<String>,
    /// The right answer, if known: says whether the model behind the map is right.
    #[arg(long, value_enum)]
    pub(super) label: Option<LabelArg>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// From maps to picture.
#[derive(Debug, Args)]
pub(super) struct OptionArgs {
    /// Layer, counted from 0; the last but one of CLIP and five eighths of LLaVA's (22 of 24, 20 of 32) unless given.
    #[arg(long, value_name = "L", value_parser = from_zero::<usize>, allow_negative_numbers = true)]
    layer: Option<usize>,
    /// Side of the box filter in patches, odd; 1 is none.
    #[arg(long, default_value_t = PromptOptions::default().kernel, value_name = "K", value_parser = kernel,
        allow_negative_numbers = true)]
    kernel: usize,
    /// Steepness of the sigmoid that spreads the map.
    #[arg(long, default_value_t = PromptOptions::default().enhance, value_name = "C", value_parser = enhance,
        allow_negative_numbers = true)]
    enhance: f64,
    /// From patches to pixels, as Pillow does it.
    #[arg(long, value_enum, default_value_t = ResampleArg::Lanczos)]
    resample: ResampleArg,
    /// Grey level that the photo is darkened to.
    #[arg(long, default_value_t = PromptOptions::default().grey, value_name = "0..255", value_parser = grey_level,
        allow_negative_numbers = true)]
    grey: u8,
    /// How maps are computed: as in the authors' code, or as in their paper.
    #[arg(long, value_enum, default_value = PromptOptions::default().formula.id())]
    formula: FormulaArg,
    /// Stretched over the whole photo as the authors do it, or on the pixels that the model saw.
    #[arg(long, value_enum, default_value = PromptOptions::default().geometry.id())]
    geometry: GeometryArg,
}

impl OptionArgs {
    pub(super) fn options(&self) -> PromptOptions {
        PromptOptions {
            layer_idx: self.layer,
            formula: self.formula.into(),
            kernel: self.kernel,
            enhance: self.enhance,
            resample: self.resample.into(),
            grey: self.grey,
            geometry: self.geometry.into(),
        }
    }
}

/// An argument that stands for a value of the library.
macro_rules! argument {
    ($(#[$doc:meta])* $name:ident => $target:ident { $($(#[$variant_doc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(super) enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl From<$name> for $target {
            fn from(argument: $name) -> Self {
                match argument {
                    $($name::$variant => Self::$variant,)*
                }
            }
        }
    };
}

argument! {
    /// See [`Source`].
    AttributionArg => Source {
        /// What each patch adds to CLIP's similarity of photo and query.
        Clip,
        /// Where the decoder looks while it answers.
        Llava,
    }
}

argument! {
    /// See [`Resample`].
    ResampleArg => Resample {
        /// Windowed sinc over three patches.
        Lanczos,
        /// Cubic, a = -0.5.
        Bicubic,
        /// Linear.
        Bilinear,
        /// The patch's own value on all of its pixels.
        Nearest,
    }
}

argument! {
    /// See [`Formula`].
    FormulaArg => Formula {
        /// The authors' code: one layer; every head as much as any other.
        Official,
        /// The paper: all layers from this one on; plain attention.
        Paper,
    }
}

argument! {
    /// See [`MaskGeometry`].
    GeometryArg => MaskGeometry {
        /// Over the whole photo.
        Official,
        /// On the pixels that the model saw; the rest stays as it is.
        Aligned,
    }
}

argument! {
    /// See [`Label`].
    LabelArg => Label {
        /// The object is in the photo.
        Yes,
        /// It is not.
        No,
    }
}

fn kernel(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size: &usize| !size.is_multiple_of(2));
    size.ok_or_else(|| "expected an odd whole number from 1".to_owned())
}

fn enhance(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| "expected a number from 0".to_owned())
}
