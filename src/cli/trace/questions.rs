//! `gazelens trace --questions`: many questions to one open model.
//!
//! What was answered stays, whatever ends the command: the trace of each question is put in its place before its line
//! is printed. A question that fails is a line with `error`, and the exit status tells.

use super::super::failure::Failure;
use super::super::trace_args::TraceArgs;
use super::super::{inputs, output, source};
use super::report::Reporter;
use super::{answer, open, question, read_by_all, write};
use crate::data::coco::Cost;
use crate::data::dataset::{Dataset, PhotoPlace, Sources};
use crate::data::library::list_folder;
use crate::data::pope::Label;
use crate::data::questions::{PhotoQuestion, PhotoQuestions};
use crate::engine::{EngineError, ImageSource, OpenModel, Prompt, Question, check_specs};
use crate::files::{self, OutputError, Outputs, reason};
use anyhow::anyhow;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub(super) fn run(args: &TraceArgs, file: &Path, folder: &Path) -> Result<(), Failure> {
    if args.many.out_dir.is_none() && !args.json {
        return Err(Failure::usage(anyhow!("Expected --out-dir or --json with --questions, found neither")));
    }
    let mut request = source::load_request(&args.model)?;
    // Checked before anything is opened; photo and words are those of each question.
    let nothing = ImageSource::Bundled(String::new());
    let mut pattern = question(&args.how, nothing, Prompt::Templated(String::new()))?;
    check_specs(&pattern)?;
    let questions = PhotoQuestions::open(file, &AtomicBool::new(false))?;
    output::problems(&questions.problems, &[Cost::Record], file);
    let photos = Photos::open(folder)?;
    let mut outputs = Outputs::default();
    outputs.reads("--questions", file);
    outputs.reads_all("a photo of --images", &photos.files);
    read_by_all(&mut outputs, args, &request);
    if let Some(folder) = &args.many.out_dir {
        inputs::text_of("--out-dir", folder)?;
        outputs.make_folder("--out-dir", folder)?;
    }
    source::fetch(&mut request)?;
    inputs::model(&mut outputs, &request);
    let model = open(&request, args, &mut pattern)?;
    for text in &model.info().warnings {
        output::warning(text);
    }
    let out_dir = args.many.out_dir.as_deref();
    let (reporter, written) = (Reporter::default(), BTreeSet::new());
    let mut batch = Batch { model, pattern, photos, outputs, out_dir, reporter, loaded: false, written };
    batch.ask_all(&questions, file)
}

/// What every question shares.
struct Batch<'a> {
    model: OpenModel,
    /// The question without photo and words.
    pattern: Question,
    photos: Photos,
    outputs: Outputs,
    out_dir: Option<&'a Path>,
    reporter: Reporter,
    /// The time that the model took to open stands in the first line.
    loaded: bool,
    /// Numbers of the questions whose traces were written.
    written: BTreeSet<usize>,
}

