//! The rolling merged view of a running trial: what its observers are shown, from what is stored so far.
//!
//! Rooms: [`onlookers`] (those who see every interval as it is stored), `counted` (runs as counters), `told` (those with their names),
//! `operations` (one by one), `last_second` (the latency that moves).

pub(crate) mod counted;
mod last_second;
pub mod onlookers;
mod operations;
pub(crate) mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use analysis::quantile;
use shared::event::Progress;
use shared::event::progress::{AGENTS_TOLD_MAX, AgentProgress, QUANTILES_TOLD};
use shared::histogram::Histogram;
use shared::ids::{AgentId, AgentName, TrialIndex};
use shared::interval::{Interval, Phase};

use self::last_second::LastSecond;
use self::operations::LiveOperations;

/// A running trial, merged over its agents.
#[derive(Debug)]
pub struct LiveTrial {
    trial: TrialIndex,
    latency: Histogram,
    count: u64,
    errors: u64,
    operations: LiveOperations,
    last_second: LastSecond,
    agents: BTreeMap<AgentId, LiveAgent>,
    /// CPU share of a load thread above which the generator is the limit.
    generator_cpu_limit: f64,
}

#[derive(Debug, Clone)]
struct LiveAgent {
    name: AgentName,
    next_sequence: u64,
    end_ns: u64,
    is_warming_up: bool,
    recent_per_s: f64,
    /// The same of the operations that are told one by one.
    recent_of_operations: Vec<f64>,
    busiest_thread_cpu: Option<f64>,
    /// Whether most operations of the last interval waited for a free worker.
    is_exhausted: bool,
    workers: u32,
}

/// From here on waiting for a worker is worth a hint, nanoseconds.
const WORKER_WAIT_HINT_NS: u64 = 1_000_000;

impl LiveTrial {
    /// A trial of these agents, of whose intervals those below the given number are left out: none, or those that a
    /// coordinator before this one stored, which are [remembered](Self::remember) once they are read.
    pub fn new(
        trial: TrialIndex,
        agents: impl IntoIterator<Item = (AgentId, AgentName, u64)>,
        generator_cpu_limit: f64,
    ) -> Self {
        let fresh = |name, next_sequence| LiveAgent {
            name,
            next_sequence,
            end_ns: 0,
            is_warming_up: true,
            recent_per_s: 0.0,
            recent_of_operations: Vec::new(),
            busiest_thread_cpu: None,
            is_exhausted: false,
            workers: 0,
        };
        let agents = agents.into_iter().map(|(id, name, next)| (id, fresh(name, next))).collect();
        let (operations, last_second) = (LiveOperations::default(), LastSecond::new());
        Self {
            trial,
            latency: Histogram::new(),
            count: 0,
            errors: 0,
            operations,
            last_second,
            agents,
            generator_cpu_limit,
        }
    }

    /// The same, telling of these operations one by one.
    #[must_use]
    pub fn with_operations(mut self, names: Vec<String>) -> Self {
        self.operations = LiveOperations::named(names);
        self
    }

    /// Adds a stored interval; one that was added before changes nothing.
    pub fn add(&mut self, interval: &Interval) {
        let Some(agent) = self.agents.get_mut(&interval.agent) else { return };
        if interval.sequence.0 < agent.next_sequence {
            return;
        }
        agent.next_sequence = interval.sequence.0 + 1;
        agent.end_ns = interval.start_ns.saturating_add(interval.duration_ns);
        agent.is_warming_up = interval.phase == Phase::Warmup;
        agent.busiest_thread_cpu = interval.engine.busiest_thread_cpu;
        agent.workers = agent.workers.max(interval.engine.workers);
        let waits = interval.operations.iter().filter_map(|operation| operation.worker_wait.as_ref());
        let mut wait: Histogram = Histogram::new();
        waits.for_each(|waited| wait.add_encoded(waited));
        agent.is_exhausted =
            wait.value_at_quantile(0.5).is_some_and(|wait_ns| wait_ns >= WORKER_WAIT_HINT_NS);
        self.last_second.add(interval);
        let mut ended = 0;
        let mut ended_of_operations = vec![0; self.operations.len()];
        for operation in &interval.operations {
            self.operations.add(operation);
            if let Some(latency) = &operation.latency {
                self.latency.add_encoded(latency);
            }
            self.count += operation.count();
            self.errors += operation.failed_count();
            let succeeded = operation.succeeded() + operation.warmup_ended;
            ended += succeeded;
            if let Some(of_operation) = ended_of_operations.get_mut(usize::from(operation.operation.0)) {
                *of_operation += succeeded;
            }
        }
        let seconds = Duration::from_nanos(interval.duration_ns).as_secs_f64();
        // A sliver of an interval, cut at the end of a phase, says nothing about a rate.
        if seconds >= 0.1 {
            agent.recent_per_s = ended as f64 / seconds;
            agent.recent_of_operations =
                ended_of_operations.iter().map(|ended| *ended as f64 / seconds).collect();
        }
    }

