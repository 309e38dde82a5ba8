//! The limit on open files: raised to what the host allows, and checked against the workers asked for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::workload::PrepareError;

/// Files that the agent itself may have open beside its workers': streams to the coordinator, the outbox,
/// `/proc`, epoll and timers of each thread. Measured well below 100; doubled.
const OWN_FILES: u64 = 200;

/// Raises the soft limit to the hard one and refuses more workers than it leaves room for, at one file for each of their
/// workloads.
pub(super) fn make_room_for(workers: u32, workloads: usize) -> Result<(), PrepareError> {
    let limit = getrlimit(Resource::Nofile);
    let mut available = limit.current;
    if limit.current != limit.maximum {
        match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
            Ok(()) => available = limit.maximum,
            // Not fatal: what matters is whether the limit as it stands is enough.
            Err(error) => tracing::debug!(%error, "the limit on open files could not be raised"),
        }
    }
    check(workers, workloads, available)
}

/// `available`: `None` means without limit.
fn check(workers: u32, workloads: usize, available: Option<u64>) -> Result<(), PrepareError> {
    let needed = u64::from(workers).saturating_mul(workloads as u64).saturating_add(OWN_FILES);
    match available {
        Some(available) if available < needed => Err(PrepareError(format!(
            "{workers} workers need {needed} open files, and this agent may open {available}: \
             raise its limit (ulimit -n, LimitNOFILE=) or use fewer workers"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_workers_than_open_files_are_refused_with_both_numbers() {
        let refusal = check(1_000, 1, Some(1_024)).unwrap_err().to_string();
        assert!(refusal.contains("1200 open files") && refusal.contains("may open 1024"), "{refusal}");
        assert_eq!(check(1_000, 1, Some(1_200)), Ok(()));
        assert_eq!(check(1_000, 1, None), Ok(()));
    }
}
