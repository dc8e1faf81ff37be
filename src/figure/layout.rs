//! From what panels show to where everything lies.
//!
//! A row is as high as its highest panel; titles, bodies, colour bars and the captions of its pictures begin at the
//! same height. What is longer than the pictures, such as an answer, has its caption below itself.

mod answer;
mod bar_plots;
mod bars;
mod cells;
mod objects;
mod photos;
pub(super) mod plots;
mod room;

use super::font::{ASCENT, LINE, Typeface, settable};
use super::recipe::{Colour, Layout, Recipe};
use super::resolve::{Content, Resolved, ResolvedPanel};
use super::scale::{ColourScale, scales};
use super::scene::{Anchor, Group, PT_PER_MM, Rect, Scene, Text};
use room::Room;

/// Above and below everything, so that no letter touches the edge. **Units** points.
const EDGE: f64 = 1.5;
/// Between the parts of a panel, as a part of the font's size.
const SMALL_GAP: f64 = 0.45;
/// A picture is at most so much higher than wide.
const MOST_HEIGHT: f64 = 1.3;
/// Of a plot that stands alone in its row, as a part of its width; and at most, **units** mm.
const PLOT_HEIGHT: f64 = 0.6;
const MOST_PLOT_MM: f64 = 50.0;
/// Of captions, as a part of the font's size.
const CAPTION: f64 = 0.86;

/// What every part of the layout goes by.
struct Frame<'a> {
    layout: &'a Layout,
    colour: &'a Colour,
    scales: Vec<ColourScale>,
    gap: f64,
    /// **Units** points.
    size: f64,
    typeface: &'a Typeface,
    room: Room,
}

/// A panel with its place in the grid.
struct Placed<'a> {
    idx: usize,
    panel: &'a ResolvedPanel,
    x: f64,
    w: f64,
}

impl Frame<'_> {
    fn caption_size(&self) -> f64 {
        self.size * CAPTION
    }

    /// The scale of a panel, and its place among them.
    fn scale(&self, idx: usize) -> Option<(usize, &ColourScale)> {
        self.scales.iter().enumerate().find(|(_, scale)| scale.panels.contains(&idx))
    }

    /// Lines of a text no longer than `width`; none where a word has no room, which is told.
    fn lines(&self, text: &str, bold: bool, size: f64, width: f64) -> Vec<String> {
        self.typeface.wrap(text, bold, size, width).unwrap_or_else(|| {
            self.room.leave_out(text);
            Vec::new()
        })
    }

    /// The gap between neighbouring texts on a line.
    fn apart(&self) -> f64 {
        self.caption_size() * 0.5
    }
}

/// Lines of the longest label of a row, at most.
const MOST_LABEL_LINES: usize = 3;

/// Lays out a figure. Besides, a sentence for everything that has no room.
pub(super) fn scene(recipe: &Recipe, resolved: &Resolved, typeface: &Typeface) -> (Scene, Vec<String>) {
    // Labels beside rows are as long as the rows are high, which is known when these are laid out.
    let mut label_lines = 1;
    loop {
        let (scene, warnings, needed) = scene_with(recipe, resolved, typeface, label_lines);
        if needed <= label_lines || label_lines >= MOST_LABEL_LINES {
            return (scene, warnings);
        }
        label_lines = needed.min(MOST_LABEL_LINES);
    }
}

/// With room for so many lines beside the rows; and how many are needed.
fn scene_with(
    recipe: &Recipe,
    resolved: &Resolved,
    typeface: &Typeface,
    label_lines: usize,
) -> (Scene, Vec<String>, usize) {
    let layout = &recipe.layout;
    let frame = Frame {
        layout,
        colour: &recipe.colour,
        scales: scales(resolved, &recipe.colour),
        gap: layout.gap_mm * PT_PER_MM,
        size: layout.font_pt,
        typeface,
        room: Room::default(),
    };
    let width = layout.width.mm() * PT_PER_MM;
    let labels = frame.size * LINE * label_lines as f64 + frame.size * SMALL_GAP;
    let left = if layout.row_labels.is_empty() { 0.0 } else { labels };
    let rows = rows(resolved, &frame, left, width);
    let bars_below = has_bar_below(&frame, &rows);
    let (title, typeface) = (title(recipe, resolved), typeface.clone());
    let mut scene = Scene { width, title, recipe: recipe.to_json(), typeface, ..Scene::default() };
    frame.room.of(None);
    let mut y = EDGE + column_titles(&frame, left, width, &mut scene);
    let mut needed = 1;
    for (row_idx, row) in rows.iter().enumerate() {
        let bottom = lay_row(&frame, row, y, bars_below, &mut scene);
        frame.room.of(None);
        needed = needed.max(row_label(&frame, row_idx, [y, bottom], label_lines, &mut scene));
        y = bottom + frame.gap;
    }
    y -= frame.gap;
    if bars_below {
        y = bars::below_all(&frame, left, width, y, &mut scene);
    }
    y = notes(&frame, resolved, width, y, &mut scene);
    scene.height = y + EDGE;
    room::keep_apart(&mut scene, frame.typeface, &frame.room);
    let mut warnings = room::too_small(recipe, &rows);
    warnings.extend(frame.room.sentences());
    (scene, warnings, needed)
}

