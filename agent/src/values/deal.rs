//! Which row of the data comes next on this agent: rows are dealt out so that none is used twice before all were
//! used once, whatever agents and workers take part.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::Zipf;
use shared::job::{DataOrder, ZipfExponent};
use shared::plan::Mix;

use super::permutation::Permutation;

/// This agent's place among those that share the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentPlace {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl AgentPlace {
    /// The place of one of an agent's workloads, where each must have numbers that no other has.
    pub fn of_part(self, mix: &Mix) -> Self {
        match mix {
            Mix::Alone | Mix::Of(_) => self,
            // Agents (10,000) times workloads (256) fit.
            Mix::Part { index, count } => {
                Self { index: self.index * count + index, count: self.count * count }
            }
        }
    }
}

/// The rows of one source, dealt out to this agent's workers in turn.
///
/// Agent i of A takes the places i, i + A, i + 2A, … of the order and begins again when its own are used up. An agent
/// beyond the last row takes one that another agent has too.
#[derive(Debug)]
pub struct Deal {
    rows: u64,
    /// The order of the rows; `None`: as they stand.
    order: Option<Permutation>,
    agent: AgentPlace,
    /// How many rows this agent has in one round.
    share: u64,
    /// How rows are drawn that are not dealt in turn.
    draw: Option<Zipf<f64>>,
    /// How many were dealt.
    dealt: AtomicU64,
}

/// Numbers that no other iteration of a trial has: those of agent i of A are i, i + A, i + 2A, …
#[derive(Debug)]
pub struct Sequence {
    agent: AgentPlace,
    dealt: AtomicU64,
}

impl Deal {
    /// Rows in an order of the job's; a seed that all agents of a trial must have in common decides a random one.
    pub fn new(order: DataOrder, rows: u64, agent: AgentPlace, seed: u64) -> Self {
        match order {
            DataOrder::Sequential => Self::sequential(rows, agent),
            DataOrder::Random => Self::random(rows, agent, seed),
            DataOrder::Zipf(exponent) => Self::zipf(rows, agent, exponent),
        }
    }

    /// The rows in the order in which they stand. There is at least one.
    pub fn sequential(rows: u64, agent: AgentPlace) -> Self {
        let first = u64::from(agent.index);
        let share = if first < rows { (rows - first).div_ceil(u64::from(agent.count)) } else { 1 };
        Self { rows, order: None, agent, share, draw: None, dealt: AtomicU64::new(0) }
    }

    /// The rows in the random order of a seed, which all agents of a trial must have in common.
    pub fn random(rows: u64, agent: AgentPlace, seed: u64) -> Self {
        Self { order: Some(Permutation::new(rows, seed)), ..Self::sequential(rows, agent) }
    }

