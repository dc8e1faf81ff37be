//! Horizontal bars.

use super::super::font::{ASCENT, LINE};
use super::super::number::number;
use super::super::resolve::BarsPlot;
use super::super::scene::{Anchor, Group, Paint, Rect, Shape, Text};
use super::Frame;
use super::photos::legend;
use super::plots::{COLOURS, GRID, fitting_ticks, frame_of, legend_height, right_margin, stay_apart};

/// Parts of the width that names of bars take at most: where each name is set in as few lines as may be, and where a
/// word is longer.
const NAMES: [f64; 2] = [0.5, 0.65];
/// Most ticks beside 0.
const MOST_TICKS: f64 = 5.0;

/// Names beside the bars.
struct Names {
    lines: Vec<Vec<String>>,
    /// Room that they take.
    left: f64,
}

fn names(frame: &Frame<'_>, plot: &BarsPlot, w: f64) -> Names {
    let size = frame.caption_size();
    let all = || plot.bars.iter().enumerate().map(|(idx, (name, _))| (name.as_str(), plot.marked == Some(idx)));
    let longest = all().map(|(name, bold)| frame.typeface.width(name, bold, size)).fold(0.0, f64::max);
    let room = |part: f64| (longest + size * 0.5).min(w * part);
    let fits = |left: f64| all().all(|(name, bold)| frame.typeface.wrap(name, bold, size, left - size * 0.5).is_some());
    let [usual, most] = NAMES.map(room);
    let left = if fits(usual) { usual } else { most };
    let lines = all().map(|(name, bold)| frame.lines(name, bold, size, left - size * 0.5)).collect();
    Names { lines, left }
}

/// Room for a group of bars, as a part of the captions' size.
fn slot(plot: &BarsPlot, names: &Names) -> f64 {
    let lines = names.lines.iter().map(Vec::len).max().unwrap_or(1);
    let bars = if plot.series.len() > 1 { 0.6 + 0.75 * plot.series.len() as f64 } else { 1.5 };
    bars.max(0.3 + LINE * lines as f64)
}

/// Names of series need words where there are several.
fn entries(plot: &BarsPlot) -> Vec<(String, [u8; 3])> {
    let named = plot.series.iter().cloned().zip(COLOURS.iter().copied().cycle());
    if plot.series.len() > 1 { named.collect() } else { Vec::new() }
}

/// Numbers and the name of the axis.
fn below(frame: &Frame<'_>, label: &[String]) -> f64 {
    frame.caption_size() * (LINE * (1 + label.len()) as f64 + 0.6)
}

/// A bar and its name need a line each.
pub(super) fn height(frame: &Frame<'_>, plot: &BarsPlot, w: f64) -> f64 {
    let size = frame.caption_size();
    let label = frame.lines(&plot.x_label, false, size, w);
    let bars = plot.bars.len() as f64 * size * slot(plot, &names(frame, plot, w));
    bars + below(frame, &label) + legend_height(frame, &entries(plot), w)
}

pub(super) fn draw(frame: &Frame<'_>, plot: &BarsPlot, body: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let Names { lines, left } = names(frame, plot, body.w);
    let label = frame.lines(&plot.x_label, false, size, body.w);
    let entries = entries(plot);
    let legend_h = legend_height(frame, &entries, body.w);
    let largest =
        plot.bars.iter().flat_map(|(_, values)| values).flatten().fold(0.0, |most, value| f64::from(*value).max(most));
    let w = (body.w - left - right_margin(frame, largest).max(size * 1.2)).max(1.0);
    let h = (body.h - below(frame, &label) - legend_h).max(1.0);
    let area = Rect { x: body.x + left, y: body.y + legend_h, w, h };
    let most = (area.w / (size * 4.5)).clamp(2.0, MOST_TICKS);
    let x_ticks = fitting_ticks(largest, most, |ticks| stay_apart(frame, ticks, area.w));
    let top = x_ticks.last().copied().unwrap_or(1.0);
    for tick in &x_ticks {
        let x = area.x + area.w * tick / top;
        group.shape(Shape::line([x, area.y], [x, area.bottom()], GRID, 0.35));
        let text = Text::new(x, area.bottom() + size * (0.4 + ASCENT), size, number(*tick));
        group.text(text.anchored(Anchor::Middle));
    }
    let slot = area.h / plot.bars.len().max(1) as f64;
    for (idx, ((_, values), name)) in plot.bars.iter().zip(lines).enumerate() {
        let middle = area.y + slot * (idx as f64 + 0.5);
        let marked = plot.marked == Some(idx);
        let thick = slot * if values.len() > 1 { 0.8 } else { 0.68 } / values.len().max(1) as f64;
        let first = middle - thick * values.len() as f64 / 2.0;
        for (place, (value, rgb)) in values.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let y = first + thick * place as f64;
            let rgb = if marked && values.len() == 1 { COLOURS[1] } else { *rgb };
            if let Some(value) = value {
                let bar = Rect { x: area.x, y, w: area.w * f64::from(*value) / top, h: thick };
                group.shape(Shape::rect(bar, Some(Paint::solid(rgb)), None));
            } else {
                // A dash: there is no value.
                let (x, y) = (area.x + size * 0.25, y + thick / 2.0);
                group.shape(Shape::line([x, y], [x + size * 0.45, y], Paint::solid(rgb), 0.6));
            }
        }
        let count = name.len() as f64;
        for (line, text) in name.into_iter().enumerate() {
            let y = middle + size * (0.36 + (line as f64 - (count - 1.0) / 2.0) * LINE);
            let text = Text::new(area.x - size * 0.4, y, size, text).anchored(Anchor::End);
            group.text(if marked { text.bold() } else { text });
        }
    }
    let label_y = area.bottom() + size * (0.4 + LINE * label.len().max(1) as f64 + ASCENT);
    frame_of(frame, group, (area, body), (&label, label_y));
    if !entries.is_empty() {
        legend(frame, &entries, Rect { h: 0.0, ..body }, group);
    }
}
