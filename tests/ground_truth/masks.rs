//! Masks against pycocotools, every pixel: `tests/golden/coco_masks.py`.

use crate::shared;
use gazelens::data::coco::{Crowds, Instances, Mask, Shape};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::atomic::AtomicBool;

const GOLDEN: &str = include_str!("../golden/coco_masks.json");

fn lines(of: &str, kind: &str) -> Vec<String> {
    let golden: Value = serde_json::from_str(GOLDEN).expect("golden file parses");
    let lines = golden[of][kind].as_array().expect("a list of lines");
    lines.iter().map(|line| line.as_str().expect("a line").to_owned()).collect()
}

/// Number of pixels inside, and the beginning of the hash over all pixels.
fn digest(mask: &Mask) -> String {
    let bytes: Vec<u8> = mask.pixels().iter().map(|inside| u8::from(*inside)).collect();
    let hash = Sha256::digest(&bytes);
    let (first, _) = hash.split_at(8);
    let first = u64::from_be_bytes(first.try_into().expect("eight bytes"));
    format!("{} {first:016x}", mask.area_px())
}

fn compare(of: &str, path: &Path) {
    let instances = Instances::open(path, &mut |_| {}, &AtomicBool::new(false)).expect("the file opens");
    assert!(instances.problems().is_empty(), "{:?}", instances.problems());
    let found: Vec<String> = instances
        .annotations()
        .iter()
        .map(|one| format!("{} {}", one.id, digest(&instances.mask(one).expect("a mask"))))
        .collect();
    let expected = lines(of, "annotations");
    assert_eq!(found.len(), expected.len(), "every annotation has a mask");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "annotation, pixels inside, hash: here and in pycocotools");
    }
    for expected in lines(of, "categories") {
        let mut words = expected.split(' ');
        let mut word = || words.next().expect("five words");
        let (image, category, crowds) = (word().parse().expect("a number"), word().parse().expect("a number"), word());
        let crowds = if crowds == "all" { Crowds::Included } else { Crowds::LeftOut };
        let mask = instances.category_mask(image, category, crowds).expect("a mask");
        assert!(expected.ends_with(&digest(&mask)), "{expected}, here {}", digest(&mask));
    }
}

#[test]
fn synthetic_masks_equal_pycocotools() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/coco_synthetic.json");
    compare("synthetic", &path);
    let instances = Instances::open(&path, &mut |_| {}, &AtomicBool::new(false)).expect("the file opens");
    for shape in [Shape::Polygons, Shape::Runs, Shape::CompressedRuns] {
        let count = instances.annotations().iter().filter(|one| one.shape == shape).count();
        assert!(count > 40, "{shape:?} is covered by {count} annotations");
    }
}

#[test]
fn real_masks_equal_pycocotools() {
    if let Some(path) = shared("coco/instances.json") {
        compare("real", &path);
    }
}
