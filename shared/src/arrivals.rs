//! The arrival plan of an open model: when operations of the whole fleet are due, known in advance.
//!
//! The plan gives the number of arrivals due by a time, N(t), and its inverse. Agents and threads take turns
//! (arrival n belongs to lane n mod lanes), so that no two of them are due at one instant and their sum is the plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How arrivals are spread around their rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Evenly: the n-th is due when n are planned.
    Uniform,
    /// As a Poisson process of that rate: independent of each other, as strangers are.
    Poisson,
}

/// A stretch over which the rate changes linearly, or stays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its length, above zero.
    pub length: Duration,
    /// Arrivals per second at its start, finite, at least 0.
    pub from_per_s: f64,
    /// Arrivals per second at its end, finite, at least 0.
    pub to_per_s: f64,
}

/// When operations of the whole fleet are due, from the start of the measured window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArrivalPlan {
    /// How they are spread.
    pub spread: Spread,
    /// The rate over time, at least one stretch.
    pub stretches: Vec<Stretch>,
}

impl Stretch {
    /// Arrivals planned within its first `seconds`: the area under the rate.
    fn planned_within(&self, seconds: f64) -> f64 {
        self.from_per_s * seconds + self.slope() * seconds * seconds / 2.0
    }

    /// When `arrivals` have been planned, seconds since its start; the inverse of the area.
    ///
    /// The root of slope/2·t² + from·t − arrivals, in the form that does not cancel for small slopes.
    fn seconds_until(&self, arrivals: f64) -> f64 {
        let discriminant = self.from_per_s * self.from_per_s + 2.0 * self.slope() * arrivals;
        let denominator = self.from_per_s + discriminant.max(0.0).sqrt();
        if denominator > 0.0 { 2.0 * arrivals / denominator } else { 0.0 }
    }

    fn slope(&self) -> f64 {
        (self.to_per_s - self.from_per_s) / self.length.as_secs_f64()
    }
}

impl ArrivalPlan {
    /// A constant rate.
    pub fn constant(rate_per_s: f64, length: Duration, spread: Spread) -> Self {
        Self { spread, stretches: vec![Stretch { length, from_per_s: rate_per_s, to_per_s: rate_per_s }] }
    }

    /// The length of all stretches.
    pub fn length(&self) -> Duration {
        self.stretches.iter().map(|stretch| stretch.length).sum()
    }

    /// Arrivals per second at its start.
    pub fn rate_at_start(&self) -> f64 {
        self.stretches.first().map_or(0.0, |stretch| stretch.from_per_s)
    }

    /// All arrivals planned.
    pub fn total(&self) -> f64 {
        self.stretches.iter().map(|stretch| stretch.planned_within(stretch.length.as_secs_f64())).sum()
    }

    /// When a (fractional) number of arrivals has been planned, seconds since the start; `None`: never.
    pub fn seconds_until(&self, arrivals: f64) -> Option<f64> {
        let mut seconds = 0.0;
        let mut left = arrivals;
        for stretch in &self.stretches {
            let length = stretch.length.as_secs_f64();
            let planned = stretch.planned_within(length);
            if left < planned {
                return Some(seconds + stretch.seconds_until(left).min(length));
            }
            left -= planned;
            seconds += length;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ramp(from_per_s: f64, to_per_s: f64, seconds: u64) -> Stretch {
        Stretch { length: Duration::from_secs(seconds), from_per_s, to_per_s }
    }

    #[test]
    fn a_constant_rate_is_due_at_equal_distances() {
        let plan = ArrivalPlan::constant(500.0, Duration::from_secs(30), Spread::Uniform);
        assert_eq!(plan.total(), 15_000.0);
        for n in [0_u32, 1, 7_000, 14_999] {
            let due = plan.seconds_until(f64::from(n)).unwrap();
            assert!((due - f64::from(n) / 500.0).abs() < 1e-9, "{n}: {due}");
        }
        assert_eq!(plan.seconds_until(15_000.0), None);
    }

    proptest! {
        #[test]
        fn the_inverse_gives_back_the_count(rates in prop::collection::vec(0.0..10_000.0_f64, 2..6), lengths in prop::collection::vec(1..60_u64, 5), share in 0.0..0.999_f64) {
            let stretches: Vec<Stretch> = rates.windows(2).zip(&lengths).map(|(pair, length)| ramp(pair[0], pair[1], *length)).collect();
            let plan = ArrivalPlan { spread: Spread::Uniform, stretches };
            let wanted = plan.total() * share;
            let seconds = plan.seconds_until(wanted).unwrap();
            let mut planned = 0.0;
            let mut left = seconds;
            for stretch in &plan.stretches {
                let within = left.min(stretch.length.as_secs_f64());
                planned += stretch.planned_within(within);
                left -= within;
            }
            prop_assert!((planned - wanted).abs() <= 1e-6 * plan.total().max(1.0), "{} instead of {}", planned, wanted);
        }
    }
}
