//! What a coordinator remembers of a run. Together with the stored intervals it is all that a report needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::baseline::FrozenBaseline;
use crate::calibration::CalibrationMark;
use crate::finding::{Finding, Severity};
use crate::host::Fingerprint;
use crate::ids::{AgentId, AgentName, Name, RunId, TrialIndex};
use crate::plan::looks::Look;
use crate::plan::{Plan, PlannedTrial};
use crate::profile::{ProfileOutput, ProfiledTrial};
use crate::run_report::{Pair, Verdict};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Waits for agents or for their hosts' slots.
    Queued,
    /// Trials are running.
    Running,
    /// All trials ran to their end.
    Finished,
    /// It could not be finished; what was measured is kept.
    Failed,
    /// Somebody cancelled it; what was measured is kept.
    Cancelled,
}

impl RunState {
    /// Whether nothing will change any more.
    pub const fn is_over(self) -> bool {
        matches!(self, RunState::Finished | RunState::Failed | RunState::Cancelled)
    }

    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Queued => "queued",
            RunState::Running => "running",
            RunState::Finished => "finished",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        }
    }
}

/// What a coordinator remembers of a run, beside its intervals. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run.
    pub id: RunId,
    /// The job's name.
    pub name: Name,
    /// The job as submitted, with `--set` applied.
    pub job_toml: String,
    /// Files that the job names, by the path written there.
    #[serde(default)]
    pub files: BTreeMap<String, AttachedFile>,
    /// Tags of the job and of the command line.
    pub tags: BTreeMap<String, String>,
    /// The plan.
    pub plan: Plan,
    /// Where it stands.
    pub state: RunState,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    /// When it was submitted.
    pub submitted_at_ms: u64,
    /// When its first trial was prepared.
    pub started_at_ms: Option<u64>,
    /// When it ended.
    pub finished_at_ms: Option<u64>,
    /// fleetmark's version on the coordinator.
    pub fleetmark_version: String,
    /// Every attempt at every trial that was begun, in order.
    pub trials: Vec<TrialRecord>,
    /// Attempts at trials with a profiler, which nothing is measured by, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfiledTrial>,
    /// When it was looked at before its plan was done, in order, and what came of that. Only the last can have ended it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Looked>,
    /// It failed because no agents came in time, before anything ran.
    #[serde(default)]
    pub found_no_agents: bool,
    /// It failed because an agent's own policy does not allow what it was to do.
    #[serde(default)]
    pub was_refused: bool,
    /// Runs that wait for agents get them in the order of this, highest first, and then of their age.
    #[serde(default)]
    pub priority: i32,
    /// Where the schedule stands, for a coordinator that takes the run up again after a restart. Only the schedule reads
    /// it; `None`: it waits for agents, or is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bookmark: Option<serde_json::Value>,
    /// Baselines that its claims name, as they were when it was submitted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, FrozenBaseline>,
    /// Only agents that carry the same word may run it, and they run nothing else; `None`: the whole fleet.
    #[serde(default)]
    pub reservation: Option<String>,
    /// The calibration of its hosts that had passed when it ended; `None`: none had, or it is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_by: Option<CalibrationMark>,
}

impl RunRecord {
    /// A run as it is when it is submitted, by nobody in particular: without files, tags, baselines and priority.
    pub fn submitted(id: RunId, name: Name, job_toml: String, plan: Plan, submitted_at_ms: u64) -> Self {
        Self {
            id,
            name,
            job_toml,
            files: BTreeMap::new(),
            tags: BTreeMap::new(),
            plan,
            state: RunState::Queued,
            reason: None,
            submitted_at_ms,
            started_at_ms: None,
            finished_at_ms: None,
            fleetmark_version: String::new(),
            trials: Vec::new(),
            profiles: Vec::new(),
            looks: Vec::new(),
            found_no_agents: false,
            was_refused: false,
            priority: 0,
            bookmark: None,
            baselines: BTreeMap::new(),
            reservation: None,
            calibrated_by: None,
        }
    }

