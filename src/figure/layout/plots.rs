//! Lines and bars.

use super::super::font::{ASCENT, LINE};
use super::super::resolve::{BarsPlot, LinesPlot, Places};
use super::super::scale::number;
use super::super::scene::{Anchor, Group, INK, Line, Paint, Rect, Shape, Text};
use super::cells::ticks;
use super::photos::legend;
use super::{Frame, SMALL_GAP};

/// Colours of lines, told apart with every kind of colour vision (Okabe and Ito).
const COLOURS: [[u8; 3]; 6] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];
const AXIS: f64 = 0.5;
/// Of what is said about all of them: a band, a marked place.
const GREY: [u8; 3] = [120, 120, 120];
/// Names below columns are at most this long, as a part of the captions' size.
const LONGEST_NAME: f64 = 7.0;
const GRID: Paint = Paint { rgb: [222, 222, 222], opacity: 1.0 };

/// Round numbers from 0 to at least the largest value: 1, 2 or 5 of a power of ten apart. The first is 0.
fn round_ticks(largest: f64, most: f64) -> Vec<f64> {
    let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
    let mut decade = 1.0_f64;
    while decade > largest {
        decade /= 10.0;
    }
    while decade * 10.0 <= largest {
        decade *= 10.0;
    }
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
    let step = steps.into_iter().find(|step| (largest / step).ceil() <= most).unwrap_or(decade * 10.0);
    let mut ticks = vec![0.0];
    let mut count = 1.0;
    while ticks.last().is_none_or(|last| *last < largest * (1.0 - 1e-9)) {
        ticks.push(step * count);
        count += 1.0;
    }
    ticks
}

/// Where the parts of a plot of lines lie.
struct Axes<'a> {
    area: Rect,
    places: &'a Places,
    count: usize,
    /// Largest number on either axis.
    right: f64,
    top: f64,
}

impl Axes<'_> {
    fn x(&self, idx: usize) -> f64 {
        match self.places {
            Places::From(_) => self.area.x + self.area.w * (idx as f64 + 0.5) / self.count.max(1) as f64,
            Places::At(places) => self.at(places.get(idx).copied().unwrap_or(0.0)),
        }
    }

    /// The place of a number on the horizontal axis.
    fn at(&self, number: f64) -> f64 {
        match self.places {
            Places::From(first) => {
                self.area.x + self.area.w * (number - *first as f64 + 0.5) / self.count.max(1) as f64
            }
            Places::At(_) => self.area.x + self.area.w * number / self.right,
        }
    }

    fn y(&self, value: f32) -> f64 {
        self.area.bottom() - self.area.h * f64::from(value) / self.top
    }
}

/// Names and colours of what a plot of lines has, where that needs words.
fn entries(plot: &LinesPlot) -> Vec<(String, [u8; 3])> {
    let named = plot.series.iter().map(|(name, _)| name.clone()).zip(COLOURS.iter().copied().cycle());
    let others = plot.band.iter().map(|(name, _)| name.clone()).chain(plot.rule.iter().map(|(name, _)| name.clone()));
    let all: Vec<_> = named.chain(others.map(|name| (name, GREY))).collect();
    if all.len() > 1 { all } else { Vec::new() }
}

fn legend_height(frame: &Frame<'_>, entries: &[(String, [u8; 3])], w: f64) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    // Laid out as it will be, and thrown away.
    let bottom = legend(frame, entries, Rect { w, ..Rect::default() }, &mut Group::default());
    bottom + frame.caption_size() * SMALL_GAP
}

