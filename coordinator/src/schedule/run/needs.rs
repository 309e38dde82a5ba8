//! Which agents a run asks for.

use shared::job::Job;
use shared::secret::Confidential;

use crate::fleet::Need;

/// What a job needs of the fleet.
pub(in crate::schedule) fn need(job: &Job, reservation: Option<&str>, confidential: &Confidential) -> Need {
    let hooks = &job.hooks;
    let has_hooks = [&hooks.before_run, &hooks.before_trial, &hooks.after_trial, &hooks.after_run]
        .iter()
        .any(|hooks| hooks.iter().any(|hook| !hook.command.is_empty()));
    Need {
        agents: job.fleet.agents,
        at_least: job.fleet.placement.agents_min(),
        named: None,
        selector: job.fleet.selector.clone(),
        observers: job.fleet.observers.clone(),
        kinds: job.each_variant().flat_map(|variant| variant.workload.kinds().map(str::to_owned)).collect(),
        runs_programs: has_hooks || job.each_variant().any(|variant| variant.target.is_some()),
        takes_secrets: !confidential.secrets.is_empty(),
        reservation: reservation.map(ToOwned::to_owned),
    }
}
