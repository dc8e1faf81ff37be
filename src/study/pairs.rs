//! Pairs of photos that one encoder takes for nearly the same and another does not, as a file: a JSON object a line.

use super::StudyError;
use crate::files;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest file of pairs: some hundred thousand of them.
const MOST_BYTES: u64 = 256 << 20;
/// Longest name or path of a pair, more than any system has.
const MOST_TEXT_BYTES: usize = 4096;
/// Largest cosine, with room for rounding.
const MOST_COSINE: f64 = 1.01;
/// Longest line that is looked at to tell what a file is.
const MOST_LINE_BYTES: u64 = 64 << 10;

/// Two photos, how alike they are to two encoders, and what is needed to look at them again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PhotoPair {
    /// File name of the photo that comes first.
    pub first: String,
    /// File name of the other.
    pub second: String,
    /// Cosine of the first encoder's embeddings.
    pub model_cosine: f64,
    /// Cosine of the second encoder's.
    pub second_cosine: f64,
    /// Folder of both photos; that of the file unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// The first encoder, as `--model` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The second encoder, as `--second` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_model: Option<String>,
}

impl PhotoPair {
    /// Refuses what no pair of photos has: a window that sets a text of a million letters has no memory left.
    fn check(&self) -> Result<(), String> {
        let named = [Some(&self.first), Some(&self.second), self.images.as_ref(), self.model.as_ref()];
        let longest = named.into_iter().chain([self.second_model.as_ref()]).flatten().map(String::len).max();
        if let Some(found) = longest.filter(|bytes| *bytes > MOST_TEXT_BYTES) {
            return Err(format!("a name of {found} bytes"));
        }
        let is_cosine = |cosine: f64| (-MOST_COSINE..=MOST_COSINE).contains(&cosine);
        if is_cosine(self.model_cosine) && is_cosine(self.second_cosine) {
            return Ok(());
        }
        Err("a cosine that is no number from -1 to 1".to_owned())
    }

    /// How much more alike they are to the first encoder.
    pub fn difference(&self) -> f64 {
        self.model_cosine - self.second_cosine
    }
}

/// A file of pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct PairsFile {
    /// Where it lies.
    pub path: PathBuf,
    /// In the file's order.
    pub pairs: Vec<PhotoPair>,
}

impl PairsFile {
    /// Reads a file.
    ///
    /// **Errors**: one that cannot be read, has no pair, or has a line that is none.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let open = |found| StudyError::Open { what: "the pairs", found, path: path.to_owned() };
        let bytes = files::read(path, MOST_BYTES).map_err(open)?;
        let unfit = |found: String| StudyError::Unfit {
            expected: "pairs of photos (`gazelens study pairs` writes them), a JSON object a line".to_owned(),
            found,
            path: path.to_owned(),
        };
        let text = String::from_utf8(bytes).map_err(|_| unfit("what is not UTF-8".to_owned()))?;
        let mut pairs = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let pair: PhotoPair =
                serde_json::from_str(line).map_err(|err| unfit(format!("in line {}: {err}", number + 1)))?;
            pair.check().map_err(|why| unfit(format!("in line {}: {why}", number + 1)))?;
            pairs.push(pair);
        }
        if pairs.is_empty() {
            return Err(unfit("none".to_owned()));
        }
        Ok(Self { path: path.to_owned(), pairs })
    }

    /// Whether a file looks like one, by its first line.
    pub fn is_one(path: &Path) -> bool {
        let is_lines = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"));
        let Some((file, _)) = is_lines.then(|| files::open(path).ok()).flatten() else { return false };
        let mut start = Vec::new();
        if file.take(MOST_LINE_BYTES).read_to_end(&mut start).is_err() {
            return false;
        }
        let first = start.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        first.is_some_and(|line| serde_json::from_slice::<PhotoPair>(line).is_ok())
    }

    /// The lines of a file.
    pub fn text(pairs: &[PhotoPair]) -> String {
        let mut text = String::new();
        for pair in pairs {
            // Texts and finite numbers can always be written.
            let _ = writeln!(text, "{}", serde_json::to_string(pair).unwrap_or_default());
        }
        text
    }

    /// Where both photos of a pair lie: in the folder that the pair names, else beside the file.
    pub fn photos(&self, pair: &PhotoPair) -> [PathBuf; 2] {
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let folder = pair.images.as_deref().map_or(beside, Path::new);
        [&pair.first, &pair.second].map(|name| {
            let [named, near] = [folder.join(name), beside.join(name)];
            if !named.exists() && near.exists() { near } else { named }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> PhotoPair {
        PhotoPair {
            first: "a.png".to_owned(),
            second: "b.png".to_owned(),
            model_cosine: 0.97,
            second_cosine: 0.4,
            images: Some("/photos".to_owned()),
            model: Some("demo-clip".to_owned()),
            second_model: None,
        }
    }

    #[test]
    fn pairs_come_back_and_what_is_none_is_refused_by_its_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("pairs.jsonl");
        std::fs::write(&path, PairsFile::text(&[pair(), pair()])).expect("written");
        let read = PairsFile::read(&path).expect("pairs");
        assert_eq!(read.pairs, [pair(), pair()], "as they were");
        assert!(PairsFile::is_one(&path), "known by its first line");
        assert_eq!(read.photos(&pair())[1], Path::new("/photos/b.png"), "in the folder that is named");
        std::fs::write(folder.path().join("b.png"), "").expect("written");
        assert_eq!(read.photos(&pair())[1], folder.path().join("b.png"), "or beside the file");
        let before = r#"{"first":"a.png","second":"b.png","model_cosine":0.9,"second_cosine":0.1}"#;
        std::fs::write(&path, before).expect("written");
        assert_eq!(PairsFile::read(&path).expect("of before").pairs[0].model, None, "without encoders");
        let bad = [("", "found none"), ("{}", "in line 1: missing field"), ("\n\n{\"first\":1}", "in line 3")];
        let odd = PhotoPair { first: "a".repeat(5000), ..pair() };
        let wide = PhotoPair { second_cosine: 1e308, ..pair() };
        let [odd, wide] = [odd, wide].map(|odd| PairsFile::text(&[pair(), odd]));
        let bad = bad.into_iter().map(|(text, why)| (text.to_owned(), why, true));
        let bad = bad.chain([(odd, "in line 2: a name of 5000 bytes", false), (wide, "in line 2: a cosine", false)]);
        for (text, why, is_seen) in bad {
            std::fs::write(&path, &text).expect("written");
            let sentence = PairsFile::read(&path).expect_err("no pairs").to_string();
            assert!(sentence.contains(why) && sentence.ends_with("pairs.jsonl"), "{sentence}");
            assert_eq!(PairsFile::is_one(&path), !is_seen, "{why}");
        }
    }
}
