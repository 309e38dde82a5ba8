//! Makes the run report from what is stored and nothing else, so that it can be made again tomorrow.
//!
//! Rooms: `cell` (one agent's part in one attempt), `tally` (one operation), `metric_sums` (its metrics),
//! `histogram_sum` (a sum that packs), `hosts` (how they fared), `sequences` (which intervals were seen), `slowest` (what took longest), `seconds` (whether it had settled), [`subject`]
//! (whose numbers they are), `trial` (one attempt as a whole), `planned` (what there must be, and what is not there), `twins`
//! (trials that measured the same), `variant` (its valid trials merged).

mod cell;
mod histogram_sum;
mod hosts;
mod metric_sums;
mod planned;
mod plans;
mod profiles;
mod seconds;
mod sequences;
mod slowest;
pub mod subject;
mod tally;
mod trial;
mod twins;
mod variant;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::baseline::FrozenBaseline;
use shared::calibration;
use shared::histogram::EncodedHistogram;
use shared::host::Fingerprint;
use shared::ids::{AgentId, TrialIndex, TrialKey, VariantIndex};
use shared::interval::Interval;
use shared::interval::fold::ALL_AGENTS;
use shared::job::Job;
use shared::plan::PlannedTrial;
use shared::run_record::{Looked, RunRecord, TrialRecord};
use shared::run_report::{HostReport, LookReport, RunReport, RunSection, SCHEMA, VariantReport, Verdict};

use self::cell::Cell;
use self::seconds::Seconds;
use self::trial::WholeRun;
use self::twins::Twins;
use self::variant::VariantSum;
use crate::autocorrelation::Autocorrelation;
use crate::comparisons::{Terms, Vouching};
use crate::{ANALYSIS_VERSION, comparisons, identical_sides, looks, search, sweeps, verdict};

/// Most histograms kept open at once, 264 KiB each (68 MB): enough for an agent with 64 operations, and
/// a bound for ten thousand agents. Above it all but the newest interval's cell are packed.
const OPEN_HISTOGRAMS_MAX: usize = 256;

/// A run report with the merged histograms behind it.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// The report.
    pub report: RunReport,
    /// The merged latencies of every operation in the report.
    pub latencies: BTreeMap<Place, EncodedHistogram>,
    /// How much each second of a trial resembles the one before, by the place of the trial's first operation. Of agents that
    /// stand apart it is known where there is one block alone: nobody else asks.
    pub dependences: BTreeMap<Place, Autocorrelation>,
    /// Baselines that claims name, as they were when the run was submitted.
    pub baselines: BTreeMap<String, FrozenBaseline>,
}

/// Where in a report an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index into `variants`.
    pub variant: usize,
    /// Index into the variant's `trials`; `None`: merged over its valid trials.
    pub trial: Option<usize>,
    /// Index into the trial's `agents`, without a trial the variant's; `None`: merged over agents.
    pub agent: Option<usize>,
    /// Index into `operations` there.
    pub operation: usize,
}

/// Makes the report of a run from all its stored intervals at once.
pub fn assemble(
    record: &RunRecord,
    job: &Job,
    intervals: impl IntoIterator<Item = Interval>,
    now_ms: u64,
) -> Assembled {
    let mut assembler = Assembler::new(record, job);
    intervals.into_iter().for_each(|interval| assembler.add(&interval));
    assembler.finish(now_ms)
}

/// Takes stored intervals in any order, each once or more often, and makes the report of them.
#[derive(Debug)]
pub struct Assembler<'a> {
    record: &'a RunRecord,
    job: &'a Job,
    /// The trials of the plan, by their place in it.
    planned: BTreeMap<TrialIndex, &'a PlannedTrial>,
    /// The agents of each attempt that the record names; intervals of others are strays.
    known: BTreeSet<CellKey>,
    cells: BTreeMap<CellKey, Cell>,
    /// The seconds of each attempt that the record names.
    seconds: BTreeMap<SecondsKey, Seconds>,
    open_histograms: usize,
    strays: u64,
}

/// One agent's part in one attempt at a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CellKey {
    trial: TrialIndex,
    attempt: u32,
    agent: AgentId,
}

