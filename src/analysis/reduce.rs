//! Vectors of the same length become one, element by element.

use super::Reduce;

/// Takes vectors one by one; sums in f64.
#[derive(Debug, Clone)]
pub(super) struct Accumulator {
    reduce: Reduce,
    values: Vec<f64>,
    count: usize,
}

impl Accumulator {
    pub(super) fn new(reduce: Reduce, len: usize) -> Self {
        let start = match reduce {
            Reduce::Mean => 0.0,
            Reduce::Max => f64::NEG_INFINITY,
        };
        Self { reduce, values: vec![start; len], count: 0 }
    }

    /// Adds one vector. Not-a-number stays not-a-number, so that it is noticed at the end.
    pub(super) fn add(&mut self, values: impl IntoIterator<Item = f64>) {
        self.count += 1;
        for (acc, value) in self.values.iter_mut().zip(values) {
            match self.reduce {
                Reduce::Mean => *acc += value,
                Reduce::Max if value > *acc || value.is_nan() => *acc = value,
                Reduce::Max => {}
            }
        }
    }

    /// The result; zeros when nothing was added.
    pub(super) fn finish(self) -> Vec<f64> {
        match (self.count, self.reduce) {
            (0, _) => vec![0.0; self.values.len()],
            (_, Reduce::Max) | (1, Reduce::Mean) => self.values,
            (count, Reduce::Mean) => self.values.into_iter().map(|sum| sum / count as f64).collect(),
        }
    }
}

/// Numbers instead of vectors.
pub(super) fn reduce_numbers(reduce: Reduce, values: impl IntoIterator<Item = f64>) -> f64 {
    let mut acc = Accumulator::new(reduce, 1);
    for value in values {
        acc.add([value]);
    }
    acc.finish().first().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_max_are_taken_element_by_element() {
        for (reduce, expected) in [(Reduce::Mean, [2.0, 3.0]), (Reduce::Max, [3.0, 4.0])] {
            let mut acc = Accumulator::new(reduce, 2);
            acc.add([1.0, 4.0]);
            acc.add([3.0, 2.0]);
            assert_eq!(acc.finish(), expected, "{reduce:?}");
        }
    }

    #[test]
    fn not_a_number_survives_both_reductions() {
        for reduce in [Reduce::Mean, Reduce::Max] {
            assert!(reduce_numbers(reduce, [f64::NAN, 1.0]).is_nan(), "{reduce:?}, first");
            assert!(reduce_numbers(reduce, [1.0, f64::NAN]).is_nan(), "{reduce:?}, last");
        }
    }
}
