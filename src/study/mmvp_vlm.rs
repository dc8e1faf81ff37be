//! MMVP-VLM: whether a CLIP tells two photos apart by a statement about each, for nine visual patterns.
//!
//! **Source**: MMVP (arXiv 2401.06209), `scripts/evaluate_vlm.py`. **Differs**: the cosine is multiplied by 100, as by
//! the published OpenAI models, whatever the model's own factor is, which no decision depends on; and where there are
//! fewer pairs than the published 135, a pattern's share is of the pairs that it has.

use super::StudyError;
use super::report::{Cell, Table};
use crate::analysis::statistics::{Estimate, NoEstimate, wilson};
use crate::data::Photo;
use crate::engine::{EngineError, OpenModel, embed_photo, embed_text, logit_scale};
use crate::files;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The patterns, in the order of the data set's file.
pub const PATTERNS: [&str; 9] = [
    "Orientation and Direction",
    "Presence of Specific Features",
    "State and Condition",
    "Quantity and Count",
    "Positional and Relational Context",
    "Color and Appearance",
    "Structural Characteristics",
    "Texts",
    "Viewpoint and Perspective",
];
/// Pairs of each pattern, one after the other.
const PAIRS_EACH: usize = 15;
/// What a cosine is multiplied by.
const SCALE: f64 = 100.0;
/// Names that the folder of the photos goes by: the script's, and those of its description.
const IMAGE_FOLDERS: [&str; 3] = ["MLLM_VLM Images", "MMVP_VLM_Images", "MMVP_VLM Images"];
/// Endings of photos, the published one first.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];
/// Far more than the published file.
const MOST_BYTES: u64 = 16 << 20;

/// One statement about one of two photos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its number, from 1: an odd one is about the first photo.
    pub id: u64,
    /// Its words.
    pub text: String,
    /// Its photo.
    pub photo: PathBuf,
}

impl Statement {
    fn is_about_first(&self) -> bool {
        self.id % 2 == 1
    }
}

/// The data set as it lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MmvpVlm {
    /// Pairs in the order of the file.
    pub pairs: Vec<[Statement; 2]>,
    /// What the user should know of the files: sentences.
    pub warnings: Vec<String>,
}

/// A line of the file.
struct Line {
    id: u64,
    kind: String,
    text: String,
}

impl MmvpVlm {
    /// Reads `Questions.csv` (number, type, statement) and finds the photos, `TYPE/NUMBER.jpg` in a folder named
    /// `MLLM_VLM Images` or `MMVP_VLM_Images`.
    ///
    /// **Errors**: another file; a photo that is not there; more pairs than the nine patterns have.
    pub fn open(folder: &Path) -> Result<Self, StudyError> {
        let file = folder.join("Questions.csv");
        let lines = lines(&file)?;
        let (mut pairs, mut warnings) = (Vec::new(), Vec::new());
        let (mut strange, mut elsewhere) = (Vec::new(), Vec::new());
        let images = IMAGE_FOLDERS.iter().map(|name| folder.join(name)).find(|path| path.is_dir());
        let images = images.ok_or_else(|| {
            unfit(&format!("a folder of photos named {}", IMAGE_FOLDERS.join(" or ")), "none".to_owned(), folder)
        })?;
        for (idx, of_pair) in lines.chunks(2).enumerate() {
            let [first, second] = of_pair else {
                warnings.push(format!("Left out: the last statement, which has no second: {}", file.display()));
                break;
            };
            let Some(pattern) = PATTERNS.get(idx / PAIRS_EACH) else {
                let most = PATTERNS.len() * PAIRS_EACH;
                return Err(unfit(&format!("at most {most} pairs"), lines.len().div_ceil(2).to_string(), &file));
            };
            if [first, second].iter().any(|line| !is_named(&line.kind, pattern)) {
                elsewhere.push(first);
            }
            if first.id % 2 != 1 || second.id != first.id.saturating_add(1) {
                strange.push(first);
            }
            // As the script does, both photos are looked for under the type of the first.
            let statement = |line: &Line| {
                let photo = photo(&images, &first.kind, line.id)?;
                Ok::<_, StudyError>(Statement { id: line.id, text: line.text.clone(), photo })
            };
            pairs.push([statement(first)?, statement(second)?]);
        }
        if pairs.is_empty() {
            return Err(unfit("pairs of statements", "none".to_owned(), &file));
        }
        let told = |what: &str, of: &[&Line]| {
            let first = of.first()?;
            Some(format!("{what}: {} of {} pairs (such as that of question {})", of.len(), pairs.len(), first.id))
        };
        warnings.extend(told("Patterns are counted by place, 15 pairs each, and the file names others", &elsewhere));
        warnings.extend(told("The two questions of a pair are not an odd number and the next", &strange));
        if pairs.len() < PATTERNS.len() * PAIRS_EACH {
            warnings.push(format!("{} pairs, not the {} published ones", pairs.len(), PATTERNS.len() * PAIRS_EACH));
        }
        Ok(Self { pairs, warnings })
    }

