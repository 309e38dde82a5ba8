//! What an agent says that does not do what it is told.

use shared::ids::TrialKey;

use super::super::{Order, Statement};

/// What an agent says that does not run programs for strangers.
pub(super) fn refusal(order: &Order) -> Option<Statement> {
    let reason =
        "this agent does not run programs for [target] and [hooks]; start it with --allow command".to_owned();
    match order {
        Order::ReservePort(trial) | Order::StartTarget { trial, .. } => {
            Some(refused(Statement::TargetFailed(*trial, reason)))
        }
        Order::RunHook { trial, hook, .. } => Some(refused(Statement::HookDone(*trial, *hook, Some(reason)))),
        Order::Profile { trial, .. } => Some(Statement::Profiled(
            *trial,
            Some("this agent does not run profilers; start it with --allow command".to_owned()),
        )),
        _ => None,
    }
}

/// A failure that the agent's own policy brought about.
pub(super) fn refused(failure: Statement) -> Statement {
    Statement::Refused(Box::new(failure))
}

/// What it says of a trial that it does not hold.
pub(super) fn no_such_trial(trial: TrialKey) -> Statement {
    Statement::Failed(trial, "the agent holds no such trial".to_owned(), 0)
}
