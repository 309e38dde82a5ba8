//! Memory and descriptors of processes, from `/proc`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a process's peak is read until it ends: the kernel keeps the peak, but forgets it with the process.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Resident memory of a process, bytes; `None`: it is gone.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most memory that a process ever held, bytes; `None`: it is gone.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Open descriptors of a process; `None`: it is gone.
pub fn open_descriptors(pid: u32) -> Option<u64> {
    Some(std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64)
}

/// Follows the peak of a process that may end at any time.
#[derive(Debug)]
pub struct PeakMemory {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl PeakMemory {
    /// Begins to follow a process.
    pub fn watch(pid: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut peak = 0;
            loop {
                peak = peak_bytes(pid).unwrap_or(peak).max(peak);
                if told.load(Ordering::Relaxed) {
                    return peak;
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Self { is_over, thread }
    }

    /// The peak, bytes; 0: it was never seen.
    pub fn end(self) -> f64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default() as f64
    }
}

fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_is_read_and_a_stranger_has_none() {
        let own = std::process::id();
        let (resident, peak) = (resident_bytes(own), peak_bytes(own));
        assert!(resident.is_some_and(|bytes| bytes > 100_000) && peak >= resident);
        assert!(open_descriptors(own).is_some_and(|count| count >= 3));
        assert_eq!((resident_bytes(u32::MAX), open_descriptors(u32::MAX)), (None, None));
    }

    #[test]
    fn a_peak_is_read_once_at_least() {
        assert!(PeakMemory::watch(std::process::id()).end() > 100_000.0);
        assert_eq!(PeakMemory::watch(u32::MAX).end(), 0.0);
    }
}
