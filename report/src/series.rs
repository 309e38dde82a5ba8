//! How a run went over time: its stored seconds gathered into columns of equal length, from its first start to its end.
//!
//! Rooms: [`mod@column`] (one stretch of it), [`rolling`] (the same of a run that is under way).
//!
//! A run of any length becomes at most [`COLUMNS_MAX`] columns, so that what is held does not grow with it. Counts and
//! distributions of a column are exact sums; nothing is thinned out.

pub mod column;
pub mod rolling;

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::AgentName;
use shared::interval::{Interval, Phase};
use shared::run_record::RunRecord;
use shared::run_report::{RunReport, TrialReport};

pub use column::{Column, HostColumn};

use crate::attempts::{Attempt, Attempts};
use crate::{ExportSource, ReportError};

/// Columns at most: more cannot be told apart on a page.
pub const COLUMNS_MAX: usize = 240;
/// Agents that have columns of their own, by name; charts of more than these say how many they leave out.
pub const AGENTS_MAX: usize = 12;
/// Variants, or agents that stand apart, that have columns; as many as a chart tells apart.
const LINES_MAX: usize = crate::chart::LINES_MAX;
const NS_PER_MS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// How a run went over time.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Length of a column, ns: whole seconds.
    pub column_ns: u64,
    /// Each variant, in the order of the plan; where agents stand apart each of them for itself.
    pub lines: Vec<Line>,
    /// Variants or agents for which there was no room among `lines`.
    pub left_out: usize,
    /// Agents that shared a load, by name; empty when there is only one.
    pub agents: Vec<Line>,
    /// Agents for which there was no room among `agents`.
    pub agents_left_out: usize,
    /// How the hosts of the agents fared, by column.
    pub hosts: BTreeMap<usize, HostColumn>,
    /// Trials with findings, by their start.
    pub marks: Vec<Mark>,
}

/// What belongs together over time.
#[derive(Debug, Clone)]
pub struct Line {
    /// The variant's name, the agent's, or both.
    pub name: String,
    /// What was measured, by column; columns in which nothing was are absent.
    pub columns: BTreeMap<usize, Column>,
}

/// A trial with findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When it started, ns since the run's first start.
    pub at_ns: u64,
    /// Whether it does not count for them.
    pub is_invalid: bool,
    /// What was found, a sentence each.
    pub says: Vec<String>,
}

/// Gathers a run's intervals.
///
/// # Errors
/// When they cannot be read.
pub fn gather(source: &mut ExportSource<'_>) -> Result<Series, ReportError> {
    let report = &source.assembled.report;
    let attempts = Attempts::new(source.record, report);
    let mut gathering = Gathering::new(source.record, report, &attempts);
    (source.intervals)(&mut |interval| {
        if let Some((attempt, agent)) = attempts.of(&interval) {
            gathering.add(&interval, attempt, agent);
        }
        Ok(())
    })?;
    Ok(gathering.finish(marks(report, &attempts)))
}

/// Lines by variant and, where agents stand apart, by agent.
type Key<'a> = (usize, Option<&'a AgentName>);

struct Gathering<'a> {
    first_ms: u64,
    column_ns: u64,
    stands_apart: bool,
    has_variants: bool,
    lines: BTreeMap<Key<'a>, (String, BTreeMap<usize, Column>)>,
    left_out: BTreeSet<Key<'a>>,
    agents: BTreeMap<&'a AgentName, BTreeMap<usize, Column>>,
    agents_left_out: usize,
    hosts: BTreeMap<usize, HostColumn>,
}

impl<'a> Gathering<'a> {
    fn new(record: &'a RunRecord, report: &RunReport, attempts: &Attempts<'a>) -> Self {
        let first_ms = attempts.first_start_ms().unwrap_or(record.submitted_at_ms);
        let last_start_ms = attempts.iter().filter_map(|(_, _, attempt)| attempt.started_at_ms).max();
        let last_ms = record.finished_at_ms.max(last_start_ms).unwrap_or(first_ms);
        let length_ns = last_ms.saturating_sub(first_ms).saturating_mul(NS_PER_MS);
        let seconds = length_ns.div_ceil(SECOND_NS).max(1);
        let stands_apart = record.trials.iter().any(|trial| !trial.cells.is_empty());
        let names: BTreeSet<&'a AgentName> =
            record.trials.iter().flat_map(|trial| trial.agents.iter().map(|part| &part.name)).collect();
        let shares = !stands_apart && names.len() > 1;
        Self {
            first_ms,
            column_ns: seconds.div_ceil(COLUMNS_MAX as u64).saturating_mul(SECOND_NS),
            stands_apart,
            has_variants: report.variants.len() > 1,
            lines: BTreeMap::new(),
            left_out: BTreeSet::new(),
            agents_left_out: if shares { names.len().saturating_sub(AGENTS_MAX) } else { 0 },
            agents: if shares {
                names.into_iter().take(AGENTS_MAX).map(|name| (name, BTreeMap::new())).collect()
            } else {
                BTreeMap::new()
            },
            hosts: BTreeMap::new(),
        }
    }

