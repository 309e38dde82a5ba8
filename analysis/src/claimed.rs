//! Estimates of the metrics that claims name and that are not estimated of every run: a p99.9, a metric of a host.

use std::collections::BTreeSet;

use shared::metric::MetricName;
use shared::run_report::{Estimate, VariantReport};

use crate::assemble::subject::Subject;
use crate::claims::series::Series;
use crate::estimate::mean_with_interval;

/// What the valid trials of a variant say together about a metric: of all agents, or of each agent or pair that stands alone.
/// Without a value in every one of them there is no mean: it would be one of a selection.
pub fn estimates(variant: &VariantReport, metric: &MetricName) -> Vec<Estimate> {
    let subjects: BTreeSet<Subject> = variant.trials.iter().map(Subject::of).collect();
    let of_subject = |subject: Subject| {
        let series = Series::of(0, variant, &subject, metric);
        let values = series.values();
        let is_whole = values.len() == series.valid.len();
        let (mean, ci95) = if is_whole { mean_with_interval(&values, series.scale()) } else { (None, None) };
        Estimate {
            metric: metric.to_string(),
            unit: series.unit().to_owned(),
            agent: subject.agent(),
            pair: subject.pair(),
            n: values.len() as u64,
            mean,
            ci95,
        }
    };
    subjects.into_iter().map(of_subject).filter(|estimate| estimate.n > 0).collect()
}
