//! Intervals: the bytes that agents send and the store keeps, and what they mean.
//!
//! Rooms: `host`, how a host fared; `metric`, what was taken out of responses; `remark`, what programs said beside their figures;
//! `slow`, the slowest operations.

mod host;
mod metric;
mod remark;
mod slow;

use std::collections::BTreeMap;

use prost::Message;
use shared::histogram::EncodedHistogram;
use shared::host::Fingerprint;
use shared::ids::{IntervalSequence, OperationIndex};
use shared::interval::fold::{FOLDED_MAX, Folded};
use shared::interval::{
    ERROR_SAMPLES_MAX, EngineSample, ErrorKind, ErrorSample, Interval, MEASURES_MAX, OPERATIONS_MAX,
    OperationInterval, Phase,
};
use shared::metric::spec::METRIC_NAME_BYTES_MAX;

use super::{ConvertError, agent_id, trial_key};

/// Largest encoded interval, in bytes: 256 operations with a few thousand distinct latencies each fit.
pub const INTERVAL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest fingerprint, in bytes: a host with a hundred disks takes a tenth of it.
pub const FINGERPRINT_BYTES_MAX: usize = 256 * 1024;

/// Encodes an interval: what travels, and what is stored.
pub fn encode(interval: &Interval) -> Vec<u8> {
    crate::Interval::from(interval).encode_to_vec()
}

/// Decodes and checks an interval in full.
///
/// # Errors
/// [`ConvertError`] names the first field that breaks the wire's rules.
pub fn decode(bytes: &[u8]) -> Result<Interval, ConvertError> {
    if bytes.len() > INTERVAL_BYTES_MAX {
        return Err(ConvertError::new(
            "interval",
            format!("{} bytes are more than {INTERVAL_BYTES_MAX}", bytes.len()),
        ));
    }
    crate::Interval::decode(bytes).map_err(|error| ConvertError::new("interval", error))?.try_into()
}

impl From<&Interval> for crate::Interval {
    fn from(interval: &Interval) -> Self {
        let phase = match interval.phase {
            Phase::Warmup => crate::Phase::Warmup,
            Phase::Measured => crate::Phase::Measured,
            Phase::Drain => crate::Phase::Drain,
        };
        Self {
            trial: Some(interval.trial.into()),
            agent_id: interval.agent.as_bytes().to_vec(),
            sequence: interval.sequence.0,
            phase: phase.into(),
            start_ns: interval.start_ns,
            duration_ns: interval.duration_ns,
            is_last: interval.is_last,
            operations: interval.operations.iter().map(Into::into).collect(),
            engine: Some(crate::EngineSample {
                busiest_thread_cpu: interval.engine.busiest_thread_cpu,
                threads: interval.engine.threads,
                workers: interval.engine.workers,
                late_ns: interval.engine.late_ns,
            }),
            host: interval.host.as_ref().map(Into::into),
            // A fingerprint holds only texts, numbers and lists of them.
            fingerprint_json: interval.fingerprint.as_ref().and_then(|it| serde_json::to_string(it).ok()),
            observed: interval.observed.iter().map(|(name, metric)| (name.clone(), metric.into())).collect(),
            folded: interval.folded.as_ref().map(|folded| crate::Folded {
                intervals: folded.intervals,
                host_lowest: folded.host_lowest.as_ref().map(Into::into),
                host_highest: folded.host_highest.as_ref().map(Into::into),
            }),
        }
    }
}

impl TryFrom<crate::Interval> for Interval {
    type Error = ConvertError;

    fn try_from(interval: crate::Interval) -> Result<Self, ConvertError> {
        let phase = match interval.phase() {
            crate::Phase::Warmup => Phase::Warmup,
            crate::Phase::Measured => Phase::Measured,
            crate::Phase::Drain => Phase::Drain,
            crate::Phase::Unspecified => return Err(ConvertError::missing("phase")),
        };
        if interval.operations.len() > OPERATIONS_MAX {
            return Err(ConvertError::new(
                "operations",
                format!("{} are more than {OPERATIONS_MAX}", interval.operations.len()),
            ));
        }
        let engine = interval.engine.ok_or(ConvertError::missing("engine"))?;
        Ok(Self {
            trial: trial_key(interval.trial)?,
            agent: agent_id(&interval.agent_id)?,
            sequence: IntervalSequence(interval.sequence),
            phase,
            start_ns: interval.start_ns,
            duration_ns: interval.duration_ns,
            is_last: interval.is_last,
            operations: interval.operations.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            engine: EngineSample {
                busiest_thread_cpu: finite("busiest_thread_cpu", engine.busiest_thread_cpu)?,
                threads: engine.threads,
                workers: engine.workers,
                late_ns: engine.late_ns,
            },
            host: interval.host.map(TryInto::try_into).transpose()?,
            fingerprint: interval.fingerprint_json.as_deref().map(fingerprint).transpose()?,
            observed: metric::metrics(interval.observed)?,
            folded: interval.folded.map(TryInto::try_into).transpose()?,
        })
    }
}

