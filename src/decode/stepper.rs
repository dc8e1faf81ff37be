//! One pass over everything that is under way.
//!
//! A [`Line`] is one answer being written: its ids, its methods, and one branch with its own cache for the ordinary
//! prompt and for every further one of the methods. A search follows one line or several; all of them go through the
//! model in one pass, so that the weights are read once. Lines fork without copying what they have in common.

use super::answer::TokenStep;
use super::line_probes::{AllAnswers, AllLines};
use super::method::{HeadRows, Place, Seen, Stack};
use super::{DecodeError, DecoderPrompt, Distribution};
use crate::model::{Additions, BranchInput, Decoder, KvCache, LogitRows, ModelError, Positions, Probe};
use candle_core::{Result as TensorResult, Tensor};

/// One branch under way.
struct Branch {
    cache: KvCache,
    pending: Tensor,
    /// Of its prompt, and how they go on.
    positions: Positions,
    /// Of its prompt.
    additions: Additions,
    prompt_len: usize,
    /// The last position of its prompt, **shape** `[1, hidden_size]`.
    prompt_end: Tensor,
}

impl Branch {
    fn fork(&self) -> Self {
        Self {
            cache: self.cache.fork(),
            pending: self.pending.clone(),
            positions: self.positions.clone(),
            additions: self.additions.clone(),
            prompt_len: self.prompt_len,
            prompt_end: self.prompt_end.clone(),
        }
    }
}

/// One answer being written.
pub struct Line {
    branches: Vec<Branch>,
    methods: Stack,
    /// Ids of the ordinary branch's prompt and of the answer.
    ids: Vec<u32>,
}

impl Line {
    /// Ids of the ordinary branch's prompt and of the answer so far.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// How its methods did so far.
    pub fn methods(&self) -> &Stack {
        &self.methods
    }

    /// The methods at work.
    pub fn methods_mut(&mut self) -> &mut Stack {
        &mut self.methods
    }

    /// Whether a branch has no room for a further position.
    pub fn is_full(&self) -> bool {
        self.branches.iter().any(|branch| branch.cache.len() >= branch.cache.capacity())
    }

    fn fork(&self) -> Result<Self, DecodeError> {
        let branches = self.branches.iter().map(Branch::fork).collect();
        Ok(Self { branches, methods: self.methods.fork()?, ids: self.ids.clone() })
    }
}

/// What a pass left of one line: everything that is known of its next token but which one it is.
pub struct Offer {
    step: TokenStep,
    /// Of the ordinary branch.
    log_sum: f64,
    /// What the methods asked for.
    seen: Seen,
}

impl Offer {
    /// 0-based token of the answer that is to be chosen.
    pub fn step_idx(&self) -> usize {
        self.step.step_idx
    }

    /// The ordinary branch's logits, **shape** `[vocab_size]`.
    pub fn ordinary(&self) -> &[f32] {
        self.step.branch_logits.first().map_or(&[], Vec::as_slice)
    }

    /// What the token is chosen from, **shape** `[vocab_size]`; removed candidates are minus infinity.
    pub fn logits(&self) -> &[f32] {
        self.step.final_logits.as_deref().unwrap_or_else(|| self.ordinary())
    }

    /// Logarithm of the sum of the exponentials of [`Offer::logits`], where they are the ordinary branch's.
    pub fn known_log_sum(&self) -> Option<f64> {
        self.step.final_logits.is_none().then_some(self.log_sum)
    }

    /// Number of the position that predicts it, see [`TokenStep::row_id`].
    pub fn row_id(&self) -> u64 {
        self.step.row_id
    }

    /// What that position attends to in a layer, if a method asked for it.
    pub fn attention(&self, layer_idx: usize) -> Result<&HeadRows, DecodeError> {
        self.seen.attention(layer_idx)
    }

