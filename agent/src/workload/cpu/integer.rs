//! The kernel `integer/1`: primes by trial division, as sysbench counts them, so that its figures can be continued. Nearly all of
//! its time goes into dividing whole numbers.

use std::hint::black_box;

use super::Kernel;

/// Candidates are the numbers from 3 to below this one: sysbench's `--cpu-max-prime`.
const CANDIDATES_END: u64 = 10_000;
/// How many primes these are: all below 10,000 but 2.
const PRIMES: u32 = 1_228;

/// Counts primes; one batch is one of sysbench's events.
#[derive(Debug)]
pub(super) struct Integer {
    found: u32,
}

impl Integer {
    /// Nothing counted yet.
    pub(super) const fn new() -> Self {
        Self { found: 0 }
    }
}

impl Kernel for Integer {
    fn run(&mut self) {
        let candidates = 3..black_box(CANDIDATES_END);
        let count: usize = candidates.filter(|candidate| is_prime(*candidate)).count();
        self.found = u32::try_from(count).unwrap_or(u32::MAX);
    }

    fn check(&self) -> Result<(), String> {
        match self.found {
            PRIMES => Ok(()),
            found => Err(format!("it finds {found} primes below {CANDIDATES_END}, and there are {PRIMES}")),
        }
    }
}

/// Divides by every number from 2 to the root, the divisor compared with it in floating point.
#[expect(
    clippy::manual_is_multiple_of,
    reason = "the division itself is what is measured, without a test for zero"
)]
fn is_prime(candidate: u64) -> bool {
    let root = (candidate as f64).sqrt();
    let mut divisor: u64 = 2;
    while divisor as f64 <= root {
        if candidate % divisor == 0 {
            return false;
        }
        divisor += 1;
    }
    true
}
