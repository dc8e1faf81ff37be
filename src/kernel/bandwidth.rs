//! What the machine could do at best: the rate at which all cores together read memory that no cache holds.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use rayon::prelude::*;

use super::lanes::{Job, Lanes, Level};

/// **Units** bytes that one core reads in a row.
const PIECE_BYTES: usize = 1 << 20;
/// Running sums that keep the loads independent of each other.
const SUMS: usize = 8;

/// A measured rate of reading memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bandwidth {
    /// The best pass. **Units** bytes a second.
    pub bytes_per_sec: f64,
    /// Threads of the rayon pool that read.
    pub threads: usize,
}

/// Reads a buffer of `buffer_bytes` (take at least eight times the last cache; 512 MiB is a good value) `passes` times with every thread
/// of the current rayon pool and keeps the fastest pass.
pub fn bandwidth(buffer_bytes: usize, passes: usize) -> Bandwidth {
    // Not zeros: those may all be one shared page that stays in the cache.
    let buffer = vec![1_u8; buffer_bytes.max(PIECE_BYTES)];
    let fastest = (0..passes.max(1)).map(|_| pass(&buffer)).min().unwrap_or(Duration::MAX);
    Bandwidth {
        bytes_per_sec: buffer.len() as f64 / fastest.as_secs_f64().max(f64::MIN_POSITIVE),
        threads: rayon::current_num_threads(),
    }
}

fn pass(buffer: &[u8]) -> Duration {
    let start = Instant::now();
    black_box(read(buffer));
    start.elapsed()
}

/// Reads all of `buffer`, on all threads.
pub(super) fn read(buffer: &[u8]) -> u32 {
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
