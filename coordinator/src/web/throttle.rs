//! Those who try: wrong tokens from one place are answered and written down only so often. Nobody finds one of 2²⁵⁶ by trying; this keeps
//! their noise out of the record. Right ones count all the same: one misled program must not lock out its whole host.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens from one place in one [`WINDOW`].
const WRONG_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Places that are remembered. When there are more at once, all others count as one.
const PLACES_MAX: usize = 1_024;
/// Bits of an IPv6 address that a provider gives to one subscriber at least (RFC 6177).
const SUBSCRIBER: u128 = !0 << 64;

/// How often which place was wrong.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<Option<IpAddr>, (Instant, u32)>>);

impl Throttle {
    /// Notes a wrong token; says whether that was too often.
    pub(super) fn is_too_often(&self, from: IpAddr, now: Instant) -> bool {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
        let mut place = Some(subscriber(from));
        if places.len() >= PLACES_MAX && !places.contains_key(&place) {
            place = None;
        }
        let (_, wrong) = places.entry(place).or_insert((now, 0));
        *wrong = wrong.saturating_add(1);
        *wrong > WRONG_MAX
    }
}

fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & SUBSCRIBER)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_heard_so_often_a_minute_and_others_are_not_touched() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let place = |text: &str| text.parse::<IpAddr>().unwrap();
        let tries = |from: &str, at| (0..20).filter(|_| !throttle.is_too_often(place(from), at)).count();
        assert_eq!(tries("10.0.0.1", now), 10);
        assert_eq!(tries("10.0.0.2", now), 10);
        assert_eq!((tries("2001:db8::1", now), tries("2001:db8::2", now)), (10, 0));
        assert_eq!(tries("10.0.0.1", now + WINDOW), 10);
    }

    #[test]
    fn no_crowd_makes_it_grow() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..10_000_u32 {
            throttle.is_too_often(IpAddr::from(number.to_be_bytes()), now);
        }
        assert_eq!(throttle.0.lock().unwrap().len(), PLACES_MAX + 1);
    }
}
