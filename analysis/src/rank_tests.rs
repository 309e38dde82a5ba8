//! Exact rank tests, which ask of values only which is larger: Mann–Whitney for two samples, Wilcoxon's signed rank for pairs.
//!
//! Rooms: [`ranks`], mid-ranks; [`null`], how rank sums fall when there is no difference.

pub(crate) mod null;
pub(crate) mod ranks;

use statrs::distribution::{ContinuousCDF, Normal};

use self::null::{signed_sums, subset_sums, tails};
use self::ranks::{doubled_mid_ranks, tie_sizes};

/// Up to so many values in both samples Mann–Whitney is exact, with ties too: some million additions. Above it the normal
/// approximation is good to the third digit of a p-value.
pub const MANN_WHITNEY_EXACT_MAX: usize = 60;
/// Up to so many pairs the signed rank test is exact, with ties and zeros too: eight million additions.
pub const SIGNED_RANK_EXACT_MAX: usize = 200;

/// What a rank test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// Mann–Whitney: U of the first sample, pairs in which its value is the larger, ties counting half. Signed rank: W⁺, the
    /// sum of the ranks of what is above zero.
    pub statistic: f64,
    /// How likely a statistic at least as large is without a difference.
    pub p_greater: f64,
    /// How likely a statistic at least as small is without a difference.
    pub p_less: f64,
    /// Twice the smaller of both, at most 1.
    pub p: f64,
    /// Whether the null distribution was enumerated, and not approximated.
    pub is_exact: bool,
}

impl RankTest {
    fn new(statistic: f64, (p_less, p_greater): (f64, f64), is_exact: bool) -> Self {
        let p = (2.0 * p_less.min(p_greater)).min(1.0);
        Self { statistic, p_greater, p_less, p, is_exact }
    }
}

/// The Mann–Whitney test (Mann and Whitney 1947) of two samples. `None` when one is empty or has a value that is no number.
///
/// Exact over all ways in which the realised mid-ranks can fall on both samples. Above [`MANN_WHITNEY_EXACT_MAX`] normal, with
/// continuity correction and the tie correction n₁n₂/12·((N+1) − Σ(t³−t)/(N(N−1))) (Lehmann, *Nonparametrics*, 1.4).
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<RankTest> {
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    if first.is_empty() || second.is_empty() || all.iter().any(|value| value.is_nan()) {
        return None;
    }
    let doubled = doubled_mid_ranks(&all);
    let of_first: usize = doubled[..first.len()].iter().sum();
    let least = first.len() * (first.len() + 1);
    let statistic = (of_first - least) as f64 / 2.0;
    if all.len() <= MANN_WHITNEY_EXACT_MAX {
        let tails = tails(&subset_sums(&doubled, first.len()), of_first);
        return Some(RankTest::new(statistic, tails, true));
    }
    let (n1, n2, n) = (first.len() as f64, second.len() as f64, all.len() as f64);
    let ties: f64 = tie_sizes(&all).map(|size| (size as f64).powi(3) - size as f64).sum();
    let variance = n1 * n2 / 12.0 * ((n + 1.0) - ties / (n * (n - 1.0)));
    let tails = normal_tails(statistic, n1 * n2 / 2.0, variance, 0.5);
    Some(RankTest::new(statistic, tails, false))
}

/// Wilcoxon's signed rank test (Wilcoxon 1945) of differences against zero. `None` of nothing, or when a difference is no
/// number.
///
/// Zeros are ranked and then left out (Pratt 1959), ties get mid-ranks, and the null distribution is that of the realised
/// ranks under random signs: exact, and above [`SIGNED_RANK_EXACT_MAX`] normal with mean Σr/2 and variance Σr²/4.
pub fn signed_rank(differences: &[f64]) -> Option<RankTest> {
    if differences.is_empty() || differences.iter().any(|difference| difference.is_nan()) {
        return None;
    }
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let ranked = differences.iter().zip(doubled_mid_ranks(&sizes));
    let signed: Vec<(bool, usize)> =
        ranked.filter(|(difference, _)| **difference != 0.0).map(|(it, rank)| (*it > 0.0, rank)).collect();
    let positive: usize = signed.iter().filter(|(is_positive, _)| *is_positive).map(|(_, rank)| rank).sum();
    let doubled: Vec<usize> = signed.iter().map(|(_, rank)| *rank).collect();
    let statistic = positive as f64 / 2.0;
    if doubled.len() <= SIGNED_RANK_EXACT_MAX {
        let tails = tails(&signed_sums(&doubled), positive);
        return Some(RankTest::new(statistic, tails, true));
    }
    let rank = |doubled: &usize| *doubled as f64 / 2.0;
    let mean = doubled.iter().map(rank).sum::<f64>() / 2.0;
    let variance = doubled.iter().map(|doubled| rank(doubled).powi(2)).sum::<f64>() / 4.0;
    Some(RankTest::new(statistic, normal_tails(statistic, mean, variance, 0.0), false))
}

/// Both tails of a normal approximation, moved by `continuity` towards the mean. Without variance both are certain.
fn normal_tails(statistic: f64, mean: f64, variance: f64, continuity: f64) -> (f64, f64) {
    if variance <= 0.0 {
        return (1.0, 1.0);
    }
    let deviation = variance.sqrt();
    let normal = Normal::standard();
    let below = normal.cdf((statistic - mean + continuity) / deviation);
    let above = normal.sf((statistic - mean - continuity) / deviation);
    (below, above)
}

#[cfg(test)]
mod tests;
