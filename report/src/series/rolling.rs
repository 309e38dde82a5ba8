//! How a run that is under way goes over time: grows interval by interval, within bounds, and can be drawn at any moment.

use std::collections::{BTreeMap, HashMap};

use maud::{Markup, html};
use shared::finding::Severity;
use shared::histogram::Histogram;
use shared::ids::{AgentId, AgentName, TrialIndex, VariantIndex};
use shared::interval::{Interval, Phase};
use shared::run_record::{RunRecord, TrialRecord};

use super::{
    AGENTS_MAX, COLUMNS_MAX, Column, HostColumn, LINES_MAX, Line, Mark, NS_PER_MS, SECOND_NS, Series,
    place_of,
};
use crate::chart::{agents, heat_map, percentiles, time_line};

/// Variants by their place in the plan and, where agents stand apart, by agent.
type Key = (VariantIndex, Option<AgentName>);

/// A run under way, as charts show it.
#[derive(Debug)]
pub struct Rolling {
    series: Series,
    first_ms: Option<u64>,
    lines: Vec<Key>,
    latencies: Vec<Histogram>,
    /// The next number of each agent in each attempt: what comes twice counts once.
    next: HashMap<(TrialIndex, u32, AgentId), u64>,
}

impl Default for Rolling {
    fn default() -> Self {
        Self {
            series: Series { column_ns: SECOND_NS, ..Series::default() },
            first_ms: None,
            lines: Vec::new(),
            latencies: Vec::new(),
            next: HashMap::new(),
        }
    }
}

impl Rolling {
    /// Adds an interval of a run; says whether the record knows of its trial, so that it could be placed.
    pub fn add(&mut self, record: &RunRecord, interval: &Interval) -> bool {
        let (trial, attempt) = (interval.trial.trial, interval.trial.attempt);
        let known = record.trials.iter().find(|known| (known.trial, known.attempt) == (trial, attempt));
        let Some(known) = known.filter(|known| known.started_at_ms.is_some()) else { return false };
        let Some(agent) = known.agents.iter().find(|part| part.id == interval.agent) else { return true };
        let next = self.next.entry((trial, attempt, interval.agent)).or_default();
        if interval.sequence.0 < *next {
            return true;
        }
        *next = interval.sequence.0 + 1;
        if interval.phase != Phase::Warmup {
            self.place(record, known, &agent.name, interval);
        }
        true
    }

    /// The charts as they stand now, those of the report that can be drawn before the end.
    pub fn charts(&mut self, record: &RunRecord) -> Markup {
        self.series.marks = marks(record, self.first_ms.unwrap_or(record.submitted_at_ms));
        let curves: Vec<_> = self
            .series
            .lines
            .iter()
            .zip(&self.latencies)
            .map(|(line, latency)| percentiles::curve_so_far(line.name.clone(), latency))
            .collect();
        // One agent alone is not drawn by itself.
        let agents = (self.series.agents.len() > 1).then(|| agents::chart(&self.series)).flatten();
        html! {
            (time_line::chart(&self.series))
            (percentiles::chart(&curves))
            @for map in heat_map::charts(&self.series) { (map) }
            @if let Some(agents) = agents { (agents) }
        }
    }

    fn place(&mut self, record: &RunRecord, trial: &TrialRecord, agent: &AgentName, interval: &Interval) {
        let Some(planned) = record.plan.trials.iter().find(|planned| planned.index == trial.trial) else {
            return;
        };
        let column = self.column(record, trial, interval);
        let key = (planned.variant, (!trial.cells.is_empty()).then(|| agent.clone()));
        if let Some(line) = self.line(record, key) {
            let columns = &mut self.series.lines[line].columns;
            columns.entry(place_of(interval, column, columns)).or_default().add(interval);
            let latencies = interval.operations.iter().filter_map(|operation| operation.latency.as_ref());
            latencies.for_each(|latency| self.latencies[line].add_encoded(latency));
        }
        if trial.cells.is_empty()
            && let Some(line) = self.agent(agent)
        {
            let columns = &mut line.columns;
            columns.entry(place_of(interval, column, columns)).or_default().add(interval);
        }
        if let Some(sample) = &interval.host {
            self.series.hosts.entry(column).or_default().add(sample);
        }
    }

    /// The column of an interval; columns are made twice as long until there is one for it.
    fn column(&mut self, record: &RunRecord, trial: &TrialRecord, interval: &Interval) -> usize {
        let starts = || record.trials.iter().filter_map(|trial| trial.started_at_ms);
        let first_ms = *self.first_ms.get_or_insert_with(|| starts().min().unwrap_or_default());
        let since_first_ms = trial.started_at_ms.unwrap_or(first_ms).saturating_sub(first_ms);
        let middle_ns = interval.start_ns.saturating_add(interval.duration_ns / 2);
        let at_ns = since_first_ms.saturating_mul(NS_PER_MS).saturating_add(middle_ns);
        while at_ns / self.series.column_ns >= COLUMNS_MAX as u64 {
            self.double();
        }
        (at_ns / self.series.column_ns) as usize
    }

