//! The identity of weights: which file made this trace?

use super::shard::Shard;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Up to here a file is hashed whole: a fraction of a second.
const FULL_HASH_BYTES: usize = 64 << 20;
/// Above, this many blocks...
const NUM_BLOCKS: usize = 64;
/// ...of this length, evenly spaced from the first byte to the last.
const BLOCK_BYTES: usize = 1 << 20;

/// SHA-256 of the weights in hexadecimal.
///
/// One file of up to 64 MiB: the SHA-256 of the file, as `sha256sum` prints it. A larger file: the SHA-256 of its
/// length (u64, little endian), its header, and 64 evenly spaced blocks of 1 MiB, so that 13 GB open in seconds; a
/// change outside the blocks that keeps every name, shape and length is not seen. Several files: the SHA-256 of their
/// hexadecimal hashes in the order of the file names.
pub(super) fn weight_hash(shards: &[Shard]) -> String {
    let mut hashes: Vec<String> =
        shards.iter().map(|shard| hex(&file_hash(shard.bytes(), shard.header_bytes(), FULL_HASH_BYTES))).collect();
    if hashes.len() == 1 {
        return hashes.swap_remove(0);
    }
    hex(&Sha256::digest(hashes.concat().as_bytes()))
}

fn file_hash(bytes: &[u8], header_bytes: usize, full_hash_bytes: usize) -> Vec<u8> {
    if bytes.len() <= full_hash_bytes {
        return Sha256::digest(bytes).to_vec();
    }
    let mut hasher = Sha256::new();
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes.get(..header_bytes).unwrap_or(bytes));
    let last_start = bytes.len().saturating_sub(BLOCK_BYTES);
    for block in 0..NUM_BLOCKS {
        // The last block ends with the file; u128 keeps block * last_start exact.
        let start = (last_start as u128 * block as u128 / (NUM_BLOCKS as u128 - 1)).try_into().unwrap_or(last_start);
        hasher.update(bytes.get(start..bytes.len().min(start + BLOCK_BYTES)).unwrap_or_default());
    }
    hasher.finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_has_its_plain_sha256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&file_hash(b"abc", 0, 64)), expected, "FIPS 180 test vector");
    }

    #[test]
    fn a_large_file_is_sampled_from_its_first_byte_to_its_last() {
        let mut bytes = vec![7_u8; 200 * BLOCK_BYTES];
        let before = file_hash(&bytes, 100, 64);
        for at in [0, 50, bytes.len() - 1] {
            bytes[at] ^= 1;
            assert_ne!(file_hash(&bytes, 100, 64), before, "byte {at} is inside a block or the header");
            bytes[at] ^= 1;
        }
        assert_eq!(file_hash(&bytes, 100, 64), before, "the same bytes have the same hash");
        bytes.push(7);
        assert_ne!(file_hash(&bytes, 100, 64), before, "the length is part of the hash");
    }
}