fn fingerprint(json: &str) -> Result<Box<Fingerprint>, ConvertError> {
    if json.len() > FINGERPRINT_BYTES_MAX {
        let problem = format!("{} bytes are more than {FINGERPRINT_BYTES_MAX}", json.len());
        return Err(ConvertError::new("fingerprint_json", problem));
    }
    serde_json::from_str(json).map_err(|error| ConvertError::new("fingerprint_json", error))
}

impl TryFrom<crate::Folded> for Folded {
    type Error = ConvertError;

    fn try_from(folded: crate::Folded) -> Result<Self, ConvertError> {
        if folded.intervals == 0 || folded.intervals > FOLDED_MAX as u64 {
            let problem = format!("{} intervals are not 1 to {FOLDED_MAX}", folded.intervals);
            return Err(ConvertError::new("folded", problem));
        }
        Ok(Self {
            intervals: folded.intervals,
            host_lowest: folded.host_lowest.map(TryInto::try_into).transpose()?,
            host_highest: folded.host_highest.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<&OperationInterval> for crate::OperationInterval {
    fn from(operation: &OperationInterval) -> Self {
        let bytes_of = |histogram: &Option<EncodedHistogram>| {
            histogram.as_ref().map(|histogram| histogram.as_bytes().to_vec())
        };
        Self {
            operation: u32::from(operation.operation.0),
            warmup_ended: operation.warmup_ended,
            scheduled: operation.scheduled,
            sent: operation.sent,
            unsent: operation.unsent,
            errors: operation.errors.iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect(),
            error_samples: operation
                .error_samples
                .iter()
                .map(|sample| crate::ErrorSample {
                    kind: sample.kind.as_str().to_owned(),
                    message: sample.message.clone(),
                })
                .collect(),
            bytes_sent: operation.bytes_sent,
            bytes_received: operation.bytes_received,
            connects: operation.connects,
            overflowed: operation.overflowed,
            latency: bytes_of(&operation.latency),
            service_time: bytes_of(&operation.service_time),
            send_lag: bytes_of(&operation.send_lag),
            worker_wait: bytes_of(&operation.worker_wait),
            failed: bytes_of(&operation.failed),
            measures: operation
                .measures
                .iter()
                .map(|(name, histogram)| (name.clone(), histogram.as_bytes().to_vec()))
                .collect(),
            metrics: operation.metrics.iter().map(|(name, metric)| (name.clone(), metric.into())).collect(),
            remarks: operation.remarks.iter().map(remark::written).collect(),
            slowest: operation.slowest.iter().map(slow::written).collect(),
        }
    }
}

impl TryFrom<crate::OperationInterval> for OperationInterval {
    type Error = ConvertError;

    fn try_from(operation: crate::OperationInterval) -> Result<Self, ConvertError> {
        let index =
            u16::try_from(operation.operation).ok().filter(|index| usize::from(*index) < OPERATIONS_MAX);
        if operation.error_samples.len() > ERROR_SAMPLES_MAX {
            return Err(ConvertError::new(
                "error_samples",
                format!("{} are more than {ERROR_SAMPLES_MAX}", operation.error_samples.len()),
            ));
        }
        let errors: BTreeMap<ErrorKind, u64> = operation
            .errors
            .into_iter()
            .map(|(kind, count)| Ok((error_kind(&kind)?, count)))
            .collect::<Result<_, ConvertError>>()?;
        let failed = histogram("failed", operation.failed)?;
        let failed_count = failed.as_ref().map_or(0, EncodedHistogram::count);
        if errors.values().try_fold(0_u64, |sum, count| sum.checked_add(*count)) != Some(failed_count) {
            return Err(ConvertError::new(
                "errors",
                format!("their counts do not add up to the {failed_count} values of `failed`"),
            ));
        }
        Ok(Self {
            operation: OperationIndex(index.ok_or_else(|| {
                ConvertError::new(
                    "operation",
                    format!("{} is not below {OPERATIONS_MAX}", operation.operation),
                )
            })?),
            warmup_ended: operation.warmup_ended,
            scheduled: operation.scheduled,
            sent: operation.sent,
            unsent: operation.unsent,
            errors,
            error_samples: operation
                .error_samples
                .into_iter()
                .map(|sample| Ok(ErrorSample::new(error_kind(&sample.kind)?, sample.message)))
                .collect::<Result<_, ConvertError>>()?,
            bytes_sent: operation.bytes_sent,
            bytes_received: operation.bytes_received,
            connects: operation.connects,
            overflowed: operation.overflowed,
            latency: histogram("latency", operation.latency)?,
            service_time: histogram("service_time", operation.service_time)?,
            send_lag: histogram("send_lag", operation.send_lag)?,
            worker_wait: histogram("worker_wait", operation.worker_wait)?,
            failed,
            measures: measures(operation.measures)?,
            metrics: metric::metrics(operation.metrics)?,
            remarks: remark::remarks(operation.remarks)?,
            slowest: slow::slowest(operation.slowest)?,
        })
    }
}

fn measures(measures: BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, EncodedHistogram>, ConvertError> {
    if measures.len() > MEASURES_MAX {
        return Err(ConvertError::new(
            "measures",
            format!("{} are more than {MEASURES_MAX}", measures.len()),
        ));
    }
    let check = |(name, bytes): (String, Vec<u8>)| {
        if name.is_empty() || name.len() > METRIC_NAME_BYTES_MAX {
            return Err(ConvertError::new(
                "measures",
                format!("a name of {} bytes is not 1 to {METRIC_NAME_BYTES_MAX} bytes long", name.len()),
            ));
        }
        let histogram =
            EncodedHistogram::parse(bytes).map_err(|error| ConvertError::new("measures", error))?;
        Ok((name, histogram))
    };
    measures.into_iter().map(check).collect()
}

fn histogram(field: &'static str, bytes: Option<Vec<u8>>) -> Result<Option<EncodedHistogram>, ConvertError> {
    bytes
        .map(|bytes| EncodedHistogram::parse(bytes).map_err(|error| ConvertError::new(field, error)))
        .transpose()
}

fn error_kind(word: &str) -> Result<ErrorKind, ConvertError> {
    ErrorKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| ConvertError::new("errors", format!("{word:?} is not a kind of error")))
}

fn finite(field: &'static str, value: Option<f64>) -> Result<Option<f64>, ConvertError> {
    match value {
        Some(value) if !value.is_finite() => Err(ConvertError::new(field, "is not a finite number")),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::histogram::Histogram;
    use shared::host::{HostMetric, HostSample};
    use shared::ids::{AgentId, RunId, TrialIndex, TrialKey};

    use super::*;

    fn interval(values: &[u64], errors: u64) -> Interval {
        let mut latency: Histogram = Histogram::new();
        values.iter().for_each(|value| latency.record(*value));
        let mut failed: Histogram = Histogram::new();
        failed.record_many(1_000, errors);
        let operation = OperationInterval {
            operation: OperationIndex(3),
            scheduled: values.len() as u64 + errors,
            sent: values.len() as u64 + errors,
            latency: Some(EncodedHistogram::encode(&latency)),
            failed: (errors > 0).then(|| EncodedHistogram::encode(&failed)),
            errors: if errors > 0 { [(ErrorKind::Timeout, errors)].into() } else { BTreeMap::new() },
            error_samples: vec![ErrorSample::new(ErrorKind::Timeout, "no answer within 10 s")],
            measures: [("cpu_time".to_owned(), EncodedHistogram::encode(&latency))].into(),
            ..OperationInterval::default()
        };
        Interval {
            trial: TrialKey { run: RunId::new(1, [7; 10]), trial: TrialIndex(2), attempt: 1 },
            agent: AgentId::new([9; 16]),
            sequence: IntervalSequence(4),
            phase: Phase::Measured,
            start_ns: 5,
            duration_ns: 1_000_000_000,
            is_last: true,
            operations: vec![operation],
            engine: EngineSample { busiest_thread_cpu: Some(0.5), threads: 1, workers: 8, late_ns: 90_000 },
            host: Some(HostSample::of([(HostMetric::CpuBusy, 0.25), (HostMetric::RunQueue, 3.0)])),
            fingerprint: Some(Box::new(Fingerprint {
                kernel: Some("6.1".to_owned()),
                ..Fingerprint::default()
            })),
            observed: BTreeMap::new(),
            folded: None,
        }
    }

    proptest! {
        #[test]
        fn an_interval_survives_the_wire(values in prop::collection::vec(0..10_000_000_u64, 0..100), errors in 0..5_u64) {
            let interval = interval(&values, errors);
            prop_assert_eq!(decode(&encode(&interval)), Ok(interval));
        }

        #[test]
        fn hostile_bytes_are_refused_without_a_panic(mut bytes in Just(encode(&interval(&[1, 2, 3_000_000], 2))), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _either_is_fine = decode(&bytes);
        }
    }

    #[test]
    fn a_fingerprint_that_is_none_is_refused() {
        let spoiled = |json: &str| {
            let spoiled =
                crate::Interval { fingerprint_json: Some(json.to_owned()), ..(&interval(&[1], 0)).into() };
            decode(&spoiled.encode_to_vec()).map_err(|error| error.field)
        };
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(FINGERPRINT_BYTES_MAX));
        for json in ["", "[]", "{\"kernel\":7}", &long] {
            assert_eq!(spoiled(json), Err("fingerprint_json"), "{} bytes", json.len());
        }
    }

    #[test]
    fn errors_that_do_not_add_up_are_refused() {
        let mut interval = interval(&[1], 2);
        interval.operations[0].errors.insert(ErrorKind::Closed, 1);
        assert_eq!(decode(&encode(&interval)).map_err(|error| error.field), Err("errors"));
    }
}
