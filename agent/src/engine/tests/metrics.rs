//! Metrics on real threads: what a workload takes out of responses arrives in the intervals, each value once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::ids::OperationIndex;
use shared::interval::{Interval, MetricInterval};
use shared::job::{Warmup, Window};
use shared::metric::{MetricKind, MetricSpec};
use tokio::sync::mpsc;

use super::{AGENT, assignment, ms, play};
use crate::engine::{Engine, boxed};
use crate::workload::{Outcome, PrepareError, Seat, Worker, Workload};

/// Tells of each operation `read` its number, whether it is even, and things that count nowhere.
struct Teller {
    specs: Vec<MetricSpec>,
    told: Arc<AtomicU64>,
}

struct TellingWorker(Arc<AtomicU64>);

impl Teller {
    fn of(metrics: &[(&str, MetricKind)]) -> Self {
        let spec = |(name, kind): &(&str, MetricKind)| MetricSpec {
            name: (*name).to_owned(),
            unit: "things".to_owned(),
            kind: *kind,
        };
        Self { specs: metrics.iter().map(spec).collect(), told: Arc::default() }
    }
}

impl Workload for Teller {
    type Desk = ();
    type Worker = TellingWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), _seat: Seat) -> TellingWorker {
        TellingWorker(Arc::clone(&self.told))
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        if operation.0 == 0 { &self.specs } else { &[] }
    }
}

impl Worker for TellingWorker {
    async fn ready(&mut self) {}

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        tokio::time::sleep(ms(1)).await;
        assert!(outcome.metrics.is_empty(), "what was told before is forgotten");
        if operation.0 == 0 {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let is_even = f64::from(u8::from(number.is_multiple_of(2)));
            let nowhere = [(0, f64::NAN), (1, 0.5), (1, f64::INFINITY), (77, 1.0)];
            outcome.metrics.extend([(0, number as f64), (1, is_even)]);
            outcome.metrics.extend(nowhere);
        } else {
            outcome.metrics.push((0, 1.0));
        }
    }
}

fn sum_of(intervals: &[Interval], name: &str) -> MetricInterval {
    let operations = intervals.iter().flat_map(|interval| &interval.operations);
    let parts: Vec<&MetricInterval> =
        operations.filter_map(|operation| operation.metrics.get(name)).collect();
    MetricInterval::sum_of(&parts).unwrap()
}

#[tokio::test]
async fn every_value_of_every_thread_is_counted_once() {
    let mut assignment = assignment(6, Warmup::For(ms(0)), Window::Iterations(400));
    assignment.load.threads = Some(3);
    let teller = Teller::of(&[("number", MetricKind::Histogram), ("even", MetricKind::Ratio)]);
    let told = Arc::clone(&teller.told);
    let (events, mut receiver) = mpsc::channel(4);
    let engine = Engine::prepare(AGENT, assignment, boxed(teller), Box::new(|| None), events).unwrap();
    let (intervals, _) = play(&engine, &mut receiver).await;
    let count = told.load(Ordering::SeqCst);
    let number = sum_of(&intervals, "number");
    assert_eq!((number.summary.count(), number.unit.as_str()), (count, "things"));
    let (least, most) = (Some(0.0), Some((count - 1) as f64));
    assert_eq!((number.summary.min(), number.summary.max()), (least, most));
    assert!((number.summary.mean().unwrap() - (count - 1) as f64 / 2.0).abs() < 1e-6);
    // Each number was told once, so that each bucket up to the highest holds one.
    let histogram = number.histogram.unwrap().decode();
    assert!(histogram.recorded().zip(0..).all(|(bucket, place)| (bucket.lowest, bucket.count) == (place, 1)));
    let even = sum_of(&intervals, "even");
    assert_eq!((even.summary.count(), even.histogram), (count, None));
    assert!((even.summary.mean().unwrap() - count.div_ceil(2) as f64 / count as f64).abs() < 1e-9);
    let operations = intervals.iter().flat_map(|interval| &interval.operations);
    let mut writes = operations.filter(|operation| operation.operation.0 == 1);
    assert!(writes.all(|write| write.metrics.is_empty() && write.overflowed == 0));
}

#[tokio::test]
async fn metrics_of_one_name_are_refused_before_the_trial() {
    let teller = Teller::of(&[("hit", MetricKind::Ratio), ("hit", MetricKind::Gauge)]);
    let assignment = assignment(1, Warmup::For(ms(0)), Window::Iterations(1));
    let (events, _receiver) = mpsc::channel(4);
    let refused = Engine::prepare(AGENT, assignment, boxed(teller), Box::new(|| None), events);
    let expected = "operation read: the metric \"hit\" is defined twice: give each a name of its own";
    assert_eq!(refused.err(), Some(PrepareError(expected.to_owned())));
}
