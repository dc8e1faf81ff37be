//! `gazelens mask`: the union of a category's instances in one image as a black and white PNG.

use super::failure::Failure;
use super::output;
use super::truth_args::MaskArgs;
use crate::data::coco::{Crowds, Instances};
use crate::data::write_grey_png;
use anyhow::anyhow;
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &MaskArgs) -> Result<(), Failure> {
    // Nobody raises it: an interrupt from the keyboard ends the process.
    let instances = Instances::open(&args.annotations, &mut |_| {}, &AtomicBool::new(false))?;
    tell_problems(&instances);
    let crowds = if args.no_crowd { Crowds::LeftOut } else { Crowds::Included };
    let row = instances.image_row(args.image_id);
    let category =
        instances.category_named(&args.category).ok_or_else(|| unknown_category(&instances, &args.category))?;
    let mask = instances.category_mask(args.image_id, category.id, crowds)?;
    let of_category =
        instances.annotations_of(row.unwrap_or(usize::MAX)).iter().filter(|one| one.category_id == category.id);
    if of_category.clone().count() == 0 {
        output::warning(&format!("Image {} shows no {}: the mask is empty", args.image_id, category.name));
    } else if crowds == Crowds::LeftOut && of_category.clone().all(|one| one.is_crowd) {
        output::warning(&format!("Image {} shows {} only as a crowd: the mask is empty", args.image_id, category.name));
    }
    write_grey_png(&args.out, mask.width_px(), mask.height_px(), &mask.to_grey()).map_err(|err| {
        anyhow!("Expected --out as a file that can be written, found \"{err}\": {}", args.out.display())
    })?;
    Ok(())
}

/// Records that cannot be used may be the ones that were asked for: nobody should find that out later.
pub(super) fn tell_problems(instances: &Instances) {
    let problems = instances.problems();
    if let Some(first) = problems.listed().first() {
        let (total, path) = (problems.total(), instances.path().display());
        output::warning(&format!("{total} records could not be used, the first being {first}: {path}"));
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
