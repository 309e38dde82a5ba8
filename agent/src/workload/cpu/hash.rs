//! The kernel `hash/1`: SHA-256 of a block, with the processor's own instructions for it where it has them.

use std::hint::black_box;

use sha2::{Digest, Sha256};

use super::Kernel;
use crate::workload::hardware::numbers::Numbers;

/// Bytes of the block.
const BLOCK_BYTES: usize = 64 * 1024;
/// The digest of the block, reckoned by another implementation.
const DIGEST: [u8; 32] = [
    0x39, 0xc5, 0x28, 0x7c, 0x34, 0x55, 0x63, 0x96, 0xf7, 0x33, 0x22, 0x9b, 0xde, 0x97, 0x15, 0xab, 0x6e,
    0x72, 0xcd, 0x80, 0x23, 0xdd, 0x25, 0x3f, 0x14, 0x60, 0x2a, 0xb1, 0xd9, 0x07, 0xc3, 0xc8,
];

/// Hashes one block a batch.
#[derive(Debug)]
pub(super) struct Hash {
    block: Vec<u8>,
    digest: [u8; 32],
}

impl Hash {
    /// With the block made.
    pub(super) fn new() -> Self {
        let mut numbers = Numbers::new();
        let block = (0..BLOCK_BYTES / 8).flat_map(|_| numbers.next().to_le_bytes()).collect();
        Self { block, digest: [0; 32] }
    }
}

impl Kernel for Hash {
    fn renew(&mut self) {
        self.digest = [0; 32];
    }

    fn run(&mut self) {
        self.digest = Sha256::digest(black_box(&self.block)).into();
    }

    fn check(&self) -> Result<(), String> {
        if self.digest == DIGEST {
            return Ok(());
        }
        Err(format!(
            "the SHA-256 of its block begins with {:02x?}, not {:02x?}",
            &self.digest[..4],
            &DIGEST[..4]
        ))
    }
}
