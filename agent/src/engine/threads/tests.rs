//! How much memory a load thread's counts take.

use super::*;
use crate::engine::tally::Timing;
use crate::workload::Outcome;

const OPERATIONS: u16 = 64;
const PHASES: &[(&str, &str)] =
    &[("dns", "ns"), ("connect", "ns"), ("tls", "ns"), ("first_byte", "ns"), ("body", "ns")];
/// So that a job of the most operations, 256, takes at most 256 MiB a thread.
const BYTES_MAX: u64 = 1024 * 1024;

/// Counts answers of 50 µs to 25 ms, with all phases, in every operation.
fn count(tally: &mut Tally) {
    for operation in (0..OPERATIONS).map(OperationIndex) {
        for step in 1..=500 {
            let (service_time_ns, send_lag_ns) = (50_000 * step, 100 * step);
            let mut outcome = Outcome::default();
            (0..PHASES.len()).for_each(|phase| outcome.measures.note(phase, Some(service_time_ns)));
            let latency_ns = service_time_ns + send_lag_ns;
            let timing = Timing { latency_ns, service_time_ns, send_lag_ns, worker_wait_ns: 0 };
            tally.begin(operation);
            tally.end(operation, timing, &mut outcome);
        }
    }
}

#[test]
fn an_operation_takes_less_than_a_mebibyte_of_a_threads_memory() {
    let operation = OperationShape { measures: PHASES, metrics: Vec::new() };
    let shape = Shape { operations: vec![operation; usize::from(OPERATIONS)].into(), is_open: true };
    let (messages, _inbox) = mpsc::channel(1);
    let before = resident_bytes();
    let (lane, back) = Lane::new(messages, shape);
    let mut used = lane.spare();
    count(&mut used);
    for _ in 0..5 {
        // The collector gives a tally back, cleared, long before the next one is wanted.
        let mut full = std::mem::replace(&mut used, lane.spare());
        count(&mut used);
        full.clear();
        back.send(full).unwrap();
    }
    let taken = resident_bytes().saturating_sub(before) / u64::from(OPERATIONS);
    assert!(taken < BYTES_MAX, "{} KiB each", taken / 1024);
}

fn resident_bytes() -> u64 {
    let pages = procfs::process::Process::myself().and_then(|this| this.stat()).unwrap().rss;
    pages * procfs::page_size()
}
