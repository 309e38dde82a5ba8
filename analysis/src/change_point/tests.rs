//! Changes that are found, and changes that are not there.

use super::*;

fn search() -> Search {
    Search { level: Level::FIVE_PERCENT, permutations: PERMUTATIONS_MIN, smallest_effect: 0.02, seed: 7 }
}

fn places(history: &[f64]) -> Vec<usize> {
    change_points(history, &search()).iter().map(|change| change.at).collect()
}

/// One percent of noise around a level that changes.
fn noisy(levels: &[(usize, f64)]) -> Vec<f64> {
    let values = levels.iter().flat_map(|(count, level)| vec![*level; *count]);
    let wobble = |place: usize| ((place * 7 % 11) as f64 - 5.0) / 500.0;
    values.enumerate().map(|(place, level)| level * (1.0 + wobble(place))).collect()
}

#[test]
fn a_step_from_zero_to_one_is_found_where_it_is() {
    // MongoDB's signal processing algorithms: 0 × 1000, 1 × 1000 changes at 1000.
    let history = [vec![0.0; 1_000], vec![1.0; 1_000]].concat();
    let found = change_points(&history, &search());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].at, found[0].p, found[0].before, found[0].after), (1_000, 1.0 / 2_000.0, 0.0, 1.0));
}

#[test]
fn a_history_without_variance_has_no_change_but_its_step_is_found() {
    assert_eq!(places(&[0.1; 40]), [0_usize; 0]);
    assert_eq!(places(&[vec![0.1; 12], vec![0.2; 8]].concat()), [12]);
}

#[test]
fn several_changes_are_found_oldest_first_with_their_means() {
    let found = change_points(&noisy(&[(22, 100.0), (22, 120.0), (22, 90.0)]), &search());
    assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), [22, 44]);
    assert!((found[1].before - 120.0).abs() < 0.5 && (found[1].after - 90.0).abs() < 0.5);
    assert!((found[1].effect() - 0.25).abs() < 0.01);
}

#[test]
fn noise_alone_is_no_change() {
    assert_eq!(places(&noisy(&[(66, 100.0)])), [0_usize; 0]);
}

#[test]
fn a_change_below_the_smallest_effect_is_not_told() {
    let history = [vec![100.0; 20], vec![101.0; 20]].concat();
    assert_eq!(places(&history), [0_usize; 0]);
    let any = Search { smallest_effect: 0.0, ..search() };
    assert_eq!(change_points(&history, &any).len(), 1);
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let history = noisy(&[(15, 100.0), (9, 104.0)]);
    assert_eq!(change_points(&history, &search()), change_points(&history, &search()));
}

#[test]
fn only_the_newest_values_are_looked_at() {
    let history = [vec![5.0; HISTORY_MAX], vec![1.0; 1_000], vec![2.0; 1_000]].concat();
    assert_eq!(places(&history), [HISTORY_MAX + 1_000]);
}

#[test]
fn short_histories_and_no_numbers_have_no_changes() {
    assert!(places(&[]).is_empty() && places(&[1.0, 2.0, 3.0]).is_empty());
    assert!(places(&[f64::NAN; 30]).is_empty());
}
