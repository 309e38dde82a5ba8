//! The energy distance between two samples (Székely and Rizzo 2013), and where it splits a series best.

/// Fewest values on either side of a split: one alone has no spread to be seen against.
const SIDE_MIN: usize = 2;

/// How far two samples are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// 2·E|X−Y| − E|X−X′| − E|Y−Y′|, zero or above.
    pub distance: f64,
    /// The same times nm/(n+m): the test statistic.
    pub statistic: f64,
    /// The distance as a share of 2·E|X−Y|, from 0 to 1.
    pub coefficient: f64,
}

impl Energy {
    /// Between two samples of finite values; `None` when one is empty.
    pub fn between(first: &[f64], second: &[f64]) -> Option<Self> {
        if first.is_empty() || second.is_empty() {
            return None;
        }
        let all: Vec<f64> = first.iter().chain(second).copied().collect();
        let mut splitter = Splitter::of(&all);
        let order: Vec<usize> = (0..all.len()).collect();
        let within = |splitter: &mut Splitter, order: &[usize]| {
            splitter.clear();
            order.iter().map(|place| splitter.add(*place)).sum::<f64>()
        };
        let (total, of_first, of_second) = (
            within(&mut splitter, &order),
            within(&mut splitter, &order[..first.len()]),
            within(&mut splitter, &order[first.len()..]),
        );
        Some(Self::of_sums(first.len(), of_first, second.len(), of_second, total))
    }

    /// From the sums of distances within each sample and within both together, each pair once.
    fn of_sums(first: usize, of_first: f64, second: usize, of_second: f64, total: f64) -> Self {
        let (n, m) = (first as f64, second as f64);
        let across = 2.0 * (total - of_first - of_second) / (n * m);
        let distance = across - 2.0 * of_first / (n * n) - 2.0 * of_second / (m * m);
        let coefficient = if across > 0.0 { distance / across } else { 0.0 };
        Self { distance, statistic: n * m / (n + m) * distance, coefficient }
    }
}

/// Where a series splits best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// Index of the first value after the split.
    pub(super) place: usize,
    /// The energy statistic between both sides.
    pub(super) statistic: f64,
}

/// Splits the values of a series in any order: sums of distances grow value by value, each by two look-ups in a Fenwick tree
/// over the values' ranks (Fenwick 1994), so that a series of n costs n·log n and not n².
pub(super) struct Splitter {
    /// The values, moved so that the first is zero: what is large and common to all would drown the differences.
    values: Vec<f64>,
    /// Each value's rank, from 1; equal values share one.
    ranks: Vec<usize>,
    /// How many values were added up to a rank, and their sum, as Fenwick trees.
    counts: Vec<f64>,
    sums: Vec<f64>,
    added: f64,
    sum: f64,
    /// Sums of distances within the values up to each place, and from each place on.
    within_first: Vec<f64>,
    within_rest: Vec<f64>,
}

impl Splitter {
    /// For a series of finite values.
    pub(super) fn of(series: &[f64]) -> Self {
        let origin = series.first().copied().unwrap_or_default();
        let values: Vec<f64> = series.iter().map(|value| value - origin).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let ranks = values.iter().map(|value| sorted.partition_point(|other| other < value) + 1).collect();
        let tree = vec![0.0; sorted.len() + 1];
        Self {
            ranks,
            counts: tree.clone(),
            sums: tree,
            added: 0.0,
            sum: 0.0,
            within_first: vec![0.0; values.len() + 1],
            within_rest: vec![0.0; values.len() + 1],
            values,
        }
    }

    /// The best split of the series in this order; `None` when it is too short for one.
    pub(super) fn best(&mut self, order: &[usize]) -> Option<Split> {
        let count = order.len();
        if count < 2 * SIDE_MIN {
            return None;
        }
        self.clear();
        for (place, value) in order.iter().enumerate() {
            self.within_first[place + 1] = self.within_first[place] + self.add(*value);
        }
        self.clear();
        self.within_rest[count] = 0.0;
        for (place, value) in order.iter().enumerate().rev() {
            self.within_rest[place] = self.within_rest[place + 1] + self.add(*value);
        }
        let total = self.within_first[count];
        let splits = (SIDE_MIN..=count - SIDE_MIN).map(|place| {
            let (first, rest) = (self.within_first[place], self.within_rest[place]);
            let energy = Energy::of_sums(place, first, count - place, rest, total);
            Split { place, statistic: energy.statistic }
        });
        // The first of equals, so that the answer does not depend on how equals are compared.
        splits.reduce(|best, other| if other.statistic > best.statistic { other } else { best })
    }

    fn clear(&mut self) {
        self.counts.fill(0.0);
        self.sums.fill(0.0);
        (self.added, self.sum) = (0.0, 0.0);
    }

    /// Adds a value and says how far it is from all that were added before, together.
    fn add(&mut self, place: usize) -> f64 {
        let (value, rank) = (self.values[place], self.ranks[place]);
        let (mut count_below, mut sum_below) = (0.0, 0.0);
        let mut node = rank;
        while node > 0 {
            count_below += self.counts[node];
            sum_below += self.sums[node];
            node &= node - 1;
        }
        let (count_above, sum_above) = (self.added - count_below, self.sum - sum_below);
        node = rank;
        while node < self.counts.len() {
            self.counts[node] += 1.0;
            self.sums[node] += value;
            node += node & node.wrapping_neg();
        }
        self.added += 1.0;
        self.sum += value;
        // Never below zero but by rounding.
        (value * count_below - sum_below + sum_above - value * count_above).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_energy_statistic_is_the_published_one() {
        // MongoDB's signal processing algorithms, test_energy_statistics: e = .160, t = 8.136, h = .002.
        let up_to = |last: u32| (1..=last).map(f64::from).collect::<Vec<_>>();
        let found = Energy::between(&up_to(99), &up_to(104)).unwrap();
        assert!((found.distance - 0.160).abs() < 5e-4, "{found:?}");
        assert!((found.statistic - 8.136).abs() < 5e-4, "{found:?}");
        assert!((found.coefficient - 0.002).abs() < 5e-4, "{found:?}");
    }

    #[test]
    fn sums_in_a_tree_are_sums_of_all_pairs() {
        let values = [3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0];
        let (first, second) = values.split_at(4);
        let mean = |one: &[f64], other: &[f64]| {
            let distances = one.iter().flat_map(|x| other.iter().map(move |y| (x - y).abs()));
            distances.sum::<f64>() / (one.len() * other.len()) as f64
        };
        let expected = 2.0 * mean(first, second) - mean(first, first) - mean(second, second);
        assert!((Energy::between(first, second).unwrap().distance - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_samples_are_not_apart_and_nothing_has_no_distance() {
        let found = Energy::between(&[7.1; 5], &[7.1; 3]).unwrap();
        assert_eq!((found.distance, found.coefficient), (0.0, 0.0));
        assert_eq!(Energy::between(&[], &[1.0]), None);
    }
}
