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
use crate::files::{self, Outputs, reason};
use anyhow::anyhow;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
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
    let mut batch = Batch { model, pattern, photos, outputs, out_dir, reporter: Reporter::default(), loaded: false };
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
}

impl Batch<'_> {
    fn ask_all(&mut self, questions: &PhotoQuestions, file: &Path) -> Result<(), Failure> {
        let unread = questions.unread.len();
        let (total, mut failed, mut warned) = (questions.all.len() + unread, 0, 0);
        // Where lines of JSON appear on the same terminal they are progress enough.
        let terminal = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        // Also those that a listing of the folder leaves out, and those of later questions.
        let names: BTreeSet<&str> = questions.all.iter().map(|question| question.image.as_str()).collect();
        for photo in names.into_iter().filter_map(|name| self.photos.find(name).ok()) {
            self.outputs.reads("a photo of --images", &photo);
        }
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
                    // The next question would fail alike: the options are wrong, or the model is gone.
                    if failure.status() == 2 || is_about_the_model(&failure) {
                        return Err(failure);
                    }
                    failed += 1;
                    if terminal {
                        output::note("");
                    }
                    let sentence = failure.sentence();
                    output::warning(&format!("Cannot answer question {}: {sentence}", question.number));
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
        }
        Ok(self.reporter.object(&answer, path.as_deref()))
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
