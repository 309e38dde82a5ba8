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
            let others =
                parts.iter().filter(|other| is_neighbour(part, other)).filter_map(|it| by_agent.get(&it.id));
            let used = others.fold([0.0; 3], |[mean, min, max], other| {
                let [own_mean, own_min, own_max] = own_cores(other);
                [mean + own_mean, min + own_min, max + own_max]
            });
            if let Some(figures) = hosts.by_agent.get_mut(&part.id) {
                spare(figures, used, f64::from(part.fingerprint.cpus_online.unwrap_or(1).max(1)));
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

/// The cores that an agent and its workload used: mean, least, most.
fn own_cores(figures: &Figures) -> [f64; 3] {
    let metrics = [HostMetric::AgentCpu, HostMetric::WorkloadCpu];
    let known = metrics.iter().filter_map(|metric| figures.get(metric.name()));
    known.fold([0.0; 3], |[mean, min, max], it| [mean + it.mean, min + it.min, max + it.max])
}

/// Takes the cores of neighbours out of what an agent found foreign. Their seconds are not its own: the extremes are bounds.
fn spare(figures: &mut Figures, [mean, min, max]: [f64; 3], cpus: f64) {
    if let Some(foreign) = figures.get_mut(HostMetric::ForeignCpu.name()) {
        let without = |share: f64, cores: f64| (share - cores / cpus).max(0.0);
        foreign.mean = without(foreign.mean, mean);
        (foreign.min, foreign.max) = (without(foreign.min, max), without(foreign.max, min));
    }
}
