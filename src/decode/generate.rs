//! From a prompt to an answer, token by token.

use super::answer::{GenerateOptions, StopReason, TokenStep};
use super::method::Stack;
use super::search::{Search, search};
use super::stepper::{Line, Offer, Stepper, pass_together};
use super::{DecodeError, DecoderPrompt};
use crate::model::{Decoder, KvCache, Probe};
use std::collections::{BTreeSet, VecDeque};

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Its ids, the end token included.
    pub ids: Vec<u32>,
    /// Why it ended.
    pub stop: StopReason,
}

/// An answer being decoded: call [`Generation::step`] until it gives `None`.
pub struct Generation<'a> {
    stepper: Stepper<'a>,
    search: Box<dyn Search>,
    options: GenerateOptions,
    /// Ids of the ordinary branch's prompt, and of the answer as it was told.
    context: Vec<u32>,
    prompt_len: usize,
    /// Found and not yet told.
    waiting: VecDeque<TokenStep>,
    stop: Option<StopReason>,
    /// No methods.
    none: Stack,
}

impl<'a> Generation<'a> {
    /// Takes the prompts (the ordinary branch first, then those of [`Stack::branches`]) and room for the answer.
    pub fn new(
        decoder: &'a Decoder,
        methods: Stack,
        prompts: Vec<DecoderPrompt>,
        options: GenerateOptions,
    ) -> Result<Self, DecodeError> {
        Self::resume(decoder, methods, prompts, Vec::new(), options)
    }

    /// The same with what branches have seen before: the cache of a branch holds the first [`KvCache::len`] positions
    /// of its prompt, and the first pass runs only those behind them. The last position always runs, because it
    /// predicts.
    pub fn resume(
        decoder: &'a Decoder,
        methods: Stack,
        prompts: Vec<DecoderPrompt>,
        caches: Vec<Option<KvCache>>,
        options: GenerateOptions,
    ) -> Result<Self, DecodeError> {
        let search = search(&options, &methods)?;
        let (answered, num_candidates) = (options.answered, options.num_candidates);
        let still_to_come = options.max_new_tokens.saturating_sub(answered);
        let stepper = Stepper::new(decoder, methods, prompts, caches, (answered, still_to_come), num_candidates)?;
        let context = stepper.lines().first().map_or_else(Vec::new, |line| line.ids().to_vec());
        let stop = (still_to_come == 0).then_some(StopReason::MaxNewTokens);
        let (prompt_len, waiting) = (stepper.prompt_len(), VecDeque::new());
        Ok(Self { stepper, search, options, context, prompt_len, waiting, stop, none: Stack::default() })
    }

    /// Positions that the cache of a branch gets: its prompt and the answer, or what the model has.
    pub fn capacity(decoder: &Decoder, prompt_len: usize, max_new_tokens: usize) -> usize {
        Stepper::capacity(decoder, prompt_len, max_new_tokens)
    }

    /// What every branch has seen, for another answer that begins alike: prompt and answer, or the prompt alone where
    /// several beams went on from it.
    pub fn into_caches(self) -> Vec<KvCache> {
        let prompts_alone = self.search.live_rows().is_some();
        self.stepper.into_caches(prompts_alone)
    }

    /// Before the first step: the first `len` positions of a branch are those of the ordinary one, so they are computed
    /// once. The last position of its prompt always runs.
    pub fn share_prefix(&mut self, branch_idx: usize, len: usize) -> Result<(), DecodeError> {
        self.stepper.share_prefix(branch_idx, len)
    }

    /// The answer so far, as it was told.
    pub fn ids(&self) -> &[u32] {
        self.context.get(self.prompt_len..).unwrap_or(&[])
    }

    /// What was decoded here: the answer without what it began with, see [`GenerateOptions::answered`].
    pub fn new_ids(&self) -> &[u32] {
        self.ids().get(self.options.answered..).unwrap_or(&[])
    }

