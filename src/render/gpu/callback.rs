//! The one paint callback of egui: what is painted says how it is bound and drawn.

use super::{Gpu, wgpu};
use eframe::{egui, egui_wgpu};
use std::sync::OnceLock;

/// Something that the pipelines draw.
pub(super) trait Painted: Send + Sync + 'static {
    /// What stays bound until it is drawn.
    type Bound: Send + Sync;

    /// Sends what is not on the graphics card yet and binds it; `None` for what no texture holds.
    fn bind(&self, gpu: &mut Gpu, target: &Target<'_>) -> Option<Self::Bound>;

    /// Draws it.
    fn draw(&self, gpu: &Gpu, pass: &mut wgpu::RenderPass<'_>, bound: &Self::Bound);
}

/// Where something is drawn.
pub(super) struct Target<'a> {
    pub(super) device: &'a wgpu::Device,
    pub(super) queue: &'a wgpu::Queue,
    /// The window's scale and size; `None` for a picture in memory that holds nothing else.
    pub(super) screen: Option<&'a egui_wgpu::ScreenDescriptor>,
}

impl Target<'_> {
    /// The upper left corner of a rectangle of the window, pixels of the target.
    pub(super) fn origin_px(&self, rect: egui::Rect) -> [f32; 2] {
        self.screen.map_or([0.0; 2], |screen| super::corner_px(rect, screen).map(|v| v as f32))
    }
}

/// Paints in `rect`, the visible part of a widget.
pub(super) fn shape(rect: egui::Rect, painted: impl Painted) -> egui::Shape {
    let callback = Callback { painted, bound: OnceLock::new() };
    egui::Shape::Callback(egui_wgpu::Callback::new_paint_callback(rect, callback))
}

struct Callback<P: Painted> {
    painted: P,
    bound: OnceLock<Option<P::Bound>>,
}

impl<P: Painted> egui_wgpu::CallbackTrait for Callback<P> {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(gpu) = resources.get_mut::<Gpu>() {
            let target = Target { device, queue, screen: Some(screen) };
            self.bound.get_or_init(|| self.painted.bind(gpu, &target));
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &egui_wgpu::CallbackResources,
    ) {
        if let (Some(gpu), Some(Some(bound))) = (resources.get::<Gpu>(), self.bound.get()) {
            self.painted.draw(gpu, pass, bound);
        }
    }
}