    /// Adds what was stored of the same trial before this view of it was begun.
    pub fn remember(&mut self, earlier: &Self) {
        self.latency.add(&earlier.latency);
        self.count += earlier.count;
        self.errors += earlier.errors;
        self.operations.remember(&earlier.operations);
        for (id, before) in &earlier.agents {
            let Some(agent) = self.agents.get_mut(id) else { continue };
            if agent.end_ns == 0 {
                let next_sequence = agent.next_sequence;
                *agent = LiveAgent { next_sequence, ..before.clone() };
            }
        }
    }

    /// How many operations ended inside the window so far, and how many of them as errors.
    pub fn ended(&self) -> (u64, u64) {
        (self.count, self.errors)
    }

    /// How the trial fares.
    pub fn progress(&self) -> Progress {
        Progress {
            trial: self.trial,
            elapsed: Duration::from_nanos(self.agents.values().map(|agent| agent.end_ns).max().unwrap_or(0)),
            is_warming_up: self.agents.values().all(|agent| agent.is_warming_up),
            count: self.count,
            errors: self.errors,
            recent_per_s: self.agents.values().map(|agent| agent.recent_per_s).sum(),
            p50_ns: quantile::quantile(&self.latency, 0.5),
            p99_ns: quantile::quantile(&self.latency, 0.99),
            agents_reporting: u32::try_from(
                self.agents.values().filter(|agent| agent.next_sequence > 0).count(),
            )
            .unwrap_or(u32::MAX),
            hint: self.hint(),
            recent_p50_ns: self.last_second.quantile(0.5),
            recent_p99_ns: self.last_second.quantile(0.99),
            quantiles_ns: self.quantiles_ns(),
            max_ns: self.latency.max(),
            operations: self.operations.progress(|index| {
                let of_agents = self.agents.values();
                of_agents.filter_map(|agent| agent.recent_of_operations.get(index)).sum()
            }),
            agents: self.agents_told(),
        }
    }

    /// From the lowest quantile to the first that the sample cannot carry.
    fn quantiles_ns(&self) -> Vec<u64> {
        QUANTILES_TOLD
            .iter()
            .map_while(|(_, quantile)| quantile::quantile(&self.latency, *quantile))
            .collect()
    }

    fn agents_told(&self) -> Vec<AgentProgress> {
        let told = self.agents.values().map(|agent| AgentProgress {
            name: agent.name.clone(),
            recent_per_s: agent.recent_per_s,
            generator_cpu: agent.busiest_thread_cpu,
            workers: agent.workers,
        });
        let mut told: Vec<AgentProgress> = told.collect();
        let share = |agent: &AgentProgress| agent.generator_cpu.unwrap_or(0.0);
        told.sort_by(|one, other| {
            share(other).total_cmp(&share(one)).then_with(|| one.name.cmp(&other.name))
        });
        told.truncate(AGENTS_TOLD_MAX);
        told
    }

