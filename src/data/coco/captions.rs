//! `captions_*.json`.

use super::error::{CocoError, Mismatch};
use super::instances::distinct;
use super::json::{excerpt, members, string, whole};
use super::lists::{Form, Progress, Record, Watch, What, read_lists};
use super::problems::{Cost, Problems};
use super::records::{self, IMAGE_ID, ImageRecord};
use super::source::Source;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const EXPECTED: &str = "a COCO captions file (one JSON object with the list `annotations` of captions)";
const LISTS: [&str; 2] = ["images", "annotations"];
/// Far more than any published file.
const MOST_BYTES: u64 = 4 << 30;

/// One person's description of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// Its number; 0 where the file gives none.
    pub id: u64,
    /// The photo's number.
    pub image_id: u64,
    /// The description, as it is written.
    pub text: String,
}

/// An opened captions file.
#[derive(Debug)]
pub struct Captions {
    path: PathBuf,
    images: Vec<ImageRecord>,
    /// By image number, within one image in the file's order.
    all: Vec<Caption>,
    problems: Problems,
}

impl Captions {
    /// Reads a file; `progress` is called about every megabyte, and setting `cancel` stops within one. Captions in an
    /// array, or one a line, are read as those of the list are.
    pub fn open(path: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Self, CocoError> {
        Self::read(&Source::open(path)?, &mut Watch { progress, cancel })
    }

    /// Reads a file's bytes; `name` is for messages only.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, CocoError> {
        let cancel = AtomicBool::new(false);
        let source = Source::bytes(Cow::Owned(bytes.to_vec()), name);
        Self::read(&source, &mut Watch { progress: &mut |_| {}, cancel: &cancel })
    }

    fn read(source: &Source, watch: &mut Watch<'_>) -> Result<Self, CocoError> {
        let what = What { expected: EXPECTED, lists: &LISTS, keyed: false, loose: Some(1), most_bytes: MOST_BYTES };
        let (mut images, mut captions, mut problems) = (Vec::new(), Vec::new(), Problems::default());
        let (mut total, mut first_bad) = (0, None);
        let found = read_lists(source, what, watch, &mut |Record { list, form, index, bytes, .. }| {
            let kind = form.kind(if list == 0 { "image" } else { "caption" });
            let read = bytes.map_err(|broken| broken.why).and_then(|bytes| match list {
                0 => records::image(bytes).map(|image| {
                    // Nobody makes a mask of captions.
                    for (cost, reason) in image.problems.into_iter().filter(|(cost, _)| *cost != Cost::Mask) {
                        problems.add(kind, index, cost, reason);
                    }
                    images.push((index, image.record));
                }),
                _ => caption(bytes).map(|caption| captions.push(caption)),
            });
            total += list;
            if let Err(why) = read {
                if list == 1 {
                    first_bad.get_or_insert_with(|| (kind, format!("{kind} {index}: {why}")));
                }
                problems.add(kind, index, Cost::Record, why);
            }
        })?;
        let path = || source.path().to_owned();
        if found.form == Form::Object && found.seen.get(1) != Some(&true) {
            let found = "no list `annotations`".to_owned();
            return Err(CocoError::Malformed { expected: EXPECTED, found, path: path() });
        }
        if let (true, Some((record, first))) = (captions.is_empty(), first_bad) {
            return Err(CocoError::NoneUsable { record, total, first, path: path() });
        }
        let (images, _) = distinct("image", images, |image| image.id, &mut problems);
        captions.sort_by_key(|caption| caption.image_id);
        captions.shrink_to_fit();
        Ok(Self { path: path(), images, all: captions, problems })
    }

    /// The file, or the name the bytes were given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Photos the file lists; a file of captions alone lists none.
    pub fn images(&self) -> &[ImageRecord] {
        &self.images
    }

    /// Every caption, by image number, within one image in the file's order.
    pub fn captions(&self) -> &[Caption] {
        &self.all
    }

    /// The captions of an image.
    pub fn of(&self, image_id: u64) -> &[Caption] {
        let start = self.all.partition_point(|caption| caption.image_id < image_id);
        let rest = self.all.get(start..).unwrap_or_default();
        let end = rest.partition_point(|caption| caption.image_id == image_id);
        rest.get(..end).unwrap_or_default()
    }

    /// What was wrong with single records.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }
}

/// A caption needs the number of its image and its text.
fn caption(record: &[u8]) -> Result<Caption, Mismatch> {
    let (mut id, mut image_id, mut text) = (None, None, None);
    members(record, |member, value| {
        match member {
            "id" => id = whole(value),
            "image_id" => {
                let read = records::image_id(value).ok_or_else(|| Mismatch::new(IMAGE_ID, excerpt(value)));
                image_id = Some(read?);
            }
            "caption" => {
                text = Some(string(value).ok_or_else(|| Mismatch::new("`caption` as a string", excerpt(value)))?);
            }
            _ => {}
        }
        Ok(())
    })?;
    let image_id = image_id.ok_or_else(|| Mismatch::missing("`image_id`"))?;
    Ok(Caption { id: id.unwrap_or(0), image_id, text: text.ok_or_else(|| Mismatch::missing("`caption`"))? })
}
