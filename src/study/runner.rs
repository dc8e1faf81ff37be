//! Asks every question of a study in every setting, photo by photo, and writes rows as they become known.

use super::StudyError;
use super::data::StudyData;
use super::file::{PromptingSpec, Query, Study};
use super::item::{Item, StudyPhoto};
use super::row::{self, AnswerRow, said_word};
use super::score::Scoring;
use super::setting::Setting;
use super::signals::{self, put_metrics};
use super::store::{FORMAT, Known, RowWriter, RunHeader, Shard, folder_of};
use crate::analysis::localisation::Ranked;
use crate::data::coco::Mask;
use crate::engine::{
    ATTRIBUTION_TOKENS, AboutPhoto, Answer, Attributed, AttributionRequest, EngineError, ImageSource, OpenModel,
    Prompt, Prompting, Question, RecordOptions, RunId, attribute, run_job,
};
use crate::files;
use crate::geometry::Framing;
use crate::prompting::{Source, grid_mask, photo_mask};
use crate::trace::file::EncodedTrace;
use crate::trace::{RowPrecision, Trace};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A study with everything opened.
pub struct StudyRun<'a> {
    /// The file's content.
    pub study: &'a Study,
    /// Its path, for messages.
    pub file: &'a Path,
    /// Photos and questions.
    pub data: &'a StudyData,
    /// Who answers.
    pub model: &'a OpenModel,
    /// Who looks for attention prompting with CLIP.
    pub looker: Option<&'a OpenModel>,
    /// Folder of the rows.
    pub out: &'a Path,
    /// Which part.
    pub shard: Shard,
    /// Most questions to ask now; all unless given.
    pub limit: Option<usize>,
    /// Each question by itself and from its beginning: what asking together saves is measured against it.
    pub one_by_one: bool,
}

impl std::fmt::Debug for StudyRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StudyRun").field("out", &self.out).field("shard", &self.shard).finish_non_exhaustive()
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StudyProgress {
    /// Rows of this part.
    pub total: usize,
    /// Those that are there, earlier ones among them.
    pub done: usize,
    /// Those of them that say why there is no answer.
    pub failed: usize,
    /// Rows that were there before.
    pub before: usize,
    /// Since the run began.
    pub elapsed_secs: f64,
}

impl StudyProgress {
    /// Questions a second, of those asked now.
    pub fn per_sec(&self) -> f64 {
        let asked = self.done.saturating_sub(self.before) as f64;
        if self.elapsed_secs > 0.0 { asked / self.elapsed_secs } else { 0.0 }
    }

    /// Time that the rest takes at this rate.
    pub fn secs_left(&self) -> Option<f64> {
        let rate = self.per_sec();
        (rate > 0.0).then(|| self.total.saturating_sub(self.done) as f64 / rate)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudySummary {
    /// How far it came.
    pub progress: StudyProgress,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
    /// Sentences of questions that have no answer, the first of each kind.
    pub failures: Vec<String>,
}

/// Most different sentences of failures that are kept.
const MOST_FAILURES: usize = 20;

impl StudyRun<'_> {
    /// What its rows depend on.
    pub fn header(&self) -> Result<RunHeader, StudyError> {
        let info = self.model.info();
        Ok(RunHeader {
            format: FORMAT.to_owned(),
            version: 1,
            study: self.study.clone(),
            model: info.id.clone(),
            weight_hash: info.weight_hash.clone(),
            looker_hash: self.looker.map(|looker| looker.info().weight_hash.clone()),
            dtype: info.device.rsplit(", ").next().unwrap_or_default().to_owned(),
            data_hash: self.data.fingerprint(),
            num_items: self.data.items.len(),
            num_settings: Setting::all(self.study, self.file)?.len(),
            one_by_one: self.one_by_one,
            program: format!("gazelens {}", env!("CARGO_PKG_VERSION")),
            folder: folder_of(self.file),
        })
    }

    /// Asks what is not answered yet. A raised `finish` ends it behind the row that is being made; `cancel` at once,
    /// without that row.
    pub fn run(
        &self,
        progress: &mut dyn FnMut(StudyProgress),
        finish: &AtomicBool,
        cancel: &AtomicBool,
    ) -> Result<StudySummary, StudyError> {
        let header = self.header()?;
        header.put(self.out)?;
        let settings = Setting::all(self.study, self.file)?;
        let known = Known::read(self.out)?;
        let scoring = Scoring { data: self.data, signals: signals::chosen(&self.study.signals.measured, self.file)? };
        let writer = RowWriter::open(self.out, self.shard)?;
        let hash = header.hash();
        let mut asking = Asking {
            run: self,
            settings: &settings,
            scoring,
            hash: &hash,
            known,
            writer,
            progress: StudyProgress::default(),
            summary: StudySummary::default(),
            begun: Instant::now(),
            cancel,
            looked: HashMap::new(),
        };
        asking.count();
        progress(asking.progress);
        let is_stopped = asking.ask_all(progress, finish)?;
        Ok(StudySummary { progress: asking.progress, is_stopped, ..asking.summary })
    }

    /// Questions of this part, photo by photo.
    fn groups(&self) -> Vec<Group<'_>> {
        groups(self.data, self.shard, self.limit)
    }
}

