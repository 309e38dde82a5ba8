//! The open model on real threads.

use std::sync::atomic::Ordering;
use std::time::Duration;

use shared::arrivals::{ArrivalPlan, Spread};
use shared::histogram::Histogram;
use shared::interval::{Interval, OperationInterval, Phase};
use shared::job::{LoadModel, Warmup, Window};

use super::fake::Act;
use super::{assignment, ms, play, prepare, sum};
use crate::engine::EngineEvent;

fn open(
    rate_per_s: f64,
    workers: u32,
    workers_max: u32,
    warmup: Duration,
    window: Duration,
) -> shared::plan::Assignment {
    let mut assignment = assignment(workers, Warmup::For(warmup), Window::For(window));
    assignment.load.model = LoadModel::Open;
    assignment.load.arrivals = Some(ArrivalPlan::constant(rate_per_s, window, Spread::Uniform));
    assignment.load.workers_max = workers_max;
    assignment.load.drain = ms(300);
    assignment
}

fn merged<'a>(
    intervals: &'a [Interval],
    pick: impl Fn(&'a OperationInterval) -> Option<&'a shared::histogram::EncodedHistogram>,
) -> Histogram {
    let mut merged = Histogram::new();
    intervals
        .iter()
        .flat_map(|interval| &interval.operations)
        .filter_map(pick)
        .for_each(|histogram| merged.add_encoded(histogram));
    merged
}

#[tokio::test]
async fn everything_that_is_due_is_begun_and_counted_once() {
    let assignment = open(1_000.0, 4, 200, ms(100), ms(400));
    let (engine, mut receiver, did) = prepare(Act::Wait(ms(5)), assignment);
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert!(matches!(last, Some(EngineEvent::Finished { .. })), "{last:?}");
    assert_eq!(sum(&intervals, OperationInterval::count), 400);
    assert_eq!(sum(&intervals, |one| one.scheduled), 400);
    assert_eq!(sum(&intervals, |one| one.sent), 400);
    assert_eq!(sum(&intervals, |one| one.unsent), 0);
    assert_eq!(sum(&intervals, |one| one.warmup_ended), 100);
    // The window is as long as it was asked for, although the last operation was due before its end.
    let measured = intervals.iter().filter(|interval| interval.phase == Phase::Measured);
    assert_eq!(measured.map(|interval| interval.duration_ns).sum::<u64>(), 400_000_000);
    assert_eq!(did.ended.load(Ordering::SeqCst), 500);
    // Each takes at least 5 ms from when it was due, and every one's lateness is recorded.
    assert!(merged(&intervals, |one| one.latency.as_ref()).min().is_some_and(|least| least >= 4_900_000));
    assert_eq!(merged(&intervals, |one| one.send_lag.as_ref()).count(), 400);
}

#[tokio::test]
async fn a_wait_for_a_worker_is_latency_and_no_lateness_of_ours() {
    // One worker that takes 20 ms for each of 100 a second: the last waits for about 0.2 s.
    let (engine, mut receiver, _did) = prepare(Act::Wait(ms(20)), open(100.0, 1, 1, Duration::ZERO, ms(200)));
    let (intervals, _) = play(&engine, &mut receiver).await;
    assert_eq!(sum(&intervals, OperationInterval::count), 20);
    let wait = merged(&intervals, |one| one.worker_wait.as_ref()).max().unwrap_or(0);
    assert!(wait > 150_000_000, "waited at most {wait} ns");
    let service = merged(&intervals, |one| one.service_time.as_ref()).value_at_quantile(0.5).unwrap_or(0);
    let latency = merged(&intervals, |one| one.latency.as_ref()).value_at_quantile(0.5).unwrap_or(0);
    assert!(latency > service + 50_000_000, "latency {latency} ns, service time {service} ns");
}

#[tokio::test]
async fn what_is_due_and_cannot_be_begun_is_unsent_and_never_forgotten() {
    // 1,000 are due, one worker begins at most 50 a second for 0.4 s and the drain of 0.3 s.
    let (engine, mut receiver, did) =
        prepare(Act::Wait(ms(20)), open(2_500.0, 1, 1, Duration::ZERO, ms(400)));
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert!(matches!(last, Some(EngineEvent::Finished { .. })), "{last:?}");
    let (count, unsent) = (sum(&intervals, OperationInterval::count), sum(&intervals, |one| one.unsent));
    assert_eq!(count + unsent, 1_000);
    assert_eq!(count, did.ended.load(Ordering::SeqCst));
    assert!(unsent > 900 && count >= 5, "{count} begun, {unsent} unsent");
    assert_eq!(sum(&intervals, |one| one.scheduled), 1_000);
}

#[tokio::test]
async fn workers_are_added_when_all_are_busy() {
    let (engine, mut receiver, _did) =
        prepare(Act::Wait(ms(100)), open(200.0, 1, 500, Duration::ZERO, ms(500)));
    let (intervals, _) = play(&engine, &mut receiver).await;
    let most = intervals.iter().map(|interval| interval.engine.workers).max().unwrap_or(0);
    assert!((15..=60).contains(&most), "{most} workers for 20 at once");
    assert_eq!(sum(&intervals, OperationInterval::count), 100);
}
