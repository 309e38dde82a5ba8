//! What a process uses while it works: CPU time and memory, looked at many times a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{cpu, memory};

/// How often a process is looked at: ten ticks of the kernel's clock of CPU time.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a process had used at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    cpu_s: f64,
    resident_bytes: u64,
}

/// Looks at a process until told to end, or until it is gone.
#[derive(Debug)]
pub struct UsageWatch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Look>>,
}

/// What a process used, over time.
#[derive(Debug)]
pub struct Usage {
    looks: Vec<Look>,
}

impl UsageWatch {
    /// Begins to look.
    pub fn begin(pid: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut looks = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let (Some(cpu_s), Some(resident_bytes)) = (cpu::of_process(pid), memory::resident_bytes(pid))
                else {
                    break;
                };
                looks.push(Look { at: Instant::now(), cpu_s, resident_bytes });
                std::thread::sleep(LOOK_EVERY);
            }
            looks
        });
        Self { is_over, thread }
    }

    /// Ends, and gives what was seen.
    pub fn end(self) -> Usage {
        self.is_over.store(true, Ordering::Relaxed);
        Usage { looks: self.thread.join().unwrap_or_default() }
    }
}

impl Usage {
    /// CPU time per second between two moments, in cores; `None`: fewer than two looks fell between them.
    pub fn cores(&self, from: Instant, to: Instant) -> Option<f64> {
        let looks: Vec<&Look> = self.between(from, to).collect();
        let (first, last) = (looks.first()?, looks.last()?);
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        (seconds > 0.0).then(|| (last.cpu_s - first.cpu_s) / seconds)
    }

    /// Most resident memory between two moments, bytes; 0: no look fell between them.
    pub fn resident_bytes_max(&self, from: Instant, to: Instant) -> u64 {
        self.between(from, to).map(|look| look.resident_bytes).max().unwrap_or_default()
    }

    fn between(&self, from: Instant, to: Instant) -> impl Iterator<Item = &Look> {
        self.looks.iter().filter(move |look| look.at >= from && look.at <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_cpu_time_over_time_between_two_moments() {
        let begun = Instant::now();
        let look = |seconds: u64, cpu_s: f64| Look {
            at: begun + Duration::from_secs(seconds),
            cpu_s,
            resident_bytes: seconds * 100,
        };
        let usage = Usage { looks: vec![look(0, 0.0), look(1, 5.0), look(3, 6.0), look(9, 90.0)] };
        let (from, to) = (begun + Duration::from_secs(1), begun + Duration::from_secs(4));
        assert_eq!((usage.cores(from, to), usage.resident_bytes_max(from, to)), (Some(0.5), 300));
        assert_eq!((usage.cores(to, to), usage.resident_bytes_max(to, to)), (None, 0));
    }
}