/// Whose seconds of which attempt at a trial: of all agents together, or of one that stands apart.
type SecondsKey = (TrialIndex, u32, Option<AgentId>);

impl<'a> Assembler<'a> {
    /// Begins the report of a run.
    pub fn new(record: &'a RunRecord, job: &'a Job) -> Self {
        let keys = |trial: &'a TrialRecord| {
            trial.agents.iter().chain(&trial.observers).map(|part| cell_key(trial, part.id))
        };
        let known = record.trials.iter().flat_map(keys).collect();
        let is_single = record.plan.trials.iter().all(|planned| planned.block == 0);
        let seconds = record.trials.iter().flat_map(|trial| seconds_keys(trial, is_single));
        let seconds = seconds.map(|key| (key, Seconds::default())).collect();
        let planned = record.plan.trials.iter().map(|planned| (planned.index, planned)).collect();
        Self { record, job, planned, known, cells: BTreeMap::new(), seconds, open_histograms: 0, strays: 0 }
    }

    /// Adds a stored interval. One that was added before (same trial, agent and number) changes nothing, nor does one of a trial
    /// with a profiler.
    pub fn add(&mut self, interval: &Interval) {
        if self.record.is_profiled(interval.trial.trial) {
            return;
        }
        // The series of all agents together repeats what each of them has told, but for their single seconds.
        if interval.agent == ALL_AGENTS {
            self.add_second(interval);
            return;
        }
        let key =
            CellKey { trial: interval.trial.trial, attempt: interval.trial.attempt, agent: interval.agent };
        if interval.trial.run != self.record.id || !self.known.contains(&key) {
            self.strays = self.strays.saturating_add(1);
            return;
        }
        let job = self.job_of(key.trial);
        let cell = self.cells.entry(key).or_insert_with(|| Cell::new(job.workload.operations.len()));
        let (open_before, intervals_before) = (cell.open_histograms(), cell.intervals());
        self.strays = self.strays.saturating_add(cell.add(interval));
        self.open_histograms += cell.open_histograms() - open_before;
        let is_new = cell.intervals() > intervals_before;
        if self.open_histograms > OPEN_HISTOGRAMS_MAX {
            self.cells.iter_mut().filter(|(other, _)| **other != key).for_each(|(_, cell)| cell.pack());
            self.open_histograms = self.cells.get(&key).map_or(0, Cell::open_histograms);
        }
        if is_new {
            self.add_second(interval);
        }
    }

    /// Makes the report. `now_ms` stands in for the end of a run that is over without a recorded end.
    pub fn finish(mut self, now_ms: u64) -> Assembled {
        self.cells.values_mut().for_each(Cell::pack);
        let mut variants: Vec<VariantSum> = self.record.plan.variants.iter().map(VariantSum::new).collect();
        let (mut latencies, mut dependences) = (BTreeMap::new(), BTreeMap::new());
        let twins = Twins::find(self.record, &|attempt, agent| self.cells.get(&cell_key(attempt, agent)));
        let told = |attempt: &TrialRecord, agent| self.cells.get(&cell_key(attempt, agent))?.fingerprint();
        let run = WholeRun::new(self.record, twins, &told);
        for attempt in &self.record.trials {
            let planned = self.planned.get(&attempt.trial).copied();
            let variant = planned.and_then(|planned| variants.get_mut(planned.variant.0 as usize));
            let (Some(planned), Some(variant)) = (planned, variant) else {
                self.strays += 1;
                continue;
            };
            let cells = |agent| self.cells.get(&cell_key(attempt, agent));
            let job = self.job.of_variant(planned.variant);
            let whose: Vec<Option<AgentId>> = whose(attempt).collect();
            for (mut assembled, whose) in
                trial::assemble(&run, job, planned, attempt, &cells).into_iter().zip(whose)
            {
                let seconds = self.seconds.get(&(attempt.trial, attempt.attempt, whose));
                if let Some(seconds) = seconds.filter(|_| assembled.report.valid) {
                    if whose.is_none() {
                        assembled.report.findings.extend(seconds.finding(job.limits.margin));
                    }
                    let (variant, trial) = (planned.variant.0 as usize, Some(variant.report.trials.len()));
                    dependences
                        .insert(Place { variant, trial, agent: None, operation: 0 }, seconds.dependence());
                }
                variant.add(planned.variant.0 as usize, assembled, &mut latencies);
            }
        }
        planned::name_what_never_began(self.record, &mut variants);
        // A search does not end with what it could not measure: its answer says what that leaves open.
        let has_all =
            self.job.search.is_some() || planned::has_a_valid_attempt_of_each(self.record, &variants);
        let is_whole = self.strays == 0 && has_all;
        let mut variants: Vec<VariantReport> = variants
            .into_iter()
            .zip(0..)
            .map(|(sum, place)| {
                sum.report(place as usize, self.job.of_variant(VariantIndex(place)), &mut latencies)
            })
            .collect();
        identical_sides::tell(self.job, &mut variants);
        // The values of a search are no sweep: which of them were tried hung on what was measured.
        let sweeps = match self.job.search {
            Some(_) => Vec::new(),
            None => sweeps::answers(&variants, self.job, looks::level(self.job, self.record)),
        };
        let report = RunReport {
            schema: SCHEMA.to_owned(),
            run: self.run_section(now_ms),
            variants,
            claims: Vec::new(),
            comparisons: Vec::new(),
            sweeps,
            search: None,
            profiles: profiles::told(self.record, self.job),
            hosts: hosts_as_told(self.record, &told),
        };
        let mut assembled =
            Assembled { report, latencies, dependences, baselines: self.record.baselines.clone() };
        decide(&mut assembled, self.record, self.job, is_whole);
        assembled
    }

    fn add_second(&mut self, interval: &Interval) {
        let TrialKey { run, trial, attempt } = interval.trial;
        if run != self.record.id {
            return;
        }
        for whose in [None, Some(interval.agent)] {
            if let Some(seconds) = self.seconds.get_mut(&(trial, attempt, whose)) {
                seconds.add(interval);
            }
        }
    }

    /// The job that a trial runs: its variant's. A trial that the plan does not have runs none, and is a stray.
    fn job_of(&self, trial: TrialIndex) -> &'a Job {
        self.planned.get(&trial).map_or(self.job, |planned| self.job.of_variant(planned.variant))
    }

    /// The run itself; what came out of it is decided when all else is there.
    fn run_section(&self, now_ms: u64) -> RunSection {
        let record = self.record;
        let finished_at_ms = record.finished_at_ms.or(record.state.is_over().then_some(now_ms));
        RunSection {
            id: record.id,
            name: record.name.to_string(),
            state: record.state,
            verdict: Verdict::None,
            exit_code: Verdict::None.exit_code(),
            reason: self.reason(),
            started_at: rfc3339(record.started_at_ms.unwrap_or(record.submitted_at_ms)),
            finished_at: finished_at_ms.map(rfc3339),
            seed: record.plan.seed,
            looks: record.looks.iter().map(look).collect(),
            blocks_not_needed: Some(record.blocks_not_needed()).filter(|blocks| *blocks > 0),
            tags: record.tags.clone(),
            fleetmark_version: record.fleetmark_version.clone(),
            analysis_version: ANALYSIS_VERSION.to_owned(),
            job: record.job_toml.clone(),
        }
    }

    fn reason(&self) -> Option<String> {
        let strays = (self.strays > 0).then(|| {
            format!("{} stored reports name a trial, an agent, an operation or a measure that the run's record does not have, and were left out", self.strays)
        });
        let reasons: Vec<String> = self.record.reason.iter().cloned().chain(strays).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// Decides the claims of a job, compares its variants, and says what came out of the run as a whole. Of a search its answer is
/// all of that.
///
/// `is_whole`: every planned trial has a valid attempt, which a search does not need, and nothing stored was left out.
pub fn decide(assembled: &mut Assembled, record: &RunRecord, job: &Job, is_whole: bool) {
    let (verdict, exit_code) = match &job.search {
        Some(search) => {
            let found = search::report(assembled, job, search);
            let verdict = found.answer.verdict;
            assembled.report.search = Some(found);
            verdict::of_search(record, is_whole, verdict)
        }
        None => {
            assembled.report.claims = looks::decide(assembled, job, record);
            compare(assembled, record, job);
            verdict::verdict(record, is_whole, &assembled.report.claims)
        }
    };
    assembled.report.run.verdict = verdict;
    assembled.report.run.exit_code = exit_code;
}

/// Compares the variants of a job, once more when it turned out which calibration vouches for the hosts. A search has none.
pub fn compare(assembled: &mut Assembled, record: &RunRecord, job: &Job) {
    if job.search.is_some() {
        return;
    }
    // A calibration is what vouches, and needs nobody to.
    let is_vouched = record.state.is_over() && !record.tags.contains_key(calibration::TAG);
    let mark = record.calibrated_by.as_ref();
    let vouching = if is_vouched { Vouching::By(mark) } else { Vouching::Unasked };
    let terms = Terms { level: looks::level(job, record), vouching };
    assembled.report.comparisons = comparisons::compare(assembled, job, terms);
}

/// Whose measurements an attempt consists of, in the order in which they are reported.
fn whose(attempt: &TrialRecord) -> impl Iterator<Item = Option<AgentId>> {
    let together = attempt.cells.is_empty().then_some(None);
    together.into_iter().chain(attempt.cells.iter().map(|cell| Some(cell.agent)))
}

/// Whose seconds of an attempt are kept. Those of agents apart only where a trial is to be judged by its own samples: ten thousand
/// agents with ten minutes of them take 200 MB.
fn seconds_keys(attempt: &TrialRecord, is_single: bool) -> impl Iterator<Item = SecondsKey> {
    let kept = whose(attempt).filter(move |whose| whose.is_none() || is_single);
    kept.map(|whose| (attempt.trial, attempt.attempt, whose))
}

fn cell_key(trial: &TrialRecord, agent: AgentId) -> CellKey {
    CellKey { trial: trial.trial, attempt: trial.attempt, agent }
}

fn look(looked: &Looked) -> LookReport {
    let Looked { look, outcome } = looked;
    LookReport { blocks: look.blocks, alpha: look.alpha, outcome: outcome.as_str().to_owned() }
}

/// Every host that took part, once, by what its trials told of it, or else by what its agent said when it came; one that changed in
/// the middle of the run is listed as often as it did.
fn hosts_as_told<'a>(
    record: &'a RunRecord,
    told: &impl Fn(&TrialRecord, AgentId) -> Option<&'a Fingerprint>,
) -> Vec<HostReport> {
    let mut hosts: Vec<HostReport> = Vec::new();
    let parts = |trial: &'a TrialRecord| {
        let measured = trial.agents.iter().map(move |part| (trial, part, false));
        measured.chain(trial.observers.iter().map(move |part| (trial, part, true)))
    };
    let mut parts: Vec<_> = record.trials.iter().flat_map(parts).collect();
    // Those that measured stand before those that only ever observed.
    parts.sort_by_key(|(.., observer)| *observer);
    for (trial, part, observer) in parts {
        let fingerprint = told(trial, part.id).unwrap_or(&part.fingerprint);
        let is_listed = |host: &HostReport| {
            host.agent == part.name
                && (host.fingerprint == *fingerprint
                    || (is_identity_same(&host.fingerprint, &part.fingerprint)
                        && host.fingerprint.differing(fingerprint).is_empty()))
        };
        if !hosts.iter().any(is_listed) {
            hosts.push(HostReport {
                agent: part.name.clone(),
                fingerprint: fingerprint.clone(),
                labels: part.labels.clone(),
                observer,
            });
        }
    }
    hosts.sort_by(|one, other| one.agent.cmp(&other.agent));
    hosts
}

/// Whether two fingerprints are of one host in one state, whatever else is told of either.
fn is_identity_same(one: &Fingerprint, other: &Fingerprint) -> bool {
    let identity = |it: &Fingerprint| {
        let (details, unreadable) = (BTreeMap::new(), BTreeMap::new());
        Fingerprint { details, unreadable, ..it.clone() }
    };
    identity(one) == identity(other)
}

/// A time as RFC 3339 in UTC. A time beyond the year 9999 is not one that anybody stored, and becomes the last.
fn rfc3339(unix_ms: u64) -> String {
    let timestamp = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests;
