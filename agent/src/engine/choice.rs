//! Which operation a worker does next: by weight, seeded, the same for the same seed on every machine; or the next step
//! of a scenario.

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
}

/// One worker's sequence of operations.
#[derive(Debug)]
pub(super) struct Choice {
    shares: Shares,
    random: ChaCha8Rng,
    /// The next step of a scenario.
    step: u16,
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
        let total: f64 = assignment.operations.iter().map(|operation| operation.weight).sum();
        let mut sum = 0.0;
        let mut thresholds = Vec::with_capacity(assignment.operations.len());
        for operation in &assignment.operations {
            sum += operation.weight;
            // A float beyond 2^64 − 1 becomes the highest number, which is meant.
            thresholds.push((sum / total * 2.0_f64.powi(64)) as u64);
        }
        // What rounding leaves over at the top belongs to the last operation.
        thresholds.pop();
        Ok(Self::Weighted(thresholds))
    }

    /// Splits a number of arrivals by the shares, exactly: what rounding leaves over goes to the last. Of a scenario it is
    /// always the first step that is due.
    pub(super) fn split(&self, count: u64) -> Vec<u64> {
        let Self::Weighted(thresholds) = self else { return vec![count] };
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
}

impl Choice {
    /// The sequence of one worker.
    pub(super) fn new(shares: Shares, seat: Seat) -> Self {
        Self { shares, random: ChaCha8Rng::seed_from_u64(seat.seed), step: 0 }
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
        })
    }

    /// Notes how the operation ended, and says whether the iteration goes on with a further step. A step that failed ends
    /// its pass: those after it would measure nothing but the first failure.
    #[inline]
    pub(super) fn goes_on(&mut self, has_failed: bool) -> bool {
        let Shares::InOrder(steps) = self.shares else { return false };
        self.step = if has_failed || self.step + 1 >= steps { 0 } else { self.step + 1 };
        self.step > 0
    }

    /// Begins again with the first step.
    pub(super) fn restart(&mut self) {
        self.step = 0;
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
    use shared::job::{Warmup, Window};

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
