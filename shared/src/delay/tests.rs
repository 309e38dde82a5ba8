//! Facts about delays: how they are read, and what is drawn from them.

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

/// Sorted seconds of so many draws that a quantile's standard error is below 1 % of what is compared.
fn sorted_draws(delay: Delay) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut draws: Vec<f64> = (0..100_000).map(|_| delay.sample(&mut random).as_secs_f64()).collect();
    draws.sort_by(f64::total_cmp);
    draws
}

fn assert_quantile(draws: &[f64], quantile: f64, expected_s: f64) {
    let seen_s = draws[(quantile * draws.len() as f64) as usize];
    assert!(
        (seen_s / expected_s - 1.0).abs() < 0.03,
        "the {quantile} quantile is {seen_s} s and should be {expected_s} s"
    );
}

#[test]
fn uniform_delays_have_the_quantiles_of_the_uniform_distribution() {
    let draws = sorted_draws("uniform(10ms,30ms)".parse().unwrap());
    for quantile in [0.01, 0.25, 0.5, 0.75, 0.99] {
        assert_quantile(&draws, quantile, 0.010 + 0.020 * quantile);
    }
    assert!(draws[0] >= 0.010 && draws[draws.len() - 1] <= 0.030);
}

#[test]
fn lognormal_delays_have_the_quantiles_of_the_lognormal_distribution() {
    let draws = sorted_draws("lognormal(5ms,0.5)".parse().unwrap());
    // Quantiles of the standard normal distribution: Φ⁻¹(q).
    for (quantile, standard) in [(0.05, -1.644_854), (0.5, 0.0), (0.841_345, 1.0), (0.99, 2.326_348)] {
        assert_quantile(&draws, quantile, 0.005 * f64::exp(0.5 * standard));
    }
}

#[test]
fn exponential_delays_have_the_quantiles_of_the_exponential_distribution() {
    let draws = sorted_draws("exponential(10ms)".parse().unwrap());
    for quantile in [0.1_f64, 0.5, 0.9, 0.99] {
        assert_quantile(&draws, quantile, -0.010 * (1.0 - quantile).ln());
    }
}

#[test]
fn the_same_seed_draws_the_same_delays() {
    let delay: Delay = "lognormal(1ms,1)".parse().unwrap();
    assert_eq!(sorted_draws(delay), sorted_draws(delay));
}

#[test]
fn the_tail_is_cut_at_the_longest_delay() {
    let delays = [
        Delay::LogNormal { median: DELAY_MAX, sigma: SIGMA_MAX },
        Delay::LogNormal { median: DELAY_MAX, sigma: f64::NAN },
        Delay::Exponential { mean: DELAY_MAX },
        Delay::Uniform { from: Duration::MAX, to: DELAY_MAX },
        Delay::Fixed(Duration::MAX),
    ];
    for delay in delays {
        assert!(sorted_draws(delay).iter().all(|delay_s| *delay_s <= DELAY_MAX.as_secs_f64()), "{delay:?}");
    }
}

#[test]
fn every_form_is_read() {
    let milliseconds = Duration::from_millis;
    assert_eq!("250us".parse(), Ok(Delay::Fixed(Duration::from_micros(250))));
    assert_eq!(
        " uniform( 1ms , 5ms ) ".parse(),
        Ok(Delay::Uniform { from: milliseconds(1), to: milliseconds(5) })
    );
    assert_eq!("lognormal(2ms,0.3)".parse(), Ok(Delay::LogNormal { median: milliseconds(2), sigma: 0.3 }));
    assert_eq!("exponential(10ms)".parse(), Ok(Delay::Exponential { mean: milliseconds(10) }));
}

#[test]
fn what_is_wrong_with_a_delay_is_said() {
    for (text, says) in [
        ("", "is not a delay"),
        ("fast", "is not a delay"),
        ("normal(1ms,2ms)", "is not a delay"),
        ("uniform(1ms)", "is not a delay"),
        ("uniform(1ms,2ms", "is not a delay"),
        ("exponential(1ms,2ms)", "is not a delay"),
        ("uniform(5ms,1ms)", "shorter duration first"),
        ("uniform(5ms,x)", "\"x\" is not"),
        ("lognormal(5ms,-1)", "sigma"),
        ("lognormal(5ms,nan)", "sigma"),
        ("lognormal(5ms,11)", "sigma"),
        ("2h", "longer than the longest"),
    ] {
        let message = text.parse::<Delay>().unwrap_err().to_string();
        assert!(message.contains(says), "{text:?} gives {message:?}, which lacks {says:?}");
    }
}

fn any_delay() -> impl Strategy<Value = Delay> {
    let duration = || (0_u64..=3_600_000_000_000).prop_map(Duration::from_nanos);
    prop_oneof![
        duration().prop_map(Delay::Fixed),
        (duration(), duration()).prop_map(|(a, b)| Delay::Uniform { from: a.min(b), to: a.max(b) }),
        (duration(), 0.0..=SIGMA_MAX).prop_map(|(median, sigma)| Delay::LogNormal { median, sigma }),
        duration().prop_map(|mean| Delay::Exponential { mean }),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Delay>();
    }

    #[test]
    fn a_printed_delay_reads_back(delay in any_delay()) {
        prop_assert_eq!(delay.to_string().parse(), Ok(delay));
    }

    #[test]
    fn uniform_delays_stay_between_their_ends(a in 0_u64..10_000_000, b in 0_u64..10_000_000, seed: u64) {
        let (from, to) = (Duration::from_nanos(a.min(b)), Duration::from_nanos(a.max(b)));
        let delay = Delay::Uniform { from, to }.sample(&mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert!(from <= delay && delay <= to);
    }
}
