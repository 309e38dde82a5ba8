//! Rank tests against published cases.

use super::*;

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
}

#[test]
fn mann_whitney_is_the_published_one() {
    // golang/perf, stats/utest_test.go.
    assert_close(mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap().p, 0.1);
    let separated = mann_whitney(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]).unwrap();
    assert_close(separated.p, 2.0 / 70.0);
    let tied = mann_whitney(&[1.0, -1.0, -1.0, -1.0], &[-1.0, 1.0, 1.0, 1.0]).unwrap();
    assert_close(tied.p, 34.0 / 70.0);
    // scipy.stats.mannwhitneyu: ages at which diabetes was found.
    let males = [19.0, 22.0, 16.0, 29.0, 24.0];
    let females = [20.0, 11.0, 17.0, 12.0];
    let found = mann_whitney(&males, &females).unwrap();
    assert_eq!((found.statistic, found.is_exact), (17.0, true));
    assert_close(found.p, 1.0 / 9.0);
}

#[test]
fn mann_whitney_does_not_care_which_sample_is_first_or_larger() {
    let samples: [&[f64]; 3] = [&[1.5, 7.0], &[2.0, 3.0, 9.0, 11.0], &[4.0, 5.0, 6.0, 8.0]];
    for first in samples {
        for second in samples {
            let (there, back) = (mann_whitney(first, second).unwrap(), mann_whitney(second, first).unwrap());
            assert_close(there.p, back.p);
            assert_close(there.p_less, back.p_greater);
            assert_close(there.statistic + back.statistic, (first.len() * second.len()) as f64);
        }
    }
}

#[test]
fn signed_rank_is_the_published_one() {
    // Darwin's corn, as scipy.stats.wilcoxon has it.
    let corn = [6.0, 8.0, 14.0, 16.0, 23.0, 24.0, 28.0, 29.0, 41.0, -48.0, 49.0, 56.0, 60.0, -67.0, 75.0];
    let found = signed_rank(&corn).unwrap();
    assert_eq!(15.0 * 16.0 / 2.0 - found.statistic, 24.0);
    assert_eq!((found.p, found.p_greater), (0.041259765625, 0.0206298828125));
}

#[test]
fn no_difference_at_all_is_no_evidence() {
    assert_eq!(signed_rank(&[0.0; 5]).unwrap().p, 1.0);
    assert_eq!(mann_whitney(&[7.0; 5], &[7.0; 4]).unwrap().p, 1.0);
    assert_eq!(mann_whitney(&[7.0; 50], &[7.0; 40]).unwrap().p, 1.0);
}

#[test]
fn nothing_and_no_numbers_have_no_test() {
    assert_eq!((signed_rank(&[]), signed_rank(&[f64::NAN])), (None, None));
    assert_eq!((mann_whitney(&[], &[1.0]), mann_whitney(&[1.0], &[f64::NAN])), (None, None));
}

#[test]
fn the_approximation_takes_over_without_a_step() {
    let sample = |size: usize, shift: f64| (0..size).map(|n| (n % 17) as f64 + shift).collect::<Vec<_>>();
    let exact = mann_whitney(&sample(30, 0.0), &sample(30, 2.0)).unwrap();
    let approximate = mann_whitney(&sample(31, 0.0), &sample(30, 2.0)).unwrap();
    assert!(exact.is_exact && !approximate.is_exact && (exact.p - approximate.p).abs() < 0.05);
    let pairs = |size: usize| signed_rank(&sample(size, -7.5)).unwrap();
    assert!(pairs(200).is_exact && !pairs(201).is_exact && (pairs(200).p - pairs(201).p).abs() < 0.05);
}
