//! Host samples on the wire: bounded in number, and numbers that can be reckoned with.

use shared::host::sample::{CORE_STEPS, CORES_MAX};
use shared::host::{HostMetric, HostSample};

use crate::convert::ConvertError;

/// Most metrics of one sample: four times as many as this version knows.
const METRICS_MAX: usize = 256;

impl From<&HostSample> for crate::HostSample {
    fn from(host: &HostSample) -> Self {
        let bytes = |metric| host.value(metric).map(|bytes: f64| bytes.max(0.0).round() as u64);
        let mut encoded = Self {
            cpu_busy: host.value(HostMetric::CpuBusy),
            cpu_user: host.value(HostMetric::CpuUser),
            cpu_system: host.value(HostMetric::CpuSystem),
            cpu_iowait: host.value(HostMetric::CpuIowait),
            cpu_steal: host.value(HostMetric::CpuSteal),
            memory_used_bytes: bytes(HostMetric::MemoryUsed),
            agent_cpu: host.value(HostMetric::AgentCpu),
            agent_memory_bytes: bytes(HostMetric::AgentMemory),
            metrics: Vec::new(),
            values: Vec::new(),
            cores_busy: host.cores_busy.clone(),
            frequencies_mhz: host.frequencies_mhz.clone(),
        };
        for (metric, value) in host.figures().filter(|(metric, _)| !has_a_field(*metric)) {
            encoded.metrics.push(metric.number());
            encoded.values.push(value);
        }
        encoded
    }
}

impl TryFrom<crate::HostSample> for HostSample {
    type Error = ConvertError;

    fn try_from(host: crate::HostSample) -> Result<Self, ConvertError> {
        if host.metrics.len() > METRICS_MAX || host.metrics.len() != host.values.len() {
            let problem = format!(
                "{} numbers and {} values are not as many, or more than {METRICS_MAX}",
                host.metrics.len(),
                host.values.len()
            );
            return Err(ConvertError::new("metrics", problem));
        }
        if host.cores_busy.len().max(host.frequencies_mhz.len()) > CORES_MAX {
            return Err(ConvertError::new("cores_busy", format!("are more than {CORES_MAX} cores")));
        }
        if host.cores_busy.iter().any(|steps| *steps > CORE_STEPS) {
            return Err(ConvertError::new("cores_busy", "tells a core that is busier than can be"));
        }
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        let fields = [
            (HostMetric::CpuBusy, host.cpu_busy),
            (HostMetric::CpuUser, host.cpu_user),
            (HostMetric::CpuSystem, host.cpu_system),
            (HostMetric::CpuIowait, host.cpu_iowait),
            (HostMetric::CpuSteal, host.cpu_steal),
            (HostMetric::MemoryUsed, bytes(host.memory_used_bytes)),
            (HostMetric::AgentCpu, host.agent_cpu),
            (HostMetric::AgentMemory, bytes(host.agent_memory_bytes)),
        ];
        let listed = host.metrics.into_iter().zip(host.values);
        // Those of a newer agent are none of ours.
        let known = listed.filter_map(|(number, value)| Some((HostMetric::of_number(number)?, value)));
        let told = fields.into_iter().filter_map(|(metric, value)| Some((metric, value?)));
        let mut sample = Self::default();
        (sample.cores_busy, sample.frequencies_mhz) = (host.cores_busy, host.frequencies_mhz);
        for (metric, value) in told.chain(known) {
            if !value.is_finite() {
                return Err(ConvertError::new(metric.name(), "is not a finite number"));
            }
            sample.set(metric, value);
        }
        Ok(sample)
    }
}

/// Whether a metric has a field of its own on the wire: those of the first version.
fn has_a_field(metric: HostMetric) -> bool {
    metric.number() <= HostMetric::AgentMemory.number()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_survives_the_wire() {
        let mut sample = HostSample::of(
            HostMetric::ALL.iter().zip(1_u32..).map(|(metric, value)| (*metric, f64::from(value))),
        );
        sample.set_cores([0.25, 1.0]);
        sample.frequencies_mhz = vec![2_400, 3_600];
        assert_eq!(HostSample::try_from(crate::HostSample::from(&sample)), Ok(sample));
    }

    #[test]
    fn what_a_newer_agent_tells_is_passed_over() {
        let newer =
            crate::HostSample { metrics: vec![9_999, 10], values: vec![1.0, 0.5], ..Default::default() };
        assert_eq!(HostSample::try_from(newer), Ok(HostSample::of([(HostMetric::CpuSoftirq, 0.5)])));
    }

    #[test]
    fn hostile_samples_are_refused() {
        let refused = |sample: crate::HostSample| HostSample::try_from(sample).unwrap_err().field;
        let none = crate::HostSample::default;
        assert_eq!(refused(crate::HostSample { metrics: vec![9], ..none() }), "metrics");
        let many = METRICS_MAX + 1;
        assert_eq!(
            refused(crate::HostSample { metrics: vec![9; many], values: vec![0.0; many], ..none() }),
            "metrics"
        );
        assert_eq!(
            refused(crate::HostSample { metrics: vec![9], values: vec![f64::NAN], ..none() }),
            "cpu_irq"
        );
        assert_eq!(refused(crate::HostSample { cpu_busy: Some(f64::INFINITY), ..none() }), "cpu_busy");
        assert_eq!(refused(crate::HostSample { cores_busy: vec![201], ..none() }), "cores_busy");
        assert_eq!(refused(crate::HostSample { cores_busy: vec![0; CORES_MAX + 1], ..none() }), "cores_busy");
        assert_eq!(
            refused(crate::HostSample { frequencies_mhz: vec![0; CORES_MAX + 1], ..none() }),
            "cores_busy"
        );
    }
}
