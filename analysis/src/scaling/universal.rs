//! The Universal Scalability Law, fitted to what a sweep measured. It describes; no verdict comes from it.

/// Fewer values leave nothing to see whether the law fits: it has three parameters.
pub const VALUES_MIN: usize = 4;

/// X(N) = λN/(1 + σ(N−1) + κN(N−1)) (Gunther, *Guerrilla Capacity Planning*, 4.4.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UniversalLaw {
    /// Throughput of one, λ.
    pub of_one: f64,
    /// Contention σ: the share of work that queues for something, 0 or above.
    pub contention: f64,
    /// Coherence κ: what each pays for each other, 0 or above.
    pub coherence: f64,
    /// Where throughput is highest, √((1−σ)/κ), at least 1; `None` when it never falls again.
    pub peak: Option<f64>,
    /// Typical distance of the measured values from the law, as a share: the root of the mean of its squares.
    pub misfit: f64,
}

impl UniversalLaw {
    /// The throughput that the law gives for a value.
    pub fn throughput(&self, value: f64) -> f64 {
        let more = value - 1.0;
        self.of_one * value / (1.0 + self.contention * more + self.coherence * value * more)
    }
}

/// Fits the law to throughputs by value, both above zero: linear least squares on N/X = a + b(N−1) + cN(N−1), each value
/// weighted by its own X/N, since throughputs vary by shares. Contention and coherence that would come out negative are
/// left out. `None` with fewer than [`VALUES_MIN`] different values, or when nothing positive fits.
pub fn fit(points: &[(f64, f64)]) -> Option<UniversalLaw> {
    let is_usable = |(value, throughput): &(f64, f64)| {
        *value >= 1.0 && *throughput > 0.0 && value.is_finite() && throughput.is_finite()
    };
    let mut values: Vec<f64> = points.iter().map(|(value, _)| *value).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    if values.len() < VALUES_MIN || !points.iter().all(is_usable) {
        return None;
    }
    // Whatever the throughputs' unit, they are of the order of one here.
    let unit = points.iter().map(|(value, throughput)| throughput / value).fold(0.0, f64::max);
    let rows: Vec<[f64; 3]> = points
        .iter()
        .map(|(value, throughput)| {
            let weight = throughput / value / unit;
            [weight, weight * (value - 1.0), weight * value * (value - 1.0)]
        })
        .collect();
    let terms: [&[usize]; 4] = [&[0, 1, 2], &[0, 2], &[0, 1], &[0]];
    let fits = terms.iter().filter_map(|terms| least_squares(&rows, terms));
    let possible = fits.filter(|fit| fit[0] > 0.0 && fit[1] >= 0.0 && fit[2] >= 0.0);
    let best = possible.min_by(|one, other| residual(&rows, one).total_cmp(&residual(&rows, other)))?;
    let misfit = (residual(&rows, &best) / rows.len() as f64).sqrt();
    let (contention, coherence) = (best[1] / best[0], best[2] / best[0]);
    let peak = (coherence > 0.0).then(|| ((1.0 - contention).max(0.0) / coherence).sqrt().max(1.0));
    Some(UniversalLaw { of_one: unit / best[0], contention, coherence, peak, misfit })
}

/// How far the weighted rows are from 1, squared and added up.
fn residual(rows: &[[f64; 3]], fit: &[f64; 3]) -> f64 {
    let predicted = |row: &[f64; 3]| row.iter().zip(fit).map(|(term, factor)| term * factor).sum::<f64>();
    rows.iter().map(|row| (1.0 - predicted(row)).powi(2)).sum()
}

/// The factors of some of the terms that bring the rows nearest to 1, the others 0: the normal equations, by elimination.
fn least_squares(rows: &[[f64; 3]], terms: &[usize]) -> Option<[f64; 3]> {
    let size = terms.len();
    let mut system = vec![vec![0.0; size + 1]; size];
    for row in rows {
        for (equation, term) in system.iter_mut().zip(terms) {
            for (cell, other) in equation.iter_mut().zip(terms) {
                *cell += row[*term] * row[*other];
            }
            equation[size] += row[*term];
        }
    }
    for pivot in 0..size {
        let largest = (pivot..size)
            .max_by(|one, other| system[*one][pivot].abs().total_cmp(&system[*other][pivot].abs()))?;
        system.swap(pivot, largest);
        let pivot_row = system[pivot].clone();
        for equation in system.iter_mut().skip(pivot + 1) {
            let factor = equation[pivot] / pivot_row[pivot];
            equation.iter_mut().zip(&pivot_row).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let mut factors = [0.0; 3];
    for (place, equation) in system.iter().enumerate().rev() {
        let known: f64 = (place + 1..size).map(|later| equation[later] * factors[terms[later]]).sum();
        factors[terms[place]] = (equation[size] - known) / equation[place];
    }
    factors.iter().all(|factor| factor.is_finite()).then_some(factors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(law: UniversalLaw) -> Vec<(f64, f64)> {
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|value| (value, law.throughput(value))).to_vec()
    }

    fn law(contention: f64, coherence: f64) -> UniversalLaw {
        UniversalLaw { of_one: 995.6486, contention, coherence, peak: None, misfit: 0.0 }
    }

    #[test]
    fn what_follows_the_law_gives_its_parameters_back() {
        let found = fit(&points(law(0.027_729_85, 0.000_104_368_1))).unwrap();
        assert!((found.of_one - 995.6486).abs() < 1e-6 && found.misfit < 1e-9, "{found:?}");
        assert!((found.contention - 0.027_729_85).abs() < 1e-9, "{found:?}");
        assert!((found.coherence - 0.000_104_368_1).abs() < 1e-9, "{found:?}");
        assert!((found.peak.unwrap() - 96.518_283).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn what_never_falls_has_no_peak() {
        let found = fit(&points(law(0.05, 0.0))).unwrap();
        assert!(found.peak.is_none_or(|peak| peak > 1e4), "{found:?}");
        let better_than_linear: Vec<(f64, f64)> = (1..=6).map(|n| (f64::from(n), f64::from(n * n))).collect();
        let found = fit(&better_than_linear).unwrap();
        assert_eq!((found.contention, found.coherence, found.peak), (0.0, 0.0, None));
    }

    #[test]
    fn three_values_are_no_fit_and_neither_is_nonsense() {
        assert_eq!(fit(&points(law(0.1, 0.01))[..3]), None);
        assert_eq!(fit(&[(1.0, 1.0), (2.0, 2.0), (3.0, 0.0), (4.0, 2.0)]), None);
        assert_eq!(fit(&[(1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 2.0)]), None);
        assert_eq!(fit(&[]), None);
    }

    #[test]
    fn the_peak_of_the_announced_sweep_lies_near_two() {
        // 1: 8.243 s, 2: 7.207 s, 4: 7.790 s, 8: 8.758 s, as runs per second.
        let found = fit(&[(1.0, 8.243), (2.0, 7.207), (4.0, 7.790), (8.0, 8.758)].map(|(n, s)| (n, 1.0 / s)))
            .unwrap();
        assert!(found.peak.is_some_and(|peak| peak > 1.0 && peak < 6.0), "{found:?}");
    }
}
