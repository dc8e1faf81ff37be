//! COCO's names for files of photos.

/// The image number in a name that COCO gave: `COCO_val2014_000000000139.jpg` or `000000000139.jpg`, with any folder
/// and ending.
pub fn coco_image_id(name: &str) -> Option<u64> {
    let base = name.rsplit(['/', '\\']).next()?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
