//! Numbers from a seed: standard normal ones, and equally likely ones.

/// Numbers from a seed, the same on every machine: `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014) started at the seed.
#[derive(Debug, Clone)]
pub(super) struct Uniform {
    state: u64,
}

impl Uniform {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A sequence of its own for a place, which numbers name.
    pub(super) fn at(seed: u64, place: [u64; 2]) -> Self {
        let mut own = Self::new(seed);
        for number in place {
            own.state = own.bits() ^ number;
        }
        own
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1), a multiple of 2^-53.
    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In [0, `end`).
    #[expect(clippy::cast_possible_truncation, reason = "f32 is what attention is")]
    pub(super) fn real(&mut self, end: f64) -> f32 {
        (self.uniform() * end) as f32
    }

    /// One of the whole numbers below `end`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, below `end`")]
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((self.uniform() * end as f64) as usize).min(end.saturating_sub(1))
    }
}

/// A sequence of standard normal numbers, the same on every machine for a seed.
///
/// The upper 53 bits of the outputs of [`Uniform`], in pairs, go through the Box-Muller transform in f64: `sqrt(-2 ln
/// u1) cos(2 pi u2)`, then the same with the sine, with `u1` in (0, 1] and `u2` in [0, 1). **Differs** from PyTorch,
/// whose draws depend on the device and the number of values: for its numbers a file is read instead.
#[derive(Debug, Clone)]
pub(super) struct Normal {
    uniform: Uniform,
    second: Option<f64>,
}

impl Normal {
    pub(super) fn new(seed: u64) -> Self {
        Self { uniform: Uniform::new(seed), second: None }
    }
}

impl Iterator for Normal {
    type Item = f32;

    #[expect(clippy::cast_possible_truncation, reason = "at most 9 in size, f32 is what images are")]
    fn next(&mut self) -> Option<f32> {
        if let Some(second) = self.second.take() {
            return Some(second as f32);
        }
        let radius = (-2.0 * (1.0 - self.uniform.uniform()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform.uniform()).sin_cos();
        self.second = Some(radius * sin);
        Some((radius * cos) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_published_generator() {
        // Vigna's splitmix64.c from 1234567.
        let mut uniform = Uniform::new(1_234_567);
        let found: Vec<u64> = (0..3).map(|_| uniform.bits()).collect();
        assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423], "seeded");
    }

    #[test]
    fn draws_have_the_moments_of_a_normal_distribution() {
        let count = 100_000;
        let draws: Vec<f64> = Normal::new(42).take(count).map(f64::from).collect();
        let moment = |power: i32| draws.iter().map(|x| x.powi(power)).sum::<f64>() / count as f64;
        // Four standard errors of each moment.
        for (power, expected, bound) in [(1, 0.0, 0.013), (2, 1.0, 0.018), (3, 0.0, 0.05), (4, 3.0, 0.13)] {
            let found = moment(power);
            assert!((found - expected).abs() < bound, "moment {power} is {found}");
        }
        let correlation = draws.iter().zip(&draws[1..]).map(|(a, b)| a * b).sum::<f64>() / count as f64;
        assert!(correlation.abs() < 0.013, "neighbours are independent: {correlation}");
    }

    #[test]
    fn a_seed_gives_one_sequence() {
        let draws = |seed| Normal::new(seed).take(8).collect::<Vec<_>>();
        assert_eq!(draws(7), draws(7), "one seed");
        assert_ne!(draws(7), draws(8), "two seeds");
    }
}