impl Batch<'_> {
    fn ask_all(&mut self, questions: &PhotoQuestions, file: &Path) -> Result<(), Failure> {
        let unread = questions.unread.len();
        let (total, mut failed, mut warned) = (questions.all.len() + unread, 0, 0);
        // Where lines of JSON appear on the same terminal they are progress enough.
        let terminal = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        // Also those that a listing of the folder leaves out, and those of later questions.
        let names: BTreeSet<&str> = questions.all.iter().map(|question| question.image.as_str()).collect();
        let mut missing = BTreeSet::new();
        for name in names {
            match self.photos.find(name) {
                Ok(photo) => self.outputs.reads("a photo of --images", &photo),
                Err(_) => drop(missing.insert(name)),
            }
        }
        let mut faults = Faults::default();
        faults.tell_missing(questions, &missing, &self.photos.folder);
        let mut unasked = questions.unread.iter().peekable();
        for question in &questions.all {
            while let Some(one) = unasked.next_if(|(number, _)| *number < question.number) {
                output::json_line(&unread_line(one, file))?;
            }
            if terminal {
                output::changing_line(&format!("[{}/{total}] {}", question.number, question.image));
            }
            let mut line = identity(question);
            match self.ask(question) {
                Ok(answered) => {
                    let warnings = answered.get("warnings").and_then(Value::as_array);
                    warned += usize::from(warnings.is_some_and(|warnings| !warnings.is_empty()));
                    line.extend(answered);
                }
                Err(failure) => {
                    self.outputs.give_up();
                    // The next question would fail alike: the options are wrong, the model is gone, the disk is full.
                    if failure.status() == 2 || is_about_the_model(&failure) || is_about_the_disk(&failure) {
                        if terminal {
                            output::note("");
                        }
                        return Err(failure);
                    }
                    failed += 1;
                    if terminal {
                        output::note("");
                    }
                    let sentence = failure.sentence();
                    if !faults.told_missing || !missing.contains(question.image.as_str()) {
                        faults.tell(question.number, &sentence);
                    }
                    line.insert("image".to_owned(), json!(question.image));
                    line.insert("prompt".to_owned(), json!(question.text));
                    line.insert("error".to_owned(), json!(sentence));
                }
            }
            output::json_line(&line)?;
        }
        for one in unasked {
            output::json_line(&unread_line(one, file))?;
        }
        if terminal {
            output::note("");
        }
        faults.tell_repeated();
        self.tell_others_of_the_folder();
        output::note(&summary(total, failed, unread, warned));
        if failed + unread == 0 {
            return Ok(());
        }
        let answered = total - failed - unread;
        let (found, path) = (if answered == 0 { "none".to_owned() } else { answered.to_string() }, file.display());
        Err(Failure::work(anyhow!("Expected answers to {}, found {found}: {path}", counted(total))))
    }

    fn ask(&mut self, asked: &PhotoQuestion) -> Result<Map<String, Value>, Failure> {
        let image = self.photos.find(&asked.image)?;
        inputs::text_of("the photo", &image).map_err(Failure::of_file)?;
        let prompt = Prompt::Templated(asked.text.clone());
        let question = Question { image: ImageSource::Path(image), prompt, ..self.pattern.clone() };
        let mut answer = answer(&self.model, &question)
            .map_err(|failure| if is_about_the_question(&failure) { failure.of_file() } else { failure })?;
        if !std::mem::replace(&mut self.loaded, true) {
            answer.timings.load_secs = self.model.load_secs();
        }
        let path = self.out_dir.map(|folder| folder.join(format!("{}.safetensors", asked.number)));
        if let (Some(folder), Some(path)) = (self.out_dir, path.as_deref()) {
            self.outputs.make_folder("--out-dir", folder)?;
            expect_ours(path)?;
            let key = self.outputs.claim("a trace", path)?;
            write(&mut self.outputs, path, key, &answer)?;
            self.written.insert(asked.number);
        }
        Ok(self.reporter.object(&answer, path.as_deref()))
    }

    /// Traces of an earlier run that this one has not replaced would be taken for its own.
    fn tell_others_of_the_folder(&self) {
        let Some(folder) = self.out_dir else { return };
        let is_other = |name: &std::ffi::OsStr| {
            let number = name.to_str().and_then(|name| name.strip_suffix(".safetensors")?.parse().ok());
            number.is_some_and(|number: usize| !self.written.contains(&number))
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let said = match entries.filter(|entry| is_other(&entry.file_name())).count() {
            0 => return,
            1 => "1 trace in the folder was not written".to_owned(),
            count => format!("{count} traces in the folder were not written"),
        };
        output::warning(&format!("{said} by this run: {}", folder.display()));
    }
}

/// Most sentences that are remembered.
const MOST_FAULTS: usize = 1_000;

/// What was said about questions that failed: what is true of many is said once, with their number.
#[derive(Default)]
struct Faults {
    told_missing: bool,
    /// How often each sentence came again.
    repeated: BTreeMap<String, usize>,
}

impl Faults {
    /// One sentence for several photos that are not there: the folder is another one.
    fn tell_missing(&mut self, questions: &PhotoQuestions, missing: &BTreeSet<&str>, folder: &Path) {
        let mut without = questions.all.iter().filter(|question| missing.contains(question.image.as_str()));
        let (Some(first), rest) = (without.next(), without.count()) else { return };
        if rest == 0 {
            return;
        }
        self.told_missing = true;
        let (count, total, name, folder) = (rest + 1, counted(questions.all.len()), &first.image, folder.display());
        output::warning(&format!(
            "Cannot find the photos of {count} of {total}, such as `{name}`, in the folder: {folder}"
        ));
    }

    fn tell(&mut self, number: usize, sentence: &str) {
        if let Some(again) = self.repeated.get_mut(sentence) {
            *again += 1;
            return;
        }
        if self.repeated.len() < MOST_FAULTS {
            self.repeated.insert(sentence.to_owned(), 0);
        }
        output::warning(&format!("Cannot answer question {number}: {sentence}"));
    }

