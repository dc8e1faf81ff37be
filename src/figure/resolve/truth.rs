//! Objects of annotations.

use super::{Content, Made, Object, PanelData, PanelError, PhotoContent};
use crate::data::coco::{Category, Instances, Mask};
use crate::data::dataset::is_same_photo;
use crate::figure::recipe::Truth;
use crate::figure::{FigureError, Inputs};
use crate::render::category_colour;

/// Objects and the names of their colours.
type Drawn = (Vec<Object>, Vec<(String, [u8; 3])>);

pub(super) fn mask(of: &str, truth: &Truth, inputs: &Inputs) -> Result<Made, PanelError> {
    let (objects, legend) = objects(of, truth, true, inputs)?;
    let base = PhotoContent { objects, legend, unseen_dark: false, ..PhotoContent::new(of, inputs)? };
    let names: Vec<&str> = base.legend.iter().map(|(name, _)| name.as_str()).collect();
    let title = format!("Ground truth: {}", if names.len() > 3 { "all objects".to_owned() } else { names.join(", ") });
    let mut data = PanelData::default();
    for ((name, _), object) in base.legend.iter().zip(&base.objects) {
        let area = object.inside.iter().filter(|inside| **inside).count();
        data.metrics.push((format!("pixels of {name}"), Some(area as f64)));
    }
    let crowds = if truth.no_crowd { "without crowds" } else { "crowds included" };
    let caption = format!("Masks of {}, {crowds}", names.join(", "));
    Ok(Made { title, caption, content: Content::Photo(Box::new(base)), data })
}

/// Every category of a truth in its colour.
pub(super) fn objects(of: &str, truth: &Truth, filled: bool, inputs: &Inputs) -> Result<Drawn, PanelError> {
    let (instances, image_id) = image(of, truth, inputs)?;
    let size = inputs.photo(of)?.size();
    let (mut objects, mut legend) = (Vec::new(), Vec::new());
    for category in categories(instances, image_id, truth)? {
        let mask = instances.category_mask(image_id, category.id, truth.crowds())?;
        fits(&mask, [size.width_px, size.height_px])?;
        let rgb = category_colour(u64::from(category.id));
        objects.push(Object { size, inside: mask.pixels().into(), rgb, filled });
        legend.push((category.name.clone(), rgb));
    }
    Ok((objects, legend))
}

pub(super) fn union(of: &str, truth: &Truth, inputs: &Inputs) -> Result<(Mask, String), PanelError> {
    let (instances, image_id) = image(of, truth, inputs)?;
    let size = inputs.photo(of)?.size();
    let mut all = Mask::empty(size.width_px, size.height_px)
        .ok_or_else(|| PanelError::Other("a photo without pixels".to_owned()))?;
    let categories = categories(instances, image_id, truth)?;
    for category in &categories {
        let mask = instances.category_mask(image_id, category.id, truth.crowds())?;
        fits(&mask, [size.width_px, size.height_px])?;
        // Both have the photo's size.
        let _ = all.unite(&mask);
    }
    let names: Vec<&str> = categories.iter().map(|category| category.name.as_str()).collect();
    Ok((all, names.join(", ")))
}

/// The mask of every category of a truth.
pub(super) fn by_category(of: &str, truth: &Truth, inputs: &Inputs) -> Result<Vec<(String, Mask)>, PanelError> {
    let (instances, image_id) = image(of, truth, inputs)?;
    let size = inputs.photo(of)?.size();
    let masks = categories(instances, image_id, truth)?.into_iter().map(|category| {
        let mask = instances.category_mask(image_id, category.id, truth.crowds())?;
        fits(&mask, [size.width_px, size.height_px])?;
        Ok((category.name.clone(), mask))
    });
    masks.collect()
}

fn fits(mask: &Mask, [w, h]: [u32; 2]) -> Result<(), PanelError> {
    let (mask_w, mask_h) = (mask.width_px(), mask.height_px());
    if (mask_w, mask_h) == (w, h) {
        return Ok(());
    }
    Err(PanelError::Other(format!("expected masks of the photo's {w} x {h} pixels, found {mask_w} x {mask_h}")))
}

fn image<'a>(of: &str, truth: &Truth, inputs: &'a Inputs) -> Result<(&'a Instances, u64), PanelError> {
    let instances = inputs.annotations.get(&truth.annotations);
    let instances =
        instances.ok_or_else(|| FigureError::NoInput { kind: "annotations", name: truth.annotations.clone() })?;
    let name = inputs.photo_names.get(of).map_or("", String::as_str);
    let by_name = || instances.images().iter().find(|image| is_same_photo(&image.file_name, name));
    let image_id = truth.image_id.or_else(|| by_name().map(|image| image.id)).ok_or_else(|| {
        PanelError::Other(format!("expected `image_id`, or annotations with a photo named {name}, found neither"))
    })?;
    if instances.image_row(image_id).is_none() {
        return Err(PanelError::Other(format!("expected an image of the annotations, found number {image_id}")));
    }
    Ok((instances, image_id))
}

fn categories<'a>(instances: &'a Instances, image_id: u64, truth: &Truth) -> Result<Vec<&'a Category>, PanelError> {
    if truth.categories.is_empty() {
        let row = instances.image_row(image_id).unwrap_or(usize::MAX);
        let there = instances.annotations_of(row);
        let all: Vec<&Category> =
            instances.categories().iter().filter(|c| there.iter().any(|one| one.category_id == c.id)).collect();
        return if all.is_empty() { Err(PanelError::Other("an image without objects".to_owned())) } else { Ok(all) };
    }
    let named = truth.categories.iter().map(|name| {
        instances.category_named(name).ok_or_else(|| {
            let near = instances.near_categories(name).join(", ");
            let near = if near.is_empty() { String::new() } else { format!(" (near: {near})") };
            PanelError::Other(format!("expected a category of the annotations, found `{name}`{near}"))
        })
    });
    named.collect()
}
