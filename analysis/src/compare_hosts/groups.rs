//! Who belongs together: each agent by itself, or those that share a label's value.

use std::collections::{BTreeMap, BTreeSet};

use shared::finding::Severity;
use shared::host_comparison::{COST_LABEL, GroupFinding, HostGroup};
use shared::ids::AgentName;
use shared::run_report::{HostReport, RunReport, TrialReport};

use super::HostsError;

/// The agents whose figures are one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// The agent's name, or the label's value.
    pub(super) name: String,
    /// Its agents, by name.
    pub(super) agents: Vec<AgentName>,
    /// What an hour of one of its hosts costs; `None`: not everybody says so.
    pub(super) cost_per_hour: Option<f64>,
}

/// The groups of a run by name, and what is to be known of them.
///
/// # Errors
/// When there is nobody, or nobody who has the label.
pub(super) fn of(report: &RunReport, label: Option<&str>) -> Result<(Vec<Group>, Vec<String>), HostsError> {
    let hosts: BTreeMap<&AgentName, &HostReport> =
        report.hosts.iter().filter(|host| !host.observer).map(|host| (&host.agent, host)).collect();
    if hosts.is_empty() {
        return Err(HostsError::NoHost);
    }
    let mut by_name: BTreeMap<&str, Vec<&HostReport>> = BTreeMap::new();
    let mut without = Vec::new();
    for (agent, host) in &hosts {
        match label.map(|label| host.labels.get(label)) {
            None => by_name.entry(agent.as_str()).or_default().push(host),
            Some(Some(value)) => by_name.entry(value).or_default().push(host),
            Some(None) => without.push(agent.as_str()),
        }
    }
    let label = label.unwrap_or_default();
    if by_name.is_empty() {
        let known: BTreeSet<&str> =
            hosts.values().flat_map(|host| host.labels.keys()).map(String::as_str).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.into_iter().collect::<Vec<_>>().join(", ")
        };
        return Err(HostsError::NoLabel { label: label.to_owned(), known });
    }
    let notes = if without.is_empty() {
        Vec::new()
    } else {
        vec![format!("left out for want of the label {label}: {}", without.join(", "))]
    };
    let group = |(name, hosts): (&str, Vec<&HostReport>)| Group {
        name: name.to_owned(),
        agents: hosts.iter().map(|host| host.agent.clone()).collect(),
        cost_per_hour: cost(&hosts),
    };
    Ok((by_name.into_iter().map(group).collect(), notes))
}

/// The mean of what hosts cost, if each says so by a number above zero.
fn cost(hosts: &[&HostReport]) -> Option<f64> {
    let of_host = |host: &&HostReport| {
        let cost: f64 = host.labels.get(COST_LABEL)?.parse().ok()?;
        (cost.is_finite() && cost > 0.0).then_some(cost)
    };
    let costs: Vec<f64> = hosts.iter().map(of_host).collect::<Option<_>>()?;
    crate::student::mean(&costs)
}

impl Group {
    /// Whether each of its agents has a trial that counts, in every variant.
    pub(super) fn has_valid_trial(&self, report: &RunReport) -> bool {
        let has = |agent: &AgentName| {
            let of_agent = |trial: &&TrialReport| trial.valid && trial.agent.as_ref() == Some(agent);
            report.variants.iter().all(|variant| variant.trials.iter().any(|trial| of_agent(&trial)))
        };
        self.agents.iter().all(has)
    }

    /// The group as it is told.
    pub(super) fn told(&self, report: &RunReport) -> HostGroup {
        let trials = report.variants.iter().flat_map(|variant| &variant.trials);
        let own: Vec<&TrialReport> = trials
            .filter(|trial| trial.agent.as_ref().is_some_and(|agent| self.agents.contains(agent)))
            .collect();
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for trial in &own {
            let doubts = trial.findings.iter().filter(|finding| finding.severity != Severity::Note);
            let codes: BTreeSet<&'static str> = doubts.map(|finding| finding.code.as_str()).collect();
            codes.into_iter().for_each(|code| *counts.entry(code).or_default() += 1);
        }
        let of = own.len() as u64;
        let finding = |(code, trials): (&str, u64)| GroupFinding { code: code.to_owned(), trials, of };
        HostGroup {
            name: self.name.clone(),
            agents: self.agents.clone(),
            cost_per_hour: self.cost_per_hour,
            findings: counts.into_iter().map(finding).collect(),
        }
    }
}