/// Whether one bar below all panels is about every coloured one of several rows; else each stands below its own.
fn has_bar_below(frame: &Frame<'_>, rows: &[Vec<Placed<'_>>]) -> bool {
    let is_coloured = |placed: &Placed<'_>| frame.scale(placed.idx).is_some();
    frame.scales.len() == 1 && rows.iter().filter(|row| row.iter().any(is_coloured)).count() > 1
}

/// The panel that begins a run of neighbours with one scale, and the last of them.
fn run_of(frame: &Frame<'_>, row: &[Placed<'_>], at: usize) -> Option<[usize; 2]> {
    let scale = |at: usize| row.get(at).and_then(|placed| frame.scale(placed.idx)).map(|(place, _)| place);
    let own = scale(at)?;
    let first = (0..at).rev().take_while(|before| scale(*before) == Some(own)).last().unwrap_or(at);
    let last = (at..row.len()).take_while(|after| scale(*after) == Some(own)).last().unwrap_or(at);
    Some([first, last])
}

/// In words, for those who open the file: what is in it.
fn title(recipe: &Recipe, resolved: &Resolved) -> String {
    let titles: Vec<&str> =
        resolved.panels.iter().map(|p| p.title.as_str()).filter(|title| !title.is_empty()).collect();
    let model = recipe.inputs.traces.values().next().map_or("", |trace| trace.run.model_id.as_str());
    let text = if model.is_empty() { titles.join("; ") } else { format!("{}; {model}", titles.join("; ")) };
    settable(&text)
}

/// Panels in rows; one that does not fit begins the next.
fn rows<'a>(resolved: &'a Resolved, frame: &Frame<'_>, left: f64, width: f64) -> Vec<Vec<Placed<'a>>> {
    let columns = frame.layout.columns;
    let column_w = (width - left - (columns as f64 - 1.0) * frame.gap) / columns as f64;
    let mut rows: Vec<Vec<Placed<'a>>> = Vec::new();
    let mut next = columns;
    for (idx, panel) in resolved.panels.iter().enumerate() {
        let span = panel.span.clamp(1, columns);
        if next + span > columns {
            rows.push(Vec::new());
            next = 0;
        }
        let x = left + next as f64 * (column_w + frame.gap);
        let w = span as f64 * column_w + (span as f64 - 1.0) * frame.gap;
        if let Some(row) = rows.last_mut() {
            row.push(Placed { idx, panel, x, w: w.max(1.0) });
        }
        next += span;
    }
    rows
}

fn column_titles(frame: &Frame<'_>, left: f64, width: f64, scene: &mut Scene) -> f64 {
    let titles = &frame.layout.column_titles;
    if titles.is_empty() {
        return 0.0;
    }
    let columns = frame.layout.columns as f64;
    let column_w = (width - left - (columns - 1.0) * frame.gap) / columns;
    let mut group = Group::new("column-titles", "Titles of the columns");
    let mut most = 0;
    for (idx, title) in titles.iter().take(frame.layout.columns).enumerate() {
        let x = left + idx as f64 * (column_w + frame.gap) + column_w / 2.0;
        let lines = frame.lines(&settable(title), true, frame.size, column_w);
        most = most.max(lines.len());
        for (line, text) in lines.into_iter().enumerate() {
            let y = EDGE + frame.size * (ASCENT + line as f64 * LINE);
            group.text(Text::new(x, y, frame.size, text).bold().anchored(Anchor::Middle));
        }
    }
    scene.groups.push(group);
    frame.size * (LINE * most as f64 + SMALL_GAP)
}

/// Sets the label of a row; how many lines it needs.
fn row_label(frame: &Frame<'_>, idx: usize, [top, bottom]: [f64; 2], room: usize, scene: &mut Scene) -> usize {
    let Some(label) = frame.layout.row_labels.get(idx).filter(|label| !label.is_empty()) else { return 1 };
    let mut group = Group::new(format!("row-label-{}", idx + 1), "Label of a row");
    let lines = frame.lines(&settable(label), true, frame.size, bottom - top);
    let needed = lines.len();
    if needed > MOST_LABEL_LINES {
        frame.room.leave_out(label);
    } else if needed <= room {
        for (line, text) in lines.into_iter().enumerate() {
            let x = frame.size * (ASCENT + line as f64 * LINE);
            let text = Text::new(x, f64::midpoint(top, bottom), frame.size, text);
            group.text(Text { upwards: true, ..text.bold().anchored(Anchor::Middle) });
        }
    }
    scene.groups.push(group);
    needed.min(MOST_LABEL_LINES)
}

