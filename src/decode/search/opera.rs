//! OPERA's search: beams that are penalised for leaning on one token, and that go back to choose it again.

use super::places::{Columns, TokenRow, mode};
use super::ranking::{Continuation, Finished, Ranking};
use super::{Limits, Progress, Search};
use crate::decode::method::action;
use crate::decode::method::{OverTrust, Stack};
use crate::decode::stepper::{Line, Offer, Stepper};
use crate::decode::{DecodeError, GenerateOptions, Sampler, StopReason, TokenStep};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Every beam's most probable tokens are run as well, so that their own attention is known; those that are chosen need
/// no further pass. What the penalty leaves of them competes as in beam search. The search goes back by taking back
/// what the lines have too much and running what they lack, token by token.
pub(super) struct Opera {
    owner: &'static str,
    how: OverTrust,
    ranking: Ranking,
    limits: Limits,
    forced: Vec<u32>,
    with_logits: bool,
    running: Vec<Beam>,
    phase: Phase,
    /// By tokens of the answer.
    states: Vec<State>,
    /// Places by the beams' numbers, where they are remembered so.
    slots: Vec<Vec<usize>>,
    /// Beams' numbers and tokens, by tokens of the state from which they are not chosen again.
    rejected: BTreeMap<usize, BTreeSet<(usize, u32)>>,
    /// How often the search went back to so many tokens.
    returns: BTreeMap<usize, usize>,
}

/// One answer under way.
#[derive(Clone, Default)]
struct Beam {
    /// Sum of log-probabilities.
    score: f64,
    steps: Vec<Arc<TokenStep>>,
    /// Of each token.
    rows: Vec<Arc<TokenRow>>,
    /// Where its candidates leaned, step by step.
    places: Vec<usize>,
}

/// What the search can go back to.
struct State {
    beams: Vec<Beam>,
    finished: Vec<Rc<Finished>>,
    /// Beams' numbers and tokens that were chosen from it last.
    chosen: Vec<(usize, u32)>,
}

/// What the next pass is about.
#[derive(Default)]
enum Phase {
    /// The last token of every beam.
    #[default]
    Beams,
    /// A candidate behind each of the beams, several for each: its beam and its id.
    Candidates { parents: Vec<Offer>, methods: Vec<Stack>, candidates: Vec<(usize, u32)> },
    /// What the beams of a state have behind what the lines have: `len` tokens are there so far.
    Returning { len: usize, to: Vec<Beam> },
}

/// A token that is chosen, with what is told of it.
struct Choice {
    step: TokenStep,
    moved: f32,
    /// Its row, where it was run already.
    row: Option<Arc<TokenRow>>,
}

impl Opera {
    /// Checks the options.
    pub(super) fn new(owner: &'static str, how: OverTrust, options: &GenerateOptions) -> Result<Self, DecodeError> {
        // It draws nothing, but the penalty is checked there.
        Sampler::new(options.sampling)?;
        Ok(Self {
            owner,
            how,
            ranking: Ranking::new(how.beams, 1.0, options),
            limits: Limits::of(options),
            forced: options.forced.clone(),
            with_logits: options.logits,
            running: vec![Beam::default()],
            phase: Phase::Beams,
            states: Vec::new(),
            slots: vec![Vec::new(); how.beams],
            rejected: BTreeMap::new(),
            returns: BTreeMap::new(),
        })
    }

