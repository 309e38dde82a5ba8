//! Data that looks random and is the same on every host, so that all of them do the same work.

/// Where every sequence begins: any number but zero does.
const BEGINNING: u64 = 0x2545_f491_4f6c_dd1d;

/// xorshift64* (Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators, scrambled").
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The sequence from its beginning.
    pub(crate) const fn new() -> Self {
        Self(BEGINNING)
    }

    /// The next number, over all 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(BEGINNING)
    }

    /// The next number below a bound, which is above zero: the upper half of the product (Lemire 2019), without his rejection.
    /// Bounds here are far below 2^64, so that the bias is too.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of 128 bits has 64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The state after each step, times the multiplier: reckoned by hand in another language.
        let mut numbers = Numbers::new();
        let first: Vec<u64> = (0..3).map(|_| numbers.next()).collect();
        assert_eq!(first, FIRST);
        assert!((0..1_000).all(|_| numbers.below(7) < 7));
    }

    const FIRST: [u64; 3] = [0xad5d_b60b_4c5d_45d4, 0xbeda_f65d_8707_906e, 0x0a1f_e02d_6c6d_d3d0];
}