    fn tell_repeated(&self) {
        for (sentence, again) in self.repeated.iter().filter(|(_, again)| **again > 0) {
            let questions = if *again == 1 { "1 more question".to_owned() } else { format!("{again} more questions") };
            output::warning(&format!("Cannot answer {questions} for the same reason: {sentence}"));
        }
    }
}

/// The line of a question that cannot be asked.
fn unread_line((number, why): &(usize, String), file: &Path) -> Map<String, Value> {
    let error = format!("Cannot use question {number}: {why}: {}", file.display());
    Map::from_iter([("number".to_owned(), json!(number)), ("error".to_owned(), json!(error))])
}

/// What makes a line findable, in the words of the file.
fn identity(question: &PhotoQuestion) -> Map<String, Value> {
    let label = question.label.map(|label| match label {
        Label::Yes => "yes",
        Label::No => "no",
    });
    let mut line = Map::new();
    line.insert("number".to_owned(), json!(question.number));
    line.insert("question_id".to_owned(), question.id.clone());
    line.insert("image_name".to_owned(), json!(question.image));
    line.insert("label".to_owned(), json!(label));
    line.insert("split".to_owned(), json!(question.split));
    line
}

/// Whether another question might do: the words are refused, not the options.
fn is_about_the_question(failure: &Failure) -> bool {
    failure.cause().is_some_and(EngineError::is_about_the_prompt)
}

/// Whether nothing more can be written.
fn is_about_the_disk(failure: &Failure) -> bool {
    use std::io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let Some(OutputError::Write { found, .. }) = failure.cause() else { return false };
    matches!(found.kind(), FileTooLarge | PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// Whether its files changed or went.
fn is_about_the_model(failure: &Failure) -> bool {
    failure.cause().is_some_and(EngineError::is_outdated)
}

fn counted(questions: usize) -> String {
    if questions == 1 { "1 question".to_owned() } else { format!("{questions} questions") }
}

fn summary(total: usize, failed: usize, unread: usize, warned: usize) -> String {
    let warnings = if warned == 1 { "with warnings in its line" } else { "with warnings in their lines" };
    let parts = [(failed, "failed"), (unread, "could not be read"), (warned, warnings)];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}"));
    format!("{} of {} answered{}", total - failed - unread, counted(total), parts.collect::<String>())
}

/// A folder may hold anything: only an earlier trace makes room for another one.
fn expect_ours(path: &Path) -> Result<(), Failure> {
    const HEAD_BYTES: u64 = 1 << 20;
    let Ok(there) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let mut head = Vec::new();
    if there.is_file()
        && let Ok((file, _)) = files::open(path)
    {
        let _ = file.take(HEAD_BYTES).read_to_end(&mut head);
    }
    // A header of JSON behind its length, as safetensors files have it.
    let wanted = br#""format":"gazelens-trace""#;
    let header = head.get(8..).filter(|header| header.starts_with(b"{"));
    if header.is_some_and(|header| header.windows(wanted.len()).any(|part| part == wanted)) {
        return Ok(());
    }
    let found = if there.is_symlink() { "a link" } else { "another file" };
    Err(Failure::work(anyhow!("Cannot write a trace, as {found} has its name: {}", path.display())))
}

/// The photos of a folder.
struct Photos {
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// Found by name, or by COCO's number in either naming.
    by_name: Dataset,
}

impl Photos {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let unread =
            |err: std::io::Error| anyhow!("Cannot open the folder of --images: {}: {}", reason(&err), folder.display());
        std::fs::read_dir(folder).map_err(unread)?;
        let listing = list_folder(folder, &AtomicBool::new(false), |_| {})?;
        for problem in &listing.problems {
            output::warning(&problem.to_string());
        }
        let photos = listing.images.iter().cloned().map(PhotoPlace::File).collect();
        let by_name = Dataset::join(Sources { photos, ..Sources::default() });
        Ok(Self { folder: folder.to_owned(), files: listing.images, by_name })
    }

    /// A name may have folders below this one; none leads out of it.
    fn find(&self, name: &str) -> Result<PathBuf, Failure> {
        let stays = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let below = self.folder.join(name);
        if stays && below.is_file() {
            return Ok(below);
        }
        let row = self.by_name.row_of_name(name).and_then(|row| self.by_name.rows().get(row));
        match row.and_then(|row| row.photo.as_ref()) {
            Some(PhotoPlace::File(path)) => Ok(path.clone()),
            _ => Err(Failure::work(anyhow!("Cannot find the photo `{name}` in the folder: {}", self.folder.display()))),
        }
    }
}
