//! A random order of a range, computed place by place: a Feistel network with cycle walking.
//!
//! A range of 2^60 rows costs as much memory as one of ten. Black and Rogaway, "Ciphers with arbitrary finite
//! domains" (2002): shuffle the smallest power of four that holds the range, and walk on while outside of it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Rounds of the network: four make it hard to tell from chance (Luby, Rackoff 1988); as many again, for the round
/// function is only a multiplication.
const ROUNDS: usize = 8;
/// An odd number without pattern, 2^64 divided by the golden ratio: a product's high bits depend on all bits below.
const ODD_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A random order of the numbers below a length, the same for the same seed on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permutation {
    length: u64,
    /// Half the bits of a number within the network, 1 to 32.
    half_bits: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The order of `length` numbers that a seed gives. `length` is at least 1.
    pub(super) fn new(length: u64, seed: u64) -> Self {
        let bits = u64::BITS - (length - 1).leading_zeros();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let keys = std::array::from_fn(|_| random.next_u64());
        Self { length, half_bits: bits.div_ceil(2).max(1), keys }
    }

    /// The number at a place; both are below the length.
    pub(super) fn at(&self, place: u64) -> u64 {
        // The network's domain is at most four times the range, so that this takes four rounds on average; it ends
        // because a permutation leads every number back to itself in the end.
        let mut number = self.shuffled(place);
        while number >= self.length {
            number = self.shuffled(number);
        }
        number
    }

    fn shuffled(&self, number: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (number >> self.half_bits, number & mask);
        for key in self.keys {
            let scattered = (right ^ key).wrapping_mul(ODD_FACTOR) >> (u64::BITS - self.half_bits);
            (left, right) = (right, left ^ scattered);
        }
        (left << self.half_bits) | right
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_comes_once(length in 1_u64..3_000, seed in any::<u64>()) {
            let order = Permutation::new(length, seed);
            let numbers: BTreeSet<u64> = (0..length).map(|place| order.at(place)).collect();
            prop_assert_eq!(numbers, (0..length).collect());
        }
    }

    #[test]
    fn a_huge_range_needs_no_memory() {
        for length in [1 << 60, u64::MAX] {
            let order = Permutation::new(length, 7);
            let numbers: BTreeSet<u64> = (0..1_000).map(|place| order.at(place)).collect();
            assert_eq!(numbers.len(), 1_000);
            assert!(numbers.iter().all(|number| *number < length));
            assert!(numbers.last() > Some(&(length / 2)), "it reaches over all of the range");
        }
    }

    #[test]
    fn the_order_looks_like_chance_and_depends_on_the_seed() {
        let order =
            |seed| (0..1_000).map(|place| Permutation::new(1_000, seed).at(place)).collect::<Vec<_>>();
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        // In a random order half of the neighbours rise; the standard deviation is about nine.
        let rises = order(1).windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((450..550).contains(&rises), "{rises} of 999");
    }
}