pub(super) fn lines(frame: &Frame<'_>, plot: &LinesPlot, body: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let width = |text: &str| frame.typeface.width(text, false, size);
    let values = plot.series.iter().flat_map(|(_, values)| values).filter_map(|value| *value);
    let ends = plot.band.iter().flat_map(|(_, ends)| ends).map(|[_, high]| *high);
    let largest = f64::from(values.chain(ends).fold(plot.at_least, f32::max));
    let count = plot.series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let names = Some(&plot.names).filter(|names| names.len() == count && count > 0);
    // Only those that are shown take room; how many these are depends on the width alone.
    let shown: Vec<usize> = ticks(count, (body.w - size * 4.0).max(1.0), size * 0.95).collect();
    let longest = |names: &Vec<String>| {
        shown.iter().filter_map(|idx| names.get(*idx)).map(|name| width(name)).fold(0.0, f64::max)
    };
    let names_h = names.map_or(0.0, longest).min(size * LONGEST_NAME);
    let entries = entries(plot);
    let legend_h = legend_height(frame, &entries, body.w);
    let below = if names.is_some() { names_h + size * (LINE + 0.9) } else { size * (LINE * 2.0 + 0.5) };
    let h = (body.h - below - legend_h - size * 0.4).max(1.0);
    let mut y_ticks = round_ticks(largest, (h / (size * 2.2)).clamp(2.0, 6.0));
    y_ticks.retain(|tick| !plot.counts || tick.fract() == 0.0);
    let widest = y_ticks.iter().map(|tick| width(&number(*tick))).fold(0.0, f64::max);
    let left = size * (LINE + 0.6) + widest + size * 0.4;
    let w = (body.w - left - size * 0.6).max(1.0);
    let area = Rect { x: body.x + left, y: body.y + legend_h + size * 0.4, w, h };
    let furthest = if let Places::At(places) = &plot.places { places.iter().copied().fold(0.0, f64::max) } else { 0.0 };
    let x_ticks = round_ticks(furthest, (w / (size * 3.5)).clamp(2.0, 6.0));
    let right = x_ticks.last().copied().unwrap_or(1.0);
    let top = y_ticks.last().copied().unwrap_or(1.0);
    let axes = Axes { area, places: &plot.places, count, right, top };
    for tick in &y_ticks {
        let y = area.bottom() - area.h * tick / top;
        group.shape(Shape::line([area.x, y], [area.right(), y], GRID, 0.35));
        let text = Text::new(area.x - size * 0.4, y + size * 0.36, size, number(*tick));
        group.text(text.anchored(Anchor::End));
    }
    match (&plot.places, names) {
        (_, Some(names)) => words_below(frame, &axes, (names, &shown), names_h, group),
        (Places::From(first), None) => {
            let numbers = ticks(count, area.w, size * 2.2).map(|idx| (axes.x(idx), (first + idx).to_string()));
            numbers_below(&axes, size, numbers.collect(), group);
        }
        (Places::At(_), None) => {
            numbers_below(&axes, size, x_ticks.iter().map(|tick| (axes.at(*tick), number(*tick))).collect(), group);
        }
    }
    let label_y = area.bottom() + below - size * (LINE - ASCENT) - size * 0.1;
    frame_of(frame, group, area, (&plot.x_label, label_y));
    name_upright(frame, &plot.y_label, area, Rect { y: body.y + legend_h, h: body.h - legend_h, ..body }, group);
    contents(&axes, plot, size, group);
    if !entries.is_empty() {
        legend(frame, &entries, Rect { h: 0.0, ..body }, group);
    }
}

/// The name of the axis on the left: in the middle of the axis, unless it is longer than that.
fn name_upright(frame: &Frame<'_>, name: &str, area: Rect, room: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let name = frame.typeface.shortened(name, false, size, room.h);
    let half = frame.typeface.width(&name, false, size) / 2.0;
    let (top, bottom) = (room.y + half, room.bottom() - half);
    let middle = (area.y + area.h / 2.0).min(bottom).max(top);
    // Brackets reach higher than letters.
    let text = Text::new(room.x + size * (ASCENT + 0.12), middle, size, name);
    group.text(Text { upwards: true, ..text.anchored(Anchor::Middle) });
}

