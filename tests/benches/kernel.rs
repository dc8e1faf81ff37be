//! The processor kernels beside candle's, as shares of the read bandwidth measured in the same run.
//!
//! `cargo bench --bench kernel [-- ROUNDS]`, default 15. Everything is timed over stretches of weights of the same
//! length as the bandwidth's (16 MiB), the fastest stretch counts, and before each pass the bandwidth's buffer sweeps
//! the caches: a busy machine then spoils neither side of a ratio. Cores: `RAYON_NUM_THREADS`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{hint::black_box, time::Instant};

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{DType, Device, Module as _, Tensor};
use gazelens::kernel::{self, BandwidthProbe, BlockType, BlockWeight, Visible, Weight, WeightType};

/// Larger than the last cache of any processor this is likely to run on.
const BUFFER_BYTES: usize = 512 << 20;
const SHAPES: [(usize, usize); 3] = [(11_008, 4096), (4096, 4096), (32_000, 4096)];
const ROWS: [usize; 3] = [1, 2, 4];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let rounds = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(15);
    println!("{} on {} threads, best of {rounds} rounds", kernel::instructions(), rayon::current_num_threads());
    let probe = BandwidthProbe::new(BUFFER_BYTES);
    for (rows, cols) in SHAPES {
        for dtype in WeightType::ALL {
            products(&probe, (rows, cols), dtype, rounds)?;
        }
    }
    println!();
    for (label, kind) in [("Q8_0", GgmlDType::Q8_0), ("Q6_K", GgmlDType::Q6K), ("Q4_K", GgmlDType::Q4K)] {
        blocks(&probe, label, kind, rounds)?;
    }
    softmaxes(rounds)
}

