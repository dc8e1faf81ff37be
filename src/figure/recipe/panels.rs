//! What a panel shows.

use super::choices::{Shade, Tokens};
use super::layout::fixed_range;
use super::maps::{MapSpec, PromptSpec, Truth, is_false};
use super::plots::PlotKind;
use crate::figure::FigureError;
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

/// Every selection of tokens of a panel, with the answer that it is of. Marks of an answer are none of them.
pub fn selections(show: &mut Show) -> Vec<(&str, &mut Tokens)> {
    fn of_map(map: &mut MapSpec) -> Option<(&str, &mut Tokens)> {
        match map {
            MapSpec::Decoder { of, tokens, .. } | MapSpec::Registered { of, tokens, .. } => Some((of.as_str(), tokens)),
            _ => None,
        }
    }
    match show {
        Show::Map { map, .. } | Show::Overlap { map, .. } => of_map(map).into_iter().collect(),
        Show::Difference { first, second } => [of_map(first), of_map(second)].into_iter().flatten().collect(),
        Show::Grid { of, vision: false, tokens, .. } | Show::Scores { of, vision: false, tokens, .. } => {
            vec![(of.as_str(), tokens)]
        }
        Show::Plot { of, plot } => {
            let of = of.as_str();
            match plot {
                PlotKind::ImageSharePerLayer { lines: all, .. } | PlotKind::Split { words: all, .. } => {
                    all.iter_mut().map(|tokens| (of, tokens)).collect()
                }
                PlotKind::Objects { map, .. } | PlotKind::Threshold { map, .. } => of_map(map).into_iter().collect(),
                PlotKind::Outliers { tokens, .. } => vec![(of, tokens)],
                PlotKind::Candidates { word, .. } | PlotKind::Contrast { word, .. } => {
                    word.iter_mut().map(|tokens| (of, tokens)).collect()
                }
                PlotKind::ClsPerLayer { .. }
                | PlotKind::ImageSharePerToken
                | PlotKind::ImageShareOfTokens { .. }
                | PlotKind::Strength { .. }
                | PlotKind::Similarity => Vec::new(),
            }
        }
        // What the encoder saw has no words.
        Show::Grid { .. }
        | Show::Scores { .. }
        | Show::Photo { .. }
        | Show::Mask { .. }
        | Show::Prompted { .. }
        | Show::Answer { .. } => Vec::new(),
    }
}
