//! Names of photos.

use crate::data::coco::coco_image_id;
use std::collections::HashMap;
use std::sync::Arc;

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

/// The subset of COCO that a name holds: `val2014` of `instances_val2014.json`.
pub(super) fn subset_of(name: &str) -> Option<&str> {
    ["train", "val", "test", "unlabeled"].iter().find_map(|word| {
        let places = name.match_indices(word);
        let mut subsets = places.filter_map(|(at, word)| name.get(at..at + word.len() + 4));
        subsets.find(|subset| subset.ends_with("2014") || subset.ends_with("2015") || subset.ends_with("2017"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_is_found_in_names_of_files_and_photos() {
        let found = ["instances_val2014.json", "COCO_train2014_000000000009.jpg", "test2015", "unlabeled2017", "v2014"];
        let subsets = found.map(subset_of);
        assert_eq!(
            subsets,
            [Some("val2014"), Some("train2014"), Some("test2015"), Some("unlabeled2017"), None],
            "by name"
        );
        assert_eq!([subset_of("validation"), subset_of("val\u{e9}2014x"), subset_of("val")], [None; 3], "no year");
    }

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
}
