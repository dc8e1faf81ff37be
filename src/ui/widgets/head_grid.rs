//! All layers x heads as small maps; a click jumps.

use crate::geometry::PatchGrid;
use crate::render::{GridLayout, GridMaps, GridRange, compose_grid, gpu};
use crate::ui::widgets::canvas::fallback;
use crate::ui::widgets::colour_bar::format_value;
use crate::ui::widgets::theme;
use eframe::egui::emath::GuiRounding as _;
use eframe::egui::epaint::TextShape;
use eframe::egui::{
    self, Align2, Pos2, Rect, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, UiBuilder, Vec2, accesskit,
};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Largest grid whose cells are named one by one to screen readers.
const MAX_NODES: usize = 1024;
/// Smallest and largest side of a map, in points.
const CELL_PT: [f32; 2] = [8.0, 96.0];
/// Side of the map beside the pointer, in points.
const MAGNIFIED_PT: f32 = 144.0;
/// Least distance between two axis numbers, in points.
const TICK_PT: f32 = 16.0;

/// Small maps, one row per layer, one column per head.
///
/// All cells are one draw and one widget: a steady frame costs the same for 4 and for 1024 of them. Cells get their own
/// accessible nodes (`Layer 3, head 5`) only while somebody reads the accessibility tree.
#[must_use = "call show"]
pub struct HeadGrid<'a> {
    maps: &'a GridMaps,
    current: Option<(usize, usize)>,
    colormap: usize,
    gamma: f32,
    label: String,
    figure: Option<&'a str>,
    detail: Option<&'a GridMaps>,
    max_height: f32,
}

impl<'a> HeadGrid<'a> {
    /// `current` is the chosen (layer, head).
    pub fn new(maps: &'a GridMaps, current: Option<(usize, usize)>) -> Self {
        let label = "Layers and heads".to_owned();
        Self { maps, current, colormap: 0, gamma: 1.0, label, figure: None, detail: None, max_height: f32::INFINITY }
    }

    /// Index into the colour map registry.
    pub fn colormap(mut self, idx: usize) -> Self {
        self.colormap = idx;
        self
    }

    /// Exponent on the position.
    pub fn gamma(mut self, gamma: f32) -> Self {
        self.gamma = gamma;
        self
    }

    /// Name of the whole grid for screen readers.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The cells are one figure each, of this name, and no maps.
    pub fn figure(mut self, figure: &'a str) -> Self {
        self.figure = Some(figure);
        self
    }

    /// The maps that the figures of the cells are of: the one under the pointer is shown beside it. All cells fit into
    /// the room that there is, however small they become.
    pub fn detail(mut self, maps: &'a GridMaps) -> Self {
        self.detail = Some(maps);
        self
    }

    /// Scrolls when higher than this, in points.
    pub fn max_height(mut self, max_height: f32) -> Self {
        self.max_height = max_height;
        self
    }

    /// What the numbers along the edges take: one line for the axis names, room for two digits beside and one line
    /// above.
    pub fn gutter(ui: &Ui) -> Vec2 {
        let font_pt = ui.text_style_height(&TextStyle::Small);
        Vec2::new(font_pt * 2.6, font_pt * 2.0 + 3.0)
    }

    /// Draws over the available width; returns the (layer, head) that was clicked.
    pub fn show(self, ui: &mut Ui) -> Option<(usize, usize)> {
        let (layers, heads) = (self.maps.layers(), self.maps.heads());
        if layers == 0 || heads == 0 || self.maps.grid().is_empty() {
            ui.weak("No maps");
            return None;
        }
        let gutter = Self::gutter(ui);
        let available = (ui.available_size() - gutter).max(Vec2::splat(CELL_PT[0]));
        let room = Vec2::new(available.x, available.y.min(self.max_height - gutter.y));
        let cells = match self.detail {
            Some(_) => Cells::fitting(self.maps, room, ui.pixels_per_point()),
            None => Cells::new(self.maps, available.x, ui.pixels_per_point()),
        };
        let content = cells.size_pt();
        let bar = if content.x > available.x { ui.spacing().scroll.allocated_width() } else { 0.0 };
        let height = (content.y + bar).min(self.max_height - gutter.y).min(available.y.max(4.0 * CELL_PT[0]));
        let outer = Vec2::new(available.x.min(content.x + ui.spacing().scroll.allocated_width()), height);
        let (_, rect) = ui.allocate_space(gutter + outer);
        let inner = Rect::from_min_max(rect.min + gutter, rect.max);
        let mut child = ui.new_child(UiBuilder::new().max_rect(inner).id_salt("head grid"));
        let shown = ScrollArea::both().auto_shrink(false).show(&mut child, |ui| self.cells(ui, &cells));
        let (clicked, origin) = shown.inner;
        self.axes(ui, rect, inner, origin, &cells);
        clicked
    }

