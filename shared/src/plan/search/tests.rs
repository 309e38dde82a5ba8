//! Searches through made-up truths: what is found, what is named, and that every one of them ends.

use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

/// Values a tenth apart.
fn values(count: usize) -> Vec<f64> {
    (0..count).map(|place| 100.0 * 1.1_f64.powi(place as i32)).collect()
}

/// Follows a course through what `verdict` says of a place after so many trials, and returns all that was tried.
fn followed(course: &Course, mut verdict: impl FnMut(usize, u32) -> Verdict) -> Vec<Tried> {
    let mut tried: Vec<Tried> = Vec::new();
    while let Some(place) = course.next(&tried) {
        let known = match tried.iter().position(|tried| tried.place == place) {
            Some(known) => known,
            None => {
                tried.push(Tried { place, trials: 0, verdict: Verdict::Inconclusive, is_final: false });
                tried.len() - 1
            }
        };
        tried[known].trials += 1;
        tried[known].verdict = verdict(place, tried[known].trials);
        assert!(tried.len() as u32 <= course.values_tried_max(), "{tried:?}");
        assert!(tried.iter().all(|tried| tried.trials <= course.looks()[course.looks().len() - 1]));
    }
    tried
}

/// What is found where everything up to a place holds and everything above fails.
fn found(course: &Course, capacity: usize) -> (Bracket, Vec<Tried>) {
    let truth = |place, _| if place <= capacity { Verdict::Supported } else { Verdict::Refuted };
    let tried = followed(course, truth);
    (course.bracket(&tried), tried)
}

fn between(at_least: usize, below: usize) -> Bracket {
    let ending = Ending::Found { at_least, below };
    Bracket { at_least: Some(at_least), below: Some(below), ending }
}

#[test]
fn a_value_is_settled_at_its_looks_alone() {
    let course = Course::new(values(10), 8);
    assert_eq!(course.looks(), [3, 5, 8]);
    let tried = |trials, verdict| Tried { place: 0, trials, verdict, is_final: false };
    assert!(!course.is_settled(&tried(2, Verdict::Supported)), "two trials are not looked at");
    assert!(course.is_settled(&tried(3, Verdict::Supported)));
    assert!(!course.is_settled(&tried(4, Verdict::Refuted)));
    assert!(!course.is_settled(&tried(5, Verdict::Inconclusive)));
    assert!(course.is_settled(&tried(8, Verdict::Inconclusive)), "there are no more");
    assert!(course.is_settled(&tried(1, Verdict::Invalid)), "more of it would count no more");
    assert!(course.is_settled(&Tried { is_final: true, ..tried(1, Verdict::Inconclusive) }));
    assert_eq!(Course::new(values(10), 1).looks(), [1]);
}

#[test]
fn it_climbs_before_it_halves() {
    let (bracket, tried) = found(&Course::new(values(66), 3), 31);
    let places: Vec<usize> = tried.iter().map(|tried| tried.place).collect();
    assert_eq!(places, [0, 14, 28, 42, 35, 31, 33, 32]);
    assert_eq!(bracket, between(31, 32));
}

#[test]
fn both_ends_of_the_range_are_answers() {
    let course = Course::new(values(20), 3);
    let (bracket, _) = found(&course, 19);
    assert_eq!(bracket, Bracket { at_least: Some(19), below: None, ending: Ending::HoldsThroughout });
    let tried = followed(&course, |_, _| Verdict::Refuted);
    assert_eq!(tried.iter().map(|tried| tried.place).collect::<Vec<_>>(), [0, 7], "one above it fails too");
    let bracket = course.bracket(&tried);
    assert_eq!(bracket, Bracket { at_least: None, below: Some(0), ending: Ending::FailsThroughout });
}

#[test]
fn what_holds_above_what_fails_is_named() {
    let course = Course::new(values(20), 3);
    let tried = followed(&course, |place, _| match place {
        0 => Verdict::Refuted,
        _ => Verdict::Supported,
    });
    assert_eq!(course.bracket(&tried).ending, Ending::Contradicted { fails: 0, holds: 7 });
}

#[test]
fn an_inconclusive_value_widens_the_answer_on_both_sides() {
    let course = Course::new(values(66), 5);
    let tried = followed(&course, |place, _| match place {
        0..30 => Verdict::Supported,
        30..36 => Verdict::Inconclusive,
        _ => Verdict::Refuted,
    });
    let bracket = course.bracket(&tried);
    assert_eq!(bracket, between(29, 36));
}

