//! Several methods at work on one answer.

use super::step::{Asks, Chosen, Step, Verdict};
use super::watch::Watch;
use super::{Acted, ActionReport, ActiveMethod, BranchContext, Encode, OwnSearch, Reach, Seen};
use crate::decode::contrast::moved_between;
use crate::decode::contrast::step_contrast;
use crate::decode::{Combined, DecodeError, DecoderPrompt, Distribution, MethodInfo, TokenCandidate, Word};
use crate::model::{Decoder, Probe, ProbeChain};
use crate::trace::{Sampling, TokenAction, TokenContrast};
use candle_core::Tensor;
use std::ops::Range;

/// Less of the probability is rounding, as in traces.
const IDLE: f32 = 1e-5;

/// One of them, and what is known of it.
struct Stacked {
    info: &'static MethodInfo,
    active: Box<dyn ActiveMethod>,
    has_probe: bool,
    /// Its own among the branches of the step.
    branches: Range<usize>,
    /// Steps in which it spoke, and in which it moved the distribution.
    num_steps: usize,
    num_moved: usize,
}

/// Where an answer stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) struct Place<'a> {
    pub(in crate::decode) step_idx: usize,
    /// Of the prompt and the answer so far.
    pub(in crate::decode) ids: &'a [u32],
    pub(in crate::decode) prompt_len: usize,
}

/// What the methods made of a step's logits, in their order.
#[derive(Debug, Default)]
pub(in crate::decode) struct Changes(Vec<(usize, Combined)>, Seen);

impl Changes {
    /// What the token is chosen from; `None` leaves the ordinary branch's logits.
    pub(in crate::decode) fn final_logits(&self) -> Option<&[f32]> {
        self.0.last().map(|(_, combined)| combined.logits.as_slice())
    }

    /// The same without a copy, and what was seen.
    pub(in crate::decode) fn into_final_logits(mut self) -> (Option<Vec<f32>>, Seen) {
        (self.0.pop().map(|(_, combined)| combined.logits), self.1)
    }

    /// Logits of a second branch that a method computed itself; there is room for those of one.
    pub(in crate::decode) fn take_negative(&mut self) -> Option<Vec<f32>> {
        self.0.iter_mut().find_map(|(_, combined)| combined.negative.take())
    }
}

/// Methods in the order in which they act; none is plain decoding.
#[derive(Default)]
pub struct Stack {
    methods: Vec<Stacked>,
    /// `None` where nobody asks for anything.
    watch: Option<Watch>,
}

impl Stack {
    /// Stacks methods whose parameters are checked. A lone one has all branches besides the ordinary one; several get
    /// theirs from [`Stack::branches`].
    pub fn new(methods: Vec<(&'static MethodInfo, Box<dyn ActiveMethod>)>) -> Self {
        let num_methods = methods.len();
        let mut asks = Asks::default();
        let stacked = methods.into_iter().map(|(info, mut active)| {
            asks.extend(&active.asks());
            let has_probe = active.probe().is_some();
            let branches = if num_methods == 1 { 1..usize::MAX } else { 1..1 };
            Stacked { info, active, has_probe, branches, num_steps: 0, num_moved: 0 }
        });
        let methods: Vec<Stacked> = stacked.collect();
        Self { methods, watch: (!asks.is_empty()).then(|| Watch::new(asks)) }
    }

    /// Makes the prompts of all further branches, method by method. `context` is that of the first of them.
    pub fn branches(
        &mut self,
        context: &BranchContext<'_>,
        encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let mut prompts = Vec::new();
        for method in &mut self.methods {
            let start = context.first_branch_idx + prompts.len();
            let own = BranchContext { first_branch_idx: start, ..*context };
            prompts.extend(method.active.branches(&own, encode)?);
            method.branches = start..context.first_branch_idx + prompts.len();
        }
        Ok(prompts)
    }

    /// Patches that are left in the branch of the first method that leaves some.
    pub fn outlier_tokens(&self) -> Option<&[usize]> {
        self.methods.iter().find_map(|method| method.active.outlier_tokens())
    }

    /// The probes of all methods in their order, then what they asked to see, then the recorder, so that it sees what
    /// they made.
    pub fn chain<'a>(&'a mut self, recorder: &'a mut dyn Probe) -> ProbeChain<'a> {
        self.probes().with(recorder)
    }

    /// The same without a recorder.
    pub(in crate::decode) fn probes(&mut self) -> ProbeChain<'_> {
        let mut chain = ProbeChain::new();
        for method in &mut self.methods {
            if let Some(probe) = method.active.probe() {
                chain = chain.with(probe);
            }
        }
        match &mut self.watch {
            Some(watch) => chain.with(watch),
            None => chain,
        }
    }

