//! One load thread's arrivals: its share of the fleet's plan, known in advance, one after the other.
//!
//! Pure: times are nanoseconds since the trial's start T. Uniform arrivals are dealt out: arrival n of the fleet belongs
//! to agent n mod agents, and of that agent's to thread m mod threads, so that no two are due at one instant and
//! nobody needs to talk to anybody. A Poisson process is split by giving each lane an independent one of its share of
//! the rate, whose sum is the process asked for.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use shared::arrivals::{ArrivalPlan, Spread};
use shared::job::Warmup;
use shared::plan::Assignment;

use super::gate::Part;
use super::timeline::whole_ns;

/// An operation that is to be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When it is due, ns since T.
    pub(super) due_ns: u64,
    /// Whether it counts.
    pub(super) part: Part,
}

/// The arrivals of one lane, in the order in which they are due.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    warmup: Option<Lane>,
    window: Lane,
    next: Option<Arrival>,
}

/// The arrivals of one lane over one part of the trial.
#[derive(Debug, Clone)]
struct Lane {
    plan: ArrivalPlan,
    part: Part,
    begins_ns: u64,
    ends_ns: u64,
    /// Number of the next arrival among the fleet's (uniform), or planned arrivals gone by (Poisson).
    reached: f64,
    lanes: f64,
    random: ChaCha8Rng,
}

impl Arrivals {
    /// The arrivals of one thread; `None` under the closed model.
    pub(super) fn of(assignment: &Assignment, thread: usize, threads: usize) -> Option<Self> {
        let plan = assignment.load.arrivals.as_ref()?;
        let warmup_ns = match assignment.load.warmup {
            Warmup::For(length) => whole_ns(length),
            Warmup::Iterations(_) => 0,
        };
        let lane = |plan: ArrivalPlan, part, begins_ns: u64| {
            Lane::new(assignment, plan, part, begins_ns, (thread, threads))
        };
        let warmup = (warmup_ns > 0).then(|| {
            let length = std::time::Duration::from_nanos(warmup_ns);
            lane(ArrivalPlan::constant(plan.rate_at_start(), length, plan.spread), Part::Warmup, 0)
        });
        let mut arrivals = Self { warmup, window: lane(plan.clone(), Part::Measured, warmup_ns), next: None };
        arrivals.next = arrivals.following();
        Some(arrivals)
    }

    /// The next one, which stays the next.
    #[inline]
    pub(super) fn peek(&self) -> Option<Arrival> {
        self.next
    }

    /// Takes the next one.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Arrival> {
        let taken = self.next;
        self.next = self.following();
        taken
    }

    /// How many that count are left; they are used up.
    pub(super) fn count_rest(&mut self) -> u64 {
        std::iter::from_fn(|| self.take()).filter(|arrival| arrival.part == Part::Measured).count() as u64
    }

    fn following(&mut self) -> Option<Arrival> {
        self.warmup.as_mut().and_then(Lane::next).or_else(|| self.window.next())
    }
}

