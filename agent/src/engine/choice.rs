//! Which operation a worker does next: by weight, seeded, the same for the same seed on every machine; or the next step
//! of a scenario.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use shared::ids::OperationIndex;
use shared::plan::Assignment;

use crate::workload::{PrepareError, Seat};

/// How operations are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shares {
    /// By their shares as cumulative fractions of 2^64: one random number and one search choose. For each operation but
    /// the last: random numbers below this choose it or an earlier one.
    Weighted(Vec<u64>),
    /// They are the steps of a scenario, so many of them: one worker does all in order.
    InOrder(u16),
    /// There are scenarios among them: what is chosen by its share is an operation, or a whole pass.
    Mixed {
        /// As of [`Shares::Weighted`], of the passes.
        thresholds: Vec<u64>,
        /// An operation by itself is a pass of one.
        passes: Arc<[Pass]>,
    },
}

/// Operations that one worker does in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    /// The first.
    first: u16,
    /// How many there are, at least 1.
    steps: u16,
}

/// One worker's sequence of operations.
#[derive(Debug)]
pub(super) struct Choice {
    shares: Shares,
    random: ChaCha8Rng,
    /// The next step of a scenario.
    step: u16,
    /// The scenario of a mix that is under way.
    pass: Option<Pass>,
}

impl Shares {
    /// Reads the weights.
    pub(super) fn new(assignment: &Assignment) -> Result<Self, PrepareError> {
        for operation in &assignment.operations {
            if !(operation.weight > 0.0 && operation.weight.is_finite()) {
                return Err(PrepareError(format!(
                    "the weight of operation {} is {}: it must be a number above 0",
                    operation.name, operation.weight
                )));
            }
        }
        if assignment.is_scenario {
            // At most 256 (shared::interval::OPERATIONS_MAX) fit a u16.
            return Ok(Self::InOrder(assignment.operations.len() as u16));
        }
        if assignment.mixed().iter().any(|part| part.is_scenario) {
            let passes = passes_of(assignment);
            let weight_of =
                |pass: &Pass| assignment.operations.get(usize::from(pass.first)).map(|it| it.weight);
            let weights: Vec<f64> = passes.iter().filter_map(weight_of).collect();
            return Ok(Self::Mixed { thresholds: thresholds(&weights), passes: passes.into() });
        }
        let weights: Vec<f64> = assignment.operations.iter().map(|operation| operation.weight).collect();
        Ok(Self::Weighted(thresholds(&weights)))
    }

    /// Splits a number of arrivals by the shares, exactly: what rounding leaves over goes to the last. Of a scenario it is
    /// always the first step that is due.
    pub(super) fn split(&self, count: u64) -> Vec<u64> {
        let thresholds = match self {
            Self::Weighted(thresholds) => thresholds,
            Self::InOrder(_) => return vec![count],
            Self::Mixed { thresholds, passes } => return split_by_passes(count, thresholds, passes),
        };
        split_by(count, thresholds)
    }
}

/// Each pass's part at its first step, and none at the others.
fn split_by_passes(count: u64, thresholds: &[u64], passes: &[Pass]) -> Vec<u64> {
    let parts = split_by(count, thresholds).into_iter().zip(passes);
    parts.flat_map(|(part, pass)| (0..pass.steps).map(move |step| if step == 0 { part } else { 0 })).collect()
}

fn split_by(count: u64, thresholds: &[u64]) -> Vec<u64> {
    let mut split = Vec::with_capacity(thresholds.len() + 1);
    let mut given = 0;
    for threshold in thresholds {
        let through = ((u128::from(count) * u128::from(*threshold)) >> 64) as u64;
        split.push(through - given);
        given = through;
    }
    split.push(count - given);
    split
}

/// Shares as cumulative fractions of 2^64, without the last.
fn thresholds(weights: &[f64]) -> Vec<u64> {
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut thresholds = Vec::with_capacity(weights.len());
    for weight in weights {
        sum += weight;
        // A float beyond 2^64 − 1 becomes the highest number, which is meant.
        thresholds.push((sum / total * 2.0_f64.powi(64)) as u64);
    }
    // What rounding leaves over at the top belongs to the last operation.
    thresholds.pop();
    thresholds
}

