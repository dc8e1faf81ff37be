//! Colour bars.

use super::super::font::{ASCENT, LINE, settable};
use super::super::recipe::Bars;
use super::super::scale::{ColourScale, bar_colours, number};
use super::super::scene::{
    Anchor, Cells, Group, INK, Node, PT_PER_MM, Paint, Picture, Pixels, Rect, Scene, Shape, Text,
};
use super::{Frame, SMALL_GAP};

/// Colours in a bar.
const STEPS: u16 = 256;
/// Widest bar below all panels, **units** mm.
const WIDEST_MM: f64 = 70.0;

/// A bar from the rectangle's top left corner; its bottom.
pub(super) fn one(frame: &Frame<'_>, scale: &ColourScale, at: Rect, group: &mut Group) -> f64 {
    let size = frame.caption_size();
    // Its frame stays within the figure's width.
    let bar = Rect { x: at.x + 0.2, y: at.y, w: (at.w - 0.4).max(0.1), h: size * 0.75 };
    let rgba = bar_colours(&scale.style, STEPS).into();
    let pixels = Pixels::Cells(Cells { size: [u32::from(STEPS), 1], rgba });
    group.nodes.push(Node::Picture(Picture { rect: bar, pixels }));
    let line = Paint::solid(INK);
    group.shape(Shape::rect(bar, None, Some((line, 0.4))));
    let [lo, hi] = scale.style.range.map(f64::from);
    let middle = if scale.signed { 0.0 } else { f64::midpoint(lo, hi) };
    let baseline = bar.bottom() + size * (0.35 + ASCENT);
    let [below, above] = scale.beyond;
    let end = |beyond: bool, sign: &str, value: f64| {
        if beyond { format!("{sign}\u{a0}{}", number(value)) } else { number(value) }
    };
    let [lo, middle, hi] = [end(below, "≤", lo), number(middle), end(above, "≥", hi)];
    let width = |text: &str| frame.typeface.width(text, false, size);
    // The middle number goes where there is no room for three.
    let free = bar.w / 2.0 - width(&middle) / 2.0 - size * 0.5;
    let middle = Some(middle).filter(|_| free >= width(&lo) && free >= width(&hi));
    let ticks = [(Some(lo), 0.0, Anchor::Start), (middle, 0.5, Anchor::Middle), (Some(hi), 1.0, Anchor::End)];
    for (text, part, anchor) in ticks {
        let Some(text) = text else { continue };
        let x = bar.x + bar.w * part;
        group.shape(Shape::line([x, bar.bottom()], [x, bar.bottom() + size * 0.25], line, 0.4));
        group.text(Text::new(x, baseline, size, text).anchored(anchor));
    }
    let mut bottom = baseline + size * (LINE - ASCENT);
    if frame.colour.bars == Bars::Labelled {
        for line in frame.typeface.wrap(&settable(&scale.unit), false, size, bar.w) {
            group.text(Text::new(bar.x + bar.w / 2.0, bottom + size * ASCENT, size, line).anchored(Anchor::Middle));
            bottom += size * LINE;
        }
    }
    bottom
}

/// The bars that several panels share, side by side below all; their bottom.
pub(super) fn shared(frame: &Frame<'_>, left: f64, width: f64, top: f64, scene: &mut Scene) -> f64 {
    let shared: Vec<&ColourScale> = frame.scales.iter().filter(|scale| scale.panels.len() > 1).collect();
    if shared.is_empty() {
        return top;
    }
    let mut group = Group::new("colour-bars", "Colour scales that panels share");
    let slot = (width - left) / shared.len() as f64;
    let w = (slot - frame.gap).clamp(1.0, WIDEST_MM * PT_PER_MM);
    let y = top + frame.size * SMALL_GAP * 2.0;
    let mut bottom = y;
    for (idx, scale) in shared.into_iter().enumerate() {
        let x = left + slot * idx as f64 + (slot - w) / 2.0;
        bottom = bottom.max(one(frame, scale, Rect { x, y, w, h: 0.0 }, &mut group));
    }
    scene.groups.push(group);
    bottom
}