#[test]
fn a_generator_that_is_the_limit_is_no_refutation() {
    let course = Course::new(values(66), 5);
    let truth = |place, _| if place < 40 { Verdict::Supported } else { Verdict::Invalid };
    let bracket = course.bracket(&followed(&course, truth));
    assert_eq!(bracket, Bracket { at_least: Some(39), below: None, ending: Ending::Invalid(40) });
    let truth = |place, _| match place {
        0..40 => Verdict::Supported,
        40 => Verdict::Refuted,
        _ => Verdict::Invalid,
    };
    let bracket = course.bracket(&followed(&course, truth));
    assert_eq!(bracket, between(39, 40));
}

#[test]
fn nothing_is_found_below_a_lowest_value_that_is_not_decided() {
    let course = Course::new(values(5), 3);
    for (verdict, ending) in
        [(Verdict::Inconclusive, Ending::Undecided(0)), (Verdict::Invalid, Ending::Invalid(0))]
    {
        let tried = followed(&course, |_, _| verdict);
        assert_eq!(tried.len(), 1);
        assert_eq!(course.bracket(&tried), Bracket { at_least: None, below: None, ending });
    }
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    let verdicts = [Verdict::Supported, Verdict::Refuted, Verdict::Inconclusive, Verdict::Invalid];
    proptest::sample::select(verdicts.to_vec())
}

proptest! {
    #[test]
    fn a_monotone_truth_is_found_to_the_value(count in 2_usize..200, capacity in 0_usize..200, trials in 1_u32..12) {
        let course = Course::new(values(count), trials);
        let (bracket, _) = found(&course, capacity);
        let expected = if capacity >= count - 1 {
            Bracket { at_least: Some(count - 1), below: None, ending: Ending::HoldsThroughout }
        } else {
            between(capacity, capacity + 1)
        };
        prop_assert_eq!(bracket, expected);
    }

    /// Near the truth a look may say that it cannot tell, or that it does not count, but never the opposite.
    #[test]
    fn a_monotone_truth_with_noise_is_bracketed(
        count in 2_usize..200, capacity in 0_usize..200, doubt in 0_usize..6, seed in any::<u64>()
    ) {
        let course = Course::new(values(count), 8);
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let tried = followed(&course, |place, _| match place {
            place if place.abs_diff(capacity) <= doubt && dice.random_bool(0.5) => Verdict::Inconclusive,
            place if dice.random_bool(0.05) && place > capacity => Verdict::Invalid,
            place if place <= capacity => Verdict::Supported,
            _ => Verdict::Refuted,
        });
        let bracket = course.bracket(&tried);
        prop_assert!(bracket.at_least.is_none_or(|at_least| at_least <= capacity));
        prop_assert!(bracket.below.is_none_or(|below| below > capacity));
        prop_assert!(!matches!(bracket.ending, Ending::Open | Ending::Contradicted { .. }), "{bracket:?}");
        if let Ending::Found { at_least, below } = bracket.ending {
            // Only what could not be told lies between.
            let between = at_least + 1..below;
            let told = |place: usize| tried.iter().any(|tried| tried.place == place);
            prop_assert!(between.is_empty() || (told(at_least + 1) && told(below - 1)), "{bracket:?} of {tried:?}");
        }
    }

    #[test]
    fn whatever_is_measured_it_ends_and_names_what_contradicts(
        truth in proptest::collection::vec(any_verdict(), 2..200), trials in 1_u32..10
    ) {
        let course = Course::new(values(truth.len()), trials);
        let tried = followed(&course, |place, _| truth[place]);
        let bracket = course.bracket(&tried);
        prop_assert!(bracket.ending != Ending::Open);
        let verdict = |place: Option<usize>| place.map(|place| truth[place]);
        prop_assert!(verdict(bracket.at_least).is_none_or(|verdict| verdict == Verdict::Supported));
        prop_assert!(verdict(bracket.below).is_none_or(|verdict| verdict == Verdict::Refuted));
        let fails = tried.iter().filter(|it| it.verdict == Verdict::Refuted).map(|it| it.place).min();
        let holds = tried.iter().filter(|it| it.verdict == Verdict::Supported).map(|it| it.place).max();
        let is_contradictory = fails.zip(holds).is_some_and(|(fails, holds)| fails < holds);
        prop_assert_eq!(matches!(bracket.ending, Ending::Contradicted { .. }), is_contradictory);
    }

    #[test]
    fn all_looks_together_are_wrong_no_more_often_than_they_may(count in 2_usize..200, trials in 1_u32..50) {
        let course = Course::new(values(count), trials);
        let looks = f64::from(course.values_tried_max()) * course.looks().len() as f64;
        prop_assert!(course.alpha() * looks <= ALPHA + 1e-12);
        prop_assert!(course.looks().is_sorted() && course.looks().last() == Some(&trials));
    }
}
