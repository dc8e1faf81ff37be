//! One question from photo to trace.

use super::branches::{idle_contrast, named_action, named_contrast};
use super::error::EngineError;
use super::fork::Recalled;
use super::job_info::{prompt_tokens, run_info};
use super::messages::{
    Answer, Event, Prompt, PromptRows, Question, RecordOptions, RunId, Spec, Stage, Timings, limit_sentence,
};
use super::open::Answerer;
use super::photo::{asked_photo, kept_values};
use super::plan::{Plan, built};
use super::prefixes::Prefixes;
use super::recall::recorded;
use super::recorder::{Recorder, Sizes};
use crate::checkpoint::StreamDecoder;
use crate::data::Photo;
use crate::decode::{DecoderPrompt, FirstAnswer, FirstQuestion, GenerateOptions, Generation, StopReason, TokenStep};
use crate::model::Prepared;
use crate::trace::{AttentionRow, Candidate, Extras, OutputToken, Sampling, Trace};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Answers a question. `emit` gets [`Event::Stage`], [`Event::Started`], [`Event::Token`] and [`Event::Rewind`] as they
/// come; how it ends is the result.
///
/// `Started` comes before the prefill, or after it when prompt rows were asked for, because they are made there. A
/// raised `cancel` ends the job within one layer with [`EngineError::Cancelled`]; what was emitted before stays valid.
pub(super) fn answer(
    model: &Answerer,
    id: RunId,
    question: &Question,
    emit: &mut dyn FnMut(Event),
    cancel: &AtomicBool,
) -> Result<Answer, EngineError> {
    // Before the photo is read: what none could mend.
    let methods = built(question)?;
    emit(Event::Stage(id, Stage::Photo));
    let photo = asked_photo(question)?;
    let prepared = model.prepare(&photo, question.framing)?;
    let mut plan = Plan::of(model, question, &prepared, methods, &[])?;
    if let Some(answers) = ask_first(model, id, question, &plan, cancel)? {
        plan = Plan::of(model, question, &prepared, built(question)?, &answers)?;
    }
    plan.recalled = Recalled::of(model, question, &plan, &photo)?;
    let mut job = Job::new(model, question, &plan, &photo, prepared, cancel)?;

    emit(Event::Stage(id, Stage::Vision));
    let started = Instant::now();
    let mut prompts = job.see(model, &mut plan)?;
    if let Some(recalled) = &plan.recalled {
        recalled.extend(model, &mut prompts)?;
    }
    job.timings.vision_secs = started.elapsed().as_secs_f64();
    model.files.expect_whole()?;

    decode(model, id, question, plan, job, prompts, emit)
}

/// Answers what methods want to have answered first, method by method, by plain decoding; `None` if they want nothing.
pub(super) fn ask_first(
    model: &Answerer,
    id: RunId,
    question: &Question,
    plan: &Plan,
    cancel: &AtomicBool,
) -> Result<Option<Vec<Vec<FirstAnswer>>>, EngineError> {
    let ask = |first: &FirstQuestion| -> Result<FirstAnswer, EngineError> {
        let plain = Question {
            prompt: Prompt::Templated(first.words.clone()),
            sampling: Sampling::default(),
            max_new_tokens: first.max_new_tokens,
            strategy: Spec::default(),
            interventions: Vec::new(),
            methods: Vec::new(),
            fork: None,
            record: RecordOptions { budget_bytes: 0, ..RecordOptions::default() },
            ..question.clone()
        };
        let trace = answer(model, id, &plain, &mut |_| {}, cancel)?.trace;
        Ok(FirstAnswer { ids: trace.output.iter().map(|token| token.id).collect(), text: trace.text() })
    };
    let is_asked = plan.first_questions.iter().any(|questions| !questions.is_empty());
    let ask_all = |questions: &Vec<FirstQuestion>| questions.iter().map(ask).collect::<Result<Vec<_>, _>>();
    is_asked.then(|| plan.first_questions.iter().map(ask_all).collect()).transpose()
}

