//! The window lies within the screen: its status bar must not begin below the edge of a laptop.

use eframe::egui;
use egui::{Context, Rect, Vec2, ViewportInfo};

/// What the first window asks for inside, points.
pub(in crate::ui) const FIRST_SIZE_PT: Vec2 = Vec2::new(1280.0, 800.0);
/// The smallest that all panels have room in, points.
pub(in crate::ui) const LEAST_SIZE_PT: Vec2 = Vec2::new(760.0, 480.0);

/// Height of a title bar where the window system does not tell it, points.
const TITLE_BAR_PT: f32 = 36.0;
/// Height of the desktop's own panel, which no window system tells, points.
const DESKTOP_PANEL_PT: f32 = 44.0;

/// Makes the window smaller once, as soon as the screen is known, where it does not fit.
#[derive(Debug, Default)]
pub(in crate::ui) struct FirstFit {
    is_done: bool,
}

impl FirstFit {
    /// To be called in each frame.
    pub(in crate::ui) fn follow(&mut self, ctx: &Context) {
        if self.is_done {
            return;
        }
        // Wayland does not say where a window stands, and its whole content is as large as it is.
        let content = ctx.content_rect().size();
        let known = ctx.input(|input| {
            let viewport = input.viewport();
            let is_free = viewport.maximized != Some(true) && viewport.fullscreen != Some(true);
            let size = viewport.inner_rect.map_or(content, |inner| inner.size());
            Some((size, is_free, room(viewport)?))
        });
        let Some((size, is_free, room)) = known else { return };
        self.is_done = true;
        let fits = size.min(room);
        if is_free && fits != size {
            ctx.send_viewport_cmd(egui::ViewportCommand::InnerSize(fits));
        }
    }
}

/// What a window may have inside on its screen; `None` while the screen is unknown.
pub(in crate::ui) fn room(viewport: &ViewportInfo) -> Option<Vec2> {
    let monitor = viewport.monitor_size.filter(|size| size.x > 0.0 && size.y > 0.0)?;
    let around = |outer: Rect, inner: Rect| (outer.size() - inner.size()).max(Vec2::ZERO);
    let mut frame =
        viewport.outer_rect.zip(viewport.inner_rect).map_or(Vec2::ZERO, |(outer, inner)| around(outer, inner));
    if frame.y < 1.0 {
        frame.y = TITLE_BAR_PT;
    }
    Some((monitor - frame - Vec2::new(0.0, DESKTOP_PANEL_PT)).max(LEAST_SIZE_PT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Pos2, pos2, vec2};

    fn viewport(monitor: Option<Vec2>, inner: Vec2, frame: Vec2) -> ViewportInfo {
        let inner_rect = Rect::from_min_size(pos2(0.0, frame.y), inner);
        let outer_rect = Rect::from_min_size(Pos2::ZERO, inner + frame);
        ViewportInfo {
            monitor_size: monitor,
            inner_rect: Some(inner_rect),
            outer_rect: Some(outer_rect),
            ..ViewportInfo::default()
        }
    }

    #[test]
    fn a_laptop_has_room_for_title_bar_and_panel() {
        let screen = Some(vec2(1280.0, 800.0));
        let with_frame = viewport(screen, FIRST_SIZE_PT, vec2(2.0, 30.0));
        assert_eq!(room(&with_frame), Some(vec2(1278.0, 726.0)), "the frame is known");
        let without = viewport(screen, FIRST_SIZE_PT, Vec2::ZERO);
        assert_eq!(room(&without), Some(vec2(1280.0, 720.0)), "the frame is guessed");
        let tiny = viewport(Some(vec2(640.0, 400.0)), FIRST_SIZE_PT, Vec2::ZERO);
        assert_eq!(room(&tiny), Some(LEAST_SIZE_PT), "never smaller than its panels");
        assert_eq!(room(&viewport(None, FIRST_SIZE_PT, Vec2::ZERO)), None, "an unknown screen");
    }

    /// Sizes that are asked for, frame by frame.
    fn sizes(viewports: &[ViewportInfo]) -> Vec<Vec2> {
        let (ctx, mut fit, mut asked) = (Context::default(), FirstFit::default(), Vec::new());
        for viewport in viewports {
            let mut input = egui::RawInput::default();
            input.viewports.insert(egui::ViewportId::ROOT, viewport.clone());
            let mut output = ctx.run_ui(input, |ui| fit.follow(ui.ctx()));
            output.textures_delta.clear(); // nothing is painted
            let commands = output.viewport_output.into_values().flat_map(|viewport| viewport.commands);
            asked.extend(commands.filter_map(|command| match command {
                egui::ViewportCommand::InnerSize(size) => Some(size),
                _ => None,
            }));
        }
        asked
    }

    #[test]
    fn the_first_window_is_made_to_fit_once() {
        let frame = vec2(0.0, 30.0);
        let unknown = viewport(None, FIRST_SIZE_PT, frame);
        let laptop = viewport(Some(vec2(1280.0, 800.0)), FIRST_SIZE_PT, frame);
        let asked = sizes(&[unknown, laptop.clone(), laptop.clone()]);
        assert_eq!(asked, [vec2(1280.0, 726.0)], "once, when the screen is known");
        let large = viewport(Some(vec2(1920.0, 1080.0)), FIRST_SIZE_PT, frame);
        assert!(sizes(&[large, laptop.clone()]).is_empty(), "it fitted; later sizes are the user's");
        let maximized = ViewportInfo { maximized: Some(true), ..laptop };
        assert!(sizes(&[maximized]).is_empty(), "the desktop's own size");
    }
}