/// The passes of a mix, in the order of its operations.
fn passes_of(assignment: &Assignment) -> Vec<Pass> {
    let mut passes = Vec::new();
    let mut first = 0;
    for part in assignment.mixed() {
        // At most 256 (shared::interval::OPERATIONS_MAX) fit a u16.
        let operations = part.operations as u16;
        let (count, steps) = if part.is_scenario { (1, operations) } else { (operations, 1) };
        passes.extend((0..count).map(|place| Pass { first: first + place, steps }));
        first += operations;
    }
    passes
}

impl Choice {
    /// The sequence of one worker.
    pub(super) fn new(shares: Shares, seat: Seat) -> Self {
        Self { shares, random: ChaCha8Rng::seed_from_u64(seat.seed), step: 0, pass: None }
    }

    /// The next operation.
    #[inline]
    pub(super) fn next(&mut self) -> OperationIndex {
        OperationIndex(match &self.shares {
            Shares::Weighted(thresholds) if thresholds.is_empty() => 0,
            Shares::Weighted(thresholds) => {
                let random = self.random.next_u64();
                // At most 256 operations (shared::interval::OPERATIONS_MAX) fit a u16.
                thresholds.partition_point(|threshold| *threshold <= random) as u16
            }
            Shares::InOrder(_) => self.step,
            Shares::Mixed { thresholds, passes } => {
                let pass = match self.pass {
                    Some(pass) => pass,
                    None => {
                        let random = self.random.next_u64();
                        passes[thresholds.partition_point(|threshold| *threshold <= random)]
                    }
                };
                self.pass = Some(pass);
                pass.first + self.step
            }
        })
    }

    /// Notes how the operation ended, and says whether the iteration goes on with a further step. A step that failed ends
    /// its pass: those after it would measure nothing but the first failure.
    #[inline]
    pub(super) fn goes_on(&mut self, has_failed: bool) -> bool {
        let steps = match (&self.shares, self.pass) {
            (Shares::Weighted(_), _) | (Shares::Mixed { .. }, None) => return false,
            (Shares::InOrder(steps), _) => *steps,
            (Shares::Mixed { .. }, Some(pass)) => pass.steps,
        };
        self.step = if has_failed || self.step + 1 >= steps { 0 } else { self.step + 1 };
        if self.step == 0 {
            self.pass = None;
        }
        self.step > 0
    }

    /// Begins again with the first step.
    pub(super) fn restart(&mut self) {
        self.step = 0;
        self.pass = None;
    }
}

/// A worker's seat: its number, and a seed mixed from the trial's seed, the agent's index and that number.
pub(super) fn seat_of(worker: u32, assignment: &Assignment) -> Seat {
    seat(worker, assignment.agent_index, assignment.load.seed)
}