/// Draws a row from `top`; its bottom.
fn lay_row(frame: &Frame<'_>, row: &[Placed<'_>], top: f64, bars_below: bool, scene: &mut Scene) -> f64 {
    let most = |height: &dyn Fn(&Placed<'_>) -> f64| {
        let of = |placed: &Placed<'_>| {
            frame.room.of(Some(placed.idx));
            height(placed)
        };
        row.iter().map(of).fold(0.0_f64, f64::max)
    };
    let titles = most(&|placed| title_lines(frame, placed).len() as f64 * frame.size * LINE);
    let body_top = top + if titles > 0.0 { titles + frame.size * SMALL_GAP * 0.6 } else { 0.0 };
    let rigid = most(&|placed| rigid_height(frame, placed));
    let soft = most(&|placed| soft_height(placed));
    let least = most(&|placed| least_height(frame, placed));
    let pictures = most(&|placed| match &placed.panel.content {
        Content::Photo(photo) => photos::height(photo, placed.w),
        _ => 0.0,
    });
    let body_h = if rigid > 0.0 { rigid } else { soft }.max(least);
    let body_bottom = body_top + body_h;
    let (mut below, mut below_pictures) = (body_bottom, body_top);
    // Colour bars stand right below the pictures, however long the answer beside them is.
    let height = |placed: &Placed<'_>| {
        if is_picture(placed) { pictures } else { body_h }
    };
    let mut bar_bottom = body_bottom;
    for (at, placed) in row.iter().enumerate() {
        frame.room.of(Some(placed.idx));
        let mut group = Group::new(format!("panel-{}", placed.idx + 1), description(placed.panel));
        lay_title(frame, placed, top, &mut group);
        let body = Rect { x: placed.x, y: body_top, w: placed.w, h: height(placed) };
        lay_body(frame, placed, body, &mut group);
        let mut bottom = body.bottom();
        if let Some([first, last]) = run_of(frame, row, at).filter(|_| !bars_below) {
            let members = row.get(first..=last).unwrap_or_default();
            let end = members.last().map_or(body.right(), |last| last.x + last.w);
            if first == at
                && let Some((_, scale)) = frame.scale(placed.idx)
            {
                let y = body_top + members.iter().map(height).fold(0.0, f64::max) + frame.size * SMALL_GAP;
                let place = Rect { y, w: end - body.x, h: 0.0, ..body };
                bar_bottom = bars::below(frame, scale, place, last > first, &mut group);
            }
            bottom = bar_bottom;
        }
        bottom = lay_legend(frame, placed, Rect { y: bottom, ..body }, &mut group);
        below = below.max(bottom);
        if is_picture(placed) {
            below_pictures = below_pictures.max(bottom);
        }
        scene.groups.push(group);
    }
    let mut bottom = below;
    let first = scene.groups.len() - row.len();
    for (placed, group) in row.iter().zip(scene.groups.iter_mut().skip(first)) {
        frame.room.of(Some(placed.idx));
        let size = frame.caption_size();
        let captions = if is_picture(placed) { below_pictures } else { below } + frame.size * SMALL_GAP;
        for (line, text) in caption_lines(frame, placed).into_iter().enumerate() {
            let y = captions + size * (ASCENT + line as f64 * LINE);
            group.text(Text::new(placed.x, y, size, text).soft());
            bottom = bottom.max(y + size * (LINE - ASCENT));
        }
    }
    bottom
}

fn is_picture(placed: &Placed<'_>) -> bool {
    matches!(placed.panel.content, Content::Photo(_))
}

