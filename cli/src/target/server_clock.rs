//! The clock that everything in the server reads: reading it during a freeze takes until the freeze ends.

use super::clock::Moment;
use super::stall::Stall;

/// The server's time. A thread that reads it before each step takes part in all freezes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerClock {
    ready: Moment,
    stall: Option<Stall>,
}

impl ServerClock {
    /// A clock for a server that is ready at `ready`.
    pub(super) fn new(ready: Moment, stall: Option<Stall>) -> Self {
        Self { ready, stall }
    }

    /// The time, outside of any freeze: sleeps through one that is on.
    pub(super) fn now(&self) -> Moment {
        let Some(stall) = &self.stall else {
            return Moment::now();
        };
        loop {
            let now = Moment::now();
            let Some(end) = stall.frozen_until(self.ready, now) else {
                return now;
            };
            end.sleep_until();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_never_shows_a_moment_inside_a_freeze() {
        let stall = Stall::new(Duration::from_micros(400), Duration::from_micros(300)).unwrap();
        let ready = Moment::now();
        let clock = ServerClock::new(ready, Some(stall));
        for _ in 0..100 {
            assert_eq!(stall.frozen_until(ready, clock.now()), None);
        }
    }
}
