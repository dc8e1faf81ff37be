//! How many cores the model may take.

use anyhow::Context as _;

/// All cores, or as many as were asked for.
pub(super) fn take(threads: Option<usize>) -> anyhow::Result<()> {
    set(threads)
}

/// The same, but the window keeps a core to draw with where there is more than one: `cargo bench --bench responsive`
/// measures what that does.
pub(super) fn keep_one_for_the_window(threads: Option<usize>) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    set(threads.or(if cores > 1 { Some(cores - 1) } else { None }))
}

/// Must come before anything computes: the pool is made at its first use and lives as long as the process. Everything
/// heavy (candle's matrix products, resampling) runs on it. An environment variable would do the same, but changing the
/// environment is not safe.
fn set(threads: Option<usize>) -> anyhow::Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|idx| format!("gazelens-compute-{idx}"))
        .build_global()
        .with_context(|| format!("Could not start {threads} threads"))
}
