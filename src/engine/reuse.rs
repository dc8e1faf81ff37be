//! What a question computed and another would compute again: image features, and keys and values of prompts.
//!
//! A key or a value at a position depends on the embeddings up to it and on the methods that change passes, on nothing
//! else but where it stands for the rotary embedding. So there is no key to forget a part of: a
//! prompt continues from whichever kept one has the most leading embedding rows in common with it, **bit for bit**, as
//! far as the methods of both leave them alone. A noised image, another framing or another photo differ in their rows
//! and share what stands before the image.
//!
//! **Differs** from a fresh run by rounding: products over fewer rows add in another order (`tests/models/reuse.rs`
//! holds it to 1e-5 in f32 and to the same tokens).

use super::messages::KeptMemory;
use crate::model::{Additions, ImageFeatures, KvCache, Positions};
use crate::trace::{SpecInfo, VisionAttention};
use candle_core::{Result, Tensor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes kept where nothing is known of the machine: three images of a 7B model in f32.
pub(super) const DEFAULT_BUDGET_BYTES: u64 = 2 << 30;
/// A kept prompt is given up for a newer one when that has all of it but one position in so many.
const SPARE_PART: usize = 8;

/// A method that changes keys and values: what of it decides how.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Editor {
    pub(super) spec: SpecInfo,
    /// SHA-256 of the file that a parameter names: it may have been made anew since.
    pub(super) file_hash: Option<[u8; 32]>,
}

/// What methods do to the keys and values of a branch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Footing {
    /// Leading positions that are as without them.
    pub(super) untouched: usize,
    /// Whether the others depend only on what is before them.
    pub(super) by_position: bool,
    /// Which they are; none where they leave the branch alone.
    pub(super) methods: Arc<[Editor]>,
}

/// A prompt that is about to be read.
#[derive(Debug)]
pub(super) struct Wanted {
    /// All positions.
    pub(super) ids: Vec<u32>,
    /// **Shape** `[ids, hidden_size]`.
    pub(super) embeddings: Tensor,
    /// Where they stand for the rotary embedding.
    pub(super) positions: Positions,
    /// What is added behind the first layers.
    pub(super) additions: Additions,
    pub(super) footing: Footing,
    /// Positions that may come from an earlier question: those whose rows are asked for must run.
    pub(super) most: usize,
    /// Positions that its cache needs room for.
    pub(super) capacity: usize,
}

/// An image that was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) pixel_values: Arc<[f32]>,
    pub(super) features: ImageFeatures,
    /// What each encoder looked at; empty for another branch's image.
    pub(super) vision: Vec<Arc<VisionAttention>>,
}

/// A prompt that was read, and the answer behind it.
#[derive(Debug)]
struct Kept {
    cache: KvCache,
    /// Of every position of the cache.
    ids: Vec<u32>,
    embeddings: Tensor,
    positions: Positions,
    additions: Additions,
    prompt_len: usize,
    footing: Footing,
    used: u64,
    /// A newer one has nearly all of its prompt.
    is_superseded: bool,
}

#[derive(Debug, Default)]
struct Shelf {
    budget_bytes: u64,
    clock: u64,
    images: Vec<(u64, Seen)>,
    prompts: Vec<Kept>,
}

/// What a question computed and another would compute again: image features, and keys and values of prompts. Every
/// method holds the lock for its own time only: a job takes what it needs and
/// brings it back.
#[derive(Debug)]
pub(super) struct Reuse(Mutex<Shelf>);

impl Reuse {
    pub(super) fn new(budget_bytes: u64) -> Self {
        Self(Mutex::new(Shelf { budget_bytes, ..Shelf::default() }))
    }

    /// A panic in another job leaves whole entries.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the vision encoder made of the same input.
    pub(super) fn seen(&self, pixel_values: &[f32]) -> Option<Seen> {
        let mut shelf = self.shelf();
        let now = shelf.tick();
        let (used, seen) = shelf.images.iter_mut().find(|(_, seen)| *seen.pixel_values == *pixel_values)?;
        *used = now;
        Some(seen.clone())
    }

