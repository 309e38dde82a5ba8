//! Looks at a run before its plan is done: whether more blocks could still settle something, and what is decided where a look ended
//! the run.

use shared::claim::Claim;
use shared::job::Job;
use shared::plan::looks::{Look, LookKind};
use shared::run_record::{LookOutcome, Looked, RunRecord};
use shared::run_report::{ClaimReport, LookReport, Verdict};

use crate::assemble::Assembled;
use crate::level::Level;
use crate::{claims, search};

/// What comes of a look at what is stored so far.
pub fn outcome(assembled: &Assembled, job: &Job, look: &Look) -> LookOutcome {
    if let Some(search) = &job.search {
        return search::outcome(assembled, job, search);
    }
    let level = level_of(look.alpha);
    let ends = |claim: &Claim| claim.ends_run;
    if claims::decide(assembled, &with_claims(job, ends), level).iter().any(is_refuted) {
        return LookOutcome::Refuted;
    }
    let is_decided = |claim: &ClaimReport| claim.verdict != Verdict::Inconclusive;
    match look.kind {
        LookKind::Decide if claims::decide(assembled, job, level).iter().all(is_decided) => {
            LookOutcome::Settled
        }
        LookKind::Decide | LookKind::Abort | LookKind::Search => LookOutcome::GoOn,
    }
}

/// Decides the claims of a run, each look and its end with its own part of the chance of an error.
///
/// Where a refuted claim ended the run, the others are not decided: more blocks would have come.
pub fn decide(assembled: &Assembled, job: &Job, record: &RunRecord) -> Vec<ClaimReport> {
    let level = level(job, record);
    let Some(looked) = ended(record).filter(|looked| looked.outcome == LookOutcome::Refuted) else {
        return claims::decide(assembled, job, level);
    };
    let mut ending = claims::decide(assembled, &with_claims(job, |claim| claim.ends_run), level).into_iter();
    let mut decided = Vec::new();
    for claim in &job.claims {
        let alone = claims::decide(assembled, &with_claims(job, |other| std::ptr::eq(other, claim)), level);
        decided.extend(alone.into_iter().map(|alone| match claim.ends_run {
            // Decided together with the others that end it: each may look refuted by chance.
            true => ending.next().filter(is_refuted).unwrap_or_else(|| undecided(alone, looked.look.blocks)),
            false => undecided(alone, looked.look.blocks),
        }));
    }
    decided
}

/// How often what is decided at the end of a run may be wrong: at the look that ended it, or else when its plan is done.
pub fn level(job: &Job, record: &RunRecord) -> Level {
    level_of(ended(record).map_or_else(|| job.looks().deciding_alpha(), |looked| looked.look.alpha))
}

/// The same of a run whose report alone is there.
pub fn level_of_report(job: &Job, looks: &[LookReport]) -> Level {
    let ends = [LookOutcome::Settled, LookOutcome::Refuted].map(|outcome| outcome.as_str());
    let ended = looks.last().filter(|look| ends.contains(&look.outcome.as_str()));
    level_of(ended.map_or_else(|| job.looks().deciding_alpha(), |look| look.alpha))
}

fn ended(record: &RunRecord) -> Option<&Looked> {
    record.looks.last().filter(|looked| looked.outcome.ends_run())
}

/// A claim of a run that another one ended.
fn undecided(claim: ClaimReport, blocks: u32) -> ClaimReport {
    match claim.verdict {
        Verdict::Invalid => claim,
        _ => ClaimReport {
            verdict: Verdict::Inconclusive,
            reason: format!(
                "not decided: aborted after {blocks} blocks, since another claim was refuted; until then: {}",
                claim.reason
            ),
            more_trials_needed: None,
            ..claim
        },
    }
}

fn is_refuted(claim: &ClaimReport) -> bool {
    claim.verdict == Verdict::Refuted
}

fn with_claims(job: &Job, is_meant: impl Fn(&Claim) -> bool) -> Job {
    Job { claims: job.claims.iter().filter(|claim| is_meant(claim)).cloned().collect(), ..job.clone() }
}

fn level_of(alpha: f64) -> Level {
    Level::new(alpha).unwrap_or(Level::FIVE_PERCENT)
}
