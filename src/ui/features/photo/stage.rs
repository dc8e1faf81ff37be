//! What every view of the photo has: its place, its menu, its zoom.

use crate::ui::core::command::{CanvasCommand, Command, CopyCommand, FigureCommand};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::canvas::{CanvasResponse, CanvasView, PhotoCanvas};
use crate::ui::widgets::colour_bar::{ColourBar, UPRIGHT_PT};
use crate::ui::widgets::command_button;
use eframe::egui;
use egui::{Rect, Sense, Ui, UiBuilder, pos2, vec2};

/// Zoom of one press of a key.
const ZOOM_STEP: f64 = 1.25;

/// Height kept free below the photo for one line of text, points.
pub(in crate::ui) const LINE_PT: f32 = 28.0;
/// Between the photo and its colour bar, points.
const GAP_PT: f32 = 4.0;
/// The least height of a colour bar, points.
const LEAST_BAR_PT: f32 = 140.0;

/// The photo in all of the room but for `below_pt` under it, with a place for an upright colour bar at its side, which
/// is kept free where there is no bar: the photo does not jump when one comes.
pub(in crate::ui) fn canvas(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    canvas: PhotoCanvas<'_>,
    below_pt: f32,
) -> CanvasResponse {
    let room = ui.available_size();
    let side_pt = UPRIGHT_PT + GAP_PT;
    let size = vec2((room.x - side_pt).max(80.0), (room.y - below_pt).max(80.0));
    let (rect, _) = ui.allocate_exact_size(vec2(room.x.max(size.x), size.y), Sense::hover());
    let mut inside = ui.new_child(UiBuilder::new().max_rect(Rect::from_min_size(rect.min, size)));
    let response = canvas.size(size).show(&mut inside, &mut cx.memory.canvas);
    cx.memory.photo_shown = Some(response.photo_rect.intersect(response.rect));
    response
}

/// The colour bar at the photo's side, as high as the photo.
pub(in crate::ui) fn upright_bar(ui: &mut Ui, bar: ColourBar<'_>, response: &CanvasResponse) {
    let rect = bar_rect(response.photo_rect.intersect(response.rect), response.rect);
    bar.show_upright(&mut ui.new_child(UiBuilder::new().max_rect(rect)));
}

/// The place of the bar beside the visible part of the photo, within the canvas from top to bottom.
fn bar_rect(photo: Rect, canvas: Rect) -> Rect {
    let height = photo.height().max(LEAST_BAR_PT).min(canvas.height());
    // Rounding may leave the last top above the first: no clamp, which would not take that.
    let top = (photo.center().y - height / 2.0).min(canvas.bottom() - height).max(canvas.top());
    Rect::from_min_size(pos2(photo.right() + GAP_PT, top), vec2(UPRIGHT_PT, height))
}

/// What can be done with the picture, at the pointer.
pub(in crate::ui) fn context_menu(response: &CanvasResponse, cx: &mut PanelContext<'_>) {
    response.response.context_menu(|ui| {
        for (words, command) in [
            ("Copy the picture", Command::Copy(CopyCommand::Picture)),
            ("Add what is shown to the figure", Command::Figure(FigureCommand::AddShown)),
            ("Fit the photo", Command::Canvas(CanvasCommand::Fit)),
            ("Photo only", Command::TogglePhotoOnly),
            ("Overlay on or off", Command::ToggleOverlay),
            ("Names of the objects", Command::ToggleNames),
        ] {
            if command_button(ui, words, &command, cx.commands).clicked() {
                ui.close();
            }
        }
    });
}

/// Does what the view was told since the last frame.
pub(in crate::ui) fn follow_commands(cx: &mut PanelContext<'_>) {
    for command in std::mem::take(&mut cx.memory.canvas_commands) {
        steer(&mut cx.memory.canvas, command);
        steer(&mut cx.memory.compared, command);
    }
}

fn steer(view: &mut CanvasView, command: CanvasCommand) {
    match command {
        CanvasCommand::Fit => view.fit(),
        CanvasCommand::ActualSize => view.one_to_one(),
        CanvasCommand::ZoomIn => view.zoom_by(ZOOM_STEP),
        CanvasCommand::ZoomOut => view.zoom_by(1.0 / ZOOM_STEP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_stands_beside_the_photo_at_every_density() {
        for pixels_per_point in [0.9_f32, 1.0, 1.1, 1.25, 1.333, 1.5, 1.75, 2.0] {
            for (top, bottom) in (0_u16..60).flat_map(|top| (300_u16..340).map(move |bottom| (top, bottom))) {
                let y = |px: u16| f32::from(px) / pixels_per_point;
                let canvas = Rect::from_min_max(pos2(10.0, y(top)), pos2(400.0, y(bottom)));
                // A photo that is zoomed in fills it.
                let rect = bar_rect(canvas, canvas);
                assert!((rect.height() - canvas.height()).abs() < 1e-3, "as high as the photo: {rect} in {canvas}");
                let small = Rect::from_center_size(canvas.center(), vec2(100.0, 20.0));
                let rect = bar_rect(small, canvas);
                assert!(rect.top() >= canvas.top() - 1e-3 && rect.bottom() <= canvas.bottom() + 1e-3, "within: {rect}");
            }
        }
    }
}
