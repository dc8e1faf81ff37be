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
}
