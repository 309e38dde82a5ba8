//! Metrics that measured programs name themselves, and what they say beside them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use shared::interval::{METRICS_MAX, MetricInterval, REMARKS_MAX, Remark};

use crate::workload::{Outcome, ReportedMetric};

/// What the programs of one operation reported over one interval. Most operations report nothing: then it is two empty lists.
#[derive(Debug, Default)]
pub(super) struct ReportedTally {
    metrics: BTreeMap<String, ReportedMetric>,
    remarks: Vec<Remark>,
    /// Metrics that had no room, or came with another unit or kind than before.
    refused: u64,
}

impl ReportedTally {
    /// Takes what one operation reported. `beside` metrics of the operation are counted elsewhere and take part of the room.
    #[cold]
    #[inline(never)]
    pub(super) fn take_in(&mut self, outcome: &mut Outcome, beside: usize) {
        for metric in outcome.reported.drain(..) {
            self.take(metric.spec().name.clone(), beside, metric);
        }
        outcome.remarks.drain(..).for_each(|remark| self.keep(&remark));
    }

    /// Adds what another thread took in.
    pub(super) fn add(&mut self, other: &Self, beside: usize) {
        for (name, metric) in &other.metrics {
            self.take(name.clone(), beside, metric.clone());
        }
        other.remarks.iter().for_each(|remark| self.keep(remark));
        self.refused += other.refused;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.metrics.clear();
        self.remarks.clear();
        self.refused = 0;
    }

    /// Metrics and values that could not be told as they were.
    pub(super) fn left_out(&self) -> u64 {
        self.refused + self.metrics.values().map(ReportedMetric::overflowed).sum::<u64>()
    }

    /// The metrics as an interval tells them.
    pub(super) fn encode(&self) -> impl Iterator<Item = (String, MetricInterval)> + '_ {
        self.metrics.iter().filter_map(|(name, metric)| Some((name.clone(), metric.encode()?)))
    }

    /// What was said, each once.
    pub(super) fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    fn take(&mut self, name: String, beside: usize, metric: ReportedMetric) {
        let has_room = self.metrics.len() + beside < METRICS_MAX;
        match self.metrics.entry(name) {
            Entry::Occupied(mut known) => self.refused += u64::from(!known.get_mut().add(&metric)),
            Entry::Vacant(place) if has_room => drop(place.insert(metric)),
            Entry::Vacant(_) => self.refused += 1,
        }
    }

    fn keep(&mut self, remark: &Remark) {
        if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(remark) {
            self.remarks.push(remark.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::interval::RemarkKind;
    use shared::metric::Summary;

    use super::*;

    fn reporting(name: &str, unit: &str) -> Outcome {
        let mut summary = Summary::default();
        assert!(summary.record(2.0));
        let metric = ReportedMetric::of_summary(name.to_owned(), unit.to_owned(), summary);
        let remarks = vec![Remark::new(RemarkKind::LastWords, "done")];
        Outcome { reported: vec![metric], remarks, ..Outcome::default() }
    }

    #[test]
    fn what_threads_took_in_adds_up_by_name() {
        let (mut one, mut other) = (ReportedTally::default(), ReportedTally::default());
        one.take_in(&mut reporting("a", "ns"), 0);
        other.take_in(&mut reporting("a", "ns"), 0);
        other.take_in(&mut reporting("b", "ns"), 0);
        one.add(&other, 0);
        let told: Vec<_> = one.encode().map(|(name, metric)| (name, metric.summary.count())).collect();
        assert_eq!(told, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        assert_eq!((one.remarks().len(), one.left_out()), (1, 0));
    }

    #[test]
    fn what_changes_its_unit_or_has_no_room_is_counted_as_left_out() {
        let mut tally = ReportedTally::default();
        tally.take_in(&mut reporting("a", "ns"), 0);
        tally.take_in(&mut reporting("a", "bytes"), 0);
        tally.take_in(&mut reporting("b", "ns"), METRICS_MAX - 1);
        assert_eq!((tally.encode().count(), tally.left_out()), (1, 2));
        tally.clear();
        assert_eq!((tally.encode().count(), tally.left_out(), tally.remarks().len()), (0, 0, 0));
    }
}
