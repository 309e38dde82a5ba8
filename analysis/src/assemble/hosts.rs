//! How the hosts of one attempt fared: agents that share a host are no strangers to each other.

use std::collections::BTreeMap;

use shared::host::HostMetric;
use shared::ids::AgentId;
use shared::run_record::{AgentPart, TrialRecord};
use shared::run_report::Scalar;

use super::cell::Cell;

/// A host's metrics over the window, by name.
pub(super) type Figures = BTreeMap<String, Scalar>;

/// What each agent of an attempt tells of its host.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_agent: BTreeMap<AgentId, Figures>,
}

impl Hosts {
    /// What all agents of an attempt tell, observers included. `cells` finds what an agent's stored intervals add up to.
    pub(super) fn of<'a>(attempt: &TrialRecord, cells: &impl Fn(AgentId) -> Option<&'a Cell>) -> Self {
        let parts: Vec<&AgentPart> = attempt.agents.iter().chain(&attempt.observers).collect();
        let told = |part: &&AgentPart| Some((part.id, cells(part.id)?.host()));
        let by_agent: BTreeMap<AgentId, Figures> = parts.iter().filter_map(told).collect();
        let mut hosts = Self { by_agent: by_agent.clone() };
        for part in &parts {
            let neighbours = parts.iter().filter(|other| is_neighbour(part, other));
            let neighbours: Vec<&Figures> = neighbours.filter_map(|it| by_agent.get(&it.id)).collect();
            if let Some(figures) = hosts.by_agent.get_mut(&part.id) {
                spare(figures, &neighbours, f64::from(part.fingerprint.cpus_online.unwrap_or(1).max(1)));
            }
        }
        hosts
    }

    /// What an agent tells; nothing when none of its intervals is stored.
    pub(super) fn of_agent(&self, agent: AgentId) -> Figures {
        self.by_agent.get(&agent).cloned().unwrap_or_default()
    }
}

/// Whether two agents are on one host: that of one boot.
fn is_neighbour(part: &AgentPart, other: &AgentPart) -> bool {
    let boot = |part: &AgentPart| part.fingerprint.boot_id.clone();
    part.id != other.id && boot(part).is_some() && boot(part) == boot(other)
}

/// Cores that something used over the window.
#[derive(Debug, Clone, Copy, Default)]
struct Cores {
    mean: f64,
    min: f64,
    max: f64,
}

impl Cores {
    fn told(figures: &Figures, metric: HostMetric) -> Self {
        figures.get(metric.name()).map_or_else(Self::default, |it| Self {
            mean: it.mean,
            min: it.min,
            max: it.max,
        })
    }

    fn and(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, min: self.min + other.min, max: self.max + other.max }
    }

    /// What is left without the other. Their extremes need not be of one second: the difference's are bounds.
    fn without(self, other: Self) -> Self {
        Self { mean: self.mean - other.mean, min: self.min - other.max, max: self.max - other.min }
    }

    fn least(self, other: Self) -> Self {
        Self { mean: self.mean.min(other.mean), min: self.min.min(other.min), max: self.max.min(other.max) }
    }
}

/// The cores that an agent and what it started used; what it only observes is not in them.
fn own(figures: &Figures) -> Cores {
    let all = Cores::told(figures, HostMetric::AgentCpu).and(Cores::told(figures, HostMetric::WorkloadCpu));
    all.without(Cores::told(figures, HostMetric::ProcessApart))
}

/// Takes the cores of neighbours out of what an agent found foreign. A process that several of them observe is in what each
/// counts as its own, and is taken out once: not at all here when one of the neighbours started it.
fn spare(figures: &mut Figures, neighbours: &[&Figures], cpus: f64) {
    let observed = Cores::told(figures, HostMetric::ProcessApart);
    let observed_by_all = neighbours
        .iter()
        .fold(observed, |least, other| least.least(Cores::told(other, HostMetric::ProcessApart)));
    let theirs = neighbours.iter().fold(Cores::default(), |sum, other| sum.and(own(other)));
    let spared = theirs.without(observed.without(observed_by_all));
    if let Some(foreign) = figures.get_mut(HostMetric::ForeignCpu.name()) {
        let without = |share: f64, cores: f64| (share - cores / cpus).max(0.0);
        foreign.mean = without(foreign.mean, spared.mean);
        (foreign.min, foreign.max) = (without(foreign.min, spared.max), without(foreign.max, spared.min));
    }
}
