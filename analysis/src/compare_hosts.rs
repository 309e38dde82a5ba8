//! Hosts of one run against each other: each agent alone, or the agents that share a label's value; under `pairs` the links between
//! them.
//!
//! A host is compared with what holds it back: unlike the sides of a claim, a host that was throttled is not left out, since its
//! limit is part of what it is; the finding stands beside its figures. Rooms: `groups` (who belongs together), `links` (what lies
//! between hosts), `measured` (what a
//! group reads in a metric, and what that says against the reference).

mod groups;
mod links;
mod measured;
#[cfg(test)]
mod tests;

use shared::claim::Better;
use shared::fingerprint_comparison::{self, FingerprintDifference};
use shared::host_comparison::{GroupValue, HostComparison, HostMetricRow, SCHEMA};
use shared::ids::{AgentName, VariantIndex};
use shared::job::{Job, JobErrors, Kinds, LoadModel, Placement, parse};
use shared::metric::MetricName;
use shared::run_report::{ALL_OPERATIONS, RunReport, Says, VariantReport, Verdict};

use self::groups::Group;
use self::measured::{Compared, Measured};
use crate::compare_runs::SLOWER;
use crate::level::Level;
use crate::multiplicity::benjamini_hochberg;

/// Most values that are compared: a thousand hosts in ten metrics. Metrics come in the order of the report.
const VALUES_MAX: usize = 10_000;

/// What is asked of a run's hosts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The label whose values make the groups; `None`: each agent is one.
    pub group_by: Option<&'a str>,
    /// The group to compare with; `None`: the first by name.
    pub reference: Option<&'a str>,
    /// The largest difference that counts as none; `None`: the job's.
    pub margin: Option<f64>,
}

/// Why hosts cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// The run's job does not read: it was written by another version.
    #[error("the job of the run does not read: {0}")]
    Job(#[from] JobErrors),
    /// Agents shared one load, or what is asked for makes no sense of pairs.
    #[error(
        "the run has placement = {0:?}, so that no host has figures of its own: measure with placement = \"each\""
    )]
    Placement(&'static str),
    /// Nobody has the label.
    #[error("no agent of the run has the label {label:?}; there are: {known}")]
    NoLabel {
        /// What is asked for.
        label: String,
        /// Those that there are.
        known: String,
    },
    /// No such group.
    #[error("there is no host or group {reference:?} to compare with; there are: {known}")]
    NoReference {
        /// What is asked for.
        reference: String,
        /// Those that there are.
        known: String,
    },
    /// No host at all.
    #[error("the run has no host: nothing was measured")]
    NoHost,
}

/// Compares the hosts of a run.
///
/// # Errors
/// When it has no hosts that stand alone, or what is asked for is not there.
pub fn compare_hosts(report: &RunReport, question: Question<'_>) -> Result<HostComparison, HostsError> {
    let job: Job = parse(&report.run.job, Kinds::Unchecked)?;
    match (job.fleet.placement, question.group_by) {
        (Placement::Together, _) => return Err(HostsError::Placement("together")),
        (Placement::Pairs, Some(_)) => return Err(HostsError::Placement("pairs")),
        (Placement::Pairs, None) | (Placement::Each, _) => {}
    }
    let meets_in_pairs = job.fleet.placement == Placement::Pairs;
    let (groups, mut notes) = groups::of(report, question.group_by)?;
    let reference = place_of_reference(&groups, question.reference)?;
    let margin = question.margin.unwrap_or(job.limits.margin);
    let asked = asked(report, &job, groups.len());
    let (mut rows, mut matrices) = (Vec::new(), Vec::new());
    if meets_in_pairs {
        matrices.extend(asked.iter().map(|(place, metric)| links::matrix(report, *place, metric, &groups)));
    } else {
        rows = self::rows(report, &asked, &groups, reference, margin);
    }
    correct(&mut rows);
    let has_gap = if meets_in_pairs {
        matrices.iter().flat_map(|matrix| &matrix.links).any(|link| link.n == 0)
    } else {
        groups.iter().any(|group| !group.has_valid_trial(report))
    };
    if has_gap {
        notes.push("what has no valid trial has no figures: `fleetmark show` says why".to_owned());
    }
    notes.push(
        "what is said holds for these hosts at that time: one machine says nothing of others of its kind"
            .to_owned(),
    );
    let rows: Vec<HostMetricRow> = rows.into_iter().map(Row::told).collect();
    Ok(HostComparison {
        schema: SCHEMA.to_owned(),
        run: report.run.id,
        job: report.run.name.clone(),
        grouped_by: question.group_by.map(str::to_owned),
        reference: groups[reference].name.clone(),
        margin,
        fingerprint_differences: fingerprint_differences(report, &groups, reference),
        exit_code: exit_code(&rows, has_gap),
        groups: groups.iter().map(|group| group.told(report)).collect(),
        metrics: rows,
        matrices,
        notes,
    })
}

