//! Decides what a job claims, from an assembled report and nothing else, so that it can be decided again tomorrow.
//!
//! Trials are the units, and blocks those of comparisons. Each claim is decided for each variant that it is about, and under
//! `each` and `pairs` for each agent or pair. Supporting several claims together needs no correction (intersection–union);
//! refuting any one of k does (Holm), see [`beyond_doubt`].
//!
//! Rooms: [`series`] (a metric trial by trial), [`comparable`] (whether series have ratios), [`gates`] (why a claim may be
//! invalid), [`doubts`] (what a reason warns of), [`sample`] (ratios against a factor), [`bound`], [`ratio`], [`baseline`],
//! [`scaling`] (the rules), [`words`] (figures and counts as text).

pub(crate) mod baseline;
mod beyond_doubt;
mod bound;
pub(crate) mod comparable;
mod doubts;
mod gates;
mod ratio;
pub(crate) mod sample;
mod scaling;
pub(crate) mod series;
mod words;

use std::collections::BTreeSet;

use shared::claim::{Against, Claim, Rule};
use shared::ids::VariantIndex;
use shared::job::Job;
use shared::run_report::{ClaimReport, Verdict};

use crate::assemble::Assembled;
use crate::assemble::subject::Subject;
use crate::identical_sides;
use crate::level::Level;

/// Decides every claim of a job, in file order, at an error level: 5 % unless several looks share it.
pub fn decide(assembled: &Assembled, job: &Job, level: Level) -> Vec<ClaimReport> {
    let firsts = identical_sides::firsts(job, assembled.report.variants.len());
    let evidence = Evidence { assembled, job, level, firsts: &firsts };
    let mut rulings: Vec<Ruling<'_>> =
        job.claims.iter().flat_map(|claim| rulings(&evidence, claim)).collect();
    beyond_doubt::keep(&mut rulings, level);
    rulings.into_iter().map(Ruling::report).collect()
}

/// What claims are decided from.
#[derive(Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// What was measured.
    pub(crate) assembled: &'a Assembled,
    /// Of which job.
    pub(crate) job: &'a Job,
    /// How often a verdict may be wrong.
    pub(crate) level: Level,
    /// For each variant the first one that measures the same.
    pub(crate) firsts: &'a [usize],
}

impl<'a> Evidence<'a> {
    /// The place of a variant.
    fn variant(&self, name: &str) -> Option<usize> {
        self.assembled.report.variants.iter().position(|variant| variant.name == name)
    }

    /// The name of the variant at a place.
    pub(crate) fn name(&self, variant: usize) -> &'a str {
        &self.assembled.report.variants[variant].name
    }

    /// The job that a variant ran.
    fn job_of(&self, variant: usize) -> &'a Job {
        self.job.of_variant(VariantIndex(u32::try_from(variant).unwrap_or(u32::MAX)))
    }

    /// Whose numbers the trials of some variants are; all agents together where there is no trial yet.
    pub(crate) fn subjects(&self, variants: &[usize]) -> BTreeSet<Subject> {
        let trials = variants.iter().flat_map(|place| &self.assembled.report.variants[*place].trials);
        let subjects: BTreeSet<Subject> = trials.map(Subject::of).collect();
        if subjects.is_empty() { BTreeSet::from([Subject::All]) } else { subjects }
    }
}

/// What came out of a claim about one variant and subject.
struct Ruling<'a> {
    claim: &'a Claim,
    variant: String,
    subject: Subject,
    decision: Decision,
    /// Whether it is refuted at a stricter level too; `None`: it is not refuted.
    is_refuted_at: Option<Box<dyn Fn(Level) -> bool + 'a>>,
}

/// The figures and the word.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    unit: String,
    n: u64,
    value: Option<f64>,
    ci95: Option<[f64; 2]>,
    verdict: Verdict,
    /// Why, as a sentence.
    pub(crate) reason: String,
    more_trials_needed: Option<u64>,
}

impl Decision {
    /// One that cannot be decided, whatever the figures.
    fn invalid(reason: String) -> Self {
        Self::without_figures(Verdict::Invalid, reason)
    }

