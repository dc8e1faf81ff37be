//! `gazelens mask`: the union of a category's instances in one image as a black and white PNG.

use super::failure::Failure;
use super::truth_args::MaskArgs;
use super::{endings, output};
use crate::data::coco::{Cost, Crowds, Instances, Mask};
use crate::data::grey_png_to;
use crate::files::Outputs;
use anyhow::anyhow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &MaskArgs) -> Result<(), Failure> {
    let mut outputs = Outputs::default();
    outputs.reads("--annotations", &args.annotations);
    let out = outputs.claim("--out", &args.out)?;
    endings::expect("--out", &args.out, &["png"])?;
    let mask = category_mask(&args.annotations, args.image_id, &args.category, crowds(args.no_crowd))?;
    let (width_px, height_px, grey) = (mask.width_px(), mask.height_px(), mask.to_grey());
    let written = outputs.write(out, |file| grey_png_to(file, width_px, height_px, &grey));
    Ok(written.and_then(|()| outputs.commit())?)
}

/// Of `--no-crowd`.
pub(super) fn crowds(left_out: bool) -> Crowds {
    if left_out { Crowds::LeftOut } else { Crowds::Included }
}

/// The union of a category's instances in an image of an annotation file; a warning says when there is none.
pub(super) fn category_mask(path: &Path, image_id: u64, category: &str, crowds: Crowds) -> anyhow::Result<Mask> {
    mask_of(&open(path)?, image_id, category, crowds)
}

/// Reads annotations.
pub(super) fn open(path: &Path) -> anyhow::Result<Instances> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    Ok(Instances::open(path, &mut |_| {}, &AtomicBool::new(false))?)
}

/// See [`category_mask`].
pub(super) fn mask_of(instances: &Instances, image_id: u64, category: &str, crowds: Crowds) -> anyhow::Result<Mask> {
    let category = instances.category_named(category).ok_or_else(|| unknown_category(instances, category))?;
    let mask = instances.category_mask(image_id, category.id, crowds)?;
    // Records that cannot be used may be those of the next mask: nobody should find that out later.
    output::problems(instances.problems(), &[Cost::Record, Cost::Mask, Cost::Crowd, Cost::Nothing], instances.path());
    let row = instances.image_row(image_id).unwrap_or(usize::MAX);
    let mut objects = instances.annotations_of(row).iter().filter(|one| one.category_id == category.id).peekable();
    if objects.peek().is_none() {
        output::warning(&format!("Image {image_id} shows no {}: the mask is empty", category.name));
    } else if crowds == Crowds::LeftOut && objects.all(|one| one.is_crowd == Some(true)) {
        output::warning(&format!("Image {image_id} shows {} only as a crowd: the mask is empty", category.name));
    }
    Ok(mask)
}

fn unknown_category(instances: &Instances, name: &str) -> anyhow::Error {
    const MOST_NAMED: usize = 12;
    let (near, all) = (instances.near_categories(name).join(", "), instances.categories());
    let near = match near.as_str() {
        "" if (1..=MOST_NAMED).contains(&all.len()) => {
            let names: Vec<&str> = all.iter().map(|category| category.name.as_str()).collect();
            format!(" (there are: {})", names.join(", "))
        }
        "" => String::new(),
        near => format!(" (near: {near})"),
    };
    let all = match all.len() {
        0 => "a category of the annotations, which have none".to_owned(),
        1 => "the only category of the annotations".to_owned(),
        len => format!("one of the {len} categories"),
    };
    let (lost, path) = (instances.lost_category(), instances.path().display());
    anyhow!("Expected --category as {all}, found `{name}`{near}{lost}: {path}")
}