/// Reads the prompt, as far as no earlier question did, and writes the answer.
fn decode(
    model: &Answerer,
    id: RunId,
    question: &Question,
    plan: Plan,
    mut job: Job<'_>,
    prompts: Vec<DecoderPrompt>,
    emit: &mut dyn FnMut(Event),
) -> Result<Answer, EngineError> {
    let mut stream = model.checkpoint.tokenizer.stream();
    let is_late = announces_late(question, plan.recalled.as_ref());
    if !is_late {
        job.announce(id, plan.recalled.as_ref(), &mut stream, emit)?;
    }
    emit(Event::Stage(id, Stage::Prefill));
    let started = Instant::now();
    let (prefixes, caches) = Prefixes::take(model, &plan, &prompts, job.recorder.first_prompt_row(), question);
    job.timings.reused_tokens = prefixes.reused_tokens;
    let Plan { methods, recalled, .. } = plan;
    let options = generate_options(model, question, recalled.as_ref());
    let mut generation = Generation::resume(model.vlm.decoder(), methods, prompts, caches, options)?;
    prefixes.share(&mut generation)?;
    // Every further beam writes tokens of its own; the prompt is there once.
    let further = generation.width().saturating_sub(1).saturating_mul(generation.answer_bytes());
    model.reuse.make_room(generation.cache_bytes().saturating_add(further));
    let mut decode_started = Instant::now();
    let mut is_begun = false;
    let mut write = || -> Result<(), EngineError> {
        while let Some(step) = generation.step(&mut job.recorder)? {
            model.files.expect_whole()?;
            if !std::mem::replace(&mut is_begun, true) {
                job.timings.prefill_secs = started.elapsed().as_secs_f64();
                decode_started = Instant::now();
                if is_late {
                    job.take_prompt_rows();
                    job.announce(id, recalled.as_ref(), &mut stream, emit)?;
                }
                emit(Event::Stage(id, Stage::Decode));
            }
            let (rewound, token, row) = job.take_step(model, question, &generation, step, &mut stream)?;
            if let Some(len) = rewound {
                emit(Event::Rewind(id, len));
            }
            emit(Event::Token(id, Box::new(token), row));
        }
        Ok(())
    };
    let written = write();
    let stop = generation.stop_reason();
    let idle: Vec<String> = generation.methods().reports().filter_map(|(word, report)| report.warning(word)).collect();
    // A stopped answer leaves what it has read; one that went wrong leaves nothing.
    if matches!(written, Ok(()) | Err(EngineError::Cancelled)) && model.files.expect_whole().is_ok() {
        prefixes.keep(model, generation);
    }
    written?;
    job.timings.kept = model.reuse.memory();
    job.finish(stream, decode_started, stop, idle)
}

/// Prompt rows are made while the prompt is read, so the start is told after it.
fn announces_late(question: &Question, recalled: Option<&Recalled>) -> bool {
    question.record.prompt_rows != PromptRows::None && !recalled.is_some_and(Recalled::has_prompt_rows)
}

/// How a question is decoded.
pub(super) fn generate_options(model: &Answerer, question: &Question, recalled: Option<&Recalled>) -> GenerateOptions {
    GenerateOptions {
        forced: question.fork.as_ref().map_or_else(Vec::new, |fork| fork.ids.clone()),
        answered: recalled.map_or(0, Recalled::len),
        max_new_tokens: question.max_new_tokens,
        stop_token_ids: model.vlm.eos_token_ids().to_vec(),
        sampling: question.sampling,
        logits: question.record.logits,
        ..GenerateOptions::default()
    }
}

