//! What every addition is driven through: a question, the trace file, the overlay, a figure.

use candle_core::{DType, Device, Tensor, safetensors};
use eframe::egui_wgpu::RendererOptions;
use egui_kittest::wgpu::{create_render_state, default_wgpu_setup};
use gazelens::analysis::PatchMap;
use gazelens::checkpoint::{Checkpoint, TextConfig};
use gazelens::data::Photo;
use gazelens::engine::{Answer, Event, ImageSource, OpenModel, Prompt, Question, RecordOptions, RunId, Spec, run_job};
use gazelens::figure::recipe::{Colour, Layout, Panel, Show};
use gazelens::figure::{Figure, Format, Given, Inputs, Mismatches, Recipe, demo_annotations, open_photo};
use gazelens::geometry::{Combine, PatchGrid};
use gazelens::model::{Decoder, TensorMap};
use gazelens::render::gpu::Offscreen;
use gazelens::render::{HeatMap, HeatStyle, Marks, PhotoTexture, Scene, Window, colormap, colour, compose};
use gazelens::trace::file::{TraceFile, write_trace};
use gazelens::trace::{RowPrecision, Trace};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const PHOTO: &str = "demo_07_street.png";

pub(crate) fn photo() -> Photo {
    open_photo(Path::new(PHOTO)).unwrap()
}

/// A question with a method, where one is named.
pub(crate) fn question(method: Option<&str>) -> Question {
    let prompt = Prompt::Templated("Describe this image briefly.".to_owned());
    let spec = |name: &str| Spec { name: name.to_owned(), ..Spec::default() };
    Question {
        max_new_tokens: 6,
        methods: method.map(spec).into_iter().collect(),
        record: RecordOptions { precision: RowPrecision::F32, ..RecordOptions::default() },
        ..Question::new(ImageSource::Bundled(PHOTO.to_owned()), prompt)
    }
}

/// The answer, and where it was taken back to.
pub(crate) fn ask(model: &OpenModel, question: &Question) -> (Answer, Vec<usize>) {
    let mut rewinds = Vec::new();
    let mut emit = |event: Event| {
        if let Event::Rewind(_, to_len) = event {
            rewinds.push(to_len);
        }
    };
    let answer = run_job(model, RunId(1), question, &mut emit, &AtomicBool::new(false)).unwrap();
    (answer, rewinds)
}

/// What a trace file keeps of an answer.
pub(crate) fn kept(answer: &Answer) -> Arc<Trace> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer.safetensors");
    write_trace(&path, &answer.trace, &answer.extras).unwrap();
    Arc::new(TraceFile::read(&path).unwrap().trace)
}

/// A map on the photo: the shader draws what its twin draws, and in the middle of every cell stands its value's colour.
pub(crate) fn overlay(map: &PatchMap, photo: &Photo) {
    let heat = HeatMap { layout: Arc::clone(&map.layout), values: map.values.clone().into(), key: 1 };
    let state = create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE);
    let mut offscreen = Offscreen::new(&state.device, &state.queue);
    for region in map.layout.placed() {
        let combine = Combine::Region(region.idx);
        let range = [0.0, map.range.max];
        let style = HeatStyle { range, gamma: 1.0, opacity: 1.0, alpha_ramp: 0.0, combine, ..HeatStyle::default() };
        let (layout, heat) = (Arc::clone(&map.layout), Some((heat.clone(), style)));
        let photo = PhotoTexture::new(7, photo.size(), &photo.rgb).unwrap();
        let scene = Scene { photo, layout, heat, marks: Marks::default() };
        let window = Window::whole(&map.layout, 1.0);
        let (drawn, twin) = (offscreen.heat(&scene, &window).unwrap(), compose(&scene, &window));
        let apart = drawn.rgba.iter().zip(&twin.rgba).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(2), "the shader is {apart:?}/255 from its twin");
        for cell in 0..region.grid.len() {
            let (row, col) = (cell / region.grid.cols, cell % region.grid.cols);
            let rect = region.cell_rect_px(row, col);
            let (x, y) = (
                f64::midpoint(rect.x0, rect.x1) - window.rect_px.x0,
                f64::midpoint(rect.y0, rect.y1) - window.rect_px.y0,
            );
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside of the picture")]
            let at = 4 * (y as usize * twin.size[0] as usize + x as usize);
            let expected = colour(map.values[region.first_cell + cell], &style, colormap(style.colormap));
            for (found, expected) in twin.rgba[at..at + 3].iter().zip(expected) {
                let apart = (f32::from(*found) - expected * 255.0).abs();
                assert!(apart <= 2.0, "row {row}, column {col} of region {}: {found}, {expected}", region.idx);
            }
        }
    }
}

