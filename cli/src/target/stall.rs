//! Freezes of the whole server at known times: what a stop-the-world collector or a paused machine does.

use std::str::FromStr;
use std::time::Duration;

use shared::units::{UnitError, parse_duration};

use super::clock::Moment;

/// Longest period of freezes: a day is longer than any measurement.
pub(crate) const STALL_EVERY_MAX: Duration = Duration::from_secs(86_400);

/// A freeze of `lasting` begins each `every`, the first one `every` after the server is ready. Nothing is
/// read, answered or accepted in it; what the kernel does (it completes handshakes and buffers bytes) goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    every: Duration,
    lasting: Duration,
}

/// Why a text is not a stall.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StallError {
    /// Not the two parts that there must be.
    #[error("{0:?} is not a stall: write every=10s,for=1s")]
    Shape(String),
    /// One of the durations does not read.
    #[error(transparent)]
    Duration(#[from] UnitError),
    /// Freezes that leave no time between them, or last no time.
    #[error(
        "a stall of {lasting:?} every {every:?} must last longer than 0 and end before the next one begins"
    )]
    NoGap {
        /// The period.
        every: Duration,
        /// The length.
        lasting: Duration,
    },
    /// A period above [`STALL_EVERY_MAX`].
    #[error("a stall every {0:?} is rarer than the rarest allowed, {STALL_EVERY_MAX:?}")]
    TooRare(Duration),
}

impl Stall {
    /// Freezes of `lasting`, from start to start `every` apart.
    ///
    /// # Errors
    /// When a freeze lasts no time or does not end before the next one, or they come too rarely.
    pub(crate) fn new(every: Duration, lasting: Duration) -> Result<Self, StallError> {
        if lasting.is_zero() || lasting >= every {
            return Err(StallError::NoGap { every, lasting });
        }
        if every > STALL_EVERY_MAX {
            return Err(StallError::TooRare(every));
        }
        Ok(Self { every, lasting })
    }

    /// When the freeze of this moment ends, for a server that was ready at `ready`; `None`: it is not frozen.
    pub(super) fn frozen_until(&self, ready: Moment, now: Moment) -> Option<Moment> {
        let every_ns = u64::try_from(self.every.as_nanos()).expect("a day of nanoseconds fits 64 bits");
        let elapsed_ns = now.0.saturating_sub(ready.0);
        let since_begin = Duration::from_nanos(elapsed_ns % every_ns);
        if elapsed_ns < every_ns || since_begin >= self.lasting {
            return None;
        }
        Some(now + (self.lasting - since_begin))
    }
}

impl FromStr for Stall {
    type Err = StallError;

    fn from_str(text: &str) -> Result<Self, StallError> {
        let shape = || StallError::Shape(text.to_owned());
        let (first, second) =
            text.split_once(',').filter(|(_, second)| !second.contains(',')).ok_or_else(shape)?;
        let first = first.trim().split_once('=').ok_or_else(shape)?;
        let second = second.trim().split_once('=').ok_or_else(shape)?;
        let (every, lasting) = match (first, second) {
            (("every", every), ("for", lasting)) | (("for", lasting), ("every", every)) => (every, lasting),
            _ => return Err(shape()),
        };
        Self::new(parse_duration(every.trim())?, parse_duration(lasting.trim())?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const READY: Moment = Moment(1_000);

    fn seconds_after_ready(seconds: f64) -> Moment {
        READY + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn freezes_begin_one_period_after_the_server_is_ready() {
        let stall: Stall = "every=10s,for=1s".parse().unwrap();
        let end_at = |seconds| stall.frozen_until(READY, seconds_after_ready(seconds));
        assert_eq!(end_at(0.0), None);
        assert_eq!(end_at(0.5), None);
        assert_eq!(end_at(9.999), None);
        assert_eq!(end_at(10.0), Some(seconds_after_ready(11.0)));
        assert_eq!(end_at(10.75), Some(seconds_after_ready(11.0)));
        assert_eq!(end_at(11.0), None);
        assert_eq!(end_at(30.5), Some(seconds_after_ready(31.0)));
    }

    #[test]
    fn both_orders_of_the_parts_are_read() {
        assert_eq!("for=1s, every=10s".parse::<Stall>(), "every=10s,for=1s".parse());
    }

    #[test]
    fn what_is_wrong_with_a_stall_is_said() {
        for (text, says) in [
            ("", "write every=10s,for=1s"),
            ("every=10s", "write every=10s,for=1s"),
            ("every=10s,every=1s", "write every=10s,for=1s"),
            ("every=10s,for=1s,for=2s", "write every=10s,for=1s"),
            ("every=ten,for=1s", "\"ten\" is not"),
            ("every=1s,for=1s", "end before the next one"),
            ("every=200h,for=1s", "rarer than"),
        ] {
            let message = text.parse::<Stall>().unwrap_err().to_string();
            assert!(message.contains(says), "{text:?} gives {message:?}, which lacks {says:?}");
        }
    }

    proptest! {
        #[test]
        fn a_freeze_has_ended_at_its_end_and_never_outlasts_its_length(
            every_ns in 2_u64..1_000_000, share in 0.0..1.0, elapsed_ns in 0_u64..100_000_000,
        ) {
            let lasting_ns = ((every_ns as f64 * share) as u64).clamp(1, every_ns - 1);
            let stall =
                Stall::new(Duration::from_nanos(every_ns), Duration::from_nanos(lasting_ns)).unwrap();
            let now = Moment(READY.0 + elapsed_ns);
            if let Some(end) = stall.frozen_until(READY, now) {
                prop_assert!(end > now && (end - now).as_nanos() <= u128::from(lasting_ns));
                prop_assert_eq!(stall.frozen_until(READY, end), None);
                prop_assert_eq!(((end - READY).as_nanos() as u64 - lasting_ns) % every_ns, 0);
            }
        }
    }
}
