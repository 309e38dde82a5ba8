//! What must hold of any text that says it is a job file.

use std::collections::BTreeMap;

use shared::job::{Kinds, confidences, parse};
use shared::plan::Plan;

/// Panics unless the text is refused with words, or is a job that can be planned and whose templates can be filled in or say
/// why not.
pub fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let confidences = confidences::of_job(text);
    let job = match parse(text, Kinds::Unchecked) {
        Ok(job) => job,
        Err(errors) => return assert!(!errors.to_string().is_empty()),
    };
    let plan = Plan::of(&job, 1);
    assert!(!plan.trials.is_empty(), "a job has trials");
    let known = ["target.host", "target.port", "peer.host"].map(|name| (name.to_owned(), "1".to_owned()));
    let Ok(resolved) = job.resolved(&BTreeMap::from(known)) else { return };
    let words = resolved.target.iter().flat_map(|target| &target.start);
    for word in words {
        let named = confidences::of_text(word);
        assert!(named.secrets.is_subset(&confidences.secrets), "what is left to fill in is known before");
        assert!(named.variables.is_subset(&confidences.variables));
    }
}
