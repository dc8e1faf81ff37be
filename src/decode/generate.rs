//! From a prompt to an answer, token by token.

use super::method::{Chosen, Place, Stack, StepAction, Verdict};
use super::{DecodeError, DecoderPrompt, Distribution, Sampler, SamplingOptions, StepContrast, TokenCandidate};
use crate::model::{BranchInput, Decoder, KvCache, LogitRows, ModelError, Positions, Probe};
use candle_core::Tensor;

/// How an answer is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// Most tokens to generate.
    pub max_new_tokens: usize,
    /// Ids that end an answer; the one that does is its last token.
    pub stop_token_ids: Vec<u32>,
    /// How tokens are chosen.
    pub sampling: SamplingOptions,
    /// Candidates kept with every token.
    pub num_candidates: usize,
    /// Ids that the answer begins with, whatever the logits say: what a fork keeps of another answer. The rest is
    /// chosen.
    pub forced: Vec<u32>,
    /// So many last ids of every prompt are the answer's first: nothing is reported of them, and counting goes on
    /// behind them.
    pub answered: usize,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let sampling = SamplingOptions::default();
        let (stop_token_ids, forced) = (Vec::new(), Vec::new());
        Self { max_new_tokens: 256, stop_token_ids, sampling, num_candidates: 20, forced, answered: 0 }
    }
}

/// One generated token and what was known when it was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenStep {
    /// 0-based.
    pub step_idx: usize,
    /// Position of the row that predicted it: the last prompt position for the first token.
    pub query_position: usize,
    /// Vocabulary id.
    pub id: u32,
    /// Whether it ends the answer.
    pub is_stop: bool,
    /// Natural logarithm of its probability in the ordinary branch at temperature 1, before any filter.
    pub logprob: f32,
    /// Entropy of that distribution, **units** nats.
    pub entropy_nats: f32,
    /// The most probable tokens of that distribution, most probable first.
    pub candidates: Vec<TokenCandidate>,
    /// Untouched logits of every branch, the ordinary one first, **shape** `[vocab_size]` each.
    pub branch_logits: Vec<Vec<f32>>,
    /// What the methods made of them; `None` if they left the ordinary branch's as they are.
    pub final_logits: Option<Vec<f32>>,
    /// What a second branch did to it; `None` unless one contrast was all that was done.
    pub contrast: Option<StepContrast>,
    /// What each method did, in their order, where it was anything else.
    pub actions: Vec<StepAction>,
    /// So many tokens that steps before this one gave were taken back: this is the one behind those that stand.
    pub num_retracted: usize,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The model ended it.
    StopToken,
    /// It reached `max_new_tokens`.
    MaxNewTokens,
    /// The model has no further positions.
    ContextFull,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Its ids, the end token included.
    pub ids: Vec<u32>,
    /// Why it ended.
    pub stop: StopReason,
}

/// One branch under way.
struct Branch {
    cache: KvCache,
    pending: Tensor,
    /// Of its prompt.
    positions: Positions,
    prompt_len: usize,
    /// The last position of its prompt, **shape** `[1, hidden_size]`.
    prompt_end: Tensor,
}

