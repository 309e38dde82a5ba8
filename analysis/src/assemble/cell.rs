//! One agent's part in one attempt at a trial: what its stored intervals say.

use std::collections::BTreeMap;

use shared::host::{Fingerprint, HostMetric, HostSample};
use shared::interval::{Interval, Phase};
use shared::run_record::AgentPart;
use shared::run_report::Scalar;

use crate::growth::Growth;

use super::metric_sums::MetricSums;
use super::sequences::Sequences;
use super::tally::Tally;

/// Most cores that a report tells one by one: more make it longer than all that was measured on them.
const CORES_REPORTED_MAX: usize = 256;
/// Most fingerprints that are kept of an agent in a trial: one before, one after.
const FINGERPRINTS_MAX: usize = 2;
/// Most seconds whose frequencies are kept: a day of them; later ones change no percentile that matters.
const SECONDS_MAX: usize = 86_400;
/// Fewer seconds have no 5th percentile that is not simply the lowest.
const SECONDS_MIN: usize = 20;

/// What one agent's stored intervals of one attempt add up to.
#[derive(Debug, Default)]
pub(super) struct Cell {
    sequences: Sequences,
    /// Number of the interval that said it was the last.
    last: Option<u64>,
    measured_ns: u64,
    /// When its first stored second of the window began, ns since T.
    window_start_ns: Option<u64>,
    generator_cpu: Weighted,
    workers_peak: u32,
    /// The longest that a load thread stood still in the measured window.
    stood_still_ns: u64,
    host: BTreeMap<HostMetric, Weighted>,
    /// The busy share of each core.
    cores: Vec<Weighted>,
    tallies: Vec<Tally>,
    /// What its host was in its first interval, and what in its last if that was something else.
    fingerprints: BTreeMap<u64, Fingerprint>,
    /// The cores' frequency in each second of the window, MHz; of several in one their mean for all but one, and that one's is the lowest.
    frequencies_mhz: Vec<f64>,
    /// The observed process's memory at the moments of the window, seconds and bytes.
    process_memory: Vec<(f64, f64)>,
    /// What was fetched of the target in the window.
    observed: MetricSums,
}

impl Cell {
    /// An empty cell for a job of so many operations.
    pub(super) fn new(operations: usize) -> Self {
        Self { tallies: vec![Tally::default(); operations], ..Self::default() }
    }

    /// Adds an interval; one whose number was seen before changes nothing. Returns how many parts of it
    /// name something that the job does not have.
    pub(super) fn add(&mut self, interval: &Interval) -> u64 {
        let stands_for = interval.folded.as_ref().map_or(1, |folded| folded.intervals);
        if !self.sequences.insert(interval.sequence, stands_for) {
            return 0;
        }
        if let Some(fingerprint) = &interval.fingerprint
            && self.fingerprints.len() < FINGERPRINTS_MAX
        {
            self.fingerprints.insert(interval.sequence.0, (**fingerprint).clone());
        }
        if interval.is_last {
            self.last = Some(interval.sequence.0.saturating_add(stands_for - 1));
        }
        self.workers_peak = self.workers_peak.max(interval.engine.workers);
        if interval.phase == Phase::Measured {
            self.add_window(interval);
        }
        // Warm-up counts nowhere, whatever an agent puts into it.
        if interval.phase == Phase::Warmup {
            return 0;
        }
        let mut left_out = 0;
        for operation in &interval.operations {
            left_out += match self.tallies.get_mut(usize::from(operation.operation.0)) {
                Some(tally) => tally.add(operation),
                None => 1,
            };
        }
        left_out
    }

    /// Folds its histograms away.
    pub(super) fn pack(&mut self) {
        self.tallies.iter_mut().for_each(Tally::pack);
    }

    /// How many of its histograms take their full room.
    pub(super) fn open_histograms(&self) -> usize {
        self.tallies.iter().map(Tally::open_histograms).sum()
    }

    /// One tally per operation of the job.
    pub(super) fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// Length of the stored part of the measured window.
    pub(super) fn measured_ns(&self) -> u64 {
        self.measured_ns
    }

    /// When the stored part of the measured window begins, ns since T.
    pub(super) fn window_start_ns(&self) -> u64 {
        self.window_start_ns.unwrap_or(0)
    }

    /// How many intervals are stored.
    pub(super) fn intervals(&self) -> u64 {
        self.sequences.count()
    }

    /// Whether the agent reported to the end.
    pub(super) fn is_finished(&self) -> bool {
        self.last.is_some()
    }

    /// The longest that a load thread stood still in the measured window.
    pub(super) fn stood_still_ns(&self) -> u64 {
        self.stood_still_ns
    }

    /// CPU share of the busiest load thread: the mean over the window's intervals, weighted by their length.
    pub(super) fn generator_cpu(&self) -> Option<f64> {
        self.generator_cpu.scalar().map(|scalar| scalar.mean)
    }

    /// Most workers at once.
    pub(super) fn workers_peak(&self) -> u32 {
        self.workers_peak
    }

    /// The host's metrics over the window; those never readable are left out. Cores follow their sum: `cpu_busy.core0`.
    pub(super) fn host(&self) -> BTreeMap<String, Scalar> {
        let metrics = self.host.iter().map(|(metric, weighted)| (metric.name().to_owned(), weighted));
        let cores = self.cores.iter().take(CORES_REPORTED_MAX).enumerate();
        let cores =
            cores.map(|(core, weighted)| (format!("{}.core{core}", HostMetric::CpuBusy.name()), weighted));
        metrics.chain(cores).filter_map(|(name, weighted)| Some((name, weighted.scalar()?))).collect()
    }

