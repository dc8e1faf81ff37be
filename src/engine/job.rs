//! One question from photo to trace.

use super::branches::{idle_strategy, token_contrast};
use super::error::EngineError;
use super::fork::{Recalled, recorded};
use super::job_info::{prompt_tokens, run_info, spec_info};
use super::messages::{Event, Prompt, PromptRows, Question, RunId, Stage, Timings};
use super::open::{Answerer, image_grid};
use super::prefixes::Prefixes;
use super::prompting::asked_photo;
use super::recorder::{Recorder, Sizes};
use super::run::{Answer, Input};
use crate::checkpoint::{CheckpointError, IMAGE_PLACEHOLDER, PromptIds, StreamDecoder};
use crate::data::Photo;
use crate::decode::{
    ActiveIntervention, DecoderPrompt, Decoding, GenerateOptions, Generation, InterventionContext, QuestionContext,
    Reach, SamplingOptions, StopReason, TokenStep, build_intervention, build_strategy,
};
use crate::geometry::ImageLayout;
use crate::model::{Probe, ProbeChain};
use crate::trace::{Candidate, Extras, OutputToken, SpecInfo, Trace};
use candle_core::Tensor;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Answers a question. `emit` gets [`Event::Stage`], [`Event::Started`] and [`Event::Token`] as they come; how it ends is the result.
///
/// `Started` comes before the prefill, or after it when prompt rows were asked for, because they are made there. A raised `cancel` ends the
/// job within one layer with [`EngineError::Cancelled`]; what was emitted before stays valid.
pub(super) fn answer(
    model: &Answerer,
    id: RunId,
    question: &Question,
    emit: &mut dyn FnMut(Event),
    cancel: &AtomicBool,
) -> Result<Answer, EngineError> {
    let mut plan = Plan::new(model, question)?;
    emit(Event::Stage(id, Stage::Photo));
    let photo = asked_photo(question)?;
    plan.recalled = Recalled::of(model, question, &plan, &photo)?;
    let mut job = Job::new(model, question, &plan, &photo, cancel)?;

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
    let Plan { decoding, mut interventions, recalled, .. } = plan;
    let options = generate_options(model, question, recalled.as_ref());
    let mut generation = Generation::resume(model.llava.decoder(), decoding, prompts, caches, options)?;
    prefixes.share(&mut generation)?;
    model.reuse.make_room(generation.cache_bytes());
    let mut decode_started = Instant::now();
    let mut write = || -> Result<(), EngineError> {
        while let Some(step) = generation.step(&mut chain(&mut interventions, &mut job.recorder))? {
            model.files.expect_whole()?;
            if job.new_tokens == 0 {
                job.timings.prefill_secs = started.elapsed().as_secs_f64();
                decode_started = Instant::now();
                if is_late {
                    job.take_prompt_rows();
                    job.announce(id, recalled.as_ref(), &mut stream, emit)?;
                }
                emit(Event::Stage(id, Stage::Decode));
            }
            let (token, row) = job.keep(model, question, step, &mut stream)?;
            emit(Event::Token(id, Box::new(token), row));
        }
        Ok(())
    };
    let written = write();
    let stop = generation.stop_reason();
    // A stopped answer leaves what it has read; one that went wrong leaves nothing.
    if matches!(written, Ok(()) | Err(EngineError::Cancelled)) && model.files.expect_whole().is_ok() {
        prefixes.keep(model, generation);
    }
    written?;
    job.timings.kept = model.reuse.memory();
    job.finish(stream, decode_started, stop, &interventions)
}

/// Prompt rows are made while the prompt is read, so the start is told after it.
fn announces_late(question: &Question, recalled: Option<&Recalled>) -> bool {
    question.record.prompt_rows != PromptRows::None && !recalled.is_some_and(Recalled::has_prompt_rows)
}

/// What a question asks of the decoding, checked before anything is computed.
pub(super) struct Plan {
    pub(super) decoding: Box<dyn Decoding>,
    pub(super) strategy: SpecInfo,
    pub(super) interventions: Vec<Box<dyn ActiveIntervention>>,
    pub(super) intervention_specs: Vec<SpecInfo>,
    pub(super) full_prompt: String,
    /// The day that the chat template wrote into the prompt.
    pub(super) template_date: Option<String>,
    pub(super) prompt: PromptIds,
    /// What a fork need not compute again.
    pub(super) recalled: Option<Recalled>,
}