/// A panel of a figure: its caption, its numbers, and its metrics.
pub(crate) fn panel(trace: &Arc<Trace>, show: Show) -> (String, Vec<f32>, BTreeMap<String, Option<f64>>) {
    let mut recipe = Recipe::new(Layout::default(), Colour::default());
    recipe.add_trace("answer", trace, None);
    recipe.inputs.annotations.insert("truth".to_owned(), demo_annotations());
    recipe.panels.push(Panel::new(show));
    let read = Recipe::from_json(&recipe.to_json(), Path::new("figure.json")).unwrap();
    assert_eq!(read, recipe, "a recipe is read as it was written");
    let traces = [("answer".to_owned(), Arc::clone(trace))].into();
    let given = Given { traces, ..Given::default() };
    let inputs = Inputs::open(&read, given, None, Mismatches::Refused).unwrap();
    let figure = Figure::new(&read, &inputs).unwrap();
    assert!(figure.bytes(Format::Svg).unwrap().len() > 1000, "it is drawn");
    let panel = &figure.resolved().panels[0];
    let values = panel.data.tensor.as_ref().map_or_else(Vec::new, |(_, _, values)| values.clone());
    (panel.caption.clone(), values, panel.data.metrics.iter().cloned().collect())
}

/// The demo's decoder, with rotary pairs that turn by time, height and width.
pub(crate) fn decoder(rope_sections: &[usize]) -> Decoder {
    let demo = Checkpoint::demo().unwrap();
    let config = TextConfig { rope_sections: rope_sections.to_vec(), ..demo.llava().unwrap().text.clone() };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava/model.safetensors");
    let short =
        |name: String| name.replace("language_model.model.", "language_model.").replace("language_model.lm", "lm");
    let tensors = safetensors::load(path, &Device::Cpu).unwrap().into_iter();
    let weights = TensorMap::new(tensors.map(|(name, tensor): (String, Tensor)| (short(name), tensor)).collect());
    Decoder::load(&weights, &config, DType::F32, &Device::Cpu).unwrap()
}

pub(crate) fn eos_token_ids() -> Vec<u32> {
    Checkpoint::demo().unwrap().llava().unwrap().eos_token_ids.clone()
}

/// Mean of the first channel in every cell of a grid over the photo's leftmost columns, 0 to 1.
pub(crate) fn brightness(photo: &Photo, width_px: u32, grid: PatchGrid) -> Vec<f32> {
    let (w, h) = (width_px as usize, photo.height_px as usize);
    let cell = |row: usize, col: usize| {
        let ys = row * h / grid.rows..(row + 1) * h / grid.rows;
        let xs = col * w / grid.cols..(col + 1) * w / grid.cols;
        let spots = ys.flat_map(|y| xs.clone().map(move |x| 3 * (y * photo.width_px as usize + x)));
        let values: Vec<f32> = spots.map(|at| f32::from(photo.rgb[at]) / 255.0).collect();
        values.iter().sum::<f32>() / values.len() as f32
    };
    (0..grid.len()).map(|idx| cell(idx / grid.cols, idx % grid.cols)).collect()
}
