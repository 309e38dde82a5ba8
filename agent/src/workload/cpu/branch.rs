//! The kernel `branch/1`: sorting numbers that nobody can foresee, so that the processor guesses half of its branches wrong.
//!
//! The library's own sort has hardly any branches, which is why this is a quicksort as it was written first.

use super::Kernel;
use crate::workload::hardware::numbers::Numbers;

/// How many numbers are sorted: 64 KiB of them.
const COUNT: usize = 16 * 1024;
/// Parts that are no longer than this are sorted by insertion.
const INSERTION_MAX: usize = 16;

/// Sorts numbers, other ones each batch.
#[derive(Debug)]
pub(super) struct Branch {
    numbers: Numbers,
    sorted: Vec<u32>,
    /// What they add up to, over 32 bits.
    sum: u32,
}

impl Branch {
    /// Nothing sorted yet.
    pub(super) fn new() -> Self {
        Self { numbers: Numbers::new(), sorted: vec![0; COUNT], sum: 0 }
    }
}

impl Kernel for Branch {
    fn renew(&mut self) {
        for number in &mut self.sorted {
            *number = u32::try_from(self.numbers.next() >> 32).expect("the upper half of 64 bits has 32");
        }
        self.sum = sum(&self.sorted);
    }

    fn run(&mut self) {
        sort(&mut self.sorted);
    }

    fn check(&self) -> Result<(), String> {
        if !self.sorted.is_sorted() {
            return Err("what it sorted is not in order".to_owned());
        }
        let sum = sum(&self.sorted);
        if sum == self.sum {
            return Ok(());
        }
        Err(format!("what it sorted adds up to {sum}, not {}", self.sum))
    }
}

fn sum(numbers: &[u32]) -> u32 {
    numbers.iter().fold(0, |sum, number| sum.wrapping_add(*number))
}

/// Quicksort with Hoare's partition around the middle number; goes into the shorter part and stays with the longer one, so that
/// it is never deeper than the logarithm of the count.
fn sort(mut numbers: &mut [u32]) {
    while numbers.len() > INSERTION_MAX {
        let middle = partition(numbers);
        let (low, high) = numbers.split_at_mut(middle);
        let (short, long) = if low.len() < high.len() { (low, high) } else { (high, low) };
        sort(short);
        numbers = long;
    }
    insert(numbers);
}

/// Parts numbers, of which there are two at least, into those that are at most and those that are at least the middle one; returns
/// where the second part begins. Neither part is empty.
fn partition(numbers: &mut [u32]) -> usize {
    let pivot = numbers[(numbers.len() - 1) / 2];
    let (mut low, mut high) = (0, numbers.len() - 1);
    loop {
        while numbers[low] < pivot {
            low += 1;
        }
        while numbers[high] > pivot {
            high -= 1;
        }
        if low >= high {
            return high + 1;
        }
        numbers.swap(low, high);
        low += 1;
        high -= 1;
    }
}

fn insert(numbers: &mut [u32]) {
    for place in 1..numbers.len() {
        let number = numbers[place];
        let mut hole = place;
        while hole > 0 && numbers[hole - 1] > number {
            numbers[hole] = numbers[hole - 1];
            hole -= 1;
        }
        numbers[hole] = number;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_sorted_is_in_order(mut numbers in prop::collection::vec(0_u32..50, 0..200)) {
            let mut expected = numbers.clone();
            expected.sort_unstable();
            sort(&mut numbers);
            prop_assert_eq!(numbers, expected);
        }
    }
}