impl Plan {
    pub(super) fn new(model: &Answerer, question: &Question) -> Result<Self, EngineError> {
        let config = model.llava.config();
        let (full_prompt, template_date) = full_prompt(model, &question.prompt)?;
        let prompt = model.checkpoint.tokenizer.encode_prompt(&full_prompt, config.image_seq_length())?;
        let (mut decoding, mut parameters) = build_strategy(&question.strategy.name, &question.strategy.parameters)?;
        let context = QuestionContext {
            config,
            tokenizer: &model.checkpoint.tokenizer,
            full_prompt: &full_prompt,
            prompt: &prompt,
            // Every vision tower of this family has [CLS].
            cls_patches: Some(image_grid(config).len()),
        };
        decoding.prepare(&mut parameters, &context)?;
        let name = if question.strategy.name.is_empty() { "plain" } else { &question.strategy.name };
        let strategy = spec_info(name, &parameters);
        let context = InterventionContext {
            image_token_span: Some(prompt.image_token_span),
            image_grid: image_grid(config),
            num_hidden_layers: config.text.num_hidden_layers,
        };
        let (mut interventions, mut intervention_specs) = (Vec::new(), Vec::new());
        for spec in &question.interventions {
            let (intervention, parameters) = build_intervention(&spec.name, &spec.parameters, &context)?;
            interventions.push(intervention);
            intervention_specs.push(spec_info(&spec.name, &parameters));
        }
        let recalled = None;
        Ok(Self { decoding, strategy, interventions, intervention_specs, full_prompt, template_date, prompt, recalled })
    }

    /// What the interventions change in a branch.
    pub(super) fn reach(&self, branch_idx: usize) -> Reach {
        let reaches = self.interventions.iter().map(|one| one.reach(branch_idx, self.prompt.ids.len()));
        reaches.fold(Reach::NOTHING, Reach::and)
    }
}

/// The text that is tokenised, and the day in it.
fn full_prompt(model: &Answerer, prompt: &Prompt) -> Result<(String, Option<String>), EngineError> {
    let words = match prompt {
        Prompt::Raw(text) => return Ok((text.clone(), None)),
        Prompt::Templated(words) => words,
    };
    let found = words.matches(IMAGE_PLACEHOLDER).count();
    if found > 0 {
        return Err(CheckpointError::PlaceholderInQuestion { found }.into());
    }
    let (template, date) = (model.template()?, model.date());
    Ok((template.render_on(words, date)?, template.asks_for_the_date().then(|| date.to_string())))
}

/// Interventions first, so that the recorder sees what they made.
pub(super) fn chain<'a>(
    interventions: &'a mut [Box<dyn ActiveIntervention>],
    recorder: &'a mut dyn Probe,
) -> ProbeChain<'a> {
    let mut chain = ProbeChain::new();
    for intervention in interventions {
        chain = chain.with(&mut **intervention);
    }
    chain.with(recorder)
}

fn generate_options(model: &Answerer, question: &Question, recalled: Option<&Recalled>) -> GenerateOptions {
    let sampling = question.sampling;
    GenerateOptions {
        forced: question.fork.as_ref().map_or_else(Vec::new, |fork| fork.ids.clone()),
        answered: recalled.map_or(0, Recalled::len),
        max_new_tokens: question.max_new_tokens,
        stop_token_ids: model.llava.config().eos_token_ids.clone(),
        sampling: SamplingOptions {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            repetition_penalty: sampling.repetition_penalty,
            seed: sampling.seed,
        },
        ..GenerateOptions::default()
    }
}

