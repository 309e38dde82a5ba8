//! Connections: two streams each way, every one in its order, and all of them late. A connection dies with what is on its
//! way; some of what its agent sent before may still arrive, even after a newer connection's first.

use std::collections::BTreeMap;

use super::dice::{Dice, MS, SECOND};

/// How long a message takes at least and at most on links of all kinds, nanoseconds.
const LATENCY_NS: std::ops::RangeInclusive<u64> = MS / 20..=150 * MS;
/// How much later than usual one may be: so many times the link's own latency.
const JITTER: u64 = 3;
/// How long an end takes at most to notice that its connection is dead: heartbeats are missed after ten seconds.
const NOTICED_NS: std::ops::RangeInclusive<u64> = MS..=10 * SECOND;
/// How much later at most what was sent on a dead connection still arrives.
const STRAGGLING_NS: std::ops::RangeInclusive<u64> = MS..=8 * SECOND;
/// How many messages of a dead connection still arrive at most.
const STRAGGLERS_MAX: u64 = 8;

/// One connection, numbered over all of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One direction of one of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// `Attach`, to the coordinator.
    AttachUp,
    /// `Report`, to the coordinator.
    ReportUp,
    /// `Attach`, to the agent.
    AttachDown,
    /// `Report`, to the agent.
    ReportDown,
}

/// How a connection died.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// When.
    pub at_ns: u64,
    /// What was sent before comes no sooner than this.
    arrives_ns: u64,
    /// So many of its messages still arrive.
    stragglers: u64,
    /// When the agent notices.
    pub agent_notices_ns: u64,
    /// When the coordinator does: after the last straggler.
    pub coordinator_notices_ns: u64,
}

/// What becomes of a message that was to arrive now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It arrives although its connection is dead.
    Straggles,
    /// It arrives later.
    At(u64),
    /// It is lost.
    Lost,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Which agent's.
    pub agent: usize,
    /// In which of its lives.
    pub life: u32,
    /// To which of the coordinator's.
    pub incarnation: u32,
    latency_ns: u64,
    /// When the last message of each lane arrives.
    last_ns: BTreeMap<Lane, u64>,
    cut: Option<Cut>,
}

impl Connection {
    /// A connection of an agent whose link takes so long.
    pub fn new(agent: usize, life: u32, incarnation: u32, latency_ns: u64) -> Self {
        Self { agent, life, incarnation, latency_ns, last_ns: BTreeMap::new(), cut: None }
    }

    /// When a message arrives that is sent now; `None`: never.
    pub fn send(&mut self, lane: Lane, now_ns: u64, dice: &mut Dice) -> Option<u64> {
        if self.cut.is_some() {
            return None;
        }
        let way_ns = self.latency_ns + dice.between(0..=self.latency_ns * JITTER);
        let last_ns = self.last_ns.entry(lane).or_default();
        *last_ns = (now_ns + way_ns).max(*last_ns);
        Some(*last_ns)
    }

    /// What becomes of a message that was to arrive now.
    pub fn fate(&mut self, lane: Lane, now_ns: u64) -> Fate {
        match (&mut self.cut, lane) {
            (None, _) => Fate::Arrives,
            (Some(_), Lane::AttachDown | Lane::ReportDown) => Fate::Lost,
            (Some(cut), _) if cut.stragglers == 0 => Fate::Lost,
            (Some(cut), _) if now_ns < cut.arrives_ns => Fate::At(cut.arrives_ns),
            (Some(cut), _) => {
                cut.stragglers -= 1;
                Fate::Straggles
            }
        }
    }

    /// It dies now; `None`: it is dead already.
    pub fn cut(&mut self, now_ns: u64, dice: &mut Dice) -> Option<Cut> {
        if self.cut.is_some() {
            return None;
        }
        let straggles = dice.one_in(2);
        let arrives_ns = now_ns + if straggles { dice.spread(STRAGGLING_NS) } else { 0 };
        let noticed_ns = now_ns + dice.spread(NOTICED_NS);
        let cut = Cut {
            at_ns: now_ns,
            arrives_ns,
            stragglers: if straggles { dice.between(0..=STRAGGLERS_MAX) } else { 0 },
            agent_notices_ns: now_ns + dice.spread(NOTICED_NS),
            coordinator_notices_ns: noticed_ns.max(arrives_ns + MS),
        };
        self.cut = Some(cut);
        self.cut
    }
}

/// How long the link of some agent takes, nanoseconds.
pub fn any_latency(dice: &mut Dice) -> u64 {
    dice.spread(LATENCY_NS)
}
