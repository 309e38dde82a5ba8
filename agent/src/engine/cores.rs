//! The cores that load threads are bound to, when a job asks for it.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::workload::PrepareError;

/// A core for each of so many load threads, out of those that this process may use. The first is left to the rest of the
/// agent as long as there are enough.
///
/// # Errors
/// When there are fewer cores than threads, or they cannot be read.
pub(super) fn for_threads(threads: usize) -> Result<Vec<usize>, PrepareError> {
    let allowed = sched_getaffinity(None).map_err(|error| {
        PrepareError(format!("load.pin: the cores of this process cannot be read: {error}"))
    })?;
    let mut cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    if cores.len() < threads {
        return Err(PrepareError(format!(
            "load.pin: {threads} load threads need a core each, and this agent may use {}: lower load.threads",
            cores.len()
        )));
    }
    Ok(cores.split_off(cores.len() - threads))
}

/// Binds the calling thread to a core.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn bind_to(core: usize) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_thread_runs_on_its_core_and_nobody_else_is_bound() {
        let core = for_threads(1).unwrap()[0];
        let bound = std::thread::spawn(move || {
            bind_to(core).unwrap();
            for_threads(1).unwrap()
        });
        assert_eq!(bound.join().unwrap(), [core]);
        assert!(for_threads(std::thread::available_parallelism().unwrap().get()).is_ok());
    }

    #[test]
    fn more_threads_than_cores_are_refused_with_both_numbers() {
        let error = for_threads(CpuSet::MAX_CPU + 1).unwrap_err().to_string();
        assert!(
            error.contains("load threads need a core each") && error.contains("lower load.threads"),
            "{error}"
        );
    }
}
