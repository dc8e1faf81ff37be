//! From a recipe and its inputs to what every panel shows: values, words, and what they are called. Nothing has a place
//! yet.

mod bars;
mod data;
mod lines;
mod maps;
mod numbers;
mod overlap;
mod tokens;
mod truth;
mod unit_range;
mod words;

pub use data::PanelData;
pub(super) use tokens::{whole_answer, words_that_look};
pub(super) use unit_range::UNIT;
pub(super) use words::number_of;
pub use words::{Span, Words};

use super::error::PanelError;
use super::recipe::{GridCells, MapSpec, Panel, PlotKind, Recipe, Scale, Show, Tokens};
use super::{COMPUTED, FigureError, Inputs, Watch};
use crate::data::Photo;
use crate::geometry::{Combine, Framing, ImageLayout, ImageSize, ModelView, PatchGrid, RectPx};
use crate::render::{MaskImage, OverlapMap, OverlapStyle, PhotoTexture};
use std::sync::Arc;

/// A figure whose panels are known but not yet laid out.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// In reading order.
    pub panels: Vec<ResolvedPanel>,
    /// What stands under the figure: inputs that differ from the recipe.
    pub notes: Vec<String>,
}

/// One panel.
#[derive(Debug, Clone)]
pub struct ResolvedPanel {
    /// May be empty.
    pub title: String,
    /// What exactly is shown.
    pub caption: String,
    /// Columns that it takes.
    pub span: usize,
    /// Its own ends of the colours, where the recipe has them.
    pub range: Option<[f32; 2]>,
    /// What is drawn.
    pub content: Content,
    /// The numbers behind it.
    pub data: PanelData,
    /// What the answer does not have, in a sentence: nothing else is shown in its place.
    pub absent: Option<String>,
    /// What its values are and which of them the ends of its colours mean; `None` where nothing is coloured by values.
    pub colours: Option<String>,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub enum Content {
    /// A photo with things on it.
    Photo(Box<PhotoContent>),
    /// Rows and columns of cells.
    Cells(CellsContent),
    /// Lines.
    Lines(LinesPlot),
    /// Bars.
    Bars(BarsPlot),
    /// Text.
    Words(Words),
}

/// A photo with things on it.
#[derive(Debug, Clone)]
pub struct PhotoContent {
    /// Its own pixels.
    pub photo: Photo,
    /// The same for drawing.
    pub texture: PhotoTexture,
    /// What the model saw of it.
    pub layout: Arc<ImageLayout>,
    /// A map on it.
    pub heat: Option<Heat>,
    /// A map against an object.
    pub overlap: Option<(OverlapMap, MaskImage, OverlapStyle)>,
    /// Objects.
    pub objects: Vec<Object>,
    /// Lines between patches.
    pub grid_lines: bool,
    /// Darkens what the model did not see.
    pub unseen_dark: bool,
    /// Names of colours.
    pub legend: Vec<(String, [u8; 3])>,
}

/// Values on patches.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// The patches.
    pub layout: Arc<ImageLayout>,
    /// One a cell.
    pub values: Arc<[f32]>,
    /// What they are; scales are shared among equal ones.
    pub unit: String,
    /// A difference: 0 is the middle of its colours.
    pub signed: bool,
}

/// An object's mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Size of the photo.
    pub size: ImageSize,
    /// **Shape** `[height_px, width_px]`.
    pub inside: Arc<[bool]>,
    /// Of its outline.
    pub rgb: [u8; 3],
    /// Fills it too.
    pub filled: bool,
}

/// Rows (layers) and columns (heads) of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct CellsContent {
    /// Rows.
    pub layers: usize,
    /// Columns.
    pub heads: usize,
    /// Values in a cell: 1 x 1, or a map.
    pub cell: PatchGrid,
    /// **Shape** `[layers, heads, cell.rows, cell.cols]`.
    pub values: Arc<[f32]>,
    /// What they are.
    pub unit: String,
}

/// Lines, or columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinesPlot {
    /// Of the horizontal axis.
    pub x_label: String,
    /// Of the vertical axis.
    pub y_label: String,
    /// Where values lie.
    pub places: Places,
    /// Name and values; a gap where there is none.
    pub series: Vec<(String, Vec<Option<f32>>)>,
    /// Columns in place of lines.
    pub columns: bool,
    /// What stands at the places in place of their numbers.
    pub names: Vec<String>,
    /// Between a lower and an upper value at each place.
    pub band: Option<(String, Vec<[f32; 2]>)>,
    /// A place that is marked, and what it is.
    pub rule: Option<(String, f64)>,
    /// The vertical axis reaches at least this.
    pub at_least: f32,
    /// Values count something: there is nothing between whole numbers.
    pub counts: bool,
}

