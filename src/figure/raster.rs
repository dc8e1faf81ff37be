//! A scene as pixels: pictures by the CPU renderer at exactly the page's pixels, lines and letters with smooth edges.
//! What a PNG holds and what a preview shows.

use super::font::{Pen, Typeface};
use super::scene::{Anchor, Cells, Group, Node, OverlapPixels, PhotoPixels, Picture, Pixels, Rect, Scene, Shape, Text};
use super::{DRAWN, FigureError, Watch};
use crate::render::{self, Marks, Window, compose, overlap_image};
use std::sync::Arc;
use tiny_skia::{Color, FillRule, LineJoin, Paint, PathBuilder, Pixmap, Stroke, Transform};

/// Most pixels a side.
const MOST_PX: u32 = 20_000;
/// Most pixels in all: 400 million bytes.
const MOST_PIXELS: u64 = 100_000_000;

/// Pixels of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Columns and rows.
    pub size: [u32; 2],
    /// **Shape** `[rows, columns, 3]`.
    pub rgb: Vec<u8>,
}

/// Draws a scene on white.
pub(super) fn raster(scene: &Scene, dpi: u32, watch: &mut Watch<'_>) -> Result<Raster, FigureError> {
    let scale = f64::from(dpi) / 72.0;
    let [w, h] = [scene.width, scene.height].map(|length| (length * scale).round().max(1.0));
    let too_large = |found: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest number"
        )]
        let found_px = found as u64;
        FigureError::TooLarge { most_px: MOST_PX, found_px }
    };
    if w.max(h) > f64::from(MOST_PX) || w * h > MOST_PIXELS as f64 {
        return Err(too_large(w.max(h)));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to the limit above")]
    let size = [w as u32, h as u32];
    let mut pixmap = Pixmap::new(size[0], size[1]).ok_or_else(|| too_large(w.max(h)))?;
    pixmap.fill(Color::WHITE);
    let mut page = Page { pixmap, scale };
    for (idx, group) in scene.groups.iter().enumerate() {
        watch.panel("Drawing", [idx, scene.groups.len()], DRAWN)?;
        page.group(group, &scene.typeface);
    }
    let rgb = page.pixmap.data().as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    Ok(Raster { size, rgb })
}

struct Page {
    pixmap: Pixmap,
    /// Pixels a point.
    scale: f64,
}

/// Whole pixels that a rectangle covers: left, top, columns, rows.
pub(super) fn whole_pixels(rect: Rect, scale: f64) -> [u32; 4] {
    let edge = |at: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let px = (at * scale).round().clamp(0.0, f64::from(u32::MAX)) as u32;
        px
    };
    let (x, y) = (edge(rect.x), edge(rect.y));
    [x, y, edge(rect.right()).saturating_sub(x).max(1), edge(rect.bottom()).saturating_sub(y).max(1)]
}

impl Page {
    fn group(&mut self, group: &Group, typeface: &Typeface) {
        for node in &group.nodes {
            match node {
                Node::Picture(picture) => self.picture(picture),
                Node::Shape(shape) => self.shape(shape),
                Node::Text(text) => self.text(text, typeface),
            }
        }
    }

    fn picture(&mut self, picture: &Picture) {
        let [x, y, w, h] = whole_pixels(picture.rect, self.scale);
        let rgba = match &picture.pixels {
            Pixels::Photo(photo) => drawn_photo(photo, [w, h]),
            Pixels::Overlap(pixels) => drawn_overlap(pixels, [w, h]),
            Pixels::Cells(cells) => drawn_cells(cells, [w, h]),
        };
        self.lay([x, y, w], &rgba);
    }

    /// Premultiplied pixels over what is there.
    fn lay(&mut self, [left, top, w]: [u32; 3], rgba: &[u8]) {
        let columns = self.pixmap.width();
        let (left, width) = (left as usize, w as usize);
        let target = self.pixmap.data_mut().chunks_exact_mut(columns as usize * 4).skip(top as usize);
        for (row, source) in target.zip(rgba.chunks_exact(width.max(1) * 4)) {
            let row = row.as_chunks_mut::<4>().0.iter_mut().skip(left);
            for (below, above) in row.zip(source.as_chunks::<4>().0) {
                let rest = u16::from(255 - above[3]);
                for (below, above) in below.iter_mut().zip(above).take(3) {
                    let kept = (u16::from(*below) * rest + 127) / 255;
                    *below = u8::try_from(u16::from(*above) + kept).unwrap_or(255);
                }
            }
        }
    }

