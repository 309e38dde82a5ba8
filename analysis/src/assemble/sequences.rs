//! Which interval numbers were seen: duplicates are refused and gaps can be named.

use std::collections::BTreeMap;

use shared::ids::IntervalSequence;

/// Most gaps spelled out in a message; more are counted.
const GAPS_NAMED_MAX: usize = 5;

/// A set of interval numbers, kept as runs without gaps: intervals that arrive in order take one entry.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    /// First number of each run, with its last one.
    runs: BTreeMap<u64, u64>,
    count: u64,
}

impl Sequences {
    /// Adds `count` numbers from this one on, at least one; `false` when any of them was there already.
    pub(super) fn insert(&mut self, sequence: IntervalSequence, count: u64) -> bool {
        let number = sequence.0;
        let end = number.saturating_add(count.saturating_sub(1));
        let before = self.runs.range(..=end).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| number <= last) {
            return false;
        }
        let first = match before {
            Some((first, last)) if last + 1 == number => first,
            _ => number,
        };
        let after = end.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.runs.insert(first, after.unwrap_or(end));
        self.count = self.count.saturating_add(end - number + 1);
        true
    }

    /// How many different numbers were seen.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// How many numbers below `end` were never seen.
    pub(super) fn missing_below(&self, end: u64) -> u64 {
        self.gaps_below(end).map(|(first, last)| last - first + 1).sum()
    }

    /// The numbers below `end` that were never seen, for people: `4, 7 to 9`.
    pub(super) fn gaps_in_words(&self, end: u64) -> String {
        let mut words: Vec<String> = self
            .gaps_below(end)
            .take(GAPS_NAMED_MAX)
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") })
            .collect();
        let more = self.gaps_below(end).count() - words.len();
        if more > 0 {
            words.push(format!("and {more} more gaps"));
        }
        words.join(", ")
    }

    /// Gaps below `end`, each as its first and last number.
    fn gaps_below(&self, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let ends = self.runs.values().map(|last| last.saturating_add(1));
        let starts = self.runs.keys().copied().chain(std::iter::once(end));
        std::iter::once(0).chain(ends).zip(starts).filter_map(move |(from, to)| {
            let to = to.min(end);
            (from < to).then(|| (from, to - 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_are_named() {
        let mut sequences = Sequences::default();
        for number in [0, 1, 2, 3, 5, 6, 10] {
            assert!(sequences.insert(IntervalSequence(number), 1));
        }
        assert_eq!(sequences.gaps_in_words(12), "4, 7 to 9, 11");
        assert_eq!(sequences.missing_below(12), 5);
        assert_eq!(sequences.missing_below(4), 0);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(numbers in prop::collection::vec((0_u64..60, 1_u64..4), 0..120)) {
            let mut sequences = Sequences::default();
            let mut plain = BTreeSet::new();
            for (number, count) in numbers {
                let is_new = (number..number + count).all(|number| !plain.contains(&number));
                prop_assert_eq!(sequences.insert(IntervalSequence(number), count), is_new);
                plain.extend((number..number + count).filter(|_| is_new));
            }
            prop_assert_eq!(sequences.count(), plain.len() as u64);
            prop_assert_eq!(sequences.missing_below(63), 63 - plain.len() as u64);
            prop_assert!(sequences.runs.len() <= plain.len());
        }
    }
}
