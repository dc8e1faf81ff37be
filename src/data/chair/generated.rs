//! Captions that a model wrote, in the forms in which they are published.

use super::CaptionsError;
use serde_json::{Map, Value};
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
        let unreadable = |err: std::io::Error| CaptionsError::Unreadable { reason: err.to_string(), path: path.into() };
        let found_bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if found_bytes > MOST_BYTES {
            return Err(CaptionsError::TooLarge { limit_bytes: MOST_BYTES, found_bytes, path: path.into() });
        }
        Self::from_bytes(&std::fs::read(path).map_err(unreadable)?, path)
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
                let records: Vec<Value> = serde_json::from_slice(bytes).map_err(|err| unknown(err.to_string()))?;
                records.iter().for_each(|record| collected.add(record, None));
                CaptionFormat::Array
            }
            b'{' => whole_object(bytes, &mut collected).unwrap_or_else(|| lines(bytes, &mut collected)),
            other => return Err(unknown(format!("a file that starts with {:?}", char::from(*other)))),
        };
        collected.finish(format, path)
    }
}

/// A file that is one object with records inside; `None` if it is none.
fn whole_object(bytes: &[u8], collected: &mut Collector) -> Option<CaptionFormat> {
    let object: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    if let Some(records) = object.get("imgToEval").and_then(Value::as_object) {
        records.iter().for_each(|(key, record)| collected.add(record, key.parse().ok()));
        return Some(CaptionFormat::ImgToEval);
    }
    let records = object.get("annotations").and_then(Value::as_array)?;
    records.iter().for_each(|record| collected.add(record, None));
    Some(CaptionFormat::Annotations)
}

fn lines(bytes: &[u8], collected: &mut Collector) -> CaptionFormat {
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Value>(line) {
            Ok(record) => collected.add(&record, None),
            Err(err) => collected.refuse(format!("Expected a JSON object, found \"{err}\"")),
        }
    }
    CaptionFormat::Lines
}

#[derive(Default)]
struct Collector {
    captions: Vec<Caption>,
    bad: Vec<BadRecord>,
    num_bad: usize,
}

impl Collector {
    fn add(&mut self, record: &Value, key: Option<u64>) {
        match caption(record, key) {
            Ok(caption) => self.captions.push(caption),
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

fn caption(record: &Value, key: Option<u64>) -> Result<Caption, String> {
    let object = record.as_object().ok_or_else(|| format!("Expected a JSON object, found {}", kind(record)))?;
    let text = ["caption", "text", "answer"].iter().find_map(|name| object.get(*name));
    let text = text.ok_or("Expected caption, found no such field")?;
    let text = text.as_str().ok_or_else(|| format!("Expected caption as text, found {}", kind(text)))?;
    let image_id = match object.get("image_id") {
        Some(value) => image_id(value)
            .ok_or_else(|| format!("Expected image_id as a whole number from 0, found {}", shortened(value)))?,
        None => {
            let names = ["image", "file_name"].iter().find_map(|name| object.get(*name)?.as_str());
            let found = names.and_then(number_of_name).or(key);
            found.ok_or("Expected image_id, found neither that nor an image name that ends in a number")?
        }
    };
    Ok(Caption { image_id, text: text.to_owned() })
}

/// A number, or one written as text.
fn image_id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// 226988 of `COCO_val2014_000000226988.jpg`.
fn number_of_name(name: &str) -> Option<u64> {
    let stem = name.rsplit(['/', '\\']).next()?;
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let start = stem
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + stem[at..].chars().next().map_or(1, char::len_utf8));
    stem.get(start..)?.parse().ok()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
