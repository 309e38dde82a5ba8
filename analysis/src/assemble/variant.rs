//! One variant: its attempts in the order they ran, and its valid trials merged.

use std::collections::BTreeMap;

use shared::histogram::EncodedHistogram;
use shared::job::Job;
use shared::plan::Variant;
use shared::run_report::{AgentTotals, VariantReport};

use super::Place;
use super::subject::Subject;
use super::tally::Tally;
use super::trial::{AgentSum, AssembledTrial, Operations};
use crate::estimate;

/// A variant while its trials are being added up.
pub(super) struct VariantSum {
    /// Its report so far: the trials.
    pub(super) report: VariantReport,
    tallies: Vec<Tally>,
    window_ns: u64,
    agents: Vec<AgentSum>,
}

impl VariantSum {
    /// A variant without trials.
    pub(super) fn new(variant: &Variant) -> Self {
        let report = VariantReport {
            name: variant.name.clone(),
            parameters: variant.parameters.clone(),
            trials: Vec::new(),
            operations: Vec::new(),
            agents: Vec::new(),
            estimates: Vec::new(),
        };
        Self { report, tallies: Vec::new(), window_ns: 0, agents: Vec::new() }
    }

    /// Adds an attempt; only a valid one is merged, and into all of them only where agents shared the load.
    pub(super) fn add(
        &mut self,
        variant: usize,
        trial: AssembledTrial,
        latencies: &mut BTreeMap<Place, EncodedHistogram>,
    ) {
        let place = Place { variant, trial: Some(self.report.trials.len()), agent: None, operation: 0 };
        keep(latencies, place, trial.latencies);
        for (agent, of_agent) in trial.agent_latencies.into_iter().enumerate() {
            keep(latencies, Place { agent: Some(agent), ..place }, of_agent);
        }
        if trial.report.valid && Subject::of(&trial.report) == Subject::All {
            self.tallies.resize_with(trial.tallies.len(), Tally::default);
            for (sum, tally) in self.tallies.iter_mut().zip(&trial.tallies) {
                sum.merge(tally);
                sum.pack();
            }
            self.window_ns = self.window_ns.saturating_add(trial.window_ns);
        }
        if trial.report.valid {
            trial.agent_sums.into_iter().for_each(|sum| self.add_agent(sum));
        }
        self.report.trials.push(trial.report);
    }

    fn add_agent(&mut self, of_trial: AgentSum) {
        match self
            .agents
            .iter_mut()
            .find(|agent| (&agent.name, &agent.pair) == (&of_trial.name, &of_trial.pair))
        {
            Some(agent) => {
                for (sum, tally) in agent.tallies.iter_mut().zip(&of_trial.tallies) {
                    sum.merge(tally);
                    sum.pack();
                }
                agent.window_ns = agent.window_ns.saturating_add(of_trial.window_ns);
            }
            None => self.agents.push(of_trial),
        }
    }

    /// Its report.
    pub(super) fn report(
        mut self,
        variant: usize,
        job: &Job,
        latencies: &mut BTreeMap<Place, EncodedHistogram>,
    ) -> VariantReport {
        let mut report = self.report;
        if !self.tallies.is_empty() {
            let merged = Operations::of(job, &self.tallies, self.window_ns);
            keep(latencies, Place { variant, trial: None, agent: None, operation: 0 }, merged.latencies);
            report.operations = merged.reports;
        }
        // Agents that are merged into nothing have only this.
        let stand_alone = self.tallies.is_empty();
        if self.agents.len() > 1 || stand_alone {
            if stand_alone {
                self.agents.sort_by(|one, other| (&one.name, &one.pair).cmp(&(&other.name, &other.pair)));
            }
            for (number, agent) in self.agents.into_iter().enumerate() {
                let merged = Operations::of(job, &agent.tallies, agent.window_ns);
                if stand_alone {
                    let place = Place { variant, trial: None, agent: Some(number), operation: 0 };
                    keep(latencies, place, merged.latencies);
                }
                report.agents.push(AgentTotals {
                    name: agent.name,
                    pair: agent.pair,
                    operations: merged.reports,
                });
            }
        }
        report.estimates = estimate::estimates(&report.trials);
        report
    }
}

/// Keeps the histograms of one list of operations, the first of which stands at `place`.
fn keep(latencies: &mut BTreeMap<Place, EncodedHistogram>, place: Place, operations: Vec<EncodedHistogram>) {
    latencies.extend(
        operations.into_iter().enumerate().map(|(operation, of_it)| (Place { operation, ..place }, of_it)),
    );
}
