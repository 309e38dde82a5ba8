//! Which row of the data comes next on this agent: rows are dealt out so that none is used twice before all were
//! used once, whatever agents and workers take part.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// The rows in the order in which they stand. There is at least one.
    pub fn sequential(rows: u64, agent: AgentPlace) -> Self {
        let first = u64::from(agent.index);
        let share = if first < rows { (rows - first).div_ceil(u64::from(agent.count)) } else { 1 };
        Self { rows, order: None, agent, share, dealt: AtomicU64::new(0) }
    }

    /// The rows in the random order of a seed, which all agents of a trial must have in common.
    pub fn random(rows: u64, agent: AgentPlace, seed: u64) -> Self {
        Self { order: Some(Permutation::new(rows, seed)), ..Self::sequential(rows, agent) }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next row.
    pub fn next(&self) -> u64 {
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

    use super::*;

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
                    deals.iter().flat_map(|deal| (0..deal.share).map(|_| deal.next())).collect();
                used.sort_unstable();
                prop_assert_eq!(used, (0..rows).collect::<Vec<_>>());
            }
        }

        #[test]
        fn agents_beyond_the_last_row_share_rows(rows in 1_u64..10, agents in 10_u32..40, seed in prop::option::of(any::<u64>())) {
            for (index, deal) in deals(rows, agents, seed).iter().enumerate() {
                let row = deal.next();
                prop_assert!(row < rows);
                if seed.is_none() {
                    prop_assert_eq!(row, index as u64 % rows);
                }
                prop_assert_eq!(deal.next(), row);
            }
        }
    }

    #[test]
    fn rows_come_in_order_and_begin_again() {
        let deal = Deal::sequential(5, AgentPlace { index: 1, count: 2 });
        assert_eq!([0; 5].map(|_| deal.next()), [1, 3, 1, 3, 1]);
    }

    #[test]
    fn no_two_agents_have_the_same_number() {
        let agents = [0, 1, 2].map(|index| Sequence::new(AgentPlace { index, count: 3 }));
        assert_eq!(agents.each_ref().map(Sequence::next), [0, 1, 2]);
        assert_eq!(agents.each_ref().map(Sequence::next), [3, 4, 5]);
    }
}