    /// The maps themselves: the clicked one, and where the first was drawn.
    fn cells(&self, ui: &mut Ui, cells: &Cells) -> (Option<(usize, usize)>, Pos2) {
        let (rect, response) = ui.allocate_exact_size(cells.size_pt(), Sense::click());
        let origin = rect.min.round_to_pixels(ui.pixels_per_point());
        let rect = Rect::from_min_size(origin, rect.size());
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect, response.id, cells);
        }
        let hovered = response.hover_pos().and_then(|at| cells.at(at - origin));
        if let Some((layer, head)) = hovered {
            stroke_cell(ui, cells.rect(origin, layer, head), 1.0);
        }
        if let Some((layer, head)) = self.current.filter(|(l, h)| *l < cells.layers && *h < cells.heads) {
            stroke_cell(ui, cells.rect(origin, layer, head), 2.0);
        }
        let mut clicked =
            response.interact_pointer_pos().filter(|_| response.clicked()).and_then(|at| cells.at(at - origin));
        response.widget_info(|| egui::WidgetInfo::labeled(accesskit::Role::Grid, ui.is_enabled(), &self.label));
        if let Some(named) = self.name_cells(ui, &response, origin, cells) {
            clicked = Some(named);
        }
        if let Some((layer, head)) = hovered {
            response.on_hover_ui_at_pointer(|ui| self.tooltip(ui, layer, head));
        }
        (clicked, origin)
    }

    fn paint(&self, ui: &Ui, rect: Rect, id: egui::Id, cells: &Cells) {
        let visible = rect.intersect(ui.clip_rect()).round_to_pixels(ui.pixels_per_point());
        if !visible.is_positive() {
            return;
        }
        let layout = cells.layout(self.colormap, self.gamma);
        let shape = if gpu::info(ui.ctx()).is_some_and(|info| info.fits(self.maps)) {
            gpu::grid_shape(visible, rect.min, self.maps.clone(), layout)
        } else {
            let mut hasher = DefaultHasher::new();
            (self.maps.key(), layout.cell_px, layout.gap_px, layout.colormap).hash(&mut hasher);
            (layout.gamma.to_bits(), cells.layers, cells.heads).hash(&mut hasher);
            self.maps.ranges().iter().for_each(|range| range.map(f32::to_bits).hash(&mut hasher));
            fallback::picture_shape(ui.ctx(), id, rect, hasher.finish(), || compose_grid(self.maps, &layout))
        };
        ui.painter().rect_filled(rect, 0.0, theme::lattice(ui.visuals()));
        ui.painter().add(shape);
    }

    /// One accessible node per cell, if anybody listens; returns the cell that was activated through its node.
    fn name_cells(&self, ui: &Ui, response: &egui::Response, origin: Pos2, cells: &Cells) -> Option<(usize, usize)> {
        if cells.layers * cells.heads > MAX_NODES || !ui.ctx().has_accesskit_node(response.id) {
            return None;
        }
        let requested = |event: &egui::Event| matches!(event, egui::Event::AccessKitActionRequest(_));
        let any_request = ui.input(|i| i.events.iter().any(requested));
        let mut activated = None;
        for layer in 0..cells.layers {
            for head in 0..cells.heads {
                let id = response.id.with((layer, head));
                let bounds = cells.rect(origin, layer, head);
                let chosen = self.current == Some((layer, head));
                ui.ctx().accesskit_node_builder(id, |node| {
                    node.set_role(accesskit::Role::Button);
                    node.set_label(format!("Layer {layer}, head {head}"));
                    node.set_bounds(accesskit::Rect {
                        x0: bounds.min.x.into(),
                        y0: bounds.min.y.into(),
                        x1: bounds.max.x.into(),
                        y1: bounds.max.y.into(),
                    });
                    node.set_selected(chosen);
                    node.add_action(accesskit::Action::Click);
                });
                if any_request && ui.input(|i| i.has_accesskit_action_request(id, accesskit::Action::Click)) {
                    activated = Some((layer, head));
                }
            }
        }
        activated
    }

    fn tooltip(&self, ui: &mut Ui, layer: usize, head: usize) {
        ui.strong(format!("Layer {layer}, head {head}"));
        let Some(summary) = self.maps.summary(layer, head) else {
            ui.label("No values");
            return;
        };
        if let Some(figure) = self.figure {
            let value = if summary.missing > 0 { "not defined".to_owned() } else { format_value(summary.max) };
            ui.label(format!("{figure} {value}"));
            self.magnified(ui, layer, head);
            return;
        }
        let at = self
            .maps
            .grid()
            .pos(summary.argmax)
            .map_or_else(String::new, |pos| format!(" at row {}, column {}", pos.row, pos.col));
        ui.label(format!("max {}{at}", format_value(summary.max)));
        #[expect(clippy::cast_possible_truncation, reason = "shown with three digits")]
        ui.label(format!("total {}", format_value(summary.total as f32)));
        if let Some([lo, hi]) = self.maps.range(layer, head) {
            ui.weak(format!("colours from {} to {}", format_value(lo), format_value(hi)));
        }
        if summary.missing > 0 {
            ui.colored_label(ui.visuals().warn_fg_color, format!("{} patches without a value", summary.missing));
        }
    }

    /// The map whose figure a cell is, large enough to be read.
    fn magnified(&self, ui: &mut Ui, layer: usize, head: usize) {
        let Some((maps, map)) = self.detail.and_then(|maps| Some((maps, maps.map(layer, head)?))) else { return };
        let grid = maps.grid();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred pixels")]
        let cell_px = (MAGNIFIED_PT * ui.pixels_per_point() / grid.rows.max(grid.cols).max(1) as f32).max(1.0) as u32;
        let size_px = [grid.cols, grid.rows].map(|n| u32::try_from(n).unwrap_or(1).saturating_mul(cell_px));
        let size = Vec2::from(size_px.map(|px| px as f32 / ui.pixels_per_point()));
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let (layers, heads) = (maps.layers(), maps.heads());
        let key = maps.key().wrapping_mul(31).wrapping_add((layer * heads + head) as u64).wrapping_add(layers as u64);
        let one = GridMaps::new(key, [1, 1], grid, map.into(), GridRange::PerMap);
        let layout = GridLayout { cell_px: size_px, gap_px: 0, colormap: self.colormap, gamma: self.gamma };
        let shape = fallback::picture_shape(ui.ctx(), response.id, rect, key, || compose_grid(&one, &layout));
        ui.painter().add(shape);
    }

    /// Numbers along the edges, which stay while the maps scroll.
    fn axes(&self, ui: &Ui, outer: Rect, inner: Rect, origin: Pos2, cells: &Cells) {
        let font = TextStyle::Small.resolve(ui.style());
        let (weak, strong) = (ui.visuals().weak_text_color(), ui.visuals().strong_text_color());
        let pitch = cells.pitch_pt();
        let colour = |chosen: bool| if chosen { strong } else { weak };
        let clip = |rect: Rect| ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        clip(outer).text(Pos2::new(inner.left(), outer.top()), Align2::LEFT_TOP, "head", font.clone(), weak);
        let layer = ui.painter().layout_no_wrap("layer".to_owned(), font.clone(), weak);
        let at = Pos2::new(outer.left(), inner.top() + layer.size().x);
        clip(outer).add(TextShape::new(at, layer, weak).with_angle(-std::f32::consts::FRAC_PI_2));
        let left = clip(Rect::from_min_max(Pos2::new(outer.left(), inner.top()), inner.left_bottom()));
        for layer in ticks(cells.layers, pitch.y, self.current.map(|c| c.0)) {
            let at = Pos2::new(inner.left() - 4.0, cells.rect(origin, layer, 0).center().y);
            let chosen = self.current.is_some_and(|c| c.0 == layer);
            left.text(at, Align2::RIGHT_CENTER, layer.to_string(), font.clone(), colour(chosen));
        }
        let top = clip(Rect::from_min_max(Pos2::new(inner.left(), outer.top()), inner.right_top()));
        for head in ticks(cells.heads, pitch.x, self.current.map(|c| c.1)) {
            let at = Pos2::new(cells.rect(origin, 0, head).center().x, inner.top() - 2.0);
            let chosen = self.current.is_some_and(|c| c.1 == head);
            top.text(at, Align2::CENTER_BOTTOM, head.to_string(), font.clone(), colour(chosen));
        }
    }
}

