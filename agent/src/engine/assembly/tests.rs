//! The assembly against simulated threads: nothing is lost, and intervals follow one another.

use std::time::Duration;

use proptest::prelude::*;
use shared::ids::OperationIndex;
use shared::interval::{ErrorKind, Phase};
use shared::job::{Warmup, Window};

use super::*;
use crate::engine::gate::{Admission, Gate, Part};
use crate::engine::recorder::Recorder;
use crate::engine::tally::{OperationShape, Shape, Timing};
use crate::engine::tests::{AGENT, TRIAL, load};
use crate::engine::timeline::INTERVAL_NS;
use crate::workload::Outcome;

const MS: u64 = 1_000_000;

/// What the simulated workers did.
#[derive(Debug, Default, PartialEq)]
struct Did {
    warmup: u64,
    succeeded: u64,
    failed: u64,
    service_ns: u64,
}

/// A thread with one closed loop whose operations take given times (ms; every third fails).
struct Simulated {
    recorder: Recorder,
    service_ms: Vec<u64>,
    done: usize,
    free_at_ns: u64,
    batches: Vec<Batch>,
    is_waiting: bool,
    is_over: bool,
}

fn shape() -> Shape {
    let operation = OperationShape { measures: &[], metrics: Vec::new() };
    Shape { operations: [operation].into(), is_open: false }
}

fn spare() -> Tally {
    Tally::new(&shape())
}

impl Simulated {
    fn new(thread: usize, timeline: Timeline, service_ms: Vec<u64>) -> Self {
        let recorder = Recorder::new(thread, timeline, spare());
        Self {
            recorder,
            service_ms,
            done: 0,
            free_at_ns: 0,
            batches: Vec::new(),
            is_waiting: false,
            is_over: false,
        }
    }

    fn roll(&mut self, at_ns: u64) {
        if self.recorder.is_due(at_ns) {
            self.batches.push(self.recorder.cut(at_ns, spare()));
        }
    }

    fn open(&mut self, at_ns: u64) {
        self.batches.extend(self.recorder.open_window(at_ns, spare));
        self.is_waiting = false;
        self.free_at_ns = self.free_at_ns.max(at_ns);
    }

    /// Does one operation; tells when the window opened if this was the last of the warm-up.
    fn step(&mut self, gate: &Gate, did: &mut Did) -> Option<u64> {
        let begin_ns = self.free_at_ns;
        self.roll(begin_ns);
        let part = match gate.admit(begin_ns, self.recorder.timeline()) {
            Admission::Begin(part) => part,
            Admission::AwaitWindow => {
                self.is_waiting = true;
                return None;
            }
            Admission::Over => {
                self.is_over = true;
                self.batches.push(self.recorder.finish(begin_ns, spare()));
                return None;
            }
        };
        let operation = OperationIndex(0);
        self.recorder.begin(operation, part);
        let service_ns = self.service_ms[self.done % self.service_ms.len()] * MS;
        let mut outcome = Outcome::default();
        if self.done % 3 == 2 {
            outcome.fail(ErrorKind::Closed, String::new);
        }
        self.done += 1;
        self.free_at_ns = begin_ns + service_ns;
        self.roll(self.free_at_ns);
        match part {
            Part::Warmup => did.warmup += 1,
            Part::Measured if outcome.error.is_some() => did.failed += 1,
            Part::Measured => did.succeeded += 1,
        }
        did.service_ns += if part == Part::Measured { service_ns } else { 0 };
        self.recorder.end(operation, part, self.free_at_ns, Timing::closed(service_ns), &mut outcome);
        gate.ended(part, self.recorder.not_before_start(self.free_at_ns))
    }
}

