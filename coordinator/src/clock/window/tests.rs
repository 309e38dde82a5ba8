//! Facts about what probes say of a clock, over links and clocks that are made up.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// Our clock when the first probe is sent: both clocks have run for days.
const BEGIN_NS: u64 = 1_000_000 * SECOND;

/// A clock that starts `offset_ns` ahead of ours and drifts.
#[derive(Debug, Clone, Copy)]
struct TrueClock {
    offset_ns: i64,
    drift: f64,
}

impl TrueClock {
    fn offset_at(self, ours_ns: u64) -> f64 {
        self.offset_ns as f64 + self.drift * (ours_ns - BEGIN_NS) as f64
    }

    /// A probe's sample, with its delays there and back.
    fn sample(self, sent_ns: u64, there_ns: u64, back_ns: u64) -> Sample {
        let read_ns = sent_ns + there_ns;
        let shown = (i128::from(read_ns) + self.offset_at(read_ns).round() as i128).max(0);
        Sample::new(sent_ns, u64::try_from(shown).unwrap(), read_ns + back_ns)
    }

    /// How far the estimate for a moment lies from the truth.
    fn distance_ns(self, window: &Window, at_ns: u64) -> f64 {
        let offset = window.offset_at(at_ns).unwrap();
        (offset.offset_ns as f64 - self.offset_at(at_ns)).abs()
    }
}

/// The distances from the truth of this many estimates, each after 100 probes of one a second with delays between two values
/// each way, for a start a second later; sorted, in milliseconds.
fn distances_ms(cases: u64, delay_ms: std::ops::RangeInclusive<u64>) -> Vec<f64> {
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    let mut distances: Vec<f64> = (0..cases)
        .map(|_| {
            let clock = TrueClock {
                offset_ns: dice.random_range(-1_000_000..1_000_000),
                drift: dice.random_range(-5e-5..5e-5),
            };
            let mut window = Window::default();
            let mut delay = || dice.random_range(delay_ms.start() * MS..=delay_ms.end() * MS);
            for probe in 0..100 {
                window.push(clock.sample(BEGIN_NS + probe * SECOND, delay(), delay()));
            }
            clock.distance_ns(&window, BEGIN_NS + 101 * SECOND) / MS as f64
        })
        .collect();
    distances.sort_by(f64::total_cmp);
    distances
}

#[test]
fn delays_that_vary_by_ten_milliseconds_are_known_to_five_after_a_hundred_probes() {
    let distances = distances_ms(1_000, 10..=30);
    println!("median {:.3} ms, p99 {:.3} ms", distances[500], distances[990]);
    assert!(distances[990] <= 5.0, "{}", distances[990]);
}

#[test]
fn a_delay_that_never_varies_does_no_harm() {
    let distances = distances_ms(200, 20..=20);
    println!("largest {:.3} ms", distances[199]);
    assert!(distances[199] <= 2.0, "{}", distances[199]);
}

#[test]
fn a_delay_on_one_way_alone_lies_within_the_error_that_is_told() {
    let clock = TrueClock { offset_ns: 7, drift: 0.0 };
    let mut window = Window::default();
    window.push(clock.sample(BEGIN_NS, 40 * MS, 0));
    let offset = window.offset_at(BEGIN_NS).unwrap();
    assert_eq!(offset.offset_ns.abs_diff(7) / MS, 20);
    assert!(offset.error_ns >= 20 * MS && offset.error_ns < 21 * MS, "{offset:?}");
}

#[test]
fn a_quick_link_tells_the_drift() {
    let clock = TrueClock { offset_ns: 0, drift: 40e-6 };
    let mut window = Window::default();
    (0..60).for_each(|probe| window.push(clock.sample(BEGIN_NS + probe * SECOND, 50_000, 50_000)));
    assert!(
        (window.drift.0 - 40e-6).abs() < 4e-6 && (window.drift.1 - 40e-6).abs() < 4e-6,
        "{:?}",
        window.drift
    );
    // Half a minute without an answer.
    assert!(clock.distance_ns(&window, BEGIN_NS + 90 * SECOND) < 20_000.0);
}

#[test]
fn the_error_grows_with_the_age_of_what_is_known() {
    let clock = TrueClock { offset_ns: 0, drift: 0.0 };
    let mut window = Window::default();
    window.push(clock.sample(BEGIN_NS, MS, MS));
    let error_ns = |seconds| window.offset_at(BEGIN_NS + seconds * SECOND).unwrap().error_ns;
    assert!((error_ns(10) - error_ns(0)).abs_diff(10 * 101_000) < 1_000);
}

#[test]
fn a_clock_that_jumped_is_learned_anew() {
    let mut window = Window::default();
    (0..10).for_each(|probe| {
        window.push(TrueClock { offset_ns: 0, drift: 0.0 }.sample(BEGIN_NS + probe * SECOND, MS, MS))
    });
    let jumped = TrueClock { offset_ns: SECOND as i64, drift: 0.0 };
    window.push(jumped.sample(BEGIN_NS + 10 * SECOND, MS, MS));
    assert!(jumped.distance_ns(&window, BEGIN_NS + 11 * SECOND) < MS as f64 && window.len() == 1);
}

#[test]
fn the_most_absurd_clock_is_no_panic() {
    let mut window = Window::default();
    window.push(Sample::new(u64::MAX, 0, 0));
    window.push(Sample::new(0, u64::MAX, u64::MAX));
    assert!(window.offset_at(0).is_some() && window.offset_at(u64::MAX).is_some());
}

proptest! {
    #[test]
    fn the_true_offset_lies_within_the_error(
        offset_ns in -10_i64.pow(14)..10_i64.pow(14),
        drift in -DRIFT_MAX..DRIFT_MAX,
        probes in prop::collection::vec((0..2 * SECOND, 0..50 * MS, 0..50 * MS, -WANDER_MAX..WANDER_MAX), 1..100),
        ahead_ns in 0..60 * SECOND,
    ) {
        let mut clock = TrueClock { offset_ns, drift };
        let (mut window, mut now_ns, mut wandered) = (Window::default(), BEGIN_NS, 0.0);
        for (pause_ns, there_ns, back_ns, wander) in probes {
            // How far the clock has wandered off its drift by this probe; it stands still in between.
            wandered += wander * (now_ns + pause_ns - now_ns) as f64;
            now_ns += pause_ns;
            clock.offset_ns = offset_ns + wandered as i64;
            window.push(clock.sample(now_ns, there_ns, back_ns));
            now_ns += there_ns + back_ns;
            let estimate = window.offset_at(now_ns).unwrap();
            prop_assert!(clock.distance_ns(&window, now_ns) <= estimate.error_ns as f64 + 1.0);
        }
        let at_ns = now_ns + ahead_ns;
        let estimate = window.offset_at(at_ns).unwrap();
        prop_assert!(clock.distance_ns(&window, at_ns) <= estimate.error_ns as f64 + 1.0);
    }
}