    /// Decides every pair. `progress` gets the pairs done; a raised `cancel` ends it within one layer.
    ///
    /// **Errors**: a model without a text tower; a photo that cannot be read.
    pub fn score(
        &self,
        model: &OpenModel,
        progress: &mut dyn FnMut(usize),
        cancel: &AtomicBool,
    ) -> Result<MmvpVlmScores, StudyError> {
        let mut warnings = Vec::new();
        let own = logit_scale(model).map(f64::from);
        if let Some(own) = own.filter(|own| (own - SCALE).abs() > 1.0) {
            warnings.push(format!("Cosines are multiplied by {SCALE}, where the model's own factor is {own:.2}"));
        }
        let mut pairs = Vec::new();
        for (idx, pair) in self.pairs.iter().enumerate() {
            let mut images = Vec::new();
            for statement in pair {
                let photo = Photo::open(&statement.photo).map_err(EngineError::from)?;
                warnings.extend(photo.warnings.iter().cloned());
                images.push(embed_photo(model, &photo, cancel)?);
            }
            let mut first_photo = [0.0; 2];
            for (slot, statement) in first_photo.iter_mut().zip(pair) {
                let text = embed_text(model, &format!("a photo of {}", statement.text))?;
                warnings.extend(text.warning);
                let cosines: Vec<f64> = images.iter().map(|image| dot(image, &text.embedding)).collect();
                let [first, second] = [0, 1].map(|idx| cosines.get(idx).copied().unwrap_or(f64::NAN));
                *slot = 1.0 / (1.0 + (SCALE * (second - first)).exp());
            }
            let decided = pair.iter().zip(first_photo);
            let is_right = decided.clone().all(|(statement, p)| (p > 0.5) == statement.is_about_first());
            pairs.push(PairScore { questions: pair.each_ref().map(|one| one.id), first_photo, is_right });
            progress(idx + 1);
        }
        Ok(MmvpVlmScores { pairs, warnings })
    }
}

/// One pair as a model decides it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PairScore {
    /// Numbers of its questions.
    pub questions: [u64; 2],
    /// Probability of the first photo, given each statement.
    pub first_photo: [f64; 2],
    /// Whether both statements are given to their photos.
    pub is_right: bool,
}

/// All pairs as one model decides them.
#[derive(Debug, Clone, PartialEq)]
pub struct MmvpVlmScores {
    /// In the order of the file.
    pub pairs: Vec<PairScore>,
    /// What the user should know: sentences.
    pub warnings: Vec<String>,
}

impl MmvpVlmScores {
    /// Share of right pairs of each pattern, 0 to 1; none where it has no pairs.
    pub fn patterns(&self) -> [Option<f64>; 9] {
        let mut chunks = self.pairs.chunks(PAIRS_EACH);
        PATTERNS.map(|_| {
            let of = chunks.next()?;
            Some(of.iter().filter(|pair| pair.is_right).count() as f64 / of.len() as f64)
        })
    }

    /// Mean over the patterns: what is published as the average.
    pub fn average(&self) -> Option<f64> {
        let there: Vec<f64> = self.patterns().into_iter().flatten().collect();
        (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64)
    }

