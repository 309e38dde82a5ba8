//! Variants against the baselines that claims name, as the claims decide it: with runs as units.

use std::collections::BTreeSet;

use shared::claim::Against;
use shared::job::Job;
use shared::run_report::{ComparisonReport, Says};

use super::Compared;
use crate::assemble::Assembled;
use crate::claims::baseline::hold;
use crate::claims::{Evidence, variants};
use crate::identical_sides;
use crate::level::{Level, Margin};

/// Compares each variant that a claim holds against a baseline with it, in the claim's metric, for each agent or pair that stands
/// alone. What cannot be compared stands there all the same, and says why.
pub(super) fn compare(assembled: &Assembled, job: &Job, level: Level) -> Vec<Compared> {
    let firsts = identical_sides::firsts(job, assembled.report.variants.len());
    let evidence = Evidence { assembled, job, level, firsts: &firsts };
    let margin = Margin::of_share(job.limits.margin).unwrap_or(Margin::NONE);
    let mut known = BTreeSet::new();
    let mut compared = Vec::new();
    for claim in &job.claims {
        let Some(Against::Baseline(name)) = claim.rule.against() else { continue };
        for variant in variants(&evidence, claim) {
            for subject in evidence.subjects(&[variant]) {
                // Several claims may say how much is too much of one and the same.
                if !known.insert((name, &claim.metric, variant, subject.clone())) {
                    continue;
                }
                let nothing = ComparisonReport {
                    metric: claim.metric.to_string(),
                    a: name.clone(),
                    b: evidence.name(variant).to_owned(),
                    agent: subject.agent(),
                    pair: subject.pair(),
                    n: 0,
                    ratio: None,
                    ci95: None,
                    says: Says::Inconclusive,
                    primary: true,
                    more_trials_needed: None,
                    fingerprint_differences: Vec::new(),
                    notes: Vec::new(),
                };
                compared.push(match hold(&evidence, claim, name, variant, &subject) {
                    Err(refused) => Compared {
                        report: ComparisonReport { notes: vec![refused.reason], ..nothing },
                        p: 1.0,
                        unit: claim.metric.unit().as_str().to_owned(),
                    },
                    Ok(held) => {
                        let found = held.ratio.found(claim.better, margin, level);
                        let report = ComparisonReport {
                            n: held.baseline.runs.len() as u64,
                            ratio: found.ratio,
                            ci95: found.ci95,
                            says: if held.is_held_back { Says::Inconclusive } else { found.says },
                            fingerprint_differences: held.differences,
                            ..nothing
                        };
                        Compared { report, p: found.p, unit: held.unit }
                    }
                });
            }
        }
    }
    compared
}
