//! Ranges for colours: smallest and largest, of one map or of many.

/// A closed interval of raw values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Smallest.
    pub min: f32,
    /// Largest.
    pub max: f32,
}

impl Range {
    /// Of some values; `None` when there are none or one is not a number.
    pub fn of(values: &[f32]) -> Option<Self> {
        let (&first, rest) = values.split_first()?;
        let mut range = Self { min: first, max: first };
        for &value in rest {
            range = Self { min: range.min.min(value), max: range.max.max(value) };
        }
        values.iter().all(|value| !value.is_nan()).then_some(range)
    }

    /// The smallest interval around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// One range for many maps, so that their colours can be compared; `None` without any values.
pub fn shared_range<'a>(maps: impl IntoIterator<Item = &'a [f32]>) -> Option<Range> {
    maps.into_iter().filter_map(Range::of).reduce(Range::union)
}

/// The range between two percentiles (0 to 100) with linear interpolation, as `numpy.percentile`; `None` without values, with one that is
/// not a number, or with percentiles that are not in order within 0..=100.
pub fn percentile_range(values: &[f32], low: f64, high: f64) -> Option<Range> {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) || !(0.0 <= low && low <= high && high <= 100.0) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |percent: f64| {
        let position = percent / 100.0 * (sorted.len() - 1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= position <= len - 1")]
        let below = position.floor() as usize;
        let (a, b) = (sorted.get(below)?, sorted.get(below + 1).or(sorted.last())?);
        let (a, b) = (f64::from(*a), f64::from(*b));
        #[expect(clippy::cast_possible_truncation, reason = "between two f32")]
        let value = (a + (b - a) * (position - below as f64)) as f32;
        Some(value)
    };
    Some(Range { min: at(low)?, max: at(high)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_one_map_or_all_of_them() {
        assert_eq!(Range::of(&[0.2, -0.1, 0.5]), Some(Range { min: -0.1, max: 0.5 }), "one map");
        assert_eq!(Range::of(&[]), None, "no values");
        assert_eq!(Range::of(&[0.0, f32::NAN]), None, "not a number");
        let shared = shared_range([[0.1, 0.2].as_slice(), [0.05, 0.15].as_slice()]);
        assert_eq!(shared, Some(Range { min: 0.05, max: 0.2 }), "two maps");
    }

    #[test]
    fn percentiles_interpolate_as_numpy_does() {
        // numpy.percentile([4, 1, 3, 2], [0, 25, 50, 100]) = [1, 1.75, 2.5, 4]
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentile_range(&values, 0.0, 100.0), Some(Range { min: 1.0, max: 4.0 }), "the ends");
        assert_eq!(percentile_range(&values, 25.0, 50.0), Some(Range { min: 1.75, max: 2.5 }), "between");
        assert_eq!(percentile_range(&values, 60.0, 50.0), None, "out of order");
        assert_eq!(percentile_range(&[], 0.0, 100.0), None, "no values");
    }
}
