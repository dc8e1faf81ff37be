//! Lines and bars.

use super::super::font::{ASCENT, LINE, face};
use super::super::resolve::{BarsPlot, LinesPlot};
use super::super::scale::number;
use super::super::scene::{Anchor, Group, INK, Paint, Rect, Shape, Text};
use super::cells::ticks;
use super::{Frame, SMALL_GAP};

/// Colours of lines, told apart with every kind of colour vision (Okabe and Ito).
const COLOURS: [[u8; 3]; 6] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];
const AXIS: f64 = 0.5;
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

pub(super) fn lines(frame: &Frame<'_>, plot: &LinesPlot, body: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let values = plot.series.iter().flat_map(|(_, values)| values).filter_map(|value| *value);
    let largest = f64::from(values.fold(0.0_f32, f32::max));
    let legend_h = if plot.series.len() > 1 { size * (LINE + SMALL_GAP) } else { 0.0 };
    let y_ticks = round_ticks(largest, (body.h / (size * 2.2)).clamp(2.0, 6.0));
    let top = y_ticks.last().copied().unwrap_or(1.0);
    let widest = y_ticks.iter().map(|tick| face(false).width(&number(*tick), size)).fold(0.0, f64::max);
    let left = size * (LINE + 0.5) + widest + size * 0.4;
    let below = size * (LINE * 2.0 + 0.5);
    let right = size * 0.5;
    let area = Rect {
        x: body.x + left,
        y: body.y + legend_h + size * 0.4,
        w: (body.w - left - right).max(1.0),
        h: (body.h - below - legend_h - size * 0.4).max(1.0),
    };
    let ink = Paint::solid(INK);
    for tick in &y_ticks {
        let y = area.bottom() - area.h * tick / top;
        group.shape(Shape::line([area.x, y], [area.right(), y], GRID, 0.35));
        let text = Text::new(area.x - size * 0.4, y + size * 0.36, size, number(*tick));
        group.text(text.anchored(Anchor::End));
    }
    let count = plot.series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let x_at = |idx: usize| area.x + area.w * (idx as f64 + 0.5) / count.max(1) as f64;
    for idx in ticks(count, area.w, size * 2.2) {
        let x = x_at(idx);
        group.shape(Shape::line([x, area.bottom()], [x, area.bottom() + size * 0.3], ink, AXIS));
        let text = Text::new(x, area.bottom() + size * (0.4 + ASCENT), size, idx.to_string());
        group.text(text.anchored(Anchor::Middle));
    }
    axes(group, area, size, &plot.x_label);
    let y_name = Text::new(body.x + size * ASCENT, area.y + area.h / 2.0, size, plot.y_label.as_str());
    group.text(Text { upwards: true, ..y_name.anchored(Anchor::Middle) });
    for ((_, values), rgb) in plot.series.iter().zip(COLOURS.iter().cycle()) {
        let point = |idx: usize, value: f32| [x_at(idx), area.bottom() - area.h * f64::from(value) / top];
        // A gap in the values is a gap in the line.
        let runs = values.iter().enumerate().collect::<Vec<_>>();
        for run in runs.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty()) {
            let points: Vec<[f64; 2]> =
                run.iter().filter_map(|(idx, value)| value.map(|value| point(*idx, value))).collect();
            for [x, y] in points.iter().filter(|_| count <= 64) {
                let side = size * 0.3;
                let dot = Rect { x: x - side / 2.0, y: y - side / 2.0, w: side, h: side };
                group.shape(Shape::rect(dot, Some(Paint::solid(*rgb)), None));
            }
            group.shape(Shape::polyline(points, Paint::solid(*rgb), 0.9));
        }
    }
    if legend_h > 0.0 {
        let entries: Vec<(String, [u8; 3])> =
            plot.series.iter().zip(COLOURS.iter().cycle()).map(|((name, _), rgb)| (name.clone(), *rgb)).collect();
        super::photos::legend(frame, &entries, Rect { x: area.x, y: body.y, w: area.w, h: 0.0 }, group);
    }
}

/// A bar and its name need a line each.
pub(super) fn bars_height(frame: &Frame<'_>, plot: &BarsPlot) -> f64 {
    let size = frame.caption_size();
    plot.bars.len() as f64 * size * 1.5 + size * (LINE * 2.0 + 0.6)
}

pub(super) fn bars(frame: &Frame<'_>, plot: &BarsPlot, body: Rect, group: &mut Group) {
    let size = frame.caption_size();
    let widths = plot.bars.iter().enumerate();
    let widths = widths.map(|(idx, (name, _))| face(plot.marked == Some(idx)).width(name, size));
    let longest = widths.fold(0.0, f64::max);
    let left = (longest + size * 0.5).min(body.w * 0.5);
    let below = size * (LINE * 2.0 + 0.6);
    let area =
        Rect { x: body.x + left, y: body.y, w: (body.w - left - size * 1.2).max(1.0), h: (body.h - below).max(1.0) };
    let largest = plot.bars.iter().map(|(_, value)| f64::from(*value)).fold(0.0, f64::max);
    let x_ticks = round_ticks(largest, (area.w / (size * 4.5)).clamp(2.0, 5.0));
    let top = x_ticks.last().copied().unwrap_or(1.0);
    for tick in &x_ticks {
        let x = area.x + area.w * tick / top;
        group.shape(Shape::line([x, area.y], [x, area.bottom()], GRID, 0.35));
        let text = Text::new(x, area.bottom() + size * (0.4 + ASCENT), size, number(*tick));
        group.text(text.anchored(Anchor::Middle));
    }
    let slot = area.h / plot.bars.len().max(1) as f64;
    for (idx, (name, value)) in plot.bars.iter().enumerate() {
        let y = area.y + slot * (idx as f64 + 0.5);
        let marked = plot.marked == Some(idx);
        let rgb = if marked { COLOURS[1] } else { COLOURS[0] };
        let bar = Rect { x: area.x, y: y - slot * 0.34, w: area.w * f64::from(*value) / top, h: slot * 0.68 };
        group.shape(Shape::rect(bar, Some(Paint::solid(rgb)), None));
        let text =
            Text::new(area.x - size * 0.4, y + size * 0.36, size, shortened(name, marked, size, left - size * 0.5));
        let text = text.anchored(Anchor::End);
        group.text(if marked { text.bold() } else { text });
    }
    axes(group, area, size, &plot.x_label);
}

/// The axes on the left and below, and the name of the one below.
fn axes(group: &mut Group, area: Rect, size: f64, x_label: &str) {
    let corners = vec![[area.x, area.y], [area.x, area.bottom()], [area.right(), area.bottom()]];
    group.shape(Shape::polyline(corners, Paint::solid(INK), AXIS));
    let x_name = Text::new(area.x + area.w / 2.0, area.bottom() + size * (0.4 + LINE + ASCENT), size, x_label);
    group.text(x_name.anchored(Anchor::Middle));
}

/// As much of a name as fits.
fn shortened(name: &str, bold: bool, size: f64, width: f64) -> String {
    let face = face(bold);
    if face.width(name, size) <= width * 1.001 {
        return name.to_owned();
    }
    let mut kept = String::new();
    for letter in name.chars() {
        kept.push(letter);
        if face.width(&kept, size) + face.width("…", size) > width {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
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
