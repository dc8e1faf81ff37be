//! Many questions about one photo: its beginning of every prompt is read once, and what is left of several prompts, and
//! their answers, go through the model together.
//!
//! **Differs** from asking one by one by rounding, as products over other numbers of rows add in another order
//! (`tests/models/together.rs` holds it to 1e-5 in f32 and to the same tokens). What comes of a question depends on the
//! photo, the first question, and the questions that it is asked with, in their order, and on nothing that was asked
//! before: so a study that is stopped and continued, or dealt out to machines, has the same answers to the bit.

use super::error::EngineError;
use super::job::{Job, answer, ask_first, generate_options};
use super::messages::{Answer, ImageSource, Question, RunId, Spec};
use super::open::{Answerer, ModelKind, OpenModel};
use super::photo::asked_photo;
use super::plan::{Plan, built};
use super::prefixes::Prefixes;
use super::reuse::Wanted;
use super::run::{name_the_weights, run_job, with_files_held};
use crate::checkpoint::StreamDecoder;
use crate::data::Photo;
use crate::decode::Generation;
use crate::model::{KvCache, Prepared, Probe};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Most positions of prompts that go through the model in one pass.
const MOST_PENDING: usize = 512;
/// Most answers that are written in one pass.
const MOST_TOGETHER: usize = 32;
/// Room behind the first question's prompt for longer ones.
const SPARE_POSITIONS: usize = 512;

/// A photo whose beginning of every prompt was read.
pub struct AboutPhoto<'m> {
    model: &'m OpenModel,
    image: ImageSource,
    /// The photo as it is, unless it cannot be read.
    photo: Photo,
    /// As the model takes it, by framing: questions hardly ever differ in it.
    prepared: Mutex<Option<(Option<crate::geometry::Framing>, Prepared)>>,
    /// What the ordinary prompt begins with.
    base: Option<Base>,
}

impl std::fmt::Debug for AboutPhoto<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AboutPhoto").field("image", &self.image).finish_non_exhaustive()
    }
}

/// A prompt that was read.
struct Base {
    prompt: Wanted,
    cache: KvCache,
}

impl Base {
    /// Its cache as far as another prompt reads the same; nothing is copied.
    fn of(&self, wanted: &Wanted) -> Option<KvCache> {
        let shared = self.prompt.shared_alike(wanted).min(wanted.most).min(self.cache.len());
        (shared > 0).then(|| {
            let mut cache = self.cache.fork();
            cache.truncate(shared);
            cache
        })
    }
}

impl<'m> AboutPhoto<'m> {
    /// Reads the photo and the prompt of the first question that is asked about it, by plain decoding; `longest` is the
    /// token limit of the longest answer. Only an encoder reads nothing beforehand.
    pub fn read(
        model: &'m OpenModel,
        first: &Question,
        longest: usize,
        cancel: &AtomicBool,
    ) -> Result<Self, EngineError> {
        let plain =
            Question { strategy: Spec::default(), interventions: Vec::new(), methods: Vec::new(), ..first.clone() };
        let plain = Question { prompted: None, fork: None, max_new_tokens: 1, ..plain };
        let photo = asked_photo(&plain)?;
        let mut about = Self { model, image: first.image.clone(), photo, prepared: Mutex::new(None), base: None };
        if let ModelKind::Answers(answerer) = model.kind() {
            let read = with_files_held(model, || about.read_prompt(answerer, &plain, longest, cancel));
            about.base = Some(read?.0);
        }
        Ok(about)
    }

    fn read_prompt(
        &self,
        model: &Answerer,
        question: &Question,
        longest: usize,
        cancel: &AtomicBool,
    ) -> Result<Base, EngineError> {
        let roomy = Question { max_new_tokens: longest.saturating_add(SPARE_POSITIONS), ..question.clone() };
        let mut one = self.begin(model, &roomy, &[], cancel)?;
        one.generation.step(&mut one.job.recorder)?;
        bases(one.wanted, one.generation)
            .into_iter()
            .next()
            .ok_or_else(|| EngineError::NoDecoder { path: model.info.id.clone().into() })
    }

    /// Answers questions about the photo, all in one way (the same methods, the same sampling); each has its own
    /// result. Where one of them breaks a pass that they share, those of the pass are asked one by one.
    ///
    /// **Errors**: a raised `cancel`, and a model whose files have changed.
    pub fn answer(
        &self,
        questions: &[Question],
        cancel: &AtomicBool,
    ) -> Result<Vec<Result<Answer, EngineError>>, EngineError> {
        let ModelKind::Answers(model) = self.model.kind() else {
            let each = questions.iter().map(|one| run_job(self.model, RunId(0), one, &mut |_| {}, cancel));
            return Ok(each.collect());
        };
        let (mut answers, warnings) = with_files_held(self.model, || self.answer_all(model, questions, cancel))?;
        for answer in answers.iter_mut().flatten() {
            answer.trace.warnings.extend(warnings.iter().cloned());
        }
        Ok(answers)
    }