    /// Makes columns twice as long.
    fn double(&mut self) {
        self.series.column_ns = self.series.column_ns.saturating_mul(2);
        for line in self.series.lines.iter_mut().chain(&mut self.series.agents) {
            let mut joined: BTreeMap<usize, Column> = BTreeMap::new();
            for (place, column) in std::mem::take(&mut line.columns) {
                joined.entry(place / 2).or_default().join(column);
            }
            line.columns = joined;
        }
        let mut joined: BTreeMap<usize, HostColumn> = BTreeMap::new();
        for (place, host) in std::mem::take(&mut self.series.hosts) {
            joined.entry(place / 2).or_default().join(&host);
        }
        self.series.hosts = joined;
    }

    /// The place of a line; `None`: there is no room for another.
    fn line(&mut self, record: &RunRecord, key: Key) -> Option<usize> {
        if let Some(place) = self.lines.iter().position(|known| *known == key) {
            return Some(place);
        }
        if self.lines.len() >= LINES_MAX {
            self.series.left_out = 1.max(self.series.left_out);
            return None;
        }
        let variant = record.plan.variants.get(key.0.0 as usize).map_or("", |variant| variant.name.as_str());
        let name = match &key.1 {
            None => variant.to_owned(),
            Some(agent) if record.plan.variants.len() < 2 => agent.to_string(),
            Some(agent) => format!("{variant}, {agent}"),
        };
        self.series.lines.push(Line { name, columns: BTreeMap::new() });
        self.latencies.push(Histogram::new());
        self.lines.push(key);
        Some(self.lines.len() - 1)
    }

    fn agent(&mut self, agent: &AgentName) -> Option<&mut Line> {
        let agents = &mut self.series.agents;
        let is_known = agents.iter().any(|line| line.name == agent.as_str());
        if !is_known && agents.len() < AGENTS_MAX {
            agents.push(Line { name: agent.to_string(), columns: BTreeMap::new() });
            agents.sort_by(|one, other| one.name.cmp(&other.name));
        } else if !is_known {
            self.series.agents_left_out = 1.max(self.series.agents_left_out);
        }
        self.series.agents.iter_mut().find(|line| line.name == agent.as_str())
    }
}

/// What was found so far, at the start of the trial in which it was.
fn marks(record: &RunRecord, first_ms: u64) -> Vec<Mark> {
    let mark = |trial: &TrialRecord| {
        let at_ns = trial.started_at_ms?.saturating_sub(first_ms).saturating_mul(NS_PER_MS);
        let doubts = || trial.findings.iter().filter(|finding| finding.severity != Severity::Note);
        let says: Vec<String> =
            doubts().map(|finding| format!("{}: {}", finding.code.as_str(), finding.message)).collect();
        let is_invalid = doubts().any(|finding| finding.severity == Severity::Invalid);
        (!says.is_empty()).then_some(Mark { at_ns, is_invalid, says })
    };
    record.trials.iter().filter_map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::series::gather;

    fn rolled() -> (Rolling, RunRecord, Series) {
        let mut rolling = Rolling::default();
        let (record, whole) = fixture::with_source(|source| {
            let record = source.record;
            (source.intervals)(&mut |interval| {
                assert!(rolling.add(record, &interval), "its trial is known");
                assert!(rolling.add(record, &interval), "what comes twice counts once");
                Ok(())
            })
            .unwrap();
            (record.clone(), gather(source).unwrap())
        });
        (rolling, record, whole)
    }

    #[test]
    fn what_rolled_in_is_what_the_whole_run_shows() {
        let (rolling, _, whole) = rolled();
        let read = |series: &Series| -> Vec<_> {
            let columns = series.lines.iter().flat_map(|line| line.columns.values());
            columns.map(|column| (column.succeeded, column.failed, column.throughput_per_s())).collect()
        };
        assert_eq!((rolling.series.column_ns, read(&rolling.series)), (whole.column_ns, read(&whole)));
    }

    #[test]
    fn a_run_of_any_length_keeps_its_columns_and_its_counts() {
        let (mut rolling, _, whole) = rolled();
        let count = |series: &Series| -> u64 {
            series.lines.iter().flat_map(|line| line.columns.values()).map(|column| column.succeeded).sum()
        };
        (0..8).for_each(|_| rolling.double());
        assert_eq!(rolling.series.column_ns, 256 * SECOND_NS);
        assert_eq!((count(&rolling.series), rolling.series.lines[0].columns.len()), (count(&whole), 1));
    }

    #[test]
    fn charts_are_drawn_before_the_end() {
        let (mut rolling, record, _) = rolled();
        let drawn = rolling.charts(&record).into_string();
        for title in ["The run over time", "Latency by percentile", "Latencies over time", "Agent by agent"] {
            assert!(drawn.contains(title), "{title}");
        }
        let nothing = Rolling::default().charts(&record).into_string();
        assert!(nothing.contains("Nothing was measured"), "{nothing}");
    }
}
