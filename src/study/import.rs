//! Answers of other programs as rows of a run: what was not asked here can still be scored and compared.

use super::StudyError;
use super::data::StudyData;
use super::file::Study;
use super::item::{Item, StudyPhoto};
use super::row::{self, AnswerRow, WordRow};
use super::setting::Setting;
use super::store::{FORMAT, Known, RowWriter, RunHeader, Shard, folder_of};
use crate::data::answers::{WrittenAnswer, WrittenAnswers};
use crate::data::coco::Problems;
use crate::data::dataset::coco_image_id;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A file of answers and the study that they belong to.
pub struct Import<'a> {
    /// The study's content.
    pub study: &'a Study,
    /// Its path, for messages.
    pub file: &'a Path,
    /// Photos and questions.
    pub data: &'a StudyData,
    /// Folder of the rows.
    pub out: &'a Path,
    /// Name of who answered; rows of one run are of one name.
    pub model: &'a str,
    /// Place of the setting among those of [`Setting::all`].
    pub setting: usize,
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("out", &self.out).field("setting", &self.setting).finish_non_exhaustive()
    }
}

/// What became of a file of answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// Answers that became rows.
    pub joined: usize,
    /// Answers to questions whose rows were there before; these stay.
    pub before: usize,
    /// Answers to a question that another answer of the file has, too; the first counts.
    pub doubles: usize,
    /// Answers that belong to no question: their places in the file, from 1, and why.
    pub unmatched: Vec<(usize, String)>,
    /// Questions of the study without an answer.
    pub missing: usize,
    /// Records that hold no answer.
    pub problems: Problems,
}

impl Import<'_> {
    /// Reads a file of answers and writes their rows.
    ///
    /// **Errors**: a file without any answer, a run of another model, and where no answer belongs to the study.
    pub fn run(&self, answers: &Path) -> Result<ImportReport, StudyError> {
        let settings = Setting::all(self.study, self.file)?;
        let unfit = |expected: &str, found: String| StudyError::Unfit {
            expected: expected.to_owned(),
            found,
            path: answers.to_owned(),
        };
        let setting =
            settings.get(self.setting).ok_or_else(|| unfit("a setting of the study", self.setting.to_string()))?;
        let WrittenAnswers { all, problems } = WrittenAnswers::open(answers)?;
        let join = Join::new(self.data);
        let mut report = ImportReport { problems, ..ImportReport::default() };
        let (mut taken, mut found) = (HashSet::new(), Vec::new());
        for answer in &all {
            match join.find(answer, &taken) {
                Ok(item) if taken.insert(item) => found.push((item, answer)),
                Ok(_) => report.doubles += 1,
                Err(why) => report.unmatched.push((answer.number, why)),
            }
        }
        if found.is_empty() {
            let why =
                report.unmatched.first().map_or_else(String::new, |(number, why)| format!(" (answer {number}: {why})"));
            return Err(unfit("answers to questions of the study", format!("none{why}")));
        }
        report.missing = self.data.items.len() - found.len();
        let header = self.header(settings.len());
        header.put(self.out)?;
        let hash = header.hash();
        let known = Known::read(self.out)?;
        let mut writer = RowWriter::open(self.out, Shard::WHOLE)?;
        found.sort_by_key(|(item, _)| *item);
        for (item, answer) in found {
            let Some(item) = self.data.items.get(item) else { continue };
            let Some(photo) = self.data.photos.get(item.photo) else { continue };
            let key = row::key(&hash, item, photo, setting);
            if known.keys.contains_key(&key) {
                report.before += 1;
                continue;
            }
            let mut row = AnswerRow::asked(key, item, photo, self.setting, setting);
            self.fill(&mut row, item, photo, answer.answer.trim());
            writer.put(&row)?;
            report.joined += 1;
        }
        Ok(report)
    }

    fn header(&self, num_settings: usize) -> RunHeader {
        let mut study = self.study.clone();
        self.model.clone_into(&mut study.model.id);
        RunHeader {
            format: FORMAT.to_owned(),
            version: 1,
            study,
            model: self.model.to_owned(),
            weight_hash: super::item::hex(&Sha256::digest(format!("answers of {}", self.model).as_bytes())),
            looker_hash: None,
            dtype: "that of another program".to_owned(),
            data_hash: self.data.fingerprint(),
            num_items: self.data.items.len(),
            num_settings,
            program: format!("gazelens {}", env!("CARGO_PKG_VERSION")),
            one_by_one: false,
            folder: folder_of(self.file),
        }
    }

    /// What can be said of an answer without its tokens.
    fn fill(&self, row: &mut AnswerRow, item: &Item, photo: &StudyPhoto, text: &str) {
        row.answer = Some(text.to_owned());
        if item.label.is_some() {
            return;
        }
        let marked = self.data.judge(row, photo, text);
        let words = marked.into_iter().map(|one| WordRow {
            text: text.get(one.mention.bytes.clone()).unwrap_or_default().to_owned(),
            category: one.mention.category.to_owned(),
            status: one.status.id().to_owned(),
            bytes: [one.mention.bytes.start, one.mention.bytes.end],
            ..WordRow::default()
        });
        row.words = words.collect();
    }
}

