//! Numbers with intervals as a figure: rows of dots with whiskers, such as the scores of a study's settings.
//!
//! A [`Chart`] is complete: it is its own recipe, embedded in every file that is made of it, and redrawn from there.

use super::font::{ASCENT, Typeface};
use super::layout::plots::{COLOURS, GRID};
use super::scene::{Anchor, Group, INK, PT_PER_MM, Paint, Rect, SOFT_INK, Scene, Shape, Text};
use super::{FigureError, Format, Raster, Watch, embed, pdf, png_file, raster, svg};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Resolution of a PNG.
const DPI: u32 = 300;
/// Size of letters, **units** points.
const SIZE: f64 = 8.0;
const WIDTH_MM: f64 = 160.0;
const MARGIN: f64 = 8.0;
const ROW: f64 = SIZE * 1.6;
/// Most rows of a chart.
pub const MOST_ROWS: usize = 400;

/// Rows of numbers on one axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// `gazelens-chart`: what tells it from other recipes.
    pub format: String,
    /// Above.
    pub title: String,
    /// Below the axis, with its unit.
    pub axis: String,
    /// Below everything: how the numbers are made.
    pub note: String,
    /// A line across all rows, such as chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<f64>,
    /// From top to bottom.
    pub rows: Vec<ChartRow>,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartRow {
    /// Its name.
    pub name: String,
    /// Rows of one series have one colour.
    #[serde(default)]
    pub series: usize,
    /// The number.
    pub value: f64,
    /// Both ends of its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// Word of a chart's format.
const FORMAT: &str = "gazelens-chart";

impl Chart {
    /// An empty one.
    pub fn new(title: impl Into<String>, axis: impl Into<String>, note: impl Into<String>) -> Self {
        let (title, axis, note) = (title.into(), axis.into(), note.into());
        Self { format: FORMAT.to_owned(), title, axis, note, rule: None, rows: Vec::new() }
    }

    /// Reads it from a file that was made of it, or from its JSON; `None` for another recipe.
    pub fn of_bytes(bytes: &[u8], name: &Path) -> Option<Self> {
        let json = embed::json_of(bytes, name).ok()?;
        let chart: Self = serde_json::from_str(&json).ok()?;
        let finite = |row: &ChartRow| {
            let ends = row.interval.iter().flatten();
            row.value.is_finite() && ends.into_iter().all(|end| end.is_finite())
        };
        let is_whole = chart.format == FORMAT && chart.rows.iter().all(finite) && chart.rows.len() <= MOST_ROWS;
        is_whole.then_some(chart)
    }

    /// Its JSON.
    pub fn to_json(&self) -> String {
        // Strings and finite numbers can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The bytes of a file.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, FigureError> {
        let scene = self.scene();
        let watch = &mut Watch::quiet();
        match format {
            Format::Svg => Ok(svg::write(&scene, watch)?.into_bytes()),
            Format::Pdf => pdf::write(&scene, watch),
            Format::Png => {
                let Raster { size, rgb } = raster::raster(&scene, DPI, watch)?;
                png_file::figure(size, &rgb, DPI, &scene.title, &scene.recipe).map_err(|err| FigureError::File {
                    action: "written",
                    reason: err.to_string(),
                    path: PathBuf::from("PNG"),
                })
            }
        }
    }

    /// Both ends of the axis: round, with everything in between.
    fn range(&self) -> [f64; 2] {
        let all = self.rows.iter().flat_map(|row| {
            let ends = row.interval.unwrap_or([row.value; 2]);
            [row.value, ends[0], ends[1]]
        });
        let all = all.chain(self.rule);
        let [low, high] =
            all.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
        if !(low.is_finite() && high.is_finite()) {
            return [0.0, 1.0];
        }
        let step = step(high - low);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        if high > low { [low, high] } else { [low - step, high + step] }
    }

    fn scene(&self) -> Scene {
        let typeface = Typeface::default();
        let width = WIDTH_MM * PT_PER_MM;
        let longest = self.rows.iter().map(|row| typeface.width(&row.name, false, SIZE)).fold(0.0, f64::max);
        let values: Vec<String> = self.rows.iter().map(|row| value_words(row, self.range())).collect();
        let ends = values.iter().map(|text| typeface.width(text, false, SIZE)).fold(0.0, f64::max);
        let left = (MARGIN + longest + SIZE).min(width * 0.45);
        let right = width - MARGIN - ends - SIZE;
        let title = wrapped(&typeface, &self.title, width - 2.0 * MARGIN, SIZE * 1.15, true);
        let note = wrapped(&typeface, &self.note, width - 2.0 * MARGIN, SIZE * 0.85, false);
        let mut group = Group::new("chart", &self.title);
        let mut y = MARGIN + SIZE * 1.15 * ASCENT;
        for line in &title {
            group.text(Text::new(MARGIN, y, SIZE * 1.15, line).bold());
            y += SIZE * 1.15 * 1.3;
        }
        let area = Rect { x: left, y, w: (right - left).max(SIZE), h: ROW * self.rows.len() as f64 };
        self.axes(&mut group, area);
        for (idx, (row, value)) in self.rows.iter().zip(&values).enumerate() {
            let middle = area.y + ROW * (idx as f64 + 0.5);
            let baseline = middle + SIZE * 0.35;
            let name = shortened(&typeface, &row.name, left - MARGIN - SIZE / 2.0);
            group.text(Text::new(left - SIZE / 2.0, baseline, SIZE, name).anchored(Anchor::End));
            group.text(Text::new(right + SIZE, baseline, SIZE, value).soft());
            self.mark(&mut group, area, middle, row);
        }
        let mut y = area.bottom() + SIZE * 3.6;
        for line in &note {
            group.text(Text::new(MARGIN, y, SIZE * 0.85, line).soft());
            y += SIZE * 0.85 * 1.35;
        }
        Scene {
            width,
            height: y + MARGIN - SIZE * 0.5,
            groups: vec![group],
            title: self.title.clone(),
            recipe: self.to_json(),
            typeface,
        }
    }

    fn x(&self, area: Rect, value: f64) -> f64 {
        let [low, high] = self.range();
        area.x + area.w * (value - low) / (high - low)
    }

    fn axes(&self, group: &mut Group, area: Rect) {
        let [low, high] = self.range();
        let step = step(high - low);
        let mut tick = low;
        while tick <= high + step * 1e-6 {
            let x = self.x(area, tick);
            group.shape(Shape::line([x, area.y], [x, area.bottom()], GRID, 0.4));
            let text = Text::new(x, area.bottom() + SIZE * 1.15, SIZE, rounded(tick, step));
            group.text(text.anchored(Anchor::Middle).soft());
            tick += step;
        }
        if let Some(rule) = self.rule {
            let x = self.x(area, rule);
            group.shape(Shape::line([x, area.y], [x, area.bottom()], Paint::solid(SOFT_INK), 0.8));
        }
        let base = [[area.x, area.bottom()], [area.right(), area.bottom()]];
        group.shape(Shape::line(base[0], base[1], Paint::solid(INK), 0.5));
        let middle = area.x + area.w / 2.0;
        group.text(Text::new(middle, area.bottom() + SIZE * 2.4, SIZE, &self.axis).anchored(Anchor::Middle));
    }

    fn mark(&self, group: &mut Group, area: Rect, y: f64, row: &ChartRow) {
        let paint = Paint::solid(COLOURS.get(row.series % COLOURS.len()).copied().unwrap_or(INK));
        if let Some([low, high]) = row.interval {
            let (low, high) = (self.x(area, low), self.x(area, high));
            group.shape(Shape::line([low, y], [high, y], paint, 1.0));
            for end in [low, high] {
                group.shape(Shape::line([end, y - SIZE * 0.2], [end, y + SIZE * 0.2], paint, 1.0));
            }
        }
        let (x, half) = (self.x(area, row.value), SIZE * 0.22);
        group.shape(Shape::rect(Rect { x: x - half, y: y - half, w: 2.0 * half, h: 2.0 * half }, Some(paint), None));
    }
}

/// A round distance of ticks: 1, 2 or 5 of a power of ten, six or so of them.
fn step(span: f64) -> f64 {
    let rough = if span > 0.0 { span / 6.0 } else { 1.0 };
    let decade = 10.0_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * decade >= rough).unwrap_or(10.0);
    times * decade
}