/// An answer being decoded: call [`Generation::step`] until it gives `None`.
pub struct Generation<'a> {
    decoder: &'a Decoder,
    methods: Stack,
    branches: Vec<Branch>,
    sampler: Sampler,
    options: GenerateOptions,
    /// Ids of the ordinary branch's prompt and of the answer.
    context: Vec<u32>,
    prompt_len: usize,
    stop: Option<StopReason>,
    /// How often tokens were taken back.
    num_rewinds: usize,
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
        let sampler = Sampler::new(options.sampling)?;
        let context = prompts.first().map(|prompt| prompt.ids.clone()).ok_or(ModelError::EmptyPrompt)?;
        let caches = caches.into_iter().chain(std::iter::repeat_with(|| None));
        let still_to_come = options.max_new_tokens.saturating_sub(options.answered);
        let branches =
            prompts.into_iter().zip(caches).map(|(prompt, cache)| branch(decoder, prompt, cache, still_to_come));
        let branches = branches.collect::<Result<Vec<_>, _>>()?;
        let stop = (still_to_come == 0).then_some(StopReason::MaxNewTokens);
        let prompt_len = context.len().saturating_sub(options.answered);
        Ok(Self { decoder, methods, branches, sampler, options, context, prompt_len, stop, num_rewinds: 0 })
    }

    /// Positions that the cache of a branch gets: its prompt and the answer, or what the model has.
    pub fn capacity(decoder: &Decoder, prompt_len: usize, max_new_tokens: usize) -> usize {
        prompt_len.saturating_add(max_new_tokens).min(decoder.config().max_position_embeddings)
    }

    /// What every branch has seen, for another answer that begins alike.
    pub fn into_caches(self) -> Vec<KvCache> {
        let caches = self.branches.into_iter().map(|branch| branch.cache);
        // What was promised for a pass that did not happen is not there.
        let filled = caches.map(|mut cache| {
            cache.truncate(usize::MAX);
            cache
        });
        filled.collect()
    }

    /// Before the first step: the first `len` positions of a branch are those of the ordinary one, so they are computed
    /// once. The last position of its prompt always runs.
    pub fn share_prefix(&mut self, branch_idx: usize, len: usize) -> Result<(), DecodeError> {
        let is_begun = !self.new_ids().is_empty();
        let Some(branch) = self.branches.get_mut(branch_idx).filter(|_| branch_idx > 0) else { return Ok(()) };
        let (known, pending) = (branch.cache.len(), branch.pending.dims().first().copied().unwrap_or(0));
        let len = len.min((known + pending).saturating_sub(1)).min(self.prompt_len);
        if len > known && !is_begun {
            let rest = branch.pending.narrow(0, len - known, known + pending - len);
            branch.pending = rest.map_err(ModelError::part("Token embedding"))?;
            branch.cache.share_prefix(len);
        }
        Ok(())
    }

    /// The answer so far.
    pub fn ids(&self) -> &[u32] {
        self.context.get(self.prompt_len..).unwrap_or(&[])
    }

    /// What was decoded here: the answer without what it began with, see [`GenerateOptions::answered`].
    pub fn new_ids(&self) -> &[u32] {
        self.ids().get(self.options.answered..).unwrap_or(&[])
    }

    /// Why it ended, once it has.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop
    }

    /// Bytes of keys and values held.
    pub fn cache_bytes(&self) -> usize {
        self.branches.iter().map(|branch| branch.cache.bytes()).sum()
    }

    /// How the methods did so far.
    pub fn methods(&self) -> &Stack {
        &self.methods
    }

    /// Chooses the next token; the first call runs the whole prompt. `None` when the answer has ended. The probe sees
    /// what the methods' own probes made.
    ///
    /// After a pass was cancelled the same step can be tried again.
    pub fn step(&mut self, probe: &mut dyn Probe) -> Result<Option<TokenStep>, DecodeError> {
        let mut barred = Vec::new();
        let mut num_retracted = 0;
        loop {
            if self.stop.is_some() {
                return Ok(None);
            }
            let branch_logits = self.forward(probe)?;
            let Choice { step, rewind } = self.choose(branch_logits, std::mem::take(&mut barred))?;
            match rewind {
                None => {
                    let is_stop = self.accept(step.id)?;
                    return Ok(Some(TokenStep { is_stop, num_retracted, ..step }));
                }
                Some((to_len, ids)) => {
                    num_retracted += self.rewind(to_len)?;
                    barred = ids;
                }
            }
        }
    }

    /// Chooses from a step's logits until a token stands, or until earlier ones are taken back as well.
    fn choose(&mut self, branch_logits: Vec<Vec<f32>>, mut barred: Vec<u32>) -> Result<Choice, DecodeError> {
        let step_idx = self.ids().len();
        let ordinary = check_finite(&branch_logits, step_idx)?;
        let place = Place { step_idx, ids: &self.context, prompt_len: self.prompt_len };
        let changes = self.methods.combine(self.decoder, place, &branch_logits)?;
        let distribution = Distribution::new(ordinary).map_err(|_| DecodeError::NothingToChoose)?;
        let candidates = distribution.top(self.options.num_candidates);
        let (contrast, actions) = self.methods.record(&distribution, &candidates, &branch_logits, &changes);
        let mut final_logits = changes.into_final_logits();
        let mut rewind = None;
        let id = loop {
            bar(&mut final_logits, ordinary, &barred);
            if let Some(id) = self.options.forced.get(step_idx) {
                break *id;
            }
            let id = self.sampler.choose(final_logits.as_ref().unwrap_or(ordinary), &self.context)?;
            let chosen = Chosen { step_idx, id, ids: &self.context, prompt_len: self.prompt_len };
            // A method that never comes to an end is not followed for ever.
            if self.num_rewinds >= self.options.max_new_tokens.max(FEWEST_REWINDS) {
                break id;
            }
            let Verdict::Retract { to_len, barred: ids } = self.methods.judge(&chosen)? else { break id };
            self.num_rewinds += 1;
            if to_len < step_idx {
                rewind = Some((to_len, ids));
                break id;
            }
            barred = ids;
        };
        let (logprob, entropy_nats) = (distribution.logprob(id), distribution.entropy_nats());
        let query_position = self.context.len().saturating_sub(1);
        drop(distribution);
        let step = TokenStep {
            step_idx,
            query_position,
            id,
            is_stop: false,
            logprob,
            entropy_nats,
            candidates,
            branch_logits,
            final_logits,
            contrast,
            actions,
            num_retracted: 0,
        };
        Ok(Choice { step, rewind })
    }

    /// Takes the answer back to its first `to_len` tokens, but not behind what it began with; returns how many went.
    fn rewind(&mut self, to_len: usize) -> Result<usize, DecodeError> {
        let to_len = to_len.max(self.options.answered).min(self.ids().len());
        let num_retracted = self.ids().len() - to_len;
        self.context.truncate(self.prompt_len + to_len);
        let new_len = to_len - self.options.answered.min(to_len);
        let last = match self.context.last() {
            Some(id) if new_len > 0 => Some(self.decoder.embed(&[*id])?),
            _ => None,
        };
        for branch in &mut self.branches {
            // The position that predicts runs again.
            branch.cache.truncate((branch.prompt_len + new_len).saturating_sub(1));
            branch.pending = last.clone().unwrap_or_else(|| branch.prompt_end.clone());
        }
        Ok(num_retracted)
    }

    /// One pass over the pending positions of every branch.
    fn forward(&mut self, probe: &mut dyn Probe) -> Result<Vec<Vec<f32>>, DecodeError> {
        if let Some(ordinary) = self.branches.first() {
            self.methods.begin(self.decoder, &ordinary.pending)?;
        }
        let inputs = self.branches.iter_mut().enumerate().map(|(branch_idx, branch)| {
            let embeddings = branch.pending.clone();
            let (start, len) = (branch.cache.len(), embeddings.dims().first().copied().unwrap_or(0));
            let positions = branch.positions.range(start..start + len);
            BranchInput { branch_idx, cache: &mut branch.cache, embeddings, positions }
        });
        let mut chain = self.methods.chain(probe);
        let logits = self.decoder.forward(&mut inputs.collect::<Vec<_>>(), LogitRows::Last, &mut chain)?;
        let logits = logits.iter().map(Tensor::to_vec1).collect::<candle_core::Result<Vec<_>>>();
        Ok(logits.map_err(|cause| ModelError::Part { part: "Reading logits", cause })?)
    }

    /// Puts a token behind every branch, and ends the answer where it must end.
    fn accept(&mut self, id: u32) -> Result<bool, DecodeError> {
        let pending = self.decoder.embed(&[id])?;
        for branch in &mut self.branches {
            branch.pending = pending.clone();
        }
        self.context.push(id);
        let is_stop = self.options.stop_token_ids.contains(&id);
        let is_full = self.branches.iter().any(|branch| branch.cache.len() >= branch.cache.capacity());
        self.stop = if is_stop {
            Some(StopReason::StopToken)
        } else if self.ids().len() >= self.options.max_new_tokens {
            Some(StopReason::MaxNewTokens)
        } else {
            is_full.then_some(StopReason::ContextFull)
        };
        Ok(is_stop)
    }
}

