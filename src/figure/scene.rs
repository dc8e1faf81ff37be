//! A resolved figure: where everything lies, in points from the top left corner. Pure data; every writer draws the same
//! scene.

use super::font::{ASCENT, Typeface};
use crate::data::Photo;
use crate::geometry::{ImageLayout, ImageSize, RectPx};
use crate::render::{HeatMap, HeatStyle, MaskImage, OverlapMap, OverlapStyle, PhotoTexture};
use std::sync::Arc;

/// Points a millimetre.
pub const PT_PER_MM: f64 = 72.0 / 25.4;

/// A resolved figure: where everything lies, in points from the top left corner.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// **Units** points.
    pub width: f64,
    /// **Units** points.
    pub height: f64,
    /// Bottom to top.
    pub groups: Vec<Group>,
    /// What readers of files see as the title.
    pub title: String,
    /// The recipe's JSON, for the writers to embed.
    pub recipe: String,
    /// Who draws its letters.
    pub(super) typeface: Typeface,
}

/// What belongs together: a panel, the colour bars.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// `panel-1`, `bars`, `labels`.
    pub id: String,
    /// In words, for those who cannot see it.
    pub description: String,
    /// Bottom to top.
    pub nodes: Vec<Node>,
}

/// One thing that is drawn.
#[derive(Debug, Clone)]
pub enum Node {
    /// Pixels.
    Picture(Picture),
    /// Lines and areas.
    Shape(Shape),
    /// Letters.
    Text(Text),
}

/// A rectangle. **Units** points.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// Right edge.
    pub fn right(self) -> f64 {
        self.x + self.w
    }

    /// Bottom edge.
    pub fn bottom(self) -> f64 {
        self.y + self.h
    }
}

/// Pixels in a rectangle.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Where.
    pub rect: Rect,
    /// What.
    pub pixels: Pixels,
}

/// Where pixels come from. Each kind is embedded at its own resolution; a PNG asks the CPU renderer for exactly its own
/// pixels.
#[derive(Debug, Clone)]
pub enum Pixels {
    /// A photo, with a map on it or not.
    Photo(Box<PhotoPixels>),
    /// Where a map and an object agree.
    Overlap(Box<OverlapPixels>),
    /// Coloured cells.
    Cells(Cells),
}

/// See [`Pixels::Photo`].
#[derive(Debug, Clone)]
pub struct PhotoPixels {
    /// The photo's own pixels.
    pub photo: Photo,
    /// The same, for drawing at any scale.
    pub texture: PhotoTexture,
    /// Where patches lie.
    pub layout: Arc<ImageLayout>,
    /// The part of the photo's plane that the rectangle shows.
    pub window_px: RectPx,
    /// A map on it.
    pub heat: Option<(HeatMap, HeatStyle)>,
}

/// See [`Pixels::Overlap`].
#[derive(Debug, Clone)]
pub struct OverlapPixels {
    /// Values on the photo.
    pub map: OverlapMap,
    /// The object.
    pub mask: MaskImage,
    /// Threshold and colours.
    pub style: OverlapStyle,
    /// Size of the photo.
    pub size: ImageSize,
    /// The part of the photo's plane that the rectangle shows.
    pub window_px: RectPx,
}

/// See [`Pixels::Cells`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Straight alpha, **shape** `[rows, columns, 4]`.
    pub rgba: Arc<[u8]>,
}

/// A line or an area.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its lines, each an open or closed run of points.
    pub lines: Vec<Line>,
    /// Colour of the inside, even-odd.
    pub fill: Option<Paint>,
    /// Colour and width of the line; **units** points.
    pub stroke: Option<(Paint, f64)>,
}

/// A run of points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// **Units** points.
    pub points: Vec<[f64; 2]>,
    /// Whether the last point meets the first.
    pub closed: bool,
}

/// Colour and opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// Gamma-encoded red, green, blue.
    pub rgb: [u8; 3],
    /// 0..=1.
    pub opacity: f64,
}

impl Paint {
    /// Opaque.
    pub const fn solid(rgb: [u8; 3]) -> Self {
        Self { rgb, opacity: 1.0 }
    }
}

/// Of text and axes.
pub const INK: [u8; 3] = [26, 26, 26];
/// Of captions.
pub const SOFT_INK: [u8; 3] = [84, 84, 84];

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Where it is anchored. **Units** points.
    pub x: f64,
    /// Baseline.
    pub y: f64,
    /// **Units** points.
    pub size: f64,
    /// In bold type.
    pub bold: bool,
    /// Its colour.
    pub rgb: [u8; 3],
    /// Which part of it lies at `x`.
    pub anchor: Anchor,
    /// Turned to read from bottom to top.
    pub upwards: bool,
    /// What it says.
    pub text: String,
}

/// Which part of a line lies at its anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// Its beginning.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Text {
    /// A line in ink at its beginning.
    pub fn new(x: f64, y: f64, size: f64, text: impl Into<String>) -> Self {
        let (bold, rgb, anchor, upwards) = (false, INK, Anchor::Start, false);
        Self { x, y, size, bold, rgb, anchor, upwards, text: text.into() }
    }

    /// In bold type.
    #[must_use]
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// In the colour of captions.
    #[must_use]
    pub fn soft(self) -> Self {
        Self { rgb: SOFT_INK, ..self }
    }

    /// Anchored elsewhere.
    #[must_use]
    pub fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

impl Shape {
    /// A straight line.
    pub fn line(from: [f64; 2], to: [f64; 2], paint: Paint, width: f64) -> Self {
        Self { lines: vec![Line { points: vec![from, to], closed: false }], fill: None, stroke: Some((paint, width)) }
    }

    /// A run of lines.
    pub fn polyline(points: Vec<[f64; 2]>, paint: Paint, width: f64) -> Self {
        Self { lines: vec![Line { points, closed: false }], fill: None, stroke: Some((paint, width)) }
    }

    /// A rectangle, filled, outlined or both.
    pub fn rect(rect: Rect, fill: Option<Paint>, stroke: Option<(Paint, f64)>) -> Self {
        let Rect { x, y, .. } = rect;
        let points = vec![[x, y], [rect.right(), y], [rect.right(), rect.bottom()], [x, rect.bottom()]];
        Self { lines: vec![Line { points, closed: true }], fill, stroke }
    }
}

impl Group {
    /// Empty.
    pub fn new(id: impl Into<String>, description: impl Into<String>) -> Self {
        Self { id: id.into(), description: description.into(), nodes: Vec::new() }
    }

    /// Adds a text.
    pub fn text(&mut self, text: Text) {
        self.nodes.push(Node::Text(text));
    }

    /// Adds a shape.
    pub fn shape(&mut self, shape: Shape) {
        self.nodes.push(Node::Shape(shape));
    }
}

impl Scene {
    /// The place that a line of text takes on the page. **Units** points.
    pub fn place_of(&self, text: &Text) -> Rect {
        box_of(&self.typeface, text)
    }

    /// Every line of text, in the order of drawing.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.groups.iter().flat_map(|group| &group.nodes).filter_map(|node| match node {
            Node::Text(text) => Some(text),
            _ => None,
        })
    }
}

/// The place that a line of text takes.
pub(super) fn box_of(typeface: &Typeface, text: &Text) -> Rect {
    let length = typeface.width(&text.text, text.bold, text.size);
    let before = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => length / 2.0,
        Anchor::End => length,
    };
    let above = text.size * ASCENT;
    if text.upwards {
        Rect { x: text.x - above, y: text.y + before - length, w: text.size, h: length }
    } else {
        Rect { x: text.x - before, y: text.y - above, w: length, h: text.size }
    }
}