/// Questions by everything that an answer may say of its own.
struct Join<'a> {
    data: &'a StudyData,
    by_id: HashMap<String, Vec<usize>>,
    by_doc: HashMap<usize, Vec<usize>>,
    by_photo: HashMap<usize, Vec<usize>>,
    /// Photos by name, with and without its ending.
    names: HashMap<&'a str, usize>,
    numbers: HashMap<u64, usize>,
}

impl<'a> Join<'a> {
    fn new(data: &'a StudyData) -> Self {
        let (mut names, mut numbers) = (HashMap::new(), HashMap::new());
        for (idx, photo) in data.photos.iter().enumerate() {
            for name in [photo.name.as_str(), stem(&photo.name)] {
                names.entry(name).or_insert(idx);
            }
            if let Some(id) = photo.image_id.or_else(|| coco_image_id(&photo.name)) {
                numbers.entry(id).or_insert(idx);
            }
        }
        let (mut by_id, mut by_doc, mut by_photo) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (idx, item) in data.items.iter().enumerate() {
            if let Some(id) = id_text(&item.question_id) {
                by_id.entry(id).or_insert_with(Vec::new).push(idx);
            }
            by_doc.entry(item.doc_id).or_insert_with(Vec::new).push(idx);
            by_photo.entry(item.photo).or_insert_with(Vec::new).push(idx);
        }
        Self { data, by_id, by_doc, by_photo, names, numbers }
    }

    /// The photo that an answer names; `None` where it names none.
    fn photo(&self, answer: &WrittenAnswer) -> Option<Result<usize, String>> {
        let by_name = answer.image.as_deref().and_then(|name| {
            let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
            self.names.get(name).or_else(|| self.names.get(stem(name)))
        });
        let by_number = || answer.image_id.and_then(|id| self.numbers.get(&id));
        match (by_name.or_else(by_number), &answer.image, answer.image_id) {
            (Some(photo), ..) => Some(Ok(*photo)),
            (None, Some(name), _) => Some(Err(format!("the study has no question about {name}"))),
            (None, None, Some(id)) => Some(Err(format!("the study has no question about photo {id}"))),
            (None, None, None) => None,
        }
    }

    /// The question of an answer: by its name, else by its place, else by photo and words. Of several that are the
    /// same in all of that it is the first without an answer.
    fn find(&self, answer: &WrittenAnswer, taken: &HashSet<usize>) -> Result<usize, String> {
        let photo = self.photo(answer).transpose()?;
        let by_id = answer.question_id.as_ref().and_then(|id| self.by_id.get(id));
        let by_doc = answer.doc_id.and_then(|id| self.by_doc.get(&id));
        let by_photo = photo.and_then(|photo| self.by_photo.get(&photo));
        let ways: Vec<&Vec<usize>> = [by_id, by_doc, by_photo].into_iter().flatten().collect();
        for way in &ways {
            let fits: Vec<usize> =
                way.iter().copied().filter(|idx| self.fits(*idx, photo, answer, way.len())).collect();
            let alike = fits.first().is_some_and(|first| fits.iter().all(|other| self.is_alike(*first, *other)));
            if alike {
                let free = fits.iter().find(|idx| !taken.contains(idx)).or(fits.first());
                return free.copied().ok_or_else(String::new);
            }
            if !fits.is_empty() {
                return Err(format!("{} questions of the study fit", fits.len()));
            }
        }
        Err(match (&answer.question_id, answer.doc_id) {
            _ if !ways.is_empty() => "the study asks something else there".to_owned(),
            (Some(id), _) => format!("the study has no question `{id}`"),
            (None, Some(id)) => format!("the study has no question at place {id}"),
            (None, None) => "it names neither a question nor a photo".to_owned(),
        })
    }

    /// Whether a question is about that photo and, where that tells questions apart, in those words.
    fn fits(&self, idx: usize, photo: Option<usize>, answer: &WrittenAnswer, candidates: usize) -> bool {
        let Some(item) = self.data.items.get(idx) else { return false };
        let tells = item.label.is_some() || candidates > 1;
        photo.is_none_or(|photo| photo == item.photo)
            && (!tells || answer.question.as_deref().is_none_or(|words| same_question(words, &item.text)))
    }

    fn is_alike(&self, a: usize, b: usize) -> bool {
        let of = |idx: usize| self.data.items.get(idx).map(|item| (item.photo, &item.text, item.label));
        of(a) == of(b)
    }
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// A question's name as text.
fn id_text(id: &serde_json::Value) -> Option<String> {
    match id {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        other => Some(other.to_string()),
    }
}

/// Whether two programs asked the same, whatever words stand around the question.
fn same_question(theirs: &str, ours: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let asked = ours.find('?').and_then(|end| ours.get(..=end)).unwrap_or(ours);
    let (theirs, asked, ours) = (plain(theirs), plain(asked), plain(ours));
    theirs.contains(&asked) || ours.contains(&theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_same_whatever_stands_around_it() {
        let ours = "Is there a dog in the image? Please answer with one word.";
        for theirs in [
            "Is there a dog in the image?",
            "<image>\nIs there a dog in  the image?\nAnswer the question using a single word or phrase.",
            "is there a dog in the image? Please answer with one word.",
        ] {
            assert!(same_question(theirs, ours), "{theirs}");
        }
        assert!(!same_question("Is there a car in the image?", ours), "another object");
    }
}
