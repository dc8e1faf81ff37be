//! Lines and columns.

use super::super::font::{ASCENT, LINE};
use super::super::number::number;
use super::super::resolve::{LinesPlot, Places};
use super::super::scene::{Anchor, Group, INK, Line, Paint, Rect, Shape, Text};
use super::cells::ticks;
use super::photos::legend;
use super::{Frame, SMALL_GAP};

/// Colours of lines, told apart with every kind of colour vision (Okabe and Ito).
pub(in crate::figure) const COLOURS: [[u8; 3]; 6] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];
pub(super) const AXIS: f64 = 0.5;
/// Of what is said about all of them: a band, a marked place.
const GREY: [u8; 3] = [120, 120, 120];
/// Names below columns are at most this long, as a part of the captions' size.
const LONGEST_NAME: f64 = 16.0;
/// Smallest height between the axes, as a part of the captions' size.
const LEAST_AREA: f64 = 8.0;
/// Most ticks of an axis beside 0.
const MOST_TICKS: f64 = 6.0;
pub(in crate::figure) const GRID: Paint = Paint { rgb: [222, 222, 222], opacity: 1.0 };

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

/// The most round ticks whose numbers stay apart.
pub(super) fn fitting_ticks(largest: f64, most: f64, fit: impl Fn(&[f64]) -> bool) -> Vec<f64> {
    let mut most = most.floor().max(1.0);
    loop {
        let ticks = round_ticks(largest, most);
        if most < 2.0 || fit(&ticks) {
            return ticks;
        }
        most -= 1.0;
    }
}

/// Whether numbers below an axis of this length stay apart.
pub(super) fn stay_apart(frame: &Frame<'_>, ticks: &[f64], length: f64) -> bool {
    let size = frame.caption_size();
    let top = ticks.last().copied().unwrap_or(1.0);
    let ends = |tick: f64| {
        let (middle, half) = (length * tick / top, frame.typeface.width(&number(tick), false, size) / 2.0);
        [middle - half, middle + half]
    };
    ticks.windows(2).all(|pair| match pair {
        [a, b] => ends(*a)[1] + frame.apart() <= ends(*b)[0],
        _ => true,
    })
}

