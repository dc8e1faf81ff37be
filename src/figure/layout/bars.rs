//! Colour bars.

use super::super::font::{ASCENT, LINE, settable};
use super::super::number::number;
use super::super::recipe::Bars;
use super::super::scale::{ColourScale, bar_colours};
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
    // The middle number goes where there is no room for three; the last one goes a line down where there is none for
    // two.
    let free = bar.w / 2.0 - width(&middle) / 2.0 - frame.apart();
    let middle = Some(middle).filter(|_| free >= width(&lo) && free >= width(&hi));
    let is_narrow = width(&lo) + width(&hi) + frame.apart() > bar.w;
    let last_y = if is_narrow { baseline + size * LINE } else { baseline };
    let ticks = [
        (Some(lo), 0.0, Anchor::Start, baseline),
        (middle, 0.5, Anchor::Middle, baseline),
        (Some(hi), 1.0, Anchor::End, last_y),
    ];
    for (text, part, anchor, y) in ticks {
        let Some(text) = text else { continue };
        let x = bar.x + bar.w * part;
        group.shape(Shape::line([x, bar.bottom()], [x, bar.bottom() + size * 0.25], line, 0.4));
        if width(&text) > bar.w {
            frame.room.leave_out(&text);
        } else {
            group.text(Text::new(x, y, size, text).anchored(anchor));
        }
    }
    let baseline = last_y;
    let mut bottom = baseline + size * (LINE - ASCENT);
    if frame.colour.bars == Bars::Labelled {
        for line in frame.lines(&settable(&scale.unit), false, size, bar.w) {
            group.text(Text::new(bar.x + bar.w / 2.0, bottom + size * ASCENT, size, line).anchored(Anchor::Middle));
            bottom += size * LINE;
        }
    }
    bottom
}

/// The bar below one panel, or below neighbours that share it; its bottom.
pub(super) fn below(frame: &Frame<'_>, scale: &ColourScale, at: Rect, is_shared: bool, group: &mut Group) -> f64 {
    let w = if is_shared { at.w.min(WIDEST_MM * PT_PER_MM) } else { at.w };
    one(frame, scale, Rect { x: at.x + (at.w - w) / 2.0, w, ..at }, group)
}

/// The bar that every coloured panel of the figure shares, below all of them; its bottom.
pub(super) fn below_all(frame: &Frame<'_>, left: f64, width: f64, top: f64, scene: &mut Scene) -> f64 {
    let Some(scale) = frame.scales.first() else { return top };
    let mut group = Group::new("colour-bars", "The colour scale that panels share");
    let at = Rect { x: left, y: top + frame.size * SMALL_GAP * 2.0, w: width - left, h: 0.0 };
    let bottom = below(frame, scale, at, true, &mut group);
    scene.groups.push(group);
    bottom
}
