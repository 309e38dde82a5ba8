//! What a stored interval belongs to: its variant, its place in the plan, its agent, and whether it counts.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{AgentId, AgentName, TrialIndex, VariantIndex};
use shared::interval::Interval;
use shared::run_record::RunRecord;
use shared::run_report::RunReport;

/// One attempt at a trial, as far as an export tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// Its variant's place in the plan.
    pub variant_index: VariantIndex,
    /// Name of its variant.
    pub variant: &'a str,
    /// Its block, from 0.
    pub block: u32,
    /// Its place in the block, from 0.
    pub order: u32,
    /// Whether all of it counts.
    pub is_valid: bool,
    /// When it was started, milliseconds since 1970 UTC; `None` when it was not.
    pub started_at_ms: Option<u64>,
    agents: BTreeMap<AgentId, &'a AgentName>,
    /// Agents that stand apart and whose part does not count.
    invalid: BTreeSet<AgentId>,
}

impl<'a> Attempt<'a> {
    /// Whether what an agent measured counts.
    pub fn counts(&self, agent: AgentId) -> bool {
        if self.invalid.is_empty() { self.is_valid } else { !self.invalid.contains(&agent) }
    }

    /// Names of agents that stand apart and whose part does not count, though that of others may.
    pub fn left_out(&self) -> impl Iterator<Item = &'a AgentName> + '_ {
        self.invalid.iter().filter_map(|id| self.agent(*id))
    }

    /// The name of an agent that took part.
    pub fn agent(&self, id: AgentId) -> Option<&'a AgentName> {
        self.agents.get(&id).copied()
    }
}

/// Where an attempt stands in a report: variant, block, order and attempt.
type Place<'a> = (&'a str, u32, u32, u32);

/// What a report says of an attempt: whether all of it counts, and whose part does not.
#[derive(Debug, Clone, Default)]
struct Judgement {
    is_valid: bool,
    invalid: BTreeSet<AgentId>,
}

/// Every attempt of a run, by trial and attempt number.
#[derive(Debug)]
pub struct Attempts<'a> {
    by_number: BTreeMap<(TrialIndex, u32), Attempt<'a>>,
}

impl<'a> Attempts<'a> {
    /// Joins the record, which knows times and agents, with the report, which knows what counts.
    pub fn new(record: &'a RunRecord, report: &'a RunReport) -> Self {
        let variants = report.variants.iter();
        let trials = variants
            .flat_map(|variant| variant.trials.iter().map(move |trial| (variant.name.as_str(), trial)));
        let mut known: BTreeMap<Place<'_>, Judgement> = BTreeMap::new();
        for (variant, trial) in trials {
            let place = (variant, trial.block, trial.order, trial.attempt);
            let judgement =
                known.entry(place).or_insert(Judgement { is_valid: true, invalid: BTreeSet::new() });
            judgement.is_valid &= trial.valid;
            if !trial.valid && (trial.agent.is_some() || trial.pair.is_some()) {
                judgement.invalid.extend(trial.agents.iter().map(|agent| agent.id));
            }
        }
        let planned: BTreeMap<TrialIndex, _> =
            record.plan.trials.iter().map(|planned| (planned.index, planned)).collect();
        let by_number = record.trials.iter().filter_map(|attempt| {
            let planned = planned.get(&attempt.trial)?;
            let variant = record.plan.variants.get(planned.variant.0 as usize)?.name.as_str();
            let place = (variant, planned.block, planned.order, attempt.attempt);
            let Judgement { is_valid, invalid } = known.get(&place).cloned().unwrap_or_default();
            let attempted = Attempt {
                variant_index: planned.variant,
                variant,
                block: planned.block,
                order: planned.order,
                is_valid,
                invalid,
                started_at_ms: attempt.started_at_ms,
                agents: attempt.agents.iter().map(|part| (part.id, &part.name)).collect(),
            };
            Some(((attempt.trial, attempt.attempt), attempted))
        });
        Self { by_number: by_number.collect() }
    }

    /// What an interval belongs to; `None` for one that the record does not know, which no report counts.
    pub fn of(&self, interval: &Interval) -> Option<(&Attempt<'a>, &'a AgentName)> {
        let attempt = self.by_number.get(&(interval.trial.trial, interval.trial.attempt))?;
        Some((attempt, attempt.agent(interval.agent)?))
    }

    /// Every attempt, in the order of the plan.
    pub fn iter(&self) -> impl Iterator<Item = (TrialIndex, u32, &Attempt<'a>)> {
        self.by_number.iter().map(|((trial, attempt), known)| (*trial, *attempt, known))
    }

    /// When the first trial of the run started, milliseconds since 1970 UTC.
    pub fn first_start_ms(&self) -> Option<u64> {
        self.by_number.values().filter_map(|attempt| attempt.started_at_ms).min()
    }
}