    /// Every file that is stored with it, by path: those that came with the job, and what profilers wrote.
    pub fn stored_files(&self) -> impl Iterator<Item = (String, &AttachedFile)> {
        let of_job = self.files.iter().map(|(path, file)| (path.clone(), file));
        of_job.chain(self.profiles.iter().flat_map(ProfiledTrial::files))
    }

    /// The file that is stored under a path; `None`: there is none.
    pub fn stored_file(&self, path: &str) -> Option<&AttachedFile> {
        self.stored_files().find_map(|(stored, file)| (stored == path).then_some(file))
    }

    /// Whether a trial was one with a profiler, by which nothing is measured.
    pub fn is_profiled(&self, trial: TrialIndex) -> bool {
        trial.0 as usize >= self.plan.trials.len()
            && self.profiles.iter().any(|profiled| profiled.trial.trial == trial)
    }

    /// What came of profilers, attempt by attempt and host by host; one that did not get as far as its profiler stands there
    /// alone.
    pub fn profile_entries(&self) -> impl Iterator<Item = (&ProfiledTrial, Option<&ProfileOutput>)> {
        self.profiles.iter().flat_map(|trial| {
            let alone = trial.outputs.is_empty().then_some((trial, None));
            trial.outputs.iter().map(move |output| (trial, Some(output))).chain(alone)
        })
    }

    /// How many blocks of the plan are needed: those up to the look that ended the run, or all.
    pub fn blocks_needed(&self) -> u32 {
        let ended = self.looks.last().filter(|looked| looked.outcome.ends_run());
        ended.map_or(u32::MAX, |looked| looked.look.blocks)
    }

    /// How many blocks of the plan are not needed.
    pub fn blocks_not_needed(&self) -> u32 {
        let planned = self.plan.trials.iter().map(|planned| planned.block + 1).max().unwrap_or(0);
        planned.saturating_sub(self.blocks_needed())
    }

    /// The trials of the plan that are needed.
    pub fn trials_needed(&self) -> impl Iterator<Item = &PlannedTrial> {
        let blocks = self.blocks_needed();
        self.plan.trials.iter().filter(move |planned| planned.block < blocks)
    }

    /// How many measurements are needed: trials, and where agents stand apart the cells of each.
    pub fn measurements_needed(&self) -> usize {
        self.trials_needed().map(PlannedTrial::measurements).sum()
    }
}

/// A look that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Which.
    pub look: Look,
    /// What came of it.
    pub outcome: LookOutcome,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookOutcome {
    /// More blocks may still settle something.
    GoOn,
    /// Every claim is decided: no further block is needed.
    Settled,
    /// A claim that ends the run is refuted beyond doubt. Those that this look could not decide stay open.
    Refuted,
    /// What is stored could not be read, or not in time; the run goes on.
    Failed(String),
    /// A search tries the value at this place next, perhaps once more. Its plan says so, and no look is kept.
    Try(u32),
    /// A search is over.
    Found,
}

impl LookOutcome {
    /// The report's word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            LookOutcome::GoOn => "go_on",
            LookOutcome::Settled => "settled",
            LookOutcome::Refuted => "refuted",
            LookOutcome::Failed(_) => "failed",
            LookOutcome::Try(_) => "try",
            LookOutcome::Found => "found",
        }
    }

    /// Whether no further block is run.
    pub const fn ends_run(&self) -> bool {
        matches!(self, LookOutcome::Settled | LookOutcome::Refuted)
    }
}

/// A file that came with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedFile {
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// Length of the content in bytes.
    pub size_bytes: u64,
}

