//! Chance: everything that a world leaves open, drawn from its seed.

use std::ops::RangeInclusive;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;
/// Nanoseconds of a second.
pub const SECOND: u64 = 1_000 * MS;

/// One world's dice.
#[derive(Debug)]
pub struct Dice(StdRng);

impl Dice {
    /// The dice of this seed.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u32) -> bool {
        self.0.random_ratio(1, times)
    }

    /// Any of these numbers alike.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// One of these numbers, each order of magnitude alike: mostly small ones, sometimes large ones.
    pub fn spread(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start().max(&1) as f64, *range.end() as f64);
        let exponent: f64 = self.0.random_range(0.0..=1.0);
        (low * (high / low).powf(exponent)) as u64
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    /// Bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.0.random()
    }
}