/// White in black: seen on every colour map and theme.
fn stroke_cell(ui: &Ui, rect: Rect, width: f32) {
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(width + 1.0, theme::MARK_DARK.to_opaque()), StrokeKind::Outside);
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(width, theme::MARK_LIGHT), StrokeKind::Outside);
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, theme::MARK_DARK), StrokeKind::Inside);
}

/// Which of `n` numbers fit an axis: every one, every second, fifth, tenth; and the chosen one in place of its
/// neighbours.
fn ticks(n: usize, pitch_pt: f32, chosen: Option<usize>) -> Vec<usize> {
    let fits = |step: usize| pitch_pt * step as f32 >= TICK_PT;
    let step = [1, 2, 4, 8, 16, 32].into_iter().find(|s| fits(*s)).unwrap_or(64);
    let crowds = |i: usize, c: usize| i != c && i.abs_diff(c) < step;
    let mut ticks: Vec<usize> =
        (0..n).step_by(step).filter(|i| chosen.is_none_or(|c| c >= n || !crowds(*i, c))).collect();
    if let Some(c) = chosen.filter(|c| *c < n && !ticks.contains(c)) {
        ticks.push(c);
    }
    ticks
}

/// Where the maps lie: whole screen pixels.
struct Cells {
    layers: usize,
    heads: usize,
    cell_px: [u32; 2],
    gap_px: u32,
    pixels_per_point: f32,
}

