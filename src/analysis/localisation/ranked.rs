//! A map against a mask, reduced to what every figure needs: for each value of the map, how many pixels have it and how
//! many of those lie inside. Patches, bytes and pixels all end here, so that there is one definition of each figure and
//! none of them sorts twice.

use super::error::expect_len;
use super::{Counted, Covered, LocalisationError, PatchCoverage, PhotoMap};

/// Pixels of one value, and all of larger ones.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    value: f32,
    /// With this value or a larger one.
    pixels: u64,
    /// Those of them inside the mask.
    inside: u64,
}

/// Pixels of one value before they are put in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Group {
    pub(super) value: f32,
    pub(super) pixels: u64,
    pub(super) inside: u64,
}

/// What of a map is 0 and what is 1 where a figure compares its values with the mask's (the squared error alone does).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// 0 to 255, as in an 8-bit heat map: the published definition.
    Bytes,
    /// 0 to 65,535, as in a heat map of 16 bits.
    Words,
    /// Smallest to largest value among the pixels that count: attention has no scale of its own.
    MinMax,
}

impl Scale {
    /// Name in output.
    pub fn id(self) -> &'static str {
        match self {
            Self::Bytes => "0..255",
            Self::Words => "0..65535",
            Self::MinMax => "min-max",
        }
    }
}

/// Pixels by map (at or above the threshold) and mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Above and inside.
    pub true_positive: u64,
    /// Above and outside.
    pub false_positive: u64,
    /// Below and inside.
    pub false_negative: u64,
    /// Below and outside.
    pub true_negative: u64,
}

