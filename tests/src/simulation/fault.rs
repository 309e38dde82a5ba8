//! What goes wrong in a world, and when: drawn by its seed, of the kinds that its family allows.

use super::dice::{Dice, MS, SECOND};

/// How many faults a world has: mostly few, so that one comes alone, sometimes many.
const FAULTS: std::ops::RangeInclusive<u64> = 1..=14;
/// Steps of a world within which faults happen that happen at a step: later ones find most runs over.
const STEPS_MAX: u64 = 700;
/// Time within which those happen that happen at a time, nanoseconds.
const WITHIN_NS: u64 = 30 * SECOND;
/// How long the coordinator is away, nanoseconds.
const COORDINATOR_AWAY_NS: std::ops::RangeInclusive<u64> = MS..=8 * SECOND;
/// How long an agent is away that is started anew, nanoseconds.
const AGENT_AWAY_NS: std::ops::RangeInclusive<u64> = 100 * MS..=15 * SECOND;
/// How long an agent's network is away, nanoseconds.
const OUTAGE_NS: std::ops::RangeInclusive<u64> = 100 * MS..=40 * SECOND;
/// How long an agent's session stands still, nanoseconds: less than makes its connection count as broken.
const STANDSTILL_NS: std::ops::RangeInclusive<u64> = 10 * MS..=6 * SECOND;
/// How long a stuck disk takes for what it is asked, nanoseconds.
const STALL_NS: std::ops::RangeInclusive<u64> = 100 * MS..=10 * SECOND;

/// What may go wrong in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Nothing but engines that fail.
    Calm,
    /// Connections die.
    Network,
    /// The coordinator crashes and comes back.
    CoordinatorCrashes,
    /// Agents crash, and come back or not.
    AgentCrashes,
    /// All that, runs are cancelled, and disks are full or stuck.
    Everything,
}

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After so many nanoseconds.
    Time(u64),
    /// Just before this step of the world: most steps follow each other within milliseconds.
    Step(u64),
}

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An agent's connection dies.
    Cut(usize),
    /// The same, and for so long it gets no other.
    Outage(usize, u64),
    /// An agent's session gets no time for so long, while its engines go on.
    Standstill(usize, u64),
    /// The coordinator dies, with all that it had not flushed, and is back after so long.
    CoordinatorCrash(u64),
    /// An agent dies, and is started anew after so long; `None`: never.
    AgentCrash(usize, Option<u64>),
    /// A run is cancelled.
    Cancel(usize),
    /// An agent's disk takes nothing more.
    DiskFull(usize),
    /// The coordinator's disk stands still for so long.
    DiskStalls(u64),
}

impl Family {
    /// What goes wrong in one of its worlds, of so many agents and runs.
    pub fn faults(self, agents: usize, runs: usize, dice: &mut Dice) -> Vec<(When, Fault)> {
        let count = if self == Self::Calm { 0 } else { dice.spread(FAULTS) };
        (0..count).map(|_| (when(dice), self.fault(agents, runs, dice))).collect()
    }

    fn fault(self, agents: usize, runs: usize, dice: &mut Dice) -> Fault {
        let agent = dice.between(0..=agents as u64 - 1) as usize;
        let kind = match self {
            Self::Calm | Self::Network => dice.between(0..=5),
            Self::CoordinatorCrashes => 6,
            Self::AgentCrashes => 8,
            Self::Everything => dice.between(0..=11),
        };
        match kind {
            0..=2 => Fault::Cut(agent),
            3 | 4 => Fault::Outage(agent, dice.spread(OUTAGE_NS)),
            5 => Fault::Standstill(agent, dice.spread(STANDSTILL_NS)),
            6 | 7 => Fault::CoordinatorCrash(dice.spread(COORDINATOR_AWAY_NS)),
            8 => Fault::AgentCrash(agent, (!dice.one_in(3)).then(|| dice.spread(AGENT_AWAY_NS))),
            9 => Fault::Cancel(dice.between(0..=runs as u64 - 1) as usize),
            10 => Fault::DiskFull(agent),
            _ => Fault::DiskStalls(dice.spread(STALL_NS)),
        }
    }
}

fn when(dice: &mut Dice) -> When {
    if dice.one_in(3) {
        When::Time(dice.between(0..=WITHIN_NS))
    } else {
        When::Step(dice.between(0..=STEPS_MAX))
    }
}
