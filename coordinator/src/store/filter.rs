//! Which of the stored runs a list has.

use std::collections::BTreeMap;

use shared::ids::{Name, RunId};
use shared::run_record::{RunState, RunSummary};
use shared::run_report::Verdict;

/// Which runs to list. The default lists all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SummaryFilter {
    /// Only runs of the job of this name.
    pub name: Option<Name>,
    /// Only runs that carry all of these tags.
    pub tags: BTreeMap<String, String>,
    /// Only runs that stand there.
    pub state: Option<RunState>,
    /// Only runs of which this came out.
    pub verdict: Option<Verdict>,
    /// Only runs submitted before this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most so many, the newest ones.
    pub limit: Option<usize>,
}

impl SummaryFilter {
    /// Whether a run belongs into the list, its number aside.
    pub fn admits(&self, summary: &RunSummary) -> bool {
        let is_in_time = self.before.is_none_or(|before| summary.id < before);
        let is_of_job = self.name.as_ref().is_none_or(|name| *name == summary.name);
        let is_as_wanted = self.state.is_none_or(|state| state == summary.state)
            && self.verdict.is_none_or(|verdict| verdict == summary.verdict);
        is_in_time
            && is_of_job
            && is_as_wanted
            && self.tags.iter().all(|(key, value)| summary.tags.get(key) == Some(value))
    }
}
