//! The window without a screen: shapes are made and cut into triangles, nothing is drawn.

use eframe::{App as _, egui};
use gazelens::ui::EngineLink;
use gazelens::ui::{App, AppOptions};
use std::time::{Duration, Instant};

/// See the module's documentation.
pub(crate) struct Screenless {
    pub(crate) app: App,
    ctx: egui::Context,
    frame: eframe::Frame,
    started: Instant,
}

impl Screenless {
    /// `link` gets the context that it may wake.
    pub(crate) fn new(link: impl FnOnce(egui::Context) -> Box<dyn EngineLink>) -> Self {
        let ctx = egui::Context::default();
        let mut cc = eframe::CreationContext::_new_kittest(ctx.clone());
        // With a device the grid is one paint callback, as on a screen; without one it would be composed on the CPU.
        let setup = egui_kittest::wgpu::default_wgpu_setup();
        cc.wgpu_render_state =
            Some(egui_kittest::wgpu::create_render_state(setup, eframe::egui_wgpu::RendererOptions::default()));
        let app = App::new(&cc, AppOptions::new(link(ctx.clone())));
        Self { app, ctx, frame: eframe::Frame::_new_kittest(), started: Instant::now() }
    }

    /// One frame; in how long the window asks for the next.
    pub(crate) fn draw(&mut self) -> Duration {
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1920.0, 1080.0));
        let input = egui::RawInput {
            screen_rect: Some(screen),
            time: Some(self.started.elapsed().as_secs_f64()),
            ..egui::RawInput::default()
        };
        let (app, frame) = (&mut self.app, &mut self.frame);
        let output = self.ctx.run_ui(input, |ui| {
            app.logic(&ui.ctx().clone(), frame);
            app.ui(ui, frame);
        });
        let primitives = self.ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        assert!(!primitives.is_empty(), "something is painted");
        let viewport = output.viewport_output.get(&egui::ViewportId::ROOT);
        let repaint_after = viewport.map_or(Duration::MAX, |viewport| viewport.repaint_delay);
        output.drop_without_applying_deltas();
        repaint_after
    }
}
