//! What a panel shows.

use super::choices::{Choice, Norm, Shade, Tokens};
use super::layout::fixed_range;
use super::plots::PlotKind;
use crate::data::coco::Crowds;
use crate::figure::FigureError;
use crate::figure::meaning::selections;
use serde::{Deserialize, Serialize};

/// One panel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Its title; a made one unless given, none for an empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Columns that it takes.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub span: usize,
    /// Raw values at the ends of its colours, in place of those of the figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
    /// What is in it.
    pub show: Show,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_one(span: &usize) -> bool {
    *span == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What is in a panel. `of` names a trace, or an image where no model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Show {
    /// The photo alone.
    Photo {
        /// Trace or image.
        of: String,
    },
    /// The photo with the masks of categories, filled and outlined.
    Mask {
        /// Trace or image.
        of: String,
        /// Whose masks.
        truth: Truth,
    },
    /// A map on the photo.
    Map {
        /// Which.
        map: MapSpec,
        /// Outlines of objects on top.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outline: Option<Truth>,
        /// Lines between patches.
        #[serde(default)]
        grid_lines: bool,
    },
    /// The first map minus the second, on the first one's photo.
    Difference {
        /// Minuend.
        first: MapSpec,
        /// Subtrahend.
        second: MapSpec,
    },
    /// Where a map, cut at its mean, and an object agree and do not.
    Overlap {
        /// Which map.
        map: MapSpec,
        /// The object.
        truth: Truth,
        /// Colours that every eye tells apart, instead of green, yellow and red.
        #[serde(default)]
        colour_blind_safe: bool,
    },
    /// The photo darkened where a model did not look.
    Prompted {
        /// Trace whose attention darkens it; or a trace or an image that a map of a file darkens.
        of: String,
        /// Among the inputs' maps: its mask darkens the photo. Of the options only grey level and geometry count then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        map: Option<String>,
        /// How.
        #[serde(default)]
        options: PromptSpec,
    },
    /// Every layer (rows) and head (columns).
    Grid {
        /// Trace.
        of: String,
        /// The vision encoder's `[CLS]` instead of the decoder.
        #[serde(default)]
        vision: bool,
        /// Of the decoder.
        #[serde(default)]
        tokens: Tokens,
        /// A map or a number a cell.
        #[serde(default)]
        cells: GridCells,
    },
    /// A figure of merit for every layer (rows) and head (columns), each map cut at its own mean.
    Scores {
        /// Trace.
        of: String,
        /// The vision encoder's `[CLS]` instead of the decoder.
        #[serde(default)]
        vision: bool,
        /// Of the decoder.
        #[serde(default)]
        tokens: Tokens,
        /// Registered name, see `gazelens list metrics`.
        metric: String,
        /// The object.
        truth: Truth,
        /// What a crop hid from the model counts too, as published.
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
    },
    /// Numbers as lines or bars.
    Plot {
        /// Trace.
        of: String,
        /// Which.
        plot: PlotKind,
    },
    /// The answer with marked words.
    Answer {
        /// Trace.
        of: String,
        /// The question above it.
        #[serde(default)]
        question: bool,
        /// Words that are marked.
        #[serde(default)]
        marks: Vec<Mark>,
        /// What colours the words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shade: Option<Shade>,
    },
}

/// Objects of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Annotations among the inputs.
    pub annotations: String,
    /// Number of the image; the one with the photo's file name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<u64>,
    /// By name; all that the image has unless given.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Leaves out groups whose members were not told apart.
    #[serde(default)]
    pub no_crowd: bool,
}

impl Truth {
    /// See `no_crowd`.
    pub fn crowds(&self) -> Crowds {
        if self.no_crowd { Crowds::LeftOut } else { Crowds::Included }
    }
}

/// A map of a trace, or of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum MapSpec {
    /// Where the decoder looked.
    Decoder {
        /// Trace.
        of: String,
        /// While it chose these.
        #[serde(default)]
        tokens: Tokens,
        /// Layers.
        #[serde(default)]
        layers: Choice,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Choice,
        /// What values are parts of.
        #[serde(default)]
        normalisation: Norm,
        /// Leaves the first position out.
        #[serde(default)]
        suppress_sink: bool,
    },
    /// Where the vision encoder's `[CLS]` looked; for an encoder without it the attention that its patches received.
    VisionCls {
        /// Trace.
        of: String,
        /// Layers.
        #[serde(default)]
        layers: Choice,
        /// Heads.
        #[serde(default)]
        heads: Choice,
        /// What values are parts of.
        #[serde(default)]
        normalisation: Norm,
    },
    /// Norms of the patches' states in the vision encoder.
    PatchNorms {
        /// Trace.
        of: String,
        /// Layers.
        #[serde(default)]
        layers: Choice,
    },
    /// Attention prompting's attribution of the answer's decoder.
    Llava {
        /// Trace.
        of: String,
        /// How it is made.
        #[serde(default)]
        options: PromptSpec,
    },
    /// A map of a file, CLIP's or LLaVA's.
    File {
        /// Among the inputs' maps.
        map: String,
        /// Image or trace that it belongs to.
        of: String,
    },
}

