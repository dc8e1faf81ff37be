//! Photos, maps, devices and harnesses of the other modules.

use eframe::{egui, egui_wgpu, egui_wgpu::wgpu};
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use egui_kittest::{Harness, HarnessBuilder};
use gazelens::geometry::{
    Framing, ImageLayout, ImageSize, ModelView, PatchGrid, PreprocessSpec, RectPx, Region, RegionKind, Resample,
    ResizeTo,
};
use gazelens::render::gpu::{self, Offscreen};
use gazelens::render::{HeatMap, HeatStyle, Marks, PhotoTexture, Picture, Scene};
use std::sync::{Arc, LazyLock, Mutex};

/// A size with whole numbers all the way: shortest edge 48 to 48 pixels, patches of 8, so 6 x 6 patches of exactly 8
/// photo pixels.
pub(crate) fn spec(framing: Framing) -> PreprocessSpec {
    PreprocessSpec {
        framing,
        resize: Some(ResizeTo::ShortestEdge(48)),
        resample: Resample::Bicubic,
        crop_px: Some((48, 48)),
        ..PreprocessSpec::clip(48)
    }
}

pub(crate) fn view(width_px: u32, height_px: u32, framing: Framing) -> ModelView {
    ModelView::new(ImageSize { width_px, height_px }, &spec(framing), 8)
}

/// A padded photo in 3 x 5 cells under two tiles of 4 x 4, every row of a tile with a separator behind it, one token
/// without pixels in front and queries at the end.
pub(crate) fn tiles(image: ImageSize) -> ImageLayout {
    let (w, h) = (f64::from(image.width_px), f64::from(image.height_px));
    let region = |kind, first_token, [rows, cols, row_stride]: [usize; 3], rect: Option<[f64; 4]>| {
        let rect_px = rect.map(|[x0, y0, x1, y1]| RectPx { x0, y0, x1, y1 });
        Region { kind, first_token, grid: PatchGrid { rows, cols }, row_stride, rect_px, encoder: 0 }
    };
    let whole = Some([-0.125 * w, 0.0, 1.125 * w, h]);
    let regions = vec![
        region(RegionKind::Photo, 1, [3, 5, 5], whole),
        region(RegionKind::Tile, 16, [4, 4, 5], Some([0.0, 0.0, 0.5 * w, h])),
        region(RegionKind::Tile, 36, [4, 4, 5], Some([0.5 * w, 0.0, w, h])),
        region(RegionKind::Queries, 56, [1, 4, 4], None),
    ];
    ImageLayout::new(image, 60, regions).unwrap()
}

/// Smooth colours with hard-edged detail, different at every pixel.
pub(crate) fn photo(width_px: u32, height_px: u32) -> PhotoTexture {
    let rgb: Vec<u8> = (0..height_px)
        .flat_map(|y| (0..width_px).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            let noise = (x.wrapping_mul(73) ^ y.wrapping_mul(151)) % 64;
            [x * 191 / width_px + noise, y * 191 / height_px + noise, (x / 7 + y / 5) % 2 * 150 + noise]
        })
        .map(|v| u8::try_from(v).unwrap())
        .collect();
    PhotoTexture::new(u64::from(width_px) << 32 | u64::from(height_px), ImageSize { width_px, height_px }, &rgb)
        .unwrap()
}

/// Pseudo-random values in 0..1 from a seed that is also the key.
pub(crate) fn noise_map(layout: impl Into<ImageLayout>, key: u64) -> HeatMap {
    let layout = Arc::new(layout.into());
    let mut state = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    HeatMap { values: (0..layout.len()).map(|_| next()).collect(), layout, key }
}

/// One patch of value 1 among zeros.
pub(crate) fn hot_map(layout: impl Into<ImageLayout>, hot: usize) -> HeatMap {
    let layout = Arc::new(layout.into());
    let values = (0..layout.len()).map(|i| if i == hot { 1.0 } else { 0.0 }).collect();
    HeatMap { layout, values, key: 1_000_000_u64.wrapping_add(hot as u64) }
}

pub(crate) fn scene(layout: impl Into<ImageLayout>, heat: Option<(HeatMap, HeatStyle)>) -> Scene {
    let layout = Arc::new(layout.into());
    let ImageSize { width_px, height_px } = layout.image();
    Scene { photo: photo(width_px, height_px), layout, heat, marks: Marks::default() }
}

/// A device of the software driver where there is one. `limit` lowers the largest texture.
pub(crate) fn render_state(limit: Option<u32>) -> Option<egui_wgpu::RenderState> {
    let mut setup = default_wgpu_setup();
    if let (Some(max_texture_dimension_2d), egui_wgpu::WgpuSetup::CreateNew(new)) = (limit, &mut setup) {
        let limits = wgpu::Limits { max_texture_dimension_2d, ..wgpu::Limits::downlevel_defaults() };
        new.device_descriptor =
            Arc::new(move |_| wgpu::DeviceDescriptor { required_limits: limits.clone(), ..Default::default() });
    }
    let create = std::panic::AssertUnwindSafe(|| create_render_state(setup, egui_wgpu::RendererOptions::PREDICTABLE));
    let state = std::panic::catch_unwind(create).ok();
    if state.is_none() {
        assert!(
            std::env::var_os("GAZELENS_ALLOW_NO_GPU").is_some_and(|v| v == "1"),
            "Expected a graphics driver (mesa-vulkan-drivers will do); set GAZELENS_ALLOW_NO_GPU=1 to go without"
        );
        println!("NOT RUN: no graphics driver, and GAZELENS_ALLOW_NO_GPU=1");
    }
    state
}

/// One device for all off-screen tests.
static OFFSCREEN: LazyLock<Option<Mutex<Offscreen>>> =
    LazyLock::new(|| render_state(None).map(|state| Mutex::new(Offscreen::new(&state.device, &state.queue))));

/// Runs a check on the shared device, or says that it did not.
pub(crate) fn with_offscreen(check: impl FnOnce(&mut Offscreen)) {
    if let Some(offscreen) = OFFSCREEN.as_ref() {
        check(&mut offscreen.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// A harness whose widgets draw through the graphics card, and the state that holds its textures; `None` where there is
/// no card.
pub(crate) fn gpu_harness<'a, S: 'a>(
    builder: HarnessBuilder<S>,
    app: impl FnMut(&mut egui::Ui, &mut S) + 'a,
    state: S,
) -> Option<(Harness<'a, S>, egui_wgpu::RenderState)> {
    let render_state = render_state(None)?;
    let shared = render_state.clone();
    let harness = builder
        .with_max_steps(400)
        .with_step_dt(1.0 / 60.0)
        .renderer(WgpuTestRenderer::from_render_state(render_state.clone()))
        .with_context_setup(move |ctx| gpu::install(ctx, &shared, 1))
        .build_ui_state(app, state);
    Some((harness, render_state))
}

/// Largest difference of two pictures in one channel, and where.
pub(crate) fn worst(a: &Picture, b: &Picture) -> (u8, [usize; 2]) {
    assert_eq!(a.size, b.size, "pictures differ in size");
    let width = a.size[0] as usize;
    let differences = a.rgba.iter().zip(&b.rgba).map(|(a, b)| a.abs_diff(*b)).enumerate();
    let (at, worst) = differences.max_by_key(|(_, d)| *d).unwrap();
    (worst, [at / 4 % width, at / 4 / width])
}