    /// The same methods with copies of their state, for another continuation; an error names the one that has none.
    pub fn fork(&self) -> Result<Self, DecodeError> {
        let methods = self.methods.iter().map(|method| {
            let Stacked { info, active, has_probe, branches, num_steps, num_moved } = method;
            let active = active.fork().ok_or(DecodeError::NoFork { owner: info.id })?;
            let (info, has_probe, branches) = (*info, *has_probe, branches.clone());
            Ok(Stacked { info, active, has_probe, branches, num_steps: *num_steps, num_moved: *num_moved })
        });
        Ok(Self { methods: methods.collect::<Result<_, DecodeError>>()?, watch: self.watch.clone() })
    }

    /// Finds the method with which no search can follow several answers at once.
    pub fn check_forks(&self) -> Result<(), DecodeError> {
        if let Some(method) = self.methods.iter().find(|method| method.active.may_retract()) {
            return Err(DecodeError::RetractsBeams { owner: method.info.id });
        }
        self.fork().map(drop)
    }

    /// How the first method that searches itself does it, with its name.
    pub(in crate::decode) fn own_search(&self) -> Option<(&'static str, OwnSearch)> {
        self.methods.iter().find_map(|method| Some((method.info.id, method.active.search()?)))
    }

    /// Finds what no search can do with these methods: draw the tokens of several answers, or follow several at once.
    pub fn check_search(&self, sampling: &Sampling) -> Result<(), DecodeError> {
        let Sampling { beams, temperature, .. } = *sampling;
        let Some((owner, own)) = self.own_search() else {
            return if beams > 1 { self.check_forks() } else { Ok(()) };
        };
        let num_searches = self.methods.iter().filter(|method| method.active.search().is_some()).count();
        if beams > 1 || num_searches > 1 {
            return Err(DecodeError::OwnBeams { owner });
        }
        if temperature > 0.0 {
            return Err(DecodeError::DrawnBeams { beams: own.width(), temperature });
        }
        self.check_forks()
    }

    /// Counts a token that the method which searches itself has chosen.
    pub(in crate::decode) fn searched(&mut self, moved: f32) {
        if let Some(method) = self.methods.iter_mut().find(|method| method.active.search().is_some()) {
            method.num_steps += 1;
            method.num_moved += usize::from(moved > IDLE);
        }
    }

    /// Tells every method that only the first `to_len` tokens of the answer stand.
    pub(in crate::decode) fn rewound(&mut self, to_len: usize) {
        for method in &mut self.methods {
            method.active.rewound(to_len);
        }
    }

    /// What the probes change in a branch while its prompt is read.
    pub fn reach(&self, branch_idx: usize, prompt_len: usize) -> Reach {
        let reaches = self.probing().map(|method| method.active.reach(branch_idx, prompt_len));
        reaches.fold(Reach::NOTHING, Reach::and)
    }

    /// Whether a method changes something in a branch while its prompt is read.
    pub fn reaches(&self, method_idx: usize, branch_idx: usize, prompt_len: usize) -> bool {
        let method = self.methods.get(method_idx).filter(|method| method.has_probe);
        method.is_some_and(|method| method.active.reach(branch_idx, prompt_len) != Reach::NOTHING)
    }

    /// What of a file decides what a method does, see [`ActiveMethod::file_hash`].
    pub fn file_hash(&self, method_idx: usize) -> Option<[u8; 32]> {
        self.methods.get(method_idx).and_then(|method| method.active.file_hash())
    }

    /// Whether a file decides what one of them does.
    pub fn reads_files(&self) -> bool {
        self.methods.iter().any(|method| method.active.file_hash().is_some())
    }

    fn probing(&self) -> impl Iterator<Item = &Stacked> {
        self.methods.iter().filter(|method| method.has_probe)
    }

    /// Whether a step depends on those before it in more than the ids.
    pub fn keeps_state(&self) -> bool {
        self.methods.iter().any(|method| method.active.keeps_state())
    }

    /// Whether tokens may be taken back.
    pub fn may_retract(&self) -> bool {
        self.methods.iter().any(|method| method.active.may_retract())
    }

    /// Before a pass. `pending` are the embeddings of the ordinary branch's new positions.
    pub(in crate::decode) fn begin(&mut self, decoder: &Decoder, pending: &Tensor) -> Result<(), DecodeError> {
        self.watch.as_mut().map_or(Ok(()), |watch| watch.begin(decoder, pending))
    }