/// A question under way: its growing trace and what fills it.
pub(super) struct Job<'a> {
    pub(super) trace: Trace,
    pub(super) extras: Extras,
    timings: Timings,
    pub(super) recorder: Recorder<'a>,
    pub(super) prepared: Prepared,
    /// Tokens of the answer that were decoded here.
    new_tokens: usize,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        model: &Answerer,
        question: &Question,
        plan: &Plan,
        photo: &Photo,
        prepared: Prepared,
        cancel: &'a AtomicBool,
    ) -> Result<Self, EngineError> {
        let config = model.vlm.decoder().config();
        let span = plan.prompt.image_token_span;
        let run = run_info(model, question, plan, photo, &prepared.framed);
        let sizes = Sizes {
            num_hidden_layers: config.num_hidden_layers,
            num_attention_heads: config.num_attention_heads,
            prompt_len: plan.prompt.ids.len(),
            image_token_span: span,
        };
        let trace = Trace {
            run: Arc::new(run),
            prompt: prompt_tokens(model, &plan.prompt)?.into(),
            image_token_span: span,
            layout: Arc::new(prepared.framed.layout.clone()),
            num_hidden_layers: sizes.num_hidden_layers,
            num_attention_heads: sizes.num_attention_heads,
            output: Vec::new(),
            decoder_attention: Vec::new(),
            prompt_attention: plan.recalled.as_ref().map_or_else(Vec::new, Recalled::prompt_rows),
            vision: None,
            further_vision: Vec::new(),
            similarity: Vec::new(),
            warnings: photo.warnings.to_vec(),
        };
        Ok(Self {
            trace,
            extras: Extras { pixel_values: kept_values(&prepared, question), ..Extras::default() },
            timings: Timings::default(),
            recorder: Recorder::new(sizes, model.vlm.encoders(), &recorded(question, plan), cancel),
            prepared,
            new_tokens: 0,
        })
    }

    /// Tells that it starts, and what is known of the answer before anything of it is computed.
    fn announce(
        &mut self,
        id: RunId,
        recalled: Option<&Recalled>,
        stream: &mut StreamDecoder<'_>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), EngineError> {
        emit(Event::Started(id, Box::new(self.trace.clone())));
        for (token, row) in recalled.into_iter().flat_map(|recalled| recalled.tokens(&self.trace.run.strategy)) {
            stream.push(token.id)?;
            self.trace.output.push(token.clone());
            self.trace.decoder_attention.push(Arc::clone(&row));
            emit(Event::Token(id, Box::new(token), Some(row)));
        }
        Ok(())
    }

    /// The recorder and the model's input, for measurements.
    pub(super) fn into_recorder(self) -> (Recorder<'a>, Prepared) {
        (self.recorder, self.prepared)
    }

    fn take_prompt_rows(&mut self) {
        let (rows, left_out) = self.recorder.take_prompt_rows();
        self.trace.prompt_attention = rows;
        if left_out > 0 {
            self.trace.warnings.push(format!(
                "The attention rows of {left_out} prompt positions were left out: half of the memory budget is for them"
            ));
        }
    }

    /// Takes a step of the answer: to what length it goes back before, if it does, and what the window is told.
    #[expect(clippy::type_complexity, reason = "what is told of one step")]
    pub(super) fn take_step<'m>(
        &mut self,
        model: &'m Answerer,
        question: &Question,
        generation: &Generation<'_>,
        step: TokenStep,
        stream: &mut StreamDecoder<'m>,
    ) -> Result<(Option<usize>, OutputToken, Option<Arc<AttentionRow>>), EngineError> {
        let retracted = Some(step.num_retracted).filter(|retracted| *retracted > 0);
        let rewound = retracted.map(|retracted| self.take_back(model, retracted, stream)).transpose()?;
        let live = generation.live_rows();
        let (token, row) = self.keep(model, question, step, live.is_none(), stream)?;
        if let Some(live) = live {
            self.recorder.keep_rows(&live);
        }
        Ok((rewound, token, row))
    }

    /// How long the photo took.
    pub(super) fn saw_in(&mut self, time: Duration) {
        self.timings.vision_secs = time.as_secs_f64();
    }

    /// How long the prompt took.
    pub(super) fn read_in(&mut self, time: Duration) {
        self.timings.prefill_secs = time.as_secs_f64();
    }

    /// Positions of the prompt that were there before.
    pub(super) fn reused(&mut self, tokens: usize) {
        self.timings.reused_tokens = tokens;
    }

    /// Puts a step into the trace; returns what the window is told. Of several beams another may come to stand, whose
    /// rows are told again.
    fn keep(
        &mut self,
        model: &Answerer,
        question: &Question,
        mut step: TokenStep,
        is_told_once: bool,
        stream: &mut StreamDecoder<'_>,
    ) -> Result<(OutputToken, Option<Arc<AttentionRow>>), EngineError> {
        let tokenizer = &model.checkpoint.tokenizer;
        let piece = stream.push(step.id)?;
        let special = tokenizer.is_special(step.id);
        let candidates = step.candidates.iter().map(|candidate| Candidate {
            id: candidate.id,
            text: tokenizer.piece(candidate.id),
            logprob: candidate.logprob,
        });
        let (contrast, actions) = (step.contrast.take(), std::mem::take(&mut step.actions));
        let token = OutputToken {
            id: step.id,
            text: if special { tokenizer.piece(step.id) } else { piece },
            special,
            logprob: step.logprob,
            entropy_nats: step.entropy_nats,
            candidates: candidates.collect(),
            contrast: contrast.map(|contrast| Box::new(named_contrast(tokenizer, contrast))),
            actions: actions.into_iter().map(|action| named_action(tokenizer, action)).collect(),
        };
        self.trace.output.push(token.clone());
        self.new_tokens += 1;
        let row = if is_told_once { self.recorder.take_row(step.row_id) } else { self.recorder.row(step.row_id) };
        // Rows stop for good at the budget: one that came after a gap would be taken for another token's.
        let row = row.filter(|_| self.trace.decoder_attention.len() + 1 == self.trace.output.len());
        self.trace.decoder_attention.extend(row.clone());
        if question.record.logits {
            self.keep_logits(step);
        }
        Ok((token, row))
    }

    /// Takes the last tokens out of the trace again; returns how many stand.
    fn take_back<'m>(
        &mut self,
        model: &'m Answerer,
        num_tokens: usize,
        stream: &mut StreamDecoder<'m>,
    ) -> Result<usize, EngineError> {
        self.new_tokens = self.new_tokens.saturating_sub(num_tokens);
        let len = self.trace.output.len().saturating_sub(num_tokens);
        self.trace.output.truncate(len);
        self.trace.decoder_attention.truncate(len);
        let Extras { logits, negative_logits, final_logits, .. } = &mut self.extras;
        for rows in [logits, negative_logits, final_logits] {
            rows.truncate(len);
        }
        *stream = model.checkpoint.tokenizer.stream();
        for token in &self.trace.output {
            stream.push(token.id)?;
        }
        Ok(len)
    }

    fn keep_logits(&mut self, step: TokenStep) {
        let Extras { logits, negative_logits, final_logits, .. } = &mut self.extras;
        let mut branches = step.branch_logits.into_iter();
        let ordinary = branches.next().unwrap_or_default();
        let negative = branches.next();
        if negative.is_some() || step.final_logits.is_some() || !final_logits.is_empty() {
            // A method that first speaks here left the tokens before it as they were.
            let silent = logits.get(final_logits.len()..).unwrap_or_default().to_vec();
            final_logits.extend(silent);
            final_logits.push(step.final_logits.unwrap_or_else(|| ordinary.clone()));
        }
        negative_logits.extend(negative);
        logits.push(ordinary);
    }

    pub(super) fn finish(
        mut self,
        stream: StreamDecoder<'_>,
        decode_started: Instant,
        stop: Option<StopReason>,
        idle: Vec<String>,
    ) -> Result<Answer, EngineError> {
        let tokens = self.trace.output.len();
        let steps = self.new_tokens.saturating_sub(1);
        self.timings.decode_secs = if steps > 0 { decode_started.elapsed().as_secs_f64() } else { 0.0 };
        if self.timings.decode_secs > 0.0 {
            self.timings.tokens_per_sec = steps as f64 / self.timings.decode_secs;
        }
        // What was streamed can differ from the exact text only inside broken byte sequences.
        for (token, piece) in self.trace.output.iter_mut().zip(stream.finish()?) {
            if !token.special {
                token.text = piece;
            }
        }
        let rows_left_out = tokens.saturating_sub(self.trace.decoder_attention.len());
        let warnings = &mut self.trace.warnings;
        if rows_left_out > 0 {
            warnings.push(format!(
                "The attention rows of the last {rows_left_out} tokens were left out: the memory budget is used up"
            ));
        }
        match stop {
            Some(StopReason::ContextFull) => {
                warnings.push("Stopped at the end of the model's context".to_owned());
            }
            Some(StopReason::MaxNewTokens) => {
                warnings.push(limit_sentence(tokens));
            }
            Some(StopReason::StopToken) | None => {}
        }
        warnings.extend(idle_contrast(&self.trace.run, &self.trace.output));
        warnings.extend(idle);
        Ok(Answer { trace: self.trace, extras: self.extras, timings: self.timings })
    }
}

#[cfg(test)]
mod tests;
