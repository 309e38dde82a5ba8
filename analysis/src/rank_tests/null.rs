//! How sums of ranks fall when there is no difference: every way counted, by dynamic programming.

/// The probability of each sum from 0 on of the ranks that get a plus, when each gets plus or minus by a fair coin.
pub(crate) fn signed_sums(ranks: &[usize]) -> Vec<f64> {
    let mut probabilities = vec![0.0; ranks.iter().sum::<usize>() + 1];
    probabilities[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with_plus = if sum >= rank { probabilities[sum - rank] } else { 0.0 };
            probabilities[sum] = f64::midpoint(probabilities[sum], with_plus);
        }
    }
    probabilities
}

/// The probability of each sum from 0 on of `size` of the ranks, drawn at random.
pub(crate) fn subset_sums(ranks: &[usize], size: usize) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    // How many subsets of each size have each sum. Counts are at most the number of all subsets, 2⁶⁰ for the most ranks that
    // are asked for, and lose no more than their last digit.
    let mut counts = vec![vec![0.0_f64; total + 1]; size + 1];
    counts[0][0] = 1.0;
    for &rank in ranks {
        for chosen in (1..=size).rev() {
            let (fewer, these) = counts.split_at_mut(chosen);
            for (to, from) in these[0][rank..].iter_mut().zip(&fewer[chosen - 1]) {
                *to += from;
            }
        }
    }
    let of_size = counts.pop().unwrap_or_default();
    let all: f64 = of_size.iter().sum();
    of_size.into_iter().map(|count| count / all).collect()
}

/// The probabilities of at most and of at least a sum that can occur.
pub(crate) fn tails(probabilities: &[f64], sum: usize) -> (f64, f64) {
    let at_most: f64 = probabilities[..=sum].iter().sum();
    let at_least: f64 = probabilities[sum..].iter().rev().sum();
    (at_most.min(1.0), at_least.min(1.0))
}

/// How many of the lowest sums together have at most the probability `tail`.
pub(crate) fn lowest_within(probabilities: impl IntoIterator<Item = f64>, tail: f64) -> usize {
    let sums = probabilities.into_iter().scan(0.0, |sum, probability| {
        *sum += probability;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= tail).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_signs_fall_in_eight_ways() {
        assert_eq!(signed_sums(&[1, 2, 3]), [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0].map(|ways| ways / 8.0));
        assert_eq!(signed_sums(&[]), [1.0]);
    }

    #[test]
    fn two_of_four_ranks_are_drawn_in_six_ways() {
        let expected = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 1.0, 1.0, 0.0, 0.0, 0.0].map(|ways| ways / 6.0);
        assert_eq!(subset_sums(&[1, 2, 3, 4], 2), expected);
    }

    #[test]
    fn the_lowest_sums_are_counted_up_to_the_tail() {
        assert_eq!(lowest_within(signed_sums(&[1, 2, 3, 4, 5]), 0.025), 0);
        assert_eq!(lowest_within(signed_sums(&[1, 2, 3, 4, 5, 6]), 0.025), 1);
    }
}