    fn answer_all(
        &self,
        model: &Answerer,
        questions: &[Question],
        cancel: &AtomicBool,
    ) -> Result<Vec<Result<Answer, EngineError>>, EngineError> {
        let mut bases: Vec<&Base> = self.base.iter().collect();
        let mut answers = Vec::with_capacity(questions.len());
        let own;
        let mut left = questions;
        // Branches that the photo's own prompt says nothing of: the first question reads them for all.
        if let Some((first, rest)) = questions.split_first().filter(|(_, rest)| !rest.is_empty()) {
            match self.begin(model, first, &bases, cancel) {
                Ok(one) if one.pending > MOST_PENDING / 4 => {
                    let (answer, read) = one.finish_alone(model)?;
                    answers.push(answer);
                    own = read;
                    bases.extend(&own);
                    left = rest;
                }
                Ok(_) | Err(_) => {} // it is begun again with the others
            }
        }
        while !left.is_empty() {
            let (mut all, mut pending, mut num_open) = (Vec::new(), 0, 0);
            for question in left.iter().take(MOST_TOGETHER) {
                let one = self.begin(model, question, &bases, cancel);
                let more = one.as_ref().map_or(0, |one| one.pending);
                if num_open > 0 && pending + more > MOST_PENDING {
                    break;
                }
                pending += more;
                num_open += usize::from(one.is_ok());
                all.push(one);
            }
            let (asked, rest) = left.split_at(all.len().min(left.len()));
            left = rest;
            match together(model, all) {
                Ok(found) => answers.extend(found),
                // One of them broke the pass of all: the others have answers of their own.
                Err(err) => {
                    own_result(model, err)?;
                    for question in asked {
                        answers.push(alone(model, question, cancel)?);
                    }
                }
            }
        }
        Ok(answers)
    }

    /// The photo of a question as the model takes it: the photo itself once, a darkened one each time.
    fn prepare(&self, model: &Answerer, question: &Question) -> Result<(Photo, Prepared), EngineError> {
        if question.prompted.is_some() || question.image != self.image {
            let photo = asked_photo(question)?;
            let prepared = model.prepare(&photo, question.framing)?;
            return Ok((photo, prepared));
        }
        let mut known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prepared)) = known.as_ref().filter(|(framing, _)| *framing == question.framing) {
            return Ok((self.photo.clone(), prepared.clone()));
        }
        let prepared = model.prepare(&self.photo, question.framing)?;
        *known = Some((question.framing, prepared.clone()));
        Ok((self.photo.clone(), prepared))
    }

    /// A question with everything before its first pass.
    fn begin<'a>(
        &self,
        model: &'a Answerer,
        question: &Question,
        bases: &[&Base],
        cancel: &'a AtomicBool,
    ) -> Result<One<'a>, EngineError> {
        let started = Instant::now();
        let methods = built(question)?;
        let (photo, prepared) = self.prepare(model, question)?;
        let mut plan = Plan::of(model, question, &prepared, methods, &[])?;
        if plan.first_questions.iter().any(|questions| !questions.is_empty()) {
            model.reuse.forget_prompts();
        }
        if let Some(answers) = ask_first(model, RunId(0), question, &plan, cancel)? {
            plan = Plan::of(model, question, &prepared, built(question)?, &answers)?;
        }
        let mut job = Job::new(model, question, &plan, &photo, prepared, cancel)?;
        let prompts = job.see(model, &mut plan)?;
        job.saw_in(started.elapsed());
        let wanted = Prefixes::wanted(model, &plan, &prompts, job.recorder.first_prompt_row(), question);
        let caches: Vec<Option<KvCache>> = wanted
            .iter()
            .map(|wanted| {
                let found = bases.iter().filter_map(|base| base.of(wanted));
                found.max_by_key(KvCache::len)
            })
            .collect();
        let known = |cache: &Option<KvCache>| cache.as_ref().map_or(0, KvCache::len);
        let pending = wanted.iter().zip(&caches).map(|(wanted, cache)| wanted.ids.len() - known(cache)).sum();
        job.reused(caches.first().map_or(0, known));
        let Plan { methods, .. } = plan;
        let options = generate_options(model, question, None);
        let generation = Generation::resume(model.vlm.decoder(), methods, prompts, caches, options)?;
        let stream = model.checkpoint.tokenizer.stream();
        Ok(One { question: question.clone(), job, wanted, generation, stream, pending, begun: None })
    }
}

/// One question under way.
struct One<'a> {
    question: Question,
    job: Job<'a>,
    wanted: Vec<Wanted>,
    generation: Generation<'a>,
    stream: StreamDecoder<'a>,
    /// Positions of its prompts that no earlier pass has read.
    pending: usize,
    /// When the first token was there.
    begun: Option<Instant>,
}