    pub(super) fn keep_seen(&self, seen: Seen) {
        let mut shelf = self.shelf();
        let now = shelf.tick();
        shelf.images.retain(|(_, other)| other.pixel_values != seen.pixel_values);
        shelf.images.push((now, seen));
        shelf.keep_within(0);
    }

    /// For every prompt a cache that holds its first positions, where any is known.
    pub(super) fn take(&self, wanted: &[Wanted]) -> Vec<Option<KvCache>> {
        let mut shelf = self.shelf();
        let now = shelf.tick();
        let choices: Vec<Option<(usize, usize)>> = wanted.iter().map(|wanted| shelf.best(wanted)).collect();
        let mut caches = Vec::with_capacity(wanted.len());
        // What has next to nothing besides goes: its memory to the one that continues it, where it is large enough.
        let mut gone = Vec::new();
        for (branch_idx, wanted) in wanted.iter().enumerate() {
            let Some((kept_idx, shared)) = choices.get(branch_idx).copied().flatten() else {
                caches.push(None);
                continue;
            };
            let is_wanted_again = choices.iter().skip(branch_idx + 1).flatten().any(|(later, _)| *later == kept_idx);
            let Some(kept) = shelf.prompts.get_mut(kept_idx) else { continue };
            kept.used = now;
            let is_spent = !is_wanted_again && kept.ids.len().saturating_sub(shared) <= kept.ids.len() / SPARE_PART;
            let is_moved = is_spent && kept.cache.capacity() >= wanted.capacity;
            caches.push(if is_moved { None } else { copy(&kept.cache, shared, wanted.capacity) });
            if is_spent {
                gone.push((kept_idx, is_moved.then_some((branch_idx, shared))));
            }
        }
        gone.sort_by_key(|(kept_idx, _)| std::cmp::Reverse(*kept_idx));
        for (kept_idx, moved) in gone {
            let mut kept = shelf.prompts.remove(kept_idx);
            if let Some((branch_idx, shared)) = moved
                && let Some(cache) = caches.get_mut(branch_idx)
            {
                kept.cache.truncate(shared);
                *cache = Some(kept.cache);
            }
        }
        caches
    }

    /// Gives up what was not used for longest until so many bytes fit beside the rest: those of the question that runs.
    pub(super) fn make_room(&self, bytes: usize) {
        self.shelf().keep_within(bytes as u64);
    }

    /// Keeps a prompt and the answer behind it. `answer` are the embeddings of generated tokens, **shape** `[tokens,
    /// hidden_size]`.
    pub(super) fn keep(&self, prompt: Wanted, mut cache: KvCache, ids: Vec<u32>, answer: Option<&Tensor>) {
        let Wanted { embeddings, positions, additions, footing, .. } = prompt;
        if !footing.by_position {
            cache.truncate(footing.untouched);
        }
        let prompt_len = prompt.ids.len().min(cache.len());
        let rows = || -> Result<Tensor> {
            match answer {
                Some(answer) if cache.len() > prompt.ids.len() => {
                    Tensor::cat(&[&embeddings, answer], 0)?.narrow(0, 0, cache.len())
                }
                _ => embeddings.narrow(0, 0, cache.len()),
            }
        };
        // What cannot be kept is computed again.
        let Ok(embeddings) = rows() else { return };
        if cache.is_empty() || ids.len() < cache.len() {
            return;
        }
        let ids = ids.into_iter().take(cache.len()).collect();
        let mut shelf = self.shelf();
        let used = shelf.tick();
        shelf.add(Kept {
            cache,
            ids,
            embeddings,
            positions,
            additions,
            prompt_len,
            footing,
            used,
            is_superseded: false,
        });
        shelf.keep_within(0);
    }

    /// Gives up every prompt; what encoders saw stays.
    pub(super) fn forget_prompts(&self) {
        self.shelf().prompts.clear();
    }

