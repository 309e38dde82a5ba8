//! What casts doubt on a verdict and does not take it away: it stands at the end of the reason.

use std::collections::BTreeMap;

use shared::finding::{FindingCode, Severity};
use shared::run_report::VariantReport;

use super::series::TAINTS;
use crate::assemble::subject::Subject;

/// What casts doubt on the valid trials of these variants, as the end of a sentence; `None`: nothing does. What makes claims
/// invalid is not repeated, and neither are sides that are the same job, which comparing claims say for themselves.
pub(super) fn of<'a>(variants: impl Iterator<Item = &'a VariantReport>, subject: &Subject) -> Option<String> {
    let trials = variants.flat_map(|variant| &variant.trials);
    let mut told: BTreeMap<FindingCode, (u64, &str)> = BTreeMap::new();
    for trial in trials.filter(|trial| trial.valid && Subject::of(trial) == *subject) {
        let mut codes: Vec<FindingCode> = Vec::new();
        let doubts = trial.findings.iter().filter(|finding| finding.severity == Severity::Suspect);
        for finding in doubts {
            let is_told_elsewhere =
                TAINTS.contains(&finding.code) || finding.code == FindingCode::IdenticalSides;
            if is_told_elsewhere || codes.contains(&finding.code) {
                continue;
            }
            codes.push(finding.code);
            told.entry(finding.code).or_insert((0, &finding.message)).0 += 1;
        }
    }
    if told.is_empty() {
        return None;
    }
    let words = told.iter().map(|(code, (trials, message))| {
        let trials = if *trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
        format!("{} in {trials} ({message})", code.as_str())
    });
    Some(format!("in doubt for {}", words.collect::<Vec<_>>().join(" and ")))
}
