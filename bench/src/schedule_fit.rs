//! Arrivals against the even schedule that they were meant to keep.

/// How far each arrival lies from its place in a schedule of `rate_per_s`, ns, earlier or later alike, in ascending order.
///
/// The schedule is laid so that the median arrival is exactly on time: when a generator began is its own affair, and
/// what one or two arrivals do must not move all the others.
pub fn deviations_ns(at_ns: &[u64], rate_per_s: f64) -> Vec<f64> {
    let Some(first_ns) = at_ns.first() else { return Vec::new() };
    let spacing_ns = 1e9 / rate_per_s;
    let offsets: Vec<f64> = at_ns
        .iter()
        .enumerate()
        .map(|(n, at_ns)| (at_ns - first_ns) as f64 - n as f64 * spacing_ns)
        .collect();
    let mut sorted = offsets.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let mut deviations: Vec<f64> = offsets.iter().map(|offset| (offset - median).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    deviations
}

/// Arrivals per second between the first and the last; `None` of fewer than two.
pub fn rate_per_s(at_ns: &[u64]) -> Option<f64> {
    let (first, last) = (at_ns.first()?, at_ns.last()?);
    (last > first).then(|| (at_ns.len() - 1) as f64 * 1e9 / (last - first) as f64)
}

/// The value at a quantile of ascending values, by the nearest rank; `None` of none.
pub fn at_quantile(ascending: &[f64], quantile: f64) -> Option<f64> {
    let rank = (quantile * ascending.len() as f64).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_schedule_has_no_deviation_wherever_it_begins() {
        let at_ns: Vec<u64> = (0..1_000).map(|n| 77 + n * 1_000_000).collect();
        let deviations = deviations_ns(&at_ns, 1_000.0);
        assert!(at_quantile(&deviations, 1.0).is_some_and(|most| most < 1.0));
        assert!(rate_per_s(&at_ns).is_some_and(|rate| (rate - 1_000.0).abs() < 1e-6));
    }

    #[test]
    fn a_late_one_moves_no_other() {
        let mut at_ns: Vec<u64> = (0..100).map(|n| n * 1_000_000).collect();
        at_ns[0] += 400_000;
        let deviations = deviations_ns(&at_ns, 1_000.0);
        assert_eq!(
            (at_quantile(&deviations, 0.99), at_quantile(&deviations, 1.0)),
            (Some(0.0), Some(400_000.0))
        );
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(at_quantile(&deviations_ns(&[], 1.0), 0.5), None);
        assert_eq!(rate_per_s(&[5]), None);
    }
}
