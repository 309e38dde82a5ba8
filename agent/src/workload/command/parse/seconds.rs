//! Lists of times in seconds, taken in one by one: a suite may report millions, and none is kept as text or number.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use shared::histogram::{HIGHEST_TRACKABLE, Histogram};
use shared::metric::Summary;

use super::reading::Values;

/// Nanoseconds of a second.
pub(super) const NS_PER_S: f64 = 1e9;

/// Times, in nanoseconds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seconds {
    summary: Summary,
    histogram: Box<Histogram>,
}

impl Seconds {
    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.summary.count()
    }

    /// What they say.
    pub(super) fn values(self) -> Values {
        Values::Each(self.summary, self.histogram)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Times)
    }
}

struct Times;

impl<'de> Visitor<'de> for Times {
    type Value = Seconds;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of times in seconds")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut times: A) -> Result<Seconds, A::Error> {
        let mut taken = Seconds::default();
        while let Some(seconds) = times.next_element::<f64>()? {
            let ns = seconds * NS_PER_S;
            if !(0.0..=HIGHEST_TRACKABLE as f64).contains(&ns) {
                return Err(A::Error::custom(format!("{seconds} is no time from 0 to 3600 seconds")));
            }
            taken.summary.record(ns);
            taken.histogram.record(ns.round() as u64);
        }
        Ok(taken)
    }
}