/// Places on a horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Places {
    /// Whole numbers from this one on.
    From(usize),
    /// Any numbers from 0 on, in order.
    At(Vec<f64>),
}

impl Default for Places {
    fn default() -> Self {
        Self::From(0)
    }
}

/// Horizontal bars, a name or a group of them each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarsPlot {
    /// Of the axis.
    pub x_label: String,
    /// Names of the bars of a group; none where each has one bar.
    pub series: Vec<String>,
    /// Name and values; nothing is said by a dash.
    pub bars: Vec<(String, Vec<Option<f32>>)>,
    /// Which group is marked.
    pub marked: Option<usize>,
}

/// Resolves every panel.
pub(super) fn resolve(recipe: &Recipe, inputs: &Inputs, watch: &mut Watch<'_>) -> Result<Resolved, FigureError> {
    recipe.check()?;
    let count = recipe.panels.len();
    let panels = recipe.panels.iter().enumerate().map(|(idx, panel)| {
        watch.panel("Computing", [idx, count], COMPUTED)?;
        one(panel, recipe.colour.regions, inputs).map_err(|err| match err {
            PanelError::Figure(err) => *err,
            other => FigureError::Panel { number: idx + 1, kind: panel.show.kind(), reason: other.to_string() },
        })
    });
    let mut panels = panels.collect::<Result<Vec<_>, _>>()?;
    if recipe.colour.scale == Scale::ZeroToOne {
        panels.iter_mut().for_each(unit_range::apply);
    }
    Ok(Resolved { panels, notes: inputs.mismatches.clone() })
}

/// Title, caption, content, numbers.
struct Made {
    title: String,
    caption: String,
    content: Content,
    data: PanelData,
}

fn one(panel: &Panel, regions: Combine, inputs: &Inputs) -> Result<ResolvedPanel, PanelError> {
    let made = tokens::placed(&panel.show, inputs).and_then(|(show, meanings)| {
        let mut made = shown(&show, regions, inputs)?;
        let combined = overlapping(&show, &made.content, inputs).map(|layout| regions_words(&layout, regions));
        let caption = std::iter::once(made.caption).chain(combined).chain(meanings);
        made.caption = caption.collect::<Vec<_>>().join("; ");
        Ok(made)
    });
    let (made, absent) = match made {
        Err(PanelError::NotInAnswer(why)) => (words::absent(&why), Some(why)),
        made => (made?, None),
    };
    let Made { title, caption, content, data } = made;
    let title = panel.title.clone().unwrap_or(title);
    Ok(ResolvedPanel { title, caption, span: panel.span, range: panel.range, content, data, absent, colours: None })
}

/// The layout of what a panel shows or counts, where it covers spots of the photo more than once.
fn overlapping(show: &Show, content: &Content, inputs: &Inputs) -> Option<Arc<ImageLayout>> {
    let of = match (show, content) {
        (_, Content::Photo(photo)) => match &photo.heat {
            Some(heat) => Some(&heat.layout),
            None => photo.overlap.as_ref().map(|_| &photo.layout),
        },
        (Show::Grid { of, cells: GridCells::Maps, .. } | Show::Scores { of, .. }, _) => {
            inputs.trace(of).ok().map(|trace| &trace.layout)
        }
        (Show::Plot { plot: PlotKind::Objects { map, .. } | PlotKind::Threshold { map, .. }, .. }, _) => match map {
            MapSpec::Decoder { of, .. }
            | MapSpec::VisionCls { of, .. }
            | MapSpec::PatchNorms { of, .. }
            | MapSpec::Registered { of, .. } => inputs.trace(of).ok().map(|trace| &trace.layout),
            MapSpec::Llava { .. } | MapSpec::File { .. } => None,
        },
        _ => None,
    };
    of.filter(|layout| layout.overlaps()).map(Arc::clone)
}

/// How regions that overlap were combined.
fn regions_words(layout: &ImageLayout, regions: Combine) -> String {
    match layout.in_force(regions) {
        Combine::Mean => "regions that overlap: their mean by area".to_owned(),
        Combine::Largest => "regions that overlap: the largest value".to_owned(),
        Combine::Region(idx) => format!("regions that overlap: {} alone", layout.name(idx)),
    }
}