/// Quotient of two counts; `None` for nothing of nothing.
fn part(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

impl Counts {
    /// Of what is above, the part inside; `None` if nothing is above.
    pub fn precision(self) -> Option<f64> {
        part(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Of what is inside, the part above; `None` for an empty mask.
    pub fn recall(self) -> Option<f64> {
        part(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Intersection over union; `None` if both are empty.
    pub fn iou(self) -> Option<f64> {
        part(self.true_positive, self.true_positive + self.false_positive + self.false_negative)
    }
}

/// The counts at one threshold, for a plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Pixels at or above it are positive.
    pub threshold: f64,
    /// There.
    pub counts: Counts,
}

/// A map against a mask, reduced to what every figure needs: for each value of the map, how many pixels have it and how
/// many of those lie inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Largest value first, no value twice, at least one.
    levels: Vec<Level>,
    scale: Scale,
    mean: f64,
}

impl Ranked {
    /// A heat map of the photo's size with levels from 0 to `white`, 255 or 65,535; every pixel counts.
    ///
    /// **Units**: values, and with them thresholds, from 0 to `white`.
    pub fn of_levels(levels: &[u16], white: u16, inside: &[bool]) -> Result<Self, LocalisationError> {
        expect_len("mask pixels", levels.len(), inside.len())?;
        let mut groups: Vec<Group> =
            (0..=white).map(|value| Group { value: f32::from(value), pixels: 0, inside: 0 }).collect();
        for (&value, &inside) in levels.iter().zip(inside) {
            if let Some(group) = groups.get_mut(usize::from(value)) {
                group.pixels += 1;
                group.inside += u64::from(inside);
            }
        }
        Self::new(groups, if white > u16::from(u8::MAX) { Scale::Words } else { Scale::Bytes })
    }

    /// Values of the photo's size, all of them counted.
    pub fn of_values(values: &[f32], inside: &[bool]) -> Result<Self, LocalisationError> {
        expect_len("mask pixels", values.len(), inside.len())?;
        Self::of_pixels(values.iter().copied().zip(inside.iter().copied()))
    }

    /// A map on the photo. With [`Counted::Seen`] what the model never saw is left out, with [`Counted::Whole`] it
    /// counts with the value 0.
    pub fn of_photo_map(map: &PhotoMap, inside: &[bool], counted: Counted) -> Result<Self, LocalisationError> {
        expect_len("mask pixels", map.values.len(), inside.len())?;
        if counted == Counted::Whole {
            return Self::of_values(&map.values, inside);
        }
        let (width, seen) = (map.size.width_px as usize, map.seen);
        let rows = (seen.y0 as usize..seen.y1 as usize).flat_map(|y| {
            let row = y * width + seen.x0 as usize..y * width + seen.x1 as usize;
            let values = map.values.get(row.clone()).unwrap_or_default();
            let start = row.start;
            let pixels = values.iter().copied().zip(inside.get(row).unwrap_or_default().iter().copied());
            (start..).zip(pixels).filter(|(at, _)| map.is_covered(*at)).map(|(_, pixel)| pixel)
        });
        Self::of_pixels(rows)
    }

    /// A patch map in which every pixel has the value of the patch that it lies in: the same figures as
    /// [`Ranked::of_photo_map`] with nearest sampling, from some hundred patches instead of some hundred thousand
    /// pixels.
    pub fn of_patches(values: &[f32], coverage: &PatchCoverage, counted: Counted) -> Result<Self, LocalisationError> {
        let group = |(value, Covered { pixels, inside })| Group { value, pixels, inside };
        let seen = coverage.with(values)?.map(group);
        let unseen = coverage.unseen();
        let rest = Group { value: 0.0, pixels: unseen.pixels, inside: unseen.inside };
        Self::new(seen.chain((counted == Counted::Whole).then_some(rest)).collect(), Scale::MinMax)
    }

    fn of_pixels(pixels: impl Iterator<Item = (f32, bool)>) -> Result<Self, LocalisationError> {
        // Value and mask in one number each: sorting numbers is several times faster than sorting pairs by a
        // comparison.
        let mut keys = Vec::with_capacity(pixels.size_hint().0);
        for (value, inside) in pixels {
            if !value.is_finite() {
                return Err(LocalisationError::NotFinite { found: value.to_string() });
            }
            keys.push(u64::from(order_of(value)) << 1 | u64::from(inside));
        }
        keys.sort_unstable();
        let mut groups: Vec<Group> = Vec::new();
        for key in keys {
            let (value, inside) = (value_of(key >> 1), key & 1);
            match groups.last_mut().filter(|group| group.value.total_cmp(&value).is_eq()) {
                Some(group) => {
                    group.pixels += 1;
                    group.inside += inside;
                }
                None => groups.push(Group { value, pixels: 1, inside }),
            }
        }
        Self::new(groups, Scale::MinMax)
    }

    fn new(mut groups: Vec<Group>, scale: Scale) -> Result<Self, LocalisationError> {
        groups.retain(|group| group.pixels > 0);
        if let Some(bad) = groups.iter().find(|group| !group.value.is_finite()) {
            return Err(LocalisationError::NotFinite { found: bad.value.to_string() });
        }
        groups.sort_unstable_by(|a, b| b.value.total_cmp(&a.value));
        let mut levels: Vec<Level> = Vec::with_capacity(groups.len());
        let (mut pixels, mut inside, mut sum) = (0, 0, 0.0);
        for group in groups {
            pixels += group.pixels;
            inside += group.inside;
            sum += f64::from(group.value) * group.pixels as f64;
            // 0 and -0 are neighbours and equal.
            match levels.last_mut().filter(|level| level.value <= group.value) {
                Some(level) => (level.pixels, level.inside) = (pixels, inside),
                None => levels.push(Level { value: group.value, pixels, inside }),
            }
        }
        if levels.is_empty() {
            return Err(LocalisationError::NoPixels);
        }
        Ok(Self { levels, scale, mean: sum / pixels as f64 })
    }

    /// Pixels that count.
    pub fn pixels(&self) -> u64 {
        self.levels.last().map_or(0, |level| level.pixels)
    }

    /// Those inside the mask.
    pub fn mask_area(&self) -> u64 {
        self.levels.last().map_or(0, |level| level.inside)
    }

    /// What [`Ranked::scaled`] brings to 0..1.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The map's mean: the published threshold.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Smallest and largest value among the pixels that count.
    pub fn range(&self) -> [f64; 2] {
        let of = |level: Option<&Level>| level.map_or(0.0, |level| f64::from(level.value));
        [of(self.levels.last()), of(self.levels.first())]
    }

    /// What is 0 and what is 1.
    fn ends(&self) -> [f64; 2] {
        match self.scale {
            Scale::Bytes => [0.0, f64::from(u8::MAX)],
            Scale::Words => [0.0, f64::from(u16::MAX)],
            Scale::MinMax => self.range(),
        }
    }

    /// A value or threshold on 0..1; `None` for a constant map without a scale of its own.
    pub fn scaled(&self, value: f64) -> Option<f64> {
        let [lo, hi] = self.ends();
        (hi > lo).then(|| (value - lo) / (hi - lo))
    }

    /// The other way: 0..1 to the map's own numbers, for a slider.
    pub fn unscaled(&self, position: f64) -> f64 {
        let [lo, hi] = self.ends();
        lo + position * (hi - lo)
    }

    /// Pixels at or above a threshold are positive, as published (`h >= tau`); with an infinite one none or all are.
    pub fn counts(&self, threshold: f64) -> Counts {
        let above = self.levels.partition_point(|level| f64::from(level.value) >= threshold);
        let (pixels, inside) =
            above.checked_sub(1).and_then(|last| self.levels.get(last)).map_or((0, 0), |l| (l.pixels, l.inside));
        self.split(pixels, inside)
    }

    fn split(&self, pixels: u64, inside: u64) -> Counts {
        let false_negative = self.mask_area() - inside;
        Counts {
            true_positive: inside,
            false_positive: pixels - inside,
            false_negative,
            true_negative: self.pixels() - pixels - false_negative,
        }
    }

    /// Counts at `points` thresholds from the smallest to the largest value, evenly spaced, both included: exact ones,
    /// for a plot.
    pub fn curve(&self, points: usize) -> Vec<CurvePoint> {
        let [lo, hi] = self.range();
        let last = points.saturating_sub(1).max(1) as f64;
        let at = |idx: usize| {
            // The ends are hit exactly whatever the rounding between them.
            let threshold = if idx + 1 == points { hi } else { lo + (hi - lo) * (idx as f64 / last) };
            CurvePoint { threshold, counts: self.counts(threshold) }
        };
        (0..points).map(at).collect()
    }

    /// Counts at every value that the map has, largest first: all that a threshold can do.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = CurvePoint> + '_ {
        self.levels.iter().map(|level| CurvePoint {
            threshold: f64::from(level.value),
            counts: self.split(level.pixels, level.inside),
        })
    }

    /// Pixels of each value, largest first.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        let mut before = (0, 0);
        self.levels.iter().map(move |level| {
            let group = Group { value: level.value, pixels: level.pixels - before.0, inside: level.inside - before.1 };
            before = (level.pixels, level.inside);
            group
        })
    }
}

/// Bits that are ordered as the values are.
fn order_of(value: f32) -> u32 {
    // -0 becomes 0.
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn value_of(order: u64) -> f32 {
    let order = u32::try_from(order).unwrap_or(u32::MAX);
    f32::from_bits(if order >> 31 == 1 { order & !(1 << 31) } else { !order })
}