    /// The cores' frequency at the 5th and 50th percentile of the window's seconds; `None` below [`SECONDS_MIN`].
    pub(super) fn frequencies_mhz(&self) -> Option<[f64; 2]> {
        let mut sorted = self.frequencies_mhz.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied();
        if sorted.len() < SECONDS_MIN { None } else { Some([at(0.05)?, at(0.5)?]) }
    }

    /// What was fetched of the target in the window, by the metric's name.
    pub(super) fn observed(&self) -> &MetricSums {
        &self.observed
    }

    /// How the observed process's memory grew over the window; `None`: there was none, or too short a while to tell.
    pub(super) fn memory_growth(&self) -> Option<Growth> {
        Growth::of(&self.process_memory)
    }

    /// What its host was before the trial; `None`: it was not told.
    pub(super) fn fingerprint(&self) -> Option<&Fingerprint> {
        self.fingerprints.first_key_value().map(|(_, fingerprint)| fingerprint)
    }

    /// In what its host was something else after the trial.
    pub(super) fn differing(&self) -> Vec<String> {
        let first_and_last = self.fingerprint().zip(self.fingerprints.last_key_value());
        first_and_last.map_or_else(Vec::new, |(first, (_, last))| first.differing(last))
    }

    /// What is missing of the intervals that the agent numbered, in words; `None` when nothing is.
    pub(super) fn missing(&self, part: &AgentPart) -> Option<String> {
        let received = self.sequences.count();
        let Some(end) = part.intervals_reported.or(self.last.map(|last| last.saturating_add(1))) else {
            return Some(format!("its end never arrived; {received} of its intervals are stored"));
        };
        let missing = self.sequences.missing_below(end);
        (missing > 0).then(|| {
            let gaps = self.sequences.gaps_in_words(end);
            format!("{missing} of its {end} intervals never arrived (numbers {gaps})")
        })
    }

    fn add_window(&mut self, interval: &Interval) {
        self.measured_ns = self.measured_ns.saturating_add(interval.duration_ns);
        let earliest_ns =
            self.window_start_ns.map_or(interval.start_ns, |start_ns| start_ns.min(interval.start_ns));
        self.window_start_ns = Some(earliest_ns);
        self.stood_still_ns = self.stood_still_ns.max(interval.engine.late_ns);
        if let Some(cpu) = interval.engine.busiest_thread_cpu {
            self.generator_cpu.add(cpu, interval.duration_ns);
        }
        // A name whose unit changes keeps its first: what is fetched has none.
        let _left_out = self.observed.add(&interval.observed);
        let Some(sample) = &interval.host else { return };
        let folded = interval.folded.as_ref();
        let lowest = folded.and_then(|folded| folded.host_lowest.as_ref());
        let highest = folded.and_then(|folded| folded.host_highest.as_ref());
        if let Some(bytes) = sample.value(HostMetric::ProcessMemory)
            && self.process_memory.len() < SECONDS_MAX
        {
            // It was looked at when the interval ended; the mean of several stands in their middle.
            let back_ns = if folded.is_some() { interval.duration_ns / 2 } else { 0 };
            let at_ns = interval.start_ns.saturating_add(interval.duration_ns).saturating_sub(back_ns);
            self.process_memory.push((at_ns as f64 / 1e9, bytes));
        }
        if let Some(mhz) = sample.value(HostMetric::Frequency) {
            let lowest = lowest.and_then(|it| it.value(HostMetric::Frequency)).unwrap_or(mhz);
            let seconds = folded.map_or(1, |folded| folded.intervals as usize);
            // Its mean stands for all seconds but one, which is the lowest.
            let told = std::iter::once(lowest).chain(std::iter::repeat_n(mhz, seconds.saturating_sub(1)));
            let room = SECONDS_MAX.saturating_sub(self.frequencies_mhz.len());
            self.frequencies_mhz.extend(told.take(room));
        }
        for (metric, value) in sample.figures() {
            let extreme = |of: Option<&HostSample>| of.and_then(|it| it.value(metric)).unwrap_or(value);
            let weighted = self.host.entry(metric).or_default();
            weighted.add(value, interval.duration_ns);
            weighted.reach(extreme(lowest), extreme(highest));
        }
        if self.cores.len() < sample.cores_busy.len() {
            self.cores.resize_with(sample.cores_busy.len(), Weighted::default);
        }
        for (place, (weighted, share)) in self.cores.iter_mut().zip(sample.core_shares()).enumerate() {
            let extreme =
                |of: Option<&HostSample>| of.and_then(|it| it.core_shares().nth(place)).unwrap_or(share);
            weighted.add(share, interval.duration_ns);
            weighted.reach(extreme(lowest), extreme(highest));
        }
    }
}

/// Mean, weighted by time, and extremes of a value over intervals.
#[derive(Debug, Default)]
struct Weighted {
    sum: f64,
    weight: f64,
    extremes: Option<(f64, f64)>,
}

impl Weighted {
    /// A value that is no number, or an interval without length, tells nothing.
    fn add(&mut self, value: f64, duration_ns: u64) {
        if !value.is_finite() || duration_ns == 0 {
            return;
        }
        self.sum += value * duration_ns as f64;
        self.weight += duration_ns as f64;
        let (min, max) = self.extremes.unwrap_or((value, value));
        self.extremes = Some((min.min(value), max.max(value)));
    }

    /// Some of what an added value stands for went as far as this.
    fn reach(&mut self, lowest: f64, highest: f64) {
        if let Some((min, max)) = &mut self.extremes {
            (*min, *max) = (min.min(lowest), max.max(highest));
        }
    }

    fn scalar(&self) -> Option<Scalar> {
        let (min, max) = self.extremes?;
        Some(Scalar { mean: self.sum / self.weight, min, max })
    }
}
