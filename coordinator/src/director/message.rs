//! What the director is told, and what it tells agents.

use shared::event::RunEvent;
use shared::finding::Finding;
use shared::fleet::AgentStatus;
use shared::ids::{AgentId, AgentName, LeaseEpoch, RunId, TrialKey};
use shared::interval::Interval;
use shared::run_record::{LookOutcome, RunRecord};
use tokio::sync::{mpsc, oneshot};

use super::observers::Watching;
use super::profiles::ProfileWord;
use super::run_counts::RunCounts;
use crate::fleet::{AttachRefusal, Introduction};
use crate::ingest::room::Taken;
use crate::live::LiveTrial;
use crate::schedule::{Answer, Command, Submission};

/// What the director is told.
#[derive(Debug)]
pub enum Message {
    /// An agent says hello; it is answered with the number of its connection.
    Attach {
        /// Who it is.
        introduction: Box<Introduction>,
        /// Where it is told things.
        link: mpsc::Sender<Downward>,
        /// Whether it may attach.
        reply: oneshot::Sender<Result<u64, AttachRefusal>>,
    },
    /// An agent's connection broke.
    Detach {
        /// Whose.
        agent: AgentId,
        /// Which one: a newer one may stand already.
        connection: u64,
    },
    /// Which name has an agent?
    NameOf {
        /// Whose.
        agent: AgentId,
        /// `None`: it is not known.
        reply: oneshot::Sender<Option<AgentName>>,
    },
    /// An agent was heard of.
    Seen {
        /// Who.
        agent: AgentId,
    },
    /// An agent answered a clock probe.
    ClockReply {
        /// Who.
        agent: AgentId,
        /// Which probe.
        probe: u64,
        /// Its clock when it read the probe.
        agent_ns: u64,
        /// Our clock when the answer arrived.
        received_ns: u64,
    },
    /// An agent answered about a trial.
    Said {
        /// Who.
        agent: AgentId,
        /// Which trial.
        trial: TrialKey,
        /// Under which lease the agent holds it; `None`: it does not say, or holds none.
        lease: Option<LeaseEpoch>,
        /// What.
        answer: Answer,
    },
    /// An agent armed its schedule.
    Armed {
        /// Who.
        agent: AgentId,
        /// Which trial.
        trial: TrialKey,
        /// Under which lease the agent holds it; `None`: it does not say, or holds none.
        lease: Option<LeaseEpoch>,
        /// Which of the starts that it was told.
        arming: u32,
        /// The time it was armed for, on the agent's clock.
        armed_for_ns: u64,
    },
    /// Intervals of an agent are on disk.
    Stored {
        /// Whose.
        agent: AgentId,
        /// Which.
        intervals: Vec<Interval>,
        /// The room that they take until they have been heard.
        room: Taken,
    },
    /// Something about what a profiler wrote.
    Profile(ProfileWord),
    /// A job was accepted and stored.
    Submit {
        /// The job.
        submission: Box<Submission>,
        /// Whether it is to be refused if it cannot begin at once.
        refuse_to_wait: bool,
        /// The reason for refusing it.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Somebody wants to watch a run.
    Watch {
        /// Which.
        run: RunId,
        /// What happened last and what will; `None`: the run is over or unknown.
        reply: oneshot::Sender<Option<Watching>>,
    },
    /// Somebody cancels a run.
    Cancel {
        /// Which.
        run: RunId,
        /// Why.
        reason: String,
        /// Whether it waited or ran.
        reply: oneshot::Sender<bool>,
    },
    /// Somebody has an agent take no more runs.
    Drain {
        /// Its name.
        name: AgentName,
        /// The run that it finishes first; `None` outside: there is no such agent.
        reply: oneshot::Sender<Option<Option<RunId>>>,
    },
    /// Somebody asks for the record of a run as it stands.
    Record {
        /// Which.
        run: RunId,
        /// Its record; `None`: the run is over or unknown.
        reply: oneshot::Sender<Option<Box<RunRecord>>>,
    },
    /// Somebody asks for the agents.
    Agents {
        /// The agents, by name.
        reply: oneshot::Sender<Vec<AgentStatus>>,
    },
    /// Is there anything to stay for?
    Activity {
        /// Whether runs are under way or agents attached.
        reply: oneshot::Sender<bool>,
    },
    /// How many runs wait or run?
    ActiveRuns {
        /// So many.
        reply: oneshot::Sender<usize>,
    },
    /// How many runs stand where?
    RunCounts {
        /// So many.
        reply: oneshot::Sender<RunCounts>,
    },
    /// May another run be taken on?
    HasRoom {
        /// Whether fewer than the bound wait or run.
        reply: oneshot::Sender<bool>,
    },
    /// A trial was judged.
    Judged {
        /// Which.
        trial: TrialKey,
        /// Whether it counts.
        is_valid: bool,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// What a run has measured so far was looked at.
    Looked {
        /// Which run.
        run: RunId,
        /// After how many blocks.
        blocks: u32,
        /// What came of it.
        outcome: LookOutcome,
    },
    /// What an earlier coordinator stored of a running trial was read.
    Recalled {
        /// Which.
        trial: TrialKey,
        /// The view of that.
        earlier: Box<LiveTrial>,
    },
    /// A run's report is stored.
    Ended {
        /// Which.
        run: RunId,
        /// How it ended.
        event: Box<RunEvent>,
    },
    /// The store refuses to write (why), or does so again.
    StoreTrouble(Option<String>),
    /// The coordinator stops.
    Stop,
}

/// What an agent is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Downward {
    /// Read your clock.
    ClockProbe {
        /// To be echoed.
        probe: u64,
    },
    /// Start a trial at a time on your own clock.
    Start {
        /// Which.
        trial: TrialKey,
        /// Under which lease.
        epoch: shared::ids::LeaseEpoch,
        /// Which of the trial's starts, from 0: a later one moves it.
        arming: u32,
        /// When, on the agent's clock.
        at_agent_ns: u64,
    },
    /// Anything else that the schedule wants.
    Command(Command),
}
