//! Objects of annotations, and maps held against them.

use super::maps::named;
use super::{Content, Made, Object, PanelData, PanelError, PhotoContent};
use crate::analysis::localisation::{Counted, Evaluation, METRICS, PhotoMap, Ranked, Sampling};
use crate::data::coco::{Category, Instances, Mask};
use crate::data::dataset::is_same_photo;
use crate::figure::recipe::{MapSpec, Truth};
use crate::figure::{FigureError, Inputs};
use crate::geometry::Combine;
use crate::render::{MaskImage, OverlapMap, OverlapPalette, OverlapStyle, category_colour};
use std::sync::Arc;

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

pub(super) fn overlap(
    spec: &MapSpec,
    truth: &Truth,
    colour_blind_safe: bool,
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let map = named(spec, inputs)?;
    let base = PhotoContent { layout: Arc::clone(&map.layout), ..PhotoContent::new(&map.of, inputs)? };
    let (mask, names) = union(&map.of, truth, inputs)?;
    let photo_map = PhotoMap::new(&base.layout, &map.values, Sampling::Nearest, Combine::default())?;
    let ranked = Ranked::of_photo_map(&photo_map, mask.pixels(), Counted::Seen)?;
    let at = Evaluation::at_mean(&ranked);
    let palette = if colour_blind_safe { OverlapPalette::ColourBlindSafe } else { OverlapPalette::TrafficLight };
    let style = OverlapStyle { threshold: at.threshold, palette, opacity: 0.6 };
    let mask_image = MaskImage::new(base.layout.image(), mask.pixels());
    let mut data = PanelData::of_map("map", &map.layout, &map.values, &map.unit);
    data.metrics = METRICS.iter().map(|metric| (metric.id.to_owned(), metric.value(&at).ok())).collect();
    data.metrics.insert(0, ("threshold".to_owned(), Some(at.threshold)));
    let figure =
        |name: &str, value: Option<f64>| value.map_or_else(|| format!("{name} –"), |v| format!("{name} {v:.3}"));
    let counts = at.counts;
    let caption = format!(
        "{} against the mask of {names}, cut at the map's mean; {}, {}, {}",
        map.words,
        figure("IoU", counts.iou()),
        figure("precision", counts.precision()),
        figure("recall", counts.recall()),
    );
    let legend = palette.legend().map(|(name, rgb)| (name.to_owned(), rgb)).to_vec();
    let overlap = Some((OverlapMap::new(&photo_map, Counted::Seen), mask_image, style));
    let content = Content::Photo(Box::new(PhotoContent { overlap, legend, ..base }));
    Ok(Made { title: format!("{} against {names}", map.title), caption, content, data })
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