impl<'a> One<'a> {
    /// Takes what the last pass found.
    fn take(&mut self, model: &'a Answerer, started: Instant) -> Result<(), EngineError> {
        while let Some(step) = self.generation.told() {
            if self.begun.is_none() {
                self.begun = Some(Instant::now());
                self.job.read_in(started.elapsed());
            }
            self.job.take_step(model, &self.question, &self.generation, step, &mut self.stream)?;
        }
        Ok(())
    }

    fn is_ended(&self) -> bool {
        self.generation.stop_reason().is_some()
    }

    /// Its answer, and what its prompts read.
    fn finish_job(self) -> (Result<Answer, EngineError>, Vec<Wanted>, Generation<'a>) {
        let Self { job, wanted, generation, stream, begun, .. } = self;
        let stop = generation.stop_reason();
        let idle = generation.methods().reports().filter_map(|(word, report)| report.warning(word)).collect();
        let answer = job.finish(stream, begun.unwrap_or_else(Instant::now), stop, idle);
        (answer, wanted, generation)
    }

    /// Answers it by itself; what went wrong with it alone is its result.
    fn finish_alone(mut self, model: &'a Answerer) -> Result<(Result<Answer, EngineError>, Vec<Base>), EngineError> {
        let started = Instant::now();
        while !self.is_ended() {
            let Self { generation, job, .. } = &mut self;
            let mut all: [(&mut Generation<'_>, &mut dyn Probe); 1] = [(generation, &mut job.recorder)];
            let advanced = Generation::advance_together(&mut all).map(|mut all| all.pop());
            let advanced = match advanced {
                Ok(Some(own)) => own,
                Ok(None) => Ok(()),
                Err(err) => Err(err),
            };
            if let Err(err) = advanced {
                return own_result(model, err.into()).map(|err| (Err(err), Vec::new()));
            }
            if let Err(err) = self.take(model, started) {
                return own_result(model, err).map(|err| (Err(err), Vec::new()));
            }
        }
        let (answer, wanted, generation) = self.finish_job();
        Ok((answer, bases(wanted, generation)))
    }
}

/// What the prompts of a question read, for others.
fn bases(prompts: Vec<Wanted>, generation: Generation<'_>) -> Vec<Base> {
    let prompts = prompts.into_iter().zip(generation.into_caches());
    let bases = prompts.map(|(prompt, mut cache)| {
        let is_whole = prompt.footing.by_position;
        cache.truncate(if is_whole { prompt.ids.len() } else { prompt.footing.untouched });
        Base { prompt, cache }
    });
    bases.collect()
}

/// What another question would meet, too, ends all of them.
fn own_result(model: &Answerer, err: EngineError) -> Result<EngineError, EngineError> {
    let err = name_the_weights(err, model);
    if matches!(err, EngineError::Cancelled) || err.is_outdated() { Err(err) } else { Ok(err) }
}

/// Answers a question from its beginning, so that what was asked before changes no bit of it.
fn alone(
    model: &Answerer,
    question: &Question,
    cancel: &AtomicBool,
) -> Result<Result<Answer, EngineError>, EngineError> {
    model.reuse.forget_prompts();
    match answer(model, RunId(0), question, &mut |_| {}, cancel) {
        Ok(answer) => Ok(Ok(answer)),
        Err(err) => own_result(model, err).map(Err),
    }
}

/// Writes the answers of questions that were begun.
fn together<'a>(
    model: &'a Answerer,
    all: Vec<Result<One<'a>, EngineError>>,
) -> Result<Vec<Result<Answer, EngineError>>, EngineError> {
    let started = Instant::now();
    let mut slots: Vec<Result<One<'a>, EngineError>> = Vec::new();
    for one in all {
        slots.push(match one {
            Ok(one) => Ok(one),
            Err(err) => Err(own_result(model, err)?),
        });
    }
    loop {
        let mut open: Vec<usize> = Vec::new();
        let mut passing: Vec<(&mut Generation<'a>, &mut dyn Probe)> = Vec::new();
        for (idx, slot) in slots.iter_mut().enumerate() {
            if let Ok(One { generation, job, .. }) = slot
                && generation.stop_reason().is_none()
            {
                open.push(idx);
                passing.push((generation, &mut job.recorder));
            }
        }
        if passing.is_empty() {
            break;
        }
        let advanced = Generation::advance_together(&mut passing).map_err(|err| name_the_weights(err.into(), model))?;
        drop(passing);
        for (idx, advanced) in open.into_iter().zip(advanced) {
            let Some(slot) = slots.get_mut(idx) else { continue };
            let taken = match (advanced, &mut *slot) {
                (Ok(()), Ok(one)) => one.take(model, started),
                (Err(err), _) => Err(err.into()),
                (Ok(()), Err(_)) => Ok(()),
            };
            if let Err(err) = taken {
                *slot = Err(own_result(model, err)?);
            }
        }
        model.files.expect_whole()?;
    }
    Ok(slots.into_iter().map(|slot| slot.and_then(|one| one.finish_job().0)).collect())
}
