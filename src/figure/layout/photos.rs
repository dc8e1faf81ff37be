//! Photos with maps, objects and lines on them.

use super::super::font::{ASCENT, LINE, settable};
use super::super::resolve::PhotoContent;
use super::super::scale::ColourScale;
use super::super::scene::{Group, Line, Node, OverlapPixels, Paint, PhotoPixels, Picture, Pixels, Rect, Shape, Text};
use super::objects::outline;
use super::{Frame, MOST_HEIGHT};
use crate::geometry::{PlacedRegion, RectPx};
use crate::render::{HeatMap, content_rect_px};
use std::sync::Arc;

/// What the model did not see.
const UNSEEN: Paint = Paint { rgb: [0, 0, 0], opacity: 0.55 };
/// What it saw besides the photo.
const PADDING: Paint = Paint { rgb: [226, 226, 226], opacity: 1.0 };

/// From pixels of the photo to points.
#[derive(Debug, Clone, Copy)]
struct OnPaper {
    window: RectPx,
    rect: Rect,
}

impl OnPaper {
    fn point(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let part = |at: f64, from: f64, to: f64| (at - from) / (to - from);
        [
            self.rect.x + part(x, self.window.x0, self.window.x1) * self.rect.w,
            self.rect.y + part(y, self.window.y0, self.window.y1) * self.rect.h,
        ]
    }

    fn rect(self, r: RectPx) -> Rect {
        let ([x, y], [right, bottom]) = (self.point([r.x0, r.y0]), self.point([r.x1, r.y1]));
        Rect { x, y, w: right - x, h: bottom - y }
    }
}

/// Part of the photo's plane that a panel shows.
fn window(photo: &PhotoContent) -> RectPx {
    if photo.unseen_dark { content_rect_px(&photo.layout) } else { whole(photo) }
}

fn whole(photo: &PhotoContent) -> RectPx {
    RectPx::of(photo.layout.image())
}

pub(super) fn height(photo: &PhotoContent, w: f64) -> f64 {
    let window = window(photo);
    (w * (window.y1 - window.y0) / (window.x1 - window.x0)).min(w * MOST_HEIGHT)
}

/// The largest rectangle of the picture's proportions in the body: below its own title, on the left; below a column's,
/// in the middle.
fn fit(frame: &Frame<'_>, window: RectPx, body: Rect) -> Rect {
    let scale = (body.w / (window.x1 - window.x0)).min(body.h / (window.y1 - window.y0));
    let (w, h) = ((window.x1 - window.x0) * scale, (window.y1 - window.y0) * scale);
    let part = if frame.layout.column_titles.is_empty() { 0.0 } else { 0.5 };
    Rect { x: body.x + (body.w - w) * part, y: body.y, w, h }
}

pub(super) fn draw(
    frame: &Frame<'_>,
    photo: &PhotoContent,
    scale: Option<&ColourScale>,
    body: Rect,
    group: &mut Group,
) {
    let window = window(photo);
    let paper = OnPaper { window, rect: fit(frame, window, body) };
    let (seen, all) = (photo.layout.seen_px(), whole(photo));
    let reaches_beyond = window != all;
    if reaches_beyond {
        group.shape(Shape::rect(paper.rect(seen), Some(PADDING), None));
    }
    let heat = photo.heat.as_ref().zip(scale).map(|(heat, scale)| {
        let key = 0;
        (HeatMap { layout: Arc::clone(&heat.layout), values: heat.values.clone(), key }, scale.style)
    });
    let pixels = PhotoPixels {
        photo: photo.photo.clone(),
        texture: photo.texture.clone(),
        layout: Arc::clone(&photo.layout),
        window_px: window,
        heat,
    };
    group.nodes.push(Node::Picture(Picture { rect: paper.rect, pixels: Pixels::Photo(Box::new(pixels)) }));
    if let Some((map, mask, style)) = &photo.overlap {
        let pixels = OverlapPixels {
            map: map.clone(),
            mask: mask.clone(),
            style: *style,
            size: photo.layout.image(),
            window_px: window,
        };
        group.nodes.push(Node::Picture(Picture { rect: paper.rect, pixels: Pixels::Overlap(Box::new(pixels)) }));
    }
    if photo.unseen_dark {
        darken(paper, seen, all, group);
    }
    if photo.grid_lines {
        patches(photo, paper, group);
    }
    for object in &photo.objects {
        let lines = outline(&object.inside, object.size.width_px as usize);
        let on_paper =
            |line: Vec<[f64; 2]>| Line { points: line.into_iter().map(|at| paper.point(at)).collect(), closed: true };
        let lines: Vec<Line> = lines.into_iter().map(on_paper).collect();
        let fill = object.filled.then_some(Paint { rgb: object.rgb, opacity: 0.35 });
        let dark = Paint { rgb: [0, 0, 0], opacity: 0.6 };
        group.shape(Shape { lines: lines.clone(), fill, stroke: Some((dark, frame.size * 0.17)) });
        group.shape(Shape { lines, fill: None, stroke: Some((Paint::solid(object.rgb), frame.size * 0.1)) });
    }
}

