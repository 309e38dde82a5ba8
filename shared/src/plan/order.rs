//! In which order each block runs its variants: random, from the run's seed, and balanced, so that what drifts while a block
//! runs, or what one trial leaves behind for the next, does not always meet the same variant.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::ids::VariantIndex;

/// The variants of each block, in the order in which they run.
///
/// As many blocks in a row as there are variants form a Williams square (E. J. Williams, "Experimental designs balanced for the
/// estimation of residual effects of treatments", 1949): each variant stands at each place once, and each follows each other one
/// once; with an odd number of variants that takes two squares, one the mirror of the other. Which variant is which in a square,
/// and the order of its rows, are random. For two variants that makes pairs of AB and BA. A last square that is cut short still
/// has no variant at any place twice.
pub(super) fn orders(variants: u32, blocks: u32, seed: u64) -> Vec<Vec<VariantIndex>> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut named: Vec<VariantIndex> = (0..variants).map(VariantIndex).collect();
    let mut orders: Vec<Vec<VariantIndex>> = Vec::new();
    let mut is_mirror = false;
    while orders.len() < blocks as usize && variants > 0 {
        if !is_mirror {
            named.shuffle(&mut dice);
        }
        let mut rows: Vec<Vec<VariantIndex>> = (0..variants).map(|row| row_of(row, &named)).collect();
        if is_mirror {
            rows.iter_mut().for_each(|row| row.reverse());
        }
        rows.shuffle(&mut dice);
        orders.append(&mut rows);
        is_mirror = variants % 2 == 1 && !is_mirror;
    }
    orders.truncate(blocks as usize);
    orders
}

/// A row of the square: the first is 0, 1, n-1, 2, n-2, …, and each next one higher by one, round the circle.
fn row_of(row: u32, named: &[VariantIndex]) -> Vec<VariantIndex> {
    let variants = named.len();
    let first =
        |place: usize| if place % 2 == 1 { place.div_ceil(2) } else { (variants - place / 2) % variants };
    (0..variants).map(|place| named[(first(place) + row as usize) % variants]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// How often each variant stands at each place.
    fn places(orders: &[Vec<VariantIndex>]) -> BTreeMap<(VariantIndex, usize), u32> {
        let mut places = BTreeMap::new();
        for (place, variant) in orders.iter().flat_map(|order| order.iter().enumerate()) {
            *places.entry((*variant, place)).or_default() += 1;
        }
        places
    }

    #[test]
    fn two_variants_run_in_pairs_of_both_orders() {
        let orders = orders(2, 200, 7);
        assert!(orders.chunks(2).all(|pair| pair[0] != pair[1]));
        let first = orders.iter().step_by(2).filter(|order| order[0] == VariantIndex(0)).count();
        assert!((30..=70).contains(&first), "which order comes first is random: {first} of 100");
    }

    #[test]
    fn each_variant_follows_each_other_equally_often() {
        for (variants, blocks) in [(2, 4), (3, 6), (4, 8), (5, 10), (8, 8)] {
            let orders = orders(variants, blocks, 1);
            let mut follows: BTreeMap<(VariantIndex, VariantIndex), u32> = BTreeMap::new();
            for pair in orders.iter().flat_map(|order| order.windows(2)) {
                *follows.entry((pair[0], pair[1])).or_default() += 1;
            }
            assert_eq!(follows.len() as u32, variants * (variants - 1));
            assert!(follows.values().all(|count| *count == blocks / variants), "{variants}: {follows:?}");
        }
    }

    proptest! {
        #[test]
        fn every_block_runs_every_variant_once_and_places_are_balanced(
            variants in 1_u32..12, blocks in 0_u32..60, seed in any::<u64>()
        ) {
            let orders = orders(variants, blocks, seed);
            prop_assert_eq!(orders.len() as u32, blocks);
            for order in &orders {
                let mut sorted = order.clone();
                sorted.sort();
                prop_assert_eq!(sorted, (0..variants).map(VariantIndex).collect::<Vec<_>>());
            }
            let fair = blocks / variants;
            let counts = places(&orders);
            for place in 0..variants as usize {
                for variant in (0..variants).map(VariantIndex) {
                    let count = counts.get(&(variant, place)).copied().unwrap_or(0);
                    prop_assert!(count == fair || count == fair + 1, "{count} of {blocks}");
                }
            }
        }

        #[test]
        fn a_seed_gives_one_order(variants in 1_u32..6, seed in any::<u64>()) {
            prop_assert_eq!(orders(variants, 12, seed), orders(variants, 12, seed));
        }
    }
}
