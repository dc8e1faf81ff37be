//! Captions that a model wrote, in the forms in which they are published.

use super::CaptionsError;
use super::record::{Record, Records, Whole};
use crate::files;
use serde::de::DeserializeSeed as _;
use std::path::Path;

/// Far more than every caption of COCO: 40,000 of them are 25 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Bad records that are described one by one; the rest is only counted.
const MOST_DESCRIBED: usize = 100;

/// A caption and the image it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// COCO's image id.
    pub image_id: u64,
    /// The text, as the model wrote it.
    pub text: String,
}

/// A record that is no caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// 0-based place in the file; for JSON lines the number of records before it, empty lines not counted.
    pub record_idx: usize,
    /// What was expected and what was found.
    pub reason: String,
}

impl std::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record {}: {}", self.record_idx, self.reason)
    }
}

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
    /// What could not be used: the first hundred.
    pub bad: Vec<BadRecord>,
    /// How many records could not be used.
    pub num_bad: usize,
    /// How the records lie.
    pub format: CaptionFormat,
}

impl GeneratedCaptions {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, CaptionsError> {
        let unreadable =
            |err: std::io::Error| CaptionsError::Unreadable { reason: files::reason(&err), path: path.into() };
        let (_, found_bytes) = files::open(path).map_err(unreadable)?;
        if found_bytes > MOST_BYTES {
            return Err(CaptionsError::TooLarge { limit_bytes: MOST_BYTES, found_bytes, path: path.into() });
        }
        Self::from_bytes(&files::read(path, MOST_BYTES).map_err(unreadable)?, path)
    }

    /// Reads bytes; `path` only names them. A record needs `image_id` (or `image` or `file_name` with COCO's number in it) and `caption`
    /// (or `text` or `answer`). Records that have none are listed and the rest is read.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, CaptionsError> {
        let unknown = |found: String| CaptionsError::UnknownForm { found, path: path.into() };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
            return Err(unknown("nothing".to_owned()));
        };
        let mut collected = Collector::default();
        let format = match first {
            b'[' => {
                if let Err(err) = array(bytes, &mut collected) {
                    if collected.captions.is_empty() {
                        return Err(unknown(err.to_string()));
                    }
                    collected.refuse(format!("Expected JSON up to the end of the file, found \"{err}\""));
                }
                CaptionFormat::Array
            }
            b'{' => match object(bytes) {
                Some((format, read)) => {
                    collected = read;
                    format
                }
                None => lines(bytes, &mut collected),
            },
            other => return Err(unknown(format!("a file that starts with {:?}", char::from(*other)))),
        };
        collected.finish(format, path)
    }
}

/// The records of an array, up to where it is broken.
fn array(bytes: &[u8], collected: &mut Collector) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Records(collected).deserialize(&mut json)?;
    json.end()
}

/// A file that is one object with records inside; `None` if it is none.
fn object(bytes: &[u8]) -> Option<(CaptionFormat, Collector)> {
    let mut collected = Collector::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let format = Whole(&mut collected).deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some((format?, collected))
}

fn lines(bytes: &[u8], collected: &mut Collector) -> CaptionFormat {
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => collected.add(record, None),
            Err(err) => collected.refuse(format!("Expected a JSON object, found \"{err}\"")),
        }
    }
    CaptionFormat::Lines
}

#[derive(Default)]
pub(super) struct Collector {
    captions: Vec<Caption>,
    bad: Vec<BadRecord>,
    num_bad: usize,
}

impl Collector {
    /// Takes in a record; `key` is the image id that stands before it, if one does.
    pub(super) fn add(&mut self, record: Record, key: Option<u64>) {
        match record.caption(key) {
            Ok((image_id, text)) => self.captions.push(Caption { image_id, text }),
            Err(reason) => self.refuse(reason),
        }
    }

    fn refuse(&mut self, reason: String) {
        if self.bad.len() < MOST_DESCRIBED {
            self.bad.push(BadRecord { record_idx: self.captions.len() + self.num_bad, reason });
        }
        self.num_bad += 1;
    }

    fn finish(self, format: CaptionFormat, path: &Path) -> Result<GeneratedCaptions, CaptionsError> {
        let Self { captions, bad, num_bad } = self;
        if captions.is_empty() {
            let first = bad.first().map_or_else(|| "the file has no records".to_owned(), ToString::to_string);
            return Err(CaptionsError::NoCaption { records: num_bad, first, path: path.into() });
        }
        Ok(GeneratedCaptions { captions, bad, num_bad, format })
    }
}
