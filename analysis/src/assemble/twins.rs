//! Trials that have the same measured times as another one, to the last count.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use shared::ids::AgentId;
use shared::run_record::{RunRecord, TrialRecord};

use super::cell::Cell;
use super::subject::Subject;

/// Fewer measured times may fall into the same buckets by chance; of so many, some hundred thousand pairs of trials would
/// have to be looked at until two did.
const TIMES_MIN: u64 = 50;

/// Which attempt at which trial, and whose.
type Whose = (u32, u32, Subject);

/// The twins of a run.
#[derive(Debug, Default)]
pub(super) struct Twins {
    of: BTreeMap<Whose, String>,
}

impl Twins {
    /// Finds them by digests of the raw histograms of measured times, agent by agent. `cells` finds what an agent's stored
    /// intervals of an attempt add up to.
    pub(super) fn find<'a>(
        record: &RunRecord,
        cells: &impl Fn(&TrialRecord, AgentId) -> Option<&'a Cell>,
    ) -> Self {
        let mut seen: BTreeMap<u64, Vec<Whose>> = BTreeMap::new();
        for attempt in &record.trials {
            for (subject, agents) in parts(attempt) {
                let of_attempt: Vec<&Cell> =
                    agents.iter().filter_map(|agent| cells(attempt, *agent)).collect();
                if let Some(digest) = digest(&of_attempt) {
                    seen.entry(digest).or_default().push((attempt.trial.0, attempt.attempt, subject));
                }
            }
        }
        let mut of = BTreeMap::new();
        for twins in seen.into_values().filter(|twins| twins.len() > 1) {
            for (place, whose) in twins.iter().enumerate() {
                let other = &twins[usize::from(place == 0)];
                of.insert(whose.clone(), name(record, other));
            }
        }
        Self { of }
    }

    /// The name of another trial with the same measured times; `None`: there is none.
    pub(super) fn of(&self, attempt: &TrialRecord, subject: &Subject) -> Option<&str> {
        self.of.get(&(attempt.trial.0, attempt.attempt, subject.clone())).map(String::as_str)
    }
}

/// Whose numbers an attempt holds, and by which agents.
fn parts(attempt: &TrialRecord) -> Vec<(Subject, Vec<AgentId>)> {
    if attempt.cells.is_empty() {
        return vec![(Subject::All, attempt.agents.iter().map(|part| part.id).collect())];
    }
    attempt.cells.iter().map(|cell| (Subject::from(cell), vec![cell.agent])).collect()
}

/// `None`: too little was measured to tell twins from chance.
fn digest(cells: &[&Cell]) -> Option<u64> {
    let tallies = || cells.iter().flat_map(|cell| cell.tallies());
    let times = tallies().fold(0_u64, |sum, tally| sum.saturating_add(tally.times()));
    if times < TIMES_MIN {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    cells.len().hash(&mut hasher);
    tallies().for_each(|tally| tally.digest_times(&mut hasher));
    Some(hasher.finish())
}

/// A trial as people count them: `trial 3 of new`.
fn name(record: &RunRecord, (trial, attempt, subject): &Whose) -> String {
    let planned = record.plan.trials.iter().find(|planned| planned.index.0 == *trial);
    let block = planned.map_or(*trial, |planned| planned.block);
    let variant = planned.and_then(|planned| record.plan.variants.get(planned.variant.0 as usize));
    let variant = variant
        .filter(|_| record.plan.variants.len() > 1)
        .map_or_else(String::new, |variant| format!(" of {}", variant.name));
    let whose = match subject {
        Subject::All => String::new(),
        Subject::Agent(agent) => format!(" on {agent}"),
        Subject::Pair(pair) => format!(" on {pair}"),
    };
    let attempt = if *attempt > 0 { format!(", attempt {}", attempt + 1) } else { String::new() };
    format!("trial {}{variant}{whose}{attempt}", block + 1)
}
