//! What is stored, shown to those who look on: each interval once, when it is on disk. Nobody here is waited for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::host::HostMetric;
use shared::ids::{AgentId, RunId};
use shared::interval::Interval;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::counted::{CountedRun, CountedRuns};

/// Intervals that a slow onlooker may lag behind before it misses the oldest: forty seconds of two hundred agents.
const INTERVALS_KEPT: usize = 8_192;
/// Seconds of an agent's CPU that are remembered.
const CPU_SECONDS: usize = 60;
/// Agents whose CPU is remembered; the one that reported longest ago goes.
const AGENTS_MAX: usize = 10_000;

/// What those see who look on.
#[derive(Debug)]
pub struct Onlookers {
    stored: broadcast::Sender<Arc<Interval>>,
    counted: Mutex<CountedRuns>,
    cpu: Mutex<BTreeMap<AgentId, Busy>>,
}

/// How busy an agent's host was.
#[derive(Debug)]
struct Busy {
    shares: VecDeque<f64>,
    heard: Instant,
}

impl Default for Onlookers {
    fn default() -> Self {
        Self {
            stored: broadcast::Sender::new(INTERVALS_KEPT),
            counted: Mutex::default(),
            cpu: Mutex::default(),
        }
    }
}

impl Onlookers {
    /// An interval is on disk, for the first time.
    pub fn note(&self, interval: &Interval) {
        lock(&self.counted).add(interval, Instant::now());
        if let Some(share) = interval.host.as_ref().and_then(|sample| sample.value(HostMetric::CpuBusy)) {
            self.note_cpu(interval.agent, share);
        }
        if self.stored.receiver_count() > 0 {
            // Whoever listened may have left since: then nobody needs it.
            let _nobody_may_listen = self.stored.send(Arc::new(interval.clone()));
        }
    }

    /// Every interval that is stored from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<Interval>> {
        self.stored.subscribe()
    }

    /// How busy an agent's host was in each of the last seconds that it reported, shares of 1, oldest first.
    pub(crate) fn cpu_of(&self, agent: AgentId) -> Vec<f64> {
        lock(&self.cpu).get(&agent).map_or_else(Vec::new, |busy| busy.shares.iter().copied().collect())
    }

    /// What was counted of runs that were heard of lately.
    pub(crate) fn counted(&self) -> Vec<(RunId, CountedRun)> {
        lock(&self.counted).read(Instant::now())
    }

    fn note_cpu(&self, agent: AgentId, share: f64) {
        let mut cpu = lock(&self.cpu);
        if cpu.len() >= AGENTS_MAX
            && !cpu.contains_key(&agent)
            && let Some(oldest) = cpu.iter().min_by_key(|(_, busy)| busy.heard).map(|(agent, _)| *agent)
        {
            cpu.remove(&oldest);
        }
        let now = Instant::now();
        let busy = cpu.entry(agent).or_insert_with(|| Busy { shares: VecDeque::new(), heard: now });
        busy.heard = now;
        busy.shares.push_back(share);
        if busy.shares.len() > CPU_SECONDS {
            busy.shares.pop_front();
        }
    }
}

/// Nothing that is held here can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