/// What is behind the lines, and the lines.
fn contents(axes: &Axes<'_>, plot: &LinesPlot, size: f64, group: &mut Group) {
    let area = axes.area;
    if let Some((_, ends)) = &plot.band {
        let low = ends.iter().enumerate().map(|(idx, [low, _])| [axes.x(idx), axes.y(*low)]);
        let high = ends.iter().enumerate().rev().map(|(idx, [_, high])| [axes.x(idx), axes.y(*high)]);
        let line = Line { points: low.chain(high).collect(), closed: true };
        group.shape(Shape { lines: vec![line], fill: Some(Paint { rgb: GREY, opacity: 0.25 }), stroke: None });
    }
    if let Some((_, at)) = &plot.rule {
        let x = axes.at(*at);
        group.shape(Shape::line([x, area.y], [x, area.bottom()], Paint::solid(GREY), 0.7));
    }
    for ((_, values), rgb) in plot.series.iter().zip(COLOURS.iter().cycle()) {
        if plot.columns { columns(axes, values, *rgb, group) } else { line(axes, values, *rgb, size, group) }
    }
}

/// A gap in the values is a gap in the line.
fn line(axes: &Axes<'_>, values: &[Option<f32>], rgb: [u8; 3], size: f64, group: &mut Group) {
    let runs = values.iter().enumerate().collect::<Vec<_>>();
    for run in runs.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty()) {
        let points: Vec<[f64; 2]> =
            run.iter().filter_map(|(idx, value)| value.map(|value| [axes.x(*idx), axes.y(value)])).collect();
        for [x, y] in points.iter().filter(|_| axes.count <= 64) {
            let side = size * 0.3;
            let dot = Rect { x: x - side / 2.0, y: y - side / 2.0, w: side, h: side };
            group.shape(Shape::rect(dot, Some(Paint::solid(rgb)), None));
        }
        group.shape(Shape::polyline(points, Paint::solid(rgb), 0.9));
    }
}

fn columns(axes: &Axes<'_>, values: &[Option<f32>], rgb: [u8; 3], group: &mut Group) {
    let w = axes.area.w / axes.count.max(1) as f64 * 0.8;
    for (idx, value) in values.iter().enumerate().filter_map(|(idx, value)| Some((idx, (*value)?))) {
        let y = axes.y(value);
        let column = Rect { x: axes.x(idx) - w / 2.0, y, w, h: axes.area.bottom() - y };
        group.shape(Shape::rect(column, Some(Paint::solid(rgb)), None));
    }
}

fn numbers_below(axes: &Axes<'_>, size: f64, numbers: Vec<(f64, String)>, group: &mut Group) {
    let bottom = axes.area.bottom();
    for (x, number) in numbers {
        group.shape(Shape::line([x, bottom], [x, bottom + size * 0.3], Paint::solid(INK), AXIS));
        group.text(Text::new(x, bottom + size * (0.4 + ASCENT), size, number).anchored(Anchor::Middle));
    }
}

/// A word below each column, turned to read upwards; with too many of them every second, fourth, ...
fn words_below(
    frame: &Frame<'_>,
    axes: &Axes<'_>,
    (names, shown): (&[String], &[usize]),
    longest: f64,
    group: &mut Group,
) {
    let size = frame.caption_size();
    for &idx in shown {
        let Some(name) = names.get(idx).filter(|name| !name.is_empty()) else { continue };
        let text = frame.typeface.shortened(name, false, size, longest);
        let at = Text::new(axes.x(idx) + size * 0.33, axes.area.bottom() + size * 0.35, size, text);
        group.text(Text { upwards: true, ..at.anchored(Anchor::End) });
    }
}

/// Room for a group of bars, as a part of the captions' size.
fn slot(plot: &BarsPlot) -> f64 {
    if plot.series.len() > 1 { 0.6 + 0.75 * plot.series.len() as f64 } else { 1.5 }
}

/// Names of series need words where there are several.
fn bar_entries(plot: &BarsPlot) -> Vec<(String, [u8; 3])> {
    let named = plot.series.iter().cloned().zip(COLOURS.iter().copied().cycle());
    if plot.series.len() > 1 { named.collect() } else { Vec::new() }
}

