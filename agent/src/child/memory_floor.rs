//! How much memory a forked copy of the agent has before it becomes the program.
//!
//! Linux keeps the highest resident size of a process over exec: a program that needs 2 MiB, started by an
//! agent of 50 MiB, is reported with up to 50 MiB. So each copy notes its own size just before exec, in a
//! file in memory that it shares with the agent; only a peak that rises above that note is the program's own.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::sync::Arc;

use rustix::fs::{MemfdFlags, memfd_create};

use super::system;

/// Bytes of one note.
const NOTE_BYTES: usize = size_of::<u64>();
/// How much a copy may still grow between its note and exec: some pages of code that it touches for the first
/// time, which the kernel maps 16 at once.
const GROWTH_BYTES_MAX: u64 = 512 * 1024;
/// Counters of which Linux makes up a resident size: file pages, anonymous pages, shared memory.
const COUNTERS: u64 = 3;
/// Processors on which such a counter may hold something back: where the agent forked, where the copy began, where it
/// ended.
const PROCESSORS: u64 = 3;

/// The notes of all workers of a workload: one file, a place in it for each.
#[derive(Debug, Clone)]
pub struct MemoryFloors {
    notes: Arc<File>,
}

impl MemoryFloors {
    /// Makes an empty file in memory.
    ///
    /// # Errors
    /// When the agent is out of file descriptors.
    pub fn new() -> io::Result<Self> {
        let notes = memfd_create("fleetmark-memory-floors", MemfdFlags::CLOEXEC)?;
        Ok(Self { notes: Arc::new(File::from(notes)) })
    }

    /// The place of one worker, which runs one program at a time.
    pub fn place_of(&self, worker: u32) -> MemoryFloor {
        MemoryFloor { notes: Arc::clone(&self.notes), offset: u64::from(worker) * NOTE_BYTES as u64 }
    }
}

/// One worker's place for notes.
#[derive(Debug, Clone)]
pub struct MemoryFloor {
    notes: Arc<File>,
    offset: u64,
}

impl MemoryFloor {
    /// Has every copy that is to become this program note its size.
    pub(super) fn note_for(&self, command: &mut Command) {
        let floor = self.clone();
        system::before_exec(command, move || {
            let bytes = system::own_peak_memory_bytes().to_ne_bytes();
            // A note that cannot be written leaves an older one, which is at worst too high: no peak is told
            // then.
            let _ = floor.notes.write_at(&bytes, floor.offset);
            Ok(())
        });
    }

    /// The peak of the program that noted last, if it is the program's own; `None` when it hides below the
    /// copy's.
    pub(super) fn peak_above(&self, peak_bytes: u64) -> Option<u64> {
        let mut note = [0; NOTE_BYTES];
        self.notes.read_exact_at(&mut note, self.offset).ok()?;
        let above = GROWTH_BYTES_MAX.saturating_add(held_back_bytes_max(
            system::processors_online(),
            rustix::param::page_size() as u64,
        ));
        (peak_bytes > u64::from_ne_bytes(note).saturating_add(above)).then_some(peak_bytes)
    }
}

/// By how much a resident size read may be wrong: since Linux 6.2 each processor counts for itself and hands on what it
/// counted in batches of `max(32, 2 × processors)` pages (lib/percpu_counter.c).
fn held_back_bytes_max(processors: u64, page_bytes: u64) -> u64 {
    let batch = processors.saturating_mul(2).max(32);
    COUNTERS.saturating_mul(PROCESSORS).saturating_mul(batch).saturating_mul(page_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_processors_hold_back_more() {
        assert_eq!(held_back_bytes_max(2, 4096), 9 * 32 * 4096);
        assert_eq!(held_back_bytes_max(128, 4096), 9 * 256 * 4096);
        assert_eq!(held_back_bytes_max(u64::MAX, 4096), u64::MAX);
    }
}