    /// Share of right pairs, with Wilson's interval.
    ///
    /// **Errors**: no pairs.
    pub fn right(&self) -> Result<Estimate, NoEstimate> {
        let right = self.pairs.iter().filter(|pair| pair.is_right).count();
        wilson(right as u64, self.pairs.len() as u64)
    }
}

/// One row a model.
pub fn mmvp_vlm_table(models: &[(String, MmvpVlmScores)]) -> Table {
    let row = |(name, scores): &(String, MmvpVlmScores)| {
        let mut row = vec![Cell::text(name)];
        row.extend(scores.patterns().map(|share| Cell::plain(share, 100.0, 1)));
        row.extend([
            Cell::plain(scores.average(), 100.0, 1),
            Cell::count(scores.pairs.len()),
            Cell::percent(&scores.right()),
        ]);
        row
    };
    let columns = ["model"].into_iter().chain(PATTERNS).chain(["average", "pairs", "pairs right"]);
    Table {
        id: "mmvp_vlm".to_owned(),
        title: "Pairs that a CLIP tells apart (MMVP-VLM)".to_owned(),
        note:
            "Per cent of pairs for which both statements are given to their photos. Patterns by place in the file, 15 \
            pairs each; average: mean of the patterns; pairs right: of all pairs, with Wilson's 95 % interval. Chance: \
            25 %."
                .to_owned(),
        columns: columns.map(str::to_owned).collect(),
        rows: models.iter().map(row).collect(),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn unfit(expected: &str, found: String, path: &Path) -> StudyError {
    StudyError::Unfit { expected: expected.to_owned(), found, path: path.to_owned() }
}

/// The first line is not read: the columns are told by their places, as in the script.
fn lines(file: &Path) -> Result<Vec<Line>, StudyError> {
    let open = |found| StudyError::Open { what: "MMVP-VLM's statements", found, path: file.to_owned() };
    let bytes = files::read(file, MOST_BYTES).map_err(open)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let expected = "the columns `Question ID`, `Type` and `Statement`";
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|err| unfit("a CSV file", err.to_string(), file))?;
        let at = record.position().map_or(0, csv::Position::line);
        let text = |column: usize| record.get(column).unwrap_or_default().trim().to_owned();
        if record.len() != 3 {
            return Err(unfit(expected, format!("{} columns in line {at}", record.len()), file));
        }
        let id =
            text(0).parse().map_err(|_| unfit(expected, format!("the number `{}` in line {at}", text(0)), file))?;
        lines.push(Line { id, kind: text(1), text: text(2) });
    }
    Ok(lines)
}

/// Whether a type of the file is that pattern, in one of its spellings (`Text`, `Structural and Physical
/// Characteristics`): their first letters differ.
fn is_named(kind: &str, pattern: &str) -> bool {
    let begin = |text: &str| text.chars().take(4).flat_map(char::to_lowercase).collect::<String>();
    begin(kind) == begin(pattern)
}

