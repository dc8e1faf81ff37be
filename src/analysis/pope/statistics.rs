//! How often objects occur, alone and together.

use std::collections::{BTreeSet, HashMap};

/// Of a data set, made from the objects of its images.
///
/// **Source**: `generate_ground_truth_objects` and `compute_co_occurrence` of POPE's `utils.py`: an image counts once
/// for each of its objects; of equals the one seen first comes first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectStatistics {
    /// In the order in which they were first seen.
    names: Vec<String>,
    indices: HashMap<String, usize>,
    counts: Vec<u64>,
    /// Row by row, how often the others occur together with this one, in the order in which they were first seen there.
    together: Vec<Vec<(usize, u64)>>,
}

impl ObjectStatistics {
    /// From the objects of each image. Repetitions within an image count once.
    pub fn new<I, O>(images: I) -> Self
    where
        I: IntoIterator<Item = O>,
        O: IntoIterator,
        O::Item: AsRef<str>,
    {
        let mut statistics = Self::default();
        for objects in images {
            statistics.add(objects);
        }
        statistics
    }

    fn add<O>(&mut self, objects: O)
    where
        O: IntoIterator,
        O::Item: AsRef<str>,
    {
        let mut seen = BTreeSet::new();
        let mut indices = Vec::new();
        for object in objects {
            let idx = self.index(object.as_ref());
            if seen.insert(idx) {
                indices.push(idx);
            }
        }
        for &idx in &indices {
            if let Some(count) = self.counts.get_mut(idx) {
                *count += 1;
            }
            let Some(row) = self.together.get_mut(idx) else { continue };
            for &other in indices.iter().filter(|other| **other != idx) {
                match row.iter_mut().find(|(at, _)| *at == other) {
                    Some((_, count)) => *count += 1,
                    None => row.push((other, 1)),
                }
            }
        }
    }

    fn index(&mut self, name: &str) -> usize {
        if let Some(idx) = self.indices.get(name) {
            return *idx;
        }
        let idx = self.names.len();
        self.indices.insert(name.to_owned(), idx);
        self.names.push(name.to_owned());
        self.counts.push(0);
        self.together.push(Vec::new());
        idx
    }

    /// Every object, in the order in which they were first seen.
    pub fn objects(&self) -> &[String] {
        &self.names
    }

    /// Images that have an object.
    pub fn count(&self, object: &str) -> u64 {
        self.indices.get(object).and_then(|idx| self.counts.get(*idx)).copied().unwrap_or(0)
    }

    /// Every object, the most frequent first.
    pub fn by_frequency(&self) -> Vec<&str> {
        let mut order: Vec<(&str, u64)> =
            self.names.iter().map(String::as_str).zip(self.counts.iter().copied()).collect();
        order.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        order.into_iter().map(|(name, _)| name).collect()
    }

    /// What occurs together with an object, most often first.
    pub fn by_co_occurrence(&self, object: &str) -> Vec<&str> {
        let row = self.indices.get(object).and_then(|idx| self.together.get(*idx));
        let mut order = row.cloned().unwrap_or_default();
        order.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        order.into_iter().filter_map(|(idx, _)| self.names.get(idx).map(String::as_str)).collect()
    }
}
