//! What is seen at one moment: every run that was heard of lately, and what was counted of its operations.

use shared::ids::RunId;

use crate::live::counted::CountedOperation;
use crate::live::told::ToldRun;

/// One moment.
#[derive(Debug)]
pub(super) struct Sampled {
    /// When counting began, milliseconds since 1970 UTC: the coordinator's start.
    pub(super) began_ms: u64,
    /// When it was looked, likewise.
    pub(super) at_ms: u64,
    /// The runs.
    pub(super) runs: Vec<ToldRun>,
}

/// An operation of a run, at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    /// The run.
    pub(super) run: RunId,
    /// The job's name.
    pub(super) job: &'a str,
    /// The operation's name.
    pub(super) operation: &'a str,
    /// What was counted.
    pub(super) counts: &'a CountedOperation,
}

impl Sampled {
    /// Every operation of every run.
    pub(super) fn operations(&self) -> impl Iterator<Item = Counted<'_>> {
        self.runs.iter().flat_map(|ToldRun { run, names, counted }| {
            counted.operations.iter().map(|(place, counts)| Counted {
                run: *run,
                job: &names.job,
                operation: names.operation(*place),
                counts,
            })
        })
    }
}

impl Counted<'_> {
    /// What its figures are told apart by, in the order of their names.
    pub(super) fn labels(&self) -> [(&'static str, String); 3] {
        let (job, operation) = (self.job.to_owned(), self.operation.to_owned());
        [("name", job), ("operation", operation), ("run", self.run.to_string())]
    }
}
