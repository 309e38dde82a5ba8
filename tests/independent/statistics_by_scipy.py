"""Makes the table that fleetmark's statistics are tested against: random cases, and what scipy says of them.

    python3 -m venv /tmp/scipy && /tmp/scipy/bin/pip install scipy
    /tmp/scipy/bin/python tests/independent/statistics_by_scipy.py > analysis/tests/data/scipy.jsonl

One case a line. The cases are drawn from a fixed seed, so the same scipy makes the same table.
"""

import json
import sys

import numpy as np
import scipy
from scipy import stats

random = np.random.default_rng(20260311)


def case(kind, **fields):
    print(json.dumps({"kind": kind, **fields}))


def tails(test):
    """p-values for "greater", "less" and "two-sided"."""
    return {name: float(test(name).pvalue) for name in ("greater", "less", "two-sided")}


def sizes():
    """Smaller first, equal, larger first."""
    small, large = sorted(int(size) for size in random.integers(2, 14, 2))
    return [(small, large + 1), (small, small), (large + 1, small)]


def mann_whitney():
    for _ in range(14):
        for first, second in sizes():
            x, y = random.normal(size=first).round(6), random.normal(0.5, 1, second).round(6)
            test = lambda side: stats.mannwhitneyu(x, y, alternative=side, method="exact")
            case("mann_whitney", x=x.tolist(), y=y.tolist(), statistic=float(test("less").statistic), p=tails(test))


def mann_whitney_with_ties():
    """scipy's own exact method knows no ties: all ways to divide the values are enumerated instead."""
    def rank_sum(x, y):
        return stats.rankdata(np.concatenate([x, y]))[: len(x)].sum()

    for _ in range(12):
        for first, second in ((3, 6), (4, 4), (6, 3)):
            x, y = random.integers(0, 5, first).astype(float), random.integers(1, 6, second).astype(float)
            test = lambda side: stats.permutation_test(
                (x, y), rank_sum, permutation_type="independent", n_resamples=np.inf, alternative=side)
            statistic = rank_sum(x, y) - first * (first + 1) / 2
            case("mann_whitney", x=x.tolist(), y=y.tolist(), statistic=float(statistic), p=tails(test))


def mann_whitney_of_many():
    for ties in (False, True):
        for first, second in ((30, 40), (50, 50), (80, 31)):
            x, y = random.normal(size=first), random.normal(0.3, 1, second)
            digits = 1 if ties else 6
            x, y = x.round(digits), y.round(digits)
            test = lambda side: stats.mannwhitneyu(x, y, alternative=side, method="asymptotic")
            case("mann_whitney", x=x.tolist(), y=y.tolist(), statistic=float(test("less").statistic), p=tails(test))


def signed_rank():
    for size in range(2, 26):
        d = random.normal(0.4, 1, size).round(6)
        test = lambda side: stats.wilcoxon(d, alternative=side, method="exact")
        case("signed_rank", d=d.tolist(), statistic=float(test("greater").statistic), p=tails(test))
    for _ in range(24):
        d = random.integers(-3, 6, int(random.integers(4, 12))).astype(float)
        if not d.any():
            d[0] = 1.0
        method = stats.PermutationMethod(n_resamples=np.inf)
        test = lambda side: stats.wilcoxon(d, alternative=side, zero_method="pratt", method=method)
        case("signed_rank", d=d.tolist(), statistic=float(test("greater").statistic), p=tails(test))
    for size in (201, 250):
        d = random.normal(0.1, 1, size).round(1)
        test = lambda side: stats.wilcoxon(d, alternative=side, zero_method="pratt", method="asymptotic")
        if (d != 0).sum() > 200:
            case("signed_rank", d=d.tolist(), statistic=float(test("greater").statistic), p=tails(test))


def paired_t():
    for _ in range(30):
        size, level = int(random.integers(2, 41)), float(random.choice([0.05, 0.0125, 0.01]))
        x = random.normal(5, 1, size).round(6)
        y = (x + random.normal(0.02, 0.05, size)).round(6)
        found = stats.ttest_rel(y, x)
        interval = found.confidence_interval(1 - level)
        case("paired_t", x=x.tolist(), y=y.tolist(), level=level, mean=float(np.mean(y - x)),
             low=float(interval.low), high=float(interval.high), p=float(found.pvalue))


def quantiles():
    for freedom in (1, 2, 3, 4, 5, 9, 14, 19, 29, 99, 999, 9_999):
        for tail in (0.4, 0.2, 0.025, 0.00625, 1e-5):
            case("t_quantile", freedom=freedom, tail=tail, value=float(stats.t.isf(tail, freedom)))
        for probability in (0.2, 0.8):
            case("chi_squared_quantile", freedom=freedom, probability=probability,
                 value=float(stats.chi2.ppf(probability, freedom)))


def binomials():
    for _ in range(40):
        count = int(10 ** random.uniform(0, 7))
        share = float(random.choice([0.5, 0.9, 0.99, 0.999, random.uniform()]))
        spread = (count * share * (1 - share)) ** 0.5
        successes = int(np.clip(count * share + random.normal() * spread, 0, count))
        case("binomial", successes=successes, count=count, share=share,
             at_most=float(stats.binom.cdf(successes, count, share)))
    for _ in range(30):
        count = int(10 ** random.uniform(0, 6))
        successes = int(random.choice([0, 1, count, int(random.integers(0, count + 1))]))
        level = float(random.choice([0.05, 0.01]))
        interval = stats.binomtest(successes, count).proportion_ci(1 - level, method="exact")
        case("share_interval", successes=successes, count=count, level=level,
             low=float(interval.low), high=float(interval.high))


def false_discoveries():
    for size in (1, 2, 5, 10, 15, 40):
        p = (random.uniform(size=size) ** 2).round(6)
        p[-1] = p[0]
        case("benjamini_hochberg", p=p.tolist(), adjusted=stats.false_discovery_control(p).tolist())


print(f"scipy {scipy.__version__}, numpy {np.__version__}", file=sys.stderr)
for make in (mann_whitney, mann_whitney_with_ties, mann_whitney_of_many, signed_rank, paired_t, quantiles,
             binomials, false_discoveries):
    make()
