//! `captions_*.json`.

use super::error::{CocoError, Mismatch, Problems};
use super::instances::distinct;
use super::json::{excerpt, members, string, whole};
use super::lists::{Progress, Record, Watch, What, read_lists};
use super::records::{self, ImageRecord};
use super::source::Source;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const EXPECTED: &str = "a COCO captions file (one JSON object with the list `annotations` of captions)";
const LISTS: [&str; 2] = ["images", "annotations"];

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
    /// Reads a file; `progress` is called about every megabyte, and setting `cancel` stops within one.
    pub fn open(path: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Self, CocoError> {
        let source = Source::open(path, EXPECTED)?;
        Self::read(&source, &mut Watch { progress, cancel })
    }

    /// Reads a file's bytes; `name` is for messages only.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, CocoError> {
        let cancel = AtomicBool::new(false);
        let source = Source::bytes(Cow::Owned(bytes.to_vec()), name);
        Self::read(&source, &mut Watch { progress: &mut |_| {}, cancel: &cancel })
    }

    fn read(source: &Source, watch: &mut Watch<'_>) -> Result<Self, CocoError> {
        let what = What { expected: EXPECTED, path: source.path(), total_bytes: source.len() };
        let (mut images, mut captions, mut problems) = (Vec::new(), Vec::new(), Problems::default());
        let seen = read_lists(&mut *source.reader(), what, &LISTS, watch, &mut |record| {
            let Record { list, index, bytes, .. } = record;
            let read = bytes.and_then(|bytes| match list {
                0 => records::image(bytes).map(|image| images.push((index, image))),
                _ => caption(bytes).map(|caption| captions.push(caption)),
            });
            if let Err(reason) = read {
                problems.add(if list == 0 { "image" } else { "caption" }, index, reason);
            }
        })?;
        let malformed = |found: &str| CocoError::Malformed {
            expected: EXPECTED,
            found: found.to_owned(),
            path: source.path().to_owned(),
        };
        if seen.get(1) != Some(&true) {
            return Err(malformed("no list `annotations`"));
        }
        if captions.is_empty() && !problems.is_empty() {
            return Err(malformed("no record with an `image_id` and a `caption`"));
        }
        let (images, _) = distinct("image", images, |image| image.id, &mut problems);
        captions.sort_by_key(|caption| caption.image_id);
        captions.shrink_to_fit();
        Ok(Self { path: source.path().to_owned(), images, all: captions, problems })
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

fn caption(record: &[u8]) -> Result<Caption, Mismatch> {
    let (mut id, mut image_id, mut text) = (0, None, None);
    let whole_of = |expected, value| whole(value).ok_or_else(|| Mismatch::new(expected, excerpt(value)));
    members(record, |member, value| {
        match member {
            "id" => id = whole_of("`id` as a whole number", value)?,
            "image_id" => image_id = Some(whole_of("`image_id` as a whole number", value)?),
            "caption" => {
                text = Some(string(value).ok_or_else(|| Mismatch::new("`caption` as a string", excerpt(value)))?);
            }
            _ => {}
        }
        Ok(())
    })?;
    let missing = |expected| Mismatch::new(expected, "a record without it");
    Ok(Caption {
        id,
        image_id: image_id.ok_or_else(|| missing("`image_id`"))?,
        text: text.ok_or_else(|| missing("`caption`"))?,
    })
}