    fn add(&mut self, interval: &Interval, attempt: &Attempt<'a>, agent: &'a AgentName) {
        if interval.phase == Phase::Warmup {
            return;
        }
        let Some(started_at_ms) = attempt.started_at_ms else { return };
        let since_first_ns = started_at_ms.saturating_sub(self.first_ms).saturating_mul(NS_PER_MS);
        let middle_ns = interval.start_ns.saturating_add(interval.duration_ns / 2);
        let column = (since_first_ns.saturating_add(middle_ns) / self.column_ns) as usize;
        // A clock that was set while the run went on must not make it longer.
        let column = column.min(COLUMNS_MAX - 1);
        let key = (attempt.variant_index.0 as usize, self.stands_apart.then_some(agent));
        if self.lines.contains_key(&key) || self.lines.len() < LINES_MAX {
            let name = self.name_of(attempt.variant, key.1);
            let (_, columns) = self.lines.entry(key).or_insert_with(|| (name, BTreeMap::new()));
            columns.entry(place_of(interval, column, columns)).or_default().add(interval);
        } else {
            self.left_out.insert(key);
        }
        if let Some(columns) = self.agents.get_mut(agent) {
            columns.entry(place_of(interval, column, columns)).or_default().add(interval);
        }
        if let Some(sample) = &interval.host {
            self.hosts.entry(column).or_default().add(sample);
        }
    }

    fn name_of(&self, variant: &str, agent: Option<&AgentName>) -> String {
        match (agent, self.has_variants) {
            (None, _) => variant.to_owned(),
            (Some(agent), false) => agent.to_string(),
            (Some(agent), true) => format!("{variant}, {agent}"),
        }
    }

    fn finish(self, marks: Vec<Mark>) -> Series {
        let line = |(name, columns)| Line { name, columns };
        Series {
            column_ns: self.column_ns,
            lines: self.lines.into_values().map(line).collect(),
            left_out: self.left_out.len(),
            agents: self
                .agents
                .into_iter()
                .map(|(name, columns)| line((name.to_string(), columns)))
                .collect(),
            agents_left_out: self.agents_left_out,
            hosts: self.hosts,
            marks: marks
                .into_iter()
                .map(|mark| Mark {
                    at_ns: mark.at_ns.saturating_sub(self.first_ms.saturating_mul(NS_PER_MS)),
                    ..mark
                })
                .collect(),
        }
    }
}

/// The column of an interval: what was awaited after the window was scheduled inside it, and belongs to the last column that has
/// some of the window.
fn place_of(interval: &Interval, column: usize, columns: &BTreeMap<usize, Column>) -> usize {
    match interval.phase {
        Phase::Drain => columns.range(..=column).next_back().map_or(column, |(last, _)| *last),
        Phase::Warmup | Phase::Measured => column,
    }
}

/// Trials with findings that are more than notes; their times are since 1970 as yet.
fn marks(report: &RunReport, attempts: &Attempts<'_>) -> Vec<Mark> {
    let places: BTreeMap<_, _> = attempts
        .iter()
        .filter_map(|(_, number, attempt)| {
            Some(((attempt.variant, attempt.block, attempt.order, number), attempt.started_at_ms?))
        })
        .collect();
    let mut marks = Vec::new();
    for variant in &report.variants {
        for trial in &variant.trials {
            let place = (variant.name.as_str(), trial.block, trial.order, trial.attempt);
            let says = said_of(trial);
            if let Some(at_ms) = places.get(&place)
                && !says.is_empty()
            {
                let at_ns = at_ms.saturating_mul(NS_PER_MS);
                marks.push(Mark { at_ns, is_invalid: !trial.valid, says });
            }
        }
    }
    marks
}

fn said_of(trial: &TrialReport) -> Vec<String> {
    let doubts = trial.findings.iter().filter(|finding| finding.severity != shared::finding::Severity::Note);
    doubts.map(|finding| format!("{}: {}", finding.code.as_str(), finding.message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn columns_add_up_to_what_was_measured() {
        let series = fixture::with_source(gather).unwrap();
        let report = fixture::assembled().report;
        let trials = report.variants[0].trials.iter();
        let succeeded: u64 = trials
            .flat_map(|trial| &trial.agents)
            .filter_map(|agent| agent.operations.last())
            .map(|operation| operation.latency_ns.count)
            .sum();
        let [line] = series.lines.as_slice() else { panic!("one variant is one line") };
        assert_eq!(line.columns.values().map(|column| column.succeeded).sum::<u64>(), succeeded);
        let of_agents = series.agents.iter().flat_map(|line| line.columns.values());
        assert_eq!(of_agents.map(|column| column.succeeded).sum::<u64>(), succeeded);
        let counted: u64 = line.columns.values().filter_map(Column::histogram).map(|it| it.count()).sum();
        assert_eq!(counted, succeeded);
    }

    #[test]
    fn a_rate_is_that_of_all_agents_together() {
        let series = fixture::with_source(gather).unwrap();
        let first = series.lines[0].columns.values().next().unwrap();
        assert_eq!(first.throughput_per_s(), Some(2.0 * 1_560.0));
        assert_eq!(series.agents[0].columns.values().next().unwrap().throughput_per_s(), Some(1_560.0));
    }

    #[test]
    fn trials_that_do_not_count_are_marked_with_the_reason() {
        let series = fixture::with_source(gather).unwrap();
        let invalid: Vec<_> = series.marks.iter().filter(|mark| mark.is_invalid).collect();
        assert_eq!(invalid.len(), 1, "{:?}", series.marks);
        assert_eq!(invalid[0].at_ns, 40_000_000_000);
        assert!(!invalid[0].says.is_empty());
    }
}
