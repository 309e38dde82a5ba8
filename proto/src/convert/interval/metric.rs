//! Metrics of an operation on the wire: bounded in number and size, and such as values could have given.

use std::collections::BTreeMap;

use shared::interval::{METRICS_MAX, MetricInterval};
use shared::metric::{MetricKind, MetricSpec, Summary};

use crate::convert::ConvertError;

impl From<&MetricInterval> for crate::MetricInterval {
    fn from(metric: &MetricInterval) -> Self {
        let kind = match metric.kind {
            MetricKind::Gauge => crate::MetricKind::Gauge,
            MetricKind::Ratio => crate::MetricKind::Ratio,
            MetricKind::Histogram => crate::MetricKind::Histogram,
        };
        let summary = &metric.summary;
        Self {
            unit: metric.unit.clone(),
            kind: kind.into(),
            count: summary.count(),
            mean: summary.mean().unwrap_or_default(),
            m2: summary.m2().unwrap_or_default(),
            min: summary.min().unwrap_or_default(),
            max: summary.max().unwrap_or_default(),
            histogram: metric.histogram.as_ref().map(|histogram| histogram.as_bytes().to_vec()),
        }
    }
}

/// Reads the metrics of one operation.
///
/// # Errors
/// When there are too many, or one breaks a bound or could come from no values.
pub(super) fn metrics(
    metrics: BTreeMap<String, crate::MetricInterval>,
) -> Result<BTreeMap<String, MetricInterval>, ConvertError> {
    if metrics.len() > METRICS_MAX {
        return Err(ConvertError::new("metrics", format!("{} are more than {METRICS_MAX}", metrics.len())));
    }
    metrics.into_iter().map(|(name, metric)| Ok((name.clone(), checked(name, metric)?))).collect()
}

fn checked(name: String, metric: crate::MetricInterval) -> Result<MetricInterval, ConvertError> {
    let broken = |problem: String| ConvertError::new("metrics", format!("{name:?}: {problem}"));
    let kind = match metric.kind() {
        crate::MetricKind::Gauge => MetricKind::Gauge,
        crate::MetricKind::Ratio => MetricKind::Ratio,
        crate::MetricKind::Histogram => MetricKind::Histogram,
        crate::MetricKind::Unspecified => return Err(broken("its kind is missing".to_owned())),
    };
    let spec = MetricSpec { name: name.clone(), unit: metric.unit, kind };
    spec.check().map_err(|error| ConvertError::new("metrics", error))?;
    let summary = Summary::of_parts(metric.count, metric.mean, metric.m2, metric.min, metric.max)
        .map_err(|error| broken(error.to_string()))?;
    if kind == MetricKind::Ratio && (metric.min < 0.0 || metric.max > 1.0) {
        return Err(broken(format!("a ratio's values lie in 0 to 1, not {} to {}", metric.min, metric.max)));
    }
    let histogram = super::histogram("metrics", metric.histogram)?;
    let counted = histogram.as_ref().map(|histogram| histogram.count());
    let expected = (kind == MetricKind::Histogram).then_some(metric.count);
    if counted != expected {
        let said = |count: Option<u64>| count.map_or("no".to_owned(), |count| count.to_string());
        return Err(broken(format!(
            "its histogram has {} values where {} are due",
            said(counted),
            said(expected)
        )));
    }
    Ok(MetricInterval { unit: spec.unit, kind, summary, histogram })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::histogram::{EncodedHistogram, Histogram};
    use shared::metric::spec::METRIC_NAME_BYTES_MAX;

    use super::*;

    fn metric(kind: MetricKind, values: &[f64]) -> MetricInterval {
        let (mut summary, mut histogram) = (Summary::default(), Histogram::<u64>::new());
        for value in values {
            assert!(summary.record(*value));
            histogram.record(*value as u64);
        }
        let histogram = (kind == MetricKind::Histogram).then(|| EncodedHistogram::encode(&histogram));
        MetricInterval { unit: "ns".to_owned(), kind, summary, histogram }
    }

    fn read(name: &str, metric: crate::MetricInterval) -> Result<MetricInterval, String> {
        let mut read =
            metrics(BTreeMap::from([(name.to_owned(), metric)])).map_err(|error| error.to_string())?;
        Ok(read.remove(name).unwrap())
    }

    proptest! {
        #[test]
        fn a_metric_survives_the_wire(values in prop::collection::vec(-1e9..1e9_f64, 1..50)) {
            for kind in [MetricKind::Gauge, MetricKind::Histogram] {
                let metric = metric(kind, &values);
                prop_assert_eq!(read("took", (&metric).into()), Ok(metric));
            }
        }
    }

    #[test]
    fn what_no_values_could_give_is_refused() {
        let good: crate::MetricInterval = (&metric(MetricKind::Histogram, &[1.0, 3.0])).into();
        type Spoil = fn(&mut crate::MetricInterval);
        let broken: [(&str, Spoil); 9] = [
            ("not a finite number", |it| it.mean = f64::NAN),
            ("not a finite number", |it| it.max = f64::INFINITY),
            ("cannot be the squared deviations", |it| it.m2 = -1.0),
            ("does not lie between", |it| it.min = 4.0),
            ("says nothing", |it| it.count = 0),
            ("values where 2 are due", |it| it.histogram = None),
            ("2 values where no are due", |it| it.kind = crate::MetricKind::Gauge.into()),
            ("lie in 0 to 1", |it| it.kind = crate::MetricKind::Ratio.into()),
            ("kind is missing", |it| it.kind = 77),
        ];
        assert!(read("took", good.clone()).is_ok());
        for (problem, spoil) in broken {
            let mut spoiled = good.clone();
            spoil(&mut spoiled);
            let error = read("took", spoiled).unwrap_err();
            assert!(error.contains(problem), "{error} lacks {problem}");
        }
    }

    #[test]
    fn names_units_and_their_number_are_bounded() {
        let good: crate::MetricInterval = (&metric(MetricKind::Gauge, &[1.0])).into();
        assert!(read("", good.clone()).is_err());
        assert!(read(&"x".repeat(METRIC_NAME_BYTES_MAX + 1), good.clone()).is_err());
        assert!(read("took", crate::MetricInterval { unit: "x".repeat(33), ..good.clone() }).is_err());
        let many = (0..=METRICS_MAX).map(|number| (number.to_string(), good.clone())).collect();
        assert!(metrics(many).is_err());
    }
}
