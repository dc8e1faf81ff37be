//! Names of photos.

use std::collections::HashMap;
use std::sync::Arc;

/// The image number in a name that COCO gave: `COCO_val2014_000000000139.jpg` or `000000000139.jpg`, with any folder and ending.
pub fn coco_image_id(name: &str) -> Option<u64> {
    let base = base_name(name);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let digits = stem.strip_prefix("COCO_").map_or(Some(stem), |rest| {
        let (split, digits) = rest.split_once('_')?;
        let year = split.trim_start_matches(|c: char| c.is_ascii_lowercase());
        (year.len() == 4 && year.len() < split.len() && year.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(digits)
    })?;
    let is_number = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// A name without folders, whichever system wrote it.
pub(super) fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Whether two names are of one photo: the same without folders, or the same number of COCO's.
pub fn is_same_photo(a: &str, b: &str) -> bool {
    base_name(a) == base_name(b) || coco_image_id(a).is_some_and(|id| coco_image_id(b) == Some(id))
}

/// A row by its whole name, its name without folders, or its number.
pub(super) fn find(by_name: &HashMap<Arc<str>, u32>, by_id: &HashMap<u64, u32>, name: &str) -> Option<u32> {
    let named = by_name.get(name).or_else(|| by_name.get(base_name(name)));
    named.or_else(|| by_id.get(&coco_image_id(name)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_known_by_its_name_or_its_number() {
        for other in ["b/000000000139.jpg", "COCO_val2014_000000000139.jpg", "c\\000000000139.png"] {
            assert!(is_same_photo("val2017/000000000139.jpg", other), "{other}");
        }
        assert!(is_same_photo("a/photo.png", "photo.png"), "whatever the folder");
        for other in ["000000000140.jpg", "139.jpg", "photo.png", ""] {
            assert!(!is_same_photo("val2017/000000000139.jpg", other), "{other}");
        }
    }

    #[test]
    fn both_namings_hold_the_number() {
        for name in [
            "COCO_val2014_000000000139.jpg",
            "COCO_train2014_000000000139.jpg",
            "000000000139.jpg",
            "val2017/000000000139.png",
            "C:\\coco\\000000000139.jpg",
            "000000000139",
        ] {
            assert_eq!(coco_image_id(name), Some(139), "{name}");
        }
        for name in
            ["139.jpg", "IMG_0139.jpg", "COCO_000000000139.jpg", "COCO_2014_000000000139.jpg", "", "x000000000139.jpg"]
        {
            assert_eq!(coco_image_id(name), None, "{name}");
        }
    }
}