    /// Why it ended, once it has.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop.filter(|_| self.waiting.is_empty())
    }

    /// Bytes of keys and values held.
    pub fn cache_bytes(&self) -> usize {
        self.stepper.cache_bytes()
    }

    /// Answers that are followed at once.
    pub fn width(&self) -> usize {
        self.search.width()
    }

    /// Bytes of the keys and values that the answer may take.
    pub fn answer_bytes(&self) -> usize {
        self.stepper.answer_bytes()
    }

    /// How the methods did so far, on the way to the answer that stands.
    pub fn methods(&self) -> &Stack {
        let first = || self.stepper.lines().first().map(Line::methods);
        self.search.methods().or_else(first).unwrap_or(&self.none)
    }

    /// Rows ([`TokenStep::row_id`]) that a step may still tell or has told and not taken back; `None` where every row
    /// is told once, with the step that follows its pass.
    pub fn live_rows(&self) -> Option<BTreeSet<u64>> {
        self.search.live_rows()
    }

    /// The next token; the first call runs the whole prompt. `None` when the answer has ended. The probe sees what the
    /// methods' own probes made.
    ///
    /// A token may say that others before it are taken back, see [`TokenStep::num_retracted`]: methods do that, and
    /// beam search does wherever another beam takes the lead. After a pass was cancelled the same step can be tried
    /// again.
    pub fn step(&mut self, probe: &mut dyn Probe) -> Result<Option<TokenStep>, DecodeError> {
        loop {
            if let Some(step) = self.told() {
                return Ok(Some(step));
            }
            if self.stop.is_some() {
                return Ok(None);
            }
            let offers = self.stepper.pass(probe)?;
            self.advance(offers)?;
        }
    }

    /// A token that was found and not yet told.
    pub fn told(&mut self) -> Option<TokenStep> {
        let step = self.waiting.pop_front()?;
        let len = self.context.len().saturating_sub(step.num_retracted);
        self.context.truncate(len);
        self.context.push(step.id);
        Some(step)
    }

    fn advance(&mut self, offers: Vec<Offer>) -> Result<(), DecodeError> {
        let progress = self.search.advance(&mut self.stepper, offers)?;
        self.waiting.extend(progress.tokens);
        self.stop = progress.stop;
        Ok(())
    }

    /// One pass for several answers of one decoder, each with its probe: the weights are read once. What came of it is
    /// in [`Generation::told`]; those that have ended take no part.
    ///
    /// **Errors**: of the pass. What goes wrong with one answer alone is its own result.
    pub fn advance_together(
        all: &mut [(&mut Self, &mut dyn Probe)],
    ) -> Result<Vec<Result<(), DecodeError>>, DecodeError> {
        let mut steppers: Vec<(&mut Stepper<'_>, &mut dyn Probe)> = Vec::new();
        for (generation, probe) in &mut *all {
            if generation.stop.is_none() {
                steppers.push((&mut generation.stepper, &mut **probe));
            }
        }
        let mut passes = pass_together(&mut steppers)?.into_iter();
        let advanced = all.iter_mut().map(|(generation, _)| match generation.stop {
            Some(_) => Ok(()),
            None => passes.next().unwrap_or_else(|| Ok(Vec::new())).and_then(|offers| generation.advance(offers)),
        });
        Ok(advanced.collect())
    }
}

/// Decodes a whole answer, showing every token to `on_token` as soon as it is chosen.
pub fn generate(
    decoder: &Decoder,
    methods: Stack,
    prompts: Vec<DecoderPrompt>,
    options: GenerateOptions,
    probe: &mut dyn Probe,
    on_token: &mut dyn FnMut(&TokenStep),
) -> Result<Generated, DecodeError> {
    let mut generation = Generation::new(decoder, methods, prompts, options)?;
    while let Some(step) = generation.step(probe)? {
        on_token(&step);
    }
    let stop = generation.stop_reason().unwrap_or(StopReason::MaxNewTokens);
    Ok(Generated { ids: generation.ids().to_vec(), stop })
}
