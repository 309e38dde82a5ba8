//! How a host fared over one interval: a value of each metric that could be read, and in short what each core did.

use std::collections::BTreeMap;

use super::metric::HostMetric;

/// Most cores that are told one by one, of the machines with the most cores that there are.
pub const CORES_MAX: usize = 4_096;
/// In how many steps the busy share of a core is told: a byte holds it, and half a per cent is finer than a tick of a second.
pub const CORE_STEPS: u8 = 200;

/// How a host fared over one interval. What could not be read is not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostSample {
    figures: BTreeMap<HostMetric, f64>,
    /// The busy share of each core in parts of [`CORE_STEPS`], by its number among those online; at most [`CORES_MAX`].
    pub cores_busy: Vec<u8>,
    /// The frequency of each cpufreq policy in MHz, by its number; at most [`CORES_MAX`].
    pub frequencies_mhz: Vec<u32>,
}

impl HostSample {
    /// A sample of these figures.
    pub fn of(figures: impl IntoIterator<Item = (HostMetric, f64)>) -> Self {
        let mut sample = Self::default();
        figures.into_iter().for_each(|(metric, value)| sample.set(metric, value));
        sample
    }

    /// Sets a figure. What is no finite number tells nothing, and is left out.
    pub fn set(&mut self, metric: HostMetric, value: f64) {
        if value.is_finite() {
            self.figures.insert(metric, value);
        }
    }

    /// Sets a figure that may not be known.
    pub fn set_if_known(&mut self, metric: HostMetric, value: Option<f64>) {
        value.into_iter().for_each(|value| self.set(metric, value));
    }

    /// Sets the busy share of each core, 0 to 1.
    pub fn set_cores(&mut self, shares: impl IntoIterator<Item = f64>) {
        let steps = |share: f64| (share.clamp(0.0, 1.0) * f64::from(CORE_STEPS)).round() as u8;
        self.cores_busy = shares.into_iter().take(CORES_MAX).map(steps).collect();
    }

    /// A figure; `None`: it could not be read.
    pub fn value(&self, metric: HostMetric) -> Option<f64> {
        self.figures.get(&metric).copied()
    }

    /// All figures, in the order of their numbers.
    pub fn figures(&self) -> impl Iterator<Item = (HostMetric, f64)> + '_ {
        self.figures.iter().map(|(metric, value)| (*metric, *value))
    }

    /// The busy share of each core, 0 to 1.
    pub fn core_shares(&self) -> impl Iterator<Item = f64> + '_ {
        self.cores_busy.iter().map(|steps| f64::from(*steps) / f64::from(CORE_STEPS))
    }

    /// Whether nothing could be read.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.cores_busy.is_empty() && self.frequencies_mhz.is_empty()
    }

    /// Whether the same could be read of both.
    pub fn is_like(&self, other: &Self) -> bool {
        self.figures.keys().eq(other.figures.keys())
            && self.cores_busy.len() == other.cores_busy.len()
            && self.frequencies_mhz.len() == other.frequencies_mhz.len()
    }

    /// Boils samples down to one, figure by figure, by `of`; what is not in all of them is left out. `None` of none.
    pub fn boiled_down(samples: &[&Self], of: impl Fn(&[f64]) -> f64) -> Option<Self> {
        let first = samples.first()?;
        let values =
            |metric: HostMetric| samples.iter().map(|it| it.value(metric)).collect::<Option<Vec<f64>>>();
        let figures = first.figures().filter_map(|(metric, _)| Some((metric, of(&values(metric)?))));
        let column = |read: fn(&Self) -> Vec<f64>| -> Vec<f64> {
            let columns: Vec<Vec<f64>> = samples.iter().map(|sample| read(sample)).collect();
            let shortest = columns.iter().map(Vec::len).min().unwrap_or(0);
            let row = |place: usize| columns.iter().map(|column| column[place]).collect::<Vec<f64>>();
            (0..shortest).map(|place| of(&row(place))).collect()
        };
        let cores = column(|sample| sample.cores_busy.iter().copied().map(f64::from).collect());
        let frequencies = column(|sample| sample.frequencies_mhz.iter().copied().map(f64::from).collect());
        Some(Self {
            cores_busy: cores.into_iter().map(|steps| steps.round() as u8).collect(),
            frequencies_mhz: frequencies.into_iter().map(|mhz| mhz.round() as u32).collect(),
            ..Self::of(figures)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(busy: f64, cores: &[f64]) -> HostSample {
        let mut sample = HostSample::of([(HostMetric::CpuBusy, busy)]);
        sample.set_cores(cores.iter().copied());
        sample
    }

    #[test]
    fn cores_are_told_to_half_a_per_cent() {
        let sample = sample(0.5, &[0.0, 0.333, 1.0, 7.0]);
        assert_eq!(sample.cores_busy, [0, 67, 200, 200]);
        assert_eq!(sample.core_shares().nth(1), Some(0.335));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let sample = HostSample::of([(HostMetric::CpuBusy, f64::NAN), (HostMetric::CpuUser, 0.0)]);
        assert_eq!((sample.value(HostMetric::CpuBusy), sample.value(HostMetric::CpuUser)), (None, Some(0.0)));
        assert!(HostSample::of([(HostMetric::CpuBusy, f64::INFINITY)]).is_empty());
    }

    #[test]
    fn samples_boil_down_to_what_all_of_them_have() {
        let (one, mut other) = (sample(0.2, &[0.5, 1.0]), sample(0.6, &[0.0]));
        other.set(HostMetric::CpuSteal, 0.1);
        let highest = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
        let both = HostSample::boiled_down(&[&other, &one], highest).unwrap();
        assert_eq!(both.figures().collect::<Vec<_>>(), [(HostMetric::CpuBusy, 0.6)]);
        assert_eq!(both.cores_busy, [100]);
        assert_eq!(HostSample::boiled_down(&[], highest), None);
        assert!(!one.is_like(&other));
    }
}
