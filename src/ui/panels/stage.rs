//! What every view of the photo has: its place, its menu, its zoom.

use super::PanelContext;
use crate::ui::canvas::{CanvasResponse, CanvasView};
use crate::ui::command::{CanvasCommand, Command, CopyCommand, FigureCommand};
use crate::ui::widgets::command_button;

/// Zoom of one press of a key.
const ZOOM_STEP: f64 = 1.25;

/// Height kept free below the photo for one line of text, and for the colour bar, points.
pub(super) const LINE_PT: f32 = 30.0;
pub(super) const COLOUR_BAR_PT: f32 = 50.0;

/// What can be done with the picture, at the pointer.
pub(super) fn context_menu(response: &CanvasResponse, cx: &mut PanelContext<'_>) {
    response.response.context_menu(|ui| {
        for (words, command) in [
            ("Copy the picture", Command::Copy(CopyCommand::Picture)),
            ("Add what is shown to the figure", Command::Figure(FigureCommand::AddShown)),
            ("Fit the photo", Command::Canvas(CanvasCommand::Fit)),
        ] {
            if command_button(ui, words, &command, cx.commands).clicked() {
                ui.close();
            }
        }
    });
}

/// Does what the view was told since the last frame.
pub(super) fn follow_commands(cx: &mut PanelContext<'_>) {
    for command in std::mem::take(&mut cx.memory.canvas_commands) {
        steer(&mut cx.memory.canvas, command);
        steer(&mut cx.memory.compare.canvas, command);
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