impl Lane {
    fn new(
        assignment: &Assignment,
        plan: ArrivalPlan,
        part: Part,
        begins_ns: u64,
        (thread, threads): (usize, usize),
    ) -> Self {
        let (agent, agents) = (assignment.agent_index as usize, assignment.agent_count as usize);
        let lane = agent + agents * thread;
        // Lanes and parts draw from streams of their own, so that no two repeat each other.
        let mut random = ChaCha8Rng::seed_from_u64(assignment.load.seed);
        random.set_stream(2 * lane as u64 + u64::from(part == Part::Warmup));
        let mut lane = Self {
            part,
            begins_ns,
            ends_ns: begins_ns.saturating_add(whole_ns(plan.length())),
            reached: lane as f64,
            lanes: (agents * threads) as f64,
            plan,
            random,
        };
        if lane.plan.spread == Spread::Poisson {
            lane.reached = 0.0;
            lane.advance();
        }
        lane
    }

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        let seconds = self.plan.seconds_until(self.reached)?;
        self.advance();
        let due_ns = self.begins_ns + (seconds * 1e9).round() as u64;
        // Rounding at the very end must not make one arrival more than the window holds.
        (due_ns < self.ends_ns).then_some(Arrival { due_ns, part: self.part })
    }

    #[inline]
    fn advance(&mut self) {
        self.reached += match self.plan.spread {
            Spread::Uniform => self.lanes,
            // The distance of a unit-rate process, stretched by the lane's share of the fleet's plan.
            Spread::Poisson => -(1.0 - self.random.random::<f64>()).ln() * self.lanes,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use shared::arrivals::Stretch;
    use shared::job::Window;

    use super::*;
    use crate::engine::tests::assignment;

    fn assigned(plan: ArrivalPlan, warmup: Duration, agent_index: u32, agent_count: u32) -> Assignment {
        let mut assigned = assignment(1, Warmup::For(warmup), Window::For(plan.length()));
        assigned.load.arrivals = Some(plan);
        Assignment { agent_index, agent_count, ..assigned }
    }

    fn all(plan: &ArrivalPlan, warmup: Duration, agents: u32, threads: usize) -> Vec<Arrival> {
        let mut arrivals: Vec<Arrival> = (0..agents)
            .flat_map(|agent| (0..threads).map(move |thread| (agent, thread)))
            .flat_map(|(agent, thread)| {
                let mut lane =
                    Arrivals::of(&assigned(plan.clone(), warmup, agent, agents), thread, threads).unwrap();
                std::iter::from_fn(move || lane.take()).collect::<Vec<_>>()
            })
            .collect();
        arrivals.sort_by_key(|arrival| arrival.due_ns);
        arrivals
    }

    proptest! {
        #[test]
        fn the_lanes_together_are_the_plan(rate in 1_u32..2_000, seconds in 1_u64..5, agents in 1_u32..5, threads in 1_usize..4) {
            let plan = ArrivalPlan::constant(f64::from(rate), Duration::from_secs(seconds), Spread::Uniform);
            let arrivals = all(&plan, Duration::ZERO, agents, threads);
            prop_assert_eq!(arrivals.len() as u64, u64::from(rate) * seconds);
            for (n, arrival) in arrivals.iter().enumerate() {
                let wanted = n as f64 / f64::from(rate) * 1e9;
                prop_assert!((arrival.due_ns as f64 - wanted).abs() <= 1.0, "{} is due at {}", n, arrival.due_ns);
            }
        }

        #[test]
        fn a_lane_is_in_order_and_its_rest_is_counted(rate in 1.0..5_000.0_f64, end in 0.0..5_000.0_f64, taken in 0_usize..100, is_poisson in any::<bool>()) {
            let spread = if is_poisson { Spread::Poisson } else { Spread::Uniform };
            let stretches = vec![Stretch { length: Duration::from_millis(1_500), from_per_s: rate, to_per_s: end }];
            let plan = ArrivalPlan { spread, stretches };
            let mut lane = Arrivals::of(&assigned(plan.clone(), Duration::from_millis(200), 0, 2), 0, 1).unwrap();
            let whole: Vec<Arrival> = std::iter::from_fn({ let mut lane = lane.clone(); move || lane.take() }).collect();
            prop_assert!(whole.windows(2).all(|pair| pair[0].due_ns <= pair[1].due_ns));
            prop_assert!(whole.iter().all(|arrival| (arrival.part == Part::Warmup) == (arrival.due_ns < 200_000_000)));
            for arrival in whole.iter().take(taken) {
                prop_assert_eq!(lane.peek(), Some(*arrival));
                prop_assert_eq!(lane.take(), Some(*arrival));
            }
            let left = whole.iter().skip(taken).filter(|arrival| arrival.part == Part::Measured).count();
            prop_assert_eq!(lane.count_rest(), left as u64);
        }
    }

    #[test]
    fn a_poisson_process_has_the_gaps_of_one() {
        let plan = ArrivalPlan::constant(1_000.0, Duration::from_secs(20), Spread::Poisson);
        let arrivals = all(&plan, Duration::ZERO, 2, 2);
        let mut gaps: Vec<f64> =
            arrivals.windows(2).map(|pair| (pair[1].due_ns - pair[0].due_ns) as f64 / 1e9).collect();
        gaps.sort_by(f64::total_cmp);
        // Kolmogorov–Smirnov against the exponential: at p = 0.001 the distance is 1.95/√n.
        let n = gaps.len() as f64;
        let distance = |(rank, gap): (usize, &f64)| {
            let expected = 1.0 - (-1_000.0 * gap).exp();
            (expected - rank as f64 / n).abs().max((expected - (rank + 1) as f64 / n).abs())
        };
        let worst = gaps.iter().enumerate().map(distance).fold(0.0, f64::max);
        assert!(worst < 1.95 / n.sqrt(), "distance {worst} over {n} gaps");
        assert!((n - 20_000.0).abs() < 5.0 * 20_000.0_f64.sqrt());
    }

    #[test]
    fn any_rate_from_a_tenth_a_second_is_kept() {
        let plan = ArrivalPlan::constant(0.1, Duration::from_secs(35), Spread::Uniform);
        let due: Vec<u64> =
            all(&plan, Duration::ZERO, 1, 1).iter().map(|arrival| arrival.due_ns / 1_000_000_000).collect();
        assert_eq!(due, [0, 10, 20, 30]);
    }
}
