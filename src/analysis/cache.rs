//! Derived values, kept under everything they depend on.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Keeps the most recently used values, each under its key: `(run, MapRequest)` for a map.
///
/// The key must hold everything that the value depends on. A trace only ever grows by tokens, so a value of tokens that have come stays
/// valid; one of "all tokens" must name them (as [`super::TokenSet`] does). Failures are kept too: asking again would fail again.
#[derive(Debug)]
pub struct Cache<K, V, E = super::AnalysisError> {
    entries: HashMap<K, (u64, Result<Arc<V>, E>)>,
    capacity: usize,
    clock: u64,
}

impl<K: Eq + Hash + Clone, V, E: Clone> Cache<K, V, E> {
    /// Keeps at most `capacity` values (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity: capacity.max(1), clock: 0 }
    }

    /// The kept value, or the one that `make` makes.
    pub fn get_or_make(&mut self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        self.clock += 1;
        if let Some((used, value)) = self.entries.get_mut(key) {
            *used = self.clock;
            return value.clone();
        }
        let value = make().map(Arc::new);
        if self.entries.len() >= self.capacity {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(key.clone(), (self.clock, value.clone()));
        value
    }

    /// Forgets what the predicate does not hold for: the maps of a run that was closed.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.entries.retain(|key, _| keep(key));
    }

    /// Values kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_and_the_least_recently_used_goes_first() {
        let mut cache: Cache<u32, u32> = Cache::new(2);
        let mut made = Vec::new();
        for key in [1, 2, 1, 3, 1, 2] {
            let value = cache.get_or_make(&key, || {
                made.push(key);
                Ok(key * 10)
            });
            assert_eq!(value.as_deref(), Ok(&(key * 10)), "key {key}");
        }
        assert_eq!(made, [1, 2, 3, 2], "1 stayed, 2 went for 3");
        assert_eq!(cache.len(), 2, "never more than the capacity");
    }

    #[test]
    fn failures_are_kept_like_values() {
        let mut cache: Cache<u32, u32, &str> = Cache::new(2);
        assert_eq!(cache.get_or_make(&1, || Err("no")), Err("no"), "first");
        assert_eq!(cache.get_or_make(&1, || Ok(5)), Err("no"), "kept");
        cache.retain(|_| false);
        assert!(cache.is_empty(), "forgotten");
    }
}
