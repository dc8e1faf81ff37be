//! What the machine could do at best: the rate at which all cores together read memory that no cache holds.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use std::{hint::black_box, time::Instant};

use rayon::prelude::*;

use super::lanes::{Job, Lanes, Level};

/// **Units** bytes that one core reads in a row.
const PIECE_BYTES: usize = 1 << 20;
/// **Units** bytes that are timed together: below a millisecond or two, so that a busy machine lets some of them
/// through undisturbed.
pub const STRETCH_BYTES: usize = 16 << 20;
/// Running sums that keep the loads independent of each other.
const SUMS: usize = 8;

/// A measured rate of reading memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bandwidth {
    /// The fastest stretch of [`STRETCH_BYTES`]. **Units** bytes a second.
    pub bytes_per_sec: f64,
    /// Threads of the rayon pool that read.
    pub threads: usize,
}

/// Reads a buffer of `buffer_bytes` (take at least eight times the last cache; 512 MiB is a good value) `passes` times
/// with every thread of the current rayon pool and keeps the fastest stretch.
pub fn bandwidth(buffer_bytes: usize, passes: usize) -> Bandwidth {
    BandwidthProbe::new(buffer_bytes).measure(passes)
}

/// A buffer to read over and over, for measurements that alternate with something else.
#[derive(Debug)]
pub struct BandwidthProbe(Vec<u8>);

impl BandwidthProbe {
    /// Allocates and touches the buffer.
    pub fn new(buffer_bytes: usize) -> Self {
        // Not zeros: those may all be one shared page that stays in the cache.
        Self(vec![1_u8; buffer_bytes.max(PIECE_BYTES)])
    }

    /// Reads the buffer `passes` times and keeps the fastest stretch, see [`bandwidth()`].
    pub fn measure(&self, passes: usize) -> Bandwidth {
        let stretches = (0..passes.max(1)).flat_map(|_| self.0.chunks(STRETCH_BYTES));
        let full = self.0.len().min(STRETCH_BYTES);
        let rates = stretches.filter(|stretch| stretch.len() == full).map(|stretch| {
            let start = Instant::now();
            black_box(read(stretch));
            stretch.len() as f64 / start.elapsed().as_secs_f64().max(f64::MIN_POSITIVE)
        });
        Bandwidth { bytes_per_sec: rates.fold(0.0, f64::max), threads: rayon::current_num_threads() }
    }
}

impl BandwidthProbe {
    /// Reads so many bytes from `from` on, going round the buffer, in one go; the seconds it took.
    ///
    /// For a measurement that takes turns with another one: both then have the same share of what the machine lets pass
    /// at the time.
    pub fn read_secs(&self, bytes: usize, from: usize) -> f64 {
        let len = self.0.len();
        let start = Instant::now();
        let (mut at, mut left) = (from % len, bytes);
        while left > 0 {
            let end = (at + left).min(len);
            black_box(read(&self.0[at..end]));
            left -= end - at;
            at = end % len;
        }
        start.elapsed().as_secs_f64()
    }
}

/// Reads all of `buffer`, on all threads.
fn read(buffer: &[u8]) -> u32 {
    let level = Level::widest();
    buffer.par_chunks(PIECE_BYTES).map(|bytes| level.run(Sum(bytes))).reduce(|| 0, u32::wrapping_add)
}

/// The sum of all whole vectors of 32-bit words.
struct Sum<'a>(&'a [u8]);

impl Job for Sum<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> u32 {
        let mut sums = [simd.splat_u32s(0); SUMS];
        for registers in S::as_simd_u8s(self.0).0.as_chunks::<SUMS>().0 {
            for (sum, register) in sums.iter_mut().zip(registers) {
                *sum = simd.add_u32s(*sum, pulp::cast(*register));
            }
        }
        let mut total = sums[0];
        for sum in &sums[1..] {
            total = simd.add_u32s(total, *sum);
        }
        pulp::bytemuck::cast_slice::<S::u32s, u32>(&[total]).iter().copied().fold(0, u32::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read() {
        // Reading less would look like a faster machine and make every share too small.
        let mut bytes = vec![0; 2 * PIECE_BYTES];
        for word in bytes.as_chunks_mut::<4>().0 {
            word.copy_from_slice(&3_u32.to_le_bytes());
        }
        assert_eq!(read(&bytes) as usize, 3 * bytes.len() / 4, "the sum of all words");
    }

    #[test]
    fn reading_goes_round_the_buffer() {
        let probe = BandwidthProbe::new(4 << 20);
        let secs = probe.read_secs(9 << 20, 3 << 20);
        assert!(secs > 0.0, "more than twice round the buffer ends: {secs}");
        assert!(probe.read_secs(0, 5) >= 0.0, "nothing to read is read");
    }

    #[test]
    fn a_rate_is_finite_and_positive() {
        let found = bandwidth(4 << 20, 2);
        assert!(found.bytes_per_sec.is_finite() && found.bytes_per_sec > 0.0, "found {found:?}");
        assert_eq!(found.threads, rayon::current_num_threads(), "all threads read");
    }
}
