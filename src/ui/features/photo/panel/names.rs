//! Names at the annotated objects: of the one under the pointer, or of all.

use crate::geometry::ImageSize;
use crate::render::category_colour;
use crate::ui::features::context::PanelContext;
use crate::ui::features::photo::panel::object_at;
use crate::ui::features::truth::{ImageTruth, ObjectTruth};
use crate::ui::widgets::canvas::CanvasResponse;
use crate::ui::widgets::theme;
use eframe::egui;
use egui::{Color32, CornerRadius, Rect, TextStyle, Ui, pos2, vec2};

/// "chair", "chair (crowd)".
pub(super) fn name_of(image: &ImageTruth, object: &ObjectTruth) -> Option<String> {
    let name = &image.category(object.category_id)?.name;
    Some(if object.is_crowd { format!("{name} (crowd)") } else { name.clone() })
}

/// Writes them over the photo.
pub(super) fn show(ui: &Ui, cx: &PanelContext<'_>, size: ImageSize, response: &CanvasResponse) {
    let truth = &cx.state.truth;
    let Some(image) = truth.image.as_ref().filter(|image| image.fits(size)) else { return };
    let pointed = response.hovered_px.and_then(|at| object_at(cx, size, at)).map(|object| object.id);
    let is_named = |object: &&ObjectTruth| {
        let is_shown = truth.view.masks_visible && !truth.hidden.contains(&object.id);
        [pointed, truth.hovered].contains(&Some(object.id)) || (is_shown && truth.view.names_visible)
    };
    let mut taken: Vec<Rect> = Vec::new();
    for object in image.objects.iter().filter(is_named) {
        let (Some(mask), Some(name)) = (&object.picture, name_of(image, object)) else { continue };
        let [left, top] = mask.first_px().map(|px| px as f32);
        let scale = response.photo_rect.size() / vec2(size.width_px as f32, size.height_px as f32);
        let corner = response.photo_rect.min + vec2(left, top) * scale;
        let [r, g, b] = category_colour(u64::from(object.category_id));
        write(ui, response.rect, corner, &name, Color32::from_rgb(r, g, b), &mut taken);
    }
}

/// A name on its category's colour, within the canvas and below names that stand there already.
fn write(ui: &Ui, canvas: Rect, corner: egui::Pos2, name: &str, fill: Color32, taken: &mut Vec<Rect>) {
    let font = TextStyle::Small.resolve(ui.style());
    let colour = theme::text_on(fill);
    let galley = ui.painter().layout_no_wrap(name.to_owned(), font, colour);
    let size = galley.size() + vec2(8.0, 2.0);
    let most = (canvas.max - size).max(canvas.min);
    let place = |y: f32| {
        let at = pos2(corner.x.clamp(canvas.left(), most.x), y.clamp(canvas.top(), most.y));
        Rect::from_min_size(at, size)
    };
    let mut rect = place(corner.y - size.y);
    for step in 0_u8..8 {
        if !taken.iter().any(|other| other.intersects(rect)) {
            break;
        }
        rect = place(corner.y + f32::from(step) * size.y);
    }
    let painter = ui.painter().with_clip_rect(canvas);
    painter.rect_filled(rect, CornerRadius::same(2), fill);
    painter.galley(rect.min + vec2(4.0, 1.0), galley, colour);
    taken.push(rect);
}