fn place_of_reference(groups: &[Group], asked: Option<&str>) -> Result<usize, HostsError> {
    let Some(asked) = asked else { return Ok(0) };
    let known = || groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ");
    groups
        .iter()
        .position(|group| group.name == asked)
        .ok_or_else(|| HostsError::NoReference { reference: asked.to_owned(), known: known() })
}

/// In what each host differs from the first of the reference.
fn fingerprint_differences(
    report: &RunReport,
    groups: &[Group],
    reference: usize,
) -> Vec<FingerprintDifference> {
    let host = |agent: &AgentName| report.hosts.iter().find(|host| host.agent == *agent && !host.observer);
    let Some(first) = groups[reference].agents.first().and_then(host) else { return Vec::new() };
    let others = groups.iter().flat_map(|group| &group.agents).filter(|agent| **agent != first.agent);
    others.filter_map(host).flat_map(|other| fingerprint_comparison::of_hosts(first, other)).collect()
}

/// One metric of all groups, before anything is corrected.
struct Row {
    variant: String,
    metric: String,
    unit: String,
    better: Option<Better>,
    values: Vec<Compared>,
}

impl Row {
    fn told(self) -> HostMetricRow {
        let values: Vec<GroupValue> = self.values.into_iter().map(|compared| compared.value).collect();
        let better = self.better.map(|better| better.as_str().to_owned());
        HostMetricRow { variant: self.variant, metric: self.metric, unit: self.unit, better, values }
    }
}

/// What is compared: the places of variants, and their metrics.
fn asked(report: &RunReport, job: &Job, groups: usize) -> Vec<(usize, MetricName)> {
    let of_variant = |(place, variant): (usize, &VariantReport)| {
        let index = VariantIndex(u32::try_from(place).unwrap_or(u32::MAX));
        let metrics = metrics(variant, job.of_variant(index).load.model).into_iter();
        metrics.map(move |metric| (place, metric)).collect::<Vec<_>>()
    };
    let asked = report.variants.iter().enumerate().flat_map(of_variant);
    asked.take(VALUES_MAX / groups.max(1)).collect()
}

fn rows(
    report: &RunReport,
    asked: &[(usize, MetricName)],
    groups: &[Group],
    reference: usize,
    margin: f64,
) -> Vec<Row> {
    let row = |(place, metric): &(usize, MetricName)| {
        let measured = Measured::of(report, *place, metric, groups);
        Row {
            variant: report.variants[*place].name.clone(),
            metric: metric.to_string(),
            unit: measured.unit.clone(),
            better: measured.better,
            values: measured.compared(groups, reference, margin),
        }
    };
    asked.iter().map(row).collect()
}

/// What hosts are compared in: the kind's own metrics first, then how long an operation takes, and where there is one alone, how many
/// there are a second; several take turns, so that how often each comes says nothing of it. Under an open model how many there are is
/// what was asked for, and says nothing of a host.
fn metrics(variant: &VariantReport, model: LoadModel) -> Vec<MetricName> {
    let trial = variant.trials.iter().find(|trial| trial.valid);
    let operations = trial.map(|trial| trial.operations.as_slice()).unwrap_or_default();
    let own = || operations.iter().filter(|operation| operation.name != ALL_OPERATIONS);
    let has_rate = own().count() == 1 && model != LoadModel::Open;
    let of_operation = own().flat_map(|operation| {
        let named = |measure: String, statistic: Option<&str>| MetricName {
            operation: Some(operation.name.clone()),
            measure,
            statistic: statistic.map(str::to_owned),
        };
        let metrics = operation.metrics.keys().map(move |name| named(format!("metric.{name}"), Some("mean")));
        let latencies = ["mean", "p50", "p99"].map(|statistic| named("latency".to_owned(), Some(statistic)));
        let throughput = has_rate.then(|| named("throughput".to_owned(), None));
        metrics.chain(latencies).chain(throughput).collect::<Vec<_>>()
    });
    of_operation.collect()
}

/// What several comparisons leave of each word: those that may be chance among so many become inconclusive.
fn correct(rows: &mut [Row]) {
    let mut said: Vec<&mut Compared> = rows
        .iter_mut()
        .flat_map(|row| &mut row.values)
        .filter(|compared| compared.value.says.is_some())
        .collect();
    let adjusted = benjamini_hochberg(&said.iter().map(|compared| compared.p).collect::<Vec<_>>());
    for (compared, p) in said.iter_mut().zip(adjusted) {
        if p > Level::FIVE_PERCENT.alpha() {
            compared.value.says = Some(Says::Inconclusive);
        }
    }
}

fn exit_code(rows: &[HostMetricRow], has_gap: bool) -> u8 {
    let says = |word: Says| rows.iter().flat_map(|row| &row.values).any(|value| value.says == Some(word));
    if has_gap {
        Verdict::Invalid.exit_code()
    } else if says(Says::Slower) {
        SLOWER
    } else if says(Says::Inconclusive) {
        Verdict::Inconclusive.exit_code()
    } else {
        Verdict::Supported.exit_code()
    }
}
