//! Models that are at hand, and what each needs.

use crate::hub::{CachedModel, KNOWN_MODELS, KnownModel, memory_bytes};

/// What was found beside the window: models of the hub's cache, and free memory to hold them against.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelsAtHand {
    /// Complete models of the cache, by name.
    pub cached: Vec<CachedModel>,
    /// **Units** bytes; `None` where the system does not say.
    pub free_bytes: Option<u64>,
}

/// What a model costs, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// "14.1 GB on disk, about 18 GB of memory in 16 bit, 32 GB in f32".
    pub words: String,
    /// What is free, if that is not enough in any type.
    pub too_little: Option<String>,
}

impl ModelsAtHand {
    /// Known models that are not in the cache.
    pub fn to_download(&self) -> impl Iterator<Item = &'static KnownModel> {
        KNOWN_MODELS.iter().filter(|known| !self.cached.iter().any(|cached| cached.id.to_string() == known.id))
    }

    /// Of a model in the cache.
    pub fn needs_of_cached(&self, model: &CachedModel) -> Needs {
        self.needs("on disk", model.weight_bytes, model.bytes_a_weight)
    }

    /// Of one that is not there.
    pub fn needs_of_known(&self, model: &KnownModel) -> Needs {
        self.needs("to download", model.download_bytes(), Some(model.bytes_a_weight))
    }

    fn needs(&self, place: &str, weight_bytes: u64, bytes_a_weight: Option<u64>) -> Needs {
        let parameters = weight_bytes / bytes_a_weight.unwrap_or(2).max(1);
        let stored = memory_bytes(parameters, bytes_a_weight.unwrap_or(2));
        let memory = match bytes_a_weight {
            Some(2) => {
                let wide = memory_bytes(parameters, 4);
                format!("{} of memory in 16 bit, {} in f32", gigabytes(stored), gigabytes(wide))
            }
            _ => format!("{} of memory", gigabytes(stored)),
        };
        let least = memory_bytes(parameters, 2).min(stored);
        let too_little = self.free_bytes.filter(|free| *free < least);
        Needs {
            words: format!("{} {place}, about {memory}", gigabytes(weight_bytes)),
            too_little: too_little.map(|free| format!("more than the {} that are free", gigabytes(free))),
        }
    }
}

/// "14.1 GB", as disks and the hub count.
fn gigabytes(bytes: u64) -> String {
    crate::hub::size_label(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached(id: &str, weight_bytes: u64, bytes_a_weight: Option<u64>) -> CachedModel {
        let id = id.parse().expect("an id");
        CachedModel { id, folder: "/cache".into(), weight_bytes, model_type: None, bytes_a_weight }
    }

    #[test]
    fn a_model_says_what_it_takes_of_disk_and_memory() {
        let models_at_hand = ModelsAtHand::default();
        let seven = models_at_hand.needs_of_cached(&cached("a/b", 14_000_000_000, Some(2)));
        assert_eq!(seven.words, "14.0 GB on disk, about 17.5 GB of memory in 16 bit, 31.5 GB in f32", "both types");
        assert_eq!(seven.too_little, None, "unknown memory is trusted");
        let clip = models_at_hand.needs_of_cached(&cached("a/b", 600_000_000, Some(4)));
        assert_eq!(clip.words, "600 MB on disk, about 675 MB of memory", "f32 as it is");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let models_at_hand = ModelsAtHand { cached: Vec::new(), free_bytes: Some(8_000_000_000) };
        let seven = models_at_hand.needs_of_cached(&cached("a/b", 14_000_000_000, Some(2)));
        assert_eq!(seven.too_little.as_deref(), Some("more than the 8.0 GB that are free"), "too large");
        assert_eq!(models_at_hand.needs_of_cached(&cached("a/b", 4_000_000, None)).too_little, None, "small enough");
    }

    #[test]
    fn what_is_in_the_cache_is_not_offered_for_download() {
        let first = KNOWN_MODELS.first().expect("one is known");
        let models_at_hand = ModelsAtHand { cached: vec![cached(first.id, 1, None)], free_bytes: None };
        assert!(models_at_hand.to_download().all(|known| known.id != first.id), "it is there");
        assert_eq!(models_at_hand.to_download().count(), KNOWN_MODELS.len() - 1, "the others are offered");
    }
}
