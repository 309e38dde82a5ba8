//! Pressure stall information: for how much of the time tasks waited for what they needed.

use shared::host::HostMetric;

use super::{Instrument, Look};

/// File, the line's first word, metric. Of CPUs the kernel tells no `full` for the whole host.
const LINES: [(&str, &str, HostMetric); 5] = [
    ("proc/pressure/cpu", "some", HostMetric::PressureCpu),
    ("proc/pressure/io", "some", HostMetric::PressureIo),
    ("proc/pressure/io", "full", HostMetric::PressureIoFull),
    ("proc/pressure/memory", "some", HostMetric::PressureMemory),
    ("proc/pressure/memory", "full", HostMetric::PressureMemoryFull),
];

/// Reads `/proc/pressure`.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    last: [Option<u64>; LINES.len()],
}

impl Instrument for Pressure {
    fn look(&mut self, look: &mut Look<'_>) {
        let mut text: (&str, String) = ("", String::new());
        for ((file, word, metric), last) in LINES.iter().zip(&mut self.last) {
            if text.0 != *file {
                text = (file, look.source.text(file).unwrap_or_default());
            }
            let now = total_us(&text.1, word);
            if let (Some(now), Some(before), Some(elapsed_s)) = (now, *last, look.elapsed_s) {
                look.sample.set(*metric, now.saturating_sub(before) as f64 / 1e6 / elapsed_s);
            }
            *last = now;
        }
    }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, in microseconds.
fn total_us(text: &str, word: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(word))?;
    line.rsplit_once("total=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    #[test]
    fn pressure_is_a_share_of_the_time_that_passed() {
        let text = |some: u64, full: u64| {
            format!(
                "some avg10=1.87 avg60=1.85 avg300=2.25 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={full}\n"
            )
        };
        let root = root_with(&[("proc/pressure/io", &text(1_000, 100))]);
        let mut probe = HostProbe::under(root.path());
        write(root.path(), &[("proc/pressure/io", &text(5_000, 1_100))]);
        let sample = probe.sample().unwrap();
        let ratio =
            sample.value(HostMetric::PressureIo).unwrap() / sample.value(HostMetric::PressureIoFull).unwrap();
        assert!((ratio - 4.0).abs() < 1e-9, "{ratio}");
        assert_eq!(sample.value(HostMetric::PressureCpu), None);
    }

    #[test]
    fn what_is_no_pressure_is_none() {
        for text in ["", "some", "some total=", "some total=x", "full total=3"] {
            assert_eq!(total_us(text, "some"), None, "{text:?}");
        }
    }
}