/// A number with as many digits as a distance asks for.
fn rounded(value: f64, step: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 9")]
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    // Rounding would leave minus zero.
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    format!("{value:.decimals$}")
}

fn value_words(row: &ChartRow, [low, high]: [f64; 2]) -> String {
    let digit = step(high - low) / 100.0;
    let ends = row.interval.map(|[a, b]| format!(" [{}, {}]", rounded(a, digit), rounded(b, digit)));
    rounded(row.value, digit) + &ends.unwrap_or_default()
}

/// Lines of words that fit a width.
fn wrapped(typeface: &Typeface, text: &str, width: f64, size: f64, bold: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if typeface.width(&format!("{line} {word}"), bold, size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A name that fits a width, cut at its end.
fn shortened(typeface: &Typeface, name: &str, width: f64) -> String {
    if typeface.width(name, false, SIZE) <= width {
        return name.to_owned();
    }
    let mut kept: String = name.to_owned();
    while !kept.is_empty() && typeface.width(&format!("{kept}…"), false, SIZE) > width {
        kept.pop();
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        let mut chart = Chart::new("Accuracy of every setting", "accuracy (%)", "Intervals of 95 % by photo.");
        for (idx, (name, value)) in [("greedy", 83.5), ("vcd alpha=1", 81.0), ("none", 50.0)].into_iter().enumerate() {
            let interval = (idx < 2).then_some([value - 4.0, value + 3.0]);
            chart.rows.push(ChartRow { name: name.to_owned(), series: idx, value, interval });
        }
        chart.rule = Some(50.0);
        chart
    }

    #[test]
    fn a_chart_is_redrawn_from_every_file_made_of_it() {
        let chart = chart();
        for format in [Format::Svg, Format::Pdf, Format::Png] {
            let bytes = chart.bytes(format).expect("drawn");
            let again = Chart::of_bytes(&bytes, Path::new("c")).expect("the chart inside");
            assert_eq!(again, chart, "{format:?}");
            assert_eq!(again.bytes(format).expect("drawn"), bytes, "{format:?}: the same bytes");
        }
        assert_eq!(Chart::of_bytes(chart.to_json().as_bytes(), Path::new("c.json")), Some(chart), "its JSON");
        assert_eq!(Chart::of_bytes(b"{\"format\": \"other\"}", Path::new("c.json")), None, "another recipe");
    }

    #[test]
    fn everything_lies_on_the_page_and_no_text_on_another() {
        let mut chart = chart();
        chart.rows.push(ChartRow { name: "a very long name ".repeat(20), series: 1, value: 90.0, interval: None });
        let scene = chart.scene();
        let places: Vec<Rect> = scene.texts().map(|text| scene.place_of(text)).collect();
        for (idx, place) in places.iter().enumerate() {
            assert!(place.x >= 0.0 && place.right() <= scene.width + 0.1, "text {idx}: {place:?}");
            assert!(place.y >= 0.0 && place.bottom() <= scene.height, "text {idx}: {place:?}");
            for other in places.iter().skip(idx + 1) {
                let apart = place.right() <= other.x
                    || other.right() <= place.x
                    || place.bottom() <= other.y + 0.5
                    || other.bottom() <= place.y + 0.5;
                assert!(apart, "{place:?} and {other:?}");
            }
        }
        let ends = chart.range().map(|end| format!("{end:.3}"));
        assert_eq!(ends, ["50.000", "90.000"], "round ends");
    }
}