/// Seconds that `work` takes.
fn secs(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Keeps the compiler from leaving out a result that nobody reads.
fn keep(result: candle_core::Result<Tensor>) -> Result<()> {
    black_box(result?);
    Ok(())
}

fn products(probe: &BandwidthProbe, (rows, cols): (usize, usize), dtype: WeightType, rounds: usize) -> Result<()> {
    let device = Device::Cpu;
    let candle_type = match dtype {
        WeightType::F32 => DType::F32,
        WeightType::F16 => DType::F16,
        WeightType::Bf16 => DType::BF16,
    };
    let tensor = Tensor::randn(0.0_f32, 0.02, (rows, cols), &device)?.to_dtype(candle_type)?;
    let bytes = little_endian(&tensor)?;
    let weight = Weight::new(&bytes, dtype, rows, cols)?;
    let window_rows = (kernel::STRETCH_BYTES / weight.row_bytes()).min(rows);
    let windows = rows / window_rows;
    // Tensors of their own: candle converts the whole storage behind a bf16 view.
    let mut tensors = Vec::with_capacity(windows);
    for window in 0..windows {
        let bytes = weight.slice_rows(window * window_rows..(window + 1) * window_rows)?.bytes();
        tensors.push(Tensor::from_raw_buffer(bytes, candle_type, &[window_rows, cols], &device)?.t()?);
    }
    let mut bandwidth = 0.0_f64;
    let mut best = [[f64::INFINITY; 2]; ROWS.len()];
    for round in 0..rounds {
        for (m, best) in ROWS.iter().zip(&mut best) {
            let x = Tensor::randn(0.0_f32, 1.0, (*m, cols), &device)?;
            let (values, x) = (x.flatten_all()?.to_vec1::<f32>()?, x.to_dtype(candle_type)?);
            let mut y = vec![0.0; m * window_rows];
            bandwidth = bandwidth.max(probe.measure(1).bytes_per_sec);
            for window in 0..windows {
                let weight = weight.slice_rows(window * window_rows..(window + 1) * window_rows)?;
                best[0] = best[0].min(secs(|| Ok(kernel::linear(&values, weight, &mut y)?))?);
                black_box(&y);
            }
            // candle's bf16 is so slow that a few windows do.
            let passes = usize::from(dtype != WeightType::Bf16 || round < 3);
            for weight in tensors.iter().take(passes * windows) {
                best[1] = best[1].min(secs(|| keep(x.matmul(weight)))?);
            }
        }
    }
    let window_bytes = (window_rows * weight.row_bytes()) as f64;
    let scale = rows as f64 / window_rows as f64;
    println!("\n{rows} x {cols} {}, read bandwidth {:.1} GB/s", dtype.label(), bandwidth / 1e9);
    let [[one, candle_one], ..] = best;
    for (m, [ours, candle]) in ROWS.iter().zip(best) {
        let rate = window_bytes / ours;
        println!(
            "  {m} row{}: {:8.3} ms {:6.1} GB/s = {:.2} of bandwidth, {:.2} x one row | candle {:8.3} ms = {:.2}, \
                {:.2} x one row | {:.1} times faster",
            if *m == 1 { " " } else { "s" },
            ours * scale * 1e3,
            rate / 1e9,
            rate / bandwidth,
            ours / one,
            candle * scale * 1e3,
            window_bytes / candle / bandwidth,
            candle / candle_one,
            candle / ours,
        );
    }
    Ok(())
}

/// Quantised weights, beside candle's product, which rounds activations to int8.
fn blocks(probe: &BandwidthProbe, label: &str, kind: GgmlDType, rounds: usize) -> Result<()> {
    let (rows, cols) = SHAPES[0];
    let device = Device::Cpu;
    // Copies of one matrix, more than the caches hold: quantising takes longer than the products.
    let stored = QTensor::quantize(&Tensor::randn(0.0_f32, 0.02, (rows, cols), &device)?, kind)?;
    let bytes = stored.data()?.into_owned();
    let copies: Vec<Vec<u8>> = (0..BUFFER_BYTES / bytes.len()).map(|_| bytes.clone()).collect();
    let theirs = QMatMul::from_qtensor(stored)?;
    let kind = BlockType::named(label).ok_or("a block type")?;
    for m in ROWS {
        let x = Tensor::randn(0.0_f32, 1.0, (m, cols), &device)?;
        let values = x.flatten_all()?.to_vec1::<f32>()?;
        let mut y = vec![0.0; m * rows];
        let (mut bandwidth, mut ours, mut candle) = (0.0_f64, f64::INFINITY, f64::INFINITY);
        for _ in 0..rounds.div_ceil(3) {
            bandwidth = bandwidth.max(probe.measure(1).bytes_per_sec);
            for bytes in &copies {
                let weight = BlockWeight::new(bytes, kind, rows, cols)?;
                ours = ours.min(secs(|| Ok(kernel::block_linear(&values, weight, &mut y)?))?);
                black_box(&y);
            }
            probe.measure(1);
            candle = candle.min(secs(|| keep(theirs.forward(&x)))?);
        }
        println!(
            "{rows} x {cols} {label}, {m} row{}: {:.3} ms = {:.2} of bandwidth | candle {:.3} ms | {:.1} times faster",
            if m == 1 { " " } else { "s" },
            ours * 1e3,
            bytes.len() as f64 / ours / bandwidth,
            candle * 1e3,
            candle / ours,
        );
    }
    Ok(())
}

fn little_endian(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.flatten_all()?;
    Ok(match flat.dtype() {
        DType::F16 => flat.to_vec1::<half::f16>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        DType::BF16 => flat.to_vec1::<half::bf16>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        _ => flat.to_vec1::<f32>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
    })
}

/// The scores of a prompt of 640 positions in 32 heads, and of one generated token.
fn softmaxes(rounds: usize) -> Result<()> {
    println!();
    for (heads, queries, keys) in [(32, 640, 640), (32, 1, 740)] {
        let scores = Tensor::randn(0.0_f32, 1.0, (heads, queries, keys), &Device::Cpu)?;
        let plain = scores.flatten_all()?.to_vec1::<f32>()?;
        let mut best = [f64::INFINITY; 3];
        for _ in 0..rounds {
            for (visible, best) in [Visible::All, Visible::Causal { num_queries: queries, past_len: keys - queries }]
                .into_iter()
                .zip(&mut best)
            {
                let mut rows = plain.clone();
                *best = best.min(secs(|| Ok(kernel::softmax(&mut rows, keys, visible)?))?);
                black_box(&rows);
            }
            best[2] = best[2].min(secs(|| keep(candle_nn::ops::softmax_last_dim(&scores)))?);
        }
        let [all, causal, candle] = best;
        println!(
            "softmax {heads} x {queries} x {keys}: {:.3} ms, causal {:.3} ms | candle {:.3} ms | {:.1} times faster",
            all * 1e3,
            causal * 1e3,
            candle * 1e3,
            candle / all
        );
    }
    Ok(())
}
