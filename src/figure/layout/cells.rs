//! Layers in rows, heads in columns.

use super::super::font::{ASCENT, LINE};
use super::super::resolve::CellsContent;
use super::super::scale::ColourScale;
use super::super::scene::{Anchor, Cells, Group, INK, Node, Paint, Picture, Pixels, Rect, Shape, Text};
use super::{Frame, MOST_HEIGHT};
use crate::geometry::PatchGrid;
use crate::render::{GridLayout, GridMaps, GridRange, compose_grid};

/// Room for numbers and the word at the axes, as parts of the captions' size: left, below.
const AXES: [f64; 2] = [2.9, 2.5];

/// Room for the numbers of the layers and the word beside them.
fn axes(frame: &Frame<'_>, cells: &CellsContent) -> [f64; 2] {
    let size = frame.caption_size();
    let [left, below] = AXES.map(|part| part * size);
    let number = frame.typeface.width(&cells.layers.saturating_sub(1).to_string(), false, size);
    [left.max(number + size * (LINE + 0.5)), below]
}

pub(super) fn height(frame: &Frame<'_>, cells: &CellsContent, w: f64) -> f64 {
    let [left, below] = axes(frame, cells);
    let word = frame.typeface.width("layer", false, frame.caption_size());
    let PatchGrid { rows, cols } = cells.cell;
    let part = (cells.layers * rows) as f64 / (cells.heads * cols).max(1) as f64;
    ((w - left).max(1.0) * part + below).min(w * MOST_HEIGHT).max(word + below)
}

pub(super) fn draw(
    frame: &Frame<'_>,
    cells: &CellsContent,
    scale: Option<&ColourScale>,
    body: Rect,
    group: &mut Group,
) {
    let Some(scale) = scale else { return };
    let size = frame.caption_size();
    let [left, below] = axes(frame, cells);
    let (w, h) = ((body.w - left - 0.2).max(1.0), (height(frame, cells, body.w).min(body.h) - below).max(1.0));
    let area = Rect { x: body.x + left, y: body.y, w, h };
    let style = scale.style;
    let maps =
        GridMaps::new(0, [cells.layers, cells.heads], cells.cell, cells.values.clone(), GridRange::Fixed(style.range));
    let side = |count: usize| u32::try_from(count).unwrap_or(1);
    let gap_px = u32::from(cells.cell.len() > 1);
    let cell_px = [side(cells.cell.cols), side(cells.cell.rows)];
    let layout = GridLayout { cell_px, gap_px, colormap: style.colormap, gamma: style.gamma };
    let picture = compose_grid(&maps, &layout);
    let pixels = Pixels::Cells(Cells { size: picture.size, rgba: picture.rgba.into() });
    group.nodes.push(Node::Picture(Picture { rect: area, pixels }));
    group.shape(Shape::rect(area, None, Some((Paint::solid(INK), 0.4))));
    for layer in ticks(cells.layers, area.h, size * 1.4) {
        let y = area.y + area.h * (layer as f64 + 0.5) / cells.layers as f64;
        let text = Text::new(area.x - size * 0.4, y + size * 0.36, size, layer.to_string());
        group.text(text.anchored(Anchor::End));
    }
    let widest = frame.typeface.width(&cells.heads.saturating_sub(1).to_string(), false, size);
    for head in ticks(cells.heads, area.w, (widest + frame.apart()).max(size * 2.0)) {
        let x = area.x + area.w * (head as f64 + 0.5) / cells.heads as f64;
        let text = head.to_string();
        // The last one may be wider than its cell.
        let x = x.min(body.right() - frame.typeface.width(&text, false, size) / 2.0);
        group.text(Text::new(x, area.bottom() + size * (0.2 + ASCENT), size, text).anchored(Anchor::Middle));
    }
    let half = frame.typeface.width("head", false, size) / 2.0;
    let x = (area.x + area.w / 2.0).min(body.right() - half);
    let middle = Text::new(x, area.bottom() + size * (0.2 + LINE + ASCENT), size, "head");
    group.text(middle.anchored(Anchor::Middle));
    let beside = Text::new(body.x + size * ASCENT, area.y + area.h / 2.0, size, "layer").anchored(Anchor::Middle);
    group.text(Text { upwards: true, ..beside });
}

/// Indices that get a number: every one, every second, fifth, .. so that numbers stay apart.
pub(super) fn ticks(count: usize, length: f64, apart: f64) -> impl Iterator<Item = usize> {
    let each = length / count.max(1) as f64;
    let steps = [1, 2, 4, 5, 8, 10, 20, 50, 100, 200, 500, 1000];
    let step = steps.into_iter().find(|step| *step as f64 * each >= apart).unwrap_or(2000);
    (0..count).step_by(step)
}