/// A token and what was known when it was chosen, or where the answer goes back to: so many tokens stand, and these ids
/// are not chosen next.
struct Choice {
    step: TokenStep,
    rewind: Option<(usize, Vec<u32>)>,
}

/// Retractions that are followed in the shortest answer.
const FEWEST_REWINDS: usize = 64;

/// Removes ids from what the token is chosen from.
fn bar(final_logits: &mut Option<Vec<f32>>, ordinary: &[f32], barred: &[u32]) {
    if barred.is_empty() {
        return;
    }
    let logits = final_logits.get_or_insert_with(|| ordinary.to_vec());
    for id in barred {
        if let Some(logit) = logits.get_mut(*id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// A branch with room for its prompt and the answer, the positions that its cache lacks pending.
fn branch(
    decoder: &Decoder,
    prompt: DecoderPrompt,
    cache: Option<KvCache>,
    max_new_tokens: usize,
) -> Result<Branch, ModelError> {
    let prompt_len = prompt.ids.len();
    if prompt.embeddings.dims().first() != Some(&prompt_len) {
        let (expected, found) = (vec![prompt_len, decoder.config().hidden_size], prompt.embeddings.dims().to_vec());
        return Err(ModelError::InputShape { what: "embeddings", expected, found });
    }
    let max_positions = decoder.config().max_position_embeddings;
    if prompt_len > max_positions {
        return Err(ModelError::ContextFull { capacity: max_positions, needed: prompt_len });
    }
    let capacity = Generation::capacity(decoder, prompt_len, max_new_tokens);
    let part = ModelError::part("Token embedding");
    let prompt_end = if prompt_len == 0 {
        prompt.embeddings.clone()
    } else {
        prompt.embeddings.narrow(0, prompt_len - 1, 1).map_err(part)?
    };
    let DecoderPrompt { embeddings, positions, .. } = prompt;
    let Some(mut cache) = cache else {
        let cache = decoder.new_cache(capacity)?;
        return Ok(Branch { cache, pending: embeddings, positions, prompt_len, prompt_end });
    };
    cache.truncate(prompt_len.saturating_sub(1));
    let known = cache.len();
    let pending = embeddings.narrow(0, known, prompt_len - known);
    let pending = pending.map_err(|cause| ModelError::Part { part: "Token embedding", cause })?;
    let cache = if cache.capacity() < capacity { cache.fork(capacity)? } else { cache };
    Ok(Branch { cache, pending, positions, prompt_len, prompt_end })
}

/// The ordinary branch's logits, if all branches' are finite.
fn check_finite(branch_logits: &[Vec<f32>], step_idx: usize) -> Result<&Vec<f32>, DecodeError> {
    for (branch_idx, logits) in branch_logits.iter().enumerate() {
        if let Some((id, &found)) = logits.iter().enumerate().find(|(_, logit)| !logit.is_finite()) {
            return Err(DecodeError::NotFinite { step_idx, branch_idx, id, found });
        }
    }
    branch_logits.first().ok_or(DecodeError::NothingToChoose)
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