    /// One of which nothing can be told yet.
    fn inconclusive(reason: String, more_trials_needed: Option<u64>) -> Self {
        Self { more_trials_needed, ..Self::without_figures(Verdict::Inconclusive, reason) }
    }

    fn without_figures(verdict: Verdict, reason: String) -> Self {
        Self { unit: String::new(), n: 0, value: None, ci95: None, verdict, reason, more_trials_needed: None }
    }
}

/// A decision, and how it fares at stricter levels where it is a refutation.
type Decided<'a> = (Decision, Option<Box<dyn Fn(Level) -> bool + 'a>>);

fn rulings<'a>(evidence: &Evidence<'a>, claim: &'a Claim) -> Vec<Ruling<'a>> {
    let ruling = |variant: &str, places: &[usize], subject: Subject, decided: Decided<'a>| {
        let (mut decision, is_refuted_at) = decided;
        let involved = places.iter().map(|place| &evidence.assembled.report.variants[*place]);
        let doubts = doubts::of(involved, &subject).filter(|_| decision.verdict != Verdict::Invalid);
        decision.reason.extend(doubts.map(|doubts| format!("; {doubts}")));
        Ruling { claim, variant: variant.to_owned(), subject, decision, is_refuted_at }
    };
    let mut rulings = Vec::new();
    if let Rule::Scaling { path, efficiency } = &claim.rule {
        for sweep in scaling::sweeps(evidence, path) {
            for subject in evidence.subjects(&sweep.variants()) {
                let decided = scaling::decide(evidence, claim, &sweep, *efficiency, &subject);
                rulings.push(ruling(&sweep.name, &sweep.variants(), subject, decided));
            }
        }
        return rulings;
    }
    for variant in variants(evidence, claim) {
        let other = match claim.rule.against() {
            Some(Against::Variant(name)) => evidence.variant(name),
            _ => None,
        };
        let places: Vec<usize> = [Some(variant), other].into_iter().flatten().collect();
        for subject in evidence.subjects(&places) {
            let decided = match (&claim.rule, other) {
                (Rule::Bound { side, limit }, _) => {
                    bound::decide(evidence, claim, variant, &subject, *side, *limit)
                }
                (_, Some(other)) => ratio::decide(evidence, claim, variant, other, &subject),
                (rule, None) => match rule.against() {
                    Some(Against::Baseline(name)) => {
                        baseline::decide(evidence, claim, name, variant, &subject)
                    }
                    _ => (against_nothing(claim), None),
                },
            };
            rulings.push(ruling(evidence.name(variant), &places, subject, decided));
        }
    }
    rulings
}

/// The variants that a claim is about: the one that it names, or each.
pub(crate) fn variants(evidence: &Evidence<'_>, claim: &Claim) -> Vec<usize> {
    match &claim.variant {
        Some(name) => evidence.variant(name).into_iter().collect(),
        None => (0..evidence.assembled.report.variants.len()).collect(),
    }
}

/// A comparison whose other side is not there.
fn against_nothing(claim: &Claim) -> Decision {
    Decision::invalid(match claim.rule.against() {
        Some(Against::Variant(name)) => format!("the run has no variant named {name:?} to compare with"),
        Some(Against::Baseline(_)) | None => "it compares with nothing".to_owned(),
    })
}

impl Ruling<'_> {
    fn report(self) -> ClaimReport {
        let Self { claim, decision, .. } = self;
        let (than, baseline) = match claim.rule.against() {
            Some(Against::Variant(name)) => (Some(name.clone()), None),
            Some(Against::Baseline(name)) => (None, Some(name.clone())),
            None => (None, None),
        };
        ClaimReport {
            text: claim.text.clone(),
            metric: claim.metric.to_string(),
            unit: decision.unit,
            rule: claim.rule.to_string(),
            variant: self.variant,
            than,
            baseline,
            agent: self.subject.agent(),
            pair: self.subject.pair(),
            n: decision.n,
            value: decision.value,
            ci95: decision.ci95,
            verdict: decision.verdict,
            reason: decision.reason,
            more_trials_needed: decision.more_trials_needed,
            severity: claim.severity,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