    /// After a pass: every method on logits in turn. `branch_logits` has the ordinary branch first.
    pub(in crate::decode) fn combine(
        &mut self,
        decoder: &Decoder,
        place: Place<'_>,
        branch_logits: &[Vec<f32>],
    ) -> Result<Changes, DecodeError> {
        let Some(raw_logits) = branch_logits.first() else { return Ok(Changes::default()) };
        let seen = self.watch.as_mut().map(|watch| watch.take(decoder, raw_logits)).transpose()?.unwrap_or_default();
        let Place { step_idx, ids, prompt_len } = place;
        let mut changes = Changes::default();
        for (method_idx, method) in self.methods.iter_mut().enumerate() {
            let logits = changes.final_logits().unwrap_or(raw_logits);
            let range = method.branches.start..method.branches.end.min(branch_logits.len());
            let branches = branch_logits.get(range).unwrap_or_default();
            let step = Step { step_idx, ids, prompt_len, logits, raw_logits, branches, seen: &seen };
            let Some(combined) = method.active.combine(&step)? else { continue };
            if combined.logits.len() != raw_logits.len() {
                let (expected, found) = (raw_logits.len(), combined.logits.len());
                return Err(DecodeError::StrategyShape { expected, found });
            }
            changes.0.push((method_idx, combined));
        }
        changes.1 = seen;
        Ok(changes)
    }

    /// What was done at a step: as a contrast of two branches where it was one and nothing else was done to logits,
    /// method by method otherwise; and what methods say that they did inside the model.
    pub(in crate::decode) fn record(
        &mut self,
        before: &Distribution<'_>,
        top: &[TokenCandidate],
        branch_logits: &[Vec<f32>],
        changes: &Changes,
    ) -> (Option<TokenContrast>, Vec<TokenAction>) {
        let did = |method: &mut Stacked| (method.active.did(), method.active.measured());
        let did: Vec<(Option<String>, Option<f64>)> = self.methods.iter_mut().map(did).collect();
        if let ([(method_idx, combined)], Some(ordinary)) = (changes.0.as_slice(), branch_logits.first()) {
            let own = self.methods.get(*method_idx).and_then(|method| branch_logits.get(method.branches.start));
            let contrast = own.and_then(|negative| step_contrast(before, top, [ordinary, negative], combined));
            if contrast.is_some() {
                let notes = self.methods.iter().zip(did);
                let notes = notes.filter_map(|(method, (did, value))| Some((method.info.id, did?, value)));
                return (
                    contrast,
                    notes.map(|(id, did, value)| action(id, [ordinary, ordinary], Some(did), value)).collect(),
                );
            }
        }
        let mut last = branch_logits.first().map_or(&[][..], Vec::as_slice);
        let mut actions = Vec::with_capacity(changes.0.len());
        for (method_idx, (method, (did, value))) in self.methods.iter_mut().zip(did).enumerate() {
            let Some((_, combined)) = changes.0.iter().find(|(of, _)| *of == method_idx) else {
                actions.extend(did.map(|did| action(method.info.id, [last, last], Some(did), value)));
                continue;
            };
            let note = match (did, &combined.note) {
                (Some(did), Some(note)) => Some(format!("{did}; {note}")),
                (did, note) => did.or_else(|| note.clone()),
            };
            let action = action(method.info.id, [last, &combined.logits], note, value);
            method.num_steps += 1;
            method.num_moved += usize::from(action.moved > IDLE);
            actions.push(action);
            last = &combined.logits;
        }
        (None, actions)
    }

    /// What becomes of a chosen token: the first method that takes it back is followed.
    pub(in crate::decode) fn judge(&mut self, chosen: &Chosen<'_>) -> Result<Verdict, DecodeError> {
        for method in self.methods.iter_mut().filter(|method| method.active.may_retract()) {
            let verdict = method.active.judge(chosen)?;
            if verdict != Verdict::Keep {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Keep)
    }

    /// How often each acted, as far as that was counted.
    pub fn reports(&self) -> impl Iterator<Item = (Word, ActionReport)> {
        self.methods.iter().filter_map(|method| {
            let (num_calls, num_values) = (method.num_steps, method.num_moved);
            let on_logits = || ActionReport { id: method.info.id, acted: Acted::OnLogits, num_calls, num_values };
            let report = method.active.report().or_else(|| (num_calls > 0).then(on_logits))?;
            Some((method.info.word, report))
        })
    }
}

/// What a method did to logits, from those before it to those after it; the same twice where it left them to others.
pub(in crate::decode) fn action(
    id: &str,
    [before, after]: [&[f32]; 2],
    note: Option<String>,
    value: Option<f64>,
) -> TokenAction {
    let before_id = most_probable(before);
    let (after_id, num_removed, moved) = if std::ptr::eq(before, after) {
        (before_id, 0, 0.0)
    } else {
        let removed = |(before, after): &(&f32, &f32)| before.is_finite() && !after.is_finite();
        (most_probable(after), before.iter().zip(after).filter(removed).count(), moved_between(before, after))
    };
    let (method, before, after) = (id.to_owned(), String::new(), String::new());
    TokenAction { method, before_id, before, after_id, after, num_removed, moved, note, value }
}

/// The smallest id among equals; 0 of nothing.
pub(in crate::decode) fn most_probable(logits: &[f32]) -> u32 {
    let best = (0_u32..).zip(logits).fold(
        (0, f32::NEG_INFINITY),
        |best, (id, logit)| {
            if *logit > best.1 { (id, *logit) } else { best }
        },
    );
    best.0
}
