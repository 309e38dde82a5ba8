//! Foreign CPU time: what programs used that neither are the agent nor were started by it, nor are observed.

use shared::host::HostMetric;

use super::{Instrument, Look};

/// Reckons with what the instruments before it have read.
#[derive(Debug)]
pub(super) struct Foreign;

impl Instrument for Foreign {
    fn look(&mut self, look: &mut Look<'_>) {
        let sample = &look.sample;
        let cores = sample.cores_busy.len();
        let known = || {
            // Interrupts are served in whoever's time it is, and stolen time was nobody's here.
            let of_interrupts = sample.value(HostMetric::CpuIrq)? + sample.value(HostMetric::CpuSoftirq)?;
            let used =
                sample.value(HostMetric::CpuUser)? + sample.value(HostMetric::CpuSystem)? - of_interrupts;
            let own_cores = sample.value(HostMetric::AgentCpu)? + sample.value(HostMetric::WorkloadCpu)?;
            Some((used - own_cores / cores as f64).max(0.0))
        };
        let foreign = known().filter(|_| cores > 0);
        look.sample.set_if_known(HostMetric::ForeignCpu, foreign);
    }
}