/// Questions of a part, photo by photo.
fn groups(data: &StudyData, shard: Shard, limit: Option<usize>) -> Vec<Group<'_>> {
    let by_photo = data.items.chunk_by(|a, b| a.photo == b.photo);
    let mine = by_photo.enumerate().filter(|(rank, _)| shard.has(*rank));
    let mut left = limit.unwrap_or(usize::MAX);
    let mut groups = Vec::new();
    for (_, all) in mine {
        let wanted = all.get(..all.len().min(left)).unwrap_or(all);
        left -= wanted.len();
        if wanted.is_empty() {
            break;
        }
        groups.push(Group { all, wanted });
    }
    groups
}

/// How many photos a part asks about, and how many questions.
pub fn size_of_part(data: &StudyData, shard: Shard, limit: Option<usize>) -> [usize; 2] {
    let groups = groups(data, shard, limit);
    [groups.len(), groups.iter().map(|group| group.wanted.len()).sum()]
}

/// Questions about one photo.
struct Group<'a> {
    /// All of the study.
    all: &'a [Item],
    /// Those that are asked now: the first ones.
    wanted: &'a [Item],
}

/// An answer, or why this question alone has none, or what ends the run.
type OwnAnswer = Result<Answer, Result<String, StudyError>>;

/// Why one question has no answer; what another would meet, too, ends the run.
fn own(err: EngineError) -> Result<String, StudyError> {
    if matches!(err, EngineError::Cancelled) || err.is_outdated() { Err(err.into()) } else { Ok(err.to_string()) }
}

/// A run under way.
struct Asking<'a> {
    run: &'a StudyRun<'a>,
    settings: &'a [Setting],
    scoring: Scoring<'a>,
    hash: &'a str,
    known: Known,
    writer: RowWriter,
    progress: StudyProgress,
    summary: StudySummary,
    begun: Instant,
    cancel: &'a AtomicBool,
    /// Where a model looked in the photo at hand, by who looked and for what.
    looked: HashMap<(Source, String), Arc<Attributed>>,
}

impl<'a> Asking<'a> {
    fn key(&self, item: &Item, setting: &Setting) -> Option<(String, &StudyPhoto)> {
        let photo = self.run.data.photos.get(item.photo)?;
        Some((row::key(self.hash, item, photo, setting), photo))
    }

    /// How many rows there are to be, and how many there are.
    fn count(&mut self) {
        let groups = self.run.groups();
        let settings = self.settings;
        for item in groups.iter().flat_map(|group| group.wanted) {
            for setting in settings {
                let key = self.key(item, setting);
                let is_answered = key.and_then(|(key, _)| self.known.keys.get(&key).copied()).unwrap_or(false);
                self.progress.total += 1;
                self.progress.done += usize::from(is_answered);
            }
        }
        self.progress.before = self.progress.done;
    }

    /// Returns whether it was stopped.
    fn ask_all(&mut self, progress: &mut dyn FnMut(StudyProgress), finish: &AtomicBool) -> Result<bool, StudyError> {
        for group in &self.run.groups() {
            self.looked.clear();
            self.run.model.forget();
            let mut about = None;
            for number in 0..self.settings.len() {
                if !self.is_wanted(group, number) {
                    continue;
                }
                if finish.load(Ordering::Relaxed) || self.cancel.load(Ordering::Relaxed) {
                    return Ok(true);
                }
                match self.ask_group(group, number, &mut about, progress) {
                    Ok(()) => {}
                    Err(StudyError::Engine(err)) if matches!(*err, EngineError::Cancelled) => return Ok(true),
                    Err(err) => return Err(err),
                }
            }
        }
        Ok(false)
    }

    /// Whether an answer of a setting to questions about one photo is missing.
    fn is_wanted(&self, group: &Group<'_>, number: usize) -> bool {
        let Some(setting) = self.settings.get(number) else { return false };
        group.wanted.iter().any(|item| {
            let key = self.key(item, setting);
            key.is_some_and(|(key, _)| !self.known.keys.get(&key).copied().unwrap_or(false))
        })
    }