    /// Removes ids from what the token is chosen from.
    pub(super) fn bar(&mut self, barred: &[u32]) {
        if barred.is_empty() {
            return;
        }
        let Self { step: TokenStep { final_logits, branch_logits, .. }, .. } = self;
        let logits = final_logits.get_or_insert_with(|| branch_logits.first().cloned().unwrap_or_default());
        for id in barred {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    /// The step of the token that was chosen.
    pub fn chosen(self, id: u32) -> TokenStep {
        let logprob = self.logprob(id);
        TokenStep { id, logprob, ..self.step }
    }

    /// The same of one of several tokens that are chosen, each for a line of its own; without logits unless they are
    /// asked for.
    pub fn one_chosen(&self, id: u32, with_logits: bool) -> TokenStep {
        let logprob = self.logprob(id);
        if with_logits {
            return TokenStep { id, logprob, ..self.step.clone() };
        }
        let TokenStep { candidates, contrast, actions, .. } = &self.step;
        let (candidates, contrast, actions) = (candidates.clone(), contrast.clone(), actions.clone());
        let TokenStep { step_idx, query_position, is_stop, entropy_nats, num_retracted, row_id, .. } = self.step;
        TokenStep {
            step_idx,
            query_position,
            id,
            is_stop,
            logprob,
            entropy_nats,
            candidates,
            branch_logits: Vec::new(),
            final_logits: None,
            contrast,
            actions,
            num_retracted,
            row_id,
        }
    }

    fn logprob(&self, id: u32) -> f32 {
        let logit = self.ordinary().get(id as usize);
        #[expect(clippy::cast_possible_truncation, reason = "as `Distribution::logprob`, to the bit")]
        let logprob = logit.map_or(f32::NEG_INFINITY, |logit| (f64::from(*logit) - self.log_sum) as f32);
        logprob
    }
}

/// One pass over everything that is under way.
pub struct Stepper<'a> {
    decoder: &'a Decoder,
    lines: Vec<Line>,
    prompt_len: usize,
    /// So many last ids of every prompt are the answer's first.
    answered: usize,
    num_candidates: usize,
    /// Rows that earlier passes gave a number.
    num_rows: u64,
}

impl<'a> Stepper<'a> {
    /// One line with the prompts of its branches, the ordinary one first, and room for `still_to_come` further tokens.
    /// The cache of a branch, where there is one, holds the first positions of its prompt; the last always runs.
    pub fn new(
        decoder: &'a Decoder,
        methods: Stack,
        prompts: Vec<DecoderPrompt>,
        caches: Vec<Option<KvCache>>,
        (answered, still_to_come): (usize, usize),
        num_candidates: usize,
    ) -> Result<Self, DecodeError> {
        let ids = prompts.first().map(|prompt| prompt.ids.clone()).ok_or(ModelError::EmptyPrompt)?;
        let caches = caches.into_iter().chain(std::iter::repeat_with(|| None));
        let branches =
            prompts.into_iter().zip(caches).map(|(prompt, cache)| branch(decoder, prompt, cache, still_to_come));
        let branches = branches.collect::<Result<Vec<_>, _>>()?;
        let prompt_len = ids.len().saturating_sub(answered);
        let lines = vec![Line { branches, methods, ids }];
        Ok(Self { decoder, lines, prompt_len, answered, num_candidates, num_rows: 0 })
    }

    /// Positions that the cache of a branch gets: its prompt and the answer, or what the model has.
    pub fn capacity(decoder: &Decoder, prompt_len: usize, max_new_tokens: usize) -> usize {
        prompt_len.saturating_add(max_new_tokens).min(decoder.config().max_position_embeddings)
    }

    /// Those under way.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// One of them.
    pub fn line_mut(&mut self, line_idx: usize) -> Option<&mut Line> {
        self.lines.get_mut(line_idx)
    }

    /// Positions of the ordinary prompt without what it has of the answer.
    pub fn prompt_len(&self) -> usize {
        self.prompt_len
    }

    /// Before the first pass: the first `len` positions of a branch are those of the ordinary one, so they are computed
    /// once. The last position of its prompt always runs.
    pub fn share_prefix(&mut self, branch_idx: usize, len: usize) -> Result<(), DecodeError> {
        let is_begun = self.num_rows > 0;
        let prompt_len = self.prompt_len;
        let Some(line) = self.lines.first_mut() else { return Ok(()) };
        let Some(branch) = line.branches.get_mut(branch_idx).filter(|_| branch_idx > 0) else { return Ok(()) };
        let (known, pending) = (branch.cache.len(), branch.pending.dims().first().copied().unwrap_or(0));
        let len = len.min((known + pending).saturating_sub(1)).min(prompt_len);
        if len > known && !is_begun {
            let rest = branch.pending.narrow(0, len - known, known + pending - len);
            branch.pending = rest.map_err(ModelError::part("Token embedding"))?;
            branch.cache.share_prefix(len);
        }
        Ok(())
    }

    /// Bytes of keys and values held; what lines share counts for each.
    pub fn cache_bytes(&self) -> usize {
        self.lines.iter().flat_map(|line| &line.branches).map(|branch| branch.cache.bytes()).sum()
    }

    /// Bytes of the keys and values that the answers of all lines may take.
    pub fn answer_bytes(&self) -> usize {
        let of = |Branch { cache, prompt_len, .. }: &Branch| {
            let capacity = cache.capacity();
            (cache.bytes() / capacity.max(1)).saturating_mul(capacity.saturating_sub(*prompt_len))
        };
        self.lines.iter().flat_map(|line| &line.branches).map(of).sum()
    }