    fn hint(&self) -> Option<String> {
        let share = |agent: &LiveAgent| agent.busiest_thread_cpu.unwrap_or(0.0);
        let busiest = self.agents.values().max_by(|one, other| share(one).total_cmp(&share(other)))?;
        if let Some(exhausted) = self.agents.values().find(|agent| agent.is_exhausted)
            && share(busiest) <= self.generator_cpu_limit
        {
            let (name, workers) = (&exhausted.name, exhausted.workers);
            return Some(format!(
                "all {workers} workers of {name} are busy: what is due waits, which counts as latency; more load.workers would tell"
            ));
        }
        (share(busiest) > self.generator_cpu_limit).then(|| {
            format!(
                "{}'s busiest load thread uses {:.0} % of its core: the load generator may be the limit",
                busiest.name,
                share(busiest) * 100.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::histogram::EncodedHistogram;
    use shared::ids::{IntervalSequence, OperationIndex, RunId, TrialKey};
    use shared::interval::{EngineSample, OperationInterval};

    use super::*;

    fn interval(sequence: u64, values: u64, busiest_thread_cpu: f64) -> Interval {
        let mut latency: Histogram = Histogram::new();
        latency.record_many(1_000, values);
        Interval {
            trial: TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(0), attempt: 0 },
            agent: AgentId::new([1; 16]),
            sequence: IntervalSequence(sequence),
            phase: Phase::Measured,
            start_ns: sequence * 1_000_000_000,
            duration_ns: 1_000_000_000,
            is_last: false,
            operations: vec![OperationInterval {
                latency: Some(EncodedHistogram::encode(&latency)),
                ..OperationInterval::default()
            }],
            engine: EngineSample {
                busiest_thread_cpu: Some(busiest_thread_cpu),
                threads: 1,
                workers: 1,
                late_ns: 0,
            },
            host: None,
            fingerprint: None,
            observed: BTreeMap::new(),
            folded: None,
        }
    }

    #[test]
    fn an_interval_that_comes_twice_counts_once() {
        let name = AgentName::new("a1").unwrap();
        let mut live = LiveTrial::new(TrialIndex(0), [(AgentId::new([1; 16]), name, 0)], 0.8);
        live.add(&interval(0, 10, 0.5));
        live.add(&interval(0, 10, 0.5));
        live.add(&interval(1, 5, 0.9));
        let progress = live.progress();
        assert_eq!((progress.count, progress.recent_per_s), (15, 5.0));
        assert_eq!(progress.elapsed, Duration::from_secs(2));
        assert!(progress.hint.is_some_and(|hint| hint.starts_with("a1's busiest load thread uses 90 %")));
    }

    #[test]
    fn operations_and_agents_are_told_one_by_one_and_agree_with_the_sums() {
        let name = AgentName::new("a1").unwrap();
        let mut live = LiveTrial::new(TrialIndex(0), [(AgentId::new([1; 16]), name, 0)], 0.8)
            .with_operations(vec!["read".to_owned(), "write".to_owned()]);
        let mut both = interval(0, 30, 0.5);
        let mut write = interval(0, 12, 0.5).operations.remove(0);
        write.operation = OperationIndex(1);
        both.operations.push(write);
        live.add(&both);
        let progress = live.progress();
        let counts: Vec<u64> = progress.operations.iter().map(|operation| operation.count).collect();
        assert_eq!((counts, progress.count), (vec![30, 12], 42));
        assert_eq!(progress.operations[1].recent_per_s, 12.0);
        assert_eq!((progress.agents[0].recent_per_s, progress.agents[0].generator_cpu), (42.0, Some(0.5)));
        // 42 values carry p50, p75 and p90, and no more: from 59 on a p95 has an upper limit.
        assert_eq!(progress.quantiles_ns.len(), 3);
    }

    #[test]
    fn a_percentile_is_told_only_where_the_sample_bounds_it() {
        let told = |successes| {
            let name = AgentName::new("a1").unwrap();
            let mut live = LiveTrial::new(TrialIndex(0), [(AgentId::new([1; 16]), name, 0)], 0.8)
                .with_operations(vec!["read".to_owned(), "write".to_owned()]);
            live.add(&interval(0, successes, 0.5));
            let progress = live.progress();
            let read = &progress.operations[0];
            let medians = [progress.p50_ns, progress.recent_p50_ns, read.p50_ns].map(|ns| ns.is_some());
            let highs = [progress.p99_ns, progress.recent_p99_ns, read.p99_ns].map(|ns| ns.is_some());
            (medians, highs)
        };
        assert_eq!(told(4), ([false; 3], [false; 3]));
        assert_eq!(told(5), ([true; 3], [false; 3]));
        assert_eq!(told(298), ([true; 3], [false; 3]));
        assert_eq!(told(299), ([true; 3], [true; 3]));
    }

    #[test]
    fn what_an_earlier_coordinator_stored_is_remembered_once() {
        let of = |next_sequence| {
            let name = AgentName::new("a1").unwrap();
            LiveTrial::new(TrialIndex(0), [(AgentId::new([1; 16]), name, next_sequence)], 0.8)
        };
        let (mut earlier, mut live) = (of(0), of(2));
        earlier.add(&interval(0, 10, 0.5));
        earlier.add(&interval(1, 20, 0.5));
        live.add(&interval(1, 20, 0.5));
        assert_eq!(live.progress().count, 0, "it is stored already, and comes with the rest");
        live.add(&interval(2, 5, 0.5));
        live.remember(&earlier);
        let progress = live.progress();
        assert_eq!((progress.count, progress.elapsed), (35, Duration::from_secs(3)));
        assert_eq!(progress.recent_per_s, 5.0);
    }
}