/// The same from the assignment's parts.
pub(super) fn seat(worker: u32, agent_index: u32, trial_seed: u64) -> Seat {
    let place = (u64::from(agent_index) << 32) | u64::from(worker);
    Seat { worker, seed: mixed(trial_seed ^ mixed(place)) }
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): spreads neighbouring numbers over all 64 bits.
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use shared::ids::Name;
    use shared::job::{MixedWorkload, Warmup, Window};
    use shared::plan::Mix;

    use super::*;
    use crate::engine::tests::assignment;

    fn weighted(weights: &[f64]) -> Assignment {
        let mut assignment = assignment(1, Warmup::Iterations(0), Window::Iterations(1));
        let operation = assignment.operations[0].clone();
        assignment.operations = weights
            .iter()
            .map(|weight| shared::job::OperationSpec { weight: *weight, ..operation.clone() })
            .collect();
        assignment
    }

    #[test]
    fn operations_come_by_their_weights() {
        let assignment = weighted(&[80.0, 15.0, 5.0]);
        let mut choice = Choice::new(Shares::new(&assignment).unwrap(), seat_of(0, &assignment));
        let mut counts = [0_u32; 3];
        (0..100_000).for_each(|_| counts[usize::from(choice.next().0)] += 1);
        for (count, expected) in counts.into_iter().zip([80_000, 15_000, 5_000]) {
            assert!(count.abs_diff(expected) < 700, "{counts:?}");
        }
    }

    #[test]
    fn a_number_is_split_by_the_shares_and_nothing_is_lost() {
        let shares = Shares::new(&weighted(&[80.0, 15.0, 5.0])).unwrap();
        for (part, expected) in shares.split(1_000).into_iter().zip([800_u64, 150, 50]) {
            assert!(part.abs_diff(expected) <= 1, "{part} instead of {expected}");
        }
        for count in [0, 1, 7, 999, u64::MAX] {
            assert_eq!(shares.split(count).iter().sum::<u64>(), count);
        }
    }

    #[test]
    fn the_steps_of_a_scenario_come_in_order_and_a_failure_ends_the_pass() {
        let assignment = Assignment { is_scenario: true, ..weighted(&[1.0, 1.0, 1.0]) };
        let shares = Shares::new(&assignment).unwrap();
        assert_eq!(shares.split(7), [7]);
        let mut choice = Choice::new(shares, seat_of(0, &assignment));
        let mut steps = Vec::new();
        for has_failed in [false, false, false, false, true, false] {
            steps.push((choice.next().0, choice.goes_on(has_failed)));
        }
        assert_eq!(steps, [(0, true), (1, true), (2, false), (0, true), (1, false), (0, true)]);
    }

    fn mixed(workloads: &[(f64, &[f64], bool)]) -> Assignment {
        let weights: Vec<f64> = workloads
            .iter()
            .flat_map(|(share, own, is_scenario)| {
                let sum: f64 = own.iter().sum();
                own.iter().map(move |weight| if *is_scenario { *share } else { share * weight / sum })
            })
            .collect();
        let part = |(number, (_, own, is_scenario)): (usize, &(f64, &[f64], bool))| MixedWorkload {
            name: Name::new(format!("w{number}")).unwrap(),
            kind: "fake".to_owned(),
            settings: serde_json::Map::new(),
            operations: own.len(),
            is_scenario: *is_scenario,
        };
        let mix = Mix::Of(workloads.iter().enumerate().map(part).collect());
        Assignment { mix, ..weighted(&weights) }
    }

    #[test]
    fn the_shares_of_workloads_hold_whatever_they_have_of_operations() {
        let assignment =
            mixed(&[(60.0, &[1.0, 1.0, 8.0], false), (30.0, &[5.0], false), (10.0, &[1.0; 4], false)]);
        let mut choice = Choice::new(Shares::new(&assignment).unwrap(), seat_of(0, &assignment));
        let mut counts = [0_u32; 3];
        for _ in 0..100_000 {
            counts[[0, 0, 0, 1, 2, 2, 2, 2][usize::from(choice.next().0)]] += 1;
        }
        for (count, expected) in counts.into_iter().zip([60_000, 30_000, 10_000]) {
            assert!(count.abs_diff(expected) < 800, "{counts:?}");
        }
    }

    #[test]
    fn a_scenario_in_a_mix_is_chosen_whole_and_done_in_order() {
        let assignment = mixed(&[(1.0, &[1.0], false), (3.0, &[1.0, 1.0, 1.0], true)]);
        let shares = Shares::new(&assignment).unwrap();
        assert_eq!(shares.split(8), [2, 6, 0, 0]);
        let mut choice = Choice::new(shares, seat_of(0, &assignment));
        let mut passes = [0_u32; 2];
        for _ in 0..10_000 {
            let first = choice.next().0;
            passes[usize::from(first)] += 1;
            if first == 1 {
                assert!(choice.goes_on(false));
                assert_eq!((choice.next().0, choice.goes_on(false)), (2, true));
                assert_eq!(choice.next().0, 3);
            }
            assert!(!choice.goes_on(false));
        }
        assert!(passes[1].abs_diff(7_500) < 250, "{passes:?}");
        while choice.next().0 != 1 {
            choice.goes_on(false);
        }
        assert!(!choice.goes_on(true), "a step that failed ends its pass");
        assert!(choice.next().0 < 2);
    }

    #[test]
    fn the_same_seat_chooses_the_same_and_another_does_not() {
        let assignment = weighted(&[1.0, 1.0]);
        let shares = Shares::new(&assignment).unwrap();
        let sequence = |worker| {
            let mut choice = Choice::new(shares.clone(), seat_of(worker, &assignment));
            (0..64).map(|_| choice.next().0).collect::<Vec<_>>()
        };
        assert_eq!(sequence(3), sequence(3));
        assert_ne!(sequence(3), sequence(4));
    }

    #[test]
    fn a_weight_that_is_no_share_is_refused() {
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Shares::new(&weighted(&[1.0, weight])).is_err(), "{weight}");
        }
    }
}
