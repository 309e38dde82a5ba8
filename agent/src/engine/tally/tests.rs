//! One tally, worked out by hand.

use shared::histogram::HIGHEST_TRACKABLE;
use shared::metric::{MetricKind, MetricSpec, Summary};

use super::*;

const READ: OperationIndex = OperationIndex(0);

fn number(kind: MetricKind) -> Vec<MetricSpec> {
    vec![MetricSpec { name: "number".to_owned(), unit: String::new(), kind }]
}

fn end(tally: &mut Tally, mut outcome: Outcome) {
    tally.begin(READ);
    tally.end(READ, Timing::closed(5), &mut outcome);
}

#[test]
fn what_a_histogram_cannot_tell_is_kept_at_its_bounds_and_counted_as_overflow() {
    let operation = OperationShape { measures: &[], metrics: number(MetricKind::Histogram) };
    let shape = Shape { operations: [operation].into(), is_open: false };
    let (mut one, mut other) = (Tally::new(&shape), Tally::new(&shape));
    let told = |value: f64| Outcome { metrics: vec![(0, value)], ..Outcome::default() };
    [-7.0, 2.5].into_iter().for_each(|value| end(&mut one, told(value)));
    end(&mut other, told(1e30));
    one.add(&other);
    let read = one.encode(&shape).remove(0);
    assert_eq!(read.overflowed, 2);
    let metric = &read.metrics["number"];
    let summary_of = |values: &[f64]| {
        let mut summary = Summary::default();
        assert!(values.iter().all(|value| summary.record(*value)));
        summary
    };
    let mut expected = summary_of(&[-7.0, 2.5]);
    expected.add(&summary_of(&[1e30]));
    assert_eq!(metric.summary, expected, "the summary knows them as they were");
    let histogram = metric.histogram.as_ref().unwrap().decode();
    assert_eq!((histogram.count(), histogram.min(), histogram.value_at_rank(2)), (3, Some(0), Some(3)));
    assert!(histogram.max().is_some_and(|highest| highest >= HIGHEST_TRACKABLE));
    one.clear();
    assert!(one.encode(&shape).is_empty());
}

#[test]
fn measures_take_memory_from_their_first_value_on_and_are_told_by_name() {
    let operation =
        OperationShape { measures: &[("connect", "ns"), ("first_byte", "ns")], metrics: Vec::new() };
    let shape = Shape { operations: [operation].into(), is_open: false };
    let (mut one, mut other) = (Tally::new(&shape), Tally::new(&shape));
    end(&mut one, Outcome::default());
    assert!(one.operations[0].measures.iter().all(Option::is_none));
    let mut outcome = Outcome::default();
    outcome.measures.note(1, Some(300));
    end(&mut other, outcome);
    one.add(&other);
    let read = one.encode(&shape).remove(0);
    assert_eq!(read.measures.keys().collect::<Vec<_>>(), ["first_byte"]);
    assert_eq!(read.measures["first_byte"].decode().value_at_rank(1), Some(300));
}