/// A bar and its name need a line each.
pub(super) fn bars_height(frame: &Frame<'_>, plot: &BarsPlot, w: f64) -> f64 {
    let size = frame.caption_size();
    plot.bars.len() as f64 * size * slot(plot) + size * (LINE * 2.0 + 0.6) + legend_height(frame, &bar_entries(plot), w)
}

pub(super) fn bars(frame: &Frame<'_>, plot: &BarsPlot, body: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let names = plot.bars.iter().enumerate();
    let longest =
        names.map(|(idx, (name, _))| frame.typeface.width(name, plot.marked == Some(idx), size)).fold(0.0, f64::max);
    let left = (longest + size * 0.5).min(body.w * 0.5);
    let below = size * (LINE * 2.0 + 0.6);
    let entries = bar_entries(plot);
    let legend_h = legend_height(frame, &entries, body.w);
    let (w, h) = ((body.w - left - size * 1.2).max(1.0), (body.h - below - legend_h).max(1.0));
    let area = Rect { x: body.x + left, y: body.y + legend_h, w, h };
    let largest =
        plot.bars.iter().flat_map(|(_, values)| values).flatten().fold(0.0, |most, value| f64::from(*value).max(most));
    let x_ticks = round_ticks(largest, (area.w / (size * 4.5)).clamp(2.0, 5.0));
    let top = x_ticks.last().copied().unwrap_or(1.0);
    for tick in &x_ticks {
        let x = area.x + area.w * tick / top;
        group.shape(Shape::line([x, area.y], [x, area.bottom()], GRID, 0.35));
        let text = Text::new(x, area.bottom() + size * (0.4 + ASCENT), size, number(*tick));
        group.text(text.anchored(Anchor::Middle));
    }
    let slot = area.h / plot.bars.len().max(1) as f64;
    for (idx, (name, values)) in plot.bars.iter().enumerate() {
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
                let small = size * 0.8;
                group
                    .text(Text { rgb, ..Text::new(area.x + small * 0.3, y + thick / 2.0 + small * 0.3, small, "–") });
            }
        }
        let text = frame.typeface.shortened(name, marked, size, left - size * 0.5);
        let text = Text::new(area.x - size * 0.4, middle + size * 0.36, size, text).anchored(Anchor::End);
        group.text(if marked { text.bold() } else { text });
    }
    frame_of(frame, group, area, (&plot.x_label, area.bottom() + size * (0.4 + LINE + ASCENT)));
    if !entries.is_empty() {
        legend(frame, &entries, Rect { h: 0.0, ..body }, group);
    }
}

/// The axes on the left and below, and the name of the one below with its baseline. A name that is longer than the axis moves to the left.
fn frame_of(frame: &Frame<'_>, group: &mut Group, area: Rect, (x_label, y): (&str, f64)) {
    let size = frame.caption_size();
    let corners = vec![[area.x, area.y], [area.x, area.bottom()], [area.right(), area.bottom()]];
    group.shape(Shape::polyline(corners, Paint::solid(INK), AXIS));
    let half = frame.typeface.width(x_label, false, size) / 2.0;
    let x = (area.x + area.w / 2.0).min(area.right() + size * 0.6 - half);
    group.text(Text::new(x, y, size, x_label).anchored(Anchor::Middle));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_largest_value() {
        let close = |found: &[f64], expected: &[f64]| {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        let cases: [(f64, &[f64]); 4] = [
            (0.23, &[0.0, 0.1, 0.2, 0.3]),
            (1.0, &[0.0, 0.5, 1.0]),
            (0.0, &[0.0, 0.5, 1.0]),
            (37.0, &[0.0, 10.0, 20.0, 30.0, 40.0]),
        ];
        for (largest, expected) in cases {
            let found = round_ticks(largest, 4.0);
            assert!(close(&found, expected), "{largest}: {found:?}");
        }
    }
}