impl MapSpec {
    /// The trace or image that it belongs to.
    pub fn of(&self) -> &str {
        match self {
            Self::Decoder { of, .. }
            | Self::VisionCls { of, .. }
            | Self::PatchNorms { of, .. }
            | Self::Llava { of, .. }
            | Self::File { of, .. } => of,
        }
    }
}

/// The part of attention prompting's options that decides on maps and pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptSpec {
    /// Layer; the published one unless given.
    pub layer: Option<usize>,
    /// `official` or `paper`.
    pub formula: String,
    /// Side of the box filter.
    pub kernel: usize,
    /// Steepness.
    pub enhance: f64,
    /// Grey level that the photo is darkened to.
    pub grey: u8,
    /// `official` or `aligned`.
    pub geometry: String,
    /// First answer tokens that count.
    pub most_tokens: usize,
}

impl Default for PromptSpec {
    fn default() -> Self {
        let (formula, geometry) = ("official".to_owned(), "aligned".to_owned());
        Self { layer: None, formula, kernel: 3, enhance: 5.0, grey: 0, geometry, most_tokens: 20 }
    }
}

/// What a cell of a grid of layers and heads holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GridCells {
    /// One number: the attention that goes to the image.
    #[default]
    Share,
    /// A small map each, all on one scale.
    Maps,
}

/// Marked tokens of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Which.
    pub tokens: Tokens,
    /// What the mark says, for a legend: `hallucinated`, `selected`.
    pub label: String,
}

impl Show {
    /// What it is called in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Photo { .. } => "photo",
            Self::Mask { .. } => "mask",
            Self::Map { .. } => "map",
            Self::Difference { .. } => "difference",
            Self::Overlap { .. } => "overlap",
            Self::Prompted { .. } => "prompted photo",
            Self::Grid { .. } => "grid of layers and heads",
            Self::Scores { .. } => "grid of metrics",
            Self::Plot { .. } => "plot",
            Self::Answer { .. } => "answer",
        }
    }

    /// The same, plots by what they plot.
    pub fn label(&self) -> &'static str {
        if let Self::Plot { plot, .. } = self { plot.label() } else { self.kind() }
    }

    /// The objects that it shows or counts with, and the image or trace whose they are.
    pub fn truth(&self) -> Option<(&str, &Truth)> {
        match self {
            Self::Mask { of, truth } | Self::Scores { of, truth, .. } => Some((of, truth)),
            Self::Map { map, outline: Some(truth), .. } | Self::Overlap { map, truth, .. } => Some((map.of(), truth)),
            Self::Plot { plot: PlotKind::Objects { map, truth } | PlotKind::Threshold { map, truth, .. }, .. } => {
                Some((map.of(), truth))
            }
            Self::Photo { .. }
            | Self::Map { outline: None, .. }
            | Self::Difference { .. }
            | Self::Prompted { .. }
            | Self::Grid { .. }
            | Self::Plot { .. }
            | Self::Answer { .. } => None,
        }
    }
}

impl Panel {
    /// A panel one column wide with a made title.
    pub fn new(show: Show) -> Self {
        Self { title: None, span: 1, range: None, show }
    }

    pub(super) fn check(&self, columns: usize) -> Result<(), FigureError> {
        if self.span == 0 || self.span > columns {
            let expected = format!("`span` from 1 to the {columns} columns");
            return Err(FigureError::Setting { expected, found: self.span.to_string() });
        }
        let mut show = self.show.clone();
        selections(&mut show).into_iter().try_for_each(|(_, tokens)| tokens.check())?;
        if let Show::Answer { marks, .. } = &self.show {
            marks.iter().try_for_each(|mark| mark.tokens.check())?;
        }
        self.range.map_or(Ok(()), fixed_range)
    }
}