    /// Asks all questions about a photo in one setting, also those that are answered: what comes of one depends, by
    /// rounding, on those that it is asked with. Writes the rows that are not there.
    fn ask_group(
        &mut self,
        group: &Group<'_>,
        number: usize,
        about: &mut Option<Result<AboutPhoto<'a>, String>>,
        progress: &mut dyn FnMut(StudyProgress),
    ) -> Result<(), StudyError> {
        let Some(setting) = self.settings.get(number) else { return Ok(()) };
        let (mut rows, mut questions, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        for item in group.all {
            let Some((key, photo)) = self.key(item, setting) else { continue };
            let mut row = AnswerRow::asked(key, item, photo, number, setting);
            match self.question(&mut row, item, setting) {
                Ok(question) => {
                    asked.push(rows.len());
                    questions.push(question);
                }
                Err(StudyError::Engine(err)) => row.error = Some(own(*err)?),
                Err(err) => return Err(err),
            }
            rows.push((item, row));
        }
        let answers = if self.run.one_by_one {
            self.one_by_one(&questions)
        } else {
            let about = match about {
                Some(about) => about,
                slot => slot.insert(self.read(group)?),
            };
            self.together(about, &questions)?
        };
        for (idx, answer) in asked.into_iter().zip(answers) {
            let Some((item, row)) = rows.get_mut(idx) else { continue };
            match answer {
                Ok(answer) => self.keep(row, item, &answer)?,
                Err(why) => row.error = Some(why?),
            }
        }
        self.write(rows, group, progress)
    }

    /// Answers all of them in passes that they share; what keeps the photo from being read is the reason of each.
    fn together(
        &self,
        about: &Result<AboutPhoto<'_>, String>,
        questions: &[Question],
    ) -> Result<Vec<OwnAnswer>, StudyError> {
        Ok(match about {
            Ok(about) => about.answer(questions, self.cancel)?.into_iter().map(|answer| answer.map_err(own)).collect(),
            Err(why) => questions.iter().map(|_| Err(Ok(why.clone()))).collect(),
        })
    }

    /// Answers each from its beginning.
    fn one_by_one(&self, questions: &[Question]) -> Vec<OwnAnswer> {
        let one = |question| {
            self.run.model.keep_at_most(0);
            run_job(self.run.model, RunId(0), question, &mut |_| {}, self.cancel).map_err(own)
        };
        questions.iter().map(one).collect()
    }

    /// Reads a photo and what all prompts about it begin with; why that cannot be done is every question's.
    fn read(&self, group: &Group<'_>) -> Result<Result<AboutPhoto<'a>, String>, StudyError> {
        let Some((item, photo)) =
            group.all.first().and_then(|item| Some((item, self.run.data.photos.get(item.photo)?)))
        else {
            return Ok(Err("No photo".to_owned()));
        };
        let plain = Question {
            framing: self.run.study.model.framing,
            ..Question::new(photo.source.clone(), Prompt::Templated(item.text.clone()))
        };
        let longest = self.settings.iter().map(|setting| setting.max_new_tokens).max().unwrap_or(0);
        match AboutPhoto::read(self.run.model, &plain, longest, self.cancel) {
            Ok(about) => Ok(Ok(about)),
            Err(err) => own(err).map(Err),
        }
    }

    /// The question of a row.
    fn question(&mut self, row: &mut AnswerRow, item: &Item, setting: &Setting) -> Result<Question, StudyError> {
        let Some(photo) = self.run.data.photos.get(item.photo) else {
            return Err(EngineError::Cancelled.into());
        };
        let precision = if self.run.model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
        // Every row that a signal may ask for.
        let record = RecordOptions { precision, budget_bytes: usize::MAX, ..RecordOptions::default() };
        let mut question = setting.question(photo.source.clone(), &item.text, self.run.study, record);
        question.sampling.seed = setting.seed_of(item.number);
        if let Some(prompting) = &setting.prompting {
            self.darken(row, &mut question, item, prompting)?;
        }
        Ok(question)
    }

    /// Scores an answer, and keeps its trace where the study wants that.
    fn keep(&self, row: &mut AnswerRow, item: &Item, answer: &Answer) -> Result<(), StudyError> {
        let Some(photo) = self.run.data.photos.get(item.photo) else { return Ok(()) };
        self.scoring.fill(row, item, photo, &answer.trace);
        if self.run.study.signals.traces {
            let path = self.trace_path(&row.key)?;
            write_trace(&path, &answer.trace, &answer.extras)?;
        }
        Ok(())
    }

    /// Writes the rows that are wanted and not there.
    fn write(
        &mut self,
        rows: Vec<(&Item, AnswerRow)>,
        group: &Group<'_>,
        progress: &mut dyn FnMut(StudyProgress),
    ) -> Result<(), StudyError> {
        let wanted = rows.into_iter().take(group.wanted.len());
        for (_, mut row) in wanted {
            if self.known.keys.get(&row.key).copied().unwrap_or(false) {
                continue;
            }
            if let Some(why) = row.error.take() {
                self.failed(&mut row, &why);
            }
            self.writer.put(&row)?;
            self.known.keys.insert(row.key, row.error.is_none());
            self.progress.done += 1;
            self.progress.elapsed_secs = self.begun.elapsed().as_secs_f64();
            progress(self.progress);
        }
        Ok(())
    }

    fn failed(&mut self, row: &mut AnswerRow, why: &str) {
        row.error = Some(why.to_owned());
        self.progress.failed += 1;
        let failures = &mut self.summary.failures;
        if failures.len() < MOST_FAILURES && !failures.iter().any(|known| known == why) {
            failures.push(why.to_owned());
        }
    }

    /// Looks where a model looks, once for a photo and its words, and measures that map, too.
    fn darken(
        &mut self,
        row: &mut AnswerRow,
        question: &mut Question,
        item: &Item,
        spec: &PromptingSpec,
    ) -> Result<(), StudyError> {
        let looker = match spec.source {
            Source::Llava => self.run.model,
            Source::Clip => self.run.looker.unwrap_or(self.run.model),
        };
        let request = looking_for(item, spec, question.image.clone(), question.framing);
        let query = request.query.clone();
        let place = (spec.source, query.clone());
        let attributed = if let Some(known) = self.looked.get(&place) {
            Arc::clone(known)
        } else {
            // As if nothing had been asked before.
            looker.forget_prompts();
            let found = Arc::new(attribute(looker, &request, self.cancel)?);
            self.looked.insert(place, Arc::clone(&found));
            found
        };
        row.pre_output = attributed.pre_output.as_ref().map(|pre| said_word(pre.said).to_owned());
        if let Some(mask) = self.run.data.mask(item) {
            measure_prompting(row, &attributed, spec, &mask);
        }
        let info = looker.info();
        question.prompted = Some(Arc::new(Prompting {
            attribution: Arc::clone(&attributed.attribution),
            model_id: info.id.clone(),
            weight_hash: info.weight_hash.clone(),
            query,
            options: spec.options,
        }));
        Ok(())
    }

    fn trace_path(&self, key: &str) -> Result<PathBuf, StudyError> {
        let folder = self.run.out.join("traces");
        let write = |found| StudyError::Write { what: "traces", found, path: folder.clone() };
        std::fs::create_dir_all(&folder).map_err(write)?;
        Ok(folder.join(format!("{key}.safetensors")))
    }
}

/// What a model is to look for, so that a photo is darkened for a question.
pub fn looking_for(
    item: &Item,
    spec: &PromptingSpec,
    image: ImageSource,
    framing: Option<Framing>,
) -> AttributionRequest {
    let object = item.object.clone();
    let query = match spec.query {
        Query::Object => object.clone().unwrap_or_else(|| item.text.clone()),
        Query::Question => item.text.clone(),
    };
    AttributionRequest { source: spec.source, image, query, object, framing, max_new_tokens: ATTRIBUTION_TOKENS }
}

/// Metrics of the map that darkens the photo, as published: 8 bits, of the photo's size, threshold at its mean.
fn measure_prompting(row: &mut AnswerRow, attributed: &Attributed, spec: &PromptingSpec, mask: &Mask) {
    let photo = &attributed.photo;
    let levels = grid_mask(&attributed.attribution, &spec.options).and_then(|grid| {
        let view = &attributed.attribution.view;
        photo_mask(&grid, view, photo.size(), spec.options.resample, spec.options.geometry)
    });
    let ranked = levels.map_err(|err| err.to_string()).and_then(|levels| {
        let levels: Vec<u16> = levels.into_iter().map(u16::from).collect();
        Ranked::of_levels(&levels, u16::from(u8::MAX), mask.pixels()).map_err(|err| err.to_string())
    });
    match ranked {
        Ok(ranked) => put_metrics(&ranked, "prompting_", &mut row.signals),
        Err(why) => row.warnings.push(format!("No metrics of the prompting map: {why}")),
    }
}

fn write_trace(path: &Path, trace: &Trace, extras: &crate::trace::Extras) -> Result<(), StudyError> {
    let write = |found| StudyError::Write { what: "a trace", found, path: path.to_owned() };
    let encoded =
        EncodedTrace::new(path, trace, extras).map_err(|err| write(std::io::Error::other(err.to_string())))?;
    files::replace(path, |file| encoded.write_to(file)).map_err(write)
}
