//! Whether a trace is about the photo that annotations are about.

use super::super::output;
use super::super::truth_args::MetricsArgs;
use crate::data::coco::Instances;
use crate::data::dataset::is_same_photo;
use crate::data::{PhotoLimits, demo};
use crate::figure::recipe::sha256;
use crate::files;
use crate::trace::Trace;
use anyhow::anyhow;
use std::path::{Path, PathBuf};

/// Compares names, and contents where the photo is at hand: where the trace says, or where the annotations say. The
/// size is compared with that of the mask. `path` is the trace's file.
pub(super) fn to_its_photo(
    trace: &Trace,
    path: &Path,
    instances: &Instances,
    args: &MetricsArgs,
) -> anyhow::Result<()> {
    let run = &trace.run;
    let named = instances.image_row(args.image_id).and_then(|row| instances.images().get(row));
    let named = named.map(|image| image.file_name.as_str()).filter(|name| !name.is_empty());
    if let Some(name) = named.filter(|name| !is_same_photo(name, &run.image_path)) {
        let (id, at) = (args.image_id, path.display());
        mismatch(args, anyhow!("Expected a trace of image {id}, {name}, found one of {}: {at}", run.image_path))?;
    }
    for place in places(&run.image_path, named, instances.path()) {
        // A photo that is elsewhere, or cannot be read, says nothing.
        let Some(found) = hash(&place) else { continue };
        if found != run.image_hash {
            let (expected, at) = (&run.image_hash, place.display());
            mismatch(args, anyhow!("Expected the photo {expected} as in the trace, found {found}: {at}"))?;
        }
    }
    Ok(())
}

/// Hash of a photo's file, or of the bundled image of that name.
fn hash(place: &Path) -> Option<String> {
    let bundled = || place.to_str().and_then(demo::image).map(|image| sha256(image.png));
    files::read(place, PhotoLimits::default().max_file_bytes).ok().map(|bytes| sha256(&bytes)).or_else(bundled)
}

/// Where the photo may be: where it was when it was asked about, and beside the annotations.
fn places(of_trace: &str, of_annotations: Option<&str>, annotations: &Path) -> Vec<PathBuf> {
    let beside = annotations.parent().zip(of_annotations).map(|(folder, name)| folder.join(name));
    let mut places = vec![PathBuf::from(of_trace)];
    places.extend(beside.filter(|beside| *beside != Path::new(of_trace)));
    places
}

fn mismatch(args: &MetricsArgs, why: anyhow::Error) -> anyhow::Result<()> {
    if !args.allow_mismatch {
        return Err(why);
    }
    output::warning(&why.to_string());
    Ok(())
}
