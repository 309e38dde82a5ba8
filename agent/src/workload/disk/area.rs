//! The file that is read and written, filled before anything is measured, and one worker's accesses to it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::aligned::{ALIGNMENT, Aligned};
use super::place::Place;
use super::settings::{Order, Settings};
use crate::workload::hardware::numbers::Numbers;

/// Bytes of one access in order.
pub(super) const SEQUENTIAL_BYTES: usize = 1 << 20;
/// Bytes of one access anywhere, and of what is stamped.
pub(super) const RANDOM_BYTES: usize = ALIGNMENT;

/// A file that is full of random data, every 4 KiB of it beginning with its own number.
#[derive(Debug)]
pub(super) struct Area {
    file: Arc<File>,
    size: u64,
    /// How many accesses in order there were, of all workers together.
    in_order: Arc<AtomicU64>,
}

impl Area {
    /// Makes the file and fills it, past the page cache if that is how it will be read.
    pub(super) fn filled(settings: &Settings) -> Result<Self, String> {
        let file = Place::at(&settings.directory)?.file(settings.is_direct)?;
        let mut chunk = Chunk::random(SEQUENTIAL_BYTES, Numbers::new());
        for begin in (0..settings.size).step_by(SEQUENTIAL_BYTES) {
            chunk.stamp(begin);
            file.write_all_at(chunk.0.bytes(), begin)
                .map_err(|error| format!("it cannot be filled: {error}"))?;
        }
        file.sync_all().map_err(|error| format!("it cannot be made durable: {error}"))?;
        Ok(Self { file: Arc::new(file), size: settings.size, in_order: Arc::default() })
    }

    /// Writes something else at its beginning, as a broken disk would.
    #[cfg(test)]
    pub(super) fn overwrite(&self, bytes: &[u8]) {
        self.file.write_all_at(bytes, 0).expect("a file of the test's own");
    }
}

/// Where one access goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    begin: u64,
    length: usize,
}

/// One worker's way to the file.
#[derive(Debug)]
pub(super) struct Accessor {
    file: Arc<File>,
    size: u64,
    in_order: Arc<AtomicU64>,
    numbers: Numbers,
    chunk: Chunk,
}

impl Accessor {
    /// One with random places of its own.
    pub(super) fn of(area: &Area, seed: u64) -> Self {
        let chunk = Chunk::random(SEQUENTIAL_BYTES, Numbers::seeded(seed));
        let (file, in_order) = (Arc::clone(&area.file), Arc::clone(&area.in_order));
        Self { file, size: area.size, in_order, numbers: Numbers::seeded(seed), chunk }
    }

    /// Where the next access goes.
    pub(super) fn place(&mut self, order: Order) -> Span {
        match order {
            Order::Sequential => {
                let chunks = self.size / SEQUENTIAL_BYTES as u64;
                let place = self.in_order.fetch_add(1, Ordering::Relaxed) % chunks;
                Span { begin: place * SEQUENTIAL_BYTES as u64, length: SEQUENTIAL_BYTES }
            }
            Order::Random => {
                let place = self.numbers.below(self.size / RANDOM_BYTES as u64);
                Span { begin: place * RANDOM_BYTES as u64, length: RANDOM_BYTES }
            }
        }
    }

    /// Makes ready what will be written there; not measured.
    pub(super) fn stamp(&mut self, span: Span) {
        self.chunk.stamp_within(span);
    }

    /// Writes one span; returns its bytes.
    pub(super) fn write(&mut self, span: Span) -> Result<u64, String> {
        let bytes = &self.chunk.0.bytes()[..span.length];
        let written = self.file.write_all_at(bytes, span.begin);
        written
            .map_err(|error| format!("{} bytes at {} cannot be written: {error}", span.length, span.begin))?;
        Ok(span.length as u64)
    }

    /// Reads one span, and looks whether it is what was written there; returns its bytes.
    pub(super) fn read(&mut self, span: Span) -> Result<u64, String> {
        let bytes = &mut self.chunk.0.bytes_mut()[..span.length];
        let read = self.file.read_exact_at(bytes, span.begin);
        read.map_err(|error| format!("{} bytes at {} cannot be read: {error}", span.length, span.begin))?;
        let (stamp, _) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        if u64::from_le_bytes(*stamp) == span.begin / RANDOM_BYTES as u64 {
            return Ok(span.length as u64);
        }
        Err(format!("what is read at {} was never written there", span.begin))
    }
}

/// Random data whose every 4 KiB can be stamped with its number.
#[derive(Debug)]
struct Chunk(Aligned);

impl Chunk {
    fn random(length: usize, mut numbers: Numbers) -> Self {
        let mut aligned = Aligned::zeroed(length);
        for eight in aligned.bytes_mut().chunks_exact_mut(8) {
            eight.copy_from_slice(&numbers.next().to_le_bytes());
        }
        Self(aligned)
    }

    /// Stamps all of it as what begins at a place of the file.
    fn stamp(&mut self, begin: u64) {
        let length = self.0.bytes().len();
        self.stamp_within(Span { begin, length });
    }

    fn stamp_within(&mut self, span: Span) {
        let blocks = self.0.bytes_mut()[..span.length].chunks_exact_mut(RANDOM_BYTES);
        for (block, number) in blocks.zip(span.begin / RANDOM_BYTES as u64..) {
            block[..8].copy_from_slice(&number.to_le_bytes());
        }
    }
}
