//! `gazelens mask`: the union of a category's instances in one image as a black and white PNG.

use super::failure::Failure;
use super::truth_args::MaskArgs;
use super::{inputs, output};
use crate::data::coco::{Crowds, Instances, Mask};
use crate::data::grey_png_to;
use crate::files::Outputs;
use anyhow::anyhow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &MaskArgs) -> Result<(), Failure> {
    let other = args.out.extension().filter(|extension| !extension.eq_ignore_ascii_case("png"));
    if let Some(extension) = other {
        let (found, path) = (extension.display(), args.out.display());
        return Err(Failure::usage(anyhow!("Expected --out as a PNG file, found the extension `{found}`: {path}")));
    }
    let mut outputs = Outputs::default();
    outputs.reads("--annotations", &args.annotations);
    let out = outputs.claim("--out", &args.out).map_err(inputs::blame)?;
    let mask = category_mask(&args.annotations, args.image_id, &args.category, crowds(args.no_crowd))?;
    let (width_px, height_px, grey) = (mask.width_px(), mask.height_px(), mask.to_grey());
    let written = outputs.write(out, |file| grey_png_to(file, width_px, height_px, &grey));
    written.and_then(|()| outputs.commit()).map_err(inputs::blame)
}

/// Of `--no-crowd`.
pub(super) fn crowds(left_out: bool) -> Crowds {
    if left_out { Crowds::LeftOut } else { Crowds::Included }
}

/// The union of a category's instances in an image of an annotation file; a warning says when there is none.
pub(super) fn category_mask(path: &Path, image_id: u64, category: &str, crowds: Crowds) -> anyhow::Result<Mask> {
    mask_of(&open(path)?, image_id, category, crowds)
}

/// Reads annotations, telling what could not be used.
pub(super) fn open(path: &Path) -> anyhow::Result<Instances> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    let instances = Instances::open(path, &mut |_| {}, &AtomicBool::new(false))?;
    tell_problems(&instances);
    Ok(instances)
}

/// See [`category_mask`].
pub(super) fn mask_of(instances: &Instances, image_id: u64, category: &str, crowds: Crowds) -> anyhow::Result<Mask> {
    let row = instances.image_row(image_id);
    let category = instances.category_named(category).ok_or_else(|| unknown_category(instances, category))?;
    let mask = instances.category_mask(image_id, category.id, crowds)?;
    let of_category =
        instances.annotations_of(row.unwrap_or(usize::MAX)).iter().filter(|one| one.category_id == category.id);
    if of_category.clone().count() == 0 {
        output::warning(&format!("Image {image_id} shows no {}: the mask is empty", category.name));
    } else if crowds == Crowds::LeftOut && of_category.clone().all(|one| one.is_crowd) {
        output::warning(&format!("Image {image_id} shows {} only as a crowd: the mask is empty", category.name));
    }
    Ok(mask)
}

/// Records that cannot be used may be the ones that were asked for: nobody should find that out later.
fn tell_problems(instances: &Instances) {
    let problems = instances.problems();
    if let Some(first) = problems.listed().first() {
        let (total, path) = (problems.total(), instances.path().display());
        output::warning(&format!(
            "{total} {} could not be used, the first being {first}: {path}",
            if total == 1 { "record" } else { "records" }
        ));
    }
}

fn unknown_category(instances: &Instances, name: &str) -> anyhow::Error {
    let near = instances.near_categories(name).join(", ");
    let near = if near.is_empty() { String::new() } else { format!(" (near: {near})") };
    anyhow!(
        "Expected --category as one of the {} categories, found `{name}`{near}: {}",
        instances.categories().len(),
        instances.path().display()
    )
}
