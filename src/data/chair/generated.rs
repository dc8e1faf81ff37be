//! Captions that a model wrote, in the forms in which they are published.

use super::record::{self, Caption};
use crate::data::coco::{CocoError, Cost, Form, Problems, Record, Source, Watch, What, read_lists};
use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const EXPECTED: &str = "captions as JSON lines, as a JSON array or with imgToEval";
const LISTS: [&str; 2] = ["annotations", "imgToEval"];
/// Far more than every caption of COCO: 40,000 of them are 25 MB.
const MOST_BYTES: u64 = 256 << 20;

/// How the records lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionFormat {
    /// One object a line, as OPERA and its descendants write them.
    Lines,
    /// One array, as COCO's results format and most scripts.
    Array,
    /// COCO's annotation file: an object with `annotations`.
    Annotations,
    /// CHAIR's own input: an object with `imgToEval`.
    ImgToEval,
}

/// What a file of captions holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedCaptions {
    /// In the file's order.
    pub captions: Vec<Caption>,
    /// What could not be used.
    pub problems: Problems,
    /// How the records lie.
    pub format: CaptionFormat,
}

impl GeneratedCaptions {
    /// Reads a file.
    ///
    /// **Errors** for a file that is none, and where no caption can be used. Records that cannot are in
    /// [`Self::problems`].
    pub fn read(path: &Path) -> Result<Self, CocoError> {
        Self::of(&Source::open(path)?)
    }

    /// Reads bytes; `path` only names them.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, CocoError> {
        Self::of(&Source::bytes(Cow::Owned(bytes.to_vec()), path))
    }

    fn of(source: &Source) -> Result<Self, CocoError> {
        let what =
            What { expected: EXPECTED, lists: &LISTS, keyed: true, loose: Some(LISTS.len()), most_bytes: MOST_BYTES };
        // Nobody raises it: an interrupt from the keyboard ends the process.
        let cancel = AtomicBool::new(false);
        let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
        let (mut captions, mut problems, mut total) = (Vec::new(), Problems::default(), 0);
        let found = read_lists(source, what, &mut watch, &mut |Record { form, index, key, bytes, .. }| {
            total += 1;
            let read = bytes.map_err(|broken| broken.why).and_then(|bytes| record::caption(bytes, key.as_deref()));
            match read {
                Ok(caption) => captions.push(caption),
                Err(why) => problems.add(form.kind("caption"), index, Cost::Record, why),
            }
        })?;
        let path = || source.path().to_owned();
        let format = match (found.form, found.seen.as_slice()) {
            (Form::Lines, _) => CaptionFormat::Lines,
            (Form::Array, _) => CaptionFormat::Array,
            (Form::Object, [_, true]) => CaptionFormat::ImgToEval,
            (Form::Object, [true, _]) => CaptionFormat::Annotations,
            (Form::Object, _) => {
                let found = "an object with neither `annotations` nor `imgToEval`".to_owned();
                return Err(CocoError::Malformed { expected: EXPECTED, found, path: path() });
            }
        };
        match (captions.is_empty(), problems.listed().first()) {
            (false, _) => Ok(Self { captions, problems, format }),
            (true, Some(first)) => {
                let (record, first) = (found.form.kind("caption"), first.to_string());
                Err(CocoError::NoneUsable { record, total, first, path: path() })
            }
            (true, None) => {
                let found = "no captions".to_owned();
                Err(CocoError::Malformed { expected: EXPECTED, found, path: path() })
            }
        }
    }
}