/// One attempt at one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Which trial of the plan.
    pub trial: TrialIndex,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// Agents that made its load, by name.
    pub agents: Vec<AgentPart>,
    /// The cells that were measured side by side, each by one of the agents and apart from the others; empty: all agents
    /// shared one load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellPart>,
    /// Agents that made no load and only reported how their hosts fared, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<AgentPart>,
    /// Over how many agents the load was split; more than `agents` when some were lost before and the run went on
    /// without them. `None`: over those in `agents`.
    #[serde(default)]
    pub agents_planned: Option<u32>,
    /// When all agents were told to start; `None` when it did not get that far.
    pub started_at_ms: Option<u64>,
    /// Whether it ran to its end.
    pub is_complete: bool,
    /// Largest distance between an agent's armed start and T, microseconds; `None` when not known.
    pub start_skew_us: Option<f64>,
    /// How wrong that may be, microseconds: the worst agent's clock error.
    pub start_skew_error_us: Option<f64>,
    /// What the coordinator found while it ran (lost agents, failed targets and hooks).
    pub findings: Vec<Finding>,
}

impl TrialRecord {
    /// How many measurements of it ran to their end: itself, or its cells.
    pub fn measurements_complete(&self) -> usize {
        let cells = self.cells.iter().filter(|cell| self.of_cell(cell).is_complete).count();
        if self.cells.is_empty() { usize::from(self.is_complete) } else { cells }
    }

    /// The attempt as far as it is about one of its cells: that one's agents, and what was found about them, about all, or about
    /// agents of no cell. What is known of a whole attempt is about the cell's own agent.
    pub fn of_cell(&self, cell: &CellPart) -> Self {
        let is_of_another = |agent| self.cells.iter().any(|other| other != cell && other.involves(agent));
        let is_of_cell = |finding: &&Finding| {
            finding.agent.is_none_or(|agent| cell.involves(agent) || !is_of_another(agent))
        };
        let own =
            |finding: &Finding| Finding { agent: finding.agent.or(Some(cell.agent)), ..finding.clone() };
        let findings: Vec<Finding> = self.findings.iter().filter(is_of_cell).map(own).collect();
        let is_broken = findings.iter().any(|finding| finding.severity == Severity::Invalid);
        Self {
            agents: self.agents.iter().filter(|part| part.id == cell.agent).cloned().collect(),
            cells: vec![cell.clone()],
            agents_planned: Some(1),
            is_complete: self.is_complete && !is_broken,
            findings,
            ..self.clone()
        }
    }
}

/// A cell of an attempt: one agent's measurement, under `pairs` of one other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellPart {
    /// Who made the load.
    pub agent: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Whom it was for, under `pairs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<CellPeer>,
}

/// The other agent of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellPeer {
    /// Its process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
}

impl CellPart {
    /// Whether an agent is one of its own.
    pub fn involves(&self, agent: AgentId) -> bool {
        self.agent == agent || self.peer.as_ref().is_some_and(|peer| peer.id == agent)
    }

    /// The pair that it is about; `None`: its agent is alone.
    pub fn pair(&self) -> Option<Pair> {
        self.peer.as_ref().map(|peer| Pair { from: self.name.clone(), to: peer.name.clone() })
    }
}

/// One agent's part in one attempt at a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentPart {
    /// The agent's process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What its host is.
    pub fingerprint: Fingerprint,
    /// Its monotonic clock less the coordinator's, microseconds; `None` when not known.
    pub clock_offset_us: Option<f64>,
    /// How wrong the offset may be, whatever the delays were, microseconds; 0: it reads the coordinator's own clock.
    pub clock_error_us: Option<f64>,
    /// How many intervals the agent said it numbered; `None` when it never said so.
    pub intervals_reported: Option<u64>,
}

/// One line of a list of runs; kept beside the record so that lists and trends stay quick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// The job's name.
    pub name: Name,
    /// Where it stands.
    pub state: RunState,
    /// What came out; [`Verdict::None`] while it runs.
    pub verdict: Verdict,
    /// The contract's exit code; `None` while it runs.
    pub exit_code: Option<u8>,
    /// When it was submitted.
    pub submitted_at_ms: u64,
    /// When it ended.
    pub finished_at_ms: Option<u64>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Trials run to their end, of those planned.
    pub trials_complete: u32,
    /// Trials planned.
    pub trials_planned: u32,
    /// Why what is stored of it cannot be trusted; `None`: nothing wrong was seen.
    #[serde(default)]
    pub damage: Option<String>,
}