    /// The caches of the first line: all they hold, or their prompts alone.
    pub fn into_caches(self, prompts_alone: bool) -> Vec<KvCache> {
        let first = self.lines.into_iter().next();
        let branches = first.into_iter().flat_map(|line| line.branches);
        // What was promised for a pass that did not happen is not there.
        let filled = branches.map(|Branch { mut cache, prompt_len, .. }| {
            cache.truncate(if prompts_alone { prompt_len } else { usize::MAX });
            cache
        });
        filled.collect()
    }

    /// One pass over the pending positions of every branch of every line; what the methods made of the logits.
    ///
    /// The probe sees the ordinary branch of every line as branch 0, after [`Probe::turn_to`], and what the methods'
    /// own probes made. After a pass was cancelled it can be tried again.
    pub fn pass(&mut self, probe: &mut dyn Probe) -> Result<Vec<Offer>, DecodeError> {
        let mut passes = pass_together(&mut [(self, probe)])?;
        passes.pop().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// What the methods make of the logits of all branches, line by line.
    fn offers(&mut self, logits: Vec<Vec<f32>>) -> Result<Vec<Offer>, DecodeError> {
        let first_row_id = self.num_rows;
        self.num_rows += self.lines.len() as u64;
        let mut rows = logits.into_iter();
        let mut offers = Vec::with_capacity(self.lines.len());
        for (row_id, line) in (first_row_id..).zip(&mut self.lines) {
            let own: Vec<Vec<f32>> = rows.by_ref().take(line.branches.len()).collect();
            let (decoder, prompt_len) = (self.decoder, self.prompt_len);
            offers.push(line.offer(decoder, prompt_len, own, (self.num_candidates, row_id))?);
        }
        Ok(offers)
    }

    /// Puts a token behind every branch of a line.
    pub fn append(&mut self, line_idx: usize, id: u32) -> Result<(), DecodeError> {
        let pending = self.decoder.embed(&[id])?;
        if let Some(line) = self.lines.get_mut(line_idx) {
            for branch in &mut line.branches {
                branch.pending = pending.clone();
            }
            line.ids.push(id);
        }
        Ok(())
    }

    /// Takes the answer of a line back to its first `to_len` tokens, but not behind what it began with, and tells its
    /// methods; returns how many went.
    pub fn roll_back(&mut self, line_idx: usize, to_len: usize) -> Result<usize, DecodeError> {
        let (prompt_len, answered) = (self.prompt_len, self.answered);
        let Some(line) = self.lines.get_mut(line_idx) else { return Ok(0) };
        let len = line.ids.len().saturating_sub(prompt_len);
        let to_len = to_len.max(answered).min(len);
        line.ids.truncate(prompt_len + to_len);
        let new_len = to_len - answered.min(to_len);
        let last = match line.ids.last() {
            Some(id) if new_len > 0 => Some(self.decoder.embed(&[*id])?),
            _ => None,
        };
        for branch in &mut line.branches {
            // The position that predicts runs again.
            branch.cache.truncate((branch.prompt_len + new_len).saturating_sub(1));
            branch.pending = last.clone().unwrap_or_else(|| branch.prompt_end.clone());
        }
        line.methods.rewound(to_len);
        Ok(len - to_len)
    }

    /// Line `k` goes on where line `picks[k]` is; a line that several go on from forks, one that none does is dropped.
    pub fn reorder(&mut self, picks: &[usize]) -> Result<(), DecodeError> {
        let mut old: Vec<Option<Line>> = std::mem::take(&mut self.lines).into_iter().map(Some).collect();
        let mut lines = Vec::with_capacity(picks.len());
        for (idx, pick) in picks.iter().enumerate() {
            let is_last = !picks.iter().skip(idx + 1).any(|later| later == pick);
            let Some(slot) = old.get_mut(*pick) else { continue };
            let line = if is_last { slot.take() } else { slot.as_ref().map(Line::fork).transpose()? };
            lines.extend(line);
        }
        self.lines = lines;
        Ok(())
    }
}

impl Line {
    fn offer(
        &mut self,
        decoder: &Decoder,
        prompt_len: usize,
        mut branch_logits: Vec<Vec<f32>>,
        (num_candidates, row_id): (usize, u64),
    ) -> Result<Offer, DecodeError> {
        let step_idx = self.ids.len().saturating_sub(prompt_len);
        check_finite(&branch_logits, step_idx)?;
        let place = Place { step_idx, ids: &self.ids, prompt_len };
        let mut changes = self.methods.combine(decoder, place, &branch_logits)?;
        branch_logits.extend(changes.take_negative());
        let ordinary = check_finite(&branch_logits, step_idx)?;
        let distribution = Distribution::new(ordinary).map_err(|_| DecodeError::NothingToChoose)?;
        let candidates = distribution.top(num_candidates);
        let (contrast, actions) = self.methods.record(&distribution, &candidates, &branch_logits, &changes);
        let (final_logits, seen) = changes.into_final_logits();
        let (log_sum, entropy_nats) = (distribution.log_sum(), distribution.entropy_nats());
        let query_position = self.ids.len().saturating_sub(1);
        drop(distribution);
        let step = TokenStep {
            step_idx,
            query_position,
            id: 0,
            is_stop: false,
            logprob: f32::NEG_INFINITY,
            entropy_nats,
            candidates,
            branch_logits,
            final_logits,
            contrast,
            actions,
            num_retracted: 0,
            row_id,
        };
        Ok(Offer { step, log_sum, seen })
    }
}

/// One pass over several answers to different questions, each with a probe of its own: the weights are read once for
/// all. Each gets what it would have got from a pass of its own, to the bit.
///
/// **Errors**: of the pass. What goes wrong with one answer alone is its own result.
pub(super) fn pass_together(
    all: &mut [(&mut Stepper<'_>, &mut dyn Probe)],
) -> Result<Vec<Result<Vec<Offer>, DecodeError>>, DecodeError> {
    let Some(decoder) = all.first().map(|(stepper, _)| stepper.decoder) else { return Ok(Vec::new()) };
    for (stepper, _) in &mut *all {
        for Line { branches, methods, .. } in &mut stepper.lines {
            if let Some(ordinary) = branches.first() {
                methods.begin(decoder, &ordinary.pending)?;
            }
        }
    }
    let (mut probes, mut inputs, mut of_branch, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (answer_idx, (stepper, probe)) in all.iter_mut().enumerate() {
        let (mut chains, mut own) = (Vec::new(), Vec::new());
        for (line_idx, Line { branches, methods, .. }) in stepper.lines.iter_mut().enumerate() {
            chains.push(methods.probes());
            for (local_idx, branch) in branches.iter_mut().enumerate() {
                let embeddings = branch.pending.clone();
                let (start, len) = (branch.cache.len(), embeddings.dims().first().copied().unwrap_or(0));
                let positions = branch.positions.range(start..start + len);
                let (branch_idx, additions) = (inputs.len(), branch.additions.clone());
                inputs.push(BranchInput { branch_idx, cache: &mut branch.cache, embeddings, positions, additions });
                of_branch.push((answer_idx, own.len()));
                own.push((line_idx, local_idx));
            }
        }
        counts.push(own.len());
        probes.push(AllLines { chains, of_branch: own, first_row_id: stepper.num_rows, recorder: &mut **probe });
    }
    let mut probe = AllAnswers { answers: probes, of_branch };
    let logits = decoder.forward(&mut inputs, LogitRows::Last, &mut probe)?;
    drop((inputs, probe));
    let logits = logits.iter().map(Tensor::to_vec1).collect::<TensorResult<Vec<_>>>();
    let mut rows = logits.map_err(ModelError::part("Reading logits"))?.into_iter();
    let offers =
        all.iter_mut().zip(counts).map(|((stepper, _), count)| stepper.offers(rows.by_ref().take(count).collect()));
    Ok(offers.collect())
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
    let capacity = Stepper::capacity(decoder, prompt_len, max_new_tokens);
    let part = ModelError::part("Token embedding");
    let prompt_end = if prompt_len == 0 {
        prompt.embeddings.clone()
    } else {
        prompt.embeddings.narrow(0, prompt_len - 1, 1).map_err(part)?
    };
    let DecoderPrompt { embeddings, positions, additions, .. } = prompt;
    let Some(mut cache) = cache else {
        let cache = decoder.new_cache(capacity)?;
        return Ok(Branch { cache, pending: embeddings, positions, additions, prompt_len, prompt_end });
    };
    cache.truncate(prompt_len.saturating_sub(1));
    let known = cache.len();
    let pending = embeddings.narrow(0, known, prompt_len - known);
    let pending = pending.map_err(|cause| ModelError::Part { part: "Token embedding", cause })?;
    let cache = if cache.capacity() < capacity { cache.copy(capacity)? } else { cache };
    Ok(Branch { cache, pending, positions, additions, prompt_len, prompt_end })
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
