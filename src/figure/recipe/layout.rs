//! Where panels lie, how they are labelled, and how values become colours.

use crate::figure::FigureError;
use crate::geometry::Combine;
use crate::render::{Resampling, colormap_by_id, colormaps};
use serde::{Deserialize, Serialize};

/// Rows and columns of panels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layout {
    /// Of the whole figure.
    pub width: Width,
    /// Panels in a row.
    pub columns: usize,
    /// Dots per inch of a PNG.
    pub dpi: u32,
    /// Between panels, **units** mm.
    pub gap_mm: f64,
    /// Of titles and axes; captions are a little smaller. **Units** points.
    pub font_pt: f64,
    /// Letters of another typeface than the bundled one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typeface: Option<Typeface>,
    /// Puts (a), (b), .. before the titles.
    pub letters: bool,
    /// Titles above the panels; those that a panel does not give are made.
    pub titles: bool,
    /// What exactly is shown, below every panel.
    pub captions: bool,
    /// Above the columns, first to last.
    pub column_titles: Vec<String>,
    /// Beside the rows, first to last: an image or a method each.
    pub row_labels: Vec<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            width: Width::Double,
            columns: 3,
            dpi: 300,
            gap_mm: 3.0,
            font_pt: 7.0,
            typeface: None,
            letters: true,
            titles: true,
            captions: true,
            column_titles: Vec::new(),
            row_labels: Vec::new(),
        }
    }
}

/// A typeface of the inputs. The letters that it draws are embedded; those that it lacks are of the bundled one.
/// Letters stand one after the other as they come: scripts that join or reorder them are not set as they should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typeface {
    /// Among the inputs' fonts.
    pub regular: String,
    /// The same for titles; the regular one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bold: Option<String>,
    /// Only for letters that the bundled typeface lacks.
    #[serde(default)]
    pub missing_only: bool,
}

/// Width of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// 84 mm: one column of a journal.
    Single,
    /// 174 mm: both.
    #[default]
    Double,
    /// Any other, **units** mm.
    Mm(f64),
}

impl Width {
    /// **Units** mm.
    pub fn mm(self) -> f64 {
        match self {
            Self::Single => 84.0,
            Self::Double => 174.0,
            Self::Mm(mm) => mm,
        }
    }
}

/// Colouring of maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Colour {
    /// Registered name, see `gazelens list colormaps`.
    pub map: String,
    /// That of differences: one whose middle is 0.
    pub difference_map: String,
    /// Raw values at the ends of the colours.
    pub scale: Scale,
    /// Exponent on the position: below 1 lifts small values.
    pub gamma: f32,
    /// Of a map on its photo, 0..=1.
    pub opacity: f32,
    /// 1: low values leave the photo clear. 0: the same opacity everywhere.
    pub alpha_ramp: f32,
    /// Between the centres of patches.
    pub resampling: Resampling,
    /// Which colour bars there are.
    pub bars: Bars,
    /// What maps show where the model saw a spot of the photo more than once.
    #[serde(skip_serializing_if = "is_mean")]
    pub regions: Combine,
}

fn is_mean(regions: &Combine) -> bool {
    *regions == Combine::Mean
}

impl Default for Colour {
    fn default() -> Self {
        Self {
            map: "inferno".to_owned(),
            difference_map: "rdbu".to_owned(),
            scale: Scale::default(),
            gamma: 1.0,
            opacity: 0.75,
            alpha_ramp: 0.85,
            resampling: Resampling::Nearest,
            bars: Bars::default(),
            regions: Combine::Mean,
        }
    }
}

/// Raw values at the ends of the colours.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Every panel from 0 to its own largest value.
    #[default]
    Each,
    /// Panels of the same quantity share one scale, so that their colours can be compared.
    Shared,
    /// Every map from its least value (0) to its largest (1), as most papers show them.
    ZeroToOne,
    /// These for all maps that show no difference.
    Fixed([f32; 2]),
}

/// Which colour bars there are; every map has one, of its own or one that it shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bars {
    /// With numbers and the quantity.
    #[default]
    Labelled,
    /// With numbers alone: the quantity stands in the captions.
    Numbers,
}

impl Layout {
    pub(super) fn check(&self) -> Result<(), FigureError> {
        number("width", "mm", self.width.mm(), [20.0, 1000.0])?;
        number("dpi", "", f64::from(self.dpi), [20.0, 2400.0])?;
        number("gap_mm", "mm", self.gap_mm, [0.0, 50.0])?;
        number("font_pt", "points", self.font_pt, [3.0, 40.0])?;
        if (1..=40).contains(&self.columns) {
            return Ok(());
        }
        Err(FigureError::Setting { expected: "`columns` from 1 to 40".to_owned(), found: self.columns.to_string() })
    }
}

impl Colour {
    pub(super) fn check(&self) -> Result<(), FigureError> {
        for (field, id) in [("map", &self.map), ("difference_map", &self.difference_map)] {
            if colormap_by_id(id).is_none() {
                let names: Vec<&str> = colormaps().iter().map(|map| map.id).collect();
                let expected = format!("`{field}` as one of {}", names.join(", "));
                return Err(FigureError::Setting { expected, found: format!("`{id}`") });
            }
        }
        number("gamma", "", f64::from(self.gamma), [0.05, 20.0])?;
        number("opacity", "", f64::from(self.opacity), [0.0, 1.0])?;
        number("alpha_ramp", "", f64::from(self.alpha_ramp), [0.0, 1.0])?;
        if let Scale::Fixed(range) = self.scale {
            fixed_range(range)?;
        }
        Ok(())
    }
}

/// Two ends in order.
pub(super) fn fixed_range([lo, hi]: [f32; 2]) -> Result<(), FigureError> {
    if lo.is_finite() && hi.is_finite() && lo < hi {
        return Ok(());
    }
    Err(FigureError::Setting {
        expected: "a range from a smaller to a larger number".to_owned(),
        found: format!("{lo} to {hi}"),
    })
}

fn number(field: &str, unit: &str, value: f64, [lo, hi]: [f64; 2]) -> Result<(), FigureError> {
    if (lo..=hi).contains(&value) {
        return Ok(());
    }
    let expected = format!("`{field}` from {lo} to {hi} {unit}").trim_end().to_owned();
    Err(FigureError::Setting { expected, found: value.to_string() })
}
