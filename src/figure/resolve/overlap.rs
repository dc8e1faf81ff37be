//! A map held against an object.

use super::maps::named;
use super::truth::union;
use super::{Content, Made, PanelData, PanelError, PhotoContent};
use crate::analysis::localisation::{Counted, Evaluation, PhotoMap, Ranked, Sampling, metrics};
use crate::figure::Inputs;
use crate::figure::recipe::{MapSpec, Truth};
use crate::geometry::Combine;
use crate::render::{MaskImage, OverlapMap, OverlapPalette, OverlapStyle};
use std::sync::Arc;

pub(super) fn overlap(
    spec: &MapSpec,
    truth: &Truth,
    colour_blind_safe: bool,
    regions: Combine,
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let map = named(spec, inputs)?;
    let base = PhotoContent { layout: Arc::clone(&map.layout), ..PhotoContent::new(&map.of, inputs)? };
    let (mask, names) = union(&map.of, truth, inputs)?;
    let photo_map = PhotoMap::new(&base.layout, &map.values, Sampling::Nearest, regions)?;
    let ranked = Ranked::of_photo_map(&photo_map, mask.pixels(), Counted::Seen)?;
    let at = Evaluation::at_mean(&ranked);
    let palette = if colour_blind_safe { OverlapPalette::ColourBlindSafe } else { OverlapPalette::TrafficLight };
    let style = OverlapStyle { threshold: at.threshold, palette, opacity: 0.6 };
    let mask_image = MaskImage::new(base.layout.image(), mask.pixels());
    let mut data = PanelData::of_map("map", &map.layout, &map.values, &map.unit);
    data.metrics = metrics().map(|metric| (metric.id.to_owned(), metric.value(&at).ok())).collect();
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
