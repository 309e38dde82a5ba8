//! Findings: what makes a trial suspect or invalid. One table names them all.

use serde::{Deserialize, Serialize};

use crate::ids::AgentId;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Note,
    /// Casts doubt; claims that lean on it say so.
    Suspect,
    /// The trial does not count, and its run is not a pass.
    Invalid,
}

impl Severity {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Suspect => "suspect",
            Severity::Invalid => "invalid",
        }
    }
}

macro_rules! findings {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $severity:ident;)*) => {
        /// What was found. Each has one code, one usual severity and one sentence that says what it means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FindingCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)*
        }

        impl FindingCode {
            /// All findings, in the order in which they are documented.
            pub const ALL: &'static [FindingCode] = &[$(FindingCode::$name),*];

            /// The code printed and stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(FindingCode::$name => $code),* }
            }

            /// How much it weighs.
            pub const fn severity(self) -> Severity {
                match self { $(FindingCode::$name => Severity::$severity),* }
            }

            /// What it means, as a sentence for the reference.
            pub const fn meaning(self) -> &'static str {
                match self { $(FindingCode::$name => concat!($($doc),+)),* }
            }
        }
    };
}

findings! {
    /// Every operation of the trial failed, so there is nothing to measure.
    AllOperationsFailed = "all_operations_failed", Invalid;
    /// No operation ended inside the measured window.
    NothingMeasured = "nothing_measured", Invalid;
    /// The share of failed operations is above `limits.error_ratio`.
    ErrorRatioHigh = "error_ratio_high", Invalid;
    /// Operations that were due were not begun before the drain ended.
    OperationsUnsent = "operations_unsent", Invalid;
    /// Some measured values were above one hour or below zero, beyond what a histogram can tell.
    HistogramOverflowed = "histogram_overflowed", Invalid;
    /// An agent was lost in the middle of the trial.
    AgentLost = "agent_lost", Invalid;
    /// An agent that only reports how its host fares was lost, or did not report all of it. What was measured stands.
    ObserverLost = "observer_lost", Note;
    /// An agent stood still for a second or longer in the measured window: stopped, suspended, or starved of CPU.
    AgentStalled = "agent_stalled", Invalid;
    /// Intervals that an agent should have reported never arrived.
    IntervalsMissing = "intervals_missing", Invalid;
    /// The trial was planned but did not run to its end.
    TrialNotRun = "trial_not_run", Invalid;
    /// The measured thing could not be started, or ended while it was measured.
    TargetFailed = "target_failed", Invalid;
    /// A hook failed or ran into its timeout.
    HookFailed = "hook_failed", Invalid;
    /// An agent could not prepare or run its part.
    AgentFailed = "agent_failed", Invalid;
    /// What is stored of the trial is damaged.
    StoreDamaged = "store_damaged", Invalid;
    /// What `[expect]` says must be reported was not: a metric has no value, or their number is another.
    ExpectationMissed = "expectation_missed", Invalid;
    /// A program described the machine that it measured on (pytest-benchmark's `machine_info`), and described another than its
    /// agent's: its results may come from elsewhere, or it ran in a container.
    OtherMachine = "other_machine", Note;
    /// The workload `disk` measured memory, or memory as well: `direct` is false, or its directory lies in a tmpfs.
    PageCache = "page_cache", Note;
    /// What a workload was told to do after the trial (`teardown`) failed, so that the next trial may begin with what this one left.
    TeardownFailed = "teardown_failed", Suspect;
    /// Two trials have the same histograms of measured times to the last count, which measuring twice does not give: one was
    /// copied, cached or replayed. It shows once all trials are there, and is not repeated.
    IdenticalMeasurements = "identical_measurements", Invalid;
    /// Two variants are the same job to the last value, so that comparing them says nothing: claims that do are invalid, unless
    /// `limits.aa` says that both sides are meant to be the same.
    IdenticalSides = "identical_sides", Suspect;
    /// Fewer operations were sent than were scheduled, and nothing says why.
    OperationsMissing = "operations_missing", Invalid;
    /// fleetmark itself was the limit: its busiest load thread was above `limits.generator_cpu`, or it was late by more
    /// than `limits.send_lag` of the latency. Invalid under the open model; claims over such a trial are invalid.
    GeneratorSaturated = "generator_saturated", Suspect;
    /// The hypervisor took more of a host's CPU time than `limits.steal`, by more than counting it in hundredths of a second
    /// explains. Claims over such a trial are invalid.
    StealHigh = "steal_high", Suspect;
    /// A host was held back in the measured window: the CPU quota of a control group was used up, or heat slowed it down. Claims
    /// over such a trial are invalid, unless `limits.throttled` tolerates it.
    Throttled = "throttled", Suspect;
    /// Programs that have nothing to do with the run used more of a host's CPU time than `limits.foreign_cpu`, by more than counting it
    /// in hundredths of a second explains. What was not started by an agent of the run is foreign, unless `[observe]` names it.
    ForeignCpu = "foreign_cpu", Suspect;
    /// A host's cores got slower in the window, by more than `limits.frequency_drop`: the 5th percentile of their frequency
    /// over the window's seconds against its median.
    FrequencyFell = "frequency_fell", Suspect;
    /// A host's memory did not suffice, so that pages were swapped in or out in the window; `limits.swapping` tolerates it.
    Swapped = "swapped", Suspect;
    /// An agent, or what it started, waited for memory to be read from disk, ten times a second or more.
    MajorFaults = "major_faults", Note;
    /// A host's wall clock was set in the window. Latencies are measured by another clock.
    ClockStepped = "clock_stepped", Note;
    /// A host is a virtual machine: what its neighbours do shows in its figures.
    Virtualised = "virtualised", Note;
    /// The frequency governor of a host's CPUs is not `performance`, so that they are slow at first.
    GovernorSavesPower = "governor_saves_power", Note;
    /// A host is not what it was when the run first measured there: another CPU, kernel or memory, or it was started anew.
    FingerprintChanged = "fingerprint_changed", Invalid;
    /// The memory of the process that `[observe]` names rises over the window beyond doubt, and still does at its end.
    MemoryGrows = "memory_grows", Suspect;
    /// No host of the trial had the process that `[observe]` names, or figures that it names could not be fetched.
    NotObserved = "not_observed", Suspect;
    /// Operations were due while every worker was busy. That wait counts as latency; more workers would show whether the
    /// target or their number was the limit.
    WorkersExhausted = "workers_exhausted", Note;
    /// The beginning of the window differs from the rest, which is steady: a longer `load.warmup` would leave it out. It is
    /// told, never trimmed.
    WarmingUp = "warming_up", Suspect;
    /// The latency rises over the window: what is measured gets slower as it runs.
    SlowingDown = "slowing_down", Suspect;
    /// That the latency had settled is not shown: it still changes, or varies too much for the length of the window.
    NoSteadyState = "no_steady_state", Note;
    /// A closed model sends its next request only after the last one ended, so it cannot see queueing.
    ClosedModelBlind = "closed_model_blind", Note;
}