    /// The lines stand at the ends of the beams.
    fn after_beams(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError> {
        let len = offers.first().map_or(0, Offer::step_idx);
        for (beam, offer) in self.running.iter_mut().zip(&offers).filter(|(beam, _)| beam.rows.len() < len) {
            let row = TokenRow::new(offer.attention(self.how.last_layer_idx)?, stepper.prompt_len(), &self.how);
            beam.rows.push(Arc::new(row));
        }
        self.save(len);
        let Some(id) = self.forced.get(len).copied() else {
            return self.go_on(stepper, offers);
        };
        let score = self.running.first().map_or(0.0, |beam| beam.score);
        let with_logits = self.with_logits;
        let choice = |one: &Continuation| {
            let step = offers.get(one.line_idx).map(|offer| offer.one_chosen(one.id, with_logits));
            step.map(|step| Choice { step, moved: 0.0, row: None })
        };
        let methods = methods_of(stepper)?;
        self.settle(stepper, vec![Continuation { line_idx: 0, id, score }], len + 1, &methods, &choice)
    }

    /// From the ends of the beams: their candidates are run, or, where the context has no position for them, the last
    /// tokens are chosen as they are.
    fn go_on(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError> {
        if !stepper.lines().iter().any(Line::is_full) {
            self.expand(stepper, offers)?;
            return Ok(Progress::default());
        }
        let candidates_alone = |offer: &Offer| {
            let mut logits = vec![f32::NEG_INFINITY; offer.logits().len()];
            for id in largest(offer.logits(), self.how.candidates) {
                let (from, to) = (offer.logits().get(id as usize), logits.get_mut(id as usize));
                if let (Some(from), Some(to)) = (from, to) {
                    *to = *from;
                }
            }
            logits
        };
        let finals: Vec<Vec<f32>> = offers.iter().map(candidates_alone).collect();
        let len = offers.first().map_or(0, Offer::step_idx) + 1;
        self.choose(stepper, &offers, &finals, len, "chosen without a column score, at the end of the context")
    }

    /// Puts every candidate behind its beam, in a line of its own.
    fn expand(&mut self, stepper: &mut Stepper<'_>, parents: Vec<Offer>) -> Result<(), DecodeError> {
        let mut candidates = Vec::with_capacity(parents.len() * self.how.candidates);
        for (beam_idx, offer) in parents.iter().enumerate() {
            candidates.extend(largest(offer.logits(), self.how.candidates).into_iter().map(|id| (beam_idx, id)));
        }
        let methods = methods_of(stepper)?;
        stepper.reorder(&candidates.iter().map(|(beam_idx, _)| *beam_idx).collect::<Vec<_>>())?;
        for (line_idx, (_, id)) in candidates.iter().enumerate() {
            stepper.append(line_idx, *id)?;
        }
        self.phase = Phase::Candidates { parents, methods, candidates };
        Ok(())
    }

    /// Every candidate was run: choose from them, or go back.
    fn after_candidates(
        &mut self,
        stepper: &mut Stepper<'_>,
        offers: Vec<Offer>,
        (parents, methods, candidates): (Vec<Offer>, Vec<Stack>, Vec<(usize, u32)>),
    ) -> Result<Progress, DecodeError> {
        let how = self.how;
        let len = offers.first().map_or(0, Offer::step_idx);
        let rows = offers.iter().map(|offer| {
            let row = TokenRow::new(offer.attention(how.last_layer_idx)?, stepper.prompt_len(), &how);
            Ok::<_, DecodeError>(Arc::new(row))
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let columns = self.running.iter().map(|beam| Columns::new(&beam.rows, &how));
        let columns: Vec<Columns> = columns.collect();
        let lean = |((beam_idx, _), row): (&(usize, u32), &Arc<TokenRow>)| {
            columns.get(*beam_idx).map_or((0.0, 0), |columns| columns.largest(row, &how))
        };
        let leans: Vec<(f64, usize)> = candidates.iter().zip(&rows).map(lean).collect();
        if let Some(target) = self.count(len, &candidates, &leans) {
            self.go_back(stepper, target, &candidates)?;
            return Ok(Progress::default());
        }
        let mut finals: Vec<Vec<f32>> =
            parents.iter().map(|offer| vec![f32::NEG_INFINITY; offer.logits().len()]).collect();
        let is_warm = len > how.warm_up;
        for (((beam_idx, id), row), (penalty, _)) in candidates.iter().zip(&rows).zip(&leans) {
            let logit = parents.get(*beam_idx).and_then(|offer| offer.logits().get(*id as usize));
            let place = finals.get_mut(*beam_idx).and_then(|logits| logits.get_mut(*id as usize));
            let (Some(logit), Some(place)) = (logit, place) else { continue };
            let change = if is_warm { -penalty } else { row.on_image };
            #[expect(clippy::cast_possible_truncation, reason = "a logit, bounded by the largest penalty")]
            let changed = (f64::from(*logit) + how.weight * change) as f32;
            *place = changed.max(f32::MIN);
        }
        let mut all = Vec::with_capacity(candidates.len());
        let prompt_and_answer = stepper.lines().iter().map(Line::ids);
        let mut ids: Vec<&[u32]> = vec![&[]; parents.len()];
        for ((beam_idx, _), line) in candidates.iter().zip(prompt_and_answer) {
            if let (Some(ids), Some((_, before))) = (ids.get_mut(*beam_idx), line.split_last()) {
                *ids = before;
            }
        }
        let logprobs = finals.iter().zip(ids).map(|(logits, ids)| self.ranking.logprobs(logits, ids));
        let logprobs = logprobs.collect::<Result<Vec<_>, _>>()?;
        for (line_idx, (beam_idx, id)) in candidates.iter().enumerate() {
            let logprob = logprobs.get(*beam_idx).and_then(|logprobs| logprobs.get(*id as usize)).copied();
            let score = self.running.get(*beam_idx).map(|beam| beam.score).zip(logprob).map(|(a, b)| a + b);
            all.extend(score.map(|score| Continuation { line_idx, id: *id, score }));
        }
        let by_beam = |one: &Continuation| candidates.get(one.line_idx).map_or(0, |(beam_idx, _)| *beam_idx);
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then((by_beam(a), a.id).cmp(&(by_beam(b), b.id))));
        let owner = self.owner;
        let with_logits = self.with_logits;
        let choice = |one: &Continuation| {
            let (beam_idx, row) = (by_beam(one), rows.get(one.line_idx)?);
            let (parent, logits) = (parents.get(beam_idx)?, finals.get(beam_idx)?);
            let (penalty, place) = leans.get(one.line_idx)?;
            let did = if is_warm {
                format!("column score {penalty:.2e} at token {place}")
            } else {
                format!("{:.3} of its attention on the image added", row.on_image)
            };
            Some(Choice { row: Some(Arc::clone(row)), ..told(owner, parent, one.id, logits, did, with_logits) })
        };
        let of_line: Vec<usize> = candidates.iter().map(|(beam_idx, _)| *beam_idx).collect();
        let all: Vec<(usize, Continuation)> =
            all.into_iter().map(|one| (of_line.get(one.line_idx).copied().unwrap_or(0), one)).collect();
        self.settle_lines(stepper, all, len, &methods, &choice, Some(offers))
    }

    /// Enters where the candidates lean; how many tokens are to stand, if the search goes back.
    fn count(&mut self, len: usize, candidates: &[(usize, u32)], leans: &[(f64, usize)]) -> Option<usize> {
        let how = self.how;
        let of_beam = |beam_idx: usize| {
            let own = candidates.iter().zip(leans).filter(move |((of, _), _)| *of == beam_idx);
            mode(own.map(|(_, (_, place))| *place)).unwrap_or(0)
        };
        let places: Vec<usize> = (0..self.running.len()).map(of_beam).collect();
        for (beam, place) in self.running.iter_mut().zip(&places) {
            beam.places.push(*place);
        }
        for (slot, history) in self.slots.iter_mut().enumerate() {
            // All slots are the same beam in the first step.
            history.extend(places.get(slot).or(places.first().filter(|_| len == 1)));
        }
        let place = mode(places.iter().copied())?;
        let is_found = |history: &[usize]| history.iter().filter(|one| **one == place).count();
        let is_leaned_on = |(beam_idx, beam): (usize, &Beam)| {
            if how.by_slot {
                return self.slots.get(beam_idx).is_some_and(|history| is_found(history) > how.threshold);
            }
            let start = beam.places.len().saturating_sub(how.window);
            is_found(beam.places.get(start..).unwrap_or_default()) >= how.threshold
        };
        let all_lean = self.running.iter().enumerate().all(is_leaned_on);
        // At least one token is taken back: `len` counts the one that is looked at.
        if !all_lean || place < how.warm_up || place + 2 >= len {
            return None;
        }
        let is_open = |to: &usize| self.returns.get(to).is_none_or(|count| *count < how.candidates);
        let to = [place + 1, place].into_iter().find(is_open)?;
        (to >= self.forced.len() && to < self.states.len()).then_some(to)
    }

    /// Goes back to the state of `to` tokens: what the lines have too much of is taken back here, what they lack comes
    /// in the next passes.
    fn go_back(
        &mut self,
        stepper: &mut Stepper<'_>,
        to: usize,
        candidates: &[(usize, u32)],
    ) -> Result<(), DecodeError> {
        self.states.truncate(to + 1);
        let Some(state) = self.states.last_mut() else { return Err(DecodeError::NothingToChoose) };
        let chosen = std::mem::take(&mut state.chosen);
        let beams = state.beams.clone();
        self.ranking.restore(state.finished.clone());
        self.rejected.entry(to).or_default().extend(chosen);
        self.rejected.remove(&(to + 1));
        *self.returns.entry(to).or_default() += 1;
        let mut picks = Vec::with_capacity(beams.len());
        let mut len = to;
        for beam in &beams {
            // The line that has most of it.
            let common = |other: &Beam| {
                let pairs = beam.steps.iter().zip(&other.steps);
                pairs.take_while(|(a, b)| Arc::ptr_eq(a, b)).count()
            };
            let best = self.running.iter().map(common).enumerate().max_by_key(|(idx, len)| (*len, usize::MAX - *idx));
            let (beam_idx, common) = best.unwrap_or_default();
            len = len.min(common);
            picks.push(candidates.iter().position(|(of, _)| *of == beam_idx).unwrap_or(0));
        }
        stepper.reorder(&picks)?;
        for line_idx in 0..picks.len() {
            stepper.roll_back(line_idx, len)?;
        }
        self.running.clone_from(&beams);
        for beam in &mut self.running {
            beam.steps.truncate(len);
        }
        self.phase = Phase::Returning { len, to: beams };
        Ok(())
    }

    /// One token further on the way back; the last one is followed by another choice.
    fn return_to(
        &mut self,
        stepper: &mut Stepper<'_>,
        offers: &[Offer],
        len: usize,
        to: Vec<Beam>,
    ) -> Result<Progress, DecodeError> {
        let next: Vec<Option<TokenStep>> = to
            .iter()
            .zip(offers)
            .map(|(beam, offer)| {
                let step = beam.steps.get(len);
                step.map(|step| TokenStep { row_id: offer.row_id(), ..TokenStep::clone(step) })
            })
            .collect();
        if next.iter().all(Option::is_some) && !next.is_empty() {
            for (line_idx, (beam, step)) in self.running.iter_mut().zip(next.into_iter().flatten()).enumerate() {
                stepper.append(line_idx, step.id)?;
                beam.steps.push(Arc::new(step));
            }
            self.phase = Phase::Returning { len: len + 1, to };
            return Ok(Progress::default());
        }
        // The steps of the state have other rows now.
        if let Some(state) = self.states.last_mut() {
            state.beams.clone_from(&self.running);
        }
        let rejected = self.rejected.get(&len).cloned().unwrap_or_default();
        let mut finals: Vec<Vec<f32>> = offers.iter().map(|offer| offer.logits().to_vec()).collect();
        for (beam_idx, id) in &rejected {
            if let Some(logit) = finals.get_mut(*beam_idx).and_then(|logits| logits.get_mut(*id as usize)) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let did = format!("rolled back to token {len}, chosen again without {} of the beams' tokens", rejected.len());
        self.choose(stepper, offers, &finals, len + 1, &did)
    }

    /// Answers of `len` tokens, the last of each from `finals`, a row for every beam; no candidate of theirs was run.
    fn choose(
        &mut self,
        stepper: &mut Stepper<'_>,
        offers: &[Offer],
        finals: &[Vec<f32>],
        len: usize,
        did: &str,
    ) -> Result<Progress, DecodeError> {
        let mut all = Vec::new();
        for (beam_idx, ((logits, line), beam)) in finals.iter().zip(stepper.lines()).zip(&self.running).enumerate() {
            let logprobs = self.ranking.logprobs(logits, line.ids())?;
            self.ranking.add(&mut all, beam_idx, beam.score, &logprobs, &self.limits);
        }
        all.sort_by(Continuation::order);
        let (owner, with_logits) = (self.owner, self.with_logits);
        let choice = |one: &Continuation| {
            let (offer, logits) = (offers.get(one.line_idx)?, finals.get(one.line_idx)?);
            Some(told(owner, offer, one.id, logits, did.to_owned(), with_logits))
        };
        let methods = methods_of(stepper)?;
        self.settle(stepper, all, len, &methods, &choice)
    }

    /// The best continuations go on, those that end compete; each line is a beam.
    fn settle(
        &mut self,
        stepper: &mut Stepper<'_>,
        all: Vec<Continuation>,
        len: usize,
        methods: &[Stack],
        choice: &dyn Fn(&Continuation) -> Option<Choice>,
    ) -> Result<Progress, DecodeError> {
        let all = all.into_iter().map(|one| (one.line_idx, one)).collect();
        self.settle_lines(stepper, all, len, methods, choice, None)
    }

    /// The same of continuations with the beams that they continue. `ran` are what the passes of all of them left, if
    /// they were run.
    fn settle_lines(
        &mut self,
        stepper: &mut Stepper<'_>,
        all: Vec<(usize, Continuation)>,
        len: usize,
        methods: &[Stack],
        choice: &dyn Fn(&Continuation) -> Option<Choice>,
        ran: Option<Vec<Offer>>,
    ) -> Result<Progress, DecodeError> {
        let mut next: Vec<(usize, Continuation, Beam, f32)> = Vec::with_capacity(self.how.beams);
        for (rank, (beam_idx, one)) in all.into_iter().enumerate() {
            let (Some(line), Some(beam), Some(own)) =
                (stepper.lines().get(one.line_idx), self.running.get(beam_idx), methods.get(beam_idx))
            else {
                continue;
            };
            // A candidate that was run may have the last position; the token behind it can still be chosen.
            let stop = self.limits.stop(one.id, len, line);
            let stop = stop.filter(|stop| ran.is_none() || *stop != StopReason::ContextFull);
            let goes_on = stop.is_none() && next.len() < self.how.beams;
            if !goes_on && (stop.is_none() || rank >= self.how.beams) {
                continue;
            }
            let Some(Choice { step, moved, row }) = choice(&one) else { continue };
            let mut beam = Beam { score: one.score, ..beam.clone() };
            beam.steps.push(Arc::new(TokenStep { is_stop: self.limits.is_stop(one.id), ..step }));
            beam.rows.extend(row);
            match stop {
                None => next.push((beam_idx, one, beam, moved)),
                Some(stop) => {
                    let mut methods = own.fork()?;
                    methods.searched(moved);
                    let score = self.ranking.normalised(one.score, len);
                    self.ranking.finish(Finished { score, steps: beam.steps, stop, methods });
                }
            }
        }
        let has_next = !next.is_empty();
        if let Some(state) = self.states.last_mut() {
            state.chosen = next.iter().map(|(beam_idx, one, ..)| (*beam_idx, one.id)).collect();
        }
        let mut offers = None;
        if has_next {
            let picks: Vec<usize> = next.iter().map(|(_, one, ..)| one.line_idx).collect();
            stepper.reorder(&picks)?;
            for (line_idx, (_, one, _, moved)) in next.iter().enumerate() {
                if ran.is_none() {
                    stepper.append(line_idx, one.id)?;
                }
                if let Some(line) = stepper.line_mut(line_idx) {
                    line.methods_mut().searched(*moved);
                }
            }
            self.running = next.into_iter().map(|(.., beam, _)| beam).collect();
            if let Some(ran) = ran {
                let mut ran: Vec<Option<Offer>> = ran.into_iter().map(Some).collect();
                offers = Some(picks.iter().filter_map(|pick| ran.get_mut(*pick).and_then(Option::take)).collect());
            }
        }
        let leading = self.running.first().filter(|_| has_next).map(|beam| (beam.score, beam.steps.as_slice()));
        let mut progress = self.ranking.progress(leading, len)?;
        if let (Some(offers), None) = (offers, progress.stop) {
            self.save(len);
            let further = self.go_on(stepper, offers)?;
            progress.tokens.extend(further.tokens);
            progress.stop = further.stop;
        }
        Ok(progress)
    }

    /// Keeps the state of `len` tokens; later ones are gone.
    fn save(&mut self, len: usize) {
        self.states.truncate(len);
        let (beams, finished) = (self.running.clone(), self.ranking.finished().to_vec());
        self.states.push(State { beams, finished, chosen: Vec::new() });
    }
}

impl Search for Opera {
    fn advance(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError> {
        match std::mem::take(&mut self.phase) {
            Phase::Beams => self.after_beams(stepper, offers),
            Phase::Candidates { parents, methods, candidates } => {
                self.after_candidates(stepper, offers, (parents, methods, candidates))
            }
            Phase::Returning { len, to } => self.return_to(stepper, &offers, len, to),
        }
    }

    fn methods(&self) -> Option<&Stack> {
        self.ranking.best().map(|best| &best.methods)
    }

    fn width(&self) -> usize {
        self.how.beams
    }

    fn live_rows(&self) -> Option<BTreeSet<u64>> {
        let parents = match &self.phase {
            Phase::Candidates { parents, .. } => parents.as_slice(),
            _ => &[],
        };
        let ended = self.states.iter().flat_map(|state| &state.finished).flat_map(|finished| &finished.steps);
        let steps = self.running.iter().flat_map(|beam| &beam.steps).chain(self.ranking.steps()).chain(ended);
        Some(steps.map(|step| step.row_id).chain(parents.iter().map(Offer::row_id)).collect())
    }
}

/// Copies of the methods of every line, as they are before the next token.
fn methods_of(stepper: &Stepper<'_>) -> Result<Vec<Stack>, DecodeError> {
    stepper.lines().iter().map(|line| line.methods().fork()).collect()
}

/// A token that is chosen from `logits`, and what is said of it.
fn told(owner: &str, offer: &Offer, id: u32, logits: &[f32], did: String, with_logits: bool) -> Choice {
    let action = action(owner, [offer.logits(), logits], Some(did), None);
    let moved = action.moved;
    let mut step = offer.one_chosen(id, with_logits);
    step.actions.push(action);
    step.final_logits = with_logits.then(|| logits.to_vec());
    Choice { step, moved, row: None }
}

/// Ids of the `count` largest, largest first; the smaller id first among equals, none that are removed.
fn largest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut order: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).filter(|(_, logit)| logit.is_finite()).collect();
    let better = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if order.len() > count {
        order.select_nth_unstable_by(count, better);
        order.truncate(count);
    }
    order.sort_by(better);
    order.into_iter().map(|(id, _)| id).collect()
}
