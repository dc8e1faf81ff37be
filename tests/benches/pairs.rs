//! CLIP-blind pairs among many photos, by time.
//!
//! `cargo bench --bench pairs [-- PHOTOS]`, default 40,000: random embeddings of the widths of CLIP ViT-L/14 (768) and
//! DINOv2 ViT-L/14 (1024). Cores: `RAYON_NUM_THREADS`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use candle_core::{Device, Tensor};
use gazelens::engine::{Embeddings, PairLimits, blind_pairs};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let num_photos = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(40_000);
    let (first, second) = (embeddings(num_photos, 768)?, embeddings(num_photos, 1024)?);
    let started = Instant::now();
    let found = blind_pairs(&first, &second, PairLimits::MMVP, &mut |_| {}, &AtomicBool::new(false))?;
    let secs = started.elapsed().as_secs_f64();
    let threads = rayon::current_num_threads();
    println!("{num_photos} photos on {threads} threads: {secs:.1} s, {} pairs", found.num_pairs);
    Ok(())
}

fn embeddings(num_photos: usize, width: usize) -> candle_core::Result<Embeddings> {
    let rows = Tensor::randn(0.0_f32, 1.0, (num_photos, width), &Device::Cpu)?;
    let rows = rows.broadcast_div(&rows.sqr()?.sum_keepdim(1)?.sqrt()?)?;
    Ok(Embeddings { width, values: rows.flatten_all()?.to_vec1()? })
}