/// A question under way: its growing trace and what fills it.
pub(super) struct Job<'a> {
    pub(super) trace: Trace,
    pub(super) extras: Extras,
    timings: Timings,
    pub(super) recorder: Recorder<'a>,
    pub(super) pixel_values: Tensor,
    /// The same as numbers: what an image is known by.
    pub(super) values: Arc<[f32]>,
    rows_left_out: usize,
    /// Tokens that were decoded here.
    new_tokens: usize,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        model: &Answerer,
        question: &Question,
        plan: &Plan,
        photo: &Photo,
        cancel: &'a AtomicBool,
    ) -> Result<Self, EngineError> {
        let config = model.llava.config();
        let preprocess = &model.checkpoint.preprocess;
        let input = Input::new(photo, preprocess, question.framing, config.vision.patch_size)?;
        let span = plan.prompt.image_token_span;
        let run = run_info(model, question, plan, photo, &input.framed);
        let sizes = Sizes {
            num_hidden_layers: config.text.num_hidden_layers,
            num_attention_heads: config.text.num_attention_heads,
            prompt_len: plan.prompt.ids.len(),
            image_token_span: span,
            // Entry k of the hidden states is the output of layer k - 1, entry 0 the embeddings.
            feature_layer_idx: config.vision_feature_layers.last().map_or(0, |entry| entry.saturating_sub(1)),
            vision_prefix_len: 1,
        };
        // `[CLS]` among the image tokens covers no pixels.
        let before = span.len.saturating_sub(input.framed.view.grid.len());
        let layout = ImageLayout::of_view(&input.framed.view, before);
        let trace = Trace {
            run: Arc::new(run),
            prompt: prompt_tokens(model, &plan.prompt)?.into(),
            image_token_span: span,
            layout: Arc::new(layout),
            num_hidden_layers: sizes.num_hidden_layers,
            num_attention_heads: sizes.num_attention_heads,
            output: Vec::new(),
            decoder_attention: Vec::new(),
            prompt_attention: plan.recalled.as_ref().map_or_else(Vec::new, Recalled::prompt_rows),
            vision: None,
            similarity: Vec::new(),
            warnings: photo.warnings.to_vec(),
        };
        Ok(Self {
            trace,
            extras: Extras { pixel_values: input.kept(question), ..Extras::default() },
            timings: Timings::default(),
            recorder: Recorder::new(sizes, &recorded(question, plan), cancel),
            pixel_values: input.tensor,
            values: input.values.into(),
            rows_left_out: 0,
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
    pub(super) fn into_recorder(self) -> (Recorder<'a>, Tensor) {
        (self.recorder, self.pixel_values)
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

    /// Puts a step into the trace; returns what the window is told.
    fn keep(
        &mut self,
        model: &Answerer,
        question: &Question,
        step: TokenStep,
        stream: &mut StreamDecoder<'_>,
    ) -> Result<(OutputToken, Option<Arc<crate::trace::AttentionRow>>), EngineError> {
        let tokenizer = &model.checkpoint.tokenizer;
        let piece = stream.push(step.id)?;
        let special = tokenizer.is_special(step.id);
        let candidates = step.candidates.iter().map(|candidate| Candidate {
            id: candidate.id,
            text: tokenizer.piece(candidate.id),
            logprob: candidate.logprob,
        });
        let token = OutputToken {
            id: step.id,
            text: if special { tokenizer.piece(step.id) } else { piece },
            special,
            logprob: step.logprob,
            entropy_nats: step.entropy_nats,
            candidates: candidates.collect(),
            contrast: step.contrast.as_ref().map(|contrast| Box::new(token_contrast(tokenizer, contrast))),
        };
        self.trace.output.push(token.clone());
        self.new_tokens += 1;
        let row = self.recorder.take_row();
        match &row {
            Some(row) => self.trace.decoder_attention.push(Arc::clone(row)),
            None => self.rows_left_out += 1,
        }
        if question.record.logits {
            self.keep_logits(step);
        }
        Ok((token, row))
    }

    fn keep_logits(&mut self, step: TokenStep) {
        let mut branches = step.branch_logits.into_iter();
        let ordinary = branches.next().unwrap_or_default();
        if let Some(negative) = branches.next() {
            self.extras.negative_logits.push(negative);
            self.extras.final_logits.push(step.final_logits.unwrap_or_else(|| ordinary.clone()));
        }
        self.extras.logits.push(ordinary);
    }

    fn finish(
        mut self,
        stream: StreamDecoder<'_>,
        decode_started: Instant,
        stop: Option<StopReason>,
        interventions: &[Box<dyn ActiveIntervention>],
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
        let warnings = &mut self.trace.warnings;
        if self.rows_left_out > 0 {
            warnings.push(format!(
                "The attention rows of the last {} tokens were left out: the memory budget is used up",
                self.rows_left_out
            ));
        }
        match stop {
            Some(StopReason::ContextFull) => {
                warnings.push("The answer was cut off: the model has no further positions".to_owned());
            }
            Some(StopReason::MaxNewTokens) => {
                warnings.push(format!("The answer was cut off after {tokens} tokens, as many as were asked for"));
            }
            Some(StopReason::StopToken) | None => {}
        }
        warnings.extend(idle_strategy(&self.trace.run.strategy, &self.trace.output));
        warnings.extend(interventions.iter().filter_map(|intervention| intervention.report().warning()));
        Ok(Answer { trace: self.trace, extras: self.extras, timings: self.timings })
    }
}
