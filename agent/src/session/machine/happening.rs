//! What happens to an agent, and what it does about it.

use shared::ids::{LeaseEpoch, TrialKey};
use shared::plan::Assignment;

use crate::session::outbox::Numbered;
use crate::session::outbox::spill::{SpillOrder, SpillReport};
use crate::session::{Order, Statement};

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A connection stands.
    Linked,
    /// The coordinator says how many intervals may be under way.
    Credit(u32),
    /// Intervals are on disk.
    Acknowledged(TrialKey, u64),
    /// Intervals of this trial are not wanted.
    Rejected(TrialKey),
    /// The coordinator ordered something.
    Ordered(Order),
    /// The engine is ready.
    EngineReady(TrialKey),
    /// The engine was armed by this start, for this time.
    EngineArmed(TrialKey, u32, u64),
    /// This start had passed when it came, by so many nanoseconds.
    EngineLate(TrialKey, u32, u64),
    /// The engine numbered an interval, encoded here.
    EngineInterval(Numbered),
    /// The engine is done.
    EngineDone(TrialKey, u64),
    /// The engine cannot go on, or could not be made.
    EngineFailed(TrialKey, String),
    /// The agent's own policy does not allow the trial, or what it turned out to do.
    EngineRefused(TrialKey, String),
    /// Something about a target or a hook is to be said, and repeated if asked again.
    Program(Statement),
    /// Something came of an order to keep intervals on disk.
    Spilled(SpillReport),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Say something on `Attach`.
    Say(Statement),
    /// Send intervals on `Report`, each with the lease under which it was measured.
    Report(Vec<(LeaseEpoch, Numbered)>),
    /// Make an engine ready.
    Prepare(Box<Assignment>),
    /// Arm the engine by this start, for this time; or move its start there.
    Arm(TrialKey, u32, u64),
    /// Drop the engine: it stops at once.
    DropEngine(TrialKey),
    /// Find a port, start or stop a target, run a hook.
    Program(Order),
    /// Let the profiler that runs beside a trial know that the load is over.
    TellLoadEnd(TrialKey),
    /// End the profiler that runs beside a trial: nobody waits for what it writes.
    EndProfiler(TrialKey),
    /// Keep intervals on disk, or read them back.
    Spill(SpillOrder),
}