    /// Gives up everything.
    pub(super) fn forget(&self) {
        let mut shelf = self.shelf();
        shelf.prompts.clear();
        shelf.images.clear();
    }

    /// Sets the budget; 0 keeps nothing from now on.
    pub(super) fn limit(&self, budget_bytes: u64) {
        let mut shelf = self.shelf();
        shelf.budget_bytes = budget_bytes;
        shelf.keep_within(0);
    }

    pub(super) fn memory(&self) -> KeptMemory {
        let shelf = self.shelf();
        KeptMemory {
            held_bytes: shelf.bytes(),
            budget_bytes: shelf.budget_bytes,
            images: shelf.images.len(),
            prompts: shelf.prompts.len(),
        }
    }
}

impl Shelf {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn bytes(&self) -> u64 {
        let images = self.images.iter().map(|(_, seen)| seen.bytes());
        images.chain(self.prompts.iter().map(Kept::bytes)).fold(0, |sum, bytes| sum.saturating_add(bytes as u64))
    }

    /// The kept prompt that shares most with a new one, and how many positions.
    fn best(&self, wanted: &Wanted) -> Option<(usize, usize)> {
        let shared = |kept: &Kept| kept.shared(&Reading::of(wanted)).min(wanted.most);
        let all = self.prompts.iter().enumerate().map(|(idx, kept)| (idx, shared(kept)));
        all.max_by_key(|(_, shared)| *shared).filter(|(_, shared)| *shared > 0)
    }

    /// Puts an entry in, unless an older one has all of it, and an older one out that has next to nothing besides.
    fn add(&mut self, new: Kept) {
        let whole = |kept: &&mut Kept| kept.shared(&new.reading()) >= new.ids.len();
        if let Some(kept) = self.prompts.iter_mut().find(whole) {
            kept.used = new.used;
            return;
        }
        self.prompts.retain_mut(|kept| {
            let shared = kept.shared(&new.reading());
            kept.is_superseded |= kept.prompt_len.saturating_sub(shared) <= kept.prompt_len / SPARE_PART;
            kept.ids.len().saturating_sub(shared) > kept.ids.len() / SPARE_PART
        });
        self.prompts.push(new);
    }

    /// Shrinks or drops until `more` bytes fit beside what is left: first what a newer prompt has as well, then the
    /// least recently used.
    fn keep_within(&mut self, more: u64) {
        while self.bytes().saturating_add(more) > self.budget_bytes {
            let prompt = self.prompts.iter().enumerate().min_by_key(|(_, kept)| (!kept.is_superseded, kept.used));
            let prompt = prompt.map(|(idx, kept)| (idx, kept.is_superseded, kept.used));
            let image = self.images.iter().enumerate().min_by_key(|(_, (used, _))| *used);
            let image = image.map(|(idx, (used, _))| (idx, *used));
            match (prompt, image) {
                (Some((idx, is_superseded, used)), image)
                    if is_superseded || image.is_none_or(|(_, image_used)| used <= image_used) =>
                {
                    if !self.prompts.get_mut(idx).is_some_and(Kept::shrink) {
                        self.prompts.swap_remove(idx);
                    }
                }
                (_, Some((idx, _))) => drop(self.images.swap_remove(idx)),
                (_, None) => return,
            }
        }
    }
}

/// What keys and values come of.
#[derive(Clone, Copy)]
struct Reading<'a> {
    ids: &'a [u32],
    embeddings: &'a Tensor,
    positions: &'a Positions,
    additions: &'a Additions,
    footing: &'a Footing,
}

impl<'a> Reading<'a> {
    fn of(wanted: &'a Wanted) -> Self {
        let Wanted { ids, embeddings, positions, additions, footing, .. } = wanted;
        Self { ids, embeddings, positions, additions, footing }
    }