impl Cells {
    fn new(maps: &GridMaps, width_pt: f32, pixels_per_point: f32) -> Self {
        let PatchGrid { rows, cols } = maps.grid();
        let side_pt = (width_pt / maps.heads().max(1) as f32 - 2.0).clamp(CELL_PT[0], CELL_PT[1]);
        let side_px = side_pt * pixels_per_point;
        let height_px = (side_px * rows as f32 / cols.max(1) as f32).clamp(side_px * 0.25, side_px * 4.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small sizes, clamped")]
        let whole = |v: f32| v.floor().max(1.0) as u32;
        Self {
            layers: maps.layers(),
            heads: maps.heads(),
            cell_px: [whole(side_px), whole(height_px)],
            gap_px: whole(pixels_per_point * if side_pt < 20.0 { 1.0 } else { 2.0 }),
            pixels_per_point,
        }
    }

    /// Cells of one colour, all of them within the room.
    fn fitting(maps: &GridMaps, room_pt: Vec2, pixels_per_point: f32) -> Self {
        let gap_px = 1_u32;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sides of cells, clamped")]
        let side = |room_pt: f32, count: usize| {
            let pitch_px = (room_pt.max(0.0) * pixels_per_point / count.max(1) as f32).floor() as u32;
            let most_px = (CELL_PT[1] * pixels_per_point) as u32;
            pitch_px.saturating_sub(gap_px).clamp(1, most_px)
        };
        let cell_px = [side(room_pt.x, maps.heads()), side(room_pt.y, maps.layers())];
        Self { layers: maps.layers(), heads: maps.heads(), cell_px, gap_px, pixels_per_point }
    }

    fn layout(&self, colormap: usize, gamma: f32) -> GridLayout {
        GridLayout { cell_px: self.cell_px, gap_px: self.gap_px, colormap, gamma }
    }

    fn pitch_pt(&self) -> Vec2 {
        let pitch = self.cell_px.map(|c| (c + self.gap_px) as f32 / self.pixels_per_point);
        Vec2::from(pitch)
    }

    fn cell_pt(&self) -> Vec2 {
        Vec2::from(self.cell_px.map(|c| c as f32 / self.pixels_per_point))
    }

    fn size_pt(&self) -> Vec2 {
        let gap = self.gap_px as f32 / self.pixels_per_point;
        self.pitch_pt() * Vec2::new(self.heads as f32, self.layers as f32) - Vec2::splat(gap)
    }

    fn rect(&self, origin: Pos2, layer: usize, head: usize) -> Rect {
        Rect::from_min_size(origin + self.pitch_pt() * Vec2::new(head as f32, layer as f32), self.cell_pt())
    }

    /// The map under a point from the first one's corner; gaps belong to the map before them.
    fn at(&self, by: Vec2) -> Option<(usize, usize)> {
        let along = by / self.pitch_pt();
        if along.x < 0.0 || along.y < 0.0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let (layer, head) = (along.y as usize, along.x as usize);
        (layer < self.layers && head < self.heads).then_some((layer, head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_crowd() {
        assert_eq!(ticks(4, 30.0, None), [0, 1, 2, 3], "room for all");
        assert_eq!(ticks(8, 9.0, None), [0, 2, 4, 6], "every second");
        assert_eq!(ticks(8, 9.0, Some(3)), [0, 6, 3], "the chosen one replaces its neighbours");
        assert_eq!(ticks(8, 9.0, Some(99)), [0, 2, 4, 6], "a choice of another model changes nothing");
    }
}
