//! Figures for people: three significant digits and the unit that suits them. They do not read back.

use std::time::Duration;

const NS_STEPS: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const SI_STEPS: [(f64, &str); 5] = [(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")];
const BYTE_STEPS: [(f64, &str); 6] = [
    (1.0, "B"),
    (1024.0, "KiB"),
    (1_048_576.0, "MiB"),
    (1_073_741_824.0, "GiB"),
    (1_099_511_627_776.0, "TiB"),
    (1_125_899_906_842_624.0, "PiB"),
];
/// Above two minutes seconds are hard to grasp: minutes and hours take over.
const SECONDS_READABLE_MAX: f64 = 120.0;

/// A time in nanoseconds: `850 ns`, `45.6 µs`, `1.23 ms`, `2.00 s`, `3m20s`.
pub fn human_ns(nanos: f64) -> String {
    if nanos >= SECONDS_READABLE_MAX * 1e9 && nanos.is_finite() {
        return human_minutes(nanos / 1e9);
    }
    let (value, unit) = stepped(nanos, &NS_STEPS);
    format!("{} {unit}", three_digits(value))
}

/// A duration, as [`human_ns`].
pub fn human_duration(duration: Duration) -> String {
    human_ns(duration.as_nanos() as f64)
}

/// A size in bytes: `512 B`, `2.0 MiB`.
pub fn human_bytes(bytes: f64) -> String {
    let (value, unit) = stepped(bytes, &BYTE_STEPS);
    if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") }
}

/// A rate per second: `950/s`, `12.3k/s`.
pub fn human_rate(per_second: f64) -> String {
    format!("{}/s", human_count(per_second))
}

/// A count: `950`, `12.3k`, `4.56M`. Whole numbers below a thousand stay whole.
pub fn human_count(count: f64) -> String {
    let (value, unit) = stepped(count, &SI_STEPS);
    let is_small_and_whole = unit.is_empty() && value.fract() == 0.0;
    if is_small_and_whole { format!("{value:.0}") } else { format!("{}{unit}", three_digits(value)) }
}

/// A share as per cent: `5 %`, `0.12 %`, `99.9 %`.
pub fn human_share(share: f64) -> String {
    let per_cent = share * 100.0;
    if per_cent.fract() == 0.0 { format!("{per_cent:.0} %") } else { format!("{} %", three_digits(per_cent)) }
}

/// The value in the largest unit in which, rounded to three digits, it is at least 1.
fn stepped<'a>(value: f64, steps: &[(f64, &'a str)]) -> (f64, &'a str) {
    // 0.9995 rounds to 1.00: the larger unit then reads better than "1000".
    const ROUNDS_TO_ONE: f64 = 0.9995;
    let fitting = steps.iter().rev().find(|(factor, _)| value.abs() / factor >= ROUNDS_TO_ONE);
    let (factor, unit) = fitting.or(steps.first()).copied().unwrap_or((1.0, ""));
    (value / factor, unit)
}

fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

fn human_minutes(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}h{minutes:02}m") } else { format!("{minutes}m{rest:02}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_fitting_unit() {
        let cases = [
            (0.0, "0 ns"),
            (850.0, "850 ns"),
            (45_600.0, "45.6 µs"),
            (1_234_567.0, "1.23 ms"),
            (999_600.0, "1.00 ms"),
            (999_400.0, "999 µs"),
            (2e9, "2.00 s"),
            (200e9, "3m20s"),
            (5400e9, "1h30m"),
        ];
        for (nanos, text) in cases {
            assert_eq!(human_ns(nanos), text);
        }
        assert_eq!(human_duration(Duration::from_millis(12)), "12.0 ms");
    }

    #[test]
    fn sizes_rates_counts_and_shares_read_well() {
        assert_eq!(human_bytes(512.0), "512 B");
        assert_eq!(human_bytes(2_097_152.0), "2.0 MiB");
        assert_eq!(human_rate(12_345.0), "12.3k/s");
        assert_eq!(human_rate(950.0), "950/s");
        assert_eq!(human_rate(0.25), "0.250/s");
        assert_eq!(human_count(4_560_000.0), "4.56M");
        assert_eq!(human_count(7.0), "7");
        assert_eq!(human_share(0.05), "5 %");
        assert_eq!(human_share(0.0012), "0.120 %");
        assert_eq!(human_share(0.999), "99.9 %");
    }

    #[test]
    fn no_figure_breaks_the_printer() {
        for odd in [f64::NAN, f64::INFINITY, -5.0, f64::MAX] {
            let _ = (human_ns(odd), human_bytes(odd), human_rate(odd), human_share(odd));
        }
    }
}