/// Room on the right for half of the last number below an axis, whichever that is.
pub(super) fn right_margin(frame: &Frame<'_>, largest: f64) -> f64 {
    let size = frame.caption_size();
    let last = |most: f64| {
        round_ticks(largest, most).last().map_or(0.0, |tick| frame.typeface.width(&number(*tick), false, size) / 2.0)
    };
    (1..=6_u8).map(|most| last(f64::from(most))).fold(size * 0.6, f64::max) + 0.1
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

pub(super) fn legend_height(frame: &Frame<'_>, entries: &[(String, [u8; 3])], w: f64) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    // Laid out as it will be, and thrown away.
    let bottom = legend(frame, entries, Rect { w, ..Rect::default() }, &mut Group::default());
    bottom + frame.caption_size() * SMALL_GAP
}

fn count(plot: &LinesPlot) -> usize {
    plot.series.iter().map(|(_, values)| values.len()).max().unwrap_or(0)
}

/// What stands at the places in place of their numbers.
fn names(plot: &LinesPlot) -> Option<&[String]> {
    Some(plot.names.as_slice()).filter(|names| names.len() == count(plot) && !names.is_empty())
}

/// What stands below the axis.
struct Below {
    label: Vec<String>,
    height: f64,
}

fn below(frame: &Frame<'_>, plot: &LinesPlot, w: f64) -> Below {
    let size = frame.caption_size();
    let label = frame.lines(&plot.x_label, false, size, w);
    let lines = label.len() as f64 * LINE;
    let Some(names) = names(plot) else {
        return Below { label, height: size * (lines + LINE + 0.5) };
    };
    let lengths = names.iter().map(|name| frame.typeface.width(name, false, size));
    let names_h = lengths.filter(|length| *length <= size * LONGEST_NAME).fold(0.0, f64::max);
    Below { label, height: names_h + size * (lines + 0.9) }
}

/// Below which neither numbers nor names of axes have room.
pub(super) fn least_height(frame: &Frame<'_>, plot: &LinesPlot, w: f64) -> f64 {
    let size = frame.caption_size();
    legend_height(frame, &entries(plot), w) + below(frame, plot, w).height + size * (LEAST_AREA + 0.4)
}

pub(super) fn lines(frame: &Frame<'_>, plot: &LinesPlot, body: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let width = |text: &str| frame.typeface.width(text, false, size);
    let values = plot.series.iter().flat_map(|(_, values)| values).filter_map(|value| *value);
    let ends = plot.band.iter().flat_map(|(_, ends)| ends).map(|[_, high]| *high);
    let largest = f64::from(values.chain(ends).fold(plot.at_least, f32::max));
    let count = count(plot);
    let entries = entries(plot);
    let legend_h = legend_height(frame, &entries, body.w);
    let below = below(frame, plot, body.w);
    let h = (body.h - below.height - legend_h - size * 0.4).max(1.0);
    let mut y_ticks = round_ticks(largest, (h / (size * 2.2)).clamp(2.0, MOST_TICKS));
    y_ticks.retain(|tick| !plot.counts || tick.fract() == 0.0);
    let widest = y_ticks.iter().map(|tick| width(&number(*tick))).fold(0.0, f64::max);
    // The names of both axes stay apart.
    let label_h = size * LINE * below.label.len() as f64;
    let room = Rect { y: body.y + legend_h, h: (body.h - legend_h - label_h).max(1.0), ..body };
    let y_label = frame.lines(&plot.y_label, false, size, room.h);
    let left = size * (LINE * y_label.len() as f64 + 0.6) + widest + size * 0.4;
    let furthest = if let Places::At(places) = &plot.places { places.iter().copied().fold(0.0, f64::max) } else { 0.0 };
    let last = match &plot.places {
        Places::At(_) => right_margin(frame, furthest),
        Places::From(first) => (width(&(first + count).to_string()) / 2.0).max(size * 0.6),
    };
    let w = (body.w - left - last).max(1.0);
    let area = Rect { x: body.x + left, y: body.y + legend_h + size * 0.4, w, h };
    let most = (w / (size * 3.5)).clamp(1.0, MOST_TICKS);
    let x_ticks = fitting_ticks(furthest, most, |ticks| stay_apart(frame, ticks, w));
    let right = x_ticks.last().copied().unwrap_or(1.0);
    let top = y_ticks.last().copied().unwrap_or(1.0);
    let axes = Axes { area, places: &plot.places, count, right, top };
    for tick in &y_ticks {
        let y = area.bottom() - area.h * tick / top;
        group.shape(Shape::line([area.x, y], [area.right(), y], GRID, 0.35));
        let text = Text::new(area.x - size * 0.4, y + size * 0.36, size, number(*tick));
        group.text(text.anchored(Anchor::End));
    }
    match (&plot.places, names(plot)) {
        (_, Some(names)) => words_below(frame, &axes, names, group),
        (Places::From(first), None) => {
            let apart = (width(&(first + count).to_string()) + frame.apart()).max(size * 2.2);
            let numbers = ticks(count, area.w, apart).map(|idx| (axes.x(idx), (first + idx).to_string()));
            numbers_below(&axes, size, numbers.collect(), group);
        }
        (Places::At(_), None) => {
            numbers_below(&axes, size, x_ticks.iter().map(|tick| (axes.at(*tick), number(*tick))).collect(), group);
        }
    }
    let label_y = area.bottom() + below.height - size * (LINE - ASCENT) - size * 0.1;
    frame_of(frame, group, (area, body), (&below.label, label_y));
    names_upright(frame, &y_label, area, room, group);
    contents(&axes, plot, size, group);
    if !entries.is_empty() {
        legend(frame, &entries, Rect { h: 0.0, ..body }, group);
    }
}

/// The name of the axis on the left: in the middle of the axis, unless it is longer than that.
fn names_upright(frame: &Frame<'_>, lines: &[String], area: Rect, room: Rect, group: &mut Group) {
    let size = frame.caption_size();
    for (line, name) in lines.iter().enumerate() {
        let half = frame.typeface.width(name, false, size) / 2.0;
        let (top, bottom) = (room.y + half, room.bottom() - half);
        let middle = (area.y + area.h / 2.0).min(bottom).max(top);
        // Brackets reach higher than letters.
        let x = room.x + size * (ASCENT + 0.12 + line as f64 * LINE);
        let text = Text::new(x, middle, size, name.as_str());
        group.text(Text { upwards: true, ..text.anchored(Anchor::Middle) });
    }
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

/// A word below each column, turned to read upwards; with too many of them every second, fourth, ... One that is too
/// long is left out.
fn words_below(frame: &Frame<'_>, axes: &Axes<'_>, names: &[String], group: &mut Group) {
    let size = frame.caption_size();
    for idx in ticks(axes.count, axes.area.w, size * 1.05) {
        let Some(name) = names.get(idx).filter(|name| !name.is_empty()) else { continue };
        if frame.typeface.width(name, false, size) > size * LONGEST_NAME {
            frame.room.leave_out(name);
            continue;
        }
        let at = Text::new(axes.x(idx) + size * 0.33, axes.area.bottom() + size * 0.35, size, name.as_str());
        group.text(Text { upwards: true, ..at.anchored(Anchor::End) });
    }
}

/// The axes on the left and below, and the name of the one below with its last baseline. A line that is longer than
/// the axis moves to the left.
pub(super) fn frame_of(frame: &Frame<'_>, group: &mut Group, (area, body): (Rect, Rect), (label, y): (&[String], f64)) {
    let size = frame.caption_size();
    let corners = vec![[area.x, area.y], [area.x, area.bottom()], [area.right(), area.bottom()]];
    group.shape(Shape::polyline(corners, Paint::solid(INK), AXIS));
    for (above, line) in label.iter().rev().enumerate() {
        let half = frame.typeface.width(line, false, size) / 2.0;
        let x = (area.x + area.w / 2.0).min(body.right() - half).max(body.x + half);
        let y = y - size * LINE * above as f64;
        group.text(Text::new(x, y, size, line.as_str()).anchored(Anchor::Middle));
    }
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