fn photo(images: &Path, kind: &str, id: u64) -> Result<PathBuf, StudyError> {
    // A type is the name of a folder, and of no other place.
    let is_name = !kind.is_empty() && !kind.starts_with('.') && !kind.contains(['/', '\\', ':']);
    let folder = if is_name { images.join(kind) } else { images.to_owned() };
    let all = ENDINGS.iter().map(|ending| folder.join(format!("{id}.{ending}")));
    let found = all.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        unfit(&format!("the photo {id}.{}", ENDINGS.join(&format!(" or {id}."))), "none".to_owned(), &folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with so many statements and empty photos.
    fn data(statements: &[(u64, &str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = "Question ID,Type,Statement\n".to_owned();
        for (id, kind, words) in statements {
            text.extend([id.to_string().as_str(), ",", kind, ",\"", words, "\"\n"]);
            let photos = folder.path().join("MMVP_VLM_Images").join(kind);
            std::fs::create_dir_all(&photos).expect("a folder");
            std::fs::write(photos.join(format!("{id}.jpg")), "").expect("a photo");
        }
        std::fs::write(folder.path().join("Questions.csv"), text).expect("the statements");
        folder
    }

    #[test]
    fn pairs_are_two_lines_in_a_row_with_their_photos() {
        let folder = data(&[
            (1, "Orientation and Direction", "a dog, looking left"),
            (2, "Orientation and Direction", "a dog looking right"),
            (3, "Texts", "a sign"),
            (4, "Texts", "no sign"),
            (5, "State and Condition", "alone"),
        ]);
        let data = MmvpVlm::open(folder.path()).expect("two pairs");
        let ids: Vec<_> = data.pairs.iter().map(|pair| pair.each_ref().map(|one| one.id)).collect();
        assert_eq!(ids, [[1, 2], [3, 4]], "two in a row");
        assert_eq!(data.pairs[0][0].text, "a dog, looking left", "quoted words");
        assert!(data.pairs[1][1].photo.ends_with("MMVP_VLM_Images/Texts/4.jpg"), "by type and number");
        let all = data.warnings.join("\n");
        assert!(all.contains("the last statement, which has no second"), "{all}");
        assert!(all.contains("the file names others: 1 of 2 pairs (such as that of question 3)"), "{all}");
        assert!(all.contains("2 pairs, not the 135 published ones"), "{all}");
    }

    #[test]
    fn what_is_no_such_folder_is_one_sentence() {
        let refused = |folder: &Path| MmvpVlm::open(folder).expect_err("refused").to_string();
        let folder = data(&[(1, "Texts", "a"), (2, "Texts", "b")]);
        let questions = folder.path().join("Questions.csv");
        std::fs::remove_file(folder.path().join("MMVP_VLM_Images/Texts/2.jpg")).expect("removed");
        let sentence = refused(folder.path());
        assert!(sentence.starts_with("Expected the photo 2.jpg or 2.jpeg or 2.png, found none: "), "{sentence}");
        std::fs::write(&questions, "lndex,Question,Options,Correct Answer\n1,a,(a) b,(a)\n").expect("written");
        let sentence = refused(folder.path());
        assert!(sentence.contains("found 4 columns in line 2: "), "MMVP's other file: {sentence}");
        std::fs::write(&questions, "Question ID,Type,Statement\none,Texts,a\n").expect("written");
        assert!(refused(folder.path()).contains("found the number `one` in line 2: "), "{}", refused(folder.path()));
        std::fs::write(&questions, "Question ID,Type,Statement\n1,../../x,a\n2,../../x,b\n").expect("written");
        std::fs::write(folder.path().join("1.jpg"), "").expect("a photo elsewhere");
        assert!(refused(folder.path()).contains("Expected the photo 1.jpg"), "a type is no path");
        std::fs::remove_dir_all(folder.path().join("MMVP_VLM_Images")).expect("removed");
        assert!(refused(folder.path()).contains("a folder of photos named MLLM_VLM Images or "), "no photos");
        std::fs::remove_file(&questions).expect("removed");
        assert!(refused(folder.path()).starts_with("Cannot open MMVP-VLM's statements: "), "no statements");
    }

    #[test]
    fn patterns_are_counted_by_place() {
        let pair = |idx: usize, is_right| PairScore {
            questions: [2 * idx as u64 + 1, 2 * idx as u64 + 2],
            first_photo: [0.9, 0.1],
            is_right,
        };
        // Three of fifteen, then all of two.
        let pairs = (0..17).map(|idx| pair(idx, !(3..15).contains(&idx))).collect();
        let scores = MmvpVlmScores { pairs, warnings: Vec::new() };
        let patterns = scores.patterns();
        assert_eq!(patterns[..3], [Some(0.2), Some(1.0), None], "of the pairs that there are");
        assert_eq!(scores.average(), Some(0.6), "of the patterns that there are");
        let table = mmvp_vlm_table(&[("m".to_owned(), scores)]);
        let texts: Vec<&str> = table.rows[0].iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts[..4], ["m", "20.0", "100.0", "-"], "per cent");
        assert_eq!((texts[10], texts[11]), ("60.0", "17"), "average and pairs");
        assert!(texts[12].starts_with("29.4 ["), "5 of 17: {}", texts[12]);
        assert_eq!(table.columns.len(), table.rows[0].len(), "a header each");
    }
}