    /// Rows that are drawn one by one, the k-th as often as Zipf's law says; every agent draws from all of them.
    pub fn zipf(rows: u64, agent: AgentPlace, exponent: ZipfExponent) -> Self {
        let draw =
            Zipf::new(rows as f64, exponent.value()).expect("there is a row, and the exponent is above 0");
        Self { draw: Some(draw), ..Self::sequential(rows, agent) }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next row; of those that are drawn, one that the worker's chance decides.
    #[inline]
    pub fn next(&self, random: &mut ChaCha8Rng) -> u64 {
        if let Some(draw) = &self.draw {
            // The first place is 1. Above 2^53 rows the last places are told apart no more, which chance does not show.
            return (random.sample(draw) as u64).clamp(1, self.rows) - 1;
        }
        let turn = self.dealt.fetch_add(1, Ordering::Relaxed) % self.share;
        // Below `rows` for all agents that have rows of their own, so that neither step overflows.
        let place = (u64::from(self.agent.index) + turn * u64::from(self.agent.count)) % self.rows;
        self.order.as_ref().map_or(place, |order| order.at(place))
    }
}

impl Sequence {
    /// The numbers of one agent.
    pub fn new(agent: AgentPlace) -> Self {
        Self { agent, dealt: AtomicU64::new(0) }
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        let turn = self.dealt.fetch_add(1, Ordering::Relaxed);
        turn.wrapping_mul(u64::from(self.agent.count)).wrapping_add(u64::from(self.agent.index))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn chance() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    fn deals(rows: u64, agents: u32, seed: Option<u64>) -> Vec<Deal> {
        let deal = |index| {
            let agent = AgentPlace { index, count: agents };
            match seed {
                None => Deal::sequential(rows, agent),
                Some(seed) => Deal::random(rows, agent, seed),
            }
        };
        (0..agents).map(deal).collect()
    }

    proptest! {
        #[test]
        fn one_round_over_all_agents_uses_each_row_once(
            rows in 1_u64..500, agents in 1_u32..40, seed in prop::option::of(any::<u64>()),
        ) {
            prop_assume!(u64::from(agents) <= rows);
            let deals = deals(rows, agents, seed);
            for _round in 0..3 {
                let mut used: Vec<u64> =
                    deals.iter().flat_map(|deal| (0..deal.share).map(|_| deal.next(&mut chance()))).collect();
                used.sort_unstable();
                prop_assert_eq!(used, (0..rows).collect::<Vec<_>>());
            }
        }

        #[test]
        fn agents_beyond_the_last_row_share_rows(rows in 1_u64..10, agents in 10_u32..40, seed in prop::option::of(any::<u64>())) {
            for (index, deal) in deals(rows, agents, seed).iter().enumerate() {
                let row = deal.next(&mut chance());
                prop_assert!(row < rows);
                if seed.is_none() {
                    prop_assert_eq!(row, index as u64 % rows);
                }
                prop_assert_eq!(deal.next(&mut chance()), row);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn draws_follow_zipfs_law(rows in 2_u64..60, tenths in 1_u32..30, seed in any::<u64>()) {
            const DRAWS: usize = 20_000;
            let exponent = ZipfExponent::new(f64::from(tenths) / 10.0).unwrap();
            let deal = Deal::zipf(rows, AgentPlace { index: 1, count: 3 }, exponent);
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut seen = vec![0.0_f64; rows as usize];
            (0..DRAWS).for_each(|_| seen[deal.next(&mut random) as usize] += 1.0);
            let weights: Vec<f64> = (1..=rows).map(|place| (place as f64).powf(-exponent.value())).collect();
            let expected = weights.iter().map(|weight| weight / weights.iter().sum::<f64>() * DRAWS as f64);
            // Rare values are taken together, as the test of chi squared wants at least five of each.
            let (mut squares, mut cells, mut rare) = (0.0, 0.0, (0.0, 0.0));
            for (seen, expected) in seen.iter().zip(expected) {
                rare = (rare.0 + seen, rare.1 + expected);
                if rare.1 >= 5.0 {
                    squares += (rare.0 - rare.1).powi(2) / rare.1;
                    cells += 1.0;
                    rare = (0.0, 0.0);
                }
            }
            // Mean and variance of chi squared are its degrees of freedom, once and twice: six deviations never come by chance.
            let freedom: f64 = cells - 1.0;
            prop_assert!(squares < freedom + 6.0 * (2.0 * freedom).sqrt() + 12.0, "{squares} of {freedom}");
        }
    }

    #[test]
    fn rows_come_in_order_and_begin_again() {
        let deal = Deal::sequential(5, AgentPlace { index: 1, count: 2 });
        assert_eq!([0; 5].map(|_| deal.next(&mut chance())), [1, 3, 1, 3, 1]);
    }

    #[test]
    fn no_two_agents_have_the_same_number() {
        let agents = [0, 1, 2].map(|index| Sequence::new(AgentPlace { index, count: 3 }));
        assert_eq!(agents.each_ref().map(Sequence::next), [0, 1, 2]);
        assert_eq!(agents.each_ref().map(Sequence::next), [3, 4, 5]);
    }
}
