//! How fast the cores run, policy by policy. Virtual machines tell no frequency, and none is guessed.

use shared::host::HostMetric;
use shared::host::sample::CORES_MAX;

use super::super::source::Source;
use super::{Instrument, Look};

const CPUFREQ: &str = "sys/devices/system/cpu/cpufreq";

/// Reads `scaling_cur_freq` of every policy.
#[derive(Debug)]
pub(super) struct Frequency {
    files: Vec<String>,
}

impl Frequency {
    /// Finds the policies.
    pub(super) fn new(source: &Source) -> Self {
        let policies = source.numbered(CPUFREQ, "policy").unwrap_or_default();
        let files = policies.iter().map(|(_, policy)| format!("{CPUFREQ}/{policy}/scaling_cur_freq"));
        Self { files: files.take(CORES_MAX).collect() }
    }
}

impl Instrument for Frequency {
    fn look(&mut self, look: &mut Look<'_>) {
        let read = self.files.iter().filter_map(|file| look.source.number(file).ok());
        let mhz: Vec<u32> = read.filter_map(|khz| u32::try_from(khz / 1_000).ok()).collect();
        if mhz.is_empty() {
            return;
        }
        let mean = mhz.iter().copied().map(f64::from).sum::<f64>() / mhz.len() as f64;
        look.sample.set(HostMetric::Frequency, mean);
        look.sample.set_if_known(HostMetric::FrequencyLowest, mhz.iter().min().copied().map(f64::from));
        look.sample.frequencies_mhz = mhz;
    }
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::root_with;

    #[test]
    fn every_policy_counts() {
        let root = root_with(&[
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1200000\n"),
            ("sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq", "3600000\n"),
        ]);
        let sample = HostProbe::under(root.path()).sample().unwrap();
        assert_eq!(sample.frequencies_mhz, [1_200, 3_600]);
        assert_eq!(sample.value(HostMetric::Frequency), Some(2_400.0));
        assert_eq!(sample.value(HostMetric::FrequencyLowest), Some(1_200.0));
    }
}