fn description(panel: &ResolvedPanel) -> String {
    let parts = [panel.title.as_str(), panel.caption.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// (a) to (z), (aa), (ab) ..
fn letter(idx: usize) -> String {
    let mut idx = idx + 1;
    let mut letters = Vec::new();
    while idx > 0 {
        idx -= 1;
        letters.push(char::from(b'a' + u8::try_from(idx % 26).unwrap_or(0)));
        idx /= 26;
    }
    format!("({})", letters.into_iter().rev().collect::<String>())
}

fn title_lines(frame: &Frame<'_>, placed: &Placed<'_>) -> Vec<String> {
    let letter = frame.layout.letters.then(|| letter(placed.idx));
    let title = Some(settable(&placed.panel.title)).filter(|title| frame.layout.titles && !title.is_empty());
    let whole = letter.clone().into_iter().chain(title.clone()).collect::<Vec<_>>().join(" ");
    if whole.is_empty() {
        return Vec::new();
    }
    frame.typeface.wrap(&whole, true, frame.size, placed.w).unwrap_or_else(|| {
        if let Some(title) = &title {
            frame.room.leave_out(title);
        }
        letter.into_iter().collect()
    })
}

fn lay_title(frame: &Frame<'_>, placed: &Placed<'_>, top: f64, group: &mut Group) {
    for (line, text) in title_lines(frame, placed).into_iter().enumerate() {
        let y = top + frame.size * (ASCENT + line as f64 * LINE);
        group.text(Text::new(placed.x, y, frame.size, text).bold());
    }
}

fn caption_lines(frame: &Frame<'_>, placed: &Placed<'_>) -> Vec<String> {
    if !frame.layout.captions || placed.panel.caption.is_empty() {
        return Vec::new();
    }
    frame.lines(&settable(&placed.panel.caption), false, frame.caption_size(), placed.w)
}

/// Height of what has its own proportions.
fn rigid_height(frame: &Frame<'_>, placed: &Placed<'_>) -> f64 {
    match &placed.panel.content {
        Content::Photo(photo) => photos::height(photo, placed.w),
        Content::Cells(cells) => cells::height(frame, cells, placed.w),
        Content::Words(words) => answer::height(frame, words, placed.w),
        Content::Bars(bars) => bar_plots::height(frame, bars, placed.w),
        Content::Lines(_) => 0.0,
    }
}

/// Height of what takes any.
fn soft_height(placed: &Placed<'_>) -> f64 {
    (placed.w * PLOT_HEIGHT).min(MOST_PLOT_MM * PT_PER_MM)
}

/// Below which nothing of a plot could be read.
fn least_height(frame: &Frame<'_>, placed: &Placed<'_>) -> f64 {
    match &placed.panel.content {
        Content::Lines(plot) => plots::least_height(frame, plot, placed.w),
        _ => 0.0,
    }
}

/// Names of colours below a body; their bottom.
fn lay_legend(frame: &Frame<'_>, placed: &Placed<'_>, at: Rect, group: &mut Group) -> f64 {
    match &placed.panel.content {
        Content::Photo(photo) if !photo.legend.is_empty() => {
            let at = Rect { y: at.y + frame.size * SMALL_GAP, h: 0.0, ..at };
            photos::legend(frame, &photo.legend, at, group)
        }
        _ => at.y,
    }
}

/// Draws a body.
fn lay_body(frame: &Frame<'_>, placed: &Placed<'_>, body: Rect, group: &mut Group) {
    let scale = frame.scale(placed.idx).map(|(_, scale)| scale);
    match &placed.panel.content {
        Content::Photo(photo) => {
            photos::draw(frame, photo, scale, body, group);
        }
        Content::Cells(cells) => cells::draw(frame, cells, scale, body, group),
        Content::Lines(plot) => {
            // A plot beside pictures is not stretched into a tower.
            let most = (placed.w * MOST_HEIGHT).max(least_height(frame, placed));
            plots::lines(frame, plot, Rect { h: body.h.min(most), ..body }, group);
        }
        Content::Bars(plot) => {
            let h = body.h.min(bar_plots::height(frame, plot, placed.w) * 1.6);
            bar_plots::draw(frame, plot, Rect { h, ..body }, group);
        }
        Content::Words(words) => answer::draw(frame, words, scale, body, group),
    }
}

/// Inputs that are not those of the recipe, where everybody sees it.
fn notes(frame: &Frame<'_>, resolved: &Resolved, width: f64, top: f64, scene: &mut Scene) -> f64 {
    if resolved.notes.is_empty() {
        return top;
    }
    let size = frame.caption_size();
    let mut y = top + size;
    let mut group = Group::new("notes", "Inputs that differ from the recipe");
    for note in &resolved.notes {
        for line in frame.lines(&settable(&format!("Not as in the recipe: {note}")), false, size, width) {
            group.text(Text { rgb: [178, 24, 43], ..Text::new(0.0, y + size * ASCENT, size, line) });
            y += size * LINE;
        }
    }
    scene.groups.push(group);
    y
}

#[cfg(test)]
mod tests {
    use super::letter;

    #[test]
    fn letters_go_on_after_z() {
        let found: Vec<String> = [0, 1, 25, 26, 27, 51, 52].into_iter().map(letter).collect();
        assert_eq!(found, ["(a)", "(b)", "(z)", "(aa)", "(ab)", "(az)", "(ba)"], "as columns of a sheet");
    }
}