impl FindingCode {
    /// The key of `[limits]` that it is held against, as its meaning names it; `None`: no limit excuses it.
    pub fn limit(self) -> Option<&'static str> {
        self.meaning().split('`').find(|word| word.starts_with("limits."))
    }

    /// Whether it tells how what is measured fared, rather than who measures it: a trial with it is a measurement all the same, and
    /// measuring again until it is not there would measure something else.
    pub const fn is_of_the_measured(self) -> bool {
        use FindingCode::{
            AllOperationsFailed, ErrorRatioHigh, HistogramOverflowed, OperationsUnsent, TargetFailed,
        };
        matches!(
            self,
            AllOperationsFailed | ErrorRatioHigh | OperationsUnsent | HistogramOverflowed | TargetFailed
        )
    }
}

/// The reference of all findings as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# Findings\n\nWhat makes a trial suspect or invalid, written from the table that names them. *invalid*: the trial does not \
         count, and neither does its run; *suspect*: it casts doubt, and the claims that its line names are invalid; \
         *note*: worth knowing. Some weigh more under an open model or less about a single operation, as they say. An invalid trial is \
         repeated up to `retries` of `[fleet]`; a search repeats none that is invalid by how the target fared.\n\n| code | weight | limit | what it means |\n|---|---|---|---|\n",
    );
    for code in FindingCode::ALL {
        let limit = code.limit().map_or_else(String::new, |limit| format!("`{limit}`"));
        text.push_str(&format!(
            "| `{}` | {} | {limit} | {} |\n",
            code.as_str(),
            code.severity().as_str(),
            code.meaning().trim().replace('|', "\\|")
        ));
    }
    text
}

/// One finding about one trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was found.
    pub code: FindingCode,
    /// How much it weighs here.
    pub severity: Severity,
    /// The agent that it is about; `None`: the whole trial.
    pub agent: Option<AgentId>,
    /// A sentence with the figures, for people.
    pub message: String,
}

impl Finding {
    /// A finding about the whole trial, at its usual severity.
    pub fn of_trial(code: FindingCode, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), agent: None, message: message.into() }
    }

    /// A finding about one agent, at its usual severity.
    pub fn of_agent(code: FindingCode, agent: AgentId, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), agent: Some(agent), message: message.into() }
    }
}
