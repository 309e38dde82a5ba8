//! What can be varied: paths of the sections that `set`, `[sweep]` and `[search]` reach.

use super::super::error::{Findings, JobError, proposal, quoted};
use super::super::node::Node;

/// Sections that can be varied.
const REACHABLE: [&str; 7] = ["workload", "workloads", "load", "data", "params", "target", "observe"];
/// What in them is the same for all variants, and why.
const FIXED: [(&str, &str); 2] = [
    ("load.trials", "every block measures each variant once"),
    ("load.seed", "one seed decides all of a run"),
];

/// Most paths of one `set` or of `[sweep]`: more than any job has keys worth varying together.
pub(super) const PATHS_MAX: usize = 64;

/// Checks the paths of a `set` or of `[sweep]`.
pub(super) fn check_paths(set: &Node<'_>, findings: &mut Findings) {
    if set.entries().count() > PATHS_MAX {
        return findings.push(set.key_error(format!("expected at most {PATHS_MAX} paths")));
    }
    for (path, entry) in set.entries() {
        let mut error = entry.key_error("");
        if entry.value().is_table() && !path.contains('.') {
            error.help =
                Some("write the whole path as one key in quotation marks: \"load.workers\"".to_owned());
        }
        check_path(path, error, findings);
        if entry.value().as_array().is_some_and(|values| values.is_empty()) {
            findings.push(entry.error("expected at least one value"));
        }
    }
}

/// Checks one path; `error` says where it stands, with advice where it is no path.
pub(in crate::job) fn check_path(path: &str, error: JobError, findings: &mut Findings) {
    let section = path.split('.').next().unwrap_or_default();
    let is_fixed = |(fixed, _): &&(&str, &str)| is_within(path, fixed);
    if !REACHABLE.contains(&section) {
        let message = format!("{} cannot be varied", quoted(path));
        let help = proposal(section, REACHABLE.iter().copied());
        findings.push(JobError { message, help, ..error });
    } else if error.help.is_some() {
        findings.push(JobError { message: format!("{} is no path to a value", quoted(path)), ..error });
    } else if let Some((_, why)) = FIXED.iter().find(is_fixed) {
        let message = format!("{} cannot be varied: {why}", quoted(path));
        findings.push(JobError { message, ..error });
    }
}

/// Whether a path leads to another one's value, or into it.
pub(super) fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