/// The rest of the photo around what the model saw, and a line between.
fn darken(paper: OnPaper, seen: RectPx, all: RectPx, group: &mut Group) {
    let clipped = RectPx {
        x0: seen.x0.clamp(all.x0, all.x1),
        y0: seen.y0.clamp(all.y0, all.y1),
        x1: seen.x1.clamp(all.x0, all.x1),
        y1: seen.y1.clamp(all.y0, all.y1),
    };
    let parts = [
        RectPx { y1: clipped.y0, ..all },
        RectPx { y0: clipped.y1, ..all },
        RectPx { x1: clipped.x0, y0: clipped.y0, y1: clipped.y1, ..all },
        RectPx { x0: clipped.x1, y0: clipped.y0, y1: clipped.y1, ..all },
    ];
    // Less than half a pixel is rounding.
    let there = parts.into_iter().filter(|part| part.x1 - part.x0 > 0.5 && part.y1 - part.y0 > 0.5);
    let lines: Vec<Line> = there.flat_map(|part| Shape::rect(paper.rect(part), None, None).lines).collect();
    if !lines.is_empty() {
        group.shape(Shape { lines, fill: Some(UNSEEN), stroke: None });
        let edge = (Paint { rgb: [255, 255, 255], opacity: 0.85 }, 0.4);
        group.shape(Shape::rect(paper.rect(clipped), None, Some(edge)));
    }
}

fn patches(photo: &PhotoContent, paper: OnPaper, group: &mut Group) {
    let at = |from: f64, to: f64, idx: usize, count: usize| from + (to - from) * idx as f64 / count as f64;
    let line = |from: [f64; 2], to: [f64; 2]| Line { points: vec![paper.point(from), paper.point(to)], closed: false };
    let mut lines: Vec<Line> = Vec::new();
    for PlacedRegion { rect_px: r, grid, .. } in photo.layout.placed() {
        let across = (1..grid.cols).map(|idx| at(r.x0, r.x1, idx, grid.cols)).map(|x| line([x, r.y0], [x, r.y1]));
        let down = (1..grid.rows).map(|idx| at(r.y0, r.y1, idx, grid.rows)).map(|y| line([r.x0, y], [r.x1, y]));
        lines.extend(across.chain(down));
    }
    let paint = Paint { rgb: [255, 255, 255], opacity: 0.5 };
    group.shape(Shape { lines, fill: None, stroke: Some((paint, 0.25)) });
}

/// Coloured squares with names, as many in a line as fit; its bottom. A name that is longer than a line takes several.
pub(super) fn legend(frame: &Frame<'_>, entries: &[(String, [u8; 3])], at: Rect, group: &mut Group) -> f64 {
    let size = frame.caption_size();
    let (swatch, space) = (size * 0.7, size * 0.35);
    let beside = swatch + space;
    let (mut x, mut y) = (at.x, at.y);
    for (name, rgb) in entries {
        let lines = frame.lines(&settable(name), false, size, at.w - beside);
        let widest = lines.iter().map(|line| frame.typeface.width(line, false, size)).fold(0.0, f64::max);
        let needed = beside + widest;
        if x > at.x && (x + needed > at.x + at.w || lines.len() > 1) {
            (x, y) = (at.x, y + size * LINE);
        }
        let square = Rect { x, y: y + size * (ASCENT - 0.7), w: swatch, h: swatch };
        group.shape(Shape::rect(
            square,
            Some(Paint::solid(*rgb)),
            Some((Paint { rgb: [0, 0, 0], opacity: 0.6 }, 0.25)),
        ));
        let count = lines.len();
        for (line, text) in lines.into_iter().enumerate() {
            group.text(Text::new(x + beside, y + size * (ASCENT + line as f64 * LINE), size, text));
        }
        y += size * LINE * count.saturating_sub(1) as f64;
        // Nothing stands beside the last line of several.
        x = if count > 1 { f64::INFINITY } else { x + needed + size };
    }
    y + size * LINE
}