    fn shape(&mut self, shape: &Shape) {
        let mut path = PathBuilder::new();
        for line in &shape.lines {
            for (idx, point) in line.points.iter().enumerate() {
                let [x, y] = point.map(|at| narrow(at * self.scale));
                if idx == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            if line.closed {
                path.close();
            }
        }
        let Some(path) = path.finish() else { return };
        if let Some(fill) = shape.fill {
            self.pixmap.fill_path(
                &path,
                &paint(fill.rgb, fill.opacity),
                FillRule::EvenOdd,
                Transform::identity(),
                None,
            );
        }
        if let Some((colour, width)) = shape.stroke {
            let stroke = Stroke { width: narrow(width * self.scale), line_join: LineJoin::Round, ..Stroke::default() };
            self.pixmap.stroke_path(&path, &paint(colour.rgb, colour.opacity), &stroke, Transform::identity(), None);
        }
    }

    fn text(&mut self, text: &Text, typeface: &Typeface) {
        let width = || typeface.width(&text.text, text.bold, text.size);
        let mut along = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width() / 2.0,
            Anchor::End => -width(),
        };
        let mut path = PathBuilder::new();
        for letter in text.text.chars() {
            let glyph = typeface.glyph(letter, text.bold);
            if let Some(face) = typeface.faces().get(glyph.face) {
                let em = text.size / face.units;
                let mut pen = OnPage { path: &mut path, text, along, em, scale: self.scale };
                face.outline(glyph.glyph, &mut pen);
            }
            along += glyph.advance * text.size;
        }
        let Some(path) = path.finish() else { return };
        self.pixmap.fill_path(&path, &paint(text.rgb, 1.0), FillRule::Winding, Transform::identity(), None);
    }
}

/// Glyphs in their place.
struct OnPage<'a> {
    path: &'a mut PathBuilder,
    text: &'a Text,
    /// From the anchor along the baseline. **Units** points.
    along: f64,
    em: f64,
    scale: f64,
}

impl OnPage<'_> {
    fn at(&self, [x, y]: [f64; 2]) -> [f32; 2] {
        let (along, up) = (self.along + x * self.em, y * self.em);
        let [x, y] = if self.text.upwards {
            [self.text.x - up, self.text.y - along]
        } else {
            [self.text.x + along, self.text.y - up]
        };
        [narrow(x * self.scale), narrow(y * self.scale)]
    }
}

impl Pen for OnPage<'_> {
    fn move_to(&mut self, to: [f64; 2]) {
        let [x, y] = self.at(to);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, to: [f64; 2]) {
        let [x, y] = self.at(to);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, control: [f64; 2], to: [f64; 2]) {
        let ([cx, cy], [x, y]) = (self.at(control), self.at(to));
        self.path.quad_to(cx, cy, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

fn paint([r, g, b]: [u8; 3], opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 first")]
    let alpha = (opacity.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    paint.set_color_rgba8(r, g, b, alpha);
    paint.anti_alias = true;
    paint
}

/// What the screen shows through the same window, pixel by pixel.
pub(super) fn drawn_photo(pixels: &PhotoPixels, out_size: [u32; 2]) -> Vec<u8> {
    let scene = render::Scene {
        photo: pixels.texture.clone(),
        layout: Arc::clone(&pixels.layout),
        heat: pixels.heat.clone(),
        marks: Marks::default(),
    };
    compose(&scene, &Window { rect_px: pixels.window_px, out_size, line_px: 1.0 }).rgba
}

fn drawn_overlap(pixels: &OverlapPixels, out_size: [u32; 2]) -> Vec<u8> {
    let window = Window { rect_px: pixels.window_px, out_size, line_px: 1.0 };
    overlap_image(&pixels.map, &pixels.mask, &pixels.style, &window).rgba
}

/// The cell under the centre of each pixel.
fn drawn_cells(cells: &Cells, [w, h]: [u32; 2]) -> Vec<u8> {
    let [cols, rows] = cells.size.map(u64::from);
    let cell = |px: u32, of: u32, count: u64| ((2 * u64::from(px) + 1) * count) / (2 * u64::from(of.max(1)));
    let mut rgba = Vec::with_capacity(4 * w as usize * h as usize);
    for y in 0..h {
        for x in 0..w {
            let idx = usize::try_from(cell(y, h, rows) * cols + cell(x, w, cols)).unwrap_or(usize::MAX);
            let [r, g, b, a] = cells.rgba.as_chunks::<4>().0.get(idx).copied().unwrap_or_default();
            let part = |c: u8| u8::try_from((u16::from(c) * u16::from(a) + 127) / 255).unwrap_or(255);
            rgba.extend([part(r), part(g), part(b), a]);
        }
    }
    rgba
}

fn narrow(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "places on a page of at most 20000 pixels")]
    let narrow = value as f32;
    narrow
}