    /// How many of the first `most` places hold the same, at the same position.
    fn shared(&self, other: &Self, most: usize) -> usize {
        // Cheaper than rows, and an upper bound.
        let by_ids = self.ids.iter().zip(other.ids).take(most).take_while(|(a, b)| a == b).count();
        let by_place = self.positions.shared(other.positions, by_ids);
        let by_rows = equal_rows(self.embeddings, other.embeddings, by_place).unwrap_or_default();
        self.additions.shared(other.additions, by_rows)
    }
}

impl Seen {
    fn bytes(&self) -> usize {
        let tensor = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        let rows: usize = self.vision.iter().map(|vision| vision.bytes()).sum();
        self.pixel_values.len() * size_of::<f32>()
            + rows
            + self.features.vision.iter().map(tensor).sum::<usize>()
            + tensor(&self.features.projected)
    }
}

impl Wanted {
    /// Leading positions whose keys and values are those of another branch of the same question.
    pub(super) fn shared(&self, other: &Self) -> usize {
        let most = self.footing.untouched.min(other.footing.untouched);
        Reading::of(self).shared(&Reading::of(other), most)
    }
}

impl Wanted {
    /// Leading positions whose keys and values another question's prompt would get, as those of a kept one.
    pub(super) fn shared_alike(&self, other: &Self) -> usize {
        self.footing.shared(&other.footing, &Reading::of(self), &Reading::of(other))
    }
}

impl Footing {
    /// Leading positions that two readings have in common, as far as the methods of both leave them alone.
    fn shared(&self, other: &Self, own: &Reading<'_>, others: &Reading<'_>) -> usize {
        let alike = other.by_position && self.methods == other.methods;
        own.shared(others, if alike { usize::MAX } else { self.untouched.min(other.untouched) })
    }
}

impl Kept {
    fn reading(&self) -> Reading<'_> {
        let Self { ids, embeddings, positions, additions, footing, .. } = self;
        Reading { ids, embeddings, positions, additions, footing }
    }

    fn bytes(&self) -> usize {
        let embeddings = self.embeddings.elem_count() * self.embeddings.dtype().size_in_bytes();
        self.cache.bytes() + embeddings + self.additions.bytes() + self.ids.len() * size_of::<u32>()
    }

    /// Leading positions whose keys and values are those that another prompt would get.
    fn shared(&self, other: &Reading<'_>) -> usize {
        self.footing.shared(other.footing, &self.reading(), other)
    }

    /// Gives back the room of the answer; `false` where there is nothing worth giving back.
    fn shrink(&mut self) -> bool {
        if self.cache.capacity().saturating_sub(self.prompt_len) <= self.prompt_len / SPARE_PART {
            return false;
        }
        self.cache.truncate(self.prompt_len);
        let Ok(cache) = self.cache.copy(self.prompt_len) else { return false };
        let Ok(embeddings) = self.embeddings.narrow(0, 0, self.prompt_len).and_then(|rows| rows.force_contiguous())
        else {
            return false;
        };
        self.cache = cache;
        self.embeddings = embeddings;
        self.ids.truncate(self.prompt_len);
        true
    }
}

/// The first positions of a cache in memory of their own; `None` where there is no more memory, and they are computed
/// again.
fn copy(cache: &KvCache, len: usize, capacity: usize) -> Option<KvCache> {
    let mut copy = cache.copy(capacity.max(cache.len())).ok()?;
    copy.truncate(len);
    Some(copy)
}

/// How many of the first `most` rows are equal, up to the first that is not.
fn equal_rows(a: &Tensor, b: &Tensor, most: usize) -> Result<usize> {
    let most = most.min(a.dim(0)?).min(b.dim(0)?);
    if most == 0 {
        return Ok(0);
    }
    let equal = a.narrow(0, 0, most)?.eq(&b.narrow(0, 0, most)?)?.min(1)?.to_vec1::<u8>()?;
    Ok(equal.iter().take_while(|equal| **equal == 1).count())
}

#[cfg(test)]
mod tests;
