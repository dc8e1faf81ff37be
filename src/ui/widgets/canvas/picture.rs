//! A canvas as a picture of its own: everything that is drawn on the photo, in the photo's own pixels, for the
//! clipboard.

use crate::geometry::{PatchPos, RectPx};
use crate::render::{Picture, Scene, Window};
use crate::ui::widgets::canvas::PhotoCanvas;
use crate::ui::widgets::canvas::fallback::{Layers, draw};
use std::sync::Arc;

/// Lines are one pixel wide for every so many of the photo's longer side: on a large photo a single pixel would be
/// lost.
const LINE_OF_SIDE: f32 = 900.0;

/// What is to be drawn; drawing takes its time.
pub(in crate::ui) struct CanvasPicture {
    scene: Scene,
    layers: Layers,
    circled: Vec<PatchPos>,
    squared: Vec<PatchPos>,
    /// Behind what is not opaque.
    ground: [u8; 3],
}

impl PhotoCanvas<'_> {
    /// What the canvas shows, without zoom; `ground` lies behind the padding.
    pub(in crate::ui) fn picture(self, ground: [u8; 3]) -> CanvasPicture {
        let prompt = self.prompt;
        CanvasPicture {
            scene: Scene {
                photo: self.photo.clone(),
                layout: Arc::clone(self.layout),
                heat: self.heat,
                marks: self.marks,
            },
            layers: Layers { prompt, masks: self.masks, overlap: self.overlap },
            circled: self.circled,
            squared: self.squared,
            ground,
        }
    }
}

impl CanvasPicture {
    /// Columns and rows, and opaque pixels: **shape** `[rows, columns, 3]`.
    pub(in crate::ui) fn draw(&self) -> ([usize; 2], Vec<u8>) {
        let whole = Window::whole(&self.scene.layout, 1.0);
        let longer = whole.out_size[0].max(whole.out_size[1]) as f32;
        let window = Window { line_px: (longer / LINE_OF_SIDE).round().max(1.0), ..whole };
        let mut picture = draw(&self.scene, &self.layers, &window);
        for (patches, square) in [(&self.circled, false), (&self.squared, true)] {
            for pos in patches {
                if let Some(rect) = self.scene.layout.rect_of(*pos) {
                    mark(&mut picture, rect, &window, square);
                }
            }
        }
        let opaque = |pixel: &[u8; 4]| {
            let rest = u16::from(255 - pixel[3]);
            let over = |above: u8, below: u8| {
                u8::try_from(u16::from(above) + (u16::from(below) * rest + 127) / 255).unwrap_or(255)
            };
            [over(pixel[0], self.ground[0]), over(pixel[1], self.ground[1]), over(pixel[2], self.ground[2])]
        };
        let rgb = picture.rgba.as_chunks::<4>().0.iter().flat_map(opaque).collect();
        (picture.size.map(|side| side as usize), rgb)
    }
}

/// A circle, or a square inside the patch: light on dark, as on the screen.
fn mark(picture: &mut Picture, rect: RectPx, window: &Window, square: bool) {
    let (width, height) = (rect.x1 - rect.x0, rect.y1 - rect.y0);
    let centre =
        [f64::midpoint(rect.x0, rect.x1) - window.rect_px.x0, f64::midpoint(rect.y0, rect.y1) - window.rect_px.y0];
    let line = f64::from(window.line_px);
    let radius = if square { 0.22 } else { 0.42 } * width.min(height);
    let columns = picture.size[0].max(1) as usize;
    for (y, row) in picture.rgba.chunks_exact_mut(4 * columns).enumerate() {
        let down = y as f64 + 0.5 - centre[1];
        if down.abs() > radius + 2.0 * line {
            continue;
        }
        for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let right = x as f64 + 0.5 - centre[0];
            let reach = if square { right.abs().max(down.abs()) } else { right.hypot(down) };
            let off = (reach - radius).abs();
            if off <= 0.75 * line {
                *pixel = [255; 4];
            } else if off <= 1.75 * line {
                *pixel = pixel.map(|level| level / 3);
                pixel[3] = 255;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{ImageLayout, ImageSize, ModelView, PreprocessSpec};
    use crate::render::{HeatMap, HeatStyle, PhotoTexture};

    #[test]
    fn a_canvas_is_drawn_in_the_photos_own_pixels() {
        let size = ImageSize { width_px: 60, height_px: 40 };
        let photo = PhotoTexture::new(1, size, &[100; 60 * 40 * 3]).expect("the size matches");
        let view = ModelView::new(size, &PreprocessSpec::clip(28), 14);
        let layout = Arc::new(ImageLayout::of_view(&view, 0));
        let values: Vec<f32> = (0..layout.len()).map(|i| i as f32).collect();
        let map = HeatMap { layout: Arc::clone(&layout), key: 1, values: values.into() };
        let style = HeatStyle { range: [0.0, 3.0], ..HeatStyle::default() };
        let drawn = |heat: bool, marked: bool| {
            let canvas = PhotoCanvas::new(&photo, &layout).heat(heat.then(|| (map.clone(), style)));
            let corner = if marked { layout.pos(0).into_iter().collect() } else { Vec::new() };
            canvas.marked(corner.clone(), corner).picture([255; 3]).draw()
        };
        let (size, bare) = drawn(false, false);
        assert_eq!((size, bare.len()), ([60, 40], 60 * 40 * 3), "its own size");
        assert!(bare.iter().all(|level| *level == 100), "the photo as it is");
        let (_, heated) = drawn(true, false);
        assert_ne!(heated, bare, "with its overlay");
        let (_, marked) = drawn(false, true);
        assert!(marked.contains(&255) && marked.contains(&33), "marks are light on dark");
    }
}
