use super::super::lanes::Level;
use super::layout::BlockType;
use super::{BlockWeight, linear_at};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

fn ggml(kind: BlockType) -> GgmlDType {
    match kind {
        BlockType::Q4_0 => GgmlDType::Q4_0,
        BlockType::Q4_1 => GgmlDType::Q4_1,
        BlockType::Q5_0 => GgmlDType::Q5_0,
        BlockType::Q5_1 => GgmlDType::Q5_1,
        BlockType::Q8_0 => GgmlDType::Q8_0,
        BlockType::Q2K => GgmlDType::Q2K,
        BlockType::Q3K => GgmlDType::Q3K,
        BlockType::Q4K => GgmlDType::Q4K,
        BlockType::Q5K => GgmlDType::Q5K,
        BlockType::Q6K => GgmlDType::Q6K,
        BlockType::Q8K => GgmlDType::Q8K,
    }
}

fn wave(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// Blocks that candle made of a wave, and what candle makes of them.
fn quantised(kind: BlockType, rows: usize, cols: usize) -> (Vec<u8>, Vec<f32>) {
    let tensor = Tensor::from_vec(wave(rows * cols, 2), (rows, cols), &Device::Cpu).expect("a matrix");
    let blocks = QTensor::quantize(&tensor, ggml(kind)).expect("whole blocks");
    let values = blocks.dequantize(&Device::Cpu).expect("its values");
    let bytes = blocks.data().expect("its bytes").into_owned();
    (bytes, values.flatten_all().expect("flat").to_vec1().expect("f32"))
}

#[test]
fn blocks_hold_the_values_that_candle_reads() {
    for kind in BlockType::ALL {
        let (rows, cols) = (3, 512);
        let (bytes, expected) = quantised(kind, rows, cols);
        let weight = BlockWeight::new(&bytes, kind, rows, cols).expect("bytes fit");
        for level in Level::all() {
            let mut found = vec![f32::NAN; rows * cols];
            weight.to_f32_at(level, &mut found).expect("room for all");
            for (idx, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let bound = 1e-6 * expected.abs().max(1.0);
                assert!(
                    (found - expected).abs() <= bound,
                    "{} {} at {idx}: {found} {expected}",
                    level.name(),
                    kind.label()
                );
            }
        }
    }
}

/// As in the products with floats, with the values that candle reads.
#[test]
fn every_number_of_rows_equals_the_dequantised_product() {
    // Blocks of 32 are taken eight at a time, and one by one where a row is not so many.
    let odd = BlockType::ALL.into_iter().filter(|kind| kind.block_values() == 32).map(|kind| (kind, 96));
    for (kind, cols) in BlockType::ALL.into_iter().map(|kind| (kind, 768)).chain(odd) {
        let rows = 9;
        let (bytes, values) = quantised(kind, rows, cols);
        // At an odd address.
        let shifted = [&[0xff], bytes.as_slice()].concat();
        let weight = BlockWeight::new(&shifted[1..], kind, rows, cols).expect("bytes fit");
        for level in Level::all() {
            for m in 1..=9 {
                let x = wave(m * cols, 1);
                let mut y = vec![f32::NAN; m * rows];
                linear_at(level, &x, weight, &mut y).expect("buffers fit");
                for (i, found) in y.iter().enumerate() {
                    let products =
                        (0..cols).map(|k| f64::from(x[i / rows * cols + k]) * f64::from(values[i % rows * cols + k]));
                    let (sum, size) = products.fold((0.0, 0.0), |(sum, size), one| (sum + one, size + one.abs()));
                    assert!(
                        (f64::from(*found) - sum).abs() <= 1e-5 * size,
                        "{} {} {m} rows at {i}: {found}, expected {sum}",
                        level.name(),
                        kind.label()
                    );
                }
            }
        }
    }
}

#[test]
fn one_row_in_company_equals_the_row_alone() {
    for kind in BlockType::ALL {
        let (rows, cols) = (6, 256);
        let (bytes, _) = quantised(kind, rows, cols);
        let weight = BlockWeight::new(&bytes, kind, rows, cols).expect("bytes fit");
        for level in Level::all() {
            for m in 2..=9 {
                let x = wave(m * cols, 4);
                let (mut together, mut alone) = (vec![0.0; m * rows], vec![0.0; rows]);
                linear_at(level, &x, weight, &mut together).expect("buffers fit");
                for (x, together) in x.chunks(cols).zip(together.chunks(rows)) {
                    linear_at(level, x, weight, &mut alone).expect("buffers fit");
                    assert_eq!(together, alone, "{} {}, {m} rows", level.name(), kind.label());
                }
            }
        }
    }
}

#[test]
fn every_half_is_a_factor() {
    for bits in 0..=u16::MAX {
        let mut block = [0_u8; 34];
        block[..2].copy_from_slice(&bits.to_le_bytes());
        block[2] = 1;
        let weight = BlockWeight::new(&block, BlockType::Q8_0, 1, 32).expect("one block");
        let mut values = [0.0; 32];
        weight.to_f32_at(Level::Portable(pulp::Scalar128b), &mut values).expect("room");
        let expected = half::f16::from_bits(bits).to_f32();
        // Adding zero makes both zeros the same: the sum with the offset is +0.
        let same = (values[0] + 0.0).to_bits() == (expected + 0.0).to_bits()
            || (!expected.is_finite() && !values[0].is_finite());
        assert!(same, "{bits:#06x}: {} {expected}", values[0]);
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    assert!(BlockWeight::new(&[0; 143], BlockType::Q4K, 1, 256).is_err(), "a byte is missing");
    assert!(BlockWeight::new(&[0; 144], BlockType::Q4K, 1, 257).is_err(), "no whole blocks");
    assert!(BlockWeight::new(&[], BlockType::Q4K, usize::MAX, 256).is_err(), "beyond the address space");
    let weight = BlockWeight::new(&[0; 288], BlockType::Q4K, 2, 256).expect("two blocks");
    assert!(weight.slice_rows(1..3).is_err(), "there is no third row");
    assert_eq!(weight.slice_rows(1..2).expect("the second").rows(), 1, "one row");
    assert!(weight.to_f32(&mut [0.0; 511]).is_err(), "room for one less");
    assert!(super::block_linear(&[0.0; 255], weight, &mut [0.0; 2]).is_err(), "no whole row");
}