/// Runs threads side by side, the earliest first, and hands their batches over in a shuffled order.
fn simulate(
    load: &shared::plan::LoadShare,
    service_ms: Vec<Vec<u64>>,
    shuffle: &[usize],
) -> (Did, Vec<Interval>) {
    let (gate, timeline) = (Gate::new(load), Timeline::new(load));
    let mut assembly = Assembly::new(TRIAL, AGENT, shape(), timeline, service_ms.len());
    let mut threads: Vec<Simulated> = service_ms
        .into_iter()
        .enumerate()
        .map(|(index, times)| Simulated::new(index, timeline, times))
        .collect();
    let mut did = Did::default();
    while let Some(next) = threads
        .iter_mut()
        .filter(|thread| !thread.is_over && !thread.is_waiting)
        .min_by_key(|thread| thread.free_at_ns)
    {
        if let Some(opened_ns) = next.step(&gate, &mut did) {
            threads.iter_mut().for_each(|thread| thread.open(opened_ns));
        }
    }
    let mut intervals = Vec::new();
    for round in 0.. {
        let waiting: Vec<usize> =
            (0..threads.len()).filter(|index| !threads[*index].batches.is_empty()).collect();
        if waiting.is_empty() {
            break;
        }
        let chosen = waiting[shuffle[round % shuffle.len()] % waiting.len()];
        assembly.accept(threads[chosen].batches.remove(0));
        intervals.extend(std::iter::from_fn(|| assembly.next()));
    }
    assert!(assembly.is_complete());
    assert_eq!(assembly.intervals(), intervals.len() as u64);
    (did, intervals)
}

fn check(did: &Did, intervals: &[Interval]) {
    let operations = || intervals.iter().flat_map(|interval| &interval.operations);
    assert_eq!(operations().map(|operation| operation.warmup_ended).sum::<u64>(), did.warmup);
    assert_eq!(operations().map(|operation| operation.succeeded()).sum::<u64>(), did.succeeded);
    assert_eq!(operations().map(|operation| operation.failed_count()).sum::<u64>(), did.failed);
    assert_eq!(operations().map(|operation| operation.scheduled).sum::<u64>(), did.succeeded + did.failed);
    assert_eq!(operations().map(|operation| operation.sent).sum::<u64>(), did.succeeded + did.failed);
    let mut at_ns = 0;
    for (interval, sequence) in intervals.iter().zip(0..) {
        assert_eq!((interval.sequence.0, interval.start_ns), (sequence, at_ns));
        assert!(interval.duration_ns <= INTERVAL_NS);
        assert_eq!(interval.is_last, sequence + 1 == intervals.len() as u64);
        let is_quiet = interval.operations.iter().all(|one| one.count() + one.scheduled == 0);
        assert!(interval.phase != Phase::Warmup || is_quiet, "the warm-up counts nowhere");
        at_ns += interval.duration_ns;
    }
    assert!(intervals.is_sorted_by_key(|interval| interval.phase));
}

fn services() -> impl Strategy<Value = Vec<Vec<u64>>> {
    prop::collection::vec(prop::collection::vec(1..1_500_u64, 1..6), 1..4)
}

proptest! {
    #[test]
    fn counted_once_over_a_window_of_time(
        services in services(), warmup in 0..2_500_u64, window in 1..4_000_u64, shuffle in prop::collection::vec(any::<usize>(), 1..9)
    ) {
        let load = load(1, Warmup::For(Duration::from_millis(warmup)), Window::For(Duration::from_millis(window)));
        let (did, intervals) = simulate(&load, services, &shuffle);
        check(&did, &intervals);
        let measured_ns: u64 =
            intervals.iter().filter(|one| one.phase == Phase::Measured).map(|one| one.duration_ns).sum();
        prop_assert_eq!(measured_ns, window * MS);
    }

    #[test]
    fn counted_once_over_a_window_of_operations(
        services in services(), warmup in 0..6_u64, window in 0..20_u64, shuffle in prop::collection::vec(any::<usize>(), 1..9)
    ) {
        let load = load(1, Warmup::Iterations(warmup), Window::Iterations(window));
        let (did, intervals) = simulate(&load, services, &shuffle);
        prop_assert_eq!((did.warmup, did.succeeded + did.failed), (warmup, window));
        check(&did, &intervals);
    }

    #[test]
    fn a_late_hand_over_moves_nothing_into_another_phase(
        services in services(), warmup in 1..4_u64, window in 1..3_000_u64, shuffle in prop::collection::vec(any::<usize>(), 1..9)
    ) {
        let load = load(1, Warmup::Iterations(warmup), Window::For(Duration::from_millis(window)));
        let (did, intervals) = simulate(&load, services, &shuffle);
        check(&did, &intervals);
    }
}
