//! What comparisons by blocks say, and that they always say something.

use proptest::prelude::*;

use super::*;
use crate::estimate::Scale;

const RULE: fn() -> Rule = || Rule { margin: Margin::of_share(0.05).unwrap(), level: Level::FIVE_PERCENT };

fn compared(values: &[f64]) -> Paired {
    compare(&Differences::new(values.to_vec()).unwrap(), RULE())
}

/// So many differences around a mean, 3 % apart at most.
fn around(mean: f64, blocks: usize) -> Vec<f64> {
    (0..blocks).map(|block| mean + 0.015 * ((block % 3) as f64 - 1.0)).collect()
}

#[test]
fn a_clear_difference_has_its_word() {
    assert_eq!(compared(&around(0.10, 10)).says, Says::Slower);
    assert_eq!(compared(&around(-0.10, 10)).says, Says::Faster);
    assert_eq!(compared(&around(0.0, 10)).says, Says::Same);
    assert_eq!(compared(&around(0.10, 10)).undecided, None);
}

#[test]
fn an_inconclusive_comparison_says_what_would_settle_it() {
    let found = compared(&around(0.045, 10));
    assert_eq!(found.says, Says::Inconclusive);
    let undecided = found.undecided.unwrap();
    assert_eq!(undecided.direction, Some(Direction::Worse));
    assert!(undecided.smallest_effect.is_some_and(|effect| effect > 0.0488 && effect < 0.08));
    assert!(undecided.more_blocks.is_some_and(|more| more > 10));
}

#[test]
fn fewer_than_five_blocks_decide_nothing_and_say_how_many_are_missing() {
    for (blocks, missing) in [(0, 5), (1, 4), (2, 3), (4, 1)] {
        let found = compared(&vec![0.5; blocks]);
        assert_eq!(found.says, Says::Inconclusive);
        assert_eq!(found.undecided.unwrap().more_blocks, Some(missing), "{blocks} blocks");
    }
    assert_eq!(compared(&[]).mean, None);
    assert_eq!(compared(&[0.5]).mean, Some(0.5));
    assert_eq!(compared(&[0.5; 5]).says, Says::Slower);
}

#[test]
fn no_spread_at_the_margin_itself_stays_undecided() {
    // A half adds up without rounding.
    let rule = Rule { margin: Margin::linear(0.5).unwrap(), ..RULE() };
    let found = compare(&Differences::new(vec![0.5; 8]).unwrap(), rule);
    assert_eq!(found.says, Says::Inconclusive);
    assert_eq!(found.undecided.unwrap().more_blocks, None);
}

#[test]
fn one_wild_block_makes_it_inconclusive_and_not_the_same() {
    // The mean's interval is so wide that it says nothing, or the ranks disagree: either way nobody may call it.
    let mut values = around(0.10, 9);
    values.push(-4.0);
    assert_eq!(compared(&values).says, Says::Inconclusive);
}

#[test]
fn mean_and_ranks_that_contradict_are_driven_by_outliers() {
    // Five sixths of the blocks show nothing, so the ranks say "same"; the heavy rest drags the mean beyond the margin.
    let mut values = vec![0.0; 40];
    values.extend(vec![1.0; 8]);
    let found = compared(&values);
    assert_eq!(found.companion.unwrap().says, Says::Same);
    assert!(found.interval().unwrap()[0] > 1.05_f64.ln());
    assert!(found.is_driven_by_outliers);
    assert_eq!((found.says, found.undecided.unwrap().more_blocks), (Says::Inconclusive, None));
}

#[test]
fn rounding_widens_the_interval() {
    let sides = [1_000.0; 6];
    let exact = Differences::between(&sides, &sides, Better::Lower, Scale::Logarithmic).unwrap();
    let rounded = Differences::between(&sides, &sides, Better::Lower, Scale::Bucketed).unwrap();
    assert_eq!(compare(&exact, RULE()).interval(), Some([0.0, 0.0]));
    assert!(compare(&rounded, RULE()).interval().is_some_and(|[low, high]| low < 0.0 && high > 0.0));
}

proptest! {
    #[test]
    fn every_comparison_is_defined(values in prop::collection::vec(-1e100..1e100_f64, 0..40)) {
        let found = compared(&values);
        let numbers = found.mean.into_iter().chain(found.interval().into_iter().flatten());
        prop_assert!(numbers.chain(found.companion.map(|ranks| ranks.estimate)).all(f64::is_finite));
        prop_assert_eq!(found.undecided.is_some(), found.says == Says::Inconclusive);
    }

    #[test]
    fn turning_the_sides_around_turns_the_word_around(values in prop::collection::vec(-0.2..0.2_f64, 0..40)) {
        let turned = compared(&values.iter().map(|value| -value).collect::<Vec<_>>());
        let expected = match compared(&values).says {
            Says::Faster => Says::Slower,
            Says::Slower => Says::Faster,
            same => same,
        };
        prop_assert_eq!(turned.says, expected);
    }
}
