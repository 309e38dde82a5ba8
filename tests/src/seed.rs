//! Chance that can be repeated: every test that rolls dice prints its seed, and takes one from the environment.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// The environment variable that repeats an earlier test's chances.
pub const VARIABLE: &str = "FLEETMARK_TEST_SEED";

/// Dice with a seed that is printed.
///
/// # Panics
/// When the environment names a seed that is no number.
pub fn dice() -> StdRng {
    let seed = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE}={text:?} is not a number")),
        Err(_) => {
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()))
        }
    };
    println!("the same chances again: {VARIABLE}={seed}");
    StdRng::seed_from_u64(seed)
}