/// `show` has its words by place.
fn shown(show: &Show, regions: Combine, inputs: &Inputs) -> Result<Made, PanelError> {
    match show {
        Show::Photo { of } => photo(of, inputs),
        Show::Mask { of, truth } => truth::mask(of, truth, inputs),
        Show::Map { map, outline, grid_lines } => maps::map(map, outline.as_ref(), *grid_lines, inputs),
        Show::Difference { first, second } => maps::difference(first, second, inputs),
        Show::Overlap { map, truth, colour_blind_safe } => {
            overlap::overlap(map, truth, *colour_blind_safe, regions, inputs)
        }
        Show::Prompted { of, map: None, options } => maps::prompted(of, options, inputs),
        Show::Prompted { of, map: Some(map), options } => maps::prompted_by_file(of, map, options, inputs),
        Show::Grid { of, vision, tokens, cells } => numbers::grid(of, *vision, tokens, (*cells, regions), inputs),
        Show::Scores { of, vision, tokens, metric, truth, whole } => {
            numbers::scores(of, *vision, tokens, metric, (truth, *whole, regions), inputs)
        }
        Show::Plot { of, plot } => self::plot(of, plot, regions, inputs),
        Show::Answer { of, question, marks, shade } => words::answer(of, *question, (marks, *shade), inputs),
    }
}

fn plot(of: &str, kind: &PlotKind, regions: Combine, inputs: &Inputs) -> Result<Made, PanelError> {
    match kind {
        PlotKind::ImageSharePerLayer { lines, heads } => lines::per_layer(inputs.trace(of)?, lines, heads),
        PlotKind::ClsPerLayer { heads } => lines::cls_per_layer(inputs.trace(of)?, heads),
        PlotKind::ImageSharePerToken => lines::per_token(inputs.trace(of)?),
        PlotKind::ImageShareOfTokens { layers, heads } => lines::of_tokens(inputs.trace(of)?, *layers, *heads),
        PlotKind::Strength { most } => lines::strength(inputs.trace(of)?, *most),
        PlotKind::Threshold { map, truth, cut, whole } => lines::threshold(map, (truth, *whole), *cut, regions, inputs),
        PlotKind::Outliers { tokens, head_mean } => lines::outliers(inputs.trace(of)?, tokens, *head_mean),
        PlotKind::Candidates { token, word, most } => {
            bars::candidates(inputs.trace(of)?, first_of(*token, word.as_ref()), *most)
        }
        PlotKind::Contrast { token, word, most } => {
            bars::contrast(inputs.trace(of)?, first_of(*token, word.as_ref()), *most)
        }
        PlotKind::Similarity => bars::similarity(inputs.trace(of)?),
        PlotKind::Split { words, layers, heads } => bars::split(inputs.trace(of)?, words, *layers, *heads),
        PlotKind::Objects { map, truth } => bars::objects(map, truth, regions, inputs),
    }
}

/// The token that a plot of one token is about.
fn first_of(token: usize, word: Option<&Tokens>) -> usize {
    word.and_then(|word| word.output.first().copied()).unwrap_or(token)
}

fn photo(of: &str, inputs: &Inputs) -> Result<Made, PanelError> {
    let base = PhotoContent::new(of, inputs)?;
    let ImageSize { width_px, height_px } = base.layout.image();
    let name = inputs.photo_names.get(of).map_or("", String::as_str);
    let caption = format!("{name}, {width_px} × {height_px} pixels");
    let content = Content::Photo(Box::new(PhotoContent { unseen_dark: false, ..base }));
    Ok(Made { title: "Photo".to_owned(), caption, content, data: PanelData::default() })
}

impl PhotoContent {
    /// The photo of a trace or an image with nothing on it.
    fn new(of: &str, inputs: &Inputs) -> Result<Self, PanelError> {
        let photo = inputs.photo(of)?.clone();
        let size = photo.size();
        let unseen = || {
            let (rect_px, grid) = (RectPx::of(size), PatchGrid { rows: 1, cols: 1 });
            let view = ModelView { image: size, rect_px, grid, framing: Framing::Crop };
            Arc::new(ImageLayout::of_view(&view, 0))
        };
        let layout = inputs.traces.get(of).map_or_else(unseen, |trace| Arc::clone(&trace.layout));
        if layout.image() != size {
            let ImageSize { width_px, height_px } = layout.image();
            let (w, h) = (size.width_px, size.height_px);
            let found = format!("a trace of a photo of {width_px} x {height_px} pixels and a photo of {w} x {h}");
            return Err(PanelError::Other(found));
        }
        let texture = PhotoTexture::new(key(&photo), size, &photo.rgb)?;
        let seen = inputs.traces.contains_key(of);
        Ok(Self {
            photo,
            texture,
            layout,
            heat: None,
            overlap: None,
            objects: Vec::new(),
            grid_lines: false,
            unseen_dark: seen,
            legend: Vec::new(),
        })
    }
}

/// The first bytes of its hash.
fn key(photo: &Photo) -> u64 {
    photo.sha256.get(..16).and_then(|head| u64::from_str_radix(head, 16).ok()).unwrap_or(0)
}
