//! Names of photos.

use crate::data::coco::coco_image_id;
use std::collections::HashMap;
use std::sync::Arc;

/// A name without folders, whichever system wrote it.
pub(super) fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// A row by its whole name, its name without folders, or its number.
pub(super) fn find(by_name: &HashMap<Arc<str>, u32>, by_id: &HashMap<u64, u32>, name: &str) -> Option<u32> {
    let named = by_name.get(name).or_else(|| by_name.get(base_name(name)));
    named.or_else(|| by_id.get(&coco_image_id(name)?)).copied()
}
