//! What queries look at, laid out so that 40,000 images take milliseconds.

use super::Row;
use crate::data::coco::{Captions, Instances};
use crate::data::library::natural_order;
use std::collections::HashMap;
use std::ops::Range;

/// How often a category occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategoryCount {
    /// The category's number.
    pub category_id: u32,
    /// Images that show at least one.
    pub images: u32,
    /// Objects.
    pub objects: u32,
}

/// An object as queries see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Object {
    /// Place of its category among the annotations' categories.
    pub(super) category: u32,
    /// Bits of the sizes it counts for, see [`size_bits`].
    pub(super) sizes: u8,
}

pub(super) const SMALL: u8 = 1;
pub(super) const MEDIUM: u8 = 2;
pub(super) const LARGE: u8 = 4;

/// COCO's sizes by area: up to 32 x 32, up to 96 x 96, beyond; none where the area is unknown.
///
/// **Source** `cocoeval.py`, `Params.areaRng` and `evaluateImg`: an object exactly on a border counts on both sides.
pub(super) fn size_bits(area_px: Option<f64>) -> u8 {
    let Some(area_px) = area_px else { return 0 };
    let (first, second) = (32.0 * 32.0, 96.0 * 96.0);
    let small = if area_px <= first { SMALL } else { 0 };
    let medium = if (first..=second).contains(&area_px) { MEDIUM } else { 0 };
    let large = if area_px >= second { LARGE } else { 0 };
    small | medium | large
}

#[derive(Debug)]
pub(super) struct Index {
    /// By row.
    objects: Vec<Object>,
    /// Where each row's objects end.
    object_ends: Vec<u32>,
    /// Sum over a row's objects; `None` where the area of one is unknown.
    total_area_px: Vec<Option<f64>>,
    /// A row's place in the natural order of names.
    name_ranks: Vec<u32>,
    /// Every row's captions in small letters, a line each.
    captions: String,
    /// Where each row's captions end.
    caption_ends: Vec<usize>,
    counts: Vec<CategoryCount>,
    place_of_category: HashMap<u32, u32>,
}

impl Index {
    pub(super) fn new(rows: &[Row], instances: Option<&Instances>, captions: Option<&Captions>) -> Self {
        let categories = instances.map(Instances::categories).unwrap_or_default();
        let place_of_category: HashMap<u32, u32> = (0..).zip(categories).map(|(place, one)| (one.id, place)).collect();
        let count = |category_id| CategoryCount { category_id, images: 0, objects: 0 };
        let mut index = Self {
            objects: Vec::new(),
            object_ends: Vec::with_capacity(rows.len()),
            total_area_px: Vec::with_capacity(rows.len()),
            name_ranks: name_ranks(rows),
            captions: String::new(),
            caption_ends: Vec::with_capacity(rows.len()),
            counts: categories.iter().map(|category| count(category.id)).collect(),
            place_of_category,
        };
        // The last row that was counted for a category.
        let mut last_row = vec![u32::MAX; categories.len()];
        for (place, row) in (0..).zip(rows) {
            index.add_objects(place, row, instances, &mut last_row);
            if let (Some(captions), Some(id)) = (captions, row.image_id) {
                for caption in captions.of(id) {
                    index.captions.extend(caption.text.chars().flat_map(char::to_lowercase));
                    index.captions.push('\n');
                }
            }
            index.caption_ends.push(index.captions.len());
        }
        index
    }

    fn add_objects(&mut self, place: u32, row: &Row, instances: Option<&Instances>, last_row: &mut [u32]) {
        let mut total = Some(0.0);
        let of_row = instances.zip(row.instances_row).map(|(of, row)| of.annotations_of(row as usize));
        for annotation in of_row.unwrap_or_default() {
            let Some(category) = self.place_of_category.get(&annotation.category_id).copied() else { continue };
            self.objects.push(Object { category, sizes: size_bits(annotation.area_px) });
            total = total.zip(annotation.area_px).map(|(total, area)| total + area);
            let counted = self.counts.get_mut(category as usize).zip(last_row.get_mut(category as usize));
            if let Some((count, last)) = counted {
                count.objects += 1;
                count.images += u32::from(*last != place);
                *last = place;
            }
        }
        self.total_area_px.push(total);
        self.object_ends.push(u32::try_from(self.objects.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn category_counts(&self) -> &[CategoryCount] {
        &self.counts
    }

    pub(super) fn category(&self, id: u32) -> Option<u32> {
        self.place_of_category.get(&id).copied()
    }

    pub(super) fn objects(&self, row: usize) -> &[Object] {
        self.objects.get(span(&self.object_ends, row, |end| *end as usize)).unwrap_or_default()
    }

    pub(super) fn total_area_px(&self, row: usize) -> Option<f64> {
        self.total_area_px.get(row).copied().flatten()
    }

    pub(super) fn name_rank(&self, row: usize) -> u32 {
        self.name_ranks.get(row).copied().unwrap_or(u32::MAX)
    }

    /// A row's captions in small letters.
    pub(super) fn captions(&self, row: usize) -> &str {
        self.captions.get(span(&self.caption_ends, row, |end| *end)).unwrap_or_default()
    }
}

fn span<T>(ends: &[T], row: usize, end: impl Fn(&T) -> usize) -> Range<usize> {
    let start = row.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, &end);
    start..ends.get(row).map_or(start, &end)
}

fn name_ranks(rows: &[Row]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).zip(rows).map(|(place, _)| place).collect();
    let key = |place: u32| rows.get(place as usize).map_or("", |row| &row.key);
    order.sort_by(|a, b| natural_order(key(*a), key(*b)));
    let mut ranks = vec![0; rows.len()];
    for (rank, place) in (0..).zip(order) {
        if let Some(slot) = ranks.get_mut(place as usize) {
            *slot = rank;
        }
    }
    ranks
}
